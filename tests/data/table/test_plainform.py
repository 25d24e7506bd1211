"""Every type of Arrow, pandas and polars comes in as one of few, with the values it had."""

from __future__ import annotations

import datetime
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import parquet

import everytype
from weights.data.dataset import prepare
from weights.data.encoding import apply_encoding
from weights.data.newrows import read_new_rows
from weights.data.roles import Roles
from weights.data.table.plainform import simplify_type
from weights.data.table.read import read_table
from weights.errors import DataError

X = np.random.default_rng(0).normal(size=everytype.N)
COLUMNS = {
    **{f"Arrow {name}": (pa.table, column) for name, column in everytype.arrow_columns().items()},
    **{f"pandas {name}": (pd.DataFrame, column) for name, column in everytype.pandas_columns().items()},
    **{f"polars {name}": (pl.DataFrame, column) for name, column in everytype.polars_columns().items()},
}
PLAIN = ("int", "uint", "float", "double", "bool", "string", "timestamp", "date", "time", "duration", "null")
NESTED = ("list", "large_list", "fixed_size", "map", "struct", "sparse_union", "dense_union", "binary", "large_binary", "month_day")


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_of_any_type_is_used_or_set_aside_and_said(name):
    make, column = COLUMNS[name]
    frame = make({"x": X, "c": column, "y": X})
    table = read_table(frame)
    assert str(table["c"].type).startswith(PLAIN + NESTED)
    dataset = prepare(table, Roles("y"))
    [feature] = [feature for feature in dataset.features if feature.name == "c"]
    assert feature.used or feature.note
    rows = apply_encoding(dataset.encoding, read_new_rows(dataset.encoding, frame[3:6] if make is not pa.table else frame.slice(3, 3)))
    np.testing.assert_array_equal(rows.x, dataset.inputs.x[3:6])
    assert [f.name for f in prepare(table, Roles("y", drop=("c",))).features] == ["x"]


@pytest.mark.parametrize("name", [name for name in COLUMNS if name.startswith("Arrow")])
def test_a_column_of_any_type_is_the_same_from_parquet(name, tmp_path):
    _, column = COLUMNS[name]
    table = pa.table({"x": X, "c": column, "y": X})
    try:
        parquet.write_table(table, tmp_path / "t.parquet")
    except (pa.ArrowException, OSError):
        pytest.skip("Parquet has no such type")
    encoded = [prepare(read_table(source), Roles("y")) for source in (table, tmp_path / "t.parquet")]
    assert [(f.name, f.kind) for f in encoded[0].features] == [(f.name, f.kind) for f in encoded[1].features]
    np.testing.assert_array_equal(encoded[0].inputs.x, encoded[1].inputs.x)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("pandas category of whole numbers", "category"),
        ("pandas category of numbers", "category"),
        ("pandas category of moments", "category"),
        ("pandas category of flags", "boolean"),
        ("pandas category of intervals", "category"),
        ("pandas period", "constant"),
        ("pandas sparse", "numeric"),
        ("pandas objects with NA", "numeric"),
        ("pandas flags with NA", "boolean"),
        ("polars Int128", "numeric"),
        ("polars Enum", "category"),
        ("Arrow bool8", "boolean"),
        ("Arrow decimal32(5, 2)", "numeric"),
        ("Arrow decimal beyond 64 bits", "category"),
        ("Arrow time64[ns] with nanoseconds", "datetime"),
        ("Arrow run-end encoded double", "numeric"),
    ],
)
def test_what_a_type_means_is_kept(name, kind):
    make, column = COLUMNS[name]
    assert [f.kind for f in prepare(read_table(make({"c": column, "x": X, "y": X})), Roles("y")).features] == [kind, "numeric"]


def plain(cells):
    return simplify_type(pa.chunked_array([pa.array(cells)])).to_pylist()


def test_intervals_are_text_as_pandas_writes_it():
    intervals = pd.arrays.IntervalArray.from_breaks([0.5, 1.0, 2.25], closed="left")
    assert plain(intervals) == [str(interval) for interval in intervals]
    assert plain(pd.cut([1.0, 5.0, np.nan], [0, 2, 9])) == ["(0, 2]", "(2, 9]", None]


@pytest.mark.parametrize("freq", ["Y", "Y-MAR", "Q", "M", "W", "W-WED", "D", "h", "min", "s", "ms"])
def test_periods_are_the_moment_at_which_they_begin(freq):
    days = ["2024-02-29", "1969-12-31", "2000-01-01"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        periods = pd.PeriodIndex([*days, None], freq=freq)
    expected = [period.start_time.to_pydatetime() for period in periods[:3]]
    moments = plain(periods)
    assert moments[3] is None
    # Years and quarters that begin in another month, weeks on another day, are as far apart.
    shift = {moment - begin for moment, begin in zip(moments, expected, strict=False)}
    assert len(shift) == 1 or freq == "Y-MAR"
    assert shift == {datetime.timedelta(0)} or "-" in freq


def test_mixed_cells_are_text_and_their_gaps_are_missing():
    assert read_table({"c": [pd.NA, 1, "a", None, 2.5, float("nan"), pd.NaT]})["c"].to_pylist() == [None, "1", "a", None, "2.5", None, None]


@pytest.mark.parametrize("role", ["target", "group", "sample_weight"])
@pytest.mark.parametrize("name", [name for name in COLUMNS if not name.endswith(("with nanoseconds", "NaT", "8", "16", "32"))])
def test_a_column_of_any_type_plays_a_role_or_is_refused_in_words(name, role):
    make, column = COLUMNS[name]
    table = read_table(make({"x": X, "c": column, "y": X}))
    try:
        prepare(table, Roles(**{"target": "y", role: "c"}))
    except DataError as error:
        assert str(error).endswith(".")  # noqa: PT017
