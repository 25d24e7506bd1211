"""Log odds of logistic regression and how sure they are: `logistic`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.linalg
import scipy.special

from weights.elements.regularization import Regularization
from weights.inspection.slopes import Errors, Rows, Slopes, WithoutInputs, clusters_of, growth_by_likelihood, growth_of_noise
from weights.tasks.classes import Binary
from weights.training.exact import solve
from weights.training.problem import Problem
from weights.types import FloatArray, IntArray

_IDLE = 1e-3
_MOST_NEWTON_STEPS = 25
_LONGEST_STEP = 5.0
_NEWTON_TOLERANCE = 1e-6
_FITTED = 1e-9
_LEAST_NOISE_EACH = 2.0
"""About how many rows of the rarer class, or events, there must be for each input of a fit (our choice; benchmarks/sizes.py)."""
_SEPARATED = 50.0
"""A standard error of so many log odds, or logs of a rate, per standard deviation says that none is finite."""


def logistic(z: FloatArray, positive: FloatArray, rows: Rows) -> Slopes:
    """Log odds per unit: unpenalised logistic regression on inputs z (r, q).

    Tests are those of likelihood ratios, with the fit without an input one Newton step away. Errors are the larger of those of the
    likelihood and White's. NaN for inputs that separate some rows' classes perfectly, whose log odds grow without end; the others are
    those of the remaining rows.
    """
    weight = rows.weight
    mean, spread = np.average(z, axis=0, weights=weight), z.std(0)
    spread[spread == 0] = 1.0
    standard = (z - mean) / spread
    problem = Problem(Binary.convex, standard, positive.astype(np.int32), weight, 1, np.arange(z.shape[1]))
    solution = solve(problem, Regularization(penalty="none"), 0.0, tolerance=1e-11)
    coefficients = np.concatenate([solution.b, solution.w[:, 0]])
    x = np.column_stack([np.ones(len(z)), standard])
    link = x @ coefficients
    probability = scipy.special.expit(link)
    precision = weight * probability * (1 - probability)
    kept, products = keep_finite((x * precision[:, None]).T @ x)
    whole, x = x, x[:, kept]
    at_zero = constant_at_zero(mean / spread, kept)
    slopes, each = np.append(coefficients[0] - coefficients[1:] @ (mean / spread), coefficients[kept[1:]]), x @ products @ at_zero
    noise = weight * (positive - probability)
    errors = Errors(rows, slopes, np.inf)
    errors.add_classical(at_zero.T @ products @ at_zero)
    # How much less likely classes are without an input says how large its error is if its log odds are zero.
    own = np.diag(errors.covariances["classical"])
    moved = each * (slopes / own)
    tested = growth_by_likelihood(slopes, own, _likelihood_ratios(link, moved, positive, weight))
    leverage, known = precision * ((x @ products) * x).sum(1), probability * (1 - probability)
    makes = each * weight[:, None]
    growth = growth_of_noise(makes, known, _respond(link[:, None] - moved)[1])
    errors.add_robust(makes, positive - probability, leverage, known=known, null_growth=growth, test_growth=tested)
    add_dependence(errors, x, each, precision, noise, at_zero)

    def without(own: IntArray) -> WithoutInputs | None:
        return fit_without(whole, coefficients, own, np.setdiff1d(kept, own), positive, weight, _respond)

    return expand(errors.slopes_with(without), kept, np.append(1.0, spread)).with_level()


def constant_at_zero(zero: FloatArray, kept: IntArray) -> FloatArray:
    """The matrix, from the right, from coefficients beside a constant of average inputs to those beside one of zero inputs, shape (k, k).

    Args:
        zero: how many standard deviations the averages lie above zero, shape (q,).
        kept: places of the constant and of inputs that have coefficients, shape (k,).
    """
    moves = np.eye(len(kept))
    moves[1:, 0] = -zero[kept[1:] - 1]
    return moves


def add_dependence(errors: Errors, x: FloatArray, each: FloatArray, precision: FloatArray, noise: FloatArray, at_zero: FloatArray) -> None:
    """Add errors of rows near in time and of clusters, where there are such, to a regression with a canonical link.

    Args:
        errors: to which they are added.
        x: inputs, the constant first, shape (r, q).
        each: slopes are sums of each times noise, shape (r, q).
        precision: weights of the last step to the solution, shape (r,).
        noise: weighted residuals, shape (r,).
        at_zero: see `constant_at_zero`.
    """
    errors.add_in_time(each * noise[:, None])
    if errors.rows.group is not None:
        # As least squares on the working residuals.
        root = np.sqrt(precision.clip(1e-12))
        factor, upper = scipy.linalg.qr(x * root[:, None], mode="economic", check_finite=False)
        inverse = scipy.linalg.solve_triangular(upper, np.eye(x.shape[1]), check_finite=False)
        errors.add_clusters(clusters_of(factor, errors.rows), factor @ inverse.T @ at_zero, noise / root)


def _respond(link: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Probabilities of log odds, and the variance of classes that come with these."""
    probability = scipy.special.expit(link)
    return probability, probability * (1 - probability)


