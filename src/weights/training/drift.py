"""Which way prices are expected to go: the mean of the next log returns from what is known, of all series together, or nothing.

Returns are nearly unforeseeable, so that a forecast of them has to earn its place: zero answers, unless the mean so far, or a ridge
regression on what is known, loses less at rolling origins by more than twice the standard error of the difference.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from weights.dependence import error_of_mean
from weights.types import FloatArray, IntArray

ZERO, _MEAN, _REGRESSION = "zero", "the mean so far", "a regression on what is known"
"""The rules."""
_STRENGTHS = (1.0, 10.0, 100.0)
"""Of the penalty, beside inputs of variance one (our choice): there is little to learn, so that weights are held back strongly."""
_N_CUTS = 6
_FEWEST_WINDOWS = 100
_SURE = 2.0
"""Standard errors by which a rule must be better than zero (our choice): of several that are tried, one is by one of them quite often."""


class Drift(NamedTuple):
    """The mean log return of the next steps that is expected, in units of the volatility that a series has.

    Attributes:
        centre, scale: of what is known, shape (p,).
        weights: of it in units of its scale, shape (p,); zeros where it tells nothing.
        constant: what is expected where all is as usual.
        rule: what rolling origins chose: zero, the mean so far, or a regression.
    """

    centre: FloatArray
    scale: FloatArray
    weights: FloatArray
    constant: float
    rule: str

    def expect(self, known: FloatArray) -> FloatArray:
        """What is expected at each of n places, shape (n,), from what is known there, NaN where it is not, shape (p, n)."""
        seen = np.nan_to_num((known - self.centre[:, None]) / self.scale[:, None])
        return self.constant + self.weights @ seen


def fit_drift(came: FloatArray, known: FloatArray, origin: IntArray, steps: int) -> Drift:
    """The rule that loses least at rolling origins, or zero where none loses less than that beyond its error.

    Args:
        came: mean log returns of the next steps in units of volatility, of n windows of all series, shape (n,).
        known: what was known at their origins, NaN where it was not, shape (p, n).
        origin: of the windows, shape (n,).
        steps: over how many moments a return reaches, so that windows that had not ended at a cut are not learned from.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> signal = rng.normal(size=(1, 2_000))
        >>> fit_drift(0.3 * signal[0] + rng.normal(size=2_000), signal, np.arange(2_000), 1).rule
        'a regression on what is known'
    """
    cuts = np.linspace(len(origin) and np.quantile(origin, 0.4), origin.max(initial=0) + 1, _N_CUTS + 1)
    expected: dict[str, list[FloatArray]] = {}
    judged: list[IntArray] = []
    for cut, end in itertools.pairwise(cuts):
        learned, after = origin <= cut - steps, np.flatnonzero((origin >= cut) & (origin < end))
        if learned.sum() < _FEWEST_WINDOWS or not len(after):
            continue
        judged.append(after)
        for name, drift in _fit_rules(came[learned], known[:, learned]).items():
            expected.setdefault(name, []).append(drift.expect(known[:, after]))
    rules = _fit_rules(came, known)
    return rules[_choose({name: np.concatenate(own) for name, own in expected.items()}, came, origin, judged)]


def _choose(expected: Mapping[str, FloatArray], came: FloatArray, origin: IntArray, judged: list[IntArray]) -> str:
    """The name of the rule of the least squared error, if that is less than that of zero beyond doubt."""
    if not judged:
        return ZERO
    place = np.concatenate(judged)
    gains = {name: came[place] ** 2 - (came[place] - own) ** 2 for name, own in expected.items()}
    best = max(gains, key=lambda name: float(gains[name].mean()))
    gain, share = gains[best], np.full(len(place), 1 / len(place))
    error = error_of_mean(share * (gain - gain.mean()), share, time=origin[place].astype(float))
    return best if error.degrees > 0 and gain.mean() > _SURE * error.std_err > 0 else ZERO


def _fit_rules(came: FloatArray, known: FloatArray) -> dict[str, Drift]:
    """Each rule as it is learned from these windows; a regression of each strength, of which the name is that of all but its strength."""
    there = ~np.isnan(known)
    counts = np.maximum(there.sum(axis=1), 1)
    centre = np.where(there, known, 0.0).sum(axis=1) / counts
    seen = np.where(there, known - centre[:, None], 0.0)
    scale = np.sqrt((seen**2).sum(axis=1) / counts)
    scale = np.where(scale > 0, scale, 1.0)
    mean, nothing = float(came.mean()) if len(came) else 0.0, np.zeros(len(known))
    rules = {ZERO: Drift(centre, scale, nothing, 0.0, ZERO), _MEAN: Drift(centre, scale, nothing, mean, _MEAN)}
    seen /= scale[:, None]
    products, cross = seen @ seen.T / max(len(came), 1), seen @ (came - mean) / max(len(came), 1)
    for strength in _STRENGTHS:
        weights = np.linalg.solve(products + strength * np.eye(len(known)), cross)
        rules[f"{_REGRESSION}, penalty {strength:g}"] = Drift(centre, scale, weights, mean, _REGRESSION)
    return rules
