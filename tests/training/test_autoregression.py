"""Filters find an autoregression that is there, gaps are filled as its expectation, and cleaning looks back only."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal

from weights.training.autoregression import clean, fill_gaps, find_farthest, fit_filter, whiten

TRUE = np.array([0.6, 0.0, -0.3])


def autoregression(n, *, seed, taps=TRUE):
    noise = np.random.default_rng(seed).normal(size=n + 200)
    return scipy.signal.lfilter([1.0], np.concatenate([[1.0], -np.asarray(taps)]), noise)[200:]


def test_a_filter_is_the_autoregression_that_made_the_series():
    taps = fit_filter(autoregression(20_000, seed=0), 3)
    # Of n values a coefficient has a deviation of at most 1 / sqrt(n).
    np.testing.assert_allclose(taps, TRUE, atol=4 / np.sqrt(20_000))


def test_white_noise_needs_few_lags():
    lengths = [len(fit_filter(np.random.default_rng([1, i]).normal(size=500), 28)) for i in range(40)]
    assert np.mean(np.asarray(lengths) == 0) > 0.5  # AIC keeps a lag of none in 71 % of series (Shibata 1976), and here one of 28 may do


def test_what_a_filter_leaves_dies_out():
    for seed in range(20):
        taps = fit_filter(np.random.default_rng([2, seed]).normal(size=60).cumsum(), 15)
        roots = np.roots(np.concatenate([[1.0], -taps])) if len(taps) else np.zeros(1)
        assert np.abs(roots).max() < 1


@pytest.mark.parametrize("values", [np.zeros(10), np.full(10, np.nan), np.ones(2), np.zeros(0), np.array([1e-170, -1e-170, 0.0, 1.0])])
def test_nothing_is_found_where_there_is_nothing(values):
    assert np.isfinite(fit_filter(values, 5)).all()


def test_whitening_is_the_step_beside_what_lags_expect():
    values = autoregression(50, seed=3)
    expected = np.array([values[t] - TRUE @ values[t - 3 : t][::-1] for t in range(3, 50)])
    np.testing.assert_allclose(whiten(values, TRUE), expected)
    np.testing.assert_allclose(whiten(np.stack([values, 2 * values], axis=1), TRUE)[:, 1], 2 * expected)


def test_gaps_are_filled_by_the_expectation_given_all_others():
    values = autoregression(40, seed=4, taps=[0.8])
    gaps = values.copy()
    gaps[[10, 20, 21]] = np.nan
    filled = fill_gaps(gaps, np.array([0.8]))
    assert filled[10] == pytest.approx(0.8 / (1 + 0.64) * (values[9] + values[11]))  # of a first-order autoregression, in closed form
    covariance = 0.8 ** np.abs(np.subtract.outer(np.arange(40), np.arange(40))) / (1 - 0.64)
    missing, there = [10, 20, 21], np.setdiff1d(np.arange(40), [10, 20, 21])
    wanted = covariance[np.ix_(missing, there)] @ np.linalg.solve(covariance[np.ix_(there, there)], values[there])
    np.testing.assert_allclose(filled[missing], wanted, atol=1e-8)
    np.testing.assert_array_equal(filled[there], values[there])


def test_gaps_at_the_ends_and_everywhere_are_survived():
    values = autoregression(30, seed=5)
    values[:5] = values[-5:] = np.nan
    assert np.isfinite(fill_gaps(values, TRUE)).all()
    np.testing.assert_array_equal(fill_gaps(np.full(9, np.nan), TRUE), np.zeros(9))


@pytest.mark.parametrize("taps", [np.zeros(0), np.array([0.8]), np.array([1.2, -0.5, 0.25])])
@pytest.mark.parametrize("farthest", [0.0, 1.0, 2.5, np.inf])
@pytest.mark.parametrize("n", [0, 2, 3, 4, 300])
def test_cleaning_goes_from_value_to_value(taps, farthest, n):
    values = autoregression(n, seed=7)
    rng = np.random.default_rng(8)
    values[rng.random(n) < 0.05] += 20.0
    values[rng.random(n) < 0.1] = np.nan
    p, wanted = len(taps), values.copy()
    wanted[:p] = np.nan_to_num(wanted[:p])
    for t in range(p, n):
        expected = taps @ wanted[t - p : t][::-1]
        wanted[t] = expected + np.clip(np.nan_to_num(wanted[t] - expected), -farthest, farthest)
    np.testing.assert_allclose(clean(values, taps, farthest), wanted, atol=1e-12)


def test_a_value_of_any_size_leaves_no_rounding_behind():
    values = autoregression(100, seed=9)
    huge, missing = values.copy(), values.copy()
    huge[40], missing[40] = 1e30, np.nan
    moved = clean(huge, TRUE, 2.5)
    assert moved[40] == pytest.approx(clean(missing, TRUE, 2.5)[40] + 2.5)
    np.testing.assert_array_equal(moved[80:], clean(values, TRUE, 2.5)[80:])


def test_cleaning_sees_nothing_that_came_later():
    values = autoregression(60, seed=6)
    values[[7, 30, 31]] = np.nan
    later = values.copy()
    later[40:] = 1e6
    np.testing.assert_array_equal(clean(values, TRUE, 2.0)[:40], clean(later, TRUE, 2.0)[:40])


def test_a_strange_value_is_moved_and_a_new_level_followed():
    noise = autoregression(200, seed=7, taps=[0.5])
    strange = noise.copy()
    strange[100] += 50
    taps = np.array([0.5])
    farthest = find_farthest(noise, taps)
    assert 2.5 < farthest < 3.5  # three deviations of steps of deviation one
    moved = clean(strange, taps, farthest)
    assert abs(moved[100] - noise[100]) < 2 * farthest
    np.testing.assert_allclose(moved[110:], noise[110:], atol=0.02)
    risen = noise + 8 * (np.arange(200) >= 100)
    np.testing.assert_allclose(clean(risen, np.array([0.95]), farthest)[110:].mean(), risen[110:].mean(), atol=0.5)


def test_a_series_that_mostly_stands_still_is_not_cleaned_away():
    sold = (np.arange(400) % 10 == 0) * 5.0  # nine of ten steps are none
    np.testing.assert_array_equal(clean(sold, np.zeros(0), find_farthest(sold, np.zeros(0))), sold)
