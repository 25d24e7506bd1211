"""What a calendar says of a moment depends on that moment alone, and known columns are followed by what they may depend on."""

from __future__ import annotations

import datetime

import numpy as np
import pytest

from weights.data.series.cycles import Columns, describe_moments, find_events, join_columns, propose_groups

DAY, HOUR = 86_400.0, 3_600.0


def moments_of(text, n, step):
    first = datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC).timestamp()
    return first + step * np.arange(n)


def test_days_of_the_week_are_those_of_the_calendar():
    week = describe_moments(moments_of("2024-02-26", 7, DAY), step=DAY)["day of the week"]  # a Monday
    np.testing.assert_array_equal(week.values, np.eye(7)[:, 1:])
    assert week.names == ("Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def test_hours_are_named_and_the_first_is_what_others_are_beside():
    hours = describe_moments(moments_of("2024-01-01 22:00", 4, HOUR), step=HOUR)["time of day"]
    assert [hours.names[np.argmax(row)] if row.any() else "00:00" for row in hours.values] == ["22:00", "23:00", "00:00", "01:00"]


def test_months_have_a_column_each_and_no_waves():
    months = [datetime.datetime(2023 + i // 12, i % 12 + 1, 1, tzinfo=datetime.UTC).timestamp() for i in range(14)]
    groups = describe_moments(np.array(months), step=30 * DAY)
    assert [*groups] == ["month", "trend"]
    np.testing.assert_array_equal(groups["month"].values[:12], np.eye(12)[:, 1:])
    np.testing.assert_array_equal(groups["month"].values[12:], groups["month"].values[:2])


def test_no_wave_is_shorter_than_two_steps():
    week = describe_moments(moments_of("2020-01-01", 300, 7 * DAY), step=7 * DAY)
    assert [*week] == ["season of the year", "season, 4 to 6 waves", "season, 7 to 12 waves", "season, 13 to 20 waves", "trend"]
    quarter = describe_moments(moments_of("2020-01-01", 30, 60 * DAY), step=27 * DAY)
    assert [name for name in quarter if name.startswith("season")] == ["season of the year", "season, 4 to 6 waves"]


@pytest.mark.parametrize(("n", "step"), [(500, DAY), (500, HOUR), (60, 30 * DAY), (200, 7 * DAY), (20, 365 * DAY)])
def test_the_future_is_described_as_it_will_be_when_it_came(n, step):
    moments = moments_of("2021-03-04 05:00", n, step)
    known = Columns(("holiday",), (np.arange(n) % 9 == 0).astype(float)[:, None])
    whole = propose_groups(moments, step=step, events=known)
    later = propose_groups(moments[-7:], step=step, events=Columns(known.names, known.values[-7:]))
    assert [*whole] == [*later]
    for name, columns in whole.items():
        assert columns.names == later[name].names
        np.testing.assert_array_equal(columns.values[-6:-1], later[name].values[1:-1], err_msg=name)  # a step beside needs its neighbour


def test_events_are_moved_by_a_step_and_split_by_weekends():
    moments = moments_of("2024-03-02", 5, DAY)  # a Saturday
    holiday = Columns(("holiday",), np.array([[1.0], [0.0], [1.0], [0.0], [0.0]]))
    groups = propose_groups(moments, step=DAY, events=holiday)
    assert groups["events, at weekends"].names == ("holiday, weekend",)
    assert groups["events, at weekends"].values[:, 0].tolist() == [1, 0, 0, 0, 0]
    assert groups["events a step ago"].values[:, 0].tolist() == [0, 1, 0, 1, 0]
    assert groups["events a step ahead"].values[:, 0].tolist() == [0, 1, 0, 0, 0]


def test_without_known_columns_there_is_the_calendar_alone():
    groups = propose_groups(moments_of("2024-01-01", 30, DAY), step=DAY)
    assert "day of the week by trend" in groups
    assert not any("events" in name or "known" in name for name in groups)


def test_events_are_columns_that_are_mostly_zero():
    known = Columns(("holiday", "price", "game"), np.column_stack([np.arange(20) == 3, np.full(20, 2.5), np.arange(20) % 2]).astype(float))
    assert find_events(known).tolist() == [True, False, False]
    groups = propose_groups(moments_of("2024-01-01", 20, DAY), step=DAY, known=known)
    assert groups["known"] is known


def test_groups_are_joined_in_their_order_and_none_are_no_columns():
    one, two = Columns(("a",), np.ones((3, 1))), Columns(("b", "c"), np.zeros((3, 2)))
    assert join_columns([one, two], 3).names == ("a", "b", "c")
    assert join_columns([], 3).values.shape == (3, 0)
