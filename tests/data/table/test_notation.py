"""How numbers and dates are written: one notation a column, found from all its cells."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weights.data.dataset import prepare
from weights.data.roles import Roles
from weights.data.table.columns import find_kind
from weights.data.table.delimited import remark_of
from weights.data.table.notation import PLAIN, TRUTH, Notation, are_labels, describe_notations, find_numbers, read_numbers
from weights.data.table.read import read_table


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


def test_limits_are_read_as_the_limit_and_counted():
    numbers = find_numbers(column(["<0.35", "1.5", "2", "≤0.35"]))
    assert (numbers.values.to_pylist(), numbers.notation) == ([0.35, 1.5, 2.0, 0.35], Notation(limits=True))
    assert numbers.remark == "2 cells are limits, read as that number: '<0.35' as 0.35"
    assert read_numbers(column(["<1"]), PLAIN) is None


def test_a_column_that_is_mostly_limits_holds_levels():
    assert find_numbers(column(["<30", ">30", "<30"])) is None


def test_whole_numbers_are_of_the_notation_of_their_file():
    numbers = find_numbers(column(["1", "20"]), decimal_comma=True)
    assert (numbers.values.to_pylist(), numbers.notation, numbers.remark) == ([1, 20], Notation(","), "")


@pytest.mark.parametrize(
    ("cells", "values", "unit"),
    [
        (["(1,234.50)", "12.00"], [-1234.5, 12.0], ""),
        (["($5)", "$7"], [-5.0, 7.0], "$"),
        (["1.5-", "2.5"], [-1.5, 2.5], ""),
        (["1,00,000", "12,34,567.5", "999"], [100000.0, 1234567.5, 999.0], ""),
        (["5 kg", "7.5 kg"], [5.0, 7.5], "kg"),
        (["5kg", "1,250kg"], [5.0, 1250.0], "kg"),
        (["23.4 kmpl", "17.3 kmpl"], [23.4, 17.3], "kmpl"),
        (["3 years", "10 years"], [3.0, 10.0], "years"),
        (["R$ 1.234,50", "R$ 7,00"], [1234.5, 7.0], "R$"),
        (["1e3 m", "5 m"], [1000.0, 5.0], "m"),
    ],
)
def test_numbers_of_accountants_lakhs_and_measures_are_read(cells, values, unit):
    found = find_numbers(column(cells))
    assert (found.values.to_pylist(), found.notation.unit) == (values, unit)
    for cell, value in zip(cells, values, strict=True):
        assert read_numbers(column([cell]), found.notation).to_pylist() == [value]


@pytest.mark.parametrize(
    "cells",
    [["5 kg", "7 lb"], ["5 kg", "7"], ["1st", "2nd"], ["12A", "13A", "x"], ["(-5-)"], ["(5"], ["5)"], ["--5"], ["(--5)"], ["1X", "2X"]],
)
def test_what_only_looks_so_is_no_number(cells):
    assert find_numbers(column(cells)) is None


def test_truth_values_are_read_as_numbers_where_they_were_in_training():
    assert read_numbers(column(["true", "FALSE", None]), TRUTH).to_pylist() == [1.0, 0.0, None]
    assert read_numbers(column(["maybe"]), TRUTH) is None


def test_numbers_in_several_notations_are_said_to_be_what_keeps_a_column_from_being_one(tmp_path):
    path = tmp_path / "prices.csv"
    path.write_text("price,y\n" + "".join(f"{'$' * (i % 2)}{i}.5,{i % 5}\n" for i in range(60)))
    [price] = prepare(read_table(path), Roles("y", kinds={"price": "category"})).features[:1]
    found = find_kind(read_table(path)["price"], "price")
    assert (price.kind, found.kind) == ("category", "identifier")
    assert found.note.endswith("30 without a unit (first: row 1, '0.5'), 30 with '$' (first: row 2, '$1.5'); write all alike")
    assert "20 with decimal comma (first: row 1, '0,5')" in describe_notations(column([f"{i}{'.,'[i % 2 == 0]}5" for i in range(40)]))


@pytest.mark.parametrize("cells", [["A1", "2"], ["1.2.3", "1.2"], ["12-34", "5"], ["1", None], [None], [], ["5A", "7B"], ["12:30", "4"]])
def test_codes_are_no_numbers_in_several_notations(cells):
    assert describe_notations(column(cells)) == ""


@pytest.mark.parametrize(
    ("delimiter", "last", "said"),
    [(";", "1.234", True), (";", "500", True), (";", "0.234", False), (";", "12.34", False), (",", "1.234", False)],
)
def test_points_that_could_set_thousands_apart_are_said_in_files_of_semicolons(tmp_path, delimiter, last, said):
    path = tmp_path / "t.csv"
    path.write_text(f"a{delimiter}b\n" + "".join(f"{i}{delimiter}{cell}\n" for i, cell in enumerate(["1.234", "7.100", last])))
    remark = remark_of(read_table(path).schema.field("b"))
    text = "'1.234' is read as 1.234, which could also be 1234: no cell of the column decides; if it is, write 1234 in the file"
    assert remark == (text if said else "")
