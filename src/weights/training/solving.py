"""Members whose optimum is solved: `Solving` solves them all, as `reading.choose` chose."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import threadpoolctl
from msgspec import structs

from weights.models.registry import architecture_of
from weights.spec import Spec
from weights.training.control import Control, Progress
from weights.training.exact import NewtonStep, solve
from weights.training.features import Features
from weights.training.job import Job
from weights.training.outofbag import Trained, collect, row_losses
from weights.training.problem import Solution
from weights.training.reading import Choice, choose
from weights.training.sparse import CHOOSING_TOLERANCE
from weights.types import BoolArray, FloatArray, IntArray

_MOST_BYTES_OF_DERIVATIVES = 1 << 27
_FEW_ROWS, _FEW_MEMBERS = 4_000, 3
"""Rows, and members, that tell what a population will be like (our choice)."""


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

    @property
    def is_complete(self) -> bool:
        """Whether all members are solved."""
        return self.trained is not None

    def glimpse(self, share: float) -> tuple[FloatArray, BoolArray]:
        """Out-of-bag outputs (n, k), and which rows have some (n,): of a sample of rows, where they are many, by a few members."""
        if self.trained is None and len(self.job.inputs) <= _FEW_ROWS:
            self.finish()
        return self._glimpse_of_few if self.trained is None else (self.trained.outputs, self.trained.covered)

    @functools.cached_property
    def _glimpse_of_few(self) -> tuple[FloatArray, BoolArray]:
        job, rows = self.job, _draw_some(self.job, _FEW_ROWS)
        few = _solve_members(_roughly(job.only(range(min(_FEW_MEMBERS, job.n_members))).of_rows(rows)), self.control.aside())
        outputs, covered = np.zeros((len(job.inputs), few.outputs.shape[1])), np.zeros(len(job.inputs), bool)
        outputs[rows], covered[rows] = few.outputs, few.covered
        return outputs, covered

    def row_losses(self) -> tuple[FloatArray, BoolArray]:
        """Out-of-bag losses of the ensemble's outputs (n,), and which rows have one (n,)."""
        trained = self.finish()
        return row_losses(self.job, trained.outputs, trained.covered), trained.covered


def _solve_members(job: Job, control: Control) -> Trained:
    """Solve every member."""
    solutions: list[Solution] = []
    with threadpoolctl.threadpool_limits(1), control.threads() as threads:
        features = Features(job)
        choice = choose(job, features, control, threads)

        def solve_member(m: int) -> Solution:
            spec, problem, strength = job.specs[m], features.pose(m, choice.limits), float(choice.strengths[m])
            # Without a penalty the optimum may not be unique: then it is the one nearest to zero, whatever was tried.
            start = features.nearest(m, choice.starts) if strength > 0 else None
            return solve(problem, spec.regularization, strength, tolerance=spec.optimization.tolerance, start=start)

        streamed = job.streaming is not None and solves_all_rows(job)
        for solution in control.each(threads, solve_member, range(job.n_members)):
            solutions.append(solution)
            if not streamed:
                control.report(Progress(job.name, len(solutions) / job.n_members, None))
        if streamed:
            solutions = _refine(job, features, choice, solutions, control, threads)
    params = [features.as_params(m, solution, choice.limits) for m, solution in enumerate(solutions)]
    failures = ["" if np.isfinite(s.w).all() and np.isfinite(s.b).all() else "its solution is not finite" for s in solutions]
    history = {
        "residual": np.asarray([[s.residual] for s in solutions]),
        "n_steps": np.asarray([[float(s.n_steps)] for s in solutions]),
        "strength": choice.strengths[:, None],
        "zeros": np.asarray([[float(np.mean(s.w == 0))] for s in solutions]),
    }
    return collect(job, control, params, failures, history)


def _roughly(job: Job) -> Job:
    """The same job for members that are solved as roughly as those that choose."""
    rough = [structs.replace(spec.optimization, tolerance=max(spec.optimization.tolerance, CHOOSING_TOLERANCE)) for spec in job.specs]
    return replace(job, specs=[structs.replace(spec, optimization=own) for spec, own in zip(job.specs, rough, strict=True)])


def _draw_some(job: Job, n: int) -> IntArray:
    """Numbers of n rows, drawn such that every class has its part, in ascending order."""
    by_chance = np.random.default_rng(0x9A1).permutation(len(job.inputs))
    strata = job.task.strata(job.y)
    ordered = by_chance if strata is None else by_chance[np.argsort(strata[by_chance], kind="stable")]
    return np.sort(ordered[np.linspace(0, len(ordered) - 1, n).astype(int)])


def solves_all_rows(job: Job) -> bool:
    """Whether members learn from all rows, also of a table that is streamed.

    These are members whose features are columns, and whose second derivatives fit into memory.
    """
    unknowns = (job.layout.n_columns + 1) * job.task.n_outputs
    of_columns = architecture_of(job.specs[0].model).linear
    return job.streaming is None or (of_columns and 8 * job.n_members * unknowns**2 <= _MOST_BYTES_OF_DERIVATIVES)


def _refine(
    job: Job,
    features: Features,
    choice: Choice,
    solutions: list[Solution],
    control: Control,
    threads: ThreadPoolExecutor,
) -> list[Solution]:
    """Solutions for the sample moved to those for all rows, by two Newton steps, each of which squares the distance.

    One whose first step led away stays as it is.
    """
    first = _take_newton_step(job, features, choice, solutions, control, threads, 0.0)
    second = _take_newton_step(job, features, choice, first, control, threads, 0.5)
    return [c if c.residual <= b.residual else a for a, b, c in zip(solutions, first, second, strict=True)]


def _take_newton_step(
    job: Job,
    features: Features,
    choice: Choice,
    solutions: list[Solution],
    control: Control,
    threads: ThreadPoolExecutor,
    done: float,
) -> list[Solution]:
    assert job.streaming is not None
    steps, n_rows = [NewtonStep(job.task.convex, solution) for solution in solutions], 0
    for rows in job.streaming.in_order():
        control.check()
        x = features.of_rows(rows.inputs, choice.limits).astype(np.float64)
        weights = rows.weight * rows.counts.T
        for _ in threads.map(lambda step, weight, x=x, y=rows.y: step.add(x, y, weight), steps, weights):
            pass
        n_rows += len(rows.y)
        control.report(Progress(job.name, min(done + 0.5 * n_rows / job.streaming.stream.n_rows, 1.0), None))
    regularization = job.specs[0].regularization
    return [step.take(regularization, float(strength), features.groups) for step, strength in zip(steps, choice.strengths, strict=True)]
