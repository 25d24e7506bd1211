"""Slopes and their standard errors against statsmodels, closed forms and simulations."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.special
import statsmodels.api as sm

from weights.inspection import slopes
from weights.inspection.partialling import Partialled
from weights.inspection.slopes import Rows, Slopes, least_squares, regress_residuals

N, P = 200, 3
RNG = np.random.default_rng(0)
Z = RNG.normal(size=(N, P)) * [1.0, 5.0, 0.2] + 2
Y = Z @ [1.0, -1.0, 0.0] + (1 + np.abs(Z[:, 0])) * RNG.normal(size=N)
GROUP = RNG.integers(0, 20, N)
MOMENT = RNG.permutation(N).astype(float)
WEIGHT = {"alike": np.ones(N), "weighted": (drawn := RNG.uniform(0.2, 3.0, N)) / drawn.mean()}
WITH_AND_WITHOUT_WEIGHTS = pytest.mark.parametrize("weight", WEIGHT.values(), ids=WEIGHT)
LAGS = 4  # 4 (200 / 100)^(2/9) = 4.67

KINDS = {
    "classical": {},
    "robust": {"cov_type": "HC2"},
    "hac": {"cov_type": "HAC", "cov_kwds": {"maxlags": LAGS}},  # without a correction for small samples, statsmodels' default and ours
}


def rows_of(weight) -> Rows:
    return Rows(weight, GROUP, MOMENT)


def errors(found: Slopes, kind: str):
    return found.errors[kind]


def peer(weight, kind="classical", *, y=Y, model=sm.WLS, **options):
    """statsmodels' results; for "hac" on rows in order of time, which it needs."""
    order = np.argsort(MOMENT) if kind == "hac" else np.arange(N)
    return model(y[order], sm.add_constant(Z)[order], weight[order]).fit(**KINDS[kind] | options)


# Least squares


@WITH_AND_WITHOUT_WEIGHTS
def test_slopes_of_least_squares_are_those_of_statsmodels(weight):
    np.testing.assert_allclose(least_squares(Z, Y, rows_of(weight)).slopes, peer(weight).params[1:], rtol=1e-6)


@WITH_AND_WITHOUT_WEIGHTS
@pytest.mark.parametrize("kind", KINDS)
def test_errors_of_least_squares_are_those_of_statsmodels(kind, weight):
    np.testing.assert_allclose(errors(least_squares(Z, Y, rows_of(weight)), kind), peer(weight, kind).bse[1:], rtol=1e-6)


def test_degrees_of_freedom_are_rows_minus_parameters():
    degrees = least_squares(Z, Y, rows_of(WEIGHT["alike"])).degrees
    for kind in ("classical", "hac"):
        np.testing.assert_array_equal(degrees[kind], np.full(P, N - P - 1))


def test_robust_degrees_of_a_level_are_those_of_its_rows():
    """Beside infinitely many others: the level's mean is known from its own rows, whose variance has one degree less."""
    level = np.arange(20_000) < 12
    y = np.random.default_rng(0).normal(size=20_000)
    slopes = least_squares(level[:, None].astype(float), y, Rows(np.ones(20_000), None, None))
    assert slopes.degrees["robust"][0] == pytest.approx(11, rel=0.01)
    assert slopes.errors["robust"][0] == pytest.approx(y[level].std(ddof=1) / np.sqrt(12), rel=0.01)


# Many inputs: more than one for five rows

MANY = np.random.default_rng(1).normal(size=(60, 20))
NOISY = MANY[:, 0] + (1 + np.abs(MANY[:, 1])) * np.random.default_rng(2).normal(size=60)
MANY_WEIGHT = np.random.default_rng(3).uniform(0.3, 2.0, 60)
MANY_ROWS = Rows(MANY_WEIGHT / MANY_WEIGHT.mean(), None, None)


def projections():
    """What makes the slopes of all rows' outcomes times root weight (q, r), and what leaves their noise (r, r), by plain inverses."""
    x = sm.add_constant(MANY) * np.sqrt(MANY_ROWS.weight)[:, None]
    makes = np.linalg.inv(x.T @ x) @ x.T
    return makes, np.eye(60) - x @ makes


