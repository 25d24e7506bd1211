"""What a vector autoregression implies: how shocks move later values, how values go together, and how far least squares misses its weights.

`debias` turns the coefficients of least squares into an `Autoregression` without their bias of first order.
"""

from __future__ import annotations

import functools

import numpy as np

from weights.types import FloatArray

_GROWTH = 2.0
"""Of variances, see `Autoregression.stretch`."""
_LEAST_LAST = 1e-6
"""Of the coefficients of the last lag: several lags of none have one eigenvector in place of several, so that these get as little."""
_STEP = 0.05
"""Share of the distance of the largest root from one by which it is moved to see what the bias does."""


class Autoregression:
    """y[t] = sum over lags l of coefficients[l] y[t - 1 - l] + shock, of C channels and L lags.

    All follows from the eigenvectors of its companion matrix, which moves a window of L lags, the newest first, by a step.

    Args:
        coefficients: of each lag and channel, lag by lag, in each equation, shape (C, L * C).
        shocks: their covariance, shape (C, C).
    """

    def __init__(self, coefficients: FloatArray, shocks: FloatArray) -> None:
        n_channels, size = coefficients.shape
        companion = np.eye(size, k=-n_channels)
        companion[:n_channels] = coefficients
        if np.linalg.svd(companion[:n_channels, -n_channels:], compute_uv=False).min() < _LEAST_LAST:
            companion[:n_channels, -n_channels:] += 2 * _LEAST_LAST * np.eye(n_channels)
        self._set(*np.linalg.eig(companion), shocks)

    def _set(self, roots: FloatArray, vectors: FloatArray, shocks: FloatArray) -> None:
        self.roots, self._vectors, self._shocks = roots, vectors, shocks
        entry = np.eye(len(roots), len(shocks), dtype=complex)
        self._entries = np.linalg.solve(vectors, entry)  # of shocks in each eigenvector, (L * C, C)

    def scaled(self, factor: float) -> Autoregression:
        """The autoregression with all roots multiplied by a factor: coefficients of lag l by its power l + 1."""
        scaled = object.__new__(Autoregression)
        lags = np.arange(len(self.roots)) // len(self._shocks)
        scaled._set(self.roots * factor, self._vectors * float(factor) ** -lags[:, None], self._shocks)
        return scaled

    @property
    def persistence(self) -> float:
        """The modulus of the largest root: what is left of a shock after a step, in the long run."""
        return float(np.abs(self.roots).max())

    @functools.cached_property
    def covariance(self) -> FloatArray:
        """Of a window of lags, shape (L * C, L * C)."""
        shocks = self._entries @ self._shocks @ self._entries.conj().T
        return (self._vectors @ (shocks / (1 - np.outer(self.roots, self.roots.conj()))) @ self._vectors.conj().T).real

    def respond(self, horizon: int, channel: int = 0) -> FloatArray:
        """What a shock to each channel does to one of them after 0, 1, ... steps, shape (horizon, C)."""
        powers = self.roots ** np.arange(horizon)[:, None]
        return ((powers * self._vectors[channel]) @ self._entries).real

    def bias(self, horizon: int, channel: int = 0) -> FloatArray:
        """By how much least squares is expected to miss the weights of lags, times the number of windows, shape (L * C, horizon).

        The regression is of the value of a channel h steps ahead on a window of lags and a constant. With A the companion matrix, G the
        covariance of windows, S that of shocks (in the place of the newest lag) and R[j] the response of the channel after j steps, the
        terms of first order are

            -G^-1 sum over i = 1..h of [(I - A)^-1 + A^i (I - A^2)^-1 + sum over roots r of r^i (I - r A)^-1] S R[h - i]'

        the first of which comes from the mean that is estimated. For h = 1 this is what Nicholls and Pope found (Pope 1990, theorem 1);
        for h > 1 the shocks between origin and step are put into the same expansion (as Herbst and Johannsen 2024 do for one lag).
        """
        roots, steps = self.roots, np.arange(1, horizon + 1)
        powers = roots ** steps[:, None]
        moved = 1 / (1 - roots) + powers / (1 - roots**2) + powers @ (1 / (1 - np.outer(roots, roots)))  # (horizon, L * C)
        shocks = self._entries @ self._shocks @ self.respond(horizon, channel).T  # (L * C, horizon), by steps before the last
        sums = np.stack([np.einsum("ik,ki->k", moved[:h], shocks[:, h - 1 :: -1]) for h in steps], axis=1)
        return -np.linalg.solve(self.covariance, (self._vectors @ sums).real)

    def stretch(self, n_windows: int) -> FloatArray:
        """What errors of the weights of lags of first order are multiplied by, so that they are as large as they are, (L * C, L * C).

        Where a series moves slowly about a mean that is estimated, estimates lie farther out than their standard errors say. In terms of
        the roots r, an error is one of the weight of each eigenvector; the variance of that grows by 1 + 2 / (n |1 - r|), which is what
        simulations of one lag show (1.34, 1.18, 1.09 and 1.06 where n (1 - r) is 6, 15, 30 and 60).
        """
        growth = np.sqrt(1 + _GROWTH / (n_windows * np.abs(1 - self.roots)))
        return np.eye(len(self.roots)) + np.linalg.solve(self._vectors.T, ((growth - 1) * self._vectors).T).real

    def move_of_persistence(self) -> tuple[FloatArray, FloatArray]:
        """Vectors a (C,) and b (L * C,) by which the log of the largest root moves by Re(a d b) when coefficients move by d (C, L * C)."""
        largest = int(np.argmax(np.abs(self.roots)))
        return self._entries[largest] / self.roots[largest], self._vectors[:, largest]

    def bias_of_persistence(self, horizon: int, channel: int = 0) -> FloatArray:
        """The derivative of `bias` by the log of the factor that all roots are multiplied by, shape (L * C, horizon)."""
        nearer = 1 - _STEP * (1 - self.persistence)
        return (self.scaled(nearer).bias(horizon, channel) - self.bias(horizon, channel)) / np.log(nearer)


def debias(coefficients: FloatArray, shocks: FloatArray, n_windows: int) -> Autoregression:
    """The autoregression of coefficients of least squares less their expected bias (Kilian 1998, section 2, without the bootstrap).

    Roots are held below one by one over the number of windows (our choice), before the bias is reckoned and after it was taken off, so
    that what is returned has a mean and a covariance.

    Args:
        coefficients: as least squares gives them, see `Autoregression`, shape (C, L * C).
        shocks: covariance of its residuals, shape (C, C).
        n_windows: from which they were estimated.

    Example:
        >>> debias(np.array([[0.9]]), np.eye(1), 100).roots.real  # of one lag: estimate + (1 + 3 estimate) / n
        array([0.937])
    """
    highest = 1 - 1 / n_windows
    estimated = _below(Autoregression(coefficients, shocks), highest)
    bias = np.stack([estimated.bias(1, channel)[:, 0] for channel in range(len(shocks))])
    return _below(Autoregression(coefficients - bias / n_windows, shocks), highest)


def _below(autoregression: Autoregression, highest: float) -> Autoregression:
    """The same with all roots scaled where the largest lies above a bound."""
    persistence = autoregression.persistence
    return autoregression.scaled(highest / persistence) if persistence > highest else autoregression
