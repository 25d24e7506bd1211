"""Columns of words have no more levels together than rows can tell apart, and what is left out is said."""

import numpy as np
import pyarrow as pa
import pytest

import weights as wt
from weights.data.encoding import apply_encoding, fit_encoding
from weights.data.levels import bound_levels


def words(n_columns, n_rows=300, n_levels=30):
    """Columns of words, whose first level is in more rows than the others, which are in three of a hundred each."""
    others = np.repeat(np.arange(1, n_levels), n_rows * 3 // 100)
    codes, rng = np.concatenate([others, np.zeros(n_rows - len(others), int)]), np.random.default_rng(0)
    return {f"c{j}": rng.permutation(np.array([f"w{k}" for k in range(n_levels)])[codes]) for j in range(n_columns)}


def encode(columns):
    table = pa.table(columns)
    return bound_levels(fit_encoding(table, dict.fromkeys(columns, "category")), table), table


def test_few_levels_all_stay():
    columns = words(33)  # 990 levels
    (encoding, remarks), table = encode(columns)
    assert (encoding, remarks) == (fit_encoding(table, dict.fromkeys(columns, "category")), [])


def test_the_most_frequent_levels_of_many_stay():
    (encoding, [remark]), table = encode(words(50) | {"sex": np.array(["f", "m"] * 150)})
    assert [column.levels for column in encoding.columns] == [["w0"]] * 50 + [["f", "m"]]
    assert [column.rare for column in encoding.columns] == [True] * 50 + [False]
    assert (
        remark
        == "51 columns of words have 1,502 levels together, more than 300 rows can tell apart: those with fewer than 10 rows count as rare"
    )
    assert apply_encoding(encoding, table)["x"].sum(1) == pytest.approx(51)  # each row has one level of each column


def test_as_many_levels_stay_as_there_are_rows():
    (encoding, remarks), _ = encode(words(50, n_rows=1_600))
    assert sum(len(column.levels) for column in encoding.columns) == 1_500
    assert not remarks


def test_a_fit_says_that_levels_were_left_out():
    model = wt.fit(words(60) | {"y": np.arange(300.0) % 7}, "y", model="linear", members=4, n_folds=2, inspect=False)
    assert any("60 columns of words have 1,800 levels together" in remark for remark in model.report.remarks)
