"""Many pictures decoded: `read_pixels` gives their pixels, all of one size, in the order of their entries.

They lie in one file without a name, mapped into memory, so that they need not fit into it. Threads decode ahead of what is written.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import shutil
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa

from weights.data.image.column import LEAST_SIDE, MOST_SIDE, picture_field
from weights.data.image.decoding import Picture, check_pillow, decode, dimensions, is_grey, without_warnings
from weights.data.memory import in_words
from weights.data.picturefiles import Entry, Place, content_of, n_bytes_of
from weights.data.picturenotes import Notes, check_unreadable, on_sizes
from weights.errors import DataError, StorageError, UsageError

USUAL_SIDE, _SIDES_BY = 64, 8
"""Pictures of several sizes, or larger ones, become squares of at most this side, which is a multiple of 8 (our choice)."""

_LOOKED_AT = 200
_BLOCK = 16
_SMALL_FILE = 2_500
"""Bytes of a picture below which one thread is faster than two (measured with JPEG: 1.6 s against 2.3 s for CIFAR's 10,000)."""
_TOLD_EVERY = 50

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """How pictures are to be read.

    Attributes:
        size: height and width that all get, 8 to 512 each. By default theirs, if a first look finds but one and it is at most 64;
            otherwise a square whose side is that of half of them, see `USUAL_SIDE`.
        channels: 1 for grey, 3 for colour. By default grey, if a first look finds no colour.
        strict: refuse a picture that cannot be read, instead of leaving it out.
        tell: called now and then with the share of pictures that is done.

    Raises:
        UsageError: size or channels are out of bounds.
    """

    size: tuple[int, int] | None = None
    channels: int | None = None
    strict: bool = False
    tell: Callable[[float], None] = lambda share: None

    def __post_init__(self) -> None:
        if self.size is not None and not (len(self.size) == 2 and all(LEAST_SIDE <= side <= MOST_SIDE for side in self.size)):
            raise UsageError(
                f"The height and width of pictures must be from {LEAST_SIDE} to {MOST_SIDE}, but the size is {self.size}. Change it."
            )
        if self.channels not in (None, 1, 3):
            raise UsageError(f"Pictures have 1 channel (grey) or 3 (colour), but {self.channels} were asked for. Change it.")


class Pixels(NamedTuple):
    """The pictures that could be read, and which these are.

    Attributes:
        pictures: one list of bytes a picture.
        field: of their column, with height, width and channels.
        keep: for each entry, whether it could be read; shape (n,).
        remarks: what deserves saying about how they were read.
    """

    pictures: pa.FixedSizeListArray
    field: pa.Field
    keep: np.ndarray
    remarks: list[str]


def read_pixels(entries: Sequence[Entry], source: str, wanted: Wanted) -> Pixels:
    """All pictures that can be read.

    Args:
        entries: the pictures.
        source: what they are of, for messages.
        wanted: how they are to be read.

    Raises:
        UsageError: the package that decodes pictures is missing.
        DataError: there is no picture, or more than `picturenotes.MOST_UNREADABLE` of them cannot be read.
        StorageError: there is no place for their pixels.
    """
    check_pillow()
    if not entries:
        raise DataError(f"At least one picture was needed, but '{source}' holds none. Name another.")
    with without_warnings():
        places = [entry.place for entry in entries]
        sample = _evenly_spaced(places)
        n_threads = _threads_for(sample)
        size, remarks = _size(sample, len(places), n_threads) if wanted.size is None else (wanted.size, [])
        channels = wanted.channels or _channels(sample, n_threads)
        keep = np.zeros(len(entries), bool)
        notes = Notes()
        field = picture_field(*size, channels)
        results = _in_order(lambda place: _decoded(place, size, channels), places, n_threads)
        with _room_for(len(entries), field.type.list_size) as file, contextlib.closing(results):
            for i, result in enumerate(results):
                notes.take(entries[i].name, result)
                if isinstance(result, Picture):
                    keep[i] = True
                    _write(file, result.pixels)
                if (i + 1) % _TOLD_EVERY == 0 or i + 1 == len(entries):
                    wanted.tell((i + 1) / len(entries))
            check_unreadable(notes.reasons, len(entries), source, strict=wanted.strict)
            pictures = _mapped(file, int(keep.sum()), field)
    return Pixels(pictures, field, keep, [*notes.remarks(len(entries)), *remarks])


# The first look


def _evenly_spaced(places: Sequence[Place]) -> list[Place]:
    chosen = np.unique(np.linspace(0, len(places) - 1, _LOOKED_AT).astype(int))
    return [places[i] for i in chosen]


def _size(sample: Sequence[Place], n_pictures: int, n_threads: int) -> tuple[tuple[int, int], list[str]]:
    """The size that pictures get, by a look at some of them, and a remark if it is not theirs."""
    sizes = [found for found in _in_order(lambda place: _seen(dimensions, place), sample, n_threads) if found is not None]
    if len(set(sizes)) == 1 and min(sizes[0]) >= LEAST_SIDE and max(sizes[0]) <= USUAL_SIDE:
        return sizes[0], []
    if not sizes:
        return (USUAL_SIDE, USUAL_SIDE), []
    side = min(-(-int(np.median([max(size) for size in sizes])) // _SIDES_BY) * _SIDES_BY, USUAL_SIDE)
    return (side, side), [on_sizes(sizes, n_pictures, side)]


def _channels(sample: Sequence[Place], n_threads: int) -> int:
    """3 if some pictures have colour, by a look at some of them, and 1 otherwise."""
    with contextlib.closing(_in_order(lambda place: _seen(is_grey, place), sample, n_threads)) as greys:
        return 3 if any(grey is False for grey in greys) else 1


def _seen(look: Callable[[bytes | np.ndarray], R | None], place: Place) -> R | None:
    content = content_of(place)
    return None if isinstance(content, str) else look(content)


# Decoding


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


# The file behind the pixels


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
