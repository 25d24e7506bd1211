"""A table somewhere in a grid of cells, as sheets hold it: below titles, under a header of one row or of several with merged cells.

`find_head` says where it begins and what its columns are called.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from weights.data.table.cells import spell
from weights.data.table.notation import is_plain_number
from weights.errors import DataError, abridged

_MOST_BEFORE = 30
"""Rows among which the header is looked for (our choice)."""


class Merged(NamedTuple):
    """A range of merged cells, rows and columns counted from 1, both ends included."""

    top: int
    left: int
    bottom: int
    right: int


class Grid(NamedTuple):
    """Cells of a sheet.

    Attributes:
        rows: those that hold a value, each up to its last.
        numbers: which rows of the sheet these are, counted from 1.
        ranges: merged cells, whose value stands in each cell that they cover.
    """

    rows: list[list[Any]]
    numbers: list[int]
    ranges: Sequence[Merged] = ()


class Head(NamedTuple):
    """Where a table begins, and what its columns are called.

    Attributes:
        names: of the columns.
        places: of the columns in a row, counted from 0.
        n_above: rows that are not of the table's body: titles and the header.
        merged: by place what is to be said of merged cells in the body.
        remarks: what is to be said of the rows above.
    """

    names: list[str]
    places: list[int]
    n_above: int
    merged: Mapping[int, str]
    remarks: list[str]


def is_blank(value: Any) -> bool:
    """Whether a cell shows nothing."""
    return value is None or (isinstance(value, str) and not value.strip())


def make_grid(rows: list[list[Any]], numbers: list[int], ranges: Sequence[Merged]) -> Grid:
    """A grid of rows in which only the first of merged cells holds the value; the lists are changed.

    Raises:
        DataError: merged cells overlap.
    """
    widest = max(map(len, rows), default=0)
    kept, n_left = [], widest * len(rows)
    for merged in ranges:
        begin, end, right = bisect_left(numbers, merged.top), bisect_right(numbers, merged.bottom), min(merged.right, widest)
        first = rows[begin] if begin < end and numbers[begin] == merged.top else []
        value = first[merged.left - 1] if merged.left <= len(first) else None
        if value is None:
            continue
        kept.append(merged._replace(right=right))
        n_left -= (end - begin) * (right - merged.left + 1)
        if n_left < 0:
            raise DataError("Merged cells must not overlap, but those of the sheet cover more cells than it has. Save the workbook again.")
        for row in rows[begin:end]:
            row.extend([None] * (right - len(row)))
            row[merged.left - 1 : right] = [value] * (right - merged.left + 1)
    return Grid(rows, numbers, kept)


def find_head(grid: Grid) -> Head:
    """The header: the first rows that name all columns, each otherwise, with nothing but titles above; else the first with two cells.

    The first column, which may be an index, needs no name.

    Example:
        >>> find_head(Grid([["Visits of May"], ["age", "ill"], [31, "no"]], [1, 3, 4])).names
        ['age', 'ill']
    """
    above, deepest = _words_above(grid), _deepest_rows(grid)

    def head_at(last: int) -> Head | None:
        """The head whose last row this is, if rows are one."""
        places = [place for place, row in enumerate(deepest) if row >= last]
        begin = _find_begin(grid, above, last)
        parts = [[row[place] for place in places] for row in above[begin : last + 1]]
        names = _join_names(parts)
        named = all(names[1:]) and any(names) and len({*names}) == len(names) and not any(map(is_plain_number, names))
        before = [[row[place] for place in places] for row in above[:begin]]
        titles = all(_is_title(grid, row, number, max(len(places) // 3, 1)) for number, row in enumerate(before))
        return _describe_head(grid, above, places, begin, last) if named and titles else None

    first = next(filter(None, map(head_at, range(len(above)))), None)
    if first is not None:
        return first
    last = next((number for number, row in enumerate(above) if not _is_title(grid, row, number, 1)), 0)
    return _describe_head(grid, above, [place for place, row in enumerate(deepest) if row >= last], last, last)


def _words_above(grid: Grid) -> list[list[str]]:
    """The first rows as words, all equally long."""
    widest = max(map(len, grid.rows))
    rows = [
        ["" if is_blank(value) else " ".join((spell(value) or "").splitlines()) for value in row] for row in grid.rows[: _MOST_BEFORE + 1]
    ]
    return [[*row, *[""] * (widest - len(row))] for row in rows]


def _deepest_rows(grid: Grid) -> list[int]:
    """By column the last row that holds a value, counted from 0; -1 where none does."""
    deepest = [-1] * max(map(len, grid.rows))
    for number, row in enumerate(grid.rows):
        for place, value in enumerate(row):
            if not is_blank(value):
                deepest[place] = number
    return deepest


def _find_begin(grid: Grid, above: list[list[str]], last: int) -> int:
    """The first of the rows that name columns together with this one: those right above that merged cells, but no title, tie to it."""
    begin = last
    while begin and len({*above[begin - 1]} - {""}) > 1 and any(_ties(merged, grid.numbers[begin - 1]) for merged in grid.ranges):
        begin -= 1
    return begin


def _ties(merged: Merged, number: int) -> bool:
    """Whether merged cells of this row reach over several columns, or into rows below."""
    return merged.top <= number <= merged.bottom and (merged.bottom > number or merged.left < merged.right)


def _join_names(rows: list[list[str]]) -> list[str]:
    """The names of columns whose parts stand in these rows, one above the other; a part that goes on below is named once."""
    return [" ".join(part for part, _ in itertools.groupby(filter(None, column))) for column in zip(*rows, strict=True)]


def _is_title(grid: Grid, row: list[str], number: int, most: int) -> bool:
    """Whether a row says something in so many cells, the first among them where there are but two columns; merged cells count once."""
    is_merged = any(merged.top <= grid.numbers[number] <= merged.bottom and merged.left < merged.right for merged in grid.ranges)
    n_said = len({*row} - {""}) if is_merged else len(row) - row.count("")
    return row[0].startswith("#") or (n_said <= most and (len(row) > 2 or bool(row[0])))


def _describe_head(grid: Grid, above: list[list[str]], places: list[int], begin: int, last: int) -> Head:
    parts = [[row[place] for place in places] for row in above[begin : last + 1]]
    names = [name or f"column {j}" for j, name in enumerate(_join_names(parts), 1)]
    remarks = []
    if begin:
        first = next(word for row in above[:begin] for word in row if word)
        rows = "1 row before the table was" if begin == 1 else f"{begin} rows before the table were"
        remarks.append(f"{rows} skipped, the first '{abridged(first)}'")
    if last > begin:
        example = next((name for name, below in zip(names, parts[-1], strict=True) if below and name != below), names[-1])
        remarks.append(f"names in {last - begin + 1} rows of merged cells were joined, such as '{example}'")
    return Head(names, places, last + 1, _describe_merged(grid, last + 1), remarks)


def _describe_merged(grid: Grid, n_above: int) -> dict[int, str]:
    """By place of a column what is to be said of merged cells in the rows below so many."""
    if n_above >= len(grid.numbers):
        return {}
    in_body = [merged for merged in grid.ranges if merged.bottom >= grid.numbers[n_above]]
    counts = Counter(column - 1 for merged in in_body for column in range(merged.left, merged.right + 1))
    one, several = "1 merged cell, whose value was taken", "{:,} merged cells, whose values were taken"
    return {place: f"{one if n == 1 else several.format(n)} for each row and column covered" for place, n in counts.items()}
