"""What training takes, by method: seconds and bytes, estimated from what a member has and from the rows."""

from __future__ import annotations

from typing import NamedTuple

from weights.data.inputs import Layout
from weights.elements.regularization import PENALTIES
from weights.models.registry import architecture_of
from weights.spec import Spec
from weights.training.exact import LARGEST_DENSE, MOST_KEPT, WORTH_KEEPING, newton_cost
from weights.training.problem import BLOCK, MOST_COPIED

_STEP_OVERHEAD_SECONDS = 40e-6
_ROUNDS_JUDGED = 30
_JUDGED_AT_ONCE = 1024
_EXACT_SOLVES = 6
_PRODUCTS, _PRODUCTS_ALONE = 25, 140
"""With a second derivative that a solution takes, in the measure of that of a problem nearby and without (measured on four real tables)."""
_PATH_LENGTH = 10
_SPEED_OF_DRAWING = 0.05
"""Of features that members draw, as a share of that of a large product of matrices (measured)."""

_SPARSE_SCOUTS, _SPARSE_PATH_LENGTH, _SPARSE_STEPS, _SPARSE_STEPS_TO_CHOOSE = 3, 5, 35, 15
_SPEED_OF_ENTRIES = 0.1
"""Of members that are solved over sparse inputs: how many choose, strengths that each tries, steps of a solution and of one that chooses;
and the speed at which entries are read, as a share of that of a large product of matrices (measured on three collections of texts)."""
_VECTORS_MOVED, _VECTORS_HELD, _OUTPUTS_HELD = 100, 30, 8
"""Vectors as long as the weights that a step reads or writes, and that are held; numbers held for each row and output."""


class Load(NamedTuple):
    """What there is to do, and what with.

    layout: of the models. n_samples: rows in memory. n_streamed: rows of a table larger than memory.
    n_threads: members in work at the same time. speed: float32 operations a second on one core.
    most_judged: rows on which members are judged after each round, where there is a bound.
    """

    layout: Layout
    n_samples: int
    n_streamed: int
    n_threads: int
    speed: float
    most_judged: int | None = None


class Effort(NamedTuple):
    """What a population takes.

    n_steps, batch_size: of a member. seconds: in all, of which `compiling` the program. held: bytes of memory beside the rows.
    """

    n_steps: int
    batch_size: int
    seconds: float
    held: float
    compiling: float = 0.0


def estimate_steps(spec: Spec, load: Load) -> Effort:
    """What members take that take steps: these, judging members after every round, and compiling the program."""
    architecture, layout, optimization = architecture_of(spec.model), load.layout, spec.optimization
    pace, cost, members = architecture.pace, architecture.cost(spec.model, layout), spec.members.n_members
    n_steps, batch_size = optimization.n_steps or 0, optimization.batch_size or load.n_samples
    of_row = 3 * pace.multiplication * cost.n_multiplications + pace.activation * cost.n_activations
    of_weights = optimization.optimizer.n_products * cost.n_weights * cost.n_units
    step = 2.0 * (batch_size * of_row + of_weights) / (0.4 * load.speed) + _STEP_OVERHEAD_SECONDS
    judged = load.n_samples / spec.members.n_folds
    judged = (judged if load.most_judged is None else min(judged, load.most_judged / members)) * _ROUNDS_JUDGED
    judging = 2.0 * judged * pace.multiplication_judged * cost.n_multiplications / (0.4 * load.speed)
    seconds = members * (n_steps * step + judging) / load.n_threads + pace.compile_seconds
    rows = max(batch_size * pace.held_in_steps, layout.rows_at_once(_JUDGED_AT_ONCE) * pace.held_in_answers)
    held = members * cost.n_weights * 4 * 4 + load.n_threads * rows * cost.n_activations * 4
    return Effort(n_steps, batch_size, seconds, held, pace.compile_seconds)


def estimate_solving(spec: Spec, load: Load) -> Effort:
    """What members take that are solved, and those before them that choose a strength."""
    layout, n_samples, members = load.layout, load.n_samples, spec.members.n_members
    architecture = architecture_of(spec.model)
    cost = architecture.cost(spec.model, layout)
    if architecture.sparse:
        return _estimate_sparse(spec, load)
    n_inputs = layout.n_columns if architecture.linear else cost.n_units
    # Fewer rows than inputs are solved in the space of the rows, see `exact.solve`.
    smooth = not PENALTIES[spec.regularization.penalty].makes_zeros
    width = min(n_inputs, n_samples) if smooth else n_inputs
    unknowns = (width + 1) * layout.n_outputs
    products = layout.n_outputs * (layout.n_outputs + 1) / 2
    solve = 2.0 * n_samples * (width + 1) ** 2 * products + unknowns**3 / 3
    dense = 0 if smooth and unknowns > LARGEST_DENSE else unknowns
    n_path = min(members, spec.members.n_folds) * _PATH_LENGTH / 2 if spec.regularization.strength is None else 0
    # Blocks of rows that pass are thin, and take twice as long as they should.
    streamed = 2 * 2 * members * load.n_streamed / n_samples
    if smooth and newton_cost(n_samples, width + 1, layout.n_outputs) > WORTH_KEEPING:
        formed, products = (n_path / 2, _PRODUCTS) if unknowns <= MOST_KEPT else (0, _PRODUCTS_ALONE)
        multiplying = (members + n_path) * products * 4.0 * n_samples * (width + 1) * layout.n_outputs / (0.1 * load.speed)
    else:
        formed, multiplying = (members + n_path) * _EXACT_SOLVES, 0.0
    seconds = (multiplying + (formed + streamed) * solve / (0.25 * load.speed)) / load.n_threads
    held = load.n_threads * (min(n_samples * n_inputs, MOST_COPIED + BLOCK * n_inputs) * 24 + dense**2 * 16)
    if architecture.linear:
        return Effort(0, n_samples, seconds, held)
    drawing = 2.0 * members * n_samples * cost.n_multiplications / (_SPEED_OF_DRAWING * load.speed) / load.n_threads
    compiling, drawn = architecture.pace.compile_seconds, 4.0 * members * n_samples * n_inputs
    return Effort(0, n_samples, compiling + drawing + seconds, held + drawn, compiling)


def _estimate_sparse(spec: Spec, load: Load) -> Effort:
    """The same of members that are solved over sparse inputs, by steps that read all entries twice."""
    cost, members = architecture_of(spec.model).cost(spec.model, load.layout), spec.members.n_members
    n_path = _SPARSE_SCOUTS * _SPARSE_PATH_LENGTH if spec.regularization.strength is None else 0
    reading = 2.0 * load.n_samples * cost.n_multiplications / (_SPEED_OF_ENTRIES * load.speed)
    moving = _VECTORS_MOVED * cost.n_weights / (_SPEED_OF_ENTRIES * load.speed)
    n_steps = members * _SPARSE_STEPS + n_path * _SPARSE_STEPS_TO_CHOOSE
    entries = load.n_samples * cost.n_activations * 8
    held = 2 * entries + load.n_threads * (_VECTORS_HELD * cost.n_weights * 4 + _OUTPUTS_HELD * load.n_samples * load.layout.n_outputs * 8)
    return Effort(0, load.n_samples, n_steps * (2 * reading + moving) / load.n_threads, held)
