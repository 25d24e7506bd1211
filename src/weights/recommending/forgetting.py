"""A recommender as it would be had a user never been there: its models are learned again, with the same settings, from what is left."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np

from weights.data.interactions.events import Interactions
from weights.data.interactions.ids import Ids
from weights.errors import DataError
from weights.recommending.methods import METHODS
from weights.recommending.newitems import fit_new_items
from weights.recommending.recommender import Recommender

_FEWEST_LEFT = 2


def forget_user(recommender: Recommender, place: int) -> Recommender:
    """The recommender without a user: id, events, tags, and what models learned of them.

    Settings, shares and metrics, which are of all users together, stay as they are.

    Args:
        recommender: what was learned.
        place: of the user.

    Raises:
        DataError: nobody would be left to learn from.
    """
    events = _leave_user(recommender.events, place)
    if len(np.unique(events.user)) < _FEWEST_LEFT:
        raise DataError(
            f"At least {_FEWEST_LEFT} users must be left to learn from, but without this one there are fewer. Remove the run instead."
        )
    parts = {name: part._replace(scorer=METHODS[name].fit(events, part.scorer.settings)) for name, part in recommender.parts.items()}
    remarks = [remark for remark in recommender.report.remarks if not remark.endswith(_FORGOTTEN)]
    n_before = sum(int(remark.split()[0].replace(",", "")) for remark in recommender.report.remarks if remark.endswith(_FORGOTTEN))
    report = msgspec.structs.replace(recommender.report, remarks=[*remarks, f"{n_before + 1:,} {_FORGOTTEN}"])
    penalty = None if recommender.new_items is None else recommender.new_items.penalty
    return replace(recommender, events=events, parts=parts, report=report, new_items=fit_new_items(events, penalty))


_FORGOTTEN = "forgotten since the fit, whose metrics are of all who were there"


def _leave_user(events: Interactions, place: int) -> Interactions:
    """The events without a user."""
    others = np.delete(np.arange(len(events.users)), place)
    kept = events[np.flatnonzero(events.user != place)]
    tags = None if events.user_tags is None else events.user_tags[others]
    return replace(kept, users=Ids(events.users.take(others)), user=np.searchsorted(others, kept.user), user_tags=tags)
