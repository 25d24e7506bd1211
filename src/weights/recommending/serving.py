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
from weights.recommending.judging import find_first, leave_out_known
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
        scores = np.array(scores, dtype=np.float32) if self.seen else leave_out_known(scores, events)
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

    @classmethod
    def join(cls, parts: Sequence[Lists]) -> Lists:
        """Lists one behind the other."""
        empty = [np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0), np.zeros(0)]
        columns = zip(cls.__dataclass_fields__, [*empty, *empty[:2]], strict=True)
        return cls(*(np.concatenate([none, *(getattr(part, name) for part in parts)]) for name, none in columns))


class Wish(NamedTuple):
    """What is wanted of lists.

    Attributes:
        top: items of each, at most.
        filters: which items may stand on them.
        level: of intervals, between 0 and 1; none if None.
        diversity: how much an item counts that is unlike those before it, beside its score, between 0 and 1.
        explore: the seed of a draw of users for each list, which is then ordered by the scores of that draw; None for no draw.
    """

    top: int
    filters: Filters = Filters()
    level: float | None = None
    diversity: float = 0.0
    explore: int | None = None

    @property
    def plain(self) -> bool:
        """Whether lists are nothing but the highest scores."""
        return self.level is None and not self.diversity and self.explore is None


def make_lists(recommender: Recommender, events: Interactions, wish: Wish, report: Callable[[float], None] = lambda share: None) -> Lists:
    """The first items of users.

    Args:
        recommender: what was learned.
        events: what is known of users; those of whom nothing is are answered by popularity.
        wish: what is wanted of the lists.
        report: called with the share of users that are answered.
    """
    n_users, step = len(events.users), max(_BLOCK_NUMBERS // len(events.items), 1)
    parts: list[Lists] = []
    for begin in range(0, max(n_users, 1), step):
        places = np.arange(begin, min(begin + step, n_users))
        own = events.of_users(places)
        scores = wish.filters.apply(recommender.score(own), own)
        if wish.plain:
            parts.append(_list_all(find_first(scores, wish.top), scores, places))
        else:
            for user, row in zip(places.tolist(), scores, strict=True):
                parts.append(_list_one(recommender, own.of_users(np.asarray([user - begin])), row, user, wish))
                report((user + 1) / n_users)
        report((begin + len(places)) / max(n_users, 1))
    return Lists.join(parts)


def _list_all(first: IntArray, scores: FloatArray, places: IntArray) -> Lists:
    """The highest scores of users, without bounds."""
    found = np.take_along_axis(scores, first, axis=1)
    kept = np.isfinite(found)
    user, rank = (np.broadcast_to(own, first.shape)[kept] for own in (places[:, None], np.arange(1, first.shape[1] + 1)))
    none = np.full(len(user), np.nan)
    return Lists(user, first[kept], rank, found[kept], none, none, np.zeros(len(user), np.int64), np.zeros(len(user), np.int64))


def _list_one(recommender: Recommender, events: Interactions, scores: FloatArray, user: int, wish: Wish) -> Lists:
    """The list of one user, chosen among the items of high scores."""
    near = find_first(scores[None], max(_FEWEST_CANDIDATES, _CANDIDATES * wish.top))[0]
    near = near[np.isfinite(scores[near])]
    value = scores[near]
    changes = (
        recommender.vary(events, near) if len(near) and (wish.level is not None or wish.explore is not None) else np.zeros((1, len(near)))
    )
    if wish.explore is not None:
        value = value + changes[np.random.default_rng([wish.explore, user]).integers(len(changes))]
    chosen = (
        diversify(value, recommender.likeness(near), wish.top, wish.diversity) if len(near) and wish.diversity else _sort(value)[: wish.top]
    )
    n, low, high = len(chosen), np.full(len(chosen), np.nan), np.full(len(chosen), np.nan)
    ranks = np.zeros((2, n), np.int64)
    if wish.level is not None and n:
        half, tail = half_width(changes, wish.level)[chosen], (1 - wish.level) / 2
        low, high = scores[near[chosen]] - half, scores[near[chosen]] + half
        drawn = 1 + np.argsort(np.argsort(-(scores[near] + changes), axis=1, kind="stable"), axis=1)[:, chosen]
        ranks = np.quantile(drawn, [tail, 1 - tail], axis=0, method="closest_observation").astype(np.int64)
    return Lists(np.full(n, user), near[chosen], np.arange(1, n + 1), scores[near[chosen]], low, high, *ranks)


def _sort(value: FloatArray) -> IntArray:
    """Places in descending order of values."""
    return np.argsort(-value, kind="stable")


def diversify(value: FloatArray, likeness: FloatArray, n: int, diversity: float) -> IntArray:
    """The places of n items that are good and unlike each other, one after the other (maximal marginal relevance).

    Each next item has the most of ``(1 - diversity) * value - diversity * likeness``, where values are put between 0 and 1, and the
    likeness is that to the most alike item before (Carbonell and Goldstein 1998, equation 1).

    Args:
        value: shape (k,).
        likeness: between 0 and 1, shape (k, k).
        n: items, at most.
        diversity: between 0 and 1.

    Example:
        >>> alike = np.array([[1.0, 0.9, 0.0], [0.9, 1.0, 0.0], [0.0, 0.0, 1.0]])
        >>> diversify(np.array([3.0, 2.9, 2.0]), alike, 2, 0.6).tolist()
        [0, 2]
    """
    scaled = (value - value.min()) / (float(np.ptp(value)) or 1.0)
    nearest, left, chosen = np.zeros(len(value)), np.ones(len(value), bool), list[int]()
    for _ in range(min(n, len(value))):
        gain = np.where(left, (1 - diversity) * scaled - diversity * nearest, -np.inf)
        chosen.append(int(np.argmax(gain)))
        left[chosen[-1]] = False
        nearest = np.maximum(nearest, likeness[:, chosen[-1]])
    return np.asarray(chosen, np.int64)


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
        "item": np.asarray(recommender.items.take(lists.item).to_pylist(), dtype=None if recommender.items.numbered else object),
    }
    if recommender.names:
        columns["name"] = np.asarray([recommender.name(int(place)) for place in lists.item], dtype=object)
    columns |= {name: getattr(lists, name) for name in ("rank", "score", "low", "high", "rank_low", "rank_high")}
    return RecommendationTable(columns, notes, level)


def choose_level(level: float | None, n_users: int) -> tuple[float | None, list[str]]:
    """The level of intervals, none if it is 0, and what is to be said of it: of many users there are none, unless they were asked for.

    Raises:
        UsageError: the level is not between 0 and 1.
    """
    if level == 0:
        return None, []
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


def check_diversity(diversity: float) -> float:
    """How much unlikeness counts, if it is a share.

    Raises:
        UsageError: it is not.
    """
    if not 0 <= diversity <= 1:
        raise UsageError(f"--diversity is a share, 0 for the highest scores and 1 for nothing but unlikeness, but is {diversity!r}.")
    return float(diversity)
