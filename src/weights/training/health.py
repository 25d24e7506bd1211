"""Health: what is measured of a member's layers while it trains, inside the compiled programs.

Everything here but `name_measurements` is a pure function of arrays; none of it changes what is learned. What the
numbers mean is said by inspection/health.py.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from weights.data.inputs import Inputs
from weights.elements.activation import alive
from weights.models.base import Dropout, Hidden, MemberModel
from weights.models.embedding import learned
from weights.types import Params

OF_LAYERS = ("grad_norm", "update_ratio", "weight_norm", "zeros")
OF_UNITS = ("dead", "saturated", "rank", "influence")
OF_MEMBER = ("grad_signal", "grad_noise", "penalty")

N_LOOKED_AT = 128
"""Rows on which units are looked at for signs of life: enough to see one that answers to one row in forty."""
_N_RANKED = 64
"""Rows on which signals at the start, rank and influence are measured, which cost more."""


class Measurements(NamedTuple):
    """Health of a member: four numbers of each layer of weights, four of each hidden layer's units, three of the member."""

    layers: dict[str, jax.Array]
    units: dict[str, jax.Array]
    member: jax.Array


def name_measurements(measured: Measurements) -> dict[str, float]:
    """The numbers by name: ``layer/what`` of `OF_LAYERS` (`measure_step`) and `OF_UNITS` (`measure_units`), and `OF_MEMBER`."""
    layers, units, member = jax.device_get(measured)
    values: dict[str, float] = {}
    for names, by_layer in ((OF_LAYERS, layers), (OF_UNITS, units)):
        for layer, numbers in by_layer.items():
            values |= {f"{layer}/{name}": float(number) for name, number in zip(names, numbers, strict=True)}
    return values | dict(zip(OF_MEMBER, member.tolist(), strict=True))


def measure_start(model: MemberModel, params: Params, inputs: Inputs, rows: jax.Array, *, key: jax.Array) -> dict[str, jax.Array]:
    """What a member's first weights do to signals on their way through the network, and to gradients on their way back.

    forward of inputs, hidden layers and outputs: mean square of what leaves them. backward of hidden layers: mean squared length of the
    gradient at their activations, for standard normal gradients at the outputs (target and loss have no part in it, as in He et al.
    2015, section 2.2). start_rank of hidden layers: see `effective_rank`. All by ``layer/what``, each shape ().

    Args:
        model: which it is.
        params: of one member.
        inputs: n rows.
        rows: which rows they are, shape (n,); some may be there several times.
        key: of the gradients at the outputs.
    """
    inputs, rows = inputs[:_N_RANKED], rows[:_N_RANKED]
    outputs, hidden = model.apply(params, inputs)
    shifts = {i + 1: jnp.zeros_like(layer.activations) for i, layer in enumerate(hidden.values())}
    _, back = jax.vjp(lambda shifts: model.apply(params, inputs, lambda h, layer: h + shifts.get(layer, 0.0))[0], shifts)
    (gradients,) = back(jax.random.normal(key, outputs.shape))
    signals = {"input/forward": _mean_square(model.embed(params, inputs)), "output/forward": jnp.mean(outputs**2)}
    for i, (name, layer) in enumerate(hidden.items()):
        signals[f"{name}/forward"] = jnp.mean(layer.activations**2)
        signals[f"{name}/backward"] = jnp.sum(gradients[i + 1] ** 2) / len(inputs)
        signals[f"{name}/start_rank"] = effective_rank(_average_places(layer.activations), rows)
    return signals


def measure_units(model: MemberModel, params: Params, inputs: Inputs, rows: jax.Array, activation: str) -> dict[str, jax.Array]:
    """How the hidden units of a member answer: `OF_UNITS` of each hidden layer, shape (4,).

    dead and saturated: see elements/activation.py. rank: see `effective_rank`. influence: the mean square by which outputs change, as a
    share of their variance, if all units of the layer are linearised: 0 where its activation adds nothing.

    Args:
        model: which it is.
        params: of one member.
        inputs: n rows, at least 128.
        rows: which rows they are, shape (n,); some may be there several times.
        activation: its name.
    """
    inputs, few = inputs[:N_LOOKED_AT], slice(_N_RANKED)
    outputs, hidden = model.apply(params, inputs)
    spread = jnp.maximum(jnp.mean((outputs[few] - outputs[few].mean(0)) ** 2), 1e-12)
    measured = {}
    for i, (name, layer) in enumerate(hidden.items()):
        first = Hidden(layer.sums[few], layer.activations[few])
        straight, _ = model.apply(params, inputs[few], _replace_activations(i + 1, _linearise(first)))
        influence = jnp.mean((outputs[few] - straight) ** 2) / spread
        units = layer.activations.reshape(-1, layer.activations.shape[-1])  # at whatever place
        rank = effective_rank(_average_places(first.activations), rows[few])
        measured[name] = jnp.stack([*alive(units, activation), rank, influence])
    return measured


