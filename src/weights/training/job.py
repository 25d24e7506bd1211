"""What is trained: rows, targets, who learns from which rows, with which settings."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import pyarrow as pa

from weights.data.inputs import Inputs, Layout
from weights.data.table.streaming import RowStream
from weights.spec import Spec
from weights.tasks.base import Task
from weights.training.resampling import Draw, Resampling
from weights.types import AnyArray, BoolArray, FloatArray, IntArray


class PassingRows(NamedTuple):
    """Some rows that pass: r inputs, encoded targets (r,), weights (r,), and how often each member sees them (r, m)."""

    inputs: Inputs
    y: AnyArray
    weight: FloatArray
    counts: IntArray

    def cut(self, part: slice) -> PassingRows:
        """Some of these rows."""
        return PassingRows(self.inputs[part], self.y[part], self.weight[part], self.counts[part])


class ReadyRows(NamedTuple):
    """Some rows as models read them.

    inputs, y (r,), weight (r,): as in a `Job`. keys (r,) say who sees them; of those not `known` (r,), without a target, nobody does.
    """

    inputs: Inputs
    y: AnyArray
    weight: FloatArray
    keys: IntArray
    known: BoolArray


@dataclass(frozen=True, eq=False)
class Passing:
    """Rows of a table that is larger than memory.

    Attributes:
        stream: where they come from.
        ready: makes cells and numbers of rows (data/table/streaming.py) ready; a row without a target keeps its place.
        draw: who sees which.
    """

    stream: RowStream
    ready: Callable[[pa.Table, IntArray], ReadyRows]
    draw: Draw

    @property
    def n_at_hand(self) -> int:
        """How many rows are drawn from at a time."""
        return self.stream.n_kept

    def rows(self, begin: int) -> Iterator[PassingRows]:
        """Rows from this place of the endless shuffled order on, some at a time."""
        yield from itertools.starmap(self._drawn, self.stream.rows(begin))

    def in_order(self) -> Iterator[PassingRows]:
        """All rows once, some at a time."""
        yield from itertools.starmap(self._drawn, self.stream.in_order())

    def _drawn(self, table: pa.Table, numbers: IntArray) -> PassingRows:
        inputs, y, weight, keys, known = self.ready(table, numbers)
        return PassingRows(inputs, y, weight, self.draw(keys).counts.T * known[:, None])


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
        passing: all rows, where inputs hold only a sample of them; members that take steps learn from these.
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
    passing: Passing | None = None

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
            passing=self.passing and replace(self.passing, draw=self.passing.draw.only(chosen)),
        )
