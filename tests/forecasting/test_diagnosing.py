"""A diagnosis names the change that would make forecasts better, and none where none would."""

from __future__ import annotations

import numpy as np
import pytest

import weights as wt
from planted import stacked, weekly
from small import HORIZON, forecast_one, forecast_two
from weights.errors import UsageError
from weights.forecasting.diagnosing import conclude
from weights.forecasting.forecaster import LagModel
from weights.forecasting.trials import ForecastTrial

SAID = {"task": "forecast", "time": "day", "horizon": HORIZON, "inspect": False}


def diagnose(table, **options):
    hold_out = options.pop("hold_out", 200)
    return wt.fit(table, "sold", **SAID, **options).diagnose(table, hold_out=hold_out)


def by_name(diagnosis):
    return {remedy.name: remedy for remedy in diagnosis.remedies}


def remedy(name, gain, half, train_gain=0.0):
    return ForecastTrial(name, f"with {name}", {}, gain, gain - half, gain + half, train_gain)


@pytest.mark.parametrize(
    ("remedies", "beaten", "verdict"),
    [
        ([remedy("more-lags", 0.2, 0.1, 0.3), remedy("recent", -0.1, 0.3)], True, "underfits"),
        ([remedy("fewer-lags", 0.2, 0.1, -0.3)], True, "overfits"),
        ([remedy("fewer-lags", 0.2, 0.3, -0.3), remedy("recent", -0.3, 0.1)], True, "limited by the amount of data"),
        ([remedy("fewer-lags", 0.01, 0.005, -0.3), remedy("recent", -0.01, 0.1)], True, "balanced"),
        ([remedy("fewer-lags", 0.0, 0.0)], False, "limited by noise"),
        ([ForecastTrial("recent", "the later half", {}, 0.3)], True, "undecided"),
    ],
)
def test_a_verdict_follows_from_what_changes_do(remedies, beaten, verdict):
    found, reason = conclude(1.0, 2.0, LagModel(7, (7,), {}, "last value", beaten), remedies)
    assert found == verdict
    assert reason


def test_where_no_change_helps_that_is_said():
    diagnosis = diagnose(weekly(800))
    assert diagnosis.verdict in ("balanced", "limited by the amount of data")
    assert not any(remedy.helps for remedy in diagnosis.remedies)
    assert diagnosis.plain_loss > diagnosis.loss
    assert 0.5 * diagnosis.loss < diagnosis.train_loss < 1.5 * diagnosis.loss


def test_changes_stand_in_the_order_of_their_gains_within_their_intervals():
    remedies = diagnose(weekly(600, noise=2.0)).remedies
    assert [own.gain for own in remedies] == sorted((own.gain for own in remedies), reverse=True)
    assert all(own.low <= own.gain <= own.high for own in remedies)


def test_noise_is_limited_by_noise():
    rng = np.random.default_rng(0)
    table = {"day": np.datetime64("2020-01-01") + np.arange(600), "sold": np.cumsum(rng.normal(size=600))}
    diagnosis = diagnose(table)
    assert diagnosis.verdict == "limited by noise"
    assert "nothing beats the last value" in diagnosis.reason


def test_windows_that_are_too_few_decide_nothing():
    diagnosis = forecast_one().diagnose(weekly(105), hold_out=12)
    assert (diagnosis.verdict, diagnosis.n_windows) == ("undecided", 12 - HORIZON + 1)


def test_changes_are_those_that_a_run_can_make():
    assert "each-alone" not in by_name(forecast_one().diagnose(weekly(105)))
    a, b = weekly(105, shop=["a"] * 105), weekly(95, seed=1, shop=["b"] * 95)
    changes = by_name(forecast_two().diagnose(stacked(b | {"sold": 2 * b["sold"]}, a)))
    assert {"recent", "fewer-lags", "each-alone", "with-logs"} <= {*changes}


def test_the_loss_is_that_of_a_backtest():
    table = weekly(300)
    model = wt.fit(table, "sold", **SAID)
    assert model.diagnose(table, hold_out=60).loss == pytest.approx(model.backtest(table, hold_out=60).metrics["mase"].value)


def test_rows_that_are_gone_are_asked_for():
    with pytest.raises(UsageError, match="came from memory"):
        forecast_one().diagnose()
