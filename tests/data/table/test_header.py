"""Whether the first row of a text file holds names or values."""

from __future__ import annotations

import numpy as np
import pytest

import weights as wt
from weights.data.table.delimited import remarks_of
from weights.data.table.header import read_header
from weights.data.table.read import read_table
from weights.data.table.rownumbers import kept_numbers
from weights.errors import DataError


def names(text, **options):
    return read_header(text, ",", path="t.csv", no_value=["", "?", "NA"], **options)


@pytest.mark.parametrize(
    "text",
    [
        "5.1,3.5,1.4,0.2,setosa\n4.9,3.0,1.4,0.2,setosa\n4.7,3.2,1.3,0.2,other\n",
        "6,148,72,35,0,33.6,0.627,50,1\n1,85,66,29,0,26.6,0.351,31,0\n",
        "p,x,s,n\ne,x,s,y\np,b,s,n\ne,x,y,n\n",
        "1,0,3,male\n2,1,1,female\n3,1,3,female\n",
        "?,0.5,a\n1.5,?,b\n2.5,2,a\n",
    ],
)
def test_a_first_row_like_those_below_holds_values(text):
    header = names(text)
    assert not header.is_there
    assert header.names == [f"column {j}" for j in range(1, len(header.names) + 1)]
    assert "holds values, not names" in header.remark


@pytest.mark.parametrize(
    "text",
    [
        "age,ill\n31,no\n47,yes\n",
        "0,1,2,target\n5.1,3.5,1.4,a\n4.9,3.0,1.4,b\n",
        "country,1990,1991,1992\nA,5,6,7\nB,8,9,7\n",
        "1990,1991,kind\n5,6,a\n8,9,b\n",
        "400.5,402.5,404.5,406.5,408.5,kind\n0.1,0.2,0.3,0.4,0.5,a\n0.3,0.2,0.3,0.4,0.5,b\n",
        "colour,size\nred,small\nblue,large\n",
        "a,b\n",
        "word\nword\n",
        "x,2.5\n1,2\n3,4\n",
        "10,20,40,kind\n1,5,3,a\n2,3,4,b\n3,3,3,a\n7,1,2,b\n",
    ],
)
def test_names_are_names(text):
    header = names(text)
    assert header.is_there
    assert header.names == text.splitlines()[0].split(",")
    assert not header.remark


def test_a_table_without_names_may_be_one_row_where_columns_were_numbered():
    assert not names("5.1,3.5\n", needed=["column 1", "column 2"]).is_there
    assert names("column 2,column 1\n5.1,3.5\n", needed=["column 1", "column 2"]).is_there
    assert names("a,b\n", needed=["a"]).is_there


def test_columns_without_a_name_get_their_number():
    assert names("a,,c\nx,1,2\n").names == ["a", "column 2", "c"]
    with pytest.raises(DataError, match="no text but blank lines"):
        names("\n\n")


def test_no_row_of_a_file_without_names_is_lost_in_training_or_later(tmp_path):
    rng = np.random.default_rng(0)
    rows = [f"{a:.2f},{b:.2f},{'ill' if a > 0 else 'well'}" for a, b in rng.normal(size=(80, 2))]
    (tmp_path / "a.csv").write_text("\n".join(rows) + "\n")
    assert read_table(tmp_path / "a.csv").num_rows == 80
    model = wt.fit(tmp_path / "a.csv", "column 3", model="linear", members=8, inspect=False)
    (tmp_path / "new.csv").write_text("1.5,0.1\n")
    assert model.predict(tmp_path / "new.csv").tolist() == ["ill"]
    (tmp_path / "bad.csv").write_text("2.5,0.1\n\n1.0,bad\n")
    with pytest.raises(DataError, match="first: row 3, 'bad'"):
        model.predict(tmp_path / "bad.csv")
    (tmp_path / "ragged.csv").write_text("\n".join([*rows, "1,2"]))
    with pytest.raises(DataError, match="but row 81 has 2: '1,2'"):
        read_table(tmp_path / "ragged.csv")


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("a, b ,c\n1,2,x\n", ["a", "b", "c"]),
        ("a,b\nMazda,1,x\nFiat,2,y\n", ["column 1", "a", "b"]),
        ("a,b\n1,x,\n2,y,\n", ["a", "b", "column 3"]),
    ],
)
def test_names_are_those_above_their_cells(tmp_path, text, columns):
    (tmp_path / "t.csv").write_text(text)
    table = read_table(tmp_path / "t.csv")
    assert table.column_names == columns
    assert table.num_rows == text.count("\n") - 1


def test_names_with_blanks_are_found_where_they_are_needed_so():
    assert names(" a,b \n1,2\n", needed=[" a"]).names == [" a", "b"]


def test_rows_that_repeat_the_header_are_left_out_and_said(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1.5,x\n2.5,y\na,b\n3.5,x\n")
    table = read_table(tmp_path / "t.csv")
    assert table["a"].to_pylist() == [1.5, 2.5, 3.5]
    assert remarks_of(table) == ["'t.csv': rows that repeat the header were left out: 1"]
    assert kept_numbers(table).tolist() == [0, 1, 3]


def test_quotes_behind_blanks_are_quotes(tmp_path):
    (tmp_path / "t.csv").write_text('a, "b, c", d\n1, "x, y", 2\n3, "he said ""a, "" ", 4\n')
    assert read_table(tmp_path / "t.csv").to_pydict() == {"a": [1, 3], "b, c": ["x, y", 'he said "a, " '], "d": [2, 4]}


def test_a_column_that_is_quoted_throughout_is_read(tmp_path):
    (tmp_path / "t.csv").write_text('"a"\n"x"\n"y, z"\n')
    assert read_table(tmp_path / "t.csv").to_pydict() == {"a": ["x", "y, z"]}
