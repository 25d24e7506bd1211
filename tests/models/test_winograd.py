"""Convolutions against the plain sum in float64, and their derivatives against those of XLA's own operator."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from weights.models import winograd

SIZES = [(8, 8, 5, 3), (15, 18, 6, 4), (4, 4, 7, 2), (3, 5, 5, 6), (9, 7, 3, 5), (6, 6, 1, 2)]
"""Height, width, channels in and out: whole tiles and parts of some, many channels and few."""
convolve = jax.jit(winograd.convolve)
EACH = pytest.mark.parametrize("size", SIZES, ids=str)


def drawn(height, width, n_inputs, n_outputs):
    rng = np.random.default_rng(0)
    return rng.normal(size=(3, height, width, n_inputs)), rng.normal(size=(9 * n_inputs, n_outputs))


def plain_sum(x, w):
    """Tap by tap, in float64."""
    height, width, c = x.shape[1:]
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    taps = w.reshape(3, 3, c, -1)
    return sum(padded[:, i : i + height, j : j + width] @ taps[i, j] for i in range(3) for j in range(3))


def native(x, w):
    filters = w.reshape(3, 3, x.shape[3], -1)
    return jax.lax.conv_general_dilated(x, filters, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


@EACH
def test_sums_are_those_over_the_surroundings(size):
    x, w = drawn(*size)
    found = convolve(jnp.asarray(x, jnp.float32), jnp.asarray(w, jnp.float32))
    # Winograd's sums of up to 63 products lose some bits: 1e-4 of sums whose deviation is up to 8.
    np.testing.assert_allclose(found, plain_sum(x, w), atol=1e-3)


@EACH
def test_derivatives_are_those_of_the_native_operator(size):
    x, w = (jnp.asarray(a, jnp.float32) for a in drawn(*size))

    def slopes(operator):
        return jax.jit(jax.grad(lambda x, w: jnp.sum(jnp.sin(operator(x, w))), (0, 1)))(x, w)

    for found, known in zip(slopes(convolve), slopes(native), strict=True):
        # The sine bends with sums that are wrong by up to 1e-4, and up to 800 places are added up.
        np.testing.assert_allclose(found, known, atol=5e-3)


def test_derivatives_of_input_pixels_reach_through_two_layers():
    x, w = (jnp.asarray(a, jnp.float32) for a in drawn(8, 8, 3, 5))
    second = jnp.asarray(np.random.default_rng(1).normal(size=(45, 2)), jnp.float32)

    def slope(operator):
        return jax.jit(jax.grad(lambda x: jnp.sum(jnp.tanh(operator(operator(x, w), second)))))(x)

    np.testing.assert_allclose(slope(convolve), slope(native), atol=1e-2)
