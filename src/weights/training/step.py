"""One update of one member, and the compiled program that makes many of them.

`member_program` is the usual entrance: from a spec it makes the compiled functions with which the scheduler trains any number of members,
one after another or on several cores at once. Everything a member differs in (first weights, rows, settings that are numbers) is an array
argument, so a population shares one program.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import msgspec
import optax

from weights.data.inputs import Inputs, Layout
from weights.elements.augmentation import blend, second_shares
from weights.elements.optimization import average, gradient_transformation, scheduled_rate
from weights.elements.regularization import PENALTIES, cap_norm, dropout_mask
from weights.elements.updates import transform_gradients
from weights.models.base import Dropout, MemberModel, Together, keep_all
from weights.models.registry import build
from weights.spec import Spec, program_spec
from weights.tasks.base import OutputFunctions
from weights.training.compiling import quick_options
from weights.training.health import Measurements, measure_start, measure_step, measure_units
from weights.types import Params

_OTHER_BLOCKS = 0xB10C
"""Streams of random numbers for the inputs of further blocks, apart from those of layers."""
_COTANGENTS = 0x60
"""Folded into a member's seed for the gradients that are sent back through its first weights."""


class Shared(NamedTuple):
    """What all members read: n rows, encoded targets (n,), row weights (n,), feature of each place (p,), places in use (p,).

    Places are those of `Encoding.groups`: the inputs in the block of columns, and then one for each other block.
    """

    inputs: Inputs
    y: jax.Array
    weight: jax.Array
    groups: jax.Array
    used: jax.Array


class Member(NamedTuple):
    """What makes a member itself: the seed of its randomness, uint32 (), and its values of the varying settings, each ()."""

    seed: jax.Array
    values: dict[str, jax.Array]


class State(NamedTuple):
    """What is carried from step to step: params, those of the optimizer, steps taken, and the mean that answers."""

    params: Params
    optimizer: Any
    step: jax.Array
    mean: Params


class Info(NamedTuple):
    """What is merely interesting about a chunk of steps, each shape ().

    loss: weighted mean loss of the batches over the steps, penalty not included.
    learning_rate: at the last step.
    diverged_at: first step whose loss was not finite, or -1.
    """

    loss: Any
    learning_rate: Any
    diverged_at: Any


Objective = Callable[[Params], tuple[jax.Array, jax.Array]]
"""What steps make smaller, with the smooth part of the penalty and without, each ()."""


class Program(NamedTuple):
    """The compiled functions of a population.

    start(inputs, knots, groups, used, member): the first `State`, from a sample of rows and the edges of bins (numeric, bins + 1).
    advance(state, shared, member, rows, n_steps, run_length, judged): the state after n_steps more, what happened, and
        the outputs (blocks, rows, k) for the `judged` rows (blocks, rows). `rows` (steps, batch) are the batches; only the
        first n_steps of them are used.
    measure(state, shared, member, batch, run_length, looked_at): health, with what one more step with this batch (b,) would do, and how
        the units of the mean that answers respond to these rows (r,).
    send(params, inputs, rows, member): health at the start: what first weights do to signals of inputs, which are these rows (r,).
    """

    start: Callable[..., State]
    advance: Callable[..., tuple[State, Info, jax.Array]]
    measure: Callable[..., Measurements]
    send: Callable[..., dict[str, jax.Array]]


class _Work(NamedTuple):
    """A member at work: what stays the same from step to step."""

    spec: Spec
    functions: OutputFunctions
    model: MemberModel
    shared: Shared
    member: Member
    run_length: jax.Array


class _Slope(NamedTuple):
    """The value (), and the gradient, of an objective at the params."""

    objective: Objective
    value: jax.Array
    grads: Params


class _Sums(NamedTuple):
    """A summary of a chunk of steps: the sum of losses and the first step that diverged.

    Gradients are not among it: to carry them from step to step costs 4 to 7 % of a step.
    """

    loss: jax.Array
    diverged_at: jax.Array


def member_program(spec: Spec, functions: OutputFunctions, layout: Layout) -> Program:
    """The compiled functions for members of this spec; specs with the same `program_spec` share them."""
    return _compiled(program_spec(spec), functions, layout)


