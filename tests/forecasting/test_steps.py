"""The next steps come as named columns, in the user's units, with their moments, and go into any frame."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import weights
from planted import rows_of, weekly
from small import HORIZON, forecast_counts, forecast_one, forecast_two
from weights.errors import NotFoundError, UsageError

LATER = rows_of(weekly(130), slice(105, None))
BOUNDS = ["low 80%", "high 80%", "low 95%", "high 95%"]


def test_columns_say_what_when_and_how_sure():
    table = forecast_one().forecast()
    assert [*table] == ["target", "time", "step", "prediction", *BOUNDS]
    assert table["step"].tolist() == [1, 2, 3, 4, 5]
    assert table["time"].astype("datetime64[D]").tolist() == (np.datetime64("2024-01-01") + 105 + np.arange(HORIZON)).tolist()
    order = np.stack([table[name] for name in ("low 95%", "low 80%", "prediction", "high 80%", "high 95%")])
    assert (np.diff(order, axis=0) > 0).all()


def test_series_stand_one_behind_the_other_and_may_be_asked_for_alone():
    model = forecast_two()
    table, alone = model.forecast(), model.forecast(series="b")
    assert table["series"].tolist() == ["a"] * HORIZON + ["b"] * HORIZON
    assert [*table][:2] == ["series", "target"]
    np.testing.assert_array_equal(alone["prediction"], table["prediction"][HORIZON:])


def test_a_shorter_horizon_is_the_beginning_of_the_whole():
    model = forecast_one()
    np.testing.assert_array_equal(model.forecast(2)["high 80%"], model.forecast()["high 80%"][:2])


def test_each_level_has_its_bounds_and_a_higher_one_wider():
    table = forecast_one().forecast(level=[0.5, 0.9, 0.99])
    assert [name for name in table if name.startswith("low")] == ["low 50%", "low 90%", "low 99%"]
    assert (table["low 99%"] < table["low 90%"]).all()
    assert [*forecast_one().forecast(level=0.9)][-2:] == ["low 90%", "high 90%"]
    assert [*forecast_one().forecast(level=[])][-1] == "prediction"


def test_months_come_on_their_day_and_numbers_as_whole_numbers():
    n = 60
    months = (np.datetime64("2019-01") + np.arange(n)).astype("datetime64[D]")
    rows = {"month": months, "sold": weekly(n)["sold"]}
    table = weights.fit(rows, "sold", task="forecast", time="month", horizon=3).forecast()
    assert table["time"].astype("datetime64[D]").astype(str).tolist() == ["2024-01-01", "2024-02-01", "2024-03-01"]
    rows = {"step": 10 * np.arange(n), "sold": rows["sold"]}
    table = weights.fit(rows, "sold", task="forecast", time="step", horizon=3).forecast()
    assert table["time"].tolist() == [600, 610, 620]
    assert table["time"].dtype == np.int64


def test_a_frame_is_made_of_it_and_a_table_of_arrow():
    table = forecast_two().forecast()
    frame = pd.DataFrame(table)
    assert frame.shape == (2 * HORIZON, 9)
    assert table.to_arrow().column_names == [*table]
    assert table.to_arrow().num_rows == 2 * HORIZON


def test_it_prints_as_a_table_the_first_rows_of_many():
    table = forecast_one().forecast()
    assert str(table) == repr(table)
    assert str(table).splitlines()[0].split() == ["Forecast", "5", "steps"]
    assert "2024-04-15" in str(table)
    assert table._repr_html_().count("<tr") == HORIZON + 1
    many = weights.fit(weekly(99), "sold", task="forecast", time="day", horizon=40).forecast()
    assert "the first 30 of 40" in str(many)


def test_moments_are_shown_alike_in_all_rows():
    hours = np.datetime64("2024-01-01T00:00") + np.arange(96) * np.timedelta64(1, "h")
    sold = 5 + np.sin(2 * np.pi * np.arange(96) / 24) + 0.1 * np.random.default_rng(0).normal(size=96)
    table = weights.fit({"hour": hours, "sold": sold}, "sold", task="forecast", time="hour", horizon=2, inspect=False).forecast()
    assert "2024-01-05 00:00" in str(table)
    assert "2024-01-05 01:00" in str(table)


def test_notes_of_later_rows_are_said_with_the_table():
    table = forecast_one().forecast(after=rows_of(weekly(130), slice(100, None)))
    assert table.notes == ["5 values are not later than the last that was learned from, and are passed over"]
    assert table.notes[0] in " ".join(str(table).split())
    assert not table.table(notes=False).notes


def test_the_values_before_are_those_that_were_known():
    before = forecast_one().forecast().before
    np.testing.assert_allclose(before.values[-20:], weekly(105)["sold"][-20:])
    assert before.name == "sold"
    assert before.times[-1] == np.datetime64("2024-04-14")
    after = forecast_one().forecast(after=LATER).before
    np.testing.assert_allclose(after.values[-25:], LATER["sold"])
    assert after.times[-1] == np.datetime64("2024-05-09")


def test_what_is_not_there_is_refused():
    with pytest.raises(NotFoundError, match=r"no series 'z'. Known: a, b"):
        forecast_two().forecast(series="z")
    with pytest.raises(NotFoundError, match="one series, which has no name"):
        forecast_one().forecast(series="a")
    with pytest.raises(UsageError, match="between 0 and 1"):
        forecast_one().forecast(level=80)
    for horizon in (0, -1, 1.5, "2", True):
        with pytest.raises(UsageError, match="whole number of steps"):
            forecast_one().forecast(horizon)
    with pytest.raises(UsageError, match="forecasts 1 to 5 steps ahead, but 6 were asked for"):
        forecast_one().forecast(6)


def test_counts_are_not_forecast_below_zero_and_that_is_said():
    table = forecast_counts().forecast()
    assert min(table[name].min() for name in ("prediction", "low 80%", "low 95%")) == 0.0
    assert "forecasts and bounds are cut at zero, as no value was ever below" in table.notes
    assert forecast_counts().forecast(total=True)["low 95%"][0] >= 0
    assert forecast_one().forecast().notes == []


def test_a_total_is_the_sum_of_the_steps_and_surer_than_their_bounds_together():
    model = forecast_one()
    each, total = model.forecast(level=0.8), model.forecast(level=0.8, total=True)
    assert [*total] == ["target", "from", "to", "steps", "prediction", "low 80%", "high 80%"]
    np.testing.assert_allclose(total["prediction"], each["prediction"].sum())
    assert (total["from"][0], total["to"][0], total["steps"][0]) == (each["time"][0], each["time"][-1], HORIZON)
    width = total["high 80%"][0] - total["low 80%"][0]
    # Noise of each day for itself: the width of the sum is that of a day times the root of their number, within a third (105 days).
    usual = (each["high 80%"] - each["low 80%"]).mean() * np.sqrt(HORIZON)
    assert abs(width / usual - 1) < 1 / 3
    assert width < (each["high 80%"] - each["low 80%"]).sum()


def test_totals_of_several_series_are_a_row_each():
    total = forecast_two().forecast(3, total=True)
    assert total["series"].tolist() == ["a", "b"]
    assert total["steps"].tolist() == [3, 3]
