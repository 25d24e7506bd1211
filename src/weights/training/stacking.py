"""How populations answer together: stacking weights, the calibration of the whole, and what is still uncertain then.

Everything here is fitted to out-of-bag outputs, and judged on rows that had no say in the fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy.optimize
import threadpoolctl

from weights.tasks.base import Task
from weights.tasks.count import Count
from weights.types import AnyArray, FloatArray, IntArray

_MOST_ROWS = 50_000
_LARGEST_WEIGHT = 20.0
_LEAST_WEIGHT = 1e-9
"""Less than this is what rounding left of a weight of zero."""
_ROUNDING = 1e-13
_PRIOR_ROWS = 1.0
"""Stacking weights are held together as if so many rows spoke for equal ones (our choice): it settles what the data leave open.
Rows of numbers are taken to be as noisy as the best population leaves them."""
_PSEUDO_ROWS = 0.25
"""Rows of other classes that each class is taken to hold, over the number of others: a quarter (our choice) was better than one and than
none, see docs/benchmarks.md."""
_N_PARTS = 5
_FEWEST_CROSSFITTED = 20
"""Rows below which nothing is kept back: what is fitted to all of them answers them (our choice)."""


class Stacking(NamedTuple):
    """How populations answer together.

    Attributes:
        weights: factor of each population's outputs, shape (q,).
        offset: what is added to their sum, shape (k,).
        answers: predictions in which no row had a say in the stacking weights: probabilities (n, classes) or values (n,). Whether several
            answer or one alone, all rows decide.
        crossfitted_weights, crossfitted_offsets: the factors (n, q) and what is added (n, k) in these.
        alone: such answers of each population by itself.
        kept: the number of the one that answers alone; None where several do.
    """

    weights: FloatArray
    offset: FloatArray
    answers: FloatArray
    crossfitted_weights: FloatArray
    crossfitted_offsets: FloatArray
    alone: list[FloatArray]
    kept: int | None


class _Way(NamedTuple):
    """How outputs become answers: with a model that knows no features beside them, or shifted from class to class."""

    with_constant: bool = False
    shifted: bool = False


class _Fitted(NamedTuple):
    """Weights (q,) and what is added (k,), the same crossfitted, (n, q) and (n, k), and the answers and losses (n,) of these."""

    weights: FloatArray
    offset: FloatArray
    crossfitted_weights: FloatArray
    crossfitted_offsets: FloatArray
    answers: FloatArray
    losses: FloatArray


def stack(outputs: FloatArray, y: AnyArray, weight: FloatArray, task: Task, *, shifted: Sequence[bool] | None = None) -> Stacking:
    """Stacking weights of populations from their outputs (q, n, k) on rows they never saw; other arguments as `fit_stacking_weights`.

    Beside several populations a model that knows no features has a weight as well: it holds them back where they know little. Where
    all of them together do not lose less than the best one alone, that one answers.
    One alone may be `shifted` from class to class, where its members took steps; the intercepts of solved ones need no shift.
    """
    with threadpoolctl.threadpool_limits(1):  # threads of products so small get in each other's way: it took ten times as long
        return _stack(outputs, y, weight, task, shifted)


def _stack(outputs: FloatArray, y: AnyArray, weight: FloatArray, task: Task, shifted: Sequence[bool] | None) -> Stacking:
    ways = [_Way(shifted=each) for each in shifted or [False] * len(outputs)]
    each = [_fit_and_answer(outputs[[i]], y, weight, task, way) for i, way in enumerate(ways)]
    alone = [fitted.answers for fitted in each]
    kept = int(np.argmin([weight @ fitted.losses for fitted in each]))
    if len(outputs) > 1:
        mixed = _fit_and_answer(outputs, y, weight, task, _Way(with_constant=True))
        if weight @ mixed.losses < weight @ each[kept].losses:
            return Stacking(*mixed[:2], mixed.answers, *mixed[2:4], alone, None)
    own, place = each[kept], np.eye(len(outputs))[[kept]]
    return Stacking(own.weights @ place, own.offset, own.answers, own.crossfitted_weights @ place, own.crossfitted_offsets, alone, kept)


def _fit_and_answer(outputs: FloatArray, y: AnyArray, weight: FloatArray, task: Task, way: _Way) -> _Fitted:
    """What is fitted to all rows, and answers of what is fitted to others."""
    of_rows, offsets = _crossfitted(outputs, y, weight, task, way)
    answers = task.decode(stacked_outputs(outputs, of_rows) + offsets)
    return _Fitted(*_fit(outputs, y, weight, task, way), of_rows, offsets, answers, task.prediction_losses(y, answers))


def fit_stacking_weights(outputs: FloatArray, y: AnyArray, weight: FloatArray, task: Task) -> FloatArray:
    """The factor of each population's outputs in their sum, shape (q,), that makes the loss on these rows least.

    For numbers the weights add up to one: stacked regression (Breiman 1996), not negative. For classes their sum is free, so that
    they calibrate as well: with one population its weight is one over the temperature of Guo et al. 2017, section 4.2. So it is for
    counts, where a level is fitted as well.

    Args:
        outputs: of each population on rows it never saw, shape (q, n, k).
        y: encoded targets, shape (n,).
        weight: of rows, shape (n,).
        task: what is asked.
    """
    return _fit(outputs, y, weight, task, _Way())[0]


def _fit(outputs: FloatArray, y: AnyArray, weight: FloatArray, task: Task, way: _Way) -> tuple[FloatArray, FloatArray]:
    """As `fit_stacking_weights`, shape (q,), and what is added, (k,): the weighted constant, a shift of classes, a level, or zeros."""
    step, prior = -(-len(y) // _MOST_ROWS), _PRIOR_ROWS / np.count_nonzero(weight)
    constant = task.constant_outputs(y, weight)
    if way.with_constant:
        outputs = np.concatenate([outputs, np.broadcast_to(constant, (1, *outputs.shape[1:]))])
    rows, share = outputs[:, ::step].astype(np.float64), weight[::step] / weight[::step].sum()
    weights, shift = FITS[task.stacking](rows, y[::step], share, step * prior, way.shifted)
    return (weights[:-1], shift + weights[-1] * constant) if way.with_constant else (weights, shift)


def _fit_by_least_squares(
    outputs: FloatArray, y: AnyArray, weight: FloatArray, prior: float, shifted: bool
) -> tuple[FloatArray, FloatArray]:
    """Weights that add up to one, from values (q, n, 1), and no shift; weights of rows sum to one."""
    unmoved = np.zeros(outputs.shape[2])
    if len(outputs) == 1:
        return np.ones(1), unmoved
    residuals = outputs[:, :, 0] - y
    weight = _share_the_say(residuals, weight)
    products = (residuals * weight) @ residuals.T
    # What a row says weighs the more, the smaller its noise is; the rest keeps copies of a population apart.
    products += (prior * products.diagonal().min() + _ROUNDING * np.trace(products) + _LEAST_WEIGHT**2) * np.eye(len(outputs))
    # Of a'Pa with weights a that add up to one the minimum lies along that of b'Pb / 2 - sum(b), which is non-negative least squares.
    root = np.linalg.cholesky(products)
    weights = scipy.optimize.nnls(root.T, np.linalg.solve(root, np.ones(len(outputs))))[0]
    weights = np.where(weights > _LEAST_WEIGHT * weights.sum(), weights, 0.0)
    return weights / weights.sum(), unmoved


def _share_the_say(residuals: FloatArray, weight: FloatArray) -> FloatArray:
    """Weights of rows (n,) by which none has more of the squared residuals, of the best of populations (q, n), than all others together.

    A single row far out would else mix populations such that their errors in it cancel, whatever that does to all other rows.
    """
    squares = residuals**2 * weight
    best = squares[squares.sum(1).argmin()]
    place = int(best.argmax())
    others = best.sum() - best[place]
    if best[place] <= others:
        return weight
    shared = weight.copy()
    shared[place] *= others / best[place]
    return shared


def _fit_by_log_loss(outputs: FloatArray, y: AnyArray, weight: FloatArray, prior: float, shifted: bool) -> tuple[FloatArray, FloatArray]:
    """Weights whose sum is free, and a shift of each class if asked for, from log odds or log probabilities (q, n, k).

    A row counts as one of its class with (N + c) / (N + 2 c), N rows of that class, and as one of the others with the rest: the smoothed
    targets of Platt 1999, "Probabilistic Outputs for Support Vector Machines", section 2.2, where c is one. Else the weights of answers
    that are right in every row have no end, and probabilities come nearer to one than so few rows can show.

    Both together are the bias-corrected temperature scaling of Alexandari, Kundaje and Shrikumar 2020, "Maximum Likelihood with
    Bias-Corrected Calibration is Hard-To-Beat at Label Shift Adaptation", section 3. The shift has a normal prior of variance one.
    """
    n_populations, unmoved = len(outputs), np.zeros(outputs.shape[2])
    equal = np.full(n_populations, 1.0 / n_populations)
    if outputs.shape[2] == 1:
        outputs = np.concatenate([np.zeros_like(outputs), outputs], axis=2)
    n_classes = outputs.shape[2]
    moved = slice(n_classes - len(unmoved), n_classes)  # of two classes the second only
    targets = _smoothed(y, weight, n_classes) * weight[:, None]  # (n, k), which add up to one
    came, of_class = np.tensordot(outputs, targets, 2), targets.sum(0)[moved]

    def loss(numbers: FloatArray) -> tuple[float, FloatArray]:
        weights, shift = np.split(numbers, [n_populations])
        total = np.tensordot(weights, outputs, 1)
        if shifted:
            total[:, moved] += shift
        highest = total.max(1, keepdims=True)
        expected = np.exp(np.subtract(total, highest, out=total), out=total)
        sums = expected.sum(1)
        apart = weights - weights.mean()
        value = weight @ (highest[:, 0] + np.log(sums)) - came @ weights - of_class @ (shift if shifted else unmoved)
        value += 0.5 * prior * n_populations * apart @ apart + 0.5 * prior * shift @ shift
        expected *= (weight / sums)[:, None]
        of_weights = np.tensordot(outputs, expected, 2) - came + prior * n_populations * apart
        of_shift = expected.sum(0)[moved] - of_class + prior * shift if shifted else shift
        return value, np.concatenate([of_weights, of_shift])

    bounds = [(0.0, _LARGEST_WEIGHT)] * n_populations + [(None, None)] * (len(unmoved) if shifted else 0)
    start = np.concatenate([equal, unmoved]) if shifted else equal
    solution = scipy.optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return solution.x[:n_populations], solution.x[n_populations:] if shifted else unmoved


def _smoothed(y: IntArray, weight: FloatArray, n_classes: int) -> FloatArray:
    """How much each row counts as one of each class, (n, classes), given weights of rows that add up to one."""
    n_rows = np.count_nonzero(weight) * np.bincount(y, weights=weight, minlength=n_classes)
    of_each = _PSEUDO_ROWS / (n_classes - 1)
    other = of_each / (n_rows + 2 * of_each) / (n_classes - 1)
    return np.where(np.arange(n_classes) == y[:, None], 1 - (n_classes - 1) * other[y, None], other[y, None])


def _fit_by_deviance(outputs: FloatArray, y: AnyArray, weight: FloatArray, prior: float, shifted: bool) -> tuple[FloatArray, FloatArray]:
    """Weights whose sum is free, and what is added, from log rates (q, n, 1): Poisson regression on them, with weights not negative.

    A level is always fitted, because the mean of logs, and a factor on them, lower the mean. It has a normal prior of variance one.
    """
    n_populations = len(outputs)

    def loss(numbers: FloatArray) -> tuple[float, FloatArray]:
        weights, level = np.split(numbers, [n_populations])
        losses, slopes, _ = Count.convex.evaluate(np.tensordot(weights, outputs, 1) + level, y)
        slopes, apart = slopes[:, 0] * weight, weights - weights.mean()
        value = losses @ weight + 0.5 * prior * (n_populations * apart @ apart + level @ level)
        return value, np.append(outputs[:, :, 0] @ slopes + prior * n_populations * apart, slopes.sum() + prior * level)

    start = np.append(np.full(n_populations, 1.0 / n_populations), 0.0)
    bounds = [(0.0, _LARGEST_WEIGHT)] * n_populations + [(None, None)]
    solution = scipy.optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-12})
    return solution.x[:n_populations], solution.x[n_populations:]


def _share_equally(outputs: FloatArray, y: AnyArray, weight: FloatArray, prior: float, shifted: bool) -> tuple[FloatArray, FloatArray]:
    """Equal weights that add up to one, and no shift: probabilities whose loss is not convex in them are averaged as they are."""
    return np.full(len(outputs), 1.0 / len(outputs)), np.zeros(outputs.shape[2])


FITS = {"equal": _share_equally, "least squares": _fit_by_least_squares, "log loss": _fit_by_log_loss, "deviance": _fit_by_deviance}
"""How stacking weights are fitted, by what `Task.stacking` says."""


def _crossfitted(outputs: FloatArray, y: AnyArray, weight: FloatArray, task: Task, way: _Way) -> tuple[FloatArray, FloatArray]:
    """Each part of the rows gets the stacking weights, (n, q), and what is added, (n, k), that are fitted to the others."""
    weights, offsets = np.empty((len(y), len(outputs))), np.empty((len(y), outputs.shape[2]))
    part = np.arange(len(y)) % _N_PARTS if len(y) >= _FEWEST_CROSSFITTED else np.zeros(len(y), int)
    for number in np.unique(part):
        here, others = part == number, (part != number if part.any() else part == number)
        weights[here], offsets[here] = _fit(outputs[:, others], y[others], weight[others], task, way)
    return weights, offsets


def stacked_outputs(outputs: FloatArray, crossfitted_weights: FloatArray) -> FloatArray:
    """The sum (n, k) of populations' outputs (q, n, k) times the weight that each has in each row (n, q)."""
    return np.einsum("qnk,nq->nk", outputs, crossfitted_weights)
