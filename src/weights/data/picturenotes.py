"""What is said of pictures that were read: which could not be, and what deserves a remark about the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from weights.data.image.decoding import Picture, is_mislabelled
from weights.errors import DataError, listed, printable

MOST_UNREADABLE = 0.05
"""Share of pictures that may be left out as unreadable (our choice): beyond it something is wrong with the source."""


@dataclass
class Notes:
    """Names of pictures that deserve a remark, collected while they are read, those that could not be read with the reason."""

    reasons: list[tuple[str, str]] = field(default_factory=list)
    mislabelled: list[str] = field(default_factory=list)
    several: list[str] = field(default_factory=list)
    dark: list[str] = field(default_factory=list)

    def take(self, name: str, result: Picture | str) -> None:
        """Note what became of a picture: itself, or the reason why there is none."""
        if isinstance(result, str):
            self.reasons.append((name, result))
            return
        if is_mislabelled(name, result.format):
            self.mislabelled.append(f"{name} is {result.format}")
        if result.is_first_of_several:
            self.several.append(name)
        if result.is_dark:
            self.dark.append(name)

    def remarks(self, n_pictures: int) -> list[str]:
        """What was noted of so many pictures, in words."""
        said = []
        if self.reasons:
            left = f"could not be read and {_were(len(self.reasons))} left out"
            said.append(f"{len(self.reasons):,} of {n_pictures:,} pictures {left}: {_with_reasons(self.reasons, 5)}")
        if self.mislabelled:
            said.append(
                f"{_pictures_are(self.mislabelled)} of another format than the name says, and read as that: {_few(self.mislabelled)}"
            )
        if self.several:
            said.append(f"{_pictures_are(self.several)} of several frames or pages, of which the first was read: {_few(self.several)}")
        if self.dark:
            said.append(f"{_pictures_are(self.dark)} of 16 bits with no value above 4,095, which will look dark: {_few(self.dark)}")
        return said


def check_unreadable(reasons: Sequence[tuple[str, str]], n_pictures: int, source: str, *, strict: bool) -> None:
    """Refuse a source of which too much cannot be read.

    Args:
        reasons: name of each picture that could not be read, and why.
        n_pictures: how many there are.
        source: what they are of.
        strict: whether one is too much.

    Raises:
        DataError: it is.
    """
    n_reasons, are = len(reasons), "is" if len(reasons) == 1 else "are"
    if reasons and n_reasons == n_pictures:
        raise DataError(
            f"Pictures that can be read were needed, but of {n_pictures:,} in '{source}' there is none: {_with_reasons(reasons, 3)}. "
            "Repair them."
        )
    if reasons and strict:
        raise DataError(
            f"Every picture must be readable here, but {n_reasons:,} of {n_pictures:,} {are} not: {_with_reasons(reasons, 20)}. "
            "Repair or remove them."
        )
    if n_reasons > MOST_UNREADABLE * n_pictures:
        raise DataError(
            f"At most {MOST_UNREADABLE:.0%} of pictures may be unreadable, but {n_reasons:,} of {n_pictures:,} in '{source}' {are}: "
            f"{_with_reasons(reasons, 3)}. Repair or remove them."
        )


def on_sizes(sizes: Sequence[tuple[int, int]], n_pictures: int, side: int) -> str:
    """A remark about pictures of which some had these heights and widths, and all became squares.

    Example:
        >>> on_sizes([(30, 20), (40, 40), (30, 20)], 3, 32)
        'pictures of 2 sizes from 30 x 20 to 40 x 40 became 32 x 32 (--picture-size)'
    """
    ordered = sorted(set(sizes), key=lambda size: (size[0] * size[1], size))
    smallest, largest = (f"{height:,} x {width:,}" for height, width in (ordered[0], ordered[-1]))
    looked = "" if len(sizes) >= n_pictures else f" (of {len(sizes):,} looked at)"
    theirs = f"{len(ordered):,} sizes from {smallest} to {largest}{looked}" if len(ordered) > 1 else smallest
    return f"pictures of {theirs} became {side} x {side} (--picture-size)"


def _with_reasons(reasons: Sequence[tuple[str, str]], most: int) -> str:
    return listed([f"{printable(name)} ({reason})" for name, reason in dict(reasons).items()], most)


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _pictures_are(names: list[str]) -> str:
    return "1 picture is" if len(names) == 1 else f"{len(names):,} pictures are"


def _few(names: list[str]) -> str:
    return listed([printable(name) for name in names], 3)
