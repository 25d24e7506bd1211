"""Directions against formulas worked by hand, schedules at their ends, and settings that cannot be."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import weights
from weights.elements.optimization import (
    OPTIMIZERS,
    SCHEDULES,
    Optimization,
    Optimizer,
    average,
    gradient_transformation,
    scheduled_rate,
)

STEPPING = [name for name, optimizer in OPTIMIZERS.items() if optimizer.build is not None]
DECAYED = ("adamw", "lion", "muon")
B1, B2 = 0.8, 0.9
SETTINGS = {"momentum": 0.7, "beta1": B1, "beta2": B2, "epsilon": 1e-3}
PARAMS = {"output": {"w": jnp.array([[1.0, -2.0], [0.5, 3.0], [-1.0, 2.0]]), "b": jnp.array([2.0, -1.0])}}


@pytest.mark.parametrize("name", STEPPING)
def test_every_optimizer_finds_the_bottom_of_a_bowl(name):
    settings, curvature = Optimization(name), {"output": {"w": jnp.array([[1.0, 0.5], [0.2, 0.8], [0.4, 0.6]]), "b": jnp.array([0.9, 0.3])}}
    optimizer = OPTIMIZERS[name]
    towards, rate = gradient_transformation(settings, 0.0), 1.0 if optimizer.finds_length else 10 * optimizer.learning_rate

    def height(params):
        return 0.5 * sum(jnp.sum(a * p**2) for a, p in zip(jax.tree.leaves(curvature), jax.tree.leaves(params), strict=True))

    def step(_, carry):
        params, state = carry
        value, grads = jax.value_and_grad(height)(params)
        change, state = towards.update(grads, state, params, value=value, grad=grads, value_fn=height)
        return jax.tree.map(lambda p, c: p - rate * c, params, change), state

    found, _ = jax.jit(lambda: jax.lax.fori_loop(0, 1_000, step, (PARAMS, towards.init(PARAMS))))()
    # Steps of fixed length circle the bottom: muon's are 0.2 * 1.2 * sqrt(3 / 2) in two directions, 0.09 in height of 8.5 at first.
    assert height(found) < 0.02 * height(PARAMS)


def sgd(t, g, m, v):
    return g, m, v


def momentum(t, g, m, v):
    m = g + 0.7 * m
    return m, m, v


def nesterov(t, g, m, v):
    m = g + 0.7 * m
    return g + 0.7 * m, m, v


def rmsprop(t, g, m, v):
    v = B2 * v + (1 - B2) * g**2
    return g / np.sqrt(v + 1e-3), m, v


def adagrad(t, g, m, v):
    v = v + g**2 + (0.1 if t == 1 else 0.0)
    return g / np.sqrt(v + 1e-3), m, v


def adam(t, g, m, v):
    m, v = B1 * m + (1 - B1) * g, B2 * v + (1 - B2) * g**2
    return m / (1 - B1**t) / (np.sqrt(v / (1 - B2**t)) + 1e-3), m, v


def lion(t, g, m, v):
    return np.sign(B1 * m + (1 - B1) * g), B2 * m + (1 - B2) * g, v


FORMULAS = {f.__name__: f for f in (sgd, momentum, nesterov, rmsprop, adagrad, adam, lion)} | {"adamw": adam}


@pytest.mark.parametrize("name", FORMULAS)
def test_three_directions_follow_the_formula(name):
    rng = np.random.default_rng(0)
    decay = 0.3 if name in DECAYED else 0.0
    towards = gradient_transformation(Optimization(name, **SETTINGS), 0.3)
    state, m, v = towards.init(PARAMS), 0.0, 0.0
    for t in (1, 2, 3):
        g = rng.normal(size=(3, 2))
        change, state = towards.update({"output": {"w": jnp.asarray(g), "b": jnp.zeros(2)}}, state, PARAMS)
        expected, m, v = FORMULAS[name](t, g, m, v)
        np.testing.assert_allclose(change["output"]["w"], expected + decay * PARAMS["output"]["w"], rtol=1e-5, atol=1e-6)  # float32


def test_muon_turns_a_hidden_gradient_into_a_nearly_orthogonal_matrix():
    g = jnp.asarray(np.random.default_rng(0).normal(size=(20, 20)) * np.logspace(-1, 0, 20))
    params = {"hidden.0": {"w": jnp.zeros((20, 20)), "b": jnp.zeros(20)}}
    towards = gradient_transformation(Optimization("muon"), 0.0)
    change, _ = towards.update({"hidden.0": {"w": g, "b": jnp.zeros(20)}}, towards.init(params), params)
    lengths = np.linalg.svd(np.asarray(change["hidden.0"]["w"]), compute_uv=False)
    assert np.all((lengths > 0.3) & (lengths < 1.4))  # Jordan et al. 2024: its five iterations bring them to about 0.7 to 1.2


@pytest.mark.parametrize("name", DECAYED)
def test_weight_decay_pulls_weights_and_nothing_else(name):
    params = {"embedding": {"w": jnp.ones((3, 2)), "b": jnp.ones(2), "knots": jnp.ones((3, 4))}}
    towards = gradient_transformation(Optimization(name), 0.3)
    change, _ = towards.update(jax.tree.map(jnp.zeros_like, params), towards.init(params), params)
    found = {array: np.unique(pull).tolist() for array, pull in change["embedding"].items()}
    assert found == {"w": pytest.approx([0.3]), "b": [0.0], "knots": [0.0]}


@pytest.mark.parametrize("name", sorted({*STEPPING} - {*DECAYED, "lbfgs"}))
def test_optimizers_without_decay_stay_where_the_gradient_is_zero(name):
    towards = gradient_transformation(Optimization(name), 0.3)
    change, _ = towards.update(jax.tree.map(jnp.zeros_like, PARAMS), towards.init(PARAMS), PARAMS)
    assert optax.tree.norm(change) == 0


@pytest.mark.parametrize("name", STEPPING)
def test_every_optimizer_has_a_default_learning_rate_and_decay(name):
    assert OPTIMIZERS[name].learning_rate > 0
    assert OPTIMIZERS[name].weight_decay > 0


def test_an_optimizer_that_is_added_to_the_table_guides_steps(monkeypatch):
    slower = Optimizer(lambda settings, decay: optax.scale(0.5), learning_rate=0.2, weight_decay=0.3, n_steps=7)
    monkeypatch.setitem(OPTIMIZERS, "half_sgd", slower)

    def fitted(**optimization):
        options = {"members": 2, "penalty": "none", "patience": 0, "inspect": False}
        return weights.fit("diabetes", model="mlp", hidden=(4,), **options, **optimization).ensemble.populations[0]

    found = fitted(optimization="half_sgd")
    settings = found.spec.optimization
    assert (settings.learning_rate, settings.weight_decay, settings.n_steps) == (0.2, 0.3, 7)
    known = fitted(optimization="sgd", learning_rate=0.1, n_steps=7)
    np.testing.assert_allclose(found.params["output"]["w"], known.params["output"]["w"], atol=1e-6)  # float32


# Averages over steps


def averaged(values: np.ndarray, averaging: float, settings: Optimization) -> float:
    """The mean after steps that ended in these values; the first mean is far off, and must not count."""
    mean = {"output": {"w": jnp.float32(10.0)}}
    for step, value in enumerate(values):
        mean = average(settings, jnp.float32(averaging), jnp.int32(step), mean, {"output": {"w": jnp.float32(value)}})
    return float(mean["output"]["w"])


@pytest.mark.parametrize("averaging", [1.0, 3.0, 8.0])
def test_an_average_is_the_weighted_sum_of_its_closed_form(averaging):
    # Multiplied out, the value after step t of T counts (t + 1)(t + 2)...(t + a), over the sum of these: Shamir and Zhang 2013.
    values = np.random.default_rng(0).normal(size=20)
    counts = np.array([np.prod([t + i for i in range(1, int(averaging) + 1)], dtype=float) for t in range(20)])
    found = averaged(values, averaging, Optimization(averaging=averaging))
    assert found == pytest.approx(counts @ values / counts.sum(), abs=1e-5)  # float32


def test_an_average_of_equal_weights_is_those_weights():
    assert averaged(np.full(50, 0.7), 8.0, Optimization(averaging=8.0)) == pytest.approx(0.7, rel=1e-6)  # float32


def test_the_first_step_is_its_own_average():
    assert averaged(np.array([0.3]), 8.0, Optimization(averaging=8.0)) == pytest.approx(0.3, abs=1e-5)  # float32


@pytest.mark.parametrize(
    "settings", [Optimization(averaging=0.0), Optimization(averaging=8.0)], ids=["alone", "beside members that average"]
)
def test_a_member_without_averaging_answers_with_its_last_weights(settings):
    assert averaged(np.arange(10.0), 0.0, settings) == 9.0


def test_averaging_may_not_be_negative():
    assert Optimization(averaging=-1.0).check() == ["averaging must be at least 0, but is -1.0"]


# Schedules


@pytest.mark.parametrize("warmup", [0.0, 0.05, 0.4])
@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_starts_at_one_after_the_warmup(name, warmup):
    assert scheduled_rate(Optimization(schedule=name, warmup=warmup), jnp.float32(warmup)) == pytest.approx(1.0, rel=1e-6)  # float32


@pytest.mark.parametrize("warmup", [0.0, 0.05])
@pytest.mark.parametrize(
    ("name", "end"), [("constant", 1.0), ("linear", 0.0), ("cosine", 0.0), ("exponential", np.exp(-4)), ("steps", 0.01)]
)
def test_every_schedule_ends_where_it_should(name, end, warmup):
    assert scheduled_rate(Optimization(schedule=name, warmup=warmup), jnp.float32(1.0)) == pytest.approx(end, rel=1e-5, abs=1e-7)  # float32


@pytest.mark.parametrize("name", SCHEDULES)
def test_no_schedule_rises_after_the_warmup(name):
    rates = scheduled_rate(Optimization(schedule=name, warmup=0.05), jnp.linspace(0.05, 1.0, 200))
    assert float(jnp.diff(rates).max()) <= 1e-7  # float32


def test_the_middle_of_a_cosine_is_one_half():
    assert scheduled_rate(Optimization(schedule="cosine", warmup=0.0), jnp.float32(0.5)) == pytest.approx(0.5)


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_rate_rises_in_a_straight_line_from_zero_during_the_warmup(name):
    rates = scheduled_rate(Optimization(schedule=name, warmup=0.2), jnp.array([0.0, 0.05, 0.1, 0.15]))
    np.testing.assert_allclose(rates, [0.0, 0.25, 0.5, 0.75], rtol=1e-6)  # float32


@pytest.mark.parametrize("field", ["learning_rate", "batch_size", "n_steps", "tolerance", "epsilon"])
def test_what_must_be_above_zero_may_not_be_zero(field):
    assert Optimization(**{field: 0}).check() == [f"{field} must be above zero, but is 0"]


@pytest.mark.parametrize("field", ["warmup", "momentum", "beta1", "beta2"])
def test_shares_may_not_be_one(field):
    assert Optimization(**{field: 1.0}).check() == [f"{field} must be at least 0 and below 1, but is 1.0"]


def test_weight_decay_may_not_be_negative():
    assert Optimization(weight_decay=-0.1).check() == ["weight_decay must be at least 0, but is -0.1"]


def test_a_learning_rate_that_is_no_number_is_named():
    assert Optimization(learning_rate=float("nan")).check() == ["learning_rate must be above zero, but is nan"]
