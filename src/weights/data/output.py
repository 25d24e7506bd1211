"""Writing tables of answers: CSV, Parquet or JSON lines."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from weights.errors import StorageError, UsageError
from weights.interruption import undone

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def predictions_table(columns: Mapping[str, Any]) -> pa.Table:
    """Columns by name as a table."""
    return pa.table({name: pa.array(values) for name, values in columns.items()})


def contributions_table(records: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Explained predictions as a table, one line for each row and feature; what is no number stands in a column of its own, `level`.

    Behind that of a text stand lines for its words, with each `word` in a column; these add up to the text's contribution.
    """

    def lines(record: Mapping[str, Any], part: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        value, known = part["value"], {name: record[name] for name in ("row", "class", "prediction", "base")}
        number, level = (value, None) if isinstance(value, float) else (None, value)
        feature = {**known, "feature": part["feature"]}
        for word in (None, *part.get("words", ())):
            at = {"value": number, "level": level} if word is None else {"value": None, "level": None}
            told = {} if not with_words else {"word": word and word["word"]}
            yield {**feature, **at, **told, **{k: (word or part)[k] for k in ("contribution", "low", "high")}}

    with_words = any("words" in part for record in records for part in record["contributions"])
    return pa.Table.from_pylist([line for record in records for part in record["contributions"] for line in lines(record, part)])


def check_ending(path: Path, instead: str = "Rename the output.") -> None:
    """Refuse a file that no table can be written to, before anything is computed.

    Raises:
        UsageError: its name ends otherwise than tables do; with what to do instead.
    """
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"Answers are written as {', '.join(FORMATS)}, but '{path}' ends in '{path.suffix or 'nothing'}'. {instead}")


def write_tables(tables: Iterable[pa.Table], path: Path) -> int:
    """Write tables of the same columns, one behind the other, in the format that the file's ending names.

    The file appears whole or not at all. Returns the number of rows.

    Raises:
        UsageError: the ending is not known.
        StorageError: the disk is full, read-only or failing; an older file is as it was.
    """
    check_ending(path)
    fresh = path.with_name(f".{path.name}.new-{os.getpid()}")
    try:
        path.absolute().parent.mkdir(parents=True, exist_ok=True)
        with undone(lambda: fresh.unlink(missing_ok=True)):
            with fresh.open("wb") as file:
                n_rows = pour_tables(tables, file, path.suffix.lower())
            os.replace(fresh, path)
    except OSError as error:
        raise StorageError(f"'{path}' could not be written: {error.strerror}. Free space or choose another place.") from error
    return n_rows


def pour_tables(tables: Iterable[pa.Table], file: BinaryIO, ending: str) -> int:
    """Write tables of the same columns into an open file, in the format of this ending; returns the number of rows.

    Text in CSV that a spreadsheet would run as a formula gets a leading apostrophe, and days are dates there.
    """
    n_rows = 0
    with contextlib.ExitStack() as stack:
        write = _WRITERS[ending](file, stack)
        for table in tables:
            write(table)
            n_rows += table.num_rows
    return n_rows


def _write_csv(file: BinaryIO, stack: contextlib.ExitStack) -> Callable[[pa.Table], Any]:
    from pyarrow import csv

    header = itertools.chain([True], itertools.repeat(False))

    def write(table: pa.Table) -> None:
        sink = pa.BufferOutputStream()
        csv.write_csv(_disarm_formulas(_shorten_times(table)), sink, csv.WriteOptions(include_header=next(header), quoting_style="needed"))
        file.write(sink.getvalue())

    return write


def _write_json_lines(file: BinaryIO, stack: contextlib.ExitStack) -> Callable[[pa.Table], Any]:
    import msgspec

    return lambda table: file.write(b"".join(msgspec.json.encode(row) + b"\n" for row in table.to_pylist()))


def _write_parquet(file: BinaryIO, stack: contextlib.ExitStack) -> Callable[[pa.Table], Any]:
    from pyarrow import parquet

    opened: list[Any] = []

    def write(table: pa.Table) -> None:
        if not opened:
            opened.append(stack.enter_context(parquet.ParquetWriter(file, table.schema)))
        opened[0].write_table(table)

    return write


_WRITERS = {".csv": _write_csv, ".parquet": _write_parquet, ".jsonl": _write_json_lines}
FORMATS = tuple(_WRITERS)


def _shorten_times(table: pa.Table) -> pa.Table:
    """The table with moments as dates where all of a column are midnights, and without parts of seconds where none has any."""
    import pyarrow.compute as pc

    for index, field in enumerate(table.schema):
        if not pa.types.is_timestamp(field.type) or field.type.tz is not None:
            continue
        moments = table.column(index)
        for unit, kind in (("day", pa.date32()), ("second", pa.timestamp("s"))):
            if pc.all(pc.equal(pc.floor_temporal(moments, unit=unit), moments)).as_py() is not False:
                table = table.set_column(index, field.name, moments.cast(kind))
                break
    return table


def _disarm_formulas(table: pa.Table) -> pa.Table:
    for index, field in enumerate(table.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type) or pa.types.is_dictionary(field.type):
            cells = [
                "'" + cell if cell is not None and cell.startswith(_FORMULA_STARTS) else cell for cell in table.column(index).to_pylist()
            ]
            table = table.set_column(index, field.name, pa.array(cells, pa.string()))
    return table
