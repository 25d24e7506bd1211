"""What a recommender knows of a user, for people."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from weights.data.interactions.events import Interactions, order_of_time
from weights.recommending.profiles import weigh_events
from weights.recommending.recommender import Recommender
from weights.recommending.userrecords import UserRecord


class UserEvent(msgspec.Struct, frozen=True):
    """What is known of a user and an item.

    Attributes:
        item: the id. name: what people call it.
        value: what came. time: when, in seconds or numbers; None where nothing says.
        weight: how much it counts, about one; below zero of what was refused.
        remembered: whether it came since the fit.
    """

    item: Any
    name: str
    value: float
    time: float | None
    weight: float
    remembered: bool


class UserProfile(msgspec.Struct, frozen=True):
    """What a run knows of a user.

    Attributes:
        user: the id.
        events: the latest first. tags: what is known of the user beside.
        n_remembered: events that came since the fit. n_steps: in so many steps, which can be undone.
    """

    user: Any
    events: list[UserEvent]
    tags: list[str]
    n_remembered: int
    n_steps: int


def describe_user(recommender: Recommender, events: Interactions, record: UserRecord | None) -> UserProfile:
    """What is known of one user: events, the latest first, and tags.

    Args:
        recommender: what was learned.
        events: of the user, those remembered since the fit among them.
        record: of these; None where there are none.
    """
    emphasis = max((getattr(part.scorer.settings, "emphasis", 0.0) for part in recommender.counting.values()), default=0.0)
    weights, steps = weigh_events(events, emphasis), [] if record is None else record.steps
    remembered = {item for step in steps for item in step.items}
    listed = []
    for row in np.argsort(-order_of_time(events), kind="stable"):
        place = int(events.item[row])
        item = events.items.values[place].as_py()
        moment = None if events.time is None or not np.isfinite(events.time[row]) else float(events.time[row])
        listed.append(UserEvent(item, recommender.name(place), float(events.value[row]), moment, float(weights[row]), item in remembered))
    tags = [] if events.user_tags is None else [recommender.tags.of_users[place] for place in events.user_tags.indices]
    return UserProfile(events.users.values[0].as_py(), listed, tags, sum(len(step.items) for step in steps), len(steps))
