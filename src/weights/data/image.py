"""Reading pictures: a folder, a zip, an .npz file or a single picture in, one `pyarrow.Table` out.

`read_pictures` is the usual entrance; `read_picture_files` reads those that a table's column names. A row's picture is a
list of bytes, row by row and pixel by pixel, whose height, width and channels are in the metadata of its field. All
pictures of a table lie in one file without a name, mapped into memory, so that they need not fit into it.
"""

from __future__ import annotations

import contextlib
import math
import mmap
import os
import re
import shutil
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeVar

import msgspec
import numpy as np
import pyarrow as pa

from weights.data.decoding import FORMAT_OF_SUFFIX, Picture, check_pillow, decode, dimensions, is_grey, is_mislabelled, without_warnings
from weights.data.decoding import MOST_PIXELS as MOST_PIXELS
from weights.data.memory import in_words
from weights.data.picturearrays import read_arrays
from weights.data.picturefiles import Entry, Place, content_of, n_bytes_of, pictures_in
from weights.errors import DataError, StorageError, UsageError, listed, printable

MOST_UNREADABLE = 0.05
"""Share of pictures that may be left out as unreadable (our choice): beyond it something is wrong with the source."""

LEAST_SIDE, MOST_SIDE = 8, 512
"""Sides that pictures of a table may have."""

USUAL_SIDE = 64
"""Pictures that are larger, or not all of one size, become squares of this side unless told otherwise (our choice)."""

_LOOKED_AT = 200
_BLOCK = 16
_SMALL_FILE = 2_500
"""Bytes of a picture below which one thread is faster than two (measured with JPEG: 1.6 s against 2.3 s for CIFAR's 10,000)."""
_TOLD_EVERY = 50
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")

T = TypeVar("T")
R = TypeVar("R")


class PictureFiles(NamedTuple):
    """The pictures that could be read, and which these are.

    Attributes:
        pictures: one list of bytes a picture.
        field: their field, with height, width and channels.
        keep: for each file that was asked for, whether it could be read; shape (n,).
        remarks: what deserves saying about how they were read.
    """

    pictures: pa.FixedSizeListArray
    field: pa.Field
    keep: np.ndarray
    remarks: list[str]


def holds_pictures(source: Any) -> bool:
    """Whether a source is one of pictures, by its name: a folder, a .zip, a .npz or a picture file.

    Example:
        >>> holds_pictures("photo.JPG"), holds_pictures("table.csv"), holds_pictures({"x": [1]})
        (True, False, False)
    """
    if not isinstance(source, str | os.PathLike):
        return False
    path = Path(source)
    return path.suffix.lower() in (".zip", ".npz", *FORMAT_OF_SUFFIX) or path.is_dir()


def read_pictures(
    path: Path,
    *,
    size: tuple[int, int] | None = None,
    channels: int | None = None,
    strict: bool = False,
    tell: Callable[[float], None] = lambda share: None,
) -> pa.Table:
    """The pictures of a source as a table.

    Args:
        path: a folder or .zip of pictures, usually in one folder for each class, maybe below folders called train, val
            and test; a folder of such zips; an .npz with arrays called images and labels, or the like; or a picture.
        size: height and width that all pictures get, 8 to 512 each. By default theirs, if a first look finds but one
            and it is at most 64, and 64 x 64 otherwise.
        channels: 1 for grey, 3 for colour. By default grey, if a first look finds no colour.
        strict: refuse a source with a picture that cannot be read, instead of leaving it out.
        tell: called now and then with the share of pictures that is done.

    Returns:
        Columns "picture"; "class", unless the source has none; "file", the name within the source, unless it is an
        .npz; and "split", if the source has an official part to train and one to test ("train" rows come first). Remarks
        are in its metadata (see `delimited.remarks_of`).

    Raises:
        NotFoundError: there is nothing at the path.
        UsageError: size or channels are out of bounds.
        DataError: the source holds no picture, or more than `MOST_UNREADABLE` of them cannot be read.
    """
    path = Path(path)
    _check_options(size, channels)
    if path.suffix.lower() == ".npz" and not path.is_dir():
        arrays = read_arrays(path)
        entries = [
            Entry(f"row {i}", pixels, None, part) for i, (pixels, part) in enumerate(zip(arrays.pictures, arrays.parts, strict=True))
        ]
        read = _read(entries, str(path), size, channels, strict=strict, tell=tell)
        labels = None if arrays.labels is None else pa.array(arrays.labels[read.keep])
        return _table(read, entries, labels, arrays.remarks, names=False)
    with pictures_in(path) as (entries, remarks):
        read = _read(entries, str(path), size, channels, strict=strict, tell=tell)
    labels = pa.array([entry.label for entry in _kept(entries, read)], pa.string())
    return _table(read, entries, labels if labels.null_count < len(labels) else None, remarks, names=True)


