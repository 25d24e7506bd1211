"""Columns that number the rows of a table and say nothing about them: the index of a data frame, saved beside its columns.

In a file sorted by class such a column tells the class. `mark_indices` keeps what the metadata of a table say, and `describe_index` says of
a column why it is such an index.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

_OF_PANDAS = re.compile(r"__index_level_\d+__")
_UNNAMED = re.compile(r"column 1|Unnamed: 0(?:\.\d+)*|Unnamed: 0_level_\d+|\.\.\.1|_c0", re.IGNORECASE)
_NUMBERING = re.compile(r"index|idx|level_0|row[ _.-]?(?:names?|num(?:ber)?|id|index|no|nr)?|id|nr|no\.?|obs|#|s\.?no\.?", re.IGNORECASE)


_SHORTEST_RUN = 5
"""Numbers of fewer rows on average are no counts that begin anew, but small numbers such as flags (our choice)."""


class _PandasMetadata(msgspec.Struct):
    """What pandas says about a table that it saved: names of the columns that were its index, or records of ranges."""

    index_columns: list[str | dict[str, object]] = []


def mark_indices(table: pa.Table, metadata: Mapping[bytes, bytes] | None) -> pa.Table:
    """The table with a mark on each column that metadata, its own or others, call an index; itself if they call none so."""
    try:
        known = msgspec.json.decode((metadata or {}).get(b"pandas", b"{}"), type=_PandasMetadata).index_columns
    except msgspec.DecodeError:
        known = []
    for place, field in enumerate(table.schema):
        if field.name in known:
            table = table.set_column(place, field.with_metadata({**(field.metadata or {}), b"index": b"1"}), table.column(place))
    return table


def describe_index(table: pa.Table, name: str) -> str:
    """Why a column is an index of rows, in words; empty if it is none.

    It is one where metadata say so; where it is the first, has no name and holds different whole numbers (as `DataFrame.to_csv` writes);
    and where it is the first, is called ``index``, ``id``, ``rownames`` or the like, and counts up.

    Example:
        >>> describe_index(pa.table({"Unnamed: 0": [3, 1, 2], "x": [5, 6, 7]}), "Unnamed: 0")
        'an index of rows: first column, without a name, all different'
    """
    if b"index" in (table.field(name).metadata or {}) or _OF_PANDAS.fullmatch(name):
        return "the index of the frame that was saved"
    place, column = table.schema.get_field_index(name), table[name]
    before = table.column_names[:place]
    if any(not (_UNNAMED.fullmatch(other) or _OF_PANDAS.fullmatch(other)) for other in before) or not pa.types.is_integer(column.type):
        return ""
    if column.null_count or len(column) < 2:
        return ""
    if "column 2" in table.column_names and name == "column 1":  # a file without names
        return "an index of rows: first column, counts up by one" if pc.all(_steps_by_one(column)).as_py() else ""
    if _UNNAMED.fullmatch(name) and pc.count_distinct(column).as_py() == len(column):
        return "an index of rows: first column, without a name, all different"
    if _UNNAMED.fullmatch(name) and _counts_again(column):
        return "an index of rows: first column, without a name, counts up again and again"
    return "an index of rows: counts up" if _NUMBERING.fullmatch(name.strip()) and pc.all(_larger(column)).as_py() else ""


def _steps_by_one(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whether each number but the first is by one larger than the one before."""
    return pc.equal(pc.subtract(column[1:], column[:-1]), 1)


def _larger(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whether each number but the first is larger than the one before."""
    return pc.greater(column[1:], column[:-1])


def _counts_again(column: pa.ChunkedArray) -> bool:
    """Whether numbers count up and begin anew a few times, as the indices of frames put one behind the other do."""
    n_runs = 1 + pc.sum(pc.cast(pc.invert(_larger(column)), pa.int64())).as_py()
    steps = pc.or_(_steps_by_one(column), pc.equal(column[1:], column[0]))
    return bool(pc.all(steps).as_py()) and column[0].as_py() in (0, 1) and len(column) >= _SHORTEST_RUN * n_runs
