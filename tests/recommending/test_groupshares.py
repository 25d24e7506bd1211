"""Models count differently for users of whom more or less is known."""

from __future__ import annotations

import numpy as np
import pytest

from preferences import draw_preferences, read
from weights.data.interactions.splits import PROTOCOLS
from weights.recommending.choosing import choose
from weights.recommending.groupshares import MIXED, mix_by_group
from weights.recommending.histories import HISTORIES, draw_group, find_groups
from weights.recommending.judging import ask_of
from weights.recommending.methods import FALLBACK, METHODS

EVENTS = read(draw_preferences(200, 60))
PARTS = PROTOCOLS["random"].part(EVENTS, 0)
LEARNED = EVENTS[np.flatnonzero(PARTS.learned)]
ASKED = ask_of(LEARNED, EVENTS[np.flatnonzero(PARTS.came)])
CHOSEN = {name: choose(METHODS[name]._replace(ladders={}), LEARNED, ASKED, ASKED, given={}) for name in METHODS}
MIX = mix_by_group(CHOSEN, LEARNED, ASKED, 0)


def test_shares_of_each_group_add_up_to_one():
    shares = np.asarray([part.shares for part in MIX.parts.values()])
    assert shares.shape == (len(METHODS), len(HISTORIES))
    assert shares.sum(axis=0) == pytest.approx(1.0)
    assert sum(MIX.shares.values()) == pytest.approx(1.0)


def test_where_nobody_is_without_events_popularity_answers_who_is():
    assert MIX.parts[FALLBACK].shares[0] == 1.0


def test_a_group_of_which_nobody_is_has_the_shares_of_all_others_with_events():
    """Nobody has a hundred of 60 items; of groups that find no more by shares of their own, all have the same."""
    shares = {tuple(part.shares[group] for part in MIX.parts.values()) for group in range(1, len(HISTORIES))}
    assert tuple(part.shares[-1] for part in MIX.parts.values()) in shares
    assert len(shares) < len(HISTORIES) - 1


def test_users_of_few_events_have_shares_of_their_own_where_these_find_more():
    """Scores that are turned round for whoever has few events: whom they answer badly they do not answer."""
    few = draw_group(ASKED, 1, 1_000, 0)

    class Wrong:
        def __init__(self, scorer):
            self.scorer = scorer

        def score(self, events):
            return self.scorer.score(events) * np.where(events.n_events < 5, -1.0, 1.0)[:, None]

    chosen = {name: CHOSEN[name] for name in ("items", "popularity")}
    chosen["items"] = chosen["items"]._replace(scorer=Wrong(chosen["items"].scorer))
    parts = mix_by_group(chosen, LEARNED, ASKED, 0).parts
    assert len(few) > 100
    assert parts["items"].shares[1] < 0.2 < parts["items"].shares[3]


def test_groups_that_are_shown_are_those_of_users_who_were_judged():
    counts = np.bincount(find_groups(ASKED.given), minlength=len(HISTORIES))
    assert {HISTORIES.index(group.fewest): group.n_users for group in MIX.groups} == {
        k: n for k, n in enumerate(counts.tolist()) if n >= 10
    }
    assert MIX.metrics.keys() == {MIXED, *METHODS}
    assert MIX.n_users == len(ASKED)
