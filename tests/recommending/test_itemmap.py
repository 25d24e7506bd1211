"""Items of the same users lie near each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from small import rank_items
from weights.errors import DataError
from weights.recommending.itemmap import map_items

RECOMMENDER = rank_items().recommender


def test_items_of_a_taste_lie_nearer_to_each_other_than_to_others():
    drawn = map_items(RECOMMENDER, 40)
    points = np.array([[item.x, item.y] for item in drawn.items])
    taste = np.array([(item.item - 1) % 4 for item in drawn.items])
    distance = np.linalg.norm(points[:, None] - points, axis=2)
    same = taste[:, None] == taste
    assert distance[same & ~np.eye(40, dtype=bool)].mean() < 0.8 * distance[~same].mean()
    assert 0 < drawn.share < 1


def test_the_most_popular_stand_first_and_there_are_as_many_as_asked_for():
    drawn = map_items(RECOMMENDER, 10)
    assert len(drawn.items) == 10
    counts = [item.n_users for item in drawn.items]
    assert counts == sorted(counts, reverse=True)
    assert drawn.items[0].name.startswith("Item number")


def test_a_map_of_two_items_is_refused():
    events = RECOMMENDER.events
    with pytest.raises(DataError, match="at least 3 items"):
        map_items(replace(RECOMMENDER, events=events[np.flatnonzero(events.item < 2)]), 10)
