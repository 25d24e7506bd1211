"""The convolutional network: filters of 3 x 3 that see edges first and shapes later, in a few stages of shrinking pictures.

Each stage begins with a convolution to more channels; residual blocks of two convolutions may follow (He et al. 2016, "Deep Residual
Learning for Image Recognition"). Between stages the largest of four neighbours is kept; at the end a mean is taken over all places.
Instead of activations, which would mix rows of a batch and cost time on CPUs, weights are normalised: those of each filter have mean
zero and length one, times a gain that is learned (Qiao et al. 2019, "Micro-Batch Training with Batch-Channel Normalization and Weight
Standardization"; Brock et al. 2021, "Characterizing Signal Propagation to Close the Performance Gap in Unnormalized ResNets").
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import msgspec

from weights.data.inputs import Layout
from weights.elements.activation import Activation
from weights.elements.initialization import Initialization
from weights.models.architecture import ModelSettings
from weights.models.base import Cost, MemberModel
from weights.models.residual import (
    RESIDUAL_PACE,
    ResidualLayer,
    image_size,
    residual_architecture,
    residual_cost,
    residual_model,
    residual_names,
)
from weights.models.winograd import convolve

_LAST_SIDE, _LEAST_SIDE = 8, 4
"""Pictures shrink to about the first before the last stage, and are not halved below the second."""
_FEW_PICTURES = 500
_WIDEST, _MOST_BLOCKS, _MOST_STAGES = 4096, 32, 8
"""Beyond which settings are a mistake, or a saved run was tampered with."""


class Convolution(ModelSettings, msgspec.Struct, frozen=True, tag="convolution"):
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
        return self.filled(n_stages, last=last, least=16)

    def filled(self, n_stages: int, *, last: int, least: int) -> Convolution:
        """With so many stages: each has twice the channels of that before, within bounds, and the last one a residual block."""
        widths = self.widths or tuple(max(last >> (n_stages - 1 - stage), least) for stage in range(n_stages))
        return Convolution(widths, self.blocks or (0,) * (n_stages - 1) + (1,))

    @property
    def is_resolved(self) -> bool:
        """Whether everything is filled in."""
        return bool(self.widths and self.blocks)


def convolution_model(settings: Convolution, layout: Layout, initialization: Initialization, activation: Activation) -> MemberModel:
    """A residual network (models/residual.py) whose hidden layers have filters ``w`` (9 * c, h)."""
    return residual_model([*convolution_parts(settings, *image_size(layout))], layout, initialization, activation)


def cost(settings: Convolution, layout: Layout) -> Cost:
    """The cost of resolved settings for pictures of this layout."""
    return residual_cost([*convolution_parts(settings, *image_size(layout))], layout)


def layer_names(settings: Convolution) -> list[str]:
    """Names of the layers, as signals pass; none while settings are not resolved."""
    return residual_names(len(settings.widths or ()) + 2 * sum(settings.blocks or ())) if settings.is_resolved else []


def convolution_parts(
    settings: Convolution, height: int, width: int, channels: int, *, narrowed: int | None = None
) -> Iterator[ResidualLayer]:
    """The convolutions of resolved settings, as signals pass.

    Pictures are halved while they are large. With `narrowed` that is asked of heights alone, and widths are halved so often at most: the
    same whatever they are.
    """
    for stage, (n_units, n_blocks) in enumerate(zip(settings.widths or (), settings.blocks or (), strict=True)):
        shrinks = stage > 0 and (height if narrowed is not None else min(height, width)) >= 2 * _LEAST_SIDE
        narrows = shrinks and (narrowed is None or stage <= narrowed)
        height, width = height // 2 if shrinks else height, width // 2 if narrows else width
        n_places = height * width
        yield ResidualLayer(9 * channels, n_units, n_places, _convolve_halved if narrows else _convolve_lowered if shrinks else convolve)
        for _ in range(n_blocks):
            yield ResidualLayer(9 * n_units, n_units, n_places, convolve, begins=True)
            yield ResidualLayer(9 * n_units, n_units, n_places, convolve, ends=True)
        channels = n_units


def count_halvings(settings: Convolution, height: int) -> int:
    """How often heights are halved where they alone are asked."""
    return sum(height >> stage >= 2 * _LEAST_SIDE for stage in range(len(settings.widths or ()) - 1))


def _convolve_halved(x: jax.Array, w: jax.Array) -> jax.Array:
    return convolve(keep_largest(x, 2), w)


def _convolve_lowered(x: jax.Array, w: jax.Array) -> jax.Array:
    return convolve(keep_largest(x, 1), w)


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def keep_largest(x: jax.Array, across: int) -> jax.Array:
    """The largest of each two neighbours down and so many across, (n, height / 2, width / across, h), of (n, height, width, h)."""
    return _keep_largest(x, across)[0]


def _keep_largest(x: jax.Array, across: int) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    """By slices, which CPUs compare faster than windows."""
    height, width = x.shape[1] // 2 * 2, x.shape[2] // across * across
    parts = [x[:, i:height:2, j:width:across] for i in range(2) for j in range(across)]
    largest = functools.reduce(jnp.maximum, parts)
    return largest, (x, largest)


def _send_to_largest(across: int, kept: tuple[jax.Array, jax.Array], dy: jax.Array) -> tuple[jax.Array]:
    """Derivatives go to all that are as large as the largest; those that JAX derives, slice by slice, take up to four times as long."""
    x, largest = kept
    many, of_all = (jnp.repeat(jnp.repeat(each, 2, 1), across, 2) for each in (largest, dy))
    height, width = many.shape[1:3]
    dx = jnp.where(x[:, :height, :width] == many, of_all, 0.0)
    return (jnp.pad(dx, ((0, 0), (0, x.shape[1] - height), (0, x.shape[2] - width), (0, 0))),)


keep_largest.defvjp(_keep_largest, _send_to_largest)


_WINOGRAD = 0.35
"""Time of a convolution by tiles, as a share of what its multiplications would take one by one (measured)."""
CONVOLUTION = residual_architecture(
    Convolution,
    convolution_model,
    layers=layer_names,
    cost=cost,
    lacks=lambda settings: "" if settings.is_resolved else "the stages of a convolution",
    in_auto=True,
    pace=RESIDUAL_PACE._replace(multiplication=_WINOGRAD, multiplication_judged=_WINOGRAD),
)
