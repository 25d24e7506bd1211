"""What a run will take: members, steps, time and memory, said before it starts."""

from __future__ import annotations

import time

import msgspec
import numpy as np
import threadpoolctl

from weights.models.base import Shape
from weights.models.registry import architecture_of, name_of
from weights.spec import Spec
from weights.training.effort import Load
from weights.training.population import method_of


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
    n_steps, batch_size, seconds, held = method_of(spec).estimate(spec, Load(shape, n_samples, n_passing, n_threads, _flops_per_second()))
    held += n_samples * shape.held_bytes(spec.members.n_members)
    n_weights = architecture_of(spec.model).cost(spec.model, shape).n_weights
    return Plan(name_of(spec.model), spec.members.n_members, n_steps, batch_size, n_weights, round(seconds, 2), round(held / 1e9 + 0.25, 2))


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
