"""Smoothing as weights of lags forecasts as statsmodels does, goes on with what it was told of exactly, and finds what was planted."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from statsmodels.tsa.exponential_smoothing.ets import ETSModel
from statsmodels.tsa.forecasting.theta import ThetaModel

from weights.training.smoothing import SMOOTHERS, Smoothing, estimate_smoothing, list_smoothers, mean_seasons, smooth, weigh_theta

H = 10


def draw(n, *, seed=0, season=12):
    walk = np.random.default_rng(seed).normal(size=n).cumsum()
    return 0.3 * walk + 0.02 * np.arange(n) + 2 * np.sin(2 * np.pi * np.arange(n) / season)


@pytest.mark.parametrize("season", [1, 4, 12])
@pytest.mark.parametrize("trend", [None, 0.02])
def test_forecasts_are_those_of_statsmodels_where_the_past_is_long(trend, season):
    values = draw(900, season=max(season, 3))
    smoothing = Smoothing(0.2, trend, 0.5 if season > 1 else 0.0, season)
    seasonal = {"seasonal": "add", "seasonal_periods": season} if season > 1 else {}
    model = ETSModel(values, error="add", trend=trend and "add", initialization_method="heuristic", **seasonal)
    given = [0.2, *([trend] if trend else []), *([0.5] if season > 1 else [])]
    # The slowest part of these states keeps 0.954 of itself a step, 5e-15 over 700.
    np.testing.assert_allclose(values[:-701:-1] @ smoothing.weights(700, H), model.smooth(given).forecast(H), atol=1e-6)


@pytest.mark.parametrize("season", [1, 4])
@pytest.mark.parametrize("level", [0.02, 0.5, 1.0])
def test_a_line_with_a_season_goes_on_from_few_lags_whatever_the_parameters(level, season):
    places = np.arange(60)
    values = 3 + 0.5 * places + np.array([1.0, -2.0, 0.5, 0.5])[places % 4] * (season > 1)
    weights = Smoothing(level, level / 10, (1 - level) / 2 * (season > 1), season).weights(12, H)
    # Parameters near the edge of what is admissible leave some digits to rounding.
    np.testing.assert_allclose(values[19:7:-1] @ weights, values[20 : 20 + H], atol=1e-6)


def test_the_state_before_the_lags_is_the_one_of_least_squared_errors():
    values, smoothing = draw(40, seed=3), Smoothing(0.1, 0.01)

    def forecast(level, growth):
        errors = []
        for value in values:
            errors.append(value - level - growth)
            level, growth = level + growth + 0.1 * errors[-1], growth + 0.01 * errors[-1]
        return np.array(errors), level + growth * np.arange(1, H + 1)

    start, by_level, by_growth = (forecast(*state)[0] for state in ((0, 0), (1, 0), (0, 1)))
    moved = np.stack([by_level - start, by_growth - start], axis=1)
    best = np.linalg.lstsq(moved, -start, rcond=None)[0]
    np.testing.assert_allclose(values[::-1] @ smoothing.weights(40, H), forecast(*best)[1], atol=1e-9)


@pytest.mark.parametrize("season", [1, 7, 12])
def test_theta_is_that_of_statsmodels(season):
    values = draw(90, season=max(season, 3))
    fitted = ThetaModel(values, period=season, method="additive", deseasonalize=season > 1, use_test=False).fit()
    weights = weigh_theta(float(fitted.params["alpha"]), season, len(values), H)
    np.testing.assert_allclose(values[::-1] @ weights, fitted.forecast(H), atol=1e-9)


def test_parameters_that_forget_nothing_are_told_from_those_that_do():
    assert Smoothing(0.2, 0.02, 0.5, 12).settles
    assert Smoothing(0.0, 0.0, 0.0, 12).settles
    assert not Smoothing(0.2, 0.1, 0.5, 24).settles  # errors come back larger a season later, although each parameter is in its range


def test_weights_add_up_to_one():
    for weights in (Smoothing(0.2, 0.05, 0.1, 12).weights(30, H), Smoothing(0.2).weights(3, H), weigh_theta(0.3, 12, 30, H)):
        np.testing.assert_allclose(weights.sum(axis=0), 1.0, rtol=1e-9)


def test_means_of_a_season_are_what_it_adds():
    season = np.array([1.0, -2.0, 0.5, 0.5])
    values = 5 + 0.3 * np.arange(21) + np.resize(season, 21)
    np.testing.assert_allclose(mean_seasons(4, 21) @ values, season, atol=1e-12)


def test_parameters_that_made_a_series_are_found():
    level, values = 0.0, []
    for error in np.random.default_rng(1).normal(size=1_500):
        values.append(level + error)
        level += 0.3 * error
    found = estimate_smoothing(np.array(values), 1)
    # The standard error of the level is about sqrt((1 - 0.7^2) / 1,500) = 0.02.
    assert found.level == pytest.approx(0.3, abs=0.06)
    assert found.trend is None
    assert estimate_smoothing(np.array(values) + np.arange(1_500.0), 1).trend is not None


@pytest.mark.parametrize("name", SMOOTHERS)
def test_a_season_counts_where_it_is_short_and_values_suffice(name):
    values = draw(80)
    seasonal, plain = smooth(name, values, 12, 40, H), smooth(name, values, 1, 40, H)
    assert np.abs(values[:-41:-1] @ (seasonal - plain)).max() > 0.5
    np.testing.assert_array_equal(smooth(name, values, 12, 23, H), smooth(name, values, 1, 23, H))  # less than two seasons of lags
    np.testing.assert_array_equal(smooth(name, values[:35], 12, 30, H), smooth(name, values[:35], 1, 30, H))  # nearly all for the season
    np.testing.assert_array_equal(smooth(name, values, 25, 60, H), smooth(name, values, 1, 60, H))


@pytest.mark.parametrize("name", SMOOTHERS)
def test_nothing_comes_of_few_values_or_of_equal_ones(name):
    assert smooth(name, draw(13), 1, 5, H) is None
    assert smooth(name, np.full(50, 2.0), 1, 5, H) is None
    assert smooth(name, draw(14), 1, 5, H).shape == (5, H)


@pytest.mark.parametrize("values", [np.arange(50.0), np.tile([1.0, 2.0, 4.0, 3.0], 12), np.append(np.zeros(49), 1.0), draw(50) * 1e-9])
@pytest.mark.parametrize("name", SMOOTHERS)
def test_odd_series_have_finite_weights(name, values):
    weights = smooth(name, values, 4, 30, H)
    assert np.isfinite(weights).all()
    np.testing.assert_allclose(weights.sum(axis=0), 1.0, rtol=1e-6)


def test_without_statsmodels_there_are_none(monkeypatch):
    assert list_smoothers() == ("exponential smoothing", "theta")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert list_smoothers() == ()
