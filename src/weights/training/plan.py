"""What a run will take: members, steps, time and memory, said before it starts."""

from __future__ import annotations

import time

import msgspec
import numpy as np
import threadpoolctl

from weights.elements.regularization import PENALTIES
from weights.models.architecture import Architecture
from weights.models.base import Cost, Shape
from weights.models.registry import architecture_of, name_of
from weights.spec import Spec
from weights.training.exact import BLOCK, LARGEST_DENSE

_STEP_OVERHEAD_SECONDS = 40e-6
_ROUNDS_JUDGED = 30
_JUDGED_AT_ONCE = 1024
_EXACT_SOLVES = 6
_PATH_LENGTH = 10


class Plan(msgspec.Struct, frozen=True):
    """One population's plan. seconds and gigabytes are estimates, usually within a factor of two."""

    model: str
    n_members: int
    n_steps: int
    batch_size: int
    n_weights: int
    seconds: float
    gigabytes: float


def plan(spec: Spec, shape: Shape, n_samples: int, *, n_threads: int, n_passing: int = 0) -> Plan:
    """What training this resolved spec on n rows will take on so many threads of this machine.

    Of a table that does not fit into memory n rows are kept and `n_passing` pass: twice for members that are solved.
    """
    architecture = architecture_of(spec.model)
    cost, speed, members = architecture.cost(spec.model, shape), _flops_per_second(), spec.members.n_members
    if spec.solved:
        # Fewer rows than inputs are solved in the space of the rows, see `exact.solve`.
        smooth = not PENALTIES[spec.regularization.penalty].makes_zeros
        width = min(shape.n_inputs, n_samples) if smooth else shape.n_inputs
        unknowns = (width + 1) * shape.n_outputs
        products = shape.n_outputs * (shape.n_outputs + 1) / 2
        solve = 2.0 * n_samples * (width + 1) ** 2 * products + unknowns**3 / 3
        dense = 0 if smooth and unknowns > LARGEST_DENSE else unknowns
        n_path = min(members, spec.members.n_folds) * _PATH_LENGTH / 2 if spec.regularization.strength is None else 0
        # Blocks of rows that pass are thin, and take twice as long as they should.
        solves = (members + n_path) * _EXACT_SOLVES + 2 * 2 * members * n_passing / n_samples
        seconds = solves * solve / (0.25 * speed) / n_threads
        held = n_threads * (min(n_samples, BLOCK) * shape.n_inputs * 24 + dense**2 * 16)
        n_steps, batch_size = 0, n_samples
    else:
        n_steps, batch_size = spec.optimization.n_steps or 0, spec.optimization.batch_size or n_samples
        seconds = _seconds_of_steps(spec, architecture, cost, n_samples, speed) / n_threads + architecture.pace.compile_seconds
        pace = architecture.pace
        rows = max(batch_size * pace.held_in_steps, shape.rows_at_once(_JUDGED_AT_ONCE) * pace.held_in_answers)
        held = members * cost.n_weights * 4 * 4 + n_threads * rows * cost.n_activations * 4
    held += n_samples * (shape.held_bytes + members * 2 + 24 * shape.n_outputs)
    name = name_of(spec.model)
    return Plan(name, members, n_steps, batch_size, cost.n_weights, round(seconds, 2), round(held / 1e9 + 0.25, 2))


def _seconds_of_steps(spec: Spec, architecture: Architecture, cost: Cost, n_samples: int, speed: float) -> float:
    """What the steps of all members take on one core, and judging them after every round."""
    pace, batch_size, n_steps = architecture.pace, spec.optimization.batch_size or n_samples, spec.optimization.n_steps or 0
    of_row = 3 * pace.multiplication * cost.n_multiplications + pace.activation * cost.n_activations
    of_weights = spec.optimization.optimizer.n_products * cost.n_weights * cost.n_units
    step = 2.0 * (batch_size * of_row + of_weights) / (0.4 * speed) + _STEP_OVERHEAD_SECONDS
    judged = n_samples / spec.members.n_folds * _ROUNDS_JUDGED
    judging = 2.0 * judged * pace.multiplication_judged * cost.n_multiplications / (0.4 * speed)
    return spec.members.n_members * (n_steps * step + judging)


def steps_within(budget_seconds: float, spec: Spec, shape: Shape, n_samples: int, *, n_threads: int) -> int:
    """How many steps each member may take so that the population needs about the budget; at least 50, at most 20 times the default."""
    default, compiling = spec.optimization.n_steps or 1, architecture_of(spec.model).pace.compile_seconds
    full = plan(spec, shape, n_samples, n_threads=n_threads).seconds - compiling
    share = max(budget_seconds - compiling, 0.2 * budget_seconds) / max(full, 1e-3)
    return int(np.clip(default * share, 50, 20 * default))


def _flops_per_second() -> float:
    """Speed of this machine's float32 matrix product on one core: the best of some tries, so that other work disturbs little."""
    a = np.ones((256, 256), np.float32)
    seconds = []
    with threadpoolctl.threadpool_limits(1):
        for _ in range(20):
            began = time.perf_counter()
            a @ a
            seconds.append(time.perf_counter() - began)
    return float(2 * 256**3 / max(min(seconds), 1e-6))
