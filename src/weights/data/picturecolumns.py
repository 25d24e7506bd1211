"""Tables that name files of pictures in one of their columns.

`picture_column` finds it, `with_pictures` reads the files, and `read_new` reads whatever comes to be answered.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weights.data.columns import as_text
from weights.data.delimited import remarks_of
from weights.data.encoding import Picture
from weights.data.image.column import FILE_NAMES, is_picture
from weights.data.image.decoding import FORMAT_OF_SUFFIX
from weights.data.picturefiles import Entry
from weights.data.picturesources import WHATEVER, holds_pictures, read_pictures
from weights.data.pixels import Wanted, read_pixels
from weights.data.table import read_table
from weights.errors import DataError, NotFoundError, listed, printable, suggest

_MOSTLY = 0.9
"""Share of a column's cells that must end as picture files do for it to be one of these (our choice)."""

_LOOKED_FOR = 200
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def folder_of(source: Any) -> Path:
    """The folder that the names in a table are relative to: that of its file, or the present one."""
    return Path(source).parent if isinstance(source, str | os.PathLike) else Path()


def picture_column(table: pa.Table, folder: Path, *, spared: Collection[str] = ()) -> str | None:
    """The first column that names picture files of which some are there; None if none names any.

    Args:
        table: rows.
        folder: what the names are relative to.
        spared: columns that are known to be something else.

    Raises:
        DataError: columns name picture files, but none is there.
    """
    columns = [name for name in _naming(table) if name not in spared]
    for name in columns:
        cells = table[name].drop_null()
        if any(os.path.isfile(folder / cell.as_py()) for cell in cells[:: max(len(cells) // _LOOKED_FOR, 1)]):
            return name
    if not columns:
        return None
    first = printable(str(folder.absolute() / table[columns[0]].drop_null()[0].as_py()))
    raise DataError(
        f"'{columns[0]}' names picture files, but those that were looked for are not there: first '{first}'. Put the table where its "
        f"names lead to the pictures, or leave the column out: --drop {columns[0]}."
    )


def with_pictures(table: pa.Table, column: str, folder: Path, wanted: Wanted = WHATEVER) -> pa.Table:
    """The table with pictures in place of their files' names, which go to `FILE_NAMES`, without the rows whose picture cannot be read.

    Args:
        table: rows.
        column: the column of names; a missing one counts as unreadable.
        folder: what they are relative to where they are not absolute.
        wanted: how they are to be read.

    Raises:
        NotFoundError: there is no such column.
        DataError: it does not hold names, or addresses of web pages; others, UsageError and StorageError as `pixels.read_pixels`.
    """
    if column not in table.column_names:
        raise NotFoundError(f"There is no column '{column}' of names of picture files. {suggest(column, table.column_names)}")
    if not pa.types.is_string(table[column].type):
        raise DataError(f"Names of picture files were needed in '{column}', but it holds {table[column].type}. Give the names as text.")
    read = read_pixels(_entries(as_text(table[column]).to_pylist(), folder), str(folder), wanted)
    rows = table if read.keep.all() else table.filter(pa.array(read.keep))
    remarks = msgspec.json.encode([*remarks_of(table), *read.remarks])
    fields = [read.field.with_name(column) if field.name == column else field for field in table.schema]
    columns = [read.pictures if field.name == column else rows[field.name] for field in table.schema]
    fields.append(pa.field(FILE_NAMES, pa.string()))
    columns.append(pc.cast(rows[column], pa.string()))
    return pa.Table.from_arrays(columns, schema=pa.schema(fields, metadata={"remarks": remarks}))


def read_new(data: Any, like: Picture, missing: Sequence[str] = ()) -> pa.Table:
    """Pictures to be answered, brought to the name, size and channels of those learned from, with the names of files in `FILE_NAMES`.

    Args:
        data: a source of pictures, an array of them, or a table that names their files: in a column of that name, or its only one.
        like: those learned from.
        missing: words for "no value" in text columns.

    Raises:
        DataError: no column names picture files, or several do, or one cannot be read; others as `read_pictures` and `read_table`.
    """
    wanted = Wanted(size=(like.height, like.width), channels=like.channels, strict=True)
    if isinstance(data, np.ndarray) or holds_pictures(data):
        table = read_pictures(data, wanted)
        own = [name for name in ("picture", FILE_NAMES) if name in table.column_names]
        return _renamed(table.select(own), {"picture": like.name})
    table = read_table(data, missing=missing)
    if like.name in table.column_names and is_picture(table.schema.field(like.name)):
        return table
    column = like.name if like.name in table.column_names else _only_one(table, like.name)
    pictures = with_pictures(table, column, folder_of(data), wanted)
    return _renamed(pictures, {column: like.name})


def _naming(table: pa.Table) -> list[str]:
    """The columns whose cells end as the names of picture files do, and are no addresses of web pages."""
    found = []
    for field in table.schema:
        if not pa.types.is_string(field.type):
            continue
        cells = table[field.name].drop_null()
        ends = pc.utf8_lower(pc.utf8_trim_whitespace(cells))
        is_file = np.logical_or.reduce([pc.ends_with(ends, suffix).to_numpy() for suffix in FORMAT_OF_SUFFIX])
        if len(cells) and is_file.mean() >= _MOSTLY and not _URL.match(cells[0].as_py()):
            found.append(field.name)
    return found


def _renamed(table: pa.Table, names: Mapping[str, str]) -> pa.Table:
    """The table with other names of columns, and its remarks, which Arrow would drop."""
    renamed = table.rename_columns([names.get(name, name) for name in table.column_names])
    return renamed.replace_schema_metadata(table.schema.metadata)


def _only_one(table: pa.Table, needed: str) -> str:
    columns = _naming(table)
    if len(columns) == 1:
        return columns[0]
    which = f"{len(columns)} do ({listed(columns, 5)})" if columns else f"none does ({listed(table.column_names, 10)})"
    raise DataError(f"One column must name picture files, but {which}. Call the column of files '{needed}'.")


def _entries(names: Sequence[str | None], folder: Path) -> list[Entry]:
    for row, name in enumerate(names):
        if name is not None and _URL.match(name):
            raise DataError(
                f"Names of picture files were needed, but row {row + 1} holds an address, '{printable(name)}'. Download them first."
            )
    return [Entry(f"row {row + 1}", None) if name is None else Entry(name, folder / name) for row, name in enumerate(names)]
