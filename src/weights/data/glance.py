"""What a column holds, at a glance: missing cells, range and quartiles or levels, an example, and values that look like none.

`look_at` makes a `Glance`. What it calls suspicious is nothing that is repaired: it is for people to look at.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weights.data.distributions import describe_value, read_values
from weights.data.encoding import fit_encoding
from weights.data.table.columns import NO_VALUE, as_text, is_missing, is_supported
from weights.data.table.sentinels import describe_sentinel, find_ends
from weights.errors import abridged
from weights.types import FloatArray

MOST_LEVELS = 20
"""Levels that a glance keeps, the most frequent (our choice)."""
_ORDERED, _LEVELS = ("numeric", "datetime"), ("category", "boolean")
_FEWEST_DIFFERENT = 10
"""Different numbers below which none is called suspicious: a scale of few steps has ends (our choice)."""
_LEAST_OF_MEDIAN = 0.1
"""Zeros are suspicious where all other numbers are above this part of their median (our choice)."""
Show = Callable[[float], str]


class Level(msgspec.Struct, frozen=True):
    """A level of a column, and how many rows have it."""

    label: str
    n_rows: int


class Glance(msgspec.Struct, frozen=True):
    """What a column holds.

    Attributes:
        name: of the column.
        n_missing: cells without a value. n_distinct: different values among the others.
        example: the first value, as it stands in the table; None where there is none.
        quartiles: of numbers and moments, in words: the least, the lower quartile, the median, the upper quartile, the largest; else empty.
        levels: of words and flags the most frequent, else empty.
        suspicious: what to look at, in sentences.
    """

    name: str
    n_missing: int
    n_distinct: int
    example: str | None = None
    quartiles: list[str] = []
    levels: list[Level] = []
    suspicious: list[str] = []


def look_at(table: pa.Table, name: str, kind: str, *, note: str = "", kept: Collection[str] = ()) -> Glance:
    """A glance at a column that is read as this kind; of kinds that are no cells of a table only what is missing.

    Args:
        table: the rows.
        name: of the column.
        kind: of the column.
        note: what else is said of it, and not once more.
        kept: words that are levels, although others mean "no value" by them.

    Example:
        >>> look_at(pa.table({"age": [34.0, 51.0, None, 47.0]}), "age", "numeric").quartiles
        ['34', '40.5', '47', '49', '51']
    """
    raw = table[name]
    if not is_supported(raw.type):
        return Glance(name, raw.null_count, 0)
    missing = np.asarray(is_missing(raw))
    known = raw.filter(pa.array(~missing))
    if not len(known):
        return Glance(name, int(missing.sum()), 0)
    words = as_text(known)
    counts = pc.value_counts(words)
    glance = Glance(name, int(missing.sum()), len(counts), abridged(words[0].as_py(), 40))
    if kind in _ORDERED:
        column = fit_encoding(table, {name: kind}).columns[0]
        values = read_values(column, raw)
        values = values[np.abs(values) < np.finfo(float).max]

        def show(value: float) -> str:
            return describe_value(column, value) if kind == "datetime" else _in_digits(value)

        if not len(values):
            return glance
        with np.errstate(over="ignore", invalid="ignore"):  # numbers may be as far apart as doubles reach
            quartiles = [show(value) for value in np.quantile(values, [0, 0.25, 0.5, 0.75, 1]).tolist()]
            code = describe_sentinel(values, moments=kind == "datetime")
            ends = [] if code and code in note else _suspicious_end(values, show)
            if kind == "numeric":
                ends += _suspicious_zeros(values)
        return msgspec.structs.replace(glance, quartiles=quartiles, suspicious=ends)
    if kind in _LEVELS:
        pairs = zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True)
        levels = sorted((Level(label, count) for label, count in pairs), key=lambda level: -level.n_rows)
        said = _suspicious_words([level for level in levels if level.label not in kept])
        return msgspec.structs.replace(glance, levels=levels[:MOST_LEVELS], suspicious=said)
    return glance


def _suspicious_end(values: FloatArray, show: Show) -> list[str]:
    """The least or the largest value, where several rows have it and all others lie together, farther from it than they reach."""
    return [
        f"{show(end)} in {_rows(n)}, far from all others: a code for no value?"
        for end, n, gap, others in find_ends(values)
        if n > 1 and gap > np.ptp(others) and len(np.unique(others)) >= _FEWEST_DIFFERENT
    ]


def _suspicious_zeros(values: FloatArray) -> list[str]:
    """Zeros, where all others are well above."""
    n, others = int((values == 0).sum()), values[values != 0]
    if n < 2 or len(np.unique(others)) < 2 * _FEWEST_DIFFERENT or others.min() <= _LEAST_OF_MEDIAN * np.median(others):
        return []
    return [f"0 in {_rows(n)}, and the least of all others is {_in_digits(others.min())}: a zero, or no value?"]


def _suspicious_words(levels: list[Level]) -> list[str]:
    """Words that look like no value."""
    empty = [level for level in levels if NO_VALUE.fullmatch(level.label.strip())]
    return [f"'{level.label}' in {_rows(level.n_rows)}: no value? (--missing '{level.label}')" for level in empty]


def _rows(n: int) -> str:
    return f"{n:,} row{'s' if n != 1 else ''}"


def _in_digits(value: float) -> str:
    """A number in four digits; in all before the point where there are more."""
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"
