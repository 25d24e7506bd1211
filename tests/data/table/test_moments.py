"""How dates and times are written: every order, month names, zones, and what is no date."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pytest

from weights.data.table.moments import TIME_OF_DAY, find_time_format, find_unmistakable, read_moments, read_times


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
