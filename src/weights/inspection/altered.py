"""What networks answer for rows with other values in some columns: `Altered`, which reads anew only what these columns add."""

from __future__ import annotations

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from weights.data.inputs import Inputs, Layout
from weights.ensemble import pad, program_spec
from weights.models.base import ByColumn, keep_all
from weights.models.registry import build
from weights.spec import Spec
from weights.types import AnyArray, FloatArray, IntArray, Params

_MOST_ROWS_AT_ONCE = 4096
_ROWS, _FEWEST_ROWS = 512, 32
"""Rows are answered in multiples of so many, so that few sizes are compiled and little is answered for nothing; it divides the above."""


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

    def answer(self, params: Params, sums: jax.Array, rows: IntArray, change: Change) -> FloatArray:
        """Outputs of a member for some rows with each of the other values, float32, shape (rows, d, k); sums are what it `read` of them."""
        n_values = change.moved.shape[1]
        n, index = len(rows) * n_values, np.arange(len(rows) * n_values, dtype=np.int32) // n_values
        before = np.repeat(change.before[rows], n_values, axis=0)
        moved, after = (values[rows].reshape(n, values.shape[2]) for values in (change.moved, change.after))
        outputs = []
        for begin in range(0, n, _MOST_ROWS_AT_ONCE):
            part = slice(begin, min(begin + _MOST_ROWS_AT_ONCE, n))
            asked = pad(
                Inputs({"index": index[part], "moved": moved[part], "before": before[part], "after": after[part]}),
                _whole(part.stop - begin),
            )
            outputs.append(np.asarray(self._outputs(params, sums, change.places, change.which, asked))[: part.stop - begin])
        return np.concatenate(outputs).reshape(len(rows), n_values, -1)


@functools.cache
def altered_program(spec: Spec, layout: Layout) -> Altered | None:
    """The program of members with these settings for altered rows; None where their model does not add up columns in its first layer."""
    return _altered(program_spec(spec), layout)


@functools.cache
def _altered(spec: Spec, layout: Layout) -> Altered | None:
    by_column = build(spec.model, layout, spec.initialization, spec.activation).by_column
    return by_column and Altered(by_column, layout)


def _answer(by_column: ByColumn, params: Params, sums: jax.Array, places: jax.Array, which: jax.Array, asked: Inputs) -> jax.Array:
    change = by_column.change(params, places, asked["moved"], which, asked["before"], asked["after"])
    return by_column.onward(params, sums[asked["index"]] + change, keep_all)[0]


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
