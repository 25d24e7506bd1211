"""Later rows judge every forecast whose steps all are among them, as if each had been asked for at its moment."""

from __future__ import annotations

import numpy as np
import pytest

from planted import rows_of, stacked, weekly
from small import HORIZON, forecast_one, forecast_two
from weights.errors import DataError, UsageError
from weights.forecasting.scoring import name_level

ALL = weekly(130)
LATER = rows_of(ALL, slice(105, None))
N_WINDOWS = 25 - HORIZON + 1


def test_errors_and_coverage_are_those_of_forecasts_asked_for_one_by_one():
    model = forecast_one()
    score = model.score(LATER)
    errors, hits = [], []
    for known in range(N_WINDOWS):
        table = model.forecast(after=rows_of(LATER, slice(known)) if known else None)
        came = LATER["sold"][known : known + HORIZON]
        errors.append(came - table["prediction"])
        hits.append((table["low 80%"] <= came) & (came <= table["high 80%"]))
    assert (score.n_windows, score.n_series) == (N_WINDOWS, 1)
    np.testing.assert_allclose(score.metrics["mae"].value, np.abs(errors).mean())
    np.testing.assert_allclose(score.metrics["mse"].value, np.square(errors).mean())
    season_error = np.abs(ALL["sold"][7:105] - ALL["sold"][:98]).mean()
    np.testing.assert_allclose(score.metrics["mase"].value, np.abs(errors).mean() / season_error)
    np.testing.assert_allclose(score.coverage["80%"], np.mean(hits))
    np.testing.assert_allclose([step.mae for step in score.steps], np.abs(errors).mean(axis=0))
    np.testing.assert_allclose([step.coverage["80%"] for step in score.steps], np.mean(hits, axis=0))


def test_each_series_weighs_as_much_however_many_windows_it_has():
    a = rows_of(weekly(130, shop=["a"] * 130), slice(105, None))
    b = rows_of(weekly(102, seed=1, shop=["b"] * 102), slice(95, None))
    b = b | {"sold": 2 * b["sold"]}
    model = forecast_two()
    both, first, second = (model.score(table) for table in (stacked(a, b), a, b))
    assert (both.n_windows, both.n_series) == (first.n_windows + second.n_windows, 2)
    np.testing.assert_allclose(both.metrics["mae"].value, (first.metrics["mae"].value + second.metrics["mae"].value) / 2)


def test_missing_values_are_neither_hits_nor_misses():
    holed = LATER["sold"].copy()
    holed[[4, 11]] = np.nan
    score = forecast_one().score(LATER | {"sold": holed})
    assert all(np.isfinite([step.mase, step.mae, step.mse]).all() for step in score.steps)
    assert 0.5 < score.coverage["80%"] <= score.coverage["95%"] <= 1


def test_bounds_hold_about_as_often_as_they_say():
    # 80 % of 400 days: neighbours in time depend, as if one in five told something, so that four standard errors are 18 points.
    model = forecast_one()
    score = model.score(rows_of(weekly(505), slice(105, None)))
    assert abs(score.coverage["80%"] - 0.8) < 4 * np.sqrt(0.8 * 0.2 / (400 / HORIZON))
    assert score.coverage["95%"] > 0.95 - 4 * np.sqrt(0.95 * 0.05 / (400 / HORIZON))


def test_a_score_is_shown_as_tables():
    score = forecast_one().score(LATER, level=0.9)
    lines = score.lines()
    assert [*score.coverage] == ["90%"]
    assert lines[0].startswith("walk-forward")
    assert f"over {N_WINDOWS} forecasts of 1 series" in str(score)
    assert [line.split()[0] for line in lines[-HORIZON - 1 :]] == ["1", "2", "3", "4", "5", "all"]


def test_rows_less_than_the_horizon_judge_nothing():
    with pytest.raises(DataError, match="forecasts of 5 steps needs as many later values of a series, but there are 4"):
        forecast_one().score(rows_of(LATER, slice(4)))
    with pytest.raises(DataError, match="as many later values of a series, but there are 0"):
        forecast_one().score(LATER | {"sold": np.full(25, np.nan)})
    with pytest.raises(UsageError, match="between 0 and 1"):
        forecast_one().score(LATER, level=80)


def test_levels_are_named_in_per_cent():
    assert [name_level(level) for level in (0.5, 0.8, 0.99, 0.999)] == ["50%", "80%", "99%", "99.9%"]
