"""How populations answer together: stacking weights, the calibration of the whole, and what is still uncertain then.

Everything here is fitted to out-of-bag outputs, and judged on rows that had no say in the fit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.optimize

from weights.tasks.base import Task
from weights.tasks.classes import log_probabilities
from weights.types import AnyArray, FloatArray

_MOST_ROWS = 50_000
_LARGEST_WEIGHT = 20.0
_LEAST_WEIGHT = 1e-9
"""Less than this is what rounding left of a weight of zero."""
_ROUNDING = 1e-13
_PRIOR_ROWS = 1.0
"""Stacking weights are held together as if so many rows spoke for equal ones (our choice): it settles what the data leave open.
Rows of numbers are taken to be as noisy as the best population leaves them."""
_MOST_SCORES = 20_000
_N_PARTS = 5


class Stacking(NamedTuple):
    """How populations answer together.

    Attributes:
        weights: factor of each population's outputs, shape (q,).
        offset: what is added to their sum, shape (k,).
        answers: predictions in which no row had a say in the stacking weights: probabilities (n, classes) or values (n,).
        crossfitted_weights, crossfitted_offsets: the factors (n, q) and what is added (n, k) in these.
    """

    weights: FloatArray
    offset: FloatArray
    answers: FloatArray
    crossfitted_weights: FloatArray
    crossfitted_offsets: FloatArray


def stack(outputs: FloatArray, y: AnyArray, weight: FloatArray, task: Task, *, shifted: bool = False) -> Stacking:
    """Stacking weights of populations from their outputs (q, n, k) on rows they never saw; other arguments as `fit_stacking_weights`.

    Beside several populations a model that knows no features has a weight as well: it holds them back where they know little.
    One alone may be `shifted` from class to class instead, where its members took steps; the intercepts of solved ones need no shift.
    """
    several = len(outputs) > 1
    if not several:
        weights, offset = _fit(outputs, y, weight, task, shifted=shifted)
        crossfitted_weights, crossfitted_offsets = _crossfitted(outputs, y, weight, task, shifted=shifted)
        return Stacking(
            weights,
            offset,
            task.decode(stacked_outputs(outputs, crossfitted_weights) + crossfitted_offsets),
            crossfitted_weights,
            crossfitted_offsets,
        )
    prior = task.constant_outputs(y, weight)
    outputs = np.concatenate([outputs, np.broadcast_to(prior, (1, *outputs.shape[1:]))])
    weights = fit_stacking_weights(outputs, y, weight, task)
    of_rows, _ = _crossfitted(outputs, y, weight, task, shifted=False)
    return Stacking(
        weights[:-1], weights[-1] * prior, task.decode(stacked_outputs(outputs, of_rows)), of_rows[:, :-1], of_rows[:, -1:] * prior
    )


def fit_stacking_weights(outputs: FloatArray, y: AnyArray, weight: FloatArray, task: Task) -> FloatArray:
    """The factor of each population's outputs in their sum, shape (q,), that makes the loss on these rows least.

    For numbers the weights add up to one: stacked regression (Breiman 1996), not negative. For classes their sum is free, so that
    they calibrate as well: with one population its weight is one over the temperature of Guo et al. 2017, section 4.2.

    Args:
        outputs: of each population on rows it never saw, shape (q, n, k).
        y: encoded targets, shape (n,).
        weight: of rows, shape (n,).
        task: what is asked.
    """
    return _fit(outputs, y, weight, task, shifted=False)[0]


def _fit(outputs: FloatArray, y: AnyArray, weight: FloatArray, task: Task, *, shifted: bool) -> tuple[FloatArray, FloatArray]:
    """As `fit_stacking_weights`, shape (q,), and, if asked for where there are classes, what is added to their sum, (k,), else zeros."""
    step = -(-len(y) // _MOST_ROWS)
    weight = weight[::step] / weight[::step].sum()
    return FITS[task.stacking](outputs[:, ::step].astype(np.float64), y[::step], weight, _PRIOR_ROWS / len(weight), shifted)


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

    Both together are the bias-corrected temperature scaling of Alexandari, Kundaje and Shrikumar 2020, "Maximum Likelihood with
    Bias-Corrected Calibration is Hard-To-Beat at Label Shift Adaptation", section 3. The shift has a normal prior of variance one.
    """
    n_populations, unmoved = len(outputs), np.zeros(outputs.shape[2])
    equal = np.full(n_populations, 1.0 / n_populations)
    if outputs.shape[2] == 1:
        outputs = np.concatenate([np.zeros_like(outputs), outputs], axis=2)
    came = outputs[:, np.arange(len(y)), y] @ weight  # (q,)
    n_classes = outputs.shape[2]
    moved = slice(n_classes - len(unmoved), n_classes)  # of two classes the second only
    of_class = np.bincount(y, weights=weight, minlength=n_classes)[moved]

    def loss(numbers: FloatArray) -> tuple[float, FloatArray]:
        weights, shift = np.split(numbers, [n_populations])
        total = np.tensordot(weights, outputs, 1)
        if shifted:
            total[:, moved] += shift
        logs = log_probabilities(total)
        apart = weights - weights.mean()
        value = -(logs[np.arange(len(y)), y] @ weight) + 0.5 * prior * n_populations * apart @ apart + 0.5 * prior * shift @ shift
        expected = np.exp(logs) * weight[:, None]
        of_weights = np.einsum("nk,qnk->q", expected, outputs) - came + prior * n_populations * apart
        of_shift = expected.sum(0)[moved] - of_class + prior * shift if shifted else shift
        return value, np.concatenate([of_weights, of_shift])

    bounds = [(0.0, _LARGEST_WEIGHT)] * n_populations + [(None, None)] * (len(unmoved) if shifted else 0)
    start = np.concatenate([equal, unmoved]) if shifted else equal
    solution = scipy.optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return solution.x[:n_populations], solution.x[n_populations:] if shifted else unmoved


