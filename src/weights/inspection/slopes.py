"""Slopes and how sure they are: least squares on residuals of a feature, logistic regression, and the kinds of standard errors.

Every slope is a weighted sum of outcomes, and a kind of standard error is what it believes of the rows' noise: alike, unequal, shared in
groups, dependent in time. Where the task knows how noise depends on what is expected (a class comes or not), "robust" errors begin with
that, and differ between the slope that was estimated and a slope of zero: few rows show little of their own noise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypedDict

import numpy as np
import scipy.linalg

from weights.inspection.clusters import Clusters
from weights.inspection.partialling import Partialled
from weights.types import FloatArray, IntArray

NoiseVariance = Callable[[FloatArray], FloatArray | None]
"""The variance of targets from the expectations of outcomes, of any shape; None where the task does not know it."""

_FEW_INPUTS = 0.2
"""Inputs per row up to which HC2 serves; with more it is too narrow where noise is unequal."""
_ENOUGH_NOISE, _TOO_LITTLE_NOISE = 20.0, 1.0
"""Noise that the rows which make a slope must show, for classes about how many of the rarer one are expected among them: before its square
counts, and before anything is said (our choices; benchmarks/sizes.py)."""
_MOST_ROWS_SQUARED = 5_000
_MOST_PRODUCTS = 3e9
_NO_RATIO = 1e-10
_MANY_DEGREES = 60.0
"""Of freedom, from which on Student's t differs from the normal distribution by 2 % at most."""


class Rows(NamedTuple):
    """What is known of the rows besides their inputs: weight, mean one (r,); group codes (r,) and moments (r,), or None."""

    weight: FloatArray
    group: IntArray | None
    time: FloatArray | None

    def only(self, which: IntArray) -> Rows:
        """Some of the rows."""
        group, time = (None if each is None else each[which] for each in (self.group, self.time))
        return Rows(self.weight[which] / self.weight[which].mean(), group, time)

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


class WithoutInputs(NamedTuple):
    """What a fit says without some of its inputs.

    noise: that it leaves of targets, shape (r,). expected: means of these, shape (r,).
    residuals: of these inputs given the others, shape (r, b). n_controls: degrees of freedom that the others took.
    """

    noise: FloatArray
    expected: FloatArray
    residuals: FloatArray
    n_controls: float


class Slopes(NamedTuple):
    """Slopes and how sure they are.

    Attributes:
        slopes: shape (b,).
        errors: standard errors (b,) by kind.
        null_errors: the same if the slope were zero; they are those of tests.
        degrees: of freedom of Student's t (b,), by kind.
        covariances: (b, b), of the kinds of error that test several slopes by them.
        without: the same fit without some inputs, by their positions; None where it leaves nothing to go by.
        level: the constant of the regression, which is what it expects where all inputs are zero, as a slope of its own; None where there
            is none.
    """

    slopes: FloatArray
    errors: dict[str, FloatArray]
    null_errors: dict[str, FloatArray]
    degrees: dict[str, FloatArray]
    covariances: dict[str, FloatArray]
    without: Callable[[IntArray], WithoutInputs | None]
    level: Slopes | None = None

    def with_level(self) -> Slopes:
        """All slopes but the first, which is the level."""
        return self.only(np.arange(1, len(self.slopes)))._replace(level=self.only(np.zeros(1, int)))

    def only(self, which: IntArray) -> Slopes:
        """Some of the slopes."""
        errors, null_errors, degrees = (
            {kind: each[which] for kind, each in by_kind.items()} for by_kind in (self.errors, self.null_errors, self.degrees)
        )
        covariances = {kind: matrix[np.ix_(which, which)] for kind, matrix in self.covariances.items()}
        return Slopes(self.slopes[which], errors, null_errors, degrees, covariances, lambda own: self.without(which[own]))


