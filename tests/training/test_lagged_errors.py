"""Forecasts from columns and lags know nothing of what came later, and rolling origins keep the columns that help."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal

from weights.data.series.cycles import Columns, propose_groups
from weights.training.lagged_errors import LagSetting, choose_columns, fit_regression

H = 5
SETTING = LagSetting(H, (7,), (7,))
N = 420


def draw(n=N, *, seed=0, noise=1.0):
    """Days with a week, holidays and a rest that is an autoregression; columns of H more days."""
    random = np.random.default_rng(seed)
    holiday = (random.random(n + H) < 0.05).astype(float)
    rest = scipy.signal.lfilter([1.0], [1.0, -0.6], random.normal(size=n))
    return 20 + np.arange(n) % 7 - 6 * holiday[:n] + noise * rest, Columns(("holiday",), holiday[:, None])


def first(columns, n):
    return Columns(columns.names, columns.values[:n])


def test_a_holiday_that_is_known_is_forecast_and_leaves_no_trace_in_later_weeks():
    values, holiday = draw(noise=0.0)
    model = fit_regression(values, first(holiday, N), SETTING)
    origins = np.arange(50, N - H)
    forecast = model.forecast(values, holiday.values, origins)
    # Ridges of lags are chosen of a few strengths, so that a hundredth of a week's range may be left.
    np.testing.assert_allclose(forecast, values[origins[:, None] + np.arange(1, H + 1)], atol=0.06)


def test_forecasts_know_nothing_of_later_values():
    values, holiday = draw()
    model = fit_regression(values[:300], first(holiday, 300), SETTING)
    later = values.copy()
    later[350:] = 1e6
    origins = np.arange(300, 350)
    np.testing.assert_array_equal(model.forecast(values, holiday.values, origins), model.forecast(later, holiday.values, origins))


def test_origins_forecast_alike_one_by_one():
    values, holiday = draw()
    values[[200, 310, 311]] = np.nan
    model = fit_regression(values, first(holiday, N), SETTING)
    together = model.forecast(values, holiday.values, np.array([250, 312]))
    for row, origin in zip(together, [250, 312], strict=True):
        np.testing.assert_allclose(model.forecast(values[: origin + 1], holiday.values, np.array([origin]))[0], row)


def test_gaps_cost_little():
    values, holiday = draw()
    gaps = values.copy()
    gaps[np.random.default_rng(1).random(N) < 0.2] = np.nan
    origins = np.arange(300, N - H)
    steps = values[origins[:, None] + np.arange(1, H + 1)]
    models = [fit_regression(series[:300], first(holiday, 300), SETTING) for series in (values, gaps)]
    forecasts = [model.forecast(series, holiday.values, origins) for model, series in zip(models, (values, gaps), strict=True)]
    whole, less = (np.abs(forecast - steps).mean() for forecast in forecasts)
    assert less < 1.25 * whole  # a fifth of the values is not there to learn from, nor to forecast from


def test_a_strange_day_is_not_repeated_a_week_later():
    values, holiday = draw()
    strange = values.copy()
    strange[300] += 100
    model = fit_regression(values, first(holiday, N), SETTING)
    moved = model.forecast(strange, holiday.values, np.array([302])) - model.forecast(values, holiday.values, np.array([302]))
    assert np.abs(moved).max() < 3


@pytest.mark.parametrize("n", [2, 3, 8, 12, 20])
def test_short_series_are_forecast_from_what_there_is(n):
    values, holiday = draw(n)
    forecast = fit_regression(values, first(holiday, n), SETTING).forecast(values, holiday.values, np.array([n - 1]))
    assert forecast.shape == (1, H)
    assert np.isfinite(forecast).all()


def test_a_constant_is_forecast_as_it_is():
    model = fit_regression(np.full(60, 4.0), Columns((), np.zeros((60, 0))), SETTING)
    np.testing.assert_allclose(model.forecast(np.full(60, 4.0), np.zeros((60 + H, 0)), np.array([59])), 4.0)


def test_groups_that_help_are_chosen_and_others_are_not():
    values, holiday = draw()
    random = np.random.default_rng(2)
    groups = {"holidays": first(holiday, N), "noise": Columns(tuple("abcdefgh"), random.normal(size=(N, 8)))}
    choice = choose_columns(values, groups, SETTING)
    assert choice.groups == ("holidays",)
    assert choice.losses["holidays"] > choice.losses[""] * 0.5  # of the second turn: without them again
    assert choice.half_life is None


def test_a_half_life_is_chosen_where_effects_change():
    values, holiday = draw(800, seed=3)
    values[400:] -= 12 * holiday.values[400:800, 0]
    choice = choose_columns(values, {"holidays": first(holiday, 800)}, SETTING, half_lives=(60,))
    assert choice.half_life == 60


def test_choices_depend_on_nothing_that_came_later():
    values, holiday = draw()
    proposed = propose_groups(86_400.0 * np.arange(N + H), step=86_400.0, events=holiday)
    groups = {name: first(columns, 300) for name, columns in proposed.items() if "season" not in name}
    chosen = choose_columns(values[:300], groups, SETTING, n_cuts=2)
    assert "events" in chosen.groups
    assert set(chosen.groups) <= set(groups)


@pytest.mark.parametrize("values", [np.arange(8.0), np.full(60, np.nan)])
def test_of_what_is_too_short_or_missing_nothing_is_chosen(values):
    groups = {"holidays": Columns(("holiday",), np.zeros((len(values), 1)))}
    assert choose_columns(values, groups, SETTING) == ((), None, {})
