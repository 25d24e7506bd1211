"""Proximal steps against the minimisation that defines them, group steps by hand, and what a dropout hash must do."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import weights
from weights.elements.regularization import PENALTIES, Penalty, Regularization, cap_norm, dropout_mask, soft_threshold
from weights.tasks.number import Number
from weights.training.exact import solve, strength_path
from weights.training.problem import Problem

GROUPS = np.array([0, 0, 1, 1, 1, 2])
W = np.random.default_rng(0).normal(size=(6, 2))
N_UNITS = 1 << 14


@pytest.mark.parametrize("step", [0.1, 0.7, 2.0])
@pytest.mark.parametrize("name", PENALTIES)
def test_the_proximal_step_minimises_its_definition(name, step):
    penalty, rng = PENALTIES[name], np.random.default_rng(1)

    def objective(v):
        return penalty.rest(v, step, 0.6, GROUPS) + 0.5 * np.sum((v - W) ** 2)

    best = penalty.prox(W, step, 0.6, GROUPS)
    # The objective is strongly convex with constant one, so every step d away from its minimum costs |d|^2 / 2 at least.
    for size in (1e-3, 0.1, 1.0):
        for away in size * rng.normal(size=(300, *W.shape)):
            assert objective(best + away) - objective(best) >= 0.5 * np.sum(away**2) - 1e-12  # float64 rounding of a sum near 10


@pytest.mark.parametrize(
    ("name", "smooth", "rest"),
    [
        ("none", 0.0, 0.0),
        ("l1", 0.0, 0.5 * 7),
        ("l2", 0.5 * 25 / 2, 0.0),
        ("elastic_net", 0.5 * 0.4 * 25 / 2, 0.5 * 0.6 * 7),
        ("group", 0.0, 0.5 * 5 * 2**0.5),
    ],
)
def test_the_two_parts_of_a_penalty_are_its_formula(name, smooth, rest):
    w, groups, penalty = np.array([[3.0], [-4.0]]), np.array([0, 0]), PENALTIES[name]
    assert (penalty.smooth(w, 0.5, 0.6), penalty.rest(w, 0.5, 0.6, groups)) == pytest.approx((smooth, rest))


@pytest.mark.parametrize("name", PENALTIES)
def test_the_curvature_is_the_second_derivative_of_the_smooth_part(name):
    penalty, away = PENALTIES[name], np.zeros_like(W)
    away[2, 1] = 1.0
    values = [penalty.smooth(W + sign * away, 0.3, 0.6) for sign in (-1, 0, 1)]
    assert penalty.curvature(0.3, 0.6) == pytest.approx(values[0] - 2 * values[1] + values[2])  # exact for a quadratic


def test_a_group_is_shortened_by_the_threshold_times_the_root_of_its_size():
    w = np.array([[3.0], [4.0], [0.1]])
    expected = [[3 * (1 - 2**0.5 / 5)], [4 * (1 - 2**0.5 / 5)], [0.0]]
    np.testing.assert_allclose(PENALTIES["group"].prox(w, 1.0, 0.5, np.array([0, 0, 1])), expected, rtol=1e-15)


def test_a_group_shorter_than_its_threshold_becomes_exactly_zero():
    result = PENALTIES["group"].prox(np.array([[0.3, 0.4], [0.5, 0.5]]), 0.6, 0.5, np.array([0, 0]))
    assert not result.any()


def test_rows_of_a_group_need_not_be_neighbours():
    together = PENALTIES["group"].prox(W, 0.3, 0.5, GROUPS)
    order = np.array([5, 2, 0, 3, 1, 4])
    np.testing.assert_allclose(PENALTIES["group"].prox(W[order], 0.3, 0.5, GROUPS[order]), together[order], rtol=1e-14)


def test_numbers_nearer_than_the_threshold_become_exactly_zero():
    assert soft_threshold(np.array([0.3, -0.3, 0.5, -2.0]), 0.3).tolist() == [0.0, 0.0, 0.5 - 0.3, -2.0 + 0.3]


@pytest.mark.parametrize("name", PENALTIES)
def test_numpy_and_jax_take_the_same_proximal_step(name):
    there = jax.jit(PENALTIES[name].prox)(jnp.asarray(W), jnp.float32(0.4), jnp.float32(0.6), jnp.asarray(GROUPS))
    np.testing.assert_allclose(there, PENALTIES[name].prox(W, 0.4, 0.6, GROUPS), rtol=1e-5, atol=1e-6)  # float32


@pytest.mark.parametrize("name", PENALTIES)
def test_numpy_and_jax_give_the_same_value(name):
    def value(w, groups):
        return PENALTIES[name].smooth(w, 0.4, 0.6) + PENALTIES[name].rest(w, 0.4, 0.6, groups)

    assert float(value(jnp.asarray(W), jnp.asarray(GROUPS))) == pytest.approx(value(W, GROUPS), rel=1e-6)  # float32


@pytest.mark.parametrize("name", PENALTIES)
def test_a_numpy_step_stays_in_float64(name):
    assert PENALTIES[name].prox(W, 0.4, 0.6, GROUPS).dtype == np.float64


@pytest.mark.parametrize("name", [name for name, penalty in PENALTIES.items() if penalty.makes_zeros])
def test_from_its_least_strength_on_a_penalty_leaves_no_weight(name):
    largest = PENALTIES[name].least_strength(W, 0.6, GROUPS)
    assert not PENALTIES[name].prox(W, largest * (1 + 1e-12), 0.6, GROUPS).any()
    assert PENALTIES[name].prox(W, largest * (1 - 1e-6), 0.6, GROUPS).any()


@pytest.mark.parametrize("name", [name for name, penalty in PENALTIES.items() if penalty.threshold is not None])
def test_a_penalty_on_single_weights_moves_large_ones_by_its_threshold(name):
    assert 5.0 - PENALTIES[name].prox(np.full((1, 1), 5.0), 0.3, 0.6, np.zeros(1, int)) == pytest.approx(
        PENALTIES[name].threshold(0.3, 0.6)
    )


@pytest.fixture
def half_l1(monkeypatch):
    """Another row of the table: l1 of half its strength."""
    l1 = PENALTIES["l1"]
    half = Penalty(
        smooth=l1.smooth,
        curvature=l1.curvature,
        rest=lambda w, strength, l1_ratio, groups: l1.rest(w, strength / 2, l1_ratio, groups),
        prox=lambda w, step, l1_ratio, groups: l1.prox(w, step / 2, l1_ratio, groups),
        least_strength=lambda gradient, l1_ratio, groups: 2 * l1.least_strength(gradient, l1_ratio, groups),
        threshold=lambda strength, l1_ratio: strength / 2,
    )
    monkeypatch.setitem(PENALTIES, "half_l1", half)
    return Regularization("half_l1")


def test_a_penalty_that_is_added_to_the_table_is_solved(half_l1):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 6))
    problem = Problem(Number.convex, x, x[:, 0] - x[:, 1] + rng.normal(size=80), np.ones(80), 1, GROUPS)
    found, known = solve(problem, half_l1, 0.4, tolerance=1e-10), solve(problem, Regularization("l1"), 0.2, tolerance=1e-10)
    np.testing.assert_allclose(found.w, known.w, atol=1e-9)
    np.testing.assert_allclose(strength_path(problem, half_l1), 2 * strength_path(problem, Regularization("l1")), rtol=1e-12)


def test_a_penalty_that_is_added_to_the_table_guides_steps(half_l1):
    def learned(**penalty):
        options = {"optimization": "sgd", "members": 2, "n_steps": 50, "inspect": False}
        return weights.fit("diabetes", model="linear", **options, **penalty).ensemble.populations[0].params["output"]["w"]

    found, known = learned(penalty="half_l1", strength=0.6), learned(penalty="l1", strength=0.3)
    assert 0 < np.mean(found == 0) < 1
    np.testing.assert_allclose(found, known, atol=1e-6)  # float32


def test_units_longer_than_the_limit_are_shortened_to_it():
    capped = cap_norm(jnp.array([[3.0, 0.3], [4.0, 0.4]]), jnp.float32(1.0))
    np.testing.assert_allclose(capped, [[0.6, 0.3], [0.8, 0.4]], rtol=1e-6)  # float32


def test_a_unit_without_weights_stays_so_under_a_limit():
    assert not cap_norm(jnp.zeros((3, 2)), jnp.float32(1.0)).any()


def mask(rate=0.3, seed=0, step=0, layer=0, n_units=N_UNITS):
    """A dropout mask, shape (n_units,), float64."""
    drawn = dropout_mask((n_units,), jnp.float32(rate), jnp.uint32(seed), jnp.int32(step), layer)
    return np.asarray(drawn, np.float64)


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.5, 0.9])
def test_dropout_silences_the_asked_share_of_units(rate):
    n = 1 << 18
    assert np.mean(mask(rate, n_units=n) == 0) == pytest.approx(rate, abs=5 * (rate * (1 - rate) / n) ** 0.5)  # five binomial deviations


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_keeps_the_mean(rate):
    n = 1 << 18
    assert mask(rate, n_units=n).mean() == pytest.approx(1.0, abs=5 * (rate / (1 - rate) / n) ** 0.5)  # five standard errors


def test_kept_units_are_scaled_by_the_inverse_of_the_share_kept():
    assert np.unique(mask(0.75)).tolist() == [0.0, 4.0]


def test_a_rate_of_zero_keeps_every_unit_as_it_is():
    assert np.all(mask(0.0) == 1.0)


def test_the_same_arguments_give_the_same_mask():
    np.testing.assert_array_equal(mask(seed=3, step=5, layer=1), mask(seed=3, step=5, layer=1))


def test_a_compiled_mask_is_the_same_mask():
    compiled = jax.jit(dropout_mask, static_argnums=(0, 4))((N_UNITS,), jnp.float32(0.3), jnp.uint32(3), jnp.int32(5), 1)
    np.testing.assert_array_equal(compiled, mask(seed=3, step=5, layer=1))


NEIGHBOURS = {
    "steps": lambda i: {"step": i},
    "distant steps": lambda i: {"step": 257 * i},
    "layers": lambda i: {"layer": i},
    "members": lambda i: {"seed": i},
    "members with unlike seeds": lambda i: {"seed": int(np.random.SeedSequence([0, i]).generate_state(1)[0])},
    "layers and steps together": lambda i: {"layer": i % 4, "step": i // 4},
    "members and steps together": lambda i: {"seed": i % 8, "step": i // 8},
}


@pytest.mark.parametrize("between", NEIGHBOURS)
def test_masks_are_uncorrelated_between(between):
    masks = np.stack([mask(**NEIGHBOURS[between](i)) for i in range(48)])
    correlations = np.corrcoef(masks)[np.triu_indices(48, 1)]
    # Of independent masks of n units a correlation has deviation 1 / sqrt(n); five of them leave 1 in 1,500 for 1,128 pairs.
    assert np.abs(correlations).max() < 5 / N_UNITS**0.5


@pytest.mark.parametrize("over", ["steps", "members"])
def test_units_are_uncorrelated_over(over):
    n_masks = 4096
    seeds, steps = (jnp.arange(n_masks) if over == name else jnp.zeros(n_masks, int) for name in ("members", "steps"))
    masks = jax.vmap(lambda seed, step: dropout_mask((40,), jnp.float32(0.3), seed, step, 1))(seeds, steps)
    units = np.asarray(masks, np.float64).T
    assert np.abs(np.corrcoef(units)[np.triu_indices(40, 1)]).max() < 5 / n_masks**0.5  # as above, for 780 pairs


def test_neighbouring_units_of_one_mask_are_uncorrelated():
    n = 1 << 17
    centred = mask(0.5, n_units=n) - 1.0
    lagged = [np.mean(centred[lag:] * centred[:-lag]) for lag in range(1, 300)]
    assert np.abs(lagged).max() < 5 / n**0.5  # as above


def test_triples_of_steps_are_independent():
    n = 1 << 17
    one, two, three = (mask(0.5, step=step, n_units=n) - 1.0 for step in (1, 2, 3))  # 1 ^ 2 = 3, where a weak hash would cancel
    assert abs(np.mean(one * two * three)) < 5 / n**0.5  # as above


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Regularization(dropout=1.0), "dropout must be at least 0 and below 1, but is 1.0"),
        (Regularization(input_dropout=-0.1), "input_dropout must be at least 0 and below 1, but is -0.1"),
        (Regularization(l1_ratio=1.5), "l1_ratio must be between 0 and 1, but is 1.5"),
        (Regularization(strength=-1.0), "strength must be at least 0, but is -1.0"),
        (Regularization(strength=float("inf")), "strength must be at least 0, but is inf"),
        (Regularization(strength=float("nan")), "strength must be at least 0, but is nan"),
        (Regularization(max_norm=0.0), "max_norm must be above zero, but is 0.0"),
        (Regularization(patience=-1), "patience must be at least 0, but is -1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_settings_that_cannot_be_are_named(settings, message):
    assert settings.check() == [message]
