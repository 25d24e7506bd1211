"""The rows that members read in each round of training: all of a table, or those of a larger one that are in the shuffle buffer.

`feed` gives the `Feed` of a job. Members share one copy of the rows; each has batches of its own, as places in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from weights.data.bags import Bags
from weights.data.inputs import Inputs, pad
from weights.models.registry import architecture_of
from weights.training.compiling import padded_size
from weights.training.job import Job, StreamedRows
from weights.training.step import Shared
from weights.types import BoolArray, IntArray

MOST_EVALUATED = 1 << 16
"""Rows of the evaluation subset, on which members are judged after a round (our choice)."""


class Feed(Protocol):
    """What members read.

    Attributes:
        shared: the rows of the present round.
    """

    shared: Shared

    def refill(self, taken: int, n_steps: int) -> None:
        """Make the round ready that begins when so many steps have been taken and has so many."""

    def batches(self, m: int, taken: int, n_steps: int) -> IntArray:
        """Places of member m's rows in this round, shape (at least n_steps, batch)."""

    def places(self, rows: IntArray) -> IntArray:
        """Where rows of the evaluation subset, by their place in the job, stand in `shared`."""


def feed(job: Job, run_ends: list[int]) -> Feed:
    """The feed of a job whose rounds end after these steps."""
    most_steps = int(np.diff(run_ends, prepend=0).max())
    if job.streaming is not None:
        return StreamingFeed(job, run_ends, most_steps)
    return AllAtOnce(job, most_steps) if job.specs[0].optimization.optimizer.all_rows else InMemory(job, most_steps)


def evaluated_rows(job: Job, most: int | None = None) -> BoolArray:
    """The evaluation subset, judged after every round: all rows, or a random 65,536 of many more, shape (n,).

    With a bound of the caller's own it is at most so many of the rows that some member is judged on, the same for all seeds.
    """
    n = len(job.inputs)
    rows = np.arange(n) if most is None else np.flatnonzero(job.resampling.scored.any(0))
    seed, most = (int(job.seeds[0]), MOST_EVALUATED) if most is None else (0, most)
    evaluated = np.zeros(n, bool)
    evaluated[rows if len(rows) <= most else np.random.default_rng([seed, 0x3A7C]).permutation(rows)[:most]] = True
    return evaluated


class InMemory:
    """All rows; a member's batches are one endless sequence of shuffled passes over its own, cut anywhere."""

    def __init__(self, job: Job, most_steps: int, *, n_extra: int = 0) -> None:
        self.job, self.most_steps = job, most_steps
        self.batch_size = job.specs[0].optimization.batch_size or len(job.inputs)
        self.n_joined = architecture_of(job.specs[0].model).joins(job.specs[0].model)
        # What is no table is not padded: a copy of it would be larger than all else.
        n_rows = padded_size(len(job.inputs) + n_extra) if job.layout.is_table else len(job.inputs) + n_extra
        self.shared = _shared(job, job.inputs.padded(n_rows), *(pad(a, n_rows) for a in (job.y, job.weight.astype(np.float32))))

    def refill(self, taken: int, n_steps: int) -> None:
        """Nothing is to be done."""

    def batches(self, m: int, taken: int, n_steps: int) -> IntArray:
        """The next part of the member's sequence."""
        bag = _bag(self.job.resampling.counts[m])
        n_in_pass = len(bag) // self.n_joined * self.n_joined or len(bag)
        begin, end = taken * self.batch_size, (taken + n_steps) * self.batch_size
        first, last = begin // n_in_pass, -(-end // n_in_pass)
        passes = [self._shuffle(bag, np.random.default_rng([int(self.job.seeds[m]), number]))[:n_in_pass] for number in range(first, last)]
        sequence = np.concatenate(passes)[begin - first * n_in_pass :][: end - begin]
        return pad(sequence.reshape(n_steps, self.batch_size), padded_size(self.most_steps))

    def places(self, rows: IntArray) -> IntArray:
        """Where they are."""
        return rows

    def _shuffle(self, bag: IntArray, rng: np.random.Generator) -> IntArray:
        """Rows in random order, those that are joined being neighbours, all but a few of them."""
        order = rng.permutation(bag)
        if self.n_joined == 1 or self.job.neighbours is None:
            return order
        codes = rng.permutation(int(self.job.neighbours.max()) + 1)[self.job.neighbours]  # so that no group is always the last
        order = order[np.argsort(codes[order], kind="stable")]
        whole = len(order) // self.n_joined * self.n_joined
        return np.concatenate([rng.permutation(order[:whole].reshape(-1, self.n_joined)).ravel(), order[whole:]])


class AllAtOnce(InMemory):
    """All rows in every step; those beyond a member's own are row n, of weight zero."""

    def __init__(self, job: Job, most_steps: int) -> None:
        super().__init__(job, most_steps, n_extra=1)

    def batches(self, m: int, taken: int, n_steps: int) -> IntArray:
        """The member's rows, the same in each step."""
        bag = _bag(self.job.resampling.counts[m])
        n_rows = padded_size(len(self.job.inputs)) if self.job.layout.is_table else len(self.job.inputs)
        padded = np.concatenate([bag, np.full(max(n_rows - len(bag), 0), len(self.job.inputs), np.int32)])
        return np.broadcast_to(padded, (self.most_steps, len(padded)))


