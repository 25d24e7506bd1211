"""Later rows are laid behind those that were learned from; series that were never seen are known by all others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import weights
from planted import rows_of, stacked, weekly
from small import HORIZON, forecast_one, forecast_two
from weights.errors import DataError
from weights.forecasting.later import read_later

N = 105
ALL = weekly(130)
"""The first 105 days are those that were learned from."""
LATER = rows_of(ALL, slice(N, None))


def test_values_stand_behind_the_last_that_was_learned_from():
    later = read_later(forecast_one().forecaster, LATER)
    np.testing.assert_array_equal(later.values[0], LATER["sold"])
    assert later.notes == []


def test_rows_that_were_there_are_passed_over_and_a_gap_is_missing():
    overlapping = read_later(forecast_one().forecaster, rows_of(ALL, slice(N - 8, None)))
    np.testing.assert_array_equal(overlapping.values[0], LATER["sold"])
    assert overlapping.notes == ["8 values are not later than the last that was learned from, and are passed over"]
    apart = read_later(forecast_one().forecaster, rows_of(ALL, slice(N + 3, None)))
    np.testing.assert_array_equal(apart.values[0], [np.nan] * 3 + LATER["sold"][3:].tolist())
    assert apart.notes[0].startswith("3 of 25 later values are missing")


def test_one_later_row_is_enough():
    model = forecast_one()
    later = read_later(model.forecaster, rows_of(ALL, slice(N, N + 1)))
    assert later.values[0].tolist() == [ALL["sold"][N]]
    table = model.forecast(after=rows_of(ALL, slice(N, N + 1)))
    assert table["time"][0] == np.datetime64("2024-01-01") + N + 1


def test_the_order_of_later_rows_does_not_matter():
    backwards = read_later(forecast_one().forecaster, rows_of(LATER, slice(None, None, -1)))
    np.testing.assert_array_equal(backwards.values[0], LATER["sold"])


def test_steps_come_right_after_the_last_one():
    model = weights.fit({"sold": ALL["sold"][:N]}, "sold", task="forecast", horizon=HORIZON)
    later = read_later(model.forecaster, {"sold": LATER["sold"]})
    np.testing.assert_array_equal(later.values[0], LATER["sold"])


def test_each_series_goes_on_from_its_own_end():
    a, b = rows_of(weekly(120, shop=["a"] * 120), slice(105, None)), rows_of(weekly(120, seed=1, shop=["b"] * 120), slice(95, None))
    later = read_later(forecast_two().forecaster, stacked(b, a))
    assert [len(own) for own in later.values] == [15, 25]
    np.testing.assert_array_equal(later.values[1], b["sold"])


def test_a_series_that_was_never_seen_is_forecast_by_weights_that_all_share():
    model = forecast_two()
    c = weekly(60, seed=7, begin="2024-03-01", shop=["c"] * 60, noise=0.0)
    later = read_later(model.forecaster, c)
    assert [*later.forecaster.labels] == ["a", "b", "c"]
    np.testing.assert_array_equal(later.forecaster.units.weights[2], model.forecaster.pooled)
    table = model.forecast(after=c, series="c")
    begins = np.datetime64("2024-03-01") + 60
    assert table["time"].tolist() == (begins + np.arange(HORIZON)).astype("datetime64[ms]").tolist()
    rhythm = 20 + 3 * np.sin(2 * np.pi * (60 + np.arange(HORIZON)) / 7)
    np.testing.assert_allclose(table["prediction"], rhythm, atol=1.0)
    assert (table["low 95%"] < table["prediction"]).all()
    assert [*model.forecaster.labels] == ["a", "b"]  # the model is as it was


def test_lags_of_a_series_that_was_never_seen_are_cleaned_where_those_of_the_others_are():
    usual = forecast_two().forecaster
    cleaned = replace(usual, units=usual.units._replace(filters=np.full((2, 1), 0.2), farthest=np.ones(2)))
    c = weekly(60, seed=7, begin="2024-03-01", shop=["c"] * 60)
    c["sold"][50] += 30.0
    before, after = (read_later(forecaster, c).forecaster.units for forecaster in (usual, cleaned))
    assert (before.farthest[2], before.filters.shape) == (0, (3, 0))
    assert after.farthest[2] > 0
    np.testing.assert_array_equal(after.tails, before.tails)
    moved = after.tail_effects[2] - before.tail_effects[2]
    assert np.argmax(moved) == len(moved) - 10


def test_a_run_of_one_series_does_not_take_rows_of_others():
    table = weekly(N, shop=["a"] * N)
    model = weights.fit(table, "sold", task="forecast", time="day", series="shop", horizon=HORIZON)
    with pytest.raises(DataError, match="The run knows one series, but rows are of others: b"):
        model.forecast(after=weekly(40, begin="2024-05-01", shop=["b"] * 40))


def test_values_of_another_size_are_refused_so_that_all_that_follows_is_finite():
    far = dict(LATER) | {"sold": np.full(25, 1e35)}
    with pytest.raises(DataError, match="of the size of those that were learned from"):
        read_later(forecast_one().forecaster, far)
    table = forecast_one().forecast(after=LATER | {"sold": np.full(25, 1e25)})
    assert all(np.isfinite(table[name]).all() for name in ("prediction", "low 95%", "high 95%"))
