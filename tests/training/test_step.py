"""Training steps against gradient descent written by hand, and the promises of the compiled program."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from weights.data.inputs import Inputs, table_layout
from weights.models.embedding import find_knots, learned
from weights.spec import Spec, check, program_spec, varying_values, with_settings
from weights.tasks.classes import Binary, Multiclass
from weights.tasks.number import Number
from weights.training.health import name_measurements
from weights.training.step import Info, Member, Program, Shared, State, member_program

N, P = 60, 4
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, P)) @ (np.eye(P) + 0.3 * RNG.normal(size=(P, P)))
WEIGHT = RNG.uniform(0.0, 2.0, N)
Y = {
    "regression": X @ np.array([1.0, -2.0, 0.5, 0.0]) + 0.7 + 0.5 * RNG.normal(size=N),
    "binary": (X[:, 0] > RNG.normal(size=N)).astype(int),
    "multiclass": (X[:, :3] + RNG.gumbel(size=(N, 3))).argmax(1),
}
TASK_OF = {"regression": Number, "binary": Binary, "multiclass": Multiclass}
N_OUTPUTS = {"regression": 1, "binary": 1, "multiclass": 3}
GROUPS = np.array([0, 1, 1, 2])
ALL_ROWS = np.arange(N)[None]
MOST_STEPS = 60

PLAIN = {"model": "linear", "optimization": "sgd", "schedule": "constant", "warmup": 0.0, "learning_rate": 0.1}
PLAIN |= {"clip_norm": None, "strength": 0.0, "dropout": 0.0}
NETWORK = PLAIN | {"model": "mlp", "hidden": "8,6", "activation": "tanh"}
FROZEN = NETWORK | {"freeze": "hidden.0,output", "optimization": "adamw", "penalty": "l1", "strength": 0.1}
LIMITED = NETWORK | {"activation": "relu", "penalty": "l1", "strength": 1e-9, "scope": "input", "max_norm": 0.7}
EMBEDDED = NETWORK | {"hidden": "8", "embedding": "piecewise", "n_bins": 6, "embedding_size": 3, "mask": "third"}
EMBEDDED |= {"penalty": "group", "strength": 0.2}
RICH = NETWORK | {
    "hidden": "8",
    "optimization": "adamw",
    "schedule": "cosine",
    "warmup": 0.2,
    "clip_norm": 5.0,
    "noise": 0.01,
    "strength": 0.01,
    "averaging": 8.0,
}
RICH |= {"dropout": 0.2, "input_dropout": 0.1, "penalty": "elastic_net", "max_norm": 3.0, "learning_rate": 0.01}

# Float32 rounds each of some ten steps to about 1e-7 of numbers near one.
CLOSE = {"rtol": 1e-5, "atol": 2e-6}


class Run(NamedTuple):
    """A member at work on the rows above."""

    program: Program
    shared: Shared
    member: Member
    state: State

    def advance(self, n_steps, *, state=None, rows=ALL_ROWS, run_length=None):
        """State, info and outputs for all rows after n_steps, whose batches are `rows`, over and over."""
        rows = np.resize(rows, (MOST_STEPS, rows.shape[1])).astype(np.int32)  # one shape, so that programs compile once
        length, judged = np.float32(run_length or n_steps), jnp.asarray(ALL_ROWS, jnp.int32)
        return self.program.advance(
            self.state if state is None else state, self.shared, self.member, jnp.asarray(rows), np.int32(n_steps), length, judged
        )

    def measure(self, *, state=None):
        """What is measured of a state, by name; the batch and the rows that are looked at are all there are, twice."""
        twice = jnp.asarray(np.resize(ALL_ROWS[0], 2 * N), jnp.int32)
        state = self.state if state is None else state
        return name_measurements(self.program.measure(state, self.shared, self.member, twice, np.float32(MOST_STEPS), twice))


def begin(settings, *, kind="regression", seed=0, used=(1, 1, 1, 1)) -> Run:
    spec = check(with_settings(Spec(), settings))
    program = member_program(spec, TASK_OF[kind].functions, table_layout(P, N_OUTPUTS[kind], (0, 3)))
    y = jnp.asarray(Y[kind], jnp.float32 if kind == "regression" else jnp.int32)
    groups, used = jnp.asarray(GROUPS, jnp.int32), jnp.asarray(used, jnp.float32)
    shared = Shared(Inputs({"x": jnp.asarray(X, jnp.float32)}), y, jnp.asarray(WEIGHT, jnp.float32), groups, used)
    member = Member(jnp.uint32(seed), {name: jnp.float32(value) for name, value in varying_values(spec).items()})
    knots = jnp.asarray(find_knots(X[:, [0, 3]], getattr(spec.model, "n_bins", None) or 0))
    return Run(program, shared, member, program.start(shared.inputs, knots, groups, used, member))


def weights_of(state):
    return jax.tree.map(lambda a: np.asarray(a, np.float64), state.params["output"])


def assert_same(one, two):
    jax.tree.map(np.testing.assert_array_equal, one, two)


# By hand


def residuals(kind, outputs):
    """Derivative of each row's loss by its outputs, shape (n, k)."""
    if kind == "regression":
        return outputs - Y[kind][:, None]
    if kind == "binary":
        return 1 / (1 + np.exp(-outputs)) - Y[kind][:, None]
    exponentials = np.exp(outputs)
    return exponentials / exponentials.sum(1, keepdims=True) - np.eye(3)[Y[kind]]


