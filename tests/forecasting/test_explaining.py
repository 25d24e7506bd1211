"""A forecast is the sum of what lags and columns add to that of an average past; on a log scale, the product."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import weights
from planted import rows_of, weekly
from small import HORIZON, forecast_one, forecast_two
from weights.errors import NotFoundError, UsageError

LATER = rows_of(weekly(130), slice(105, None))


@pytest.mark.parametrize("after", [None, LATER], ids=["next", "later"])
def test_parts_add_up_to_the_forecast(after):
    model = forecast_one()
    forecast = model.forecast(after=after)["prediction"]
    explained = model.explain(after, steps=range(1, HORIZON + 1))
    for step, prediction in zip(explained, forecast, strict=True):
        assert step.prediction == pytest.approx(prediction)
        assert step.base + sum(part.value for part in step.contributions) == pytest.approx(prediction)
        sizes = [abs(part.value) for part in step.contributions]
        assert sizes == sorted(sizes, reverse=True)


def test_parts_multiply_up_where_a_series_is_seen_as_logs():
    places = np.arange(90)
    values = np.exp(places / 30) * (10 + 3 * np.sin(2 * np.pi * places / 7)) * np.exp(0.05 * np.random.default_rng(0).normal(size=90))
    model = weights.fit(weekly(90) | {"sold": values}, "sold", task="forecast", time="day", horizon=HORIZON)
    (step,) = model.explain(steps=[2])
    assert step.factors
    assert step.base * np.prod([part.value for part in step.contributions]) == pytest.approx(step.prediction)
    assert step.prediction == pytest.approx(model.forecast()["prediction"][1])


def test_a_forecast_that_is_cut_at_zero_says_how_much_that_adds():
    table = weekly(140)
    table["sold"] = np.maximum(np.round(10 - np.arange(140) / 13.0), 0.0)
    model = weights.fit(table, "sold", task="forecast", time="day", horizon=HORIZON, inspect=False)
    units = model.forecaster.units
    lower = replace(model.forecaster, units=units._replace(tails=units.tails - 1.0))
    for step in weights.ForecastModel(lower).explain(steps=range(1, HORIZON + 1)):
        assert step.prediction == 0.0
        assert next(part.value for part in step.contributions if part.part == "cut at zero") > 0
        assert step.base + sum(part.value for part in step.contributions) == pytest.approx(0.0, abs=1e-9)


def test_a_series_is_explained_by_name_and_the_first_without_one():
    model = forecast_two()
    assert {step.series for step in model.explain()} == {"a"}
    assert [step.step for step in model.explain(series="b")] == [1, HORIZON]
    with pytest.raises(NotFoundError, match="no series 'z'"):
        model.explain(series="z")
    with pytest.raises(UsageError, match="Steps are counted from 1 to 5"):
        model.explain(steps=[6])
