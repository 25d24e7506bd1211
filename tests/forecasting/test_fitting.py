"""What is learned is what was planted: the last value of a walk, powers of an autoregression, a rhythm; nothing of what came later."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

import weights
from planted import rows_of, stacked, weekly
from small import HORIZON, forecast_two
from weights.forecasting.fitting import plain_weights
from weights.forecasting.forecaster import Forecaster
from weights.store.forecasters import arrays_of
from weights.training.lagged import Regressions, forecast_at

RNG = np.random.default_rng(0)


def fit(table, target="sold", **options) -> Forecaster:
    return weights.fit(table, target, task="forecast", **{"horizon": HORIZON} | options).forecaster


def assert_same(a: Forecaster, b: Forecaster) -> None:
    """All that is learned is the same, bit for bit; what is known beforehand is not learned."""
    assert (a.model, a.calendar, [*a.labels], a.report.metrics) == (b.model, b.calendar, [*b.labels], b.report.metrics)
    first, second = arrays_of(a), arrays_of(b)
    assert first.keys() == second.keys()
    for name in {*first} - {"units/known"}:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


def test_a_random_walk_is_answered_by_its_last_value():
    values = RNG.normal(size=300).cumsum()
    forecaster = fit({"sold": values})
    assert (forecaster.model.plain, forecaster.model.beaten) == ("last value", False)
    assert forecaster.report.decision.startswith("nothing beats the last value")
    forecast = weights.ForecastModel(forecaster).forecast()["prediction"]
    np.testing.assert_allclose(forecast, values[-1], rtol=1e-12)


def test_noise_around_a_level_is_answered_by_the_mean():
    forecaster = fit({"sold": 50 + 5 * np.random.default_rng(1).normal(size=200)})  # of 60 the mean of lags is one of few, and loses
    assert (forecaster.model.plain, forecaster.model.beaten) == ("mean of lags", False)
    assert forecaster.report.decision.startswith("nothing beats the mean of lags")
    table = weights.ForecastModel(forecaster).forecast()
    n_lags = forecaster.model.n_lags
    np.testing.assert_allclose(
        table["prediction"], forecaster.units.tails[0][-n_lags:].mean() * forecaster.units.spread[0] + forecaster.units.center[0]
    )


def test_an_autoregression_is_forecast_by_the_powers_of_its_coefficient():
    phi, n = 0.8, 3000
    values = np.zeros(n + 500)
    for t in range(1, len(values)):
        values[t] = phi * values[t - 1] + RNG.normal()
    forecaster = fit({"sold": values[:n]}, horizon=3)
    assert forecaster.model.beaten
    scale = forecaster.units.scale(0)
    origins = np.arange(forecaster.model.n_lags, 500)
    forecasts = scale.undo(forecast_at(scale.see(values[n:]), origins, forecaster.units.weights[0]))
    best = values[n:][origins, None] * phi ** np.arange(1, 4)
    variance = (1 - phi ** (2 * np.arange(1, 4))) / (1 - phi**2)
    # Least squares on p lags learned from n values lose p / n of the variance beside the true one (Akaike 1969): of 64 lags 2 %, doubled.
    assert (np.mean((forecasts - best) ** 2, axis=0) < 2 * 64 / n * variance).all()


def test_a_rhythm_without_noise_is_forecast_without_error():
    values = np.tile([5.0, 6.0, 9.0, 4.0, 7.0, 1.0, 2.0], 14)
    model = weights.fit(weekly(98) | {"sold": values}, "sold", task="forecast", time="day", horizon=14)
    np.testing.assert_allclose(model.forecast()["prediction"], values[:14], atol=1e-6)
    assert model.metrics["mae"] < 1e-6


@pytest.mark.parametrize("value", [7.0, 0.0, -1e-9, 1e99])
def test_a_constant_is_forecast_as_it_is_and_its_bounds_hold_nothing_else(value):
    forecaster = fit({"sold": np.full(60, value)})
    table = weights.ForecastModel(forecaster).forecast()
    for name in ("prediction", "low 80%", "high 95%"):
        np.testing.assert_allclose(table[name], value, atol=1e-12)
    assert forecaster.metrics["mae"] <= 1e-12 * abs(value)


def test_series_of_one_rhythm_learn_from_each_other():
    short = [weekly(60, seed=seed, noise=2.0, shop=[f"{seed:02}"] * 60) for seed in range(12)]
    forecaster = fit(stacked(*short), time="day", series="shop")
    assert forecaster.model.beaten
    assert sum(share for name, share in forecaster.model.shares.items() if name.endswith("pooled")) > 0.3
    np.testing.assert_allclose(sum(forecaster.model.shares.values()), 1.0)
    assert forecaster.pooled is not None
    rhythm = 20 + 3 * np.sin(2 * np.pi * (60 + np.arange(HORIZON)) / 7)
    forecasts = weights.ForecastModel(forecaster).forecast()["prediction"].reshape(12, HORIZON)
    assert np.abs(forecasts.mean(axis=0) - rhythm).max() < 4 * 2.0 / np.sqrt(12)


@pytest.mark.parametrize("target", ["sold", ["sold", "returned"]])
def test_the_order_of_rows_does_not_matter(target):
    a, b = weekly(90, shop=["a"] * 90, returned=RNG.normal(size=90)), weekly(80, seed=1, shop=["b"] * 80, returned=RNG.normal(size=80))
    table = stacked(a, b)
    options = {"time": "day", "series": "shop"}
    assert_same(fit(table, target, **options), fit(rows_of(table, RNG.permutation(170)), target, **options))


def test_several_targets_are_each_forecast_as_they_are_alone():
    table = weekly(90, returned=weekly(90, seed=4, noise=0.5)["sold"])
    both = fit(table, ["sold", "returned"], time="day")
    assert [both.name(u) for u in range(2)] == ["sold", "returned"]
    np.testing.assert_array_equal(both.units.target, [0, 1])
    alone = weights.ForecastModel(fit(table, "returned", time="day")).forecast()
    together = weights.ForecastModel(both).forecast()
    assert set(together["target"]) == {"sold", "returned"}
    second = together["prediction"][HORIZON:]
    # Both may learn from each other, so that forecasts differ by less than the noise, and are not the same.
    assert np.abs(second - alone["prediction"]).max() < 0.5


def test_rows_are_steps_where_no_column_says_when():
    table = weekly(90)
    by_day, by_step = (weights.ForecastModel(fit(table, time=time)).forecast() for time in ("day", "none"))
    assert by_step["time"].tolist() == [90, 91, 92, 93, 94]
    assert np.abs(by_step["prediction"] - by_day["prediction"]).max() < 1.5


def test_what_did_not_come_is_no_error():
    holes = np.delete(np.arange(99), np.arange(5, 99, 9))
    forecaster = fit(rows_of(weekly(99), holes), time="day")
    assert forecaster.report.n_samples == len(holes)
    assert 0.4 < forecaster.metrics["mae"] < 1.5  # that of noise of deviation one is 0.8


def parted(n_train: int, n_test: int, later: np.ndarray | None = None, n_val: int = 0) -> dict[str, object]:
    """Days of which the last are for the test, with other values there if some are given."""
    n = n_train + n_val + n_test
    table = weekly(n, split=["train"] * n_train + ["val"] * n_val + ["test"] * n_test)
    if later is not None:
        table["sold"] = np.concatenate([table["sold"][: n - n_test], later])
    return table


def strange(table: dict[str, object]) -> dict[str, object]:
    """The table with sales that rise and fall over weeks, and a strange day now and then, on which little is sold."""
    rng, n = np.random.default_rng(5), len(table["sold"])
    slow = lfilter([1.0], [1.0, -0.9], rng.normal(size=n))
    return dict(table, sold=table["sold"] + slow - 15.0 * (rng.random(n) < 1 / 25))


VALUE = st.one_of(st.floats(-1e6, 1e6), st.just(0.0), st.just(np.nan))


@settings(max_examples=12, deadline=None, derandomize=True)
@given(st.lists(VALUE, min_size=12, max_size=12), st.sampled_from([0, 20]), st.booleans())
def test_nothing_that_comes_later_moves_a_weight_a_scale_a_choice_or_a_forecast(later, n_val, by_step):
    assert_nothing_moves(lambda table: table, 80, later, n_val, by_step)


@settings(max_examples=6, deadline=None, derandomize=True)
@given(st.lists(VALUE, min_size=12, max_size=12), st.sampled_from([0, 60]))
def test_nor_does_it_where_lags_are_of_cleaned_values(later, n_val):
    assert assert_nothing_moves(strange, 300, later, n_val, True).units.farthest.all()


def assert_nothing_moves(change, n_train: int, later: list[float], n_val: int, by_step: bool) -> Forecaster:
    options = {"split": "split", "time": "none" if by_step else "day"}
    usual = fit(change(parted(n_train, 12, n_val=n_val)), **options)
    table = parted(n_train, 12, n_val=n_val)
    table["sold"] = np.concatenate([change(table)["sold"][:-12], later])
    changed = fit(table, **options)
    assert_same(usual, changed)
    before, after = (weights.ForecastModel(forecaster).forecast() for forecaster in (usual, changed))
    for name in ("prediction", "low 80%", "high 95%"):
        np.testing.assert_array_equal(before[name], after[name])
    return usual


def test_a_strange_day_is_not_repeated_and_that_is_said():
    table = strange(weekly(440))
    forecaster = fit(rows_of(table, slice(400)), time="day")
    farthest = forecaster.units.farthest[0] * forecaster.units.spread[0]
    assert 0 < farthest < 15
    assert any("of the absolute errors at rolling origins" in remark for remark in forecaster.report.remarks)
    model, later = weights.ForecastModel(forecaster), rows_of(table, slice(400, 407))
    drops = [np.repeat([0.0, drop], [6, 1]) for drop in (0.0, 15.0, 1e6)]
    usual, low, lowest = (model.forecast(after=dict(later, sold=later["sold"] - drop))["prediction"] for drop in drops)
    # One weight of the last value is 0.9 at most, and it moves by no more than from as far above as below what is expected of it.
    assert np.abs(low - usual).max() <= 0.9 * 2 * farthest
    np.testing.assert_allclose(low, lowest)


def led(n: int, seed: int = 6) -> dict[str, object]:
    """Sales that rise by what was spent on notices two days before, and other columns that say nothing."""
    rng = np.random.default_rng(seed)
    spent = rng.gamma(2.0, 2.0, size=n + 2)
    table = weekly(n, notices=spent[2:], noise_of_it=rng.normal(size=n), shut=np.zeros(n), words=["a", "b"] * (n // 2))
    return dict(table, sold=table["sold"] + 2 * spent[:n])


def test_a_column_known_up_to_the_origin_leads_and_that_is_said():
    table = led(440)
    model = weights.fit(rows_of(table, slice(400)), "sold", task="forecast", time="day", horizon=HORIZON)
    forecaster = model.forecaster
    assert forecaster.columns.past == ("notices",)
    remarks = " / ".join(forecaster.report.remarks)
    for said in (
        "notices at the origin saves",
        "noise_of_it did not help",
        "hold no numbers that differ, and are not looked at: shut, words",
    ):
        assert said in remarks
    bare = {name: table[name] for name in ("day", "sold")}
    alone = weights.fit(rows_of(bare, slice(400)), "sold", task="forecast", time="day", horizon=HORIZON)
    # Two of five steps are told two days before: of a deviation of 2 * sqrt(8) there remains that of the noise, which is one.
    later = rows_of(table, slice(400, 440))
    assert model.score(later).steps[1].mae < 0.5 * alone.score(rows_of(bare, slice(400, 440))).steps[1].mae
    explained = model.explain(later)[1]
    parts = {part.part: part.value for part in explained.contributions}
    assert "notices, at the origin" in parts
    together = explained.base * np.prod([*parts.values()]) if explained.factors else explained.base + sum(parts.values())
    np.testing.assert_allclose(explained.prediction, together)
    np.testing.assert_allclose(explained.prediction, model.forecast(after=later)["prediction"][explained.step - 1])
    without = model.read({name: own for name, own in later.items() if name != "notices"})
    assert any("do not say what was known at the origin of notices" in note for note in without.notes)


def test_what_comes_later_of_a_column_known_up_to_the_origin_moves_nothing():
    usual, changed = led(412), led(412)
    for table in (usual, changed):
        table["split"] = ["train"] * 400 + ["test"] * 12
    changed["notices"] = np.concatenate([changed["notices"][:400], np.full(12, 1e6)])
    usual, changed = (fit(table, time="day", split="split") for table in (usual, changed))
    assert usual.columns.past == ("notices",)
    assert_same(usual, changed)
    before, after = (weights.ForecastModel(forecaster).forecast() for forecaster in (usual, changed))
    np.testing.assert_array_equal(before["prediction"], after["prediction"])


def test_series_share_what_a_column_tells():
    table = stacked(dict(led(300), shop=["a"] * 300), dict(led(300, seed=7), shop=["b"] * 300))
    model = weights.fit(table, "sold", task="forecast", time="day", series="shop", horizon=HORIZON)
    assert model.forecaster.columns.past == ("notices",)
    c = dict(led(60, seed=8), shop=["c"] * 60)
    assert np.isfinite(model.forecast(after=c, series="c")["prediction"]).all()


def test_values_without_strange_ones_are_taken_as_they_are():
    assert not fit(weekly(400), time="day").units.farthest.any()


def test_rows_of_the_test_may_as_well_not_be_there():
    table = parted(80, 12)
    assert_same(fit(table, time="day", split="split"), fit(rows_of(table, slice(80)), time="day"))


def test_what_is_learned_before_the_judged_does_not_depend_on_it():
    options = {"time": "day", "split": "split"}
    usual, changed = parted(80, 0, n_val=20), parted(80, 0, n_val=20)
    changed["sold"] = np.concatenate([changed["sold"][:80], 1e3 * RNG.normal(size=20)])
    usual, changed = fit(usual, **options), fit(changed, **options)
    np.testing.assert_array_equal(usual.units.center, changed.units.center)
    np.testing.assert_array_equal(usual.units.spread, changed.units.spread)


def test_the_test_is_judged_over_all_its_windows():
    forecaster = fit(parted(80, 12), time="day", split="split")
    assert forecaster.report.n_test == 12 - HORIZON + 1
    later = rows_of(parted(80, 12), slice(80, None))
    score = weights.ForecastModel(forecaster).score(later)
    assert score.n_windows == forecaster.report.n_test
    for name, metric in forecaster.report.test.items():
        np.testing.assert_allclose(score.metrics[name].value, metric.value)


def test_a_series_that_ends_earlier_is_forecast_from_its_own_end():
    table = forecast_two().forecast()
    assert table["time"][0] == np.datetime64("2024-01-01") + 105
    assert table["time"][HORIZON] == np.datetime64("2024-01-01") + 95


def test_plain_forecasts_are_the_last_value_and_that_a_season_before():
    regressions = Regressions(2, (), (2, 7))
    assert plain_weights("last value", regressions, 7)[:2].tolist() == [[1, 1], [0, 0]]
    assert plain_weights("season of 2", regressions, 7)[:2].tolist() == [[0, 1], [1, 0]]
    assert plain_weights("season of 7", regressions, 3).tolist() == plain_weights("last value", regressions, 3).tolist()
