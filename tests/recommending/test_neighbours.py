"""Likenesses are cosines between items over users, and so are their derivatives."""

from __future__ import annotations

import numpy as np
import pytest

from preferences import draw_preferences, read
from weights.recommending.neighbours import NeighbourSettings, fit_neighbours
from weights.recommending.resampling import draw_users

EVENTS = read(draw_preferences())
FITTED = fit_neighbours(EVENTS, NeighbourSettings())
X = FITTED.profile(EVENTS).toarray()


def find_cosines(weight):
    products = X.T @ (X * weight[:, None])
    cosines = products / np.sqrt(np.outer(np.diag(products), np.diag(products)))
    np.fill_diagonal(cosines, 0.0)
    return cosines


def test_weights_are_cosines_and_scores_their_mean_over_what_was_looked_at():
    cosines = find_cosines(np.ones(len(X)))
    assert FITTED.weights(np.arange(X.shape[1])) == pytest.approx(cosines)
    assert FITTED.score(EVENTS) == pytest.approx(X @ cosines / X.sum(axis=1, keepdims=True))


def test_contributions_add_up_to_the_score():
    user, places = EVENTS.of_users(np.array([2])), np.arange(7)
    assert FITTED.contribute(user, places).sum(axis=0) == pytest.approx(FITTED.score(user)[0, :7])


def test_changes_by_draws_of_users_are_derivatives():
    user, places, step = EVENTS.of_users(np.array([2])), np.arange(7), 1e-6
    draw, x = draw_users(len(X), len(X))[0], X[2]
    ends = [x @ find_cosines(1 + side * step * draw) / x.sum() for side in (1, -1)]
    assert FITTED.vary(user, places)[0] == pytest.approx(((ends[0] - ends[1]) / (2 * step))[:7], abs=1e-7)
