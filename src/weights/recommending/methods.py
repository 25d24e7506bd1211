"""The models of who turns to what: `METHODS`, by name. To add one, write its file beside `neighbours.py`, and give it a row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from weights.data.interactions.events import Interactions
from weights.recommending import factors, itemweights
from weights.recommending.factors import FactorSettings, fit_factors, keep_factors, rebuild_factors
from weights.recommending.itemweights import ItemWeightSettings, fit_item_weights, keep_item_weights, rebuild_item_weights
from weights.recommending.neighbours import NeighbourSettings, fit_neighbours
from weights.recommending.popularity import PopularitySettings, fit_popularity
from weights.types import FloatArray, IntArray


class Scorer(Protocol):
    """A fitted model: scores of all items for users, which are sums of what their events add."""

    @property
    def settings(self) -> Any:
        """How it was learned."""

    def score(self, events: Interactions) -> FloatArray:
        """Scores of all items, shape (q, m)."""

    def contribute(self, events: Interactions, places: IntArray) -> FloatArray:
        """What each event of one user, and then each tag, adds to the scores of some items, shape (known, k)."""

    def base(self, places: IntArray) -> FloatArray:
        """What all users have of the scores of some items, shape (k,)."""

    def doubt(self, events: Interactions, places: IntArray) -> FloatArray:
        """What a user more, who is as the one asked for and took the item, would add to its score, shape (k,)."""

    def vary(self, events: Interactions, places: IntArray) -> FloatArray:
        """How scores of one user change by draws of the learned users, shape (draws, k)."""


class Ladder(NamedTuple):
    """Values of a setting that are tried, from the usual one as far as they gain.

    Attributes:
        values: in order.
        acts: whether the setting does something for some events.
        follows: 1 where more of it lets the model follow the data more closely, -1 where less does, 0 where neither is so.
        few: whether it matters most of users of whom little is known, so that it is judged by these.
        grows: whether more of it needs more events, so that a step up may lose a little where a part of them is kept apart.
    """

    values: Sequence[Any]
    acts: Callable[[Interactions], bool] = lambda events: True
    follows: int = 0
    few: bool = False
    grows: bool = False


class Kept(NamedTuple):
    """How what was learned is saved, where it does not follow from events and settings.

    Attributes:
        arrays: of what was learned, those to keep, by name. shapes: of these, from (settings, rows, columns).
        rebuild: (events, settings, arrays) -> what was learned.
    """

    arrays: Callable[[Any], dict[str, FloatArray]]
    shapes: Callable[[Any, int, int], dict[str, list[int]]]
    rebuild: Callable[[Interactions, Any, Mapping[str, FloatArray]], Any]


class Method(NamedTuple):
    """A model of who turns to what.

    Attributes:
        title: what it is called in a sentence.
        settings: the record of what can be set.
        fit: (events, settings) -> what was learned.
        ladders: of settings that are chosen, one after the other.
        kept: how it is saved; None where it is learned again from the events in no time.
    """

    title: str
    settings: type[msgspec.Struct]
    fit: Callable[[Interactions, Any], Any]
    ladders: Mapping[str, Ladder] = {}
    kept: Kept | None = None


_EMPHASIS = Ladder((0.0, 0.5, 1.0), lambda events: events.valued)
_TAGS = Ladder((0.0, 0.1, 0.3, 1.0, 3.0), lambda events: events.user_tags is not None or events.item_tags is not None, few=True)
METHODS: dict[str, Method] = {
    "items": Method(
        "weights from item to item",
        ItemWeightSettings,
        fit_item_weights,
        {"strength": Ladder((3.0, 10.0, 25.0, 50.0, 100.0, 200.0, 400.0, 800.0, 1600.0), follows=-1), "emphasis": _EMPHASIS, "tags": _TAGS},
        Kept(keep_item_weights, itemweights.list_shapes, rebuild_item_weights),
    ),
    "factors": Method(
        "factors of users and items",
        FactorSettings,
        fit_factors,
        {
            "unobserved": Ladder((0.03, 0.1, 0.3, 1.0)),
            "penalty": Ladder((0.001, 0.003, 0.01, 0.03), follows=-1),
            "n_factors": Ladder((8, 16, 32, 64, 128), follows=1, grows=True),
            "emphasis": _EMPHASIS,
            "tags": _TAGS,
        },
        Kept(keep_factors, factors.list_shapes, rebuild_factors),
    ),
    "neighbours": Method("likenesses of items", NeighbourSettings, fit_neighbours, {"tags": _TAGS}),
    "popularity": Method(
        "popularity",
        PopularitySettings,
        fit_popularity,
        {"half_life": Ladder((None, 0.5, 0.25, 0.12, 0.06, 0.03, 0.015, 0.007), lambda events: events.time is not None)},
    ),
}
FALLBACK = "popularity"
"""What answers users of whom nothing is known."""
