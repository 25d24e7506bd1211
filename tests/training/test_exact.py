"""Solved models against scikit-learn, NumPy and the conditions of an optimum."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn
import threadpoolctl
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression, Ridge

from weights.elements.regularization import Regularization
from weights.tasks.classes import Binary, Multiclass
from weights.tasks.number import Number
from weights.training import exact
from weights.training import problem as problems
from weights.training.exact import solve, solve_path, strength_path
from weights.training.problem import Problem

N, P = 120, 6
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, P)) @ (np.eye(P) + 0.4 * RNG.normal(size=(P, P)))
WEIGHT = RNG.uniform(0.2, 3.0, N)
Y = {
    "regression": X @ np.array([1.0, -1.0, 0.5, 0.0, 0.0, 2.0]) + RNG.normal(size=N) + 2,
    "binary": (X[:, 0] - X[:, 1] + RNG.logistic(size=N) > 0).astype(int),
    "multiclass": (X[:, :3] + RNG.gumbel(size=(N, 3))).argmax(1),
}
N_OUTPUTS = {"regression": 1, "binary": 1, "multiclass": 3}
GROUPS = np.array([0, 0, 1, 1, 1, 2])
SPARSE = ("l1", "elastic_net", "group")
TASK_OF = {"regression": Number, "binary": Binary, "multiclass": Multiclass}
KINDS = pytest.mark.parametrize("kind", Y)
TOLERANCE = 1e-10


@pytest.fixture(autouse=True)
def _one_thread():
    """Solve as population.py does, with one thread in BLAS."""
    with threadpoolctl.threadpool_limits(1):
        yield


def problem(kind, x=X, y=None, weight=WEIGHT) -> Problem:
    groups = GROUPS if x.shape[1] == P else np.arange(x.shape[1])
    return Problem(TASK_OF[kind].convex, x, Y[kind] if y is None else y, weight, N_OUTPUTS[kind], groups)


def solution(kind, penalty="none", strength=0.0, *, tolerance=TOLERANCE, start=None, **rows):
    return solve(problem(kind, **rows), Regularization(penalty, l1_ratio=0.4), strength, tolerance=tolerance, start=start)


def numbers(solution):
    return np.vstack([solution.w, solution.b])


def assert_close(found, expected, rtol):
    """Within rtol of the largest expected number."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=rtol * np.abs(expected).max())


def gradient(kind, found, x=X, y=None, weight=WEIGHT):
    """Of the weighted mean loss by weights and biases, shape (p + 1, k), worked apart from the code under test."""
    outputs, y = x @ found.w + found.b, Y[kind] if y is None else y
    if kind == "regression":
        slope = outputs - y[:, None]
    elif kind == "binary":
        slope = 0.5 * (1 + np.tanh(outputs / 2)) - y[:, None]
    else:
        odds = np.exp(outputs - outputs.max(1, keepdims=True))
        slope = odds / odds.sum(1, keepdims=True) - np.eye(3)[y]
    return np.hstack([x, np.ones((len(x), 1))]).T @ (slope * weight[:, None]) / weight.sum()


# Other libraries: both sides solve to 1e-10 of the gradient, and the least curvature here is above 1e-3.


def logistic(strength, *, l1=False):
    """scikit-learn's objective is the sum of weighted losses plus the penalty over C."""
    old = tuple(int(part) for part in sklearn.__version__.split(".")[:2]) < (1, 8)
    penalty = {"penalty": "l1" if l1 else "l2"} if old else {"l1_ratio": float(l1)}
    solver = {"solver": "saga", "random_state": 0} if l1 else {"solver": "newton-cholesky"}
    return LogisticRegression(C=1 / (strength * WEIGHT.sum()), tol=1e-12, max_iter=100_000, **solver, **penalty)


