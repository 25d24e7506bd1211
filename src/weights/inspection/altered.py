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
_ROWS = 512
"""Rows are answered in multiples of so many, so that few sizes are compiled and little is answered for nothing; it divides the above."""


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

    def answer(self, params: Params, sums: jax.Array, columns: IntArray, before: FloatArray, after: FloatArray) -> FloatArray:
        """Outputs of a member for rows with other values in some columns, float32, shape (r, d, k).

        Args:
            params: of the member.
            sums: of the rows as they are, from `read`.
            columns: places of the columns, length b; what lies behind the block of columns is not read.
            before: values as they are, shape (r, b).
            after: other values, shape (r, d, b).
        """
        n_rows, n_values, _ = after.shape
        own = columns < self.layout.n_columns
        numbers = own & np.isin(columns, self.layout.numeric)
        places, which = _widened(columns[own]), _widened(np.searchsorted(self.layout.numeric, columns[numbers]))
        n, outputs = n_rows * n_values, []
        index = np.arange(n, dtype=np.int32) // n_values
        before = np.repeat(before, n_values, axis=0)
        after = after.reshape(n, len(columns))
        for begin in range(0, n, _MOST_ROWS_AT_ONCE):
            part = slice(begin, min(begin + _MOST_ROWS_AT_ONCE, n))
            size = _whole(part.stop - begin)
            moved, was, becomes = (
                _widened(values, size)
                for values in ((after[part] - before[part])[:, own], before[part][:, numbers], after[part][:, numbers])
            )
            rows = _Altered(np.resize(index[part], size), moved, was, becomes)
            outputs.append(np.asarray(self._outputs(params, sums, places, which, rows))[: part.stop - begin])
        return np.concatenate(outputs).reshape(n_rows, n_values, -1)


@functools.cache
def altered_program(spec: Spec, layout: Layout) -> Altered | None:
    """The program of members with these settings for altered rows; None where their model does not add up columns in its first layer."""
    return _altered(program_spec(spec), layout)


@functools.cache
def _altered(spec: Spec, layout: Layout) -> Altered | None:
    by_column = build(spec.model, layout, spec.initialization, spec.activation).by_column
    return by_column and Altered(by_column, layout)


class _Altered(NamedTuple):
    """Altered rows: which of those as they are each was, (n,), how far columns are moved, (n, b), and numbers before and after, (n, j)."""

    index: AnyArray
    moved: AnyArray
    before: AnyArray
    after: AnyArray


def _answer(by_column: ByColumn, params: Params, sums: jax.Array, places: jax.Array, which: jax.Array, rows: _Altered) -> jax.Array:
    change = by_column.change(params, places, rows.moved, which, rows.before, rows.after)
    return by_column.onward(params, sums[rows.index] + change, keep_all)[0]


def _widened(values: AnyArray, n_rows: int | None = None) -> AnyArray:
    """Values (..., b) amid zeros that change nothing: their number is zero or a power of two, so that programs of a few sizes serve all."""
    widened = np.zeros((*(values.shape[:-1] if n_rows is None else (n_rows,)), _padded(values.shape[-1])), values.dtype)
    widened[tuple(slice(length) for length in values.shape)] = values
    return widened


def _padded(n: int) -> int:
    """The power of two from n on; zero for none."""
    return 1 << (n - 1).bit_length() if n else 0


def _whole(n_rows: int) -> int:
    """The multiple of `_ROWS` from a number of rows on."""
    return -(-n_rows // _ROWS) * _ROWS
