"""A saved forecaster of prices comes back bit for bit; one that no fit could have written is refused in words."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import weights
from damages import change_arrays, change_json, set_at
from planted import rows_of, traded
from small import forecast_prices
from weights.data.series.finance import QUANTITIES
from weights.errors import CorruptError
from weights.store.format import load, save
from weights.store.prices import arrays_of

LATER = rows_of(traded(440), slice(420 * 4, None))


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    forecast_prices().save(folder)
    return folder


@pytest.fixture
def run(saved, tmp_path) -> Path:
    """A copy of the saved run that a test may damage."""
    return shutil.copytree(saved, tmp_path / "run")


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_what_was_saved_comes_back_bit_for_bit(quantity, tmp_path):
    model = forecast_prices(quantity)
    model.save(tmp_path / "run")
    again = weights.load(tmp_path / "run")
    before, after = arrays_of(model.forecaster), arrays_of(again.forecaster)
    assert before.keys() == after.keys()
    for name in before:
        np.testing.assert_array_equal(before[name], after[name])
    first, second = model.forecaster, again.forecaster
    assert (first.task, first.calendar, [*first.labels]) == (second.task, second.calendar, [*second.labels])
    assert (first.answering, first.a_year, first.drivers, first.report) == (second.answering, second.a_year, second.drivers, second.report)
    for after_rows in (None, LATER):
        for name, values in model.forecast(after=after_rows).items():
            np.testing.assert_array_equal(values, again.forecast(after=after_rows)[name])
    assert again.score(LATER) == model.score(LATER)


def test_columns_beside_prices_and_signals_come_back(tmp_path):
    rows = traded(follows=0.3)
    close = np.asarray(rows["close"])
    rows |= {"open": close, "high": 1.01 * close, "low": 0.99 * close, "volume": np.round(10 * close)}
    said = {"task": "forecast", "time": "day", "series": "share", "horizon": 2, "quantity": "volatility", "inspect": False}
    model = weights.fit(rows, "close", save=tmp_path / "run", **said)
    again = weights.load(tmp_path / "run")
    assert [*again.forecaster.history.beside] == ["open", "high", "low", "volume"]
    np.testing.assert_array_equal(again.forecaster.history.signals["signal"], model.forecaster.history.signals["signal"])
    np.testing.assert_array_equal(again.forecast()["prediction"], model.forecast()["prediction"])


def test_saving_twice_writes_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        save(forecast_prices().forecaster, tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


CONFIG: list[tuple[tuple[Any, ...], Any, str]] = [
    (("format",), "weights-forecaster", "does not hold what it should"),
    (("surprise",), 1, "surprise"),
    (("task", "quantity"), "luck", "'luck' is nothing that is forecast of prices"),
    (("task", "horizon"), 7, "but the model needs"),
    (("labels",), ["a", "a", "b", "c"], "series must be there, each with a name of its own"),
    (("labels",), ["a"], "but the model needs"),
    (("calendar",), {"type": "trading days", "days": [5, 4]}, "a calendar that cannot be|moments of a calendar"),
    (("begin",), 10**15, "moments of a calendar that are no dates"),
    (("n_learned",), 10**6, "with what was learned from"),
    (("n_learned",), 0, "with what was learned from"),
    (("beside",), ["open"], "columns beside prices that cannot be"),
    (("beside",), ["volume"], "but the model needs"),
    (("signals",), ["a", "a"], "columns beside prices that cannot be"),
    (("answering",), "a guru", "'a guru' answers, which is not known"),
    (("a_year",), 0.0, "numbers that are not finite"),
    (("tensors", "history/close"), ["float64", [1 << 40, 4]], "more than model.safetensors has"),
    (("tensors", "history/close"), ["float64", []], "with what was learned from"),
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
    ("volatility/weights", lambda a: first(a, np.nan), "numbers in 'volatility/weights' that are not finite"),
    ("volatility/weights", lambda a: a[:-1], "holds 'volatility/weights' as"),
    ("volatility/start", lambda a: None, "holds 'volatility/start' as None"),
    ("drift/scale", lambda a: first(a, 0.0), "numbers in 'drift/scale' that are not above zero"),
    ("drift/weights", lambda a: a[:-1], "holds 'drift/weights' as"),
    ("history/close", lambda a: first(a, -1.0), "prices in 'history/close' that are not above zero"),
    ("history/close", lambda a: first(a, np.inf), "numbers in 'history/close' that are not finite"),
    ("history/close", lambda a: a.astype(np.float32), "the type float32"),
    ("history/close", lambda a: np.column_stack([np.full(len(a), np.nan), a[:, 1:]]), "a series without a price"),
    ("history/surprise", lambda a: np.zeros(2), "holds 'history/surprise' as"),
    ("shapes", lambda a: np.zeros((5000, a.shape[1])), "holds 'shapes' as"),
    ("ranks", lambda a: a[::-1], "ranks that are not in ascending order"),
    ("ranks", lambda a: a + 1, "ranks that are not in ascending order between 0 and 1"),
    ("n_independent", lambda a: first(a, 0.0), "numbers in 'n_independent' that are not above zero"),
]


@pytest.mark.parametrize(("name", "change", "words"), ARRAYS, ids=[f"{name}-{i}" for i, (name, _, _) in enumerate(ARRAYS)])
def test_arrays_that_no_fit_could_have_written_are_refused(name, change, words, run):
    array = arrays_of(forecast_prices().forecaster).get(name)
    changed = change(array)
    change_arrays(run, {name: None if changed is None else np.ascontiguousarray(changed)})
    with pytest.raises(CorruptError, match=words):
        load(run)


def test_a_missing_price_is_no_damage(run):
    close = forecast_prices().forecaster.history.close.copy()
    close[5, 1] = np.nan
    change_arrays(run, {"history/close": close})
    assert np.isfinite(weights.load(run).forecast()["prediction"]).all()
