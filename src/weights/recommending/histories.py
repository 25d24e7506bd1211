"""How much is known of users: a mixture answers those of few events by other shares of its models than those of many."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np

from weights.data.interactions.events import Interactions
from weights.recommending.judging import Asked
from weights.tasks.proportions import Metric
from weights.types import IntArray

HISTORIES = (0, 1, 5, 20, 100)
"""Events that are known of a user, from which groups of users begin (our choice)."""
FEW = 1
"""The group of users of whom little is known."""
_ENOUGH = 300
"""Users of a group by whom its shares are chosen; where it has fewer, others stand in (our choice)."""


class HistoryGroup(msgspec.Struct, frozen=True):
    """How lists of users fare of whom about as much was known.

    Attributes:
        fewest, most: events that were known; no upper end if None.
        n_users: how many they are.
        metrics: of their lists.
        shares: how much each model counts for them.
    """

    fewest: int
    most: int | None
    n_users: int
    metrics: dict[str, Metric]
    shares: dict[str, float]


def find_groups(events: Interactions) -> IntArray:
    """To which of the groups users belong, by their number in `HISTORIES`, shape (q,)."""
    return np.searchsorted(HISTORIES, events.n_events, side="right") - 1


def draw_group(asked: Asked, group: int, most: int, seed: int) -> Asked:
    """Users of a group, at most so many, and where these are few, others of whom more is known, as if they belonged to it.

    Of those who stand in, events are drawn at random that count as known; the others are neither known nor to be found.

    Args:
        asked: users, of whom all that is known is known.
        group: its number in `HISTORIES`.
        most: users.
        seed: of what is drawn.
    """
    random, groups = np.random.default_rng([seed, group]), find_groups(asked.given)
    own, beyond = (np.flatnonzero(chosen) for chosen in (groups == group, (groups > group) & (group > 0)))
    own = random.permutation(own)[:most]
    beyond = random.permutation(beyond)[: max(min(_ENOUGH, most) - len(own), 0)]
    drawn = asked[np.sort(np.concatenate([own, beyond]))]
    if not len(beyond):
        return drawn
    n_events = drawn.given.n_events
    n_kept = np.where(find_groups(drawn.given) == group, n_events, random.integers(HISTORIES[group], HISTORIES[group + 1], len(drawn)))
    order = np.lexsort((random.random(len(drawn.given)), drawn.given.user))
    nth = np.empty(len(order), np.int64)
    nth[order] = np.arange(len(order)) - np.repeat(np.cumsum(n_events) - n_events, n_events)
    return replace(drawn, given=drawn.given[np.flatnonzero(nth < n_kept[drawn.given.user])])
