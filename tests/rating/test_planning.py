"""What was said becomes a plan, or is refused in words."""

from __future__ import annotations

import numpy as np
import pytest

from ratings import RATED, draw_ratings
from weights.errors import DataError, UsageError
from weights.fitoptions import make_request
from weights.rating.planning import plan_rating, read_settings

ROWS = draw_ratings(n=400)


def plan(rows=ROWS, **said):
    return plan_rating(rows, make_request(None, {name: value for name, value in {**RATED, **said}.items() if value is not None}))


def test_settings_are_read_and_the_last_of_several_ratings_counts():
    made = plan({name: np.append(values, values[:1]) for name, values in ROWS.items()}, n_factors=4)
    assert made.settings.n_factors == 4
    assert made.task.repeats == "last"
    assert len(made.events) == 400
    assert made.seconds > 0.5
    assert sum(made.stages.values()) == pytest.approx(made.seconds)


def test_ratings_below_zero_are_judged_as_well():
    made = plan({**ROWS, "stars": ROWS["stars"] - 100})
    assert made.parts.came.sum() > 10


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        ({"value": None}, UsageError, "Name it with --value"),
        ({"model": "items"}, UsageError, "--model does nothing for ratings"),
        ({"n_factor": 3}, UsageError, "no setting 'n_factor' of ratings"),
        ({"n_factors": 0}, UsageError, "n_factors cannot be 0"),
        ({"protocol": "time"}, UsageError, "needs moments that differ"),
    ],
)
def test_what_cannot_be_is_refused(said, error, words):
    with pytest.raises(error, match=words):
        plan(**said)


def test_ratings_that_are_all_alike_or_of_one_user_are_refused():
    with pytest.raises(DataError, match="nothing to predict"):
        plan({**ROWS, "stars": np.full(400, 3.0)})
    with pytest.raises(DataError, match="but 50 events of 1 user"):
        plan({"user": np.ones(50, int), "item": np.arange(50), "stars": np.arange(50.0)})


def test_settings_may_be_texts():
    assert read_settings({"n_draws": "10", "thinning": "1"}).n_rounds == 30
