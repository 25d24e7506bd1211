"""What a run will take: members, steps, time and memory, said before it starts."""

from __future__ import annotations

import itertools
import time

import msgspec
import numpy as np
import threadpoolctl

from weights.elements.regularization import PENALTIES
from weights.models import convolution, patches
from weights.models.base import Shape
from weights.models.convolution import Convolution
from weights.models.linear import Linear
from weights.models.table import OfPictures
from weights.spec import Spec
from weights.training.exact import BLOCK, LARGEST_DENSE

_STEP_OVERHEAD_SECONDS = 40e-6
_COMPILE_SECONDS = 2.5
_COMPILE_SECONDS_OF_PICTURES = 10.0
_OF_WINOGRAD = 0.35
"""Time of a convolution by tiles, as a share of what its multiplications would take one by one (measured)."""
_HELD_OF_STEPS, _HELD_OF_ANSWERS = 8, 4
"""Numbers that are held for each activation: tiles and products of both ways, and those of a layer or two."""
_OF_ACTIVATION = 300
"""Multiplications that would take as long as reading and writing an activation on its ways forward and back (measured)."""
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
    if isinstance(spec.model, OfPictures):
        return _plan_of_pictures(spec, spec.model, shape, n_samples, n_threads=n_threads)
    n_embedded = len(shape.numeric_inputs) * (getattr(spec.model, "embedding_size", None) or 0)
    widths = [shape.n_inputs + n_embedded, *getattr(spec.model, "hidden", ()), shape.n_outputs]
    n_weights = sum(a * b + b for a, b in itertools.pairwise(widths))
    n_weights += n_embedded * ((getattr(spec.model, "n_bins", None) or 0) + 1)
    members = spec.members.n_members
    speed = _flops_per_second()
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
        step = 6.0 * batch_size * n_weights / (0.4 * speed) + _STEP_OVERHEAD_SECONDS
        judging = 2.0 * n_samples / spec.members.n_folds * n_weights * 24 / (0.5 * speed)
        seconds = members * (n_steps * step + judging) / n_threads + _COMPILE_SECONDS
        held = members * n_weights * 4 * 4 + n_threads * batch_size * sum(widths) * 16
    held += n_samples * (shape.n_inputs * 4 + members * 2 + 24 * shape.n_outputs)
    model = "linear" if isinstance(spec.model, Linear) else "mlp"
    return Plan(model, members, n_steps, batch_size, n_weights, round(seconds, 2), round(held / 1e9 + 0.25, 2))


def _plan_of_pictures(spec: Spec, model: OfPictures, shape: Shape, n_samples: int, *, n_threads: int) -> Plan:
    """As `plan`, of models of pictures, which lie on disk and are read from there."""
    if isinstance(model, Convolution):
        name, (n_weights, multiplications, n_activations) = "convolution", convolution.cost(model, shape)
        multiplications *= _OF_WINOGRAD
    else:
        name, (n_weights, multiplications, n_activations) = "patches", patches.cost(model, shape)
    members, n_steps = spec.members.n_members, spec.optimization.n_steps or 0
    batch_size, speed = spec.optimization.batch_size or n_samples, _flops_per_second()
    of_weights = spec.optimization.optimizer.n_products * n_weights * (model.widths or (0,))[-1]
    step = (2.0 * batch_size * (3 * multiplications + _OF_ACTIVATION * n_activations) + 2.0 * of_weights) / (0.4 * speed)
    judging = 2.0 * n_samples / spec.members.n_folds * multiplications * 30 / (0.4 * speed)
    seconds = members * (n_steps * step + judging) / n_threads + _COMPILE_SECONDS_OF_PICTURES
    rows = max(batch_size * _HELD_OF_STEPS, shape.rows_at_once(1024) * _HELD_OF_ANSWERS)
    held = members * n_weights * 4 * 4 + n_threads * rows * n_activations * 4
    return Plan(name, members, n_steps, batch_size, n_weights, round(seconds, 2), round(held / 1e9 + 0.25, 2))


def steps_within(budget_seconds: float, spec: Spec, shape: Shape, n_samples: int, *, n_threads: int) -> int:
    """How many steps each member may take so that the population needs about the budget; at least 50, at most 20 times the default."""
    default, compiling = spec.optimization.n_steps or 1, _COMPILE_SECONDS if shape.picture is None else _COMPILE_SECONDS_OF_PICTURES
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