PEERS = {
    "ridge": ("regression", "l2", 0.1, lambda: Ridge(alpha=0.1 * WEIGHT.sum())),
    "lasso": ("regression", "l1", 0.2, lambda: Lasso(alpha=0.2, tol=1e-14, max_iter=100_000)),
    "elastic net": ("regression", "elastic_net", 0.3, lambda: ElasticNet(alpha=0.3, l1_ratio=0.4, tol=1e-14, max_iter=100_000)),
    "logistic l2": ("binary", "l2", 0.05, lambda: logistic(0.05)),
    "logistic l1": ("binary", "l1", 0.03, lambda: logistic(0.03, l1=True)),
    "multinomial l2": ("multiclass", "l2", 0.05, lambda: logistic(0.05)),
    "multinomial l1": ("multiclass", "l1", 0.03, lambda: logistic(0.03, l1=True)),
}


@pytest.mark.parametrize("peer", PEERS)
def test_weights_are_those_of_scikit_learn(peer):
    kind, penalty, strength, make = PEERS[peer]
    theirs = make().fit(X, Y[kind], sample_weight=WEIGHT)
    assert_close(solution(kind, penalty, strength).w, np.atleast_2d(theirs.coef_).T, rtol=1e-6)


@pytest.mark.parametrize("peer", PEERS)
def test_biases_are_those_of_scikit_learn(peer):
    kind, penalty, strength, make = PEERS[peer]
    theirs = make().fit(X, Y[kind], sample_weight=WEIGHT)
    assert_close(solution(kind, penalty, strength).b, np.atleast_1d(theirs.intercept_), rtol=1e-6)


COLLINEAR = {
    "independent": X,
    "a sum of others": np.hstack([X, X[:, :1] + X[:, 1:2]]),
    "a copy": np.hstack([X, X[:, :1]]),
    "a constant": np.hstack([X, np.full((N, 1), 3.0)]),
    "more columns than rows": np.random.default_rng(1).normal(size=(N, N + 30)),
}


@pytest.mark.parametrize("columns", COLLINEAR)
def test_unpenalised_least_squares_is_the_shortest_solution(columns):
    x, root = COLLINEAR[columns], WEIGHT[:, None] ** 0.5
    expected = np.linalg.lstsq(root * np.hstack([x, np.ones((N, 1))]), root[:, 0] * Y["regression"])[0]
    assert_close(numbers(solution("regression", x=x))[:, 0], expected, rtol=1e-9)  # float64, squared condition below 1e6


@KINDS
def test_copied_columns_share_their_weight_equally(kind):
    found = solution(kind, x=COLLINEAR["a copy"])
    assert_close(found.w[-1], found.w[0], rtol=1e-9)


@KINDS
def test_columns_that_are_collinear_but_for_rounding_take_no_longer(kind):
    plain = solution(kind, x=X.astype(np.float32), tolerance=1e-9)
    rounded = solution(kind, x=COLLINEAR["a sum of others"].astype(np.float32), tolerance=1e-9)
    # Three steps without gain end it; a tolerance below the rounding of the columns cannot be reached.
    assert rounded.n_steps <= plain.n_steps + 4


# Optimality


@pytest.mark.parametrize("strength", [0.3, 0.03, 0.003])
@KINDS
def test_a_group_penalty_meets_its_conditions(kind, strength):
    found = solution(kind, "group", strength)
    slope = gradient(kind, found)[:-1]
    for group in range(3):
        w, g = found.w[group == GROUPS], slope[group == GROUPS]
        limit = strength * w.size**0.5
        if w.any():
            # The residual is known to 1e-10 in t - prox(t - g), which near the optimum is about g plus the subgradient.
            np.testing.assert_allclose(g, -limit * w / np.linalg.norm(w), atol=1e-8)
        else:
            assert np.linalg.norm(g) <= limit + 1e-8


