"""Rows that come after training: read as those of training were, and what deserves saying about them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from weights.data.encoding import Encoding, Numeric
from weights.data.files.naming import folder_of
from weights.data.registry import kind_of
from weights.data.table.columns import to_numbers
from weights.data.table.delimited import decimal_mark_of, remark_of, remarks_of
from weights.data.table.notation import PLAIN, Notation
from weights.data.table.read import read_table
from weights.data.unfamiliar import NO_LIMITS, Limits, unfamiliar


def read_new_rows(encoding: Encoding, data: Any) -> pa.Table:
    """The table behind a path, frame, mapping or array, numbers, pictures and words for missing read as in training.

    Raises:
        NotFoundError: there is nothing at the path. DataError: it cannot be read so.
    """
    if not encoding.columns and (source := kind_of(encoding.blocks[0]).source) is not None:
        return source.read_like(data, encoding.blocks[0], encoding.missing_words)
    table = read_table(data, missing=encoding.missing_words, verbatim=encoding.names)
    table = _with_decimal_mark(encoding, table)
    for block in encoding.blocks:
        if (source := kind_of(block).source) is not None:
            table = source.fill_like(table, block, folder_of(data))
    return table


def _with_decimal_mark(encoding: Encoding, table: pa.Table) -> pa.Table:
    """Numbers that were none of text in training, read as the file writes them, where it writes decimal commas."""
    notation = Notation(decimal_mark_of(table))
    for column in encoding.columns if notation != PLAIN else []:
        if isinstance(column, Numeric) and column.notation is None and not column.from_times and column.name in table.column_names:
            place = table.schema.get_field_index(column.name)
            values = to_numbers(table[column.name], column.name, column.words, notation)
            table = table.set_column(place, column.name, pa.chunked_array([pa.array(values, from_pandas=True)]))
    return table


def describe_new_rows(encoding: Encoding, table: pa.Table, limits: Limits = NO_LIMITS) -> list[str]:
    """Sentences about rows that training did not prepare for, such as levels of a category it had not seen; see `unfamiliar`."""
    notes = [f"'{c.name}': {note}" for c in encoding.columns if (note := remark_of(table.schema.field(c.name)))]
    return [*remarks_of(table), *notes, *unfamiliar(encoding, table, limits=limits)]
