"""How far predictions lie from later ratings, without learning again."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from weights.data.interactions.events import Interactions
from weights.errors import DataError
from weights.rating.rater import Rater
from weights.tasks.metrics import score
from weights.tasks.proportions import Metric
from weights.tasks.rating import Rating

LEVEL = 0.9
"""Of the intervals whose coverage is counted."""


class LaterRatings(msgspec.Struct, frozen=True):
    """How far predictions lie from later ratings.

    Attributes:
        metrics: with intervals over users. at_fit: those of ratings that were kept apart when it was learned.
        n_ratings, n_users: how many there were, of how many users. n_new: of these users, those of whom nothing was known.
        covered: the share of ratings within their 90 % intervals.
        notes: what was left out.
    """

    metrics: dict[str, Metric]
    at_fit: dict[str, Metric]
    n_ratings: int
    n_users: int
    n_new: int
    covered: float
    notes: list[str]


def score_ratings(rater: Rater, later: Interactions, remarks: Sequence[str]) -> LaterRatings:
    """How far predictions lie from later ratings.

    Args:
        rater: what was learned.
        later: later ratings, of its items.
        remarks: what is to be said of them.

    Raises:
        DataError: there are none.
    """
    if not len(later):
        raise DataError("Later ratings of items that the run knows were needed, but there are none. Give other rows.")
    known = rater.events.of_users(rater.events.users.find(later.users.values), later.users)
    predicted = rater.predict(known, later.user, later.item)
    half = rater.reach(LEVEL) * predicted.deviation
    asked = np.unique(later.user)
    return LaterRatings(
        metrics=score(Rating.metrics, later.value, predicted.mean, group=later.user),
        at_fit=rater.report.metrics,
        n_ratings=len(later),
        n_users=len(asked),
        n_new=int(np.sum(known.n_events[asked] == 0)),
        covered=float(np.mean(np.abs(later.value - predicted.mean) <= half)),
        notes=[*remarks],
    )
