"""Rows that come after training: read as those of training were, and what deserves saying about them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import pyarrow as pa
from msgspec.structs import replace

from weights.data.encoding import Category, ColumnEncoding, Datetime, Encoding, Numeric, numbers_of
from weights.data.files.naming import folder_of
from weights.data.kind import BlockEncoding
from weights.data.registry import kind_of
from weights.data.table.columns import moments_of, without_words
from weights.data.table.delimited import decimal_mark_of, remark_of, remarks_of
from weights.data.table.notation import Notation
from weights.data.table.read import read_table
from weights.data.table.rownumbers import kept_numbers, rows_numbered
from weights.data.unfamiliar import NO_LIMITS, Limits, unfamiliar


def read_new_rows(encoding: Encoding, data: Any, *, target: ColumnEncoding | None = None) -> pa.Table:
    """The table behind a path, frame, mapping or array, numbers, pictures and words for missing read as in training.

    Files that come without a table, such as pictures in a folder, have no value in the columns that training had beside them.

    Args:
        encoding: of the run.
        data: the rows.
        target: how the cells of the target were read, which the rows may hold; None leaves it to the rows.

    Raises:
        NotFoundError: there is nothing at the path. DataError: it cannot be read so.
    """
    data = data if (alone := _read_alone(encoding, data)) is None else alone
    columns = [*encoding.columns, *([] if target is None else [target])]
    verbatim = [*encoding.names, *(column.name for column in columns)]
    read = partial(read_table, missing=encoding.missing_words, keep=encoding.kept_words, verbatim=verbatim)
    alone = find_bare(encoding, data)
    if alone is None and not encoding.columns and kind_of(encoding.blocks[0]).source is not None:
        alone = encoding.blocks[0]
    if alone is not None and (source := kind_of(alone).source) is not None:
        table = source.read_like(data, alone, read)
        for column in encoding.columns:
            if column.name not in table.column_names:
                table = table.append_column(column.name, pa.nulls(len(table), pa.string()))
        return _read_text(columns, table, encoding.kept_words)
    table = _read_text(columns, read(data), encoding.kept_words)
    for block in encoding.blocks:
        if (source := kind_of(block).source) is not None:
            table = source.fill_like(table, block, folder_of(data))
    return table


def find_bare(encoding: Encoding, data: Any) -> BlockEncoding | None:
    """The column whose values are the files that data are, such as pictures in a folder, of a run that reads others beside, if they are."""
    sources = ((block, kind_of(block).source) for block in encoding.blocks if encoding.columns and len(encoding.blocks) == 1)
    return next((block for block, source in sources if source is not None and source.holds(data)), None)


def split_lines(encoding: Encoding, content: str) -> list[str] | None:
    """The lines of a text that are values of the only column that a run reads; None if it is a table, or must be one.

    Args:
        encoding: of the run.
        content: of a file without a name, such as standard input.
    """
    lines = content.rstrip().splitlines()
    if not lines or _read_alone(encoding, lines) is None or lines[0].lstrip().startswith("{"):
        return None
    names = [name.strip(" \"'") for name in lines[0].replace("\t", ",").replace(";", ",").split(",")]
    return None if encoding.blocks[0].name in names else lines


def _read_alone(encoding: Encoding, data: Any) -> pa.Table | None:
    """Values that came without a table as the only column that a run reads; None if they are no such values, or it reads others."""
    if encoding.columns or len(encoding.blocks) != 1:
        return None
    [block] = encoding.blocks
    column = kind_of(block).as_column(data)
    return None if column is None else pa.table({block.name: column})


def _read_text(columns: Sequence[ColumnEncoding], table: pa.Table, kept: Sequence[str]) -> pa.Table:
    """The table with numbers and moments that came as text read as in training, so that whoever looks at it meets numbers and moments.

    Numbers that were none of text in training are read with the decimal mark of their file. Words that were kept are labels, and no value
    where there are none.
    """
    plain = Notation(decimal_mark_of(table))
    for column in columns:
        place = table.schema.get_field_index(column.name)
        if place < 0 or isinstance(column, Category) or not pa.types.is_string(table.field(place).type):
            continue
        cells = without_words(table[column.name], kept)
        if isinstance(column, Numeric):
            column = replace(column, notation=column.notation or plain)
        if isinstance(column, Numeric | Datetime):
            with rows_numbered(kept_numbers(table)):
                values = numbers_of(column, cells)
            cells = pa.chunked_array([moments_of(values) if column.of_moments else pa.array(values, from_pandas=True)])
        table = table.set_column(place, table.field(place).with_type(cells.type), cells)
    return table


def describe_new_rows(encoding: Encoding, table: pa.Table, limits: Limits = NO_LIMITS) -> list[str]:
    """Sentences about rows that training did not prepare for, such as levels of a category it had not seen; see `unfamiliar`."""
    notes = [f"'{c.name}': {note}" for c in encoding.columns if (note := remark_of(table.schema.field(c.name)))]
    return [*remarks_of(table), *notes, *unfamiliar(encoding, table, limits=limits)]