FITS = {"least squares": _fit_by_least_squares, "log loss": _fit_by_log_loss}
"""How stacking weights are fitted, by what `Task.stacking` says."""


def crossfitted_answers(outputs: FloatArray, y: AnyArray, weight: FloatArray, task: Task, *, shifted: bool = False) -> FloatArray:
    """Stacked and calibrated predictions in which no row had a say in the stacking weights: probabilities (n, classes) or values (n,).

    Args:
        outputs: of each population on rows it never saw, shape (q, n, k).
        y: encoded targets, shape (n,).
        weight: of rows, shape (n,).
        task: what is asked.
        shifted: as `stack` has it.
    """
    crossfitted_weights, crossfitted_offsets = _crossfitted(outputs, y, weight, task, shifted=shifted)
    return task.decode(stacked_outputs(outputs, crossfitted_weights) + crossfitted_offsets)


def _crossfitted(outputs: FloatArray, y: AnyArray, weight: FloatArray, task: Task, *, shifted: bool) -> tuple[FloatArray, FloatArray]:
    """Each part of the rows gets the stacking weights, (n, q), and what is added, (n, k), that are fitted to the others."""
    weights, offsets = np.empty((len(y), len(outputs))), np.empty((len(y), outputs.shape[2]))
    part = np.arange(len(y)) % _N_PARTS if len(y) >= 10 * _N_PARTS else np.zeros(len(y), int)
    for number in np.unique(part):
        here, others = part == number, (part != number if part.any() else part == number)
        weights[here], offsets[here] = _fit(outputs[:, others], y[others], weight[others], task, shifted=shifted)
    return weights, offsets


def stacked_outputs(outputs: FloatArray, crossfitted_weights: FloatArray) -> FloatArray:
    """The sum (n, k) of populations' outputs (q, n, k) times the weight that each has in each row (n, q)."""
    return np.einsum("qnk,nq->nk", outputs, crossfitted_weights)


def conformal_scores(task: Task, y: AnyArray, answers: FloatArray, weight: FloatArray) -> FloatArray:
    """Scores of out-of-bag rows in ascending order, at most 20,000 (thinned to even ranks above that)."""
    used = weight > 0
    scores = np.sort(task.nonconformity(y, answers)[used])
    if len(scores) > _MOST_SCORES:
        scores = scores[np.linspace(0, len(scores) - 1, _MOST_SCORES).round().astype(int)]
    return scores
