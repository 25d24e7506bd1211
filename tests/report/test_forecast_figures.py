"""A forecast is drawn behind the values that were known, within its intervals."""

from __future__ import annotations

import itertools
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from drawn import inside, words
from planted import rows_of, weekly
from small import HORIZON, forecast_one, forecast_two
from weights.forecasting.steps import ForecastTable
from weights.report.charts import INK, ORANGE, SMALL, Area, Line, Raster, Text, save, width_of
from weights.report.forecast_figures import forecast_figure, lag_figure


def lines_of(figure, color) -> list[Line]:
    return [mark for mark in figure.marks if isinstance(mark, Line) and mark.color == color]


def test_the_forecast_goes_on_from_the_last_value():
    figure = forecast_figure(forecast_one().forecast())
    (before,), (after,) = lines_of(figure, INK), lines_of(figure, ORANGE)
    assert after.points[0] == before.points[-1]
    assert len(after.points) == HORIZON + 1
    assert inside(figure)


def test_each_level_is_a_band_around_the_forecast_and_the_widest_lies_behind():
    figure = forecast_figure(forecast_one().forecast(level=[0.95, 0.5]))
    bands = [mark for mark in figure.marks if isinstance(mark, Area)]
    assert len(bands) == 2
    heights = [np.ptp([y for _, y in band.points]) for band in bands]
    assert heights[0] > heights[1]
    assert "with intervals of 50% and 95%, each step for itself" in " ".join(words(figure))


def test_without_levels_there_is_no_band():
    figure = forecast_figure(forecast_one().forecast(level=[]))
    assert not [mark for mark in figure.marks if isinstance(mark, Area)]
    assert "without intervals" in " ".join(words(figure))


def test_of_several_series_the_first_is_drawn_and_named():
    assert "a: the next 5 steps" in words(forecast_figure(forecast_two().forecast()))


def test_moments_stand_below_and_do_not_overlap():
    hours = (np.datetime64("2024-01-01T09") + np.arange(400)).astype("datetime64[ms]")
    values = np.sin(np.arange(400) / 4)
    for n in (40, 60, 96):
        before = SimpleNamespace(name="load", values=values[:-n], times=hours[:-n])
        shorter = ForecastTable({"time": hours[-n:], "step": np.arange(1, n + 1), "prediction": values[-n:]}, before)
        below = [mark for mark in forecast_figure(shorter).marks if isinstance(mark, Text) and mark.words.startswith("2024-")]
        assert len(below) >= 3
        for a, b in itertools.pairwise(below):
            assert a.x + width_of(a.words, SMALL) / 2 + 5 < b.x - width_of(b.words, SMALL) / 2


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_it_is_written_to_a_file(ending, tmp_path):
    save(forecast_figure(forecast_one().forecast(after=rows_of(weekly(130), slice(105, None)))), tmp_path / f"next.{ending}")
    assert (tmp_path / f"next.{ending}").stat().st_size > 1000


def test_weights_of_lags_are_a_pixel_each_without_old_ones_that_are_next_to_nothing():
    forecaster = forecast_one().forecaster
    weights = forecaster.units.weights[0]
    weights = np.where(np.arange(len(weights))[:, None] < 40, weights, 1e-6)
    figure = lag_figure(replace(forecaster, units=forecaster.units._replace(weights=weights[None])), 0)
    raster, legend = (mark for mark in figure.marks if isinstance(mark, Raster))
    assert legend.pixels.shape[0] == 1
    n_lags = raster.pixels.shape[0]
    assert raster.pixels.shape[1] == HORIZON
    assert np.abs(weights[n_lags:]).max(initial=0.0) <= 0.005 * np.abs(weights).max()
    assert (raster.pixels[:, :, 0] > raster.pixels[:, :, 2])[weights[:n_lags] > 0].all()  # more red than blue above zero
    assert inside(figure)


def test_a_large_weight_and_small_ones_are_told_by_a_legend_in_roots():
    forecaster = forecast_one().forecaster
    weights = np.zeros_like(forecaster.units.weights)
    weights[0, 0], weights[0, 1:21] = 1.0, -0.04
    figure = lag_figure(replace(forecaster, units=forecaster.units._replace(weights=weights)), 0)
    opacity = next(mark for mark in figure.marks if isinstance(mark, Raster)).pixels[:, 0, 3] / 255
    np.testing.assert_allclose(opacity[:2], [1.0, 0.2], atol=0.01)
    assert {"-1.00", "-0.250", "0", "0.250", "1.00"} <= {*words(figure)}


def test_of_many_lags_the_last_value_can_be_seen_and_no_large_weight_is_left_out():
    forecaster = forecast_one().forecaster
    weights = np.full((1, 700, HORIZON), 0.006)
    weights[0, 0], weights[0, 690] = 1.0, -0.5
    units = forecaster.units._replace(weights=weights)
    figure = lag_figure(replace(forecaster, units=units), 0)
    pixels = next(mark for mark in figure.marks if isinstance(mark, Raster)).pixels
    assert (pixels[:, 0, 3] == 255).sum() >= 10  # rows of the last value
    assert (pixels[-10:, 0, 2] > pixels[-10:, 0, 0]).any()  # blue among the oldest
    assert "0" in words(figure)
    assert "500" in words(figure)
    assert inside(figure)
