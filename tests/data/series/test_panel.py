"""Long and wide tables become series on one calendar; gaps, repeats and errors have a stated treatment."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from weights.data.series.panel import read_panel
from weights.data.table.read import read_table
from weights.errors import DataError, NotFoundError, UsageError

RNG = np.random.default_rng(0)
DAYS = pd.date_range("2024-01-01", periods=40, freq="D")


def long_table(**columns) -> pd.DataFrame:
    """Two series of 40 and 30 days."""
    shop = np.repeat(["b", "a"], [40, 30])
    frame = pd.DataFrame({"day": [*DAYS, *DAYS[10:]], "shop": shop, "sold": RNG.normal(size=70)})
    return frame.assign(**columns)


def read(frame, targets=("sold",), **roles):
    return read_panel(read_table(frame), [*targets], **roles)


def test_series_of_a_long_table_stand_one_behind_the_other_whatever_the_order_of_rows():
    frame = long_table()
    panel = read(frame, time="day", series="shop")
    assert (list(panel.labels), panel.calendar.name, len(panel), list(panel.remarks)) == (["a", "b"], "daily", 2, [])
    assert (panel.begins.tolist(), panel.offsets.tolist()) == ([10, 0], [0, 30, 70])
    np.testing.assert_array_equal(panel.series(0)[:, 0], frame.sold[40:])
    np.testing.assert_array_equal(panel.moments(0), DAYS[10:].as_unit("s").asi8)
    shuffled = frame.sample(frac=1, random_state=1)
    again = read(shuffled, time="day", series="shop")
    np.testing.assert_array_equal(again.values, panel.values)
    np.testing.assert_array_equal(shuffled.sold.to_numpy()[again.rows], panel.values[:, 0])
    assert again.remarks == ["rows were put in the order of time"]


def test_several_columns_are_forecast_side_by_side():
    frame = pd.DataFrame({"t": np.arange(10), "u": RNG.normal(size=10), "v": RNG.normal(size=10)})
    panel = read(frame, ["v", "u"], time="t")
    np.testing.assert_array_equal(panel.series(0), frame[["v", "u"]])


def test_rows_are_steps_where_no_column_says_when():
    panel = read(long_table().sample(frac=1, random_state=0).drop(columns="day"), series="shop")
    assert (panel.calendar.name, panel.begins.tolist(), panel.offsets.tolist()) == ("numbered steps", [0, 0], [0, 30, 70])


def test_moments_that_did_not_come_are_missing_and_said():
    frame = long_table().drop([5, 6, 50])
    panel = read(frame, time="day", series="shop")
    assert panel.offsets.tolist() == [0, 30, 70]
    assert np.flatnonzero(np.isnan(panel.values[:, 0])).tolist() == [10, 35, 36]
    assert panel.rows[[10, 35, 36]].tolist() == [-1] * 3
    assert panel.remarks == ["3 of 70 moments have no row (first: 2024-01-21 of 'a')"]


def test_of_rows_that_repeat_a_moment_the_last_one_counts():
    frame = pd.concat([long_table(), pd.DataFrame({"day": DAYS[:2], "shop": "b", "sold": [7.0, 8.0]})], ignore_index=True)
    frame.loc[72] = frame.loc[4]
    panel = read(frame, time="day", series="shop")
    assert panel.series(1)[:2, 0].tolist() == [7.0, 8.0]
    assert panel.rows[30] == 70
    assert panel.remarks == [
        "rows were put in the order of time",
        "3 rows repeat a moment of their series (first: row 1, 2024-01-01), 2 with other values; the last one counts",
    ]


def test_series_that_were_not_told_apart_are_refused():
    with pytest.raises(DataError, match=r"30 of 70 rows repeat one \(2024-01-11 is there 2 times\). Name the column .* with --series"):
        read(long_table(), time="day")
    with pytest.raises(DataError, match="Sum or average them first"):
        read(pd.concat([long_table()] * 2), time="day", series="shop")


def test_rows_without_a_moment_are_left_out_and_said():
    frame = long_table()
    frame.loc[[3, 69], "day"] = pd.NaT
    panel = read(frame, time="day", series="shop")
    assert "2 rows have no moment or no series, and are left out" in panel.remarks
    assert np.isnan(panel.series(1)[3, 0])
    assert panel.offsets.tolist() == [0, 29, 69]


def test_the_hour_that_is_there_twice_counts_twice(tmp_path):
    passed = pd.date_range("2022-10-01", "2023-04-30", freq="h", tz="Europe/Berlin")
    path = tmp_path / "load.csv"
    pd.DataFrame({"hour": passed.tz_localize(None), "load": np.arange(len(passed))}).to_csv(path, index=False)
    panel = read_panel(read_table(path), ["load"], time="hour")
    np.testing.assert_array_equal(panel.series(0)[:, 0], np.arange(len(passed)))
    np.testing.assert_array_equal(panel.moments(0), passed.tz_localize(None).as_unit("s").asi8)
    assert panel.remarks == ["clocks were set 2 times, so that hours are counted as they passed, not as clocks show them"]


def test_a_day_far_in_the_future_is_refused():
    frame = long_table()
    frame["day"] = frame["day"].astype("datetime64[s]")  # nanoseconds end before
    frame.loc[3, "day"] = pd.Timestamp("2999-01-01")
    with pytest.raises(DataError, match=r"few gaps, but between the first and the last of 'day' lie .* steps with 70 rows"):
        read(frame, time="day", series="shop")


@pytest.mark.parametrize("value", [1e300, float("inf"), -1e200])
def test_values_that_cannot_be_squared_are_refused_with_their_row(value):
    frame = long_table()
    frame.loc[3, "sold"] = value
    with pytest.raises(DataError, match=r"Values between -1e100 and 1e100 were needed, but 'sold' is .* in row 4"):
        read(frame, time="day", series="shop")


def test_columns_that_cannot_be_had_are_refused():
    table = pa.table({"day": ["2024-01-01", "2024-01-02"], "sold": [1, 2]})
    with pytest.raises(NotFoundError, match="no column 'date' to use as time"):
        read_panel(table, ["sold"], time="date")
    with pytest.raises(UsageError, match="'sold' is the target and cannot also be the time"):
        read_panel(table, ["sold"], time="sold")
    with pytest.raises(UsageError, match="was not named"):
        read_panel(table, [])
    with pytest.raises(DataError, match="at least two moments"):
        read_panel(table.slice(0, 1), ["sold"], time="day")
    with pytest.raises(DataError, match="moment and a series were needed, but there are none"):
        read_panel(pa.table({"day": pa.array([None, None], pa.string()), "sold": [1, 2]}), ["sold"], time="day")
