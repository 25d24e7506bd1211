"""What is known of a user is listed, the latest first, with what came since the fit marked."""

from __future__ import annotations

import numpy as np

from small import rank_items
from weights.recommending.describing import describe_user
from weights.recommending.userrecords import Step, UserRecord

RECOMMENDER = rank_items().recommender
USER = RECOMMENDER.events.of_users(np.array([8]))


def test_events_are_listed_the_latest_first_with_their_weights():
    profile = describe_user(RECOMMENDER, USER, None)
    times = [event.time for event in profile.events]
    assert times == sorted(times, reverse=True)
    assert len(profile.events) == len(USER)
    assert (profile.user, profile.n_remembered, profile.tags) == (108, 0, [])
    assert all(0.5 <= event.weight <= 1.5 for event in profile.events)


def test_what_was_remembered_is_marked():
    item = int(USER.items.values[int(USER.item[0])].as_py())
    profile = describe_user(RECOMMENDER, USER, UserRecord(108, [Step([item], [1.0], [None], "now")]))
    assert [event.item for event in profile.events if event.remembered] == [item]
    assert (profile.n_remembered, profile.n_steps) == (1, 1)
