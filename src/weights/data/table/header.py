"""The first row of a text file: names of columns, or, where it holds values like those below it, a row as the others are."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from weights.data.table.notation import is_plain_number
from weights.errors import DataError

MOST_COLUMNS = 100_000
"""Tables of more columns are refused: nearly always a file whose rows and columns are swapped (our choice)."""
_ROWS_LOOKED_AT = 200
_ENOUGH_NUMBERS = 5
"""So many numbers in ascending or descending order are names, such as wavelengths: values hardly ever come so (our choice)."""
_MOST_COLUMNS_SHARE = 0.8
"""Where the words of the first row stand below them again in this share of the columns, they are values (our choice)."""
_NUMBERS = re.compile(r"(?:^| )[-+]?[.,]?\d[\d.,]*(?: |$)")
_NUMBERED = re.compile(r"column \d+")


class Header(NamedTuple):
    """Names of the columns; whether the first row holds them, which is otherwise one of values; and what to say about that.

    `is_short` is whether the first row has one cell less than the others, whose first or last has no name.
    """

    names: list[str]
    is_there: bool = True
    is_short: bool = False
    remark: str = ""


def read_header(head: str, delimiter: str, *, path: str, no_value: Collection[str], needed: Collection[str] = ()) -> Header:
    """What the columns of a table are called that begins so.

    Args:
        head: its first lines; the first row is whole.
        delimiter: of cells.
        path: of the file, for messages.
        no_value: words that mean "no value".
        needed: names of columns that the table should have; such as ``column 2`` has only a table without names.

    Raises:
        DataError: there is no row, or it has far too many cells.

    Example:
        >>> read_header("5.1,1.4,ill\\n4.9,1.3,well\\n", ",", path="t.csv", no_value=[""]).names
        ['column 1', 'column 2', 'column 3']
    """
    n_columns = re.split(r"[\r\n]", re.sub(r'"[^"]*"', "", head.lstrip("\r\n")), maxsplit=1)[0].count(delimiter) + 1
    if n_columns > MOST_COLUMNS:
        raise DataError(
            f"'{path}' has about {n_columns:,} columns in its first row, and at most {MOST_COLUMNS:,} are read. "
            "Are rows and columns swapped?"
        )
    reader = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter)
    rows: list[list[str]] = []
    try:
        rows.extend(row for row in reader if row and len(rows) <= _ROWS_LOOKED_AT)
    except csv.Error as error:
        if not rows:
            raise DataError(f"The header of '{path}' could not be read: {error}. Is a quote left open there?") from error
    if not rows:
        raise DataError(f"'{path}' holds no text but blank lines: a header and at least one row were needed. Check how it was written.")
    first, below = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    if len(rows) > 1 and all(len(row) == len(first) + 1 for row in rows[1:]) and not _NUMBERS.search(" ".join(first)):
        names = [*first, ""] if not any(row[-1].strip() for row in rows[1:]) else ["", *first]
        said = "rows have one cell more than the header, which is taken to name all but the " + ("first" if names[-1] else "last")
        return Header(_name(names, needed), is_short=True, remark=said)
    numbered = [f"column {j}" for j in range(1, len(first) + 1)]
    unnamed = bool(needed) and not {*needed} & {*first} and all(_NUMBERED.fullmatch(name) for name in needed)
    if unnamed or (below and _holds_values(first, [*zip(*below, strict=True)], no_value)):
        said = f"the first row holds values, not names: columns are called '{numbered[0]}' to '{numbered[-1]}'"
        return Header(numbered, is_there=False, remark=said)
    return Header(_name(first, needed))


def _name(cells: Sequence[str], needed: Collection[str]) -> list[str]:
    """Names without blanks around them, unless they are needed so, and the number of the column where there is none."""
    names = [name if name in needed else name.strip() for name in cells]
    return [name or f"column {j}" for j, name in enumerate(names, 1)]


def _holds_values(first: Sequence[str], below: Sequence[Sequence[str]], no_value: Collection[str]) -> bool:
    """Whether cells hold what stands in the columns below: numbers above numbers and no new word above few levels, or the same words."""
    known = [[cell.strip() for cell in cells if cell.strip() not in no_value] for cells in below]
    numeric = [bool(cells) and all(map(is_plain_number, cells)) for cells in known]
    above_numbers = [name.strip() for name, is_numeric in zip(first, numeric, strict=True) if is_numeric and name.strip() not in no_value]
    if above_numbers:
        levels = [(name.strip(), cells) for name, cells, is_numeric in zip(first, known, numeric, strict=True) if not is_numeric]
        named = any(4 <= 2 * len({*cells}) <= len(cells) and name not in cells and name not in no_value for name, cells in levels)
        return all(map(is_plain_number, above_numbers)) and not _count_columns(above_numbers) and not named
    others = [row for row in zip(*below, strict=True) if row != (*first,)]  # the header itself may stand there again
    again = sum(name.strip() in {cell.strip() for cell in cells} for name, cells in zip(first, zip(*others, strict=True), strict=False))
    return len(first) > 1 and again >= _MOST_COLUMNS_SHARE * len(first)


def _count_columns(numbers: Sequence[str]) -> bool:
    """Whether numbers may be names: they count up by one from 0, 1 or a year, or many of them are in order."""
    values = [float(number.replace(",", ".")) for number in numbers]
    steps = {after - before for before, after in itertools.pairwise(values)}
    if len(values) >= _ENOUGH_NUMBERS and (all(step > 0 for step in steps) or all(step < 0 for step in steps)):
        return True
    return steps <= {1.0} and all(value == int(value) for value in values) and (values[0] in (0, 1) or 1500 <= values[0] <= 2200)
