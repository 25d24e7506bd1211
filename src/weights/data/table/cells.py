"""Columns of Python's own values whose types may differ from cell to cell, as sheets and databases hold them.

`count_sorts` says what such a column mixes, `spell` writes a cell as a text file would.
"""

from __future__ import annotations

import datetime
import math
import numbers
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from weights.errors import abridged

_LIKE_A_THOUSAND = re.compile(r"-?[1-9]\d{0,2}\.\d{3}")
_LARGEST_WHOLE = 1e15
"""Whole numbers below it are written without a point, as sheets and text files do."""
_SORTS: tuple[tuple[type, str], ...] = (
    (bool, "truth values"),
    (numbers.Number, "numbers"),
    (str, "text"),
    (datetime.time, "times"),
    (datetime.timedelta, "times"),
    (datetime.date, "dates"),
)
"""What cells of a type are called; the first that fits."""


def sort_of(value: Any) -> str:
    """What a cell is called, in the plural.

    Example:
        >>> sort_of(True), sort_of(1.5), sort_of("x")
        ('truth values', 'numbers', 'text')
    """
    return _sort_of_type(type(value))


def _sort_of_type(kind: type) -> str:
    return next((words for known, words in _SORTS if issubclass(kind, known)), "other values")


def spell(value: Any) -> str | None:
    """A cell as a text file writes it; None where it holds no value.

    Beside cells with decimal commas 1.234 would be read as a thousand, so that it gets a fourth digit.

    Example:
        >>> spell(3.0), spell(0.1), spell(True), spell(datetime.datetime(2024, 5, 1))
        ('3', '0.1', 'TRUE', '2024-05-01')
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        if math.isfinite(value) and value.is_integer() and abs(value) < _LARGEST_WHOLE:
            return str(int(value))
        return f"{value!r}0" if _LIKE_A_THOUSAND.fullmatch(repr(value)) else repr(value)
    if isinstance(value, datetime.datetime):
        is_day = value.time() == datetime.time() and value.tzinfo is None
        return value.date().isoformat() if is_day else value.isoformat(" ")
    return str(value)


def count_sorts(cells: Iterable[Any]) -> Counter[str]:
    """How many cells of which sort there are; those without a value are not counted."""
    counts: Counter[str] = Counter()
    for kind, count in Counter(map(type, cells)).items():
        if kind is not type(None):
            counts[_sort_of_type(kind)] += count
    return counts


def describe_mixture(cells: Sequence[Any], rows: Sequence[int] | range) -> str:
    """What is to be said of a column that mixes sorts of cells, and is read as the text that they are.

    Args:
        cells: n values.
        rows: their numbers in the user's table, counted from 1.

    Example:
        >>> describe_mixture([1, 2, "n.d.", 4], range(1, 5))
        "holds numbers (3 cells) and text (1; first: row 3, 'n.d.')"
    """
    [(most, n_most), *others] = count_sorts(cells).most_common()
    named = []
    for sort, count in others:
        first = next(i for i, cell in enumerate(cells) if cell is not None and sort_of(cell) == sort)
        named.append(f"{sort} ({count:,}; first: row {rows[first]:,}, '{abridged(str(spell(cells[first])), 30)}')")
    return f"holds {most} ({n_most:,} cells) and {' and '.join(named)}"
