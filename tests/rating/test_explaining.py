"""A predicted rating is shared out among what the user rated."""

from __future__ import annotations

import numpy as np
import pytest

import weights as wt
from ratings import FEW, RATED, draw_ratings
from weights.rating.explaining import explain_rating

RATER = wt.fit(draw_ratings(), **RATED, **FEW).rater


def test_parts_add_up_and_the_largest_stands_first():
    known = RATER.events.of_users(np.array([2]))
    explained = explain_rating(RATER, known, 4)
    total = explained.mean + explained.of_item + explained.of_user + sum(reason.contribution for reason in explained.reasons)
    assert np.clip(total, RATER.low, RATER.high) == pytest.approx(explained.rating, abs=1e-8)
    sizes = [abs(reason.contribution) for reason in explained.reasons]
    assert sizes == sorted(sizes, reverse=True)
    assert {reason.item for reason in explained.reasons} == {RATER.events.items.values[int(place)].as_py() for place in known.item}


def test_lines_name_what_adds_and_sum_up_the_rest():
    lines = explain_rating(RATER, RATER.events.of_users(np.array([2])), 4).lines(top=3)
    assert "5 for user 102" in lines[0]
    assert any("more ratings" in line for line in lines)
    assert any("mean of all ratings" in line for line in lines)
