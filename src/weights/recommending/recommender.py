"""`Recommender`: models of who turns to what, how much each counts, and the events that they rest on."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from weights.data.interactions.events import Interactions
from weights.data.interactions.tags import TagColumn, name_tags
from weights.ensemble import Report
from weights.recommending.methods import FALLBACK, Scorer
from weights.recommending.mixing import Part, score_all
from weights.recommending.neighbours import Neighbours, NeighbourSettings, fit_neighbours
from weights.recommending.resampling import draw_items
from weights.tasks.proportions import Metric
from weights.tasks.ranking import Ranking
from weights.types import FloatArray, IntArray


class HistoryGroup(msgspec.Struct, frozen=True):
    """How lists of users fare of whom about as much was known.

    Attributes:
        fewest, most: events that were known; no upper end if None.
        n_users: how many they are.
        metrics: of their lists.
    """

    fewest: int
    most: int | None
    n_users: int
    metrics: dict[str, Metric]


class Tags(msgspec.Struct, frozen=True):
    """How features become tags.

    Attributes:
        users, items: of each, column by column.
    """

    users: list[TagColumn] = []
    items: list[TagColumn] = []

    @property
    def of_users(self) -> list[str]:
        """What the tags of users are called."""
        return name_tags(self.users)


@dataclass(frozen=True, eq=False)
class Recommender:
    """Models of who turns to what, mixed.

    Attributes:
        task: which columns are what, and how lists were judged.
        events: what was learned from; its users are those that are known, its items those that are ranked.
        parts: the models by name, with `FALLBACK`.
        names: what items are called by people, length m; empty where no table says.
        tags: how features of users and items became tags.
        groups: how lists fare by how much was known of users.
        report: how it was made and how good it is.
    """

    task: Ranking
    events: Interactions
    parts: Mapping[str, Part]
    names: list[str]
    tags: Tags
    groups: list[HistoryGroup]
    report: Report

    @property
    def fallback(self) -> Part:
        """What answers users of whom nothing is known."""
        return self.parts[FALLBACK]

    @property
    def counting(self) -> dict[str, Part]:
        """The models that count in lists."""
        return {name: part for name, part in self.parts.items() if part.share or part.new_share}

    @functools.cached_property
    def neighbours(self) -> Neighbours:
        """The likenesses of items."""
        return fit_neighbours(self.events, NeighbourSettings())

    def likeness(self, places: IntArray) -> FloatArray:
        """How alike some items are, the cosines of who turned to them, shape (k, k)."""
        return self.neighbours.weights(places)[places]

    @functools.cached_property
    def personal(self) -> Recommender:
        """The same without what all users share: popularity counts only where it is all there is to say."""
        parts = {name: part for name, part in self.counting.items() if name != FALLBACK}
        if not parts:
            parts = {"neighbours": Part(self.neighbours, 1.0, 1.0, 0.0)}
        return replace(self, parts={**parts, FALLBACK: self.fallback._replace(share=0.0, new_share=0.0)})

    def score(self, events: Interactions) -> FloatArray:
        """Scores of all items for users, shape (q, m), in standard deviations of each model's."""
        return score_all([*self.parts.values()], self.fallback, events)

    def _answering(self, events: Interactions) -> dict[str, tuple[Scorer, float]]:
        """The models that answer one user, and what their scores are multiplied by."""
        factors = {name: (part.scorer, float(part.share_of(events)[0]) / part.scale) for name, part in self.parts.items()}
        counting = {name: own for name, own in factors.items() if own[1]}
        if counting and events.n_known.any():
            return counting
        return {FALLBACK: (self.fallback.scorer, 1.0 / self.fallback.scale)}

    def vary(self, events: Interactions, places: IntArray) -> FloatArray:
        """How scores of one user change by draws of the learned users, and by half a user more for each item, shape (draws, k)."""
        answering = self._answering(events).values()
        changes = sum((scorer.vary(events, places) * factor for scorer, factor in answering), np.zeros((1, len(places))))
        doubt = sum((scorer.doubt(events, places) * factor for scorer, factor in answering), np.zeros(len(places)))
        return changes + draw_items(len(self.events.items))[:, places] * doubt

    def contribute(self, events: Interactions, places: IntArray) -> dict[str, FloatArray]:
        """What each event of one user, and then each tag, adds to the scores of some items by each model, shape (known, k)."""
        return {name: scorer.contribute(events, places) * factor for name, (scorer, factor) in self._answering(events).items()}

    def score_for_all(self, events: Interactions, places: IntArray) -> FloatArray:
        """What popularity adds to the scores of some items for one user, shape (k,)."""
        return sum((scorer.base(places) * factor for scorer, factor in self._answering(events).values()), np.zeros(len(places)))

    @functools.cached_property
    def popularity(self) -> IntArray:
        """How many users turned to each item, shape (m,)."""
        return np.bincount(self.events.item[self.events.value > 0], minlength=len(self.events.items))

    def name(self, place: int) -> str:
        """What an item is called."""
        return self.names[place] if self.names else self.events.items.show(place)