def read_picture_files(
    names: Sequence[str | None],
    base: Path,
    *,
    size: tuple[int, int] | None = None,
    channels: int | None = None,
    strict: bool = False,
    tell: Callable[[float], None] = lambda share: None,
) -> PictureFiles:
    """The pictures in files that a table names, in its order.

    Args:
        names: paths, relative to `base` where they are not absolute; a missing one counts as unreadable.
        base: the folder they are relative to.
        size: as of `read_pictures`, and so are the next three.
        channels: see there.
        strict: see there.
        tell: see there.

    Raises:
        UsageError: size or channels are out of bounds.
        DataError: a name is the address of a web page, or more than `MOST_UNREADABLE` of the files cannot be read.
    """
    _check_options(size, channels)
    for row, name in enumerate(names):
        if name is not None and _URL.match(name):
            raise DataError(
                f"Names of picture files were needed, but row {row} holds an address, '{printable(name)}'. Download them first."
            )
    entries = [Entry(f"row {row}", None) if name is None else Entry(name, Path(base) / name) for row, name in enumerate(names)]
    return _read(entries, str(base), size, channels, strict=strict, tell=tell)


def picture_field(height: int, width: int, channels: int, name: str = "picture") -> pa.Field:
    """The field of a column of pictures.

    Example:
        >>> picture_field(28, 28, 1).type
        FixedSizeListType(fixed_size_list<item: uint8>[784])
    """
    metadata = {"height": str(height), "width": str(width), "channels": str(channels)}
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


