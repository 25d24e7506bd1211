"""Rows that come after training: read as those of training were, and what deserves saying about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import pyarrow as pa
from msgspec.structs import replace

from weights.data.encoding import Datetime, Encoding, Numeric, numbers_of
from weights.data.files.naming import folder_of
from weights.data.registry import kind_of
from weights.data.table.columns import moments_of
from weights.data.table.delimited import decimal_mark_of, remark_of, remarks_of
from weights.data.table.notation import Notation
from weights.data.table.read import read_table
from weights.data.table.rownumbers import kept_numbers, rows_numbered
from weights.data.unfamiliar import NO_LIMITS, Limits, unfamiliar

NO_LABELS: Mapping[str, Sequence[Any]] = MappingProxyType({})


def read_new_rows(encoding: Encoding, data: Any, *, labels: Mapping[str, Sequence[Any]] = NO_LABELS) -> pa.Table:
    """The table behind a path, frame, mapping or array, numbers, pictures and words for missing read as in training.

    Args:
        encoding: of the run.
        data: the rows.
        labels: by the name of a column beside those of the encoding the labels that it may hold, none of numbers; they stay as written.

    Raises:
        NotFoundError: there is nothing at the path. DataError: it cannot be read so.
    """
    if not encoding.columns and (source := kind_of(encoding.blocks[0]).source) is not None:
        return source.read_like(data, encoding.blocks[0], encoding.missing_words)
    table = read_table(data, missing=encoding.missing_words, verbatim=[*encoding.names, *(name for name, known in labels.items() if known)])
    with rows_numbered(kept_numbers(table)):
        table = _read_text(encoding, table)
    for block in encoding.blocks:
        if (source := kind_of(block).source) is not None:
            table = source.fill_like(table, block, folder_of(data))
    return table


def _read_text(encoding: Encoding, table: pa.Table) -> pa.Table:
    """The table with numbers and moments that came as text read as in training, so that whoever looks at it meets numbers and moments.

    Numbers that were none of text in training are read with the decimal mark of their file.
    """
    plain = Notation(decimal_mark_of(table))
    for column in encoding.columns:
        place = table.schema.get_field_index(column.name)
        if place < 0 or not isinstance(column, Numeric | Datetime) or not pa.types.is_string(table.field(place).type):
            continue
        if isinstance(column, Numeric):
            column = replace(column, notation=column.notation or plain)
        values = numbers_of(column, table[column.name])
        cells = moments_of(values) if column.of_moments else pa.array(values, from_pandas=True)
        table = table.set_column(place, table.field(place).with_type(cells.type), pa.chunked_array([cells]))
    return table


def describe_new_rows(encoding: Encoding, table: pa.Table, limits: Limits = NO_LIMITS) -> list[str]:
    """Sentences about rows that training did not prepare for, such as levels of a category it had not seen; see `unfamiliar`."""
    notes = [f"'{c.name}': {note}" for c in encoding.columns if (note := remark_of(table.schema.field(c.name)))]
    return [*remarks_of(table), *notes, *unfamiliar(encoding, table, limits=limits)]
