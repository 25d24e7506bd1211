"""Why a user will rate an item so: a predicted rating as a sum of what each own rating adds."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from weights.data.interactions.events import Interactions
from weights.rating.rater import Rater
from weights.tables import Table, compact, short_name, signed


class RatingReason(msgspec.Struct, frozen=True):
    """What a rating of the user adds to a predicted one.

    Attributes:
        item: that was rated. name: what people call it.
        value: the rating. contribution: to the predicted one.
    """

    item: Any
    name: str
    value: float
    contribution: float


class ExplainedRating(msgspec.Struct, frozen=True):
    """A predicted rating as a sum.

    Attributes:
        user, item: who is to rate what. name: what people call the item.
        rating: that is predicted: the sum of what follows, but not beyond the ratings there were.
        mean: of all ratings.
        of_item: what the item has above it, whoever rates.
        of_user: what is known of the user beside ratings.
        reasons: own ratings, the largest first.
    """

    user: Any
    item: Any
    name: str
    rating: float
    mean: float
    of_item: float
    of_user: float
    reasons: list[RatingReason]

    def lines(self, top: int = 10) -> list[str]:
        """The rating as a table."""
        shown, rest = self.reasons[:top], self.reasons[top:]
        rows = [["mean of all ratings", "", signed(self.mean)], ["what the item has above it", "", signed(self.of_item)]]
        rows.append(["what users like this one have", "", signed(self.of_user)])
        rows += [[short_name(reason.name), compact(reason.value), signed(reason.contribution)] for reason in shown]
        if rest:
            rows.append([f"{len(rest):,} more ratings", "", signed(sum(reason.contribution for reason in rest))])
        return Table(f"{self.name} for user {self.user}: {self.rating:.2f}", ["", "rated", "adds"], rows, []).lines()


def explain_rating(rater: Rater, known: Interactions, item: int) -> ExplainedRating:
    """The rating that one user will give an item, as a sum.

    Args:
        rater: what was learned.
        known: what is known of the user.
        item: its place.
    """
    by_event, of_item, of_user = rater.contribute(known, item)
    order = np.argsort(-np.abs(by_event), kind="stable")
    reasons = []
    for event in order:
        place = int(known.item[event])
        name = rater.name(place)
        reasons.append(RatingReason(known.items.values[place].as_py(), name, float(known.value[event]), float(by_event[event])))
    rating = float(rater.predict(known, np.zeros(1, np.int64), np.asarray([item])).mean[0])
    user, asked = known.users.values[0].as_py(), known.items.values[item].as_py()
    return ExplainedRating(user, asked, rater.name(item), rating, rater.draws.middle, of_item, of_user, reasons)
