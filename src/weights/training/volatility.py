"""How much prices will move: the mean square of the next returns, forecast from how much they moved before, of all series together.

The logarithm of the mean square over the next h steps is a ridge regression on logarithms of measures of movement (the range of a day, its
absolute return, what was traded), because they are nearly normal where squared returns have tails that decide a fit. Lags are gathered in
weeks of about a year, so that what comes back every quarter, such as earnings, is seen. Every series is seen from its own mean so far and
from what the others did at the same time, of which only the last month is told: there are many series, but few such months.

`fit_volatility` gives a `Volatility`, which forecasts, and what it would have forecast at rolling origins.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from weights.errors import DataError, UsageError
from weights.types import BoolArray, FloatArray, IntArray

EDGES = (0, 1, 2, 3, 5, 10, 15, 20, *range(25, 261, 5))
"""Where groups of lags begin and end: days, then weeks, to a year of trading days (our choice)."""
_TOGETHER = (5, 22)
"""Steps over which the movement of all series is averaged: a week and a month (Corsi 2009)."""
_LEVELS = (22, 252)
"""Steps over which squared returns are averaged, beside all so far."""
_FEWEST_BEFORE = 60
"""Steps that a window has before it to be learned from (our choice)."""
_N_CUTS = 6
_STRENGTHS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
"""Of the penalty, beside inputs of variance one (our choice)."""
_MOST_WINDOWS = 100_000
"""Windows that are learned from; of more every second or third origin is taken: windows of neighbours say nearly the same (our choice)."""
_LEAST_SQUARE = 0.01
"""Of the mean square of a series: what is added to a mean square before its logarithm, as that of no movement is none (our choice)."""
_MOST_NUMBERS = 10_000_000
"""Steps of all windows that are learned from (our choice)."""


class RollingForecasts(NamedTuple):
    """What would have been forecast from what was known at earlier moments.

    Attributes:
        origin: the last moment that each knew, shape (n,). series: of which series, shape (n,).
        squares: mean squares that were expected over the next h steps, h = 1 to H, shape (n, H).
    """

    origin: IntArray
    series: IntArray
    squares: FloatArray


class Volatility(NamedTuple):
    """A forecast of mean squares of the next returns.

    Attributes:
        weights: of each input in the logarithm of the mean square over h steps, h = 1 to H, shape (p, H).
        centre: of each input, shape (p,).
        start: what is added, shape (H,).
        strength: of the penalty that rolling origins chose.
        loss: mean QLIKE at rolling origins of each strength that was tried, at step H.
        rolling: forecasts at these origins, of the best strength; not kept with a run.
    """

    weights: FloatArray
    centre: FloatArray
    start: FloatArray
    strength: float
    loss: dict[float, float]
    rolling: RollingForecasts | None = None

    def forecast(self, squares: FloatArray, measures: Sequence[FloatArray], origins: IntArray | None = None) -> FloatArray:
        """The mean square expected over the next h steps, h = 1 to H, of each series, after each origin, shape (o, S, H).

        Args:
            squares: squared returns, NaN where there is none, shape (t, S).
            measures: as in the fit, each of shape (t, S).
            origins: the last moments that are known, shape (o,); the last row of the table where none are named. What comes after an
                origin has no part in its forecast.
        """
        origins = np.asarray([len(squares) - 1]) if origins is None else origins
        inputs, level = _inputs(squares, measures, origins)
        return np.exp(_fill(inputs - self.centre) @ self.weights + self.start + level[..., None])


def fit_volatility(squares: FloatArray, measures: Sequence[FloatArray], horizon: int) -> Volatility:
    """The forecast of mean squares that those of rolling origins chose.

    Args:
        squares: squared returns of S series on the same moments, NaN where there is none, shape (t, S).
        measures: logarithms of how much each series moved at each moment, or of what may tell (`measure_movement`), each (t, S); the first
            is also that of the level of a series and of all series together.
        horizon: H.

    Raises:
        DataError: the series are too short.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> returns = 0.01 * rng.normal(size=(400, 5))
        >>> model = fit_volatility(returns**2, [np.log(np.abs(returns) + 1e-3)], 10)
        >>> bool(abs(np.sqrt(model.forecast(returns**2, [np.log(np.abs(returns) + 1e-3)])[0, :, -1].mean()) - 0.01) < 0.001)
        True
    """
    first, end = _FEWEST_BEFORE + 2 * horizon, len(squares) - horizon
    if first >= end:
        needed = first + horizon + 1
        raise DataError(
            f"Volatility over {horizon} steps needs {needed} moments or more, but there are {len(squares)}. Shorten --horizon, or add rows."
        )
    bounds = np.linspace(max(first, len(squares) // 4), end, _N_CUTS + 1).astype(np.int64)
    windows = _collect_windows(squares, measures, horizon)
    if not (windows.origin <= bounds[0] - horizon).any() or not (windows.origin >= bounds[0]).any():
        raise DataError(
            f"Volatility needs a series with {_FEWEST_BEFORE} returns and {horizon} more after them in the first quarter of its moments, "
            "and in the rest, but there is none. Leave out moments at which hardly a series has a price."
        )
    judging = [(windows.origin >= cut) & (windows.origin < end) for cut, end in itertools.pairwise(bounds)]
    losses: dict[float, list[FloatArray]] = {strength: [] for strength in _STRENGTHS}
    forecasts: dict[float, list[FloatArray]] = {strength: [] for strength in _STRENGTHS}
    for place, cut in enumerate(bounds[:-1]):
        learned = windows.at(windows.origin <= cut - horizon)
        judged = windows.at(judging[place])
        for strength, (weights, centre, start) in _solve(learned, _STRENGTHS).items():
            forecast = judged.level[:, None] + _fill(judged.inputs - centre) @ weights + start
            log_ratio = np.log(judged.padded[:, -1]) - forecast[:, -1]
            losses[strength].append(np.exp(log_ratio) - log_ratio - 1)
            forecasts[strength].append(np.exp(forecast))
    loss = {strength: float(np.concatenate(part).mean()) for strength, part in losses.items()}
    best = min(loss, key=loss.__getitem__)
    weights, centre, start = _solve(windows, (best,))[best]
    together = [windows.at(judged) for judged in judging]
    rolling = RollingForecasts(
        np.concatenate([part.origin for part in together]),
        np.concatenate([part.series for part in together]),
        np.concatenate(forecasts[best]),
    )
    return Volatility(weights, centre, start, best, loss, rolling)


def measure_movement(
    close: FloatArray, *, open: FloatArray | None = None, high: FloatArray | None = None, low: FloatArray | None = None
) -> list[FloatArray]:
    """Logarithms of how much prices moved at each moment: of the range, if it is known, and of the absolute return; each (t, S).

    The first is the logarithm of Parkinson's variance (1980, equation 4) plus the squared return over night; where prices contradict each
    other, such as a high below the close, the range covers all of them. A cent on a hundred is added, as no movement has no logarithm.

    Args:
        close: positive, NaN where there is none, shape (t, S).
        open: the same, with high and low or not at all.
        high: the highest of each moment.
        low: the lowest.
    """
    before = np.vstack([np.full((1, close.shape[1]), np.nan), close[:-1]])
    moved = np.log(np.abs(np.log(close / before)) + 1e-3)
    if open is None or high is None or low is None:
        return [moved]
    top, bottom = np.fmax(np.fmax(high, close), open), np.fmin(np.fmin(low, close), open)
    variance = np.log(top / bottom) ** 2 / (4 * np.log(2)) + np.log(open / before) ** 2
    return [np.log(variance + 1e-6), moved]


def count_inputs(with_range: bool) -> int:
    """How many inputs forecasts have, where the range of a moment is known beside its return, or not."""
    return (1 + with_range) * (len(EDGES) - 1) + len(_TOGETHER) + len(_LEVELS) + 1


class _Windows(NamedTuple):
    """Windows of all series: origin and series (n,), inputs (n, p), level (n,), the mean square of the next h returns, padded, (n, H)."""

    origin: IntArray
    series: IntArray
    inputs: FloatArray
    level: FloatArray
    padded: FloatArray

    def at(self, which: BoolArray) -> _Windows:
        return _Windows(*(part[which] for part in self))


def _collect_windows(squares: FloatArray, measures: Sequence[FloatArray], horizon: int) -> _Windows:
    """The windows that have enough before them and all returns after them."""
    n_moments, n_series = squares.shape
    stride = -(-n_moments * n_series // min(_MOST_WINDOWS, _MOST_NUMBERS // horizon))
    origins = np.arange(_FEWEST_BEFORE, n_moments - horizon, stride)
    inputs, level = _inputs(squares, measures, origins)
    sums = np.cumsum(np.vstack([np.zeros((1, n_series)), np.nan_to_num(squares)]), axis=0)
    known = np.cumsum(np.vstack([np.zeros((1, n_series)), ~np.isnan(squares)]), axis=0)
    steps = np.arange(1, horizon + 1)
    ahead = origins[:, None] + steps + 1
    square = np.moveaxis(sums[ahead] - sums[origins + 1][:, None], 1, 2) / steps  # (o, S, H)
    usual = sums[origins + 1] / np.maximum(known[origins + 1], 1)
    there = (known[origins + 1] >= _FEWEST_BEFORE) & (known[origins + 1 + horizon] - known[origins + 1] == horizon)
    there &= np.isfinite(level) & (usual > 0)
    place, series = np.nonzero(there)
    return _Windows(
        origins[place],
        series,
        inputs[place, series],
        level[place, series],
        square[place, series] + _LEAST_SQUARE * usual[place, series, None] / steps,
    )


def _inputs(squares: FloatArray, measures: Sequence[FloatArray], origins: IntArray) -> tuple[FloatArray, FloatArray]:
    """What is known of each series at each origin, shape (o, S, p), NaN where it is not, and its level (o, S)."""
    everything = (0, len(squares))
    columns = []
    level = together = None
    for measure in measures:
        mean = _average(measure, everything, np.arange(len(measure)))[..., 0]
        moved = measure - mean
        others = _mean_of_others(moved)
        columns.append(_average(moved - others, EDGES, origins))
        if level is None:
            level, together = mean[origins], others
    if level is None or together is None:
        raise UsageError("A measure of movement was needed, but none came. Pass those of measure_movement.")
    columns += [_average(together, (0, n), origins) for n in _TOGETHER]
    with np.errstate(divide="ignore"):
        usual = [np.log(_average(squares, (0, n), origins)[..., 0]) - level for n in (*_LEVELS, len(squares))]
    inputs = np.concatenate([*columns, np.stack(usual, axis=-1)], axis=-1)
    return np.where(np.isfinite(inputs), inputs, np.nan), level


def _average(values: FloatArray, edges: Sequence[int], origins: IntArray) -> FloatArray:
    """Means of values (t, S) over groups of lags before each origin, those that are there, shape (o, S, groups); NaN where none is."""
    blank = np.zeros((1, values.shape[1]))
    sums = np.cumsum(np.vstack([blank, np.nan_to_num(values)]), axis=0)
    known = np.cumsum(np.vstack([blank, ~np.isnan(values)]), axis=0)
    ends = np.maximum(origins[:, None] + 1 - np.asarray(edges), 0)
    total, count = -np.diff(sums[ends], axis=1), -np.diff(known[ends], axis=1)
    means = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return np.moveaxis(means, 1, 2)


def _mean_of_others(values: FloatArray) -> FloatArray:
    """What the other series have in the mean of all, (t, S); zero of one series alone."""
    filled = np.nan_to_num(values)
    n_known = np.maximum((~np.isnan(values)).sum(axis=1, keepdims=True), 1)
    return np.asarray((filled.sum(axis=1, keepdims=True) - filled) / n_known)


def _fill(inputs: FloatArray) -> FloatArray:
    """Inputs less their centre, with zero where one is not known."""
    return np.nan_to_num(inputs, nan=0.0)


def _solve(windows: _Windows, strengths: Sequence[float]) -> dict[float, tuple[FloatArray, FloatArray, FloatArray]]:
    """Weights (p, H), centre (p,) and start (H,) for each strength: ridge regression of logarithms, made right in the mean.

    What comes is what was forecast, in the mean of the windows that were learned from (Duan 1983, smearing, as a ratio), which is
    where QLIKE is least. The mean of a log-normal, which rare jumps do not move, lost more in half of the years and less in others.
    """
    n = len(windows.origin)
    known = np.maximum((~np.isnan(windows.inputs)).sum(axis=0), 1)
    centre = np.nansum(windows.inputs, axis=0) / known
    seen = _fill(windows.inputs - centre)
    scale = np.maximum(np.sqrt(np.mean(seen**2, axis=0)), 1e-9)
    seen /= scale
    logs = np.log(windows.padded) - windows.level[:, None]
    middle = logs.mean(axis=0)
    values, vectors = np.linalg.eigh(seen.T @ seen / n)
    values, moved = np.maximum(values, 0.0)[:, None], vectors.T @ (seen.T @ (logs - middle) / n)
    solutions = {}
    for strength in strengths:
        weights = vectors @ (moved / (values + strength))
        ratio = np.exp(logs - middle - seen @ weights).mean(axis=0)
        solutions[strength] = weights / scale[:, None], centre, middle + np.log(ratio)
    return solutions
