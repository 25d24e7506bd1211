"""The derivatives of mean losses against differences, however rows are held."""

import numpy as np
import pytest

from weights.tasks.classes import Binary, Multiclass
from weights.tasks.count import Count
from weights.tasks.number import Number
from weights.training import problem as problems
from weights.training.problem import Problem, curve, evaluate, mean_loss, second_derivative, used_rows

N, P = 60, 4
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, P))
WEIGHT = RNG.multinomial(N, np.full(N, 1 / N)).astype(float)  # some rows have none
CASES = {
    "number": (Number, RNG.normal(size=N), 1),
    "binary": (Binary, RNG.integers(0, 2, N), 1),
    "multiclass": (Multiclass, RNG.integers(0, 3, N), 3),
    "count": (Count, RNG.poisson(2.0, N).astype(float), 1),
}


@pytest.fixture(params=CASES)
def case(request):
    """A problem and a place where it is looked at."""
    task, y, n_outputs = CASES[request.param]
    return used_rows(Problem(task.convex, X, y, WEIGHT, n_outputs, np.arange(P))), RNG.normal(size=(P + 1, n_outputs)) * 0.3


def test_the_gradient_is_the_slope_of_the_mean_loss(case):
    problem, theta = case
    loss, gradient, _ = evaluate(problem, theta)
    assert loss == pytest.approx(mean_loss(problem, theta), rel=1e-12)
    step = 1e-6 * np.eye(theta.size).reshape(-1, *theta.shape)
    slopes = [(mean_loss(problem, theta + each) - mean_loss(problem, theta - each)) / 2e-6 for each in step]
    np.testing.assert_allclose(gradient.ravel(), slopes, atol=1e-8)  # rounding, 1e-15 over 1e-6, and third derivatives


def test_the_second_derivative_is_the_slope_of_the_gradient_and_its_product_needs_no_matrix(case):
    problem, theta = case
    second, towards = second_derivative(problem, evaluate(problem, theta)[2]), RNG.normal(size=theta.shape)
    ends = [evaluate(problem, theta + sign * 1e-5 * towards)[1] for sign in (1, -1)]
    moved = (second @ towards.ravel()).reshape(theta.shape)
    np.testing.assert_allclose(moved, (ends[0] - ends[1]) / 2e-5, atol=1e-7)  # third derivatives times 1e-10, rounding 1e-15 over 1e-5
    np.testing.assert_allclose(curve(problem, evaluate(problem, theta)[2], towards), moved, rtol=1e-10, atol=1e-14)


def test_rows_that_are_too_many_to_copy_are_read_in_blocks_and_say_the_same(case, monkeypatch):
    problem, theta = case
    monkeypatch.setattr(problems, "BLOCK", 7)
    monkeypatch.setattr(problems, "MOST_COPIED", 0)
    weight = np.zeros(N)
    weight[WEIGHT > 0] = problem.weight
    y = np.zeros(N, problem.y.dtype)
    y[WEIGHT > 0] = problem.y
    in_blocks = used_rows(Problem(problem.loss, X, y, weight, problem.n_outputs, problem.groups))
    assert in_blocks.rows is not None
    for part, expected in zip(evaluate(in_blocks, theta)[:2], evaluate(problem, theta)[:2], strict=True):
        np.testing.assert_allclose(part, expected, rtol=1e-12, atol=1e-15)
