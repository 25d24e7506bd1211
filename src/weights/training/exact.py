"""Members whose optimum is solved instead of searched: linear models, in float64.

`solve` minimises ``sum_i v_i loss_i / sum_i v_i + strength * penalty(w)`` over weights w (p, k) and biases (k,) by
proximal Newton steps (Lee, Sun and Saunders 2014): each step solves the quadratic model of the loss plus the exact
penalty. Without a non-smooth penalty that is Newton's method; for least squares it is one linear system. Where a second derivative
costs as much as many gradients (several classes, many inputs), it is formed once and then serves problems nearby, with other rows or
another strength, as preconditioner of conjugate gradients (truncated Newton, Nocedal and Wright 2006, section 7.1); where it is too large
or too costly to be formed at all, that of least squares stands in for it, the same for all classes (but for its factor the bound of
Böhning 1992, "Multinomial Logistic Regression Algorithm", section 3).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse.linalg

from weights.elements.regularization import PENALTIES, Penalty, Regularization
from weights.tasks.base import ConvexLoss
from weights.training.problem import (
    BLOCK,
    Problem,
    Solution,
    curve,
    evaluate,
    mean_loss,
    second_derivative,
    second_of_squares,
    used_rows,
)
from weights.training.sparse import find_gradient, solve_sparse
from weights.types import AnyArray, FloatArray, IntArray

LARGEST_DENSE = 2_500
"""Unknowns up to which the second derivative is held as a dense matrix (our choice: about a second a step on one core)."""
_TOO_COSTLY = 1000.0
"""Products in a Newton step over those in a gradient, from which on no second derivative is formed (measured on real tables)."""
WORTH_KEEPING, MOST_KEPT = 20.0, 1_000
"""The same from which on a second derivative serves problems nearby, and unknowns up to which it is kept (8 MB)."""
_MOST_OF_OTHERS = 0.25
"""Products, over those in a Newton step, after which another problem's is renewed (our choice)."""
_MOST_STEPS_SAVED = 3
"""Newton steps as long as which conjugate gradients may take in the measure of another problem (our choice)."""
_ROUGHLY = 0.1
"""Share of the gradient down to which a Newton step is solved by conjugate gradients (our choice)."""
_MOST_HALVINGS = 20
_FAR_APART = 1e3  # ratio of the scales of inputs from which on they are made alike before a system is solved
_MOST_STEPS = 100
_MOST_INNER_STEPS = 20_000


def solve(
    problem: Problem, regularization: Regularization, strength: float, *, tolerance: float, start: Solution | None = None
) -> Solution:
    """The weights that minimise the penalised mean loss.

    Args:
        problem: rows and task.
        regularization: its penalty and l1_ratio are used.
        strength: of the penalty.
        tolerance: the residual is the largest entry of ``t - prox(t - gradient)`` (for smooth penalties, of the gradient).
        start: a nearby solution to start from.

    Returns:
        The solution; `solved` is False if the tolerance was not reached in 100 steps, or cannot be for rounding. For separable
        classes without a penalty there is no finite optimum; the weights are then where the gradient fell below the tolerance.
    """
    penalty = PENALTIES[regularization.penalty]
    problem = used_rows(problem)
    if problem.is_sparse:
        return solve_sparse(problem, regularization, strength, tolerance=tolerance, start=start)
    n_samples, n_inputs, n_outputs = len(problem.y), problem.x.shape[1], problem.n_outputs
    smooth = not penalty.makes_zeros or strength == 0
    if smooth and n_samples < n_inputs:
        [solution] = _solve_in_row_space(problem, regularization, [strength], tolerance, start)
        return solution
    theta = np.zeros((n_inputs + 1, n_outputs)) if start is None else np.vstack([start.w, start.b])
    cost = newton_cost(n_samples, n_inputs + 1, n_outputs)
    if smooth and not problem.loss.quadratic and start is not None and start.second is not None:
        solution = _solve_by_conjugate_gradients(problem, penalty, strength, theta, tolerance, start.second, most=_MOST_STEPS_SAVED * cost)
        if solution.residual <= tolerance:
            return solution
        theta = np.vstack([solution.w, solution.b])
    if smooth and (theta.size > LARGEST_DENSE or cost > _TOO_COSTLY):
        near = second_of_squares(problem) if n_outputs > 1 and n_inputs < LARGEST_DENSE else None
        return _solve_by_conjugate_gradients(problem, penalty, strength, theta, tolerance, near)
    return _solve_by_newton(problem, penalty, regularization.l1_ratio, strength, theta, tolerance, smooth)


