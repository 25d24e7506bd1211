"""Predictors of many series are weighed by dates: nothing is seen where nothing is, what is planted is, and leaks are told."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from weights.errors import DataError, UsageError
from weights.inspection.predictors import find_look_ahead, weigh_predictors

NAMES = ("own", "market", "rest")


def draw(n_dates, n_series, *, seed, slopes=(0.0, 0.0, 0.0)):
    """Outcomes that move together, of three degrees of freedom, and variables (3, t, S): own, of all series, and both."""
    rng = np.random.default_rng(seed)
    market, own = rng.normal(size=(2, n_dates, 1)), rng.normal(size=(2, n_dates, n_series))
    x = np.stack([own[0], np.broadcast_to(market[0], own[0].shape), 0.7 * (own[1] + market[1])])
    noise = rng.standard_t(3, size=(n_dates, 1)) + rng.standard_t(3, size=(n_dates, n_series))
    return np.tensordot(slopes, x, axes=1) + noise, x


def test_slopes_are_those_of_least_squares_for_one_standard_deviation():
    outcome, x = draw(200, 6, seed=0, slopes=(0.3, 0.0, -0.2))
    x = x * np.array([5.0, 1.0, 0.1])[:, None, None]
    rows = weigh_predictors(outcome, x, NAMES, n_resamples=9)
    flat = x.reshape(3, -1).T
    reference = sm.OLS(outcome.ravel(), sm.add_constant(flat)).fit().params[1:] * flat.std(axis=0)
    # Apart from what is undone of taking off means, which is of the order of a standard error over the root of the dates.
    for row, slope in zip(rows, reference, strict=True):
        assert abs(row.slope - slope) < (row.high - row.low) / np.sqrt(200)


def test_rows_of_a_date_are_no_independent_evidence():
    """The interval of a variable that all series share is as wide with 50 series as with 2, that of an own one narrows."""
    (few, many) = ([row.high - row.low for row in weigh_predictors(*draw(400, n, seed=1), NAMES, n_resamples=9)] for n in (2, 50))
    assert many[1] > 0.5 * few[1]
    assert many[0] < 0.4 * few[0]


def test_nothing_is_seen_where_nothing_is_in_one_table_of_twenty():
    """Global null with series that move together and heavy tails: false alarms by themselves and adjusted come as often as said."""
    n_tables = 160
    alone, adjusted = [], []
    for seed in range(n_tables):
        rows = weigh_predictors(*draw(120, 6, seed=seed), NAMES, n_resamples=59, seed=seed)
        alone.append([row.p_value < 0.05 for row in rows])
        adjusted.append(any(row.p_adjusted < 0.05 for row in rows))
    tolerance = 3 * np.sqrt(0.05 * 0.95 / n_tables)  # three standard errors of the binomial
    assert abs(np.mean(adjusted) - 0.05) < tolerance
    np.testing.assert_allclose(np.mean(alone, axis=0), 0.05, atol=tolerance)


def test_planted_signals_are_seen_their_intervals_hold_them_and_false_alarms_stay_rare():
    """Twenty tables: a false alarm in four at most, and intervals that miss in four, have a probability of 0.3 % of more.

    Noise of three degrees of freedom has tables in which one date hides a signal of nine standard errors: two are let pass.
    """
    tables = [
        weigh_predictors(*draw(300, 20, seed=seed, slopes=(0.3, 0.0, 0.0)), NAMES, n_resamples=99, seed=seed) for seed in range(100, 120)
    ]
    assert sum(rows[0].p_adjusted < 0.05 for rows in tables) >= 18
    assert sum(any(row.p_adjusted < 0.05 for row in rows[1:]) for rows in tables) <= 4
    assert sum(not rows[0].low < 0.3 < rows[0].high for rows in tables) <= 4
    # Of a variance of 3 + 3 of the noise and 0.3^2 of the signal.
    assert abs(np.mean([rows[0].explained for rows in tables]) - 0.3**2 / 6) < 0.3 * 0.3**2 / 6


def test_a_variable_that_follows_earlier_outcomes_is_not_called_too_low():
    """The mean of the last 10 outcomes of one series, of which both means are taken off: its slope lies near zero in the mean of tables."""
    slopes, raw = [], []
    for seed in range(300):
        y = np.random.default_rng(seed).normal(size=(200, 1))
        known = np.full((1, 200, 1), np.nan)
        known[0, 9:, 0] = np.convolve(y[:, 0], np.ones(10) / 10, mode="valid")
        outcome = np.vstack([y[1:], [[np.nan]]])
        slopes.append(weigh_predictors(outcome, known, ["mean"], n_resamples=1)[0].slope)
        there = np.arange(9, 199)
        raw.append(np.polyfit(known[0, there, 0], outcome[there, 0], 1)[0] * known[0, there, 0].std())
    assert np.mean(raw) < -0.015
    assert abs(np.mean(slopes)) < 0.5 * abs(np.mean(raw))


def test_more_draws_of_the_same_seed_are_the_same_and_p_values_are_in_order():
    outcome, x = draw(120, 4, seed=3)
    a, b = (weigh_predictors(outcome, x, NAMES, steps=5, n_resamples=50, seed=1) for _ in range(2))
    assert a == b
    assert all(row.p_value <= row.p_adjusted <= 1 for row in a)


def test_what_cannot_be_weighed_is_refused_with_the_name_of_the_variable():
    outcome, x = draw(100, 3, seed=4)
    with pytest.raises(UsageError, match=r"shape \(3, 100, 3\) were needed"):
        weigh_predictors(outcome, x[:, :99], NAMES)
    with pytest.raises(DataError, match="60 dates or more, but 40"):
        weigh_predictors(outcome[:40], x[:, :40], NAMES)
    constant = x.copy()
    constant[1] = 2.0
    with pytest.raises(DataError, match="'market' is constant or follows"):
        weigh_predictors(outcome, constant, NAMES)
    same = x.copy()
    same[2] = same[0] - same[1]
    with pytest.raises(DataError, match="is constant or follows"):
        weigh_predictors(outcome, same, NAMES)


def test_a_column_that_was_filled_in_afterwards_is_suspect_and_those_that_are_measured_are_not():
    rng = np.random.default_rng(5)
    returns = rng.standard_t(4, size=(600, 10))
    later = np.vstack([returns[1:], np.full((1, 10), np.nan)])
    centred = np.full_like(returns, np.nan)
    centred[2:-2] = np.lib.stride_tricks.sliding_window_view(returns, 5, axis=0).mean(axis=-1)
    trailing = np.full_like(returns, np.nan)
    trailing[4:] = np.lib.stride_tricks.sliding_window_view(returns, 5, axis=0).mean(axis=-1)
    honest = np.vstack([np.zeros((1, 10)), 0.1 * returns[:-1]]) + rng.normal(size=returns.shape)
    leading = 0.15 * np.nan_to_num(later) + rng.normal(size=returns.shape)
    columns = {"tomorrow": later + 2 * rng.normal(size=returns.shape), "centred mean": centred}
    columns |= {"trailing mean": trailing, "late": honest, "weak lead": leading, "noise": rng.normal(size=returns.shape)}
    rows = find_look_ahead(returns, np.stack([*columns.values()]), [*columns])
    assert [row.name for row in rows if row.suspect] == ["tomorrow", "centred mean"]
    assert [row.step for row in rows[:2]] == [1, 2]
    assert rows[0].warning.startswith("'tomorrow' tells ")
    assert "1 step later" in rows[0].warning
    assert rows[2].behind > 0.5


def test_columns_of_nothing_are_not_suspect():
    rows = find_look_ahead(
        np.random.default_rng(6).normal(size=(100, 2)), np.stack([np.zeros((100, 2)), np.full((100, 2), np.nan)]), ["zero", "none"]
    )
    assert [(row.ahead, row.suspect) for row in rows] == [(0.0, False), (0.0, False)]
