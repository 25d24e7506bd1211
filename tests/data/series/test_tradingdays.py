"""Weekdays on which nothing ever comes are no steps, and a few days that are missing are gaps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from weights.data.series.calendar import Even, continue_calendar, find_calendar
from weights.data.series.tradingdays import TradingDays, find_trading_days
from weights.errors import DataError

NAMES = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]


def seconds(moments) -> np.ndarray:
    return pd.DatetimeIndex(moments).as_unit("us").asi8 / 1e6


def open_days(weekdays: str, n: int = 80, begin: str = "2024-01-03") -> pd.DatetimeIndex:
    return pd.date_range(begin, periods=n, freq=pd.offsets.CustomBusinessDay(weekmask=weekdays))


def find(moments, series=None):
    moments = seconds(moments)
    return find_calendar(moments, np.zeros(len(moments), int) if series is None else series, name="day")


@pytest.mark.parametrize(
    ("weekdays", "name"),
    [
        ("Mon Tue Wed Thu Fri", "trading days"),
        ("Mon Tue Wed Thu Fri Sat", "trading days (all but Sundays)"),
        ("Tue Wed Thu Fri Sat", "trading days (all but Mondays and Sundays)"),
        ("Mon Wed Fri", "trading days (Mondays, Wednesdays and Fridays)"),
        ("Tue Thu", "trading days (Tuesdays and Thursdays)"),
    ],
)
def test_a_set_of_weekdays_is_found_and_goes_on(weekdays, name):
    moments = open_days(weekdays)
    calendar = find(moments[:60])
    assert (calendar.name, calendar.seasons) == (name, (len(weekdays.split()),))
    np.testing.assert_array_equal(calendar.number(seconds(moments)), np.arange(80))
    np.testing.assert_array_equal(calendar.moments(np.arange(80)), seconds(moments))


def test_holidays_are_no_steps_and_few_missing_days_do_not_hide_the_weekdays():
    moments = open_days("Mon Tue Wed Thu Fri Sat", 120).delete([10, 40, 41])
    calendar = find(moments)
    np.testing.assert_array_equal(calendar.number(seconds(moments)), np.arange(117))


def test_days_that_are_missing_by_chance_are_gaps():
    rng = np.random.default_rng(0)
    found = []
    for _ in range(2_000):
        days = np.flatnonzero(rng.random(int(rng.integers(15, 60))) < rng.uniform(0.65, 1.0))
        found.append(len(days) > 2 and find_trading_days(days * 86_400.0) is not None)
    assert np.mean(found) < 0.01


def test_a_fortnight_tells_of_weekends_and_not_of_one_weekday():
    assert isinstance(find(open_days("Mon Tue Wed Thu Fri", 12)), TradingDays)
    assert isinstance(find(open_days("Mon Tue Wed Thu Fri Sat", 14)), Even)


def test_days_of_one_weekday_are_weeks():
    assert find(open_days("Wed")).name == "weekly"


def test_a_row_on_a_closed_day_is_a_step_of_its_own_and_the_next_one_follows():
    calendar = find(open_days("Mon Tue Wed Thu Fri", 60))
    last = pd.Timestamp(calendar.days[-1] * 86_400, unit="s")
    saturday = last + pd.offsets.Week(weekday=5)
    later = pd.bdate_range(last, saturday)[1:].append(pd.DatetimeIndex([saturday]))
    longer = continue_calendar(calendar, seconds(later), np.zeros(len(later), int), name="day", numbered=False)
    assert longer.days[-1] == seconds([saturday])[0] / 86_400
    following = seconds([saturday + pd.Timedelta(days=2), saturday + pd.Timedelta(days=3)])
    numbers = len(longer.days) + np.arange(2)
    np.testing.assert_array_equal(longer.moments(numbers), following)
    np.testing.assert_array_equal(longer.number(following), numbers)


def test_a_series_of_weeks_beside_one_of_days_is_refused():
    daily, weekly = open_days("Mon Tue Wed Thu Fri", 60), open_days("Wed", 12)
    with pytest.raises(DataError, match="Fit a run for each"):
        find(daily.append(weekly), np.repeat([0, 1], [60, 12]))


def test_events_on_few_working_days_are_no_calendar():
    days = open_days("Mon Tue Wed Thu Fri", 300)[np.random.default_rng(0).random(300) < 0.4]
    assert find_trading_days(seconds(days)) is None
