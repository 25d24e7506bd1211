"""What all populations end with: `collect` drops failed members, and averages the others on rows they never saw."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import jax
import numpy as np

from weights.averaging import average_out_of_bag
from weights.ensemble import Population, apply_program
from weights.errors import TrainingError
from weights.training.control import Control
from weights.training.job import Job
from weights.types import BoolArray, FloatArray, IntArray, Params


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained population.

    Attributes:
        population: the m' members that did not fail. Its history, see `Run.history`, is that of all members, shape (m, times), NaN where
            one did not run.
        kept: their positions among all members, shape (m',).
        failures: member -> why it failed.
        outputs: combined out-of-bag outputs, shape (n, k), of the rows that are `covered` (n,).
        alone: for each of `kept` the rows (r,) it never saw, and its own outputs for them, shape (r, k).
        step_seconds: mean time of a step of a member; NaN where none was taken.
    """

    population: Population
    kept: IntArray
    failures: dict[int, str]
    outputs: FloatArray
    covered: BoolArray
    alone: list[tuple[IntArray, FloatArray]]
    step_seconds: float = float("nan")


def collect(job: Job, control: Control, params: list[Params], failures: list[str], history: dict[str, FloatArray]) -> Trained:
    """Drop failed members, and combine the others' outputs on the rows they never saw.

    Raises:
        TrainingError: every member failed.
    """
    kept = np.asarray([m for m, failure in enumerate(failures) if not failure], int)
    if len(kept) == 0:
        raise TrainingError(f"All {job.n_members} members failed, the first because {failures[0]}. Lower the learning rate or clip_norm.")
    run = apply_program(job.specs[0], job.layout)

    def judge(m: int) -> tuple[IntArray, FloatArray]:
        rows = np.flatnonzero(job.resampling.scored[m])
        return rows, run(params[m], job.inputs[rows])

    with ThreadPoolExecutor(control.n_threads) as threads:
        alone = [*threads.map(judge, kept)]
    outputs, n_predictions = average_out_of_bag(job.task, len(job.inputs), alone)
    stacked = jax.tree.map(lambda *leaves: np.stack([*map(np.asarray, leaves)]), *(params[m] for m in kept))
    member_weights = job.resampling.member_weights[kept]
    if member_weights.sum() == 0:
        member_weights = np.ones(len(kept))
    return Trained(
        population=Population(job.name, job.specs[0], stacked, member_weights, history=history),
        kept=kept,
        failures={m: failure for m, failure in enumerate(failures) if failure},
        outputs=outputs,
        covered=n_predictions > 0,
        alone=alone,
    )


def row_losses(job: Job, outputs: FloatArray, covered: BoolArray) -> FloatArray:
    """The losses (n,) of combined out-of-bag outputs (n, k); zero for rows that are not `covered` (n,)."""
    losses = np.zeros(len(job.inputs))
    losses[covered] = job.task.row_losses(outputs[covered], job.y[covered])
    return losses
