"""Rows and values that are there several times: which, and what is said of them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weights.data.registry import KINDS, find_block_kind
from weights.data.table.columns import is_number, to_levels
from weights.errors import DataError
from weights.types import AnyArray, BoolArray, IntArray

_MOSTLY = 0.5
"""Where more rows than this repeat others, that is how such a table is (a few columns of few levels), and not worth saying."""


def find_copies(table: pa.Table) -> tuple[IntArray | None, str]:
    """The code of each row's value in the first column whose values identify what they are of, equal where values are, and its plural.

    None, instead of codes (n,), where no two rows have the same, or there is no such column.
    """
    for field in table.schema:
        if (name := find_block_kind(field)) is not None and KINDS[name].identifies:
            codes = np.unique(KINDS[name].hash_values(table[field.name]), return_inverse=True)[1]
            return codes if codes.max() + 1 < len(codes) else None, KINDS[name].plural
    return None, ""


def keep_together(copies: IntArray, keep: BoolArray, plural: str) -> IntArray | None:
    """The same codes if there are copies among the rows that are learned from.

    Raises:
        DataError: there is nothing but copies of one picture.
    """
    n_rows, n_different = np.count_nonzero(keep), len(np.unique(copies[keep]))
    if n_different == 1 < n_rows:
        raise DataError(f"Different {plural} were needed to learn from, but all {n_rows:,} are copies of one. Check what the source holds.")
    return copies if n_different < n_rows else None


def describe_copies(copies: IntArray, tests: BoolArray, target: pa.ChunkedArray, plural: str, *, apart: bool) -> str:
    """A remark about values that are there several times: in training and test, under two labels, or kept together in training."""
    times = np.bincount(copies)
    n_repeated, both = np.count_nonzero(times > 1), len(np.intersect1d(copies[tests], copies[~tests]))
    n_labels = len(np.unique(np.stack([copies, to_levels(target)[0]]), axis=1).T) - len(times)
    words = (
        f"{n_repeated:,} {plural.removesuffix('s') + ' is' if n_repeated == 1 else plural + ' are'} there more than once, "
        f"{times[times > 1].sum():,} rows in all"
    )
    words += f"; {both:,} of them in the test as well as in training, so that the test is too easy" if both else ""
    words += f"; {n_labels:,} under two labels" if n_labels else ""
    return words + ("; copies are kept in one fold" if apart else "")


def describe_repeats(table: pa.Table) -> list[str]:
    """A remark about rows that repeat an earlier one in every column."""
    if any(KINDS[name].identifies for name in map(find_block_kind, table.schema) if name is not None):
        return []
    n_different = len(np.unique(_hash_rows(table)))
    n_repeats = table.num_rows - n_different
    if n_repeats == 0 or n_repeats > _MOSTLY * table.num_rows:
        return []
    said = f"{n_repeats:,} of {table.num_rows:,} rows repeat an earlier row in every column"
    return [f"{said}; where they are the same case, keep them together with --group, or the figures are too good"]


def _hash_rows(table: pa.Table) -> AnyArray:
    """A 64-bit number for each row, equal where all cells are, shape (n,); different rows share one with probability about 2^-64."""
    hashes = np.zeros(table.num_rows, np.uint64)
    for field, column in zip(table.schema, table.columns, strict=True):
        if (name := find_block_kind(field)) is not None:
            cells = KINDS[name].hash_values(column)
        elif is_number(column.type):
            cells = np.ascontiguousarray(pc.cast(column, pa.float64(), safe=False).to_numpy()).view(np.uint64)
        elif pa.types.is_nested(column.type):
            continue
        else:
            codes = pc.dictionary_encode(column, null_encoding="encode").combine_chunks()
            cells = codes.indices.to_numpy(zero_copy_only=False).astype(np.uint64)
        hashes = (hashes ^ cells) * np.uint64(0x9E3779B97F4A7C15)
        hashes = (hashes ^ (hashes >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
        hashes ^= hashes >> np.uint64(32)
    return hashes
