"""`Recommender`: models of who turns to what, how much each counts, and the events that they rest on."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import msgspec
import numpy as np
import scipy.sparse

from weights.data.interactions.events import Interactions
from weights.data.interactions.ids import Ids
from weights.data.interactions.tags import TagColumn, name_tags
from weights.ensemble import Report
from weights.recommending.choosing import Curve
from weights.recommending.histories import HISTORIES, HistoryGroup
from weights.recommending.methods import FALLBACK, Scorer
from weights.recommending.mixing import Part, mean_shares, score_all
from weights.recommending.neighbours import Neighbours, NeighbourSettings, fit_neighbours
from weights.recommending.newitems import NewItems
from weights.recommending.resampling import HALF_A_USER, draw_items
from weights.tasks.ranking import Ranking
from weights.types import FloatArray, IntArray


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


class LaterItems(NamedTuple):
    """Items that came since the fit.

    Attributes:
        ids: of them. names: what people call them, of each.
    """

    ids: Ids
    names: list[str]


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
        curves: of each model how lists fared along settings by which it follows the data more or less closely.
        new_items: how items without events are scored; None where they have no tags.
        later: items that came since the fit, behind those of the events.
    """

    task: Ranking
    events: Interactions
    parts: Mapping[str, Part]
    names: list[str]
    tags: Tags
    groups: list[HistoryGroup]
    report: Report
    curves: Mapping[str, Mapping[str, Curve]] = field(default_factory=dict)
    new_items: NewItems | None = None
    later: LaterItems | None = None

    @property
    def fallback(self) -> Part:
        """What answers users of whom nothing is known."""
        return self.parts[FALLBACK]

    @functools.cached_property
    def items(self) -> Ids:
        """Those that are ranked: of the events, and behind them those that came later."""
        return self.events.items if self.later is None else self.events.items.followed_by(self.later.ids)

    @property
    def counting(self) -> dict[str, Part]:
        """The models that count in lists."""
        return {name: part for name, part in self.parts.items() if any(part.shares)}

    @functools.cached_property
    def shares(self) -> dict[str, float]:
        """How much each model counts, in the mean over users."""
        return mean_shares(self.parts, self.events)

    @functools.cached_property
    def neighbours(self) -> Neighbours:
        """The likenesses of items."""
        return fit_neighbours(self.events, NeighbourSettings())

    def likeness(self, places: IntArray) -> FloatArray:
        """How alike some items are, the cosines of who turned to them, or of tags where one has no events, shape (k, k)."""
        if self.new_items is None or self.new_items.has_events[places].all():
            return self.neighbours.weights(places)[places]
        alike, known = self.new_items.likeness(places), np.flatnonzero(self.new_items.has_events[places])
        alike[np.ix_(known, known)] = self.neighbours.weights(places[known])[places[known]]
        return alike

    @functools.cached_property
    def personal(self) -> Recommender:
        """The same without what all users share: popularity counts only where it is all there is to say."""
        parts = {name: part for name, part in self.counting.items() if name != FALLBACK}
        if not parts:
            parts = {"neighbours": Part(self.neighbours, 1.0)}
        return replace(self, parts={**parts, FALLBACK: self.fallback._replace(shares=(0.0,) * len(HISTORIES))})

    def score(self, events: Interactions) -> FloatArray:
        """Scores of all items for users, shape (q, m), in standard deviations of each model's."""
        return score_all([*self.parts.values()], self.fallback, self.new_items, events)

    def _answering(self, events: Interactions) -> dict[str, tuple[Scorer, float]]:
        """The models that answer one user, and what their scores are multiplied by."""
        factors = {name: (part.scorer, float(part.share_of(events)[0]) / part.scale) for name, part in self.parts.items()}
        counting = {name: own for name, own in factors.items() if own[1]}
        if counting and events.n_known.any():
            return counting
        return {FALLBACK: (self.fallback.scorer, 1.0 / self.fallback.scale)}

    def _combine(self, of_known: Callable[[IntArray], FloatArray], places: IntArray) -> FloatArray:
        """What is linear in scores, of items with and without events; arguments as `NewItems.combine`."""
        return of_known(places) if self.new_items is None else self.new_items.combine(of_known, places)

    def vary(self, events: Interactions, places: IntArray) -> FloatArray:
        """How scores of one user change by draws of the learned users, and by half a user more for each item, shape (draws, k).

        An item without events varies as those by which its tags predict it, and as far as those lie from what tags predict of them.
        """
        answering = self._answering(events).values()

        def of_known(places: IntArray) -> FloatArray:
            return sum((scorer.vary(events, places) * factor for scorer, factor in answering), np.zeros((1, len(places))))

        known = np.ones(len(places), bool) if self.new_items is None else self.new_items.has_events[places]
        doubt = np.zeros(len(places))
        doubt[known] = sum((scorer.doubt(events, places[known]) * factor for scorer, factor in answering), np.zeros(int(known.sum())))
        if self.new_items is not None and not known.all():
            scores = sum((scorer.score(events) * factor for scorer, factor in answering), np.zeros((1, len(self.events.items))))
            doubt[~known] = self.new_items.error(scores)[0] / np.sqrt(HALF_A_USER)
        return self._combine(of_known, places) + draw_items(len(self.items))[:, places] * doubt

    def contribute(self, events: Interactions, places: IntArray) -> dict[str, FloatArray]:
        """What each event of one user, and then each tag, adds to the scores of some items by each model, shape (known, k)."""
        answering = self._answering(events).items()
        return {name: self._combine(functools.partial(scorer.contribute, events), places) * factor for name, (scorer, factor) in answering}

    def score_for_all(self, events: Interactions, places: IntArray) -> FloatArray:
        """What popularity adds to the scores of some items for one user, shape (k,)."""
        answering = self._answering(events).values()
        return sum((self._combine(scorer.base, places) * factor for scorer, factor in answering), np.zeros(len(places)))

    @functools.cached_property
    def popularity(self) -> IntArray:
        """How many users turned to each item, shape (m,)."""
        return np.bincount(self.events.item[self.events.value > 0], minlength=len(self.events.items))

    def name(self, place: int) -> str:
        """What an item is called."""
        if self.later is not None and place >= len(self.events.items):
            return self.later.names[place - len(self.events.items)]
        return self.names[place] if self.names else self.events.items.show(place)

    def with_items(self, ids: Ids, names: list[str], tags: scipy.sparse.csr_matrix) -> Recommender:
        """The same that ranks items too which came since the fit, by their tags.

        Args:
            ids: of items that are not known.
            names: what people call them.
            tags: as `tags` has them, sparse, shape (l, f).
        """
        assert self.new_items is not None, "items have tags"
        return replace(self, later=LaterItems(ids, names), new_items=self.new_items.extend(tags))