def solve_path(
    problem: Problem, regularization: Regularization, strengths: FloatArray, *, tolerance: float, start: Solution | None = None
) -> Iterator[Solution]:
    """The solution at each strength, each started from the one before, the first from `start`; strengths should fall."""
    if not (PENALTIES[regularization.penalty].makes_zeros or problem.is_sparse) and len(problem.x) < problem.x.shape[1]:
        yield from _solve_in_row_space(used_rows(problem), regularization, strengths, tolerance, start)
        return
    for strength in strengths:
        start = solve(problem, regularization, float(strength), tolerance=tolerance, start=start)
        yield start


def newton_cost(n_samples: int, n_rows: int, n_outputs: int) -> float:
    """Products in a Newton step, whose second derivative has (n_rows * n_outputs)^2 entries, over those in a gradient."""
    unknowns = n_rows * n_outputs
    return n_rows * (n_outputs + 1) / 4 + unknowns**2 / (12 * n_samples)


def linear_outputs(x: FloatArray, rows: IntArray, solution: Solution) -> FloatArray:
    """What a solution puts out for some rows of the inputs x (n, p), in float64, shape (rows, k)."""
    blocks = (x[rows[begin : begin + BLOCK]].astype(np.float64, copy=False) for begin in range(0, len(rows), BLOCK))
    outputs = [block @ solution.w + solution.b for block in blocks]
    return np.concatenate(outputs) if outputs else np.zeros((0, len(solution.b)))


def _solve_in_row_space(
    problem: Problem, regularization: Regularization, strengths: Sequence[float] | FloatArray, tolerance: float, start: Solution | None
) -> Iterator[Solution]:
    """The solutions for fewer rows than inputs and a penalty on the length of the weights only.

    Such weights are sums of rows (any other part adds length and changes no output), so n unknowns replace the p: with
    x = r'q', q (p, n) orthonormal, the problem in a = q'w has inputs r' (n, n) and the same lengths. Entries of the gradient
    in w are at most its length in a, hence the factor sqrt(n) on the tolerance.
    """
    basis, r = scipy.linalg.qr(problem.x.astype(np.float64).T, mode="economic", check_finite=False)
    rotated = problem._replace(x=np.ascontiguousarray(r.T), groups=np.arange(len(r)))
    margin = np.sqrt(len(r))
    inner = None if start is None else start._replace(w=basis.T @ start.w, second=None)
    for strength in strengths:
        inner = solve(rotated, regularization, float(strength), tolerance=tolerance / margin, start=inner)
        residual = inner.residual * margin
        yield inner._replace(w=basis @ inner.w, residual=residual, solved=residual <= tolerance, second=None)


