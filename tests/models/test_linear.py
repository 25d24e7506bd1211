"""The linear model against NumPy, and what it starts from."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from weights.data.inputs import FARTHEST, Inputs, Layout, table_layout
from weights.elements.activation import Activation
from weights.elements.initialization import Initialization
from weights.models.linear import Linear, linear_model

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 4))
W, B = RNG.normal(size=(4, 3)), RNG.normal(size=3)
ROWS = Inputs({"x": jnp.asarray(X)})
PARAMS = {"output": {"w": jnp.asarray(W), "b": jnp.asarray(B)}}


@pytest.fixture
def model():
    return linear_model(Linear(), table_layout(4, 3, (0, 1)), Initialization(), Activation())


def test_outputs_are_weighted_sums_plus_biases(model):
    outputs, _ = model.apply(PARAMS, ROWS)
    np.testing.assert_allclose(outputs, X @ W + B, rtol=1e-5, atol=1e-6)  # float32


def test_there_are_no_hidden_activations(model):
    assert model.apply(PARAMS, ROWS)[1] == {}


def test_gradients_are_those_worked_by_hand(model):
    grads = jax.grad(lambda params: 0.5 * jnp.sum(model.apply(params, ROWS)[0] ** 2))(PARAMS)
    outputs = X @ W + B
    np.testing.assert_allclose(grads["output"]["w"], X.T @ outputs, rtol=1e-5, atol=1e-4)  # float32 sums of 50 terms near 10
    np.testing.assert_allclose(grads["output"]["b"], outputs.sum(0), rtol=1e-5, atol=1e-4)


def test_every_row_of_weights_belongs_to_the_input_in_its_place(model):
    assert model.input_rows == {"output": (0, 1, 2, 3)}
    assert model.embedded_places == (0, 1, 2, 3)


def test_the_order_of_inputs_does_not_matter(model):
    order = np.array([2, 0, 3, 1])
    permuted = {"output": {"w": jnp.asarray(W[order]), "b": jnp.asarray(B)}}
    outputs, _ = model.apply(permuted, Inputs({"x": jnp.asarray(X[:, order])}))
    np.testing.assert_allclose(outputs, X @ W + B, rtol=1e-5, atol=1e-6)  # float32, other order of summing


def test_numbers_beyond_their_limit_are_zero_and_limits_do_not_learn():
    layout = Layout((("x", (1,)), ("numbers", (1,))), 1, (0,))
    model = linear_model(Linear(unbounded=True), layout, Initialization(), Activation())
    params = {"output": {"w": jnp.array([[1.0], [10.0]]), "b": jnp.zeros(1), "limit": jnp.array([5.0])}}
    rows = Inputs({"x": jnp.array([[1.0], [1.0], [1.0]]), "numbers": jnp.array([[5.0], [5.1], [-6.0]])})
    np.testing.assert_allclose(model.apply(params, rows)[0][:, 0], [51.0, 1.0, 1.0])
    grads = jax.grad(lambda params: jnp.sum(model.apply(params, rows)[0]))(params)
    np.testing.assert_array_equal(grads["output"]["limit"], [0.0])


def test_no_number_has_a_limit_at_the_start():
    layout = Layout((("x", (2,)), ("numbers", (1,))), 3, (1,))
    rows = Inputs({"x": jnp.ones((4, 2)), "numbers": jnp.ones((4, 1))})
    start = linear_model(Linear(unbounded=True), layout, Initialization(), Activation()).init(rows, None, key=jax.random.key(0))
    np.testing.assert_array_equal(start["output"]["limit"], [FARTHEST])
    assert start["output"]["w"].shape == (3, 3)


def test_only_inputs_are_silenced(model):
    seen = []
    model.apply(PARAMS, ROWS, lambda x, layer: seen.append((layer, x.shape)) or x)
    assert seen == [(0, (50, 4))]


def test_weights_start_without_the_gain_of_an_activation(model):
    model = linear_model(Linear(), table_layout(200, 100), Initialization("he"), Activation("relu"))
    w = np.asarray(model.init(Inputs({"x": jnp.zeros((1, 200))}), jnp.zeros((0, 0)), key=jax.random.key(0))["output"]["w"], np.float64)
    assert np.mean(w**2) * 200 == pytest.approx(1.0, rel=5 * (2 / w.size) ** 0.5)  # five deviations of a chi-square mean


def test_biases_start_at_zero(model):
    assert not model.init(ROWS, jnp.zeros((0, 0)), key=jax.random.key(0))["output"]["b"].any()


def test_the_same_key_gives_the_same_first_weights(model):
    one, two = (model.init(ROWS, jnp.zeros((0, 0)), key=jax.random.key(3)) for _ in range(2))
    np.testing.assert_array_equal(one["output"]["w"], two["output"]["w"])
