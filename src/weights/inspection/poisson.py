"""Log rates of Poisson regression and how sure they are, whatever the variance of counts: `poisson`."""

from __future__ import annotations

import numpy as np
import scipy.linalg

from weights.elements.regularization import Regularization
from weights.inspection.logistic import add_dependence, constant_at_zero, expand, fit_without, keep_finite
from weights.inspection.slopes import Errors, Rows, Slopes, WithoutInputs, bell_mccaffrey, growth_by_likelihood, growth_of_noise
from weights.tasks.count import Count
from weights.training.exact import solve
from weights.training.problem import Problem
from weights.types import FloatArray, IntArray

_FARTHEST = 300.0


def poisson(z: FloatArray, counts: FloatArray, rows: Rows) -> Slopes:
    """Logs of rate ratios per unit: unpenalised Poisson regression on inputs z (r, q).

    No error believes that counts vary as Poisson's. Classical ones multiply the variance of these by the dispersion that all rows show
    (quasi-likelihood: McCullagh and Nelder 1989, section 9.2); robust ones are the larger of those and of White's with the correction of
    HC2. Tests are those of ratios of quasi-likelihoods, with the fit without an input one Newton step away. NaN for inputs of whose rows
    all counts are zero.
    """
    weight, level = rows.weight, float(np.average(counts, weights=rows.weight)) or 1.0
    mean, spread = np.average(z, axis=0, weights=weight), z.std(0)
    spread[spread == 0] = 1.0
    standard = (z - mean) / spread
    problem = Problem(Count.convex, standard, counts / level, weight, 1, np.arange(z.shape[1]))
    solution = solve(problem, Regularization(penalty="none"), 0.0, tolerance=1e-11)
    coefficients = np.concatenate([solution.b, solution.w[:, 0]])
    x = np.column_stack([np.ones(len(z)), standard])
    relative, _ = _respond(x @ coefficients)
    # Relative to the mean count, so that what is finite does not depend on how many events there are.
    kept, products = keep_finite((x * (weight * relative)[:, None]).T @ x)
    coefficients[0] += np.log(level)
    fitted, products = level * relative, products / level
    whole, x = x, x[:, kept]
    at_zero = constant_at_zero(mean / spread, kept)
    slopes, each = np.append(coefficients[0] - coefficients[1:] @ (mean / spread), coefficients[kept[1:]]), x @ products @ at_zero
    precision, noise = weight * fitted, counts - fitted
    leverage = precision * ((x @ products) * x).sum(1)
    degrees = max(rows.n_used - len(kept), 1)
    dispersion = float(weight @ (noise**2 / fitted.clip(1e-300))) / degrees
    errors = Errors(rows, slopes, float(degrees))
    of_poisson = at_zero.T @ products @ at_zero
    errors.add_classical(dispersion * of_poisson)
    own = np.diag(of_poisson)
    moved = each * (slopes / own)
    tested = growth_by_likelihood(slopes, own, _likelihood_ratios(fitted, moved, counts, weight))
    root = np.sqrt(precision)[:, None]
    degrees_of_rows = bell_mccaffrey(scipy.linalg.qr(x * root, mode="economic")[0], each * root, leverage)
    makes = each * weight[:, None]
    growth = growth_of_noise(makes, fitted, fitted[:, None] * _respond(-moved)[0])
    known = dispersion * fitted
    errors.add_robust(makes, noise, leverage, degrees=degrees_of_rows, known=known, null_growth=growth, test_growth=tested)
    add_dependence(errors, x, each, precision, weight * noise, at_zero)

    def without(own: IntArray) -> WithoutInputs | None:
        return fit_without(whole, coefficients, own, np.setdiff1d(kept, own), counts, weight, _respond)

    return expand(errors.slopes_with(without), kept, np.append(1.0, spread)).with_level()


def _respond(link: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean counts of log rates, and their derivative, which is the same."""
    mean = np.exp(link.clip(-_FARTHEST, _FARTHEST))
    return mean, mean


def _likelihood_ratios(fitted: FloatArray, moved: FloatArray, counts: FloatArray, weight: FloatArray) -> FloatArray:
    """Twice what the Poisson log likelihood falls by, shape (b,), where the log rates of rows (r,) move back by (r, b)."""
    return 2 * weight @ (counts[:, None] * moved + fitted[:, None] * np.expm1(-moved.clip(-_FARTHEST, _FARTHEST)))
