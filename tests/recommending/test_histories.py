"""Users are told apart by how much is known of them, and others stand in where few are alike."""

from __future__ import annotations

import numpy as np

from preferences import draw_preferences, read
from weights.data.interactions.splits import PROTOCOLS
from weights.recommending.histories import HISTORIES, draw_group, find_groups
from weights.recommending.judging import ask_of, find_ranks

EVENTS = read(draw_preferences(200, 60))
PARTS = PROTOCOLS["random"].part(EVENTS, 0)
ASKED = ask_of(EVENTS[np.flatnonzero(PARTS.learned)], EVENTS[np.flatnonzero(PARTS.came)])


def test_groups_begin_where_they_say():
    events = EVENTS.of_users(np.arange(200))
    groups = find_groups(events)
    assert all(HISTORIES[group] <= n for group, n in zip(groups, events.n_events, strict=True))
    assert find_groups(EVENTS[np.zeros(0, int)]).max() == 0


def test_who_stands_in_is_as_if_fewer_events_were_known():
    drawn = draw_group(ASKED, 1, 1_000, 0)
    assert len(drawn) == len(ASKED)
    assert set(find_groups(drawn.given)) == {1}
    assert drawn.given.n_events.min() >= 1
    own, whole = drawn.given.of_users(np.array([3])), drawn.known.of_users(np.array([3]))
    assert set(own.item) <= set(whole.item)
    assert len(whole) > len(own)


def test_what_is_no_longer_known_is_not_to_be_found_and_stands_on_no_list():
    drawn = draw_group(ASKED, 1, 1_000, 0)
    assert (drawn.came != ASKED.came).nnz == 0
    scores = drawn.known.matrix().toarray() * 100.0  # the highest scores are of what is known
    assert find_ranks(scores, drawn).place.max() < len(EVENTS.items) - drawn.known.n_events.min()
    assert np.array_equal(find_ranks(scores, drawn).place, find_ranks(np.zeros_like(scores), drawn).place)


def test_users_without_events_have_nobody_who_stands_in():
    assert len(draw_group(ASKED, 0, 1_000, 0)) == int(np.sum(ASKED.given.n_events == 0))


def test_at_most_so_many_are_drawn_always_the_same():
    first, second = (draw_group(ASKED, 2, 50, 7) for _ in range(2))
    assert len(first) == 50
    assert np.array_equal(first.users, second.users)
    assert np.array_equal(first.given.item, second.given.item)
