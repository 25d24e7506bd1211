"""What networks answer for rows with other values in some columns: `Altered`, which reads anew only what these columns add."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from weights.data.inputs import Inputs, Layout
from weights.models.base import ByColumn, keep_all
from weights.models.registry import build
from weights.spec import Spec, program_spec
from weights.types import FloatArray, IntArray, Params

_MOST_ROWS_AT_ONCE = 4096
_MOST_MEMBERS_AT_ONCE = 4
_ROWS, _FEWEST_ROWS = 512, 32
"""Rows are answered in multiples of so many, so that few sizes are compiled and little is answered for nothing; it divides the first."""


class Change(NamedTuple):
    """Other values of some columns of r rows.

    places: of the columns, (b,). moved: by how much each value differs from that which is there, (r, d, b).
    which: of the numbers among them, in the order of `Layout.numeric`, (j,); these before, (r, j), and after, (r, d, j).
    """

    places: IntArray
    moved: FloatArray
    which: IntArray
    before: FloatArray
    after: FloatArray


class Asked(NamedTuple):
    """A member, what it `read` of its rows as they are, and which these are, among those of the `Change`."""

    params: Params
    sums: FloatArray
    rows: IntArray


class Altered:
    """A population's program for altered rows, shared by its members; their model adds up columns in its first layer."""

    def __init__(self, by_column: ByColumn, layout: Layout) -> None:
        self.layout = layout
        self._sums = jax.jit(by_column.sums)
        self._change = by_column.change
        self._outputs = jax.jit(functools.partial(_answer, by_column))

    def read(self, params: Params, inputs: Inputs) -> FloatArray:
        """What the first layer of a member adds up for rows as they are, float32, shape (r, h)."""
        parts = [inputs[begin : begin + _MOST_ROWS_AT_ONCE] for begin in range(0, len(inputs), _MOST_ROWS_AT_ONCE)]
        return np.concatenate([np.asarray(self._sums(params, part.padded(_whole(len(part)))))[: len(part)] for part in parts])

    def change(self, columns: IntArray, before: FloatArray, after: FloatArray) -> Change:
        """What rows are asked about.

        Args:
            columns: places of the columns, length b; what lies behind the block of columns is not read.
            before: values as they are, shape (r, b).
            after: other values, shape (r, d, b).
        """
        own = columns < self.layout.n_columns
        numbers = own & np.isin(columns, self.layout.numeric)
        which = np.searchsorted(self.layout.numeric, columns[numbers])
        moved = (after - before[:, None])[:, :, own]
        return Change(columns[own], moved, which, before[:, numbers], after[:, :, numbers])

    def answer(self, members: Sequence[Asked], change: Change) -> list[FloatArray]:
        """Outputs of members for their rows with each of the other values, each float32, shape (rows, d, k)."""
        n_values, most = change.moved.shape[1], max(len(asked.rows) for asked in members)
        at_once = max(_MOST_ROWS_AT_ONCE // n_values, 1)
        outputs: list[list[FloatArray]] = [[] for _ in members]
        for begin in range(0, most, at_once):
            size = _whole(min(most - begin, at_once) * n_values)
            sums = []
            for params, known, rows in members:
                part = slice(begin, begin + at_once)
                here = rows[part]
                values = change.moved[here], change.which, change.before[here], change.after[here]
                n_units = known.shape[1]
                own = np.zeros((size, n_units), np.float32)
                rows_by_value = own[: len(here) * n_values].reshape(len(here), n_values, n_units)
                np.add(known[part, None], self._change(params, change.places, *values), out=rows_by_value)
                sums.append(own)
            together = np.asarray(self._outputs([asked.params for asked in members], sums))
            for parts, answers, (_, _, rows) in zip(outputs, together, members, strict=True):
                n = len(rows[begin : begin + at_once])
                parts.append(answers[: n * n_values].reshape(n, n_values, answers.shape[1]))
        return [np.concatenate(parts) for parts in outputs]

    @staticmethod
    def at_once(n_rows: int, n_values: int) -> int:
        """How many members may be asked at once about so many rows each."""
        return int(np.clip(_MOST_ROWS_AT_ONCE // _whole(n_rows * n_values), 1, _MOST_MEMBERS_AT_ONCE))


@functools.cache
def altered_program(spec: Spec, layout: Layout) -> Altered | None:
    """The program of members with these settings for altered rows; None where their model does not add up columns in its first layer."""
    return _altered(program_spec(spec), layout)


@functools.cache
def _altered(spec: Spec, layout: Layout) -> Altered | None:
    by_column = build(spec.model, layout, spec.initialization, spec.activation).by_column
    return by_column and Altered(by_column, layout)


def _answer(by_column: ByColumn, params: Sequence[Params], sums: Sequence[jax.Array]) -> jax.Array:
    """Outputs of g members, (g, n, k), from their sums, each (n, h); one after the other, because stacked weights would be copied."""
    return jnp.stack([by_column.onward(own, its, keep_all)[0] for own, its in zip(params, sums, strict=True)])


def _padded(n: int) -> int:
    """The power of two from n on; zero for none."""
    return 1 << (n - 1).bit_length() if n else 0


def _whole(n_rows: int) -> int:
    """How many rows are answered for so many: of few a power of two, of many a multiple of `_ROWS`."""
    return max(_padded(n_rows), _FEWEST_ROWS) if n_rows < _ROWS else -(-n_rows // _ROWS) * _ROWS