@pytest.mark.parametrize("penalty", ["l1", "elastic_net"])
@KINDS
def test_a_sparse_penalty_meets_its_conditions(kind, penalty):
    found = solution(kind, penalty, 0.05)
    limit, pull = (0.05, 0.0) if penalty == "l1" else (0.05 * 0.4, 0.05 * 0.6)
    slope = gradient(kind, found)[:-1] + pull * found.w
    violation = np.where(found.w == 0, np.maximum(np.abs(slope) - limit, 0), slope + limit * np.sign(found.w))
    assert np.abs(violation).max() <= 1e-8  # as above


@pytest.mark.parametrize("penalty", ["none", "l2", *SPARSE])
@KINDS
def test_the_gradient_of_the_free_biases_is_zero(kind, penalty):
    assert np.abs(gradient(kind, solution(kind, penalty, 0.05))[-1]).max() <= 2 * TOLERANCE


@pytest.mark.parametrize("penalty", ["none", "l2", *SPARSE])
@KINDS
def test_the_tolerance_is_reached_and_told(kind, penalty):
    found = solution(kind, penalty, 0.05, tolerance=1e-9)
    assert (found.solved, found.residual <= 1e-9) == (True, True)


@pytest.mark.parametrize("penalty", ["none", "l2"])
@KINDS
def test_the_residual_is_the_largest_entry_of_the_gradient(kind, penalty):
    found = solution(kind, penalty, 0.05, tolerance=1e-4)
    slope = gradient(kind, found)
    slope[:-1] += 0.05 * found.w if penalty == "l2" else 0.0
    assert found.residual == pytest.approx(np.abs(slope).max(), abs=1e-14)  # float64 sums of 120 rows


def test_a_penalised_multinomial_has_weights_that_sum_to_zero():
    np.testing.assert_allclose(numbers(solution("multiclass", "l2", 0.05)).sum(1), 0.0, atol=1e-12)  # float64


# Rows


@pytest.mark.parametrize("penalty", ["none", "l2", *SPARSE])
@KINDS
def test_rows_of_weight_zero_do_not_matter(kind, penalty):
    weight = np.where(np.arange(N) < 20, 0.0, WEIGHT)
    strange = np.vstack([np.full((20, P), np.nan), X[20:]])
    found = solution(kind, penalty, 0.05, x=strange, weight=weight)
    expected = solution(kind, penalty, 0.05, x=X[20:], y=Y[kind][20:], weight=WEIGHT[20:])
    np.testing.assert_array_equal(numbers(found), numbers(expected))


@pytest.mark.parametrize("penalty", ["none", "l2", *SPARSE])
@KINDS
def test_rows_that_all_come_twice_change_nothing(kind, penalty):
    twice = {"x": np.vstack([X, X]), "y": np.tile(Y[kind], 2), "weight": np.tile(WEIGHT, 2)}
    found, expected = solution(kind, penalty, 0.05, **twice), solution(kind, penalty, 0.05)
    assert_close(numbers(found), numbers(expected), rtol=1e-6)  # 1e-10 of the gradient over a curvature above 1e-3


@KINDS
def test_a_row_that_comes_twice_is_a_row_of_twice_the_weight(kind):
    twice = {"x": np.vstack([X, X[:30]]), "y": np.append(Y[kind], Y[kind][:30]), "weight": np.append(WEIGHT, WEIGHT[:30])}
    expected = solution(kind, "l2", 0.05, weight=np.where(np.arange(N) < 30, 2, 1) * WEIGHT)
    assert_close(numbers(solution(kind, "l2", 0.05, **twice)), numbers(expected), rtol=1e-6)  # as above


@KINDS
def test_inputs_are_not_changed(kind):
    given = problem(kind)
    before = [np.copy(array) for array in (given.x, given.y, given.weight)]
    solve(given, Regularization("l1"), 0.05, tolerance=TOLERANCE)
    assert all(np.array_equal(was, now) for was, now in zip(before, (given.x, given.y, given.weight), strict=True))