def soften(w, threshold):
    return np.sign(w) * np.maximum(np.abs(w) - threshold, 0)


def soften_groups(w, threshold):
    w = w.copy()
    for group in np.unique(GROUPS):
        rows = group == GROUPS
        w[rows] *= max(1 - threshold * w[rows].size ** 0.5 / np.linalg.norm(w[rows]), 0)
    return w


def descend(layer, rates, kind="regression", pull=0.0, prox=lambda w, rate: w):
    """Gradient descent on the weighted mean loss plus pull / 2 * |w|^2, with a proximal step after each step."""
    w, b = layer["w"], layer["b"]
    for rate in rates:
        slope = WEIGHT[:, None] * residuals(kind, X @ w + b) / N
        w, b = prox(w - rate * (X.T @ slope + pull * w), rate), b - rate * slope.sum(0)
    return {"w": w, "b": b}


@pytest.mark.parametrize("kind", N_OUTPUTS)
def test_plain_sgd_is_gradient_descent(kind):
    run = begin(PLAIN, kind=kind)
    found, expected = weights_of(run.advance(10)[0]), descend(weights_of(run.state), [0.1] * 10, kind)
    jax.tree.map(lambda f, e: np.testing.assert_allclose(f, e, **CLOSE), found, expected)


@pytest.mark.parametrize(
    ("penalty", "by_hand"),
    [
        ("none", {}),
        ("l2", {"pull": 0.4}),
        ("l1", {"prox": lambda w, rate: soften(w, rate * 0.4)}),
        ("elastic_net", {"pull": 0.4 * 0.7, "prox": lambda w, rate: soften(w, rate * 0.4 * 0.3)}),
        ("group", {"prox": lambda w, rate: soften_groups(w, rate * 0.4)}),
    ],
)
def test_a_penalty_pulls_or_takes_its_proximal_step(penalty, by_hand):
    run = begin(PLAIN | {"penalty": penalty, "strength": 0.4, "l1_ratio": 0.3})
    found, expected = weights_of(run.advance(10)[0]), descend(weights_of(run.state), [0.1] * 10, **by_hand)
    np.testing.assert_allclose(found["w"], expected["w"], **CLOSE)


def test_a_proximal_step_leaves_exact_zeros():
    run = begin(PLAIN | {"penalty": "l1", "strength": 10.0})
    assert not weights_of(run.advance(30)[0])["w"].any()


def test_the_length_of_steps_follows_the_schedule_over_the_run():
    run = begin(PLAIN | {"schedule": "linear", "warmup": 0.2})
    rates = 0.1 * np.array([0.0, 0.5, 1.0, 7 / 8, 6 / 8, 5 / 8, 4 / 8])  # the first seven steps of ten
    found, expected = weights_of(run.advance(7, run_length=10)[0]), descend(weights_of(run.state), rates)
    np.testing.assert_allclose(found["w"], expected["w"], **CLOSE)


def test_the_recorded_learning_rate_is_that_of_the_last_step():
    info = begin(PLAIN | {"schedule": "linear", "warmup": 0.2}).advance(7, run_length=10)[1]
    assert info.learning_rate == pytest.approx(0.1 * 4 / 8, rel=1e-6)  # float32


