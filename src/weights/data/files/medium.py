"""What sets the files of one medium apart from those of another: `Medium`, a record of words, limits and functions.

A medium is declared once, in the folder of its kind. Everything else here is the same for all of them.
"""

from __future__ import annotations

import itertools
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np
import pyarrow as pa

from weights.data.files.places import Content
from weights.data.files.sample import Sample
from weights.data.table.zipped import find_zipped_table
from weights.types import ReportProgress


class ReadOptions(Protocol):
    """What may be asked of the reading of files, whatever their medium; each adds its own."""

    @property
    def strict(self) -> bool:
        """Whether to refuse a file that cannot be read, instead of leaving it out."""
        ...

    @property
    def report_progress(self) -> ReportProgress:
        """Called now and then with the share of files that is done."""
        ...


class DecodedFile(NamedTuple):
    """The values of one file, and what deserves a remark about it.

    Attributes:
        values: as many, and of the type, as the form of all files says.
        format: the one found in its content, as in `Medium.formats`; empty where that means nothing.
        oddities: those of `Medium.oddities` that it has.
    """

    values: np.ndarray
    format: str = ""
    oddities: tuple[str, ...] = ()


class Form(NamedTuple):
    """What all files of a source become.

    Attributes:
        field: of their column, by its usual name: a list of numbers, as many for each file.
        decode: from a file's content to its values, or the reason why there are none, such as "is cut off".
        remarks: what deserves saying about the choice of this form.
    """

    field: pa.Field
    decode: Callable[[Content], DecodedFile | str]
    remarks: list[str]


Options = TypeVar("Options", bound=ReadOptions)
_LOOKED_AT = 2_000
"""Files by whose names it is found what a folder holds (our choice)."""


class Medium(NamedTuple, Generic[Options]):
    """A sort of files: what they are called, how they are known, and how they are decoded.

    Attributes:
        name: what a file of it is called in messages, as in "1 recording".
        plural: what several are called.
        formats: by the ending of a name, in lower case and with its dot: the format that it promises.
        needed: the formats that are read, in words.
        bundles: endings of files that hold many of them, each of which is a source of its own.
        most_bytes: larger files are not read.
        small_bytes: size of a file below which one thread decodes faster than two.
        choose_form: decides by a first look at some files, and by what was asked for, what all of them become.
        open_decoder: entered while files are read; raises UsageError where what decodes them is not installed.
        oddities: what may deserve a remark about a file that was read, as it goes on behind "1 recording is".
    """

    name: str
    plural: str
    formats: Mapping[str, str]
    needed: str
    bundles: tuple[str, ...]
    most_bytes: int
    small_bytes: int
    choose_form: Callable[[Sample, Options], Form]
    open_decoder: Callable[[], AbstractContextManager[None]] = nullcontext
    oddities: tuple[str, ...] = ()

    def say_count(self, number: int) -> str:
        """So many files, in words."""
        return f"1 {self.name}" if number == 1 else f"{number:,} {self.plural}"

    def recognises(self, name: str) -> bool:
        """Whether a file may be of this medium by its name: it ends as they do, or has no ending."""
        return os.path.splitext(name)[1].lower() in (*self.formats, "")

    def is_mislabelled(self, name: str, format: str) -> bool:
        """Whether a file's name promises another format than its content has."""
        dot = name.rfind(".")
        promised = self.formats.get(name[dot:].lower(), "") if dot >= 0 else ""
        return promised not in ("", format)


def names_source(source: Any, medium: Medium[Any]) -> bool:
    """Whether a source is a path to files of a medium: a folder, a zip (but not of a table), a bundle or one file, by its name."""
    if not isinstance(source, str | os.PathLike):
        return False
    path = Path(source)
    if path.suffix.lower() == ".zip":
        return find_zipped_table(path) is None
    return path.suffix.lower() in (*medium.bundles, *medium.formats) or path.is_dir()


def holds_mostly(source: Any, medium: Medium[Any]) -> bool:
    """Whether a source is a path to a folder, or a zip but not of a table, most of whose files are of a medium by their names."""
    if not isinstance(source, str | os.PathLike):
        return False
    names = [*itertools.islice(_list_names(Path(source)), _LOOKED_AT)]
    return bool(names) and 2 * sum(name.lower().endswith(tuple(medium.formats)) for name in names) > len(names)


def _list_names(path: Path) -> Iterator[str]:
    """The names of files in a folder or a zip; none of what is neither, or cannot be read."""
    if path.is_dir():
        for _, _, names in os.walk(path):
            yield from (name for name in names if not name.startswith("."))
    elif path.suffix.lower() == ".zip" and path.is_file():
        with suppress(zipfile.BadZipFile, OSError):
            if find_zipped_table(path) is None:
                with zipfile.ZipFile(path) as archive:
                    yield from (name for name in archive.namelist() if not name.endswith("/"))
