"""How large errors of forecasts are expected to be: by those before, at each of some steps ahead, and by the phase of a season.

`ErrorSizes` sums what is known of them. Steps are read at knots, which lie at powers of two.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from weights.types import BoolArray, FloatArray, IntArray

HALF_LIVES = np.array([10.0, 30.0, 100.0, 300.0, np.inf])
"""Moments after which an error counts half in what is expected of later ones. The mean of all is taken (as in Corsi 2009, "A simple
approximate long-memory model of realized volatility"): it was near the best one on every series that was tried, and the best one on rolling
origins was not (our choice)."""
_KEPT = 0.5 ** (1 / HALF_LIVES)[:, None, None, None]
_PRIOR_MOMENTS, _PRIOR_SEASONS = 2.0, 4.0
"""What is expected without a series' errors counts as so many moments, and h steps ahead, where errors go on alike for as long, as h times
as many; what is without those of a phase as so many seasons (our choice)."""
TINY = np.finfo(float).tiny
"""Below which nothing is divided by."""


class ErrorSizes(NamedTuple):
    """Sums of sizes of errors, from which the size of later ones is expected.

    sums: of sizes, and of their weights, fading with each half-life, of which the last is infinite, shape (half-lives, 2, S, B).
    phases: of sizes relative to what was expected but for the phase of the season, and how many, shape (2, S, P).
    """

    sums: FloatArray
    phases: FloatArray

    def expected(self, prior: FloatArray) -> FloatArray:
        """What is expected at each knot but for the phase, shape (S, B), from what is expected without any error (S, B)."""
        apart = _PRIOR_MOMENTS * 2.0 ** np.arange(prior.shape[1])  # moments in which as many errors come that share no value
        overall = (self.sums[-1, 0] + apart * prior) / (self.sums[-1, 1] + apart)
        recent = (self.sums[:-1, 0] + _PRIOR_MOMENTS * overall) / (self.sums[:-1, 1] + _PRIOR_MOMENTS)
        return (recent.sum(axis=0) + overall) / len(self.sums)

    def factors(self, moments: IntArray) -> FloatArray:
        """By how much errors at moments (n,) are larger for their phase, shape (S, n): of the series where it is long, else of all."""
        total, count = self.phases
        pooled = (total.sum(axis=0) + _PRIOR_SEASONS) / (count.sum(axis=0) + _PRIOR_SEASONS)
        factors = (total + _PRIOR_SEASONS * pooled) / (count + _PRIOR_SEASONS)
        return (factors / factors.mean(axis=1, keepdims=True))[:, moments % factors.shape[1]]

    def plus(self, moment: int, total: FloatArray, weight: FloatArray, prior: FloatArray) -> ErrorSizes:
        """With what became known at a moment: sums of sizes at each knot, shape (S, B), and of their weights (zero for none), (S, B)."""
        came = weight.sum(axis=1)
        ratios = np.divide(total, np.maximum(self.expected(prior), TINY)).sum(axis=1) / np.maximum(came, TINY)
        phases = self.phases.copy()
        phases[..., moment % phases.shape[-1]] += np.where(came > 0, [ratios, np.minimum(came, 1.0)], 0.0)
        factors = self.factors(np.array([moment]))
        return ErrorSizes(_KEPT * self.sums + np.stack([total / factors, weight]), phases)


def known_at(errors: FloatArray, origins: IntArray, moment: int) -> FloatArray:
    """The errors that become known at a moment, of forecasts 1, 2, ..., H moments before it, shape (S, H); NaN where there was none.

    Args:
        errors: of all forecasts, shape (S, O, H), as in `fit_bounds`.
        origins: of these, ascending, shape (O,), as in `fit_bounds`.
        moment: its number.
    """
    steps = np.arange(errors.shape[2])
    rows = np.minimum(np.searchsorted(origins, moment - 1 - steps), len(origins) - 1)
    return np.where(origins[rows] == moment - 1 - steps, errors[:, rows, steps], np.nan)


@functools.cache
def knots_of(horizon: int) -> FloatArray:
    """The weight of each knot in what is said of each step, shape (H, B): linear in the log of the step between powers of two."""
    places = np.log2(np.arange(1, horizon + 1))
    knots = np.maximum(0.0, 1.0 - np.abs(places[:, None] - np.arange(np.ceil(places[-1]) + 1)))
    knots.flags.writeable = False  # it is kept
    return knots


def steps_of_knots(horizon: int) -> list[int]:
    """The step that each knot lies at, the last one at the horizon at most."""
    return [min(2**b, horizon) for b in range(knots_of(horizon).shape[1])]


def fill_knots(values: FloatArray, known: BoolArray) -> FloatArray:
    """Values of knots (B, ...), where they are not known those of the nearest that is; one at least is."""
    knots, places = np.flatnonzero(known), np.arange(len(values))
    return values[knots[np.abs(places[:, None] - knots).argmin(axis=1)]]


def sum_at_knots(errors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weighted sums at each knot of the sizes of errors (S, H), and of the weights of those that came, one at most, each (S, B)."""
    knots, came = knots_of(errors.shape[1]), np.isfinite(errors)
    weights = knots / knots.sum(axis=0)
    return np.where(came, np.abs(errors), 0.0) @ weights, came @ weights
