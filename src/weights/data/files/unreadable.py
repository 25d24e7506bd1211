"""What is said of files that were read: which could not be, and what deserves a remark about the others.

A `ReadReport` collects it while they are read; `check_unreadable` refuses a source of which too much is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from weights.data.files.medium import DecodedFile, Medium
from weights.errors import DataError, listed, printable

MOST_UNREADABLE = 0.05
"""Share of files that may be left out as unreadable (our choice): beyond it something is wrong with the source."""

Reasons = Sequence[tuple[str, str]]
"""Names of files that could not be read, each with the reason."""


Signatures = Sequence[tuple[int, tuple[bytes, ...], str]]
"""Where files have which bytes, and what is said of them."""


class Unreadable(Exception):  # noqa: N818 (a reason, caught by what decodes)
    """Why a file gives no values, as it goes on behind the file's name."""


def find_signature(content: bytes, signatures: Signatures) -> str | None:
    """What is said of files that have these bytes where this one has them; None if it has none."""
    return next((words for offset, found, words in signatures if content.startswith(found, offset)), None)


def describe_damage(error: Exception) -> str:
    """What is said of a file that a library could not decode."""
    if isinstance(error, MemoryError):
        return "does not fit into memory"
    message = (str(error).splitlines() or [""])[0]
    return f"is damaged ({printable(message)[:80] or type(error).__name__})"


@dataclass
class ReadReport:
    """Names of files that deserve a remark, collected while they are read.

    Attributes:
        medium: of the files.
        reasons: the name of each file that could not be read, and why.
        mislabelled: of each file of another format than its name says, the name and the format.
        odd: the names of files that have an oddity, by what it is.
    """

    medium: Medium[Any]
    reasons: list[tuple[str, str]] = field(default_factory=list)
    mislabelled: list[str] = field(default_factory=list)
    odd: dict[str, list[str]] = field(default_factory=dict)

    def take(self, name: str, result: DecodedFile | str) -> None:
        """Note what became of a file: its values, or the reason why there are none."""
        if isinstance(result, str):
            self.reasons.append((name, result))
            return
        if self.medium.is_mislabelled(name, result.format):
            self.mislabelled.append(f"{name} is {result.format}")
        for oddity in result.oddities:
            self.odd.setdefault(oddity, []).append(name)

    def remarks(self, n_files: int) -> list[str]:
        """What was noted of so many files, in words."""
        said = []
        if self.reasons:
            were = "was" if len(self.reasons) == 1 else "were"
            unread = f"{len(self.reasons):,} of {n_files:,} {self.medium.plural} could not be read and {were} left out"
            said.append(f"{unread}: {_list_reasons(self.reasons, 5)}")
        other = "of another format than the name says, and read as that"
        by_remark = {other: self.mislabelled, **{oddity: self.odd.get(oddity, []) for oddity in self.medium.oddities}}
        for remark, names in by_remark.items():
            if names:
                are = f"{self.medium.say_count(len(names))} {'is' if len(names) == 1 else 'are'}"
                said.append(f"{are} {remark}: {listed([printable(name) for name in names], 3)}")
        return said


def check_unreadable(reasons: Reasons, n_files: int, source: str, medium: Medium[Any], *, strict: bool) -> None:
    """Refuse a source of which too much cannot be read.

    Args:
        reasons: name of each file that could not be read, and why.
        n_files: how many there are.
        source: what they are of.
        medium: of the files.
        strict: whether one is too much.

    Raises:
        DataError: it is.
    """
    n_reasons, are = len(reasons), "is" if len(reasons) == 1 else "are"
    share = f"{n_reasons:,} of {n_files:,}"
    if reasons and n_reasons == n_files:
        needed = f"{medium.plural.capitalize()} that can be read were needed"
        none = f"of {n_files:,} in '{source}' there is none: {_list_reasons(reasons, 3)}"
        raise DataError(f"{needed}, but {none}. Repair them.")
    if reasons and strict:
        needed = f"Every {medium.name} must be readable here"
        raise DataError(f"{needed}, but {share} {are} not: {_list_reasons(reasons, 20)}. Repair or remove them.")
    if n_reasons > MOST_UNREADABLE * n_files:
        needed = f"At most {MOST_UNREADABLE:.0%} of {medium.plural} may be unreadable"
        unread = f"{share} in '{source}' {are}: {_list_reasons(reasons, 3)}"
        raise DataError(f"{needed}, but {unread}. Repair or remove them.")


def _list_reasons(reasons: Reasons, most: int) -> str:
    return listed([f"{printable(name)} ({reason})" for name, reason in dict(reasons).items()], most)
