"""A score is shared out among what the user did, what is known of the user, and popularity."""

from __future__ import annotations

import numpy as np
import pytest

import weights as wt
from preferences import SAID, draw_preferences
from small import rank_items
from weights.recommending.explaining import explain_scores, name_reasons

RECOMMENDER = rank_items().recommender
USER = RECOMMENDER.events.of_users(np.array([8]))
PLACES = np.setdiff1d(np.arange(40), USER.item)[:3]


def test_reasons_and_popularity_add_up_to_the_score():
    for explained, score in zip(explain_scores(RECOMMENDER, USER, PLACES), RECOMMENDER.score(USER)[0, PLACES], strict=True):
        assert explained.popularity + sum(reason.contribution for reason in explained.reasons) == pytest.approx(score, abs=1e-5)
        assert explained.score == pytest.approx(score, abs=1e-5)
        assert {reason.item for reason in explained.reasons} <= {*USER.items.take(USER.item).to_pylist()}
        assert f"for user {explained.user}: score" in explained.lines()[0]


def test_tags_of_users_are_reasons_by_name():
    rows = draw_preferences()
    users = {"user": np.arange(120) + 100, "team": np.where(np.arange(120) % 2, "red", "blue")}
    model = wt.fit(rows, users=users, **SAID, model="items", strength=5.0, emphasis=0.0, **{"items.tags": 1.0})
    reasons = model.explain(105)[0].reasons
    assert any(reason.item is None and reason.name == "team red" for reason in reasons)


def test_the_first_reasons_are_named_in_words():
    words = name_reasons(RECOMMENDER, USER, PLACES)
    assert len(words) == 3
    assert all(word == "popularity" or "+" in word for word in words)


def test_what_remains_is_counted():
    lines = explain_scores(RECOMMENDER, USER, PLACES[:1])[0].lines(top=2)
    assert any(f"{len(USER) - 2} more" in line for line in lines) or len(lines) < 8
