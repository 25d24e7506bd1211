"""Settings move along their ladders as long as that gains; what was said stays."""

from __future__ import annotations

import numpy as np

from preferences import draw_preferences, read
from weights.data.interactions.splits import PROTOCOLS
from weights.recommending.choosing import choose
from weights.recommending.judging import ask_of, mean_loss
from weights.recommending.methods import METHODS

EVENTS = read(draw_preferences(200, 60))
PARTS = PROTOCOLS["random"].part(EVENTS, 0)
LEARNED = EVENTS[np.flatnonzero(PARTS.learned)]
ASKED = ask_of(LEARNED, EVENTS[np.flatnonzero(PARTS.came)])


def test_what_is_chosen_loses_no_more_than_the_usual_and_was_learned_so():
    method = METHODS["items"]
    chosen = choose(method, LEARNED, ASKED, given={})
    usual = mean_loss(method.fit(LEARNED, method.settings()).score, ASKED)
    assert chosen.loss <= usual
    assert mean_loss(chosen.scorer.score, ASKED) == chosen.loss
    assert chosen.scorer.settings == chosen.settings
    assert chosen.tried > 2


def test_what_was_said_is_not_moved():
    chosen = choose(METHODS["items"], LEARNED, ASKED, given={"strength": 7.0, "emphasis": 0.0})
    assert (chosen.settings.strength, chosen.settings.emphasis, chosen.tried) == (7.0, 0.0, 1)


def test_settings_that_do_nothing_are_not_tried():
    plain = LEARNED.__class__(LEARNED.users, LEARNED.items, LEARNED.user, LEARNED.item, np.ones(len(LEARNED)))
    assert choose(METHODS["popularity"], plain, ASKED, given={}).tried == 1


def test_the_work_can_be_stopped():
    asked = []
    choose(METHODS["neighbours"], LEARNED, ASKED, given={}, check=lambda: asked.append(True))
    assert asked
