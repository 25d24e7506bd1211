"""What an ensemble answers for rows when the members that learned from them keep silent: as the rows are, and with other values in them.

`OutOfBag` is to inspection what `Ensemble.answer` is to prediction. Asked about altered rows it shows what a feature does; averaged
over the values a feature can have given the others, its answers are those of the ensemble without that feature.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import jax
import numpy as np

from weights.data.inputs import Inputs, Layout
from weights.ensemble import Population, apply_program
from weights.models.registry import architecture_of
from weights.tasks.base import Scaled, Task
from weights.types import BoolArray, FloatArray, IntArray

_MOST_ROWS_AT_ONCE = 1 << 14


class OutOfBagMembers(NamedTuple):
    """A population, and whether its member m never saw row r, shape (m, r)."""

    population: Population
    unseen: BoolArray


class Without(NamedTuple):
    """Answers without some features: those of all together, and what each member alone says of its rows on the target's scale."""

    together: Scaled
    alone: list[FloatArray]


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
        alone: what each of them says of its rows by itself, on the target's scale, each (rows, c).
    """

    def __init__(
        self, task: Task, layout: Layout, populations: Sequence[OutOfBagMembers], offset: FloatArray, inputs: Inputs, n_threads: int
    ) -> None:
        self.task, self.populations, self.offset = task, populations, offset
        self.inputs, self.x, self.n_threads = inputs, inputs.joined, n_threads
        self.programs = [apply_program(population.spec, layout) for population, _ in populations]
        self.members = [
            (p, m, rows)
            for p, (_, unseen_by) in enumerate(populations)
            for m, unseen in enumerate(unseen_by)
            if len(rows := np.flatnonzero(unseen))
        ]
        self.params = [jax.tree.map(lambda a, m=m: a[m], populations[p].population.params) for p, m, _ in self.members]
        self.linear = [
            self._linear(i) if architecture_of(populations[p].population.spec.model).linear else None
            for i, (p, _, _) in enumerate(self.members)
        ]
        unchanged = Replacement(np.zeros(0, int), np.zeros((1, len(inputs), 0), np.float32), np.ones((1, len(inputs))))
        self.baseline, self.alone = self.answers(unchanged)

    def answers(self, replacement: Replacement) -> Without:
        """Answers averaged over the values that some inputs may have, as their chances say."""
        n_values = len(replacement.values)
        total = np.tile(self.offset, (n_values, len(self.x), 1))
        alone = []
        for (p, _, rows), outputs in zip(self.members, self._outputs(replacement), strict=True):
            population, unseen = self.populations[p]
            total[:, rows] += population.stacking_weight * outputs / unseen[:, rows].sum(0)[:, None]
            chance = replacement.chance[:, rows]
            alone.append(sum(chance[d][:, None] * self.task.to_scales(outputs[d]).target for d in range(n_values)))
        answers = [self.task.to_scales(outputs) for outputs in total]
        chance = replacement.chance[:, :, None]
        together = Scaled(*(sum(chance[d] * answers[d][scale] for d in range(n_values)) for scale in range(2)))
        return Without(together, alone)

    def _outputs(self, replacement: Replacement) -> Iterator[FloatArray]:
        """Each member's outputs for its rows with each of the values, shape (d, rows, k), in the order of members."""
        columns, n_values = replacement.columns, len(replacement.values)

        def predict(i: int) -> FloatArray:
            """The outputs of member i for its rows with each value, shape (d, rows, k)."""
            p, _, rows = self.members[i]
            if (known := self.linear[i]) is not None:
                moved = replacement.values[:, rows] - self.x[np.ix_(rows, columns)]
                flat = (known.outputs + moved @ known.w[columns]).reshape(-1, self.task.n_outputs)
                return self.task.normalise(flat).reshape(n_values, len(rows), -1)
            outputs = np.empty((n_values, len(rows), self.task.n_outputs))
            at_once = max(_MOST_ROWS_AT_ONCE // n_values, 1)
            for begin in range(0, len(rows), at_once):
                part = rows[begin : begin + at_once]
                x = np.repeat(self.x[part][None], n_values, axis=0)
                x[:, :, columns] = replacement.values[:, part]
                others = self.inputs[np.tile(part, n_values)]
                flat = self.programs[p](self.params[i], others.replace_joined(x.reshape(-1, x.shape[2])))
                outputs[:, begin : begin + at_once] = self.task.normalise(flat).reshape(n_values, len(part), -1)
            return outputs

        if all(known is not None for known in self.linear):
            yield from map(predict, range(len(self.members)))
            return
        with ThreadPoolExecutor(self.n_threads) as threads:
            yield from threads.map(predict, range(len(self.members)))

    def _linear(self, i: int) -> _LinearMember:
        layer, rows = self.params[i]["output"], self.members[i][2]
        w = np.zeros((self.x.shape[1], self.task.n_outputs))
        w[: len(layer["w"])] = layer["w"]
        return _LinearMember(w, self.x[rows] @ w + np.asarray(layer["b"], np.float64))
