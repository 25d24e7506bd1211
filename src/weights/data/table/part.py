"""A table that is a part of something that may hold several: `Part`, the contract of a sheet of a workbook or of the rows of a query.

A part stands wherever a path may: it is given to `weights.fit`, kept with a run, and read again. `read.py` lists what parts there are.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa


class Part(msgspec.Struct, frozen=True, tag_field="part"):
    """What all parts can do; each adds its own fields."""

    @classmethod
    def of(cls, where: Any, name: str) -> Part:
        """The part of this name, or the rows of this query, in a file or database."""
        raise NotImplementedError

    @property
    def where(self) -> Any:
        """The path of the file, or the connection, that holds it."""
        raise NotImplementedError

    @property
    def name(self) -> str:
        """What of it this is, in words."""
        raise NotImplementedError

    def at(self, where: Any) -> Part:
        """The same part of another file."""
        raise NotImplementedError

    def is_in(self, path: Path) -> bool:
        """Whether another file holds several parts, and one such as this may be among them."""
        raise NotImplementedError

    def read(self, missing: Sequence[str], verbatim: Collection[str], keep: Collection[str]) -> pa.Table:
        """Its rows; arguments and errors as `weights.data.table.read.read_table`."""
        raise NotImplementedError


def path_of(source: Any) -> str | None:
    """The path of the file that a source is, or is a part of; None of what is in memory or behind a connection.

    Example:
        >>> path_of("wages.csv"), path_of({"x": [1]})
        ('wages.csv', None)
    """
    where = source.where if isinstance(source, Part) else source
    return os.fsdecode(where) if isinstance(where, str | os.PathLike) else None


def part_like(source: Any, data: Any) -> Any:
    """The part of a file that is called as that which a source is, where the file holds several of which one is; else the file itself.

    Example:
        >>> part_like("wages.csv", "new.csv")
        'new.csv'
    """
    if not isinstance(source, Part) or isinstance(data, Part) or path_of(data) is None:
        return data
    path = Path(str(path_of(data)))
    same_format = Path(str(path_of(source))).suffix.lower() == path.suffix.lower()
    return source.at(str(path)) if same_format and path.is_file() and source.is_in(path) else data


def is_same_source(a: Any, b: Any) -> bool:
    """Whether two sources are the same part of the same file; never of sources in memory."""
    paths = path_of(a), path_of(b)
    if None in paths or isinstance(a, Part) != isinstance(b, Part):
        return False
    same_part = not isinstance(a, Part) or a.at("") == b.at("")
    return same_part and os.path.realpath(str(paths[0])) == os.path.realpath(str(paths[1]))
