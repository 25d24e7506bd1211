"""A fit of ratings is shown as lines and as JSON."""

from __future__ import annotations

import json

import weights as wt
from ratings import FEW, RATED, draw_ratings
from weights.api import plan_fit
from weights.report.ratings import overview, plan_lines, plan_object, result_lines, run_lines, run_object, score_lines

PLAN = plan_fit(draw_ratings(), **RATED, **FEW)
MODEL = wt.fit(draw_ratings(), **RATED, **FEW)


def test_a_plan_says_what_there_is_and_what_will_be_done():
    assert "1,600 events, 80 users, 50 items" in overview(PLAN)[0]
    assert "stars from" in overview(PLAN)[1]
    assert "20 draws of biases and 3 factors, in two times 30 rounds" in plan_lines(PLAN)[0]
    assert json.loads(json.dumps(plan_object(PLAN)))["n_events"] == 1_600


def test_an_outcome_stands_beside_plainer_ones(tmp_path):
    lines = result_lines(MODEL, PLAN, None)
    assert lines[1].split() == ["kept", "apart", "factors", "biases", "mean"]
    assert any(line.lstrip().startswith("RMSE") for line in lines)
    assert any("standard deviations" in line for line in lines)
    record = json.loads(json.dumps(run_object(MODEL, tmp_path)))
    assert record["task"] == "rating"
    assert 0.4 < record["noise"] < 0.8
    assert "rating: stars of item by user" in run_lines(MODEL, tmp_path)[0]


def test_later_ratings_stand_beside_those_at_the_fit():
    lines = score_lines(MODEL.score(draw_ratings(seed=1)))
    assert lines[0].split() == ["later", "at", "the", "fit"]
    assert "1,600 ratings of 80 users" in lines[-1]
