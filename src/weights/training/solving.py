"""Members whose optimum is solved: `Solving` solves them all; where no strength is set, out-of-bag rows choose it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec
import numpy as np
import threadpoolctl

from weights.averaging import average_out_of_bag
from weights.elements.regularization import PENALTIES
from weights.errors import Interrupted
from weights.spec import Spec
from weights.training.control import Control, Progress
from weights.training.exact import NewtonStep, Problem, Solution, linear_outputs, solve, solve_path, strength_path
from weights.training.job import Job
from weights.training.outofbag import Trained, collect, row_losses
from weights.types import BoolArray, FloatArray, IntArray

_ENOUGH_JUDGED = 10_000
_MOST_BYTES_OF_DERIVATIVES = 1 << 27
_SCOUTING_TOLERANCE = 1e-5
"""Of solutions that only choose a strength."""


class Solving:
    """A population that is solved: all of it at once, whatever the share that is asked for."""

    def __init__(self, job: Job, control: Control) -> None:
        self.job, self.control = job, control
        self.trained: Trained | None = None

    @classmethod
    def begin(cls, job: Job, control: Control, *, alike: Sequence[Spec] = ()) -> Solving:
        """A population of which nothing is solved yet; there is no program to share with others that are `alike`."""
        return cls(job, control)

    def advance(self, until: float = 1.0) -> float:
        """The share that is complete once every member is solved, which is all."""
        self.finish()
        return 1.0

    def finish(self) -> Trained:
        """The solved members."""
        if self.trained is None:
            self.trained = _solve_members(self.job, self.control)
        return self.trained

    def row_losses(self) -> tuple[FloatArray, BoolArray]:
        """Out-of-bag losses of the ensemble's outputs (n,), and which rows have one (n,)."""
        trained = self.finish()
        return row_losses(self.job, trained.outputs, trained.covered), trained.covered


def _solve_members(job: Job, control: Control) -> Trained:
    """Solve every member; where no strength is set, out-of-bag rows choose it along a path."""
    specs = job.specs
    solutions: list[Solution] = []
    with threadpoolctl.threadpool_limits(1), ThreadPoolExecutor(control.n_threads) as threads:
        if specs[0].regularization.strength is None and PENALTIES[specs[0].regularization.penalty].has_strength:
            specs = _choose_strengths(job, control, threads)

        def solve_member(m: int) -> Solution:
            if control.stopping():
                raise Interrupted("Training was stopped.")
            settings = specs[m].regularization
            return solve(_pose(job, m), settings, settings.strength or 0.0, tolerance=specs[m].optimization.tolerance)

        streamed = job.streaming is not None and solves_all_rows(job)
        for solution in threads.map(solve_member, range(job.n_members)):
            solutions.append(solution)
            if not streamed:
                control.report(Progress(job.name, len(solutions) / job.n_members, None))
        if streamed:
            solutions = _refine(job, specs, solutions, control, threads)
    params = [{"output": {"w": s.w, "b": s.b}} for s in solutions]
    failures = ["" if np.isfinite(s.w).all() and np.isfinite(s.b).all() else "its solution is not finite" for s in solutions]
    history = {
        "residual": np.asarray([[s.residual] for s in solutions]),
        "n_steps": np.asarray([[float(s.n_steps)] for s in solutions]),
        "strength": np.asarray([[spec.regularization.strength or 0.0] for spec in specs]),
        "zeros": np.asarray([[float(np.mean(s.w == 0))] for s in solutions]),
    }
    return collect(job, control, params, failures, history)


def solves_all_rows(job: Job) -> bool:
    """Whether members learn from all rows, also of a table that is streamed, for which second derivatives must fit into memory."""
    unknowns = (job.layout.n_columns + 1) * job.task.n_outputs
    return job.streaming is None or 8 * job.n_members * unknowns**2 <= _MOST_BYTES_OF_DERIVATIVES


def _refine(
    job: Job,
    specs: list[Spec],
    solutions: list[Solution],
    control: Control,
    threads: ThreadPoolExecutor,
) -> list[Solution]:
    """Solutions for the sample moved to those for all rows, by two Newton steps, each of which squares the distance.

    One whose first step led away stays as it is.
    """
    first = _take_newton_step(job, specs, solutions, control, threads, 0.0)
    second = _take_newton_step(job, specs, first, control, threads, 0.5)
    return [c if c.residual <= b.residual else a for a, b, c in zip(solutions, first, second, strict=True)]


