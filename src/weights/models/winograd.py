"""Convolutions with filters of 3 x 3: `convolve`, the only place where it is chosen how they are computed.

On CPUs a matrix product a filter tap, or one over all taps at once, spends most of its time on moving numbers, and XLA's own
operator more still. `convolve` takes Winograd's way there (Lavin and Gray 2016, "Fast Algorithms for Convolutional Neural Networks",
section 4): 4 x 4 outputs from 6 x 6 inputs by 36 products instead of 144. Its numbers differ from the plain sum by about one part in
ten thousand of the largest. Where there are few input channels one matrix product over patches is faster. Accelerators take the
native operator. The derivatives are written out, because those that JAX derives take twice as long.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from weights.types import FloatArray

_FEW_CHANNELS = 4
_OUT, _IN = 4, 6
"""Outputs and inputs of a tile along each side."""

# The transforms of F(4, 3) with the points 0, 1, -1, 2, -2 and infinity (Lavin and Gray 2016, section 4.2): of inputs, filters, outputs.
_OF_INPUTS = np.array(
    [[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0], [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]],
    np.float32,
)
_OF_FILTERS = np.array(
    [[1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6], [1 / 24, 1 / 12, 1 / 6], [1 / 24, -1 / 12, 1 / 6], [0, 0, 1]],
    np.float32,
)
_OF_OUTPUTS = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]], np.float32)
_OF_TAPS = np.einsum("ir,jq->jirq", _OF_FILTERS, _OF_FILTERS).reshape(_IN * _IN, 9)
"""From the nine taps of a filter to the 36 numbers of a tile, which count columns first, as all tiles here do."""


def convolve(x: jax.Array, w: jax.Array) -> jax.Array:
    """Weighted sums of the 3 x 3 surroundings of every place; beyond the border is zero.

    Args:
        x: float32, shape (n, height, width, c).
        w: filters, shape (9 * c, h): rows count taps from the top left, row by row, and channels within a tap.

    Returns:
        Shape (n, height, width, h).
    """
    if jax.default_backend() != "cpu":
        filters = w.reshape(3, 3, x.shape[3], -1)
        return jax.lax.conv_general_dilated(x, filters, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return _convolve_patches(x, w) if x.shape[3] <= _FEW_CHANNELS else _convolve_tiles(x, w)


# Few channels: one matrix product


@jax.custom_vjp
def _convolve_patches(x: jax.Array, w: jax.Array) -> jax.Array:
    return _convolve_patches_forward(x, w)[0]


def _convolve_patches_forward(x: jax.Array, w: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    n, height, width, _ = x.shape
    patches = jax.lax.optimization_barrier(_patches(x))
    return (patches.T @ w).reshape(n, height, width, -1), (patches, w)


def _convolve_patches_backward(kept: tuple[jax.Array, jax.Array], dy: jax.Array) -> tuple[jax.Array, jax.Array]:
    patches, w = kept
    return convolve(dy, _turned(w, dy.shape[3])), patches @ dy.reshape(-1, dy.shape[3])


def _patches(x: jax.Array) -> jax.Array:
    """The surroundings of all places, shape (9 * c, n * height * width): whole planes, which CPUs copy fastest."""
    _, height, width, _ = x.shape
    planes = jnp.pad(x.transpose(3, 0, 1, 2), ((0, 0), (0, 0), (1, 1), (1, 1)))
    shifted = [plane[:, i : i + height, j : j + width] for i in range(3) for j in range(3) for plane in planes]
    return jnp.stack(shifted).reshape(len(shifted), -1)


def _turned(w: jax.Array, n_outputs: int) -> jax.Array:
    """The filters that take gradients of outputs back to inputs: turned by half a turn, inputs and outputs swapped."""
    return w.reshape(9, -1, n_outputs)[::-1].transpose(0, 2, 1).reshape(9 * n_outputs, -1)


_convolve_patches.defvjp(_convolve_patches_forward, _convolve_patches_backward)


# Many channels: Winograd


@jax.custom_vjp
def _convolve_tiles(x: jax.Array, w: jax.Array) -> jax.Array:
    return _convolve_tiles_forward(x, w)[0]


def _convolve_tiles_forward(x: jax.Array, w: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    tiles = _tiles_of_inputs(x)
    products = jnp.einsum("anc,ach->anh", tiles, _tiles_of_filters(w, x.shape[3]))
    return _outputs_of_tiles(products, x.shape), (tiles, w)


def _convolve_tiles_backward(kept: tuple[jax.Array, jax.Array], dy: jax.Array) -> tuple[jax.Array, jax.Array]:
    tiles, w = kept
    turned = _tiles_of_filters(w, tiles.shape[2], taps=_OF_TAPS[:, ::-1])
    dx = _outputs_of_tiles(jnp.einsum("anh,ach->anc", _tiles_of_inputs(dy), turned), dy.shape)
    dw = _OF_TAPS.T @ jnp.einsum("anc,anh->ach", tiles, _tiles_of_gradients(dy)).reshape(_IN * _IN, -1)
    return dx, dw.reshape(w.shape)


_convolve_tiles.defvjp(_convolve_tiles_forward, _convolve_tiles_backward)


def _tiles_of_inputs(x: jax.Array) -> jax.Array:
    """Overlapping tiles of 6 x 6, transformed, shape (36, tiles, c)."""
    n, height, width, c = x.shape
    down, across = -(-height // _OUT), -(-width // _OUT)
    padded = jnp.pad(x, ((0, 0), (1, down * _OUT + 1 - height), (1, across * _OUT + 1 - width), (0, 0)))
    rows = _combined(_OF_INPUTS, [padded[:, i : i + (down - 1) * _OUT + 1 : _OUT] for i in range(_IN)])
    tiles = _sums(_OF_INPUTS, [rows[:, :, :, j : j + (across - 1) * _OUT + 1 : _OUT] for j in range(_IN)])
    return jnp.stack(tiles).reshape(_IN * _IN, n * down * across, c)


def _tiles_of_gradients(dy: jax.Array) -> jax.Array:
    """Tiles of 4 x 4 gradients of outputs, as the transform of outputs sends them back, shape (36, tiles, h)."""
    n, height, width, h = dy.shape
    down, across = -(-height // _OUT), -(-width // _OUT)
    padded = jnp.pad(dy, ((0, 0), (0, down * _OUT - height), (0, across * _OUT - width), (0, 0)))
    rows = _combined(_OF_OUTPUTS.T, [padded[:, i::_OUT] for i in range(_OUT)])
    tiles = _sums(_OF_OUTPUTS.T, [rows[:, :, :, j::_OUT] for j in range(_OUT)])
    return jnp.stack(tiles).reshape(_IN * _IN, n * down * across, h)


def _tiles_of_filters(w: jax.Array, n_inputs: int, taps: FloatArray = _OF_TAPS) -> jax.Array:
    """Filters (9 * c, h), transformed, shape (36, c, h)."""
    return (jnp.asarray(taps) @ w.reshape(9, -1)).reshape(_IN * _IN, n_inputs, -1)


def _outputs_of_tiles(products: jax.Array, like: tuple[int, ...]) -> jax.Array:
    """From products (36, tiles, h) to what stands at each place of pictures of this shape (n, height, width, ...)."""
    n, height, width = like[:3]
    down, across = -(-height // _OUT), -(-width // _OUT)
    tiles = products.reshape(_IN, _IN, n, down, across, -1)
    columns = _combined(_OF_OUTPUTS, [*tiles])  # (4 of width, 6, n, down, across, h)
    rows = jnp.stack(_sums(_OF_OUTPUTS, [columns[:, i] for i in range(_IN)]))  # (4 of height, 4 of width, n, down, across, h)
    return rows.transpose(2, 3, 0, 4, 1, 5).reshape(n, down * _OUT, across * _OUT, -1)[:, :height, :width]


def _combined(transform: FloatArray, parts: Sequence[jax.Array]) -> jax.Array:
    """The sums that each row of a transform asks for, stacked, and written down before anything is made of them.

    Without the barrier XLA would compute them again for each of their readers.
    """
    return jax.lax.optimization_barrier(jnp.stack(_sums(transform, parts)))


def _sums(transform: FloatArray, parts: Sequence[jax.Array]) -> list[jax.Array]:
    weighted = ([(float(factor), part) for factor, part in zip(row, parts, strict=True) if factor] for row in transform)
    return [functools.reduce(jnp.add, (part if factor == 1 else factor * part for factor, part in one)) for one in weighted]
