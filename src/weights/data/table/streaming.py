"""Tables larger than memory: a random sample of the rows is kept in memory, and all of them are streamed from the file.

`RowStream.open` reads a Parquet file once and keeps the sample. `RowStream.rows` then gives the rows again and again in a shuffled order,
some at a time. Rows are identified by their number in the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weights.data.memory import memory_budget
from weights.data.table.columns import is_missing, is_number
from weights.data.table.keys import uniform
from weights.data.table.parquet import batches, expansion, opened, row_group_sizes, types_of
from weights.data.table.read import reading, to_plain_form
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
_ROWS_AT_ONCE = 1 << 15
_SAMPLE = 0x5A3B1E
_ORDER = 0x0D2


class RowSample(NamedTuple):
    """Rows that are kept: their cells, their numbers in the file (s,), and how many different labels the target had beside theirs."""

    table: pa.Table
    numbers: IntArray
    n_other_labels: int


@dataclass(frozen=True, eq=False)
class RowStream:
    """The rows of a Parquet file, read again and again.

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
    ) -> tuple[RowStream, RowSample]:
        """A stream and its sample: rows that have a target, each with the same probability.

        Raises:
            DataError: the file cannot be read, or has no row with a target.
            TooLargeError: a row is so wide, or the budget so small, that no useful sample fits; or the file expands suspiciously.
            NotFoundError: there is no such target.
        """
        with reading(path, "parquet"):
            sizes, names = row_group_sizes(path), types_of(path)
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
        n_strides, n_all = self._n_strides(), int(self.sizes.sum())
        cycle, skipped = begin // n_all * n_strides, begin % n_all
        with reading(self.path, "parquet"), opened(self.path) as file:
            while True:
                offset = cycle % n_strides
                order = np.random.default_rng([self.seed, _ORDER, cycle]).permutation(len(self.sizes))
                n_wanted = np.maximum(-(-(self.sizes[order] - offset) // n_strides), 0)
                before = np.cumsum(n_wanted) - n_wanted
                first = int(np.searchsorted(before + n_wanted, skipped, side="right"))
                skipped -= int(before[first]) if first < len(order) else int(n_wanted.sum())
                for run in _runs(order[first:], self.sizes):
                    for table, numbers in self._strided(file, run, offset, n_strides):
                        if skipped < len(numbers):
                            yield to_plain_form(table.slice(skipped), self.missing), numbers[skipped:]
                        skipped = max(skipped - len(numbers), 0)
                cycle += 1

    def _strided(self, file: Any, groups: IntArray, offset: int, step: int) -> Iterator[tuple[pa.Table, IntArray]]:
        """One row in so many of each of these row groups, with their numbers."""
        sizes, starts = self.sizes[groups], (np.cumsum(self.sizes) - self.sizes)[groups]
        ends, begin = np.cumsum(sizes), 0
        for raw in batches(file, groups, self.columns):
            here = np.arange(begin, min(begin + raw.num_rows, int(ends[-1])))
            which = np.searchsorted(ends, here, side="right")
            within = here - (ends - sizes)[which]
            wanted = np.flatnonzero(within % step == offset)
            if len(wanted):
                yield raw.take(wanted), (starts[which] + within)[wanted]
            begin += raw.num_rows
        if begin != ends[-1]:
            raise DataError(f"'{self.path}' must hold {ends[-1]:,} rows in {len(groups)} row groups, but {begin:,} came. Write it anew.")

    def _n_strides(self) -> int:
        """So many that what is drawn from at a time stems from 32 row groups, if there are so many."""
        mean_size = self.sizes.sum() / len(self.sizes)
        return int(np.clip(_GROUPS_AT_A_TIME * mean_size / self.n_kept, 1, _MOST_STRIDES))

    def _with_sample(self, target: str) -> tuple[RowStream, RowSample]:
        share = self.n_kept / max(int(self.sizes.sum()), 1)
        tables, numbers, n_rows = [], [], 0
        labels: set[object] = set()
        for table, here in self.in_order():
            present = ~is_missing(table[target])
            n_rows += int(present.sum())
            if len(labels) <= _MOST_LABELS and not pa.types.is_nested(table[target].type):
                labels.update(pc.unique(table[target]).drop_null().to_pylist())
            chosen = np.flatnonzero(present & (uniform(here, self.seed, _SAMPLE) < share))
            tables.append(table.take(chosen))
            numbers.append(here[chosen])
        if n_rows == 0:
            raise DataError(
                f"The target '{target}' must have values, but it is missing in all {int(self.sizes.sum()):,} rows. Name another."
            )
        kept = pa.concat_tables(tables).combine_chunks()
        counted = 0 < len(labels) <= _MOST_LABELS
        others = labels.difference(pc.unique(kept[target]).to_pylist()) if counted else set()
        return replace(self, n_rows=n_rows), RowSample(kept, np.concatenate(numbers), len(others))


def parts(path: Path, columns: Sequence[str], missing: Sequence[str] = ()) -> Iterator[pa.Table]:
    """The rows of a Parquet file as they stand in it, some at a time; of these columns, those it has.

    Raises:
        DataError: the file cannot be read.
    """
    with reading(path, "parquet"), opened(path) as file:
        known = types_of(path)
        here = [name for name in columns if name in known]
        sizes = row_group_sizes(path)
        for run in _runs(np.arange(len(sizes)), sizes):
            for raw in batches(file, run, here):
                yield to_plain_form(raw, missing)


def _runs(groups: IntArray, sizes: IntArray) -> Iterator[IntArray]:
    """Row groups cut into runs that are read at once: of so many rows at least, but for the last."""
    total = np.cumsum(sizes[groups]) // _ROWS_AT_ONCE
    yield from (run for run in np.split(groups, np.flatnonzero(np.diff(total)) + 1) if len(run))


def is_plain(kind: pa.DataType) -> bool:
    """Whether cells of a column are numbers, truth values or moments, and nothing else."""
    return is_number(kind) or bool(pa.types.is_boolean(kind) or pa.types.is_temporal(kind))


def _rows_to_keep(path: Path, columns: Sequence[str]) -> int:
    """A power of two that does not depend on how much memory is free, unless that is little."""
    types, budget = types_of(path), memory_budget()
    n_inputs = sum(2 if is_plain(types[name]) else _INPUTS_OF_TEXT for name in columns)
    fitting = _SHARE_OF_BUDGET * budget / (4.0 * n_inputs)
    if fitting < _LEAST_KEPT:
        raise TooLargeError(
            f"'{path}' has rows of about {n_inputs:,} inputs, and {_LEAST_KEPT:,} of them must fit into a part of the memory, but "
            f"{budget / 1e6:,.0f} MB may be used. Leave out columns with --drop, or set WEIGHTS_MEMORY if there is more."
        )
    return min(_MOST_KEPT, 1 << int(np.log2(fitting)))
