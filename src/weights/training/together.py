"""Several populations side by side: `train_together` leaves out on the way those that would have no say in the answers.

At a quarter and at half of the way populations are stacked as they are. One that is far behind the best and has no share then is not
trained to its end: with more steps the better one gains as well. Of members that are solved a few, on a sample of rows, tell enough; where
rows are few, all are solved at once, and stay.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import msgspec
import numpy as np

from weights.training.control import Control, Progress, Snapshot
from weights.training.job import Job
from weights.training.outofbag import Trained
from weights.training.population import Course, method_of
from weights.training.search import paired_difference
from weights.training.stacking import stack
from weights.types import BoolArray, FloatArray, IntArray

_LOOKS = (0.25, 0.5)
_LEAST_SHARE, _BEHIND = 0.01, 3.0
"""The share of the answers below which, and the standard errors behind the best from which on, a population is left out (our choice)."""
_FEWEST_STEPS = 200
"""Steps before which nobody is left out (our choice): a population may begin slowly."""
_SNAPSHOT = "left-out"


class LeftOut(msgspec.Struct, frozen=True):
    """A population that was not trained to its end: at which share of its way, behind which other, by how many standard errors."""

    share: float
    best: str
    behind: float

    def describe(self, name: str) -> str:
        """A remark on the population of this name."""
        where = f"after {self.share:.0%} of the way it was {self.behind:.3g} standard errors behind {self.best}"
        return f"{name} was not trained to its end: {where} and had no share in the answers (--model {name} trains it alone)"


def train_together(
    jobs: Mapping[str, Job], control: Control, *, group: IntArray | None = None, time: FloatArray | None = None
) -> tuple[dict[str, Trained], dict[str, LeftOut]]:
    """Populations that are trained, and those that are left out, by name, in the order of the jobs.

    Those of a table that is streamed, and those whose members were trained before, are trained one after the other to their ends.

    Args:
        jobs: of each population, all on the same rows.
        control: for threads, progress, interruption and checkpoints.
        group: code of each row's group, for standard errors, or None.
        time: moment of each row, likewise.

    Raises:
        Interrupted: asked to stop; the work done so far has been handed to `control.keep`.
        TrainingError: every member of a population failed.
    """
    if len(jobs) == 1 or any(job.streaming or name in control.trained for name, job in jobs.items()):
        return {name: _finish(name, method_of(job.specs[0]).begin(job, control), control) for name, job in jobs.items()}, {}
    left_out, looked = _recall(control)
    courses = {name: method_of(job.specs[0]).begin(job, control) for name, job in jobs.items() if name not in left_out}
    for look in _LOOKS:
        if look > looked and len(courses) > 1:
            for name, why in _find_left_out(courses, jobs, look, control, group, time).items():
                left_out[name] = why
                del courses[name]
                control.report(Progress(name, 1.0, None))
            control.keep(_SNAPSHOT, functools.partial(_snapshot, left_out, look), True)
    return {name: _finish(name, courses.pop(name), control) for name in [*courses]}, left_out


def _finish(name: str, course: Course, control: Control) -> Trained:
    """What a course comes to at its end."""
    course.advance()
    trained = course.finish()
    control.report(Progress(name, 1.0, None))
    return trained


def _find_left_out(
    courses: Mapping[str, Course], jobs: Mapping[str, Job], look: float, control: Control, group: IntArray | None, time: FloatArray | None
) -> dict[str, LeftOut]:
    """Those that are not to go on, after this share of the way."""
    names = [*courses]
    glimpses = [course.glimpse(look) for course in courses.values()]
    rows: BoolArray = np.logical_and.reduce([covered for _, covered in glimpses])
    task, y, weight = jobs[names[0]].task, jobs[names[0]].y[rows], jobs[names[0]].weight[rows]
    if not weight.any():
        return {}
    shifted = [not method_of(jobs[name].specs[0]).at_optimum for name in names]
    stacking = stack(np.stack([outputs[rows] for outputs, _ in glimpses]), y, weight, task, shifted=shifted)
    losses = [task.prediction_losses(y, answers) for answers in stacking.alone]
    best = int(np.argmin([weight @ each for each in losses]))
    shares = stacking.weights / max(stacking.weights.sum(), 1e-9)
    of_rows = [None if values is None else values[rows] for values in (group, time)]
    left_out = {}
    for name, own, share in zip(names, losses, shares, strict=True):
        n_steps = jobs[name].specs[0].optimization.n_steps
        is_early = n_steps is not None and look * n_steps < _FEWEST_STEPS
        if courses[name].is_complete or is_early or share >= _LEAST_SHARE:
            continue
        difference = paired_difference(own, losses[best], weight, np.ones(len(y), bool), *of_rows)
        if difference.mean > _BEHIND * difference.std_err > 0:
            left_out[name] = LeftOut(look, names[best], round(difference.mean / difference.std_err, 1))
    return left_out


def _snapshot(left_out: Mapping[str, LeftOut], looked: float) -> Snapshot:
    return Snapshot({}, {"looked": looked, "left_out": msgspec.to_builtins(left_out)})


def _recall(control: Control) -> tuple[dict[str, LeftOut], float]:
    """Who was left out of a run that is resumed, and at which share of the way populations were last compared."""
    if _SNAPSHOT not in control.resume:
        return {}, 0.0
    values = control.resume[_SNAPSHOT].values
    return msgspec.convert(values["left_out"], dict[str, LeftOut]), float(values["looked"])
