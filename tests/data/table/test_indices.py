"""Columns that number rows are no features: what metadata call an index, and what looks like one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from weights.data.dataset import prepare
from weights.data.roles import Roles
from weights.data.table.indices import describe_index
from weights.data.table.read import read_table
from weights.data.table.streaming import parts

N = 60


def frame(index=None):
    rng = np.random.default_rng(0)
    return pd.DataFrame({"x": rng.normal(size=N), "y": ["a"] * (N // 2) + ["b"] * (N // 2)}, index=index)


SHUFFLED = np.random.default_rng(1).permutation(10 * N)[:N]


@pytest.mark.parametrize(
    "index",
    [SHUFFLED, pd.Index(SHUFFLED, name="patient"), pd.MultiIndex.from_arrays([SHUFFLED, np.arange(N)]), pd.Index(np.arange(N) / 7)],
    ids=["numbers", "named", "two levels", "fractions"],
)
def test_an_index_that_parquet_names_is_left_out(tmp_path, index):
    path = tmp_path / "t.parquet"
    frame(index).to_parquet(path)
    dataset = prepare(read_table(path), Roles("y"))
    assert [feature.name for feature in dataset.used_features] == ["x"]
    assert {f.note for f in dataset.features if not f.used} == {"the index of the frame that was saved"}
    names = read_table(path).column_names
    assert all(describe_index(part, name) for part in parts(path, names) for name in names[2:])
    assert read_table(pa.Table.from_pandas(frame(index))).schema == read_table(path).schema
    pl.read_parquet(path).write_parquet(path)  # without what pandas says of it
    assert [f.name for f in prepare(read_table(path), Roles("y")).features if f.name.startswith("__index") and f.used] == []


def test_an_index_is_used_where_it_is_asked_for(tmp_path):
    frame(pd.Index(SHUFFLED, name="age")).to_parquet(tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet")
    assert [f.name for f in prepare(table, Roles("y", kinds={"age": "numeric"})).used_features] == ["x", "age"]
    assert [f.name for f in prepare(table, Roles("age")).used_features] == ["x", "y"]


@pytest.mark.parametrize(
    "index",
    [np.arange(N), SHUFFLED, np.sort(SHUFFLED), [*range(N // 2)] * 2, [*range(0, N, 2), *range(1, N, 2)]],
    ids=["in order", "shuffled", "with gaps", "two frames", "odd behind even"],
)
def test_an_index_without_a_name_in_a_text_file_is_set_aside_and_said(tmp_path, index):
    frame(index).to_csv(tmp_path / "t.csv")
    pd.read_csv(tmp_path / "t.csv").to_csv(tmp_path / "twice.csv")
    for name, n_indices in (("t.csv", 1), ("twice.csv", 2)):
        dataset = prepare(read_table(tmp_path / name), Roles("y"))
        assert [feature.name for feature in dataset.used_features] == ["x"]
        assert [f.note.startswith("an index of rows") for f in dataset.features if not f.used] == [True] * n_indices


@pytest.mark.parametrize("name", ["index", "id", "rownames", "Unnamed: 0", "row.names", "Nr"])
@pytest.mark.parametrize("values", [range(8), range(1, 9), [1, 2, 5, 6, 9, 10, 11, 20]])
def test_a_first_column_that_is_named_so_and_counts_up_is_an_index(name, values):
    assert describe_index(pa.table({name: [*values], "x": [1.5] * 8}), name).startswith("an index of rows")


@pytest.mark.parametrize(
    "table",
    [{"x": [1, 2, 3]}, {"index": [3, 1, 2]}, {"a": [1, 1, 2], "id": [1, 2, 3]}, {"column 1": [2, 2, 5]}, {"id": [0.5, 1.5, 2.5]}],
)
def test_what_measures_something_is_no_index(table):
    assert not any(describe_index(pa.table(table), name) for name in table)


def test_a_named_index_of_a_frame_is_not_read_and_that_is_said():
    table = read_table(frame(pd.Index(SHUFFLED, name="patient")))
    assert table.column_names == ["x", "y"]
    assert "the index 'patient' of the frame is not read; reset_index() makes it a column" in prepare(table, Roles("y")).remarks
    assert prepare(read_table(frame()), Roles("y")).remarks == []


def test_rows_left_out_do_not_make_a_feature_of_a_counter():
    table = pa.table({"x": np.random.default_rng(0).normal(size=N), "counter": [*range(N)], "y": [None, 0.5, 1.5] * (N // 3)})
    assert [feature.name for feature in prepare(table, Roles("y")).used_features] == ["x"]


def test_years_that_differ_in_every_row_are_numbers():
    years = pa.table({"year": [*range(1990, 2025)], "y": np.random.default_rng(0).normal(size=35)})
    assert [(f.name, f.kind) for f in prepare(years, Roles("y")).used_features] == [("year", "numeric")]
