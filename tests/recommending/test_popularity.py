"""Popularity counts what was taken, of late more where that was asked for."""

from __future__ import annotations

import numpy as np
import pytest

from preferences import draw_preferences, read
from weights.data.interactions.events import EventColumns
from weights.recommending.popularity import PopularitySettings, fit_popularity
from weights.recommending.resampling import draw_users


def test_what_was_taken_counts_and_what_was_shown_or_refused_does_not():
    events = read({"user": [1, 2, 3, 3], "item": [1, 1, 1, 2], "value": [1.0, -1.0, 5.0, 0.0]}, EventColumns("user", "item", "value"))
    assert np.expm1(fit_popularity(events, PopularitySettings()).level).tolist() == pytest.approx([2.0, 0.0])


def test_an_event_a_half_life_old_counts_half():
    events = read({"user": [1, 2, 3], "item": [1, 2, 3], "time": [0.0, 5.0, 10.0]}, EventColumns("user", "item", time="time"))
    counted = np.expm1(fit_popularity(events, PopularitySettings(half_life=0.5)).level)
    assert counted == pytest.approx([0.25, 0.5, 1.0])


def test_scores_are_the_same_for_all_and_change_as_counts_do():
    events = read(draw_preferences())
    fitted = fit_popularity(events, PopularitySettings(half_life=0.3))
    assert (fitted.score(events) == fitted.level).all()
    draw, places, step = draw_users(*2 * [len(events.users)])[0], np.arange(5), 1e-6
    counted = fitted.counted.toarray()
    ends = [np.log1p((1 + side * step * draw) @ counted) for side in (1, -1)]
    assert fitted.vary(events, places)[0] == pytest.approx(((ends[0] - ends[1]) / (2 * step))[:5], abs=1e-7)
    assert fitted.base(places) == pytest.approx(fitted.level[:5])
    assert not fitted.contribute(events.of_users(np.array([0])), places).any()
