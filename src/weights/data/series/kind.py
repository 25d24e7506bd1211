"""Whole series as a kind of column: a cell is a list of numbers, such as one recording of a sensor; several columns are its channels.

Values are centred and scaled alike in all rows, by the median and the quartiles of training, so that levels and amplitudes stay what tells
rows apart. Lists may differ in length. A value that is missing is read off the line between those beside it; at the ends of a list it is
no part of it. A list without a value is a series of length zero.
"""

from __future__ import annotations

import hashlib
import math
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weights.data.inputs import FARTHEST, Part
from weights.data.kind import BlockEncoding, Kind
from weights.data.memory import check_memory_for
from weights.data.scaling import center_and_scale
from weights.data.table.columns import is_number
from weights.errors import DataError
from weights.types import AnyArray, FloatArray, IntArray

SERIES = "series"
"""The block of series, float32, shape (n, t, channels); NaN behind the end of each."""
_LONGEST = 1 << 20
"""Values that a list may hold (our choice: models read every one of them)."""
_MOST_SCALED = 1 << 22
"""Values from which center and scale are known, evenly drawn from all (our choice)."""


class Series(BlockEncoding, msgspec.Struct, frozen=True, tag_field="kind", tag="series"):
    """Lists of `shortest` to `longest` numbers, those missing at the ends not counted, and what is subtracted and divided by."""

    name: str
    shortest: int
    longest: int
    center: float
    scale: float


class _Lists(NamedTuple):
    """Lists one behind the other: values, NaN where missing, shape (total,), and how many each row has, shape (n,)."""

    values: FloatArray
    lengths: IntArray


def holds_series(field: pa.Field) -> bool:
    """Whether cells are lists of numbers."""
    return _holds_lists(field.type) and is_number(field.type.value_type)


