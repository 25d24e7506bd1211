"""How many levels categories may have together: `bound_levels`."""

from __future__ import annotations

import msgspec
import numpy as np
import pyarrow as pa

from weights.data.encoding import Category, ColumnEncoding, Encoding
from weights.data.table.columns import level_codes
from weights.types import IntArray

_FEWEST_BOUNDED = 1_000
"""Levels in all that categories may have however few the rows (our choice)."""


def bound_levels(encoding: Encoding, table: pa.Table) -> tuple[Encoding, list[str]]:
    """The encoding with no more levels in all than there are rows, or 1,000, and a remark if some had to go.

    The most frequent levels of all categories stay, and of each category its most frequent ones, alike in how often they came; the others
    count as rare. More could not be told apart: columns of words would become more inputs than rows can say anything of.

    Args:
        encoding: from `fit_encoding`.
        table: the same rows.
    """
    most = max(table.num_rows, _FEWEST_BOUNDED)
    counts = [_count(column, table) if isinstance(column, Category) else np.zeros(0, int) for column in encoding.columns]
    in_all = np.sort(np.concatenate([np.zeros(0, int), *counts]))[::-1]
    if len(in_all) <= most:
        return encoding, []
    least = int(in_all[most]) + 1
    columns = [_keep(column, own, least) for column, own in zip(encoding.columns, counts, strict=True)]
    n_categories = sum(isinstance(column, Category) for column in columns)
    remark = (
        f"{n_categories:,} columns of words have {len(in_all):,} levels together, more than {table.num_rows:,} rows can tell apart: "
        f"those with fewer than {least:,} rows count as rare"
    )
    return msgspec.structs.replace(encoding, columns=columns), [remark]


def _count(column: Category, table: pa.Table) -> IntArray:
    codes = level_codes(table[column.name], column.levels)
    return np.bincount(codes[codes >= 0], minlength=len(column.levels))


def _keep(column: ColumnEncoding, counts: IntArray, least: int) -> ColumnEncoding:
    """A category with the levels that came as often as that, or its first that came most often; any other column as it is."""
    if not isinstance(column, Category):
        return column
    kept = [level for i, level in enumerate(column.levels) if counts[i] >= least] or [column.levels[int(counts.argmax())]]
    return msgspec.structs.replace(column, levels=kept, rare=column.rare or len(kept) < len(column.levels))
