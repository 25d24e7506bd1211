"""Rows that stand in a table several times: `merge_copies` makes one weighted row of each.

A fit of the merged table depends neither on the order of rows nor on whether a row is repeated or weighted, and no copy of a
row can be learned from by a member that is judged on another.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weights.types import BoolArray, FloatArray, IntArray

_NEARLY_ALL_DIFFER = 0.9
"""Share of the different rows that one measured column must distinguish for equal rows to be copies (our choice)."""
_MOST_REPEATED = 5
"""Rows that stand in a table more often than this on average are not copies but cases of which there are few (our choice)."""


def merge_copies(table: pa.Table, weight: FloatArray) -> tuple[pa.Table, FloatArray, IntArray]:
    """The rows of positive weight, each copy once with the sum of their weights, in an order that only their values decide.

    Equal rows are copies where a column of numbers with fractions differs in nearly all different rows, so that two observations
    would hardly agree by chance. In coarse tables, such as those of categories, equal rows are different observations and stay apart.

    Args:
        table: n rows; columns of nested values are not compared.
        weight: of each row, at least zero, shape (n,).

    Example:
        >>> table = pa.table({"x": [0.5, 0.1, 0.5], "y": [1, 0, 1]})
        >>> merged, weight, numbers = merge_copies(table, np.ones(3))
        >>> merged.column("x").to_pylist(), weight, numbers
        ([0.1, 0.5], array([1., 2.]), array([1, 0]))
    """
    used = np.flatnonzero(weight > 0)
    compared = _comparable(table.take(used))
    order = pc.sort_indices(compared, sort_keys=[(name, "ascending") for name in compared.column_names]).to_numpy()
    compared, used = compared.take(order), used[order]
    first = _starts(compared)
    if not _are_copies(compared.filter(pa.array(first)), len(used)):
        first[:] = True
    return table.take(used[first]), np.bincount(np.cumsum(first) - 1, weight[used]), used[first]


def _comparable(table: pa.Table) -> pa.Table:
    """The columns that Arrow can sort and compare, under names that are numbers."""
    columns = [column for column in table.columns if not pa.types.is_nested(column.type) and not pa.types.is_null(column.type)]
    columns = [pc.cast(column, pa.float32()) if pa.types.is_float16(column.type) else column for column in columns]
    return pa.Table.from_arrays(columns, names=[str(j) for j in range(len(columns))])


def _starts(rows: pa.Table) -> BoolArray:
    """Whether a row of a sorted table differs from the one before it, shape (n,)."""
    starts = np.zeros(rows.num_rows, bool)
    starts[:1] = True
    for column in rows.columns:
        before, after = column[:-1], column[1:]
        same = pc.if_else(pc.and_(pc.is_null(before), pc.is_null(after)), True, pc.fill_null(pc.equal(before, after), False))
        starts[1:] |= ~same.to_numpy().astype(bool)
    return starts


def _are_copies(different: pa.Table, n_rows: int) -> bool:
    """Whether equal rows of a table with these different rows are copies of one observation."""
    if n_rows > _MOST_REPEATED * different.num_rows:
        return False
    measured = (column for column in different.columns if pa.types.is_floating(column.type) and _has_fractions(column))
    return any(pc.count_distinct(column).as_py() >= _NEARLY_ALL_DIFFER * different.num_rows for column in measured)


def _has_fractions(column: pa.ChunkedArray) -> bool:
    return bool(pc.any(pc.not_equal(pc.floor(column), column)).as_py())
