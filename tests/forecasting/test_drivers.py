"""What drives forecasts is found where it was planted, and not where nothing was."""

from __future__ import annotations

import numpy as np
import pytest

import weights
from small import forecast_one


def autoregression(slope: float, n: int = 600) -> np.ndarray:
    noise, values = np.random.default_rng(0).normal(size=n), np.zeros(n)
    for t in range(1, n):
        values[t] = slope * values[t - 1] + noise[t]
    return values


def drivers_of(values: np.ndarray, horizon: int = 2):
    return weights.fit({"sold": values}, "sold", task="forecast", horizon=horizon).drivers


def test_the_lag_of_an_autoregression_counts_and_no_other_does():
    drivers = drivers_of(autoregression(0.7))
    first = [weight for weight in drivers.lags if weight.step == 1]
    assert first[0].lag == 0
    # The standard error of the slope is about sqrt((1 - 0.49) / 600) = 0.03.
    assert first[0].weight == pytest.approx(0.7, abs=4 * 0.03)
    assert first[0].adjusted < 1e-6
    assert all(weight.low < weight.weight < weight.high for weight in drivers.lags)
    assert min(weight.adjusted for weight in first[1:]) > 0.01


def test_noise_has_no_lag_that_counts():
    drivers = drivers_of(np.random.default_rng(1).normal(size=600))
    assert min(weight.adjusted for weight in drivers.lags) > 0.01


def test_columns_that_stand_beside_lags_are_judged_in_the_unit_of_the_target():
    drivers = forecast_one().drivers
    assert [effect.name for effect in drivers.columns] == [*forecast_one().forecaster.columns.names]
    # Against Monday, in a rhythm of 3 sin(2 pi d / 7) from the first day, a Monday: Wednesday is 2.9 higher, in noise of one.
    wednesday = next(effect for effect in drivers.columns if effect.name == "Wednesday")
    assert wednesday.low < 3 * np.sin(4 * np.pi / 7) < wednesday.high
    assert drivers.basis == "effect"
