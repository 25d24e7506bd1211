"""Models are mixed by what they find: noise gets nothing, and two halves of the truth are put together."""

from __future__ import annotations

import numpy as np
import pytest

from preferences import draw_preferences, read
from weights.data.interactions.splits import PROTOCOLS
from weights.errors import DataError
from weights.recommending.judging import ask_of, judge
from weights.recommending.methods import METHODS
from weights.recommending.mixing import Part, find_scale, find_shares, gain_of_users, make_pool, mean_shares, mix, score_all
from weights.tasks.ranking import LISTED

EVENTS = read(draw_preferences(200, 60))
PARTS = PROTOCOLS["random"].part(EVENTS, 0)
LEARNED = EVENTS[np.flatnonzero(PARTS.learned)]
ASKED = ask_of(LEARNED, EVENTS[np.flatnonzero(PARTS.came)])
FITTED = {name: method.fit(LEARNED, method.settings()) for name, method in METHODS.items()}
ALONE = {name: Part(scorer, find_scale(scorer.score(ASKED.given))) for name, scorer in FITTED.items()}
FALLBACK = ALONE["popularity"]


class Noise:
    """Scores by chance."""

    def score(self, events):
        return np.random.default_rng(len(events)).normal(size=events.shape)


def test_the_gain_in_the_pool_is_that_in_lists_of_all_items():
    pool = make_pool(ASKED, [*ALONE.values()], FALLBACK)
    for k, part in enumerate(ALONE.values()):
        judged = judge(lambda events, own=part: score_all([own], FALLBACK, None, events), ASKED)
        assert gain_of_users(pool, np.eye(len(ALONE))[k]) == pytest.approx(judged.by_user[f"ndcg@{LISTED}"], abs=1e-6)


def test_noise_gets_no_share():
    noise = Part(Noise(), 1.0)
    shares = find_shares(make_pool(ASKED, [noise, ALONE["items"]], FALLBACK))
    assert shares[0] <= 0.1
    assert shares.sum() == pytest.approx(1.0)


def test_a_mixture_finds_at_least_what_the_best_model_finds_alone():
    pool = make_pool(ASKED, [*ALONE.values()], FALLBACK)
    mixture = mix(pool)
    alone = max(gain_of_users(pool, own).mean() for own in np.eye(len(ALONE)))
    assert gain_of_users(pool, mixture.shares).mean() >= alone
    assert mixture.crossed.shape == (5, len(ALONE))
    assert np.bincount(mixture.fold).tolist() == [len(ASKED) // 5 + (k < len(ASKED) % 5) for k in range(5)]


def test_users_without_events_are_answered_by_their_own_shares_or_by_the_fallback():
    new = LEARNED[np.zeros(0, int)].of_users(np.array([0, 1]))
    parts = [ALONE["items"], FALLBACK._replace(shares=(0.0,) * 5)]
    assert score_all(parts, FALLBACK, None, new) == pytest.approx(FALLBACK.scorer.score(new) / FALLBACK.scale, rel=1e-6)
    parts = [ALONE["items"], FALLBACK._replace(shares=(0.5, 0.0, 0.0, 0.0, 0.0))]
    assert score_all(parts, FALLBACK, None, new) == pytest.approx(0.5 * FALLBACK.scorer.score(new) / FALLBACK.scale, rel=1e-6)


def test_users_count_models_by_the_shares_of_their_group():
    few, many = LEARNED.of_users(np.array([0])), LEARNED.of_users(np.array([np.argmax(LEARNED.n_events)]))
    few = few[np.arange(3)]
    part = ALONE["items"]._replace(shares=(0.0, 0.25, 0.5, 1.0, 1.0))
    assert [float(part.share_of(events)[0]) for events in (few, many)] == [0.25, 1.0]
    assert mean_shares({"items": part}, few) == {"items": 0.25}


def test_one_user_is_too_few_to_mix_by():
    with pytest.raises(DataError, match="two users"):
        mix(make_pool(ASKED[np.array([0])], [*ALONE.values()], FALLBACK))


def test_scores_that_are_all_alike_have_the_unit_one():
    assert find_scale(np.zeros((3, 4))) == 1.0
