"""Projections on lags, beside least squares and standard errors of other libraries."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
import statsmodels.api as sm

from weights.errors import DataError
from weights.inspection.autoregression import Autoregression, debias
from weights.inspection.projections import Projections


def windows_of(values, n_lags, step):
    """Lags (n, L * C), the newest first, and the value of the first channel so many steps ahead (n,), of values (C, t)."""
    n = values.shape[1] - n_lags - step + 1
    lags = np.concatenate([values[:, n_lags - 1 - lag :][:, :n] for lag in range(n_lags)]).T
    return lags, values[0, n_lags - 1 + step :]


def ordinary(segments, n_lags, step):
    """Least squares of windows that lie in one segment, with a constant."""
    lags, ahead = map(np.concatenate, zip(*(windows_of(segment, n_lags, step) for segment in segments), strict=True))
    return sm.OLS(ahead, sm.add_constant(lags)).fit(cov_type="HC2")


def standardised(values):
    return (values - values.mean(axis=1, keepdims=True)) / values.std(axis=1, keepdims=True)


@pytest.mark.parametrize("step", [1, 2, 5])
def test_weights_are_least_squares_less_their_bias(step):
    values = standardised(np.random.default_rng(1).normal(size=(2, 400)).cumsum(axis=1) % 7)
    segments, n_lags = [values[:, :150], values[:, 170:]], 3
    estimate = Projections(segments, n_lags, 5).estimate(step)
    expected = ordinary(segments, n_lags, step)
    both = np.stack([ordinary([segment[[c, 1 - c]] for segment in segments], n_lags, 1).params[1:] for c in range(2)])
    both[1] = both[1].reshape(n_lags, 2)[:, ::-1].ravel()
    lags, _ = map(np.concatenate, zip(*(windows_of(segment, n_lags, 1) for segment in segments), strict=True))
    nexts = np.concatenate([segment[:, n_lags:] for segment in segments], axis=1).T
    residuals = (nexts - nexts.mean(axis=0)) - (lags - lags.mean(axis=0)) @ both.T
    process = debias(both, residuals.T @ residuals / (len(lags) - lags.shape[1] - 1), len(lags))
    assert estimate.n_windows == expected.nobs
    np.testing.assert_allclose(estimate.weights, expected.params[1:] - process.bias(5)[:, step - 1] / expected.nobs, rtol=1e-6, atol=1e-9)


def test_errors_one_step_ahead_are_those_that_allow_for_unequal_shocks():
    """Of a series without memory, whose errors are widened by less than a thousandth."""
    shocks = np.random.default_rng(2).normal(size=2_000) * np.repeat([0.5, 2.0], 1_000)
    values = standardised(shocks[None])
    estimate, expected = Projections([values], 2, 1).estimate(1), ordinary([values], 2, 1)
    std_errs = np.sqrt((estimate.influences**2).mean(axis=1) / estimate.n_windows)
    np.testing.assert_allclose(std_errs, expected.bse[1:], rtol=0.01)


def test_errors_some_steps_ahead_are_those_of_the_process():
    """One lag of weight r, h steps: the variance of r^h is that of the sum over shocks of all lags that missed them, in closed form."""
    weight, step, n = 0.6, 3, 40_000
    values = standardised(scipy.signal.lfilter([1.0], [1.0, -weight], np.random.default_rng(3).normal(size=n))[None])
    estimate = Projections([values], 1, step).estimate(step)
    responses = weight ** np.arange(step)
    correlations = weight ** np.abs(np.subtract.outer(np.arange(step), np.arange(step)))
    expected = np.sqrt((1 - weight**2) * (responses @ correlations @ responses) / n)
    assert np.sqrt((estimate.influences**2).mean() / n) == pytest.approx(expected, rel=0.03)


def test_sums_of_weights_have_the_errors_of_sums():
    values = standardised(np.random.default_rng(4).normal(size=(1, 300)))
    estimate = Projections([values], 3, 2).estimate(2)
    summed = estimate.combined(np.ones((1, 3)))
    assert summed.weights[0] == pytest.approx(estimate.weights.sum())
    np.testing.assert_allclose(summed.influences[0], estimate.influences.sum(axis=0), atol=1e-12)
    np.testing.assert_array_equal(estimate.of(np.array([2])).weights, estimate.weights[2:])


def test_a_series_that_repeats_itself_has_lags_that_say_nothing_of_their_own():
    values = standardised(np.tile([1.0, 2.0, 5.0, -3.0], 50)[None])
    with pytest.raises(DataError, match="of 6 steps follow exactly from each other"):
        Projections([values], 6, 1)


def test_the_responses_come_from_the_process_without_bias():
    values = standardised(scipy.signal.lfilter([1.0], [1.0, -0.9], np.random.default_rng(5).normal(size=200))[None])
    estimate = Projections([values], 1, 2).estimate(1)
    least_squares = ordinary([values], 1, 1).params[1]
    assert estimate.weights[0] > least_squares  # of a slow series it lies too low
    corrected = debias(np.array([[least_squares]]), np.eye(1), 199)
    bias = Autoregression(corrected.roots.real[None], np.eye(1)).bias(1)[0, 0] / 199
    assert estimate.weights[0] == pytest.approx(least_squares - bias)
