"""A model of forecasts reads the user's rows in any form, answers alike after saving, and refuses what it cannot do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import weights
from planted import rows_of, weekly
from small import HORIZON, forecast_one, forecast_two
from weights.errors import DataError, UsageError

ALL = weekly(130)
LATER = rows_of(ALL, slice(105, None))


@pytest.mark.parametrize("make", [dict, pd.DataFrame, pl.DataFrame, pa.table], ids=["mapping", "pandas", "polars", "arrow"])
def test_rows_may_come_in_any_form(make):
    options = {"task": "forecast", "time": "day", "horizon": HORIZON}
    rows, later = rows_of(ALL, slice(84)), rows_of(ALL, slice(84, None))
    usual, other = weights.fit(rows, "sold", **options), weights.fit(make(rows), "sold", **options)
    np.testing.assert_array_equal(usual.forecast()["prediction"], other.forecast()["prediction"])
    np.testing.assert_array_equal(usual.forecast(after=later)["high 80%"], other.forecast(after=make(later))["high 80%"])


def test_the_same_rows_give_the_same_bits_whatever_the_threads():
    one, two = (
        weights.fit(rows_of(ALL, slice(84)), "sold", task="forecast", time="day", horizon=HORIZON, threads=threads) for threads in (1, 2)
    )
    np.testing.assert_array_equal(one.forecast()["low 95%"], two.forecast()["low 95%"])


def test_a_model_says_what_it_is():
    assert repr(forecast_one()).startswith("<weights.ForecastModel: 'sold', 5 steps ahead, 1 series, mase 0.")
    assert "2 series" in repr(forecast_two())
    assert [*forecast_one().metrics] == ["mase", "mae", "mse"]


def test_a_backtest_learns_again_without_what_it_is_judged_on():
    table = rows_of(ALL, slice(105))
    score = forecast_one().backtest(table, hold_out=20)
    alone = weights.fit(rows_of(ALL, slice(85)), "sold", task="forecast", time="day", horizon=HORIZON)
    apart = alone.score(rows_of(ALL, slice(85, 105)))
    assert score.n_windows == apart.n_windows == 20 - HORIZON + 1
    np.testing.assert_allclose(score.metrics["mae"].value, apart.metrics["mae"].value)
    assert score.coverage == pytest.approx(apart.coverage)


def test_a_backtest_of_rows_that_are_steps_counts_them_again():
    table = rows_of(ALL, slice(105))
    model = weights.fit(table, "sold", task="forecast", time="none", horizon=HORIZON, inspect=False)
    assert model.backtest(table, hold_out=20).n_windows == 20 - HORIZON + 1
    assert model.forecast()["time"].tolist() == [105, 106, 107, 108, 109]


def test_a_backtest_needs_rows_and_at_least_the_horizon():
    with pytest.raises(UsageError, match=r"came from memory\. Give them again"):
        forecast_one().backtest()
    with pytest.raises(UsageError, match="At least the 5 steps of the horizon are held out, but 4"):
        forecast_one().backtest(rows_of(ALL, slice(105)), hold_out=4)


def test_a_saved_run_is_replaced_and_a_folder_of_something_else_is_not(tmp_path):
    forecast_one().save(tmp_path / "run")
    forecast_two().save(tmp_path / "run")
    assert len(weights.load(tmp_path / "run").forecaster) == 2
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("all of it")
    with pytest.raises(UsageError, match="is not a Weights folder"):
        forecast_one().save(tmp_path / "other")


def test_forecasts_leave_nothing_to_go_on_with(tmp_path):
    with pytest.raises(UsageError, match="learned in one go"):
        weights.fit(rows_of(ALL, slice(84)), "sold", task="forecast", time="day", horizon=HORIZON, save=tmp_path / "run", resume=True)
    assert not (tmp_path / "run").exists()


def test_errors_name_the_arguments_of_both_faces():
    with pytest.raises(UsageError, match=r"with --step \(in Python: steps\)"):
        forecast_one().explain(steps=[9])
    with pytest.raises(UsageError, match=r"Fit again with a longer horizon"):
        forecast_one().forecast(9)
    table = weekly(130, price=np.cos(np.arange(130)))
    table["sold"] = table["sold"] + 20 * table["price"]
    model = weights.fit(table, "sold", task="forecast", time="day", known="price", horizon=HORIZON, inspect=False)
    with pytest.raises(DataError, match=r"with --after \(in Python: after\), or forecast fewer steps \(horizon\)"):
        model.forecast()


def test_levels_may_be_one_or_several():
    score = forecast_one().score(LATER, level=0.5)
    assert [*score.coverage] == ["50%"]
    assert [*forecast_one().score(LATER, level=[0.5, 0.9]).coverage] == ["50%", "90%"]


def test_a_run_of_several_series_whose_season_is_longer_than_its_lags_is_saved_and_loaded(tmp_path):
    days = np.arange("2023-01-01", "2024-07-01", dtype="datetime64[D]")
    random = np.random.default_rng(0)
    rows = {"day": np.tile(days, 2), "shop": np.repeat(["a", "b"], len(days)), "sold": 20 + random.normal(size=2 * len(days))}
    model = weights.fit(rows, "sold", task="forecast", time="day", series="shop", horizon=28)
    assert model.forecaster.model.seasons == (7, 365)
    model.save(tmp_path / "run")
    np.testing.assert_array_equal(weights.load(tmp_path / "run").forecast()["low 80%"], model.forecast()["low 80%"])


def test_moments_of_a_zone_are_those_of_its_clocks():
    days = pd.date_range("2024-01-01", periods=105, freq="D", tz="Europe/Berlin")
    rows = pd.DataFrame({"day": days, "sold": np.tile([5.0, 6, 9, 4, 5, 5, 20], 15)})
    model = weights.fit(rows, "sold", task="forecast", time="day", horizon=7)
    table = model.forecast()
    assert table["time"][0] == np.datetime64("2024-04-15T00:00")
    assert "moments are those of clocks in Europe/Berlin" in model.report.remarks
    assert (table["time"][np.argmax(table["prediction"])].astype("datetime64[D]").astype(int) + 3) % 7 == 6  # a Sunday