@functools.lru_cache(maxsize=32)
def _compiled(spec: Spec, functions: OutputFunctions, layout: Layout) -> Program:
    model = build(spec.model, layout, spec.initialization, spec.activation)

    def start(inputs: Inputs, knots: jax.Array, groups: jax.Array, used: jax.Array, member: Member) -> State:
        params = model.init(inputs, knots, key=jax.random.key(member.seed, impl="rbg"))
        params = _mask(spec, model, params, used)
        return State(params, _make_transformation(spec, member).init(params), jnp.zeros((), jnp.int32), params)

    def advance(
        state: State, shared: Shared, member: Member, rows: jax.Array, n_steps: jax.Array, run_length: jax.Array, judged: jax.Array
    ) -> tuple[State, Info, jax.Array]:
        """The state after n_steps on the given rows, what was recorded of them, and the outputs for the judged rows."""
        sums = _Sums(jnp.zeros(()), jnp.full((), -1, jnp.int32))
        work = _Work(spec, functions, model, shared, member, run_length)

        def take_step(i: jax.Array, carry: tuple[State, _Sums]) -> tuple[State, _Sums]:
            return _step(work, *carry, rows[i])

        state, sums = jax.lax.fori_loop(0, n_steps, take_step, (state, sums))
        outputs = jax.lax.map(lambda block: model.apply(state.mean, shared.inputs[block], keep_all)[0], judged)
        rate = member.values["optimization.learning_rate"] * scheduled_rate(spec.optimization, (state.step - 1) / run_length)
        return state, Info(sums.loss / jnp.maximum(n_steps, 1), rate, sums.diverged_at), outputs

    def measure(
        state: State, shared: Shared, member: Member, batch: jax.Array, run_length: jax.Array, looked_at: jax.Array
    ) -> Measurements:
        work = _Work(spec, functions, model, shared, member, run_length)
        halves, after = _try_step(work, state, batch)
        layers, noise = measure_step(halves, state.params, after, state.mean, len(batch) // 2 * 2)
        units = measure_units(model, state.mean, shared.inputs[looked_at], looked_at, spec.activation.name)
        return Measurements(layers, units, jnp.stack([*noise, _sum_penalties(work, state.mean)]))

    def send(params: Params, inputs: Inputs, rows: jax.Array, member: Member) -> dict[str, jax.Array]:
        return measure_start(model, params, inputs, rows, key=jax.random.fold_in(jax.random.key(member.seed), _COTANGENTS))

    quickly = functools.partial(jax.jit, compiler_options=quick_options())
    return Program(quickly(start), jax.jit(advance), quickly(measure), quickly(send))


def _step(work: _Work, state: State, sums: _Sums, rows: jax.Array) -> tuple[State, _Sums]:
    """One update: loss, gradient, and what follows from it."""
    objective = _make_objective(work, rows, state.step)
    (value, loss), grads = jax.value_and_grad(objective, has_aux=True)(state.params)
    diverged = jnp.where((sums.diverged_at < 0) & ~jnp.isfinite(loss), state.step, sums.diverged_at)
    return _update(work, state, _Slope(objective, value, grads)), _Sums(sums.loss + loss, diverged)


def _update(work: _Work, state: State, slope: _Slope) -> State:
    """What a gradient leads to: what may happen to it, the optimizer's direction, its length, the proximal step."""
    spec, params, step, values = work.spec, state.params, state.step, work.member.values
    key = jax.random.fold_in(jax.random.key(work.member.seed), step)
    clip_norm, noise = values["updates.clip_norm"], values["updates.noise"]
    grads = transform_gradients(spec.updates, slope.grads, clip_norm=clip_norm, noise=noise, step=step, key=key)
    length_is_found = spec.optimization.optimizer.finds_length
    search = {"value": slope.value, "grad": grads, "value_fn": lambda p: slope.objective(p)[0]}
    transformation = _make_transformation(spec, work.member)
    towards, optimizer = transformation.update(grads, state.optimizer, params, **(search if length_is_found else {}))
    rate = values["optimization.learning_rate"] * scheduled_rate(spec.optimization, step / work.run_length)
    length = jnp.ones(()) if length_is_found else rate
    if spec.updates.accumulate > 1:
        # Until the last batch of a step has come the optimizer gives zeros; the proximal step must rest as well.
        length = jnp.where((step + 1) % spec.updates.accumulate == 0, length, 0.0)
    after = jax.tree.map(lambda p, t: p - length * t, params, towards)
    after = _constrain(work, after, length)
    after = {name: params[name] if name in spec.updates.freeze else layer for name, layer in after.items()}
    mean = average(spec.optimization, values["optimization.averaging"], step, state.mean, after)
    return State(after, optimizer, step + 1, mean)


def _try_step(work: _Work, state: State, rows: jax.Array) -> tuple[Params, Params]:
    """The gradients of both halves of a batch, with a leading axis, and the params after one more step with it.

    The step is as long as the last.
    """
    state = state._replace(step=jnp.maximum(state.step - 1, 0))
    if work.spec.updates.accumulate > 1:
        # The step that follows once its batches are there.
        updates = msgspec.structs.replace(work.spec.updates, accumulate=1)
        work = work._replace(spec=msgspec.structs.replace(work.spec, updates=updates))
        state = state._replace(optimizer=state.optimizer.inner_opt_state)

    def half(which: jax.Array, batch: jax.Array) -> tuple[jax.Array, Params]:
        silenced_as_at = state.step + (which << 30)  # units of its own
        objective = _make_objective(work, batch, silenced_as_at)
        return jax.value_and_grad(lambda params: objective(params)[0])(state.params)

    undivided = len(rows) == 1 or work.spec.optimization.optimizer.all_rows  # whose gradient has no noise
    halves = jnp.stack([rows, rows]) if undivided else rows[: len(rows) // 2 * 2].reshape(2, -1)
    values, grads = jax.lax.map(lambda of: half(*of), (jnp.arange(2), halves))
    whole = _make_objective(work, rows, state.step)
    after = _update(work, state, _Slope(whole, values.mean(), jax.tree.map(lambda g: g.mean(0), grads)))
    return grads, after.params


def _make_objective(work: _Work, rows: jax.Array, step: jax.Array) -> Objective:
    """The mean loss of these rows as a function of params."""
    spec, functions, model, shared, member = work.spec, work.functions, work.model, work.shared, work.member
    weight, together = shared.weight[rows], model.together or _each_alone(model)
    prepared = together.prepare(shared.inputs[rows], shared.y[rows], spec.augmentation, seed=member.seed, step=step)
    dropout = functools.partial(_drop, spec, member, step)
    # All rows at once come padded with rows of weight zero; batches are means of equally many rows.
    total = jnp.sum(weight) if spec.optimization.optimizer.all_rows else len(rows)

    def objective(params: Params) -> tuple[jax.Array, jax.Array]:
        params = _mask(spec, model, params, shared.used)
        losses, whose = together.losses(params, prepared, functions.loss, dropout)
        loss = jnp.sum(weight[whose] * losses) / total
        return loss + _sum_smooth_penalties(work, params), loss

    return objective


def _each_alone(model: MemberModel) -> Together:
    """How rows are learned from, each as it is or as a member views it, with a part of the row before where that is asked for."""

    def prepare(inputs: Inputs, y: jax.Array, augmentation: Any, *, seed: jax.Array, step: jax.Array) -> tuple[Inputs, jax.Array, Any]:
        if augmentation is None:
            return inputs, y, None
        inputs = model.view(inputs, augmentation, seed=seed, step=step)
        if not augmentation.mixup:
            return inputs, y, None
        second = second_shares(augmentation, len(y), seed=seed, step=step)
        return jax.tree.map(lambda block: blend(block, second), inputs), y, second

    def losses(
        params: Params, prepared: tuple[Inputs, jax.Array, Any], loss: Callable[..., jax.Array], dropout: Dropout
    ) -> tuple[jax.Array, Any]:
        inputs, y, second = prepared
        outputs, _ = model.apply(params, inputs, dropout)
        own = jax.vmap(loss)(outputs, y)
        if second is None:
            return own, slice(None)
        both = jnp.concatenate([(1.0 - second) * own, second * jax.vmap(loss)(outputs, jnp.roll(y, 1))])
        return both, jnp.concatenate([jnp.arange(len(y)), jnp.roll(jnp.arange(len(y)), 1)])

    return Together(prepare, losses)


def _make_transformation(spec: Spec, member: Member) -> optax.GradientTransformationExtraArgs:
    towards = gradient_transformation(spec.optimization, member.values["optimization.weight_decay"])
    if spec.updates.accumulate > 1:
        return optax.with_extra_args_support(optax.MultiSteps(towards, spec.updates.accumulate).gradient_transformation())
    return towards


def _drop(spec: Spec, member: Member, step: jax.Array, x: jax.Array, layer: int) -> jax.Array:
    """Dropout of inputs (layer 0 and below) and hidden units (layers above), where it is switched on."""
    name = "input_dropout" if layer <= 0 else "dropout"
    if not getattr(spec.regularization, name):
        return x
    return x * dropout_mask(
        x.shape, member.values[f"regularization.{name}"], member.seed, step, layer if layer >= 0 else _OTHER_BLOCKS - layer
    )


def _find_penalised(work: _Work, params: Params) -> dict[str, jax.Array]:
    """The weights that the penalty sees, by layer."""
    settings = work.spec.regularization
    only_input = settings.scope == "input" or PENALTIES[settings.penalty].by_feature
    matrices = {name: layer["w"] for name, layer in params.items() if "w" in layer and layer["w"].ndim == 2}
    return {name: w for name, w in matrices.items() if name in work.model.input_rows or not only_input}


def _find_groups(work: _Work, layer: str, w: jax.Array) -> jax.Array:
    """Feature of each row of a layer's weights; rows that read no input are all of one group."""
    if layer not in work.model.input_rows:
        return jnp.zeros(w.shape[0], jnp.int32)
    groups = work.shared.groups
    return jnp.append(groups, groups.max() + 1)[jnp.asarray(work.model.input_rows[layer], jnp.int32)]


def _sum_smooth_penalties(work: _Work, params: Params) -> jax.Array:
    """The part of the penalty that is in the objective."""
    settings, values, total = work.spec.regularization, work.member.values, jnp.zeros(())
    for w in _find_penalised(work, params).values() if settings.strength else ():
        smooth = PENALTIES[settings.penalty].smooth
        total += smooth(w, values["regularization.strength"], values["regularization.l1_ratio"])
    return total


def _sum_penalties(work: _Work, params: Params) -> jax.Array:
    """The whole penalty: what is part of the objective, and what the proximal step takes care of."""
    settings, values, total = work.spec.regularization, work.member.values, _sum_smooth_penalties(work, params)
    for name, w in _find_penalised(work, params).items() if settings.strength else ():
        rest, groups = PENALTIES[settings.penalty].rest, _find_groups(work, name, w)
        total += rest(w, values["regularization.strength"], values["regularization.l1_ratio"], groups)
    return total


def _constrain(work: _Work, params: Params, length: jax.Array) -> Params:
    """Weights after the proximal step of the penalty, the norm limit and the mask."""
    settings, values = work.spec.regularization, work.member.values
    params = {name: dict(layer) for name, layer in params.items()}
    if settings.makes_zeros:
        step, prox = length * values["regularization.strength"], PENALTIES[settings.penalty].prox
        for name, w in _find_penalised(work, params).items():
            params[name]["w"] = prox(w, step, values["regularization.l1_ratio"], _find_groups(work, name, w))
    if settings.max_norm is not None:
        for name in params:
            if name.startswith("hidden"):
                params[name]["w"] = cap_norm(params[name]["w"], values["regularization.max_norm"])
    return _mask(work.spec, work.model, params, work.shared.used)


def _mask(spec: Spec, model: MemberModel, params: Params, used: jax.Array) -> Params:
    """Params whose input weights of masked features are zero."""
    if not spec.updates.mask:
        return params
    used = jnp.append(used, 1.0)  # for rows that read no input, whose place is -1
    masked = {name: used[jnp.asarray(rows, jnp.int32)][:, None] for name, rows in model.input_rows.items()}
    return {**params, **{name: {**params[name], "w": params[name]["w"] * rows} for name, rows in masked.items()}}
