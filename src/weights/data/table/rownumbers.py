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

_NAMED = re.compile(r"\brow (\d+(?:,\d{3})*)(?!\d)")


def keep_numbers(table: pa.Table, numbers: IntArray) -> pa.Table:
    """The table with the numbers (n,), counted from 0, that its rows have where they come from, such as a sheet with other rows between."""
    about = {**(table.schema.metadata or {}), b"row_numbers": np.asarray(numbers, np.int64).tobytes()}
    return table.replace_schema_metadata(about)


def take_numbers(table: pa.Table) -> tuple[pa.Table, IntArray | None]:
    """The table without such numbers, which do not follow its rows when these are chosen from, and the numbers, as `kept_numbers`."""
    about = {name: value for name, value in (table.schema.metadata or {}).items() if name != b"row_numbers"}
    return table.replace_schema_metadata(about), kept_numbers(table)


def kept_numbers(table: pa.Table) -> IntArray | None:
    """The numbers that `keep_numbers` gave; None where there are none, or where the table has other rows by now."""
    numbers = np.frombuffer((table.schema.metadata or {}).get(b"row_numbers", b""), np.int64)
    return numbers if len(numbers) == table.num_rows else None


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