@KINDS
def test_rows_in_several_blocks_give_the_same(kind, monkeypatch):
    expected = solution(kind, "l2", 0.05)
    monkeypatch.setattr(problems, "BLOCK", 50)
    monkeypatch.setattr(problems, "MOST_COPIED", 0)
    assert_close(numbers(solution(kind, "l2", 0.05)), numbers(expected), rtol=1e-6)  # as above


# Ways to the same place


@pytest.mark.parametrize(("penalty", "strength"), [("none", 0.0), ("l2", 0.05), ("l1", 0.0)])
@KINDS
def test_conjugate_gradients_end_where_newton_does(kind, penalty, strength, monkeypatch):
    expected = solution(kind, penalty, strength)
    monkeypatch.setattr(exact, "LARGEST_DENSE", 0)
    monkeypatch.setattr(exact, "second_derivative", None)  # would fail if it were still called
    assert_close(numbers(solution(kind, penalty, strength, tolerance=1e-9)), numbers(expected), rtol=1e-5)  # 1e-9 over 1e-3


@pytest.mark.parametrize("kind", ["binary", "multiclass"])  # least squares take one step
def test_a_second_derivative_that_is_kept_serves_problems_nearby_and_changes_nothing(kind, monkeypatch):
    monkeypatch.setattr(exact, "WORTH_KEEPING", 0)  # as on wide tables
    monkeypatch.setattr(exact, "_MOST_STEPS_SAVED", 100)
    draws = np.random.default_rng(3).multinomial(N, WEIGHT / WEIGHT.sum(), size=2).astype(float)
    nearby = solution(kind, "l2", 0.05, weight=draws[0])
    assert nearby.second is not None
    expected = solution(kind, "l2", 0.03, weight=draws[1])
    monkeypatch.setattr(exact, "_solve_by_newton", None)  # would fail if it were still called
    warm = solution(kind, "l2", 0.03, weight=draws[1], start=nearby)
    assert warm.solved
    assert_close(numbers(warm), numbers(expected), rtol=1e-6)  # as above


def test_squares_stand_in_for_a_second_derivative_of_many_unknowns_and_save_products(monkeypatch):
    """Inputs whose deviations lie a hundred times apart: without them the gradient's measure is a thousand times off."""
    x, counted = X * np.geomspace(0.1, 10.0, P), []
    expected, multiply = solution("multiclass", "l2", 1e-4, x=x), exact.curve
    monkeypatch.setattr(exact, "LARGEST_DENSE", P + 1)
    monkeypatch.setattr(exact, "curve", lambda *given: counted.append(1) or multiply(*given))
    assert_close(numbers(solution("multiclass", "l2", 1e-4, x=x)), numbers(expected), rtol=1e-6)  # as above
    n_with = len(counted)
    monkeypatch.setattr(exact, "LARGEST_DENSE", 0)
    solution("multiclass", "l2", 1e-4, x=x)
    assert n_with < 0.5 * (len(counted) - n_with)


@pytest.mark.parametrize("strength", [0.0, 0.05])
@KINDS
def test_conjugate_gradients_reach_the_default_tolerance(kind, strength, monkeypatch):
    monkeypatch.setattr(exact, "LARGEST_DENSE", 0)
    turns = [np.random.default_rng(seed).normal(size=(P, P)) for seed in range(20)]
    unsolved = [seed for seed, turn in enumerate(turns) if not solution(kind, "l2", strength, x=X @ turn, tolerance=1e-9).solved]
    assert unsolved == []


@pytest.mark.parametrize("penalty", ["none", "l2", *SPARSE])
@KINDS
def test_a_warm_start_changes_nothing_beyond_the_tolerance(kind, penalty):
    start = solution(kind, "l2", 1.0)
    assert_close(numbers(solution(kind, penalty, 0.05, start=start)), numbers(solution(kind, penalty, 0.05)), rtol=1e-6)  # as above


@pytest.mark.parametrize("penalty", ["l2", *SPARSE])
@KINDS
def test_a_solution_as_its_own_start_takes_no_step(kind, penalty):
    assert solution(kind, penalty, 0.05, start=solution(kind, penalty, 0.05)).n_steps == 0


