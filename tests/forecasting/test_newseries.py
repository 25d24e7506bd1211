"""New series are forecast by the weights that all share, and their bounds are as wide as their own errors are large."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import weights
from planted import stacked, weekly
from small import HORIZON, forecast_two
from weights.errors import DataError
from weights.forecasting.later import read_later
from weights.types import FloatArray

N = 105


def test_a_series_that_was_never_seen_is_forecast_by_weights_that_all_share():
    model = forecast_two()
    c = weekly(60, seed=7, begin="2024-03-01", shop=["c"] * 60, noise=0.0)
    later = read_later(model.forecaster, c)
    assert [*later.forecaster.labels] == ["a", "b", "c"]
    np.testing.assert_array_equal(later.forecaster.units.weights[2], model.forecaster.pooled)
    table = model.forecast(after=c, series="c")
    begins = np.datetime64("2024-03-01") + 60
    assert table["time"].tolist() == (begins + np.arange(HORIZON)).astype("datetime64[ms]").tolist()
    rhythm = 20 + 3 * np.sin(2 * np.pi * (60 + np.arange(HORIZON)) / 7)
    np.testing.assert_allclose(table["prediction"], rhythm, atol=1.0)
    assert (table["low 95%"] < table["prediction"]).all()
    assert [*model.forecaster.labels] == ["a", "b"]  # the model is as it was


def test_lags_of_a_series_that_was_never_seen_are_cleaned_where_those_of_the_others_are():
    usual = forecast_two().forecaster
    cleaned = replace(usual, units=usual.units._replace(filters=np.full((2, 1), 0.2), farthest=np.ones(2)))
    c = weekly(60, seed=7, begin="2024-03-01", shop=["c"] * 60)
    c["sold"][50] += 30.0
    before, after = (read_later(forecaster, c).forecaster.units for forecaster in (usual, cleaned))
    assert (before.farthest[2], before.filters.shape) == (0, (3, 0))
    assert after.farthest[2] > 0
    np.testing.assert_array_equal(after.tails, before.tails)
    moved = after.tail_effects[2] - before.tail_effects[2]
    assert np.argmax(moved) == len(moved) - 10


def test_a_run_of_one_series_does_not_take_rows_of_others():
    table = weekly(N, shop=["a"] * N)
    model = weights.fit(table, "sold", task="forecast", time="day", series="shop", horizon=HORIZON)
    with pytest.raises(DataError, match="The run knows one series, but rows are of others: b"):
        model.forecast(after=weekly(40, begin="2024-05-01", shop=["b"] * 40))


def walks(names: list[str], n: int, seed: int, noise: tuple[float, float]) -> dict[str, FloatArray]:
    """Autoregressive series about a weekly rhythm, whose noise differs."""
    random = np.random.default_rng(seed)
    found = {}
    for name in names:
        rest = np.zeros(n)
        for t, innovation in enumerate(random.uniform(*noise) * random.normal(size=n)):
            rest[t] = 0.7 * rest[t - 1] + innovation
        found[name] = 3 * np.sin(2 * np.pi * (np.arange(n) / 7 + random.random())) + rest
    return found


def table_of(series: dict[str, FloatArray], n: int) -> dict[str, object]:
    """The first values of each, in rows."""
    return {
        "step": np.tile(np.arange(n), len(series)),
        "name": np.repeat([*series], n),
        "value": np.concatenate([values[:n] for values in series.values()]),
    }


@pytest.fixture(scope="module")
def model() -> weights.ForecastModel:
    known = walks([f"k{i}" for i in range(12)], 200, 0, (0.3, 1.5))
    return weights.fit(table_of(known, 200), "value", task="forecast", time="step", series="name", horizon=HORIZON, inspect=False)


@pytest.mark.parametrize(
    ("times", "n", "least"),
    [(1, 5, 0.70), (1, 100, 0.75), (3, 30, 0.70), (3, 100, 0.75)],
    ids=["five values", "many values", "larger noise and few values", "larger noise and many values"],
)
def test_bounds_of_new_series_hold_whatever_the_size_of_their_noise(model: weights.ForecastModel, times: float, n: int, least: float):
    """Of 80 % of 400 correlated values of 100 series 2.5 points are a standard error; as narrow as those of the others held 30 to 54 %."""
    new = walks([f"n{i}" for i in range(100)], n + HORIZON, 1, (0.3 * times, 1.5 * times))
    table = model.forecast(after=table_of(new, n), level=0.8)
    own = [name in new for name in table["series"]]
    came = np.concatenate([new[name][n:] for name in table["series"][own][::HORIZON]])
    held = (table["low 80%"][own] <= came) & (came <= table["high 80%"][own])
    assert least <= held.mean() <= 0.93


def test_few_values_make_bounds_wider(model: weights.ForecastModel):
    new = walks(["n"], 60, 2, (0.5, 0.5))["n"]
    widths = {}
    for n in (4, 50):
        table = model.forecast(after=table_of({"n": new[-n:]}, n), series="n", level=0.8)
        widths[n] = float((table["high 80%"] - table["low 80%"]).mean() / new[-n:].std())
    assert widths[4] > 1.3 * widths[50]


def test_new_series_with_too_few_values_are_left_out_and_told(model: weights.ForecastModel):
    new = walks(["n", "m"], 40, 2, (0.5, 0.5))
    rows = table_of({"n": new["n"]}, 40)
    both = {name: np.concatenate([rows[name], part]) for name, part in (("step", [0]), ("name", ["m"]), ("value", [1.0]))}
    table = model.forecast(after=both)
    assert "m" not in {*table["series"].tolist()}
    assert "n" in {*table["series"].tolist()}
    assert any("are left out where they have less: 'm' has 1" in note for note in table.notes)


def test_only_series_of_which_all_is_known_beforehand_are_forecast():
    days = np.random.default_rng(5).random(120) < 0.1
    shops = [weekly(120, seed=seed, shop=[f"s{seed}"] * 120, holiday=days.astype(int)) for seed in range(3)]
    shops = [table | {"sold": table["sold"] + 9 * days} for table in shops]
    said = {"task": "forecast", "time": "day", "series": "shop", "known": "holiday", "horizon": HORIZON}
    known = weights.fit(stacked(*shops[:2]), "sold", **said, smoothing=False, inspect=False)
    assert known.forecaster.columns.known
    later = shops[2] | {"sold": np.where(np.arange(120) < 110, shops[2]["sold"], np.nan)}
    table = known.forecast(after=later)
    assert {*table["series"].tolist()} == {"s2"}
    assert any(note.startswith("2 series have no rows that say what is known beforehand (holiday)") for note in table.notes)
    with pytest.raises(DataError, match="must have values at every moment that is forecast"):
        known.forecast(after=later, series="s0")
    with pytest.raises(DataError, match="must have values at every moment that is forecast"):
        known.forecast()


def test_a_run_that_shares_nothing_between_series_takes_no_rows_of_others():
    table = stacked(weekly(N, shop=["a"] * N), weekly(N, seed=1, shop=["b"] * N))
    alone = weights.fit(table, "sold", task="forecast", time="day", series="shop", horizon=HORIZON, pooling=False, inspect=False)
    with pytest.raises(DataError, match="The run shares nothing between series, but rows are of others: c"):
        alone.forecast(after=weekly(40, begin="2024-05-01", shop=["c"] * 40))
