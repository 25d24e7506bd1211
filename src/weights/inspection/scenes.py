"""Rows as images: the population that looks at them, the scene of a row, and rows that show any image."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from weights.data.inputs import Inputs, Layout
from weights.ensemble import Ensemble, Population
from weights.errors import UsageError
from weights.models.architecture import Architecture
from weights.models.registry import architecture_of, build
from weights.models.scene import Scene
from weights.spec import Spec
from weights.types import AnyArray, FloatArray, Params


def find_population(ensemble: Ensemble, is_able: Callable[[Architecture], bool]) -> Population | None:
    """Of the populations whose architecture is able the one of largest stacking weight; None if none is."""
    able = [population for population in ensemble.populations if is_able(architecture_of(population.spec.model))]
    return max(able, key=lambda population: population.stacking_weight, default=None)


def has_scenes(ensemble: Ensemble) -> bool:
    """Whether some members look at rows as images."""
    return find_population(ensemble, _has_scene) is not None


def _has_scene(architecture: Architecture) -> bool:
    return architecture.scene is not None


def population_of_scenes(ensemble: Ensemble) -> tuple[Population, Layout]:
    """The population of largest stacking weight that looks at rows as images, and the layout of what it reads.

    Raises:
        UsageError: there is none.
    """
    population = find_population(ensemble, _has_scene)
    if population is None:
        raise UsageError("Filters and maps need a run of pictures or recordings, but this one reads columns. See `weights explain`.")
    return population, ensemble.encoding.layout(ensemble.task.n_outputs)


def make_scene(population: Population, layout: Layout, row: Inputs | None = None) -> Scene:
    """The scene of one row, or of one of zeros."""
    make = architecture_of(population.spec.model).scene
    assert make is not None
    return make(population.spec.model, layout, layout.zeros(1) if row is None else row)


def draw_row(ensemble: Ensemble, row: Inputs) -> AnyArray:
    """One row as it is drawn, uint8, shape (height, width, channels): white where there is nothing.

    Raises:
        UsageError: the ensemble looks at rows as no images.
    """
    scene = make_scene(*population_of_scenes(ensemble), row)
    image = np.full_like(scene.shown, 255)
    image[:, : scene.width] = scene.shown[:, : scene.width]
    return image


def show_images(layout: Layout, scene: Scene, images: FloatArray) -> Inputs:
    """Rows of these images (n, height, width, channels), as they are embedded, and of columns that are all zero."""
    zeros = {name: np.zeros((len(images), *shape), np.float32) for name, shape in layout.blocks if name != scene.block}
    return Inputs({**zeros, **scene.at_images(np.asarray(images, np.float32))})


def show_scenes(scenes: Sequence[Scene], rows: Inputs) -> Inputs:
    """Rows (n,) as they are embedded, from their scenes (n,): gradients may be taken of their `block`."""
    shown = [scene.at_images(np.asarray(scene.image[None], np.float32)) for scene in scenes]
    return rows.replace(**{name: np.concatenate([blocks[name] for blocks in shown]) for name in shown[0]})


def untrained_params(spec: Spec, layout: Layout, number: int) -> Params:
    """The params of a member that has learned nothing; another number, another draw."""
    model = build(spec.model, layout, spec.initialization, spec.activation)
    return model.init(layout.zeros(2), jnp.zeros((0, 1), jnp.float32), key=jax.random.key(0x57A7 + number))
