"""Columns of words that are known beforehand, such as names of holidays, as zeros and ones: a column for each level but the commonest.

An empty cell is a level of its own, such as a day without a holiday. `find_levels` says which levels there are, `spread_levels` lays
them out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weights.data.table.columns import as_text, find_kind, is_number
from weights.data.table.notation import find_numbers
from weights.errors import DataError, NotFoundError, abridged, counted, listed, printable, suggest

_MOST_LEVELS, _MOST_NAMED, _MOST_TRIED = 50, 5, 100
"""Levels that a column may have: each takes a column of its own (our choice)."""
_NONE = "none"
"""What an empty cell is called."""

Levels = Mapping[str, tuple[str, ...]]
"""The levels of columns of words by the name of the column, the commonest first, which has no column of zeros and ones."""


def find_levels(table: pa.Table, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The levels of those of some columns that hold words.

    Args:
        table: with these columns.
        names: of columns that are known beforehand.

    Raises:
        DataError: a column has too many levels.
    """
    levels = {}
    for name in names:
        if _holds_words(table[name], name):
            counts = Counter(_cells(table[name]))
            if len(counts) > _MOST_LEVELS:
                raise DataError(
                    f"A column of words that is known beforehand may have {_MOST_LEVELS} levels, but '{printable(name)}' has "
                    f"{len(counts):,}, such as {listed([printable(abridged(level, 30)) for level in sorted(counts)], 3)}. Put rare ones "
                    "together, or repair cells that are to be numbers."
                )
            if len(counts) > 1:
                levels[name] = tuple(sorted(counts, key=lambda level: (-counts[level], level)))
    return levels


def spread_levels(table: pa.Table, levels: Levels) -> tuple[pa.Table, list[str]]:
    """The table with columns of zeros and ones in place of columns of words, and sentences about levels that were not there before.

    Raises:
        NotFoundError: a column is not there.
    """
    notes = []
    for name, (commonest, *others) in levels.items():
        if name not in table.column_names:
            raise NotFoundError(
                f"The rows have no column '{printable(name)}', which is known beforehand. {suggest(name, table.column_names)}"
            )
        cells = np.asarray(_cells(table[name]), object)
        table = table.drop_columns([name])
        for column, level in zip(name_columns_of({name: (commonest, *others)}), others, strict=True):
            table = table.append_column(column, pa.array((cells == level).astype(float)))
        if strange := Counter(cell for cell in cells.tolist() if cell not in {commonest, *others}):
            named = listed([f"'{printable(level)}'" for level in sorted(strange)], _MOST_NAMED)
            cell = counted(strange.total(), "cell")
            notes.append(f"{cell} of '{printable(name)}' not seen when it learned ({named}), counted as '{printable(commonest)}'")
    return table, notes


def name_columns_of(levels: Levels) -> list[str]:
    """What the columns of zeros and ones are called.

    Example:
        >>> name_columns_of({"promotion": ("no", "yes")})
        ['promotion: yes']
    """
    return [f"{name}: {level}" for name, (_, *others) in levels.items() for level in others]


def describe_levels(levels: Levels) -> list[str]:
    """Sentences that say how columns of words are read."""
    return [
        f"'{printable(name)}' holds words: {listed([printable(level) for level in others], _MOST_NAMED)} beside '{printable(commonest)}'"
        for name, (commonest, *others) in levels.items()
    ]


def _holds_words(column: pa.ChunkedArray, name: str) -> bool:
    """Whether a column holds words: not numbers, of which a few cells may be errors, nor dates or truth."""
    if is_number(column.type) or pa.types.is_boolean(column.type) or pa.types.is_null(column.type):
        return False
    if find_kind(column, name).kind == "datetime":
        return False
    distinct = pc.unique(as_text(column)).drop_null().to_pylist()[:_MOST_TRIED]
    numbers = sum(find_numbers(pa.chunked_array([[cell]], pa.string())) is not None for cell in distinct)
    return 2 * numbers < len(distinct)


def _cells(column: pa.ChunkedArray) -> list[str]:
    return [_NONE if cell is None else cell for cell in as_text(column).to_pylist()]
