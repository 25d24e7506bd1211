"""The mean loss that solved members minimise, and its derivatives by weights (p, k) and biases (k,), in float64.

Both are one array theta (p + 1, k), the biases last.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse

from weights.tasks.base import ConvexLoss
from weights.types import AnyArray, FloatArray, IntArray

BLOCK = 1 << 13
"""Rows that are held in float64 at a time, where all would be too many."""
MOST_COPIED = 1 << 23
"""Numbers of a problem up to which all of its rows are copied as float64 (64 MB)."""


class Problem(NamedTuple):
    """What is minimised.

    Attributes:
        x: inputs (n, p), an array or a sparse matrix. y: encoded targets (n,). weight: row weights (n,), rows of weight zero are skipped.
        rows: the only rows of x that are meant (s,), if not all; y and weight are theirs, (s,).
        scale: what sparse inputs are multiplied by for each output, (p, k); None for one.
    """

    loss: ConvexLoss
    x: Any
    y: AnyArray
    weight: FloatArray
    n_outputs: int
    groups: IntArray
    rows: IntArray | None = None
    scale: FloatArray | None = None

    @property
    def is_sparse(self) -> bool:
        """Whether inputs are a sparse matrix."""
        return bool(scipy.sparse.issparse(self.x))


class Solution(NamedTuple):
    """An optimum.

    w: (p, k); b: (k,); residual: how far from optimal, see `solve`; solved: whether that is within tolerance.
    second: the second derivative of the mean loss near it, where that is worth keeping for problems nearby; of many unknowns that of half
        the mean square of one output.
    """

    w: FloatArray
    b: FloatArray
    residual: float
    n_steps: int
    solved: bool
    second: FloatArray | None = None


def used_rows(problem: Problem) -> Problem:
    """The rows of weight above zero, weights scaled to sum one; few are copied as float64, many are read in blocks.

    Of a sparse matrix, whose rows are as many as its entries to copy, all stay.
    """
    if problem.is_sparse:
        return problem._replace(weight=problem.weight / problem.weight.sum())
    rows = np.flatnonzero(problem.weight)
    weight = problem.weight[rows] / problem.weight[rows].sum()
    few = len(rows) <= problem.x.shape[1] or len(rows) * problem.x.shape[1] <= MOST_COPIED
    x = problem.x[rows].astype(np.float64) if few else problem.x
    return problem._replace(x=x, y=problem.y[rows], weight=weight, rows=None if few else rows)


def blocks(problem: Problem) -> Iterator[tuple[slice, FloatArray]]:
    """Some rows at a time: which they are, and their inputs in float64."""
    for begin in range(0, len(problem.y), BLOCK):
        part = slice(begin, begin + BLOCK)
        yield part, problem.x[part if problem.rows is None else problem.rows[part]].astype(np.float64, copy=False)


def mean_loss(problem: Problem, theta: FloatArray) -> float:
    """The mean loss alone."""
    outputs = np.concatenate([x @ theta[:-1] + theta[-1] for _, x in blocks(problem)])
    return float(problem.weight @ problem.loss.losses(outputs, problem.y))


def evaluate(problem: Problem, theta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """Mean loss, its gradient, shape (p + 1, k), and what the second derivative needs of the outputs: probabilities (n, k) or ones."""
    loss, gradient, responses = 0.0, np.zeros_like(theta), []
    for rows, x in blocks(problem):
        outputs, y, weight = x @ theta[:-1] + theta[-1], problem.y[rows], problem.weight[rows]
        losses, slope, response = problem.loss.evaluate(outputs, y)
        loss += float(weight @ losses)
        slope *= weight[:, None]
        gradient[:-1] += x.T @ slope
        gradient[-1] += slope.sum(0)
        responses.append(response)
    return loss, gradient, np.concatenate(responses)


def second_derivative(problem: Problem, responses: FloatArray) -> FloatArray:
    """Second derivative of the mean loss, shape ((p + 1) k, (p + 1) k), in the order of theta.ravel()."""
    p, k = problem.x.shape[1] + 1, problem.n_outputs
    hessian = np.zeros((p, k, p, k))
    for rows, x in blocks(problem):
        x1 = np.hstack([x, np.ones((len(x), 1))])
        response, weight = responses[rows], problem.weight[rows]
        for a in range(k):
            for b in range(a, k):
                curvature = weight * problem.loss.second(response, a, b)
                block = (x1 * curvature[:, None]).T @ x1
                hessian[:, a, :, b] += block
                if b > a:
                    hessian[:, b, :, a] += block.T
    return hessian.reshape(p * k, p * k)


def second_of_squares(problem: Problem) -> FloatArray:
    """Second derivative of half the mean square of one output, by its weights and its bias, shape (p + 1, p + 1)."""
    p = problem.x.shape[1] + 1
    products = np.zeros((p, p))
    for rows, x in blocks(problem):
        x1 = np.hstack([x, np.ones((len(x), 1))])
        products += (x1 * problem.weight[rows, None]).T @ x1
    return products


def curve(problem: Problem, responses: FloatArray, towards: FloatArray) -> FloatArray:
    """The second derivative of the mean loss times a direction, both (p + 1, k), without forming it."""
    product = np.zeros_like(towards)
    for rows, x in blocks(problem):
        moved = problem.loss.product(responses[rows], x @ towards[:-1] + towards[-1]) * problem.weight[rows][:, None]
        product[:-1] += x.T @ moved
        product[-1] += moved.sum(0)
    return product
