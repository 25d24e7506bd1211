"""Later rows are laid behind those that were learned from; series that were never seen are known by all others."""

from __future__ import annotations

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


def test_values_of_another_size_are_refused_so_that_all_that_follows_is_finite():
    far = dict(LATER) | {"sold": np.full(25, 1e35)}
    with pytest.raises(DataError, match="of the size of those that were learned from"):
        read_later(forecast_one().forecaster, far)
    table = forecast_one().forecast(after=LATER | {"sold": np.full(25, 1e25)})
    assert all(np.isfinite(table[name]).all() for name in ("prediction", "low 95%", "high 95%"))
