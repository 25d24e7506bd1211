"""Which pictures or recordings, and which parts of them, excite the units of a layer most.

`most_exciting` looks through rows, as images, for the largest activation of each unit at any place, and finds the patch that made it
from the gradient of that activation. What a unit responds to among these rows is not all that it could respond to.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from weights.data.inputs import Inputs, Layout
from weights.ensemble import Ensemble
from weights.errors import UsageError, suggest
from weights.inspection.scenes import make_scene, population_of_scenes, show_scenes
from weights.models.registry import architecture_of, build
from weights.models.scene import Scene
from weights.spec import Spec, program_spec
from weights.types import FloatArray, IntArray, Params

_MOST_LOOKED_AT = 4_000
"""Rows that are looked through, spread evenly over those given (our choice)."""
_BLOCK = 256
_EDGE = 0.02
"""Share of the gradient's size that a patch leaves out on each of its four sides."""


class Patch(NamedTuple):
    """What excites a unit, by its row; the activation; and the box that made it: top, left, bottom and right, the last two outside."""

    row: int
    activation: float
    box: tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class Unit:
    """A unit and what excites it.

    Attributes:
        number: of the unit in its layer.
        patches: the most exciting rows, the most exciting first.
        eta_squared: share of the variance of its largest activations that lies between the classes of rows (eta squared); NaN where
            there are no classes. By chance it is about (classes - 1) / rows.
    """

    number: int
    patches: list[Patch]
    eta_squared: float


def most_exciting(
    ensemble: Ensemble, inputs: Inputs, layer: str, *, y: IntArray | None = None, member: int = 0, n_units: int = 8, n_patches: int = 6
) -> list[Unit]:
    """Units of a layer with the rows that excite each most, those that separate classes best first.

    Args:
        ensemble: of pictures or recordings.
        inputs: n rows of them.
        layer: its name, such as "hidden.2".
        y: class codes, shape (n,); without them units that vary most come first.
        member: number of the member, counted from 0.
        n_units: how many units.
        n_patches: how many rows of each.

    Raises:
        UsageError: there is no such layer or member, or the ensemble reads neither.
    """
    population, layout = population_of_scenes(ensemble)
    check_units(ensemble, layer, member)
    params = jax.tree.map(lambda a: a[member], population.params)
    rows = np.unique(np.linspace(0, len(inputs) - 1, min(len(inputs), _MOST_LOOKED_AT)).astype(int))
    spec = program_spec(population.spec)
    architecture = architecture_of(spec.model)
    read = inputs.only((*architecture.reads, *architecture.also_reads))

    def show(numbers: IntArray) -> tuple[list[Scene], Inputs]:
        own = read[numbers]
        scenes = [make_scene(population, layout, own[i : i + 1]) for i in range(len(own))]
        return scenes, show_scenes(scenes, own)

    at_once = layout.rows_at_once(_BLOCK)

    def find_largest(block: IntArray) -> FloatArray:
        # Filled up with rows that come again, so that one program serves all.
        scenes, shown = show(np.resize(block, at_once))
        return np.asarray(_largest(spec, layout, layer)(params, shown, _widths(scenes)))[: len(block)]

    largest = np.concatenate([find_largest(rows[i : i + at_once]) for i in range(0, len(rows), at_once)])
    eta_squared = np.full(largest.shape[1], np.nan) if y is None else _compute_eta_squared(largest, y[rows])
    order = np.argsort(-(largest.var(0) if y is None else eta_squared), kind="stable")
    found = []
    for number in (int(unit) for unit in order[:n_units]):
        best = np.argsort(-largest[:, number], kind="stable")[:n_patches]
        scenes, shown = show(rows[best])
        changes = scenes[0].as_images(np.asarray(_gradients(spec, layout, layer, scenes[0].block)(params, shown, _widths(scenes), number)))
        boxes = _boxes([change[:, : scene.width] for change, scene in zip(changes, scenes, strict=True)])
        patches = [Patch(int(rows[i]), float(largest[i, number]), box) for i, box in zip(best, boxes, strict=True)]
        found.append(Unit(number, patches, float(eta_squared[number])))
    return found


