"""A mixture adds up its models, and answers those of whom nothing is known by popularity."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from small import rank_items
from weights.data.interactions.ids import Ids
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
    assert not any(personal.parts[FALLBACK].shares)
    assert any(any(part.shares) for part in personal.parts.values())


def test_items_are_named():
    assert RECOMMENDER.name(0) == "Item number 1"
    assert rank_items(tagged=False).recommender.name(0) == "1"
    assert RECOMMENDER.popularity.sum() == len(EVENTS)


def with_later_items():
    tags = RECOMMENDER.events.item_tags[:2]
    return RECOMMENDER.with_items(Ids(pa.array([900, 901])), ["First", "Second"], tags)


def test_items_that_came_later_are_scored_named_and_explained():
    later, user, m = with_later_items(), EVENTS.of_users(np.array([8])), len(EVENTS.items)
    scores = later.score(user)
    assert scores.shape == (1, m + 2)
    assert scores[:, :m] == pytest.approx(RECOMMENDER.score(user))
    assert (later.name(m + 1), later.items.values[m].as_py()) == ("Second", 900)
    places = np.array([m, 3, m + 1])
    total = later.score_for_all(user, places) + sum(part.sum(axis=0) for part in later.contribute(user, places).values())
    assert total == pytest.approx(scores[0, places], abs=1e-5)


def test_an_item_without_events_is_as_unsure_as_tags_are_wrong():
    later, user, m = with_later_items(), EVENTS.of_users(np.array([8])), len(EVENTS.items)
    spread = later.vary(user, np.arange(m + 2)).std(axis=0)
    assert spread[m:].min() > 0.5 * later.new_items.error(RECOMMENDER.score(user))[0]
    assert later.likeness(np.array([m, 0, 1]))[0, 1] == pytest.approx(1.0)
