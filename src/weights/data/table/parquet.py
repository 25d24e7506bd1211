"""Parquet files, whole or some row groups at a time.

`read_parquet` gives a table that fits into memory. `batches` gives the rows of some row groups, a few at a time, whatever the size of
the file. Text stays in codes until it is known to fit, so that a constant of a million rows stays small.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from weights.data.memory import check_memory_for
from weights.data.table.indices import mark_indices
from weights.errors import DataError
from weights.types import IntArray

_BATCH = 1 << 14
_FRUGALLY: dict[str, Any] = {"page_checksum_verification": True, "pre_buffer": False, "buffer_size": 1 << 18}
"""A page of each column at a time; otherwise pyarrow holds the bytes of all row groups it has come past."""


def check_names_differ(names: Sequence[str], source: str) -> None:
    """Refuse a table in which two columns share a name.

    Raises:
        DataError: they do.
    """
    repeated = [column for column, count in Counter(names).items() if count > 1]
    if repeated:
        raise DataError(f"Column names must differ, but '{repeated[0]}' stands {names.count(repeated[0])} times in {source}. Rename one.")


def read_parquet(path: Path) -> pa.Table:
    """The whole table, if it and the float32 matrix that will be made of it fit into the memory that may be used.

    Raises:
        TooLargeError: they do not; that is known from the footer, or where that is wrong, while reading.
    """
    from pyarrow import parquet

    with parquet.ParquetFile(path, read_dictionary=text_columns(path), **_FRUGALLY) as file:
        footer = file.metadata
        n_bytes = _claimed_bytes(footer) + 4.0 * footer.num_rows * footer.num_columns
        check_memory_for(n_bytes, f"Reading '{path}' ({footer.num_rows:,} rows x {footer.num_columns:,} columns)")
        read, n_bytes = [], 0.0
        for batch in file.iter_batches():
            read.append(batch)
            n_bytes += batch.nbytes + 4.0 * batch.num_rows * batch.num_columns
            check_memory_for(n_bytes, f"Reading '{path}' (more than {sum(map(len, read)):,} rows)")
        table = pa.Table.from_batches(read, file.schema_arrow)
    table.validate(full=True)
    pa.default_memory_pool().release_unused()
    return mark_indices(pa.table(table.columns, names=table.column_names), file.schema_arrow.metadata)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Any]:
    """The file, open for `batches`, its footer read once."""
    from pyarrow import parquet

    with parquet.ParquetFile(path, read_dictionary=text_columns(path), **_FRUGALLY) as file:
        yield file


def batches(file: Any, row_groups: Iterable[int], columns: Sequence[str]) -> Iterator[pa.Table]:
    """The rows of row groups of an open file, in the order of these, about 16,384 at a time."""
    waiting: list[pa.Table] = []
    metadata = file.schema_arrow.metadata
    for batch in file.iter_batches(batch_size=_BATCH, row_groups=[*row_groups], columns=[*columns]):
        waiting.append(pa.Table.from_batches([batch]).select([*columns]))
        if sum(table.num_rows for table in waiting) >= _BATCH:
            yield _together(waiting, metadata)
            waiting = []
    if waiting:
        yield _together(waiting, metadata)


def _together(tables: list[pa.Table], metadata: Mapping[bytes, bytes] | None) -> pa.Table:
    table = pa.concat_tables(tables)
    table.validate(full=True)
    return mark_indices(pa.table(table.columns, names=table.column_names), metadata)


def row_group_sizes(path: Path) -> IntArray:
    """Rows of each row group, as the footer has them, shape (groups,)."""
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        return np.asarray([file.metadata.row_group(g).num_rows for g in range(file.metadata.num_row_groups)], np.int64)


def expansion(path: Path) -> float:
    """How many times larger than the file the values are that its footer announces."""
    from pyarrow import parquet

    return _claimed_bytes(parquet.read_metadata(path)) / path.stat().st_size


def text_columns(path: Path) -> list[str]:
    """Names of the columns that hold plain text."""
    from pyarrow import parquet

    return [field.name for field in parquet.read_schema(path) if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)]


def types_of(path: Path) -> dict[str, pa.DataType]:
    """The type of each column.

    Raises:
        DataError: two columns share a name.
    """
    from pyarrow import parquet

    schema = parquet.read_schema(path)
    check_names_differ(schema.names, path.name)
    return {field.name: field.type for field in schema}


def _claimed_bytes(footer: Any) -> float:
    """Memory of the values that a Parquet footer announces: rows and widths, whatever their compressed size.

    The sizes of column chunks are not asked for: pyarrow 26 ends the process when their metadata are damaged.
    """
    widths = {"BOOLEAN": 0.125, "INT32": 4.0, "FLOAT": 4.0}
    return footer.num_rows * sum(widths.get(footer.schema.column(j).physical_type, 8.0) for j in range(footer.num_columns))
