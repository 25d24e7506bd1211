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


def test_cells_set_apart_by_several_blanks_are_refused_with_the_cause(tmp_path):
    (tmp_path / "t.txt").write_text("age  weight\n 31    71.5\n 47    80.1\n")
    with pytest.raises(DataError, match="set apart by several blanks"):
        read_table(tmp_path / "t.txt")
