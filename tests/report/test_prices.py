"""What is said of forecasts of prices: what was read, what is tried, how good it is, and whether anything tells of it."""

from __future__ import annotations

from pathlib import Path

from planted import traded
from small import HORIZON, forecast_prices
from weights import api
from weights.report.prices import overview, plan_lines, plan_object, result_lines, run_lines, run_object


def plan(**options):
    said = {"task": "forecast", "time": "day", "series": "share", "horizon": HORIZON, "quantity": "volatility"}
    return api.plan_fit(traded(), "close", **said | options)


def said(lines) -> str:
    return " ".join(" ".join(lines).split())


def test_an_overview_and_a_plan_name_what_is_forecast_of_what():
    assert "1,680 rows, 4 series, trading days; forecast volatility of close, 5 steps ahead" in said(overview(plan()))
    assert "of all series together" in said(plan_lines(plan()))
    planned = plan_object(plan())
    assert (planned["quantity"], planned["horizon"], planned["signals"]) == ("volatility", HORIZON, [])


def test_an_outcome_says_what_answers_why_and_what_to_do_next():
    lines = said(result_lines(forecast_prices(), plan(), Path("runs/shares")))
    assert "loss of variances (QLIKE)" in lines
    assert "after 5 steps, at rolling origins" in lines
    assert "weights backtest runs/shares" in lines
    assert "nowhere, because of --no-save" in said(result_lines(forecast_prices(), plan(), None))


def test_where_nothing_beats_zero_it_is_said():
    answering = said(run_lines(forecast_prices("returns"), Path("runs/shares")))
    assert "zero answers, with intervals from paths" in answering
    assert "nothing beats zero" in answering
    assert "with intervals" not in said(run_lines(forecast_prices("direction"), Path("runs/shares")))


def test_the_object_holds_what_json_can():
    shown = run_object(forecast_prices(), Path("runs/shares"))
    assert (shown["quantity"], shown["answering"], shown["saved"]) == ("volatility", forecast_prices().forecaster.answering, "runs/shares")
    assert {*shown["compared"]} == {"learned", "historical mean", "last", "HAR"}