def growth_by_likelihood(slopes: FloatArray, own: FloatArray, ratios: FloatArray) -> FloatArray:
    """What multiplies variances (b,) of slopes (b,) if these are zero, so that their tests are those of likelihood ratios (b,)."""
    return np.divide(slopes**2, ratios * own, out=np.ones_like(own), where=ratios > _NO_RATIO)


def variances_in_time(scores: FloatArray, time: FloatArray) -> FloatArray:
    """The variances (b,) of the sums over rows of scores (r, b) of mean zero, where rows depend on those near in time (r,).

    Newey and West 1987: Bartlett's kernel over 4 (r / 100)^(2/9) steps.
    """
    ordered, n_steps = scores[np.argsort(time, kind="stable")], n_lags(len(scores))
    total = (ordered**2).sum(0)
    for lag in range(1, min(n_steps, len(scores) - 1) + 1):
        total = total + 2 * (1 - lag / (n_steps + 1)) * (ordered[lag:] * ordered[:-lag]).sum(0)
    return total


def n_lags(n_rows: int) -> int:
    """Over how many steps in time rows may depend on each other, for "hac"."""
    return int(4 * (n_rows / 100) ** (2 / 9))


def find_clusters(partialled: Partialled, rows: Rows) -> Clusters | None:
    """The clusters of the fit that accounts for the other features; None without groups, or where that fit is penalised."""
    if rows.group is None or partialled.regressors is None:
        return None
    x = np.column_stack([np.ones(len(rows.weight)), partialled.regressors]) * np.sqrt(rows.weight)[:, None]
    return clusters_of(scipy.linalg.qr(x, mode="economic", check_finite=False)[0], rows)


def regress_residuals(
    residuals: FloatArray,
    outcome: FloatArray,
    expected: FloatArray,
    partialled: Partialled,
    rows: Rows,
    clusters: Clusters | None = None,
    noise_variance: NoiseVariance = lambda expected: None,
    unit: FloatArray | float = 1.0,
    ratios: Callable[[FloatArray], FloatArray] | None = None,
) -> Slopes:
    """Slopes of residuals of an outcome on residuals of a feature (Robinson 1988; Chernozhukov et al. 2018).

    Args:
        residuals: of the feature's inputs, shape (r, b).
        outcome: of each row, shape (r,).
        expected: of the outcome without the feature, by members that never saw the row, shape (r,).
        partialled: how the residuals were made.
        rows: what else is known of them.
        clusters: from `find_clusters`, which counts what the other features' part took; residuals alone count without.
        noise_variance: of targets.
        unit: of the outcome for one of the target, shape (r,).
        ratios: of likelihoods, in units of the rows' weights, from how far rows move back without each input, (r, b) -> (b,).
    """
    weight, n, n_others = rows.weight, rows.n_used, max(partialled.n_controls - residuals.shape[1], 1.0)
    gap = outcome - expected
    products = np.linalg.inv((residuals * weight[:, None]).T @ residuals)
    each = residuals * weight[:, None] @ products
    slopes = each.T @ gap
    noise = gap - residuals @ slopes
    inflation = partialled.dof_inflation**2
    errors = Errors(rows, slopes, max(n - max(partialled.n_controls, residuals.shape[1]), 1.0))
    errors.add_classical(inflation * (weight * noise**2).sum() / n * products)
    fitted, leverage = expected + residuals @ slopes, (each * residuals).sum(1)
    makes = (each.T * unit).T
    own = np.diag(products)
    moved = _unrooted(each, weight[:, None]) / own * slopes
    known = _known_noise(noise_variance, fitted, noise / unit, makes, moved)
    tested = None if ratios is None else growth_by_likelihood(slopes, own, ratios(moved))
    errors.add_robust(makes, noise / unit, leverage, scale=inflation, test_growth=tested, **known)
    errors.add_in_time(each * noise[:, None], scale=inflation)
    if rows.group is not None:
        root = np.sqrt(weight)
        rooted, left = residuals * root[:, None], noise * root
        fit = clusters or clusters_of(scipy.linalg.qr(rooted, mode="economic", check_finite=False)[0], rows)
        left = left - fit.factor @ (fit.factor.T @ left)
        # Of what accounted for the others, the fit of the clusters counts the inputs, not their hinges.
        counted = 1.0 if clusters is None else partialled.n_rows / max(partialled.n_rows - fit.factor.shape[1], 1)
        errors.add_clusters(fit, rooted @ products, left, scale=inflation / counted)
    return errors.slopes_with(lambda own: WithoutInputs(gap / unit, expected, residuals[:, own], n_others))


