"""Slopes and how sure they are: least squares on residuals of a feature, logistic regression, and the kinds of standard errors.

Every slope is a sum over rows of scores, and what a kind of standard error believes of the rows (unequal noise, groups, order in
time) is how it adds them up: `covariance`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.linalg
import scipy.special

from weights.elements.regularization import Regularization
from weights.inspection.clusters import Clusters
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
    def n_clusters(self) -> int | None:
        """The number of groups with rows of weight above zero; None without groups."""
        return None if self.group is None else len(np.unique(self.group[self.weight > 0]))

    @property
    def errors(self) -> str:
        """The kind of standard error that fits these rows."""
        return "cluster" if self.group is not None else "hac" if self.time is not None else "robust"


class Slopes(NamedTuple):
    """Slopes (b,), their covariance (b, b) and the degrees of freedom of Student's t (b,), both by kind of error."""

    slopes: FloatArray
    covariances: dict[str, FloatArray]
    degrees: dict[str, FloatArray]

    def only(self, which: IntArray) -> Slopes:
        """Some of the slopes."""
        covariances = {kind: matrix[np.ix_(which, which)] for kind, matrix in self.covariances.items()}
        return Slopes(self.slopes[which], covariances, {kind: degrees[which] for kind, degrees in self.degrees.items()})


def covariance(scores: FloatArray, kind: str, rows: Rows) -> FloatArray:
    """The covariance (b, b) of the sum over rows of scores (r, b) of mean zero.

    Args:
        scores: of each row.
        kind: "robust": rows are independent, their noise is what it is (White 1980). "hac": near moments may depend on each other
            (Newey and West 1987; Bartlett's kernel over 4 (r / 100)^(2/9) steps).
        rows: with the moments.
    """
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


def find_clusters(partialled: Partialled, rows: Rows) -> Clusters | None:
    """The clusters of the fit that accounts for the other features; None without groups, or where that fit is penalised."""
    if rows.group is None or partialled.regressors is None:
        return None
    x = np.column_stack([np.ones(len(rows.weight)), partialled.regressors]) * np.sqrt(rows.weight)[:, None]
    return _clusters(scipy.linalg.qr(x, mode="economic", check_finite=False)[0], rows)


def regress_residuals(
    residuals: FloatArray, outcome: FloatArray, partialled: Partialled, rows: Rows, clusters: Clusters | None = None
) -> Slopes:
    """Slopes of residuals of an outcome on residuals of a feature (Robinson 1988; Chernozhukov et al. 2018).

    Args:
        residuals: of the feature's inputs, shape (r, b).
        outcome: minus what is expected of it without the feature, by members that never saw the row, shape (r,).
        partialled: how the former was made.
        rows: what else is known of them.
        clusters: from `find_clusters`, which counts what the other features' part took; residuals alone count without.
    """
    weight, n = rows.weight, rows.n_used
    products = np.linalg.inv((residuals * weight[:, None]).T @ residuals)
    each = residuals * weight[:, None] @ products
    slopes = each.T @ outcome
    noise = outcome - residuals @ slopes
    inflation = partialled.dof_inflation**2
    degrees = max(n - max(partialled.n_controls, residuals.shape[1]), 1.0)
    variance = inflation * (weight * noise**2).sum() / n
    found = _Errors(rows, len(slopes), degrees)
    found.add("classical", variance * products)
    for kind in _kinds(rows):
        if kind == "cluster":
            root = np.sqrt(weight)
            rooted, left = residuals * root[:, None], noise * root
            fit = clusters or _clusters(scipy.linalg.qr(rooted, mode="economic", check_finite=False)[0], rows)
            left = left - fit.factor @ (fit.factor.T @ left)
            # Of what accounted for the others, the fit of the clusters counts the inputs, not their hinges.
            counted = 1.0 if clusters is None else partialled.n_rows / max(partialled.n_rows - fit.factor.shape[1], 1)
            found.add_clusters(fit, rooted @ products, left, scale=inflation / counted)
        else:
            found.add(kind, inflation * covariance(each * noise[:, None], kind, rows))
    return Slopes(slopes, found.covariances, found.degrees)


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
    found = _Errors(rows, q, float(max(n - q, 1)))
    found.add("classical", noise @ noise / max(n - q, 1) * (inverse @ inverse.T))
    for kind in _kinds(rows):
        if kind == "cluster":
            found.add_clusters(_clusters(factor, rows), each, noise)
        elif kind != "robust":
            found.add(kind, covariance(each * noise[:, None], kind, rows))
        elif q <= _FEW_INPUTS * n:
            found.add(kind, covariance(each * (noise / spare)[:, None], kind, rows))
        else:
            found.add(kind, _correct_for_many_inputs(factor, each, noise, spare), _bell_mccaffrey(factor, each, spare))
    return Slopes(slopes, found.covariances, found.degrees).only(np.arange(1, q))


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
    found = _Errors(rows, len(kept), np.inf)
    found.add("classical", products)
    for kind in _kinds(rows):
        if kind == "cluster":
            # As least squares on the working residuals, whose weights are those of the last step to the solution.
            root = np.sqrt((weight * probability * (1 - probability)).clip(1e-12))
            factor, upper = scipy.linalg.qr(x[:, kept] * root[:, None], mode="economic", check_finite=False)
            inverse = scipy.linalg.solve_triangular(upper, np.eye(len(kept)), check_finite=False)
            found.add_clusters(_clusters(factor, rows), factor @ inverse.T, weight * (positive - probability) / root)
        else:
            found.add(kind, covariance(scores, kind, rows))
    slopes, inner = np.full(z.shape[1], np.nan), kept[1:] - 1
    slopes[inner] = (solution.w[:, 0] / spread)[inner]

    def expand(matrix: FloatArray) -> FloatArray:
        outer = np.full((q, q), np.nan)
        outer[np.ix_(kept, kept)] = matrix
        return outer[1:, 1:] / np.outer(spread, spread)

    def spread_out(degrees: FloatArray) -> FloatArray:
        outer = np.ones(q - 1)
        outer[inner] = degrees[1:]
        return outer

    covariances = {kind: expand(matrix) for kind, matrix in found.covariances.items()}
    return Slopes(slopes, covariances, {kind: spread_out(degrees) for kind, degrees in found.degrees.items()})


class _Errors:
    """Covariances and degrees of freedom by kind of error, as they are found."""

    def __init__(self, rows: Rows, n_slopes: int, usual: float) -> None:
        self.rows, self.n_slopes, self.usual = rows, n_slopes, usual
        self.covariances: dict[str, FloatArray] = {}
        self.degrees: dict[str, FloatArray] = {}

    def add(self, kind: str, matrix: FloatArray, degrees: float | None = None) -> None:
        """Errors of a kind that has the same degrees of freedom for all slopes: the usual ones, unless it has its own."""
        self.covariances[kind] = matrix
        # JSON has no infinity, and Student's t with a million degrees is normal to six digits.
        self.degrees[kind] = np.full(self.n_slopes, min(self.usual if degrees is None else degrees, 1e6))

    def add_clusters(self, clusters: Clusters, makes: FloatArray, noise: FloatArray, *, scale: float = 1.0) -> None:
        """Errors as `Clusters.errors` gives them; the covariance times `scale`."""
        errors = clusters.errors(makes, noise)
        self.covariances["cluster"], self.degrees["cluster"] = scale * errors.covariance, errors.degrees


def _clusters(factor: FloatArray, rows: Rows) -> Clusters:
    """The clusters of weighted inputs (r, q); rows of weight zero, which are zeros, tell nothing."""
    assert rows.group is not None
    return Clusters(factor, rows.group)


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
