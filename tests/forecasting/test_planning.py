"""What is read and tried follows from what was said; what does nothing, or cannot be, is refused before anything is learned."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from planted import stacked, weekly
from weights import api
from weights.errors import DataError, NotFoundError, UsageError
from weights.fitoptions import DataOptions, FitOptions
from weights.forecasting import planning
from weights.forecasting.planning import TAKES, check_horizon, choose_horizon
from weights.options import list_options

NOT_LOOKED_AT = "a column holds no numbers that differ, and is not looked at: day"


def plan(table, target="sold", **options):
    return api.plan_fit(table, target, task="forecast", **{"time": "day", "horizon": 5} | options)


def test_a_plan_says_what_will_be_learned():
    planned = plan(weekly(84))
    assert (planned.calendar.name, planned.task.target, planned.n_samples) == ("daily", "sold", 84)
    assert planned.regressions.horizon == 5
    assert planned.regressions.seasons == (7,)
    assert all(n % 7 == 0 for n in planned.regressions.lags)
    assert (len(planned.units), planned.with_pool, planned.tests) == (1, False, [])
    assert [*planned.stages] == ["each series"]


def test_several_series_share_regressions():
    planned = plan(stacked(weekly(84, shop=["a"] * 84), weekly(60, shop=["b"] * 60)), series="shop")
    assert (planned.labels, planned.with_pool) == (["a", "b"], True)
    assert [*planned.stages] == ["all series", "each series"]


def test_what_is_for_the_test_is_kept_apart():
    planned = plan(weekly(84, split=["train"] * 60 + ["val"] * 14 + ["test"] * 10), split="split")
    (unit,), (test,) = planned.units, planned.tests
    assert (len(unit.values), unit.first_judged, len(test)) == (74, 60, 10)
    np.testing.assert_array_equal(test, weekly(84)["sold"][74:])


def test_a_budget_leaves_long_regressions_out_and_says_so():
    planned = plan(weekly(90), budget=0.0001)
    assert len(planned.regressions.lags) == 1
    assert "lags were left out, which would take longer than 0 s" in planned.remarks[-1]
    assert planned.seconds < plan(weekly(90)).seconds


def test_columns_that_are_known_may_be_listed_with_commas():
    table = weekly(84) | {"rain": np.arange(84) % 5, "sun, or none": np.arange(84) % 3}
    plan(table, known=["sun, or none"])
    with pytest.raises(NotFoundError, match="no column 'snow' that is known beforehand"):
        plan(table, known=["rain,snow"])


def test_columns_may_have_labels_that_are_no_text():
    frame = pd.DataFrame({0: weekly(84)["day"], 1: weekly(84)["sold"]})
    planned = plan(frame, 1, time=0)
    assert (planned.task.targets, planned.task.time) == (("1",), "0")


def test_every_option_acts_or_is_refused():
    known = {option.name for record in (DataOptions, FitOptions) for option in list_options(record)}
    assert {*TAKES} <= known
    for name in sorted(known - {*TAKES, "quantity"}):  # which makes a forecast of prices of it, see tests/finance
        with pytest.raises(UsageError, match="does nothing for forecasts"):
            plan(weekly(84), **{name: "something"})


def test_columns_can_be_left_out_and_must_be_there():
    planned = plan(weekly(120) | {"rain": np.arange(120) % 5}, drop="rain")
    assert planned.past == []
    with pytest.raises(NotFoundError, match="no column 'snow' to leave out"):
        plan(weekly(84), drop="snow")


def test_columns_that_were_left_out_of_the_fit_are_left_out_of_a_backtest():
    table = weekly(600) | {"rain": np.roll(weekly(600)["sold"], -1)}
    left = api.fit(table, "sold", task="forecast", time="day", horizon=1, inspect=False, drop="rain")
    without = api.fit(weekly(600), "sold", task="forecast", time="day", horizon=1, inspect=False)
    assert left.backtest(table, hold_out=60).metrics == without.backtest(weekly(600), hold_out=60).metrics


def test_settings_of_models_are_refused():
    with pytest.raises(UsageError, match="'activation' does nothing for forecasts"):
        plan(weekly(84), activation="gelu")


@pytest.mark.parametrize("horizon", [0, -1, 1.5, "5", True, 10_001, float("nan"), [5]])
def test_a_horizon_is_a_whole_number_of_steps(horizon):
    with pytest.raises(UsageError, match="whole number of steps from 1 to 10,000"):
        check_horizon(horizon)


def test_a_horizon_may_be_any_whole_number_there_is():
    assert [check_horizon(5), check_horizon(np.int32(7)), check_horizon(10_000)] == [5, 7, 10_000]
    with pytest.raises(UsageError, match="Say it with --horizon"):
        check_horizon(None)


def test_what_is_known_beforehand_is_there_at_every_moment_and_is_not_the_target():
    with pytest.raises(UsageError, match="'sold' is forecast and cannot be known beforehand"):
        plan(weekly(120), known="sold")
    price = np.where(np.arange(120) == 30, np.nan, 1.0)
    with pytest.raises(DataError, match="'price' has none at 2024-01-31"):
        plan(weekly(120, price=price), known="price")
    with pytest.raises(NotFoundError, match="no column 'prize'"):
        plan(weekly(120, price=price), known="prize")


def test_the_only_column_of_dates_says_when_unless_rows_are_steps():
    planned = plan(weekly(84), time=None)
    assert (planned.task.time, planned.calendar.name) == ("day", "daily")
    assert "moments are those of 'day', the only column of dates; --time none counts rows as steps" in planned.remarks
    steps = plan(weekly(84), time="none")
    assert (steps.task.time, steps.calendar.name, steps.remarks[:1]) == (None, "numbered steps", [NOT_LOOKED_AT])
    two = plan(weekly(84) | {"until": weekly(84)["day"] + 1}, time=None)
    assert two.task.time is None
    assert "rows are taken as steps, but 'day' holds dates: --time day counts moments" in two.remarks
    named = plan(weekly(84) | {"none": np.arange(84.0)}, time="none")
    assert named.task.time == "none"


def test_dates_without_a_calendar_are_no_moments_and_the_error_says_how_to_count_rows():
    days = np.datetime64("2024-01-01") + np.cumsum(np.random.default_rng(0).integers(1, 9, 84))
    with pytest.raises(DataError, match=r"equal distances.*Or count rows as steps with --time none"):
        plan(weekly(84) | {"day": days}, time=None)
    assert plan(weekly(84) | {"day": days}, time="none").task.time is None


def test_nothing_is_forecast_without_a_column():
    with pytest.raises(UsageError, match="The column to forecast was not named"):
        plan(weekly(84), None)


def test_a_plan_takes_the_place_of_a_run_of_the_same_series_only(tmp_path):
    import weights

    options = {"task": "forecast", "time": "day", "series": "shop", "horizon": 5, "save": tmp_path / "run"}
    a, b = weekly(84, shop=["a"] * 84), weekly(84, shop=["b"] * 84)
    weights.fit(a, "sold", **options)
    weights.fit(a, "sold", **options)
    with pytest.raises(UsageError, match="add --overwrite"):
        weights.fit(b, "sold", **options)
    weights.fit(b, "sold", overwrite=True, **options)


def test_columns_are_as_usual_at_moments_without_a_row():
    table = weekly(150)
    promotion = (np.arange(150) % 10 == 3).astype(float)
    rows = {name: np.delete(np.asarray(values), [40, 41]) for name, values in (table | {"promotion": promotion}).items()}
    rows["sold"] = rows["sold"] + 20 * rows["promotion"]
    planned = plan(rows, known="promotion")
    assert planned.columns.known == ("promotion",)
    assert planned.units[0].columns[40:42, 0].tolist() == [0.0, 0.0]
    assert "what is known beforehand is taken to be as usual at moments without a row (its median)" in planned.remarks


def test_smoothing_is_mixed_in_where_it_can_be_estimated_and_its_absence_is_said(monkeypatch):
    planned = plan(weekly(84))
    assert planned.regressions.smoothers == ("exponential smoothing", "theta")
    assert planned.regressions.lags[-1] < planned.regressions.smoothing_lags <= 84
    monkeypatch.setattr(planning, "list_smoothers", lambda: ())
    without = plan(weekly(84))
    assert without.regressions.smoothers == ()
    assert without.regressions.n_lags == without.regressions.lags[-1]
    assert "they need statsmodels, which is not installed; install it with pip install 'weights[series]'" in without.remarks[-1]
    assert not any("statsmodels" in remark for remark in plan(weekly(20), horizon=14).remarks)  # there is nothing to mix it with


def test_smoothing_of_more_series_than_there_is_time_for_is_left_out_and_that_said():
    assert plan(weekly(84), budget=60).regressions.smoothers
    planned = plan(weekly(84), budget=0.01)
    assert not planned.regressions.smoothers
    assert any("left out of the mixture: they would take about" in remark for remark in planned.remarks)


def test_a_run_is_asked_for_as_many_steps_as_it_learned_or_fewer():
    assert choose_horizon(None, 12) == 12
    assert choose_horizon(5, 12) == 5
    with pytest.raises(UsageError, match=r"forecasts 1 to 12 steps ahead, but 13 were asked for\. Fit again with a longer horizon"):
        choose_horizon(13, 12)
    with pytest.raises(UsageError):
        choose_horizon(0, 12)
