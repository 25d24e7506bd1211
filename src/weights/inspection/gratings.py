"""What the filters of a first layer respond to, measured with gratings.

`filters` shows each unit stripes of many directions and widths, in grey and in colours, as physiologists do with cells of the
visual cortex (De Valois and De Valois 1988, "Spatial Vision", chapter 4), and names it by its answers: edge, texture, blob or colour
opponent. The same is done with untrained members, because filters as small as 3 x 3 have a liking even when drawn at random.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
import msgspec
import numpy as np

from weights.data.inputs import Inputs, Layout
from weights.ensemble import Ensemble, Population
from weights.errors import UsageError
from weights.models.architecture import Architecture
from weights.models.registry import architecture_of, build
from weights.models.residual import PIXELS, image_size
from weights.spec import Spec, program_spec
from weights.types import BoolArray, FloatArray, Params

Kind = Literal["edge", "texture", "blob", "colour opponent", "silent"]
KINDS: tuple[Kind, ...] = ("edge", "texture", "blob", "colour opponent", "silent")

_GREY, _CONTRAST = 127.5, 64.0
_ORIENTATIONS = [15.0 * step for step in range(12)]
_FREQUENCIES = [step / 16 for step in range(1, 12)]
"""Cycles a pixel; stripes finer than two pixels along a row or column cannot be shown."""
_LEAST_SELECTIVITY, _LEAST_FLATNESS = 0.3, 0.5
_SILENT = 1e-3
_HUES = {0: "red-cyan", 30: "red-blue", 60: "yellow-blue", 90: "green-blue", 120: "green-magenta", 150: "green-red"}
"""Axes through grey, by their angle in the plane of equal brightness."""
_N_UNTRAINED = 8
_EMPTY = 1e-3
"""Share of the largest weight below which a pixel does not belong to a filter: what rounding leaves."""


class Filter(msgspec.Struct, frozen=True):
    """What a unit of the first layer responds to.

    Attributes:
        kind: "colour opponent" if a difference of colours excites it more than one of brightness; else "edge" or "texture" if it
            prefers stripes of one direction, with up to one of them, or more, in its width; "texture" too if it prefers two directions;
            "blob" if it has no preference. "silent" if next to nothing excites it.
        orientation: of the stripes it prefers, degrees counterclockwise from horizontal, below 180; None without a preference.
        period: of these stripes, dark to dark, in pixels; None where plain colour excites most.
        colours: the ends of the axis of colours that excites it most; None unless it is a colour opponent.
        selectivity: how much one direction is preferred, 0 to 1: the length of the mean of directions, doubled in angle and weighted by
            squared responses (one less the circular variance of Ringach et al. 2002, of energies instead of rates).
        strength: its largest response, as a share of that of the layer's most excitable unit.
    """

    kind: Kind
    orientation: float | None
    period: float | None
    colours: str | None
    selectivity: float
    strength: float


@dataclass(frozen=True, eq=False)
class Filters:
    """The first layer's filters of some members.

    Attributes:
        patterns: change of a unit's sum for a change of each pixel by one of 255 steps, shape (m, h, side, side, channels).
        by_member: what each responds to, by member and unit.
        untrained: share of each kind among filters of members that have learned nothing.
    """

    patterns: FloatArray
    by_member: list[list[Filter]]
    untrained: dict[str, float]

    def shares(self, kind: Kind) -> FloatArray:
        """The share of the units of each member that are of a kind, shape (m,)."""
        return np.array([Counter(unit.kind for unit in units)[kind] / len(units) for units in self.by_member])


def filters(ensemble: Ensemble) -> Filters:
    """What the filters of the members of an ensemble's first population respond to.

    Raises:
        UsageError: the ensemble does not read pictures.
    """
    population, layout = population_of_pictures(ensemble)
    members = population.members
    drawn = [untrained_params(population.spec, layout, number) for number in range(_N_UNTRAINED)]
    every = [_patterns(population.spec, layout, params) for params in members]
    sizes = np.max([np.abs(pattern).max((0, 3)) for pattern in every], axis=0)
    used = sizes > _EMPTY * sizes.max()
    rows, columns = (np.flatnonzero(used.any(axis)) for axis in (1, 0))
    patterns = np.stack([pattern[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] for pattern in every])
    named = [_named(population.spec, layout, params, side=max(patterns.shape[2:4])) for params in [*members, *drawn]]
    of_drawn = Counter(unit.kind for units in named[len(members) :] for unit in units)
    return Filters(patterns, named[: len(members)], {kind: of_drawn[kind] / of_drawn.total() for kind in KINDS})


def classify(responses: FloatArray, plain: FloatArray, shown: BoolArray, *, side: int) -> list[Filter]:
    """What units respond to, from the strengths of their responses.

    Args:
        responses: to gratings, shape (colours, orientations, frequencies, h): the first of the colours is grey, the others the axes
            of `_HUES`; 15 degrees from one orientation to the next, counterclockwise from horizontal; a sixteenth of a cycle a pixel
            from one frequency to the next, beginning there.
        plain: to plain colour without stripes, shape (colours, h).
        shown: which gratings can be shown, shape (orientations, frequencies).
        side: width of the filters in pixels.
    """
    responses = np.where(shown[None, :, :, None], responses, 0.0)
    best = np.maximum(responses.max((1, 2)), plain)  # (colours, h)
    most = best.max()
    classified = []
    for unit in range(responses.shape[-1]):
        strength = float(best[:, unit].max() / most) if most > 0 else 0.0
        if strength < _SILENT:
            classified.append(Filter("silent", None, None, None, 0.0, strength))
            continue
        colour = int(best[:, unit].argmax())
        own = responses[colour, :, :, unit]
        selectivity, preferred = _direction(own, shown)
        stripes = np.unravel_index(own.argmax(), own.shape)
        frequency = _FREQUENCIES[stripes[1]] if own.max() >= plain[colour, unit] else 0.0
        oriented = selectivity >= _LEAST_SELECTIVITY
        if colour > 0:
            kind: Kind = "colour opponent"
        elif oriented:
            kind = "edge" if frequency * side <= 1 else "texture"
        else:
            across = own[:, shown.all(0)].max(1)
            kind = "blob" if across.min() >= _LEAST_FLATNESS * across.max() else "texture"
        classified.append(
            Filter(
                kind,
                orientation=preferred if oriented else None,
                period=1 / frequency if frequency else None,
                colours=[*_HUES.values()][colour - 1] if colour else None,
                selectivity=selectivity,
                strength=strength,
            )
        )
    return classified


def population_of_pictures(ensemble: Ensemble) -> tuple[Population, Layout]:
    """The population of largest stacking weight, and the layout of what it reads.

    Raises:
        UsageError: the ensemble does not read pictures.
    """
    population = find_population(ensemble, _reads_pixels)
    if population is None:
        raise UsageError("Filters and maps need a run of pictures, but this one reads none. See `weights explain`.")
    return population, ensemble.encoding.layout(ensemble.task.n_outputs)


def find_population(ensemble: Ensemble, is_able: Callable[[Architecture], bool]) -> Population | None:
    """Of the populations whose architecture is able the one of largest stacking weight; None if none is."""
    able = [population for population in ensemble.populations if is_able(architecture_of(population.spec.model))]
    return max(able, key=lambda population: population.stacking_weight, default=None)


def _reads_pixels(architecture: Architecture) -> bool:
    return PIXELS in architecture.reads


def show_pixels(layout: Layout, pixels: Any, columns: Any = 0.0) -> Inputs:
    """Rows of these pixels (n, height, width, channels) and, where they have columns, of the same columns (p,) all."""
    shapes = {name: shape for name, shape in layout.blocks if name != PIXELS}
    return Inputs(
        {**{name: jnp.broadcast_to(jnp.float32(columns), (len(pixels), *shape)) for name, shape in shapes.items()}, PIXELS: pixels}
    )


def untrained_params(spec: Spec, layout: Layout, number: int) -> Params:
    """The params of a member that has learned nothing; another number, another draw."""
    model = build(spec.model, layout, spec.initialization, spec.activation)
    return model.init(layout.zeros(2), jnp.zeros((0, 1), jnp.float32), key=jax.random.key(0x57A7 + number))


def _named(spec: Spec, layout: Layout, params: Params, *, side: int) -> list[Filter]:
    """What the filters of one member respond to."""
    height, width, channels = image_size(layout)
    shown = np.array([[_can_be_shown(theta, frequency) for frequency in _FREQUENCIES] for theta in _ORIENTATIONS])
    sums = _first_sums(program_spec(spec), layout)
    grey = np.full((1, height, width, channels), _GREY)
    at_rest = np.asarray(sums(params, jnp.asarray(grey, jnp.float32)))
    strengths, plain = [], []
    for axis in _axes(channels):
        answers = []
        for theta in _ORIENTATIONS:
            gratings = np.stack([_grating(height, width, theta, *stripes) for stripes in _stripes()])
            pictures = grey + _CONTRAST * gratings[..., None] * axis
            answers.append(np.asarray(sums(params, jnp.asarray(pictures, jnp.float32))) - at_rest)
        pairs = np.stack(answers).reshape(len(_ORIENTATIONS), len(_FREQUENCIES), 2, -1)
        strengths.append(np.hypot(pairs[:, :, 0], pairs[:, :, 1]))
        uniform = jnp.asarray(grey + _CONTRAST * axis, jnp.float32)
        plain.append(np.abs(np.asarray(sums(params, uniform)) - at_rest)[0])
    return classify(np.stack(strengths), np.stack(plain), shown, side=side)


def _stripes() -> list[tuple[float, float]]:
    """Frequency and phase of the gratings of an orientation; two phases a quarter apart give the strength whatever the place."""
    return [(frequency, phase) for frequency in _FREQUENCIES for phase in (0.0, math.pi / 2)]


def _grating(height: int, width: int, theta: float, frequency: float, phase: float) -> FloatArray:
    """Stripes between -1 and 1, shape (height, width)."""
    across_x, across_y = math.sin(math.radians(theta)), math.cos(math.radians(theta))
    y, x = np.mgrid[:height, :width]
    return np.sin(2 * math.pi * frequency * (across_x * x + across_y * y) + phase)


def _can_be_shown(theta: float, frequency: float) -> bool:
    """Whether there are two pixels or more to a stripe's period along rows and columns."""
    return frequency * max(abs(math.sin(math.radians(theta))), abs(math.cos(math.radians(theta)))) <= 0.5 + 1e-9


