"""Whether rows are those of an earlier time, to the last cell: `fingerprint_rows` gives a text that is the same if and only if they are.

What is compared are the values that models and the course of training depend on, whatever the type in which they come, and not what is
computed from them, which may differ in its last digit from one machine to another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from weights.data.encoding import Boolean, Category, ColumnEncoding, Encoding, numbers_of
from weights.data.registry import kind_of
from weights.data.table.columns import as_text, is_number, to_flags
from weights.data.table.keys import text_keys
from weights.types import AnyArray


def fingerprint_rows(encoding: Encoding, table: pa.Table, others: Iterable[str]) -> str:
    """A short text that rows of other values, or in another order, do not have.

    Args:
        encoding: fitted to them; what it does not read does not count.
        table: the rows.
        others: further columns that count, such as the target.

    Example:
        >>> table = pa.table({"x": [1, 2], "y": [3, 4]})
        >>> len({fingerprint_rows(Encoding([]), rows, ["y"]) for rows in (table, table.take([1, 0]), table.drop_columns(["x"]))})
        2
    """
    digest = hashlib.blake2b(digest_size=16)
    for values in _values(encoding, table, others):
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()


def _values(encoding: Encoding, table: pa.Table, others: Iterable[str]) -> Iterator[AnyArray]:
    """What counts of each column, shape (n,), of numbers and whole numbers."""
    for column in encoding.columns:
        yield _values_as_read(column, table[column.name])
    for block in encoding.blocks:
        yield kind_of(block).hash_values(table[block.name])
    for name in others:
        raw = table[name]
        yield _alike(raw.cast(pa.float64(), safe=False).to_numpy()) if is_number(raw.type) else text_keys(as_text(raw))


def _values_as_read(column: ColumnEncoding, raw: pa.ChunkedArray) -> AnyArray:
    match column:
        case Category():
            return text_keys(as_text(raw))
        case Boolean():
            return _alike(to_flags(raw, column.name))
        case _:
            return _alike(numbers_of(column, raw))


def _alike(numbers: AnyArray) -> AnyArray:
    """Numbers of which 0 and -0, and all that are none, are the same bits."""
    return np.where(np.isnan(numbers), np.nan, numbers + 0.0)
