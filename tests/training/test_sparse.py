"""Members solved over sparse inputs."""

import numpy as np
import pytest
import scipy.sparse

from weights.elements.regularization import PENALTIES, Regularization
from weights.tasks.classes import Binary, Multiclass
from weights.tasks.count import Count
from weights.tasks.number import Number
from weights.training.exact import solve, strength_path
from weights.training.problem import Problem
from weights.training.sparse import solve_sparse

RNG = np.random.default_rng(0)
X = (RNG.random((300, 40)) * (RNG.random((300, 40)) < 0.2)).astype(np.float32)
SIGNAL = X @ RNG.normal(size=40) * 2
LOSSES = {
    "binary": (Binary.convex, (SIGNAL + RNG.logistic(size=300) > 0).astype(int), 1),
    "multiclass": (Multiclass.convex, np.digitize(SIGNAL + RNG.normal(size=300), [-0.5, 0.5]), 3),
    "regression": (Number.convex, SIGNAL + RNG.normal(size=300), 1),
    "count": (Count.convex, RNG.poisson(np.exp(SIGNAL / 2)), 1),
}
WEIGHT = RNG.random(300) * (RNG.random(300) < 0.8)
DIGITS = {"rtol": 0.1, "atol": 0.1}
"""The solver stops at a thousandth of the first gradient, where objectives are right to a thousandth or two and weights to about 0.1."""


def pose(task, x, scale=None):
    loss, y, k = LOSSES[task]
    return Problem(loss, x, y, WEIGHT, k, np.arange(40), scale=scale)


def value(task, settings, strength, solution):
    """What a solution is to make small."""
    loss, y, _ = LOSSES[task]
    penalty, of_loss = PENALTIES[settings.penalty], loss.losses(X @ solution.w + solution.b, y)
    smooth = penalty.smooth(solution.w, strength, settings.l1_ratio)
    return np.average(of_loss, weights=WEIGHT) + smooth + penalty.rest(solution.w, strength, settings.l1_ratio, np.arange(40))


@pytest.mark.parametrize("task", LOSSES)
@pytest.mark.parametrize(("penalty", "strength"), [("l2", 0.01), ("l1", 0.003), ("elastic_net", 0.003)])
def test_the_solution_is_that_of_dense_inputs(task, penalty, strength):
    settings = Regularization(penalty=penalty)
    dense = solve(pose(task, X), settings, strength, tolerance=1e-8)
    sparse = solve(pose(task, scipy.sparse.csr_array(X)), settings, strength, tolerance=1e-9)
    assert sparse.solved
    assert value(task, settings, strength, sparse) == pytest.approx(value(task, settings, strength, dense), rel=2e-3)
    np.testing.assert_allclose(sparse.w, dense.w, **DIGITS)
    if penalty != "l2":
        assert ((sparse.w == 0) == (np.abs(dense.w) < 1e-9)).mean() > 0.9


@pytest.mark.parametrize("task", LOSSES)
def test_scaled_inputs_are_penalised_as_they_are_scaled_and_weights_are_those_of_inputs_as_they_are(task):
    k = LOSSES[task][2]
    scale = np.exp(RNG.normal(size=(40, 1))).repeat(k, 1)
    dense = solve(pose(task, X * scale[:, 0]), Regularization(penalty="l2"), 0.01, tolerance=1e-8)
    sparse = solve(pose(task, scipy.sparse.csr_array(X), scale), Regularization(penalty="l2"), 0.01, tolerance=1e-9)
    np.testing.assert_allclose(sparse.w, dense.w * scale, **DIGITS)


@pytest.mark.parametrize("task", LOSSES)
def test_strengths_to_try_begin_where_no_weight_of_the_scaled_inputs_is_left(task):
    k = LOSSES[task][2]
    scale = np.exp(RNG.normal(size=(40, 1))).repeat(k, 1)
    dense = strength_path(pose(task, X * scale[:, 0]), Regularization(penalty="l1"))
    sparse = strength_path(pose(task, scipy.sparse.csr_array(X), scale), Regularization(penalty="l1"))
    np.testing.assert_allclose(sparse, dense, rtol=1e-5)  # Both sum inputs of six digits.


def test_a_solution_nearby_is_where_it_begins():
    problem = pose("multiclass", scipy.sparse.csr_array(X), np.full((40, 3), 3.0))
    problem = problem._replace(weight=WEIGHT / WEIGHT.sum())
    settings = Regularization(penalty="l2")
    first = solve_sparse(problem, settings, 0.01, tolerance=1e-9)
    again = solve_sparse(problem, settings, 0.01, tolerance=1e-9, start=first)
    assert first.n_steps > 5
    assert again.n_steps == 0
    np.testing.assert_allclose(again.w, first.w, rtol=1e-5, atol=1e-6)


def test_inputs_that_are_masked_have_no_weight():
    scale = np.where(np.arange(40) < 5, 0.0, 1.0)[:, None]
    problem = pose("binary", scipy.sparse.csr_array(X), scale)
    start = solve(problem, Regularization(penalty="l2"), 0.01, tolerance=1e-9)
    assert not start.w[:5].any()
    assert start.w[5:].all()
    again = solve(problem, Regularization(penalty="l2"), 0.003, tolerance=1e-9, start=start)
    assert not again.w[:5].any()


def test_rows_of_no_weight_have_no_say():
    some = WEIGHT > 0
    loss, y, k = LOSSES["binary"]
    few = Problem(loss, scipy.sparse.csr_array(X[some]), y[some], WEIGHT[some], k, np.arange(40))
    a, b = (solve(p, Regularization(penalty="l2"), 0.01, tolerance=1e-9) for p in (few, pose("binary", scipy.sparse.csr_array(X))))
    np.testing.assert_allclose(a.w, b.w, **DIGITS)