def _holds_lists(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _holds_nothing(kind: pa.DataType) -> bool:
    """Whether there is no value, or there are empty lists alone."""
    return bool(pa.types.is_null(kind) or (_holds_lists(kind) and pa.types.is_null(kind.value_type)))


def _fit(table: pa.Table, name: str) -> Series:
    lists = _without_missing_ends(_read(table[name]))
    if not lists.lengths.any():
        raise DataError(f"Column '{name}' must hold lists of numbers, but none of its {table.num_rows:,} lists holds one. Leave it out.")
    shortest, longest = int(lists.lengths.min()), int(lists.lengths.max())
    if longest > _LONGEST:
        row = int(lists.lengths.argmax()) + 1
        raise DataError(
            f"Lists in column '{name}' must hold {_LONGEST:,} values at most, but row {row} holds {longest:,}. Cut them, or average values."
        )
    center, scale = center_and_scale(lists.values[:: -(-len(lists.values) // _MOST_SCALED)])
    return Series(name, shortest, longest, center, scale)


def _apply(column: Series, table: pa.Table) -> FloatArray:
    """Scaled values, shape (n, t, 1), where t is the longest of training, or twice that where some list is longer.

    So programs for two widths serve all rows, and a later list that is a little longer is read as it is.
    """
    field = table.schema.field(column.name)
    if not holds_series(field) and not _holds_nothing(field.type):
        raise DataError(f"The model needs lists of numbers in '{column.name}', but it holds {field.type}. Give a list a row.")
    lists = _without_missing_ends(_read(table[column.name]))
    longest = int(lists.lengths.max(initial=0))
    if longest > 2 * column.longest:
        row = int(lists.lengths.argmax()) + 1
        raise DataError(
            f"Lists in column '{column.name}' held {column.longest:,} values at most in training, but row {row} holds {longest:,}, more "
            "than twice as many. Cut it to what it was in training, or train on such lists too."
        )
    width = column.longest if longest <= column.longest else 2 * column.longest
    check_memory_for(4.0 * table.num_rows * width, f"A block of {table.num_rows:,} series of up to {width:,} values")
    block = np.full((table.num_rows, width), np.nan, np.float32)
    block[_places(lists.lengths)] = _fill_gaps(_scale(lists.values, column))
    return block[:, :, None]


def _read(column: pa.ChunkedArray) -> _Lists:
    if pa.types.is_null(column.type):
        return _Lists(np.zeros(0), np.zeros(len(column), int))
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy().astype(int)
    return _Lists(pc.cast(pc.list_flatten(column), pa.float64(), safe=False).to_numpy(), lengths)


def _without_missing_ends(lists: _Lists) -> _Lists:
    """The lists from their first to their last value that is there."""
    known = np.flatnonzero(~np.isnan(lists.values))
    if len(known) == len(lists.values):
        return lists
    ends = np.cumsum(lists.lengths)
    first, behind = np.searchsorted(known, ends - lists.lengths), np.searchsorted(known, ends)
    empty, known = first == behind, np.append(known, len(lists.values))
    begins, stops = known[first], np.where(empty, known[first], known[behind - 1] + 1)
    steps = np.bincount(begins[~empty], minlength=len(lists.values) + 1) - np.bincount(stops[~empty], minlength=len(lists.values) + 1)
    return _Lists(lists.values[np.cumsum(steps)[:-1] > 0], stops - begins)


def _places(lengths: IntArray) -> tuple[IntArray, IntArray]:
    """Row and position of each value, each shape (total,)."""
    rows = np.repeat(np.arange(len(lengths)), lengths)
    return rows, np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)


def _scale(values: FloatArray, column: Series) -> FloatArray:
    with np.errstate(over="ignore", invalid="ignore"):
        return np.clip((values - column.center) / column.scale, -FARTHEST, FARTHEST)


def _fill_gaps(values: FloatArray) -> FloatArray:
    """The values with lines over gaps, none of which is at an end of its list."""
    known = np.flatnonzero(~np.isnan(values))
    return values if len(known) == len(values) else np.interp(np.arange(len(values)), known, values[known])


def _hash_values(column: pa.ChunkedArray) -> AnyArray:
    lists = _without_missing_ends(_read(column))
    ends = np.cumsum(lists.lengths)
    bits = np.where(np.isnan(lists.values), np.nan, lists.values + 0.0)
    hashes = [hashlib.blake2b(bits[begin:end].data, digest_size=8).digest() for begin, end in zip(ends - lists.lengths, ends, strict=True)]
    return np.frombuffer(b"".join(hashes), np.uint64)


def _tell_lengths(column: Series, table: pa.Table) -> list[str]:
    lengths = _without_missing_ends(_read(table[column.name])).lengths
    return [f"{length:,} {'value' if length == 1 else 'values'}" for length in lengths]


def _describe(column: Series) -> str:
    lengths = f"{column.longest:,}" if column.shortest == column.longest else f"{column.shortest:,} to {column.longest:,}"
    return f"series of {lengths} values"


def _check(column: Series) -> list[str]:
    wrong = []
    if not 0 <= column.shortest <= column.longest <= _LONGEST or column.longest < 1:
        wrong.append(f"series of column '{column.name}' hold {column.shortest} to {column.longest} values")
    if not (0 < column.scale < math.inf and math.isfinite(column.center)):
        wrong.append(f"the scale of column '{column.name}' is {column.scale}")
    return wrong


WHOLE_SERIES = Kind(
    block=SERIES,
    encoding=Series,
    recognises=holds_series,
    fit=_fit,
    apply=_apply,
    shape=lambda column: (column.longest, 1),
    describe=_describe,
    remark=lambda field: "",
    hash_values=_hash_values,
    check=_check,
    plural="series",
    part=lambda column: Part(1),
    identifies=False,  # short lists are equal by chance, and one column may be the same in all rows
    cells=_tell_lengths,
    example="new-rows.parquet",
    next_steps=lambda classes: ["explain {run} NEW.parquet", "diagnose {run}", "predict {run} NEW.parquet"],
)
