"""Lists are judged among all items but those a user had, with errors over users."""

from __future__ import annotations

import numpy as np
import pytest

from preferences import draw_preferences, read
from weights.data.interactions.splits import PROTOCOLS
from weights.recommending.judging import (
    ask_of,
    compare_users,
    find_first,
    find_ranks,
    judge,
    leave_out_known,
    mean_loss,
    mean_of_users,
    summarise,
)

EVENTS = read(draw_preferences())
PARTS = PROTOCOLS["random"].part(EVENTS, 0)
LEARNED, CAME = EVENTS[np.flatnonzero(PARTS.learned)], EVENTS[np.flatnonzero(PARTS.came)]
ASKED = ask_of(LEARNED, CAME)


def know_all(events):
    """Scores of somebody who knows what came."""
    places = np.searchsorted(ASKED.given.users.values.to_numpy(), events.users.values.to_numpy())
    return ASKED.came[places].toarray()


def test_who_knows_what_came_loses_nothing_and_who_says_the_opposite_nearly_all():
    assert mean_loss(know_all, ASKED) == 0.0
    assert judge(know_all, ASKED).by_user["mrr"].tolist() == [1.0] * len(ASKED)
    assert mean_loss(lambda events: -know_all(events), ASKED) > 0.6


def test_places_are_among_items_that_the_user_did_not_have():
    scores = np.random.default_rng(0).normal(size=ASKED.came.shape)
    ranks = find_ranks(scores, ASKED)
    user = 5
    left = leave_out_known(scores, ASKED.given)[user]
    order = np.argsort(-left, kind="stable")
    wanted = ASKED.came.indices[ASKED.came.indptr[user] : ASKED.came.indptr[user + 1]]
    assert ranks.place[ranks.owner == user].tolist() == [int(np.flatnonzero(order == item)[0]) for item in wanted]


def test_of_equal_scores_the_first_item_of_the_catalogue_comes_first():
    flat = np.zeros(ASKED.came.shape)
    left = leave_out_known(flat, ASKED.given)
    first = find_first(left, 5)
    assert first[0].tolist() == np.flatnonzero(np.isfinite(left[0]))[:5].tolist()
    ranks, wanted = find_ranks(flat, ASKED), ASKED.came.indices[0]
    assert ranks.place[0] == np.isfinite(left[0, :wanted]).sum()


def test_what_was_known_or_refused_is_not_to_be_found():
    again = ask_of(LEARNED, LEARNED)
    assert len(again) == 0
    assert len(ask_of(LEARNED, CAME).draw(10, 1)) == 10


def test_metrics_are_means_over_users_with_their_errors():
    judged = judge(know_all, ASKED)
    found = summarise(judged, np.ones(len(EVENTS.items), int), 100)
    assert found["ndcg@10"].value == found["ndcg@10"].low == found["ndcg@10"].high == 1.0
    assert 0 < found["coverage@10"].value <= 1
    assert found["popularity@10"].low is None


def test_an_interval_over_users_is_that_of_students_t():
    values = np.random.default_rng(0).random(50)
    metric = mean_of_users(values, "mrr")
    half = 2.0096 * values.std(ddof=1) / np.sqrt(50)
    assert metric.high - metric.value == pytest.approx(half, rel=1e-3)
    change = compare_users({"mrr": values}, {"mrr": values - 0.1}, "mrr")
    assert (change.low, change.high) == pytest.approx((0.1, 0.1))
    assert mean_of_users(values[:1], "mrr").low is None
