"""The convolutional network: filters of 3 x 3 that see edges first and shapes later, in a few stages of shrinking pictures.

Each stage begins with a convolution to more channels; residual blocks of two convolutions may follow (He et al. 2016, "Deep Residual
Learning for Image Recognition"). Between stages the largest of four neighbours is kept; at the end a mean is taken over all places.
Instead of activations, which would mix rows of a batch and cost time on CPUs, weights are normalised: those of each filter have mean
zero and length one, times a gain that is learned (Qiao et al. 2019, "Micro-Batch Training with Batch-Channel Normalization and Weight
Standardization"; Brock et al. 2021, "Characterizing Signal Propagation to Close the Performance Gap in Unnormalized ResNets").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import msgspec

from weights.elements.activation import ACTIVATIONS, Activation, gain
from weights.elements.initialization import Initialization, draw
from weights.models.base import Cost, Hidden, Model, Shape, Silence, affine, centred_pixels, first_layer, standardised
from weights.models.winograd import convolve
from weights.types import Params

_LAST_SIDE, _LEAST_SIDE = 8, 4
"""Pictures shrink to about the first before the last stage, and are not halved below the second."""
_FEW_PICTURES = 500
_WIDEST, _MOST_BLOCKS, _MOST_STAGES = 4096, 32, 8
"""Beyond which settings are a mistake, or a saved run was tampered with."""


class Convolution(msgspec.Struct, frozen=True, tag="convolution"):
    """A convolutional network with weight standardization.

    Attributes:
        widths: channels of each stage; pictures of a stage are half as wide and high as of that before. None means two stages for
            pictures of 8 or 16 pixels, three for 32, four for 64, up to 128 channels (64 for grey
            pictures, and for fewer than 500).
        blocks: residual blocks of two convolutions that follow in each stage; None means one in the last.
    """

    widths: tuple[int, ...] | None = None
    blocks: tuple[int, ...] | None = None

    def check(self) -> list[str]:
        """What is wrong with these settings, in words."""
        wrong = [f"widths must be from 1 to {_WIDEST}, but one is {width}" for width in self.widths or () if not 1 <= width <= _WIDEST]
        wrong += [f"blocks must be from 0 to {_MOST_BLOCKS}, but one is {n}" for n in self.blocks or () if not 0 <= n <= _MOST_BLOCKS]
        if (n_stages := len(self.widths or self.blocks or ())) > _MOST_STAGES:
            wrong.append(f"widths must name at most {_MOST_STAGES} stages, but name {n_stages}")
        if self.widths is not None and not self.widths:
            wrong.append("widths must name at least one stage, but are empty")
        if None not in (self.widths, self.blocks) and len(self.widths or ()) != len(self.blocks or ()):
            wrong.append(f"blocks must be as many as widths, {len(self.widths or ())}, but are {len(self.blocks or ())}")
        return wrong

    def resolved(self, picture: tuple[int, int, int], n_samples: int) -> Convolution:
        """With everything filled in for pictures (height, width, channels) and so many of them (our choices)."""
        n_stages = len(self.widths or self.blocks or ()) or max(1 + (-(-max(picture[:2]) // _LAST_SIDE) - 1).bit_length(), 2)
        last = 128 if n_samples >= _FEW_PICTURES and picture[2] > 1 else 64
        widths = self.widths or tuple(max(last >> (n_stages - 1 - stage), 16) for stage in range(n_stages))
        return Convolution(widths, self.blocks or (0,) * (n_stages - 1) + (1,))


class _Part(NamedTuple):
    """A convolution: channels in and out, and at how many places; whether the picture shrinks before it; whether a block begins or ends."""

    n_inputs: int
    n_outputs: int
    n_places: int
    shrinks: bool = False
    begins: bool = False
    ends: bool = False


def convolution_model(settings: Convolution, shape: Shape, initialization: Initialization, activation: Activation) -> Model:
    """Layers ``hidden.0, hidden.1, ..., output``: each hidden one has filters ``w`` (9 * c, h), ``gain`` (h,) and ``b`` (h,).

    The second of a residual block starts with a gain of zero, so that blocks do nothing at first (De and Smith 2020, "Batch
    Normalization Biases Residual Blocks Towards the Identity Function in Deep Networks").
    """
    assert shape.picture is not None
    height, width, channels = shape.picture
    respond, widened = ACTIVATIONS[activation.name], gain(activation.name)
    parts = [*_parts(settings, height, width, channels)]
    names = tuple(f"hidden.{i}" for i in range(len(parts)))

    def init(x: jax.Array, knots: jax.Array, *, key: jax.Array) -> Params:
        keys = jax.random.split(key, len(parts) + 1)
        params: Params = {}
        for name, part, own in zip(names, parts, keys, strict=False):
            w = draw(initialization, (9 * part.n_inputs, part.n_outputs), 1.0, key=own)
            params[name] = {"w": w, "b": jnp.zeros(part.n_outputs), "gain": (jnp.zeros if part.ends else jnp.ones)(part.n_outputs)}
        # Only their number matters: what is normalised needs no sample of inputs to find its scale.
        places = jnp.zeros((1, parts[-1].n_outputs))
        return {**params, "output": first_layer(initialization, places, shape.n_outputs, 1.0, key=keys[-1])}

    def entered(params: Params, x: jax.Array) -> jax.Array:
        return centred_pixels(x, (height, width, channels))

    def proceed(params: Params, x: jax.Array, silence: Silence) -> tuple[jax.Array, dict[str, Hidden]]:
        hidden: dict[str, Hidden] = {}
        kept = x
        for i, (name, part) in enumerate(zip(names, parts, strict=True)):
            kept = x if part.begins else kept
            layer = params[name]
            sums = convolve(_halved(x) if part.shrinks else x, standardised(layer, 1.0 if i == 0 else widened)) + layer["b"]
            sums = sums + kept if part.ends else sums
            hidden[name] = Hidden(sums, respond(sums))
            x = silence(hidden[name].activations, i + 1)
        return affine(params["output"], x.mean((1, 2))), hidden

    return Model(init, entered, proceed, names[0], (0,) * (9 * channels), shape.picture)


def cost(settings: Convolution, shape: Shape) -> Cost:
    """The cost of resolved settings for pictures of this shape."""
    assert shape.picture is not None
    parts = [*_parts(settings, *shape.picture)]
    n_last = parts[-1].n_outputs
    return Cost(
        n_weights=sum((9 * part.n_inputs + 2) * part.n_outputs for part in parts) + (n_last + 1) * shape.n_outputs,
        n_multiplications=sum(9.0 * part.n_inputs * part.n_outputs * part.n_places for part in parts) + n_last * shape.n_outputs,
        n_activations=sum(part.n_outputs * part.n_places for part in parts),
    )


def layer_names(settings: Convolution) -> list[str]:
    """Names of the layers of resolved settings, as signals pass."""
    n_parts = len(settings.widths or ()) + 2 * sum(settings.blocks or ())
    return [*(f"hidden.{i}" for i in range(n_parts)), "output"]


def _parts(settings: Convolution, height: int, width: int, channels: int) -> Iterator[_Part]:
    """The convolutions of resolved settings, as signals pass."""
    for stage, (n_outputs, n_blocks) in enumerate(zip(settings.widths or (), settings.blocks or (), strict=True)):
        shrinks = stage > 0 and min(height, width) >= 2 * _LEAST_SIDE
        height, width = (height // 2, width // 2) if shrinks else (height, width)
        n_places = height * width
        yield _Part(channels, n_outputs, n_places, shrinks=shrinks)
        for _ in range(n_blocks):
            yield _Part(n_outputs, n_outputs, n_places, begins=True)
            yield _Part(n_outputs, n_outputs, n_places, ends=True)
        channels = n_outputs


def _halved(x: jax.Array) -> jax.Array:
    """The largest of each four neighbours (n, height / 2, width / 2, h): four slices, which CPUs compare faster than windows."""
    x = x[:, : x.shape[1] // 2 * 2, : x.shape[2] // 2 * 2]
    return jnp.maximum(jnp.maximum(x[:, ::2, ::2], x[:, 1::2, ::2]), jnp.maximum(x[:, ::2, 1::2], x[:, 1::2, 1::2]))
