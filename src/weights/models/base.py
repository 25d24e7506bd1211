"""What a model is: a few pure functions for one member, and the layers they are made of.

A `MemberModel` knows how to draw the first params of one member and how to turn inputs into outputs; everything
else (loss, penalty, steps, ensemble) happens elsewhere. Params are ``layer name -> {"w", "b"} -> array``, in
the order in which signals pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from weights.data.bags import Bags
from weights.data.inputs import Inputs
from weights.elements.initialization import Initialization, draw, match_data
from weights.types import FloatArray, IntArray, Params

Layer = dict[str, jax.Array]
Dropout = Callable[[jax.Array, int], jax.Array]
"""Drops inputs (layer 0 for the first block, -1 for the second, ...; of bags none) and units of layer 1, 2, ... while training."""


def keep_all(x: jax.Array, layer: int) -> jax.Array:
    """The `Dropout` of prediction: nothing is dropped."""
    return x


jax.tree_util.register_pytree_node(
    Inputs,
    lambda inputs: ([*inputs.blocks.values()], tuple(inputs.blocks)),
    lambda names, blocks: Inputs(dict(zip(names, blocks, strict=True))),
)


class Hidden(NamedTuple):
    """What a hidden layer did with its inputs: the weighted sums of its units and their activations, each (n, h).

    Where units answer at every place of a picture, each (n, height, width, h).
    """

    sums: jax.Array
    activations: jax.Array


def _view_unchanged(inputs: Inputs, augmentation: Any, *, seed: jax.Array, step: jax.Array) -> Inputs:
    return inputs


class ByColumn(NamedTuple):
    """How a first layer adds up columns, so that rows of which few columns change need not be read anew.

    sums(params, inputs): what the layer adds up for rows, (n, h).
    change(params, columns, moved, which, before, after): by how much it changes, (n, d, h), where columns at places (b,) are moved
        (n, d, b), of which numbers, at places (j,) in the order of `Layout.numeric`, are one value before, (n, j), and others after,
        (n, d, j). In NumPy: there are as many shapes as ways to change columns, and each would be a program to compile.
    onward(params, sums, dropout): as `forward`, from these sums.
    """

    sums: Callable[[Params, Inputs], jax.Array]
    change: Callable[[Params, IntArray, FloatArray, IntArray, FloatArray, FloatArray], FloatArray]
    onward: Callable[[Params, jax.Array, Dropout], tuple[jax.Array, dict[str, Hidden]]]


class SparseInputs(NamedTuple):
    """What a model that is linear in sparse inputs is solved for, in NumPy.

    matrix(inputs): rows as a sparse matrix, float32, shape (n, p).
    scale(matrix, slopes, weight): what inputs are multiplied by for each output, (p, k), from rows of these weights (n,), and slopes of
        the loss at a constant prediction (n, k): above zero where the output of a row is to fall.
    """

    matrix: Callable[[Inputs], Any]
    scale: Callable[[Any, FloatArray, FloatArray], FloatArray]


class Together(NamedTuple):
    """How rows of a batch are learned from together, such as parts of longer ones.

    prepare(inputs, y, augmentation, seed, step): what is learned from in a step, from rows of which as many as `Architecture.joins` says
        belong together, one behind the other, and their encoded targets (b,).
    losses(params, prepared, loss, dropout): losses (r,), and which of these rows each is of, as an index; `loss` is that of a row, from
        its outputs.
    """

    prepare: Callable[..., Any]
    losses: Callable[[Params, Any, Callable[[jax.Array, jax.Array], jax.Array], Dropout], tuple[jax.Array, Any]]


class ByMoment(NamedTuple):
    """How classes are told apart at each moment of rows that go on.

    block: that goes on along its first axis. size: how far a moment reaches there.
    tell(params, inputs): log probabilities of each class and, last, of none, (n, moments, classes + 1), and the part of each moment that
        lies within the row, (n, moments).
    """

    block: str
    size: int
    tell: Callable[[Params, Inputs], tuple[jax.Array, jax.Array]]


class MemberModel(NamedTuple):
    """Pure functions.

    init(inputs, knots, key): first params of one member; inputs are a sample of rows, for data-dependent starts, and knots are the edges
        of the numeric inputs' bins, shape (numeric, bins + 1), of no bins where no embedding asks for them.
    embed(params, inputs): what the first layers of weights read of rows, by block: of the columns (n, e), each made of one input.
    forward(params, embedded, dropout): outputs (n, k) of that, and `Hidden` of each hidden layer by name, as signals pass;
        `dropout` changes what leaves the first (1), the second (2), ... of them.
    input_rows: for each layer that reads inputs and for each row of its weights, the place of the input it belongs to (see
        `Encoding.groups`), -1 for what comes from other layers: where feature-wise penalties and masks act.
    embedded_places: the place of the input that each of the e embedded columns is made of.
    block_places: the same along the last axis of other embedded blocks, where these are more features than one.
    view(inputs, augmentation, seed, step): rows as a member sees them while it learns.
    by_column: how the first layer adds up columns, where that is all it reads; None where it is not.
    by_entry(params, inputs, slopes): what each entry of the rows of a block of bags adds to the outputs (n, k) with these slopes by the
        embedded rows, by block, (entries,); None where there are no such blocks.
    sparse: the sparse inputs that outputs are linear in; None where they are linear in other things.
    together: how rows are learned from together; None where each is learned from alone.
    by_moment: how classes are told apart at each moment; None where they are not.
    """

    init: Callable[..., Params]
    embed: Callable[[Params, Inputs], Inputs]
    forward: Callable[..., tuple[jax.Array, dict[str, Hidden]]]
    input_rows: Mapping[str, tuple[int, ...]]
    embedded_places: tuple[int, ...] = ()
    view: Callable[..., Inputs] = _view_unchanged
    by_column: ByColumn | None = None
    block_places: Mapping[str, tuple[int, ...]] = {}
    by_entry: Callable[[Params, Inputs, Inputs], dict[str, jax.Array]] | None = None
    sparse: SparseInputs | None = None
    together: Together | None = None
    by_moment: ByMoment | None = None

    def apply(self, params: Params, inputs: Inputs, dropout: Dropout = keep_all) -> tuple[jax.Array, dict[str, Hidden]]:
        """Outputs (n, k) of rows, and `Hidden` of each hidden layer by name."""
        blocks = enumerate(inputs.blocks.items())
        kept = Inputs({name: block if isinstance(block, Bags) else dropout(block, -i) for i, (name, block) in blocks})
        return self.forward(params, self.embed(params, kept), dropout)


class Cost(NamedTuple):
    """What a member has and takes: its weights, and of each row the multiplications (without shortcuts) and the activations.

    n_units: of the layer before the output.
    """

    n_weights: int
    n_multiplications: float
    n_activations: int
    n_units: int


def first_layer(settings: Initialization, x: jax.Array, n_units: int, gain: float, *, key: jax.Array) -> Layer:
    """A fully connected layer's first params for inputs like x (n, p): ``w`` (p, n_units) and ``b`` (n_units,)."""
    w = draw(settings, (x.shape[1], n_units), gain, key=key)
    if settings.name == "data":
        w = match_data(w, x)
    return {"w": w, "b": jnp.zeros(n_units)}


def affine(layer: Layer, x: jax.Array) -> jax.Array:
    """Weighted sums (n, h) of inputs (n, p)."""
    return x @ layer["w"] + layer["b"]


def standardised(layer: Layer, widened: float) -> jax.Array:
    """Weights (p, h) of which each unit's have mean zero and length one, times its gain and that of the activation they read."""
    centred = layer["w"] - layer["w"].mean(0)
    return centred * (widened * layer["gain"] * jax.lax.rsqrt(jnp.sum(centred**2, 0) + 1e-8))


def scale_pixels(pixels: jax.Array) -> jax.Array:
    """Bytes of pictures (n, height, width, channels), centred and scaled alike whatever they are: members need only themselves."""
    return (pixels.astype(jnp.float32) - _GREY) / _SPREAD


_GREY, _SPREAD = 127.5, 64.0
"""What pixels are centred by and divided by."""
