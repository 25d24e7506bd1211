"""The task of ranking: which items a user will turn to, and how good lists of them are.

A list answers a user, not a row, so that it is no `Task` of rows: what interactions have in place of it.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec
import numpy as np

from weights.data.interactions.events import REPEATS, EventColumns
from weights.data.interactions.splits import PROTOCOLS
from weights.tasks.metrics import UNLISTED, Measure, show_share
from weights.types import BoolArray, FloatArray, IntArray

LISTED = 100
"""Places of a list that count in the metric by which models are mixed."""


class Ranks(msgspec.Struct, frozen=True):
    """At which places users found what came of them.

    Attributes:
        place: of each item that came, counted from 0, shape (c,); at least the number of items where it is in no list.
        owner: whose it is, shape (c,), in ascending order from 0.
        n_users: how many users there are, q; each has at least one.
    """

    place: IntArray
    owner: IntArray
    n_users: int

    @property
    def n_came(self) -> IntArray:
        """How many items came of each user, shape (q,)."""
        return np.bincount(self.owner, minlength=self.n_users)

    def sum_by_user(self, values: FloatArray) -> FloatArray:
        """Sums of a value for each item that came, shape (q,)."""
        return np.bincount(self.owner, values, minlength=self.n_users)


def ndcg(ranks: Ranks, k: int) -> FloatArray:
    """The normalised discounted cumulative gain of the first k places of each user (Järvelin and Kekäläinen 2002), shape (q,)."""
    ideal = np.cumsum(1 / np.log2(np.arange(2, k + 2)))
    gain = np.where(ranks.place < k, 1 / np.log2(ranks.place + 2.0), 0.0)
    return ranks.sum_by_user(gain) / ideal[np.minimum(ranks.n_came, k) - 1]


def recall(ranks: Ranks, k: int) -> FloatArray:
    """The share of what came, at most k, that is in the first k places (Liang et al. 2018, section 4.2), shape (q,)."""
    return ranks.sum_by_user((ranks.place < k).astype(float)) / np.minimum(ranks.n_came, k)


def average_precision(ranks: Ranks, k: int) -> FloatArray:
    """The mean of the precision at the places of what came, in the first k, of what could be found there, shape (q,)."""
    order = np.lexsort((ranks.place, ranks.owner))
    begins = np.concatenate([[0], np.cumsum(ranks.n_came)[:-1]])
    nth = np.arange(len(order)) - begins[ranks.owner] + 1  # owners are in ascending order, sorted or not
    place = ranks.place[order]
    precision = np.where(place < k, nth / (place + 1.0), 0.0)
    return ranks.sum_by_user(precision) / np.minimum(ranks.n_came, k)


def reciprocal_rank(ranks: Ranks) -> FloatArray:
    """One over the first place at which something came is found, shape (q,)."""
    first = np.full(ranks.n_users, np.inf)
    np.minimum.at(first, ranks.owner, ranks.place)
    return 1 / (first + 1)


def measure_ranks(ranks: Ranks) -> dict[str, FloatArray]:
    """Each metric of each user, shape (q,), by its name in `RANKING_METRICS`.

    Example:
        >>> ranks = Ranks(np.array([0, 3]), np.array([0, 1]), 2)
        >>> {name: values.round(3).tolist() for name, values in measure_ranks(ranks).items() if name in ("ndcg@10", "mrr")}
        {'ndcg@10': [1.0, 0.431], 'mrr': [1.0, 0.25]}
    """
    return {
        "ndcg@10": ndcg(ranks, 10),
        f"ndcg@{LISTED}": ndcg(ranks, LISTED),
        "recall@20": recall(ranks, 20),
        "recall@50": recall(ranks, 50),
        f"map@{LISTED}": average_precision(ranks, LISTED),
        "mrr": reciprocal_rank(ranks),
    }


_OF_USERS = UNLISTED._replace(show=show_share)
RANKING_METRICS: dict[str, Measure] = {
    "ndcg@10": _OF_USERS._replace(title="NDCG@10"),
    f"ndcg@{LISTED}": _OF_USERS._replace(title=f"NDCG@{LISTED}"),
    "recall@20": _OF_USERS._replace(title="Recall@20"),
    "recall@50": _OF_USERS._replace(title="Recall@50"),
    f"map@{LISTED}": _OF_USERS._replace(title=f"MAP@{LISTED}"),
    "mrr": _OF_USERS._replace(title="mean reciprocal rank (MRR)"),
    "coverage@10": _OF_USERS._replace(title="share of all items in a first ten"),
    "novelty@10": UNLISTED._replace(high=float("inf"), title="novelty of the first ten, bits", show=lambda value: f"{value:.2f}"),
    "popularity@10": _OF_USERS._replace(low=-1.0, title="popularity bias of the first ten"),
}
"""How lists are judged: all items but those that the user had before are ranked, and means are over users."""


class EventTask(msgspec.Struct, frozen=True):
    """What is learned of events.

    Attributes:
        columns: which column of events is what.
        protocol: how events were parted to judge by, one of `PROTOCOLS`.
        repeats: what counts where a user has several events of one item, one of `REPEATS`; None where that was left to be found.
    """

    columns: EventColumns
    protocol: str
    repeats: str | None = None

    usual_repeats: ClassVar[str | None] = None
    """What counts of several events where nothing is said; found from their values if None."""

    @property
    def kind(self) -> str:
        """The task's name."""
        return str(self.__struct_config__.tag)

    def judges(self, value: FloatArray) -> BoolArray:
        """Which events can be judged by, of their values, shape (n,): those that took something."""
        return value > 0

    def check(self) -> list[str]:
        """What is wrong with it, in words; nothing if all is well."""
        named = [name for names in self.columns.named.values() for name in names]
        wrong = [] if len({*named}) == len(named) else ["two roles are the same column"]
        wrong += [] if self.protocol in PROTOCOLS else [f"'{self.protocol}' is no way to part events"]
        return wrong + ([] if self.repeats in (None, *REPEATS) else [f"'{self.repeats}' is no way to join events"])


class Ranking(EventTask, frozen=True, tag="ranking", tag_field="kind"):
    """What is ranked, for whom."""

    metrics: ClassVar[dict[str, Measure]] = RANKING_METRICS

    @property
    def target(self) -> str:
        """What is ranked, in a word."""
        return self.columns.item
