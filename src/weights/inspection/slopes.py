"""Slopes and how sure they are: least squares on residuals of a feature, logistic regression, and the kinds of standard errors.

Every slope is a sum over rows of scores, and what a kind of standard error believes of the rows (unequal noise, groups, order in
time) is how it adds them up: `covariance`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.linalg
import scipy.special

from weights.elements.regularization import Regularization
from weights.inspection.partialling import Partialled
from weights.tasks.classes import Binary
from weights.training.exact import Problem, solve
from weights.types import FloatArray, IntArray

_FEW_INPUTS = 0.2
"""Inputs per row up to which HC3 serves; with more it is far too wide (measured, docs/benchmarks.md)."""
_MOST_ROWS_SQUARED = 5_000
_IDLE = 1e-3
_SEPARATED = 50.0
"""A standard error of so many log odds per standard deviation says that classes are separated perfectly."""


class Rows(NamedTuple):
    """What is known of the rows besides their inputs: weight, mean one (r,); group codes (r,) and moments (r,), or None."""

    weight: FloatArray
    group: IntArray | None
    time: FloatArray | None

    @property
    def n_used(self) -> int:
        """The number of rows of weight above zero."""
        return int(np.count_nonzero(self.weight))

    @property
    def errors(self) -> str:
        """The kind of standard error that fits these rows."""
        return "cluster" if self.group is not None else "hac" if self.time is not None else "robust"


class Slopes(NamedTuple):
    """Slopes (b,), their covariance (b, b) by kind of error, and the degrees of freedom of each kind."""

    slopes: FloatArray
    covariances: dict[str, FloatArray]
    degrees: dict[str, float]


def covariance(scores: FloatArray, kind: str, rows: Rows, n_parameters: float) -> FloatArray:
    """The covariance (b, b) of the sum over rows of scores (r, b) of mean zero.

    Args:
        scores: of each row.
        kind: "robust": rows are independent, their noise is what it is (White 1980). "cluster": groups are independent (Liang and Zeger
            1986, with the usual correction for few groups). "hac": near moments may depend on each other (Newey and West 1987;
            Bartlett's kernel over 4 (r / 100)^(2/9) steps).
        rows: with the groups and moments.
        n_parameters: that were fitted, for the correction of "cluster".
    """
    if kind == "cluster":
        assert rows.group is not None
        _, group = np.unique(rows.group, return_inverse=True)
        n_groups = int(group.max()) + 1
        sums = np.zeros((n_groups, scores.shape[1]))
        np.add.at(sums, group, scores)
        correction = n_groups / max(n_groups - 1, 1) * (rows.n_used - 1) / max(rows.n_used - n_parameters, 1)
        return correction * sums.T @ sums
    total = scores.T @ scores
    if kind == "hac":
        assert rows.time is not None
        ordered, n_steps = scores[np.argsort(rows.time, kind="stable")], n_lags(len(scores))
        for lag in range(1, min(n_steps, len(scores) - 1) + 1):
            shifted = ordered[lag:].T @ ordered[:-lag]
            total = total + (1 - lag / (n_steps + 1)) * (shifted + shifted.T)
    return total


def n_lags(n_rows: int) -> int:
    """Over how many steps in time rows may depend on each other, for "hac"."""
    return int(4 * (n_rows / 100) ** (2 / 9))


def regress_residuals(residuals: FloatArray, outcome: FloatArray, partialled: Partialled, rows: Rows) -> Slopes:
    """Slopes of residuals of an outcome on residuals of a feature (Robinson 1988; Chernozhukov et al. 2018).

    Args:
        residuals: of the feature's inputs, shape (r, b).
        outcome: minus what is expected of it without the feature, by members that never saw the row, shape (r,).
        partialled: how the former was made.
        rows: what else is known of them.
    """
    weight, n = rows.weight, rows.n_used
    products = np.linalg.inv((residuals * weight[:, None]).T @ residuals)
    each = residuals * weight[:, None] @ products
    slopes = each.T @ outcome
    noise = outcome - residuals @ slopes
    inflation = partialled.dof_inflation**2
    degrees = max(n - max(partialled.n_controls, residuals.shape[1]), 1.0)
    variance = inflation * (weight * noise**2).sum() / n
    covariances = {"classical": variance * products}
    for kind in _kinds(rows):
        factor = 1.0 if kind == "cluster" else inflation  # which counts parameters itself
        covariances[kind] = factor * covariance(each * noise[:, None], kind, rows, partialled.n_controls)
    return Slopes(slopes, covariances, degrees_of_freedom(rows, degrees))


def least_squares(z: FloatArray, outcome: FloatArray, rows: Rows) -> Slopes:
    """The slopes of least squares on all inputs z (r, q) and a constant, to which the above comes when expectations are linear.

    Robust errors are HC3 (MacKinnon and White 1985) while inputs are few. With more than one for five rows HC3 grows far too wide;
    then they are the larger of HC2 and the unbiased ones of Cattaneo, Jansson and Newey (2018, equation 6), with the degrees
    of freedom of Bell and McCaffrey (2002).
    """
    weight, n, q = rows.weight, rows.n_used, z.shape[1] + 1
    x = np.column_stack([np.ones(len(z)), z]) * np.sqrt(weight)[:, None]
    factor, upper = scipy.linalg.qr(x, mode="economic", check_finite=False)
    inverse = scipy.linalg.solve_triangular(upper, np.eye(q), check_finite=False)
    each = factor @ inverse.T  # (r, q): slopes are each.T @ (weighted outcome)
    rooted = outcome * np.sqrt(weight)
    slopes = each.T @ rooted
    noise = rooted - factor @ (factor.T @ rooted)
    spare = (1 - (factor**2).sum(1)).clip(1e-10)
    degrees = degrees_of_freedom(rows, float(max(n - q, 1)))
    covariances = {"classical": noise @ noise / max(n - q, 1) * (inverse @ inverse.T)}
    for kind in _kinds(rows):
        if kind != "robust":
            covariances[kind] = covariance(each * noise[:, None], kind, rows, q)
        elif q <= _FEW_INPUTS * n:
            covariances[kind] = covariance(each * (noise / spare)[:, None], kind, rows, q)
        else:
            covariances[kind] = _correct_for_many_inputs(factor, each, noise, spare)
            degrees["robust"] = _bell_mccaffrey(factor, each, spare)
    inner = {kind: matrix[1:, 1:] for kind, matrix in covariances.items()}
    return Slopes(slopes[1:], inner, degrees)


def logistic(z: FloatArray, positive: FloatArray, rows: Rows) -> Slopes:
    """Log odds per unit: unpenalised logistic regression on inputs z (r, q), with the usual errors.

    NaN for inputs that separate some rows' classes perfectly, whose log odds grow without end; the others are those of the remaining rows.
    """
    weight, q = rows.weight, z.shape[1] + 1
    mean, spread = np.average(z, axis=0, weights=weight), z.std(0)
    spread[spread == 0] = 1.0
    standard = (z - mean) / spread
    problem = Problem(Binary.convex, standard, positive.astype(np.int32), weight, 1, np.arange(z.shape[1]))
    solution = solve(problem, Regularization(penalty="none"), 0.0, tolerance=1e-11)
    x = np.column_stack([np.ones(len(z)), standard])
    probability = scipy.special.expit(standard @ solution.w[:, 0] + solution.b[0])
    kept, products = _keep_finite_odds((x * (weight * probability * (1 - probability))[:, None]).T @ x)
    scores = x[:, kept] @ products * (weight * (positive - probability))[:, None]
    slopes = np.full(z.shape[1], np.nan)
    slopes[kept[1:] - 1] = (solution.w[:, 0] / spread)[kept[1:] - 1]

    def expand(inner: FloatArray) -> FloatArray:
        outer = np.full((q, q), np.nan)
        outer[np.ix_(kept, kept)] = inner
        return outer[1:, 1:] / np.outer(spread, spread)

    covariances = {"classical": expand(products), **{kind: expand(covariance(scores, kind, rows, q)) for kind in _kinds(rows)}}
    return Slopes(slopes, covariances, degrees_of_freedom(rows, np.inf))


def _keep_finite_odds(curvature: FloatArray) -> tuple[IntArray, FloatArray]:
    """The constant and the inputs whose log odds are finite, and the inverse of the second derivatives of these."""
    kept = np.arange(len(curvature))
    while True:
        inner = curvature[np.ix_(kept, kept)]
        values, vectors = np.linalg.eigh(inner)
        idle = np.abs(vectors[:, values <= 1e-12 * max(values[-1], 1e-300)]).max(1, initial=0.0) > _IDLE
        products = np.linalg.pinv(inner, rcond=1e-12, hermitian=True)
        endless = idle | (np.sqrt(np.diag(products).clip(0)) > _SEPARATED)
        endless[0] = False
        if not endless.any():
            return kept, products
        kept = kept[~endless]


def _kinds(rows: Rows) -> list[str]:
    return [kind for kind, there in (("robust", True), ("cluster", rows.group is not None), ("hac", rows.time is not None)) if there]


def degrees_of_freedom(rows: Rows, usual: float) -> dict[str, float]:
    """Of Student's t by kind of standard error: those of groups, and as many as usual of the others."""
    n_groups = 0 if rows.group is None else len(np.unique(rows.group[rows.weight > 0]))
    known: dict[str, Callable[[], float]] = {"cluster": lambda: float(max(n_groups - 1, 1))}
    # JSON has no infinity, and Student's t with a million degrees is normal to six digits.
    return {kind: min(known.get(kind, lambda: usual)(), 1e6) for kind in ["classical", *_kinds(rows)]}


def _correct_for_many_inputs(factor: FloatArray, each: FloatArray, noise: FloatArray, spare: FloatArray) -> FloatArray:
    """HC2, made larger, at most fourfold, where errors that stay unbiased with many inputs are."""
    hc2 = (each * (noise**2 / spare)[:, None]).T @ each
    if len(noise) > _MOST_ROWS_SQUARED:
        return hc2
    apart = (np.eye(len(noise)) - factor @ factor.T) ** 2
    try:
        unbiased = np.linalg.solve(apart, noise**2)
    except np.linalg.LinAlgError:
        return hc2
    known, wanted = np.diag(hc2), (each**2 * unbiased[:, None]).sum(0)
    ratio = np.sqrt(np.divide(wanted, known, out=np.ones_like(known), where=known > 0).clip(1.0, 4.0))
    return hc2 * np.outer(ratio, ratio)


def _bell_mccaffrey(factor: FloatArray, each: FloatArray, spare: FloatArray) -> float:
    """Degrees of freedom of HC2, the fewest of any slope."""
    least = np.inf
    for j in range(1, each.shape[1]):
        a = each[:, j] ** 2 / spare
        inner = (factor * a[:, None]).T @ factor
        least = min(least, (a * spare).sum() ** 2 / ((a**2 * (2 * spare - 1)).sum() + (inner**2).sum()))
    return float(max(least, 1.0))
