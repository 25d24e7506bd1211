"""Labelled files as a table: one row a file, with its class, its name and the part of the split it belongs to.

`read_files` is the usual entrance. Tables that name files are read elsewhere (`naming`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from weights.data.files.decoded import DecodedFiles, decode_files
from weights.data.files.listing import Entry, list_files
from weights.data.files.medium import Medium, Options

FILE_NAMES = "\0file"
"""Column of the names of files that rows were read from: no user's table has one called so."""


def read_files(path: Path, medium: Medium[Options], options: Options) -> pa.Table:
    """The files of a source as a table.

    Args:
        path: a folder or .zip of files, usually in one folder for each class, maybe below folders called train, val and
            test; a folder of such zips; or a single file.
        medium: of the files.
        options: how they are to be read.

    Returns:
        The column of the medium's form; "class", unless there is none; `FILE_NAMES`, within the source; and "split", if
        the source has an official part to train and one to test ("train" rows come first). Remarks are in its metadata
        (see `delimited.remarks_of`).

    Raises:
        NotFoundError: there is nothing at the path.
        DataError: the source is no such thing; others, UsageError and StorageError as `decoded.decode_files`.
    """
    with list_files(path, medium) as (entries, remarks):
        decoded = decode_files(entries, str(path), medium, options)
    kept = keep_readable(entries, decoded)
    labels = pa.array([entry.label for entry in kept], pa.string())
    columns = {"class": labels} if labels.null_count < len(labels) else {}
    columns[FILE_NAMES] = pa.array([entry.name for entry in kept], pa.string())
    return make_table(decoded, entries, columns, remarks, medium)


def make_table(
    decoded: DecodedFiles,
    entries: Sequence[Entry],
    columns: Mapping[str, pa.Array],
    remarks: Sequence[str],
    medium: Medium[Any],
) -> pa.Table:
    """A table of decoded files and of other columns beside them, and of the split where the entries have one.

    Args:
        decoded: the files.
        entries: from which they were decoded, those that could not be read among them.
        columns: others by name, a cell for each file that could be read.
        remarks: made before the files were decoded.
        medium: of the files.
    """
    kept = keep_readable(entries, decoded)
    fields = [decoded.field, *(pa.field(name, column.type) for name, column in columns.items())]
    arrays = [decoded.column, *columns.values()]
    n_by_part = {part: sum(entry.part == part for entry in kept) for part in ("train", "val", "test")}
    if n_by_part["test"] and n_by_part["train"] + n_by_part["val"]:
        fields.append(pa.field("split", pa.string()))
        arrays.append(pa.array(["test" if entry.part == "test" else "train" for entry in kept]))
    remarks = [*remarks, *decoded.remarks]
    if n_by_part["val"] and n_by_part["val"] < len(kept):
        part = f"the official validation part ({medium.say_count(n_by_part['val'])})"
        remarks.append(f"{part} is learned from as well: members are judged on rows they did not see")
    schema = pa.schema(fields, metadata={"remarks": msgspec.json.encode(remarks)})
    return pa.Table.from_arrays(arrays, schema=schema)


def keep_readable(entries: Sequence[Entry], decoded: DecodedFiles) -> list[Entry]:
    """The entries of files that could be read."""
    return [entry for entry, is_kept in zip(entries, decoded.keep, strict=True) if is_kept]


def rename_columns(table: pa.Table, names: Mapping[str, str]) -> pa.Table:
    """The table with other names of columns, and its remarks, which Arrow would drop."""
    renamed = table.rename_columns([names.get(name, name) for name in table.column_names])
    return renamed.replace_schema_metadata(table.schema.metadata)
