"""Rows are called by the numbers they have in the user's table, whatever was left out, sampled or reordered before."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from weights.api import plan_fit
from weights.data.dataset import prepare
from weights.data.roles import Roles
from weights.data.table.rownumbers import counted_from, renumbered, rows_counted_from, rows_numbered
from weights.errors import DataError

N = 60


def table(**columns):
    """Rows of which the first three have no target and the fourth and fifth are for the test."""
    rng = np.random.default_rng(0)
    y = [None] * 3 + rng.normal(size=N - 3).tolist()
    return pa.table({"x": rng.normal(size=N), "y": y, "part": ["train"] * 3 + ["test"] * 2 + ["train"] * (N - 5), **columns})


def flags(bad_row):
    return [*["yes", "no"] * (N // 2)][: bad_row - 1] + ["maybe"] + ["yes", "no"] * N


def test_numbers_are_exchanged_wherever_a_row_is_named():
    assert renumbered("row 2 holds 7 (first: row 1)", np.asarray([10, 1234])) == "row 1,235 holds 7 (first: row 11)"
    assert renumbered("row 2", None) == "row 2"
    assert counted_from(1000, "row 1,234, arrow 5") == "row 2,234, arrow 5"
    with pytest.raises(DataError, match=r"^row 8 is bad$"), rows_numbered(np.asarray([0, 7])):
        raise DataError("row 2 is bad")
    with pytest.raises(DataError, match=r"^From row 11 on: row 12 is bad$"), rows_counted_from(10):
        raise DataError("row 2 is bad")


@pytest.mark.parametrize("bad_row", [4, 5, 6, 40])
def test_a_cell_that_cannot_be_read_is_named_by_its_row_in_the_table(bad_row):
    roles = Roles("y", kinds={"flag": "boolean"}, split="part")
    with pytest.raises(DataError, match=f"first: row {bad_row}, 'maybe'"):
        prepare(table(flag=flags(bad_row)[:N]), roles)


def test_what_is_said_of_a_column_names_rows_of_the_table():
    cells = [str(i / 3) for i in range(N)]
    cells[20] = "unknown"
    [note] = [f.note for f in prepare(table(n=cells), Roles("y", drop=("part",))).features if f.name == "n"]
    assert "first: row 21, 'unknown'" in note


def test_a_target_is_named_by_its_row_in_the_table():
    y = [None] * 3 + [0.5 * i for i in range(N - 3)]
    y[30] = float("inf")
    with pytest.raises(DataError, match="row 31 holds inf"):
        plan_fit({"x": np.arange(N) % 7 / 3, "y": y}, "y", task="regression")


def test_rows_that_were_sampled_or_merged_keep_their_numbers():
    numbers = np.arange(N) * 100
    with pytest.raises(DataError, match="first: row 3,901, 'maybe'"):
        prepare(table(flag=flags(40)[:N]), Roles("y", kinds={"flag": "boolean"}, drop=("part",)), numbers=numbers)
    with pytest.raises(DataError, match="first: row 40, 'maybe'"):
        plan_fit(table(flag=flags(40)[:N]), "y", kinds={"flag": "boolean"}, drop=("part",), copies="merge")