def least_squares(z: FloatArray, outcome: FloatArray, rows: Rows, noise_variance: NoiseVariance = lambda expected: None) -> Slopes:
    """The slopes of least squares on all inputs z (r, q) and a constant, its level, to which the above comes when expectations are linear.

    Robust errors are HC2 (MacKinnon and White 1985) with the degrees of freedom of Bell and McCaffrey (2002), so that an input which
    few rows have needs no more than these. With more than one input for five rows they are the larger of HC2 and the unbiased ones of
    Cattaneo, Jansson and Newey (2018, equation 6).
    """
    weight, n, q = rows.weight, rows.n_used, z.shape[1] + 1
    root = np.sqrt(weight)
    x = np.column_stack([np.ones(len(z)), z]) * root[:, None]
    factor, upper = scipy.linalg.qr(x, mode="economic", check_finite=False)
    inverse = scipy.linalg.solve_triangular(upper, np.eye(q), check_finite=False)
    rooted, projected = outcome * root, factor.T @ (outcome * root)
    each = factor @ inverse.T  # (r, q), the level first: slopes are each.T @ (weighted outcome)
    slopes, noise = inverse @ projected, rooted - factor @ projected
    products = inverse @ inverse.T
    fitted = _unrooted(rooted - noise, root)
    leverage = (factor**2).sum(1)
    errors = Errors(rows, slopes, float(max(n - q, 1)))
    errors.add_classical(noise @ noise / max(n - q, 1) * products)
    many = q > _FEW_INPUTS * n
    growth = _growth_with_many_inputs(factor, each, noise) if many else 1.0
    makes = each * root[:, None]
    moved = _unrooted(makes, weight[:, None]) / np.diag(products) * slopes
    known = _known_noise(noise_variance, fitted, outcome - fitted, makes, moved)
    degrees = bell_mccaffrey(factor, each, leverage) if many or known["known"] is None else None
    errors.add_robust(makes, outcome - fitted, leverage, scale=growth, degrees=degrees, **known)
    errors.add_in_time(each * noise[:, None])
    if rows.group is not None:
        errors.add_clusters(clusters_of(factor, rows), each, noise)

    def without(own: IntArray) -> WithoutInputs:
        residuals = _unrooted(each[:, own] @ np.linalg.inv(products[np.ix_(own, own)]), root[:, None])
        moved = residuals @ slopes[own]
        return WithoutInputs(outcome - fitted + moved, fitted - moved, residuals, q - len(own))

    return errors.slopes_with(without).with_level()


def _unrooted(values: FloatArray, root: FloatArray) -> FloatArray:
    """Values over the root of weights, or zero where that is."""
    return np.divide(values, root, out=np.zeros_like(values), where=root > 0)


class _KnownNoise(TypedDict):
    known: FloatArray | None
    null_growth: FloatArray | float


def _known_noise(noise_variance: NoiseVariance, fitted: FloatArray, noise: FloatArray, makes: FloatArray, moved: FloatArray) -> _KnownNoise:
    """The variance of each row's noise (r,), and the factor by which those of slopes (b,) differ if a slope is zero.

    What is fitted (r,) to a row moves (r, b) by that. It may be wrong as well: what rows show of noise (r,) beyond what is known is taken
    to be alike in all of them.
    """
    known = noise_variance(fitted)
    if known is None:
        return {"known": None, "null_growth": 1.0}
    without = noise_variance(fitted[:, None] - moved)
    assert without is not None
    square = makes**2
    beyond = max(float((noise**2 - known)[square.any(1)].mean()), 0.0) if square.any() else 0.0
    return {"known": known + beyond, "null_growth": growth_of_noise(makes, known + beyond, without + beyond)}