def strength_path(problem: Problem, regularization: Regularization, *, n_strengths: int = 10) -> FloatArray:
    """Falling strengths worth trying, shape (n_strengths,).

    For penalties with exact zeros from the least strength that leaves no weight down to a thousandth of it; for smooth ones from 3 to
    1e-5, on inputs of variance one, of sparse ones from 1 (our choice).
    """
    least_strength = PENALTIES[regularization.penalty].least_strength
    if least_strength is None and problem.is_sparse:
        return np.geomspace(1.0, 1e-5, n_strengths + 1)
    if least_strength is None:
        return np.geomspace(3.0, 1e-5, n_strengths)
    center = Problem(problem.loss, np.zeros((problem.x.shape[0], 1)), problem.y, problem.weight, problem.n_outputs, np.zeros(1, int))
    constant = solve(center, Regularization(penalty="none"), 0.0, tolerance=1e-9)
    weight = problem.weight / problem.weight.sum()
    theta = np.vstack([np.zeros((problem.x.shape[1], problem.n_outputs)), constant.b])
    begin = problem._replace(weight=weight)
    gradient = find_gradient(begin, theta) if problem.is_sparse else evaluate(begin, theta)[1]
    largest = float(least_strength(gradient[:-1], regularization.l1_ratio, problem.groups))
    # A little above the bound, because the constant model it is computed from is solved to a tolerance only.
    return max(largest, 1e-12) * (1 + 1e-6) * np.geomspace(1.0, 1e-3, n_strengths)


class NewtonStep:
    """A step of Newton's method, exact penalty included, for rows that come in parts: `add` them all, then `take` it."""

    def __init__(self, loss: ConvexLoss, solution: Solution) -> None:
        """Begin at a solution for rows of the same kind, such as a sample of them."""
        self.loss, self.theta = loss, np.vstack([solution.w, solution.b])
        self.gradient, self.hessian, self.mass = np.zeros_like(self.theta), np.zeros((self.theta.size, self.theta.size)), 0.0

    def add(self, x: FloatArray, y: AnyArray, weight: FloatArray) -> None:
        """Take in rows: inputs (r, p), float64; encoded targets (r,); weights (r,)."""
        problem = Problem(self.loss, x, y, weight, self.theta.shape[1], np.zeros(0, int))
        _, gradient, responses = evaluate(problem, self.theta)
        self.gradient += gradient
        self.hessian += second_derivative(problem, responses)
        self.mass += float(weight.sum())

    def take(self, regularization: Regularization, strength: float, groups: IntArray) -> Solution:
        """The solution after the step. Its residual is that of before."""
        penalty, l1_ratio = PENALTIES[regularization.penalty], regularization.l1_ratio
        smooth = not penalty.makes_zeros or strength == 0
        curvature = float(penalty.curvature(strength, l1_ratio))
        gradient, hessian = self.gradient / self.mass, self.hessian / self.mass
        gradient[:-1] += curvature * self.theta[:-1]
        _add_curvature(hessian, curvature, self.theta.shape, self.loss, smooth=smooth)
        residual = _residual(penalty, self.theta, gradient, strength, l1_ratio, groups, smooth=smooth)
        if smooth:
            theta = self.theta - _solve_positive(hessian, gradient.ravel()).reshape(self.theta.shape)
        else:
            theta = _solve_quadratic(penalty, hessian, gradient, self.theta, strength, l1_ratio, groups, 0.01 * residual)
        return Solution(theta[:-1], theta[-1], residual, 1, False)


def _residual(
    penalty: Penalty, theta: FloatArray, gradient: FloatArray, strength: float, l1_ratio: float, groups: IntArray, *, smooth: bool
) -> float:
    """How far from optimal, see `solve`."""
    if smooth:
        return float(np.abs(gradient).max())
    return float(np.abs(theta - _prox(penalty, theta - gradient, strength, l1_ratio, groups)).max())


