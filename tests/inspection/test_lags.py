"""Weights of lags: intervals hold what is true of known processes, tests find what is there, and what cannot be measured is refused."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
import scipy.special

from weights.errors import DataError, UsageError
from weights.inspection.lags import Estimates, LagGroup, measure_lags

STEPS = (1, 3, 8)
TURNS = np.array([[[0.7, 0.2], [0.1, 0.6]]])
SLOW = np.array([0.95]).reshape(1, 1, 1)
SEASON = -np.convolve([1, -0.5], [1, 0, 0, 0, -0.6])[1:].reshape(-1, 1, 1)
"""(1 - 0.5 B) (1 - 0.6 B^4) y = shock."""


def draw(coefficients, n_values, n_series, *, bursts=False, seed=1):
    """Series of an autoregression (lags, C, C), shape (n_series, n_values, C), with shocks that may come in bursts (ARCH)."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(n_values + 200, n_series, coefficients.shape[1]))
    for t in range(1, len(values)) if bursts else ():
        values[t] *= np.sqrt(0.5 + 0.5 * values[t - 1] ** 2)
    for t in range(len(coefficients), len(values)):
        for lag, matrix in enumerate(coefficients):
            values[t] += values[t - 1 - lag] @ matrix.T
    return values[200:].transpose(1, 0, 2)


def truth_of(coefficients, n_lags):
    """Weights (n_lags, C, steps) of the first channel at `STEPS`, of an autoregression of no more lags."""
    own, n_channels, _ = coefficients.shape
    companion = np.eye(n_lags * n_channels, k=-n_channels)
    companion[:n_channels, : own * n_channels] = np.concatenate(coefficients, axis=1)
    rows = [np.linalg.matrix_power(companion, step)[0] for step in STEPS]
    return np.stack(rows, axis=1).reshape(n_lags, n_channels, len(STEPS))


@pytest.mark.parametrize("bursts", [False, True], ids=["normal", "arch"])
@pytest.mark.parametrize(
    ("coefficients", "n_lags"), [(SLOW, 1), (SLOW, 3), (SEASON, 5), (TURNS, 2)], ids=["slow", "more lags", "season", "two"]
)
def test_intervals_hold_the_weights_of_the_best_forecast(coefficients, n_lags, bursts):
    """A reduced version of benchmarks/lag_intervals.py: 200 series of 300 values.

    A share of 95 % of them has a standard error of 1.5 points; each lag and step, and each sum of lags, lies within 4.5 of these, and all
    together within 2.5 (they go along, and do not average out).
    """
    truth, n_channels = truth_of(coefficients, n_lags), coefficients.shape[1]
    groups = [LagGroup("all", tuple(range(n_lags)), channel) for channel in range(n_channels)]
    held, sums_held = [], []
    for values in draw(coefficients, 300, 200, bursts=bursts):
        lag_map = measure_lags(values, n_lags, STEPS, groups)
        (low, high), (low_sum, high_sum) = lag_map.weights.interval(), lag_map.sums.interval()
        held.append((low <= truth) & (truth <= high))
        sums_held.append((low_sum <= truth.sum(axis=0)) & (truth.sum(axis=0) <= high_sum))
    error = np.sqrt(0.95 * 0.05 / 200)
    assert np.mean(held, axis=0).min() >= 0.95 - 4.5 * error
    assert np.mean(sums_held, axis=0).min() >= 0.95 - 4.5 * error
    assert abs(np.mean(held) - 0.95) <= 2.5 * error


def test_lags_that_do_not_count_are_seldom_found_together():
    """200 series at 5 %: at most 4 standard errors of the binomial more, at each step."""
    group = [LagGroup("before", (1, 2, 3, 4, 5, 6))]
    p_values = np.stack([measure_lags(values, 7, STEPS, group).joint[0] for values in draw(SLOW, 300, 200, seed=2)])
    assert (p_values < 0.05).mean(axis=0).max() <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / 200)


def test_the_lag_of_a_season_is_found_beside_many_others():
    """y[t] = 0.6 y[t - 12] + shock, whose newest lag counts at step 12 and lag 11 at step 1, and nothing else."""
    values = scipy.signal.lfilter([1.0], [1.0, *[0.0] * 11, -0.6], np.random.default_rng(3).normal(size=2_000))
    lag_map = measure_lags(values, 12, [1, 12], [LagGroup("a season before", (11,)), LagGroup("others", tuple(range(11)))])
    p_values = lag_map.weights.p_values("holm")[:, 0]
    assert np.argwhere(p_values < 1e-6).tolist() == [[0, 1], [11, 0]]
    assert (np.sort(p_values.ravel())[2:] > 0.05).all()
    assert lag_map.joint[0, 0] < 1e-6 < 0.01 < lag_map.joint[1, 0]
    assert lag_map.weights.value[11, 0, 0] == pytest.approx(0.6, abs=0.06)


def test_weights_are_in_units_of_the_target_per_unit_of_the_channel():
    values = draw(TURNS, 400, 1)[0]
    groups = [LagGroup("both", (0, 1), 1)]
    one, other = measure_lags(values, 2, [2], groups), measure_lags(values * [10, 0.5] + [3, -7], 2, [2], groups)
    np.testing.assert_allclose(other.weights.value, one.weights.value * [[[1], [20]]], rtol=1e-8)
    np.testing.assert_allclose(other.weights.std_err, one.weights.std_err * [[[1], [20]]], rtol=1e-8)
    np.testing.assert_allclose(other.sums.value, 20 * one.sums.value, rtol=1e-8)
    np.testing.assert_allclose(other.spreads, one.spreads * [10, 0.5])
    np.testing.assert_allclose(other.joint, one.joint, rtol=1e-6)


