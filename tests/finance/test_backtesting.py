"""A backtest learns again and again from what was known, and from nothing else."""

from __future__ import annotations

import numpy as np
import pytest

import weights as wt
from planted import traded
from small import HORIZON, forecast_prices
from weights.errors import UsageError


def test_a_backtest_learns_again_and_counts_every_window():
    progress = []
    score = forecast_prices().backtest(traded(), hold_out=60, refit=20, progress=progress.append)
    assert (score.n_fits, score.n_origins) == (3, 60 - HORIZON + 1)
    assert [step.share for step in progress] == [1 / 3, 2 / 3, 1.0]
    assert score.trading is None
    assert any("learned 3 times on the way" in line for line in score.lines())


def test_a_backtest_of_one_fit_is_the_score_of_a_fit_to_what_came_before():
    rows = traded()
    said = {"task": "forecast", "time": "day", "series": "share", "horizon": HORIZON, "quantity": "volatility", "inspect": False}
    early = wt.fit({name: np.asarray(values)[: 360 * 4] for name, values in rows.items()}, "close", **said)
    score = early.score({name: np.asarray(values)[360 * 4 :] for name, values in rows.items()})
    again = forecast_prices().backtest(rows, hold_out=60, refit=60)
    assert again.metrics == score.metrics
    assert again.coverage == score.coverage


def test_positions_are_taken_where_a_signal_tells_and_not_where_nothing_does():
    rows = traded(600, 6, seed=2, follows=0.5)
    said = {"task": "forecast", "time": "day", "series": "share", "horizon": 1, "quantity": "returns", "inspect": False}
    told = wt.fit(rows, "close", **said).backtest(rows, hold_out=100, refit=50, cost=0.001).trading
    assert told.gross.low > 0
    assert told.net.value < told.gross.value
    silent = forecast_prices("returns").backtest(traded(), hold_out=30, refit=30).trading
    assert silent.traded == 0


def test_columns_that_were_left_out_of_the_fit_are_left_out_of_a_backtest():
    rows = traded(420, follows=0.5)
    said = {"task": "forecast", "time": "day", "series": "share", "horizon": 1, "quantity": "returns", "inspect": False}
    fewer = {name: values for name, values in rows.items() if name != "signal"}
    left, without, whole = wt.fit(rows, "close", **said, drop="signal"), wt.fit(fewer, "close", **said), wt.fit(rows, "close", **said)
    asked = {"hold_out": 40, "refit": 40}
    assert left.backtest(rows, **asked).metrics == without.backtest(fewer, **asked).metrics
    assert left.backtest(rows, **asked).metrics != whole.backtest(rows, **asked).metrics


def test_what_cannot_be_is_refused():
    with pytest.raises(UsageError, match="At least the 5 steps of the horizon"):
        forecast_prices().backtest(traded(), hold_out=2)
    with pytest.raises(UsageError, match="at least one moment, but --refit is -3"):
        forecast_prices().backtest(traded(), hold_out=60, refit=-3)
    with pytest.raises(UsageError, match="came from memory"):
        forecast_prices().backtest()
