"""What is trained: rows, targets, who learns from which rows, with which settings."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import pyarrow as pa

from weights.data.stream import RowStream
from weights.models.base import Shape
from weights.spec import Spec
from weights.tasks.base import Task
from weights.training.resampling import Draw, Resampling
from weights.types import AnyArray, BoolArray, FloatArray, IntArray


class PassingRows(NamedTuple):
    """Some rows that pass: inputs (r, p), encoded targets (r,), weights (r,), and how often each member sees them (r, m)."""

    x: FloatArray
    y: AnyArray
    weight: FloatArray
    counts: IntArray


class ReadyRows(NamedTuple):
    """Some rows as models read them.

    x (r, p), y (r,), weight (r,): as in a `Job`. keys (r,) say who sees them; of those not `known` (r,), without a target, nobody does.
    """

    x: FloatArray
    y: AnyArray
    weight: FloatArray
    keys: IntArray
    known: BoolArray


@dataclass(frozen=True, eq=False)
class Passing:
    """Rows of a table that is larger than memory.

    Attributes:
        stream: where they come from.
        ready: makes cells and numbers of rows (data/stream.py) ready; a row without a target keeps its place.
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
        x, y, weight, keys, known = self.ready(table, numbers)
        return PassingRows(x, y, weight, self.draw(keys).counts.T * known[:, None])


@dataclass(frozen=True, eq=False)
class Job:
    """What to train.

    Attributes:
        name: of this population, for progress and checkpoints.
        task, shape: what is asked, and the shape of the models.
        specs: resolved settings of each member, length m; they may differ in numbers only (spec.VARYING).
        seeds: of each member's randomness, uint32, shape (m,).
        resampling: rows of each member.
        x, y, weight: encoded rows (n, p), encoded targets (n,), row weights of mean one (n,).
        groups: feature of each input, shape (p,). used: 0 for inputs that are masked, else 1, shape (p,).
        passing: all rows, where x holds only a sample of them; members that take steps learn from these.
    """

    name: str
    task: Task
    shape: Shape
    specs: list[Spec]
    seeds: IntArray
    resampling: Resampling
    x: FloatArray
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
        counts, scored, votes = self.resampling
        return replace(
            self,
            specs=[self.specs[m] for m in chosen],
            seeds=self.seeds[chosen],
            resampling=Resampling(counts[chosen], scored[chosen], votes[chosen]),
            passing=self.passing and replace(self.passing, draw=self.passing.draw.only(chosen)),
        )
