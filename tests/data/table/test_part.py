from __future__ import annotations

import sqlite3
from pathlib import Path

from weights.data.table.excel import Sheet
from weights.data.table.part import is_same_source, path_of
from weights.data.table.sql import Query


def test_a_part_has_the_path_of_its_file_and_none_behind_a_connection():
    assert path_of(Sheet("a.xlsx", "May")) == "a.xlsx"
    assert path_of(Query("select 1", Path("a.db"))) == "a.db"
    assert path_of(Query("select 1", sqlite3.connect(":memory:"))) is None


def test_sources_are_the_same_if_file_and_part_are():
    assert is_same_source("a.csv", Path("./a.csv"))
    assert is_same_source(Sheet("a.xlsx", "May"), Sheet("./a.xlsx", "May"))
    assert not is_same_source(Sheet("a.xlsx", "May"), Sheet("a.xlsx", "June"))
    assert not is_same_source(Sheet("a.xlsx", "May"), "a.xlsx")
    assert not is_same_source({"x": [1]}, {"x": [1]})
    assert not is_same_source(None, None)


def test_the_same_part_of_another_file():
    assert Sheet("a.xlsx", "May").at("b.xlsx") == Sheet("b.xlsx", "May")
    assert Query("select 1", "a.db").at("b.db") == Query("select 1", "b.db")
