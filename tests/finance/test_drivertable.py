"""What tells of prices is a table: nothing is said first where nothing does, and what cannot be forecast by is told apart."""

from __future__ import annotations

from dataclasses import replace

from small import forecast_prices
from weights.finance.drivertable import find_significant, tabulate_predictors
from weights.finance.forecaster import PriceDrivers
from weights.inspection.predictors import Predictor

SURE = Predictor("mood", 0.2, 0.1, 0.3, 0.001, 0.002, 0.04)
UNSURE = Predictor("luck", 0.01, -0.1, 0.12, 0.8, 0.9, 0.0)


def said(drivers, **options):
    table = tabulate_predictors(forecast_prices("returns").forecaster, drivers, **options)
    return " ".join(" ".join(table.lines()).split())


def test_where_nothing_tells_it_is_said_first():
    lines = tabulate_predictors(forecast_prices("returns").forecaster, forecast_prices("returns").drivers).lines()
    assert lines[0].split()[:2] == ["Drivers", "nothing:"]
    assert any("return, last month" in line for line in lines)
    assert find_significant(forecast_prices("returns").drivers) == []


def test_what_tells_but_too_little_to_forecast_by_is_told_so():
    both = PriceDrivers([UNSURE, SURE], "units", 300, 900)
    assert "1 of 2 variables tells of returns 5 steps ahead" in said(both)
    assert "that is too little to forecast by" in said(both)
    assert find_significant(both) == ["mood"]
    model = forecast_prices("returns").forecaster.model
    used = replace(forecast_prices("returns").forecaster, model=model._replace(drift=model.drift._replace(rule="the mean so far")))
    assert "too little" not in " ".join(tabulate_predictors(used, both).lines())


def test_the_surest_stand_first_and_the_others_are_counted():
    assert "and 1 more" in said(PriceDrivers([UNSURE, SURE], "units", 300, 900), top=1)
    assert "luck" not in said(PriceDrivers([UNSURE, SURE], "units", 300, 900), top=1)


def test_warnings_and_reasons_are_shown():
    assert "'x' looks ahead" in said(PriceDrivers([UNSURE], "units", 300, 900, ["'x' looks ahead"]))
    assert "too few dates" in said(PriceDrivers(reason="too few dates"))
