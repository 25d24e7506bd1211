"""Tables that name files of a medium in one of their columns.

`find_column` finds it, and `decode_column` puts the decoded files in its place.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weights.data.files.decoded import decode_files
from weights.data.files.labelled import FILE_NAMES, rename_columns
from weights.data.files.listing import Entry
from weights.data.files.medium import Medium, Options
from weights.data.table.columns import as_text
from weights.data.table.delimited import remarks_of
from weights.data.table.part import path_of
from weights.errors import DataError, NotFoundError, listed, printable, suggest

_MOSTLY = 0.9
"""Share of a column's cells that must end as files of the medium do for it to be one of these (our choice)."""

_LOOKED_FOR = 200
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def folder_of(source: Any) -> Path:
    """The folder that the names in a table are relative to: that of its file, or the present one."""
    path = path_of(source)
    return Path() if path is None else Path(path).parent


def find_column(table: pa.Table, folder: Path, medium: Medium[Any], *, excluded: Collection[str] = ()) -> str | None:
    """The first column that names files of a medium of which some are there; None if none names any.

    Args:
        table: rows.
        folder: what the names are relative to.
        medium: of the files.
        excluded: columns that are known to be something else.

    Raises:
        DataError: columns name such files, but none is there.
    """
    columns = [name for name in _list_naming_columns(table, medium) if name not in excluded]
    for name in columns:
        cells = table[name].drop_null()
        if any(os.path.isfile(folder / cell.as_py()) for cell in cells[:: max(len(cells) // _LOOKED_FOR, 1)]):
            return name
    if not columns:
        return None
    column, first = columns[0], printable(str(folder.absolute() / table[columns[0]].drop_null()[0].as_py()))
    missing = f"'{column}' names {medium.name} files, but those that were looked for are not there: first '{first}'"
    hint = f"Put the table where its names lead to the {medium.plural}, or leave the column out: --drop {column}."
    raise DataError(f"{missing}. {hint}")


def decode_column(table: pa.Table, column: str, folder: Path, medium: Medium[Options], options: Options) -> pa.Table:
    """The table with decoded files in place of their names, which go to `FILE_NAMES`, without unreadable rows.

    Args:
        table: rows.
        column: the column of names; a missing one counts as unreadable.
        folder: what they are relative to where they are not absolute.
        medium: of the files.
        options: how they are to be read.

    Raises:
        NotFoundError: there is no such column.
        DataError: it does not hold names, or addresses of web pages; others, UsageError and StorageError as
            `decoded.decode_files`.
    """
    if column not in table.column_names:
        hint = suggest(column, table.column_names)
        raise NotFoundError(f"There is no column '{column}' of names of {medium.name} files. {hint}")
    if not pa.types.is_string(table[column].type):
        needed = f"Names of {medium.name} files were needed in '{column}'"
        raise DataError(f"{needed}, but it holds {table[column].type}. Give the names as text.")
    entries = _list_entries(as_text(table[column]).to_pylist(), folder, medium)
    decoded = decode_files(entries, str(folder), medium, options)
    rows = table if decoded.keep.all() else table.filter(pa.array(decoded.keep))
    remarks = msgspec.json.encode([*remarks_of(table), *decoded.remarks])
    fields = [decoded.field.with_name(column) if field.name == column else field for field in table.schema]
    columns = [decoded.column if field.name == column else rows[field.name] for field in table.schema]
    fields.append(pa.field(FILE_NAMES, pa.string()))
    columns.append(pc.cast(rows[column], pa.string()))
    return pa.Table.from_arrays(columns, schema=pa.schema(fields, metadata={"remarks": remarks}))


def decode_column_like(table: pa.Table, name: str, folder: Path, medium: Medium[Options], options: Options) -> pa.Table:
    """The table with decoded files in a column of this name: from that column, or from the only one that names files.

    Raises:
        DataError: no column names files of the medium, or several do; others as `decode_column`.
    """
    column = name if name in table.column_names else _require_one_column(table, name, medium)
    return rename_columns(decode_column(table, column, folder, medium, options), {column: name})


def _list_naming_columns(table: pa.Table, medium: Medium[Any]) -> list[str]:
    """The columns whose cells end as the names of such files do, and are no addresses of web pages."""
    columns = []
    for field in table.schema:
        if not pa.types.is_string(field.type):
            continue
        cells = table[field.name].drop_null()
        names = pc.utf8_lower(pc.utf8_trim_whitespace(cells))
        is_file = np.logical_or.reduce([pc.ends_with(names, ending).to_numpy() for ending in medium.formats])
        if len(cells) and is_file.mean() >= _MOSTLY and not _URL.match(cells[0].as_py()):
            columns.append(field.name)
    return columns


def _require_one_column(table: pa.Table, needed: str, medium: Medium[Any]) -> str:
    columns = _list_naming_columns(table, medium)
    if len(columns) == 1:
        return columns[0]
    several = f"{len(columns)} do ({listed(columns, 5)})"
    which = several if columns else f"none does ({listed(table.column_names, 10)})"
    hint = f"Call the column of files '{needed}'."
    raise DataError(f"One column must name {medium.name} files, but {which}. {hint}")


def _list_entries(names: Sequence[str | None], folder: Path, medium: Medium[Any]) -> list[Entry]:
    """An entry for each name; one without name for a missing one."""
    entries = []
    for row, name in enumerate(names, start=1):
        if name is not None and _URL.match(name):
            came = f"row {row} holds an address, '{printable(name)}'"
            raise DataError(f"Names of {medium.name} files were needed, but {came}. Download them first.")
        entries.append(Entry(f"row {row}", None) if name is None else Entry(name, folder / name))
    return entries
