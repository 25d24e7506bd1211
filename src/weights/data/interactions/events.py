"""What users did with items: `read_interactions` takes a table with a row for each event and gives `Interactions`.

An event has a user and an item, perhaps a value (a rating, a count) and a time. There is one for each pair: several are summed, or the last
counts. Everything is sparse: of the items there are, a user has seen few.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import scipy.sparse

from weights.data.interactions.ids import Ids, collect_ids, read_ids
from weights.data.interactions.tags import take_tags
from weights.data.roles import check_claims
from weights.data.table.columns import find_kind, is_number, to_numbers, to_seconds
from weights.errors import DataError, UsageError, counted, printable
from weights.types import AnyArray, FloatArray, IntArray

REPEATS = ("sum", "last")
"""What may count where a user has several events of one item."""
_MOST_RATINGS = 20
"""Different values up to which they are taken as ratings, of which the last counts, not as counts, which add up (our choice)."""
_LARGEST = 1e100
_DAY = 86_400.0
_LEAST_LEFT = 1e-3
"""Of the weight of an event, so that it is never taken for one that was shown and not taken, whose weight is zero."""


class EventColumns(msgspec.Struct, frozen=True):
    """Which column of events is what.

    Attributes:
        user, item: of ids.
        value: of ratings or counts; None where that something happened is all there is.
        time: of moments; None where there are none.
    """

    user: str
    item: str
    value: str | None = None
    time: str | None = None

    @property
    def named(self) -> dict[str, list[str]]:
        """The columns of each role that is there."""
        roles = {"user": self.user, "item": self.item, "value": self.value, "time": self.time}
        return {role: [name] for role, name in roles.items() if name is not None}


@dataclass(frozen=True, eq=False)
class Interactions:
    """Events of users with items, one for each pair, by user and then by item.

    Attributes:
        users, items: the ids; there may be more than have events.
        user, item: places among them, shape (n,).
        value: what came, shape (n,); ones where no column says.
        time: when, in seconds or numbers, shape (n,); None where nothing says. NaN where the cell is empty.
        valued: whether a column said what came.
        dated: whether times are dates.
        fade: how much of the weight of each event is left, shape (n,); all of it if None.
        user_tags, item_tags: what is known of users and of items, sparse, shapes (users, g) and (items, f); None where nothing is.
    """

    users: Ids
    items: Ids
    user: IntArray
    item: IntArray
    value: FloatArray
    time: FloatArray | None = None
    valued: bool = False
    dated: bool = False
    fade: FloatArray | None = None
    user_tags: Any = None
    item_tags: Any = None

    def __len__(self) -> int:
        return len(self.user)

    @property
    def shape(self) -> tuple[int, int]:
        """Users and items."""
        return len(self.users), len(self.items)

    def __getitem__(self, chosen: AnyArray) -> Interactions:
        """Some of the events, of the same users and items."""
        time, fade = (None if own is None else own[chosen] for own in (self.time, self.fade))
        return replace(self, user=self.user[chosen], item=self.item[chosen], value=self.value[chosen], time=time, fade=fade)

    def matrix(self, values: FloatArray | None = None) -> scipy.sparse.csr_matrix:
        """The events as a sparse matrix of users by items, with a value each; those of the events if not given."""
        values = self.value if values is None else values
        return scipy.sparse.csr_matrix((values, (self.user, self.item)), self.shape)

    def of_users(self, places: AnyArray, ids: Ids | None = None) -> Interactions:
        """The events of some users, who are counted anew in this order.

        Args:
            places: of the users; -1 of those that are not known, and have no events.
            ids: of all these, where some are not known.
        """
        begins = np.searchsorted(self.user, places)
        lengths = np.searchsorted(self.user, places, side="right") - begins
        rows = np.repeat(begins - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
        tags = take_tags(self.user_tags, np.asarray(places))
        users = Ids(self.users.take(places)) if ids is None else ids
        return replace(self[rows], users=users, user=np.repeat(np.arange(len(places)), lengths), user_tags=tags)

    @property
    def n_events(self) -> IntArray:
        """How many events each user has, shape (users,)."""
        return np.bincount(self.user, minlength=len(self.users))

    @property
    def n_known(self) -> IntArray:
        """How much is known of each user: events, and tags, shape (users,)."""
        n_tags = 0 if self.user_tags is None else np.diff(self.user_tags.indptr)
        return self.n_events + n_tags


def read_interactions(
    table: pa.Table, columns: EventColumns, *, repeats: str | None = None, users: Ids | None = None, items: Ids | None = None
) -> tuple[Interactions, list[str]]:
    """The events of a table, and what is to be said of them.

    Args:
        table: a row for each event, in any order.
        columns: which column is what.
        repeats: one of `REPEATS`; if not given, values of which there are few (ratings) are not summed, all others are.
        users: those that are known, if they are not found in the table; events of others are left out, and said.
        items: the same.

    Raises:
        NotFoundError, UsageError: a column does not exist, or has two roles; `repeats` is not known.
        DataError: cells cannot be read, or nothing is left.

    Example:
        >>> table = pa.table({"who": ["b", "a", "b"], "what": [7, 7, 7], "plays": [1, 2, 4]})
        >>> events, remarks = read_interactions(table, EventColumns("who", "what", "plays"), repeats="sum")
        >>> events.users.values.to_pylist(), events.value, remarks
        (['a', 'b'], array([2., 5.]), ['several events of a user and an item are summed (1 pair)'])
    """
    check_claims(table.column_names, columns.named, "The table", article="the ")
    if repeats is not None and repeats not in REPEATS:
        raise UsageError(f"--repeats must be {' or '.join(REPEATS)}, but is '{repeats}'.")
    raw_users, raw_items = read_ids(table[columns.user]), read_ids(table[columns.item])
    value = _read_values(table, columns)
    time, dated = _read_times(table, columns.time)
    there = np.asarray(raw_users.is_valid()) & np.asarray(raw_items.is_valid()) & ~np.isnan(value)
    remarks = []
    if n_lost := int((~there).sum()):
        remarks.append(counted(n_lost, "event", "events") + " without a user, an item or a value left out")
    found = users is None and items is None
    users = collect_ids(raw_users.filter(pa.array(there))) if users is None else users
    items = collect_ids(raw_items.filter(pa.array(there))) if items is None else items
    user, item = users.find(raw_users), items.find(raw_items)
    if unknown := int((there & ((item < 0) | (user < 0))).sum()):
        remarks.append(counted(unknown, "event is of an item", "events are of items") + " that the run does not know, and left out")
    kept = np.flatnonzero(there & (item >= 0) & (user >= 0))
    if not len(kept) and found:
        raise DataError("Events with a user and an item were needed, but there are none. Name other columns with --user and --item.")
    events = Interactions(
        users,
        items,
        user[kept],
        item[kept],
        value[kept],
        None if time is None else time[kept],
        valued=columns.value is not None,
        dated=dated,
    )
    if time is not None and (n_empty := int(np.isnan(time[kept]).sum())):
        remarks.append(f"{n_empty:,} of {len(kept):,} events have no time, and count as earlier than all others")
    if dated and time is not None and (n_future := int((time[kept] > _now()).sum())):
        remarks.append(counted(n_future, "event lies", "events lie") + " in the future, by the clock of this machine")
    events, said = _join_repeats(events, repeats)
    return events, remarks + said


def _now() -> float:
    return datetime.datetime.now(datetime.UTC).timestamp()


def _read_values(table: pa.Table, columns: EventColumns) -> FloatArray:
    """What came of each event, shape (n,); one where no column says, NaN where the cell is empty."""
    if columns.value is None:
        return np.ones(table.num_rows)
    value = to_numbers(table[columns.value], columns.value)
    if (np.abs(value) > _LARGEST).any():
        row = int(np.flatnonzero(np.abs(value) > _LARGEST)[0])
        raise DataError(f"Values must be finite, but '{printable(columns.value)}' holds {value[row]:g} in row {row + 1:,}. Repair it.")
    return value


def _read_times(table: pa.Table, name: str | None) -> tuple[FloatArray | None, bool]:
    """When each event was, shape (n,), and whether that is a date."""
    if name is None:
        return None, False
    column = table[name]
    if is_number(column.type) or find_kind(column, name).kind == "numeric":
        return to_numbers(column, name), False
    return to_seconds(column, name), True


def _join_repeats(events: Interactions, repeats: str | None) -> tuple[Interactions, list[str]]:
    """One event for each pair, in their order, and what was done with several."""
    order = np.lexsort((np.arange(len(events)), order_of_time(events), events.item, events.user))
    events = events[order]
    last = np.ones(len(events), bool)
    last[:-1] = (np.diff(events.user) != 0) | (np.diff(events.item) != 0)
    n_pairs = int(last.sum())
    if n_pairs == len(events):
        return events, []
    repeats = repeats or ("last" if events.valued and len(np.unique(events.value)) <= _MOST_RATINGS else "sum")
    group = np.cumsum(last) - last
    n_several = int((np.bincount(group) > 1).sum())
    joined = events[np.flatnonzero(last)]
    if repeats == "sum":
        joined = replace(joined, value=np.bincount(group, events.value))
    done = "are summed" if repeats == "sum" else "count by their last"
    return joined, [f"several events of a user and an item {done} ({counted(n_several, 'pair')})"]


def continue_events(known: Interactions, later: Interactions, repeats: str | None = None) -> Interactions:
    """What is known of the users of later events: these, and those that were known of users with the same ids.

    Args:
        known: earlier events.
        later: events of the same items; those without a time are later than all known.
        repeats: what counts of several events of one item, as `read_interactions` has it.
    """
    return add_events(known.of_users(known.users.find(later.users.values), later.users), later, repeats)


def add_events(known: Interactions, later: Interactions, repeats: str | None = None) -> Interactions:
    """Earlier and later events of the same users; arguments as `continue_events`."""
    time = None
    if known.time is not None:
        unsaid = np.full(len(later), np.nan) if later.time is None else later.time
        time = np.concatenate([known.time, np.nan_to_num(unsaid, nan=np.inf)])
    joined = replace(
        known,
        user=np.concatenate([known.user, later.user]),
        item=np.concatenate([known.item, later.item]),
        value=np.concatenate([known.value, later.value]),
        time=time,
    )
    return _join_repeats(joined, repeats)[0]


def fade_events(events: Interactions, half_life: float, now: float) -> Interactions:
    """The same events, of whose weight half is left after each half-life; of the oldest, and those without a time, next to nothing.

    Args:
        events: with times.
        half_life: in days where times are dates, in their unit otherwise.
        now: the moment at which nothing has faded, as times are; later events have not either.
    """
    assert events.time is not None, "only what has a time fades"
    unit = _DAY if events.dated else 1.0
    age = np.maximum(now - events.time, 0.0) / (half_life * unit)
    return replace(events, fade=np.maximum(np.nan_to_num(0.5**age, nan=0.0), _LEAST_LEFT))


def order_of_time(events: Interactions) -> FloatArray:
    """When each event was, shape (n,), those without a time before all others; the order of rows where nothing says."""
    return np.zeros(len(events)) if events.time is None else np.nan_to_num(events.time, nan=-np.inf)