class StreamingFeed:
    """A shuffle buffer, of which each round replaces the oldest rows; behind it the evaluation subset.

    What it holds after so many steps is always the same, so that a run can be resumed at any round.
    """

    def __init__(self, job: Job, run_ends: list[int], most_steps: int) -> None:
        assert job.streaming is not None
        self.job, self.streaming, self.run_ends, self.most_steps = job, job.streaming, run_ends, most_steps
        self.batch_size = job.specs[0].optimization.batch_size or 1
        self.n_rows = job.streaming.buffer_size
        self.evaluated = np.flatnonzero(evaluated_rows(job))
        n = self.n_rows + padded_size(len(self.evaluated))
        self.inputs = Inputs({name: _make_room(block, n) for name, block in job.inputs.blocks.items()})
        self.y = np.zeros(n, job.y.dtype)
        self.weight, self.counts = np.zeros(n, np.float32), np.zeros((self.n_rows, job.n_members), np.uint8)
        behind = slice(self.n_rows, self.n_rows + len(self.evaluated))
        self._put(behind, job.inputs[self.evaluated])
        self.y[behind], self.weight[behind] = (a[self.evaluated] for a in (job.y, job.weight))
        self.end = 0
        self.rows: Iterator[StreamedRows] | None = None
        self.rest: list[StreamedRows] = []
        self.reader = ThreadPoolExecutor(1)
        self.ahead: Future[list[StreamedRows]] | None = None

    def refill(self, taken: int, n_steps: int) -> None:
        """Replace the rows that the steps so far have used up, and begin to read what the next round will need."""
        end = self._end_after(taken)
        if self.rows is None:
            self.end = end - self.n_rows
            self.rows = self.streaming.rows(self.end)
        for part in self._read(end - self.end) if self.ahead is None else self.ahead.result():
            places = np.arange(self.end, self.end + len(part.y)) % self.n_rows
            self._put(places, part.inputs)
            self.y[places], self.weight[places], self.counts[places] = part[1:]
            self.end += len(part.y)
        following = self._end_after(taken + n_steps) - self.end
        self.ahead = self.reader.submit(self._read, following) if taken + n_steps < self.run_ends[-1] else None
        # Copies, because what JAX was given must not change while the next rows come.
        self.shared = _shared(self.job, *jax.tree.map(jnp.array, (self.inputs, self.y, self.weight)))

    def _put(self, places: Any, inputs: Inputs) -> None:
        """Let rows stand at these places."""
        for name, block in self.inputs.blocks.items():
            if isinstance(block, Bags):
                self.inputs = self.inputs.replace(**{name: block.put(places, inputs[name])})
            else:
                block[places] = inputs[name]

    def batches(self, m: int, taken: int, n_steps: int) -> IntArray:
        """The member's rows of the buffer, shuffled."""
        bag = _bag(self.counts[:, m])
        shuffled = np.random.default_rng([int(self.job.seeds[m]), taken]).permutation(bag)
        return pad(np.resize(shuffled, (n_steps, self.batch_size)), padded_size(self.most_steps))

    def places(self, rows: IntArray) -> IntArray:
        """Behind the buffer."""
        return self.n_rows + np.searchsorted(self.evaluated, rows)

    def _end_after(self, taken: int) -> int:
        """How many rows have come when so many steps were taken: first as many as fit, then as many as a member uses up."""
        share_known = self.streaming.stream.n_rows / self.streaming.stream.sizes.sum()
        used_of_each = max(float(self.job.resampling.counts.mean() * share_known), 1e-3)
        return self.n_rows + int(taken * self.batch_size / used_of_each)

    def _read(self, n_rows: int) -> list[StreamedRows]:
        """The next rows, so many."""
        assert self.rows is not None
        parts, self.rest = self.rest, []
        while (n_read := sum(len(part.y) for part in parts)) < n_rows:
            parts.append(next(self.rows))
        if beyond := n_read - n_rows:
            last = parts.pop()
            parts.append(last.cut(slice(-beyond)))
            self.rest = [last.cut(slice(-beyond, None))]
        return parts


def _make_room(block: Any, n: int) -> Any:
    """So many rows like those of a block, with nothing in them."""
    if isinstance(block, Bags):
        return Bags.empty(n, block.width, block.n_leading)
    return np.zeros((n, *block.shape[1:]), block.dtype)


def _shared(job: Job, *rows: Any) -> Shared:
    """Inputs, targets and weights of rows, and what the job says of inputs, as JAX reads them."""
    # Not jnp.asarray, which always copies.
    return Shared(*jax.device_put((*rows, job.groups.astype(np.int32), job.used)))


def _bag(counts: IntArray) -> IntArray:
    """Every row as often as it counts, int32."""
    return np.repeat(np.arange(len(counts), dtype=np.int32), counts)
