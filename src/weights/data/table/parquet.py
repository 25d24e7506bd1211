"""Parquet files, whole or some row groups at a time.

`read_parquet` gives a table that fits into memory. `batches` gives the rows of some row groups, a few at a time, whatever the size of
the file. Text stays in codes until it is known to fit, so that a constant of a million rows stays small.
"""

from __future__ import annotations

import base64
import contextlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from weights.data.memory import check_memory_for
from weights.data.table.indices import mark_indices
from weights.data.table.plainform import only_extensions
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

    text = text_columns(path)
    with parquet.ParquetFile(path, read_dictionary=text, **_FRUGALLY) as file:
        footer, coded = file.metadata, coded_columns(file)
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
    return _as_file_says(table, text, coded)


def is_text_in_codes(field: pa.Field) -> bool:
    """Whether a column is plain text that is read in codes, to keep it small."""
    return b"text" in (field.metadata or {})


def _as_file_says(table: pa.Table, text: Collection[str], coded: Collection[str]) -> pa.Table:
    """The table with what is needed of the metadata of its file: types, index, and which columns are text, and which codes of levels."""
    said = dict.fromkeys(text, b"text") | dict.fromkeys(coded, b"coded")
    marks = [{said[field.name]: b"1"} if field.name in said else {} for field in table.schema]
    fields = [f.with_metadata({**only_extensions(f.metadata), **mark}) for f, mark in zip(table.schema, marks, strict=True)]
    return mark_indices(pa.Table.from_arrays(table.columns, schema=pa.schema(fields)), table.schema.metadata)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[tuple[Any, list[str], list[str]]]:
    """The file, open for `batches`, its footer read once, and names of the columns that hold plain text, and codes of levels."""
    from pyarrow import parquet

    text = text_columns(path)
    with parquet.ParquetFile(path, read_dictionary=text, **_FRUGALLY) as file:
        yield file, text, coded_columns(file)


def batches(opened_file: tuple[Any, list[str], list[str]], row_groups: Iterable[int], columns: Sequence[str]) -> Iterator[pa.Table]:
    """The rows of row groups of an open file, in the order of these, about 16,384 at a time."""
    waiting: list[pa.Table] = []
    file, text, coded = opened_file
    for batch in file.iter_batches(batch_size=_BATCH, row_groups=[*row_groups], columns=[*columns]):
        waiting.append(pa.Table.from_batches([batch]).select([*columns]))
        if sum(table.num_rows for table in waiting) >= _BATCH:
            yield _together(waiting, text, coded)
            waiting = []
    if waiting:
        yield _together(waiting, text, coded)


def _together(tables: list[pa.Table], text: Collection[str], coded: Collection[str]) -> pa.Table:
    table = pa.concat_tables(tables)
    table.validate(full=True)
    return _as_file_says(table, text, coded)


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


def coded_columns(file: Any) -> list[str]:
    """Names of the columns of an open file that were codes of levels when it was written, of whatever type these are."""
    written = (file.metadata.metadata or {}).get(b"ARROW:schema")
    try:
        schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(written))) if written else []
    except (pa.ArrowException, OSError, ValueError):
        return []
    return [field.name for field in schema if pa.types.is_dictionary(field.type)]


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
