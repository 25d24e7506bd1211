"""Training a population: `train` takes a `Job` (rows, targets, who learns from which, with which settings) and gives `Trained`.

`METHODS` lists the ways to train, of which an optimizer names one: members take steps, or their optimum is solved.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

from weights.spec import Spec
from weights.training.control import Control
from weights.training.effort import Effort, Load, estimate_solving, estimate_steps
from weights.training.job import Job
from weights.training.outofbag import Trained
from weights.training.solving import Solving, solves_all_rows
from weights.training.stepping import Run
from weights.types import BoolArray, FloatArray, IntArray


class Course(Protocol):
    """A population on its way: advanced as often as wanted, then finished."""

    def advance(self, until: float = 1.0) -> float:
        """The share of the whole that is complete after training until this one is; it may be larger."""

    def glimpse(self, share: float) -> tuple[FloatArray, BoolArray]:
        """Out-of-bag outputs (n, k) after this share of the way, or what comes near them, and which rows have some (n,)."""

    def row_losses(self) -> tuple[FloatArray, BoolArray]:
        """Out-of-bag losses of the ensemble's present outputs (n,), and which rows have one (n,)."""

    @property
    def is_complete(self) -> bool:
        """Whether there is nothing left to train."""

    def finish(self) -> Trained:
        """The trained population."""


class Method(NamedTuple):
    """A way to train members, and what others ask of it.

    Attributes:
        begin: (job, control, alike) -> a population at its start, with a program that serves all of the settings `alike`.
        estimate: what training takes.
        at_optimum: whether members end at the optimum, where log probabilities of classes need no shift.
        learns_all_rows: job -> whether members learn from all rows of a streamed table, or from those of its sample only.
    """

    begin: Callable[..., Course]
    estimate: Callable[[Spec, Load], Effort]
    at_optimum: bool
    learns_all_rows: Callable[[Job], bool]


def train(job: Job, control: Control) -> Trained:
    """Train all members of a job.

    Raises:
        Interrupted: asked to stop; the work done so far has been handed to `control.keep`.
        TrainingError: every member failed.
    """
    course = method_of(job.specs[0]).begin(job, control)
    course.advance()
    return course.finish()


def method_of(spec: Spec) -> Method:
    """How members with these settings are trained."""
    return METHODS[spec.optimization.optimizer.method]


def member_seeds(seed: int, n_members: int) -> IntArray:
    """The seed of each member's randomness, uint32, shape (m,): a member keeps its seed whatever the size of the population."""
    return np.asarray([np.random.SeedSequence([seed, m]).generate_state(1)[0] for m in range(n_members)], np.uint32)


METHODS: dict[str, Method] = {
    "steps": Method(Run.begin, estimate_steps, at_optimum=False, learns_all_rows=lambda job: True),
    "solve": Method(Solving.begin, estimate_solving, at_optimum=True, learns_all_rows=solves_all_rows),
}
