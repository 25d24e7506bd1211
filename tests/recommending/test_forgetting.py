"""A user is forgotten as if never there: what is left is what a fit without the user gives with the same settings."""

from __future__ import annotations

import numpy as np
import pytest

from preferences import draw_preferences, read
from small import rank_items
from weights.errors import DataError
from weights.recommending.forgetting import forget_user
from weights.recommending.methods import METHODS

RECOMMENDER = rank_items().recommender


def test_models_are_those_of_a_fit_without_the_user():
    left = forget_user(RECOMMENDER, 7)
    rows = draw_preferences()
    kept = rows["user"] != 107
    without = read({name: values[kept] for name, values in rows.items()})
    assert 107 not in left.events.users.values.to_pylist()
    assert np.array_equal(left.events.item, without.item)
    assert np.array_equal(left.events.user, without.user)
    for name, part in left.parts.items():
        again = METHODS[name].fit(left.events, part.scorer.settings)
        assert np.array_equal(part.scorer.score(left.events), again.score(left.events))
        assert part.shares == RECOMMENDER.parts[name].shares


def test_how_many_were_forgotten_is_said():
    twice = forget_user(forget_user(RECOMMENDER, 7), 3)
    assert next(remark for remark in twice.report.remarks if "forgotten" in remark).startswith("2 forgotten since the fit")


def test_somebody_must_be_left():
    one = RECOMMENDER
    events = one.events.of_users(np.array([0, 1]))
    from dataclasses import replace

    with pytest.raises(DataError, match="At least 2 users must be left"):
        forget_user(replace(one, events=events), 0)
