"""Numbers as they are, within limits or bounded, as rows that a member did not learn from say; beside least squares."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import cross_val_predict

import weights as wt
from weights.training import reading
from weights.training.reading import find_limits, share_bounded

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


ERRORS = {
    "one of 1e6": FAR,
    "six of three sizes": SMALL * np.select([np.arange(N) % 200 == k for k in (50, 100, 150)], [1e3, 1e5, 1e6], 1.0),
    "a code in 5 % of rows": np.where(np.arange(N) % 20 == 7, 99_999.0, SMALL),
}


@pytest.mark.parametrize("name", ERRORS)
def test_beside_errors_far_out_the_other_rows_are_answered_as_least_squares_without_the_errors_do(name):
    x, y = ERRORS[name], 3 * SMALL + 5 + NOISE
    right = x == SMALL
    model = wt.fit({"x": x, "y": y}, "y", **LINEAR)
    least_squares = r2_score(y[right], cross_val_predict(LinearRegression(), SMALL[right, None], y[right], cv=8))
    out_of_bag = model.ensemble.oob_predictions
    assert r2_score(y[right], out_of_bag.prediction[right[out_of_bag.rows]]) > least_squares - 0.01
    # The line goes on beyond the largest of 400, about 20; tolerance as above.
    np.testing.assert_allclose(model.predict({"x": [1.0, 30.0]}), [8.0, 95.0], atol=0.2, rtol=0.03)


@pytest.fixture(scope="module")
def beside_an_error() -> wt.Model:
    return wt.fit({"x": FAR, "y": 3 * SMALL + 5 + NOISE}, "y", model="linear", members=8)


def test_the_error_counts_as_the_median_which_is_said(beside_an_error):
    median, model = float(np.median(FAR)), beside_an_error
    np.testing.assert_array_equal(bounded(model), [0.0])
    [(low, high)] = model.ensemble.limits.values()
    assert SMALL.max() * 4 < high < OUTLIER / 4
    assert high - median == pytest.approx(median - low)
    at_median, *beyond = model.predict({"x": [median, OUTLIER, np.inf, low - 1, np.nan]})
    np.testing.assert_allclose(beyond, at_median, rtol=1e-6)
    assert any(remark.startswith(f"'x': 1 row above {high:.6g} counts as the median, because") for remark in model.report.remarks)
    assert any("'x': 1 of 2 rows lie above" in note for note in model.notes({"x": [1.0, OUTLIER]}))


def test_the_effect_beside_an_error_is_what_the_answers_do(beside_an_error):
    near, far = beside_an_error.predict({"x": [100.0, 200.0]})
    # Rows of the effect and members' training rows weigh alike but for the penalty.
    assert beside_an_error.feature_weights()[0]["effect"] == pytest.approx((far - near) / 100, rel=0.01)
    explanation = beside_an_error.explain({"x": [float(np.median(FAR)), OUTLIER]})
    np.testing.assert_allclose(explanation.contributions[0], explanation.contributions[1], rtol=1e-4)


def test_limits_are_saved_with_a_run(beside_an_error, tmp_path):
    beside_an_error.save(tmp_path / "run")
    loaded, rows = wt.load(tmp_path / "run"), {"x": [1.0, 30.0, OUTLIER]}
    assert loaded.ensemble.limits == beside_an_error.ensemble.limits
    np.testing.assert_array_equal(loaded.predict(rows), beside_an_error.predict(rows))


def test_of_two_columns_only_the_one_with_the_error_has_a_limit():
    x = TAILS["lognormal"]
    model = wt.fit({"long": x, "typo": FAR, "y": 3 * x + 3 * SMALL + 5 + NOISE}, "y", **LINEAR)
    assert [*model.ensemble.limits] == ["typo"]
    near, far = model.predict({"long": [100.0, 200.0], "typo": [1.0, 1.0]})
    assert far - near == pytest.approx(300.0, rel=0.01)
    near, far = model.predict({"long": [1.0, 1.0], "typo": [10.0, 20.0]})
    assert far - near == pytest.approx(30.0, rel=0.05)


def test_a_row_far_out_on_the_line_has_no_limit():
    model = wt.fit({"x": FAR, "y": 3 * FAR + 5 + NOISE}, "y", **LINEAR)
    assert model.ensemble.limits == {}
    assert model.predict({"x": [OUTLIER]})[0] == pytest.approx(3 * OUTLIER, rel=1e-3)


def test_the_end_of_a_curve_is_bounded_and_said_to_be():
    x = TAILS["lognormal"]
    model = wt.fit({"x": x, "y": np.tanh(x / 3) + 0.05 * NOISE}, "y", **LINEAR)
    np.testing.assert_array_equal(bounded(model), [1.0])
    assert any("'x': some rows lie so far out" in remark for remark in model.report.remarks)


def test_a_limit_lies_in_the_widest_gap_before_rows_far_out_and_in_the_innermost():
    near = np.linspace(0.1, 2.0, 100)
    assert find_limits(np.append(near, [200.0]), 1) == [pytest.approx(20.0)]
    assert find_limits(np.append(near, [20.0, 20_000.0]), 2) == [pytest.approx(200.0 * 10**0.5), pytest.approx(40**0.5)]
    assert find_limits(np.append(near, [2e6, 20.0, 20_000.0]), 1) == [pytest.approx(2e5)]  # the others are not far out


def test_there_is_no_limit_without_a_gap_of_four_times_or_before_more_than_a_tenth_of_the_rows():
    near = np.linspace(0.1, 2.0, 100)
    assert find_limits(np.append(near, [7.9]), 1) == []
    assert find_limits(np.append(near, np.full(12, 50.0)), 12) == []
    assert find_limits(np.append(near, np.full(11, 50.0)), 11) == [pytest.approx(10.0)]


def test_without_long_tails_numbers_are_read_as_they_are_and_nothing_else_is_tried(monkeypatch):
    tried, follow = [], reading._Trials._follow
    monkeypatch.setattr(reading._Trials, "_follow", lambda *given: tried.append(1) or follow(*given))
    model = wt.fit({"x": NOISE, "y": NOISE + 1}, "y", **LINEAR)
    assert tried == [1]
    np.testing.assert_array_equal(bounded(model), [0.0])


@pytest.mark.parametrize("x", [FAR, TAILS["lognormal"]], ids=["error", "curve"])
def test_strengths_near_the_best_of_the_first_reading_are_as_good_as_the_whole_path(x, monkeypatch):
    columns = {f"noise {j}": RNG.normal(size=60) for j in range(30)}  # so that the strength matters
    table = {"x": x[N // 2 - 30 : N // 2 + 30], **columns}
    table["y"] = np.tanh(np.minimum(table["x"], 9.0)) + 0.3 * NOISE[:60]
    near, walk = wt.fit(table, "y", **LINEAR), reading._Trials.walk
    monkeypatch.setattr(reading._Trials, "walk", lambda self, limits, near=None: walk(self, limits))
    whole = wt.fit(table, "y", **LINEAR)
    assert near.ensemble.limits == whole.ensemble.limits
    np.testing.assert_array_equal(bounded(near), bounded(whole))
    strengths = [model.ensemble.populations[0].history["strength"] for model in (near, whole)]
    np.testing.assert_array_equal(*strengths)


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


def test_classes_over_a_long_tail_are_told_apart_beside_an_error_at_least_as_well_as_where_all_is_bounded():
    x = TAILS["lognormal"]
    label = np.where(np.log(x) + RNG.logistic(size=N) * 0.5 > 0, "high", "low")
    broken = {"x": np.where(np.arange(N) == int(np.argmin(x)), 1e30, x), "y": label}
    chosen, asked = (wt.fit(broken, "y", **LINEAR, **options) for options in ({}, {"unbounded": False}))
    assert chosen.metrics["log_loss"] < 1.01 * asked.metrics["log_loss"]
