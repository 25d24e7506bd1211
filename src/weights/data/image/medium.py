"""Images as a medium of labelled files, `IMAGES`, and what the rest of the package reads them by.

`holds_pictures` and `read_pictures` are for sources of nothing but images: a folder, a zip, an .npz file, an array or a
single image.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from weights.data.files.decoded import decode_files
from weights.data.files.labelled import make_table, read_files
from weights.data.files.listing import Entry
from weights.data.files.medium import DecodedFile, Form, Medium, names_source
from weights.data.files.places import Content
from weights.data.files.sample import Sample
from weights.data.image.arrays import PictureArrays, from_array, read_arrays
from weights.data.image.column import LEAST_SIDE, MOST_SIDE, Picture, Tones, picture_field
from weights.data.image.decoding import (
    FORMAT_OF_SUFFIX,
    FORMATS_IN_WORDS,
    check_pillow,
    decode,
    ignore_warnings,
    is_grey,
)
from weights.data.image.sizes import SizeChoice, choose_channels, choose_size
from weights.data.image.tones import choose_tones, remark_on_tones
from weights.errors import UsageError
from weights.types import ReportProgress

_SEVERAL = "of several frames or pages, of which the first was read"
_BRIGHTER = "brighter than those looked at first, and cut where these are white"
_COLOURED = "in colour, and read in grey as those looked at first"


@dataclass(frozen=True, kw_only=True)
class DecodeOptions:
    """How images are to be read.

    Attributes:
        size: height and width that all get, 8 to 512 each. By default theirs, if a first look finds but one and it is
            at most 64; otherwise a square whose side is that of half of them, see `sizes.USUAL_SIDE`.
        channels: 1 for grey, 3 for colour. By default grey, if a first look finds no colour.
        tones: how values become bytes. By default as a first look finds, see `tones.choose_tones`.
        strict: refuse an image that cannot be read, instead of leaving it out.
        report_progress: called now and then with the share of images that is done.

    Raises:
        UsageError: size or channels are out of bounds.
    """

    size: tuple[int, int] | None = None
    channels: int | None = None
    tones: Tones | None = None
    strict: bool = False
    report_progress: ReportProgress = lambda share: None

    def __post_init__(self) -> None:
        sides = (LEAST_SIDE, LEAST_SIDE) if self.size is None else self.size
        if len(sides) != 2 or not all(LEAST_SIDE <= side <= MOST_SIDE for side in sides):
            needed = f"The height and width of pictures must be from {LEAST_SIDE} to {MOST_SIDE}"
            raise UsageError(f"{needed}, but the size is {self.size}. Change it.")
        if self.channels not in (None, 1, 3):
            needed = "Pictures have 1 channel (grey) or 3 (colour)"
            raise UsageError(f"{needed}, but {self.channels} were asked for. Change it.")


_DEFAULTS = DecodeOptions()


def holds_pictures(source: Any) -> bool:
    """Whether a source is one of images: a folder, a .zip, .npz or image file by name; an array of three or four axes.

    Example:
        >>> holds_pictures("photo.JPG"), holds_pictures("table.csv"), holds_pictures({"x": [1]})
        (True, False, False)
    """
    return source.ndim in (3, 4) if isinstance(source, np.ndarray) else names_source(source, IMAGES)


def holds_new_pictures(source: Any) -> bool:
    """Whether what comes to be answered is a source of images: any array is, or is refused as one."""
    return isinstance(source, np.ndarray) or holds_pictures(source)


def read_pictures(source: str | os.PathLike[str] | np.ndarray, options: DecodeOptions = _DEFAULTS) -> pa.Table:
    """The images of a source as a table.

    Args:
        source: a folder or .zip of images, usually in one folder for each class, maybe below folders called train, val
            and test; a folder of such zips; an .npz with arrays called images and labels, or the like; an image; or an
            array of shape (n, h, w) or (n, h, w, c).
        options: how they are to be read.

    Returns:
        Columns "picture"; "class", unless the source has none; `FILE_NAMES`, within the source, unless it is of arrays;
        and "split", if the source has an official part to train and one to test ("train" rows come first). Remarks
        are in its metadata (see `delimited.remarks_of`).

    Raises:
        NotFoundError: there is nothing at the path.
        DataError: the source is no such thing; others, UsageError and StorageError as `decoded.decode_files`.
    """
    if isinstance(source, np.ndarray):
        return _decode_arrays(from_array(source), "the array", options)
    path = Path(source)
    if path.suffix.lower() == ".npz" and not path.is_dir():
        return _decode_arrays(read_arrays(path), str(path), options)
    return read_files(path, IMAGES, options)


def read_as(like: Picture) -> DecodeOptions:
    """Options that read new images as those learned from were, and all of them."""
    return DecodeOptions(size=(like.height, like.width), channels=like.channels, tones=like.tones, strict=True)


def _decode_arrays(arrays: PictureArrays, source: str, options: DecodeOptions) -> pa.Table:
    rows = enumerate(zip(arrays.pictures, arrays.parts, strict=True), start=1)
    entries = [Entry(f"row {row}", pixels, None, part) for row, (pixels, part) in rows]
    decoded = decode_files(entries, source, IMAGES, options)
    columns = {} if arrays.labels is None else {"class": pa.array(arrays.labels[decoded.keep])}
    return make_table(decoded, entries, columns, arrays.remarks, IMAGES)


# The medium


def _choose_form(sample: Sample, options: DecodeOptions) -> Form:
    """One size and number of channels for all, as asked for or by a first look."""
    chosen = choose_size(sample) if options.size is None else SizeChoice(options.size, [])
    channels = options.channels or choose_channels(sample)
    tones = options.tones or choose_tones(sample)
    remarks = chosen.remarks + ([] if options.tones else remark_on_tones(tones))
    decode_image = functools.partial(
        _decode_image, size=chosen.size, channels=channels, tones=tones, asks_colour=channels == 1 and options.channels is None
    )
    return Form(picture_field(*chosen.size, channels, tones=tones), decode_image, remarks)


def _decode_image(content: Content, *, size: tuple[int, int], channels: int, tones: Tones, asks_colour: bool) -> DecodedFile | str:
    picture = decode(content, size=size, channels=channels, tones=tones)
    if isinstance(picture, str):
        return picture
    is_coloured = asks_colour and not picture.is_grey and is_grey(content) is False
    oddities = ((_SEVERAL, picture.is_first_of_several), (_BRIGHTER, picture.is_cut), (_COLOURED, is_coloured))
    return DecodedFile(picture.pixels, picture.format, tuple(oddity for oddity, applies in oddities if applies))


@contextlib.contextmanager
def _open_pillow() -> Iterator[None]:
    check_pillow()
    with ignore_warnings():
        yield


IMAGES: Medium[DecodeOptions] = Medium(
    name="picture",
    plural="pictures",
    formats=FORMAT_OF_SUFFIX,
    needed=FORMATS_IN_WORDS,
    bundles=(".npz",),
    most_bytes=200_000_000,  # Our choice: photographs take a tenth of it.
    small_bytes=2_500,  # Measured with JPEG: one thread takes 1.6 s for CIFAR's 10,000 images, two take 2.3 s.
    choose_form=_choose_form,
    open_decoder=_open_pillow,
    oddities=(_SEVERAL, _BRIGHTER, _COLOURED),
)
"""Images as PNG, JPEG and the like. Their messages say "picture"."""
