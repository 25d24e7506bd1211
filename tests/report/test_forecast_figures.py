"""A forecast is drawn behind the values that were known, within its intervals."""

from __future__ import annotations

import itertools
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
    figure = lag_figure(forecaster, 0)
    (raster,) = [mark for mark in figure.marks if isinstance(mark, Raster)]
    n_lags = raster.pixels.shape[0]
    assert raster.pixels.shape[1] == HORIZON
    assert np.abs(weights[n_lags:]).max(initial=0.0) <= 0.005 * np.abs(weights).max()
    assert (raster.pixels[:, :, 0] > raster.pixels[:, :, 2])[weights[:n_lags] > 0].all()  # more red than blue above zero
    assert inside(figure)
