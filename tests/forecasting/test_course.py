"""The course of losses is their mean over parts of the time, in order, and what was earned adds up."""

from __future__ import annotations

import numpy as np

from weights.data.series.calendar import Even
from weights.forecasting.course import record_course

DAYS = Even(0.0, 86_400.0)


def test_few_moments_stand_for_themselves_and_series_are_averaged():
    losses = {"this run": (np.array([3, 3, 4, 5]), np.array([1.0, 3.0, 5.0, np.nan])), "last value": (np.array([4]), np.array([7.0]))}
    course = record_course(DAYS, losses, "error")
    assert course.times == ["1970-01-04", "1970-01-05", "1970-01-06"]
    np.testing.assert_array_equal(course.losses["this run"], [2.0, 5.0, np.nan])
    np.testing.assert_array_equal(course.losses["last value"], [np.nan, 7.0, np.nan])


def test_many_moments_are_put_together_and_earnings_end_where_they_add_up_to():
    rng = np.random.default_rng(0)
    origin, loss, gained = np.arange(1_000), rng.random(1_000), rng.normal(size=1_000)
    course = record_course(DAYS, {"this run": (origin, loss)}, "error", {"held": gained})
    assert len(course.times) == 60
    assert abs(np.mean(course.losses["this run"]) - loss.mean()) < 0.01  # parts have 16 or 17 moments
    np.testing.assert_allclose(course.earned["held"][-1], gained.sum())
