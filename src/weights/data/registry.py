"""The kinds of columns there are: `KINDS` lists those that become blocks beside that of the columns of a table.

To add one, write its file, and give it a row here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from weights.data.image.kind import PICTURE
from weights.data.kind import BlockEncoding, Kind
from weights.data.series.kind import WHOLE_SERIES
from weights.data.table.columns import TABLE_KINDS

KINDS: dict[str, Kind] = {"picture": PICTURE, "series": WHOLE_SERIES}


def kind_of(encoding: BlockEncoding) -> Kind:
    """The kind that a column's record is of."""
    return KINDS[tag_of(encoding)]


def tag_of(record: Any) -> str:
    """The name that a record is saved with."""
    return str(record.__struct_config__.tag)


def find_block_kind(field: pa.Field) -> str | None:
    """The name of the kind of values that a column holds; None for what a cell of a table usually is."""
    return next((name for name, kind in KINDS.items() if kind.recognises(field)), None)


def describe_blocks(blocks: Iterable[str]) -> str:
    """What blocks hold, in words."""
    plurals = {kind.block: kind.plural for kind in KINDS.values()}
    return " and ".join(plurals.get(block, "columns of a table") for block in blocks)


def used_kinds() -> tuple[str, ...]:
    """The names of all kinds of columns that models read."""
    return (*TABLE_KINDS, *KINDS)
