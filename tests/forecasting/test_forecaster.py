"""A forecaster knows what its units are called, how they are seen, and what stands for values that did not come."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import weights
from planted import stacked, weekly
from small import HORIZON, forecast_one, forecast_two
from weights.errors import NotFoundError


def test_units_are_called_by_what_tells_them_apart():
    one, two = forecast_one().forecaster, forecast_two().forecaster
    assert (len(one), one.name(0)) == (1, "sold")
    assert (len(two), [two.name(u) for u in range(2)]) == (2, ["a", "b"])


def test_tails_are_the_last_values_as_they_were_seen():
    units = forecast_one().forecaster.units
    values = weekly(105)["sold"][-units.tails.shape[1] :]
    np.testing.assert_allclose(units.scale(0).undo(units.tails[0]), values)


def test_the_scale_of_a_series_twice_as_high_is_twice_as_wide():
    units = forecast_two().forecaster.units
    ratio = units.spread[1] / units.spread[0]
    assert 1.6 < ratio < 2.4
    assert not units.logged.any()


def test_what_columns_leave_of_values_that_did_not_come_is_that_of_a_season_before():
    forecaster = forecast_one().forecaster
    units, expected = forecaster.units, np.array([0.1, 0.2, 0.3])
    before = units.tails[0] - units.tail_effects[0]
    rest = forecaster.rest_later(0, np.array([np.nan, 3.0, np.nan]), expected)
    np.testing.assert_allclose(rest, [before[-7], units.scale(0).see(np.array([3.0]))[0] - 0.2, before[-5]])


def test_lags_are_of_values_as_they_came_or_moved_to_where_they_are_not_strange():
    forecaster, zero = forecast_one().forecaster, np.zeros(2)
    seen = forecaster.units.scale(0).see(far := np.array([500.0, 20.0]))
    np.testing.assert_array_equal(forecaster.rest_later(0, far, zero), seen)
    cleaning = replace(forecaster, units=forecaster.units._replace(filters=np.array([[0.5]]), farthest=np.array([2.0])))
    last = (forecaster.units.tails[0] - forecaster.units.tail_effects[0])[-1]
    np.testing.assert_allclose(cleaning.rest_later(0, far, zero)[0], 0.5 * last + 2.0)


def test_metrics_are_those_of_its_report():
    forecaster = forecast_one().forecaster
    assert forecaster.metrics == {name: metric.value for name, metric in forecaster.report.metrics.items()}
    assert [*forecaster.metrics] == ["mase", "mae", "mse"]


def test_a_series_that_had_too_few_values_is_known_by_name_and_not_forecast():
    few = {"day": [np.datetime64("2024-01-01"), np.datetime64("2024-01-02")], "sold": [1.0, 2.0], "shop": ["few", "few"]}
    many = weekly(105, shop=["many"] * 105)
    model = weights.fit(stacked(few, many), "sold", task="forecast", time="day", series="shop", horizon=HORIZON)
    with pytest.raises(NotFoundError, match="'few' had too few values to be learned"):
        model.forecast(series="few")
    assert model.explain()[0].series == "many"
