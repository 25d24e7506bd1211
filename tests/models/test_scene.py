"""Rows as images: boxes around marked places."""

import numpy as np

from weights.models.scene import box_of


def test_a_box_is_the_smallest_around_all_marked_places():
    places = np.zeros((6, 9), bool)
    places[1, 3] = places[4, 5] = True
    assert box_of(places) == (1, 3, 5, 6)
