"""What the filters of a first layer respond to, measured with gratings.

`filters` shows each unit stripes of many directions and widths, in grey and in colours, as physiologists do with cells of the
visual cortex (De Valois and De Valois 1988, "Spatial Vision", chapter 4), and with ripples of spectrograms those of the auditory one
(Depireux et al. 2001, "Spectro-Temporal Response Field Characterization With Dynamic Ripples in Ferret Primary Auditory Cortex"), and
names it by its answers, as the model's scene says (models/scene.py). The same is done with untrained members, because filters as small
as 3 x 3 have a liking even when drawn at random.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import msgspec
import numpy as np

from weights.data.inputs import Inputs, Layout
from weights.ensemble import Ensemble
from weights.inspection.scenes import make_scene, population_of_scenes, show_images, untrained_params
from weights.models.registry import build
from weights.models.scene import SILENT, Liking, Scene, SceneWords
from weights.spec import Spec, program_spec
from weights.types import BoolArray, FloatArray, Params

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
        kind: its name, such as "edge" or "onset"; "silent" if next to nothing excites it.
        orientation: of the stripes it prefers, degrees counterclockwise from horizontal, below 180; None without a preference.
        period: of these stripes, dark to dark, in pixels (of spectrograms, bands and frames); None where plain colour excites most.
        colours: the ends of the axis of colours that excites it most; None unless it is a colour opponent.
        selectivity: how much one direction is preferred, 0 to 1: the length of the mean of directions, doubled in angle and weighted by
            squared responses (one less the circular variance of Ringach et al. 2002, of energies instead of rates).
        strength: its largest response, as a share of that of the layer's most excitable unit.
    """

    kind: str
    orientation: float | None
    period: float | None
    colours: str | None
    selectivity: float
    strength: float


@dataclass(frozen=True, eq=False)
class Filters:
    """The first layer's filters of some members.

    Attributes:
        patterns: change of a unit's sum for a change of each pixel by one of 255 steps, or of each log energy by its deviation in a
            recording, shape (m, h, side, side, channels).
        by_member: what each responds to, by member and unit.
        untrained: share of each kind among filters of members that have learned nothing, in the order in which kinds are listed.
        words: what is said of the rows that are looked at.
    """

    patterns: FloatArray
    by_member: list[list[Filter]]
    untrained: dict[str, float]
    words: SceneWords

    def shares(self, kind: str) -> FloatArray:
        """The share of the units of each member that are of a kind, shape (m,)."""
        return np.array([Counter(unit.kind for unit in units)[kind] / len(units) for units in self.by_member])


def filters(ensemble: Ensemble) -> Filters:
    """What the filters of the members of an ensemble's first population respond to.

    Raises:
        UsageError: the ensemble reads neither pictures nor recordings.
    """
    population, layout = population_of_scenes(ensemble)
    scene = make_scene(population, layout)
    members = population.members
    drawn = [untrained_params(population.spec, layout, number) for number in range(_N_UNTRAINED)]
    every = [_patterns(population.spec, layout, scene, params) for params in members]
    sizes = np.max([np.abs(pattern).max((0, 3)) for pattern in every], axis=0)
    used = sizes > _EMPTY * sizes.max()
    rows, columns = (np.flatnonzero(used.any(axis)) for axis in (1, 0))
    patterns = np.stack([pattern[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] for pattern in every])
    named = [_named(population.spec, layout, scene, params, side=max(patterns.shape[2:4])) for params in [*members, *drawn]]
    of_drawn = Counter(unit.kind for units in named[len(members) :] for unit in units)
    untrained = {kind: of_drawn[kind] / of_drawn.total() for kind in (*scene.filter_names.every, SILENT)}
    return Filters(patterns, named[: len(members)], untrained, scene.words)


