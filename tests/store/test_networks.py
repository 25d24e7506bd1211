"""The network of a saved forecaster comes back bit for bit; one that no fit could have written is refused in words."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import weights
from damages import change_arrays, change_json, set_at
from small import forecast_many
from weights.errors import CorruptError
from weights.store.forecasters import arrays_of
from weights.store.format import load


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    forecast_many().save(folder)
    return folder


@pytest.fixture
def run(saved, tmp_path) -> Path:
    """A copy of the saved run that a test may damage."""
    return shutil.copytree(saved, tmp_path / "run")


def test_what_was_saved_answers_bit_for_bit(saved):
    again = weights.load(saved)
    assert again.forecaster.network.network.settings == forecast_many().forecaster.network.network.settings
    for name, values in forecast_many().forecast().items():
        np.testing.assert_array_equal(values, again.forecast()[name])


CONFIG = [
    (("network", "n_lags"), 0, "a network looks at 0 lags"),
    (("network", "n_lags"), 10**9, "a network looks at 1000000000 lags"),
    (("network", "n_lags"), 1, "but the model needs"),
    (("network", "share"), 1.5, "a network has the share 1.5"),
    (("network", "gain"), -1.0, "the gain -1.0"),
    (("network", "surprise"), 1, "surprise"),
    (("network", "spec", "activation", "name"), "surprise", "surprise"),
    (("network", "spec", "model", "hidden"), [256, 255], "but the model needs"),
    (("network",), None, "but the model needs None"),
    (("model", "beaten"), False, "beside regressions on 0"),
]


@pytest.mark.parametrize(("path", "value", "words"), CONFIG, ids=[".".join(path) + str(i) for i, (path, _, _) in enumerate(CONFIG)])
def test_settings_that_no_fit_could_have_written_are_refused(path, value, words, run):
    change_json(run, "config.json", lambda config: set_at(config, path, value))
    with pytest.raises(CorruptError, match=words):
        load(run)


ARRAYS = [
    ("network/spread", lambda a: 0 * a, "numbers in 'network/spread' that are not above zero"),
    ("network/center", lambda a: a[:-1], "holds 'network/center' as"),
    ("network/traits", lambda a: a[:-1], "holds 'network/traits' as"),
    ("network/traits", lambda a: np.full_like(a, np.nan), "numbers in 'network/traits' that are not finite"),
    ("network/params/output/w", lambda a: a[:-1], "holds 'network/params/"),
    ("network/params/output/w", lambda a: None, "holds 'network/params/output/w' as None"),
    ("network/surprise", lambda a: np.zeros(2), "holds 'network/surprise' as"),
]


@pytest.mark.parametrize(("name", "change", "words"), ARRAYS, ids=[f"{name}-{i}" for i, (name, _, _) in enumerate(ARRAYS)])
def test_arrays_that_no_fit_could_have_written_are_refused(name, change, words, run):
    changed = change(arrays_of(forecast_many().forecaster).get(name))
    change_arrays(run, {name: None if changed is None else np.ascontiguousarray(changed)})
    with pytest.raises(CorruptError, match=words):
        load(run)
