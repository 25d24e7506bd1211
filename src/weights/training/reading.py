"""How solved members read numbers, and how strong their penalty is: `choose` lets out-of-bag rows decide.

A number is read as it is, so that the model is linear in it and goes on beyond the rows of training. Where some rows lie far out, they
may be what there is to learn from, errors that draw every weight to themselves, or the end of a curve. So a number can also be read as it
is within limits, beyond which it counts as the median, as a missing one does, or with the smooth bound of the encoding. A limit lies in
a gap, far from the rows on either side, so that the line goes on beyond the rows that it was learned from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from weights.averaging import average_out_of_bag
from weights.data.inputs import COLUMNS, FARTHEST, NUMBERS, Inputs, Layout
from weights.elements.regularization import PENALTIES
from weights.ensemble import Population
from weights.models.registry import architecture_of
from weights.training.control import Control
from weights.training.exact import linear_outputs, solve_path, strength_path
from weights.training.features import Features
from weights.training.job import Job
from weights.training.outofbag import row_losses
from weights.training.problem import Solution
from weights.training.sparse import CHOOSING_TOLERANCE
from weights.training.stacking import stack
from weights.types import BoolArray, FloatArray, IntArray

_LEAST_GAIN = 0.01
"""Share of the loss that reading all numbers otherwise must gain (our choice): where it hardly matters, a linear model has coefficients."""
_LEAST_GAP = 4.0
"""How many times as far as the rows within a limit those beyond it must lie (our choice): the line goes on for twice as far as the rows."""
_MOST_BEYOND = 0.1
"""Share of rows that may lie beyond a limit (our choice)."""
_NO_DIFFERENCE = 1e-6
_MOST_TRIED_ALONE = 8
_ENOUGH_JUDGED, _ENOUGH_OF_SPARSE = 10_000, 1_000
_BEGUN_AT = 4
"""The place in the path of strengths where it begins for sparse inputs (our choice): a hundredth, of a text stronger than most need."""


class Choice(NamedTuple):
    """What members are solved with: limits within which they read numbers as they are, and strengths of their penalties (m,).

    limits: shape (numeric,), in units of the encoding: `FARTHEST` for no limit, 0 where the number is read with its bound.
    starts: solutions nearby of the first members, none where none were tried.
    """

    limits: FloatArray
    strengths: FloatArray
    starts: Sequence[Solution] = ()


def choose(job: Job, features: Features, control: Control, threads: ThreadPoolExecutor) -> Choice:
    """How all members read numbers, by all rows that are judged, and the strength of each, by rows that it learned from.

    Where numbers have rows far beyond the bound, all such are tried within limits too, and all with the bound; then, from the best,
    single ones otherwise, those with the farthest rows first. Members are solved for each of a few strengths where none is set: of the
    first reading for all that may be best, of others for those near the best of the readings before. Over sparse inputs strengths
    change little but the size of outputs: there they are compared by what is lost once outputs are calibrated, as they will be.
    """
    regularization = job.specs[0].regularization
    open_strength = regularization.strength is None and PENALTIES[regularization.penalty].has_strength
    as_they_are = features.as_they_are
    ways = _find_ways(job, features) if len(as_they_are) else {}
    strengths = np.asarray([regularization.strength or 0.0])
    if not open_strength and not ways:
        return Choice(as_they_are, strengths.repeat(job.n_members))
    if open_strength:
        strengths = strength_path(features.pose_rows(0, as_they_are, job.weight), regularization)
    trials = _Trials(job, features, control, threads, strengths)
    best = trials.walk(as_they_are)
    for limits in _ladder(as_they_are, ways):
        best = trials.better(best, trials.walk(limits, near=best), needs_certainty=False)
    for j in [*ways][:_MOST_TRIED_ALONE] if len(as_they_are) > 1 else []:
        for limit in sorted({*ways[j], 0.0, FARTHEST} - {best.limits[j]}):
            other = best.limits.copy()
            other[j] = limit
            best = trials.better(best, trials.try_out(other, near=best), needs_certainty=True)
    if len(best.losses) == 1 < len(strengths):
        best = trials.walk(best.limits, near=best)
    chosen = np.asarray([strengths[trials.place_of(best, weight)] for weight in trials.weights])
    return Choice(best.limits, chosen, best.solutions)


def find_tailed(layout: Layout, inputs: Inputs) -> BoolArray:
    """Which numbers have rows beyond twice the bound, shape (numeric,); none where there is no other way to read them."""
    return np.asarray(_find_far(layout, inputs).any(0)) if NUMBERS in inputs.blocks else np.zeros(len(layout.numeric), bool)


def _find_far(layout: Layout, inputs: Inputs) -> BoolArray:
    """Which numbers lie beyond twice the bound, shape (n, numeric)."""
    # The smooth clip at c takes z = 2 c to z / sqrt(5).
    return np.asarray(np.abs(inputs[NUMBERS]) > 5**0.5 * np.abs(inputs[COLUMNS][:, list(layout.numeric)]))


def _find_ways(job: Job, features: Features) -> dict[int, list[float]]:
    """The numbers in use that have rows far beyond the bound, those with the farthest first, and the limits to try of each."""
    asked = np.outer(job.weight > 0, features.used[list(job.layout.numeric)] > 0)
    far, distances = _find_far(job.layout, job.inputs) & asked, np.abs(job.inputs[NUMBERS]) * asked
    reach = np.argsort(-distances.max(0), kind="stable")
    return {int(j): find_limits(distances[:, j], int(far[:, j].sum())) for j in reach if far[:, j].any()}


def find_limits(distances: FloatArray, n_far: int) -> list[float]:
    """The middle (of logs) of the widest gap between rows and of the innermost, falling; none where there is no wide gap.

    Args:
        distances: of rows from the median, in units of the encoding, shape (n,).
        n_far: how many of them may lie beyond a limit at most, the farthest; never more than a tenth.

    Example:
        >>> find_limits(np.array([0.5, 1.0, 0.1, 2.0, 1.5, 0.2, 0.9, 1.1, 0.3, 1.0, 800.0]), 1)
        [40.0]
    """
    n_beyond = min(n_far, max(int(_MOST_BEYOND * len(distances)), 1))
    farthest = np.sort(np.maximum(distances, 1.0))[::-1][: n_beyond + 1].astype(float)
    gaps = farthest[:-1] / farthest[1:]
    wide = np.flatnonzero(gaps >= _LEAST_GAP)
    places = sorted({int(gaps.argmax()), int(wide[-1])}) if len(wide) else []
    return [float(np.sqrt(farthest[i] * farthest[i + 1])) for i in places]


def _ladder(as_they_are: FloatArray, ways: dict[int, list[float]]) -> Iterator[FloatArray]:
    """What is tried of all numbers at a time, shape (numeric,): their limits, the farther ones first, and their bounds."""
    for step in range(max((len(limits) for limits in ways.values()), default=0)):
        limited = as_they_are.copy()
        for j, limits in ways.items():
            limited[j] = limits[min(step, len(limits) - 1)] if limits else FARTHEST
        yield limited
    if ways:
        yield np.zeros_like(as_they_are)


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


class _Walk(NamedTuple):
    """One way to read numbers, limits (numeric,), tried from the strength at place `first` of the path on.

    losses: of each row with each strength, shape (s, n). solutions: of each scout at about the best of these.
    """

    limits: FloatArray
    first: int
    losses: FloatArray
    solutions: list[Solution]


class _Trials:
    """What is tried: members of some folds, the scouts, are solved along a path of falling strengths (s,), and judged on the rest."""

    def __init__(self, job: Job, features: Features, control: Control, threads: ThreadPoolExecutor, strengths: FloatArray) -> None:
        self.job, self.features, self.control, self.threads, self.strengths = job, features, control, threads, strengths
        enough = _ENOUGH_OF_SPARSE if features.is_sparse else _ENOUGH_JUDGED
        self.scouts = range(_count_scouts(job, job.specs[0].members.n_folds, enough))
        self.covered = np.asarray(job.resampling.scored[: len(self.scouts)].any(0))
        self.weights = np.stack([job.weight * (self.covered & ~scored) for scored in job.resampling.scored])  # by which members choose
        makes_zeros = PENALTIES[job.specs[0].regularization.penalty].makes_zeros
        self.begun_at = _BEGUN_AT if features.is_sparse and not makes_zeros and len(strengths) > _BEGUN_AT else 0

    def walk(self, limits: FloatArray, near: _Walk | None = None) -> _Walk:
        """Try falling strengths until each member has seen two more that are worse than its best: the weakest take longest to solve.

        They begin where most do, or beside the best of a walk nearby, and before that only while the first is some member's best.
        """
        first = self.begun_at if near is None else max(self.place_of(near) - 1, 0)
        tried = self._follow(limits, first, len(self.strengths), None if near is None else near.solutions)
        while tried.first > 0 and (self.weights @ tried.losses.T).argmin(1).min() == 0:
            # Near the solution of a weaker penalty one that is rough would stay.
            starts = None if self.features.is_sparse else tried.solutions
            before = self._follow(limits, tried.first - 1, tried.first, starts)
            tried = tried._replace(first=before.first, losses=np.concatenate([before.losses, tried.losses]))
        return tried

    def try_out(self, limits: FloatArray, near: _Walk) -> _Walk:
        """Try the strength alone that is best in a walk nearby."""
        place = self.place_of(near)
        return self._follow(limits, place, place + 1, near.solutions)

    def _follow(self, limits: FloatArray, first: int, end: int, starts: list[Solution] | None) -> _Walk:
        """Try the strengths from a place up to another, at most, solutions starting from those nearby."""
        job, spec = self.job, self.job.specs[0]

        def solve_along_path(m: int) -> Iterator[Solution]:
            problem, start = self.features.pose(m, limits), None if starts is None else starts[m]
            yield from solve_path(problem, spec.regularization, self.strengths[first:end], tolerance=CHOOSING_TOLERANCE, start=start)

        def predict(m: int, solution: Solution) -> tuple[IntArray, FloatArray]:
            rows = np.flatnonzero(job.resampling.scored[m])
            return rows, linear_outputs(self.features.of(m, limits), rows, solution)

        paths = [solve_along_path(m) for m in self.scouts]
        losses: list[FloatArray] = []
        best: list[Solution] = []
        scores = np.empty((job.n_members, 0))
        while len(losses) < end - first and (len(losses) < 3 or scores.argmin(1).max() >= len(losses) - 2):
            solutions = [*self.control.each(self.threads, next, paths)]
            outputs, _ = average_out_of_bag(job.task, len(job.inputs), map(predict, self.scouts, solutions))
            losses.append(np.nan_to_num(self._judge(outputs), nan=np.inf))
            scores = np.column_stack([scores, self.weights @ losses[-1]])
            best = solutions if scores.sum(0).argmin() == len(losses) - 1 else best
        return _Walk(limits, first, np.stack(losses), best)

    def _judge(self, outputs: FloatArray) -> FloatArray:
        """The losses (n,) of out-of-bag outputs (n, k)."""
        job, losses = self.job, np.zeros(len(self.covered))
        own, y, weight = outputs[self.covered], job.y[self.covered], job.weight[self.covered]
        if not self.features.is_sparse or not np.isfinite(own).all() or not weight.any():
            return row_losses(job, outputs, self.covered)
        losses[self.covered] = job.task.prediction_losses(y, stack(own[None], y, weight, job.task).alone[0])
        return losses

    def better(self, first: _Walk, second: _Walk, *, needs_certainty: bool) -> _Walk:
        """The second, if it gains enough for the numbers that it no longer reads as they are, and, where asked, more than chance would."""
        weight = self.job.weight * self.covered
        before, after = (walk.losses[_last_as_good(walk.losses @ weight)] for walk in (first, second))
        allowed = 1 - _LEAST_GAIN * float((second.limits < FARTHEST).mean() - (first.limits < FARTHEST).mean())
        gains = weight @ after < allowed * (weight @ before)
        return second if gains and (not needs_certainty or _differs(before, after, weight)) else first

    def place_of(self, walk: _Walk, weight: FloatArray | None = None) -> int:
        """The place of the best strength for rows of these weights (n,), or for all; where none has any, the middle of the walk."""
        weight = self.job.weight * self.covered if weight is None else weight
        scores = walk.losses @ weight
        # Of sparse inputs a solution is rough, and stays that of the strength before where the next one makes little difference.
        best = int(scores.argmin()) if self.features.is_sparse else _last_as_good(scores)
        return walk.first + (best if weight.any() else len(walk.losses) // 2)


def _last_as_good(scores: FloatArray) -> int:
    """The place of the least of some scores; of strengths that make no difference the weakest, which is the last."""
    return int(np.flatnonzero(scores <= scores.min() * (1 + _NO_DIFFERENCE))[-1])


def _differs(before: FloatArray, after: FloatArray, weight: FloatArray) -> bool:
    """Whether roots of losses (n,), of which a single row cannot be all, fall by more than two standard errors of their mean difference."""
    gains = np.sqrt(before) - np.sqrt(after)
    mean = np.average(gains, weights=weight)
    return bool(weight.sum() * mean > 2 * np.sqrt(weight**2 @ (gains - mean) ** 2))


def _count_scouts(job: Job, most: int, enough: int) -> int:
    """How many members walk the path: each fold's, or the first ones, three at least, if those alone are judged on enough rows."""
    judged = np.cumsum(job.resampling.scored[:most].sum(1))
    return min(max(3, int(np.searchsorted(judged, enough)) + 1), len(judged))
