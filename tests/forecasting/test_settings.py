"""Settings are read from texts and values, refused where they make no sense, and written as they are given."""

from __future__ import annotations

import numpy as np
import pytest

import weights
from planted import stacked, weekly
from weights import api
from weights.errors import DataError, UsageError
from weights.forecasting.plan import ForecastPlan
from weights.forecasting.settings import ForecastSettings, change_settings, write_settings

USUAL = ForecastSettings()


def plan(table: dict[str, object], **options: object) -> ForecastPlan:
    planned = api.plan_fit(table, "sold", task="forecast", **{"time": "day", "horizon": 5} | options)
    assert isinstance(planned, ForecastPlan)
    return planned


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        ({"lags": "24, 168"}, {"lags": (24, 168)}),
        ({"lags": [7]}, {"lags": (7,)}),
        ({"seasons": 7}, {"seasons": (7,)}),
        ({"strengths": "0.01,0.1"}, {"strengths": (0.01, 0.1)}),
        ({"network": "no", "pooling": False}, {"network": False, "pooling": False}),
        ({"logs": "yes", "history": "100"}, {"logs": True, "history": 100}),
        ({"logs": "none", "columns": "on"}, {}),
    ],
)
def test_values_and_texts_are_read_alike(given, changed):
    assert change_settings(USUAL, given).changed == changed


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"lag": 3}, "'lag' does nothing for forecasts.*lags"),
        ({"activation": "gelu"}, "'activation' does nothing for forecasts"),
        ({"lags": "0"}, "lags must be numbers from 1"),
        ({"lags": ""}, "lags must be numbers from 1"),
        ({"seasons": "1"}, "seasons must be lengths from 2"),
        ({"strengths": "-1"}, "strengths must be above zero and finite"),
        ({"strengths": "0"}, "strengths must be above zero and finite"),
        ({"strengths": "inf"}, "strengths must be above zero and finite"),
        ({"lags": "abc"}, "lags must be numbers, such as 24,168, but 'abc' came"),
        ({"history": 0}, "history must be a number of moments"),
        ({"network": "perhaps"}, "network must be yes or no, but 'perhaps' came"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(given, said):
    with pytest.raises(UsageError, match=said):
        change_settings(USUAL, given)


def test_settings_are_written_as_they_are_read():
    settings = change_settings(USUAL, {"lags": "24,168", "strengths": "0.1", "logs": "no", "history": 300})
    texts = dict(text.split("=") for text in write_settings(settings.changed))
    assert change_settings(USUAL, texts) == settings


def test_a_plan_is_made_of_what_was_set():
    table = stacked(weekly(200, shop=["a"] * 200), weekly(150, shop=["b"] * 150))
    own = plan(table, series="shop", lags=[7, 14], seasons=14, history=90, logs=True, columns=False, smoothing=False, strengths=[0.1])
    assert (own.regressions.lags, own.regressions.seasons, own.regressions.smoothers) == ((7, 14), (14,), ())
    assert own.regressions.strengths == (0.1,)
    assert [(len(unit.values), unit.scale.logged) for unit in own.units] == [(90, True), (90, True)]
    assert [unit.end for unit in own.units] == [199, 149]
    assert own.columns.groups == ()


def test_what_series_do_not_suffice_for_is_refused():
    with pytest.raises(DataError, match=r"long enough for 7, 60 lags and 5 steps ahead, but the longest has 84 values"):
        plan(weekly(84), lags=[7, 60])
    with pytest.raises(DataError, match=r"long enough for seasons of 120 steps and 5 steps ahead, but the longest has 84 values"):
        plan(weekly(84), seasons=120)
    with pytest.raises(UsageError, match="logs need values above zero"):
        plan(weekly(84, noise=20.0), logs=True)


def test_a_run_keeps_its_settings_and_is_learned_again_with_them(tmp_path):
    table = weekly(300)
    model = weights.fit(table, "sold", task="forecast", time="day", horizon=5, lags=7, smoothing=False, inspect=False)
    assert [*model.forecaster.model.shares]
    assert all("7 lags" in name or "lag" in name for name in model.forecaster.model.shares)
    model.save(tmp_path / "run")
    loaded = weights.load(tmp_path / "run")
    assert loaded.forecaster.model.settings == ForecastSettings(lags=(7,), smoothing=False)
    usual = weights.fit(table, "sold", task="forecast", time="day", horizon=5, inspect=False).backtest(table)
    assert loaded.backtest(table).metrics["mase"].value != usual.metrics["mase"].value


def test_each_of_what_may_stand_beside_lags_can_be_left_out():
    random = np.random.default_rng(0)
    leads = random.normal(size=301)
    table = weekly(300, holiday=(random.random(300) < 0.1).astype(int), leads=leads[1:])
    table["sold"] = table["sold"] + 5 * table["holiday"] + 4 * leads[:-1]
    usual = plan(table, known="holiday")
    assert (usual.past, usual.columns.known, usual.units[0].columns.shape[1]) == (["leads"], ("holiday",), 2)
    without = plan(table, known="holiday", past=False)
    assert (without.past, without.units[0].columns.shape[1]) == ([], 1)
    alone = plan(table, known="holiday", past=False, columns=False)
    assert (alone.columns.known, alone.columns.groups, alone.units[0].columns.shape[1]) == ((), (), 0)
    model = weights.fit(table, "sold", task="forecast", time="day", horizon=5, known="holiday", inspect=False)
    assert model.forecaster.columns.past == ("leads",)
    changes = {remedy.name: remedy for remedy in model.diagnose(table, hold_out=90).remedies}
    assert changes["without-past"].gain < 0
    assert changes["without-columns"].gain < 0


def test_a_run_remembers_what_is_known_beforehand_though_it_does_not_use_it():
    random = np.random.default_rng(1)
    table = weekly(300, holiday=(random.random(300) < 0.1).astype(int))
    table["sold"] = table["sold"] + 8 * table["holiday"]
    said = {"task": "forecast", "time": "day", "horizon": 5, "known": "holiday", "inspect": False}
    model = weights.fit(table, "sold", **said, columns=False, smoothing=False)
    assert model.forecaster.columns.known == ()
    found = {remedy.name: remedy for remedy in model.diagnose(table, hold_out=90).remedies}
    assert found["usual-columns"].helps
    assert found["usual-columns"].settings == {"columns": True}
    assert "without-past" not in found


def test_what_is_known_and_does_not_help_is_named():
    random = np.random.default_rng(2)
    table = weekly(300, holiday=(random.random(300) < 0.1).astype(int), mood=random.normal(size=300))
    table["sold"] = table["sold"] + 8 * table["holiday"]
    own = plan(table, known=["holiday", "mood"])
    assert "what is known beforehand did not help forecasts, and is not used: mood" in own.remarks


def test_what_differs_between_series_is_asked_of_all_of_them():
    """A price that each of six shops has for itself, which the first never changed."""
    random, tables = np.random.default_rng(3), []
    for shop in range(6):
        price = np.full(300, 5.0) if shop == 0 else random.choice([4.0, 5.0, 6.0], size=300)
        table = weekly(300, seed=shop, shop=[f"s{shop}"] * 300, price=price)
        tables.append(table | {"sold": table["sold"] - 4 * price})
    assert plan(stacked(*tables), series="shop", known="price").columns.known == ("price",)


def test_a_column_whose_name_begins_like_that_of_one_that_is_used_is_named_too():
    random = np.random.default_rng(2)
    table = weekly(300, holiday=(random.random(300) < 0.1).astype(int), hol=random.normal(size=300))
    table["sold"] = table["sold"] + 8 * table["holiday"]
    assert "what is known beforehand did not help forecasts, and is not used: hol" in plan(table, known=["holiday", "hol"]).remarks
