"""Rows have one fingerprint whatever holds them, and another as soon as a cell differs."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import weights as wt
from weights.data.dataset import prepare
from weights.data.roles import Roles
from weights.data.table.read import read_table

N = 60
RNG = np.random.default_rng(0)
COLUMNS = {
    "x": RNG.normal(size=N),
    "n": RNG.integers(0, 50, N),
    "word": RNG.choice(["red", "blue", "green"], N),
    "flag": RNG.choice(["yes", "no"], N),
    "day": [datetime.datetime(2024, 1, 1) + datetime.timedelta(days=int(d)) for d in RNG.integers(0, 300, N)],
    "y": RNG.normal(size=N),
}


def fingerprint(source, **roles):
    return prepare(read_table(source), Roles("y", **roles)).fingerprint


def test_it_does_not_depend_on_what_holds_the_rows(tmp_path):
    pd.DataFrame(COLUMNS).to_csv(tmp_path / "a.csv", index=False)
    frames = [
        tmp_path / "a.csv",
        pd.DataFrame(COLUMNS),
        pl.DataFrame(COLUMNS),
        pa.table(COLUMNS),
        pd.DataFrame(COLUMNS).astype({"n": float}),
    ]
    assert len({fingerprint(frame) for frame in frames}) == 1


CHANGES = [("x", 0.125), ("x", None), ("n", 51), ("word", "violet"), ("flag", None), ("day", datetime.datetime(1999, 1, 1)), ("y", 1e9)]


@pytest.mark.parametrize(("name", "value"), CHANGES)
def test_it_depends_on_every_cell_of_inputs_and_target(name, value):
    changed = {**COLUMNS, name: [value, *COLUMNS[name][1:]]}
    assert fingerprint(changed) != fingerprint(COLUMNS)


def test_it_depends_on_the_order_of_rows_and_on_what_steers_and_not_on_what_is_left_out():
    frame = pd.DataFrame(COLUMNS)
    assert fingerprint(frame.iloc[::-1]) != fingerprint(frame)
    assert fingerprint(frame.assign(w=1.0), sample_weight="w") != fingerprint(frame.assign(w=2.0), sample_weight="w")
    assert fingerprint(frame.assign(z=1.5 * frame.x), drop=("z",)) == fingerprint(frame)


def changed_pandas():
    frame = pd.DataFrame(COLUMNS)
    return frame, lambda: frame.__setitem__("x", frame["x"].to_numpy()[::-1])


def changed_array():
    array = RNG.normal(size=(N, 3))
    return array, lambda: array[[0, 1]].__setitem__(slice(None), 0) or array.__setitem__((slice(0, 2), 0), array[[1, 0], 0])


def changed_mapping():
    columns = {name: [*values] for name, values in COLUMNS.items()}
    return columns, lambda: columns["x"].reverse()


@pytest.mark.parametrize("make", [changed_pandas, changed_array, changed_mapping])
def test_a_table_that_was_changed_in_place_after_the_fit_is_noticed(make):
    data, change = make()
    target = RNG.normal(size=N) if isinstance(data, np.ndarray) else "y"
    model = wt.fit(data, target, model="linear", members=4)
    model.compare({"strength": [0.1]}, trainings=2)
    change()
    with pytest.raises(wt.DataError, match=r"60 came, but some are not as they were. Were they changed"):
        model.compare({"strength": [0.1]}, trainings=2)


def test_a_file_that_was_changed_after_the_fit_is_noticed(tmp_path):
    frame = pd.DataFrame(COLUMNS)
    frame.to_csv(tmp_path / "a.csv", index=False)
    wt.fit(tmp_path / "a.csv", "y", model="linear", members=4, save=tmp_path / "run")
    frame["x"] = frame["x"].to_numpy()[::-1]
    frame.to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(wt.DataError, match="some are not as they were"):
        wt.load(tmp_path / "run").improve("wider")
