"""Variances, orthogonality and gains of first weights, and the size of signals through deep stacks of them."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from small import compiled
from weights.data.inputs import Inputs, table_layout
from weights.elements import initialization
from weights.elements.activation import Activation
from weights.elements.initialization import SCHEMES, Initialization, match_data, variance
from weights.models.base import affine
from weights.models.mlp import Mlp

FAN_IN, FAN_OUT = 300, 200
SHAPE = (FAN_IN, FAN_OUT)
DISTRIBUTIONS = ("normal", "truncated", "uniform")
KEY = jax.random.key(0)
draw = jax.jit(initialization.draw, static_argnums=(0, 1, 2))
NO_KNOTS = jnp.zeros((0, 1))


@pytest.mark.parametrize(
    ("settings", "gain", "expected"),
    [
        (Initialization("xavier"), 1.0, 2 / (FAN_IN + FAN_OUT)),
        (Initialization("he"), 2**0.5, 2 / FAN_IN),
        (Initialization("lecun"), 1.0, 1 / FAN_IN),
        (Initialization("orthogonal"), 1.0, 1 / FAN_IN),
        (Initialization("data"), 1.0, 1 / FAN_IN),
        (Initialization("normal", scale=0.3), 1.0, 0.09),
        (Initialization("zeros"), 1.0, 0.0),
    ],
    ids=lambda value: value.name if isinstance(value, Initialization) else "",
)
def test_the_variance_is_that_of_the_paper(settings, gain, expected):
    assert variance(settings, SHAPE, gain) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["xavier", "he"])
def test_a_gain_that_is_set_replaces_that_of_the_activation(name):
    assert variance(Initialization(name, gain=3.0), SHAPE, 1.4) == pytest.approx(9 * variance(Initialization(name), SHAPE, 1.0))


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("name", SCHEMES)
def test_drawn_weights_have_the_stated_variance(name, distribution):
    settings = Initialization(name, distribution)
    w = np.asarray(draw(settings, SHAPE, 1.3, key=KEY), np.float64)
    # A chi-square mean over n numbers has relative deviation sqrt(2 / n), less for flatter draws; five of them.
    assert np.mean(w**2) == pytest.approx(variance(settings, SHAPE, 1.3), rel=5 * (2 / w.size) ** 0.5)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_drawn_weights_have_mean_zero(distribution):
    w = np.asarray(draw(Initialization("normal", distribution, scale=1.0), SHAPE, 1.0, key=KEY), np.float64)
    assert abs(w.mean()) < 5 / w.size**0.5  # five standard errors of a mean of unit variance


@pytest.mark.parametrize(("distribution", "limit"), [("uniform", 3**0.5), ("truncated", 2 / 0.87962566103423978)])
def test_bounded_draws_stay_within_their_bounds(distribution, limit):
    w = draw(Initialization("normal", distribution, scale=1.0), SHAPE, 1.0, key=KEY)
    assert float(jnp.abs(w).max()) <= limit * (1 + 1e-6)  # float32


@pytest.mark.parametrize("shape", [(40, 25), (25, 40)])
def test_orthogonal_weights_are_orthogonal_up_to_the_gain(shape):
    w = np.asarray(draw(Initialization("orthogonal"), shape, 1.5, key=KEY), np.float64)
    product = w.T @ w if shape[0] > shape[1] else w @ w.T
    np.testing.assert_allclose(product, 1.5**2 * np.eye(25), atol=1e-5)  # sums of 40 float32 products, each good to 1e-7


def test_the_same_key_gives_the_same_weights():
    np.testing.assert_array_equal(draw(Initialization(), SHAPE, 1.0, key=KEY), draw(Initialization(), SHAPE, 1.0, key=KEY))


def test_another_key_gives_other_weights():
    assert not np.any(np.asarray(draw(Initialization(), SHAPE, 1.0, key=KEY) == draw(Initialization(), SHAPE, 1.0, key=jax.random.key(1))))


def test_matched_weights_give_sums_of_variance_one():
    x = 7.0 + 3.0 * jax.random.normal(jax.random.key(1), (400, 20))
    w = match_data(jax.random.normal(KEY, (20, 30)), x)
    assert np.var(np.asarray(x @ w, np.float64)) == pytest.approx(1.0, rel=1e-4)  # 12,000 float32 sums of 20 products


def test_inputs_that_are_all_zero_leave_matched_weights_as_they_were():
    w = jax.random.normal(KEY, (20, 30))
    np.testing.assert_array_equal(match_data(w, jnp.zeros((50, 20))), w)


def test_a_data_dependent_start_gives_every_layer_sums_of_variance_one():
    x = 2.0 + 5.0 * jax.random.normal(jax.random.key(1), (300, 20))
    model = compiled(Mlp(hidden=(20, 20)), table_layout(20, 20), Initialization("data"), Activation("relu"))
    params = model.init(Inputs({"x": x}), NO_KNOTS, key=KEY)
    first, second = (layer.activations for layer in model.apply(params, Inputs({"x": x}))[1].values())
    sums = [affine(layer, inputs) for layer, inputs in zip(params.values(), (x, first, second), strict=True)]
    np.testing.assert_allclose([np.var(np.asarray(s, np.float64)) for s in sums], 1.0, rtol=1e-4)  # as above


def test_he_weights_of_a_relu_layer_have_the_gain_root_two():
    model = compiled(Mlp(hidden=(300, 200)), table_layout(10, 1), Initialization("he"), Activation("relu"))
    w = np.asarray(model.init(Inputs({"x": jnp.zeros((1, 10))}), NO_KNOTS, key=KEY)["hidden.1"]["w"], np.float64)
    assert np.mean(w**2) * 300 == pytest.approx(2.0, rel=5 * (2 / w.size) ** 0.5)  # chi-square, as above


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "silu"])
def test_a_deep_stack_keeps_the_size_of_its_signal(activation):
    depth, width, n_stacks = 10, 256, 6
    inputs = Inputs({"x": jax.random.normal(jax.random.key(9), (128, width))})
    model = compiled(Mlp(hidden=(width,) * depth), table_layout(width, 1), Initialization("he"), Activation(activation))
    growth = []
    for seed in range(n_stacks):
        params = model.init(inputs, NO_KNOTS, key=jax.random.key(seed))
        hidden = [layer.activations for layer in model.apply(params, inputs)[1].values()]
        growth.append(0.5 * jnp.log(jnp.mean(hidden[-1] ** 2) / jnp.mean(hidden[0] ** 2)))
    # A layer multiplies the mean square by a number of relative variance 5 / width (relu, the widest), so half its log
    # wanders by sqrt(5 depth / width) / 2 = 0.22 over the stack; the mean of six by 0.09; four of these.
    assert abs(float(np.mean(growth))) < 0.36


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Initialization(gain=0.0), "gain must be above zero, but is 0.0"),
        (Initialization(scale=-1.0), "scale must be above zero, but is -1.0"),
        (Initialization(scale=float("nan")), "scale must be above zero, but is nan"),
    ],
)
def test_settings_that_cannot_be_are_named(settings, message):
    assert settings.check() == [message]
