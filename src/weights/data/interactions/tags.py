"""Features of users or items as tags: each level, part of a list, word, or range of a number is one that a row has or has not.

Tags stand among what users did: a tag of an item is as a user who turned to all items that have it, and a tag of a user as an item that all
these turned to. So every model that learns from interactions learns from features, and answers users and items that have nothing else.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import numpy as np
import pyarrow as pa
import scipy.sparse

from weights.data.table.columns import as_text, find_kind, to_numbers, words_among_numbers
from weights.errors import printable
from weights.types import IntArray

_SEPARATORS = ("|", ";", ",")
_MOST_LEVELS, _MOST_WORDS, _N_RANGES = 500, 2_000, 8
_FEWEST = 2
"""Rows that a tag has at least, as of one row it tells nothing of others (our choice)."""
_MOST_ALIKE = 0.95
"""Share of rows beyond which a tag tells nothing (our choice)."""
_LISTED = 0.2
"""Share of cells with a separator from which a column holds lists (our choice)."""
_WORD = re.compile(r"\w[\w'-]+")


class TagColumn(msgspec.Struct, frozen=True):
    """How the cells of a column become tags.

    Attributes:
        name: of the column.
        kind: levels (of lists, if a separator parts them), words or ranges.
        separator: of lists; empty where a cell is one level.
        values: the levels or words that are tags; of ranges, words that stand among the numbers and mean none.
        edges: between the ranges, ascending.
    """

    name: str
    kind: Literal["levels", "words", "ranges"]
    separator: str = ""
    values: list[str] = []
    edges: list[float] = []

    @property
    def names(self) -> list[str]:
        """What its tags are called."""
        if self.kind != "ranges":
            return [f"{self.name} {value}" for value in self.values]
        if not self.edges:
            return []
        inner = [f"{self.name} {low:g} to {high:g}" for low, high in zip(self.edges, self.edges[1:], strict=False)]
        return [f"{self.name} below {self.edges[0]:g}", *inner, f"{self.name} {self.edges[-1]:g} or more"]


def name_tags(columns: Sequence[TagColumn]) -> list[str]:
    """What the tags of columns are called, one column after the other."""
    return [name for column in columns for name in column.names]


def take_tags(tags: Any, places: IntArray) -> Any:
    """The tags of those at some places, none of those that are not known (-1), sparse, shape (n, tags); None where there are none."""
    if tags is None:
        return None
    there = np.flatnonzero(places >= 0)
    chosen = scipy.sparse.csr_matrix((np.ones(len(there)), (there, places[there])), (len(places), tags.shape[0]))
    return (chosen @ tags).tocsr()


def with_ones(tags: Any, n: int) -> scipy.sparse.csr_matrix:
    """A one and the tags of n rows, sparse, shape (n, tags + 1); ones alone where there are none."""
    ones = scipy.sparse.csr_matrix(np.ones((n, 1)))
    return ones if tags is None else scipy.sparse.hstack([ones, tags], format="csr")


def fit_tags(table: pa.Table, columns: Sequence[str]) -> tuple[list[TagColumn], list[str]]:
    """How columns become tags, and the names of those that give none.

    Example:
        >>> table = pa.table({"genres": ["war|drama", "drama", "war"], "year": [1990, 1991, 1999]})
        >>> fit_tags(table, ["genres"])[0][0].values
        ['drama', 'war']
    """
    fitted = [_fit_column(table[name], name) for name in columns]
    return [column for column in fitted if column.names], [column.name for column in fitted if not column.names]


def _fit_column(column: pa.ChunkedArray, name: str) -> TagColumn:
    kind = find_kind(column, name).kind
    if kind == "numeric":
        unreadable = words_among_numbers(as_text(column)) if pa.types.is_string(column.type) else []
        values = to_numbers(column, name, unreadable)
        values = values[np.isfinite(values)]
        edges = np.unique(np.quantile(values, np.arange(1, _N_RANGES) / _N_RANGES)) if len(values) else np.zeros(0)
        return TagColumn(name, "ranges", values=unreadable, edges=edges[edges > values.min(initial=np.inf)].tolist())
    cells = [cell for cell in as_text(column).to_pylist() if cell is not None]
    separator = next((mark for mark in _SEPARATORS if sum(mark in cell for cell in cells) >= max(_LISTED * len(cells), 1)), "")
    levels = _keep_telling(Counter(level for cell in cells for level in {*_split(cell, separator)}), len(cells), _MOST_LEVELS)
    if levels and sum(len({*_split(cell, separator)} & {*levels}) > 0 for cell in cells) >= len(cells) / 2:
        return TagColumn(name, "levels", separator, levels)
    words = Counter(word for cell in cells for word in {*_find_words(cell)})
    return TagColumn(name, "words", values=_keep_telling(words, len(cells), _MOST_WORDS))


def _split(cell: str, separator: str) -> list[str]:
    return [part.strip() for part in cell.split(separator)] if separator else [cell]


def _find_words(cell: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(cell)]


def _keep_telling(counts: Counter[str], n_rows: int, most: int) -> list[str]:
    """The tags that several rows have, and not nearly all, the most frequent ones, in alphabetical order."""
    telling = [(count, tag) for tag, count in counts.items() if _FEWEST <= count <= _MOST_ALIKE * n_rows]
    return sorted(tag for _, tag in sorted(telling, key=lambda own: (-own[0], own[1]))[:most])


def apply_tags(columns: Sequence[TagColumn], table: pa.Table) -> scipy.sparse.csr_matrix:
    """Which rows have which tags, one or zero, sparse, shape (n, tags)."""
    rows, places, first = [], [], 0
    for column in columns:
        row, place = _find_tags(column, table[column.name])
        rows.append(row)
        places.append(place + first)
        first += len(column.names)
    row, place = (np.concatenate([np.zeros(0, np.int64), *own]) for own in (rows, places))
    return scipy.sparse.csr_matrix((np.ones(len(row)), (row, place)), (table.num_rows, first))


def _find_tags(column: TagColumn, cells: pa.ChunkedArray) -> tuple[IntArray, IntArray]:
    """Rows and places of the tags that they have."""
    if column.kind == "ranges":
        values = to_numbers(cells, column.name, column.values)
        row = np.flatnonzero(np.isfinite(values))
        return row, np.searchsorted(column.edges, values[row], side="right")
    place = {value: k for k, value in enumerate(column.values)}
    found = [
        (row, place[tag])
        for row, cell in enumerate(as_text(cells).to_pylist())
        if cell is not None
        for tag in sorted({*(_find_words(cell) if column.kind == "words" else _split(cell, column.separator))} & place.keys())
    ]
    pairs = np.asarray(found, np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def describe_tags(columns: Sequence[TagColumn], without: Sequence[str], what: str) -> list[str]:
    """What is to be said of features: how many tags they are, and which columns give none."""
    n_tags = len(name_tags(columns))
    said = [f"{n_tags:,} tags of {what} from {', '.join(printable(column.name) for column in columns)}"] if n_tags else []
    return said + ([f"columns of {what} that tell nothing: {', '.join(printable(name) for name in without)}"] if without else [])