def test_a_long_gradient_is_clipped():
    run = begin(PLAIN | {"clip_norm": 0.5})
    change = jax.tree.map(np.subtract, weights_of(run.advance(1)[0]), weights_of(run.state))
    assert np.sqrt(sum(np.sum(c**2) for c in change.values())) == pytest.approx(0.1 * 0.5, rel=1e-4)  # a difference in float32


def test_rows_of_weight_zero_teach_nothing():
    run, moved = begin(PLAIN), np.where(np.arange(N) < 20, 100.0, 0.0)
    silent = run.shared._replace(weight=run.shared.weight.at[:20].set(0.0))
    noisy = silent._replace(y=silent.y + jnp.asarray(moved, jnp.float32))
    assert_same(run._replace(shared=noisy).advance(5)[0], run._replace(shared=silent).advance(5)[0])


# Accumulation


@pytest.mark.parametrize("penalty", ["l2", "l1", "group"])
def test_accumulated_batches_make_one_step_on_their_mean_gradient(penalty):
    settings = PLAIN | {"penalty": penalty, "strength": 0.3}
    parts = begin(settings | {"accumulate": 3}).advance(3, rows=np.arange(N).reshape(3, 20))[0]
    whole = begin(settings).advance(1)[0]
    np.testing.assert_allclose(weights_of(parts)["w"], weights_of(whole)["w"], **CLOSE)


def test_weights_rest_while_batches_accumulate():
    run = begin(PLAIN | {"accumulate": 3, "penalty": "l1", "strength": 0.3})
    assert_same(run.advance(2, rows=np.arange(N).reshape(3, 20))[0].params, run.state.params)


# Limits


@pytest.mark.parametrize("layer", ["hidden.0", "output"])
def test_a_frozen_layer_keeps_its_first_weights(layer):
    run = begin(FROZEN)
    assert_same(run.advance(5)[0].params[layer], run.state.params[layer])


def test_a_layer_that_is_not_frozen_moves():
    run = begin(FROZEN)
    assert not np.any(run.advance(5)[0].params["hidden.1"]["w"] == run.state.params["hidden.1"]["w"])


INPUT_ROWS = np.array([0, 1, 2, 3, 0, 0, 0, 3, 3, 3])  # four inputs, and three features each of numbers 0 and 3


@pytest.mark.parametrize("steps", [0, 5])
def test_a_masked_input_has_no_weight(steps):
    w = begin(EMBEDDED, used=(1, 1, 1, 0)).advance(steps)[0].params["hidden.0"]["w"]
    np.testing.assert_array_equal(np.any(w, axis=1), INPUT_ROWS != 3)


def test_a_group_penalty_silences_all_rows_of_a_feature_together():
    w = begin(EMBEDDED | {"learning_rate": 0.2}).advance(MOST_STEPS)[0].params["hidden.0"]["w"]
    alive = {(int(feature), bool(row.any())) for feature, row in zip(GROUPS[INPUT_ROWS], np.asarray(w), strict=True)}
    assert alive == {(0, True), (1, True), (2, False)}  # the target does not depend on the last input


def test_no_hidden_unit_grows_beyond_the_norm_limit():
    params = begin(LIMITED | {"learning_rate": 0.5}).advance(20)[0].params
    longest = max(np.linalg.norm(params[layer]["w"], axis=0).max() for layer in ("hidden.0", "hidden.1"))
    assert longest == pytest.approx(0.7, rel=1e-6)  # float32; some unit does reach it


def test_a_penalty_on_inputs_alone_spares_later_layers():
    params = begin(LIMITED | {"strength": 100.0}).advance(3)[0].params
    assert [layer for layer in params if not params[layer]["w"].any()] == ["hidden.0"]


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_edges_of_bins_are_never_learned(optimizer):
    run = begin(EMBEDDED | {"optimization": optimizer, "weight_decay": 1.0})
    state = run.advance(5)[0]
    for tree in (state.params, state.mean):
        assert_same(tree["embedding"]["knots"], run.state.params["embedding"]["knots"])
    assert not np.any(state.params["embedding"]["w"] == run.state.params["embedding"]["w"])


# Averaging


def test_the_weights_that_answer_are_the_weighted_sum_of_those_of_all_steps():
    run = begin(PLAIN | {"averaging": 2.0})
    layers = [descend(weights_of(run.state), [0.1] * steps) for steps in range(1, 11)]
    counts = np.array([(t + 1) * (t + 2) for t in range(10)], float)  # the closed form of Shamir and Zhang 2013
    found = run.advance(10)[0].mean["output"]
    for part in ("w", "b"):
        np.testing.assert_allclose(found[part], np.average([layer[part] for layer in layers], axis=0, weights=counts), **CLOSE)