def unit_layers(ensemble: Ensemble) -> list[str]:
    """The layers of units that look at places, as signals pass.

    Raises:
        UsageError: the ensemble reads neither pictures nor recordings.
    """
    population, layout = population_of_scenes(ensemble)
    spec = population.spec
    model = build(spec.model, layout, spec.initialization, spec.activation)
    shapes = jax.eval_shape(lambda params: model.apply(params, layout.zeros(1))[1], jax.tree.map(lambda a: a[0], population.params))
    return [*shapes]


def check_units(ensemble: Ensemble, layer: str, member: int) -> None:
    """Refuse a layer or a member that is not there, before anything is read; errors as `most_exciting`."""
    layers, n_members = unit_layers(ensemble), len(population_of_scenes(ensemble)[0].member_weights)
    if layer not in layers:
        raise UsageError(f"There is no layer '{layer}' of units that look at places. {suggest(layer, layers)}")
    if not 0 <= member < n_members:
        raise UsageError(f"There is no member {member}: they are counted from 0 to {n_members - 1}.")


def _compute_eta_squared(values: FloatArray, y: IntArray) -> FloatArray:
    """The share of the variance of each column of values (n, h) that lies between classes, shape (h,)."""
    centred = values - values.mean(0)
    between = sum((y == k).sum() * centred[y == k].mean(0) ** 2 for k in np.unique(y))
    total = (centred**2).sum(0)
    return np.divide(between, total, out=np.zeros_like(total), where=total > 0)


def _boxes(gradients: Sequence[FloatArray]) -> list[tuple[int, int, int, int]]:
    """The box that holds nearly all of each gradient (height, width, channels)."""
    boxes = []
    for size in (np.abs(gradient).sum(2) for gradient in gradients):
        (top, bottom), (left, right) = (_middle(size.sum(axis)) for axis in (1, 0))
        boxes.append((top, left, bottom, right))
    return boxes


def _middle(sizes: FloatArray) -> tuple[int, int]:
    """Begin and end of the places that hold all but the outermost parts of the sizes."""
    if not sizes.any():
        return 0, len(sizes)
    reached = np.cumsum(sizes) / sizes.sum()
    return int(np.searchsorted(reached, _EDGE)), min(int(np.searchsorted(reached, 1 - _EDGE)) + 1, len(sizes))


def _widths(scenes: Sequence[Scene]) -> FloatArray:
    """The share of each image, across, in which there is something, shape (n,)."""
    return np.array([scene.width / scene.image.shape[1] for scene in scenes], np.float32)


@functools.lru_cache(maxsize=16)
def _largest(spec: Spec, layout: Layout, layer: str) -> Callable[[Params, Inputs, Any], jax.Array]:
    """The largest activation of each unit of a layer at any place of rows where there is something, shape (n, h)."""
    model = build(spec.model, layout, spec.initialization, spec.activation)

    @jax.jit
    def largest(params: Params, inputs: Inputs, widths: jax.Array) -> jax.Array:
        activations = model.apply(params, inputs)[1][layer].activations
        there = jnp.arange(activations.shape[2]) < jnp.maximum(widths[:, None] * activations.shape[2], 1.0)
        return jnp.where(there[:, None, :, None], activations, -jnp.inf).max((1, 2))

    return largest


@functools.lru_cache(maxsize=16)
def _gradients(spec: Spec, layout: Layout, layer: str, block: str) -> Callable[[Params, Inputs, Any, int], jax.Array]:
    """How the largest activation of a unit changes with the numbers in a block of rows, of its shape."""
    largest = _largest(spec, layout, layer)
    return jax.jit(
        lambda params, inputs, widths, unit: jax.grad(lambda x: largest(params, inputs.replace(**{block: x}), widths)[:, unit].sum())(
            inputs[block]
        )
    )
