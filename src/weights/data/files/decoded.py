"""Many files decoded: `decode_files` gives the values of all that can be read, in the order of their entries.

Lists of numbers lie in one file without a name, mapped into memory, so that they need not fit into it. Threads decode ahead of what
is written.
"""

from __future__ import annotations

import contextlib
import mmap
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, NamedTuple, Protocol

import numpy as np
import pyarrow as pa

from weights.data.files.listing import Entry
from weights.data.files.medium import DecodedFile, Medium, Options
from weights.data.files.places import Place, read_content
from weights.data.files.sample import take_sample
from weights.data.files.threads import map_in_order
from weights.data.files.unreadable import ReadReport, check_unreadable
from weights.data.memory import format_bytes
from weights.errors import DataError, StorageError

_REPORTED_EVERY = 50


class DecodedFiles(NamedTuple):
    """The files that could be read, and which these are.

    Attributes:
        column: one value a file: a list of numbers, or a text.
        field: of this column, as the medium's form says.
        keep: for each entry, whether it could be read; shape (n,).
        remarks: what deserves saying about how they were read.
    """

    column: pa.Array
    field: pa.Field
    keep: np.ndarray
    remarks: list[str]


def decode_files(entries: Sequence[Entry], source: str, medium: Medium[Options], options: Options) -> DecodedFiles:
    """All files that can be read.

    Args:
        entries: the files.
        source: what they are of, for messages.
        medium: of the files.
        options: how they are to be read.

    Raises:
        UsageError: what decodes them is not installed.
        DataError: there is no file, or more than `unreadable.MOST_UNREADABLE` of them cannot be read.
        StorageError: there is no place for their values.
    """
    with medium.open_decoder():
        if not entries:
            raise DataError(f"At least one {medium.name} was needed, but '{source}' holds none. Name another.")
        places = [entry.place for entry in entries]
        sample = take_sample(places, most_bytes=medium.most_bytes, small_bytes=medium.small_bytes)
        form = medium.choose_form(sample, options)

        def decode_place(place: Place) -> DecodedFile | str:
            content = read_content(place, medium.most_bytes)
            return content if isinstance(content, str) else form.decode(content)

        keep = np.zeros(len(entries), bool)
        report = ReadReport(medium)
        results = map_in_order(decode_place, places, sample.n_threads)
        with _open_store(len(entries), form.field.type, medium.plural) as store, contextlib.closing(results):
            for i, result in enumerate(results):
                report.take(entries[i].name, result)
                if isinstance(result, DecodedFile):
                    keep[i] = True
                    store.add(result.values)
                if (i + 1) % _REPORTED_EVERY == 0 or i + 1 == len(entries):
                    options.report_progress((i + 1) / len(entries))
            check_unreadable(report.reasons, len(entries), source, medium, strict=options.strict)
            column = store.finish()
    return DecodedFiles(column, form.field, keep, [*report.remarks(len(entries)), *form.remarks])


class _Store(Protocol):
    """Where the values of files are kept until all have been read."""

    def add(self, values: np.ndarray) -> None:
        """Keep those of one more file."""

    def finish(self) -> pa.Array:
        """All of them, one value a file."""


@contextlib.contextmanager
def _open_store(n_files: int, values: pa.DataType, plural: str) -> Iterator[_Store]:
    """A store of so many values of a type at most: of strings a list, of lists of numbers a file."""
    if pa.types.is_string(values):
        yield _Strings()
        return
    with _make_room(n_files, values, plural) as file:
        yield _Mapped(file, values, plural)


class _Strings:
    def __init__(self) -> None:
        self.values: list[str] = []

    def add(self, values: np.ndarray) -> None:
        self.values.append(str(values[0]))

    def finish(self) -> pa.Array:
        return pa.array(self.values, pa.string())


class _Mapped:
    def __init__(self, file: IO[bytes], values: pa.FixedSizeListType, plural: str) -> None:
        self.file, self.values, self.plural, self.n_files = file, values, plural, 0

    def add(self, values: np.ndarray) -> None:
        _write(self.file, values, self.plural)
        self.n_files += 1

    def finish(self) -> pa.Array:
        return _map(self.file, self.n_files, self.values, self.plural)


def _make_room(n_files: int, values: pa.FixedSizeListType, plural: str) -> IO[bytes]:
    """A file without a name, on a disk with room for the values of so many files.

    Raises:
        DataError: there is not enough room.
        StorageError: the folder for temporary files cannot be written to.
    """
    folder = tempfile.gettempdir()
    needed, free = n_files * _count_bytes(values), shutil.disk_usage(folder).free
    if needed > free:
        room = f"{format_bytes(needed)} in '{folder}', but {format_bytes(free)} are free there"
        hint = f"Make room, set TMPDIR to a folder with more, or ask for smaller {plural}."
        raise DataError(f"The decoded {plural} ({n_files:,}) need {room}. {hint}")
    try:
        return tempfile.TemporaryFile(prefix="weights-files-", dir=folder)
    except OSError as error:
        failed = f"none can be made in '{folder}': {error.strerror}"
        raise StorageError(f"Decoded {plural} need a temporary file, but {failed}. Set TMPDIR.") from error


def _write(file: IO[bytes], values: np.ndarray, plural: str) -> None:
    # Written rather than copied into a mapped file: a disk that fills up meanwhile is an error here, and a crash there.
    try:
        file.write(np.ascontiguousarray(values).data)
    except OSError as error:
        folder = tempfile.gettempdir()
        hint = "Make room, or set TMPDIR."
        raise StorageError(f"Decoded {plural} could not be written to '{folder}': {error.strerror}. {hint}") from error


def _map(file: IO[bytes], n_files: int, values: pa.FixedSizeListType, plural: str) -> pa.FixedSizeListArray:
    """The values in the file without a copy; it goes when the last array that looks at it does."""
    try:
        file.flush()
    except OSError as error:
        hint = "Make room, or set TMPDIR."
        raise StorageError(f"Decoded {plural} could not be written: {error.strerror}. {hint}") from error
    buffer = pa.py_buffer(mmap.mmap(file.fileno(), n_files * _count_bytes(values), access=mmap.ACCESS_READ))
    numbers = pa.Array.from_buffers(values.value_type, n_files * values.list_size, [None, buffer])
    return pa.FixedSizeListArray.from_arrays(numbers, type=values)


def _count_bytes(values: pa.FixedSizeListType) -> int:
    """The bytes that the values of one file take."""
    return values.list_size * values.value_type.bit_width // 8
