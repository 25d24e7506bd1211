"""Pictures as a column of a table: a list of bytes each, row by row and pixel by pixel.

Height, width and channels are in the metadata of the column's field; `list_array` gives the bytes as an array.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import msgspec
import pyarrow as pa

from weights.data.kind import BlockEncoding

LEAST_SIDE, MOST_SIDE = 8, 512
"""Sides that pictures of a table may have."""


class Tones(NamedTuple):
    """How values become bytes, the same for all pictures of a column.

    white: what becomes 255 of pictures with 8 bits. white_16: of those with 16 bits. backdrop: what transparent pixels are laid over.
    """

    white: int = 255
    white_16: int = 0xFFFF
    backdrop: int = 255


USUAL_TONES = Tones()


class Picture(BlockEncoding, msgspec.Struct, frozen=True, tag_field="kind", tag="picture"):
    """A picture of so many pixels and channels, one byte a pixel and channel, row by row, made of a file's values by its tones."""

    name: str
    height: int
    width: int
    channels: int
    tones: Tones = USUAL_TONES

    @property
    def size(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        return self.height, self.width, self.channels


def picture_field(height: int, width: int, channels: int, name: str = "picture", tones: Tones = USUAL_TONES) -> pa.Field:
    """The field of a column of pictures, which says how they were read.

    Example:
        >>> picture_field(28, 28, 1).type
        FixedSizeListType(fixed_size_list<item: uint8>[784])
    """
    metadata = {"height": str(height), "width": str(width), "channels": str(channels)}
    if tones != USUAL_TONES:
        metadata["tones"] = ",".join(map(str, tones))
    return pa.field(name, pa.list_(pa.uint8(), height * width * channels), metadata=metadata)


def is_picture(field: pa.Field) -> bool:
    """Whether a column holds pictures: its type and its metadata say so, and agree."""
    if not pa.types.is_fixed_size_list(field.type) or field.type.value_type != pa.uint8():
        return False
    sizes = [(field.metadata or {}).get(key, b"") for key in (b"height", b"width", b"channels")]
    return all(size.isdigit() for size in sizes) and math.prod(map(int, sizes)) == field.type.list_size


def picture_size(field: pa.Field) -> tuple[int, int, int]:
    """Height, width and channels of a column of pictures."""
    height, width, channels = (int(field.metadata[key]) for key in (b"height", b"width", b"channels"))
    return height, width, channels


def picture_tones(field: pa.Field) -> Tones:
    """The tones by which a column of pictures was read."""
    written = (field.metadata or {}).get(b"tones", b"")
    return Tones(*map(int, written.split(b","))) if written else USUAL_TONES
