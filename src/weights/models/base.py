"""What a model is: a few pure functions for one member, and the layers they are made of.

A `Model` knows how to draw the first params of one member and how to turn inputs into outputs; everything
else (loss, penalty, steps, ensemble) happens elsewhere. Params are ``layer name -> {"w", "b"} -> array``, in
the order in which signals pass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from weights.elements.initialization import Initialization, draw, match_data
from weights.types import Params

Layer = dict[str, jax.Array]
Silence = Callable[[jax.Array, int], jax.Array]
"""Drops units of layer 0 (inputs), 1, 2, ... while training; leaves them alone otherwise."""


def keep_all(x: jax.Array, layer: int) -> jax.Array:
    """The `Silence` of prediction: nothing is dropped."""
    return x


class Shape(NamedTuple):
    """What a model must fit: the numbers of inputs p and outputs k, and which inputs are scaled numbers.

    Where inputs are the pixels of a picture, its height, width and channels; they then come as bytes, row by row.
    """

    n_inputs: int
    n_outputs: int
    numeric_inputs: tuple[int, ...] = ()
    picture: tuple[int, int, int] | None = None

    def held_bytes(self, n_members: int) -> int:
        """Bytes that a row takes in memory where so many members learn; next to nothing for pictures, whose pixels stay on disk."""
        return 4 * self.n_inputs + 24 * self.n_outputs + 2 * n_members if self.picture is None else 0

    def rows_at_once(self, most: int) -> int:
        """How many rows to answer at a time, at most so many: fewer of pictures, whose layers keep a number for each place."""
        if self.picture is None:
            return most
        fitting = max(_PLACES // (self.picture[0] * self.picture[1]), 1)
        return min(most, max(1 << (fitting.bit_length() - 1), 32))


_PLACES = 1 << 18
"""Places of pictures whose activations are held at a time."""


class Hidden(NamedTuple):
    """What a hidden layer did with its inputs: the weighted sums of its units and their activations, each (n, h).

    Where units answer at every place of a picture, each (n, height, width, h).
    """

    sums: jax.Array
    activations: jax.Array


class Model(NamedTuple):
    """Pure functions.

    init(x, knots, key): first params of one member; x is a sample of inputs, shape (n, p), for data-dependent starts, and knots are
        the edges of the numeric inputs' bins, shape (numeric, bins + 1), of no bins where no embedding asks for them.
    enter(params, x): what the first layer of weights reads of inputs (n, p), each column made of one input, shape (n, e); of pictures
        (n, height, width, channels).
    proceed(params, entered, silence): outputs (n, k) of that, and `Hidden` of each hidden layer by name, as signals pass;
        `silence` changes what leaves the first (1), the second (2), ... of them.
    input_layer: the layer that reads it, on which feature-wise penalties and masks act.
    input_rows: for each row of that layer's weights, of which there are e, the position of the input it belongs to.
    picture: height, width and channels, where inputs are pixels.
    """

    init: Callable[..., Params]
    enter: Callable[[Params, jax.Array], jax.Array]
    proceed: Callable[..., tuple[jax.Array, dict[str, Hidden]]]
    input_layer: str
    input_rows: tuple[int, ...]
    picture: tuple[int, int, int] | None = None

    def apply(self, params: Params, x: jax.Array, silence: Silence = keep_all) -> tuple[jax.Array, dict[str, Hidden]]:
        """Outputs (n, k) of inputs (n, p), and `Hidden` of each hidden layer by name."""
        return self.proceed(params, self.enter(params, silence(x, 0)), silence)


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


def centred_pixels(x: jax.Array, picture: tuple[int, int, int]) -> jax.Array:
    """Pictures (n, height, width, channels) of bytes (n, p), centred and scaled alike whatever they are: members need only themselves."""
    return ((x.astype(jnp.float32) - _GREY) / _SPREAD).reshape(-1, *picture)


_GREY, _SPREAD = 127.5, 64.0
"""What pixels are centred by and divided by."""