def picture_array(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """The pictures of a column as uint8 of shape (n, h * w * c): a view where they lie in one chunk."""
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    n_bytes = column.type.list_size
    # Not flatten(), which leaves out the rows without value.
    views = [
        chunk.values.to_numpy(zero_copy_only=True)[chunk.offset * n_bytes : (chunk.offset + len(chunk)) * n_bytes].reshape(-1, n_bytes)
        for chunk in chunks
    ]
    return views[0] if len(views) == 1 else np.concatenate([np.empty((0, n_bytes), np.uint8), *views])


# Options and the first look


def _check_options(size: tuple[int, int] | None, channels: int | None) -> None:
    check_pillow()
    if size is not None and not (len(size) == 2 and all(LEAST_SIDE <= side <= MOST_SIDE for side in size)):
        raise UsageError(f"The height and width of pictures must be from {LEAST_SIDE} to {MOST_SIDE}, but the size is {size}. Change it.")
    if channels not in (None, 1, 3):
        raise UsageError(f"Pictures have 1 channel (grey) or 3 (colour), but {channels} were asked for. Change it.")


def _evenly_spaced(places: Sequence[Place]) -> list[Place]:
    chosen = np.unique(np.linspace(0, len(places) - 1, _LOOKED_AT).astype(int))
    return [places[i] for i in chosen]


def _settled(sample: Sequence[Place], size: tuple[int, int] | None, channels: int | None) -> tuple[tuple[int, int], int]:
    """Size and channels that pictures get, where not given by a look at some of them."""
    n_threads = _threads_for(sample)
    if size is None:
        sizes = {found for found in _in_order(lambda place: _seen(dimensions, place), sample, n_threads) if found is not None}
        [only] = sizes if len(sizes) == 1 else [(0, 0)]
        size = only if min(only) >= LEAST_SIDE and max(only) <= USUAL_SIDE else (USUAL_SIDE, USUAL_SIDE)
    if channels is None:
        with contextlib.closing(_in_order(lambda place: _seen(is_grey, place), sample, n_threads)) as greys:
            channels = 3 if any(grey is False for grey in greys) else 1
    return size, channels


def _seen(look: Callable[[bytes | np.ndarray], R | None], place: Place) -> R | None:
    content = content_of(place)
    return None if isinstance(content, str) else look(content)


# Reading


def _read(
    entries: Sequence[Entry],
    source: str,
    size: tuple[int, int] | None,
    channels: int | None,
    *,
    strict: bool,
    tell: Callable[[float], None],
) -> PictureFiles:
    """All pictures that can be read, written one behind the other into a file that is then mapped."""
    if not entries:
        raise DataError(f"At least one picture was needed, but '{source}' names none.")
    with without_warnings():
        places = [entry.place for entry in entries]
        sample = _evenly_spaced(places)
        size, channels = _settled(sample, size, channels)
        keep = np.zeros(len(entries), bool)
        notes = _Notes([], [], [], [])
        field = picture_field(*size, channels)
        results = _in_order(lambda place: _decoded(place, size, channels), places, _threads_for(sample))
        with _room_for(len(entries), field.type.list_size) as file, contextlib.closing(results):
            for i, result in enumerate(results):
                notes.take(entries[i].name, result)
                if isinstance(result, Picture):
                    keep[i] = True
                    _write(file, result.pixels)
                if (i + 1) % _TOLD_EVERY == 0 or i + 1 == len(entries):
                    tell((i + 1) / len(entries))
            _check_unreadable(notes.reasons, len(entries), source, strict=strict)
            pictures = _mapped(file, int(keep.sum()), field)
    return PictureFiles(pictures, field, keep, notes.remarks(len(entries)))


def _decoded(place: Place, size: tuple[int, int], channels: int) -> Picture | str:
    content = content_of(place)
    return content if isinstance(content, str) else decode(content, size=size, channels=channels)


def _threads_for(sample: Sequence[Place]) -> int:
    """How many threads decode fastest: the time of small pictures goes to Python, of which but one thread runs at a time."""
    n_bytes = [known for known in map(n_bytes_of, sample) if known]
    return 1 if n_bytes and np.median(n_bytes) < _SMALL_FILE else max(2, os.cpu_count() or 2)


def _in_order(function: Callable[[T], R], items: Sequence[T], n_threads: int) -> Generator[R, None, None]:
    """What the function makes of each item, by threads that are some blocks of items ahead; closing it stops them."""
    pool = ThreadPoolExecutor(n_threads, thread_name_prefix="pictures")
    waiting: deque[Future[list[R]]] = deque()
    is_over = threading.Event()

    def block_from(start: int) -> list[R]:
        return [function(item) for item in items[start : start + _BLOCK] if not is_over.is_set()]

    try:
        for start in range(0, len(items), _BLOCK):
            waiting.append(pool.submit(block_from, start))
            if len(waiting) > 2 * n_threads:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        is_over.set()
        pool.shutdown(cancel_futures=True)


# The file behind the pictures


def _room_for(n_pictures: int, n_bytes: int) -> IO[bytes]:
    """A file without a name, on a disk with room for the pictures.

    Raises:
        DataError: there is not enough room.
        StorageError: the folder for temporary files cannot be written to.
    """
    folder = tempfile.gettempdir()
    needed, free = n_pictures * n_bytes, shutil.disk_usage(folder).free
    if needed > free:
        raise DataError(
            f"The decoded pictures ({n_pictures:,}) need {in_words(needed)} in '{folder}', but {in_words(free)} are free there. "
            "Make room, set TMPDIR to a folder with more, or ask for smaller pictures."
        )
    try:
        return tempfile.TemporaryFile(prefix="weights-pictures-", dir=folder)
    except OSError as error:
        raise StorageError(
            f"Decoded pictures need a temporary file, but none can be made in '{folder}': {error.strerror}. Set TMPDIR."
        ) from error


def _write(file: IO[bytes], pixels: np.ndarray) -> None:
    # Written rather than copied into a mapped file: a disk that fills up meanwhile is an error here, and a crash there.
    try:
        file.write(np.ascontiguousarray(pixels).data)
    except OSError as error:
        folder = tempfile.gettempdir()
        raise StorageError(f"Decoded pictures could not be written to '{folder}': {error.strerror}. Make room, or set TMPDIR.") from error


def _mapped(file: IO[bytes], n_pictures: int, field: pa.Field) -> pa.FixedSizeListArray:
    """The pictures in the file without a copy; it goes when the last array that looks at it does."""
    try:
        file.flush()
    except OSError as error:
        raise StorageError(f"Decoded pictures could not be written: {error.strerror}. Make room, or set TMPDIR.") from error
    n_bytes = n_pictures * field.type.list_size
    buffer = pa.py_buffer(mmap.mmap(file.fileno(), n_bytes, access=mmap.ACCESS_READ))
    return pa.FixedSizeListArray.from_arrays(pa.Array.from_buffers(pa.uint8(), n_bytes, [None, buffer]), type=field.type)


# What is said


class _Notes(NamedTuple):
    """Names of pictures that deserve a remark, collected while they are read."""

    reasons: list[tuple[str, str]]
    mislabelled: list[str]
    several: list[str]
    dark: list[str]

    def take(self, name: str, result: Picture | str) -> None:
        if isinstance(result, str):
            self.reasons.append((name, result))
            return
        if is_mislabelled(name, result.format):
            self.mislabelled.append(f"{name} is {result.format}")
        if result.is_first_of_several:
            self.several.append(name)
        if result.is_dark:
            self.dark.append(name)

    def remarks(self, n_pictures: int) -> list[str]:
        said = []
        if self.reasons:
            said.append(
                f"{len(self.reasons):,} of {n_pictures:,} pictures could not be read and were left out: {_with_reasons(self.reasons, 5)}"
            )
        if self.mislabelled:
            said.append(f"{_count(self.mislabelled)} of another format than the name says, and read as that: {_few(self.mislabelled)}")
        if self.several:
            said.append(f"{_count(self.several)} of several frames or pages, of which the first was read: {_few(self.several)}")
        if self.dark:
            said.append(f"{_count(self.dark)} of 16 bits with no value above 4,095, which will look dark: {_few(self.dark)}")
        return said


def _check_unreadable(reasons: list[tuple[str, str]], n_pictures: int, source: str, *, strict: bool) -> None:
    shown, n_reasons = _with_reasons(reasons, 3), len(reasons)
    if reasons and n_reasons == n_pictures:
        raise DataError(f"Pictures that can be read were needed, but of {n_pictures:,} in '{source}' there is none: {shown}. Repair them.")
    if reasons and strict:
        shown = _with_reasons(reasons, 20)
        raise DataError(
            f"Every picture must be readable here, but {n_reasons:,} of {n_pictures:,} are not: {shown}. Repair or remove them."
        )
    if n_reasons > MOST_UNREADABLE * n_pictures:
        raise DataError(
            f"At most {MOST_UNREADABLE:.0%} of pictures may be unreadable, but {n_reasons:,} of {n_pictures:,} in '{source}' are: "
            f"{shown}. Repair or remove them."
        )


def _with_reasons(reasons: list[tuple[str, str]], most: int) -> str:
    return listed([f"{printable(name)} ({reason})" for name, reason in dict(reasons).items()], most)


def _count(names: list[str]) -> str:
    return "1 picture is" if len(names) == 1 else f"{len(names):,} pictures are"


def _few(names: list[str]) -> str:
    return listed([printable(name) for name in names], 3)


# The table


def _table(read: PictureFiles, entries: Sequence[Entry], labels: pa.Array | None, remarks: list[str], *, names: bool) -> pa.Table:
    kept = _kept(entries, read)
    columns: list[tuple[pa.Field, pa.Array]] = [(read.field, read.pictures)]
    if labels is not None:
        columns.append((pa.field("class", labels.type), labels))
    if names:
        columns.append((pa.field("file", pa.string()), pa.array([entry.name for entry in kept], pa.string())))
    n_by_part = {part: sum(entry.part == part for entry in kept) for part in ("train", "val", "test")}
    if n_by_part["test"] and n_by_part["train"] + n_by_part["val"]:
        splits = ["test" if entry.part == "test" else "train" for entry in kept]
        columns.append((pa.field("split", pa.string()), pa.array(splits)))
    remarks = remarks + read.remarks
    if n_by_part["val"] and n_by_part["val"] < len(kept):
        number = "1 picture" if n_by_part["val"] == 1 else f"{n_by_part['val']:,} pictures"
        remarks.append(f"the official validation part ({number}) is learned from as well: members are judged on rows they did not see")
    schema = pa.schema([field for field, _ in columns], metadata={"remarks": msgspec.json.encode(remarks)})
    return pa.Table.from_arrays([column for _, column in columns], schema=schema)


def _kept(entries: Sequence[Entry], read: PictureFiles) -> list[Entry]:
    return [entry for entry, is_kept in zip(entries, read.keep, strict=True) if is_kept]
