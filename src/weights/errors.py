"""The errors Weights raises; every one says what was needed, what came, and what to do.

WeightsError                 anything Weights refuses to do           exit code 1
├── UsageError (ValueError)  an option or argument that cannot be     exit code 2
├── DataError (ValueError)   data that cannot be used as asked        exit code 3
│   └── TooLargeError        data that do not fit into memory         exit code 3
├── NotFoundError (LookupError)  a file, column or run that is not there  exit code 4
├── StorageError (OSError)   a disk that is full, read-only or failing  exit code 5
├── CorruptError (ValueError)    a saved folder that is damaged       exit code 6
├── TrainingError (RuntimeError) no member could be trained           exit code 1
└── Interrupted              stopped on request, checkpoint written   exit code 130

The two most used are `DataError` and `UsageError`; `RowsWarning` is the one warning. `suggest` adds a did-you-mean, `printable` makes
text safe to show.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


class WeightsError(Exception):
    """Base of all errors raised by Weights."""

    exit_code = 1


class UsageError(WeightsError, ValueError):
    """An option, argument or setting has a value it cannot have."""

    exit_code = 2


class DataError(WeightsError, ValueError):
    """The data cannot be used as asked."""

    exit_code = 3


class TooLargeError(DataError):
    """The data, or what would be made of them, do not fit into the memory that may be used."""


class NotFoundError(WeightsError, LookupError):
    """A file, column, run or example was named that does not exist."""

    exit_code = 4


class StorageError(WeightsError, OSError):
    """The disk is full, read-only or failing, or may not be used."""

    exit_code = 5


class CorruptError(WeightsError, ValueError):
    """A saved folder is damaged, truncated or not what it claims to be."""

    exit_code = 6


class TrainingError(WeightsError, RuntimeError):
    """Training produced nothing usable: every member failed."""


class Interrupted(WeightsError):  # noqa: N818 (it is no fault)
    """Training was stopped on request after finishing the work in hand."""

    exit_code = 130


class RowsWarning(UserWarning):
    """Rows were answered that training did not prepare for: they hold levels or lack values as no training row did."""


def suggest(wrong: str, known: Iterable[str], *, most: int = 6) -> str:
    """What to do about a name nobody knows: the nearest known one, or the list.

    Example:
        >>> suggest("incom", ["age", "income"])
        "Did you mean 'income'?"
        >>> suggest("zzz", ["age", "income"])
        'Known: age, income.'
    """
    names = [str(name) for name in known]
    lowered = {name.lower(): name for name in names}
    close = difflib.get_close_matches(wrong.lower(), lowered, n=1)
    if close:
        return f"Did you mean '{lowered[close[0]]}'?"
    more = f", ... ({len(names) - most} more)" if len(names) > most else ""
    return f"Known: {', '.join(names[:most])}{more}."


def listed(names: Sequence[str], most: int) -> str:
    """Names one behind the other, and how many there are beyond `most`.

    Example:
        >>> listed(["a", "b", "c"], 2)
        'a, b and 1 more'
    """
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its words in the singular or the plural, which adds an s if it is not given.

    Example:
        >>> counted(1, "step"), counted(1_200, "step"), counted(2, "series was", "series were")
        ('1 step', '1,200 steps', '2 series were')
    """
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def printable(text: str) -> str:
    """Text from the outside on one line and without what would steer a terminal: control characters are spelled out.

    Example:
        >>> printable("a\\nb")
        'a\\\\nb'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def abridged(text: str, most: int = 60) -> str:
    """The text, or its beginning if it is longer than so many characters.

    Example:
        >>> abridged("a long story", 7)
        'a long…'
    """
    return text if len(text) <= most else f"{text[: most - 1]}…"
