"""What users did becomes weights: ranks among the own values, and tags beside events."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse

from preferences import read
from weights.data.interactions.events import EventColumns
from weights.recommending.profiles import profile, profile_all, scale_rows, weigh_events

VALUED = EventColumns("user", "item", "value")
EVENTS = read({"user": [1, 1, 1, 1, 2, 3, 3], "item": [1, 2, 3, 4, 1, 1, 2], "value": [5.0, 5.0, 1.0, -2.0, 9.0, 0.0, 7.0]}, VALUED)


def test_values_count_by_their_rank_among_those_of_the_user_ties_alike():
    assert weigh_events(EVENTS, 1.0) == pytest.approx([1 + 2 / 3 - 0.5, 1 + 2 / 3 - 0.5, 1 + 1 / 6 - 0.5, -1, 1, 0, 1])


def test_without_emphasis_what_was_taken_counts_one():
    assert weigh_events(EVENTS, 0.0).tolist() == [1, 1, 1, -1, 1, 0, 1]


def test_the_unit_of_values_plays_no_part():
    assert np.array_equal(weigh_events(replace(EVENTS, value=EVENTS.value * 1e6), 0.7), weigh_events(EVENTS, 0.7))


def test_tags_of_users_stand_beside_events_and_those_of_items_below():
    user_tags, item_tags = scipy.sparse.csr_matrix([[1.0, 0], [0, 1], [0, 0]]), scipy.sparse.csr_matrix([[1.0], [1], [0], [0]])
    both = replace(EVENTS, user_tags=user_tags, item_tags=item_tags)
    rows = profile_all(both, 0.0, 0.5).toarray()
    assert rows.shape == (4, 6)
    assert rows[:3, 4:].tolist() == [[0.5, 0], [0, 0.5], [0, 0]]
    assert rows[3].tolist() == [0.5, 0.5, 0, 0, 0, 0]
    assert profile(both, 0.0, 0.0).shape == profile_all(both, 0.0, 0.0).shape == (3, 4)
    assert profile(EVENTS, 0.0, 0.5, 6).shape == (3, 6)


def test_what_is_zero_is_kept():
    assert profile(EVENTS, 0.0, 1.0).nnz == len(EVENTS)


def test_rows_are_scaled():
    assert scale_rows(EVENTS.matrix(), np.array([2.0, 0.0, 1.0])).toarray()[0].tolist() == [10, 10, 2, -4]
