"""Settings that are compared are those that are named, judged on what none of them saw."""

from __future__ import annotations

import numpy as np
import pytest

import weights
from planted import weekly
from weights.errors import UsageError

N = 600


@pytest.fixture(scope="module")
def table() -> dict[str, object]:
    """A rhythm of two weeks, which few lags do not see."""
    random, days = np.random.default_rng(0), np.arange(N)
    return weekly(N) | {"sold": 20 + 3 * np.sin(2 * np.pi * days / 14) * (1 + 0.3 * np.sin(days / 50)) + random.normal(size=N)}


@pytest.fixture(scope="module")
def model(table: dict[str, object]) -> weights.ForecastModel:
    return weights.fit(table, "sold", task="forecast", time="day", horizon=5, smoothing=False, inspect=False)


def test_settings_that_cannot_see_the_rhythm_harm_and_failures_are_told(model: weights.ForecastModel, table: dict[str, object]):
    compared = model.compare({"lags": ["1", "14,28", "400"]}, table, hold_out=200)
    found = {variant.name: variant for variant in compared.variants}
    assert found["lags 1"].harms
    assert found["lags 14,28"].gain > found["lags 1"].gain
    assert "Set fewer lags" in found["lags 400"].failure
    assert [variant.name for variant in compared.variants][-1] == "lags 400"
    assert (compared.held_out, compared.n_windows) == (200, 196)
    assert compared.loss == pytest.approx(model.backtest(table, hold_out=200).metrics["mase"].value)


def test_all_combinations_but_that_of_the_run_are_tried(model: weights.ForecastModel, table: dict[str, object]):
    compared = model.compare({"smoothing": [True, False], "columns": ["no", "yes"]}, table, hold_out=50)
    names = {variant.name for variant in compared.variants}
    assert names == {"smoothing yes, columns no", "smoothing yes, columns yes", "smoothing no, columns no"}


@pytest.mark.parametrize(
    ("vary", "said"),
    [
        ({}, "Name what to vary"),
        ({"smoothing": [False]}, "Nothing changes with smoothing"),
        ({"hidden": [3]}, "'hidden' does nothing for forecasts"),
        ({"lags": [*range(1, 70)]}, "These are 69 variants, and at most 64"),
    ],
)
def test_what_cannot_be_compared_is_refused(model: weights.ForecastModel, table: dict[str, object], vary, said):
    with pytest.raises(UsageError, match=said):
        model.compare(vary, table)
