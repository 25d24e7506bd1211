"""Calendars are found from the moments that came, number them, and give later moments."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from weights.data.series.calendar import Even, Months, TradingDays, find_calendar, show_moment, undo_clock_changes
from weights.errors import DataError


def seconds(moments) -> np.ndarray:
    return pd.DatetimeIndex(moments).as_unit("us").asi8 / 1e6


def find(moments, series=None):
    moments = seconds(moments)
    return find_calendar(moments, np.zeros(len(moments), int) if series is None else series, name="date")


@pytest.mark.parametrize(
    ("frequency", "name", "seasons"),
    [
        ("s", "every second", (60 * 60 * 24, 7 * 24 * 3600, 31_557_600)),
        ("15min", "every 15 minutes", (96, 672, 35_064)),
        ("h", "hourly", (24, 168, 8766)),
        ("5h", "every 5 hours", (1753,)),
        ("D", "daily", (7, 365)),
        ("W-WED", "weekly", (52,)),
        ("14D", "every 2 weeks", (26,)),
        ("MS", "monthly", (12,)),
        ("ME", "monthly", (12,)),
        ("QE", "quarterly", (4,)),
        ("YS", "yearly", ()),
        ("B", "trading days", (5,)),
    ],
)
def test_a_frequency_is_found_by_name_and_gives_the_moments_that_pandas_gives(frequency, name, seasons):
    moments = pd.date_range("2020-01-06" if frequency == "B" else "2020-01-01", periods=60, freq=frequency)
    calendar = find(moments[:40])
    assert (calendar.name, calendar.seasons) == (name, seasons)
    np.testing.assert_array_equal(calendar.number(seconds(moments)), np.arange(60))
    np.testing.assert_array_equal(calendar.moments(np.arange(60)), seconds(moments))


def test_gaps_leave_the_calendar_as_it_is():
    moments = pd.date_range("2021-03-01", periods=100, freq="ME").delete([3, 4, 50])
    assert find(moments).name == "monthly"
    hours = pd.date_range("2021-03-01", periods=100, freq="h").delete([3, 4, 50])
    assert find(hours).number(seconds(hours)).tolist() == [n for n in range(100) if n not in (3, 4, 50)]


def test_holidays_are_no_steps_of_trading_days():
    days = pd.bdate_range("2024-12-02", "2025-01-10").drop(["2024-12-25", "2025-01-01"])
    calendar = find(days)
    assert isinstance(calendar, TradingDays)
    np.testing.assert_array_equal(calendar.number(seconds(days)), np.arange(len(days)))
    later = pd.bdate_range("2025-01-13", periods=7)
    np.testing.assert_array_equal(calendar.moments(np.arange(len(days), len(days) + 7)), seconds(later))
    np.testing.assert_array_equal(calendar.number(seconds(later)), np.arange(len(days), len(days) + 7))


def test_stamps_a_little_beside_their_place_are_of_it():
    rng = np.random.default_rng(0)
    moments = 900.0 * np.arange(200) + np.where(rng.random(200) < 0.2, rng.uniform(-60, 60, 200), 0)
    calendar = find_calendar(moments, np.zeros(200, int), name="date")
    assert calendar.name == "every 15 minutes"
    np.testing.assert_array_equal(calendar.number(moments), np.arange(200))


def test_numbers_are_steps_of_their_usual_distance():
    calendar = find_calendar(np.asarray([1990.0, 1992, 1994, 2000]), np.zeros(4, int), name="year", numbered=True)
    assert (calendar.name, calendar.seasons) == ("numbers 2 apart", ())
    assert calendar.moments(calendar.number(np.asarray([2000.0])) + 1) == 2002


def test_moments_without_a_calendar_are_refused_with_what_they_are():
    rng = np.random.default_rng(0)
    with pytest.raises(DataError, match=r"equal distances, with gaps at most, but those of 'date' are .* apart.*Sum or average"):
        find_calendar(np.cumsum(rng.exponential(60, 50)), np.zeros(50, int), name="date")


def test_series_of_two_frequencies_are_refused():
    hourly, daily = pd.date_range("2024-01-01", periods=500, freq="h"), pd.date_range("2024-01-01", periods=20, freq="D")
    series = np.repeat([0, 1], [500, 20])
    with pytest.raises(DataError, match=r"'date' are 1 hour apart in most series and 1 day in others. Fit a run for each"):
        find(hourly.append(daily), series)


def test_a_single_moment_has_no_calendar():
    with pytest.raises(DataError, match="at least two moments, but in 'date' each has one"):
        find(pd.DatetimeIndex(["2024-01-01", "2024-01-01"]))


@pytest.mark.parametrize("frequency", ["h", "30min", "15min"])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_hours_as_clocks_show_them_are_counted_as_they_passed(frequency, zone):
    passed = pd.date_range("2021-01-01", "2023-01-01", freq=frequency, tz=zone)
    shown = seconds(passed.tz_localize(None))
    even, clock = undo_clock_changes(shown)
    np.testing.assert_array_equal(even - even[0], seconds(passed) - seconds(passed)[0])
    assert len(clock) == 4
    step = even[1] - even[0]
    calendar = Even(float(even[0]), float(step), clock=clock)
    np.testing.assert_array_equal(calendar.moments(np.arange(len(shown))), shown)


@pytest.mark.parametrize(
    "moments",
    [
        [0, 1, 2, 3, 5, 6],  # a gap
        [0, 1, 2, 2, 3, 4, 4, 5],  # two repeated hours on one day
        [0, 0, 0, 0],
        [0, 5, 1, 3],
        [],
    ],
)
def test_gaps_and_repeats_that_clocks_do_not_make_stay(moments):
    hours = 3600.0 * np.asarray(moments)
    even, clock = undo_clock_changes(hours)
    np.testing.assert_array_equal(even, hours)
    assert clock == ()


def test_moments_are_shown_as_short_as_they_are():
    shown = [show_moment(s, numbered=False) for s in seconds(["2024-02-29", "2024-02-29 13:00", "2024-02-29 13:00:05"])]
    assert shown == ["2024-02-29", "2024-02-29 13:00", "2024-02-29 13:00:05"]


@pytest.mark.parametrize(
    ("calendar", "n_steps", "span"),
    [
        (Even(0.0, 900.0), 3, "45 minutes"),
        (Even(0.0, 900.0), 96, "1 day"),
        (Even(0.0, 86_400.0), 365, "1 year"),
        (Even(0.0, 86_400.0), 364, "52 weeks"),
        (Even(0.0, 604_800.0), 104, "2 years"),
        (Even(0.0, 1.5), 3, "4.5 seconds"),
        (Even(0.0, 2.0, numbered=True), 3, "3 steps"),
        (Months(24_000, 3, 1), 3, "9 months"),
        (Months(24_000, 12, 1), 1, "1 year"),
        (TradingDays((19_723, 19_724)), 5, "5 trading days"),
    ],
)
def test_a_number_of_steps_is_told_in_the_largest_unit_of_which_it_is_a_whole_number(calendar, n_steps, span):
    assert calendar.span(n_steps) == span
