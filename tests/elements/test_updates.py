"""Gradients clipped, disturbed and held back as stated, and what a step did to the weights."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from weights.elements.updates import Updates, hold, transform_gradients

GRADS = {"hidden.0": {"w": jnp.array([[3.0, 0.0]])}, "output": {"w": jnp.array([[0.0], [-4.0]])}}


def shape(settings, grads=GRADS, *, step=0, seed=0):
    """The gradients shaped with the limits and noise of the settings themselves."""
    limit = jnp.float32(np.inf if settings.clip_norm is None else settings.clip_norm)
    noise, key = jnp.float32(settings.noise), jax.random.key(seed)
    return transform_gradients(settings, grads, clip_norm=limit, noise=noise, step=jnp.int32(step), key=key)


def assert_same(grads, expected):
    jax.tree.map(lambda g, e: np.testing.assert_allclose(g, e, rtol=1e-6), grads, expected)  # float32


def test_gradients_longer_than_the_limit_are_shortened_to_it_over_all_layers():
    assert_same(shape(Updates(clip_norm=1.0)), jax.tree.map(lambda g: g / 5, GRADS))


def test_gradients_shorter_than_the_limit_pass_unchanged():
    jax.tree.map(np.testing.assert_array_equal, shape(Updates(clip_norm=5.1)), GRADS)


def test_gradients_of_zero_stay_zero_under_a_limit():
    zero = jax.tree.map(jnp.zeros_like, GRADS)
    jax.tree.map(np.testing.assert_array_equal, shape(Updates(clip_norm=1.0), zero), zero)


def test_entries_beyond_the_value_limit_are_cut_to_it():
    assert_same(shape(Updates(clip_norm=None, clip_value=2.0)), jax.tree.map(lambda g: jnp.clip(g, -2, 2), GRADS))


def test_without_limits_gradients_pass_unchanged():
    jax.tree.map(np.testing.assert_array_equal, shape(Updates(clip_norm=None)), GRADS)


@pytest.mark.parametrize("step", [0, 9, 999])
def test_noise_falls_with_the_steps_as_stated(step):
    n = 40_000
    zero = {"output": {"w": jnp.zeros((n, 1))}}
    noise = shape(Updates(clip_norm=None, noise=0.2), zero, step=step)["output"]["w"]
    # The deviation of n normal numbers is known to 1 / sqrt(2 n), relative; five of these.
    assert float(jnp.std(noise)) == pytest.approx(0.2 / (1 + step) ** 0.275, rel=5 / (2 * n) ** 0.5)


def test_noise_is_independent_between_layers():
    n = 40_000
    zero = {"hidden.0": {"w": jnp.zeros((n, 1))}, "output": {"w": jnp.zeros((n, 1))}}
    noise = shape(Updates(clip_norm=None, noise=0.2), zero)
    correlation = np.corrcoef(noise["hidden.0"]["w"][:, 0], noise["output"]["w"][:, 0])[0, 1]
    assert abs(correlation) < 5 / n**0.5  # five deviations of a correlation of n pairs


def test_another_key_gives_other_noise():
    settings = Updates(clip_norm=None, noise=0.2)
    assert not jnp.any(shape(settings, seed=0)["output"]["w"] == shape(settings, seed=1)["output"]["w"])


def test_frozen_layers_get_no_gradient_even_with_noise():
    assert not shape(Updates(noise=0.2, freeze=("hidden.0",)))["hidden.0"]["w"].any()


def test_holding_a_layer_leaves_the_others_alone():
    held = hold(Updates(freeze=("hidden.0",)), GRADS)
    np.testing.assert_array_equal(held["output"]["w"], GRADS["output"]["w"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Updates(clip_norm=0.0), "clip_norm must be above zero, but is 0.0"),
        (Updates(clip_value=-1.0), "clip_value must be above zero, but is -1.0"),
        (Updates(noise=-0.1), "noise must be at least 0, but is -0.1"),
        (Updates(accumulate=0), "accumulate must be at least 1, but is 0"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_settings_that_cannot_be_are_named(settings, message):
    assert settings.check() == [message]