Respond = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
"""Gives the means of targets from values of a canonical link, and the derivative of these."""


def fit_without(
    x: FloatArray, coefficients: FloatArray, own: IntArray, others: IntArray, y: FloatArray, weight: FloatArray, respond: Respond
) -> WithoutInputs | None:
    """Regression with a canonical link on inputs x (r, q), whose solution is known, without some, by Newton's method from there.

    What has no finite coefficient is among neither, unless it is to be left out: its rows are fitted as well as can be, and say nothing.
    None where others are so many that they leave nothing to go by.
    """
    rest, moved = x[:, others], x @ coefficients - x[:, own] @ coefficients[own]
    for _ in range(_MOST_NEWTON_STEPS):
        mean, variance = respond(moved)
        precision = (weight * variance).clip(1e-12)
        curvature = (rest * precision[:, None]).T @ rest
        step = np.linalg.solve(curvature, rest.T @ (weight * (y - mean)))
        change = rest @ step
        moved = moved + change * min(1.0, _LONGEST_STEP / max(np.abs(change).max(), 1e-300))
        if np.abs(change).max() < _NEWTON_TOLERANCE:
            break
    if variance[weight > 0].sum() < _LEAST_NOISE_EACH * len(others):
        return None
    slopes = np.linalg.solve(curvature, rest.T @ (precision[:, None] * x[:, own]))
    says = variance > _FITTED
    residuals = np.where(says[:, None], x[:, own] - rest @ slopes, 0.0)
    return WithoutInputs(np.where(says, y - mean, 0.0), mean, residuals, len(others))


def _likelihood_ratios(link: FloatArray, moved: FloatArray, positive: FloatArray, weight: FloatArray) -> FloatArray:
    """Twice what the log likelihood falls by, shape (b,), where the log odds of rows (r,) move back by (r, b)."""
    signs = 2 * positive - 1
    return 2 * weight @ (np.logaddexp(0, (-signs * (link - moved.T)).T) - np.logaddexp(0, -signs * link)[:, None])


def expand(slopes: Slopes, inner: IntArray, spread: FloatArray) -> Slopes:
    """Slopes of standardised inputs, per unit of all inputs; NaN for those that are not among the inner ones (k,)."""

    def vector(values: FloatArray, missing: float = np.nan) -> FloatArray:
        outer = np.full(len(spread), missing)
        outer[inner] = values
        return outer

    def matrix(values: FloatArray) -> FloatArray:
        outer = np.full((len(spread), len(spread)), np.nan)
        outer[np.ix_(inner, inner)] = values
        return outer / np.outer(spread, spread)

    errors, null_errors = (
        {kind: vector(each) / spread for kind, each in by_kind.items()} for by_kind in (slopes.errors, slopes.null_errors)
    )
    degrees = {kind: vector(each, 1.0) for kind, each in slopes.degrees.items()}
    covariances = {kind: matrix(each) for kind, each in slopes.covariances.items()}
    return Slopes(vector(slopes.slopes) / spread, errors, null_errors, degrees, covariances, slopes.without)


def keep_finite(curvature: FloatArray) -> tuple[IntArray, FloatArray]:
    """The constant and the inputs whose coefficients are finite, and the inverse of the second derivatives of these."""
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
