"""Members whose optimum is solved over sparse inputs, of which there are too many for a matrix of their products.

`solve_sparse` takes steps of a limited-memory quasi-Newton method (Nocedal and Wright 2006, algorithm 7.5), or, where the penalty makes
zeros, accelerated proximal steps (O'Donoghue and Candes 2015, section 3.2). Both read all rows twice a step, in float32, and stop where
neither losses nor weights change in the digits that count.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.optimize
import scipy.sparse

from weights.elements.regularization import PENALTIES, Penalty, Regularization
from weights.training.problem import Problem, Solution
from weights.types import FloatArray

_ENOUGH, _ENOUGH_TO_CHOOSE = 1e-3, 1e-2
"""Shares of the gradient at the constant that may be left, the second in solutions that only choose (losses then agree to three digits)."""
_FINER = 0.1
"""Share of that down to which proximal steps are taken: a weight moves by less than it has to go."""
CHOOSING_TOLERANCE = 1e-5
"""From which on a solution only chooses."""
_MOST_STEPS, _MEMORY, _MOST_HALVINGS = 500, 10, 25
_ROUNDING = 1e-6


class _Point(NamedTuple):
    """Weights and biases theta (p + 1, k), outputs (n, k), the objective, its gradient (p + 1, k), and what curves the loss, (n, k)."""

    theta: FloatArray
    outputs: FloatArray
    objective: float
    gradient: FloatArray
    responses: FloatArray


class _Objective:
    """The mean loss of a problem and the smooth part of the penalty, as functions of theta, of inputs as they are scaled."""

    def __init__(self, problem: Problem, curvature: float) -> None:
        self.problem, self.curvature = problem, curvature
        self.scale = np.float32(1.0) if problem.scale is None else problem.scale.astype(np.float32)
        self.transposed = scipy.sparse.csr_array(problem.x.T)  # by feature, so that sums are written once

    def outputs(self, theta: FloatArray) -> FloatArray:
        return self.problem.x @ (self.scale * theta[:-1]) + theta[-1]

    def at(self, theta: FloatArray, outputs: FloatArray) -> _Point:
        point = self.at_if(theta, outputs, np.inf)
        assert point is not None
        return point

    def at_if(self, theta: FloatArray, outputs: FloatArray, below: float) -> _Point | None:
        """The point, if the objective is as low as this there; its gradient takes longer than that."""
        problem = self.problem
        losses, slopes, responses = problem.loss.evaluate(outputs, problem.y)
        objective = float(problem.weight @ losses) + 0.5 * self.curvature * float(np.vdot(theta[:-1], theta[:-1]))
        if objective > below:
            return None
        slopes = (slopes * problem.weight[:, None]).astype(np.float32)
        gradient = np.vstack([self.scale * (self.transposed @ slopes) + self.curvature * theta[:-1], slopes.sum(0)[None]])
        return _Point(theta, outputs, objective, gradient, responses)

    def curve_along(self, point: _Point, direction: FloatArray, moved: FloatArray) -> float:
        """The second derivative along a direction by which outputs are moved."""
        of_loss = (moved * self.problem.loss.product(point.responses, moved)).sum(1)
        return float(self.problem.weight @ of_loss) + self.curvature * float(np.vdot(direction[:-1], direction[:-1]))


def solve_sparse(
    problem: Problem, regularization: Regularization, strength: float, *, tolerance: float, start: Solution | None = None
) -> Solution:
    """The weights that minimise the penalised mean loss, of inputs as they are; the penalty sees those of inputs as they are scaled.

    Args:
        problem: rows with weights that add up to one, and task; inputs are a sparse matrix in float32.
        regularization: its penalty and l1_ratio are used.
        strength: of the penalty.
        tolerance: the residual may be as large, or a thousandth of what it is where all weights are zero, and outputs the constant.
        start: a nearby solution to start from.
    """
    penalty = PENALTIES[regularization.penalty]
    objective = _Objective(problem, float(penalty.curvature(strength, regularization.l1_ratio)))
    theta = np.zeros((problem.x.shape[1] + 1, problem.n_outputs), np.float32)
    theta[-1] = _find_constant(problem)
    point = objective.at(theta, np.broadcast_to(theta[-1], (len(problem.y), problem.n_outputs)))
    share = _ENOUGH if tolerance < CHOOSING_TOLERANCE else _ENOUGH_TO_CHOOSE
    enough = max(tolerance, share * float(np.abs(point.gradient).max()))
    if start is not None:
        scale = np.broadcast_to(objective.scale, start.w.shape)
        own = np.divide(start.w, scale, out=np.zeros_like(start.w), where=scale != 0)
        theta = np.vstack([own, start.b[None]]).astype(np.float32)
        point = objective.at(theta, objective.outputs(theta))
    if penalty.makes_zeros and strength > 0:
        enough *= _FINER
        point, residual, n_steps = _take_proximal_steps(objective, penalty, regularization.l1_ratio, strength, point, enough)
    else:
        point, n_steps = _take_quasi_newton_steps(objective, point, enough)
        residual = float(np.abs(point.gradient).max())
    w = objective.scale * point.theta[:-1]
    return Solution(w, point.theta[-1], residual, n_steps, residual <= enough)


def _find_constant(problem: Problem) -> FloatArray:
    """The outputs that lose least without inputs, about, shape (k,)."""

    def loss(constant: FloatArray) -> tuple[float, FloatArray]:
        outputs = np.broadcast_to(constant, (len(problem.y), problem.n_outputs))
        losses, slopes, _ = problem.loss.evaluate(outputs, problem.y)
        return float(problem.weight @ losses), problem.weight @ slopes

    return np.asarray(scipy.optimize.minimize(loss, np.zeros(problem.n_outputs), jac=True, method="L-BFGS-B").x)


def find_gradient(problem: Problem, theta: FloatArray) -> FloatArray:
    """The gradient of the mean loss by weights of inputs as they are scaled, and biases, (p + 1, k)."""
    objective, own = _Objective(problem, 0.0), theta.astype(np.float32)
    return objective.at(own, objective.outputs(own)).gradient


def _take_quasi_newton_steps(objective: _Objective, point: _Point, enough: float) -> tuple[_Point, int]:
    """The point where the gradient is small enough, or no step leads lower, and how many steps led there."""
    pairs: list[tuple[FloatArray, FloatArray, float]] = []
    for n_steps in range(_MOST_STEPS):
        if np.abs(point.gradient).max() <= enough:
            return point, n_steps
        direction = -_multiply_by_inverse(pairs, point.gradient)
        moved = objective.outputs(direction)
        slope = float(np.vdot(point.gradient, direction))
        length = 1.0 if pairs else -slope / max(objective.curve_along(point, direction, moved), 1e-300)
        new = _search(objective, point, direction, moved, slope, length)
        if new is None:
            return point, n_steps
        step, change = new.theta - point.theta, new.gradient - point.gradient
        if (product := float(np.vdot(step, change))) > 0:
            pairs = [*pairs[-_MEMORY + 1 :], (step, change, 1.0 / product)]
        point = new
    return point, _MOST_STEPS


def _multiply_by_inverse(pairs: list[tuple[FloatArray, FloatArray, float]], gradient: FloatArray) -> FloatArray:
    """The gradient times the inverse second derivative that steps and changes of the gradient tell (two-loop recursion)."""
    result, shares = gradient.copy(), []
    for step, change, inverse in reversed(pairs):
        shares.append(inverse * float(np.vdot(step, result)))
        result -= np.float32(shares[-1]) * change
    if pairs:
        _, change, inverse = pairs[-1]
        result *= np.float32(1.0 / (inverse * float(np.vdot(change, change))))
    for (step, change, inverse), share in zip(pairs, reversed(shares), strict=True):
        result += np.float32(share - inverse * float(np.vdot(change, result))) * step
    return result


def _search(objective: _Objective, point: _Point, direction: FloatArray, moved: FloatArray, slope: float, length: float) -> _Point | None:
    """The first point along a direction, at this length or halves of it, that is low enough; None if there is none."""
    for _ in range(_MOST_HALVINGS):
        own = np.float32(length)
        theta, outputs = point.theta + own * direction, point.outputs + own * moved
        below = point.objective + 1e-4 * length * slope + _ROUNDING * abs(point.objective)
        if (new := objective.at_if(theta, outputs, below)) is not None:
            return new
        length *= 0.5
    return None


def _take_proximal_steps(
    objective: _Objective, penalty: Penalty, l1_ratio: float, strength: float, point: _Point, enough: float
) -> tuple[_Point, float, int]:
    """The point that a proximal step of length one moves by little enough, by how much it does, and how many steps led there."""
    groups = objective.problem.groups

    def step_from(ahead: _Point, length: float) -> FloatArray:
        moved = ahead.theta - np.float32(length) * ahead.gradient
        return np.vstack([penalty.prox(moved[:-1], np.float32(strength * length), l1_ratio, groups), moved[-1:]])

    def find_residual(at: _Point) -> float:
        return float(np.abs(at.theta - step_from(at, 1.0)).max())

    ahead, momentum = point, 1.0
    length = _find_length(objective, point)
    for n_steps in range(_MOST_STEPS):
        if (residual := find_residual(point)) <= enough:
            return point, residual, n_steps
        for _ in range(_MOST_HALVINGS):
            theta = step_from(ahead, length)
            outputs, change = objective.outputs(theta), theta - ahead.theta
            bound = ahead.objective + float(np.vdot(ahead.gradient, change)) + float(np.vdot(change, change)) / (2 * length)
            if (new := objective.at_if(theta, outputs, bound + _ROUNDING * abs(bound))) is not None:
                break
            length *= 0.5
        else:
            return point, residual, n_steps
        if float(np.vdot(ahead.theta - theta, theta - point.theta)) > 0:
            momentum = 1.0
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        on, momentum = np.float32((momentum - 1) / following), following
        ahead_theta, ahead_outputs = theta + on * (theta - point.theta), outputs + on * (outputs - point.outputs)
        point, ahead = new, objective.at(ahead_theta, ahead_outputs)
    return point, find_residual(point), _MOST_STEPS


def _find_length(objective: _Objective, point: _Point) -> float:
    """A length of proximal steps to begin with: the largest at which a step along the gradient does not go too far."""
    slope = float(np.vdot(point.gradient, point.gradient))
    return slope / max(objective.curve_along(point, point.gradient, objective.outputs(point.gradient)), 1e-300)
