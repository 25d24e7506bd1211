"""A saved forecaster comes back bit for bit; one that no fit could have written is refused in words."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.signal import lfilter

import weights
from damages import change_arrays, change_json, set_at
from planted import rows_of, weekly
from small import HORIZON, forecast_one, forecast_two
from weights.errors import CorruptError
from weights.store.forecasters import arrays_of
from weights.store.format import load, save

N = 105
LATER = rows_of(weekly(130), slice(N, None))


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    forecast_two().save(folder)
    return folder


@pytest.fixture
def run(saved, tmp_path) -> Path:
    """A copy of the saved run that a test may damage."""
    return shutil.copytree(saved, tmp_path / "run")


@pytest.mark.parametrize("make", [forecast_one, forecast_two])
def test_what_was_saved_comes_back_bit_for_bit(make, tmp_path):
    model = make()
    model.save(tmp_path / "run")
    again = weights.load(tmp_path / "run")
    before, after = arrays_of(model.forecaster), arrays_of(again.forecaster)
    assert before.keys() == after.keys()
    for name in before:
        np.testing.assert_array_equal(before[name], after[name])
    first, second = model.forecaster, again.forecaster
    assert (first.task, first.calendar, [*first.labels]) == (second.task, second.calendar, [*second.labels])
    assert (first.model, first.columns, first.drivers, first.report) == (second.model, second.columns, second.drivers, second.report)
    for name, values in model.forecast().items():
        np.testing.assert_array_equal(values, again.forecast()[name])


def test_later_rows_are_answered_alike_after_loading(tmp_path):
    forecast_one().save(tmp_path / "run")
    again = weights.load(tmp_path / "run")
    for name, values in forecast_one().forecast(after=LATER).items():
        np.testing.assert_array_equal(values, again.forecast(after=LATER)[name])
    assert again.score(LATER) == forecast_one().score(LATER)


@pytest.mark.parametrize("make", [forecast_one, forecast_two])
def test_saving_twice_writes_the_same_bytes(make, tmp_path):
    for name in ("a", "b"):
        save(make().forecaster, tmp_path / name)
    load(tmp_path / "a")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_lags_of_other_columns_and_cleaning_come_back(tmp_path):
    rng = np.random.default_rng(3)
    spent, slow = rng.normal(size=402), lfilter([1.0], [1.0, -0.9], rng.normal(size=400))
    sold = 50 + slow + 2 * spent[:400] - 15.0 * (rng.random(400) < 1 / 25)
    model = weights.fit({"sold": sold, "spent": spent[2:]}, "sold", task="forecast", horizon=HORIZON, save=tmp_path / "run")
    assert model.forecaster.columns.past == ("spent",)
    assert model.forecaster.units.farthest.all()
    again, later = weights.load(tmp_path / "run"), {"sold": sold[:20] - 60, "spent": spent[:20]}
    assert again.score(later) == model.score(later)
    assert again.explain(later) == model.explain(later)


def test_columns_known_beforehand_and_calendars_of_every_kind_come_back(tmp_path):
    day = np.datetime64("2019-01-01") + np.arange(140)
    holiday = (np.arange(140) % 10 == 0).astype(float)
    sold = np.where(np.arange(140) < 120, weekly(140)["sold"] + 8 * holiday, np.nan)
    rows = {"day": day, "sold": sold, "holiday": holiday}
    months = {"day": (np.datetime64("2000-01") + np.arange(90)).astype("datetime64[D]"), "sold": weekly(90)["sold"]}
    trading = rows_of({"day": day, "sold": weekly(140)["sold"]}, np.is_busday(day))
    steps = {"day": 10 * np.arange(90), "sold": weekly(90)["sold"]}
    for name, table, known in (("known", rows, "holiday"), ("months", months, None), ("trading", trading, None), ("steps", steps, None)):
        model = weights.fit(table, "sold", task="forecast", time="day", horizon=HORIZON, known=known, save=tmp_path / name)
        again = weights.load(tmp_path / name)
        assert again.forecaster.calendar == model.forecaster.calendar
        assert again.forecaster.columns == model.forecaster.columns
        for column, values in model.forecast().items():
            np.testing.assert_array_equal(values, again.forecast()[column])


CONFIG: list[tuple[tuple[Any, ...], Any, str]] = [
    (("format",), "weights-ensemble", "does not hold what it should"),
    (("format",), "else", "the format is 'else'"),
    (("format_version",), 99, "format version 99"),
    (("surprise",), 1, "surprise"),
    (("task", "surprise"), 1, "surprise"),
    (("task", "kind"), "regression", "regression"),
    (("task", "horizon"), 0, "horizon"),
    (("task", "horizon"), 1.5, "horizon"),
    (("task", "horizon"), 7, "but the model needs"),
    (("task", "targets"), [], "nothing is forecast"),
    (("task", "targets"), ["sold", "sold"], "two targets are the same column"),
    (("labels",), [], "series must be there, each with a name of its own"),
    (("labels",), ["a", "a"], "series must be there, each with a name of its own"),
    (("labels",), ["a"], "codes in 'units/series' of what is not there"),
    (("calendar", "type"), "moons", "moons"),
    (("calendar", "step"), 0.0, "a calendar that cannot be|moments of a calendar"),
    (("calendar", "step"), -5.0, "a calendar that cannot be|moments of a calendar"),
    (("calendar", "origin"), 1e300, "a calendar that cannot be|moments of a calendar"),
    (("calendar", "clock"), [[3, 3600.0], [1, 0.0]], "a calendar that cannot be|moments of a calendar"),
    (("calendar",), {"type": "months", "origin": 0, "step": 0, "day": 1}, "a calendar that cannot be|moments of a calendar"),
    (("calendar",), {"type": "months", "origin": 0, "step": 1, "day": 32}, "a calendar that cannot be|moments of a calendar"),
    (("calendar",), {"type": "months", "origin": 10**12, "step": 1, "day": 1}, "a calendar that cannot be|moments of a calendar"),
    (("calendar",), {"type": "trading days", "days": []}, "a calendar that cannot be|moments of a calendar"),
    (("calendar",), {"type": "trading days", "days": [5, 4]}, "a calendar that cannot be|moments of a calendar"),
    (("calendar",), {"type": "trading days", "days": [1], "weekdays": [1, 7]}, "a calendar that cannot be"),
    (("calendar",), {"type": "trading days", "days": [1], "weekdays": []}, "a calendar that cannot be"),
    (("calendar",), {"type": "trading days", "days": [1], "weekdays": [3, 3]}, "a calendar that cannot be"),
    (("calendar",), {"type": "trading days", "days": [1, 10**15]}, "a calendar that cannot be|moments of a calendar"),
    (("model", "n_lags"), 0, "0 lags and seasons"),
    (("model", "n_lags"), 1, "but the model needs"),
    (("model", "seasons"), [0], r"seasons of \(0,\) steps cannot be"),
    (("model", "shares"), {"last value": -0.5}, "a share is below zero or above one"),
    (("model", "shares"), {"last value": 1.5}, "a share is below zero or above one"),
    (("model", "settings", "lags"), [0], "lags must be numbers from 1"),
    (("model", "settings", "strengths"), [-1.0], "strengths must be above zero"),
    (("columns", "groups"), ["surprise"], "columns beside lags are not those"),
    (("columns", "names"), ["surprise"], "but the model needs|columns beside lags are not those"),
    (("columns", "known"), ["price"], "but the model needs|columns beside lags are not those"),
    (("columns", "levels"), {"price": ["no", "yes"]}, "columns beside lags are not those"),
    (("columns", "levels"), {"price": ["no"]}, "columns beside lags are not those"),
    (("columns", "half_life"), -1.0, "columns beside lags are not those"),
    (("tensors", "units/tails"), ["float64", [2, 1 << 40]], "but the model needs"),
    (("tensors", "units/series"), ["float64", []], "must hold 'units/series'"),
]


@pytest.mark.parametrize(
    ("path", "value", "words"), CONFIG, ids=[f"{'.'.join(map(str, path))}-{i}" for i, (path, _, _) in enumerate(CONFIG)]
)
def test_a_config_that_no_fit_could_have_written_is_refused(path, value, words, run):
    change_json(run, "config.json", lambda config: set_at(config, path, value))
    with pytest.raises(CorruptError, match=words):
        load(run)


def first(array: np.ndarray, value: float) -> np.ndarray:
    """An array whose first number is another."""
    changed = array.copy()
    changed.flat[0] = value
    return changed


ARRAYS: list[tuple[str, Any, str]] = [
    ("units/weights", lambda a: first(a, np.nan), "numbers in 'units/weights' that are not finite"),
    ("units/tails", lambda a: first(a, np.inf), "numbers in 'units/tails' that are not finite"),
    ("units/tails", lambda a: first(a, 1e200), "numbers in 'units/tails' that are not finite"),
    ("units/weights", lambda a: a.astype(np.float32), "the type float32"),
    ("units/weights", lambda a: a[:, :-1], "holds 'units/weights' as"),
    ("units/weights", lambda a: None, "holds 'units/weights' as None"),
    ("units/surprise", lambda a: np.zeros(2), "holds 'units/surprise' as"),
    ("units/series", lambda a: first(a, 7), "codes in 'units/series' of what is not there"),
    ("units/series", lambda a: first(a, -1), "codes in 'units/series' of what is not there"),
    ("units/series", lambda a: first(a, 0.5), "codes in 'units/series' that are not whole numbers"),
    ("units/series", lambda a: a[::-1], "series that are there twice, or out of order"),
    ("units/series", lambda a: np.zeros(2), "series that are there twice, or out of order"),
    ("units/series", lambda a: None, "must hold 'units/series'"),
    ("units/target", lambda a: first(a, 1), "codes in 'units/target' of what is not there"),
    ("units/ends", lambda a: first(a, 0.5), "codes in 'units/ends' that are not whole numbers"),
    ("units/ends", lambda a: first(a, 1e14), "moments of a calendar that are no dates"),
    ("units/logged", lambda a: first(a, 2), "codes in 'units/logged' of what is not there"),
    ("units/floored", lambda a: first(a, 2), "codes in 'units/floored' of what is not there"),
    ("units/spread", lambda a: first(a, 0), "numbers in 'units/spread' that are not above zero"),
    ("units/farthest", lambda a: first(a, -1), "numbers in 'units/farthest' that are below zero"),
    ("units/past_spread", lambda a: np.zeros((2, 1)), "holds 'units/past_spread' as"),
    ("past", lambda a: np.zeros((3, 1, 5)), "holds 'past' as"),
    ("units/filters", lambda a: np.zeros((2, 800)), "holds 'units/filters' as"),
    ("units/season_error", lambda a: first(a, -1), "numbers in 'units/season_error' that are not above zero"),
    ("pooled", lambda a: a[:-1], "holds 'pooled' as"),
    ("bounds/quantiles", lambda a: a[:, ::-1], "quantiles that are not in ascending order"),
    ("bounds/quantiles", lambda a: a[:, :-1], "holds 'bounds/quantiles' as"),
    ("bounds/prior", lambda a: first(a, -1), "numbers in 'bounds/prior' that are below zero"),
    ("bounds/issued", lambda a: first(a, -1), "numbers in 'bounds/issued' that are below zero"),
    ("bounds/issued", lambda a: a[1:], "holds 'bounds/issued' as"),
    ("bounds/rows", lambda a: first(a, 1.5), "ranks that are not between 0 and 1"),
    ("bounds/rows", lambda a: a[:0], "ranks that are not between 0 and 1"),
]


@pytest.mark.parametrize(("name", "change", "words"), ARRAYS, ids=[f"{name}-{i}" for i, (name, _, _) in enumerate(ARRAYS)])
def test_arrays_that_no_fit_could_have_written_are_refused(name, change, words, run):
    array = arrays_of(forecast_two().forecaster).get(name)
    changed = change(array)
    change_arrays(run, {name: None if changed is None else np.ascontiguousarray(changed)})
    with pytest.raises(CorruptError, match=words):
        load(run)


def test_a_report_of_rows_is_refused(run):
    change_json(run, "metrics.json", lambda report: report.update(distributions=[{"name": "a", "edges": [1.0], "counts": [1, 1, 0]}]))
    with pytest.raises(CorruptError, match="feature weights of columns"):
        load(run)


def test_the_files_of_another_forecaster_are_noticed(run, tmp_path):
    forecast_one().save(tmp_path / "other")
    shutil.copy(tmp_path / "other" / "model.safetensors", run)
    with pytest.raises(CorruptError, match="is not as it was saved"):
        load(run)
