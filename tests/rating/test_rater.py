"""Users follow exactly from draws and their own ratings; intervals hold what they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

import weights as wt
from ratings import FEW, RATED, draw_ratings
from weights.data.interactions.events import Interactions
from weights.data.interactions.ids import Ids

ROWS = draw_ratings()
RATER = wt.fit(ROWS, **RATED, **FEW).rater
EVENTS = RATER.events
TASTES = {"item": np.arange(50) + 1, "kind": [f"kind {n % 3}" for n in range(50)]}
PEOPLE = {"user": np.arange(80) + 100, "town": [f"town {n % 4}" for n in range(80)]}
TAGGED = wt.fit(ROWS, **RATED, **FEW, items=TASTES, users=PEOPLE).rater


@pytest.mark.parametrize("rater", [RATER, TAGGED], ids=["without tags", "with tags"])
def test_factors_of_a_user_are_the_solution_of_the_own_equations(rater):
    known = rater.events.of_users(np.array([5]))
    found, draws = rater.fold_in(known), rater.draws
    for s in (0, 7):
        items = draws.items[s, known.item].astype(float)
        seen = items.copy()
        seen[:, 0] = 1.0
        precision = draws.of_users.precision[s] + seen.T @ seen / draws.noise[s]
        tags = np.ones(1) if known.user_tags is None else np.append(1.0, known.user_tags.toarray())
        right = seen.T @ (known.value - draws.middle - items[:, 0]) / draws.noise[s] + precision_times(draws, s, tags)
        assert found.covariance[s, 0] == pytest.approx(np.linalg.inv(precision), abs=1e-8)
        assert found.mean[s, 0] == pytest.approx(np.linalg.solve(precision, right), abs=1e-8)


def precision_times(draws, s, tags):
    return draws.of_users.precision[s] @ (tags @ draws.of_users.slopes[s])


@pytest.mark.parametrize("rater", [RATER, TAGGED], ids=["without tags", "with tags"])
def test_contributions_add_up_to_the_prediction(rater):
    known = rater.events.of_users(np.array([11]))
    wide = replace(rater, low=-100.0, high=100.0)
    for item in (0, 7, 30):
        by_event, of_item, of_user = wide.contribute(known, item)
        predicted = wide.predict(known, np.zeros(1, int), np.array([item])).mean[0]
        assert rater.draws.middle + by_event.sum() + of_item + of_user == pytest.approx(predicted, abs=1e-8)


def test_users_are_answered_alike_alone_and_among_others():
    some = EVENTS.of_users(np.array([3, 9]))
    both = RATER.predict(some, np.array([1, 0, 1]), np.array([2, 2, 5]))
    alone = RATER.predict(EVENTS.of_users(np.array([9])), np.zeros(2, int), np.array([2, 5]))
    assert both.mean[[0, 2]] == pytest.approx(alone.mean, abs=1e-10)
    assert both.deviation[[0, 2]] == pytest.approx(alone.deviation, abs=1e-10)


def test_many_users_are_answered_in_parts(monkeypatch):
    from weights.rating import rater

    user, item = np.arange(80), np.arange(80) % 50
    whole = RATER.predict(EVENTS, user, item)
    monkeypatch.setattr(rater, "_BLOCK_NUMBERS", 2_000)
    assert RATER.predict(EVENTS, user, item).mean == pytest.approx(whole.mean, abs=1e-10)


@pytest.mark.parametrize("rater", [RATER, TAGGED], ids=["without tags", "with tags"])
def test_who_and_what_is_not_known_is_taken_as_any_and_less_sure(rater):
    nobody = rater.events.of_users(np.array([-1, 4]), Ids(pa.array([1, 2])))
    found = rater.predict(nobody, np.array([0, 1, 1, 0]), np.array([3, 3, -1, -1]))
    assert found.deviation[0] > found.deviation[1]
    assert found.deviation[2] > found.deviation[1]
    assert found.deviation[3] > found.deviation[0]
    assert abs(found.mean[3] - rater.events.value.mean()) < 0.4


def test_an_interval_holds_ratings_never_seen_as_often_as_it_says():
    """90 % of 2,400 ratings of the same users and items, none of them learned from: their standard error, by users, is about 1 %."""
    everything = draw_ratings(n=4_000)
    known = {100 * u + i for u, i in zip(ROWS["user"], ROWS["item"], strict=True)}
    assert len(known) == 1_600
    learned = {name: values[:1_600] for name, values in everything.items()}
    rater = wt.fit(learned, **RATED, n_factors=3, n_draws=30, n_warmup=30).rater
    user, item, stars = (everything[name][1_600:] for name in ("user", "item", "stars"))
    found = rater.predict(rater.events, rater.events.users.find(user.tolist()), rater.events.items.find(item.tolist()))
    assert np.mean(np.abs(stars - found.mean) < rater.reach(0.9) * found.deviation) == pytest.approx(0.9, abs=0.03)
    assert np.sqrt(np.mean((stars - found.mean) ** 2)) < 0.75  # 0.5 is noise; biases alone leave more than 0.9


def test_too_few_ratings_kept_apart_bound_nothing():
    assert replace(RATER, scores=np.ones(3)).reach(0.9) == np.inf


def test_a_user_with_more_ratings_is_surer():
    one = EVENTS.of_users(np.array([0]))
    few: Interactions = one[np.arange(2)]
    assert RATER.predict(few, np.zeros(1, int), np.array([9])).deviation > RATER.predict(one, np.zeros(1, int), np.array([9])).deviation
