"""Copies of rows: merged where a table tells observations apart, kept where equal rows are different cases."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest

from weights.data.table.duplicates import merge_copies


def measured(n: int = 30) -> pa.Table:
    """Rows that a number tells apart, beside a category and a missing cell."""
    random = np.random.default_rng(0)
    size = random.normal(size=n).tolist()
    return pa.table({"ward": [["north", "south", None][i % 3] for i in range(n)], "size": [None, *size[1:]]})


def test_copies_become_one_row_of_their_summed_weight():
    table = measured()
    merged, weight, _ = merge_copies(table.take([*range(30), 4, 4, 7]), np.ones(33))
    assert merged.num_rows == 30
    assert dict(zip(merged["size"].to_pylist(), weight, strict=True))[table["size"][4].as_py()] == 3.0


def test_repeating_rows_and_weighing_them_is_the_same_in_any_order():
    table, random = measured(), np.random.default_rng(1)
    count = random.integers(0, 5, 30)
    repeated = random.permutation(np.repeat(np.arange(30), count))
    order = random.permutation(30)
    first, first_weight, _ = merge_copies(table.take(repeated), np.ones(len(repeated)))
    second, second_weight, _ = merge_copies(table.take(order), count[order].astype(float))
    assert first.equals(second)
    np.testing.assert_array_equal(first_weight, second_weight)


def test_rows_of_weight_zero_are_left_out():
    merged, weight, _ = merge_copies(measured(), np.arange(30) % 2.0)
    assert (merged.num_rows, *np.unique(weight)) == (15, 1.0)


@pytest.mark.parametrize(
    "table",
    [
        {"ward": ["north", "south"] * 20, "ill": [0, 0, 1, 1] * 10},
        {"dose": [0.5, 1.0, 1.5, 2.0] * 10, "ill": [0, 0, 1, 1] * 10},
        {"dose": np.repeat(np.linspace(0.1, 0.9, 8), 6).tolist()},
    ],
    ids=["categories", "few doses", "many rows of each dose"],
)
def test_equal_rows_of_a_coarse_table_stay_apart(table):
    table = pa.table(table)
    merged, weight, _ = merge_copies(table, np.ones(table.num_rows))
    assert merged.num_rows == table.num_rows
    assert (weight == 1.0).all()


@pytest.mark.parametrize(
    "values",
    [
        pa.nulls(2),
        pa.array([True, True]),
        pa.array([datetime.date(2020, 1, 1)] * 2),
        pa.array([datetime.timedelta(1)] * 2),
        pa.array([0.5, 0.5], pa.float16()),
        pa.array([[1], [2]]),
    ],
    ids=lambda values: str(values.type),
)
def test_columns_of_any_type_can_be_compared(values):
    merged, weight, _ = merge_copies(pa.table({"values": values, "size": [0.25, 0.25]}), np.ones(2))
    assert (merged.num_rows, *weight) == (1, 2.0)
