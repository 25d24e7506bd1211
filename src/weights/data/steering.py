"""What steers training, by row: weights, groups, order in time, names of files, which rows are for the test.

`read_steering` reads the columns that the user named for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weights.data.encoding import Category, ColumnEncoding
from weights.data.files.listing import PARTS
from weights.data.repeats import describe_copies, find_copies, keep_together
from weights.data.roles import Roles
from weights.data.table.columns import as_text, to_levels, to_numbers, to_seconds
from weights.data.table.rownumbers import rows_numbered
from weights.errors import DataError, listed, printable
from weights.types import AnyArray, BoolArray, FloatArray, IntArray


class Steering(NamedTuple):
    """What steers training, by row: weights, groups, order, names of files, and numbers in the user's table; None where there are none."""

    weight: FloatArray
    group: IntArray | None
    time: FloatArray | None
    names: pa.ChunkedArray | None
    numbers: IntArray | None

    def of(self, chosen: BoolArray) -> Steering:
        """The same of some of the rows (n,); numbers wherever these are not all."""
        numbers = np.arange(len(chosen)) if self.numbers is None and not chosen.all() else self.numbers
        group, time, numbers = (None if values is None else values[chosen] for values in (self.group, self.time, numbers))
        return Steering(self.weight[chosen], group, time, None if self.names is None else self.names.filter(pa.array(chosen)), numbers)


def read_steering(table: pa.Table, roles: Roles, names: pa.ChunkedArray | None, numbers: IntArray | None) -> Steering:
    """What the columns say that steer training; names of files and numbers of rows as they are.

    Raises:
        DataError: a cell of such a column is missing or cannot be read; all weights are zero.
    """
    with rows_numbered(numbers):
        weight, group, time = read_sample_weight(table, roles.sample_weight), read_group(table, roles.group), _time(table, roles.time)
    if not weight.any():
        raise DataError(f"Sample weights must not all be zero, but '{roles.sample_weight}' is. Name another column.")
    return Steering(weight, group, time, names, numbers)


def keep_copies_together(
    steering: Steering, table: pa.Table, roles: Roles, known: BoolArray, tests: BoolArray
) -> tuple[Steering, list[str]]:
    """The steering with copies of values that are no cells, such as pictures, in one group, where nothing else says how rows are split."""
    copies, plural = find_copies(table)
    if copies is None:
        return steering, []
    group = steering.group
    if roles.group is None and roles.time is None:
        group = keep_together(copies, known & ~tests, plural)
    return steering._replace(group=group), [describe_copies(copies, tests, table[roles.target], plural, apart=group is copies)]


def find_test_rows(table: pa.Table, split: str | None) -> BoolArray:
    """Which rows are for the test only, shape (n,)."""
    if split is None:
        return np.zeros(table.num_rows, bool)
    tests = find_rows_of(table, split, "test")
    if tests.all():
        raise DataError(f"'{split}' must leave rows to learn from, but says test in all {len(tests)} rows. Name another column.")
    return tests


def describe_parts(columns: Iterable[ColumnEncoding]) -> list[str]:
    """That a column of features says which part of an official split rows belong to, if there is one."""
    return [
        f"'{printable(column.name)}' says {listed([*column.levels], 3)}, as an official split does, and is read as a feature: "
        f"--split {column.name} keeps the test apart, --drop {column.name} leaves the column out"
        for column in columns
        if isinstance(column, Category) and _are_parts(column.levels)
    ]


def _are_parts(levels: Iterable[str]) -> bool:
    """Whether levels are words for parts of a split, of which some are learned from and some are not."""
    parts = {PARTS.get(level.strip().lower()) for level in levels}
    return None not in parts and {"train", "test"} <= parts


def find_rows_of(table: pa.Table, split: str, name: str) -> BoolArray:
    """Which rows are of a part (train, val or test), by any of the words for it, shape (n,).

    Raises:
        DataError: a row is of none.
    """
    parts = pc.utf8_lower(pc.utf8_trim_whitespace(as_text(table[split])))
    unknown = [part for part in pc.unique(parts).to_pylist() if part not in PARTS]
    if unknown:
        raise DataError(f"'{split}' must say train, val or test in every row, but says {unknown[0]!r} in some. Name another column.")
    return pc.is_in(parts, pa.array([word for word, part in PARTS.items() if part == name])).to_numpy()


def read_sample_weight(table: pa.Table, name: str | None) -> FloatArray:
    """The weights of rows, shape (n,), ones if no column is named.

    Raises:
        DataError: one is missing, infinite or below zero.
    """
    if name is None:
        return np.ones(table.num_rows)
    weight = to_numbers(table[name], name)
    bad = ~np.isfinite(weight) | (weight < 0)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise DataError(
            f"Sample weights must be at least zero, but '{name}' is {weight[row]} in row {row + 1}. "
            f"Repair or leave out {'this row' if bad.sum() == 1 else f'these {bad.sum():,} rows'}."
        )
    return weight


def read_group(table: pa.Table, name: str | None) -> IntArray | None:
    """Codes of rows that belong together, shape (n,), or None if no column is named.

    Raises:
        DataError: a cell is missing.
    """
    if name is None:
        return None
    codes, _ = to_levels(table[name])
    return _complete(codes, codes < 0, name, "group")


def _time(table: pa.Table, name: str | None) -> FloatArray | None:
    if name is None:
        return None
    moments = to_seconds(table[name], name)
    return _complete(moments, np.isnan(moments), name, "order")


def _complete(values: AnyArray, absent: BoolArray, name: str, needed: str) -> AnyArray:
    if absent.any():
        n, first = int(absent.sum()), int(np.argmax(absent)) + 1
        which, these = ("1 cell is", "this row") if n == 1 else (f"{n:,} cells are", "these rows")
        raise DataError(f"Column '{name}' must {needed} all rows, but {which} missing (first: row {first}). Leave {these} out.")
    return values
