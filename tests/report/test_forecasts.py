"""What is said of forecasts: what was read, what is tried, how good it is beside plain forecasts, and what it is made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import weights
from planted import stacked, weekly
from small import HORIZON, forecast_one, forecast_two
from weights import api
from weights.forecasting.network import NETWORK
from weights.report.forecasts import overview, plan_lines, plan_object, quality_lines, result_lines, run_lines, run_object, share_lines
from weights.report.terminal import duration


def plan(table, **options):
    return api.plan_fit(table, "sold", task="forecast", **{"time": "day", "horizon": HORIZON} | options)


def said(lines) -> str:
    return " ".join(" ".join(lines).split())


def test_an_overview_names_series_calendar_and_seasons():
    assert "84 rows, one series, daily, seasons of 7 steps; forecast sold, 5 steps ahead" in said(overview(plan(weekly(84))))
    noise = {"sold": np.random.default_rng(0).normal(size=84)}
    assert "numbered steps, without a season" in said(overview(plan(noise, time=None)))
    two = stacked(weekly(84, shop=["a"] * 84), weekly(84, shop=["b"] * 84))
    assert "168 rows, 2 series" in said(overview(plan(two, series="shop")))


def test_a_plan_names_its_lags_and_series():
    lags = said(plan_lines(plan(weekly(84))))
    assert "ridge regressions on 7, 14, 21 lags, solved exactly" in lags
    two = stacked(weekly(84, shop=["a"] * 84), weekly(84, shop=["b"] * 84))
    assert "2 times: ridge regressions" in said(plan_lines(plan(two, series="shop")))
    assert "too short for regressions on lags" in said(plan_lines(plan(weekly(20), horizon=14)))
    planned = plan_object(plan(weekly(84)))
    assert (planned["task"], planned["horizon"], planned["seasons"]) == ("forecast", HORIZON, (7,))


def test_a_plan_tells_the_seconds_of_all_that_is_done():
    n_series = 60
    planned = plan(stacked(*(weekly(84, shop=[str(i)] * 84) for i in range(n_series))), series="shop")
    assert NETWORK in planned.stages
    assert plan_object(planned)["seconds"] == round(sum(planned.stages.values()), 2) > planned.seconds
    assert f"about {duration(sum(planned.stages.values()))}" in said(plan_lines(planned))


def test_quality_stands_beside_that_of_plain_forecasts():
    lines = quality_lines(forecast_one().forecaster)
    assert lines[0].split()[:4] == ["rolling", "regressions", "last", "value"]
    assert "season of 7" in lines[0]
    assert [line.split()[0] for line in lines[1:4]] == ["scaled", "mean", "mean"]


def test_of_several_targets_only_what_has_no_unit_is_averaged():
    table = weekly(84)
    table["weight"] = 1000 * table["sold"]
    model = weights.fit(table, ["sold", "weight"], task="forecast", time="day", horizon=HORIZON, inspect=False)
    lines = quality_lines(model.forecaster)
    assert "MASE" in lines[1]
    assert "mean absolute error" not in said(lines)
    assert "a mean over targets" in lines[-1]


def test_intervals_are_explained_where_there_are_some():
    long = weights.fit(weekly(600), "sold", task="forecast", time="day", horizon=HORIZON, inspect=False)
    assert "[95 % interval" in said(quality_lines(long.forecaster))
    assert "[" not in said(quality_lines(forecast_two().forecaster))


def test_a_test_is_counted_in_forecasts():
    table = weekly(104, split=["train"] * 84 + ["test"] * 20)
    model = weights.fit(table, "sold", task="forecast", time="day", horizon=HORIZON, split="split")
    assert "test, 16 forecasts" in quality_lines(model.forecaster)[0]


def test_shares_add_up_and_many_are_cut():
    lines = share_lines(forecast_one().forecaster)
    assert lines[0].split() == ["regression", "share"]
    assert lines[-1].strip() == f"and {len(forecast_one().forecaster.model.shares) - 8} more"


def test_an_outcome_says_where_it_was_saved_and_what_comes_next():
    planned = plan(weekly(84))
    model = api.run_fit(planned)
    lines = result_lines(model, planned, Path("runs/my sales"))
    assert lines[-1].split()[:4] == ["Next", "weights", "forecast", "'runs/my"]
    assert "nowhere" in result_lines(model, planned, None)[-1]


def test_a_walk_is_said_to_be_answered_by_its_last_value():
    planned = plan({"sold": np.random.default_rng(0).normal(size=300).cumsum()}, time=None)
    lines = said(result_lines(api.run_fit(planned), planned, None))
    assert "Result the last value" in lines
    assert "Why nothing beats the last value" in lines


def test_a_run_is_told_in_lines_and_as_a_record():
    lines = said(run_lines(forecast_two(), Path("runs/sales")))
    assert "sales forecast: sold, 5 steps ahead, daily" in lines
    assert "200 rows, 2 series" in lines
    record = run_object(forecast_two(), Path("runs/sales"))
    assert (record["n_series"], record["targets"], record["saved"]) == (2, ("sold",), "runs/sales")
    assert {*record["compared"]} >= {"regressions", "last value", "season of 7"}


def test_where_a_plain_forecast_answers_its_figures_stand_first_and_those_of_regressions_beside():
    walk = {"day": np.arange(400), "close": np.random.default_rng(0).normal(size=400).cumsum()}
    model = weights.fit(walk, "close", task="forecast", time="day", horizon=HORIZON)
    assert not model.forecaster.model.beaten
    head, first = (line.split() for line in quality_lines(model.forecaster)[:2])
    assert head == ["rolling", "last", "value", "regressions", "mean", "of", "lags"]
    compared = model.report.compared
    assert len({float(first[place]) for place in (3, -2, -1)}) == 3
    assert abs(float(first[3]) - compared["last value"]["mase"].value) < 1e-3
