"""Cells to look at: codes for "no value" such as -999 and 9999-12-31, numbers far apart from all others, levels written in several ways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from weights.types import FloatArray

_NUMBERS = (*(sign * (10.0**digits - 1) for digits in range(2, 11) for sign in (-1, 1)), -9.0, -(2.0**31), 2.0**31 - 1)
_DAYS = ("9999-12-31", "9999-01-01", "2999-12-31", "2099-12-31", "1900-01-01", "1899-12-30", "1899-12-31", "1753-01-01", "0001-01-01")
_SECONDS = {float(np.datetime64(day, "s").astype(np.int64)): day for day in _DAYS}
_DAY = 86400.0
_FEWEST_DIFFERENT = 10
"""Different numbers below which none is called apart: a scale of few steps has ends (our choice)."""
_MOST_APART = 3
"""Cells at an end that may lie apart together, and how many of what is alike are named (our choice)."""
_TAIL_SHARE, _FEWEST_IN_TAIL, _MOST_IN_TAIL = 0.1, 10, 100
"""The part of the numbers on one side of the median that says how its tail falls off, and bounds for their number (our choice)."""
_LEVEL_APART, _LEAST_RATIO, _LEAST_STEPS = 1e-4, 2.0, 3.0
"""What is apart lies behind a gap that a tail has with at most this probability, this many times as far from the median as all others, and
the gap is this many times as wide as any between these (our choice)."""


class End(NamedTuple):
    """The least or the largest of some values, how many have it, how far it lies from the nearest of the others, and these."""

    value: float
    n_cells: int
    gap: float
    others: FloatArray


def find_ends(values: FloatArray) -> Iterator[End]:
    """Both ends of finite values (n,), the least first; none where all are alike."""
    for value, nearest in ((values.min(), np.min), (values.max(), np.max)) if values.size else ():
        if (others := values[values != value]).size:
            with np.errstate(over="ignore"):  # numbers may be as far apart as doubles reach
                gap = abs(nearest(others) - value)
            yield End(value, len(values) - len(others), gap, others)


def describe_sentinel(values: FloatArray, *, moments: bool = False) -> str:
    """A remark about a number of nines, or a day at the end of a calendar, that lies apart from all other values; empty if there is none.

    Apart is what is farther from the others than they are from each other (our choice).

    Args:
        values: n numbers, or seconds since 1970, NaN where missing.
        moments: whether they are seconds.

    Example:
        >>> describe_sentinel(np.asarray([5.0, 7.5, -999.0, 6.0, -999.0]))
        '2 cells are -999, far from all others: if that means no value, say --missing=-999'
    """
    for end, n_cells, gap, others in find_ends(values[np.isfinite(values)]):
        shown = _SECONDS.get(float(end - end % _DAY), "") if moments else f"{end:.0f}" * (float(end) in _NUMBERS)
        if shown and gap > max(np.ptp(others), _DAY * moments):
            cells = "1 cell is" if n_cells == 1 else f"{n_cells:,} cells are"
            return f"{cells} {shown}, far from all others: if that means no value, say --missing={shown}"
    return ""


def describe_apart(values: FloatArray) -> str:
    """A remark about at most three numbers at an end that lie far apart from all others, with the first one's row; empty if there are none.

    Take the logarithms of distances from the median, the largest first. In a tail that falls off as a power their gaps, times their
    rank, are independent and exponentially distributed with one mean (Rényi 1953); in lighter tails, such as the lognormal one, they
    shrink outwards. The gap behind the first 1, 2 or 3, over the mean of the m following ones, then has the F distribution with 2 and 2 m
    degrees of freedom (Pisarenko and Sornette 2012, European Physical Journal Special Topics 205: their test of "dragon kings"), so that a
    long tail is nothing to remark on. The m + 1 are a tenth of the numbers on that side of the median, from 10 to 100. Equal numbers count
    as spread evenly down to the next smaller.

    Args:
        values: n numbers, NaN where missing.

    Example:
        >>> describe_apart(np.append(np.arange(20.0, 90.0, 0.25), 455.0))
        '455 (row 281) lies far apart from all others, the next is 89.75: if it is an error, repair it, leave it empty or say --missing=455'
    """
    finite = values[np.isfinite(values)]
    if len(np.unique(finite)) < _FEWEST_DIFFERENT:
        return ""
    middle = np.median(finite)
    for sign in (1, -1):
        with np.errstate(over="ignore"):  # numbers may be as far apart as doubles reach
            distances = np.sort(sign * (finite - middle))[::-1]
        n_apart = _count_apart(distances[(distances > 0) & np.isfinite(distances)])
        if n_apart:
            ranked = np.argsort(np.where(np.isfinite(values), -sign * values, np.inf), kind="stable")
            first, following = (f"{value:.15g}" for value in values[ranked[[0, n_apart]]])
            who, them = ("it is an error", "it") if n_apart == 1 else ("they are errors", "them")
            lies = "lies" if n_apart == 1 else f"and {n_apart - 1} more lie"
            where = f"{first} (row {ranked[0] + 1}) {lies} far apart from all others, the next is {following}"
            return f"{where}: if {who}, repair {them}, leave {them} empty or say --missing={first}"
    return ""


def _count_apart(distances: FloatArray) -> int:
    """How many of distances (n,), all above zero, the largest first, lie apart from the others."""
    n_tail = int(np.clip(_TAIL_SHARE * len(distances), _FEWEST_IN_TAIL, _MOST_IN_TAIL))
    if len(distances) < n_tail + _MOST_APART:
        return 0
    logs, spread = np.log(distances), np.log(_spread_equal(distances))
    for n in range(1, _MOST_APART + 1):
        gap = logs[n - 1] - logs[n]
        others = spread[n : n + n_tail]
        mean = np.mean(others[:-1]) - others[-1]  # of the gaps between them, each times its rank from `n` on
        mean += n * (others[0] - others[-1]) / len(others[:-1])
        step = np.max(distances[n:-1] - distances[n + 1 :])
        if distances[n - 1] - distances[n] <= _LEAST_STEPS * step or gap <= np.log(_LEAST_RATIO):
            continue
        if -(n_tail - 1) * np.log1p(n * gap / mean / (n_tail - 1)) < np.log(_LEVEL_APART):
            return n
    return 0


def _spread_equal(distances: FloatArray) -> FloatArray:
    """Distances (n,), the largest first, of which equal ones are spread evenly down to the next smaller, or zero."""
    different, which, counts = np.unique(-distances, return_inverse=True, return_counts=True)
    smaller = np.append(-different[1:], 0.0)[which]
    place = np.arange(len(distances)) - (np.cumsum(counts) - counts)[which]
    return distances - (distances - smaller) * place / counts[which]


def describe_alike(levels: Mapping[str, int]) -> str:
    """A remark about levels, given with their numbers of rows, that differ only in letter case or blanks; empty if there are none.

    Example:
        >>> describe_alike({"Yes": 3, "no": 5, "yes": 4})
        "levels that differ only in letter case or blanks: 'yes' (4), 'Yes' (3): write them alike if they are one"
    """
    alike: dict[str, list[str]] = {}
    for level in sorted(levels, key=lambda level: -levels[level]):
        alike.setdefault(" ".join(level.split()).casefold(), []).append(level)
    several = [", ".join(f"'{level}' ({levels[level]:,})" for level in same) for same in alike.values() if len(same) > 1]
    if not several:
        return ""
    more = f"; and {len(several) - _MOST_APART} more such" if len(several) > _MOST_APART else ""
    return f"levels that differ only in letter case or blanks: {'; '.join(several[:_MOST_APART])}{more}: write them alike if they are one"
