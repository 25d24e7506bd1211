"""Who answers is the model, or what needs none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from small import forecast_prices
from weights.errors import NotFoundError
from weights.forecasting.units import place_series


def test_a_baseline_answers_with_its_own_value_and_the_bounds_of_paths():
    forecaster = forecast_prices().forecaster
    at, steps = np.array([400]), np.array([1, 5])
    learned = replace(forecaster, answering="learned").expect(at, steps=steps, levels=(0.8,))
    mean = replace(forecaster, answering="historical mean").expect(at, steps=steps, levels=(0.8,))
    np.testing.assert_array_equal(learned.low, mean.low)
    squares = forecaster.history.squares
    windows = np.lib.stride_tricks.sliding_window_view(squares[1:401, 2], 5).mean(axis=1)
    np.testing.assert_allclose(mean.mean[0, 2, 1], np.sqrt(windows.mean() * forecaster.a_year))


def test_the_model_answers_where_a_baseline_has_nothing_to_say_yet():
    forecaster = replace(forecast_prices().forecaster, answering="HAR")
    assert np.isfinite(forecaster.expect(np.array([10]), steps=np.array([5])).mean).all()


def test_shares_are_found_by_their_names():
    forecaster = forecast_prices().forecaster
    assert place_series(forecaster.labels, forecaster.task.series, "S3") == 3
    with pytest.raises(NotFoundError, match="There is no series 'S33'"):
        place_series(forecaster.labels, forecaster.task.series, "S33")
