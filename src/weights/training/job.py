"""What is trained: rows, targets, who learns from which rows, with which settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import pyarrow as pa

from weights.data.inputs import Inputs, Layout
from weights.data.table.streaming import RowStream
from weights.spec import Spec
from weights.tasks.base import Task
from weights.training.resampling import Draw, Resampling
from weights.types import AnyArray, FloatArray, IntArray


class StreamedRows(NamedTuple):
    """Some rows of a table that is streamed: r inputs, encoded targets (r,), weights (r,), and how often each member sees them (r, m)."""

    inputs: Inputs
    y: AnyArray
    weight: FloatArray
    counts: IntArray

    def cut(self, part: slice) -> StreamedRows:
        """Some of these rows."""
        return StreamedRows(self.inputs[part], self.y[part], self.weight[part], self.counts[part])


@dataclass(frozen=True, eq=False)
class Streaming:
    """How members read a table that is larger than memory.

    Attributes:
        stream: the rows of its file.
        encode: (cells, row numbers, draw) -> rows as models read them; those without a target keep their place, and no member sees them.
        draw: which member sees which row.
    """

    stream: RowStream
    encode: Callable[[pa.Table, IntArray, Draw], StreamedRows]
    draw: Draw

    @property
    def buffer_size(self) -> int:
        """How many rows the shuffle buffer holds, from which batches are drawn."""
        return self.stream.n_kept

    def rows(self, begin: int) -> Iterator[StreamedRows]:
        """Rows from this place of the endless shuffled order on, some at a time."""
        yield from (self.encode(table, numbers, self.draw) for table, numbers in self.stream.rows(begin))

    def in_order(self) -> Iterator[StreamedRows]:
        """All rows once, some at a time."""
        yield from (self.encode(table, numbers, self.draw) for table, numbers in self.stream.in_order())


@dataclass(frozen=True, eq=False)
class Job:
    """What to train.

    Attributes:
        name: of this population, for progress and checkpoints.
        task, layout: what is asked, and the layout of rows and outputs.
        specs: resolved settings of each member, length m; they may differ in numbers only (spec.VARYING).
        seeds: of each member's randomness, uint32, shape (m,).
        resampling: rows of each member.
        inputs, y, weight: n encoded rows, encoded targets (n,), row weights of mean one (n,).
        groups: feature of each place (see `Encoding.groups`), shape (p,). used: 0 for places that are masked, else 1, shape (p,).
        neighbours: codes of rows that are learned from side by side, where a model joins rows, shape (n,); None if any may be.
        streaming: the way to all rows, where inputs hold only a sample of them; members that take steps learn from these.
    """

    name: str
    task: Task
    layout: Layout
    specs: list[Spec]
    seeds: IntArray
    resampling: Resampling
    inputs: Inputs
    y: AnyArray
    weight: FloatArray
    groups: IntArray
    used: FloatArray
    streaming: Streaming | None = None
    neighbours: IntArray | None = None

    @property
    def n_members(self) -> int:
        """Number of members, m."""
        return len(self.specs)

    def only(self, members: Iterable[int]) -> Job:
        """The same job for some of its members."""
        chosen = [*members]
        counts, scored, member_weights = self.resampling
        return replace(
            self,
            specs=[self.specs[m] for m in chosen],
            seeds=self.seeds[chosen],
            resampling=Resampling(counts[chosen], scored[chosen], member_weights[chosen]),
            streaming=self.streaming and replace(self.streaming, draw=self.streaming.draw.only(chosen)),
        )

    def first_repeat(self) -> Job:
        """The members that together leave out every row once."""
        return self.only(range(min(self.n_members, self.specs[0].members.n_folds)))

    def of_rows(self, rows: IntArray) -> Job:
        """The same job for some of its rows in memory."""
        counts, scored, member_weights = self.resampling
        resampling = Resampling(counts[:, rows], scored[:, rows], member_weights)
        neighbours = None if self.neighbours is None else self.neighbours[rows]
        inputs, y, weight = self.inputs[rows], self.y[rows], self.weight[rows]
        return replace(self, inputs=inputs, y=y, weight=weight, resampling=resampling, streaming=None, neighbours=neighbours)
