"""Events are parted as each protocol says, and always alike for a seed."""

from __future__ import annotations

import numpy as np
import pytest

from preferences import draw_preferences, read
from weights.data.interactions.events import EventColumns
from weights.data.interactions.splits import PROTOCOLS, usual_protocol

EVENTS = read(draw_preferences())


@pytest.mark.parametrize("name", [*PROTOCOLS])
def test_what_is_to_be_found_is_neither_learned_from_nor_given(name):
    parts = PROTOCOLS[name].part(EVENTS, 3)
    again = PROTOCOLS[name].part(EVENTS, 3)
    assert parts.came.any()
    assert not (parts.came & (parts.learned | parts.given)).any()
    assert all(np.array_equal(own, other) for own, other in zip(parts, again, strict=True))


def test_by_time_all_that_came_is_later_than_what_was_learned():
    parts = PROTOCOLS["time"].part(EVENTS, 0)
    assert EVENTS.time[parts.learned].max() < EVENTS.time[parts.came].min()
    assert parts.came.mean() == pytest.approx(0.2, abs=0.01)


def test_the_last_event_of_each_user_is_one_and_its_latest():
    parts = PROTOCOLS["last"].part(EVENTS, 0)
    assert np.bincount(EVENTS.user[parts.came]).max() == 1
    for user in np.unique(EVENTS.user[parts.came]):
        own = EVENTS.user == user
        assert EVENTS.time[own & parts.came] == EVENTS.time[own].max()


def test_users_apart_are_not_learned_from_at_all():
    parts = PROTOCOLS["users"].part(EVENTS, 0)
    apart = np.unique(EVENTS.user[parts.came])
    assert not np.isin(EVENTS.user[parts.learned], apart).any()
    assert np.isin(apart, EVENTS.user[parts.given]).mean() > 0.9


def test_events_with_times_are_parted_by_time_others_at_random():
    assert usual_protocol(EVENTS) == "time"
    assert usual_protocol(read(draw_preferences(), EventColumns("user", "item"))) == "random"
