"""How good lists are: at which places of a list of all items users find what came of them, with errors over users."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.sparse

from weights.data.interactions.events import Interactions
from weights.dependence import error_of_mean
from weights.tasks.proportions import Metric
from weights.tasks.ranking import LISTED, RANKING_METRICS, Ranks, measure_ranks, ndcg
from weights.types import AnyArray, FloatArray, IntArray

_BLOCK_NUMBERS = 4_000_000
"""Scores that are held at a time."""
_FIRST = 10
_PART = 32
"""Items of a part of the catalogue whose highest score is looked at (our choice)."""


@dataclass(frozen=True, eq=False)
class Asked:
    """Users who are asked for, with what is known of them and what came.

    Attributes:
        users: their places among all users, in ascending order, shape (q,).
        given: the events that scores may use, of q users.
        came: what came of them, and is to be found: sparse, shape (q, m).
        known: the events whose items stand on no list, of q users.
    """

    users: IntArray
    given: Interactions
    came: scipy.sparse.csr_matrix
    known: Interactions

    def __len__(self) -> int:
        return self.came.shape[0]

    def __getitem__(self, places: AnyArray) -> Asked:
        """Some of the users."""
        return Asked(self.users[places], self.given.of_users(places), self.came[places], self.known.of_users(places))

    def draw(self, most: int, seed: int) -> Asked:
        """At most so many of the users, drawn at random; the first stay first."""
        if len(self) <= most:
            return self
        return self[np.sort(np.random.default_rng(seed).choice(len(self), most, replace=False))]

    def blocks(self) -> Iterator[Asked]:
        """The same in parts whose scores fit into memory."""
        step = max(_BLOCK_NUMBERS // self.came.shape[1], 1)
        for begin in range(0, len(self), step):
            yield self[np.arange(begin, min(begin + step, len(self)))]


def ask_of(given: Interactions, came: Interactions) -> Asked:
    """The users of whom something new came.

    What counts is what was taken (a value above zero) and is not known of the user already.

    Args:
        given: what is known of users.
        came: what came of the same users, and is to be found.
    """
    pairs = (events.user * len(events.items) + events.item for events in (given, came))
    came = came[np.flatnonzero((came.value > 0) & ~np.isin(*reversed([*pairs])))]
    users = np.unique(came.user)
    known = given.of_users(users)
    return Asked(users, known, came.of_users(users).matrix(), known)


def find_ranks(scores: FloatArray, asked: Asked) -> Ranks:
    """At which places users find what came of them, among all items that are not known of them already.

    Of equal scores the item that stands first in the catalogue comes first.
    """
    return _rank(leave_out_known(scores, asked.known), asked)


def _rank(scores: FloatArray, asked: Asked) -> Ranks:
    """The same of scores that leave out what is known."""
    owner = np.repeat(np.arange(len(asked)), np.diff(asked.came.indptr))
    place = np.empty(len(owner), np.int64)
    columns = np.arange(scores.shape[1])
    for user in range(len(asked)):
        own = slice(asked.came.indptr[user], asked.came.indptr[user + 1])
        items, row = asked.came.indices[own], scores[user]
        wanted = row[items][:, None]
        place[own] = np.sum((row > wanted) | ((row == wanted) & (columns < items[:, None])), axis=1)
    return Ranks(place, owner, len(asked))


def leave_out_known(scores: FloatArray, known: Interactions) -> FloatArray:
    """Scores of which those of items that users had before are minus infinity, shape (q, m)."""
    scores = np.array(scores, dtype=np.float32)
    scores[known.user, known.item] = -np.inf
    return scores


class Judged(NamedTuple):
    """How lists of users fared.

    Attributes:
        by_user: each metric of each user, shape (q,).
        listed: how many of the users have each item in their first ten, shape (m,).
    """

    by_user: dict[str, FloatArray]
    listed: IntArray


def judge(score: Callable[[Interactions], FloatArray], asked: Asked) -> Judged:
    """How lists by some scores fare."""
    by_user: list[dict[str, FloatArray]] = []
    listed = np.zeros(asked.came.shape[1], np.int64)
    for block in asked.blocks():
        scores = leave_out_known(score(block.given), block.known)
        by_user.append(measure_ranks(_rank(scores, block)))
        np.add.at(listed, find_first(scores, _FIRST).ravel(), 1)
    return Judged({name: np.concatenate([part[name] for part in by_user]) for name in by_user[0]}, listed)


def find_first(scores: FloatArray, n: int) -> IntArray:
    """The items of the n highest scores of each user, in descending order, ties in that of the catalogue, shape (q, n)."""
    n_users, n_items = scores.shape
    n = min(n, n_items)
    least = _bound_first(scores, n)
    row, item = np.divmod(np.flatnonzero(scores >= least[:, None]), n_items)
    order = np.lexsort((item, -scores[row, item], row))
    begins = np.searchsorted(row, np.arange(n_users))
    return np.asarray(item[order][begins[:, None] + np.arange(n)])


def _bound_first(scores: FloatArray, n: int) -> FloatArray:
    """For each user a score that n items reach at least, and few more do, shape (q,).

    The highest scores of parts of the catalogue are scores of as many items, so that the n-th highest of these is such a bound; where
    the catalogue has too few parts it is the n-th highest score itself.
    """
    n_users, n_items = scores.shape
    n_parts = n_items // _PART
    if n_parts < 2 * n:
        return np.partition(scores, n_items - n, axis=1)[:, n_items - n]
    whole = scores[:, : n_parts * _PART].reshape(n_users, _PART, n_parts).max(axis=1)  # a part is every n-th item, which is read faster
    bound = np.partition(whole, n_parts - n, axis=1)[:, n_parts - n]
    few = np.flatnonzero(np.isneginf(bound))  # where hardly anything may stand on the list all would reach it
    if len(few):
        bound[few] = np.partition(scores[few], n_items - n, axis=1)[:, n_items - n]
    return bound


def mean_loss(score: Callable[[Interactions], FloatArray], asked: Asked) -> float:
    """How much of the gain lists do not find, one minus NDCG@100: what models are chosen and mixed by."""
    gain = [ndcg(find_ranks(score(block.given), block), LISTED) for block in asked.blocks()]
    return 1.0 - float(np.concatenate(gain).mean())


def summarise(judged: Judged, popularity: IntArray, n_events: int) -> dict[str, Metric]:
    """The metrics of lists, with 95 % intervals over users where they are means of these.

    Args:
        judged: the lists.
        popularity: how many users turned to each item of what was learned from, shape (m,).
        n_events: how many events that were.
    """
    found = {name: mean_of_users(values, name) for name, values in judged.by_user.items()}
    n_listed = judged.listed.sum()
    share = (popularity + 1.0) / (n_events + len(popularity))
    rank = np.argsort(np.argsort(popularity, kind="stable")) / max(len(popularity) - 1, 1)
    beside = {
        f"coverage@{_FIRST}": float((judged.listed > 0).mean()),
        f"novelty@{_FIRST}": float(-(judged.listed @ np.log2(share)) / max(n_listed, 1)),
        f"popularity@{_FIRST}": float(judged.listed @ rank / max(n_listed, 1) - popularity @ rank / max(popularity.sum(), 1)),
    }
    return found | {name: Metric(value) for name, value in beside.items()}


def mean_of_users(values: FloatArray, name: str) -> Metric:
    """The mean over users with its 95 % interval."""
    return _bound_mean(values, RANKING_METRICS[name].low, RANKING_METRICS[name].high)


def compare_users(first: Mapping[str, FloatArray], second: Mapping[str, FloatArray], name: str) -> Metric:
    """The mean difference of a metric of the same users, with its 95 % interval."""
    return _bound_mean(first[name] - second[name], -np.inf, np.inf)


def _bound_mean(values: FloatArray, low: float, high: float) -> Metric:
    """The mean with its 95 % interval, which ends at bounds; none of a single value."""
    n, mean = len(values), float(values.mean())
    half = error_of_mean((values - mean) / n, np.full(n, 1 / n)).half_width() if n > 1 else None
    return Metric(mean) if half is None else Metric(mean, max(mean - half, low), min(mean + half, high))
