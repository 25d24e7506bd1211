"""What a loss is made of: bias, variance and diversity, exactly, from the answers of members to rows they never saw.

For squared loss, for log loss where members are averaged in log probabilities, and for the deviance of counts where they are averaged in
log rates, the loss of an ensemble is the mean loss of its members minus their diversity, row by row and whatever came (Krogh and Vedelsby
1995 for squared loss; Wood et al. 2023, section 4, for all; Gupta et al. 2022 for why log probabilities are what to average). Diversity
estimates the variance of a member once it is which says how much of it the finite mean still has: ``variance = diversity +
variance_of_mean``, so that ``loss = bias + variance - diversity`` holds to the last digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from weights.averaging import average_out_of_bag
from weights.tasks.base import Task
from weights.training.search import Difference, paired_difference
from weights.types import AnyArray, BoolArray, FloatArray, IntArray
from weights.verdicts import Decomposition, Part

_FEWEST_REPEATS, _LEAST_REPEATED = 20, 0.05
"""Rows beyond the first of those that agree, their number and share, from which on they show noise (our choice)."""


class MemberPredictions(NamedTuple):
    """Out-of-bag predictions of a member: its population, the rows (r,) it never saw, and its outputs for them, shape (r, k)."""

    population: int
    rows: IntArray
    outputs: FloatArray


class Judged(NamedTuple):
    """Rows on which members are judged: encoded targets (n,), weights (n,), group codes (n,) and moments (n,), or None."""

    y: AnyArray
    weight: FloatArray
    group: IntArray | None
    time: FloatArray | None = None

    @property
    def unit(self) -> Literal["rows", "groups", "moments"]:
        """What of the rows is independent, or all but."""
        return "groups" if self.group is not None else "moments" if self.time is not None else "rows"

    def difference(self, first: FloatArray, second: FloatArray) -> Difference:
        """The mean of ``first - second``, of losses (n,), with its error."""
        return paired_difference(first, second, self.weight, np.ones(len(first), bool), self.group, self.time)


class Terms(NamedTuple):
    """Terms of each row, shape (n,), which add up: ``loss = alone - diversity``.

    variance_of_mean: what the finite mean leaves of the variance.

    known: whether the row has several predictions of a population, from which the variance is estimated.
    """

    loss: FloatArray
    alone: FloatArray
    diversity: FloatArray
    variance_of_mean: FloatArray
    known: BoolArray


def row_terms(task: Task, y: AnyArray, predictions: Sequence[MemberPredictions], stacking_weights: FloatArray, offset: FloatArray) -> Terms:
    """The terms of each row.

    Args:
        task: whose losses are meant.
        y: encoded targets, shape (n,).
        predictions: out-of-bag ones of all members; each row has one of every population at least.
        stacking_weights: factor of each population's mean outputs in the answer to each row, shape (n, q).
        offset: what is added, shape (n, k).
    """
    n, n_populations = len(y), stacking_weights.shape[1]
    by_population = [[(own.rows, own.outputs) for own in predictions if own.population == p] for p in range(n_populations)]
    mean, count = map(np.stack, zip(*(average_out_of_bag(task, n, own) for own in by_population), strict=True))
    total = stacking_weights.sum(1)
    part = np.where(total > 0, stacking_weights.T / np.where(total > 0, total, 1.0), 1.0 / n_populations)  # (q, n)
    together = np.einsum("nq,qnk->nk", stacking_weights, mean) + offset
    alone, spread = np.zeros(n), np.zeros((n_populations, n))
    for p, rows, outputs in predictions:
        own = task.normalise(outputs)
        answer = total[rows, None] * own + offset[rows]
        alone[rows] += part[p, rows] / count[p, rows] * task.loss_scale * task.row_losses(answer, y[rows])
        spread[p, rows] += task.excess_losses(together[rows], total[rows, None] * (own - mean[p, rows]))
    loss = task.loss_scale * task.row_losses(together, y)
    several = count > 1
    of_member = spread / np.maximum(count - 1, 1)
    # A population of one prediction of a row is taken to spread as it does where it has several.
    typical = np.asarray([one[enough].mean() if enough.any() else 0.0 for one, enough in zip(of_member, several, strict=True)])
    of_member = np.where(several, of_member, typical[:, None])
    variance_of_mean = (part**2 * of_member / np.maximum(count, 1)).sum(0)
    return Terms(loss, alone, alone - loss, variance_of_mean, np.asarray(several.any(1)))


def decompose(
    task: Task,
    judged: Judged,
    predictions: Sequence[MemberPredictions],
    stacking_weights: FloatArray,
    offset: FloatArray,
    *,
    x: FloatArray | None = None,
) -> Decomposition:
    """Bias, variance and diversity of an ensemble; arguments as `row_terms`, and the rows' inputs (n, p), from which noise is estimated.

    With log loss and deviance the variance of the mean is exact to second order; all else is exact.

    Example:
        >>> from weights.tasks.number import Number
        >>> rows = np.arange(2)
        >>> outputs = np.array([[1.0], [2.0]]), np.array([[3.0], [2.0]])
        >>> predictions = [MemberPredictions(0, rows, one) for one in outputs]
        >>> judged = Judged(np.array([2.0, 3.0]), np.ones(2), None)
        >>> found = decompose(Number("y"), judged, predictions, np.ones((2, 1)), np.zeros((2, 1)))
        >>> found.loss.value, found.variance.value, found.diversity.value, found.bias.value
        (0.5, 1.0, 0.5, 0.0)
    """
    terms = row_terms(task, judged.y, predictions, stacking_weights, offset)
    noise = None if x is None or not task.adds_noise else _noise(judged, x, task.unit)
    known = bool(terms.known.any())
    bias = terms.loss - terms.variance_of_mean if known else terms.loss + terms.diversity
    found = average(bias, judged)
    if noise is not None:
        found = Part(found.value - noise.value, float(np.hypot(found.std_err, noise.std_err)))
    return Decomposition(
        measure=task.loss_name,
        loss=average(terms.loss, judged),
        bias=found,
        variance=average(terms.diversity + terms.variance_of_mean, judged) if known else None,
        diversity=average(terms.diversity, judged),
        noise=noise,
        constant=average(task.prediction_losses(judged.y, task.constant_predictions(judged.y, judged.weight)), judged).value,
    )


def average(values: FloatArray, judged: Judged) -> Part:
    """The weighted mean of rows (n,) and its standard error, which allows for groups and for an order in time."""
    return Part(*judged.difference(values, np.zeros(len(values)))[:2])


def _noise(judged: Judged, x: FloatArray, unit: float) -> Part | None:
    """The variance of targets, in their unit, among rows that agree in all inputs (pure error, Draper and Smith 1998, section 2.1).

    None where few do, or where rows come in groups, whose noise may agree as well.
    """
    used = judged.weight > 0
    _, same = np.unique(x[used], axis=0, return_inverse=True)
    same = same.ravel()
    repeats = int(used.sum()) - int(same.max()) - 1
    if judged.group is not None or repeats < max(_FEWEST_REPEATS, _LEAST_REPEATED * used.sum()):
        return None
    y, weight = unit * judged.y[used].astype(np.float64), judged.weight[used]
    total = np.bincount(same, weights=weight)
    middle = np.bincount(same, weights=weight * y) / total
    squares = np.bincount(same, weights=weight * (y - middle[same]) ** 2)
    degrees = total - np.bincount(same, weights=weight**2) / total
    value = float(squares.sum() / degrees.sum())
    return Part(value, float(np.sqrt(np.sum(((squares - value * degrees) / degrees.sum()) ** 2))))
