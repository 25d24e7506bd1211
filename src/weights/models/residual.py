"""Networks of layers that answer at every place of an image, some of them in residual blocks: what models of pictures and sounds share.

A model says of each layer how its weights are applied (`ResidualLayer`), and a `Front` how rows become images; drawing, passing and
counting are the same for all. Weights are standardised, so that no row or member depends on another.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from weights.data.inputs import COLUMNS, Inputs, Layout
from weights.elements.activation import ACTIVATIONS, Activation, gain
from weights.elements.augmentation import Augmentation, augmented
from weights.elements.initialization import Initialization, draw
from weights.models.architecture import LEAST_BATCH, Architecture, Defaults, Pace, count_steps
from weights.models.base import Cost, Dropout, Hidden, MemberModel, affine, first_layer, scale_pixels, standardised
from weights.models.scene import FilterNames, Liking, Scene, SceneWords, box_of
from weights.types import BoolArray, Params

PIXELS = "pixels"
"""The block that these networks read, beside the columns."""
_GREY, _CONTRAST = 127.5, 64.0
"""Of pictures that are shown to filters."""


def image_size(layout: Layout) -> tuple[int, int, int]:
    """Height, width and channels of the pictures in rows of this layout."""
    height, width, channels = layout.shape(PIXELS)
    return height, width, channels


def make_picture_scene(row: Inputs) -> Scene:
    """The scene of one picture, in which its mean colour hides places."""
    picture = np.asarray(row[PIXELS])[0]
    fill = picture.mean((0, 1)).round().astype(picture.dtype)

    def locate(places: BoolArray) -> str:
        top, left, bottom, right = box_of(places)
        return f"rows {top + 1} to {bottom} and columns {left + 1} to {right}"

    return Scene(
        PIXELS,
        SceneWords(),
        picture.astype(np.float64),
        picture,
        picture.shape[1],
        at_images=lambda images: {PIXELS: images},
        as_images=lambda gradients: gradients,
        hide=lambda places: np.where(places[..., None], fill, picture),
        locate=locate,
        rest=_GREY,
        contrast=_CONTRAST,
        filter_names=FilterNames(("edge", "texture", "blob", "colour opponent"), _name_filter),
    )


def _name_filter(liking: Liking) -> str:
    """What a filter of pictures is called.

    "colour opponent" if a difference of colours excites it more than one of brightness; else "edge" or "texture" if it prefers stripes
    of one direction, with up to one of them, or more, in its width; "texture" too if it prefers two directions; "blob" if none.
    """
    if liking.colour:
        return "colour opponent"
    if liking.orientation is None:
        return "blob" if liking.is_flat else "texture"
    return "edge" if liking.width <= 1 else "texture"


class ResidualLayer(NamedTuple):
    """A layer: the inputs of a unit, its units, and the places they answer at; how weights (p, h) meet activations; where blocks are.

    apply_weights(x, w): the weighted sums (n, down, across, h) of activations (n, height, width, c). begins, ends: whether
    a residual block does.
    """

    n_inputs: int
    n_units: int
    n_places: int
    apply_weights: Callable[[jax.Array, jax.Array], jax.Array]
    begins: bool = False
    ends: bool = False


class Front(NamedTuple):
    """How rows become images, before any weight is met.

    Attributes:
        block: that is read.
        embed: (inputs) -> embedded blocks without columns, the image (n, height, width, channels) under the name of the block; of rows as
            they are, and of those that `view` gave.
        average: (activations, embedded) -> their mean over all places, (n, h), of activations (n, down, across, h).
        view: (inputs, augmentation, seed, step) -> rows as a member meets them while it learns.
        n_outputs: at each place in time, where `average` keeps these, (n, m, h); None where outputs are of rows as a whole.
        join: (outputs, embedded) -> outputs (n, k) of those of each time, (n, m, n_outputs).
    """

    block: str
    embed: Callable[[Inputs], Inputs]
    average: Callable[[jax.Array, Inputs], jax.Array]
    view: Callable[..., Inputs]
    n_outputs: int | None = None
    join: Callable[[jax.Array, Inputs], jax.Array] = lambda outputs, embedded: outputs


def _view_pictures(inputs: Inputs, augmentation: Augmentation, *, seed: jax.Array, step: jax.Array) -> Inputs:
    return inputs.replace(**{PIXELS: augmented(augmentation, inputs[PIXELS], seed=seed, step=step)})


PICTURES = Front(
    PIXELS,
    embed=lambda inputs: Inputs({PIXELS: scale_pixels(inputs[PIXELS])}),
    average=lambda activations, embedded: activations.mean((1, 2)),
    view=_view_pictures,
)


def residual_model(
    parts: Sequence[ResidualLayer],
    layout: Layout,
    initialization: Initialization,
    activation: Activation,
    front: Front = PICTURES,
) -> MemberModel:
    """Layers ``hidden.0, hidden.1, ..., output``: each hidden one has ``w`` (p, h), ``gain`` (h,) and ``b`` (h,).

    The last of a residual block starts with a gain of zero, so that blocks do nothing at first (De and Smith 2020, "Batch
    Normalization Biases Residual Blocks Towards the Identity Function in Deep Networks"). The output reads a mean over all places, and
    behind it the columns of a table where there are some.
    """
    names, n_columns = residual_names(len(parts))[:-1], layout.n_columns
    respond, widened = ACTIVATIONS[activation.name], gain(activation.name)

    def init(inputs: Inputs, knots: jax.Array, *, key: jax.Array) -> Params:
        keys = jax.random.split(key, len(parts) + 1)
        params: Params = {}
        for name, part, own in zip(names, parts, keys, strict=False):
            w = draw(initialization, (part.n_inputs, part.n_units), 1.0, key=own)
            params[name] = {"w": w, "b": jnp.zeros(part.n_units), "gain": (jnp.zeros if part.ends else jnp.ones)(part.n_units)}
        # Only their number matters: what is normalised needs no sample of inputs to find its scale.
        last = jnp.zeros((1, parts[-1].n_units + n_columns))
        return {**params, "output": first_layer(initialization, last, front.n_outputs or layout.n_outputs, 1.0, key=keys[-1])}

    def embed(params: Params, inputs: Inputs) -> Inputs:
        return front.embed(inputs).replace(**({COLUMNS: inputs[COLUMNS]} if n_columns else {}))

    def forward(params: Params, embedded: Inputs, dropout: Dropout) -> tuple[jax.Array, dict[str, Hidden]]:
        hidden: dict[str, Hidden] = {}
        kept = x = embedded[front.block]
        for i, (name, part) in enumerate(zip(names, parts, strict=True)):
            kept = x if part.begins else kept
            sums = part.apply_weights(x, standardised(params[name], widened if i else 1.0)) + params[name]["b"]
            sums = sums + kept if part.ends else sums
            hidden[name] = Hidden(sums, respond(sums))
            x = dropout(hidden[name].activations, i + 1)
        means = front.average(x, embedded)
        if n_columns:
            beside = embedded[COLUMNS].reshape(len(means), *(1,) * (means.ndim - 2), n_columns)
            means = jnp.concatenate([means, jnp.broadcast_to(beside, (*means.shape[:-1], n_columns))], -1)
        return front.join(affine(params["output"], means), embedded), hidden

    columns = tuple(range(n_columns))
    rows = {names[0]: (layout.place(front.block),) * parts[0].n_inputs}
    if n_columns:
        rows["output"] = (*(-1,) * parts[-1].n_units, *columns)
    return MemberModel(init, embed, forward, rows, columns, front.view)


def residual_cost(parts: Sequence[ResidualLayer], layout: Layout, n_outputs: int | None = None) -> Cost:
    """The cost of such a network, of so many outputs at a time, or of those of rows as a whole."""
    n_last, n_outputs = parts[-1].n_units + layout.n_columns, n_outputs or layout.n_outputs
    return Cost(
        n_weights=sum((part.n_inputs + 2) * part.n_units for part in parts) + (n_last + 1) * n_outputs,
        n_multiplications=float(sum(part.n_inputs * part.n_units * part.n_places for part in parts) + n_last * n_outputs),
        n_activations=sum(part.n_units * part.n_places for part in parts),
        n_units=n_last,
    )


def residual_names(n_parts: int) -> list[str]:
    """Names of the layers, as signals pass."""
    return [*(f"hidden.{i}" for i in range(n_parts)), "output"]


RESIDUAL_DEFAULTS = Defaults(
    optimizer="muon",
    learning_rate=0.04,  # weights are normalised, so that only the angle of a step counts
    batch_size=lambda n_samples: 64 if n_samples > 1_000 else LEAST_BATCH,
    n_steps=lambda n_samples, batch_size: count_steps(n_samples, batch_size, n_passes=8, least=500, most=3_000),  # steps are long
    n_members=8,  # one for each fold, because each takes minutes
)
RESIDUAL_PACE = Pace(
    compile_seconds=10.0,
    multiplication_judged=1.0,
    activation=300.0,
    held_in_steps=8,  # tiles and products of both ways
    held_in_answers=4,  # those of a layer or two
)


def _resolve(settings: Any, layout: Layout, n_samples: int) -> Any:
    return settings.resolved(image_size(layout), n_samples)


residual_architecture = functools.partial(
    Architecture,
    resolve=_resolve,
    reads=(PIXELS,),
    also_reads=(COLUMNS,),
    augmentation=Augmentation,
    scene=lambda settings, layout, row: make_picture_scene(row),
    capacity="widths",
    defaults=RESIDUAL_DEFAULTS,
    pace=RESIDUAL_PACE,
)
"""An `Architecture` with all that models of pictures share; their settings have `resolved(image size, number of rows)` and `widths`."""
