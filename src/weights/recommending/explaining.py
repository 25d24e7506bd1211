"""Why an item stands on a list: what each event of the user adds to its score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from weights.data.interactions.events import Interactions
from weights.recommending.recommender import Recommender
from weights.tables import Table, compact, short_name, signed
from weights.types import FloatArray, IntArray

_N_REASONS = 3


class Reason(msgspec.Struct, frozen=True):
    """What an event, or a tag of the user, adds to a score.

    Attributes:
        item: of the event; None of a tag. name: what people call it.
        value: what came; None of a tag. contribution: to the score.
    """

    item: Any
    name: str
    value: float | None
    contribution: float


class ExplainedScore(msgspec.Struct, frozen=True):
    """A score as a sum.

    Attributes:
        user, item: whose score of what. name: what people call the item.
        score: the sum of `popularity` and all contributions.
        popularity: what the item has for everybody.
        reasons: of events and tags, the largest first.
        by_model: how much of the score each model makes.
    """

    user: Any
    item: Any
    name: str
    score: float
    popularity: float
    reasons: list[Reason]
    by_model: dict[str, float]

    def lines(self, top: int = 10) -> list[str]:
        """The score as a table."""
        shown = self.reasons[:top]
        rows = [[short_name(reason.name), compact(reason.value), signed(reason.contribution)] for reason in shown]
        if rest := self.reasons[top:]:
            rows.append([f"{len(rest):,} more", "", signed(sum(reason.contribution for reason in rest))])
        rows.append(["popularity", "", signed(self.popularity)])
        models = ", ".join(f"{name} {signed(part)}" for name, part in self.by_model.items())
        return Table(
            f"{self.name} for user {self.user}: score {self.score:.3f}", ["", "value", "adds"], rows, [f"by model: {models}"]
        ).lines()


def explain_scores(recommender: Recommender, events: Interactions, places: IntArray) -> list[ExplainedScore]:
    """The scores of some items for one user as sums.

    Args:
        recommender: what was learned.
        events: what is known of the user.
        places: items.
    """
    parts = recommender.contribute(events, places)
    total = _add_up(parts, len(places))
    popularity = recommender.score_for_all(events, places)
    user = events.users.values[0].as_py()
    explained = []
    for k, place in enumerate(places):
        order = np.argsort(-np.abs(total[:, k]), kind="stable")
        reasons = [_reason(recommender, events, int(event), float(total[event, k])) for event in order if total[event, k]]
        by_model = {name: float(part[:, k].sum()) for name, part in parts.items()}
        explained.append(
            ExplainedScore(
                user,
                recommender.items.values[int(place)].as_py(),
                recommender.name(int(place)),
                float(total[:, k].sum() + popularity[k]),
                float(popularity[k]),
                reasons,
                by_model,
            )
        )
    return explained


def _add_up(parts: Mapping[str, FloatArray], k: int) -> FloatArray:
    """What all models make of each event, and then each tag, shape (known, k); models that look at no tags have events alone."""
    total = np.zeros((max((len(part) for part in parts.values()), default=0), k))
    for part in parts.values():
        total[: len(part)] += part
    return total


def _reason(recommender: Recommender, events: Interactions, place: int, contribution: float) -> Reason:
    """What an event, or, behind these, a tag adds."""
    if place >= len(events):
        return Reason(None, _name_known(recommender, events, place), None, contribution)
    item = int(events.item[place])
    return Reason(events.items.values[item].as_py(), recommender.name(item), float(events.value[place]), contribution)


def _name_known(recommender: Recommender, events: Interactions, place: int) -> str:
    """What an event, or a tag, is called."""
    if place < len(events):
        return recommender.name(int(events.item[place]))
    return recommender.tags.of_users[int(events.user_tags.indices[place - len(events)])]


def explain_lists(recommender: Recommender, asked: Interactions, users: IntArray, items: IntArray) -> list[str]:
    """For each place of lists the events that add most to its score, in words.

    Args:
        recommender: what was learned.
        asked: what is known of users.
        users: whose place it is, in ascending order, shape (r,).
        items: which item stands there, shape (r,).
    """
    words: list[str] = []
    for user in np.unique(users):
        words += name_reasons(recommender, asked.of_users(np.asarray([user])), items[users == user])
    return words


def name_reasons(recommender: Recommender, events: Interactions, places: IntArray) -> list[str]:
    """For each of some items the events that add most to its score, in words."""
    parts = recommender.contribute(events, places)
    total, words = _add_up(parts, len(places)), []
    for k in range(len(places)):
        order = [event for event in np.argsort(-total[:, k], kind="stable")[:_N_REASONS] if total[event, k] > 0]
        words.append(
            ", ".join(f"{short_name(_name_known(recommender, events, int(event)))} {signed(float(total[event, k]))}" for event in order)
        )
    return [word or "popularity" for word in words]
