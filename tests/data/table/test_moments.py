"""How dates and times are written: every order, month names, zones, and what is no date."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pytest

from weights.data.table.moments import DURATION, TIME_OF_DAY, describe_time, find_time_format, find_unmistakable, read_moments, read_times


def column(cells):
    return pa.chunked_array([pa.array(cells, pa.string())])


@pytest.mark.parametrize("order", ["%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y.%m.%d"])
@pytest.mark.parametrize("clock", ["", " %H:%M", " %H:%M:%S", " %I:%M %p"])
def test_dates_are_read_in_every_order(order, clock):
    moments = [datetime(2024, 2, 29), datetime(2023, 12, 31, 12 * bool(clock), 0, 0), datetime(2024, 1, 13, 23 * bool(clock))]
    cells = column([moment.strftime(order + clock) for moment in moments])
    assert find_time_format(cells) == order
    assert read_times(cells, order).to_pylist() == moments


@pytest.mark.parametrize("cell", ["30.02.2024", "2024-02-30", "01/13/24", "1.1.2024 25:00", "1/1/2024 0:30 AM", "1.2.2024x"])
def test_what_is_no_moment_is_no_date(cell):
    assert find_time_format(column([cell])) is None


@pytest.mark.parametrize(
    ("cell", "moment"),
    [
        ("01-May-2024", "2024-05-01"),
        ("01-MAY-2024 10:00", "2024-05-01T10:00"),
        ("May 1, 2024", "2024-05-01"),
        ("Sept. 3, 2024 3:04 PM", "2024-09-03T15:04"),
        ("1 December 2024", "2024-12-01"),
        ("Wed, 01 May 2024 10:00:00 +0200", "2024-05-01T08:00"),
        ("Wed May 01 2024 10:00:00 GMT+0200 (Central European Summer Time)", "2024-05-01T08:00"),
        ("Wed May 1 10:00:00 EDT 2024", "2024-05-01T14:00"),
        ("2024/05/01 10:00:00 AM GMT+2", "2024-05-01T08:00"),
        ("2024-05-01 10:00:00 UTC", "2024-05-01T10:00"),
        ("2024-05-01 10:00:00 -0330", "2024-05-01T13:30"),
        ("2024-05-01T10:00:00+02:00[Europe/Berlin]", "2024-05-01T08:00"),
        ("2024-05-01 10:00:00.123456789", "2024-05-01T10:00:00.123456"),
        ("01/May/2024:10:00:00 +0000", "2024-05-01T10:00"),
        ("10:30", "1970-01-01T10:30"),
    ],
)
def test_dates_are_read_as_exporters_write_them(cell, moment):
    cells = column([cell, None])
    times = read_times(cells, find_time_format(cells))
    assert times.cast(pa.timestamp("us")).to_pylist() == [datetime.fromisoformat(moment), None]


@pytest.mark.parametrize("cell", ["31-Feb-2024", "May", "May 1", "12E3", "Maybe 1, 2024", "1 2 2024", "May 1, 2024 25:00"])
def test_words_with_numbers_are_no_dates(cell):
    assert find_time_format(column([cell])) is None


def test_dates_with_and_without_a_zone_share_no_format():
    assert find_time_format(column(["1 May 2024 10:00 UTC", "2 May 2024 10:00"])) is None


def test_cells_of_several_formats_are_read_each_for_itself():
    cells = column(["2024-05-01", "2024-05-01T10:00:00+02:00", None, "01.05.2024"])
    moments = read_moments(cells, ("%d.%m.%Y", "iso", "iso with zone"))
    assert moments.to_pylist() == [datetime(2024, 5, 1), datetime(2024, 5, 1, 8), None, datetime(2024, 5, 1)]
    assert read_moments(cells, ("iso", "iso with zone")) is None


def test_what_cannot_be_mistaken_depends_on_what_is_known():
    assert find_unmistakable(column(["10:30"]), TIME_OF_DAY) == (TIME_OF_DAY,)
    assert find_unmistakable(column(["01/02/2024"]), "%m/%d/%Y") == ("%m/%d/%Y", "iso", "iso with zone")
    assert "%d/%m/%Y" not in find_unmistakable(column(["01/02/2024"]), None)
    assert "%d/%m/%Y" in find_unmistakable(column(["13/02/2024"]), None)


@pytest.mark.parametrize(
    ("cells", "format_", "seconds"),
    [
        (["1:30", "13:05:30"], TIME_OF_DAY, [5400, 47130]),
        (["1:30 PM", "12:00 am"], TIME_OF_DAY, [48600, 0]),
        (["0:30", "27:30:00"], DURATION, [1800, 99000]),
        (["1 days 02:00:00", "0 days 00:00:01.5", "-1 days +23:00:00"], DURATION, [93600, 1.5, -3600]),
        (["-3:30", "130:00"], DURATION, [-12600, 468000]),
    ],
)
def test_times_of_day_and_durations_are_read(cells, format_, seconds):
    assert find_time_format(column(cells)) == format_
    read = read_times(column(cells), format_)
    assert [(moment - datetime(1970, 1, 1)).total_seconds() for moment in read.to_pylist()] == seconds
    assert find_unmistakable(column(cells), format_) == (format_,)


@pytest.mark.parametrize(
    ("cells", "moments"),
    [
        (["2024-02", "1999-12"], [datetime(2024, 2, 1), datetime(1999, 12, 1)]),
        (["2/2024", "12/1999"], [datetime(2024, 2, 1), datetime(1999, 12, 1)]),
        (["Feb 2024", "December 1999"], [datetime(2024, 2, 1), datetime(1999, 12, 1)]),
        (["Feb-2024", "Dec-1999"], [datetime(2024, 2, 1), datetime(1999, 12, 1)]),
        (["2024Q1", "1999Q4"], [datetime(2024, 1, 1), datetime(1999, 10, 1)]),
        (["Q3 2024", "Q2 1999"], [datetime(2024, 7, 1), datetime(1999, 4, 1)]),
    ],
)
def test_months_and_quarters_are_the_days_they_begin(cells, moments):
    assert read_times(column(cells), find_time_format(column(cells))).to_pylist() == moments


@pytest.mark.parametrize("cell", ["2024-13", "13/2024", "2024Q5", "1:60", "1 day", "25:00 PM"])
def test_what_is_no_time_or_month_is_none(cell):
    assert find_time_format(column([cell])) is None


def test_times_and_durations_are_shown_as_they_are_written():
    assert [describe_time(s, TIME_OF_DAY) for s in (0, 5400, 47130)] == ["00:00", "01:30", "13:05:30"]
    assert [describe_time(s, DURATION) for s in (99000, -3600)] == ["27:30", "-01:00"]
    assert describe_time(0, "iso") == ""
