"""Numbers and dates that stand for "no value", such as -999 and 9999-12-31: `describe_sentinel` says where a column holds one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from weights.types import FloatArray

_NUMBERS = (*(sign * (10.0**digits - 1) for digits in range(2, 11) for sign in (-1, 1)), -9.0, -(2.0**31), 2.0**31 - 1)
_DAYS = ("9999-12-31", "9999-01-01", "2999-12-31", "2099-12-31", "1900-01-01", "1899-12-30", "1899-12-31", "1753-01-01", "0001-01-01")
_SECONDS = {float(np.datetime64(day, "s").astype(np.int64)): day for day in _DAYS}
_DAY = 86400.0


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
