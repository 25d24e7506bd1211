"""A mixture adds up its models, and answers those of whom nothing is known by popularity."""

from __future__ import annotations

import numpy as np
import pytest

from small import rank_items
from weights.recommending.methods import FALLBACK

RECOMMENDER = rank_items().recommender
EVENTS = RECOMMENDER.events


def test_contributions_and_what_all_have_add_up_to_the_score():
    user, places = EVENTS.of_users(np.array([8])), np.arange(len(EVENTS.items))
    unseen = np.setdiff1d(places, user.item)
    total = RECOMMENDER.score_for_all(user, unseen) + sum(part.sum(axis=0) for part in RECOMMENDER.contribute(user, unseen).values())
    assert total == pytest.approx(RECOMMENDER.score(user)[0, unseen], abs=1e-5)


def test_somebody_unknown_is_answered_by_popularity():
    nobody = EVENTS.of_users(np.array([-1]), ids=EVENTS.of_users(np.array([0])).users)
    order = np.argsort(-RECOMMENDER.score(nobody)[0], kind="stable")
    assert order.tolist() == np.argsort(-RECOMMENDER.parts[FALLBACK].scorer.level, kind="stable").tolist()
    assert RECOMMENDER.vary(nobody, np.arange(4)).any()


def test_what_is_personal_leaves_popularity_out():
    personal = RECOMMENDER.personal
    assert personal.parts[FALLBACK].share == 0
    assert any(part.share for part in personal.parts.values())


def test_items_are_named():
    assert RECOMMENDER.name(0) == "Item number 1"
    assert rank_items(tagged=False).recommender.name(0) == "1"
    assert RECOMMENDER.popularity.sum() == len(EVENTS)
