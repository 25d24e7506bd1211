"""Later ratings judge predictions without learning again."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

import weights as wt
from ratings import FEW, RATED, STARS, draw_ratings
from weights.data.interactions.events import read_interactions
from weights.errors import DataError
from weights.rating.scoring import score_ratings

RATER = wt.fit(draw_ratings(), **RATED, **FEW).rater


def test_later_ratings_are_compared_with_what_was_predicted():
    later, _ = read_interactions(pa.table(draw_ratings(seed=5)), STARS, items=RATER.events.items)
    scored = score_ratings(RATER, later, ["a remark"])
    known = RATER.events.of_users(RATER.events.users.find(later.users.values), later.users)
    error = later.value - RATER.predict(known, later.user, later.item).mean
    assert scored.metrics["rmse"].value == pytest.approx(np.sqrt(np.mean(error**2)))
    assert scored.notes == ["a remark"]
    assert (scored.n_ratings, scored.n_users, scored.n_new) == (1_600, 80, 0)


def test_nothing_to_score_is_refused():
    later, _ = read_interactions(
        pa.table({"user": [1], "item": [999], "stars": [3.0]}), STARS, users=RATER.events.users, items=RATER.events.items
    )
    with pytest.raises(DataError, match="there are none"):
        score_ratings(RATER, later, [])