def measure_step(
    halves: Params, before: Params, after: Params, mean: Params, batch_size: int
) -> tuple[dict[str, jax.Array], list[jax.Array]]:
    """What a step does to each layer: `OF_LAYERS`, shape (4,), and the first two of `OF_MEMBER`.

    grad_norm: length of the gradient. update_ratio: length of the step over that of the params. weight_norm, without intercepts, and
    zeros, the share of weights that are exactly zero: of the mean that answers. grad_signal and grad_noise: estimates of the squared
    length of the true gradient and of the summed variances of one row's, whose ratio is the noise scale (McCandlish et al. 2018, "An
    Empirical Model of Large-Batch Training", equation 2.8), from both halves of a batch.

    Args:
        halves: gradients of both halves of a batch, with a leading axis.
        before: params of one member.
        after: those after a step.
        mean: those that answer.
        batch_size: rows of both halves.
    """
    measured, signal, noise = {}, jnp.zeros(()), jnp.zeros(())
    for name, layer in learned(before).items():
        one, other, now, then = (
            jnp.concatenate([part.ravel() for part in (learned(tree)[name][key] for key in layer)])
            for tree in (*(jax.tree.map(lambda both, i=i: both[i], halves) for i in range(2)), before, after)
        )
        # One sum over the columns of one matrix: many small sums would take long to compile.
        both, apart, length, change = jnp.sum(jnp.stack([one + other, one - other, now, then - now]) ** 2, 1)
        w = mean[name]["w"].ravel()
        weight, zeros = jnp.sum(jnp.stack([w**2, w == 0]), 1)
        ratio = jnp.sqrt(change / jnp.maximum(length, 1e-24))
        measured[name] = jnp.stack([jnp.sqrt(both) / 2, ratio, jnp.sqrt(weight), zeros / w.size])
        signal, noise = signal + (both - apart) / 4, noise + batch_size / 4 * apart
    return measured, [signal, noise]


def effective_rank(h: jax.Array, rows: jax.Array) -> jax.Array:
    """In how many directions, about, activations (n, h) differ from row to row, shape (); 0 where they do not differ.

    The participation ratio ``tr(C)^2 / tr(C^2)`` of their covariance C: h where all directions vary alike, 1 where only one does. The
    denominator comes from pairs of different rows, so that few rows do not bound it.

    Args:
        h: activations.
        rows: which rows they are, shape (n,); some may be there several times.
    """
    centred = h - h.mean(0)
    products = centred @ centred.T
    different = rows[:, None] != rows
    squares = jnp.sum(jnp.where(different, products**2, 0.0)) / jnp.maximum(jnp.sum(different), 1)
    rank = jnp.mean(jnp.diagonal(products)) ** 2 / jnp.maximum(squares, 1e-20)
    return jnp.where(rank > 0, jnp.clip(rank, 1.0, h.shape[1]), 0.0)


def _mean_square(inputs: Inputs) -> jax.Array:
    """The mean square of all numbers in these rows, shape ()."""
    blocks = [*inputs.blocks.values()]
    return jnp.sum(jnp.stack([jnp.sum(block**2) for block in blocks])) / sum(block.size for block in blocks)


def _average_places(h: jax.Array) -> jax.Array:
    """Activations of units (n, h), in pictures their means over all places."""
    return h.mean(tuple(range(1, h.ndim - 1)))


def _replace_activations(place: int, h: jax.Array) -> Dropout:
    """Puts these activations in place of a hidden layer's."""
    return lambda own, layer: h if layer == place else own


def _linearise(layer: Hidden) -> jax.Array:
    """Activations (n, ..., h) of units that answer along the straight line nearest to their activation (least squares)."""
    rows = tuple(range(layer.sums.ndim - 1))
    sums, answers = layer.sums - layer.sums.mean(rows), layer.activations - layer.activations.mean(rows)
    slope = jnp.sum(sums * answers, rows) / jnp.maximum(jnp.sum(sums**2, rows), 1e-12)
    return layer.activations.mean(rows) + slope * sums
