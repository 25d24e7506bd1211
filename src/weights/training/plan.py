"""What a run will take: members, steps, time and memory, said before it starts."""

from __future__ import annotations

import time

import msgspec
import numpy as np
import threadpoolctl

from weights.data.inputs import Layout
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


def plan(spec: Spec, layout: Layout, n_samples: int, *, n_threads: int, n_streamed: int = 0) -> Plan:
    """What training this resolved spec on n rows will take on so many threads of this machine.

    Of a table that does not fit into memory n rows are a sample, and `n_streamed` are read: twice for members that are solved.
    """
    load = Load(layout, n_samples, n_streamed, n_threads, _flops_per_second())
    effort, n_members = method_of(spec).estimate(spec, load), spec.members.n_members
    held = effort.held + n_samples * layout.held_bytes(n_members)
    return Plan(
        model=name_of(spec.model),
        n_members=n_members,
        n_steps=effort.n_steps,
        batch_size=effort.batch_size,
        n_weights=architecture_of(spec.model).cost(spec.model, layout).n_weights,
        seconds=round(effort.seconds, 2),
        gigabytes=round(held / 1e9 + 0.25, 2),
    )


def steps_within(budget_seconds: float, spec: Spec, layout: Layout, n_samples: int, *, n_threads: int) -> int:
    """How many steps each member may take so that the population needs about the budget; at least 50, at most 20 times the default."""
    default, compiling = spec.optimization.n_steps or 1, architecture_of(spec.model).pace.compile_seconds
    full = plan(spec, layout, n_samples, n_threads=n_threads).seconds - compiling
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
