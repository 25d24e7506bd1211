"""What was learned answers where it loses less beyond doubt, and what is simplest where nothing does."""

from __future__ import annotations

import numpy as np

from weights.finance.judging import Judged, compare, measure_losses, say_comparison
from weights.tasks.prices import PriceForecast

TASK = PriceForecast("close", "log-returns", 1)


def judged_of(n=400, **errors):
    """What came of four shares, and forecasts that miss it by errors of these sizes."""
    rng = np.random.default_rng(0)
    came = rng.normal(size=(n, 1))
    expected = {name: came + size * rng.normal(size=came.shape) for name, size in errors.items()}
    return Judged(np.arange(n) // 4, np.tile(np.arange(4), n // 4), came, expected)


def test_losses_are_means_with_intervals_that_hold_them():
    metrics = measure_losses(judged_of(learned=0.5), TASK)
    metric = metrics["learned"]["mse"]
    assert metric.low < 0.25 < metric.high
    np.testing.assert_allclose(metric.value, 0.25, atol=4 * 0.25 * np.sqrt(2 / 400))


def test_what_was_learned_answers_where_it_loses_less_beyond_doubt():
    better = compare(judged_of(learned=0.5, zero=1.0, mean=0.9), TASK, "learned")
    assert (better.best, better.beaten) == ("mean", True)
    assert "loses less than all that needs no model: error 0.2" in say_comparison(better, "error")


def test_the_simplest_answers_where_others_do_not_lose_less_beyond_doubt():
    close = compare(judged_of(learned=1.0, zero=1.001, mean=1.0), TASK, "learned")
    assert (close.simplest, close.beaten) == ("zero", False)
    assert "nothing beats zero by more than its error, so that it answers" in say_comparison(close, "error")
    apart = compare(judged_of(learned=1.0, zero=3.0, mean=1.0), TASK, "learned")
    assert apart.simplest == "mean"


def test_what_says_the_same_as_the_simplest_has_learned_nothing():
    judged = judged_of(zero=1.0)
    same = judged._replace(expected={"learned": judged.expected["zero"], **judged.expected})
    comparison = compare(same, TASK, "learned")
    assert not comparison.beaten
    assert say_comparison(comparison, "error").startswith("nothing beats zero, which answers: what was known tells nothing more")


def test_windows_of_which_one_forecaster_has_nothing_to_say_count_for_none():
    judged = judged_of(learned=0.5, zero=1.0)
    judged.expected["zero"][:100] = np.nan
    assert np.isnan(judged.losses(TASK, "learned")["mse"][:100]).all()
    assert np.isfinite(judged.losses(TASK, "learned")["mse"][100:]).all()
