"""Numbers as they are, or bounded, as rows that a member did not learn from say; beside least squares."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import cross_val_predict

import weights as wt
from weights.training import reading
from weights.training.reading import share_bounded

pytestmark = pytest.mark.filterwarnings("ignore::weights.errors.RowsWarning")  # rows beyond those of training are asked about
N, OUTLIER = 400, 1e6
RNG = np.random.default_rng(3)
NOISE = RNG.normal(size=N)
SMALL = RNG.lognormal(0, 1, N)
FAR = np.where(np.arange(N) == N // 2, OUTLIER, SMALL)
TAILS = {
    "lognormal": RNG.lognormal(0, 2, N),
    "t(2)": RNG.standard_t(2, N),
    "Pareto(1.2)": 1 + RNG.pareto(1.2, N),
    "one outlier": FAR,
}
LINEAR = {"model": "linear", "members": 8, "inspect": False}


def bounded(model: wt.Model) -> np.ndarray:
    """The share of linear members that bound each number."""
    ensemble = model.ensemble
    return share_bounded(ensemble.populations[0], ensemble.encoding.layout(ensemble.task.n_outputs))


@pytest.mark.parametrize("name", TAILS)
def test_a_line_over_a_long_tail_is_found_as_least_squares_find_it(name):
    x = TAILS[name]
    y = 3 * x + 5 + NOISE
    model = wt.fit({"x": x, "y": y}, "y", **LINEAR)
    least_squares = r2_score(y, cross_val_predict(LinearRegression(), x[:, None], y, cv=8))
    assert model.metrics["r2"] > least_squares - 0.01
    # Both slope and level are known to about 1 / sqrt(400); four times that, at the middle and at a hundred times the middle.
    np.testing.assert_allclose(model.predict({"x": [1.0, 100.0, 200.0]}), [8.0, 305.0, 605.0], atol=0.2, rtol=0.03)


def test_the_effect_that_is_told_is_what_the_answers_do():
    x = TAILS["lognormal"]
    model = wt.fit({"x": x, "y": 3 * x + 5 + NOISE}, "y", model="linear", members=8)
    near, far = model.predict({"x": [100.0, 200.0]})
    assert model.feature_weights()[0]["effect"] == pytest.approx((far - near) / 100, rel=1e-3)


def test_a_typing_error_is_bounded_so_that_all_other_rows_are_answered_well():
    y = 3 * SMALL + 5 + NOISE
    model = wt.fit({"x": FAR, "y": y}, "y", model="linear", members=8)
    median = float(np.median(SMALL))
    np.testing.assert_array_equal(bounded(model), [1.0])
    assert model.predict({"x": [median]})[0] == pytest.approx(3 * median + 5, abs=0.4)
    # What is told is the slope near the middle, which least squares would put at zero.
    near, far = model.predict({"x": [median - 0.05, median + 0.05]})
    assert model.feature_weights()[0]["effect"] == pytest.approx((far - near) / 0.1, rel=0.05)
    assert any("'x': some rows lie so far out" in remark for remark in model.report.remarks)


def test_of_two_columns_only_the_one_with_the_error_is_bounded():
    x = TAILS["lognormal"]
    model = wt.fit({"long": x, "typo": FAR, "y": 3 * x + 3 * SMALL + 5 + NOISE}, "y", **LINEAR)
    np.testing.assert_array_equal(bounded(model), [0.0, 1.0])
    near, far = model.predict({"long": [100.0, 200.0], "typo": [1.0, 1.0]})
    assert far - near == pytest.approx(300.0, rel=0.01)


def test_without_long_tails_numbers_are_read_as_they_are_and_nothing_else_is_tried(monkeypatch):
    tried, walk = [], reading._Trials.walk
    monkeypatch.setattr(reading._Trials, "walk", lambda self, unbounded, strengths: tried.append(1) or walk(self, unbounded, strengths))
    model = wt.fit({"x": NOISE, "y": NOISE + 1}, "y", **LINEAR)
    assert tried == [1]
    np.testing.assert_array_equal(bounded(model), [0.0])


def test_a_bound_that_is_asked_for_is_kept():
    x = TAILS["lognormal"]
    model = wt.fit({"x": x, "y": 3 * x}, "y", unbounded=False, **LINEAR)
    assert np.isnan(bounded(model)).all()
    near, far = model.predict({"x": [1e4, 1e5]})
    assert far == pytest.approx(near, rel=1e-3)


@pytest.mark.parametrize("penalty", ["none", "l1", "elastic_net", "group"])
def test_every_penalty_finds_a_line_over_a_long_tail(penalty):
    x = TAILS["lognormal"]
    model = wt.fit({"x": x, "other": SMALL, "y": 3 * x + 5 + NOISE}, "y", penalty=penalty, **LINEAR)
    assert model.metrics["r2"] > 0.99


def test_classes_over_a_long_tail_are_as_well_told_apart_beside_an_error_as_where_all_is_bounded():
    x = TAILS["lognormal"]
    label = np.where(np.log(x) + RNG.logistic(size=N) * 0.5 > 0, "high", "low")
    broken = {"x": np.where(np.arange(N) == int(np.argmin(x)), 1e30, x), "y": label}
    chosen, asked = (wt.fit(broken, "y", **LINEAR, **options) for options in ({}, {"unbounded": False}))
    assert chosen.metrics["log_loss"] == pytest.approx(asked.metrics["log_loss"], rel=0.01)