def _axes(channels: int) -> FloatArray:
    """Directions of colour, grey first, all of one length, shape (colours, channels)."""
    if channels == 1:
        return np.ones((1, 1))
    angles = np.radians([*_HUES])[:, None] - np.radians([0.0, 120.0, 240.0])
    return np.concatenate([np.ones((1, 3)), np.sqrt(2) * np.cos(angles)])


def _direction(strength: FloatArray, shown: BoolArray) -> tuple[float, float]:
    """How much one orientation is preferred, and which, in degrees, from strengths (orientations, frequencies)."""
    everywhere = shown.all(0)  # frequencies that can be shown in some directions only would count for these
    energy = (strength[:, everywhere] ** 2).sum(1)
    total = (energy * np.exp(2j * np.radians(_ORIENTATIONS))).sum()
    selectivity = float(abs(total) / energy.sum()) if energy.sum() > 0 else 0.0
    return selectivity, round(float(np.degrees(np.angle(total))) / 2, 2) % 180


def _patterns(spec: Spec, layout: Layout, params: Params) -> FloatArray:
    """How the sums of the first layer in the middle of a picture change with its pixels, shape (h, height, width, channels)."""
    grey = jnp.full((1, *image_size(layout)), _GREY, jnp.float32)
    changes = jax.jacrev(lambda x: _first_sums(program_spec(spec), layout)(params, x)[0])(grey)
    return np.asarray(changes).reshape(-1, *image_size(layout))


@functools.lru_cache(maxsize=8)
def _first_sums(spec: Spec, layout: Layout) -> Callable[[Params, jax.Array], Any]:
    """The sums (n, h) of the first layer's units in the middle of pictures (n, height, width, channels)."""
    model = build(spec.model, layout, spec.initialization, spec.activation)

    @jax.jit
    def sums(params: Params, x: jax.Array) -> jax.Array:
        hidden = model.apply(params, show_pixels(layout, x))[1]
        first = hidden[next(iter(hidden))].sums
        return first[:, first.shape[1] // 2, first.shape[2] // 2]

    return sums
