"""Lists hold what a user does not have, in the order of scores, with intervals of scores and ranks."""

from __future__ import annotations

import numpy as np
import pytest

from small import rank_items
from weights.errors import UsageError
from weights.recommending.serving import (
    MOST_BOUNDED,
    Filters,
    Wish,
    check_diversity,
    check_top,
    choose_level,
    diversify,
    make_lists,
    tabulate_lists,
)

RECOMMENDER = rank_items().recommender
EVENTS = RECOMMENDER.events


def test_lists_are_the_highest_scores_of_what_was_not_seen():
    lists = make_lists(RECOMMENDER, EVENTS, Wish(5))
    scores = RECOMMENDER.score(EVENTS)
    for user in (0, 50, 119):
        own = lists.item[lists.user == user]
        assert not np.isin(own, EVENTS.item[EVENTS.user == user]).any()
        unseen = np.setdiff1d(np.arange(len(EVENTS.items)), EVENTS.item[EVENTS.user == user])
        assert own.tolist() == unseen[np.argsort(-scores[user, unseen], kind="stable")][:5].tolist()
    assert lists.rank.tolist() == [1, 2, 3, 4, 5] * 120


def test_what_may_stand_on_lists_can_be_said():
    allowed = np.zeros(len(EVENTS.items), bool)
    allowed[[3, 7]] = True
    user = EVENTS.of_users(np.array([0]))
    assert {*make_lists(RECOMMENDER, user, Wish(5, Filters(allowed, seen=True))).item} == {3, 7}
    seen = make_lists(RECOMMENDER, user, Wish(40, Filters(seen=True)))
    assert len(seen.item) == len(EVENTS.items)


def test_a_user_who_has_everything_gets_an_empty_list():
    user = EVENTS.of_users(np.array([0]))
    allowed = np.zeros(len(EVENTS.items), bool)
    allowed[user.item] = True
    assert len(make_lists(RECOMMENDER, user, Wish(3, Filters(allowed), 0.9)).item) == 0


def test_intervals_hold_scores_and_ranks_and_grow_with_the_level():
    user = EVENTS.of_users(np.array([5, 6]))
    narrow, wide = (make_lists(RECOMMENDER, user, Wish(6, level=level)) for level in (0.5, 0.95))
    assert ((wide.low < narrow.low) & (narrow.low < narrow.score) & (narrow.score < narrow.high) & (narrow.high < wide.high)).all()
    assert (wide.rank_low <= wide.rank).all()
    assert (wide.rank <= wide.rank_high).all()
    assert (wide.rank_low >= 1).all()


def test_a_table_prints_and_goes_into_frames():
    user = EVENTS.of_users(np.array([5, 6]))
    table = tabulate_lists(RECOMMENDER, user, make_lists(RECOMMENDER, user, Wish(2, level=0.9)), [], 0.9)
    assert [*table] == ["user", "item", "name", "rank", "score", "low", "high", "rank_low", "rank_high"]
    assert table.table().num_rows == 4
    assert str(table).splitlines()[1].split() == ["user", "rank", "item", "score", "90%", "interval", "ranks"]
    assert "<table" in table._repr_html_()


def test_bounds_that_there_are_none_of_are_null_in_records():
    user = EVENTS.of_users(np.array([5]))
    record = tabulate_lists(RECOMMENDER, user, make_lists(RECOMMENDER, user, Wish(1)), [], None).records()[0]
    assert (record["low"], record["rank_low"]) == (None, None)


def test_of_many_users_there_are_intervals_only_where_they_are_asked_for():
    assert choose_level(None, 5) == (0.9, [])
    level, said = choose_level(None, MOST_BOUNDED + 1)
    assert level is None
    assert "intervals are left out" in said[0]
    assert choose_level(0.5, MOST_BOUNDED + 1) == (0.5, [])
    assert choose_level(0, 1) == (None, [])
    with pytest.raises(UsageError, match="between 0 and 1"):
        choose_level(90, 1)


@pytest.mark.parametrize("top", [0, -3, 2.5, True, "10"])
def test_the_length_of_lists_is_a_number_of_items(top):
    with pytest.raises(UsageError, match="--top must be a number of items"):
        check_top(top)


def test_diversity_takes_what_is_unlike_and_none_takes_the_highest():
    random = np.random.default_rng(0)
    value, groups = np.sort(random.random(30))[::-1], np.arange(30) % 3
    likeness = (groups[:, None] == groups).astype(float)
    assert diversify(value, likeness, 5, 0.0).tolist() == [0, 1, 2, 3, 4]
    assert {*groups[diversify(value, likeness, 3, 0.9)]} == {0, 1, 2}
    assert len(diversify(value, likeness, 99, 0.5)) == 30
    with pytest.raises(UsageError, match="--diversity is a share"):
        check_diversity(1.5)


def test_diverse_lists_are_less_alike_and_score_less():
    user = EVENTS.of_users(np.array([5]))
    plain, diverse = (make_lists(RECOMMENDER, user, Wish(8, diversity=share)) for share in (0.0, 0.8))
    assert diverse.score.sum() < plain.score.sum()
    assert RECOMMENDER.likeness(diverse.item).mean() < RECOMMENDER.likeness(plain.item).mean()


def test_exploration_draws_lists_that_a_seed_repeats_and_another_changes():
    first, again, other = (make_lists(RECOMMENDER, EVENTS, Wish(5, explore=seed)) for seed in (1, 1, 2))
    assert np.array_equal(first.item, again.item)
    assert not np.array_equal(first.item, other.item)
    plain = make_lists(RECOMMENDER, EVENTS, Wish(5))
    share = np.mean([np.isin(plain.item[plain.user == user], first.item[first.user == user]).mean() for user in range(120)])
    assert 0.4 < share < 1.0


def test_no_users_have_no_lists():
    assert len(make_lists(RECOMMENDER, EVENTS.of_users(np.zeros(0, int)), Wish(5)).item) == 0