@pytest.mark.parametrize("penalty", SPARSE)
@KINDS
def test_a_strength_of_zero_is_no_penalty(kind, penalty):
    np.testing.assert_array_equal(numbers(solution(kind, penalty, 0.0)), numbers(solution(kind)))


def test_an_elastic_net_without_l1_is_ridge():
    found = solve(problem("binary"), Regularization("elastic_net", l1_ratio=0.0), 0.1, tolerance=TOLERANCE)
    assert_close(numbers(found), numbers(solution("binary", "l2", 0.1)), rtol=1e-6)  # as above


# Paths


@pytest.mark.parametrize("penalty", SPARSE)
@KINDS
def test_the_first_strength_of_a_path_leaves_no_weight(kind, penalty):
    strength = strength_path(problem(kind), Regularization(penalty, l1_ratio=0.4))[0]
    assert not solution(kind, penalty, strength).w.any()


@pytest.mark.parametrize("penalty", SPARSE)
@KINDS
def test_slightly_less_than_the_first_strength_leaves_some_weight(kind, penalty):
    strength = strength_path(problem(kind), Regularization(penalty, l1_ratio=0.4))[0]
    assert solution(kind, penalty, 0.999 * strength).w.any()


@pytest.mark.parametrize("penalty", SPARSE)
def test_a_path_falls_to_a_thousandth(penalty):
    strengths = strength_path(problem("binary"), Regularization(penalty), n_strengths=7)
    np.testing.assert_allclose(strengths / strengths[0], np.geomspace(1, 1e-3, 7), rtol=1e-12)


def test_a_ridge_path_falls_from_three():
    np.testing.assert_allclose(strength_path(problem("binary"), Regularization("l2")), np.geomspace(3, 1e-5, 10), rtol=1e-12)


@pytest.mark.parametrize("penalty", ["l2", *SPARSE])
@KINDS
def test_solutions_along_a_path_are_those_of_each_strength(kind, penalty):
    strengths = np.array([0.3, 0.1, 0.03])
    path = [*solve_path(problem(kind), Regularization(penalty, l1_ratio=0.4), strengths, tolerance=TOLERANCE)]
    expected = [numbers(solution(kind, penalty, strength)) for strength in strengths]
    assert_close(np.stack([numbers(found) for found in path]), np.stack(expected), rtol=1e-6)  # as above


@KINDS
def test_a_path_may_start_from_a_solution_nearby_and_then_takes_fewer_steps(kind):
    strengths, regularization = np.array([0.1]), Regularization("l2")
    nearby = solution(kind, "l2", 0.11)
    [cold], [warm] = ([*solve_path(problem(kind), regularization, strengths, tolerance=TOLERANCE, start=start)] for start in (None, nearby))
    assert_close(numbers(warm), numbers(cold), rtol=1e-6)  # as above
    assert warm.n_steps < cold.n_steps or cold.n_steps == 1  # least squares are one system


# What cannot be solved

SEPARABLE = {"binary": (X[:, 0] > 0).astype(int), "multiclass": np.digitize(X[:, 0], [-0.5, 0.5])}


@pytest.mark.parametrize("largest_dense", [2_500, 0], ids=["newton", "conjugate gradients"])
@pytest.mark.parametrize("kind", SEPARABLE)
def test_separable_classes_without_a_penalty_give_finite_weights(kind, largest_dense, monkeypatch):
    monkeypatch.setattr(exact, "LARGEST_DENSE", largest_dense)
    assert np.isfinite(numbers(solution(kind, y=SEPARABLE[kind]))).all()


@pytest.mark.parametrize("tolerance", [1e-6, 1e-9, 1e-13])
@pytest.mark.parametrize("kind", SEPARABLE)
def test_separable_classes_count_as_solved_only_within_tolerance(kind, tolerance):
    found = solution(kind, y=SEPARABLE[kind], tolerance=tolerance)
    assert found.solved == (np.abs(gradient(kind, found, y=SEPARABLE[kind])).max() <= 1.01 * tolerance)


