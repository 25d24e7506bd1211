"""What an ensemble answers for rows when the members that learned from them keep silent: as the rows are, and with other values in them.

`OutOfBag` is to inspection what `Ensemble.answer` is to prediction. Asked about altered rows it shows what a feature does; averaged
over the values a feature can have given the others, its answers are those of the ensemble without that feature.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import jax
import numpy as np

from weights.data.inputs import Inputs, Layout
from weights.ensemble import Population, apply_program
from weights.inspection.altered import Asked, Change, altered_program
from weights.models.registry import architecture_of
from weights.tasks.base import Scaled, Task
from weights.types import BoolArray, FloatArray, IntArray

_MOST_ROWS_AT_ONCE = 1 << 14
_MOST_OUTPUTS_AT_ONCE = 1 << 16
"""Of linear members: what fits into the cache of a processor, and is worth a call (our choice)."""


class OutOfBagMembers(NamedTuple):
    """A population, and whether its member m never saw row r, shape (m, r)."""

    population: Population
    unseen: BoolArray


class Without(NamedTuple):
    """Answers without some features: those of all together, and what each member alone says of its rows, (a, c), see `OutOfBag.asked`."""

    together: Scaled
    alone: FloatArray


class Replacement(NamedTuple):
    """Other values for some inputs of every row.

    columns: which inputs, length b, numbers without a bound counted behind all columns, see `Inputs.joined`. values: what models then
    read, float32, shape (d, r, b). chance: of each, shape (d, r).
    """

    columns: IntArray
    values: FloatArray
    chance: FloatArray


class _LinearMember(NamedTuple):
    """A member whose outputs change by weight times distance: weights (p, k), and outputs for its rows as they are, (rows, k)."""

    w: FloatArray
    outputs: FloatArray


class OutOfBag:
    """An ensemble's members, each with the rows it never saw.

    Attributes:
        inputs: the r rows as models read them; each is unseen by a member of every population.
        x: their columns, and numbers without a bound behind them, float32, shape (r, p).
        baseline: the answers to them.
        members: population and number of every member that has rows, and these rows.
        asked: the rows of all members, one member after the other, shape (a,).
        places: where those of each member lie among them.
        alone: what each of them says of its rows by itself, on the target's scale, (a, c).
    """

    def __init__(
        self, task: Task, layout: Layout, populations: Sequence[OutOfBagMembers], offset: FloatArray, inputs: Inputs, n_threads: int
    ) -> None:
        self.task, self.populations, self.offset = task, populations, offset
        self.inputs, self.x, self.threads = inputs, inputs.joined, ThreadPoolExecutor(n_threads)
        self.programs = [apply_program(population.spec, layout) for population, _ in populations]
        self.members = [
            (p, m, rows)
            for p, (_, unseen_by) in enumerate(populations)
            for m, unseen in enumerate(unseen_by)
            if len(rows := np.flatnonzero(unseen))
        ]
        self.asked = np.concatenate([rows for _, _, rows in self.members])
        self._starts = np.cumsum([0, *(len(rows) for _, _, rows in self.members)])
        self.places = [slice(begin, end) for begin, end in itertools.pairwise(self._starts)]
        answering = [population.stacking_weight / unseen.sum(0).clip(1) for population, unseen in populations]
        self._shares = np.concatenate([answering[p][rows] for p, _, rows in self.members])
        self.params = [jax.device_put(jax.tree.map(lambda a, m=m: a[m], populations[p].population.params)) for p, m, _ in self.members]
        self.linear = [
            self._linear(i) if architecture_of(populations[p].population.spec.model).linear else None
            for i, (p, _, _) in enumerate(self.members)
        ]
        self._altered = [altered_program(population.spec, layout) for population, _ in populations]
        self._sums: dict[int, FloatArray] = {}
        unchanged = Replacement(np.zeros(0, int), np.zeros((1, len(inputs), 0), np.float32), np.ones((1, len(inputs))))
        self.baseline, self.alone = self.answers(unchanged)

    def by_member(self, values: FloatArray) -> FloatArray:
        """Sums over each member's rows, shape (m, ...), of something for all that are asked, (a, ...)."""
        return np.add.reduceat(values, self._starts[:-1], axis=0)

    @property
    def n_asked(self) -> IntArray:
        """How many rows each member is asked about, shape (m,)."""
        return np.diff(self._starts)

    def answers(self, replacement: Replacement) -> Without:
        """Answers averaged over the values that some inputs may have, as their chances say."""
        n_values, n_rows = len(replacement.values), len(self.x)
        values, chance = np.ascontiguousarray(replacement.values.transpose(1, 0, 2)), np.ascontiguousarray(replacement.chance.T)
        total = np.tile(self.offset, (n_rows, n_values, 1))
        before = self.x[:, replacement.columns]
        changes = [None if altered is None else altered.change(replacement.columns, before, values) for altered in self._altered]
        alone = []

        def ask(some: range) -> tuple[FloatArray, FloatArray]:
            """Of some members their parts of the answers, shape (rows, d, k), and what they say alone, shape (rows, c)."""
            here = slice(self.places[some[0]].start, self.places[some[-1]].stop)
            outputs = np.concatenate([*self._outputs(some, replacement.columns, values, changes[self.members[some[0]][0]])])
            outputs = self.task.normalise(outputs.reshape(-1, outputs.shape[2])).reshape(outputs.shape)
            said = self._to_scales(outputs).target
            return outputs * self._shares[here, None, None], np.einsum("ad,adc->ac", chance[self.asked[here]], said)

        parts = [*self._parts(n_values)]
        for some, (outputs, said) in zip(parts, (self.threads.map if len(parts) > 1 else map)(ask, parts), strict=True):
            begin = self.places[some[0]].start
            for i in some:
                total[self.members[i][2]] += outputs[self.places[i].start - begin : self.places[i].stop - begin]
            alone.append(said)
        together = Scaled(*(np.einsum("rd,rdc->rc", chance, scale) for scale in self._to_scales(total)))
        return Without(together, np.concatenate(alone))

    def _to_scales(self, outputs: FloatArray) -> Scaled:
        """Outputs (n, d, k) on both scales, each (n, d, c)."""
        return Scaled(*(scale.reshape(*outputs.shape[:2], -1) for scale in self.task.to_scales(outputs.reshape(-1, outputs.shape[2]))))

    def _parts(self, n_values: int) -> Iterator[range]:
        """Members of a population that are asked at once: as many as have few rows."""
        begin = 0
        while begin < len(self.members):
            p, _, rows = self.members[begin]
            if self.linear[begin] is not None:
                most = max(_MOST_OUTPUTS_AT_ONCE // (n_values * len(rows) * self.task.n_outputs), 1)
            else:
                altered = self._altered[p]
                most = 1 if altered is None else altered.at_once(len(rows), n_values)
            end = next((i for i in range(begin, len(self.members)) if self.members[i][0] != p or i - begin == most), len(self.members))
            yield range(begin, end)
            begin = end

    def _outputs(self, some: range, columns: IntArray, values: FloatArray, change: Change | None) -> Iterator[FloatArray]:
        """What members of a population say of their rows with each of the values (r, d, b) of some inputs, each (rows, d, k)."""
        altered = self._altered[self.members[some[0]][0]]
        if altered is None:
            yield from (self._outputs_of(i, columns, values) for i in some)
            return
        assert change is not None
        for i in some:
            if i not in self._sums:
                self._sums[i] = altered.read(self.params[i], self.inputs[self.members[i][2]])
        yield from altered.answer([Asked(self.params[i], self._sums[i], self.members[i][2]) for i in some], change)

    def _outputs_of(self, i: int, columns: IntArray, values: FloatArray) -> FloatArray:
        """The same of member i."""
        (p, _, rows), n_values, n_outputs = self.members[i], values.shape[1], self.task.n_outputs
        if (known := self.linear[i]) is not None:
            moved = values[rows] - self.x[np.ix_(rows, columns)][:, None]
            change = moved.reshape(len(rows) * n_values, len(columns)) @ known.w[columns]
            return known.outputs[:, None] + change.reshape(len(rows), n_values, n_outputs)
        outputs = np.empty((len(rows), n_values, n_outputs))
        at_once = max(_MOST_ROWS_AT_ONCE // n_values, 1)
        for begin in range(0, len(rows), at_once):
            part = rows[begin : begin + at_once]
            x = np.repeat(self.x[part], n_values, axis=0)
            x[:, columns] = values[part].reshape(len(x), len(columns))
            others = self.inputs[np.repeat(part, n_values)]
            outputs[begin : begin + at_once] = self.programs[p](self.params[i], others.replace_joined(x)).reshape(-1, n_values, n_outputs)
        return outputs

    def _linear(self, i: int) -> _LinearMember:
        layer, rows = self.params[i]["output"], self.members[i][2]
        w = np.zeros((self.x.shape[1], self.task.n_outputs))
        w[: len(layer["w"])] = layer["w"]
        return _LinearMember(w, self.x[rows] @ w + np.asarray(layer["b"], np.float64))