def growth_of_noise(makes: FloatArray, known: FloatArray, without: FloatArray) -> FloatArray:
    """What multiplies variances of slopes makes.T @ outcome, (r, b), if noise of known variance (r,) has another without each, (r, b)."""
    square = makes**2
    variance = square.T @ known
    return np.divide((square * without).sum(0), variance, out=np.ones_like(variance), where=variance > 0)


class Errors:
    """Standard errors and degrees of freedom by kind, as they are estimated."""

    def __init__(self, rows: Rows, slopes: FloatArray, usual: float) -> None:
        """For these slopes (b,), and the degrees of freedom of what has none of its own."""
        self.rows, self.slopes = rows, slopes
        # JSON has no infinity, and Student's t with a million degrees is normal to six digits.
        self.usual = np.full(len(slopes), min(usual, 1e6))
        self.errors: dict[str, FloatArray] = {}
        self.null_errors: dict[str, FloatArray] = {}
        self.degrees: dict[str, FloatArray] = {}
        self.covariances: dict[str, FloatArray] = {}

    def add(self, kind: str, variance: FloatArray, degrees: FloatArray | None = None, null: FloatArray | None = None) -> None:
        """Errors from variances (b,), degrees of freedom (b,) and the variances (b,) if slopes were zero."""
        self.errors[kind] = np.sqrt(variance.clip(0.0))
        self.null_errors[kind] = self.errors[kind] if null is None else np.sqrt(null.clip(0.0))
        self.degrees[kind] = self.usual if degrees is None else np.minimum(degrees, self.usual)

    def add_classical(self, matrix: FloatArray) -> None:
        """Errors of noise that is alike in all rows, from the covariance (b, b)."""
        self.covariances["classical"] = matrix
        self.add("classical", np.diag(matrix))

    def add_robust(
        self,
        makes: FloatArray,
        noise: FloatArray,
        leverage: FloatArray,
        *,
        scale: float | FloatArray = 1.0,
        degrees: FloatArray | None = None,
        known: FloatArray | None = None,
        null_growth: FloatArray | float = 1.0,
        test_growth: FloatArray | None = None,
    ) -> None:
        """Errors of noise that differs between rows.

        Where the task knows the noise, errors are those of that, and the larger of both where there is enough to go by; with too little
        none has degrees of freedom.

        Args:
            makes: slopes are makes.T @ outcome, shape (r, b).
            noise: that is left of the outcome, shape (r,).
            leverage: of rows on what is expected of them, shape (r,).
            scale: of the variances, shape (b,) or ().
            degrees: of freedom (b,); without, `_least_degrees`, or the usual ones where the task knows the noise.
            known: variance of the noise where the task knows it, shape (r,).
            null_growth: of that, in slopes, if they were zero, shape (b,).
            test_growth: of the variances that tests go by, shape (b,); without, the same.
        """
        square, spare = makes**2, (1 - leverage).clip(1e-10)
        shown = scale * (square.T @ (noise**2 / spare))
        if known is None:
            self.add("robust", shown, _least_degrees(makes, leverage) if degrees is None else degrees)
            return
        total, total_squares = square.sum(0), (square**2 / spare[:, None]).sum(0)
        variance = scale * (square.T @ (known / spare))
        null, tested = variance * null_growth, variance * (null_growth if test_growth is None else test_growth)
        enough = total * variance / np.maximum(scale * total_squares, 1e-300) >= _ENOUGH_NOISE
        growth = np.where(enough, np.divide(shown, variance, out=np.ones_like(variance), where=variance > 0).clip(1.0), 1.0)
        self.usual = np.where(total * null >= _TOO_LITTLE_NOISE * scale * total_squares, self.usual, 0.0)
        self.degrees = {kind: np.minimum(degrees, self.usual) for kind, degrees in self.degrees.items()}
        self.add("robust", variance * growth, degrees, null=tested * growth)

    def add_in_time(self, scores: FloatArray, *, scale: float = 1.0) -> None:
        """Errors of slopes that are sums over rows of scores (r, b), with variances times `scale`; none of rows without moments."""
        if self.rows.time is not None:
            self.add("hac", scale * variances_in_time(scores, self.rows.time))

    def add_clusters(self, clusters: Clusters, makes: FloatArray, noise: FloatArray, *, scale: float = 1.0) -> None:
        """Errors as `Clusters.errors` gives them; the covariance times `scale`."""
        errors = clusters.errors(makes, noise)
        self.covariances["cluster"] = scale * errors.covariance
        self.add("cluster", np.diag(self.covariances["cluster"]), errors.degrees)

    def slopes_with(self, without: Callable[[IntArray], WithoutInputs | None]) -> Slopes:
        """The slopes with their errors."""
        return Slopes(self.slopes, self.errors, self.null_errors, self.degrees, self.covariances, without)


