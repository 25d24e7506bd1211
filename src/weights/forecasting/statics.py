"""Static columns: what is the same at all moments of a series and differs between series, such as the size of a shop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weights.data.table.columns import find_kind, to_levels, to_numbers
from weights.errors import DataError, listed, printable
from weights.types import BoolArray, FloatArray, IntArray

_MOST_LEVELS = 20
"""Of a column of words: more of them name series rather than what they have in common (our choice)."""


class Statics(NamedTuple):
    """Static columns.

    Attributes:
        names: of the columns.
        traits: of each series by its label, numbers in deviations from their mean, levels of words as zeros and ones, shape (q,).
    """

    names: tuple[str, ...] = ()
    traits: Mapping[str, FloatArray] = {}

    def of(self, labels: Sequence[str]) -> FloatArray:
        """The traits of some series, shape (S, q)."""
        return np.stack([self.traits.get(label, np.zeros(0)) for label in labels])


def find_statics(table: pa.Table, series: str | None, names: Sequence[str]) -> Statics:
    """Those of some columns that are static.

    Args:
        table: with these columns.
        series: the column that tells series apart; without one nothing is static.
        names: of the columns that are asked.
    """
    if series is None or series not in table.column_names:  # the latter is refused where it is read
        return Statics()
    codes, labels = to_levels(table[series])
    first = pa.array(codes == codes.max(initial=0))  # of one series alone, so that most columns are not looked at whole
    plain = [name for name in names if not (pa.types.is_nested(table[name].type) or pa.types.is_null(table[name].type))]
    asked = [name for name in plain if pc.count_distinct(table[name].filter(first)).as_py() <= 1]
    columns: dict[str, FloatArray] = {}
    for name in asked:
        row = _find_rows(table[name], codes, len(labels))
        traits = None if row is None else _describe(table[name].take(pa.array(np.maximum(row, 0))), row >= 0, name)
        if traits is not None:
            columns[name] = traits
    whole = np.concatenate([*columns.values()], axis=1) if columns else np.zeros((0, 0))
    return Statics(tuple(columns), dict(zip(labels, whole, strict=False)))


def describe_statics(statics: Statics, *, tried: bool, used: bool) -> list[str]:
    """What becomes of static columns, where a network was tried, or is used, in words."""
    if not statics.names:
        return []
    named = listed([printable(name) for name in statics.names], 5)
    none = "did not help" if tried else "is not tried of fewer than 20 series, nor beside columns known up to the origin"
    said = "is read by the network" if used else f"tells series apart, which a network reads; one {none}"
    return [f"what is the same at all moments of a series ({named}) {said}"]


def _find_rows(column: pa.ChunkedArray, codes: IntArray, n_series: int) -> IntArray | None:
    """A row of each series that has a value, shape (S,), -1 without one; None if values differ within a series, or nowhere."""
    levels = to_levels(column)[0]
    there = np.flatnonzero((levels >= 0) & (codes >= 0))
    row = np.full(n_series, -1)
    row[codes[there]] = there
    same = bool((levels[there] == levels[row[codes[there]]]).all())
    return row if same and len(np.unique(levels[row[row >= 0]])) > 1 else None


def _describe(cells: pa.ChunkedArray, there: BoolArray, name: str) -> FloatArray | None:
    """The cells of series as numbers, shape (S, any), zero where there is none; None if they have too many levels."""
    if find_kind(cells, name).kind in ("numeric", "boolean"):
        try:
            values = to_numbers(cells, name)
        except DataError:
            return None
        known = values[there]
        return np.where(there, (values - known.mean()) / max(float(known.std()), np.finfo(float).tiny), 0.0)[:, None]
    levels, labels = to_levels(cells)
    if len(labels) > _MOST_LEVELS:
        return None
    return np.asarray((levels[:, None] == np.arange(len(labels))) & there[:, None], float)
