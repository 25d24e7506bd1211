"""Settings move along their ladders as long as that gains; what was said stays."""

from __future__ import annotations

import numpy as np

from preferences import draw_preferences, read
from weights.data.interactions.splits import PROTOCOLS
from weights.recommending.choosing import Curve, choose
from weights.recommending.histories import draw_group
from weights.recommending.judging import ask_of, mean_loss
from weights.recommending.methods import METHODS, Ladder
from weights.recommending.neighbours import NeighbourSettings, fit_neighbours

EVENTS = read(draw_preferences(200, 60))
PARTS = PROTOCOLS["random"].part(EVENTS, 0)
LEARNED = EVENTS[np.flatnonzero(PARTS.learned)]
ASKED = ask_of(LEARNED, EVENTS[np.flatnonzero(PARTS.came)])
FEW = draw_group(ASKED, 1, 1_000, 0)


def test_what_is_chosen_loses_no_more_than_the_usual_and_was_learned_so():
    method = METHODS["items"]
    chosen = choose(method, LEARNED, ASKED, FEW, given={})
    usual = mean_loss(method.fit(LEARNED, method.settings()).score, ASKED)
    assert chosen.loss <= usual
    assert mean_loss(chosen.scorer.score, ASKED) == chosen.loss
    assert chosen.scorer.settings == chosen.settings
    assert chosen.tried > 2


def test_what_was_said_is_not_moved():
    chosen = choose(METHODS["items"], LEARNED, ASKED, FEW, given={"strength": 7.0, "emphasis": 0.0})
    assert (chosen.settings.strength, chosen.settings.emphasis, chosen.tried) == (7.0, 0.0, 1)


def test_settings_that_do_nothing_are_not_tried():
    plain = LEARNED.__class__(LEARNED.users, LEARNED.items, LEARNED.user, LEARNED.item, np.ones(len(LEARNED)))
    assert choose(METHODS["popularity"], plain, ASKED, FEW, given={}).tried == 1


def test_the_work_can_be_stopped():
    asked = []
    choose(METHODS["neighbours"], LEARNED, ASKED, FEW, given={}, check=lambda: asked.append(True))
    assert asked


class TurnedRound:
    """The likenesses of items, which those of few events find good with a low weight of tags, and all others with a high one."""

    def __init__(self, events, settings):
        self.settings, self.scorer = settings, fit_neighbours(events, NeighbourSettings())

    def score(self, events):
        few = events.n_events < 5
        return self.scorer.score(events) * np.where(few == (self.settings.tags < 0.2), 1.0, -1.0)[:, None]


def test_what_matters_where_little_is_known_is_judged_by_users_of_whom_it_is():
    ladder = Ladder((0.1, 0.3), few=True)
    method = METHODS["neighbours"]._replace(fit=TurnedRound, ladders={"tags": ladder})
    chosen = choose(method, LEARNED, ASKED, FEW, given={})
    assert chosen.settings.tags == 0.1
    assert chosen.loss == mean_loss(chosen.scorer.score, ASKED)
    assert choose(method._replace(ladders={"tags": ladder._replace(few=False)}), LEARNED, ASKED, FEW, given={}).settings.tags == 0.3


def test_what_was_tried_says_whether_lists_under_or_overfit():
    chosen = choose(METHODS["items"], LEARNED, ASKED, FEW, given={"emphasis": 0.0})
    curve = chosen.curves["strength"]
    assert curve.values == sorted(curve.values)
    assert curve.gains[curve.values.index(curve.chosen)] == 1 - chosen.loss
    assert max(curve.gains) < 1 - chosen.loss + 1e-3
    drawn = Curve([25.0, 50.0, 100.0], [0.30, 0.32, 0.3199], 50.0, -1)
    assert drawn.verdict == "50 is chosen, 25 overfits (-0.0200), 100 finds about as much (-0.0001)"
    assert "8 underfits" in Curve([8.0, 16.0], [0.30, 0.32], 16.0, 1).verdict
