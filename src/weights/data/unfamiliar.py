"""What rows hold that those of training did not prepare for: `unfamiliar`."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from weights.data.encoding import Category, Datetime, Encoding, Numeric, numbers_of
from weights.data.table.columns import is_missing, level_codes

_MARGIN = 0.05
"""Share of the range of training by which numbers must lie outside it (our choice): of many like rows a few always lie just outside."""


def unfamiliar(encoding: Encoding, table: pa.Table) -> list[str]:
    """Sentences about cells that the training rows did not prepare for: new levels, values they never lacked, numbers beyond theirs.

    Args:
        encoding: from `fit_encoding`.
        table: rows that `apply_encoding` accepts.
    """
    sentences = []
    for column in encoding.columns:
        raw = table[column.name]
        absent = is_missing(raw)
        if isinstance(column, Category):
            new = (level_codes(raw, column.levels) < 0) & ~absent
            if new.any():
                first = int(np.argmax(new))
                rarely = "hardly or not" if column.rare else "not"
                sentences.append(
                    f"'{column.name}': {new.sum():,} of {len(new):,} rows hold a level that training had {rarely} seen "
                    f"(first: row {first + 1}, '{raw[first].as_py()}')"
                )
        if isinstance(column, Numeric | Datetime):
            sentences += _beyond_training(column, raw)
        if absent.any() and not column.missing:
            sentences.append(f"'{column.name}': {absent.sum():,} of {len(absent):,} rows have no value, which no training row lacked")
    return sentences


def _beyond_training(column: Numeric | Datetime, raw: pa.ChunkedArray) -> list[str]:
    """A sentence about numbers clearly below the least or above the largest of training, if there are some."""
    values, low, high = numbers_of(column, raw), column.low, column.high
    if low is None or high is None:
        return []
    margin = _MARGIN * (high - low)
    beyond = (values < low - margin) | (values > high + margin)
    if not beyond.any():
        return []
    least, largest = (show_value(column, value) for value in (low, high))
    first = int(np.argmax(beyond))
    return [
        f"'{column.name}': {beyond.sum():,} of {len(beyond):,} rows lie outside the range of training, {least} to {largest} "
        f"(first: row {first + 1}, {show_value(column, float(values[first]))}); what is answered there is extrapolated"
    ]


def show_value(column: Numeric | Datetime, value: float) -> str:
    """A number in a few digits, a moment as a date."""
    if isinstance(column, Numeric) or not np.isfinite(value):
        return f"{value:.6g}"
    return str(np.datetime64(0, "s") + np.timedelta64(int(value), "s")).replace("T00:00:00", "")
