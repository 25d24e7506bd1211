"""Weights from item to item are those of dense algebra, whichever inverse they come from, and so are their derivatives."""

from __future__ import annotations

import numpy as np
import pytest

from preferences import draw_preferences, read
from weights.recommending.itemweights import (
    ItemWeightSettings,
    fit_item_weights,
    invert,
    keep_item_weights,
    list_shapes,
    rebuild_item_weights,
)
from weights.recommending.resampling import draw_users

SETTINGS = ItemWeightSettings(strength=5.0, emphasis=0.5)
MANY_USERS, MANY_ITEMS = read(draw_preferences(120, 40)), read(draw_preferences(40, 120))
BOTH = pytest.mark.parametrize("events", [MANY_USERS, MANY_ITEMS], ids=["by items", "by users"])
PRECISE = 1e-6
"""What single precision of the inverse leaves of scores about one."""


def solve_densely(fitted, weight=None):
    """The weights by one regression for each item: ridge of its column on all others."""
    rows, n = fitted.rows.toarray(), fitted.rows.shape[1]
    weight = np.ones(len(rows)) if weight is None else weight
    weights = np.zeros((n, n))
    for item in range(n):
        others = np.delete(np.arange(n), item)
        x, y = rows[:, others], rows[:, item]
        gram = x.T @ (x * weight[:, None]) + np.diag(fitted.penalties[others])
        weights[others, item] = np.linalg.solve(gram, x.T @ (y * weight))
    return weights


@BOTH
def test_weights_are_ridge_regressions_of_each_item_on_all_others(events):
    fitted = fit_item_weights(events, SETTINGS)
    assert fitted.by_users == (events is MANY_ITEMS)
    expected = solve_densely(fitted)
    assert np.abs(fitted.weights(np.arange(len(events.items))) - expected).max() < PRECISE
    assert np.abs(fitted.score(events) - fitted.profile(events).toarray() @ expected).max() < 10 * PRECISE


@BOTH
def test_contributions_add_up_to_the_score(events):
    fitted, user, places = fit_item_weights(events, SETTINGS), events.of_users(np.array([3])), np.arange(10)
    parts = fitted.contribute(user, places)
    assert parts.shape == (len(user), 10)
    assert parts.sum(axis=0) == pytest.approx(fitted.score(user)[0, :10], abs=PRECISE)
    assert not fitted.base(places).any()


@BOTH
def test_changes_by_draws_of_users_are_derivatives(events):
    fitted, user = fit_item_weights(events, SETTINGS), events.of_users(np.array([3]))
    draw, places, step = draw_users(len(events.users), len(events.users))[0], np.arange(12), 1e-5
    x = fitted.profile(user).toarray()[0]
    ends = [x @ solve_densely(fitted, 1 + side * step * draw) for side in (1, -1)]
    assert fitted.vary(user, places)[0] == pytest.approx(((ends[0] - ends[1]) / (2 * step))[places], abs=1e-5)


def test_standard_errors_are_the_sandwich_of_each_regression_with_half_a_user_where_there_is_none():
    events = MANY_USERS
    fitted, item = fit_item_weights(events, SETTINGS), 5
    rows, others = fitted.rows.toarray(), np.delete(np.arange(len(events.items)), item)
    x, y = rows[:, others], rows[:, item]
    bread = np.linalg.inv(x.T @ x + np.diag(fitted.penalties[others]))
    leverage = np.einsum("ni,ij,nj->n", x, bread, x)
    left = (y - x @ (bread @ (x.T @ y))) / (1 - leverage)
    weights = bread @ (x.T @ y)
    nobody = (x > 0).T @ (y > 0) == 0
    variance = np.diag(bread @ ((x * left[:, None] ** 2).T @ x) @ bread) + 0.5 * nobody * (np.diag(bread) * (1 - weights)) ** 2
    expected = np.sqrt(variance)
    assert fitted.bound_weights(np.array([item]))[others, 0] == pytest.approx(expected, rel=1e-3)


@BOTH
def test_what_is_kept_gives_the_same_again(events):
    fitted = fit_item_weights(events, SETTINGS)
    kept = keep_item_weights(fitted)
    assert {name: [*array.shape] for name, array in kept.items()} == list_shapes(SETTINGS, *events.shape)
    assert np.array_equal(rebuild_item_weights(events, SETTINGS, kept).score(events), fitted.score(events))


def test_users_of_many_events_weigh_less_and_frequent_items_are_held_back_more():
    plain = fit_item_weights(MANY_USERS, ItemWeightSettings(strength=5.0, dropout=0.0, user_power=0.0, emphasis=0.0))
    assert np.unique(plain.penalties).tolist() == [5.0]
    assert np.unique(plain.rows.data).tolist() == [1.0]
    weighed = fit_item_weights(MANY_USERS, ItemWeightSettings(strength=5.0, dropout=0.5, user_power=0.5, emphasis=0.0))
    lengths, counts = np.diff(weighed.rows.indptr), np.bincount(weighed.rows.indices)
    first = weighed.rows.data[weighed.rows.indptr[:-1]]
    assert first * np.sqrt(lengths) == pytest.approx(np.full(len(first), (first * np.sqrt(lengths))[0]))
    assert np.corrcoef(weighed.penalties, counts)[0, 1] > 0.9


def test_a_matrix_is_inverted_whole():
    random = np.random.default_rng(0)
    x = random.normal(size=(1200, 700))
    matrix = x.T @ x + np.eye(700)
    assert invert(matrix.copy()) @ matrix == pytest.approx(np.eye(700), abs=1e-9)


def test_a_large_matrix_is_inverted_in_quarters(monkeypatch):
    from weights.recommending import itemweights

    x = np.random.default_rng(0).normal(size=(500, 301))
    matrix = x.T @ x + np.eye(301)
    whole = invert(matrix.copy())
    monkeypatch.setattr(itemweights, "_MOST_AT_ONCE", 50)
    assert invert(matrix.copy()) == pytest.approx(whole, abs=1e-12)
