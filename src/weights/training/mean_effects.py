"""What columns do to several series in the mean, with errors that know that series go along at a moment, and moments near each other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from weights.dependence import MeanError
from weights.training.covariates import Effects, Influence, judge_influence
from weights.types import FloatArray


class OwnEffects(NamedTuple):
    """What columns do to one of several series.

    Attributes:
        effects: on it. begin: the number of the moment of its first value. unit: what effects are multiplied by.
    """

    effects: Effects
    begin: int
    unit: float


def average_effects(series: Iterable[OwnEffects], n_moments: int) -> tuple[FloatArray, list[MeanError]]:
    """The mean of effects over series in which a column differs, shape (k,), and how sure each is.

    What all series add to the error of a mean at a moment is one observation (Driscoll and Kraay 1998), and these are a series of
    moments, judged as those of one series are (`covariates.judge_influence`).

    Args:
        series: one at least, of the same columns; each is looked at once.
        n_moments: how many moments there are, counted from zero.
    """
    totals: list[FloatArray] = []
    covered = np.zeros(n_moments, bool)
    for own in series:
        names = range(len(own.effects.names))
        totals = totals or [np.zeros((len(names), 3, n_moments)), np.zeros((len(names), 4))]
        moments, sums = totals
        begin = own.begin + len(own.effects.lag_filter)
        covered[begin : begin + len(own.effects.steps)] = True
        for column, contrast in enumerate(np.eye(len(names))):
            influence = own.effects.influence_of(contrast)
            if not influence.share.any():
                continue
            parts = (own.unit * influence.near, own.unit * influence.alone, own.unit**2 * influence.share)
            moments[column, :, begin : begin + len(influence.near)] += parts
            sums[column] += 1.0, own.unit * own.effects.slopes[column], influence.kept, influence.degrees
    moments, sums = totals
    counts = np.maximum(sums[:, :1], 1.0)
    slopes, kept, degrees = (sums[:, 1:] / counts).T
    errors = [
        judge_influence(Influence(own[0] / n, own[1] / n, own[2], *rest))
        for own, (n,), *rest in zip(moments[..., covered], counts, kept.tolist(), degrees.tolist(), strict=True)
    ]
    return slopes, errors
