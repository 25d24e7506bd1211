"""How lists fare on later events, without learning again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec
import numpy as np

from weights.data.interactions.events import Interactions
from weights.data.interactions.ids import Ids, collect_ids
from weights.errors import DataError
from weights.recommending.judging import ask_of, judge, summarise
from weights.recommending.recommender import Recommender
from weights.tasks.proportions import Metric


class RankingScore(msgspec.Struct, frozen=True):
    """How lists fare on later events.

    Attributes:
        metrics: of the lists. at_fit: those of events that were kept apart when it was learned.
        n_users: whose lists were judged. n_new: of these, those of whom nothing was known. n_events: what was to be found.
        notes: what was left out.
    """

    metrics: dict[str, Metric]
    at_fit: dict[str, Metric]
    n_users: int
    n_new: int
    n_events: int
    notes: list[str]


def score_later(recommender: Recommender, later: Interactions, remarks: Sequence[str]) -> RankingScore:
    """How the lists of users fare by what came later.

    Args:
        recommender: what was learned.
        later: later events, of its items.
        remarks: what is to be said of them.

    Raises:
        DataError: nothing came that was not known.
    """
    known = recommender.events
    users = collect_ids(known.users.values, later.users.values)
    given, came = (_with_users(events, users) for events in (known, later))
    asked = ask_of(given, came)
    if not len(asked):
        raise DataError("Later events of items that users did not have before were needed, but there are none. Give other rows.")
    judged = judge(recommender.score, asked)
    n_new = int(np.sum(asked.given.n_events == 0))
    metrics = summarise(judged, recommender.popularity, len(known))
    return RankingScore(metrics, recommender.report.metrics, len(asked), n_new, int(asked.came.nnz), [*remarks])


def _with_users(events: Interactions, users: Ids) -> Interactions:
    """The same events, of users that are counted among more."""
    places = users.find(events.users.values)
    order = np.lexsort((events.item, places[events.user]))
    return replace(events, users=users, user=places[events.user])[order]
