"""How numbers and dates are written: one notation a column, found from all its cells."""

from datetime import datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weights.data.table.notation import PLAIN, Notation, are_labels, find_numbers, find_time_format, read_numbers, read_times


def column(cells):
    return pa.chunked_array([pa.array(cells, pa.string())])


@given(
    values=st.lists(st.integers(-(10**11), 10**11).map(lambda v: v / 100), min_size=1, max_size=8),
    decimal=st.sampled_from([".", ","]),
    blank=st.sampled_from(["other", " ", "'", "\u00a0", ""]),
    unit=st.sampled_from(["", "$", "€", "%", "USD"]),
    before=st.booleans(),
)
def test_numbers_with_two_decimals_are_read_in_every_notation(values, decimal, blank, unit, before):
    def written(value):
        digits = f"{abs(value):,.2f}".translate({ord(","): {"other": "." if decimal == "," else ","}.get(blank, blank), ord("."): decimal})
        sign = "-" if value < 0 else ""
        return sign + (f"{unit}{digits}" if before else f"{digits} {unit}".strip())

    cells = [written(value) for value in values]
    found = find_numbers(column(cells))
    assert found is not None
    assert found.values.to_pylist() == values
    assert read_numbers(column(cells), found.notation).to_pylist() == values


@pytest.mark.parametrize(
    ("cells", "notation"),
    [
        (["1.5", "-2e3"], PLAIN),
        (["1,5", "2"], Notation(",")),
        (["5 %", None], Notation(".", "%")),
        (["€1.000,5"], Notation(",", "€")),
        ([None], PLAIN),
    ],
)
def test_the_notation_is_told(cells, notation):
    assert find_numbers(column(cells)).notation == notation


@pytest.mark.parametrize("cells", [["x"], ["1", "x"], ["%"], ["."], ["1 %", "2"], ["--5"], ["0x10"], ["1_000"], ["2024-01-01"]])
def test_other_text_holds_no_numbers(cells):
    assert find_numbers(column(cells)) is None


def test_a_known_notation_decides_what_one_cell_means():
    assert read_numbers(column(["1.234"]), Notation(",")).to_pylist() == [1234]
    assert read_numbers(column(["1.234"]), PLAIN).to_pylist() == [1.234]
    assert read_numbers(column(["3.14"]), Notation(",")) is None


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        (["00123", "45678"], True),
        (["0", "12"], False),
        (["0.5", "00.5"], False),
        (["9" * 25], True),
        (["9223372036854775807"], False),
        (["9223372036854775808"], True),
        ([None], False),
    ],
)
def test_whole_numbers_that_are_labels_are_told(cells, labels):
    assert are_labels(column(cells)) is labels


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
