"""Levels of categories keep the order that a frame gave them."""

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from weights.data.table.levels import levels_of
from weights.data.table.read import read_table

SIZES, CELLS = ["small", "large", "huge"], ["large", "small", None]


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(pd.Categorical(CELLS, SIZES)),
        pd.Series(pd.Categorical(CELLS, SIZES, ordered=True)),
        pd.Categorical(CELLS, SIZES),
        pl.Series(CELLS, dtype=pl.Enum(SIZES)),
        pa.DictionaryArray.from_arrays([1, 0, None], SIZES, ordered=True),
    ],
    ids=["pandas", "pandas ordered", "apart", "polars", "arrow"],
)
def test_the_order_of_levels_is_kept_beside_their_text(column):
    table = read_table({"size": column})
    assert levels_of(table.schema.field("size")) == SIZES
    assert table["size"].to_pylist() == CELLS


def test_whole_frames_and_files_keep_it_too(tmp_path):
    frame = pd.DataFrame({"n": [1, 2, 3], "size": pd.Categorical(CELLS, SIZES, ordered=True)})
    frame.to_parquet(tmp_path / "sizes.parquet")
    for source in (frame, tmp_path / "sizes.parquet"):
        assert levels_of(read_table(source).schema.field("size")) == SIZES


@pytest.mark.parametrize("column", [["b", "a"], pa.array(["b", "a"]).dictionary_encode(), pl.Series(["b", "a"], dtype=pl.Categorical)])
def test_levels_in_the_order_in_which_they_came_have_none(column):
    assert levels_of(read_table({"size": column}).schema.field("size")) == []
