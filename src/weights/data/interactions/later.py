"""Events that came after a fit, read as those of the fit were."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from weights.data.interactions.events import EventColumns, Interactions, read_interactions
from weights.data.interactions.ids import collect_ids
from weights.data.table.delimited import remarks_of
from weights.data.table.read import read_table
from weights.errors import listed, printable

NEW_USER = "new"
"""What the user is called whose events come without an id."""


def read_later(
    data: Any, columns: EventColumns, known: Interactions, *, repeats: str | None = None, missing: tuple[str, ...] = ()
) -> tuple[Interactions, list[str]]:
    """Later events of the items that are known, and what is to be said of them; without a column of users all are of one.

    Args:
        data: as `read_table` takes it.
        columns: those of the fit; of values and times there may be none.
        known: the events of the fit.
        repeats: what counts of several events of a pair, as `read_interactions` has it.
        missing: further words that mean "no value".

    Raises:
        NotFoundError, DataError: they cannot be read.
    """
    table = read_table(data, missing=missing, verbatim=[columns.user, columns.item])
    notes = remarks_of(table)
    if columns.user not in table.column_names:
        table = table.append_column(columns.user, pa.array([NEW_USER] * table.num_rows))
    there = {role: names[0] for role, names in columns.named.items() if names[0] in table.column_names or role in ("user", "item")}
    lacking = [names[0] for role, names in columns.named.items() if role not in there]
    if lacking:
        notes.append(f"missing in these events, and taken as not known: {listed([printable(name) for name in lacking], 5)}")
    users = collect_ids(table[columns.user])
    later, remarks = read_interactions(table, EventColumns(**there), repeats=repeats, users=users, items=known.items)
    return later, [*notes, *remarks]
