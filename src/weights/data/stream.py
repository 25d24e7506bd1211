"""Tables larger than memory: a random sample of the rows is kept, and all of them pass by.

`RowStream.open` reads a Parquet file once and keeps the sample. `RowStream.rows` then gives the rows again and again in a shuffled order,
some at a time. Rows are told apart by their number in the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weights.data.columns import is_missing
from weights.data.keys import uniform
from weights.data.memory import memory_budget
from weights.data.rowgroups import batches, expansion, row_group_sizes, text_columns
from weights.data.table import in_plain_form, reading
from weights.errors import DataError, NotFoundError, TooLargeError, suggest
from weights.types import IntArray

_MOST_KEPT = 1 << 18
_LEAST_KEPT = 1 << 14
_SHARE_OF_BUDGET = 0.1
"""What the kept rows may take of the budget; as many again pass at a time, and both are copied while they are prepared (our choice)."""
_INPUTS_OF_TEXT = 66
_LARGEST_EXPANSION = 1000.0
_MOST_LABELS = 10_000
_GROUPS_AT_A_TIME = 32
_MOST_STRIDES = 16
_SAMPLE = 0x5A3B1E
_ORDER = 0x0D2


class Sample(NamedTuple):
    """Rows that are kept: their cells, their numbers in the file (s,), and how many different labels the target had beside theirs."""

    table: pa.Table
    numbers: IntArray
    n_other_labels: int


@dataclass(frozen=True, eq=False)
class RowStream:
    """The rows of a Parquet file in passing.

    Attributes:
        path: of the file.
        columns: those that are read.
        missing: words that mean "no value".
        sizes: rows of each row group.
        n_rows: rows that have a target.
        n_kept: about so many rows are kept, and as many at a time should be drawn from.
        seed: of the order.
    """

    path: Path
    columns: tuple[str, ...]
    missing: tuple[str, ...]
    sizes: IntArray
    n_rows: int
    n_kept: int
    seed: int

    @classmethod
    def open(
        cls, path: Path, target: str, *, missing: Sequence[str] = (), drop: Sequence[str] = (), seed: int = 0
    ) -> tuple[RowStream, Sample]:
        """A stream and its sample: rows that have a target, each with the same probability.

        Raises:
            DataError: the file cannot be read, or has no row with a target.
            TooLargeError: a row is so wide, or the budget so small, that no useful sample fits; or the file expands suspiciously.
            NotFoundError: there is no such target.
        """
        with reading(path, "parquet"):
            sizes, names = row_group_sizes(path), _names(path)
            if expansion(path) > _LARGEST_EXPANSION:
                raise TooLargeError(f"'{path}' claims to hold {expansion(path):,.0f} times its own size, and is not read. Write it anew.")
            if target not in names:
                raise NotFoundError(f"{path.name} has no column '{target}' to use as target. {suggest(target, names)}")
            columns = tuple(name for name in names if name not in drop)
            stream = cls(path, columns, tuple(missing), sizes, int(sizes.sum()), _rows_to_keep(path, columns), seed)
            return stream._with_sample(target)

    def only(self, columns: Sequence[str]) -> RowStream:
        """The same stream of some of its columns."""
        return replace(self, columns=tuple(columns))

    def holds_text(self, column: str) -> bool:
        """Whether cells of a column may be anything."""
        return column in text_columns(self.path)

    def in_order(self) -> Iterator[tuple[pa.Table, IntArray]]:
        """All rows as they stand in the file, some at a time, with their numbers."""
        begin = 0
        for table in parts(self.path, self.columns, self.missing):
            yield table, np.arange(begin, begin + table.num_rows)
            begin += table.num_rows

    def rows(self, begin: int) -> Iterator[tuple[pa.Table, IntArray]]:
        """Rows from this place of the endless shuffled order on, some at a time, with their numbers.

        Every pass over the rows consists of several over the file: each takes its row groups in another order and reads one row in
        so many of each, so that rows that come one after another stem from many row groups, even where a file is sorted.
        """
        starts = np.concatenate([[0], np.cumsum(self.sizes)])
        n_strides = self._n_strides()
        cycle, skipped = begin // int(self.sizes.sum()) * n_strides, begin % int(self.sizes.sum())
        while True:
            offset = cycle % n_strides
            for group in np.random.default_rng([self.seed, _ORDER, cycle]).permutation(len(self.sizes)):
                n_here = len(range(offset, int(self.sizes[group]), n_strides))
                if skipped < n_here:
                    yield from self._strided(int(group), offset + skipped * n_strides, n_strides, int(starts[group]))
                skipped = max(skipped - n_here, 0)
            cycle += 1

    def _strided(self, group: int, first: int, step: int, start: int) -> Iterator[tuple[pa.Table, IntArray]]:
        """Every so many rows of a row group, from its first one on."""
        begin = 0
        with reading(self.path, "parquet"):
            for raw in batches(self.path, [group], self.columns):
                wanted = np.arange(first, begin + raw.num_rows, step)
                if len(wanted):
                    yield in_plain_form(raw.take(wanted - begin), self.missing), start + wanted
                    first = int(wanted[-1]) + step
                begin += raw.num_rows
        if begin != self.sizes[group]:
            raise DataError(f"'{self.path}' must hold {self.sizes[group]:,} rows in row group {group}, but {begin:,} came. Write it anew.")

    def _n_strides(self) -> int:
        """So many that what is drawn from at a time stems from 32 row groups, if there are so many."""
        mean_size = self.sizes.sum() / len(self.sizes)
        return int(np.clip(_GROUPS_AT_A_TIME * mean_size / self.n_kept, 1, _MOST_STRIDES))

    def _with_sample(self, target: str) -> tuple[RowStream, Sample]:
        share = self.n_kept / max(int(self.sizes.sum()), 1)
        tables, numbers, n_rows = [], [], 0
        labels: set[object] = set()
        for table, here in self.in_order():
            present = ~is_missing(table[target])
            n_rows += int(present.sum())
            if len(labels) <= _MOST_LABELS:
                labels.update(pc.unique(table[target]).drop_null().to_pylist())
            chosen = np.flatnonzero(present & (uniform(here, self.seed, _SAMPLE) < share))
            tables.append(table.take(chosen))
            numbers.append(here[chosen])
        if n_rows == 0:
            raise DataError(
                f"The target '{target}' must have values, but it is missing in all {int(self.sizes.sum()):,} rows. Name another."
            )
        kept = pa.concat_tables(tables).combine_chunks()
        others = labels.difference(pc.unique(kept[target]).to_pylist() if len(labels) <= _MOST_LABELS else labels)
        return replace(self, n_rows=n_rows), Sample(kept, np.concatenate(numbers), len(others))


def parts(path: Path, columns: Sequence[str], missing: Sequence[str] = ()) -> Iterator[pa.Table]:
    """The rows of a Parquet file as they stand in it, some at a time; of these columns, those it has.

    Raises:
        DataError: the file cannot be read.
    """
    with reading(path, "parquet"):
        here = [name for name in columns if name in _names(path)]
        for raw in batches(path, range(len(row_group_sizes(path))), here):
            yield in_plain_form(raw, missing)


@contextmanager
def rows_counted_from(begin: int) -> Iterator[None]:
    """While a part of a table is looked at that begins at this row (counted from 0): errors name rows of the whole table."""
    try:
        yield
    except DataError as error:
        raise type(error)(f"From row {begin + 1:,} on: {counted_from(begin, str(error))}") from error


def counted_from(begin: int, text: str) -> str:
    """A sentence about a part of a table that begins at this row, with the rows it names counted in the whole table."""
    return re.sub(r"\brow (\d+)", lambda found: f"row {int(found[1]) + begin:,}", text)


def _names(path: Path) -> list[str]:
    from pyarrow import parquet

    return list(parquet.read_schema(path).names)


def _rows_to_keep(path: Path, columns: Sequence[str]) -> int:
    """A power of two that does not depend on how much memory is free, unless that is little."""
    from pyarrow import parquet

    schema, budget = parquet.read_schema(path), memory_budget()
    n_inputs = sum(_INPUTS_OF_TEXT if pa.types.is_string(schema.field(name).type) else 2 for name in columns)
    fitting = _SHARE_OF_BUDGET * budget / (4.0 * n_inputs)
    if fitting < _LEAST_KEPT:
        raise TooLargeError(
            f"'{path}' has rows of about {n_inputs:,} inputs, and {_LEAST_KEPT:,} of them must fit into a part of the memory, but "
            f"{budget / 1e6:,.0f} MB may be used. Leave out columns with --drop, or set WEIGHTS_MEMORY if there is more."
        )
    return min(_MOST_KEPT, 1 << int(np.log2(fitting)))
