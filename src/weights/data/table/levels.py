"""The order of the levels of a column of categories, as its frame or file has it: kept in the metadata of its field."""

from __future__ import annotations

from typing import Any

import msgspec
import pyarrow as pa

from weights.data.table.columns import as_text

_ORDERED = ("CategoricalDtype", "Enum")
"""Types of columns of frames whose levels stand in an order that the user gave."""


def ordered(column: Any, values: Any) -> Any:
    """An Arrow column, marked as ordered where the column of a frame that it was made of has its levels in an order."""
    kind, native = column.type, values.to_native() if hasattr(values, "to_native") else values
    if not pa.types.is_dictionary(kind) or kind.ordered or type(getattr(native, "dtype", None)).__name__ not in _ORDERED:
        return column
    return column.cast(pa.dictionary(kind.index_type, kind.value_type, ordered=True))


def with_levels(field: pa.Field, column: pa.ChunkedArray) -> pa.Field:
    """The field of a dictionary column with its levels, if they are in an order."""
    if not field.type.ordered or column.num_chunks == 0:
        return field
    levels = as_text(pa.chunked_array([column.unify_dictionaries().chunk(0).dictionary])).to_pylist()
    return field.with_metadata({**(field.metadata or {}), b"levels": msgspec.json.encode(levels)})


def levels_of(field: pa.Field) -> list[str]:
    """The levels of a column as text, in their order; empty where they have none.

    Example:
        >>> levels_of(pa.field("size", pa.string(), metadata={"levels": '["small", "large"]'}))
        ['small', 'large']
    """
    return msgspec.json.decode((field.metadata or {}).get(b"levels", b"[]"), type=list[str])