def test_with_many_inputs_errors_are_the_larger_of_hc2_and_the_unbiased_ones():
    makes, leaves = projections()
    squares = (leaves @ (NOISY * np.sqrt(MANY_ROWS.weight))) ** 2
    hc2 = (makes**2 @ (squares / np.diag(leaves)))[1:]
    unbiased = (makes**2 @ np.linalg.inv(leaves**2) @ squares)[1:]  # Cattaneo, Jansson and Newey 2018, equation 6
    assert (unbiased > hc2).any()
    assert (unbiased < hc2).any()
    found = least_squares(MANY, NOISY, MANY_ROWS)
    np.testing.assert_allclose(errors(found, "robust"), np.sqrt(np.maximum(hc2, unbiased)), rtol=1e-6)


def test_with_many_inputs_and_rows_errors_are_hc2(monkeypatch):
    monkeypatch.setattr(slopes, "_MOST_ROWS_SQUARED", 59)
    expected = sm.WLS(NOISY, sm.add_constant(MANY), MANY_ROWS.weight).fit(cov_type="HC2").bse[1:]
    np.testing.assert_allclose(errors(least_squares(MANY, NOISY, MANY_ROWS), "robust"), expected, rtol=1e-6)


def test_degrees_with_many_inputs_match_the_moments_of_hc2_or_lie_below(monkeypatch):
    """HC2 is a sum of squares of normal noise, so its first two moments come from eigenvalues (Bell and McCaffrey 2002)."""
    makes, leaves = projections()
    sums = [np.linalg.eigvalsh(leaves @ np.diag(row**2 / np.diag(leaves)) @ leaves) for row in makes[1:]]
    expected = [values.sum() ** 2 / (values**2).sum() for values in sums]
    np.testing.assert_allclose(least_squares(MANY, NOISY, MANY_ROWS).degrees["robust"], expected, rtol=1e-9)  # float64
    monkeypatch.setattr(slopes, "_MOST_PRODUCTS", 0)
    assert (least_squares(MANY, NOISY, MANY_ROWS).degrees["robust"] <= expected).all()


def test_a_slope_that_one_row_makes_nearly_alone_has_the_degrees_of_that_row_and_not_fewer():
    z = np.random.default_rng(3).normal(size=(200, 3))
    z[0, 1] = 400.0
    degrees = least_squares(z, z[:, 0], Rows(np.ones(200), None, None)).degrees["robust"]
    x = np.column_stack([np.ones(200), z])
    makes, leaves = np.linalg.pinv(x), np.eye(200) - x @ np.linalg.pinv(x)
    values = np.linalg.eigvalsh(leaves @ np.diag(makes[2] ** 2 / np.diag(leaves)) @ leaves)
    assert degrees[1] == pytest.approx(values.sum() ** 2 / (values**2).sum(), rel=1e-6)
    assert 1 <= degrees[1] < 1.1


def held(inputs):
    """Share of 200 simulated tables whose robust 95 % interval of the first slope holds it; noise grows with the second input."""
    inside = 0
    for seed in range(200):
        rng = np.random.default_rng([7, seed])
        z = inputs(rng)
        y = z[:, 0] + (0.5 + np.abs(z[:, 1])) * rng.normal(size=len(z))
        found = least_squares(z, y, Rows(np.ones(len(z)), None, None))
        inside += abs(found.slopes[0] - 1) <= scipy.special.stdtrit(found.degrees["robust"][0], 0.975) * errors(found, "robust")[0]
    return inside / 200


LEAST_HELD = 0.95 - 3 * np.sqrt(0.95 * 0.05 / 200)
"""Three standard deviations of a binomial share below the level."""


@pytest.mark.parametrize("p", [5, 25, 50])
def test_intervals_hold_under_unequal_noise_up_to_one_input_for_two_rows(p):
    assert held(lambda rng: rng.normal(size=(100, p))) >= LEAST_HELD


def test_intervals_hold_for_a_flag_that_five_rows_have():
    """With fewer they do not, and `design` has such inputs lost."""
    first = (np.arange(100) < 5)[:, None]
    assert held(lambda rng: np.column_stack([first, rng.normal(size=(100, 2))])) >= LEAST_HELD


def test_a_row_far_from_all_others_brings_no_warning():
    z = MANY.copy()
    z[0, 0] = 1e8
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        least_squares(z, NOISY, MANY_ROWS)
    assert heard == []


def test_with_many_inputs_an_outcome_without_noise_has_errors_of_zero():
    """As of a class that none of the rows has."""
    found = least_squares(MANY, np.zeros(60), MANY_ROWS)
    np.testing.assert_array_equal(found.errors["robust"], np.zeros(20))


