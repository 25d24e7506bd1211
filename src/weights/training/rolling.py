"""Which regression on lags forecasts best is asked of rolling origins: fitted to what was known at a moment, judged on what came after.

`place_cuts`, `sum_around_cuts` and `try_settings` choose; `roll_errors` gives the errors themselves, of which bounds are made.

A cut is a moment. Windows whose last step lies before it are learned from, windows whose origin lies between it and the next cut are
judged; those in between are neither. All follows from sums over windows (`windows.py`), so that many settings are tried for the price of a
decomposition a cut.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from weights.training.windows import Reference, RidgePath, WindowSums, sum_windows
from weights.types import FloatArray, IntArray

STRENGTHS = (1e-9, 1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
"""Strengths that are tried, as shares of the mean square of a lag (our choice); the least gives lags that say the same an answer."""
_WINDOW_VALUES_AT_ONCE = 2**21
"""So many values of windows are copied at a time."""


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
    """A regression on lags: how many, what it improves on (a key of the references that were tried), and its strength."""

    n_lags: int
    reference: str
    strength: float


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


def try_settings(
    sums: RollingSums, lags: Sequence[int], references: Mapping[str, Callable[[int, int], Reference]]
) -> dict[Setting, FloatArray]:
    """The mean squared error of each setting at each step, over the windows that all cuts judge, shape (H,).

    Args:
        sums: of the largest number of lags; fewer are its newest ones.
        lags: numbers of lags to try.
        references: by name, (L, H) -> what forecasts improve on.
    """
    n_cuts, horizon = sums.judged.future.shape
    losses: dict[Setting, FloatArray] = {}
    for n_lags in lags:
        learned, judged = sums.learned.of_lags(n_lags), sums.judged.of_lags(n_lags)
        for name, refer in references.items():
            reference = refer(n_lags, horizon)
            for cut in range(n_cuts):
                path = RidgePath(learned.at(cut), reference)
                for strength in STRENGTHS:
                    errors = judged.at(cut).squared_errors(path.weights(strength))
                    setting = Setting(n_lags, name, strength)
                    losses[setting] = losses.get(setting, 0.0) + errors / sums.judged.n.sum()
    return losses


def roll_errors(values: FloatArray, weights: Sequence[FloatArray], cuts: IntArray) -> FloatArray:
    """The errors of forecasts from every origin from the first cut on, values less forecasts, shape (origins, H).

    Forecasts are made with the weights of the last cut at or before their origin. Errors are NaN where the value, or a lag of any weight,
    did not come, as after the last value: origins end before it.

    Args:
        values: of a series, NaN where missing, shape (t,).
        weights: of lags in the forecast of each step, fitted to nothing that came after the cut, for each cut, shape (L, H).
        cuts: the first origin that each is used at, ascending, with the values for the lags before it.

    Example:
        >>> roll_errors(np.array([1.0, 2.0, 4.0, 8.0]), [np.array([[1.0, 1.0]])], np.array([1]))  # the last value stays
        array([[ 2.,  6.],
               [ 4., nan]])
    """
    horizon = weights[0].shape[1]
    futures = sliding_window_view(np.append(values, np.full(horizon, np.nan)), horizon)[1:]
    rows = []
    for of_lags, begin, end in zip(weights, cuts, [*cuts[1:], len(values) - 1], strict=True):
        n_lags = len(of_lags)
        pasts = sliding_window_view(values, n_lags)[:, ::-1]
        for first in range(begin, end, step := max(_WINDOW_VALUES_AT_ONCE // n_lags, 1)):
            last = min(first + step, end)
            rows.append(futures[first:last] - pasts[first - n_lags + 1 : last - n_lags + 1] @ of_lags)
    return np.concatenate(rows) if rows else np.empty((0, horizon))


def _divided(sums: WindowSums, scales: FloatArray) -> WindowSums:
    """The sums of values divided by a scale for each cut."""
    squares = scales**2
    return WindowSums(sums.n, *(part / squares.reshape(-1, *[1] * (part.ndim - 1)) for part in sums[1:]))
