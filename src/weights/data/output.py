"""Writing tables of answers: CSV, Parquet or JSON lines."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from weights.errors import StorageError, UsageError

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
FORMATS = (".csv", ".parquet", ".jsonl")


def predictions_table(columns: Mapping[str, Any]) -> pa.Table:
    """Columns by name as a table."""
    return pa.table({name: pa.array(values) for name, values in columns.items()})


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table in the format that the file's ending names; the file appears whole or not at all.

    Raises:
        UsageError: the ending is not known.
        StorageError: the disk is full, read-only or failing; an older file is as it was.
    """
    if path.suffix.lower() not in FORMATS:
        raise UsageError(
            f"Answers are written as {', '.join(FORMATS)}, but '{path}' ends in '{path.suffix or 'nothing'}'. Rename the output."
        )
    fresh = path.with_name(f".{path.name}.new-{os.getpid()}")
    try:
        path.absolute().parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(table_bytes(table, path.suffix.lower()))
        os.replace(fresh, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise StorageError(f"'{path}' could not be written: {error.strerror}. Free space or choose another place.") from error


def table_bytes(table: pa.Table, ending: str) -> bytes:
    """A table as the bytes of a file with that ending.

    Text in CSV that a spreadsheet would run as a formula gets a leading apostrophe.
    """
    sink = pa.BufferOutputStream()
    if ending == ".parquet":
        from pyarrow import parquet

        parquet.write_table(table, sink)
    elif ending == ".jsonl":
        import msgspec

        sink.write(b"".join(msgspec.json.encode(row) + b"\n" for row in table.to_pylist()))
    else:
        from pyarrow import csv

        csv.write_csv(_without_formulas(table), sink, csv.WriteOptions(quoting_style="needed"))
    return bytes(sink.getvalue())


def _without_formulas(table: pa.Table) -> pa.Table:
    for index, field in enumerate(table.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type) or pa.types.is_dictionary(field.type):
            cells = [
                "'" + cell if cell is not None and cell.startswith(_FORMULA_STARTS) else cell for cell in table.column(index).to_pylist()
            ]
            table = table.set_column(index, field.name, pa.array(cells, pa.string()))
    return table