def test_averaging_does_not_touch_the_weights_that_learn():
    assert_same(begin(PLAIN | {"averaging": 2.0}).advance(10)[0].params, begin(PLAIN).advance(10)[0].params)


def test_without_averaging_the_weights_that_learn_answer():
    state = begin(PLAIN | {"averaging": 0.0}).advance(10)[0]
    assert_same(state.mean, state.params)


def test_judged_rows_are_answered_by_the_average():
    state, _, outputs = begin(PLAIN | {"averaging": 2.0}).advance(5)
    layer = state.mean["output"]
    np.testing.assert_allclose(outputs[0], X @ np.asarray(layer["w"]) + np.asarray(layer["b"]), **CLOSE)


# Limited-memory BFGS


@pytest.mark.parametrize(("used", "clip_norm"), [((1, 1, 1, 1), 5.0), ((1, 0, 1, 1), None)], ids=["clipped", "masked"])
def test_lbfgs_finds_the_exact_solution_of_a_ridge_problem(used, clip_norm):
    settings = {"optimization": "lbfgs", "strength": 0.1, "clip_norm": clip_norm, "mask": "" if all(used) else "second"}
    found = weights_of(begin(PLAIN | settings, used=used).advance(60)[0])
    x1 = np.hstack([X * np.asarray(used), np.ones((N, 1))])
    share = WEIGHT / WEIGHT.sum()  # all rows at once: the weighted mean, as the exact solver has it
    curvature = (x1 * share[:, None]).T @ x1 + 0.1 * np.diag([1, 1, 1, 1, 0])
    expected = np.linalg.solve(curvature, x1.T @ (share * Y["regression"]))
    # In float32 a gradient near zero is known to 1e-6, and the least curvature here is 0.2.
    np.testing.assert_allclose([*found["w"][:, 0], *found["b"]], expected, atol=1e-5)


# What is told


def test_the_step_at_which_the_loss_overflowed_is_recorded():
    info = begin(PLAIN | {"learning_rate": 1e25}).advance(6)[1]
    assert info.diverged_at == 1  # the first step sends weights to 1e25, whose squared loss is beyond float32


def test_the_step_of_divergence_counts_from_the_start_of_training():
    run = begin(PLAIN)
    state = run.advance(4)[0]
    broken = run._replace(shared=run.shared._replace(y=run.shared.y.at[0].set(jnp.inf)))
    assert broken.advance(6, state=state)[1].diverged_at == 4


def test_healthy_training_records_no_divergence():
    assert begin(PLAIN).advance(6)[1].diverged_at == -1


def test_the_recorded_loss_is_the_mean_over_the_steps():
    run = begin(PLAIN)
    layers = [descend(weights_of(run.state), [0.1] * steps) for steps in range(3)]
    losses = [np.mean(WEIGHT * 0.5 * (X @ layer["w"] + layer["b"] - Y["regression"][:, None])[:, 0] ** 2) for layer in layers]
    assert run.advance(3)[1].loss == pytest.approx(np.mean(losses), rel=1e-5)  # float32


@pytest.mark.parametrize(
    ("penalty", "value"),
    [
        ("none", lambda w: 0.0),
        ("l1", lambda w: 0.4 * np.abs(w).sum()),
        ("l2", lambda w: 0.2 * np.sum(w**2)),
        ("elastic_net", lambda w: 0.4 * (0.3 * np.abs(w).sum() + 0.35 * np.sum(w**2))),
        ("group", lambda w: 0.4 * (abs(w[0, 0]) + 2**0.5 * np.linalg.norm(w[1:3]) + abs(w[3, 0]))),
    ],
)
def test_the_recorded_penalty_is_that_of_the_last_weights(penalty, value):
    run = begin(PLAIN | {"penalty": penalty, "strength": 0.4, "l1_ratio": 0.3})
    state = run.advance(10)[0]
    assert run.measure(state=state)["penalty"] == pytest.approx(value(weights_of(state)["w"]), rel=1e-5)  # float32


