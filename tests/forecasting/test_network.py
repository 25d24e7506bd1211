"""A network adds to forecasts of many series where it helps, knows nothing of what comes later, and is told of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import weights
from planted import bent, rows_of, weekly
from small import forecast_many, forecast_two
from weights.forecasting.later import read_later
from weights.forecasting.network import find_traits
from weights.forecasting.scoring import answer_plainly
from weights.forecasting.walking import walk

N_DAYS = 640
TABLE = bent(N_DAYS + 40)
LATER = rows_of(TABLE, np.flatnonzero(np.tile(np.arange(N_DAYS + 40), 24) >= N_DAYS))


def without(model):
    return weights.ForecastModel(replace(model.forecaster, network=None))


def test_what_bends_is_forecast_better_with_a_network():
    model = forecast_many()
    assert model.forecaster.network is not None
    assert any(remark.startswith("a network on what regressions leave saves") for remark in model.report.remarks)
    mae, alone = (own.score(LATER).metrics["mae"].value for own in (model, without(model)))
    assert mae < 0.9 * alone


def test_few_series_have_none():
    assert forecast_two().forecaster.network is None


def test_a_forecast_is_that_of_the_lags_and_what_the_network_adds():
    model, alone = forecast_many(), without(forecast_many())
    explained = [step for name in ("s00", "s07") for step in model.explain(LATER, steps=[1, 2], series=name)]
    first, beside = model.forecast(after=LATER), alone.forecast(after=LATER)
    for step in explained:
        place = np.flatnonzero(np.asarray(first["series"]) == step.series)[step.step - 1]
        assert step.prediction == pytest.approx(first["prediction"][place], rel=1e-5)
        added = {part.part: part.value for part in step.contributions}["the network"]
        # Programs of other numbers of rows add in another order, in float32.
        assert added == pytest.approx(first["prediction"][place] - beside["prediction"][place], abs=1e-4)


def test_what_comes_after_a_moment_changes_nothing_that_is_said_at_it():
    forecaster = forecast_many().forecaster
    changed = dict(LATER, sold=np.where(np.tile(np.arange(40), 24) < 10, LATER["sold"], 50.0))
    read = [read_later(forecaster, rows) for rows in (LATER, changed)]
    usual, other = ([*walk(forecaster, known.values, known.expected, known.past, follow=False)] for known in read)
    for a, b in zip(usual[:11], other[:11], strict=True):
        np.testing.assert_array_equal(a.forecasts, b.forecasts)
    assert not np.array_equal(usual[11].forecasts, other[11].forecasts)


def test_series_that_come_later_are_forecast_without_it():
    model = forecast_many()
    days = weekly(N_DAYS, noise=0.5, shop=["new"] * N_DAYS)
    with_, alone = (own.forecast(after=days) for own in (model, without(model)))
    new = np.asarray(with_["series"]) == "new"
    assert new.sum() == 2
    np.testing.assert_array_equal(np.asarray(with_["prediction"])[new], np.asarray(alone["prediction"])[new])


def test_the_plain_forecast_has_none():
    later = read_later(forecast_many().forecaster, LATER)
    assert answer_plainly(later).forecaster.network is None


def test_traits_are_correlations_the_size_of_steps_and_logs():
    values = np.tile([1.0, -1.0], 50)
    first, season, step, logged = find_traits(values, [2], logged=True)
    assert (first, season, logged) == (pytest.approx(-1), pytest.approx(1), 1.0)
    assert step == pytest.approx(np.log(2.001))
    assert find_traits(np.zeros(5), [7], logged=False)[:2].tolist() == [0, 0]