def _least_degrees(makes: FloatArray, leverage: FloatArray) -> FloatArray:
    """A lower bound of Bell and McCaffrey's degrees of freedom, shape (b,), close where no row makes a slope nearly alone.

    Arguments are as those of `Errors.add_robust`.
    """
    square = makes**2
    total, total_squares = square.sum(0), (square**2 / (1 - leverage).clip(1e-10)[:, None]).sum(0)
    return np.divide(total**2, total_squares, out=np.ones_like(total), where=total_squares > 0)


def clusters_of(factor: FloatArray, rows: Rows) -> Clusters:
    """The clusters of weighted inputs (r, q); rows of weight zero, which are zeros, tell nothing."""
    assert rows.group is not None
    return Clusters(factor, rows.group)


def _growth_with_many_inputs(factor: FloatArray, each: FloatArray, noise: FloatArray) -> FloatArray | float:
    """The factor, from one to 16, by which variances that stay unbiased with many inputs are larger than those of HC2, shape (b,)."""
    if len(noise) > _MOST_ROWS_SQUARED:
        return 1.0
    leaves = np.eye(len(noise)) - factor @ factor.T
    try:
        unbiased = np.linalg.solve(leaves**2, noise**2)
    except np.linalg.LinAlgError:
        return 1.0
    square = each**2
    known, wanted = square.T @ (noise**2 / np.diag(leaves).clip(1e-10)), square.T @ unbiased
    return np.divide(wanted, known, out=np.ones_like(known), where=known > 0).clip(1.0, 16.0)


def bell_mccaffrey(factor: FloatArray, each: FloatArray, leverage: FloatArray) -> FloatArray:
    """Degrees of freedom of HC2, shape (b,): those of the chi squared with the same mean and variance under noise that is alike.

    Where a lower bound has so many that it makes no difference, or all would take too long, they are that bound.

    Args:
        factor: an orthonormal basis of the weighted inputs, shape (r, q).
        each: slopes are each.T @ weighted outcome, shape (r, b).
        leverage: squared lengths of the factor's rows, shape (r,).
    """
    spare = (1 - leverage).clip(1e-10)
    degrees = _least_degrees(each, leverage)
    few = np.flatnonzero(degrees < _MANY_DEGREES)
    if len(few) * factor.size * factor.shape[1] > _MOST_PRODUCTS:
        return degrees
    for j in few:
        square = each[:, j] ** 2
        scaled = square / spare
        between = (factor * scaled[:, None]).T @ factor
        degrees[j] = square.sum() ** 2 / ((scaled**2 * (2 * spare - 1)).sum() + (between**2).sum())
    return degrees
