"""A rater comes back as it was, and folders that no fit could have written are refused."""

from __future__ import annotations

import numpy as np
import pytest

import weights as wt
from damages import change_arrays, change_json, set_at
from ratings import FEW, RATED, draw_ratings
from weights.errors import CorruptError
from weights.store.format import load
from weights.store.raters import arrays_of

ITEMS = {"item": np.arange(50) + 1, "title": [f"Item number {n}" for n in range(50)], "kind": [f"kind {n % 3}" for n in range(50)]}
MODEL = wt.fit(draw_ratings(), **RATED, **FEW, items=ITEMS)


@pytest.fixture
def run(tmp_path):
    MODEL.save(tmp_path / "run")
    return tmp_path / "run"


def test_all_comes_back(run):
    again = load(run)
    saved, read = arrays_of(MODEL.rater), arrays_of(again)
    assert saved.keys() == read.keys()
    assert all(np.array_equal(saved[name], read[name]) for name in saved)
    assert (again.task, again.settings, again.tags, again.names) == tuple(
        getattr(MODEL.rater, n) for n in ("task", "settings", "tags", "names")
    )
    assert "ids of users" in (run / "README.md").read_text()


DAMAGES = {
    "noise": ("draws/noise", lambda a: -a, "variances of ratings"),
    "precision": ("draws/users/precision", lambda a: -a, "precisions of users"),
    "scores": ("scores", lambda a: a[::-1].copy(), "scores that are below zero, or not in ascending order"),
    "shape": ("draws/items", lambda a: a[:, :-1].copy(), "draws/items"),
    "infinite": ("draws/items", lambda a: a * np.inf, "not finite"),
    "order": ("events/item", lambda a: a[::-1].copy(), "order of users and items"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_arrays_that_no_fit_could_have_written_are_refused(run, damage):
    name, change, message = DAMAGES[damage]
    with np.errstate(invalid="ignore"):
        change_arrays(run, {name: change(arrays_of(MODEL.rater)[name])})
    with pytest.raises(CorruptError, match=message):
        load(run)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("task", "columns", "value"), None, "no column of ratings"),
        (("low",), 9.0, "a range that they lie in"),
        (("settings", "n_factors"), 4, "draws/items"),
    ],
)
def test_a_config_that_no_fit_could_have_written_is_refused(run, path, value, message):
    change_json(run, "config.json", lambda config: set_at(config, path, value))
    with pytest.raises(CorruptError, match=message):
        load(run)
