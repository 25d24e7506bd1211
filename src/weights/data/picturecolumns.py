"""Tables that name files of pictures in one of their columns: `with_pictures` reads these."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weights.data.columns import as_text
from weights.data.decoding import FORMAT_OF_SUFFIX
from weights.data.delimited import remarks_of
from weights.data.image import read_picture_files
from weights.errors import DataError, listed

_MOSTLY = 0.9
"""Share of a column's cells that must end as picture files do for it to be one of these (our choice)."""


def folder_of(source: Any) -> Path:
    """The folder that the names in a table are relative to: that of its file, or the present one."""
    return Path(source).parent if isinstance(source, str | os.PathLike) else Path()


def picture_columns(table: pa.Table, folder: Path) -> list[str]:
    """Names of the columns that hold names of picture files, the first of which is there."""
    found = []
    for field in table.schema:
        if not pa.types.is_string(field.type):
            continue
        names = table[field.name].drop_null()
        ends = pc.utf8_lower(pc.utf8_trim_whitespace(names))
        is_file = np.logical_or.reduce([pc.ends_with(ends, suffix).to_numpy() for suffix in FORMAT_OF_SUFFIX])
        if len(names) and is_file.mean() >= _MOSTLY and any((folder / name.as_py()).is_file() for name in names[:20]):
            found.append(field.name)
    return found


def with_pictures(
    table: pa.Table,
    column: str,
    folder: Path,
    *,
    size: tuple[int, int] | None = None,
    channels: int | None = None,
    strict: bool = False,
    tell: Callable[[float], None] = lambda share: None,
) -> pa.Table:
    """The table with pictures in place of the names of their files, without the rows whose picture cannot be read.

    Args:
        table: rows.
        column: the column of names.
        folder: what they are relative to.
        size: as `image.read_pictures`, and so are the next three.
        channels: see there.
        strict: see there.
        tell: see there.

    Raises:
        DataError: there is no such column, or it does not hold names; others as `image.read_picture_files`.
    """
    if column not in table.column_names:
        raise DataError(
            f"Names of picture files were needed in a column '{column}', but the columns are {listed(table.column_names, 10)}. "
            f"Call the column of files '{column}'."
        )
    if not pa.types.is_string(table[column].type):
        raise DataError(f"Names of picture files were needed in '{column}', but it holds {table[column].type}. Give the names as text.")
    names = as_text(table[column]).to_pylist()
    read = read_picture_files(names, folder, size=size, channels=channels, strict=strict, tell=tell)
    rows = table if read.keep.all() else table.filter(pa.array(read.keep))
    remarks = msgspec.json.encode([*remarks_of(table), *read.remarks])
    fields = [read.field.with_name(column) if field.name == column else field for field in table.schema]
    columns = [read.pictures if field.name == column else rows[field.name] for field in table.schema]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields, metadata={"remarks": remarks}))
