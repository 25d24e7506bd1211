"""Searching settings inside the population: candidates race on the same rows, and poor ones are stopped early.

`race` trains a first repeat of members for every candidate. At a quarter and at half of the run, the worse half of the
candidates leaves, and so does every candidate that is behind by more than three standard errors of the paired difference
(successive halving, Jamieson and Talwalkar 2016, with a test in the manner of F-races, Birattari et al. 2002).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from weights.dependence import MeanError, error_of_mean
from weights.ensemble import Candidate
from weights.errors import TrainingError
from weights.spec import Spec, without_numbers
from weights.training.control import Control, Progress
from weights.training.job import Job
from weights.training.population import Course, method_of
from weights.types import BoolArray, FloatArray, IntArray

SEARCHING = "search"
"""The stage of a fit in which settings race."""
_RUNGS = (0.25, 0.5, 1.0)
_BEHIND = 3.0


class Difference(NamedTuple):
    """Mean of paired differences in loss (first minus second), its standard error and degrees of freedom, and the units it rests on."""

    mean: float
    std_err: float
    degrees: float
    n_units: float

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The 95 % interval; None where nothing can be said."""
        half = MeanError(*self[1:]).half_width()
        return None if half is None else (self.mean - half, self.mean + half)


class _Runner:
    """A candidate on its way; one that is complete has nothing left to do."""

    def __init__(self, label: str, job: Job, course: Course) -> None:
        self.label, self.job, self.course = label, job, course
        self.share = 0.0
        self.losses, self.covered = np.zeros(len(job.inputs)), np.zeros(len(job.inputs), bool)

    def advance(self, rung: float) -> None:
        if self.share < 1:
            self.share = self.course.advance(rung)
            self.losses, self.covered = self.course.row_losses()

    @property
    def loss(self) -> float:
        """Weighted mean out-of-bag loss; infinite if no member is left or it is not finite."""
        weight = self.job.weight * self.covered
        mean = float(weight @ self.losses / weight.sum()) if weight.sum() > 0 else math.inf
        return mean if math.isfinite(mean) else math.inf


def race(jobs: dict[str, Job], control: Control, *, group: IntArray | None) -> tuple[str, list[Candidate]]:
    """The label of the best candidate, and how each fared.

    Args:
        jobs: label -> a population with that candidate's settings, all on the same rows.
        control: for threads, progress and interruption.
        group: group code of each row, for the standard error, or None.

    Raises:
        TrainingError: no candidate could be trained.
    """
    specs = [job.specs[0] for job in jobs.values()]
    runners = []
    for label, job in jobs.items():
        spec = job.specs[0]
        course = method_of(spec).begin(job, control.aside(), alike=_find_alike(spec, specs))
        runners.append(_Runner(label, job, course))
    left = list(runners)
    for i, rung in enumerate(_RUNGS):
        for number, runner in enumerate(left):
            runner.advance(rung)
            control.report(Progress(SEARCHING, (i + (number + 1) / len(left)) / len(_RUNGS), min(r.loss for r in left)))
        left.sort(key=lambda runner: runner.loss)
        if rung < 1:
            left = _those_that_go_on(left, group)
    winner = left[0]
    if not math.isfinite(winner.loss):
        raise TrainingError(f"None of {len(jobs)} candidates of the search could be trained. Search lower learning rates.")
    ends = [
        Candidate(r.label, r.share, r.loss if math.isfinite(r.loss) else None, r is winner)
        for r in sorted(runners, key=lambda r: (-r.share, r.loss))
    ]
    return winner.label, ends


def paired_difference(
    first: FloatArray,
    second: FloatArray,
    weight: FloatArray,
    covered: BoolArray,
    group: IntArray | None,
    time: FloatArray | None = None,
) -> Difference:
    """Weighted mean of ``first - second`` over covered rows, with its error (`dependence.error_of_mean`).

    The error covers the choice of rows, not what other training runs would have given.
    """
    share = weight * covered / (weight @ covered)
    difference = np.where(covered, first - second, 0.0)
    mean = float(share @ difference)
    return Difference(mean, *error_of_mean(share * (difference - mean), share, group=group, time=time))


def _those_that_go_on(ranked: list[_Runner], group: IntArray | None) -> list[_Runner]:
    best = ranked[0]
    going_on = [best]
    ranked = [runner for runner in ranked if math.isfinite(runner.loss)]
    for runner in ranked[1 : max(2, math.ceil(len(ranked) / 2))]:
        difference = paired_difference(runner.losses, best.losses, best.job.weight, runner.covered & best.covered, group)
        if difference.mean <= _BEHIND * difference.std_err:
            going_on.append(runner)
    return going_on


def _find_alike(spec: Spec, specs: list[Spec]) -> list[Spec]:
    """Those that differ from a spec in numbers only, so that one compiled program serves them all."""
    return [other for other in specs if without_numbers(other) == without_numbers(spec)]