def test_sums_are_those_of_the_weights_of_their_groups():
    lag_map = measure_lags(draw(TURNS, 400, 1)[0], 3, [1, 4], [LagGroup("newest", (0, 1)), LagGroup("other", (2,), 1)])
    np.testing.assert_allclose(lag_map.sums.value, [lag_map.weights.value[:2, 0].sum(axis=0), lag_map.weights.value[2, 1]])
    np.testing.assert_allclose(lag_map.sums.std_err[1], lag_map.weights.std_err[2, 1])


def test_no_window_reaches_over_a_gap_or_lies_in_a_stretch_that_is_too_short():
    values = draw(SLOW, 300, 1)[0, :, 0]
    broken = np.concatenate([values[:140], [np.nan] * 3, values[140:]])
    short = np.concatenate([[1e6, np.nan], values[:140], [np.nan, 1e6, -1e6, 0, 1e6, np.nan], values[140:]])
    gap, other = measure_lags(broken, 2, [1, 3]), measure_lags(short, 2, [1, 3])
    assert gap.n_windows.tolist() == [300 - 2 * 2, 300 - 2 * 4]
    np.testing.assert_array_equal(gap.weights.value, other.weights.value)
    np.testing.assert_array_equal(gap.weights.std_err, other.weights.std_err)


def test_a_season_that_lags_do_not_reach_is_left_over():
    values = scipy.signal.lfilter([1.0], [1.0, *[0.0] * 11, -0.6], np.random.default_rng(4).normal(size=500))
    short, long = measure_lags(values, 4, [1]).left_over, measure_lags(values, 12, [1]).left_over
    assert (short.distance, short.p_value < 1e-6) == (12, True)
    assert short.correlation == pytest.approx(0.6, abs=0.12)
    assert long.p_value > 0.05


def test_nothing_is_left_over_of_shocks_that_come_in_bursts():
    """200 series at 5 %: at most 4 standard errors of the binomial more."""
    left = [measure_lags(values, 2, [1]).left_over.p_value < 0.05 for values in draw(SLOW, 300, 200, bursts=True, seed=5)]
    assert np.mean(left) <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / 200)


def test_bounds_and_p_values_are_those_of_students_t():
    estimates = Estimates(np.array([1.0, -2.0, 0.0]), np.array([0.5, 0.5, 1.0]), np.array([10.0, 20.0, 5.0]))
    low, high = estimates.interval(0.9)
    np.testing.assert_allclose(high[0] - low[0], 2 * 0.5 * scipy.special.stdtrit(10, 0.95))
    p_values = estimates.p_values()
    np.testing.assert_allclose(p_values, [2 * scipy.special.stdtr(10, -2), 2 * scipy.special.stdtr(20, -4), 1.0])
    assert estimates.p_values("holm")[1] == pytest.approx(3 * p_values[1])


def test_lags_of_which_fewer_shocks_decide_are_not_tested_together_and_do_not_count_in_corrections():
    values = np.zeros(200)
    values[[20, 70]] = 1
    lag_map = measure_lags(values, 3, [1, 4], [LagGroup("all", (0, 1, 2))])
    assert np.isnan(lag_map.joint).tolist() == [[True, False]]
    np.testing.assert_array_equal(lag_map.joint_p_values("holm"), lag_map.joint)
    assert lag_map.weights.degrees.max() < 10


@pytest.mark.parametrize(
    ("values", "n_lags", "steps", "message"),
    [
        (np.arange(10.0), 4, [1, 2], r"4 weights needed 10 windows of 4 lags and 2 steps without a gap, but there are 5"),
        (np.full(50, np.nan), 1, [1], r"there are 0\. Use fewer lags or steps"),
        (np.full(50, 0.1), 2, [1], r"channel 0 is constant"),
        (np.stack([np.random.default_rng(1).normal(size=50), np.zeros(50)], axis=1), 2, [1], r"channel 1 is constant"),
        (np.tile([1.0, 2.0, 4.0], 30), 4, [1], r"follow exactly from each other"),
    ],
)
def test_what_the_values_do_not_show_is_refused(values, n_lags, steps, message):
    with pytest.raises(DataError, match=message):
        measure_lags(values, n_lags, steps)


@pytest.mark.parametrize(
    ("n_lags", "steps", "groups", "message"),
    [
        (0, [1], [], r"there are 0 lags, and steps \[1\]"),
        (2, [], [], r"steps \[\]"),
        (2, [0, 1], [], r"steps \[0, 1\]"),
        (2, [1], [LagGroup("week", (6,))], r"the group 'week' has lags \[6\] of channel 0"),
        (2, [1], [LagGroup("price", (0,), 1)], r"channels from 0 to 0 were needed"),
        (2, [1], [LagGroup("none", ())], r"the group 'none' has lags \[\]"),
    ],
)
def test_what_cannot_be_asked_is_refused(n_lags, steps, groups, message):
    with pytest.raises(UsageError, match=message):
        measure_lags(np.random.default_rng(1).normal(size=50), n_lags, steps, groups)
