"""A fit judges itself on ratings kept apart, beside plainer predictions, and learns again from all."""

from __future__ import annotations

import numpy as np
import pytest

import weights as wt
from ratings import FEW, RATED, draw_ratings
from weights.errors import Interrupted
from weights.fitoptions import make_request
from weights.rating.fitting import DRAWN, fit_ratings
from weights.rating.planning import plan_rating
from weights.training.control import Control

ROWS = draw_ratings(n=2_400)


def test_predictions_are_judged_beside_plainer_ones():
    report = wt.fit(ROWS, **RATED, n_factors=3).report
    assert [*report.compared] == [DRAWN, "biases", "mean"]
    assert report.metrics == report.compared[DRAWN]
    drawn, biases, mean = (report.compared[name]["rmse"].value for name in report.compared)
    assert drawn < biases < mean
    assert report.metrics["rmse"].low < drawn < report.metrics["rmse"].high
    assert "less squared error than biases" in report.decision
    assert "beyond doubt" in report.decision


def test_what_is_for_the_test_is_judged_at_the_end():
    split = np.where(np.random.default_rng(0).random(len(ROWS["user"])) < 0.2, "test", "train")
    report = wt.fit({**ROWS, "part": split}, split="part", **RATED, **FEW).report
    assert report.n_test == (split == "test").sum()
    assert report.test["rmse"].value == pytest.approx(report.metrics["rmse"].value, abs=0.15)


def test_a_fit_is_the_same_in_any_order_of_rows():
    mixed = {name: values[::-1] for name, values in ROWS.items()}
    first, second = (wt.fit(rows, **RATED, **FEW) for rows in (ROWS, mixed))
    assert np.array_equal(first.rater.draws.items, second.rater.draws.items)


def test_a_fit_can_be_stopped():
    plan = plan_rating(ROWS, make_request(None, {**RATED, **FEW}))
    with pytest.raises(Interrupted):
        fit_ratings(plan, Control(stopping=lambda: True))


def test_noise_without_causes_gains_nothing():
    random = np.random.default_rng(0)
    report = wt.fit({**ROWS, "stars": random.normal(size=len(ROWS["user"]))}, **RATED, **FEW).report
    assert report.metrics["r2"].value < 0.05
