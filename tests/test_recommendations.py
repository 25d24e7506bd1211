"""A model of interactions is fitted, saved and asked through the same doors as others, and counts what users just did at once."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

import weights as wt
from preferences import SAID, draw_preferences, list_items
from small import rank_items
from weights.errors import DataError, NotFoundError, UsageError

FAST = {"model": "items", "strength": 10.0, "emphasis": 0.0}


def test_a_model_says_what_it_is():
    assert repr(rank_items()).startswith("<weights.RankingModel: 40 items for 120 users, ndcg@10 0.")


def test_a_user_is_answered_alike_alone_among_others_and_after_saving(tmp_path):
    model = rank_items()
    alone, among = model.recommend([107], top=4), model.recommend([104, 107], top=4)
    own = among["user"] == 107
    assert alone["item"].tolist() == among["item"][own].tolist()
    assert alone["low"] == pytest.approx(among["low"][own])
    model.save(tmp_path / "run")
    again = wt.load(tmp_path / "run").recommend([107], top=4)
    assert all(np.array_equal(alone[name], again[name]) for name in alone)


def test_events_of_somebody_new_count_as_those_of_somebody_known():
    """The exact part of a user: the same events give the same scores, whether they were learned from or came later."""
    rows, model = draw_preferences(), rank_items(tagged=False)
    own = rows["user"] == 107
    new = {"item": rows["item"][own], "value": rows["value"][own]}
    known, later = model.recommend([107], top=8), model.recommend(events=new, top=8)
    assert later["item"].tolist() == known["item"].tolist()
    assert later["score"] == pytest.approx(known["score"], abs=1e-6)
    assert {*later["user"]} == {"new"}


def test_an_event_more_of_somebody_known_counts_at_once():
    model = rank_items()
    before = model.recommend([107], top=40)
    item = before["item"][0]
    after = model.recommend(events={"user": [107], "item": [item], "value": [5.0]}, top=40)
    assert item not in after["item"]
    assert len(after["item"]) == len(before["item"]) - 1
    assert {*after["user"]} == {107}


def test_somebody_unknown_is_answered_by_popularity_and_it_is_said():
    table = rank_items().recommend([1, "x"], top=3)
    assert table.notes == ["2 users are not known, and answered by popularity: 1, x"]
    assert table["item"][:3].tolist() == table["item"][3:].tolist()


def test_items_that_are_not_known_in_events_are_said():
    table = rank_items().recommend(events={"item": [1, 777]}, top=2)
    assert "1 event is of an item that the run does not know, and left out" in table.notes
    assert any("taken as not known: value, time" in note for note in table.notes)


def test_lists_are_of_what_is_allowed():
    model = rank_items()
    assert {*model.recommend([107], allow=[1, 2, 3, 4], exclude={"item": [2]}, seen=True)["item"]} == {1, 3, 4}
    with pytest.raises(UsageError, match="the run knows none, so that there is nothing to recommend"):
        model.recommend([107], allow=[])
    with pytest.raises(UsageError, match="the run knows none"):
        model.recommend([107], allow=[999])
    with pytest.raises(NotFoundError, match="needs a column 'item'"):
        model.recommend([107], allow=pa.table({"x": [1]}))


def test_reasons_can_be_asked_for():
    table = rank_items().recommend([107], top=3, why=True)
    assert len(table["why"]) == 3
    assert "because of" in str(table) or "Item number" in str(table)


def test_what_is_like_an_item_shares_its_taste():
    table = rank_items().similar(5, top=5)
    assert 5 not in table["item"]
    assert np.mean((table["item"] - 1) % 4 == 0) >= 0.6
    with pytest.raises(NotFoundError, match="knows no item 999"):
        rank_items().similar(999)


def test_a_score_is_explained():
    explained = rank_items().explain(107, 3)
    assert (explained[0].user, explained[0].item) == (107, 3)
    with pytest.raises(UsageError, match="One user is explained at a time, but 120 were asked for"):
        rank_items().explain()


def test_who_is_asked_for_is_said_once():
    with pytest.raises(UsageError, match="not both"):
        rank_items().recommend([107], events={"item": [1]})
    with pytest.raises(UsageError, match="none came"):
        rank_items().recommend([])


def test_ids_of_text_and_of_any_size_come_back_as_they_were():
    rows = draw_preferences()
    names = np.array([f" User {n:03d}" for n in range(400)])
    rows = {**rows, "user": names[rows["user"]], "item": rows["item"].astype(np.int64) + 2**60}
    model = wt.fit(rows, **SAID, **FAST)
    table = model.recommend([" User 107"], top=2)
    assert {*table["user"]} == {" User 107"}
    assert table["item"].min() > 2**60
    assert model.recommend(["User 107"], top=2).notes


def test_a_run_is_replaced_by_one_of_the_same_columns_only(tmp_path):
    rows = draw_preferences()
    wt.fit(rows, save=tmp_path / "run", **SAID, **FAST)
    wt.fit(rows, save=tmp_path / "run", **SAID, **FAST)
    with pytest.raises(UsageError, match="overwrite"):
        wt.fit(rows, save=tmp_path / "run", **{**SAID, "value": None}, **FAST)


def test_progress_reaches_its_end():
    shares = []
    wt.fit(draw_preferences(), items=list_items(), progress=shares.append, **SAID, **FAST)
    assert [*dict.fromkeys(step.name for step in shares)] == ["choosing settings", "mixing models", "learning from all"]
    assert shares[-1].share == 1.0
    asked = []
    rank_items().recommend([107], progress=asked.append)
    assert asked[-1].share == 1.0


def test_events_without_a_column_of_items_are_refused():
    with pytest.raises((NotFoundError, DataError), match="item"):
        rank_items().recommend(events={"thing": [1]})


@pytest.fixture
def saved(tmp_path):
    """A model of its own in a folder of its own."""
    model = wt.fit(draw_preferences(), save=tmp_path / "run", **SAID, **FAST)
    model.save(tmp_path / "run")
    return wt.load(tmp_path / "run")


def test_what_is_remembered_counts_in_all_lists_until_it_is_undone(saved):
    before = saved.recommend([107], top=40)
    item = int(before["item"][0])
    assert saved.remember({"user": [107], "item": [item], "value": [5.0]}) != []
    for model in (saved, wt.load(saved.records.folder)):
        assert item not in model.recommend([107], top=40)["item"]
        assert item not in model.recommend(top=40)["item"][model.recommend(top=40)["user"] == 107]
        assert model.profile(107).n_remembered == 1
    assert saved.undo(107)
    assert not saved.undo(107)
    assert saved.recommend([107], top=40)["item"].tolist() == before["item"].tolist()


def test_somebody_new_is_remembered_and_known_then(saved):
    saved.remember({"user": [9999, 9999], "item": [1, 5], "value": [4.0, 5.0]})
    table = saved.recommend([9999], top=3)
    assert table.notes == []
    assert not {1, 5} & {*table["item"]}
    assert saved.count_remembered() == 2
    more = saved.recommend(events={"user": [9999], "item": [9], "value": [5.0]}, top=40)
    assert not {1, 5, 9} & {*more["item"]}


def test_a_forgotten_user_is_gone_from_the_folder(saved):
    saved.remember({"user": [107], "item": [1], "value": [5.0]})
    saved.forget(107)
    again = wt.load(saved.records.folder)
    assert 107 not in again.recommender.events.users.values.to_pylist()
    assert again.records.read_all() == []
    assert again.recommend([107], top=2).notes
    with pytest.raises(NotFoundError, match="knows no user 107"):
        again.forget(107)


def test_nothing_to_remember_is_refused(saved):
    with pytest.raises(DataError, match="users with an id"):
        saved.remember({"item": [1]})
    with pytest.raises(DataError, match="of items that the run knows"):
        saved.remember({"user": [107], "item": [999]})
    with pytest.raises(NotFoundError, match="knows nothing of user"):
        saved.profile("nobody")


def test_weights_from_item_to_item_are_summed_up():
    assert "What speaks for" in str(rank_items().summary(5))
    assert len(rank_items().item_weights(top=4)) == 4


def test_lists_can_be_diverse_and_explore():
    plain, diverse, explored = (rank_items().recommend([107], top=8, **options) for options in ({}, {"diversity": 0.8}, {"explore": 3}))
    assert plain["item"].tolist() != diverse["item"].tolist()
    assert plain["item"].tolist() != explored["item"].tolist()
    assert rank_items().recommend([107], level=0).level is None


def test_what_is_old_counts_less_where_that_is_asked_for():
    model = wt.fit(draw_preferences(), **SAID, **FAST)
    events = model.recommender.events
    last = int(np.argmax(events.time))
    user, newest = (ids.values[int(own[last])].as_py() for ids, own in ((events.users, events.user), (events.items, events.item)))
    faded = model.recommend([user], top=40, half_life=1e-3)
    alone = model.recommend(events={"user": ["x"], "item": [newest], "value": [3.0]}, top=40)
    assert faded["item"].tolist() != model.recommend([user], top=40)["item"].tolist()
    scores = dict(zip(alone["item"], alone["score"], strict=True))
    assert np.corrcoef(faded["score"], [scores[item] for item in faded["item"]])[0, 1] > 0.9
    assert model.recommend([107], top=5, half_life=1e9)["score"] == pytest.approx(model.recommend([107], top=5)["score"], abs=1e-3)
    with pytest.raises(UsageError, match="above zero"):
        model.recommend([107], half_life=0)


def test_a_wish_that_is_not_known_is_refused_with_a_suggestion():
    with pytest.raises(UsageError, match=r"Did you mean .diversity."):
        rank_items().recommend([107], diversty=0.5)


def test_items_that_came_since_the_fit_are_ranked_by_their_features():
    model, taste = rank_items(), ["taste 0", "taste 1", "taste 2", "taste 3"]
    later = {"item": [901, 902, 903, 904], "title": [f"Item number {n}" for n in range(901, 905)], "taste": taste}
    own = {"item": [1, 5, 9, 13, 17], "value": [5.0] * 5}  # all of taste 0
    table = model.recommend(events=own, items=later, allow=[901, 902, 903, 904], top=4, why=True)
    assert table["item"][0] == 901
    assert table["name"][0] == "Item number 901"
    assert (table["low"] < table["score"]).all()
    assert table["why"][0] != "popularity"
    among = model.recommend([107], items=later, top=44, level=0)
    assert {901, 902, 903, 904} <= {*among["item"].tolist()}
    known = among["item"] < 900
    assert among["score"][known] == pytest.approx(model.recommend([107], top=44, level=0)["score"], abs=1e-5)


def test_items_that_came_later_need_features():
    with pytest.raises(UsageError, match="Fit with --items"):
        rank_items(tagged=False).recommend([107], items=list_items())
    with pytest.raises(DataError, match="knows all of these"):
        rank_items().recommend([107], items=list_items())
