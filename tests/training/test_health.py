"""What is measured of layers while they train: against closed forms, and against NumPy on all rows."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from small import compiled
from weights.data.inputs import Inputs, table_layout
from weights.elements.activation import Activation
from weights.elements.initialization import Initialization
from weights.models.mlp import Mlp
from weights.training import health

KEY = jax.random.key(0)
NO_KNOTS = jnp.zeros((0, 1))
effective_rank = jax.jit(health.effective_rank)
measure_step = jax.jit(health.measure_step, static_argnums=4)


def network(hidden=(64, 64), n_inputs=32, n_outputs=2, *, activation="relu", start="he"):
    model = compiled(Mlp(hidden=hidden), table_layout(n_inputs, n_outputs), Initialization(start), Activation(activation))
    inputs = Inputs({"x": jax.random.normal(jax.random.key(1), (128, n_inputs))})
    return model, model.init(inputs, NO_KNOTS, key=KEY), inputs


def measure_start(model, params, inputs):
    return jax.jit(functools.partial(health.measure_start, model))(params, inputs, jnp.arange(len(inputs)), key=KEY)


# Rank


def test_directions_of_independent_units_are_all_counted_though_rows_are_few():
    ranks = [float(effective_rank(jax.random.normal(jax.random.key(i), (64, 100)), jnp.arange(64))) for i in range(20)]
    # The mean square of 4,032 products has a relative error of 3 %, of twenty ranks' mean less than 1 %; means are taken off (1 / 64).
    assert np.mean(ranks) == pytest.approx(100, rel=0.06)


def test_a_unit_of_four_times_the_spread_counts_for_more():
    h = jax.random.normal(KEY, (4_000, 2)) * jnp.array([2.0, 1.0])
    assert effective_rank(h, jnp.arange(4_000)) == pytest.approx(25 / 17, rel=0.05)  # (4 + 1)^2 / (16 + 1); products of 4,000 rows


def test_units_that_say_the_same_have_one_direction():
    h = jnp.outer(jax.random.normal(KEY, (1_000,)), jnp.ones(5))
    assert effective_rank(h, jnp.arange(1_000)) == pytest.approx(1.0, abs=0.01)  # pairs of rows leave out one in a thousand


def test_units_that_never_change_have_none():
    assert effective_rank(jnp.ones((16, 5)), jnp.arange(16)) == 0.0


def test_rows_that_are_there_twice_are_not_compared_with_themselves():
    h = jax.random.normal(KEY, (32, 40))
    once, twice = (float(effective_rank(jnp.tile(h, (n, 1)), jnp.tile(jnp.arange(32), n))) for n in (1, 2))
    assert twice == pytest.approx(once, rel=1e-4)  # float32 sums in another order


# The start


def test_signals_and_gradients_of_a_linear_network_have_their_closed_form():
    model, params, inputs = network(activation="identity", start="orthogonal", hidden=(32, 32), n_outputs=32)
    found = {name: float(value) for name, value in measure_start(model, params, inputs).items()}
    # Orthogonal maps keep lengths: of what came in, and of 32 standard normal gradients.
    assert found["hidden.1/forward"] == pytest.approx(found["input/forward"], rel=1e-4)
    assert found["hidden.0/backward"] == pytest.approx(found["hidden.1/backward"], rel=1e-4)
    assert found["hidden.0/backward"] == pytest.approx(32, rel=5 * (2 / (32 * 64)) ** 0.5)  # chi-square


def test_gradients_are_those_of_the_network():
    model, params, inputs = network(hidden=(8,), n_outputs=1)
    found = measure_start(model, params, inputs)
    at_outputs = np.asarray(jax.random.normal(KEY, (64, 1)))
    by_hand = at_outputs @ np.asarray(params["output"]["w"]).T
    assert found["hidden.0/backward"] == pytest.approx(np.mean(np.sum(by_hand**2, 1)), rel=1e-4)


# Units


def units_of(model, params, inputs, activation="relu"):
    found = jax.jit(functools.partial(health.measure_units, model, activation=activation))(params, inputs, jnp.arange(len(inputs)))
    return {layer: dict(zip(health.OF_UNITS, map(float, values), strict=True)) for layer, values in found.items()}


def test_an_activation_that_is_a_straight_line_has_no_influence():
    found = units_of(*network(activation="identity"), activation="identity")
    assert [found[layer]["influence"] for layer in ("hidden.0", "hidden.1")] == pytest.approx([0.0, 0.0], abs=1e-9)


def test_the_influence_of_a_relu_is_what_its_best_line_leaves():
    model, params, inputs = network(hidden=(1,), n_inputs=1, n_outputs=1)
    params["hidden.0"] = {"w": jnp.ones((1, 1)), "b": jnp.zeros(1)}
    params["output"] = {"w": jnp.ones((1, 1)), "b": jnp.zeros(1)}
    z = np.asarray(inputs.x[:64, 0])
    answers = np.maximum(z, 0)
    line = np.polyval(np.polyfit(z, answers, 1), z)
    found = units_of(model, params, inputs)["hidden.0"]
    assert found["influence"] == pytest.approx(np.mean((answers - line) ** 2) / np.var(answers), rel=1e-4)


def test_a_layer_of_silent_units_is_dead_and_those_after_it_as_well():
    model, params, inputs = network()
    params["hidden.0"] = {**params["hidden.0"], "b": jnp.full(64, -100.0)}
    found = units_of(model, params, inputs)
    assert [(found[layer]["dead"], found[layer]["rank"]) for layer in found] == [(1.0, 0.0), (1.0, 0.0)]


# Steps


def test_lengths_are_those_of_numpy():
    rng = np.random.default_rng(0)
    before, after, mean = ({"output": {"w": jnp.asarray(rng.normal(size=(5, 2))), "b": jnp.asarray(rng.normal(size=2))}} for _ in range(3))
    mean["output"]["w"] = mean["output"]["w"].at[0].set(0.0)
    halves = {"output": {"w": jnp.asarray(rng.normal(size=(2, 5, 2))), "b": jnp.asarray(rng.normal(size=(2, 2)))}}
    found, _ = measure_step(halves, before, after, mean, 20)
    flat = lambda tree: np.concatenate([np.ravel(tree["output"][part]) for part in ("w", "b")])  # noqa: E731
    one, other = (np.concatenate([np.ravel(halves["output"][part][i]) for part in ("w", "b")]) for i in range(2))
    expected = [
        np.linalg.norm(one + other) / 2,
        np.linalg.norm(flat(after) - flat(before)) / np.linalg.norm(flat(before)),
        np.linalg.norm(mean["output"]["w"]),
        0.2,
    ]
    np.testing.assert_allclose(found["output"], expected, rtol=1e-5)


def test_signal_and_noise_of_gradients_are_unbiased():
    """One weight vector of a linear model with squared loss; batches are drawn from all rows with replacement."""
    rng, n, batch = np.random.default_rng(0), 400, 20
    x, y, w = rng.normal(size=(n, 3)), rng.normal(size=n), np.array([0.4, -0.2, 0.1])
    each = x * (x @ w - y)[:, None]
    signal, noise = np.sum(each.mean(0) ** 2), np.sum(each.var(0))
    found = []
    for rows in rng.integers(0, n, (4_000, 2, batch // 2)):
        halves = {"output": {"w": jnp.asarray(each[rows].mean(1)[:, :, None])}}
        layer = {"output": {"w": jnp.asarray(w[:, None])}}
        found.append([float(value) for value in measure_step(halves, layer, layer, layer, batch)[1]])
    mean, error = np.mean(found, 0), np.std(found, 0) / 4_000**0.5
    assert np.all(np.abs(mean - [signal, noise]) < 4 * error)


def test_weights_of_zero_give_a_finite_ratio():
    zeros = {"output": {"w": jnp.zeros((2, 1)), "b": jnp.zeros(1)}}
    halves = jax.tree.map(lambda part: jnp.ones((2, *part.shape)), zeros)
    found, _ = measure_step(halves, zeros, jax.tree.map(lambda part: part + 1, zeros), zeros, 2)
    assert np.isfinite(np.asarray(found["output"])).all()
