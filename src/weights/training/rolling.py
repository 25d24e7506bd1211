"""Which regression on lags forecasts best is asked of rolling origins: fitted to what was known at a moment, judged on what came after.

A cut is a moment. Windows whose last step lies before it are learned from, windows whose origin lies between it and the next cut are
judged; those in between are neither. All follows from sums over windows (`windows.py`), so that many settings are tried for the price of a
decomposition a cut.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from weights.training.windows import Reference, RidgePath, WindowSums, sum_windows
from weights.types import FloatArray, IntArray

STRENGTHS = (1e-9, 1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, float("inf"))
"""Strengths that are tried, as shares of the mean square of a lag (our choice); the least gives lags that say the same an answer, and at
the last the reference answers alone."""
_MOST_STEPS = 24
"""Steps, evenly apart, by which a strength is chosen: neighbouring ones are forecast alike (our choice)."""


class RollingSums(NamedTuple):
    """What each of c cuts leaves to learn from and to judge by.

    Attributes:
        learned: the windows that end before each cut; leading axis c.
        judged: those that begin between it and the next one; leading axis c.
    """

    learned: WindowSums
    judged: WindowSums

    def plus(self, other: RollingSums) -> RollingSums:
        """The sums of both, such as of two series."""
        return RollingSums(self.learned.plus(other.learned), self.judged.plus(other.judged))


class Setting(NamedTuple):
    """A regression on lags.

    Attributes:
        n_lags: how many. reference: what it improves on, by name. strength: of its penalty.
        pooled: whether it learned from the windows of all series, not only of the one that it forecasts.
    """

    n_lags: int
    reference: str
    strength: float
    pooled: bool = False

    @property
    def name(self) -> str:
        """What it is called, but for its strength."""
        return f"{self.n_lags} {'lag' if self.n_lags == 1 else 'lags'} beside {self.reference}{', pooled' * self.pooled}"


class Trial(NamedTuple):
    """How a setting forecast at rolling origins.

    Attributes:
        setting: what was tried.
        losses: mean squared error at each step, shape (H,).
        weights: what was learned before each cut, each of shape (n_lags, H).
    """

    setting: Setting
    losses: FloatArray
    weights: list[FloatArray]


def place_cuts(n_values: int, n_lags: int, horizon: int, *, n_cuts: int = 4) -> IntArray:
    """Cuts of a series of so many values: each the first origin that is judged, over the last half of its windows, ascending.

    Fewer where a cut would have less than one window to learn from, or where two would be the same; empty where there is none.

    Example:
        >>> place_cuts(100, 10, 5).tolist()
        [52, 62, 73, 84]
    """
    first, end = n_lags - 1 + horizon, n_values - horizon
    begin = max((n_lags - 1 + end) // 2, first)
    cuts = np.unique(np.linspace(begin, end, n_cuts + 1)[:-1].astype(np.int64))
    return cuts[(cuts >= first) & (cuts < end)]


def sum_around_cuts(values: FloatArray, n_lags: int, horizon: int, cuts: IntArray, *, scale: Callable[[FloatArray], float]) -> RollingSums:
    """The sums that a series has before and after each cut.

    Args:
        values: of a series, none missing, shape (t,).
        n_lags: L.
        horizon: H.
        cuts: the first origin that is judged, of each, ascending, as `place_cuts` gives them.
        scale: of the values before a cut, what all are divided by; it sees none that came later.
    """
    end = len(values) - horizon
    lows = np.maximum(cuts - horizon + 1, n_lags - 1)
    edges = np.unique(np.concatenate([[n_lags - 1], lows, cuts, [end]]))
    sums = sum_windows(values, n_lags, horizon, edges)
    begins = edges[:-1]
    later = np.append(cuts[1:], end)
    learned = sums.weighted((begins < lows[:, None]).astype(float))
    judged = sums.weighted(((begins >= cuts[:, None]) & (begins < later[:, None])).astype(float))
    scales = np.asarray([scale(values[: cut + 1]) for cut in cuts])
    return RollingSums(_divided(learned, scales), _divided(judged, scales))


def try_strengths(
    sums: RollingSums, n_lags: int, name: str, refer: Callable[[int, int], Reference], strengths: Sequence[float] = STRENGTHS
) -> Trial:
    """How a regression on lags forecasts the windows that the cuts judge, at the strength that loses least.

    Args:
        sums: of so many lags at least, of which the newest count.
        n_lags: L.
        name: of the reference.
        refer: (L, H) -> what forecasts improve on.
        strengths: that are tried.
    """
    learned, judged = sums.learned.of_lags(n_lags), sums.judged.of_lags(n_lags)
    n_cuts, horizon = judged.future.shape
    reference = refer(n_lags, horizon)
    paths = [RidgePath(learned.at(cut), reference) for cut in range(n_cuts)]
    some = slice(None, None, -(-horizon // _MOST_STEPS))
    by_some = RollingSums(learned, judged.of_steps(some))

    def lose(strength: float) -> float:
        return float(judge(by_some, [path.weights(strength, some) for path in paths]).mean())

    strength = min(strengths, key=lose)
    weights = [path.weights(strength) for path in paths]
    return Trial(Setting(n_lags, name, strength), judge(sums, weights), weights)


def judge(sums: RollingSums, weights: Sequence[FloatArray]) -> FloatArray:
    """The mean squared error at each step, over the windows that all cuts judge, of weights (n_lags, H) for each cut; shape (H,)."""
    judged = sums.judged.of_lags(len(weights[0]))
    errors = sum(judged.at(cut).squared_errors(own) for cut, own in enumerate(weights))
    return np.maximum(errors, 0.0) / judged.n.sum()


def _divided(sums: WindowSums, scales: FloatArray) -> WindowSums:
    """The sums of values divided by a scale for each cut."""
    squares = scales**2
    return WindowSums(sums.n, *(part / squares.reshape(-1, *[1] * (part.ndim - 1)) for part in sums[1:]))
