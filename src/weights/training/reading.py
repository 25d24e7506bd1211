"""How solved members read numbers, as they are or bounded, and how strong their penalty is: `choose` lets out-of-bag rows decide.

A number is read as it is, so that the model is linear in it and goes on beyond the rows of training. Where some rows lie beyond the
bound of the encoding, such a row may be what there is to learn from, or a typing error that draws every weight to itself. Both ways are
tried, and each member takes what is best on rows that it learned from, judged by members that did not: rows that it is judged on have no
say in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from weights.averaging import average_out_of_bag
from weights.data.inputs import COLUMNS, NUMBERS, Inputs, Layout
from weights.elements.regularization import PENALTIES
from weights.ensemble import Population
from weights.errors import Interrupted
from weights.models.registry import architecture_of
from weights.training.control import Control
from weights.training.exact import Problem, linear_outputs, solve_path, strength_path
from weights.training.job import Job
from weights.training.outofbag import row_losses
from weights.types import BoolArray, FloatArray, IntArray

_LEAST_GAIN = 0.01
"""Share of the loss that a bound on all numbers must gain (our choice): where it hardly matters, a linear model has coefficients."""
_NO_DIFFERENCE = 1e-6
_MOST_TRIED_ALONE = 8
_ENOUGH_JUDGED = 10_000
_SCOUTING_TOLERANCE = 1e-5
"""Of solutions that only choose."""


class Choice(NamedTuple):
    """What members are solved with: which numbers they read without a bound, shape (numeric,), and strengths of their penalties (m,)."""

    unbounded: BoolArray
    strengths: FloatArray


def choose(job: Job, control: Control, threads: ThreadPoolExecutor) -> Choice:
    """How all members read numbers, by all rows that are judged, and the strength of each, by rows that it learned from.

    Where numbers have rows far beyond the bound, all are tried with it as well; then, from the better, single ones of those the other
    way, those with the farthest rows first. Members are solved for each of a few strengths where none is set.
    """
    regularization = job.specs[0].regularization
    open_strength = regularization.strength is None and PENALTIES[regularization.penalty].has_strength
    as_they_are = np.ones(_n_unbounded(job), bool)
    tailed = _by_reach(job) if len(as_they_are) else []
    strengths = np.asarray([regularization.strength or 0.0])
    if not open_strength and not tailed:
        return Choice(as_they_are, strengths.repeat(job.n_members))
    if open_strength:
        strengths = strength_path(pose(job, job.inputs.x, job.weight), regularization)
    trials = _Trials(job, control, threads)
    best = trials.walk(as_they_are, strengths)
    if tailed:
        best = trials.better(best, trials.walk(~as_they_are, strengths), needs_certainty=False)
    for j in tailed[:_MOST_TRIED_ALONE] if len(as_they_are) > 1 else []:
        other = best.unbounded.copy()
        other[j] = not other[j]
        best = trials.better(best, trials.walk(other, trials.strength_of(best)), needs_certainty=True)
    if len(best.strengths) == 1 < len(strengths):
        best = trials.walk(best.unbounded, strengths)
    return Choice(best.unbounded, np.concatenate([trials.strength_of(best, weight) for weight in trials.weights]))


def find_tailed(layout: Layout, inputs: Inputs) -> BoolArray:
    """Which numbers have rows beyond twice the bound, shape (numeric,); none where there is no other way to read them."""
    if NUMBERS not in inputs.blocks:
        return np.zeros(len(layout.numeric), bool)
    bounded, numbers = inputs[COLUMNS][:, list(layout.numeric)], inputs[NUMBERS]
    # The smooth clip at c takes z = 2 c to z / sqrt(5).
    return np.asarray((np.abs(numbers) > 5**0.5 * np.abs(bounded)).any(0))


def _by_reach(job: Job) -> list[int]:
    """The numbers in use that have rows far beyond the bound, those with the farthest first."""
    tailed = find_tailed(job.layout, job.inputs) & (find_used(job)[list(job.layout.numeric)] > 0)
    reach = np.abs(job.inputs[NUMBERS]).max(0)
    return [int(j) for j in np.argsort(-reach, kind="stable") if tailed[j]]


def read(job: Job, inputs: Inputs, unbounded: BoolArray) -> FloatArray:
    """The columns of rows with these numbers in them as they are, float32, shape (n, p)."""
    if not unbounded.any():
        return inputs.x
    x = np.array(inputs.x)
    x[:, np.asarray(job.layout.numeric)[unbounded]] = inputs[NUMBERS][:, unbounded]
    return x


def spread_weights(job: Job, w: FloatArray, unbounded: BoolArray) -> FloatArray:
    """Weights (p, k) of columns that were `read` as the model has them, those of unbounded numbers behind the others, (p + numeric, k)."""
    if not len(unbounded):
        return w
    numeric = np.asarray(job.layout.numeric)
    own, behind = w.copy(), np.where(unbounded[:, None], w[numeric], 0.0)
    own[numeric[unbounded]] = 0.0
    return np.concatenate([own, behind])


def share_bounded(population: Population, layout: Layout) -> FloatArray:
    """The share of a population's members, by weight, that read a number with its bound, shape (numeric,).

    NaN where the model is not one that may leave the bound out.
    """
    architecture, weights = architecture_of(population.spec.model), population.normalised_member_weights
    n_columns, numeric = layout.n_columns, list(layout.numeric)
    if not architecture.linear:
        return np.full(len(numeric), np.nan)
    w = np.asarray(population.params["output"]["w"])  # (m, p + numeric, k)
    return weights @ (w[:, numeric] != 0).any(2) if w.shape[1] > n_columns else np.full(len(numeric), np.nan)


def pose(job: Job, x: FloatArray, weight: FloatArray) -> Problem:
    """What is solved for columns x (n, p) and weights of rows (n,); masked inputs are zero, so that their weights are too."""
    used, groups = find_used(job), job.groups[: job.layout.n_columns]
    return Problem(job.task.convex, x if used.all() else x * used, job.y, weight, job.task.n_outputs, groups)


def find_used(job: Job) -> FloatArray:
    """0 for columns that are masked, else 1, shape (p,)."""
    return job.used[: job.layout.n_columns]


def _n_unbounded(job: Job) -> int:
    """How many numbers the model may read without a bound: as many as it has weights for behind those of columns."""
    model = job.specs[0].model
    return architecture_of(model).cost(model, job.layout).n_units - job.layout.n_columns


class _Walk(NamedTuple):
    """One way to read numbers, shape (numeric,), some strengths (s,), and the loss of each row with each of them, shape (s, n)."""

    unbounded: BoolArray
    strengths: FloatArray
    losses: FloatArray


class _Trials:
    """What is tried: members of some folds are solved, and judged on the rest."""

    def __init__(self, job: Job, control: Control, threads: ThreadPoolExecutor) -> None:
        self.job, self.control, self.threads = job, control, threads
        self.scouts = range(_count_scouts(job, job.specs[0].members.n_folds))
        self.covered = np.asarray(job.resampling.scored[: len(self.scouts)].any(0))
        self.weights = np.stack([job.weight * (self.covered & ~scored) for scored in job.resampling.scored])  # by which members choose

    def walk(self, unbounded: BoolArray, strengths: FloatArray) -> _Walk:
        """Try falling strengths until each member has seen two more that are worse than its best: the weakest take longest to solve."""
        job, x, spec = self.job, read(self.job, self.job.inputs, unbounded), self.job.specs[0]

        def predict_along_path(m: int) -> Iterator[tuple[IntArray, FloatArray]]:
            rows = np.flatnonzero(job.resampling.scored[m])
            problem = pose(job, x, job.weight * job.resampling.counts[m])
            for solution in solve_path(problem, spec.regularization, strengths, tolerance=_SCOUTING_TOLERANCE):
                yield rows, linear_outputs(x, rows, solution)

        paths = [predict_along_path(m) for m in self.scouts]
        losses: list[FloatArray] = []
        scores = np.empty((job.n_members, 0))
        while len(losses) < len(strengths) and (len(losses) < 3 or scores.argmin(1).max() >= len(losses) - 2):
            if self.control.stopping():
                raise Interrupted("Training was stopped.")
            outputs, _ = average_out_of_bag(job.task, len(job.inputs), self.threads.map(next, paths))
            losses.append(np.nan_to_num(row_losses(job, outputs, self.covered), nan=np.inf))
            scores = np.column_stack([scores, self.weights @ losses[-1]])
        return _Walk(unbounded, strengths[: len(losses)], np.stack(losses))

    def better(self, first: _Walk, second: _Walk, *, needs_certainty: bool) -> _Walk:
        """The second, if it gains enough for the numbers that it bounds, and, where many are tried, more than chance would."""
        weight = self.job.weight * self.covered
        before, after = (walk.losses[_last_as_good(walk.losses @ weight)] for walk in (first, second))
        allowed = 1 - _LEAST_GAIN * (first.unbounded.mean() - second.unbounded.mean())
        gains = weight @ after < allowed * (weight @ before)
        return second if gains and (not needs_certainty or _differs(before, after, weight)) else first

    def strength_of(self, walk: _Walk, weight: FloatArray | None = None) -> FloatArray:
        """The best strength, shape (1,), for rows of these weights (n,), or for all; where none has any, the middle of the path."""
        weight = self.job.weight * self.covered if weight is None else weight
        place = _last_as_good(walk.losses @ weight) if weight.any() else len(walk.strengths) // 2
        return walk.strengths[place : place + 1]


def _last_as_good(scores: FloatArray) -> int:
    """The place of the least of some scores; of strengths that make no difference the weakest, which is the last."""
    return int(np.flatnonzero(scores <= scores.min() * (1 + _NO_DIFFERENCE))[-1])


def _differs(before: FloatArray, after: FloatArray, weight: FloatArray) -> bool:
    """Whether roots of losses (n,), of which a single row cannot be all, fall by more than two standard errors of their mean difference."""
    gains = np.sqrt(before) - np.sqrt(after)
    mean = np.average(gains, weights=weight)
    return bool(weight.sum() * mean > 2 * np.sqrt(weight**2 @ (gains - mean) ** 2))


def _count_scouts(job: Job, most: int) -> int:
    """How many members walk the path: each fold's, or the first ones, three at least, if those alone are judged on 10,000 rows."""
    judged = np.cumsum(job.resampling.scored[:most].sum(1))
    return min(max(3, int(np.searchsorted(judged, _ENOUGH_JUDGED)) + 1), len(judged))
