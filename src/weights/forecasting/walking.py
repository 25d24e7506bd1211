"""Walking forward over values that came later: forecasts from every origin, with bounds that follow what came."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from weights.adaptive import AdaptiveBounds
from weights.conformal import Interval
from weights.forecasting.forecaster import Forecaster
from weights.forecasting.past import forecast_past
from weights.forecasting.units import Scale
from weights.types import FloatArray

_BLOCK = 256
_MOST_AT_ONCE = 1 << 16
"""Windows that are written out for a network."""


class Moment(NamedTuple):
    """What is said at a moment.

    Attributes:
        known: how many later values had come.
        forecasts: of the next steps of each unit, in units in which they were learned, shape (U, H); of units whose values ended before,
            nothing that means anything.
        bounds: how far values may lie from them.
        scales: how the values of each unit are seen, which are not cut at zero where some have come below.
    """

    known: int
    forecasts: FloatArray
    bounds: AdaptiveBounds
    scales: Sequence[Scale]


def walk(
    forecaster: Forecaster,
    later: Sequence[FloatArray],
    expected: Sequence[FloatArray],
    past: Sequence[FloatArray],
    *,
    follow: bool = True,
) -> Iterator[Moment]:
    """What is said at the end of what was learned from, and after each later value.

    Args:
        forecaster: what forecasts.
        later: of each unit the values that came after those it learned from, shape (t,), NaN where there is none.
        expected: of each unit what columns add to these and the next steps, as values are seen, shape (t + H or less,).
        past: of each unit the columns known up to the origin, as `Later` has them, shape (q + t, m).
        follow: whether bounds follow what came, which takes most of the time; they stay as they were where nobody asks for them.
    """
    n_units, horizon, n_lags = len(forecaster), forecaster.task.horizon, forecaster.model.n_lags
    n_later = max(map(len, later))
    rest, came, added = np.zeros((n_units, n_lags + n_later)), np.full((n_units, n_later), np.nan), np.zeros((n_units, n_later + horizon))
    scales, below = [forecaster.units.scale(u) for u in range(n_units)], np.zeros((n_units, n_later), bool)
    for u, (values, own) in enumerate(zip(later, expected, strict=True)):
        rest[u, :n_lags] = forecaster.units.tails[u] - forecaster.units.tail_effects[u]
        rest[u, n_lags : n_lags + len(values)] = forecaster.rest_later(u, values, own[: len(values)])
        came[u, : len(values)] = scales[u].see(values)
        below[u, : len(values)] = scales[u].floored & (values < 0)
        added[u, : len(own)] = own
    steps, bounds = np.arange(horizon), forecaster.bounds
    made = np.full((horizon, n_units, horizon), np.nan)  # by origin, the last ones
    for known, by_lags in enumerate(_forecasts(forecaster, rest, added)):
        forecasts = by_lags * (1 + forecaster.past_shares) + _add_past(forecaster, past, known)
        if known and below[:, known - 1].any():
            scales = [scale._replace(floored=scale.floored and not own) for scale, own in zip(scales, below[:, known - 1], strict=True)]
        yield Moment(known, forecasts, bounds, scales)
        if follow and known < n_later:
            made[known % horizon] = forecasts
            bounds = bounds.update(came[:, known, None] - made[(known - steps) % horizon, :, steps].T)


def _forecasts(forecaster: Forecaster, rest: FloatArray, added: FloatArray) -> Iterator[FloatArray]:
    """Forecasts (U, H) from each origin of all units, of what columns leave (U, L + t), and what these add after the first, (U, t + H)."""
    n_lags, horizon = forecaster.model.n_lags, forecaster.task.horizon
    windows, steps = sliding_window_view(rest, n_lags, axis=1), sliding_window_view(added, horizon, axis=1)
    newest_last = forecaster.units.weights[:, ::-1]
    size = _BLOCK if forecaster.network is None else max(min(_BLOCK, _MOST_AT_ONCE // len(rest)), 1)
    for begin in range(0, windows.shape[1], size):
        known, expected = windows[:, begin : begin + size], steps[:, begin : begin + size]
        part = known @ newest_last
        forecasts = part + expected
        if forecaster.network is not None:
            units = np.repeat(np.arange(len(rest)), known.shape[1])
            rows = (own.reshape(-1, own.shape[2]) for own in (known, part, expected))
            forecasts += forecaster.correct(units, *rows).reshape(part.shape)
        yield from np.moveaxis(forecasts, 1, 0)


def _add_past(forecaster: Forecaster, past: Sequence[FloatArray], known: int) -> FloatArray | float:
    """What columns known up to the origin add after so many later values, shape (U, H)."""
    if (weights := forecaster.past_weights) is None:
        return 0.0
    lags = np.zeros((len(past), *weights.shape[:2]))
    for own, columns in zip(lags, past, strict=True):
        newest_first = columns[known : known + len(own)][::-1]
        own[len(own) - len(newest_first) :] = newest_first
    return forecast_past(lags, weights)


def bound_steps(moment: Moment, level: float) -> Interval:
    """Bounds of each unit and step in the user's units, shape (U, H)."""
    seen = moment.bounds.bounds(moment.forecasts, level)
    low, high = (undo_all(moment.scales, side) for side in (seen.low, seen.high))
    return Interval(low, high, level)


def undo_all(scales: Sequence[Scale], seen: FloatArray) -> FloatArray:
    """Values (U, H) of all units in the user's units."""
    return np.stack([scale.undo(own) for scale, own in zip(scales, seen, strict=True)])
