"""Volatility is forecast, returns are not where nothing tells of them, and a planted signal is found and used."""

from __future__ import annotations

import numpy as np
import pytest

import weights as wt
from planted import traded
from small import HORIZON, forecast_prices
from weights.errors import DataError, Interrupted
from weights.finance.fitting import fit_prices
from weights.finance.forecaster import LEARNED
from weights.training.control import Control

SAID = {"task": "forecast", "time": "day", "series": "share", "horizon": 1, "quantity": "returns"}


def test_volatility_that_changes_is_forecast_better_than_by_all_that_needs_no_model():
    model = wt.fit(traded(700, 8), "close", **{**SAID, "horizon": 10, "quantity": "volatility"})
    assert model.forecaster.answering == LEARNED
    assert model.report.decision.startswith("what was learned loses less than all that needs no model")
    assert [*model.report.compared] == ["learned", "historical mean", "last", "HAR"]
    assert model.metrics["qlike"] == min(metrics["qlike"].value for metrics in model.report.compared.values())


def test_zero_answers_where_nothing_tells_of_returns_and_that_is_said():
    model = wt.fit(traded(500, 6, seed=1), "close", **SAID)
    assert (model.forecaster.answering, model.forecaster.model.drift.rule) == ("zero", "zero")
    assert model.report.decision.startswith("nothing beats zero, which answers")
    assert [row for row in model.drivers.predictors if row.p_adjusted < 0.05] == []
    table = model.forecast()
    np.testing.assert_array_equal(table["prediction"], 0.0)
    assert (table["low 80%"] < 0).all()


def test_a_planted_signal_is_named_and_used_and_has_its_sign():
    model = wt.fit(traded(700, 6, seed=2, follows=0.35), "close", **SAID)
    assert model.forecaster.answering == LEARNED
    sure = {row.name: row for row in model.drivers.predictors if row.p_adjusted < 0.05}
    assert sure["signal"].low > 0
    assert model.drivers.suspects == []


def test_variables_that_follow_from_others_are_not_weighed_as_the_market_of_one_share():
    rows = traded(500, 1, seed=5, follows=0.35)
    names = [row.name for row in wt.fit({**rows, "again": 2 * np.asarray(rows["signal"])}, "close", **SAID).drivers.predictors]
    assert "signal" in names
    assert not {"again", "market, last day", "market, last week"} & {*names}


def test_a_variable_that_is_never_known_with_the_others_is_a_reason_not_a_warning():
    early = np.where(np.arange(1680) < 200, np.random.default_rng(0).normal(size=1680), np.nan)  # a quarter is needed for the others
    drivers = wt.fit({**traded(420), "mood": np.where(np.arange(1680) < 40, early, np.nan)}, "close", **SAID).drivers
    assert drivers.predictors == []
    assert "60 dates or more, but 0 have all values" in drivers.reason


def test_columns_can_be_left_out():
    model = wt.fit(traded(420, follows=0.35), "close", **{**SAID, "inspect": False}, drop="signal")
    assert [*model.forecaster.history.signals] == []


def test_a_column_that_was_filled_in_afterwards_is_warned_of():
    rows = traded(500, 5, seed=3)
    close = np.asarray(rows["close"]).reshape(500, 5)
    tomorrow = np.vstack([np.diff(np.log(close), axis=0), np.zeros((1, 5))])
    model = wt.fit({**rows, "mood": tomorrow.ravel()}, "close", **SAID)
    assert len(model.drivers.suspects) == 1
    assert model.drivers.suspects[0].startswith("'mood' tells")
    assert any("'mood' tells" in note for note in model.backtest({**rows, "mood": tomorrow.ravel()}, hold_out=30, refit=30).notes)


def test_what_is_for_the_test_is_judged_and_not_learned_from():
    rows = traded(500, 4, seed=4)
    part = np.where(np.arange(2000) < 1600, "train", "test")
    said = {**SAID, "horizon": 5, "quantity": "volatility", "inspect": False}
    split = wt.fit({**rows, "part": part}, "close", split="part", **said)
    early = wt.fit({name: np.asarray(values)[:1600] for name, values in rows.items()}, "close", **said)
    np.testing.assert_array_equal(split.forecaster.model.shapes, early.forecaster.model.shapes)
    assert split.report.n_test == 4 * (100 - 5 + 1)
    assert split.report.test["qlike"].value > 0
    np.testing.assert_array_equal(split.forecast()["prediction"], early.forecast()["prediction"])


def test_a_year_is_counted_by_the_days_that_have_prices():
    assert forecast_prices().forecaster.a_year in (260.0, 261.0)  # weekdays without holidays
    steps = wt.fit({"close": traded(420, 1)["close"]}, "close", task="forecast", horizon=3, quantity="volatility", inspect=False)
    assert steps.forecaster.a_year == 1.0


def test_prices_that_are_too_few_are_refused_with_what_is_needed():
    with pytest.raises(DataError, match=r"Volatility over 1 steps needs \d+ moments or more, but there are 40"):
        wt.fit(traded(40), "close", **SAID)
    assert "60 dates or more" in wt.fit(traded(75), "close", **SAID).drivers.reason


def test_prices_that_never_move_are_refused_and_one_of_several_is_named():
    rows = traded(420)
    with pytest.raises(DataError, match="Prices that move were needed"):
        wt.fit(rows | {"close": np.full(1680, 7.0)}, "close", **SAID)
    one = rows | {"close": np.where(np.asarray(rows["share"]) == "S2", 7.0, rows["close"])}
    model = wt.fit(one, "close", **{**SAID, "inspect": False})
    assert "the price never moves, so that there is nothing to learn: S2" in model.report.remarks
    assert np.isfinite(model.forecast()["prediction"]).all()


def test_a_tail_without_prices_is_told():
    rows = traded(420, 1) | {"share": ["a"] * 420}
    rows["close"] = np.where(np.arange(420) >= 400, np.nan, rows["close"])
    model = wt.fit(rows, "close", **{**SAID, "inspect": False})
    assert "forecasts begin after the last price, which lies before the last moment: a by 20" in model.report.remarks
    assert model.forecast()["time"][0] == np.busday_offset(rows["day"][0], 400).astype("datetime64[ms]")


def test_a_fit_stops_when_it_is_asked_to():
    planned = wt.api.plan_fit(traded(420), "close", **SAID)
    with pytest.raises(Interrupted):
        fit_prices(planned, Control(stopping=lambda: True))


def test_the_same_rows_give_the_same_forecasts_in_any_order():
    rows = traded(420)
    order = np.random.default_rng(0).permutation(1680)
    said = {**SAID, "horizon": HORIZON, "quantity": "volatility"}
    shuffled = wt.fit({name: np.asarray(values)[order] for name, values in rows.items()}, "close", **said)
    for name, values in forecast_prices().forecast().items():
        np.testing.assert_array_equal(values, shuffled.forecast()[name])
