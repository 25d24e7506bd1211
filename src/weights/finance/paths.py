"""What prices may do next: sample paths of log returns, and what is expected of them with bounds.

A path is how a share moved at a moment of the past, in units of what was expected of its movement then, brought to what is expected now:
``drift + volatility * shape``. Steps of a path stay together, so that storms last as long as they do. What a quantity comes to along paths
gives its mean and its bounds; these are moved so that as many outcomes lay below them at rolling origins as were to (distributional
conformal prediction: Chernozhukov, Wüthrich and Zhu 2021, algorithm 1), with the doubt of as many independent moments as there were.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from weights.data.series.finance import Quantity
from weights.finance.history import PriceHistory
from weights.training.drift import Drift, fit_drift
from weights.training.volatility import RollingForecasts, Volatility, fit_volatility
from weights.types import FloatArray, IntArray

N_SHAPES = 1_000
"""Paths at most (our choice)."""
N_RANKS = 101
"""Quantiles that are kept of ranks (our choice)."""
_PROBABILITIES = np.linspace(0.0, 1.0, N_RANKS)
_MOST_NUMBERS = 4_000_000
_MOST_JUDGED = 3_000
_LEAST_SHARE = 0.02
"""Of the mean square so far, that one more step adds at least (our choice)."""


class Outlook(NamedTuple):
    """What is expected of a quantity after steps.

    Attributes:
        mean: shape (..., k).
        low, high: of each level, shape (levels, ..., k).
    """

    mean: FloatArray
    low: FloatArray
    high: FloatArray


class PathModel(NamedTuple):
    """Weights from which paths of log returns follow, of a horizon of H steps.

    Attributes:
        volatility: how much prices will move. drift: which way.
        shapes: log returns of past paths less their drift, in units of the volatility that was expected of each step, shape (n, H).
        ranks: at each step, the shares of paths that lay below what came at rolling origins: their quantiles, shape (N_RANKS, H).
        n_independent: as many independent outcomes tell as much, shape (H,).
    """

    volatility: Volatility
    drift: Drift
    shapes: FloatArray
    ranks: FloatArray
    n_independent: FloatArray

    def expect(
        self, quantity: Quantity, history: PriceHistory, origins: IntArray, *, steps: IntArray, levels: Sequence[float] = ()
    ) -> Outlook:
        """What is expected of every share after moments of a history, shape (o, S, k).

        Args:
            quantity: what of prices.
            history: prices; what lies behind an origin has no part in what is said there.
            origins: places of moments, shape (o,).
            steps: after how many, shape (k,).
            levels: of the bounds.
        """
        squares = self.volatility.forecast(history.squares, history.measures, origins)
        names, known = history.predictors
        expected = self.drift.expect(known[:, origins].reshape(len(names), -1)).reshape(squares.shape[:2])
        drift = np.nan_to_num(expected * history.volatility[origins])
        flat = drift.reshape(-1), spread_steps(squares.reshape(-1, squares.shape[2]))
        outlook = self.follow(quantity, *flat, steps, levels)
        shape = squares.shape[:2]
        return Outlook(*(part.reshape(*part.shape[:-2], *shape, len(steps)) for part in outlook))

    def follow(self, quantity: Quantity, drift: FloatArray, spread: FloatArray, steps: IntArray, levels: Sequence[float] = ()) -> Outlook:
        """What is expected at n places of this drift a step (n,) and these deviations of steps (n, H)."""
        places = [self._place(level, steps) for level in levels]
        mean = np.empty((len(drift), len(steps)))
        low, high = (np.empty((len(levels), *mean.shape)) for _ in range(2))
        for part in _parts(len(drift), self.shapes.size):
            own = drift[part]
            outcomes = np.sort(follow_paths(quantity, own, spread[part], self.shapes)[..., steps - 1], axis=1)
            mean[part] = outcomes.mean(axis=1)
            if quantity.neutral is not None:  # which way prices go is what the drift says, and not how skewed paths are
                moved = own.any()
                still = follow_paths(quantity, 0 * own, spread[part], self.shapes)[..., steps - 1] if moved else outcomes
                mean[part] += quantity.neutral - still.mean(axis=1)
            for i, ends in enumerate(places):
                low[i, part], high[i, part] = (_interpolate(outcomes, end) for end in ends)
        return Outlook(mean, low, high)

    def _place(self, level: float, steps: IntArray) -> tuple[FloatArray, FloatArray]:
        """Between which shares of paths the outcome lies with this probability, each of shape (k,)."""
        n, tail = self.n_independent[steps - 1], (1 - level) / 2
        tails = np.maximum((n + 1) * tail - 1, 0.0) / n
        low, high = (
            np.asarray([np.interp(p, _PROBABILITIES, own) for p, own in zip(ends, self.ranks.T[steps - 1], strict=True)])
            for ends in (tails, 1 - tails)
        )
        return low, high


class Windows(NamedTuple):
    """Windows at rolling origins that are judged: origin and share (n,), drift a step (n,), deviation expected of each step (n, H)."""

    origin: IntArray
    share: IntArray
    drift: FloatArray
    spread: FloatArray


def fit_paths(quantity: Quantity, history: PriceHistory, horizon: int) -> tuple[PathModel, Windows]:
    """The model of paths, and windows at rolling origins by which it can be judged.

    Raises:
        DataError: prices are too few.
    """
    volatility = fit_volatility(history.squares, history.measures, horizon)
    rolling = volatility.rolling
    assert rolling is not None
    drift = _fit_drift(history, horizon)
    at = rolling.origin, rolling.series
    _, known = history.predictors
    expected = np.nan_to_num(drift.expect(known[:, at[0], at[1]]) * history.volatility[at])
    spread = spread_steps(rolling.squares)
    came = history.returns[rolling.origin[:, None] + np.arange(1, horizon + 1), rolling.series[:, None]]
    shapes = (came - expected[:, None]) / spread
    shapes = shapes[np.linspace(0, len(shapes) - 1, min(N_SHAPES, len(shapes))).astype(np.int64)]
    shapes -= shapes.mean(axis=0)  # what all had in common is the drift, which is a matter of its own
    shapes /= np.maximum(np.sqrt(np.mean(shapes**2, axis=0)), np.finfo(float).tiny)  # and what is expected of squares is that of volatility
    chosen = _choose_windows(rolling)
    windows = Windows(rolling.origin[chosen], rolling.series[chosen], expected[chosen], spread[chosen])
    ranks = np.empty(windows.spread.shape)
    outcomes = quantity.outcome(quantity.of_returns(came[chosen]))
    for part in _parts(len(chosen), shapes.size):
        paths = follow_paths(quantity, windows.drift[part], windows.spread[part], shapes)
        ranks[part] = (paths < outcomes[part, None]).mean(axis=1)
    n_independent = np.asarray([_count_independent(column, windows.origin, horizon) for column in ranks.T])
    return PathModel(volatility, drift, shapes, np.quantile(ranks, _PROBABILITIES, axis=0), n_independent), windows


def follow_paths(quantity: Quantity, drift: FloatArray, spread: FloatArray, shapes: FloatArray) -> FloatArray:
    """What the quantity comes to along the paths of n places, shape (n, paths, H), from drift (n,), deviations (n, H) and shapes."""
    return quantity.outcome(quantity.of_returns(drift[:, None, None] + spread[:, None] * shapes))


def spread_steps(squares: FloatArray) -> FloatArray:
    """The deviation that is expected of each step, from mean squares over the next h, shape (..., H)."""
    counts = np.arange(1, squares.shape[-1] + 1)
    own = np.diff(squares * counts, axis=-1, prepend=0.0)
    return np.sqrt(np.maximum(own, _LEAST_SHARE * squares))


def _fit_drift(history: PriceHistory, horizon: int) -> Drift:
    """Which way prices are expected to go, from all windows of which everything is known."""
    _, known = history.predictors
    ahead = np.lib.stride_tricks.sliding_window_view(history.returns[1:], horizon, axis=0)
    came = np.full(history.returns.shape, np.nan)
    came[: len(ahead)] = ahead.mean(axis=-1)
    came = came / history.volatility
    origin, share = np.nonzero(np.isfinite(came))
    return fit_drift(came[origin, share], known[:, origin, share], origin, horizon)


def _choose_windows(rolling: RollingForecasts) -> IntArray:
    """Which windows are judged: those of all series at origins evenly apart, about as many as can be."""
    origins = np.unique(rolling.origin)
    every = -(-len(rolling.origin) // _MOST_JUDGED)
    return np.flatnonzero(np.isin(rolling.origin, origins[::every]))


def _parts(n: int, n_numbers: int) -> list[slice]:
    """Parts of n places, with so many numbers at each that memory suffices."""
    size = max(_MOST_NUMBERS // max(n_numbers, 1), 1)
    return [slice(begin, begin + size) for begin in range(0, n, size)]


def _interpolate(outcomes: FloatArray, share: FloatArray) -> FloatArray:
    """Quantiles of sorted outcomes (n, paths, k), each step at its own share (k,), shape (n, k)."""
    places = share * (outcomes.shape[1] - 1)
    below = np.floor(places).astype(np.int64)
    above = np.minimum(below + 1, outcomes.shape[1] - 1)
    steps = np.arange(outcomes.shape[2])
    low, high = outcomes[:, below, steps], outcomes[:, above, steps]
    return low + (places - below) * (high - low)


def _count_independent(values: FloatArray, origin: IntArray, horizon: int) -> float:
    """As many independent values have a mean as sure as that of these, by the means of batches of twice the horizon."""
    _, place = np.unique(origin // (2 * horizon), return_inverse=True)
    means = np.bincount(place, values) / np.bincount(place)
    spread = float(means.var(ddof=1)) if len(means) > 1 else 0.0
    return float(np.clip(len(means) * values.var() / max(spread, np.finfo(float).tiny), 1.0, len(values)))
