"""Where the table begins in a text file, and what sets its cells apart."""

from __future__ import annotations

import pytest

from weights.data.dataset import prepare
from weights.data.roles import Roles
from weights.data.table.dialect import find_dialect
from weights.data.table.read import read_table
from weights.errors import DataError

TABLE = "age,ill\n31,no\n47,yes\n52,no\n"


@pytest.mark.parametrize(
    ("before", "table"),
    [
        ("sep=;\n", TABLE.replace(",", ";")),
        ('"sep=,"\r\n', TABLE),
        ("SEP=\t\n", TABLE.replace(",", "\t")),
        ("sep=:\n", TABLE.replace(",", ":")),
        ("Report of May\n", TABLE),
        ("Report of May\n\nmade by hand\n\n", TABLE),
        ("# a comment, with commas, and more\n# another\n", TABLE),
        ("Report,,\n,,\n", "age,ill,sex\n31,no,m\n47,yes,f\n52,no,m\n"),
        ("", TABLE.replace(",", " ")),
        ("Report of May\n", TABLE.replace(",", " ")),
        ("Report of May\nmade by hand\n\n", TABLE.replace(",", "   ")),
        ("# a comment\n# another, with commas\n", TABLE.replace(",", "   ")),
    ],
)
def test_a_table_is_found_behind_what_stands_before_it(tmp_path, before, table):
    path = tmp_path / "t.csv"
    path.write_text(before + table)
    read = read_table(path)
    assert read.column_names[:2] == ["age", "ill"]
    assert (read["age"].to_pylist(), read["ill"].to_pylist()) == ([31, 47, 52], ["no", "yes", "no"])
    said = " ".join(prepare(read, Roles("ill")).remarks)
    assert ("before the table" in said) is (before.startswith(("Report", "#")))


@pytest.mark.parametrize(
    "sample", ["a,b\nx,y,z\nu,v,w\n", "a,b\n1,2,3\n4,5,6\n", "#id,name\n1,a\n", "full name\nJohn Smith\nJane Doe\n", "a b\nJohn Smith\n"]
)
def test_nothing_is_taken_for_a_title_that_may_be_names(sample):
    assert find_dialect(sample, default=",", name="t.csv").before == ""
    assert find_dialect(sample, default=",", name="t.csv").delimiter == ","


BLANKS = [
    "age  weight\n 31    71.5\n 47    80.1\n",
    "age\tweight\n31\t71.5\n47\t80.1\n",
    "age   weight  \r\n\r\n  31    71.5\r\n 47\t 80.1  \r\n\r\n",
    '"age"  weight\n31 71.5\n47    80.1',
]


@pytest.mark.parametrize("text", BLANKS)
def test_cells_set_apart_by_blanks_are_read(tmp_path, text):
    (tmp_path / "t.txt").write_text(text, newline="")
    read = read_table(tmp_path / "t.txt")
    assert read.to_pydict() == {"age": [31, 47], "weight": [71.5, 80.1]}


def test_tables_of_the_uci_repository_are_read_as_they_are(tmp_path):
    """Blanks of any number between numbers, a tab before a quoted name, and no header, as in auto-mpg.data."""
    lines = [
        '18.0   8   307.0      130.0      3504.      12.0   70  1\t"chevrolet chevelle malibu"',
        '15.0   8   350.0      ?          3693.      11.5   70  1\t"buick skylark 320"',
        '18.0   8   318.0      150.0      3436.      11.0   71  3\t"plymouth satellite"',
    ]
    (tmp_path / "auto-mpg.data").write_text("\n".join(lines) + "\n")
    read = read_table(tmp_path / "auto-mpg.data")
    assert read.column_names == [f"column {j}" for j in range(1, 10)]
    assert read["column 4"].to_pylist() == [130.0, None, 150.0]
    assert read["column 9"].to_pylist() == ["chevrolet chevelle malibu", "buick skylark 320", "plymouth satellite"]


def test_cells_that_hold_blanks_among_such_are_refused_with_the_cause(tmp_path):
    (tmp_path / "t.txt").write_text("place  weight\nNew York    71.5\nOhio  80.1\n")
    with pytest.raises(DataError, match=r"set apart by blanks, but its lines have 2 to 3 words: .* Quote cells that hold blanks"):
        read_table(tmp_path / "t.txt")


@pytest.mark.parametrize("text", ["pay,x\n1 234,2\n5 678,3\n", "a\tb\nx  1\t2\ny  2\t3\n", "item 1\nitem 2\nitem 3\n"])
def test_blanks_within_cells_set_nothing_apart(text):
    assert find_dialect(text, default=",", name="t.csv").delimiter != " "