@pytest.mark.parametrize("penalty", ["l2", *SPARSE])
@pytest.mark.parametrize("kind", SEPARABLE)
def test_separable_classes_are_solved_under_a_small_penalty(kind, penalty):
    assert solution(kind, penalty, 1e-4, y=SEPARABLE[kind], tolerance=1e-9).solved


@pytest.mark.parametrize("penalty", ["none", "l1"])
def test_too_few_steps_are_told(penalty, monkeypatch):
    monkeypatch.setattr(exact, "_MOST_STEPS", 2)
    found = solution("binary", penalty, 0.01)
    assert (found.solved, found.n_steps) == (False, 2)


@pytest.mark.parametrize("strength", [0.0, 1e-5])
@pytest.mark.parametrize("kind", SEPARABLE)
def test_sharp_classes_on_inputs_with_heavy_tails_are_solved(kind, strength):
    unsolved = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x = rng.standard_t(1.5, size=(N, P))
        x = (x - x.mean(0)) / x.std(0)
        sums = x @ (5 * rng.normal(size=(P, 3))) + rng.gumbel(size=(N, 3))
        y = sums.argmax(1) if kind == "multiclass" else (sums[:, 0] > sums[:, 1]).astype(int)
        if not solution(kind, "l2", strength, x=x, y=y, tolerance=1e-9).solved:
            unsolved.append(seed)
    assert unsolved == []


def test_large_inputs_are_solved_without_overflow():
    found = solution("binary", "l2", 0.05, x=1e3 * X)
    assert np.isfinite(numbers(found)).all()


@KINDS
@pytest.mark.parametrize("strength", [0.1, 1e-4])
def test_fewer_rows_than_inputs_are_solved_in_the_space_of_the_rows(kind, strength):
    """The optimum is where the gradient of the whole problem vanishes, whatever space it was found in."""
    x, weight = np.random.default_rng(3).normal(size=(N, 3 * N)), WEIGHT * (np.arange(N) % 10 > 0)
    found = solution(kind, "l2", strength, x=x, weight=weight)
    slope = gradient(kind, found, x=x, weight=weight)
    slope[:-1] += strength * found.w
    assert found.solved
    assert np.abs(slope).max() <= TOLERANCE


def test_of_many_solutions_without_penalty_the_shortest_is_found():
    x = np.random.default_rng(4).normal(size=(20, 50))
    y, weight = x[:, 0] - 2 * x[:, 1], np.ones(20)
    found = solution("regression", x=x, y=y, weight=weight)
    assert_close(numbers(found)[:, 0], np.linalg.pinv(np.hstack([x, np.ones((20, 1))])) @ y, 1e-6)


def test_a_path_in_the_space_of_the_rows_ends_where_a_single_solve_does():
    x = np.random.default_rng(5).normal(size=(N, 2 * N))
    path = [*solve_path(problem("binary", x=x), Regularization("l2"), np.array([1.0, 0.1, 0.01]), tolerance=TOLERANCE)]
    assert_close(numbers(path[-1]), numbers(solution("binary", "l2", 0.01, x=x)), 1e-6)


def test_inputs_of_scales_far_apart_are_solved_alike():
    scales = np.array([1.0, 1e8, 1.0, 1e-4, 1.0, 1.0])
    problem = Problem(Number("y").convex, X * scales, Y["regression"], WEIGHT, 1, GROUPS)
    found = solve(problem, Regularization(penalty="none"), 0.0, tolerance=1e-12)
    plain = solve(problem._replace(x=X), Regularization(penalty="none"), 0.0, tolerance=1e-12)
    np.testing.assert_allclose(found.w[:, 0] * scales, plain.w[:, 0], rtol=1e-5)
