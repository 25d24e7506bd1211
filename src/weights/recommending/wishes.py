"""What users of lists wish beside scores: which items may stand there, and what of a user is too old to count."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from weights.data.interactions.events import Interactions, fade_events
from weights.data.interactions.ids import Ids
from weights.data.table.read import read_table
from weights.errors import NotFoundError, UsageError, printable
from weights.types import BoolArray


class Wishes(TypedDict, total=False):
    """What may stand on lists, and in which order.

    Attributes:
        allow: ids of the items that may be recommended, or a table with them.
        exclude: of those that may not.
        seen: whether items that a user had before may be recommended again.
        half_life: after which an event of a user counts half, in days where times are dates and in their unit otherwise, as seen
            from the last event that is known; all count alike if None.
        diversity: how much it counts that an item is unlike those before it on the list, beside its score, between 0 and 1.
        explore: seed of a draw: each list is ordered by the scores that a random half of the learned users, counted twice, would give
            (Thompson sampling), so that items of which little is known get their turn; None for no draw.
    """

    allow: Any
    exclude: Any
    seen: bool
    half_life: float | None
    diversity: float
    explore: int | None


def find_allowed(items: Ids, column: str, allow: Any, exclude: Any) -> BoolArray | None:
    """Which items may stand on lists, shape (m,); None where all may.

    Args:
        items: those there are.
        column: what the column of items is called in tables.
        allow: ids of those that may, or a table with them; all if None.
        exclude: the same of those that may not.

    Raises:
        UsageError: none may. NotFoundError: a table has no such column.
    """
    if allow is None and exclude is None:
        return None
    allowed = np.ones(len(items), bool) if allow is None else _mark(items, column, allow)
    if exclude is not None:
        allowed &= ~_mark(items, column, exclude)
    if not allowed.any():
        raise UsageError("Of the items that are allowed the run knows none, so that there is nothing to recommend. Allow others.")
    return allowed


def _mark(items: Ids, column: str, asked: Any) -> BoolArray:
    """Which items were named: by their ids, or by a table with a column of them, shape (m,)."""
    if isinstance(asked, str | Path | Mapping) or hasattr(asked, "columns") or hasattr(asked, "column_names"):
        table = read_table(asked, verbatim=[column])
        if column not in table.column_names:
            raise NotFoundError(f"A table of items needs a column '{printable(column)}' of their ids, but it has none.")
        places = items.find(table[column])
    else:
        places = items.find([*asked])
    marked = np.zeros(len(items), bool)
    marked[places[places >= 0]] = True
    return marked


def fade_asked(asked: Interactions, learned: Interactions, half_life: float) -> Interactions:
    """What is known of users, of which the older counts less, as seen from the last event of all.

    Args:
        asked: what is known of them.
        learned: all events that were learned from.
        half_life: after which an event counts half, see `fade_events`.

    Raises:
        UsageError: events have no times, or the half-life cannot be.
    """
    times = [events.time[np.isfinite(events.time)] for events in (learned, asked) if events.time is not None]
    if not any(len(own) for own in times):
        raise UsageError("Only what has a time fades, but the run was fitted without. Leave out --half-life, or fit with --time.")
    if not 0 < half_life < np.inf:
        raise UsageError(f"--half-life is a length of time above zero, but is {half_life!r}.")
    return fade_events(asked, half_life, max(float(own.max()) for own in times if len(own)))
