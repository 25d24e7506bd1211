"""What rows hold that those of training did not prepare for: `unfamiliar`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

import numpy as np
import pyarrow as pa

from weights.data.encoding import Category, ColumnEncoding, Datetime, Encoding, Numeric, codes_of, numbers_of
from weights.data.inputs import Inputs
from weights.data.registry import kind_of
from weights.data.table.columns import is_missing
from weights.data.table.moments import describe_time
from weights.data.table.rownumbers import kept_numbers, renumbered
from weights.types import BoolArray

_MARGIN = 0.05
"""Share of the range of training by which numbers must lie outside it (our choice): of many like rows a few always lie just outside."""

_SIDES = ("below", "above")

Limits = Mapping[str, tuple[float, float]]
"""By the name of a column the numbers below and above which linear members count it as its median."""
NO_LIMITS: Limits = MappingProxyType({})


def unfamiliar(
    encoding: Encoding, table: pa.Table, *, inputs: Inputs | None = None, limits: Limits = NO_LIMITS, least_share: float = 0.0
) -> list[str]:
    """Sentences about cells that the training rows did not prepare for: new levels, values they never lacked, numbers beyond theirs.

    Args:
        encoding: from `fit_encoding`.
        table: rows that `apply_encoding` accepts.
        inputs: the same rows encoded, where they are.
        limits: of the columns that have some, see `Ensemble.limits`.
        least_share: of the rows that a sentence must be about.
    """
    sentences, numbers = [], kept_numbers(table)
    for column in encoding.columns:
        raw = table[column.name]
        for which, what in _ways(column, raw, limits.get(column.name, (-np.inf, np.inf))):
            if which.any() and which.mean() >= least_share:
                said = f"'{column.name}': {which.sum():,} of {len(which):,} rows {what(int(np.argmax(which)))}"
                sentences.append(renumbered(said, numbers))
    for block in encoding.blocks:
        if (kind := kind_of(block)).strange is not None:
            is_alone = [own.block for own in encoding.kinds].count(kind.block) == 1
            encoded = inputs[kind.block] if inputs is not None and is_alone else None
            which, said = kind.strange(block, table[block.name], encoded)
            if which.any() and which.mean() >= least_share:
                first = f"(first: row {int(np.argmax(which)) + 1})"
                sentences.append(renumbered(f"'{block.name}': {which.sum():,} of {len(which):,} rows {said} {first}", numbers))
    return sentences


def _ways(column: ColumnEncoding, raw: pa.ChunkedArray, limits: tuple[float, float]) -> Iterator[tuple[BoolArray, Callable[[int], str]]]:
    """In each way in which cells can be unfamiliar which are, shape (n,), and what is said of them, from the place of the first."""
    absent = is_missing(raw)
    if isinstance(column, Category):
        rarely = "hardly or not" if column.rare else "not"
        new = (codes_of(column, raw) < 0) & ~absent
        yield new, lambda first: f"hold a level that training had {rarely} seen (first: row {first + 1}, '{raw[first].as_py()}')"
    if isinstance(column, Numeric | Datetime) and column.low is not None and column.high is not None:
        values, margin = numbers_of(column, raw), _MARGIN * (column.high - column.low)
        low, high = values < limits[0], values > limits[1]
        beyond = ((values < column.low - margin) | (values > column.high + margin)) & ~low & ~high
        past = [f"{side} {show_value(column, end)}" for side, end, rows in zip(_SIDES, limits, (low, high), strict=True) if rows.any()]
        yield (
            low | high,
            lambda first: (
                f"lie {' or '.join(past)} (first: row {first + 1}, {show_value(column, float(values[first]))}), "
                "where linear members count them as the median"
            ),
        )
        least, largest = (show_value(column, value) for value in (column.low, column.high))
        yield (
            beyond,
            lambda first: (
                f"lie outside the range of training, {least} to {largest} (first: row {first + 1}, "
                f"{show_value(column, float(values[first]))}); what is answered there is extrapolated"
            ),
        )
    if not column.missing:
        yield absent, lambda first: "have no value, which no training row lacked"


def show_value(column: Numeric | Datetime, value: float) -> str:
    """A number in a few digits, a moment as a date."""
    if isinstance(column, Numeric) or not np.isfinite(value):
        return f"{value:.6g}"
    if time := describe_time(value, column.time_format):
        return time
    return str(np.datetime64(0, "s") + np.timedelta64(int(value), "s")).replace("T00:00:00", "")
