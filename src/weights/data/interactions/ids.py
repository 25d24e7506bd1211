"""The ids of users or items, exactly as they came: whole numbers of any size, or text."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weights.data.table.columns import as_text
from weights.types import AnyArray, IntArray

_FEW = 100
"""Ids that are looked up one by one: a table of all is made once for these, and anew for others."""
_LARGEST_SAFE = float(1 << 53)
"""Up to which whole numbers that came as decimals are exact."""


@dataclass(frozen=True, eq=False)
class Ids:
    """Ids, each once; a user or an item is known by its place here.

    Attributes:
        values: whole numbers (int64) or text, which keeps its blanks and its case; in ascending order, as `collect_ids` finds them.
    """

    values: pa.Array

    def __len__(self) -> int:
        return len(self.values)

    @property
    def numbered(self) -> bool:
        """Whether they are whole numbers."""
        return bool(pa.types.is_int64(self.values.type))

    def take(self, places: AnyArray) -> pa.Array:
        """The ids at some places."""
        return self.values.take(pa.array(places))

    def followed_by(self, more: Ids) -> Ids:
        """These, and others behind them, as text where one of both is."""
        kind = self.values.type if self.values.type == more.values.type else pa.string()
        return Ids(pa.concat_arrays([pc.cast(own.values, kind) for own in (self, more)]))

    def show(self, place: int) -> str:
        """One id as text."""
        return str(self.values[place].as_py())

    def find(self, asked: pa.Array | pa.ChunkedArray | Sequence[Any]) -> IntArray:
        """The places of ids, shape (n,); -1 of those that are not known.

        Example:
            >>> ids = Ids(pa.array([5, 9]))
            >>> ids.find([9, 7, "5"])
            array([ 1, -1,  0])
        """
        if isinstance(asked, pa.Array | pa.ChunkedArray):
            alike = self._alike(asked)
            if len(alike) <= _FEW:
                return np.asarray([self._places.get(one, -1) for one in alike.to_pylist()], np.int64)
            return np.asarray(pc.fill_null(pc.index_in(alike, self.values), -1)).astype(np.int64)
        return np.asarray([self._places.get(self._read(one), -1) for one in asked], np.int64)

    def like(self, asked: Sequence[Any]) -> Ids:
        """Ids that may not be known, in the order in which they came: in the type of those that are known, or else as text."""
        read = [self._read(one) for one in asked]
        return Ids(pa.array([str(one) for one in asked] if None in read else read, pa.string() if None in read else self.values.type))

    @functools.cached_property
    def _places(self) -> dict[Any, int]:
        return {value: place for place, value in enumerate(self.values.to_pylist())}

    def _read(self, one: Any) -> Any:
        """An id in the type of those that are known; None where it cannot be one."""
        if isinstance(one, np.generic):
            one = one.item()
        if not self.numbered:
            return one if isinstance(one, str) else str(one)
        try:
            return int(one) if not isinstance(one, float) or one.is_integer() else None
        except (TypeError, ValueError):
            return None

    def _alike(self, asked: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
        """Ids in the type of those that are known; null where they cannot be."""
        asked = read_ids(asked)
        if asked.type == self.values.type:
            return asked
        if not self.numbered:
            return pc.cast(asked, pa.string())
        digits = pc.match_substring_regex(asked, r"^[+-]?[0-9]{1,18}$")
        return pc.cast(pc.if_else(digits, asked, pa.scalar(None, pa.string())), pa.int64())


def read_ids(column: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    """The cells of a column as ids: whole numbers where all are, text exactly as it is written otherwise.

    Decimals that are all whole, as frames write whole numbers with gaps, are whole numbers.
    """
    column = column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])
    kind = column.type
    if pa.types.is_integer(kind) and (not pa.types.is_uint64(kind) or (pc.max(column).as_py() or 0) < 1 << 63):
        return pc.cast(column, pa.int64())
    if pa.types.is_floating(kind):
        whole = pc.if_else(pc.is_nan(column), pa.scalar(None, kind), column)
        extent = pc.max(pc.abs(whole)).as_py() or 0.0
        if extent < _LARGEST_SAFE and pc.all(pc.equal(whole, pc.floor(whole))).as_py() is not False:
            return pc.cast(whole, pa.int64())
        return pc.cast(as_text(whole), pa.string())
    text = column if pa.types.is_string(kind) or pa.types.is_large_string(kind) else as_text(column)
    return pc.cast(text, pa.string())


def collect_ids(*columns: pa.ChunkedArray) -> Ids:
    """The different ids of columns, in ascending order; of columns of different types as text.

    Example:
        >>> collect_ids(pa.chunked_array([[3, 1, 3]])).values.to_pylist()
        [1, 3]
    """
    read = [read_ids(column) for column in columns]
    if len({column.type for column in read}) > 1:
        read = [pc.cast(column, pa.string()) for column in read]
    values = pc.unique(pa.chunked_array([chunk for column in read for chunk in column.chunks], read[0].type)).drop_null()
    return Ids(values.take(pc.sort_indices(values)))
