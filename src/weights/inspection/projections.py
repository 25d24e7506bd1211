"""The best linear forecasts of some steps ahead from lags, estimated by least squares, and what each shock did to the estimates.

Errors of neighbouring forecasts share the shocks that both missed, which is what makes the usual standard errors wrong. The sum over
windows of lags times errors is therefore put in the order of shocks instead: each shock times all the lags that missed it, weighted by
what it did to their step (as Hodrick 1992 does for sums of returns, his standard errors 1B). No shock can be foreseen, so that these terms
are uncorrelated, whatever the step, and the sum of their squares is a variance, for shocks of unequal size too.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.linalg

from weights.errors import DataError
from weights.inspection.autoregression import debias
from weights.types import FloatArray, IntArray

_LEAST_OWN = 1e-12
"""Of the variance of a lag that the others must leave to it."""
_MOST_LEVERAGE = 0.99


class Projection(NamedTuple):
    """The weights of lags in the best linear forecast of a step.

    Attributes:
        weights: of each lag and channel, lag by lag, shape (L * C,).
        influences: what each of n shocks did to them, times the number of windows; uncorrelated and of mean zero, shape (L * C, n).
        n_windows: from which they were estimated.
    """

    weights: FloatArray
    influences: FloatArray
    n_windows: int

    def of(self, which: IntArray) -> Projection:
        """Some of the weights."""
        return self._replace(weights=self.weights[which], influences=self.influences[which])

    def combined(self, shares: FloatArray) -> Projection:
        """Sums of the weights, from the shares (G, L * C) that each has in them."""
        return self._replace(weights=shares @ self.weights, influences=shares @ self.influences)


class Projections:
    """Forecasts of the first of C channels from L lags of all.

    Args:
        segments: without gaps, of about mean zero and variance one, each (C, t) with t of at least L plus the largest step.
        n_lags: L.
        horizon: the largest step.

    Raises:
        DataError: lags follow from others.
    """

    def __init__(self, segments: list[FloatArray], n_lags: int, horizon: int) -> None:
        self._segments, self._n_lags = segments, n_lags
        self._windows = [_windows(segment, n_lags) for segment in segments]
        windows = np.concatenate([each[:, :-1] for each in self._windows], axis=1)
        self._sums, self._products = windows.sum(axis=1), windows @ windows.T
        n_weights, n = windows.shape
        lags = windows - self._sums[:, None] / n
        inverse = _invert(lags @ lags.T / n, n_lags)
        nexts = np.concatenate([segment[:, n_lags:] for segment in segments], axis=1)
        coefficients = (nexts @ lags.T / n) @ inverse
        residuals = nexts - nexts.mean(axis=1, keepdims=True) - coefficients @ lags
        moved = inverse @ lags
        # Residuals are smaller than shocks, by what each window had a say in (HC2, MacKinnon and White 1985).
        leverage = (1 + np.einsum("kn,kn->n", moved, lags)) / n
        shocks = residuals / np.sqrt(1 - np.minimum(leverage, _MOST_LEVERAGE))
        process = debias(coefficients, residuals @ residuals.T / (n - n_weights - 1), n)
        by, along = process.move_of_persistence()
        ends = np.cumsum([segment.shape[1] - n_lags for segment in segments])[:-1]
        self.residuals, self._shocks = (np.split(each, ends, axis=1) for each in (residuals, shocks))
        self._moves = np.split(((by @ shocks) * (along @ moved)).real, ends)  # of the log of the largest root, times n
        self._responses, self._stretch = process.respond(horizon), process.stretch(n)
        self._bias, self._moved_bias = process.bias(horizon), process.bias_of_persistence(horizon)

    def estimate(self, step: int) -> Projection:
        """The weights of lags in the forecast of a step, least squares less its bias.

        Influences count that the bias was estimated too: it hangs on the largest root.
        """
        values = [segment[0, self._n_lags - 1 + step :] for segment in self._segments]
        beyond = np.concatenate([windows[:, -step:-1] for windows in self._windows], axis=1)  # whose step is not there
        n = sum(map(len, values))
        sums = self._sums - beyond.sum(axis=1)
        inverse = _invert((self._products - beyond @ beyond.T - np.outer(sums, sums / n)) / n, self._n_lags)
        cross = sum(windows[:, :-step] @ own for windows, own in zip(self._windows, values, strict=True))
        least_squares = inverse @ (cross - sums * np.concatenate(values).mean()) / n
        influences = self._stretch @ inverse @ np.concatenate([self._score(s, step) for s in range(len(self._segments))], axis=1)
        moves = np.concatenate([own[step - 1 :] for own in self._moves])
        influences -= np.outer(self._moved_bias[:, step - 1] / n, moves)
        return Projection(least_squares - self._bias[:, step - 1] / n, influences, n)

    def _score(self, s: int, step: int) -> FloatArray:
        """Each shock of a segment times the lags that missed it, weighted by what it did to their step, shape (L * C, shocks)."""
        scores: FloatArray = np.zeros(())
        for shocks, responses in zip(self._shocks[s][:, step - 1 :], self._responses[:step].T, strict=True):
            missed = np.stack([np.correlate(values, responses) for values in self._segments[s][:, :-1]])
            scores = scores + shocks * _windows(missed, self._n_lags)
        return scores


def _invert(products: FloatArray, n_lags: int) -> FloatArray:
    """The inverse of products of lags (L * C, L * C).

    Raises:
        DataError: lags follow from others.
    """
    try:
        factor = scipy.linalg.cholesky(products, lower=True)
        own = np.diag(factor) ** 2 / np.diag(products)
    except scipy.linalg.LinAlgError:
        own = np.zeros(1)
    if own.min() < _LEAST_OWN:
        raise DataError(
            f"Lags that say something of their own were needed, but those of {n_lags} steps follow exactly from each other, as where a "
            "series repeats itself or a channel is a sum of others. Use fewer lags or channels."
        )
    return scipy.linalg.cho_solve((factor, True), np.eye(len(products)))


def _windows(values: FloatArray, n_lags: int) -> FloatArray:
    """Windows of values (C, t), lag by lag, the newest first, shape (L * C, t - L + 1)."""
    n = values.shape[1] - n_lags + 1
    return np.concatenate([values[:, n_lags - 1 - lag : n_lags - 1 - lag + n] for lag in range(n_lags)])
