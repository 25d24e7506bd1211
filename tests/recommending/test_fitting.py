"""A fit mixes models, says how lists fare beside each of them, and for whom."""

from __future__ import annotations

import numpy as np
import pytest

import weights as wt
from preferences import SAID, draw_preferences
from small import rank_items
from weights.errors import Interrupted
from weights.fitoptions import make_request
from weights.recommending.fitting import fit_ranking
from weights.recommending.groupshares import MIXED
from weights.recommending.planning import plan_ranking
from weights.tasks.ranking import RANKING_METRICS
from weights.training.control import Control

FAST = {"model": "items", "strength": 10.0, "emphasis": 0.0}


def test_lists_are_judged_beside_those_of_each_model():
    report = rank_items().report
    assert [*report.compared] == [MIXED, "items", "factors", "neighbours", "popularity"]
    assert [*report.metrics] == [*RANKING_METRICS]
    assert report.compared[MIXED] == report.metrics
    assert report.metrics["ndcg@10"].low < report.metrics["ndcg@10"].value < report.metrics["ndcg@10"].high


def test_shares_add_up_to_one_and_the_decision_names_them():
    assert np.sum([part.shares for part in rank_items().recommender.parts.values()], axis=0) == pytest.approx(1.0)
    assert "users who judge, in the mean" in rank_items().report.decision


def test_users_are_told_apart_by_how_much_was_known_of_them():
    model = wt.fit(draw_preferences(300, 60), **{**SAID, "time": None}, **FAST)
    groups = model.recommender.groups
    assert sum(group.n_users for group in groups) <= 300
    assert all(group.most is None or group.fewest <= group.most for group in groups)


def test_what_is_for_the_test_is_judged_at_the_end():
    rows = draw_preferences(200, 60)
    split = np.where(np.random.default_rng(0).random(len(rows["user"])) < 0.2, "test", "train")
    model = wt.fit({**rows, "part": split}, split="part", **{**SAID, "time": None}, **FAST)
    assert model.report.n_test > 100
    assert abs(model.report.test["ndcg@10"].value - model.metrics["ndcg@10"]) < 0.12


def test_a_fit_is_the_same_again_and_in_any_order_of_rows():
    rows = draw_preferences()
    mixed = {name: values[::-1] for name, values in rows.items()}
    first, second = (wt.fit(own, **SAID, **FAST) for own in (rows, mixed))
    assert np.array_equal(first.recommend(top=3)["score"], second.recommend(top=3)["score"])


def test_planted_tastes_are_found():
    """Users of one taste turn to items of it: of the first three four in ten are (measured: 0.47; by chance one in four)."""
    rows = draw_preferences(300, 60)
    model = wt.fit(rows, **{**SAID, "time": None}, **FAST)
    table = model.recommend(top=3)
    own = {user: np.bincount((rows["item"][rows["user"] == user] - 1) % 4, minlength=4).argmax() for user in np.unique(rows["user"])}
    hits = [(item - 1) % 4 == own[user] for user, item in zip(table["user"], table["item"], strict=True)]
    assert np.mean(hits) > 0.4


def test_of_very_many_events_settings_are_chosen_by_some_users(monkeypatch):
    from weights.recommending import fitting

    monkeypatch.setattr(fitting, "MOST_LEARNED", 500)
    model = wt.fit(draw_preferences(300, 60), **SAID, **FAST)
    assert any("users drawn at random" in remark for remark in model.report.remarks)
    assert len(model.recommender.events) > 2_000


def test_a_fit_can_be_stopped():
    plan = plan_ranking(draw_preferences(), make_request(None, {**SAID, **FAST}))
    with pytest.raises(Interrupted):
        fit_ranking(plan, Control(stopping=lambda: True))
