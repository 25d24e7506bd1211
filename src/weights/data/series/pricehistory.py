"""What is known of prices at a moment that might tell of the next ones: what they did over a day, a week and a month, and all together.

Everything is in units of a share's own volatility, so that those of calm and of wild shares, and of calm and wild years, can be compared.
"""

from __future__ import annotations

import numpy as np

from weights.data.series.finance import take_log_returns
from weights.types import FloatArray

_DAY, _WEEK, _MONTH, _QUARTER = 1, 5, 22, 63
_FEWEST_RETURNS = 20


def scale_returns(close: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Log returns, and the volatility of each share over the last quarter up to each moment, both (t, S); NaN where unknown.

    Args:
        close: prices of S shares on the same moments, NaN where there is none, shape (t, S).
    """
    returns = np.stack([take_log_returns(column) for column in close.T], axis=1)
    squares, count = _sum_back(returns**2, _QUARTER)
    scale = np.sqrt(squares / np.maximum(count, 1))
    return returns, np.where((count >= _FEWEST_RETURNS) & (scale > 0), scale, np.nan)


def tell_history(
    close: FloatArray, *, volume: FloatArray | None = None, high: FloatArray | None = None, low: FloatArray | None = None
) -> tuple[list[str], FloatArray]:
    """Names of what is known of each share at each moment, and their values, shape (p, t, S); NaN where unknown.

    Args:
        close: positive, NaN where there is none, shape (t, S).
        volume: what was traded, if it is known.
        high: the highest price of each moment, with `low` or not at all.
        low: the lowest.
    """
    returns, scale = scale_returns(close)
    scaled = returns / scale
    market = np.repeat(_mean_of_known(scaled)[:, None], close.shape[1], axis=1)
    columns = {
        "return, last day": _mean_back(scaled, _DAY),
        "return, last week": _mean_back(scaled, _WEEK),
        "return, last month": _mean_back(scaled, _MONTH),
        "market, last day": _mean_back(market, _DAY),
        "market, last week": _mean_back(market, _WEEK),
        "volatility, week over quarter": np.log(np.sqrt(_mean_back(returns**2, _WEEK)) / scale + 0.1),
    }
    if volume is not None:
        logs = np.log1p(volume)
        columns["volume, day over month"] = logs - _mean_back(logs, _MONTH)
    if high is not None and low is not None:
        columns["range, day over quarter"] = np.log(np.log(np.fmax(high, close) / np.fmin(low, close)) / scale + 0.1)
    return [*columns], np.stack([*columns.values()])


def _mean_of_known(values: FloatArray) -> FloatArray:
    """The mean of all shares at each moment, (t,); NaN where none is known."""
    known = ~np.isnan(values)
    count = known.sum(axis=1)
    return np.where(count > 0, np.nansum(values, axis=1) / np.maximum(count, 1), np.nan)


def _mean_back(values: FloatArray, length: int) -> FloatArray:
    """Means over the last moments, all of which are known, (t, S)."""
    total, count = _sum_back(values, length)
    return np.where(count == length, total / length, np.nan)


def _sum_back(values: FloatArray, length: int) -> tuple[FloatArray, FloatArray]:
    """Sums over the last moments, of what is known, and how much that is, both (t, S)."""
    padded = np.concatenate([np.full((length - 1, values.shape[1]), np.nan), values])
    windows = np.lib.stride_tricks.sliding_window_view(padded, length, axis=0)
    return np.nansum(windows, axis=-1), (~np.isnan(windows)).sum(axis=-1)