# Residual on residual


def slopes_of_first_two(weight) -> Slopes:
    """From what plain least squares on the third input and a constant leave of the first two and of the outcome."""
    root, other, values = np.sqrt(weight)[:, None], sm.add_constant(Z[:, 2:]), np.column_stack([Z[:, :2], Y])
    residuals = values - other @ np.linalg.lstsq(other * root, values * root, rcond=None)[0]
    return regress_residuals(
        residuals[:, :2], residuals[:, 2], np.zeros(N), Partialled(residuals[:, :2], P + 1, N, "least squares"), rows_of(weight)
    )


@WITH_AND_WITHOUT_WEIGHTS
def test_slopes_of_what_is_left_are_those_of_least_squares(weight):
    """Frisch and Waugh 1933; Lovell 1963."""
    np.testing.assert_allclose(slopes_of_first_two(weight).slopes, peer(weight).params[1:3], rtol=1e-6)


@WITH_AND_WITHOUT_WEIGHTS
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("classical", {}),
        ("hac", {"cov_kwds": {"maxlags": LAGS, "use_correction": True}}),  # the same
    ],
)
def test_errors_of_what_is_left_count_the_controls(kind, options, weight):
    np.testing.assert_allclose(errors(slopes_of_first_two(weight), kind), peer(weight, kind, **options).bse[1:3], rtol=1e-6)


@WITH_AND_WITHOUT_WEIGHTS
def test_robust_errors_of_what_is_left_are_hc2_of_the_residuals_times_what_the_controls_took(weight):
    slopes = slopes_of_first_two(weight)
    root = np.sqrt(weight)
    without = slopes.without(np.arange(2))
    rooted = without.residuals * root[:, None]
    hc2 = sm.OLS(without.noise * root, rooted).fit(cov_type="HC2").bse
    np.testing.assert_allclose(errors(slopes, "robust"), hc2 * np.sqrt(N / (N - P - 1)), rtol=1e-6)


# Noise that the task knows


def share_of(probability):
    """The variance of a class that comes with this probability."""
    return probability.clip(0, 1) * (1 - probability.clip(0, 1))


def beside_many(n_level: int, came: int):
    """Least squares on a level of so many rows, of which as many are of a class that half of 20,000 others are of."""
    level = np.arange(20_000) < n_level
    y = np.where(level, np.arange(20_000) < came, np.arange(20_000) % 2).astype(float)
    return least_squares(level[:, None].astype(float), y, Rows(np.ones(20_000), None, None), share_of)


def test_the_error_of_a_share_is_that_of_its_binomial_and_of_no_effect_that_of_the_others():
    slopes = beside_many(10, 9)
    assert slopes.slopes[0] == pytest.approx(0.4, rel=1e-3)
    assert errors(slopes, "robust")[0] == pytest.approx(np.sqrt(0.9 * 0.1 / 9), rel=1e-2)  # leverage of a tenth
    assert slopes.null_errors["robust"][0] == pytest.approx(errors(slopes, "robust")[0] * np.sqrt(0.25 / 0.09), rel=1e-2)


def test_a_level_in_which_a_class_always_came_is_tested_by_the_noise_of_no_effect():
    """Its own rows show none."""
    slopes = beside_many(12, 12)
    assert errors(slopes, "robust")[0] < 0.02
    assert slopes.null_errors["robust"][0] == pytest.approx(np.sqrt(0.25 / 11), rel=0.1)


def test_a_level_of_which_less_than_a_row_of_the_class_is_expected_says_nothing():
    level = np.arange(2_000) < 10
    y = (np.arange(2_000) % 50 == 0).astype(float)
    slopes = least_squares(level[:, None].astype(float), y, Rows(np.ones(2_000), None, None), share_of)
    assert slopes.degrees["robust"][0] == 0
    assert slopes.degrees["classical"][0] == 0


def test_where_rows_show_enough_more_noise_than_the_task_knows_counts():
    rng = np.random.default_rng(3)
    z = rng.normal(size=(900, 1))
    y = (rng.uniform(size=900) < 0.5).astype(float)
    known = least_squares(z, y, Rows(np.ones(900), None, None), lambda expected: 0.5 * share_of(expected))
    hc2 = least_squares(z, y, Rows(np.ones(900), None, None))
    assert errors(known, "robust")[0] == errors(hc2, "robust")[0]
