"""Which pictures, and which parts of them, excite the units of a layer most.

`most_exciting` looks through pictures for the largest activation of each unit at any place, and finds the patch that made it from the
gradient of that activation. What a unit responds to among these pictures is not all that it could respond to.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from weights.data.inputs import Layout
from weights.ensemble import Ensemble
from weights.errors import UsageError, suggest
from weights.inspection.gratings import population_of_pictures, show_pixels
from weights.models.registry import build, layers_of
from weights.spec import Spec, program_spec
from weights.types import FloatArray, IntArray, Params

_MOST_LOOKED_AT = 4_000
"""Pictures that are looked through, spread evenly over those given (our choice)."""
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
        patches: the most exciting pictures, the most exciting first.
        eta_squared: share of the variance of its largest activations that lies between the classes of pictures (eta squared); NaN where
            there are no classes. By chance it is about (classes - 1) / pictures.
    """

    number: int
    patches: list[Patch]
    eta_squared: float


def most_exciting(
    ensemble: Ensemble, x: FloatArray, layer: str, *, y: IntArray | None = None, member: int = 0, n_units: int = 8, n_patches: int = 6
) -> list[Unit]:
    """Units of a layer with the pictures that excite each most, those that separate classes best first.

    Args:
        ensemble: of pictures.
        x: pictures, uint8, shape (n, height, width, channels).
        layer: its name, such as "hidden.2".
        y: class codes, shape (n,); without them units that vary most come first.
        member: number of the member, counted from 0.
        n_units: how many units.
        n_patches: how many pictures of each.

    Raises:
        UsageError: there is no such layer or member, or the ensemble does not read pictures.
    """
    population, layout = population_of_pictures(ensemble)
    check_units(ensemble, layer, member)
    params = jax.tree.map(lambda a: a[member], population.params)
    rows = np.unique(np.linspace(0, len(x) - 1, min(len(x), _MOST_LOOKED_AT)).astype(int))
    spec = program_spec(population.spec)
    at_once = layout.rows_at_once(_BLOCK)
    blocks = [x[rows[i : i + at_once]] for i in range(0, len(rows), at_once)]
    largest = np.concatenate([_run_block(_largest(spec, layout, layer), params, block, at_once) for block in blocks])
    eta_squared = np.full(largest.shape[1], np.nan) if y is None else _compute_eta_squared(largest, y[rows])
    order = np.argsort(-(largest.var(0) if y is None else eta_squared), kind="stable")
    found = []
    for number in (int(unit) for unit in order[:n_units]):
        best = np.argsort(-largest[:, number], kind="stable")[:n_patches]
        boxes = _boxes(np.asarray(_gradients(spec, layout, layer)(params, jnp.asarray(x[rows[best]], jnp.float32), number)))
        patches = [Patch(int(rows[i]), float(largest[i, number]), box) for i, box in zip(best, boxes, strict=True)]
        found.append(Unit(number, patches, float(eta_squared[number])))
    return found


def unit_layers(ensemble: Ensemble) -> list[str]:
    """The layers of units that look at pictures, as signals pass.

    Raises:
        UsageError: the ensemble does not read pictures.
    """
    return layers_of(population_of_pictures(ensemble)[0].spec.model)[:-1]


def check_units(ensemble: Ensemble, layer: str, member: int) -> None:
    """Refuse a layer or a member that is not there, before anything is read; errors as `most_exciting`."""
    layers, n_members = unit_layers(ensemble), len(population_of_pictures(ensemble)[0].member_weights)
    if layer not in layers:
        raise UsageError(f"There is no layer '{layer}' of units that look at pictures. {suggest(layer, layers)}")
    if not 0 <= member < n_members:
        raise UsageError(f"There is no member {member}: they are counted from 0 to {n_members - 1}.")


def _compute_eta_squared(values: FloatArray, y: IntArray) -> FloatArray:
    """The share of the variance of each column of values (n, h) that lies between classes, shape (h,)."""
    centred = values - values.mean(0)
    between = sum((y == k).sum() * centred[y == k].mean(0) ** 2 for k in np.unique(y))
    total = (centred**2).sum(0)
    return np.divide(between, total, out=np.zeros_like(total), where=total > 0)


def _boxes(gradients: FloatArray) -> list[tuple[int, int, int, int]]:
    """The box that holds nearly all of each gradient (n, height, width, channels)."""
    sizes = np.abs(gradients).sum(3)
    boxes = []
    for size in sizes:
        (top, bottom), (left, right) = (_middle(size.sum(axis)) for axis in (1, 0))
        boxes.append((top, left, bottom, right))
    return boxes


def _middle(sizes: FloatArray) -> tuple[int, int]:
    """Begin and end of the places that hold all but the outermost parts of the sizes."""
    if not sizes.any():
        return 0, len(sizes)
    reached = np.cumsum(sizes) / sizes.sum()
    return int(np.searchsorted(reached, _EDGE)), min(int(np.searchsorted(reached, 1 - _EDGE)) + 1, len(sizes))


def _run_block(run: Callable[..., Any], params: Params, x: FloatArray, size: int) -> FloatArray:
    """What a program makes of a block of rows, padded to this size so that one program serves all."""
    padded = np.zeros((size, *x.shape[1:]), np.float32)
    padded[: len(x)] = x
    return np.asarray(run(params, padded))[: len(x)]


@functools.lru_cache(maxsize=16)
def _largest(spec: Spec, layout: Layout, layer: str) -> Callable[[Params, Any], jax.Array]:
    """The largest activation of each unit of a layer at any place of pictures, shape (n, h)."""
    model = build(spec.model, layout, spec.initialization, spec.activation)
    return jax.jit(lambda params, x: model.apply(params, show_pixels(layout, x))[1][layer].activations.max((1, 2)))


@functools.lru_cache(maxsize=16)
def _gradients(spec: Spec, layout: Layout, layer: str) -> Callable[[Params, jax.Array, int], jax.Array]:
    """How the largest activation of a unit changes with the pixels of each of some pictures, shape (n, height, width, channels)."""
    largest = _largest(spec, layout, layer)
    return jax.jit(lambda params, x, unit: jax.grad(lambda x: largest(params, x)[:, unit].sum())(x))
