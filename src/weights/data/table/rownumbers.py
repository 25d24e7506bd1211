"""Numbers of rows in messages: those of the user's table, whatever rows were left out, put in another order or sampled before.

What looks at rows counts those that it was given, from 1 on; who gave them knows which they are, and says so around the call.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pyarrow as pa

from weights.errors import DataError
from weights.types import IntArray

_LEFT_OUT = b"left_out"
_NAMED = re.compile(r"\brow (\d+(?:,\d{3})*)(?!\d)")


@contextmanager
def rows_numbered(numbers: IntArray | None) -> Iterator[None]:
    """While rows with these numbers (n,), counted from 0, in the user's table are looked at: errors name them so. None: all, in order."""
    try:
        yield
    except DataError as error:
        if numbers is None:
            raise
        raise type(error)(renumbered(str(error), numbers)) from error


def renumbered(text: str, numbers: IntArray | None) -> str:
    """A sentence about rows that have these numbers in the user's table, with the rows that it names numbered so.

    Example:
        >>> import numpy as np
        >>> renumbered("(first: row 2, 'old')", np.asarray([0, 7]))
        "(first: row 8, 'old')"
    """
    if numbers is None:
        return text
    return _renamed(text, lambda row: int(numbers[row - 1]) + 1 if 0 < row <= len(numbers) else row)


def mark_left_out(table: pa.Table, places: IntArray) -> pa.Table:
    """The table, marked as that of a file or sheet of which rows at these places (counted from 0) were left out: blank lines, titles."""
    marks = np.concatenate([[table.num_rows], places]).astype(np.int64).tobytes()
    return table.replace_schema_metadata({**(table.schema.metadata or {}), _LEFT_OUT: marks}) if len(places) else table


def without_numbers(table: pa.Table) -> pa.Table:
    """The table without that mark, as it is to be where other rows are left out, or their order changes."""
    metadata = table.schema.metadata or {}
    return table.replace_schema_metadata({k: v for k, v in metadata.items() if k != _LEFT_OUT}) if _LEFT_OUT in metadata else table


def row_numbers(table: pa.Table) -> IntArray | None:
    """The numbers of rows where they come from, counted from 0, shape (n,), of a table as it was read; None where these are all of it.

    None also of a table that has more or fewer rows by now.

    Example:
        >>> row_numbers(mark_left_out(pa.table({"x": [5, 6, 7]}), np.asarray([1]))).tolist()
        [0, 2, 3]
    """
    marks = np.frombuffer((table.schema.metadata or {}).get(_LEFT_OUT, b""), np.int64)
    if not len(marks) or marks[0] != table.num_rows:
        return None
    return np.delete(np.arange(table.num_rows + len(marks) - 1), marks[1:])


@contextmanager
def rows_counted_from(begin: int) -> Iterator[None]:
    """While a part of a table is looked at that begins at this row (counted from 0): errors name rows of the whole table."""
    try:
        yield
    except DataError as error:
        raise type(error)(f"From row {begin + 1:,} on: {counted_from(begin, str(error))}") from error


def counted_from(begin: int, text: str) -> str:
    """A sentence about a part of a table that begins at this row, with the rows it names counted in the whole table."""
    return _renamed(text, lambda row: row + begin)


def _renamed(text: str, number_of: Callable[[int], int]) -> str:
    return _NAMED.sub(lambda named: f"row {number_of(int(named[1].replace(',', ''))):,}", text)