def _solve_by_newton(
    problem: Problem, penalty: Penalty, l1_ratio: float, strength: float, theta: FloatArray, tolerance: float, smooth: bool
) -> Solution:
    def objective(theta: FloatArray) -> float:
        w = theta[:-1]
        return (
            mean_loss(problem, theta)
            + float(penalty.smooth(w, strength, l1_ratio))
            + float(penalty.rest(w, strength, l1_ratio, problem.groups))
        )

    curvature = float(penalty.curvature(strength, l1_ratio))
    cost = newton_cost(len(problem.y), len(theta), problem.n_outputs)
    worth_keeping = smooth and not problem.loss.quadratic and cost > WORTH_KEEPING and theta.size <= MOST_KEPT
    second = None
    for step in range(_MOST_STEPS + 1):
        _, gradient, responses = evaluate(problem, theta)
        gradient[:-1] += curvature * theta[:-1]
        distance = _residual(penalty, theta, gradient, strength, l1_ratio, problem.groups, smooth=smooth)
        if distance <= tolerance or step == _MOST_STEPS:
            break
        hessian = second_derivative(problem, responses)
        second = hessian.copy() if worth_keeping else None
        _add_curvature(hessian, curvature, theta.shape, problem.loss, smooth=smooth)
        if smooth:
            target = theta - _solve_positive(hessian, gradient.ravel()).reshape(theta.shape)
            if np.abs(target - theta).max() <= 1e-13 * max(1.0, np.abs(theta).max()):
                break  # what is left of the gradient lies in directions that are flat but for rounding
        else:
            target = _solve_quadratic(
                penalty, hessian, gradient, theta, strength, l1_ratio, problem.groups, 0.01 * min(distance, tolerance * 1e3)
            )
        theta, moved = _search_line(objective, theta, target)
        if not moved:
            _, gradient, _ = evaluate(problem, theta)
            gradient[:-1] += curvature * theta[:-1]
            distance = _residual(penalty, theta, gradient, strength, l1_ratio, problem.groups, smooth=smooth)
            break
    return Solution(theta[:-1], theta[-1], distance, step, distance <= tolerance, second)


def _search_line(objective: Callable[[FloatArray], float], theta: FloatArray, target: FloatArray) -> tuple[FloatArray, bool]:
    """The point on the way to the target, halved until the objective does not rise; False if no step helps."""
    before = objective(theta)
    for halvings in range(30):
        candidate = theta + 0.5**halvings * (target - theta) if halvings else target
        after = objective(candidate)
        if after <= before + 1e-14 * max(1.0, abs(before)):
            return candidate, True
    return theta, False


def _solve_quadratic(
    penalty: Penalty,
    hessian: FloatArray,
    gradient: FloatArray,
    theta: FloatArray,
    strength: float,
    l1_ratio: float,
    groups: IntArray,
    tolerance: float,
) -> FloatArray:
    """argmin_v of ``gradient.(v - theta) + (v - theta).hessian.(v - theta) / 2 + rest(v)``.

    Accelerated proximal steps with restarts (O'Donoghue and Candes 2015, section 3.2); where the penalty is a sum over single weights,
    the zeros they find are then kept and the remaining linear system is solved.
    """
    largest = _largest_eigenvalue(hessian)
    length = 1.0 / largest
    linear = gradient.ravel() - hessian @ theta.ravel()
    v, ahead, momentum = theta, theta, 1.0
    pull = _find_slope_of_rest(penalty, strength, l1_ratio)
    for i in range(_MOST_INNER_STEPS):
        slope = (linear + hessian @ ahead.ravel()).reshape(theta.shape)
        new = _prox(penalty, ahead - length * slope, strength * length, l1_ratio, groups)
        if np.abs(new - ahead).max() * largest <= tolerance:
            return new
        if pull is not None and i % 50 == 49:
            polished = _solve_on_support(pull, hessian, linear, new)
            slope = (linear + hessian @ polished.ravel()).reshape(theta.shape)
            if np.abs(polished - _prox(penalty, polished - slope, strength, l1_ratio, groups)).max() <= tolerance:
                return polished
        if np.sum((ahead - new) * (new - v)) > 0:
            momentum = 1.0
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead, v, momentum = new + (momentum - 1) / following * (new - v), new, following
    return v


def _find_slope_of_rest(penalty: Penalty, strength: float, l1_ratio: float) -> float | None:
    """The slope of the rest of the penalty by a single weight; None where it depends on other weights."""
    if penalty.threshold is None:
        return None
    large = 2.0 * strength + 1.0
    # In the digits in which a proximal step takes it off a weight of this size.
    return large - (large - float(penalty.threshold(strength, l1_ratio)))


