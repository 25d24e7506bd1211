"""Gains against closed forms, and units that are dead, saturated or well."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from weights.elements.activation import ACTIVATIONS, alive, gain

# Gains rest on float32 responses (1e-7) and on a quadrature that is off by 1e-5 where elu and selu have a bend.
GAIN_TOLERANCE = 2e-5


@pytest.mark.parametrize(
    ("name", "second_moment"),
    [
        ("identity", 1.0),
        ("relu", 0.5),
        ("leaky_relu", 0.5 * (1 + 0.01**2)),
        ("elu", 1.0 + np.exp(2) * stats.norm.cdf(-2) - 2 * np.exp(0.5) * stats.norm.cdf(-1)),
        ("selu", 1.0),
    ],
)
def test_the_gain_is_the_closed_form(name, second_moment):
    assert gain(name) == pytest.approx(second_moment**-0.5, rel=GAIN_TOLERANCE)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_gain_restores_a_second_moment_of_one(name):
    z = np.linspace(-9, 9, 20_001)  # a thousandth apart, with zero, where some bend, among them
    second_moment = integrate.simpson(np.asarray(ACTIVATIONS[name](jnp.asarray(z)), np.float64) ** 2 * stats.norm.pdf(z), x=z)
    assert gain(name) ** 2 * second_moment == pytest.approx(1.0, rel=2 * GAIN_TOLERANCE)


@pytest.fixture
def sums():
    """Weighted sums (n, h) of healthy units."""
    return jax.random.normal(jax.random.key(0), (500, 8))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_healthy_units_are_neither_dead_nor_saturated(sums, name):
    assert alive(ACTIVATIONS[name](sums), name) == (0.0, 0.0)


def test_units_that_never_pass_the_threshold_are_dead(sums):
    dead, _ = alive(jax.nn.relu(sums.at[:, :3].add(-10.0)), "relu")
    assert dead == 3 / 8


def test_dead_units_do_not_count_as_saturated(sums):
    _, saturated = alive(jnp.tanh(sums.at[:, :3].add(100.0)), "tanh")
    assert saturated == 0.0


def test_units_driven_to_both_ends_are_saturated(sums):
    _, saturated = alive(jnp.tanh(sums.at[:, :2].multiply(50.0)), "tanh")
    assert saturated == 2 / 8


def test_units_that_rest_at_one_end_but_for_a_few_samples_are_saturated(sums):
    mostly_on = jnp.where(jnp.arange(500) < 480, 20.0, sums[:, 0])
    _, saturated = alive(jax.nn.sigmoid(sums.at[:, 0].set(mostly_on)), "sigmoid")
    assert saturated == 1 / 8
