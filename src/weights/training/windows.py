"""Sums over the windows of a series, of which everything follows that is linear in lags: fits, their losses, and those of any part.

A window has an origin, the last value that is known; lag 0 is that value, lag 1 the one before, and step h the h-th value after it. The
sums of products of lags and steps over many origins are differences of cumulative sums of ``y[i] * y[i - d]``, one for each distance d, so
that no window is ever written out: O(t (L + H)) instead of O(t L (L + H)) for t values, L lags and H steps.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from weights.types import FloatArray, IntArray


class WindowSums(NamedTuple):
    """Sums of products over the windows of some origins; leading axes are of several such sets.

    Attributes:
        n: windows, shape (...).
        past: lags by lags, shape (..., L, L).
        cross: lags by steps, shape (..., L, H).
        future: squared steps, shape (..., H).
    """

    n: FloatArray
    past: FloatArray
    cross: FloatArray
    future: FloatArray

    def plus(self, other: WindowSums) -> WindowSums:
        """The sums over the windows of both."""
        return WindowSums(*(a + b for a, b in zip(self, other, strict=True)))

    def less(self, other: WindowSums) -> WindowSums:
        """The sums without the windows of the other."""
        return WindowSums(*(a - b for a, b in zip(self, other, strict=True)))

    def at(self, place: int) -> WindowSums:
        """One of several sets."""
        return WindowSums(*(part[place] for part in self))

    def weighted(self, weights: FloatArray) -> WindowSums:
        """The sums of m mixtures of the sets on the first axis, from the weights (m, sets) of each."""
        return WindowSums(*(np.tensordot(weights, part, axes=1) for part in self))

    def of_lags(self, n_lags: int) -> WindowSums:
        """The sums of the newest lags only."""
        return self._replace(past=self.past[..., :n_lags, :n_lags], cross=self.cross[..., :n_lags, :])

    def of_steps(self, steps: slice) -> WindowSums:
        """The sums of some steps only."""
        return self._replace(cross=self.cross[..., steps], future=self.future[..., steps])

    def squared_errors(self, weights: FloatArray) -> FloatArray:
        """Squared errors of forecasts ``lags @ weights``, from weights (..., L, H), summed over the windows, shape (..., H)."""
        explained = np.einsum("...lh,...lh->...h", weights, 2 * self.cross - self.past @ weights)
        return self.future - explained


def sum_windows(values: FloatArray, n_lags: int, horizon: int, edges: IntArray) -> WindowSums:
    """The sums of each set of origins between two edges, the first included; all sets, shape (sets, ...).

    Args:
        values: of a series, none missing, shape (t,).
        n_lags: L.
        horizon: H.
        edges: ascending origins, from L - 1 to t - H at most, shape (sets + 1,).

    Example:
        >>> sums = sum_windows(np.array([1.0, 2.0, 3.0, 5.0]), 2, 1, np.array([1, 3]))  # windows 1 2 | 3 and 2 3 | 5
        >>> sums.past[0].tolist(), sums.cross[0, :, 0].tolist()
        ([[13.0, 8.0], [8.0, 5.0]], [21.0, 13.0])
    """
    n_sets = len(edges) - 1
    past, cross = np.empty((n_sets, n_lags, n_lags)), np.empty((n_sets, n_lags, horizon))
    future = np.empty((n_sets, horizon))
    lags, steps = np.arange(n_lags), np.arange(1, horizon + 1)
    for distance in range(n_lags + horizon):
        products = np.zeros(len(values) + 1)
        np.cumsum(values[distance:] * values[: len(values) - distance], out=products[distance + 1 :])
        newer = lags[: max(n_lags - distance, 0)]
        if len(newer):
            sums = np.diff(products[edges[:, None] - newer], axis=0)
            past[:, newer, newer + distance] = past[:, newer + distance, newer] = sums
        ahead = steps[(steps <= distance) & (steps > distance - n_lags)]
        if len(ahead):
            cross[:, distance - ahead, ahead - 1] = np.diff(products[edges[:, None] + ahead], axis=0)
        if distance == 0:
            future[:] = np.diff(products[edges[:, None] + steps], axis=0)
    return WindowSums(np.diff(edges).astype(float), past, cross, future)


class Reference(NamedTuple):
    """What forecasts begin with, and lags are seen from, both linear in the lags.

    Attributes:
        start: forecasts that are improved on, as weights of lags, shape (L, H).
        level: what is subtracted from every lag, as weights of lags, shape (L,); of sum one, so that a higher series is forecast
            higher by as much, or zero, so that lags are seen as they are.
    """

    start: FloatArray
    level: FloatArray


def refer_to_last(n_lags: int, horizon: int) -> Reference:
    """The last value."""
    level = np.zeros(n_lags)
    level[0] = 1
    return Reference(np.repeat(level[:, None], horizon, axis=1), level)


def refer_to_mean(n_lags: int, horizon: int) -> Reference:
    """The mean of the lags."""
    level = np.full(n_lags, 1 / n_lags)
    return Reference(np.repeat(level[:, None], horizon, axis=1), level)


def refer_to_season(n_lags: int, horizon: int, season: int) -> Reference:
    """The value a season before, of which there must be the lags, seen from the mean of the last season."""
    start = np.zeros((n_lags, horizon))
    steps = np.arange(horizon)
    start[season - 1 - steps % season, steps] = 1
    return Reference(start, np.where(np.arange(n_lags) < season, 1 / season, 0.0))


def refer_to_trend(n_lags: int, horizon: int, season: int = 1) -> Reference:
    """The value a season before (or the last one), and half of what a straight line through the lags rises by since then.

    Half of the trend is what the theta method goes on with (Assimakopoulos and Nikolopoulos 2000; Hyndman and Billah 2003).
    """
    before = refer_to_season(n_lags, horizon, season)
    age = np.arange(n_lags) - (n_lags - 1) / 2
    slope = -age / max(float(age @ age), 1.0)
    passed = (np.arange(horizon) // season + 1) * season
    return Reference(before.start + 0.5 * np.outer(slope, passed), before.level)


def refer_to_nothing(n_lags: int, horizon: int) -> Reference:
    """Zero, from which series were centred."""
    return Reference(np.zeros((n_lags, horizon)), np.zeros(n_lags))


class RidgePath:
    """Ridge regressions of steps on lags, for any strength from one decomposition.

    The forecast is ``start @ lags + v @ (lags - level @ lags)``, with the v of least squared error plus ``strength * n * scale * |v|^2``,
    where scale is the mean square of lags seen from their level.

    Args:
        sums: of one set of windows.
        reference: what is improved on.
    """

    def __init__(self, sums: WindowSums, reference: Reference) -> None:
        self._reference = reference
        seen = self._see(sums.past.T)  # from their level, rows of the transposed matrix too
        self._values, self._vectors = np.linalg.eigh(self._see(seen.T))
        self._values = np.maximum(self._values, 0.0)
        self._scale = max(float(self._values.mean()), np.finfo(float).tiny)
        self._moved = self._vectors.T @ self._see(sums.cross - sums.past @ reference.start)

    def weights(self, strength: float, steps: slice = slice(None)) -> FloatArray:
        """The weight of each lag in the forecast of each step, or of some, shape (L, H)."""
        shrunk = self._moved[:, steps] / (self._values + strength * self._scale)[:, None]
        moved = self._vectors @ shrunk
        return self._reference.start[:, steps] + moved - np.outer(self._reference.level, moved.sum(axis=0))

    def _see(self, lags: FloatArray) -> FloatArray:
        """Rows of lags, (L, any), less their level."""
        return lags - self._reference.level @ lags