def _solve_on_support(slope: float, hessian: FloatArray, linear: FloatArray, v: FloatArray) -> FloatArray:
    """The optimum if the zeros and signs of v were already right, where the rest of the penalty has this slope by each weight."""
    pull = slope * np.sign(v)
    pull[-1] = 0.0
    support = v.ravel() != 0
    support[-v.shape[1] :] = True
    result = np.zeros(v.size)
    result[support] = _solve_positive(hessian[np.ix_(support, support)], -(linear + pull.ravel())[support])
    return result.reshape(v.shape)


def _prox(penalty: Penalty, theta: FloatArray, step: float, l1_ratio: float, groups: IntArray) -> FloatArray:
    """The proximal step on the weights; biases are free."""
    return np.vstack([penalty.prox(theta[:-1], step, l1_ratio, groups), theta[-1:]])


def _solve_positive(matrix: FloatArray, right: FloatArray) -> FloatArray:
    """The solution of a positive semidefinite system; where it is not unique, the shortest, or nearly so where scales are far apart."""
    scale = np.sqrt(np.diag(matrix))
    if scale.max() > _FAR_APART * scale.min(where=scale > 0, initial=np.inf):
        scale = np.where(scale > 0, scale, 1.0)
        return _solve_alike(matrix / np.outer(scale, scale), right / scale) / scale
    return _solve_alike(matrix, right)


def _solve_alike(matrix: FloatArray, right: FloatArray) -> FloatArray:
    try:
        factor = scipy.linalg.cho_factor(matrix, check_finite=False)
        diagonal = np.abs(np.diag(factor[0]))
        if diagonal.min() > 1e-7 * diagonal.max():
            return scipy.linalg.cho_solve(factor, right, check_finite=False)
    except np.linalg.LinAlgError:
        pass
    values, vectors = scipy.linalg.eigh(matrix, check_finite=False)
    kept = values > 1e-12 * max(values[-1], 1e-300) * len(values)
    return vectors[:, kept] @ ((vectors[:, kept].T @ right) / values[kept])


def _largest_eigenvalue(matrix: FloatArray) -> float:
    top = len(matrix) - 1
    return float(scipy.linalg.eigh(matrix, eigvals_only=True, subset_by_index=[top, top], check_finite=False)[0]) * (1 + 1e-9)


def _add_curvature(hessian: FloatArray, curvature: float, shape: tuple[int, ...], loss: ConvexLoss, *, smooth: bool) -> None:
    """Add the penalty's curvature, and pin what the multinomial loss leaves free (a shift common to all classes) at zero."""
    n_rows, k = shape
    pinned_biases = loss.shift_free
    pinned_weights = pinned_biases and smooth and curvature == 0
    weights = np.arange((n_rows - 1) * k)
    hessian[weights, weights] += curvature
    rows = [*range(n_rows - 1)] if pinned_weights else []
    for row in rows + [n_rows - 1] * pinned_biases:
        hessian[row * k : (row + 1) * k, row * k : (row + 1) * k] += 1.0 / k


