"""What is shown of recommendations: events, the plan, and how lists fare."""

from __future__ import annotations

import json
from pathlib import Path

from preferences import SAID, draw_preferences, list_items
from small import rank_items
from weights.api import plan_fit
from weights.report.fits import report_of
from weights.report.recommendations import overview, plan_lines, plan_object, quality_lines, result_lines, run_object, score_lines

PLAN = plan_fit(draw_preferences(), items=list_items(), **SAID)


def test_events_are_counted_and_the_plan_says_by_what_lists_are_judged():
    assert "120 users, 40 items" in overview(PLAN)[0]
    assert "the last fifth of all events" in plan_lines(PLAN)[1]
    assert plan_object(PLAN)["n_users"] == 120
    assert report_of(PLAN).n_steps(PLAN) is None


def test_the_outcome_says_what_to_do_next():
    lines = result_lines(rank_items(), PLAN, Path("runs/films"))
    assert any("weights recommend runs/films --user" in line for line in lines)
    assert any(line.startswith("Why") for line in lines)


def test_lists_are_shown_beside_those_of_each_model():
    lines = quality_lines(rank_items().recommender)
    assert lines[0].split()[-4:] == ["items", "factors", "neighbours", "popularity"]
    assert any("NDCG@10" in line for line in lines)


def test_a_score_is_shown_beside_the_fit():
    lines = score_lines(rank_items().score(draw_preferences(seed=1)))
    assert lines[0].split() == ["later", "at", "the", "fit"]
    assert "events to find among all items" in lines[-1]


def test_the_same_is_json():
    shown = run_object(rank_items(), None)
    assert json.loads(json.dumps(shown))["n_items"] == 40
    assert {*shown["shares"]} >= {"popularity"}
