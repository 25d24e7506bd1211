"""Trials are judged on windows that none of them saw, in units that all share."""

from __future__ import annotations

import numpy as np
import pytest

from planted import weekly
from weights.errors import DataError
from weights.fitoptions import make_request
from weights.forecasting.planning import read_planner
from weights.forecasting.settings import ForecastSettings
from weights.forecasting.trials import TrialRunner
from weights.training.control import Control

USUAL = ForecastSettings()
REQUEST = make_request("sold", {"task": "forecast", "time": "day", "horizon": 5, "inspect": False})


def runner(n: int = 600, held_out: int = 200) -> TrialRunner:
    return TrialRunner(read_planner(weekly(n), REQUEST, held_out=held_out), Control(), "The test", network=False)


def test_what_changes_nothing_gains_nothing_for_certain():
    trials = runner()
    base = trials.learn(USUAL)
    same = trials.judge(base, "pooling", "each alone", {"pooling": False}, among=1)  # of one series
    assert (same.gain, same.low, same.high, same.train_gain) == (0.0, 0.0, 0.0, 0.0)
    assert not same.helps
    assert not same.harms


def test_a_gain_is_the_difference_of_losses_and_intervals_widen_with_the_number_of_trials():
    trials = runner()
    base = trials.learn(USUAL)
    less = trials.learn(ForecastSettings(history=100))
    one, many = (trials.judge(base, "recent", "recent", {"history": 100}, among=n) for n in (1, 20))
    assert one.gain == pytest.approx(base.loss - less.loss * less.scale[0] / base.scale[0])
    assert one.train_gain == pytest.approx(base.train_loss - less.train_loss * less.scale[0] / base.scale[0])
    assert one.low is not None
    assert many.low is not None
    assert many.low < one.low < one.gain
    assert base.judge_plainly() > base.loss
    assert np.isfinite(base.seconds)


def test_too_few_moments_are_refused():
    with pytest.raises(DataError, match="as many of the last moments as the horizon"):
        runner(60, held_out=3).learn(USUAL)
