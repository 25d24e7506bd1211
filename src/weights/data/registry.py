"""The kinds of columns there are: `KINDS` lists those that become blocks beside that of the columns of a table.

To add one, write its file, and give it a row here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import pyarrow as pa

from weights.data.audio.kind import RECORDING
from weights.data.image.kind import PICTURE
from weights.data.kind import BlockEncoding, Kind
from weights.data.series.kind import WHOLE_SERIES
from weights.data.table.columns import TABLE_KINDS
from weights.data.text.kind import TEXTS

KINDS: dict[str, Kind] = {"picture": PICTURE, "recording": RECORDING, "series": WHOLE_SERIES, "text": TEXTS}
_MARK = b"weights.kind"
"""Under which the metadata of a field name the kind of its cells, where their type does not say."""


def kind_of(encoding: BlockEncoding) -> Kind:
    """The kind that a column's record is of."""
    return KINDS[tag_of(encoding)]


def tag_of(record: Any) -> str:
    """The name that a record is saved with."""
    return str(record.__struct_config__.tag)


def find_block_kind(field: pa.Field) -> str | None:
    """The name of the kind of values that a column holds; None for what a cell of a table usually is."""
    if field.metadata and _MARK in field.metadata:
        return field.metadata[_MARK].decode()
    return next((name for name, kind in KINDS.items() if kind.recognises(field)), None)


def mark_kinds(table: pa.Table, asked: Mapping[str, str], *, among: Collection[str]) -> pa.Table:
    """The table in which the columns among these whose cells are values of a kind, found or asked for, say so: see `Kind.finds`."""
    for place, field in enumerate(table.schema):
        if field.name not in among or find_block_kind(field) is not None:
            continue
        own = {name: kind.finds for name, kind in KINDS.items() if kind.finds is not None}
        if field.name in asked:
            name = asked[field.name] if asked[field.name] in own else None
        else:
            name = next((name for name, finds in own.items() if finds(table[field.name], field.name)), None)
        if name is not None:
            marked = field.with_metadata({**(field.metadata or {}), _MARK: name.encode()})
            table = table.set_column(place, marked, table.column(place))
    return table


def describe_blocks(blocks: Iterable[str]) -> str:
    """What blocks hold, in words."""
    plurals = {kind.block: kind.plural for kind in KINDS.values()}
    return " and ".join(plurals.get(block, "columns of a table") for block in blocks)


def used_kinds() -> tuple[str, ...]:
    """The names of all kinds of columns that models read."""
    return (*TABLE_KINDS, *KINDS)
