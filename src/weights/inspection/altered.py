"""What networks answer for rows with other values in some columns: `Altered`, which reads anew only what these columns add."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from weights.data.inputs import Inputs, Layout
from weights.ensemble import pad
from weights.models.base import ByColumn, keep_all
from weights.models.registry import build
from weights.spec import Spec, program_spec
from weights.types import AnyArray, FloatArray, IntArray, Params

_MOST_ROWS_AT_ONCE = 4096
_MOST_MEMBERS_AT_ONCE = 4
_ROWS, _FEWEST_ROWS = 512, 32
"""Rows are answered in multiples of so many, so that few sizes are compiled and little is answered for nothing; it divides the first."""


class Change(NamedTuple):
    """Other values of some columns of r rows, amid zeros that change nothing.

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
    sums: jax.Array
    rows: IntArray


class Altered:
    """A population's program for altered rows, shared by its members; their model adds up columns in its first layer."""

    def __init__(self, by_column: ByColumn, layout: Layout) -> None:
        self.layout = layout
        self._sums = jax.jit(by_column.sums)
        self._outputs = jax.jit(functools.partial(_answer, by_column))

    def read(self, params: Params, inputs: Inputs) -> jax.Array:
        """What the first layer of a member adds up for rows as they are, float32, shape (at least r, h)."""
        parts = [inputs[begin : begin + _MOST_ROWS_AT_ONCE] for begin in range(0, len(inputs), _MOST_ROWS_AT_ONCE)]
        return jnp.concatenate([self._sums(params, pad(part, _whole(len(part)))) for part in parts])

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
        return Change(
            _widened(columns[own]), _widened(moved), _widened(which), _widened(before[:, numbers]), _widened(after[:, :, numbers])
        )

    def answer(self, members: Sequence[Asked], change: Change) -> list[FloatArray]:
        """Outputs of members for their rows with each of the other values, each float32, shape (rows, d, k)."""
        n_values, params, sums = change.moved.shape[1], [asked.params for asked in members], [asked.sums for asked in members]
        longest, outputs = n_values * max(len(asked.rows) for asked in members), []
        for begin in range(0, longest, _MOST_ROWS_AT_ONCE):
            size = _whole(min(longest - begin, _MOST_ROWS_AT_ONCE))
            index = np.zeros((len(members), size), np.int32)
            altered = [np.zeros((*index.shape, values.shape[-1]), np.float32) for values in (change.moved, change.before, change.after)]
            for m, asked in enumerate(members):
                which = np.arange(begin, min(begin + size, len(asked.rows) * n_values))
                index[m, : len(which)] = which // n_values
                rows, value = asked.rows[which // n_values], which % n_values
                for own, values in zip(altered, (change.moved[rows, value], change.before[rows], change.after[rows, value]), strict=True):
                    own[m, : len(which)] = values
            outputs.append(np.asarray(self._outputs(params, sums, change.places, change.which, index, *altered)))
        of_members = np.concatenate(outputs, axis=1)
        n_asked = [n_values * len(asked.rows) for asked in members]
        return [own[:n].reshape(-1, n_values, own.shape[1]) for own, n in zip(of_members, n_asked, strict=True)]

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


def _answer(
    by_column: ByColumn,
    params: Sequence[Params],
    sums: Sequence[jax.Array],
    places: jax.Array,
    which: jax.Array,
    index: jax.Array,
    *altered: jax.Array,
) -> jax.Array:
    """Outputs of g members, (g, n, k), one after the other, because stacked weights would be copied; `altered` are those of `Change`."""
    outputs = []
    for m, (own, known) in enumerate(zip(params, sums, strict=True)):
        moved, before, after = (values[m] for values in altered)
        change = by_column.change(own, places, moved, which, before, after)
        outputs.append(by_column.onward(own, known[index[m]] + change, keep_all)[0])
    return jnp.stack(outputs)


def _widened(values: AnyArray) -> AnyArray:
    """Values (..., b) beside zeros, which change nothing: as many as make a power of two, so that programs of a few sizes serve all."""
    widened = np.zeros((*values.shape[:-1], _padded(values.shape[-1])), values.dtype)
    widened[..., : values.shape[-1]] = values
    return widened


def _padded(n: int) -> int:
    """The power of two from n on; zero for none."""
    return 1 << (n - 1).bit_length() if n else 0


def _whole(n_rows: int) -> int:
    """How many rows are answered for so many: of few a power of two, of many a multiple of `_ROWS`."""
    return max(_padded(n_rows), _FEWEST_ROWS) if n_rows < _ROWS else -(-n_rows // _ROWS) * _ROWS
