"""Lists for users: the items of the highest scores that they do not have yet, with intervals of scores and of ranks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from weights.conformal import check_level
from weights.data.interactions.events import Interactions
from weights.errors import UsageError
from weights.recommending.judging import find_first
from weights.recommending.recommender import Recommender
from weights.recommending.resampling import half_width
from weights.tables import Table, between, fixed
from weights.types import AnyArray, BoolArray, FloatArray, IntArray

MOST_BOUNDED = 2_000
"""Users up to which scores get intervals where nothing is said of them: they take longer than the lists."""
USUAL_LEVEL = 0.9
_CANDIDATES = 5
_FEWEST_CANDIDATES = 200
"""Items, and times the length of the list, among which ranks are looked at."""
_BLOCK_NUMBERS = 20_000_000
_MOST_SHOWN = 40
_BOUNDS = ("low", "high", "rank_low", "rank_high")


class Filters(NamedTuple):
    """Which items may stand on lists.

    Attributes:
        allowed: shape (m,); all if None.
        seen: whether items that users had before may.
    """

    allowed: BoolArray | None = None
    seen: bool = False

    def apply(self, scores: FloatArray, events: Interactions) -> FloatArray:
        """Scores of which those of items that may not are minus infinity, shape (q, m)."""
        scores = np.array(scores, dtype=np.float32)
        if not self.seen:
            scores[events.user, events.item] = -np.inf
        if self.allowed is not None:
            scores[:, ~self.allowed] = -np.inf
        return scores


@dataclass(frozen=True, eq=False)
class Lists:
    """Lists of users, one behind the other.

    Attributes:
        user: places among those who were asked for, shape (r,).
        item: places of items, shape (r,). rank: from 1, shape (r,). score: shape (r,).
        low, high: bounds of scores, shape (r,); NaN where there are none.
        rank_low, rank_high: bounds of ranks, shape (r,); 0 where there are none.
    """

    user: IntArray
    item: IntArray
    rank: IntArray
    score: FloatArray
    low: FloatArray
    high: FloatArray
    rank_low: IntArray
    rank_high: IntArray


def make_lists(
    recommender: Recommender,
    events: Interactions,
    *,
    top: int,
    filters: Filters | None = None,
    level: float | None = None,
    report: Callable[[float], None] = lambda share: None,
) -> Lists:
    """The first items of users.

    Args:
        recommender: what was learned.
        events: what is known of users; those without events are answered by popularity.
        top: items of each list, at most.
        filters: which items may stand on it.
        level: of intervals, between 0 and 1; none if None.
        report: called with the share of users that are answered.
    """
    filters, n_items = filters or Filters(), len(events.items)
    step = max(_BLOCK_NUMBERS // n_items, 1)
    parts: list[Lists] = []
    for begin in range(0, max(len(events.users), 1), step):
        places = np.arange(begin, min(begin + step, len(events.users)))
        own = events.of_users(places)
        scores = filters.apply(recommender.score(own), own)
        first = find_first(scores, top)
        kept = np.isfinite(np.take_along_axis(scores, first, axis=1))
        found = np.full((4, *first.shape), np.nan)
        if level is not None:
            for user in range(len(places)):
                found[:, user] = _bound(recommender, own.of_users(np.asarray([user])), scores[user], first[user], level)
                report((begin + user + 1) / len(events.users))
        owner = np.broadcast_to(places[:, None], first.shape)
        rank = np.broadcast_to(np.arange(1, first.shape[1] + 1), first.shape)
        low, high, rank_low, rank_high = (bound[kept] for bound in found)
        ranks = (np.nan_to_num(bound).astype(np.int64) for bound in (rank_low, rank_high))
        parts.append(Lists(owner[kept], first[kept], rank[kept], np.take_along_axis(scores, first, axis=1)[kept], low, high, *ranks))
        report((begin + len(places)) / max(len(events.users), 1))
    return Lists(*(np.concatenate([getattr(part, name) for part in parts]) for name in Lists.__dataclass_fields__))


def _bound(recommender: Recommender, events: Interactions, scores: FloatArray, first: IntArray, level: float) -> FloatArray:
    """Bounds of the scores and of the ranks of the first items of one user, shape (4, k)."""
    n_near = max(_FEWEST_CANDIDATES, _CANDIDATES * len(first))
    near = find_first(scores[None], n_near)[0]
    near = near[np.isfinite(scores[near])]
    found = np.full((4, len(first)), np.nan)
    n = min(len(first), len(near))
    if not n:
        return found
    changes = recommender.vary(events, near)
    half = half_width(changes, level)[:n]
    drawn = scores[near] + changes
    ranks = 1 + np.argsort(np.argsort(-drawn, axis=1, kind="stable"), axis=1)[:, :n]
    tail = (1 - level) / 2
    found[:2, :n] = scores[near[:n]] - half, scores[near[:n]] + half
    found[2:, :n] = np.quantile(ranks, [tail, 1 - tail], axis=0, method="closest_observation")
    return found


class RecommendationTable(dict[str, AnyArray]):
    """Columns by name: user, item, name (where items have any), rank, score, low, high, rank_low, rank_high.

    A frame is made of it as of any mapping of columns, such as ``pandas.DataFrame(table)``.

    Attributes:
        notes: sentences about who was asked for.
        level: of the intervals; None where there are none.
    """

    def __init__(self, columns: Mapping[str, AnyArray], notes: Sequence[str] = (), level: float | None = None) -> None:
        super().__init__(columns)
        self.notes, self.level = [*notes], level

    def table(self) -> pa.Table:
        """The same as a table for a file."""
        return pa.table({name: pa.array(values) for name, values in self.items()})

    def records(self) -> list[dict[str, Any]]:
        """The same as records, for JSON; bounds that there are none of are null."""
        unbounded = _BOUNDS if self.level is None else ()
        return [{name: None if name in unbounded else value for name, value in row.items()} for row in self.table().to_pylist()]

    def shown(self) -> Table:
        """The same for people, the first rows of it; what all rows share is the title."""
        n_rows = len(self["rank"])
        n_shown = min(n_rows, _MOST_SHOWN)
        users = {str(user) for user in self["user"]}
        columns = {name: [str(value) for value in self[name][:n_shown]] for name in ("user", "rank", "item", "name", "why") if name in self}
        if len(users) == 1:
            columns.pop("user")
        why = columns.pop("why", None)
        columns["score"] = [fixed(float(value), 3) for value in self["score"][:n_shown]]
        if self.level is not None:
            columns[f"{self.level:.0%} interval"] = [between(*map(float, row)) for row in self._pairs("low", "high", n_shown)]
            columns["ranks"] = [f"{low} to {high}" for low, high in self._pairs("rank_low", "rank_high", n_shown)]
        if why is not None:
            columns["because of"] = why
        rows = [[*cells] for cells in zip(*columns.values(), strict=True)]
        notes = [f"{n_rows - n_shown:,} more rows; --output writes all"] if n_shown < n_rows else []
        return Table(f"user {min(users)}" if len(users) == 1 else "", [*_without_names(columns)], rows, notes)

    def _pairs(self, low: str, high: str, n: int) -> list[tuple[Any, Any]]:
        return [*zip(self[low][:n], self[high][:n], strict=True)]

    def __str__(self) -> str:
        return str(self.shown())

    def _repr_html_(self) -> str:
        return self.shown()._repr_html_()


def _without_names(heads: Iterable[str]) -> list[str]:
    """The heads of columns, of which that of names, which are no numbers, is empty, as `Table` has it."""
    return ["" if head in ("name", "because of") else head for head in heads]


def tabulate_lists(
    recommender: Recommender, events: Interactions, lists: Lists, notes: Sequence[str], level: float | None
) -> RecommendationTable:
    """Lists as named columns, with ids as they came."""
    columns: dict[str, AnyArray] = {
        "user": np.asarray(events.users.take(lists.user).to_pylist(), dtype=None if events.users.numbered else object),
        "item": np.asarray(events.items.take(lists.item).to_pylist(), dtype=None if events.items.numbered else object),
    }
    if recommender.names:
        columns["name"] = np.asarray([recommender.names[place] for place in lists.item], dtype=object)
    columns |= {name: getattr(lists, name) for name in ("rank", "score", "low", "high", "rank_low", "rank_high")}
    return RecommendationTable(columns, notes, level)


def choose_level(level: float | None, n_users: int) -> tuple[float | None, list[str]]:
    """The level of intervals, and what is to be said of it: of many users there are none, unless they were asked for.

    Raises:
        UsageError: the level is not between 0 and 1.
    """
    if level is not None:
        check_level(level)
        return level, []
    if n_users <= MOST_BOUNDED:
        return USUAL_LEVEL, []
    return None, [f"intervals are left out, as there are more than {MOST_BOUNDED:,} users; --level {USUAL_LEVEL} makes them"]


def check_top(top: int) -> int:
    """The length of lists, if it is one.

    Raises:
        UsageError: it is not.
    """
    if isinstance(top, bool) or not isinstance(top, int | np.integer) or top < 1:
        raise UsageError(f"--top must be a number of items, at least 1, but is {top!r}.")
    return int(top)
