"""Items without events are scored by a ridge regression of scores on tags, as algebra written out has it."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

from preferences import draw_preferences, list_items, read
from weights.data.interactions.splits import PROTOCOLS
from weights.recommending.judging import ask_of
from weights.recommending.methods import METHODS
from weights.recommending.newitems import NewItems, choose_penalty, fit_new_items

RANDOM = np.random.default_rng(0)
TAGS = scipy.sparse.csr_matrix((RANDOM.random((30, 6)) < 0.4).astype(float))
HAS_EVENTS = np.arange(30) % 5 != 0
DESIGN = np.column_stack([np.ones(30), TAGS.toarray()])
SCORES = RANDOM.normal(size=(4, 30)) + 2.0
NEW = NewItems(3.0, HAS_EVENTS, scipy.sparse.csr_matrix(DESIGN))


def regress(rows, scores, penalty=3.0):
    penalties = np.diag([1e-6, *[penalty] * 6])
    return np.linalg.solve(rows.T @ rows + penalties, rows.T @ scores)


def test_scores_are_those_of_a_ridge_regression_on_tags():
    expected = SCORES.copy()
    expected[:, ~HAS_EVENTS] = (DESIGN[~HAS_EVENTS] @ regress(DESIGN[HAS_EVENTS], SCORES[:, HAS_EVENTS].T)).T
    assert NEW.fill(SCORES) == pytest.approx(expected, abs=1e-10)
    assert SCORES[:, HAS_EVENTS] @ NEW.weights(NEW.places) == pytest.approx(expected[:, ~HAS_EVENTS], abs=1e-10)


def test_what_tags_say_of_an_item_itself_is_what_all_others_say():
    left_out = NEW.leave_one_out(SCORES)
    for item in np.flatnonzero(HAS_EVENTS)[:5]:
        others = HAS_EVENTS & (np.arange(30) != item)
        assert left_out[:, item] == pytest.approx(DESIGN[item] @ regress(DESIGN[others], SCORES[:, others].T), abs=1e-9)
    assert NEW.error(SCORES) == pytest.approx(np.sqrt(np.mean((left_out - SCORES)[:, HAS_EVENTS] ** 2, axis=1)))


def test_what_is_linear_in_scores_is_combined_as_scores_are():
    places = np.array([0, 3, 5, 29])
    assert NEW.combine(lambda own: SCORES[:, own], places) == pytest.approx(NEW.fill(SCORES)[:, places], abs=1e-10)


def test_items_that_came_later_stand_behind_and_change_no_others():
    more = NEW.extend(TAGS[:2])
    filled = more.fill(SCORES)
    assert filled.shape == (4, 32)
    assert filled[:, :30] == pytest.approx(NEW.fill(SCORES))
    assert filled[:, 30] == pytest.approx(NEW.fill(SCORES)[:, 0])  # of the same tags, and none of both has events
    likeness = more.likeness(np.array([30, 0, 1]))
    assert likeness[0, 1] == pytest.approx(1.0)
    assert (likeness <= 1 + 1e-12).all()


def test_without_items_that_have_none_scores_stay_as_they_are():
    known = NewItems(3.0, np.ones(30, bool), NEW.design)
    assert known.fill(SCORES) is SCORES


def test_the_penalty_is_chosen_by_what_tags_find():
    """Items of a taste that users turn to are found by the tag of that taste: more than by chance, whatever the penalty."""
    from dataclasses import replace

    from weights.data.interactions.catalogue import read_catalogue

    events = read(draw_preferences(200, 60))
    assert choose_penalty(lambda own: np.zeros(own.shape), events, ask_of(events, events)) is None  # no tags
    catalogue = read_catalogue(list_items(60), "item", events.items, "items")
    events = replace(events, item_tags=catalogue.tags)
    parts = PROTOCOLS["random"].part(events, 0)
    learned = events[np.flatnonzero(parts.learned)]
    asked = ask_of(learned, events[np.flatnonzero(parts.came)])
    fitted = METHODS["items"].fit(learned, METHODS["items"].settings())
    penalty = choose_penalty(fitted.score, learned, asked)
    assert penalty in (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
    assert fit_new_items(learned, None) is None
    assert fit_new_items(learned, penalty).has_events.all()
