"""Weights from item to item with intervals over users: which items speak for an item, and how sure that is."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import scipy.special

from weights.conformal import check_level
from weights.recommending.itemweights import ItemWeights, ItemWeightSettings, fit_item_weights
from weights.recommending.recommender import Recommender
from weights.tables import Table, between, short_name, signed

_MOST_LOOKED_AT = 200
"""Items, the most popular ones, among whose weights the strongest are looked for where none is named."""


class ItemPair(msgspec.Struct, frozen=True):
    """How much one item speaks for another.

    Attributes:
        item: for which. name: what people call it.
        because: of which. because_name: what people call that.
        weight: of the event in the score. low, high: its interval, over the choice of users.
        n_both: users who turned to both.
    """

    item: Any
    name: str
    because: Any
    because_name: str
    weight: float
    low: float
    high: float
    n_both: int


def list_pairs(recommender: Recommender, place: int | None, *, top: int, level: float) -> list[ItemPair]:
    """The strongest weights of items in the score of one, or among the most popular ones if none is named.

    Args:
        recommender: what was learned.
        place: of the item.
        top: weights, at most.
        level: of the intervals, between 0 and 1.

    Raises:
        UsageError: the level cannot be.
    """
    check_level(level)
    fitted, events = find_item_weights(recommender), recommender.events
    n_items = len(events.items)
    places = np.argsort(-recommender.popularity, kind="stable")[:_MOST_LOOKED_AT] if place is None else np.asarray([place])
    weights, errors = fitted.weights(places)[:n_items], fitted.bound_weights(places)[:n_items]
    order = np.argsort(-np.abs(weights), axis=None, kind="stable")[:top]
    half = float(scipy.special.ndtri((1 + level) / 2))
    taken = (events.matrix() > 0).astype(np.int64)
    pairs = []
    for because, column in zip(*np.unravel_index(order, weights.shape), strict=True):
        item, weight = int(places[column]), float(weights[because, column])
        reach = half * float(errors[because, column])
        both = int(taken[:, item].multiply(taken[:, because]).sum())
        first, second = (events.items.values[k].as_py() for k in (item, int(because)))
        pairs.append(
            ItemPair(first, recommender.name(item), second, recommender.name(int(because)), weight, weight - reach, weight + reach, both)
        )
    return pairs


def find_item_weights(recommender: Recommender) -> ItemWeights:
    """The weights from item to item: those of the mixture, or, where they have no share in it, learned with usual settings.

    Raises:
        TooLargeError: there are too many users and items for them.
    """
    known = (part.scorer for part in recommender.parts.values() if isinstance(part.scorer, ItemWeights))
    return next(known, None) or fit_item_weights(recommender.events, ItemWeightSettings())


def tabulate_pairs(pairs: list[ItemPair], level: float, *, of_one: bool) -> Table:
    """Weights as a table."""
    heads = [*([] if of_one else ["item"]), "because of", "users", "weight", f"{level:.0%} interval"]
    rows = [
        [
            *([] if of_one else [short_name(pair.name)]),
            short_name(pair.because_name),
            f"{pair.n_both:,}",
            signed(pair.weight),
            between(pair.low, pair.high),
        ]
        for pair in pairs
    ]
    title = f"What speaks for {pairs[0].name}" if of_one and pairs else "The strongest weights from item to item"
    note = "a weight is what an event of one item adds to the score of another beside all other events; intervals are over users"
    return Table(title, heads, rows, [note])
