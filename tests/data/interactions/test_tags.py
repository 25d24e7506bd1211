"""Features become tags: levels, parts of lists, words and ranges; what tells nothing gives none."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from weights.data.interactions.tags import apply_tags, describe_tags, fit_tags

TABLE = pa.table(
    {
        "genres": ["war|drama", "drama", "war", "war|comedy", None, "comedy"],
        "year": ["1990", "1991.5", "1993.25", "1999", "2001", "1990"],
        "title": ["The war room", "War and peace", "A room", "Peace now", "Seven", "The seven"],
        "land": ["it"] * 6,
    }
)


def test_lists_are_parted_words_found_and_numbers_ranged():
    columns, without = fit_tags(TABLE, TABLE.column_names)
    found = {column.name: column for column in columns}
    assert found["genres"].values == ["comedy", "drama", "war"]
    assert found["year"].kind == "ranges"
    assert {"war", "room", "peace", "seven"} <= {*found["title"].values}
    assert without == ["land"]
    tags = apply_tags(columns, TABLE)
    names = [name for column in columns for name in column.names]
    assert [names[place] for place in tags[0].indices][:2] == ["genres drama", "genres war"]
    assert tags[4, :3].nnz == 0
    assert tags.shape == (6, len(names))


def test_a_range_holds_the_numbers_that_its_name_says():
    numbers = np.arange(100.0)
    columns, _ = fit_tags(pa.table({"age": numbers}), ["age"])
    tags = apply_tags(columns, pa.table({"age": [0.0, 50.0, 99.0, None]}))
    names = columns[0].names
    assert [names[own] for own in tags.indices] == [names[0], next(n for n in names if n.startswith("age 49.5")), names[-1]]
    assert names[-1].endswith("or more")


def test_a_word_among_numbers_means_none():
    years = [*map(str, range(1950, 1990)), "unknown"]
    columns, _ = fit_tags(pa.table({"year": years}), ["year"])
    assert (columns[0].kind, columns[0].values) == ("ranges", ["unknown"])
    assert np.diff(apply_tags(columns, pa.table({"year": years})).indptr).tolist() == [1] * 40 + [0]


def test_a_tag_of_one_row_or_of_nearly_all_is_none():
    rare = [["a"] * 50 + ["b"]]
    assert fit_tags(pa.table({"kind": rare[0]}), ["kind"]) == ([], ["kind"])


@pytest.mark.parametrize("column", [pa.array([], pa.string()), pa.array([], pa.float64()), pa.array([None, None], pa.string())])
def test_columns_without_cells_give_no_tags(column):
    assert fit_tags(pa.table({"x": column}), ["x"]) == ([], ["x"])


def test_what_was_found_is_said():
    columns, without = fit_tags(TABLE, ["genres", "land"])
    assert describe_tags(columns, without, "items") == ["3 tags of items from genres", "columns of items that tell nothing: land"]
