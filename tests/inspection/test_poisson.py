"""Log rates and their standard errors against statsmodels, and how often intervals hold whatever the variance of counts."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.special
import statsmodels.api as sm
from statsmodels.tools.sm_exceptions import SpecificationWarning

from weights.inspection.poisson import poisson
from weights.inspection.slopes import Rows

N, P, LAGS = 200, 3, 4  # 4 (200 / 100)^(2/9) = 4.67
RNG = np.random.default_rng(0)
Z = RNG.normal(size=(N, P)) * [1.0, 5.0, 0.2] + 2
COUNTS = RNG.poisson(np.exp(0.5 * Z[:, 0] - 0.05 * Z[:, 1] - 1) * RNG.gamma(2.0, 0.5, N)).astype(float)
GROUP, MOMENT = RNG.integers(0, 20, N), RNG.permutation(N).astype(float)
WEIGHT = {"alike": np.ones(N), "weighted": (drawn := RNG.uniform(0.2, 3.0, N)) / drawn.mean()}
WITH_AND_WITHOUT_WEIGHTS = pytest.mark.parametrize("weight", WEIGHT.values(), ids=WEIGHT)


def peer(y, z, weight, **options):
    with warnings.catch_warnings():
        # "cov_type not fully supported with var_weights", but its scores are a row's times its weight, as ours.
        warnings.simplefilter("ignore", SpecificationWarning)
        return sm.GLM(y, sm.add_constant(z), family=sm.families.Poisson(), var_weights=weight).fit(tol=1e-13, **options)


@WITH_AND_WITHOUT_WEIGHTS
def test_log_rates_and_errors_of_one_dispersion_are_those_of_statsmodels(weight):
    slopes, expected = poisson(Z, COUNTS, Rows(weight, None, None)), peer(COUNTS, Z, weight, scale="X2")
    np.testing.assert_allclose(slopes.slopes, expected.params[1:], rtol=1e-6)
    np.testing.assert_allclose(slopes.errors["classical"], expected.bse[1:], rtol=1e-6)


@WITH_AND_WITHOUT_WEIGHTS
def test_errors_in_time_are_those_of_statsmodels(weight):
    order = np.argsort(MOMENT)  # statsmodels needs rows in order of time
    expected = peer(COUNTS[order], Z[order], weight[order], cov_type="HAC", cov_kwds={"maxlags": LAGS})
    np.testing.assert_allclose(poisson(Z, COUNTS, Rows(weight, None, MOMENT)).errors["hac"], expected.bse[1:], rtol=1e-6)


@WITH_AND_WITHOUT_WEIGHTS
def test_robust_errors_are_the_larger_of_whites_and_those_of_one_dispersion(weight):
    fitted, x = peer(COUNTS, Z, weight), sm.add_constant(Z)
    mean = fitted.predict()
    each = x @ fitted.cov_params(scale=1.0) * weight[:, None]
    spare = 1 - ((x @ fitted.cov_params(scale=1.0)) * x).sum(1) * weight * mean
    dispersion = (weight * (COUNTS - mean) ** 2 / mean).sum() / (N - P - 1)
    white, alike = ((each**2 * (noise / spare)[:, None]).sum(0)[1:] for noise in ((COUNTS - mean) ** 2, dispersion * mean))
    found = poisson(Z, COUNTS, Rows(weight, None, None)).errors["robust"] ** 2
    np.testing.assert_allclose(found, np.maximum(white, alike), rtol=1e-5)


def test_log_rates_are_tested_by_the_likelihood_ratio():
    slopes = poisson(Z, COUNTS, Rows(np.ones(N), None, None))
    for j in range(P):
        full, less = (peer(COUNTS, z, np.ones(N)).llf for z in (Z, np.delete(Z, j, 1)))
        growth = slopes.null_errors["robust"][j] ** 2 / slopes.errors["robust"][j] ** 2
        alone = peer(COUNTS, Z, np.ones(N)).bse[1 + j]
        assert (slopes.slopes[j] / alone) ** 2 / growth == pytest.approx(2 * (full - less), rel=0.1)  # one step from the whole to the part


def test_the_fit_without_inputs_is_that_of_statsmodels_without_them():
    without = poisson(Z, COUNTS, Rows(np.ones(N), None, None)).without(np.arange(1, 3))
    expected = peer(COUNTS, Z[:, :1], np.ones(N))
    np.testing.assert_allclose(without.expected, expected.predict(), rtol=1e-5)
    np.testing.assert_allclose(without.noise, COUNTS - expected.predict(), atol=1e-5)


def test_one_row_a_cluster_has_about_whites_errors():
    """CR2 of clusters of one row is HC2."""
    z, n = np.tile(Z, (4, 1)), 4 * N
    counts = np.random.default_rng(5).poisson(np.exp(0.3 * z[:, 0]) * np.random.default_rng(6).gamma(0.5, 2.0, n)).astype(float)
    slopes = poisson(z, counts, Rows(np.ones(n), np.arange(n), None))
    fitted = peer(counts, z, np.ones(n), cov_type="HC0")
    np.testing.assert_allclose(slopes.errors["cluster"], fitted.bse[1:], rtol=0.03)  # corrections of 4 inputs in 800 rows


@pytest.mark.parametrize("factor", [1, 10**6])
def test_a_level_of_zero_counts_has_no_finite_log_rate_and_the_others_are_those_of_the_remaining_rows(factor):
    flag = np.arange(N) % 10 == 0
    counts = factor * np.where(flag, 0.0, COUNTS)
    found = poisson(np.column_stack([Z, flag]), counts, Rows(np.ones(N), None, None))
    alone = poisson(Z[~flag], counts[~flag], Rows(np.ones((~flag).sum()), None, None))
    np.testing.assert_array_equal(np.isnan(found.slopes), [False, False, False, True])
    np.testing.assert_allclose(found.slopes[:3], alone.slopes, rtol=1e-5)


def hits(rate: float, *, overdispersion: float, n: int = 300, n_tables: int = 400) -> np.ndarray:
    """The share of 95 % intervals of three log rates, one of a flag that a row in ten has, that hold the truth."""
    rng, truth = np.random.default_rng(int(100 * rate)), np.array([0.3, -0.2, 0.5])
    held = []
    for _ in range(n_tables):
        z = np.column_stack([rng.normal(size=(n, 2)), rng.uniform(size=n) < 0.1])
        mean = rate * np.exp(z @ truth)
        frailty = rng.gamma(1 / overdispersion, overdispersion, n) if overdispersion else 1.0
        slopes = poisson(z, rng.poisson(mean * frailty).astype(float), Rows(np.ones(n), None, None))
        half = scipy.special.stdtrit(slopes.degrees["robust"], 0.975) * slopes.errors["robust"]
        held.append(~(np.abs(slopes.slopes - truth) > half))
    return np.mean(held, 0)


@pytest.mark.parametrize("overdispersion", [0.0, 1.0], ids=["Poisson", "negative binomial"])
@pytest.mark.parametrize("rate", [0.1, 1.0, 10.0])
def test_intervals_of_log_rates_hold_the_truth_whatever_the_variance_of_counts(rate, overdispersion):
    # The share of 400 tables has a standard deviation of sqrt(0.95 * 0.05 / 400) = 0.011; three of them, and 0.01 for 300 rows.
    assert hits(rate, overdispersion=overdispersion).min() > 0.95 - 3 * 0.011 - 0.01
