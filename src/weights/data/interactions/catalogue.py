"""A table of items, or of users: which there are beside those that have events, what people call them, and their features as tags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weights.data.interactions.ids import Ids, collect_ids, read_ids
from weights.data.interactions.tags import TagColumn, apply_tags, describe_tags, fit_tags, take_tags
from weights.data.table.columns import as_text
from weights.data.table.delimited import remarks_of
from weights.data.table.read import describe_source, read_table
from weights.errors import DataError, NotFoundError, counted, printable, suggest
from weights.types import IntArray

_MOST_REPEATED = 0.1
"""Share of items that may have the name of another, where a column holds names (our choice)."""


class Catalogue(NamedTuple):
    """The items or users there are.

    Attributes:
        ids: of them, also of those that only events name.
        names: what people call them, length m; empty where no column says.
        columns: how features become tags. tags: which has which, sparse, shape (m, tags); None where there are none.
        remarks: what is to be said of the table.
    """

    ids: Ids
    names: list[str]
    columns: list[TagColumn]
    tags: Any
    remarks: list[str]


def read_catalogue(source: Any, key: str, known: Ids, what: str, *, missing: tuple[str, ...] = ()) -> Catalogue:
    """The items or users of a table, with those that are known from events.

    Args:
        source: the table, as `read_table` takes it, a row for each; None where there is none.
        key: the column of ids.
        known: the ids that have events.
        what: items or users.
        missing: further words that mean "no value".

    Raises:
        NotFoundError: there is no such table or column. DataError: an id stands in several rows.
    """
    if source is None:
        return Catalogue(known, [], [], None, [])
    table, keys = _read_keys(source, key, what, missing)
    ids = collect_ids(known.values, keys)
    rows = _find_rows(keys, ids)
    columns, without = fit_tags(table, [name for name in table.column_names if name != key])
    tags = take_tags(apply_tags(columns, table), rows) if columns else None
    remarks = [*remarks_of(table), *describe_tags(columns, without, what)]
    if n_more := len(ids) - len(known):
        remarks.append(f"{n_more:,} of the {what} have no events" + (", and only their tags speak for them" if columns else ""))
    if n_unlisted := int((rows < 0).sum()):
        remarks.append(counted(n_unlisted, f"of the {what} has no row in the table", f"of the {what} have no row in the table"))
    return Catalogue(ids, _find_names(table, key, ids, rows), columns, tags, remarks)


def read_more(source: Any, key: str, known: Ids, columns: Sequence[TagColumn], what: str, *, missing: tuple[str, ...] = ()) -> Catalogue:
    """The items or users of a table that are not known yet, in ascending order, with tags as those that are known have them.

    Args:
        source: as `read_catalogue` has it.
        key: the column of ids.
        known: those that are known.
        columns: how features become tags.
        what: items or users.
        missing: further words that mean "no value".

    Raises:
        NotFoundError: there is no such table or column. DataError: an id stands in several rows, or all are known.
    """
    table, keys = _read_keys(source, key, what, missing)
    if lacking := [column.name for column in columns if column.name not in table.column_names]:
        named = ", ".join(printable(name) for name in lacking)
        raise NotFoundError(f"A table of new {what} needs the columns that {what} had at the fit, but it has no {named}. Add them.")
    new = np.asarray(keys.is_valid()) & (known.find(keys) < 0)
    if not new.any():
        raise DataError(f"A table of new {what} holds some that the run does not know, but it knows all of these. Leave it out.")
    ids = collect_ids(keys.filter(pa.array(new)))
    rows = _find_rows(keys, ids)
    tags = take_tags(apply_tags(columns, table), rows)
    n_known = int((~new).sum())
    said = [f"{n_known:,} of the {what} are known, and stay as they are"] if n_known else []
    names = _find_names(table, key, ids, rows) or [ids.show(place) for place in range(len(ids))]
    return Catalogue(ids, names, [*columns], tags, [*remarks_of(table), *said])


def _read_keys(source: Any, key: str, what: str, missing: tuple[str, ...]) -> tuple[pa.Table, pa.ChunkedArray]:
    """A table of items or users, and the ids of its rows.

    Raises:
        NotFoundError: there is no such table or column. DataError: an id stands in several rows.
    """
    table = read_table(source, missing=missing, verbatim=[key])
    if key not in table.column_names:
        raise NotFoundError(
            f"{printable(describe_source(source))} needs a column '{printable(key)}' that says of which of the {what} a row is. "
            f"{suggest(key, table.column_names)}"
        )
    keys = read_ids(table[key])
    if (n_rows := len(keys.drop_null())) > (n_different := len(pc.unique(keys.drop_null()))):
        repeated = n_rows - n_different
        raise DataError(f"A table of {what} holds each once, but {repeated:,} of {n_rows:,} rows repeat one. Leave one row of each.")
    return table, keys


def _find_rows(keys: pa.ChunkedArray, ids: Ids) -> IntArray:
    """The row of each id, shape (m,); -1 where it has none."""
    return np.asarray(pc.fill_null(pc.index_in(ids.values, _as(keys, ids)), -1)).astype(np.int64)


def _as(keys: pa.ChunkedArray, ids: Ids) -> pa.Array:
    """The ids of rows in the type of all."""
    return pc.cast(keys, ids.values.type).combine_chunks()


def _find_names(table: pa.Table, key: str, ids: Ids, rows: IntArray) -> list[str]:
    """What people call them: the first column of text that hardly repeats itself; nothing where there is none."""
    for name in table.column_names:
        column = table[name]
        if name == key or not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            continue
        if len(pc.unique(column)) >= (1 - _MOST_REPEATED) * len(column):
            named = as_text(column).to_pylist()
            return [named[row] if row >= 0 and named[row] else ids.show(place) for place, row in enumerate(rows)]
    return []
