"""Log odds and their standard errors against statsmodels, and where none are finite."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.tools.sm_exceptions import SpecificationWarning

from weights.inspection.logistic import logistic
from weights.inspection.slopes import Rows, Slopes

N, P, LAGS = 200, 3, 4  # 4 (200 / 100)^(2/9) = 4.67
RNG = np.random.default_rng(0)
Z = RNG.normal(size=(N, P)) * [1.0, 5.0, 0.2] + 2
POSITIVE = (Z[:, 0] - 0.3 * Z[:, 1] + 2 * RNG.logistic(size=N) > 2).astype(float)
GROUP = RNG.integers(0, 20, N)
MOMENT = RNG.permutation(N).astype(float)
WEIGHT = {"alike": np.ones(N), "weighted": (drawn := RNG.uniform(0.2, 3.0, N)) / drawn.mean()}
WITH_AND_WITHOUT_WEIGHTS = pytest.mark.parametrize("weight", WEIGHT.values(), ids=WEIGHT)
KINDS = {"classical": {}, "hac": {"cov_type": "HAC", "cov_kwds": {"maxlags": LAGS}}}


def rows_of(weight) -> Rows:
    return Rows(weight, GROUP, MOMENT)


def errors(slopes: Slopes, kind: str):
    return slopes.errors[kind]


def logit(y, x, weight):
    """Of statsmodels only the generalised linear model takes weights."""
    return sm.Logit(y, x) if (weight == 1).all() else sm.GLM(y, x, family=sm.families.Binomial(), var_weights=weight)


def logit_peer(weight, kind="classical"):
    with warnings.catch_warnings():
        # "cov_type not fully supported with var_weights", but its scores are a row's times its weight, as ours.
        warnings.simplefilter("ignore", SpecificationWarning)
        order = np.argsort(MOMENT) if kind == "hac" else np.arange(N)  # statsmodels needs rows in order of time
        return logit(POSITIVE[order], sm.add_constant(Z)[order], weight[order]).fit(tol=1e-13, disp=0, **KINDS[kind])


@WITH_AND_WITHOUT_WEIGHTS
def test_log_odds_are_those_of_statsmodels(weight):
    np.testing.assert_allclose(logistic(Z, POSITIVE, rows_of(weight)).slopes, logit_peer(weight).params[1:], rtol=1e-6)


@WITH_AND_WITHOUT_WEIGHTS
@pytest.mark.parametrize("kind", ["classical", "hac"])
def test_errors_of_log_odds_are_those_of_statsmodels(kind, weight):
    np.testing.assert_allclose(errors(logistic(Z, POSITIVE, rows_of(weight)), kind), logit_peer(weight, kind).bse[1:], rtol=1e-6)


@WITH_AND_WITHOUT_WEIGHTS
def test_robust_errors_of_log_odds_are_the_larger_of_whites_and_the_likelihoods(weight):
    rng = np.random.default_rng(6)
    z, weight = rng.normal(size=(4 * N, P)), np.tile(weight, 4)
    positive = (z[:, 0] + rng.logistic(size=4 * N) > 0).astype(float)
    fitted, x = logit(positive, sm.add_constant(z), weight).fit(disp=0, tol=1e-13), sm.add_constant(z)
    p = fitted.predict()
    each = x @ fitted.cov_params() * weight[:, None]
    spare = 1 - ((x @ fitted.cov_params()) * x).sum(1) * weight * p * (1 - p)
    white, likely = ((each**2 * (noise / spare)[:, None]).sum(0)[1:] for noise in ((positive - p) ** 2, p * (1 - p)))
    assert (white > likely).any()
    assert (white < likely).any()
    slopes = logistic(z, positive, Rows(weight, None, None))
    np.testing.assert_allclose(errors(slopes, "robust") ** 2, np.maximum(white, likely), rtol=1e-5)


def test_log_odds_are_tested_by_the_likelihood_ratio():
    slopes = logistic(Z, POSITIVE, Rows(np.ones(N), None, None))
    for j in range(P):
        full, less = (logit(POSITIVE, sm.add_constant(x), np.ones(N)).fit(disp=0).llf for x in (Z, np.delete(Z, j, 1)))
        growth = slopes.null_errors["robust"][j] ** 2 / errors(slopes, "robust")[j] ** 2
        ratio = (slopes.slopes[j] / errors(slopes, "classical")[j]) ** 2 / growth
        assert ratio == pytest.approx(2 * (full - less), rel=0.1)  # one step from the whole to the part


def test_the_fit_without_inputs_is_that_of_logit_without_them():
    without = logistic(Z, POSITIVE, Rows(np.ones(N), None, None)).without(np.arange(1, 3))
    expected = logit(POSITIVE, sm.add_constant(Z[:, :1]), np.ones(N)).fit(disp=0, tol=1e-13)
    np.testing.assert_allclose(without.expected, expected.predict(), rtol=1e-5)
    np.testing.assert_allclose(without.noise, POSITIVE - expected.predict(), atol=1e-5)


@pytest.mark.parametrize(
    ("z", "positive"),
    [(Z, Z[:, 0] > 2), (1e6 * Z, Z[:, 0] > 2), (Z, Z @ [1.0, 0.2, 1.0] > 3)],
    ids=["an input parts the classes", "an input parts far points", "a sum of inputs parts them"],
)
def test_where_a_line_parts_the_classes_no_log_odds_are_finite(z, positive):
    found = logistic(z, positive.astype(float), rows_of(WEIGHT["weighted"]))
    assert np.isnan(found.slopes).all()
    assert all(np.isnan(errors).all() for errors in found.errors.values())


FLAG = np.arange(N) % 10 == 0
WITH_FLAG = np.column_stack([Z, FLAG])
YES_IF_FLAGGED = np.where(FLAG, 1.0, POSITIVE)


@WITH_AND_WITHOUT_WEIGHTS
@pytest.mark.parametrize("kind", KINDS)
def test_where_a_flag_has_one_class_only_the_others_have_the_errors_of_the_remaining_rows(kind, weight):
    """Flagged rows are fitted ever better by the flag alone, and in the limit have no say in the rest."""
    found, rest = logistic(WITH_FLAG, YES_IF_FLAGGED, rows_of(weight)), ~FLAG
    alone = logistic(Z[rest], POSITIVE[rest], Rows(weight[rest], GROUP[rest], MOMENT[rest]))
    np.testing.assert_array_equal(np.isnan(found.slopes), [False, False, False, True])
    np.testing.assert_allclose(found.slopes[:3], alone.slopes, rtol=1e-6)
    # Corrections for small samples count all rows, and flagged ones lie between others in time with scores of zero.
    rtol = {"classical": 1e-6, "robust": 1e-6, "hac": 0.1}[kind]
    np.testing.assert_allclose(errors(found, kind)[:3], errors(alone, kind), rtol=rtol)


def test_a_level_of_three_rows_of_one_class_has_no_finite_log_odds():
    z = np.column_stack([Z, np.arange(N) < 3])
    found = logistic(z, np.where(z[:, 3] == 1, 0.0, POSITIVE), rows_of(WEIGHT["alike"]))
    np.testing.assert_array_equal(np.isnan(found.slopes), [False, False, False, True])


def test_classes_that_overlap_in_two_rows_have_finite_log_odds():
    """Nearly told apart is not told apart: statsmodels finds the same."""
    z = np.linspace(-2, 2, N)[:, None]
    positive = (z[:, 0] > 0).astype(float)
    positive[[95, 105]] = 1 - positive[[95, 105]]
    found = logistic(z, positive, rows_of(WEIGHT["alike"]))
    expected = sm.Logit(positive, sm.add_constant(z)).fit(disp=0, tol=1e-13)
    np.testing.assert_allclose([found.slopes[0], errors(found, "classical")[0]], [expected.params[1], expected.bse[1]], rtol=1e-6)


def test_a_far_row_that_log_odds_explain_leaves_them_an_interval():
    """Among rows that decide it are as many events as noise brings there if the input did nothing, and that is more than one."""
    rng = np.random.default_rng(4)
    z = rng.normal(size=(1_000, 1))
    z[0] = 27.0
    positive = (rng.uniform(size=1_000) < 1 / (1 + np.exp(-0.3 * z[:, 0]))).astype(float)
    positive[0] = 1.0
    assert logistic(z, positive, Rows(np.ones(1_000), None, None)).degrees["robust"][0] > 100
