"""What a run will take: members, steps, time and memory, said before it starts."""

from __future__ import annotations

import time
from collections.abc import Iterable

import msgspec
import numpy as np
import threadpoolctl

from weights.data.inputs import Layout, table_layout
from weights.models.registry import architecture_of, name_of
from weights.spec import Spec
from weights.training.effort import Load
from weights.training.population import method_of

_VALUES_OF_A_FEATURE, _TURNS_OF_A_FEATURE = 8, 1.5
"""Values that it is given, and how often members are asked about it, by itself and in groups."""
_LINEAR_CALL_SECONDS, _CALL_SECONDS, _COMPILE_SECONDS = 2e-5, 3e-4, 0.5
_SCALE_SECONDS, _ACTIVATION_SECONDS = 3e-8, 3e-9
_OUTCOME_SECONDS, _ROW_SECONDS = 2e-3, 4e-7
"""Of a feature: asking a member, and the program for it; an output on the target's scale and an activation; an effect on an outcome, and
what each row adds to that (measured)."""


class Plan(msgspec.Struct, frozen=True):
    """One population's plan. seconds, of which `compiling` the program, and gigabytes are estimates, usually within a factor of two."""

    model: str
    n_members: int
    n_steps: int
    batch_size: int
    n_weights: int
    seconds: float
    gigabytes: float
    compiling: float = 0.0


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
        compiling=effort.compiling,
    )


def estimate_weighing(specs: Iterable[Spec], layout: Layout, n_rows: int, n_features: int, *, n_threads: int) -> float:
    """About how many seconds it takes to estimate feature weights on so many rows, if members of all these settings answer.

    Every feature is given other values in every row, and members that never saw the row are asked; networks read anew what one column adds.
    """
    speed, n_outputs = _flops_per_second(), layout.n_outputs
    asking = compiling = 0.0
    for spec in specs:
        architecture, members = architecture_of(spec.model), spec.members
        n_answers = _VALUES_OF_A_FEATURE * n_rows * max(members.n_members / members.n_folds, 1.0)
        asking += n_answers * n_outputs * _SCALE_SECONDS
        if architecture.linear:
            asking += members.n_members * _LINEAR_CALL_SECONDS
            continue
        read = table_layout(1, n_outputs, (0,)) if layout.is_table else layout
        cost = architecture.cost(spec.model, read)
        compiling += _COMPILE_SECONDS
        asking += members.n_members * _CALL_SECONDS
        asking += n_answers * (2.0 * cost.n_multiplications / (0.4 * speed) + cost.n_activations * _ACTIVATION_SECONDS)
    of_feature = _TURNS_OF_A_FEATURE * asking / n_threads + n_outputs * (_OUTCOME_SECONDS + n_rows * _ROW_SECONDS)
    return n_features * of_feature + compiling * (n_features > 0)


def steps_within(budget_seconds: float, spec: Spec, layout: Layout, n_samples: int, *, n_threads: int) -> int:
    """How many steps each member may take so that the population needs about the budget; at least 50, at most 20 times the default."""
    default, full = spec.optimization.n_steps or 1, plan(spec, layout, n_samples, n_threads=n_threads)
    share = max(budget_seconds - full.compiling, 0.2 * budget_seconds) / max(full.seconds - full.compiling, 1e-3)
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
