"""How values of a kind are read from files of its medium: `source_of_files`, the same for every kind that comes as files."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from weights.data.files.labelled import rename_columns
from weights.data.files.medium import Medium, Options
from weights.data.files.naming import decode_column, decode_column_like, find_column, folder_of
from weights.data.kind import Source
from weights.types import ReportProgress


class Reading(NamedTuple):
    """What a kind says of the sources of its files.

    Attributes:
        column: how the column of its values is called where no table names it.
        holds: (data) -> whether this is a source of such files alone.
        read: (data, options) -> such a source as a table.
        is_value: (field) -> whether a column holds values that were read already.
        options: (what the user says of the data, report_progress) -> how files are read.
        options_like: (encoding) -> how new files are read as those of training were.
        holds_new: as `holds`, of what comes to be answered; None where it is the same.
    """

    column: str
    holds: Callable[[Any], bool]
    read: Callable[[Any, Any], pa.Table]
    is_value: Callable[[pa.Field], bool]
    options: Callable[[Any, ReportProgress], Any]
    options_like: Callable[[Any], Any]
    holds_new: Callable[[Any], bool] | None = None


def source_of_files(
    medium: Medium[Options],
    reading: Reading,
    *,
    complain: Callable[[Any, Any], str],
    options_again: Callable[[Any], dict[str, Any]],
) -> Source:
    """The `Source` of a kind whose values are files of a medium; `complain` and `options_again` are its `complain` and `options`."""
    holds_new = reading.holds_new or reading.holds

    def read(data: Any, roles: Any, report_progress: ReportProgress) -> pa.Table:
        roles.refuse_words_in_cells(medium.plural)
        return reading.read(data, reading.options(roles, report_progress))

    def find(table: pa.Table, folder: Path, excluded: Collection[str]) -> str | None:
        return find_column(table, folder, medium, excluded=excluded)

    def fill(table: pa.Table, column: str, folder: Path, roles: Any, report_progress: ReportProgress) -> pa.Table:
        return decode_column(table, column, folder, medium, reading.options(roles, report_progress))

    def read_like(data: Any, encoding: Any, read_table: Callable[[Any], pa.Table]) -> pa.Table:
        options = reading.options_like(encoding)
        if holds_new(data):
            return rename_columns(reading.read(data, options), {reading.column: encoding.name})
        table = read_table(data)
        return table if is_there(table, encoding) else decode_column_like(table, encoding.name, folder_of(data), medium, options)

    def fill_like(table: pa.Table, encoding: Any, folder: Path) -> pa.Table:
        if encoding.name not in table.column_names or is_there(table, encoding):
            return table
        return decode_column(table, encoding.name, folder, medium, reading.options_like(encoding))

    def is_there(table: pa.Table, encoding: Any) -> bool:
        return encoding.name in table.column_names and reading.is_value(table.schema.field(encoding.name))

    return Source(reading.holds, read, find, fill, read_like, fill_like, complain, options_again)