def classify(responses: FloatArray, plain: FloatArray, shown: BoolArray, *, side: int, name: Callable[[Liking], str]) -> list[Filter]:
    """What units respond to, from the strengths of their responses.

    Args:
        responses: to gratings, shape (colours, orientations, frequencies, h): the first of the colours is grey, the others the axes
            of `_HUES`; 15 degrees from one orientation to the next, counterclockwise from horizontal; a sixteenth of a cycle a pixel
            from one frequency to the next, beginning there.
        plain: to plain colour without stripes, shape (colours, h).
        shown: which gratings can be shown, shape (orientations, frequencies).
        side: width of the filters in pixels.
        name: what a filter is called that likes this.
    """
    responses = np.where(shown[None, :, :, None], responses, 0.0)
    best = np.maximum(responses.max((1, 2)), plain)  # (colours, h)
    most = best.max()
    classified = []
    for unit in range(responses.shape[-1]):
        strength = float(best[:, unit].max() / most) if most > 0 else 0.0
        if strength < _SILENT:
            classified.append(Filter(SILENT, None, None, None, 0.0, strength))
            continue
        colour = int(best[:, unit].argmax())
        own = responses[colour, :, :, unit]
        selectivity, preferred = _direction(own, shown)
        stripes = np.unravel_index(own.argmax(), own.shape)
        frequency = _FREQUENCIES[stripes[1]] if own.max() >= plain[colour, unit] else 0.0
        across = own[:, shown.all(0)].max(1)
        is_flat = bool(across.min() >= _LEAST_FLATNESS * across.max())
        orientation = preferred if selectivity >= _LEAST_SELECTIVITY else None
        classified.append(
            Filter(
                name(Liking(colour > 0, orientation, frequency * side, is_flat)),
                orientation=orientation,
                period=1 / frequency if frequency else None,
                colours=[*_HUES.values()][colour - 1] if colour else None,
                selectivity=selectivity,
                strength=strength,
            )
        )
    return classified


def _named(spec: Spec, layout: Layout, scene: Scene, params: Params, *, side: int) -> list[Filter]:
    """What the filters of one member respond to."""
    height, width, channels = scene.image.shape
    shown = np.array([[_can_be_shown(theta, frequency) for frequency in _FREQUENCIES] for theta in _ORIENTATIONS])
    sums = _first_sums(program_spec(spec), layout)

    def respond(images: FloatArray) -> FloatArray:
        return np.asarray(sums(params, show_images(layout, scene, images)))

    rest = np.full((1, height, width, channels), scene.rest)
    at_rest = respond(rest)
    strengths, plain = [], []
    for axis in _axes(channels):
        answers = []
        for theta in _ORIENTATIONS:
            gratings = np.stack([_grating(height, width, theta, *stripes) for stripes in _stripes()])
            answers.append(respond(rest + scene.contrast * gratings[..., None] * axis) - at_rest)
        pairs = np.stack(answers).reshape(len(_ORIENTATIONS), len(_FREQUENCIES), 2, -1)
        strengths.append(np.hypot(pairs[:, :, 0], pairs[:, :, 1]))
        plain.append(np.abs(respond(rest + scene.contrast * axis) - at_rest)[0])
    return classify(np.stack(strengths), np.stack(plain), shown, side=side, name=scene.filter_names.name)


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


def _patterns(spec: Spec, layout: Layout, scene: Scene, params: Params) -> FloatArray:
    """How the sums of the first layer in the middle of an image change with its pixels, shape (h, height, width, channels)."""
    rest = show_images(layout, scene, np.full((1, *scene.image.shape), scene.rest))
    sums = _first_sums(program_spec(spec), layout)
    changes = jax.jacrev(lambda block: sums(params, rest.replace(**{scene.block: block}))[0])(jnp.asarray(rest[scene.block]))
    return np.asarray(scene.as_images(np.asarray(changes)[:, 0]))


@functools.lru_cache(maxsize=8)
def _first_sums(spec: Spec, layout: Layout) -> Callable[[Params, Inputs], Any]:
    """The sums (n, h) of the first layer's units in the middle of rows that show images."""
    model = build(spec.model, layout, spec.initialization, spec.activation)

    @jax.jit
    def sums(params: Params, inputs: Inputs) -> jax.Array:
        hidden = model.apply(params, inputs)[1]
        first = hidden[next(iter(hidden))].sums
        return first[:, first.shape[1] // 2, first.shape[2] // 2]

    return sums
