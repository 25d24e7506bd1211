"""The patch network: a picture is cut into patches that overlap, these into patches of patches, and all else are matrix products.

Each patch becomes a vector of channels by one linear map; each patch of 4 x 4 such vectors becomes one of more channels. Residual blocks
of two products a place follow, before each of which the channels are moved by a place, ninth by ninth, to the eight neighbours, so that
every place reads from its surroundings without a filter (Wu et al. 2018, "Shift: A Zero FLOP, Zero Parameter Alternative to Spatial
Convolutions", section 3; for patches Yu et al. 2022, "S2-MLP: Spatial-Shift MLP Architecture for Vision", section 3). A mean over all
places ends it. We depart from the latter in that patches overlap by half and are cut twice, that one ninth stays and diagonals are moved to
as well, that zero comes in from beyond the border, that both products of a block read moved channels, and that weights are normalised, as
in convolution.py, instead of activations.
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
    ResidualLayer,
    image_size,
    residual_architecture,
    residual_cost,
    residual_model,
    residual_names,
)

_SIDE_AGAIN = 4
"""Places along a patch of patches."""
_PATCHES_ALONG = 16
"""About how many patches stand beside each other, and half as many patches of patches (our choice)."""
_FEW_PICTURES = 500
_LARGEST_SIDE, _WIDEST, _MOST_CUTS, _MOST_BLOCKS = 64, 4096, 4, 64
"""Beyond which settings are a mistake, or a saved run was tampered with."""
_MOVES = ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1))
"""How many places down and across the channels of each ninth are moved."""


class Patches(ModelSettings, msgspec.Struct, frozen=True, tag="patches"):
    """A network of overlapping patches.

    Attributes:
        side: pixels along a patch; the next one begins half a side on. None means 4 for pictures of 32 pixels or nearly as many, 8 for 64.
        widths: channels of patches, of patches of patches, and so on; each time half as many stand beside each other. None means 48
            and 192, or half of them for grey pictures and for fewer than 500.
        depth: residual blocks of two products that follow; None means 2.
    """

    side: int | None = None
    widths: tuple[int, ...] | None = None
    depth: int | None = None

    def check(self) -> list[str]:
        """What is wrong with these settings, in words."""
        wrong = [f"widths must be from 1 to {_WIDEST}, but one is {width}" for width in self.widths or () if not 1 <= width <= _WIDEST]
        if self.widths is not None and not 1 <= len(self.widths) <= _MOST_CUTS:
            wrong.append(f"widths must be 1 to {_MOST_CUTS} numbers, but are {len(self.widths)}")
        if self.side is not None and not 1 <= self.side <= _LARGEST_SIDE:
            wrong.append(f"side must be from 1 to {_LARGEST_SIDE}, but is {self.side}")
        if self.depth is not None and not 0 <= self.depth <= _MOST_BLOCKS:
            wrong.append(f"depth must be from 0 to {_MOST_BLOCKS}, but is {self.depth}")
        return wrong

    def resolved(self, picture: tuple[int, int, int], n_samples: int) -> Patches:
        """With everything filled in for pictures (height, width, channels) and so many of them (our choices)."""
        return Patches(
            side=self.side or min(2 * -(-max(picture[:2]) // _PATCHES_ALONG), _LARGEST_SIDE),
            widths=self.widths or ((48, 192) if n_samples >= _FEW_PICTURES and picture[2] > 1 else (24, 96)),
            depth=2 if self.depth is None else self.depth,
        )

    @property
    def is_resolved(self) -> bool:
        """Whether everything is filled in."""
        return None not in (self.side, self.widths, self.depth)


def patch_model(settings: Patches, layout: Layout, initialization: Initialization, activation: Activation) -> MemberModel:
    """A residual network (models/residual.py): patches of pixels are read first, then patches of patches, then moved channels."""
    return residual_model([*_parts(settings, *image_size(layout))], layout, initialization, activation)


def cost(settings: Patches, layout: Layout) -> Cost:
    """The cost of resolved settings for pictures of this layout."""
    return residual_cost([*_parts(settings, *image_size(layout))], layout)


def layer_names(settings: Patches) -> list[str]:
    """Names of the layers, as signals pass; none while settings are not resolved."""
    return residual_names(len(settings.widths or ()) + 2 * (settings.depth or 0)) if settings.is_resolved else []


def _parts(settings: Patches, height: int, width: int, channels: int) -> Iterator[ResidualLayer]:
    """The products of resolved settings, as signals pass."""
    side = settings.side or 0
    for n_units in settings.widths or ():
        height, width = n_along(height, side), n_along(width, side)
        yield ResidualLayer(side**2 * channels, n_units, height * width, functools.partial(_multiply_patches, side=side))
        side, channels = _SIDE_AGAIN, n_units
    for _ in range(settings.depth or 0):
        yield ResidualLayer(channels, channels, height * width, _multiply_moved, begins=True)
        yield ResidualLayer(channels, channels, height * width, _multiply_moved, ends=True)


def _multiply_patches(x: jax.Array, w: jax.Array, *, side: int) -> jax.Array:
    return cut(x, side) @ w


def _multiply_moved(x: jax.Array, w: jax.Array) -> jax.Array:
    return moved(x) @ w


def n_along(length: int, side: int) -> int:
    """How many patches of this side stand along so many pixels: one for each half of a side, begun or full."""
    return -(-length // _step(side))


def cut(x: jax.Array, side: int) -> jax.Array:
    """The patches of pictures, or of what stands at the places of pictures; beyond the border, as far on both sides, is zero.

    Args:
        x: shape (n, height, width, c).
        side: places along a patch, half of which, rounded up, lie from one to the next.

    Returns:
        Shape (n, down, across, side * side * c): places of a patch row by row from the top left, channels within a place.
    """
    n, *size, channels = x.shape
    step, (down, across) = _step(side), [n_along(length, side) for length in size]
    before = [((many - 1) * step + side - length) // 2 for many, length in zip((down, across), size, strict=True)]
    after = [(many + 1) * step - length - first for many, length, first in zip((down, across), size, before, strict=True)]
    # A patch is made of two steps along each side: four slices of whole steps are faster than one for each pixel.
    x = jnp.pad(x, ((0, 0), (before[0], after[0]), (before[1], after[1]), (0, 0))).reshape(n, -1, across + 1, step * channels)
    x = jnp.concatenate([x[:, :, :-1], x[:, :, 1:]], 3)[..., : side * channels].reshape(n, down + 1, step, across, -1)
    x = jnp.concatenate([x[:, :-1], x[:, 1:]], 2)[:, :, :side]  # (n, down, side, across, side * c)
    return x.transpose(0, 1, 3, 2, 4).reshape(n, down, across, -1)


@jax.custom_vjp
def moved(x: jax.Array) -> jax.Array:
    """Activations (n, height, width, h), each ninth of the channels moved by a place; from beyond the border comes zero."""
    return _moved(x, 1)


# JAX would derive a sum of nine padded arrays; the way back is as cheap as the way forth.
moved.defvjp(lambda x: (_moved(x, 1), None), lambda _, grads: (_moved(grads, -1),))


def _moved(x: jax.Array, sign: int) -> jax.Array:
    height, width, n_units = x.shape[1:]
    ends = [round(n_units * i / len(_MOVES)) for i in range(len(_MOVES) + 1)]
    x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return jnp.concatenate(
        [
            x[:, 1 - sign * down : 1 - sign * down + height, 1 - sign * across : 1 - sign * across + width, first:last]
            for (down, across), first, last in zip(_MOVES, ends[:-1], ends[1:], strict=True)
        ],
        axis=3,
    )


def _step(side: int) -> int:
    """Pixels from one patch to the next."""
    return -(-side // 2)


PATCHES = residual_architecture(
    Patches,
    patch_model,
    layers=layer_names,
    cost=cost,
    lacks=lambda settings: "" if settings.is_resolved else "the sizes of a patch network",
)
