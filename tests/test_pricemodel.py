"""A model of prices is fitted, saved, asked and judged through the same doors as others."""

from __future__ import annotations

import numpy as np
import pytest

import weights as wt
from planted import traded
from small import HORIZON, forecast_prices
from weights.errors import UsageError

SAID = {"task": "forecast", "time": "day", "series": "share", "horizon": 2, "quantity": "returns", "inspect": False}


def test_a_model_says_what_it_is():
    assert repr(forecast_prices()).startswith("<weights.PriceModel: volatility of 'close', 5 steps ahead, 4 series, qlike ")


def test_more_steps_than_were_learned_and_levels_that_cannot_be_are_refused():
    with pytest.raises(UsageError, match="forecasts 1 to 5 steps ahead, but 9 were asked for"):
        forecast_prices().forecast(9)
    with pytest.raises(UsageError, match="between 0 and 1"):
        forecast_prices().forecast(level=80.0)


def test_a_fit_without_inspection_has_no_drivers_and_says_how_to_have_them():
    model = wt.fit(traded(), "close", **SAID)
    with pytest.raises(UsageError, match="Fit again with inspection"):
        model.drivers  # noqa: B018
    assert len(forecast_prices().drivers.predictors) == 6


def test_a_run_is_replaced_by_one_of_the_same_series_only(tmp_path):
    wt.fit(traded(), "close", save=tmp_path / "run", **SAID)
    wt.fit(traded(), "close", save=tmp_path / "run", **SAID)
    with pytest.raises(UsageError, match="overwrite"):
        wt.fit(traded(420, 2), "close", save=tmp_path / "run", **SAID)
    with pytest.raises(UsageError, match="Leave out --resume"):
        wt.fit(traded(), "close", save=tmp_path / "other", resume=True, **SAID)


def test_progress_reaches_its_end():
    shares = []
    wt.fit(traded(), "close", progress=shares.append, **{**SAID, "horizon": HORIZON, "inspect": True})
    assert [step.name for step in shares] == ["learning paths", "judging them", "weighing predictors"]
    assert np.all([step.share == 1.0 for step in shares])