def _take_newton_step(
    job: Job, specs: list[Spec], solutions: list[Solution], control: Control, threads: ThreadPoolExecutor, done: float
) -> list[Solution]:
    assert job.streaming is not None
    steps, n_rows = [NewtonStep(job.task.convex, solution) for solution in solutions], 0
    for rows in job.streaming.in_order():
        if control.stopping():
            raise Interrupted("Training was stopped.")
        x = (rows.inputs.x * _find_used(job)).astype(np.float64)
        weights = rows.weight * rows.counts.T
        for _ in threads.map(lambda step, weight, x=x, y=rows.y: step.add(x, y, weight), steps, weights):
            pass
        n_rows += len(rows.y)
        control.report(Progress(job.name, min(done + 0.5 * n_rows / job.streaming.stream.n_rows, 1.0), None))
    regularizations = [spec.regularization for spec in specs]
    return [step.take(r, r.strength or 0.0, job.groups[: job.layout.n_columns]) for step, r in zip(steps, regularizations, strict=True)]


def _pose(job: Job, m: int) -> Problem:
    """What member m solves."""
    return _pose_for_all(job)._replace(weight=job.weight * job.resampling.counts[m])


def _pose_for_all(job: Job) -> Problem:
    """All rows; masked inputs are zero, so that their weights are too."""
    x, used = job.inputs.x, _find_used(job)
    groups = job.groups[: job.layout.n_columns]
    return Problem(job.task.convex, x if used.all() else x * used, job.y, job.weight, job.task.n_outputs, groups)


def _find_used(job: Job) -> FloatArray:
    """0 for columns that are masked, else 1, shape (p,)."""
    return job.used[: job.layout.n_columns]


def _choose_strengths(job: Job, control: Control, threads: ThreadPoolExecutor) -> list[Spec]:
    """Settings with each member's strength: the best on rows that the member learned from, judged by members that did not.

    Strengths fall until each member has seen two more that are worse than its best: the weakest take longest to solve.
    """
    spec = job.specs[0]
    strengths = strength_path(_pose_for_all(job), spec.regularization)
    scouts = range(_count_scouts(job, spec.members.n_folds))

    def predict_along_path(m: int) -> Iterator[tuple[IntArray, FloatArray]]:
        rows = np.flatnonzero(job.resampling.scored[m])
        for solution in solve_path(_pose(job, m), spec.regularization, strengths, tolerance=_SCOUTING_TOLERANCE):
            yield rows, linear_outputs(job.inputs.x, rows, solution)

    paths = [predict_along_path(m) for m in scouts]
    covered = np.asarray(job.resampling.scored[: len(scouts)].any(0))
    scores = np.empty((job.n_members, 0))
    while scores.shape[1] < len(strengths) and (scores.shape[1] < 3 or scores.argmin(1).max() >= scores.shape[1] - 2):
        if control.stopping():
            raise Interrupted("Training was stopped.")
        outputs, _ = average_out_of_bag(job.task, len(job.inputs), threads.map(next, paths))
        losses = row_losses(job, outputs, covered)
        scores = np.column_stack([scores, [job.weight * (covered & ~scored) @ losses for scored in job.resampling.scored]])
    # Where nobody else is judged, nothing may decide, and the middle of the path is taken.
    judged = [bool((job.weight * (covered & ~scored)).any()) for scored in job.resampling.scored]
    chosen = np.where(judged, scores.argmin(1), len(strengths) // 2)
    with_strength = [msgspec.structs.replace(spec.regularization, strength=float(strength)) for strength in strengths[chosen]]
    return [msgspec.structs.replace(spec, regularization=regularization) for regularization in with_strength]


def _count_scouts(job: Job, most: int) -> int:
    """How many members walk the path: each fold's, or the first ones, three at least, if those alone are judged on 10,000 rows."""
    judged = np.cumsum(job.resampling.scored[:most].sum(1))
    return min(max(3, int(np.searchsorted(judged, _ENOUGH_JUDGED)) + 1), len(judged))