def _solve_by_conjugate_gradients(
    problem: Problem,
    penalty: Penalty,
    strength: float,
    theta: FloatArray,
    tolerance: float,
    near: FloatArray | None = None,
    most: float = np.inf,
) -> Solution:
    """Newton steps that are solved, about, by conjugate gradients, without forming the second derivative.

    With the second derivative of a problem `near`, directions are sought in its measure; after `most` products that is given up.
    """
    shape, curvature = theta.shape, float(penalty.curvature(strength, 0.0))
    of_squares = near is not None and len(near) < theta.size
    precondition = None if near is None or of_squares else _invert(near, curvature, shape, problem.loss)
    n_products, cost = 0, newton_cost(len(problem.y), len(theta), problem.n_outputs)

    def look(theta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        loss, gradient, responses = evaluate(problem, theta)
        gradient[:-1] += curvature * theta[:-1]
        return loss + 0.5 * curvature * float((theta[:-1] ** 2).sum()), gradient, responses

    def product(responses: FloatArray, towards: FloatArray) -> FloatArray:
        nonlocal n_products
        n_products += 1
        change = towards.reshape(shape)
        curved = curve(problem, responses, change)
        curved[:-1] += curvature * change[:-1]
        if problem.loss.shift_free:
            # What the loss leaves free (a shift common to all classes) is pinned at zero, as in `_add_curvature`.
            curved[-1] += change[-1].mean()
            curved[:-1] += change[:-1].mean(1, keepdims=True) * (curvature == 0)
        return curved.ravel()

    objective, gradient, responses = look(theta)
    n_steps = 0
    while np.abs(gradient).max() > tolerance and n_steps < _MOST_STEPS and n_products < most:
        if near is not None and of_squares:
            precondition = _invert_alike(near, _mean_curvature(problem, responses), curvature, shape)
        matrix = scipy.sparse.linalg.LinearOperator((theta.size, theta.size), functools.partial(product, responses), dtype=float)
        change, _ = scipy.sparse.linalg.cg(matrix, -gradient.ravel(), rtol=_ROUGHLY, maxiter=500, M=precondition)
        for halvings in range(_MOST_HALVINGS):
            candidate = theta + 0.5**halvings * change.reshape(shape)
            following = look(candidate)
            # Near the optimum the objective no longer changes in its digits, and only the gradient can judge a step.
            if following[0] < objective or np.abs(following[1]).max() < np.abs(gradient).max():
                break
        else:
            break
        theta, (objective, gradient, responses), n_steps = candidate, following, n_steps + 1
    residual = float(np.abs(gradient).max())
    if near is not None and not of_squares and n_products > _MOST_OF_OTHERS * cost:
        near = second_derivative(problem, responses)
    return Solution(theta[:-1], theta[-1], residual, n_steps, residual <= tolerance, near)


def _invert(near: FloatArray, curvature: float, shape: tuple[int, ...], loss: ConvexLoss) -> Any:
    """What multiplies by the inverse of a second derivative with this curvature of the penalty added; None where it has none."""
    matrix = near.copy()
    _add_curvature(matrix, curvature, shape, loss, smooth=True)
    matrix[np.diag_indices_from(matrix)] += 1e-10 * np.trace(matrix) / len(matrix)
    try:
        factor = scipy.linalg.cho_factor(matrix, check_finite=False)
    except np.linalg.LinAlgError:
        return None
    return scipy.sparse.linalg.LinearOperator(matrix.shape, lambda v: scipy.linalg.cho_solve(factor, v, check_finite=False), dtype=float)


def _mean_curvature(problem: Problem, responses: FloatArray) -> float:
    """The second derivative of the loss by an output of its own, averaged over outputs and rows."""
    return float(np.mean([problem.weight @ problem.loss.second(responses, k, k) for k in range(problem.n_outputs)]))


def _invert_alike(squares: FloatArray, mean: float, curvature: float, shape: tuple[int, ...]) -> Any:
    """As `_invert`, as if outputs did not depend on each other, and the loss had this mean second derivative in all rows and outputs."""
    matrix = mean * squares
    matrix[np.diag_indices(len(matrix) - 1)] += curvature
    matrix[np.diag_indices_from(matrix)] += 1e-10 * np.trace(matrix) / len(matrix)
    try:
        factor = scipy.linalg.cho_factor(matrix, check_finite=False)
    except np.linalg.LinAlgError:
        return None
    size = shape[0] * shape[1]
    solve_each = functools.partial(scipy.linalg.cho_solve, factor, check_finite=False)
    return scipy.sparse.linalg.LinearOperator((size, size), lambda v: solve_each(v.reshape(shape)).ravel(), dtype=float)
