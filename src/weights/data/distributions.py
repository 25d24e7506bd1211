"""How the values of each column were distributed over the rows of training, in few numbers: what later rows are compared with.

`summarise` makes a `Distribution` of each column that is read; `part_of_rows` says into which part of it new cells fall, and
`write_cells` makes cells that fall into given parts.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from weights.data.encoding import Boolean, Category, ColumnEncoding, Datetime, Encoding, Numeric, codes_of, numbers_of
from weights.data.table.columns import is_missing, moments_of, to_flags
from weights.data.table.moments import describe_time
from weights.types import FloatArray, IntArray

N_PARTS = 20
"""Parts of numbers, of equally many rows where values differ (our choice: twice the tenths that are usual for stability indices)."""
OTHER_LEVEL = "\0other"
"""A level that no column has: what is rare or new is encoded alike."""


class Distribution(msgspec.Struct, frozen=True):
    """How many rows of training have their value in each part of a column.

    Attributes:
        name: of the column.
        edges: of numbers and of moments (seconds) the quantiles at even steps, ascending, equal ones once; a part ends with
            each of them, it included, and one lies beyond. Empty for levels, of which each is a part, and one more holds rare ones.
        counts: rows in each part, and last those whose value is missing.
    """

    name: str
    edges: list[float]
    counts: list[int]

    @property
    def n_rows(self) -> int:
        """Rows of training."""
        return sum(self.counts)


class Cells(NamedTuple):
    """Cells of a column beside its distribution.

    Attributes:
        values: numbers, seconds, or numbers of levels, shape (n,); NaN where missing.
        parts: in which they fall, shape (n,); missing ones in the last.
        n_outside: below the least or above the largest value of training, or of a level that training hardly or never held.
    """

    values: FloatArray
    parts: IntArray
    n_outside: int


def summarise(encoding: Encoding, table: pa.Table) -> list[Distribution]:
    """The distribution of each column over the rows of training; columns of other kinds than cells have none."""
    return [_summarise(column, table[column.name]) for column in encoding.columns]


def part_of_rows(distribution: Distribution, column: ColumnEncoding, raw: pa.ChunkedArray) -> Cells:
    """New cells beside the distribution of their column."""
    values, edges, labels = _FORMS[type(column)].read(column, raw), np.asarray(distribution.edges), labels_of(column)
    absent = np.isnan(values)
    if labels:
        parts, outside = values, np.isin(values, [i for i, label in enumerate(labels) if label == OTHER_LEVEL])
    else:
        parts, outside = np.searchsorted(edges, values, side="left"), ~((values >= edges[:1].sum()) & (values <= edges[-1:].sum()))
    parts = np.where(absent, len(distribution.counts) - 1, parts).astype(int)
    return Cells(values, parts, int(np.count_nonzero(outside & ~absent)))


def read_values(column: ColumnEncoding, raw: pa.ChunkedArray) -> FloatArray:
    """Cells as numbers, seconds, or numbers of levels, shape (n,); NaN where missing."""
    return _FORMS[type(column)].read(column, raw)


def write_cells(distribution: Distribution, column: ColumnEncoding, parts: IntArray, rng: np.random.Generator) -> pa.ChunkedArray:
    """Cells that fall into these parts (n,), numbers drawn evenly between their bounds: whole ones where all bounds are."""
    edges = np.asarray(distribution.edges)
    values = parts.astype(float)
    if len(edges):
        bounds = np.concatenate([edges[:1], edges, edges[-1:]])
        low, high = bounds[parts.clip(max=len(edges))], bounds[(parts + 1).clip(max=len(edges) + 1)]
        values = high - (high - low) * rng.random(len(parts))
        values = np.ceil(values) if (edges == np.floor(edges)).all() else values
    absent = parts == len(distribution.counts) - 1
    return pa.chunked_array([_FORMS[type(column)].write(column, np.where(absent, np.nan, values))])


def labels_of(column: ColumnEncoding) -> list[str]:
    """The levels of a column, one for each part, the rare ones last; empty where its values are numbers or moments."""
    return _FORMS[type(column)].labels(column)


def describe_value(column: ColumnEncoding, value: float) -> str:
    """A value of a column as people know it."""
    return _FORMS[type(column)].show(column, value)


def median_of(distribution: Distribution) -> float | None:
    """The median of the values that are there, or the edge above it; None for levels, or where there are none."""
    counts = np.cumsum(distribution.counts[:-1])
    if not distribution.edges or not counts[-1]:
        return None
    return distribution.edges[int(np.searchsorted(counts, counts[-1] / 2))]


def _summarise(column: ColumnEncoding, raw: pa.ChunkedArray) -> Distribution:
    values, n_levels = _FORMS[type(column)].read(column, raw), len(labels_of(column))
    known = np.sort(values[~np.isnan(values)])
    places = -(-np.arange(N_PARTS + 1) * len(known) // N_PARTS) - 1  # in whole numbers, which no rounding moves
    edges = known[:0] if n_levels or not len(known) else np.unique(known[places.clip(min=0)])
    parts = known.astype(int) if n_levels else np.searchsorted(edges, known, side="left")
    counts = np.bincount(parts, minlength=n_levels or len(edges) + 1)
    return Distribution(column.name, edges.tolist(), [*counts.tolist(), len(values) - len(known)])


class _Form(NamedTuple):
    """How cells of a type of column are read as numbers and written, its levels, and how a value is shown."""

    read: Callable[[Any, pa.ChunkedArray], FloatArray]
    write: Callable[[Any, FloatArray], pa.Array]
    labels: Callable[[Any], list[str]] = lambda column: []
    show: Callable[[Any, float], str] = lambda column, value: f"{value:.4g}"


def _finite(values: FloatArray) -> FloatArray:
    return np.nan_to_num(values, nan=np.nan, posinf=np.finfo(float).max, neginf=np.finfo(float).min)


def _read_flags(column: Boolean, raw: pa.ChunkedArray) -> FloatArray:
    return (to_flags(raw, column.name) + 1) / 2


def _read_levels(column: Category, raw: pa.ChunkedArray) -> FloatArray:
    codes = codes_of(column, raw).astype(float)
    return np.where(is_missing(raw), np.nan, np.where(codes < 0, len(column.levels), codes))


def _numbers(values: FloatArray) -> pa.Array:
    return pa.array(values, mask=np.isnan(values))


def _write_levels(column: Category, values: FloatArray) -> pa.Array:
    labels = [*column.levels, OTHER_LEVEL]
    return pa.array([None if np.isnan(value) else labels[int(value)] for value in values], pa.string())


def _show_moment(column: Datetime, seconds: float) -> str:
    if time := describe_time(seconds, column.time_format):
        return time
    try:
        return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%d")
    except (OverflowError, ValueError, OSError):
        return f"{seconds:.4g}"


_FORMS: dict[type, _Form] = {
    Numeric: _Form(
        lambda column, raw: _finite(numbers_of(column, raw)),
        lambda column, values: (moments_of if column.of_moments else _numbers)(values),
    ),
    Boolean: _Form(_read_flags, lambda column, values: pa.array(values == 1, mask=np.isnan(values)), lambda flag: [flag.no, flag.yes]),
    Category: _Form(_read_levels, _write_levels, lambda column: [*column.levels, OTHER_LEVEL]),
    Datetime: _Form(
        lambda column, raw: _finite(numbers_of(column, raw)),
        lambda column, values: (moments_of if column.of_moments else _numbers)(values),
        show=_show_moment,
    ),
}
