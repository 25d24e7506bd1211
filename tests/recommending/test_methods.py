"""Each model keeps the contract of all: contributions and what all users have add up to scores, tags alone answer, draws have no mean."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest
import scipy.sparse

from preferences import draw_preferences, read
from weights.recommending.methods import FALLBACK, METHODS

EVENTS = read(draw_preferences())
TASTES = np.arange(len(EVENTS.items)) % 4
TAGGED = replace(
    EVENTS, item_tags=scipy.sparse.csr_matrix(np.eye(4)[TASTES]), user_tags=scipy.sparse.csr_matrix(np.eye(2)[np.arange(120) % 2])
)
EACH = pytest.mark.parametrize("name", [*METHODS])
USUAL = {name: method.settings(n_factors=4) if name == "factors" else method.settings() for name, method in METHODS.items()}
"""Of factors so few that items must share them."""
TASTED = pytest.mark.parametrize("name", [name for name in METHODS if name != FALLBACK])


@EACH
@pytest.mark.parametrize("events", [EVENTS, TAGGED], ids=["events", "tags"])
def test_a_score_is_what_all_have_and_what_is_known_of_the_user_adds(name, events):
    fitted = METHODS[name].fit(events, METHODS[name].settings())
    user, places = events.of_users(np.array([9])), np.arange(len(events.items))
    unseen = np.setdiff1d(places, user.item)
    total = fitted.base(unseen) + fitted.contribute(user, unseen).sum(axis=0)
    assert len(fitted.contribute(user, unseen)) == user.n_known[0]
    assert total == pytest.approx(fitted.score(user)[0, unseen], abs=1e-5)
    assert fitted.vary(user, unseen).shape == (32, len(unseen))
    assert fitted.doubt(user, unseen).shape == (len(unseen),)
    assert fitted.score(events).shape == events.shape


@EACH
def test_a_user_more_who_took_an_item_adds_what_its_doubt_says(name):
    """Learned again with a user more, as the one asked for and with the item, of items that few have; the order of size is what counts."""
    import pyarrow as pa

    from preferences import COLUMNS
    from weights.data.interactions.events import read_interactions

    rows = draw_preferences()
    rows = {column: values[(rows["item"] != 1) | (rows["user"] < 103)] for column, values in rows.items()}
    own = rows["user"] == 109
    more = {
        column: np.append(values, np.append(values[own], [{"item": 1, "value": 3.0, "time": 0.0}.get(column, 0)]))
        for column, values in rows.items()
    }
    more["user"][-int(own.sum()) - 1 :] = 999
    items = read(draw_preferences()).items
    before, after = (read_interactions(pa.table(table), COLUMNS, items=items)[0] for table in (rows, more))
    settings = USUAL[name]
    fitted, again = (METHODS[name].fit(events, settings) for events in (before, after))
    user, place = before.of_users(np.array([9])), np.array([0])
    change = float(again.score(user)[0, 0] - fitted.score(user)[0, 0])
    assert 0.2 < fitted.doubt(user, place)[0] / change < 5


@EACH
def test_ladders_are_of_settings_and_hold_the_usual_value(name):
    settings = METHODS[name].settings()
    for setting, ladder in METHODS[name].ladders.items():
        assert getattr(settings, setting) in ladder.values
        for value in ladder.values:
            msgspec.convert({**msgspec.to_builtins(settings), setting: value}, type(settings))


@TASTED
def test_users_are_shown_items_of_their_taste(name):
    """Planted: what a user of a taste has not seen yet of it stands before the rest."""
    fitted = METHODS[name].fit(EVENTS, USUAL[name])
    scores, seen = fitted.score(EVENTS), EVENTS.matrix().toarray() > 0
    own = np.array([np.bincount(TASTES[row], minlength=4).argmax() for row in seen])
    same = own[:, None] == TASTES
    assert scores[same & ~seen].mean() > scores[~same & ~seen].mean() + 0.15 * scores[~seen].std()


@TASTED
def test_an_item_without_events_is_found_by_its_tags(name):
    """Planted: items 0 and 4 share a taste; nobody has turned to item 0 yet."""
    known = TAGGED[np.flatnonzero(TAGGED.item != 0)]
    fitted = METHODS[name].fit(known, USUAL[name])
    fans = known.of_users(np.arange(120))
    liking = np.array([(TASTES[fans.item[fans.user == user]] == 0).mean() for user in range(120)])
    assert np.corrcoef(fitted.score(fans)[:, 0], liking)[0, 1] > 0.5


@TASTED
def test_a_user_without_events_is_answered_by_tags(name):
    """Planted: half of the users, told by a tag, turn to items of even numbers only."""
    even = TAGGED[np.flatnonzero((TAGGED.user % 2 == 1) | (TAGGED.item % 2 == 0))]
    fitted = METHODS[name].fit(even, USUAL[name])
    new = even[np.zeros(0, int)].of_users(np.array([0, 1]))
    scores = fitted.score(new)
    share = [row[::2].mean() / row.mean() for row in scores]
    assert share[0] > 1.2 * share[1]
