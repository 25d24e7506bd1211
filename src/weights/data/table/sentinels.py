"""Numbers and dates that stand for "no value", such as -999 and 9999-12-31: `describe_sentinel` says where a column holds one."""

from __future__ import annotations

import numpy as np

from weights.types import FloatArray

_NUMBERS = (*(sign * (10.0**digits - 1) for digits in range(2, 11) for sign in (-1, 1)), -9.0, -(2.0**31), 2.0**31 - 1)
_DAYS = ("9999-12-31", "9999-01-01", "2999-12-31", "2099-12-31", "1900-01-01", "1899-12-30", "1899-12-31", "1753-01-01", "0001-01-01")
_SECONDS = {float(np.datetime64(day, "s").astype(np.int64)): day for day in _DAYS}
_DAY = 86400.0


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
    finite = values[np.isfinite(values)]
    for end, sign in ((finite.min(), 1), (finite.max(), -1)) if finite.size else ():
        shown = _SECONDS.get(float(end - end % _DAY), "") if moments else f"{end:.0f}" * (float(end) in _NUMBERS)
        others = finite[finite != end]
        if not shown or not others.size:
            continue
        gap = sign * ((others.min() if sign == 1 else others.max()) - end)
        if gap > max(np.ptp(others), _DAY * moments):
            n_cells = int(np.count_nonzero(finite == end))
            cells = "1 cell is" if n_cells == 1 else f"{n_cells:,} cells are"
            return f"{cells} {shown}, far from all others: if that means no value, say --missing={shown}"
    return ""
