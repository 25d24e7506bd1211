"""Columns of any Arrow type as one of few: whole numbers, floats, truth values, text, moments; or bytes and nested values, never read.

`simplify_type` is what every column goes through as it comes in, so that nobody behind it meets any other type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

_NAME, _METADATA = b"ARROW:extension:name", b"ARROW:extension:metadata"


class Extension(NamedTuple):
    """The name and the description of a type that is made of another."""

    name: str
    description: bytes


def extension_of(field: pa.Field) -> Extension | None:
    """The extension type of a field, known to this process or only named in the field's metadata; None if it has none."""
    if isinstance(field.type, pa.BaseExtensionType):
        describe = getattr(field.type, "__arrow_ext_serialize__", bytes)  # which those of Arrow itself lack
        return Extension(field.type.extension_name, describe())
    metadata = field.metadata or {}
    return Extension(metadata[_NAME].decode(), metadata.get(_METADATA, b"")) if _NAME in metadata else None


def only_extensions(metadata: Mapping[bytes, bytes] | None) -> dict[bytes, bytes]:
    """What metadata of a field say of its extension type."""
    return {name: value for name, value in (metadata or {}).items() if name in (_NAME, _METADATA)}


def whole_text(value: Any) -> Any:
    r"""The value; where it is text with half characters, as Python makes them of bytes that are no UTF-8, with a sign in their place.

    Example:
        >>> whole_text("caf\udce9") == "caf\ufffd", whole_text(1)
        (True, 1)
    """
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if isinstance(value, str) else value


def simplify_type(column: pa.ChunkedArray, extension: Extension | None = None) -> pa.ChunkedArray:
    """The column in its plain form, NaN as null; itself if nothing changes.

    Dictionaries and runs are spelled out, decimals become floats (of no places: whole numbers, beyond 64 bits text), nanoseconds of a
    time of day microseconds; uuid, json and intervals become text, periods the moment at which they begin.

    Args:
        column: n cells.
        extension: its type, where only its field says it.

    Example:
        >>> simplify_type(pa.chunked_array([pa.array(["a", "b"]).dictionary_encode()])).type
        DataType(string)
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        chunks = [_taken(chunk) for chunk in column.chunks]
        return simplify_type(pa.chunked_array(chunks) if chunks else pa.chunked_array([], simplify_type(_empty(kind.value_type)).type))
    if pa.types.is_run_end_encoded(kind):
        return simplify_type(pa.chunked_array([pc.run_end_decode(chunk) for chunk in column.chunks], kind.value_type))
    if isinstance(kind, pa.BaseExtensionType):
        extension = extension_of(pa.field("", kind))
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], kind.storage_type)
        kind = column.type
    if extension is not None and extension.name in _EXTENSIONS:
        return _EXTENSIONS[extension.name](column, extension.description)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pc.cast(column, pa.string())
    if pa.types.is_binary_view(kind):
        return pc.cast(column, pa.binary())
    if pa.types.is_decimal(kind):
        return _from_decimals(column)
    if pa.types.is_time64(kind) and kind.unit == "ns":
        return pc.cast(column, pa.time64("us"), safe=False)
    if pa.types.is_float16(kind):
        column = pc.cast(column, pa.float32())  # which more functions know
    if pa.types.is_floating(column.type) and pc.any(pc.is_nan(column)).as_py():
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    return column


def _taken(chunk: pa.DictionaryArray) -> pa.ChunkedArray:
    values = simplify_type(pa.chunked_array([chunk.dictionary]))
    return pc.take(values.combine_chunks(), chunk.indices)


def _empty(kind: pa.DataType) -> pa.ChunkedArray:
    return pa.chunked_array([pa.nulls(0, kind)])


def _from_decimals(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if column.type.scale != 0:
        return pc.cast(column, pa.float64(), safe=False)
    try:
        return pc.cast(column, pa.int64())
    except pa.ArrowInvalid:
        return pc.cast(column, pa.string())


def _from_uuids(column: pa.ChunkedArray, description: bytes) -> pa.ChunkedArray:
    return pa.chunked_array([[None if cell is None else cell.hex() for cell in column.to_pylist()]], pa.string())


def _from_intervals(column: pa.ChunkedArray, description: bytes) -> pa.ChunkedArray:
    """Intervals as pandas writes them, such as (0, 5]."""
    if not pa.types.is_struct(column.type):
        return column
    closed = _described(description, "closed")
    opening, closing = "[" if closed in ("left", "both") else "(", "]" if closed in ("right", "both") else ")"
    ends = (cell if cell and cell["left"] is not None else None for cell in column.to_pylist())
    cells = [None if end is None else f"{opening}{end['left']}, {end['right']}{closing}" for end in ends]
    return pa.chunked_array([pa.array(cells, pa.string())])


def _from_periods(column: pa.ChunkedArray, description: bytes) -> pa.ChunkedArray:
    """The moment at which each period begins; its number, where it is not a span of months or of seconds."""
    span = _described(description, "freq").split("-")[0]
    if span not in _SPANS or not pa.types.is_integer(column.type):
        return column
    unit, length, first = _SPANS[span]
    absent = pc.is_null(column).combine_chunks().to_numpy(zero_copy_only=False)
    numbers = pc.fill_null(column, 0).combine_chunks().to_numpy()
    moments = (numbers * length + first).astype(f"datetime64[{unit}]").astype("datetime64[us]")
    return pa.chunked_array([pa.array(moments, pa.timestamp("us"), mask=absent)])


_SPANS = {
    **{"Y": ("Y", 1, 0), "A": ("Y", 1, 0), "Q": ("M", 3, 0), "M": ("M", 1, 0), "W": ("D", 7, -10), "D": ("D", 1, 0)},
    **{"h": ("h", 1, 0), "H": ("h", 1, 0), "min": ("m", 1, 0), "T": ("m", 1, 0), "s": ("s", 1, 0), "S": ("s", 1, 0)},
    **{"ms": ("ms", 1, 0), "L": ("ms", 1, 0), "us": ("us", 1, 0), "U": ("us", 1, 0), "ns": ("ns", 1, 0), "N": ("ns", 1, 0)},
}
"""By how pandas calls a span: NumPy's unit, how many of them it has, and which comes first in period 0."""


def _described(description: bytes, what: str) -> str:
    try:
        return str(msgspec.json.decode(description, type=dict[str, object]).get(what, ""))
    except msgspec.DecodeError:
        return ""


_EXTENSIONS: dict[str, Callable[[pa.ChunkedArray, bytes], pa.ChunkedArray]] = {
    "arrow.uuid": _from_uuids,
    "arrow.json": lambda column, _: pc.cast(column, pa.string()),
    "arrow.bool8": lambda column, _: pc.not_equal(column, 0),
    "pandas.interval": _from_intervals,
    "pandas.period": _from_periods,
}