def test_the_recorded_share_of_zeros_is_that_of_the_last_weights():
    run = begin(PLAIN | {"penalty": "l1", "strength": 0.4, "l1_ratio": 0.3})
    state = run.advance(60)[0]
    assert run.measure(state=state)["output/zeros"] == np.mean(weights_of(state)["w"] == 0) > 0


def test_the_share_of_dead_units_is_recorded():
    run = begin(LIMITED | {"learning_rate": 1e-6, "max_norm": 1e3})
    first = run.state.params["hidden.0"]
    params = run.state.params | {"hidden.0": first | {"b": first["b"].at[:4].set(-100.0)}}
    dead = run.measure(state=run.state._replace(mean=params))["hidden.0/dead"]
    assert dead == run.measure()["hidden.0/dead"] + 4 / 8


@pytest.mark.parametrize("settings", [PLAIN, NETWORK, RICH, EMBEDDED], ids=["linear", "network", "rich", "embedded"])
def test_the_step_that_is_tried_is_the_one_that_would_follow(settings):
    run = begin(settings | {"dropout": 0.0, "input_dropout": 0.0, "noise": 0.0, "schedule": "constant", "warmup": 0.0})
    state = run.advance(4)[0]
    after = run.advance(1, state=state)[0]
    seen = run.measure(state=state)
    for layer, params in learned(state.params).items():
        change, own = (
            np.sqrt(sum(np.sum(np.square(part)) for part in parts))
            for parts in (
                [np.asarray(after.params[layer][k] - params[k], float) for k in params],
                [np.asarray(params[k], float) for k in params],
            )
        )
        assert seen[f"{layer}/update_ratio"] == pytest.approx(change / own, rel=1e-3)  # float32, differences of near numbers


def test_judged_rows_are_predicted_by_the_last_weights_without_dropout():
    state, _, outputs = begin(PLAIN | {"input_dropout": 0.5}).advance(5)
    layer = weights_of(state)
    np.testing.assert_allclose(outputs[0], X @ layer["w"] + layer["b"], **CLOSE)


# What the compiled program promises


def test_the_same_arguments_give_the_same_bits():
    assert_same(begin(RICH).advance(10), begin(RICH).advance(10))


def test_ten_steps_are_four_and_then_six():
    run = begin(RICH)
    rows = np.random.default_rng(1).integers(0, N, (10, N))
    four = run.advance(4, rows=rows[:4], run_length=10)[0]
    six = run.advance(6, rows=rows[4:], run_length=10, state=four)[0]
    assert_same(six, run.advance(10, rows=rows)[0])


def test_rows_beyond_the_number_of_steps_are_not_used():
    run = begin(RICH)
    rows = np.random.default_rng(1).integers(0, N, (10, N))
    other = np.vstack([rows[:4], np.zeros((6, N), int)])
    assert_same(run.advance(4, rows=rows, run_length=10)[0], run.advance(4, rows=other, run_length=10)[0])


@pytest.mark.parametrize("settings", [PLAIN, RICH], ids=["linear", "network"])
def test_another_seed_starts_from_other_weights(settings):
    one, two = (begin(settings, seed=seed).state.params["output"]["w"] for seed in (0, 1))
    assert not np.any(np.asarray(one == two))


def test_members_that_differ_in_numbers_share_one_compilation():
    others = {"learning_rate": 0.02, "weight_decay": 0.3, "strength": 0.5, "l1_ratio": 0.9, "dropout": 0.4, "input_dropout": 0.3}
    others |= {"averaging": 2.0, "max_norm": 1.0, "clip_norm": 0.1, "noise": 0.5, "seed": 5, "n_members": 3, "n_steps": 77, "patience": 2}
    one, two = begin(RICH), begin(RICH | others, seed=9)
    one.advance(10)
    two.advance(7, run_length=33)
    assert two.program.advance._cache_size() == 1


def test_specs_of_one_program_spec_get_the_same_program():
    one, two = (check(with_settings(Spec(), RICH | {"learning_rate": rate})) for rate in (0.1, 0.2))
    assert program_spec(one) == program_spec(two)
    assert member_program(one, Binary.functions, table_layout(4, 1)) is member_program(two, Binary.functions, table_layout(4, 1))


def test_every_recorded_number_is_a_single_finite_number():
    run = begin(RICH)
    state, info, _ = run.advance(10)
    assert [np.shape(value) == () and bool(np.isfinite(value)) for value in info] == [True] * len(Info._fields)
    assert all(np.isfinite(value) for value in run.measure(state=state).values())
