"""Columns that are the same at all moments of a series are traits of it, which a network reads."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pyarrow as pa
import pytest

import weights
from planted import bent, stacked, weekly
from weights.forecasting.statics import Statics, describe_statics, find_statics
from weights.training import lag_network

TABLE = pa.table(
    {
        "shop": ["a", "a", "b", "b", "c", None],
        "size": [1.0, 1.0, 3.0, None, 5.0, 9.0],
        "kind": ["north", "north", "south", "south", None, "east"],
        "price": [1.0, 2.0, 1.0, 1.0, 1.0, 1.0],
        "one": [4, 4, 4, 4, 4, 4],
        "late": [1, 1, 2, 3, 4, 5],
    }
)


def test_what_differs_between_series_and_never_within_is_static():
    statics = find_statics(TABLE, "shop", ["size", "kind", "price", "one", "late"])
    assert statics.names == ("size", "kind")
    traits = statics.of(["c", "a", "b"])
    np.testing.assert_allclose(traits[:, 0], np.array([2.0, -2.0, 0.0]) / np.std([1.0, 3.0, 5.0]))
    np.testing.assert_array_equal(traits[:, 1:], [[0, 0], [1, 0], [0, 1]])


def test_without_series_or_such_columns_there_are_none():
    assert find_statics(TABLE, None, ["size"]) == Statics()
    nothing = find_statics(TABLE, "shop", ["price"])
    assert nothing.names == ()
    assert nothing.of(["a", "b"]).shape == (2, 0)
    assert describe_statics(nothing, tried=True, used=True) == []


def test_words_that_name_each_series_are_no_trait():
    table = pa.table({"shop": [f"s{i}" for i in range(30)], "name": [f"n{i}" for i in range(30)]})
    assert find_statics(table, "shop", ["name"]).names == ()


def test_a_network_reads_them_and_a_saved_run_keeps_them(tmp_path):
    table = bent() | {"size": np.repeat(np.arange(24.0), 640)}
    with mock.patch.object(lag_network, "_N_STEPS", 600):
        model = weights.fit(table, "sold", task="forecast", time="day", series="shop", horizon=2, inspect=False)
    assert "what is the same at all moments of a series (size) is read by the network" in model.report.remarks
    network = model.forecaster.network
    assert network is not None
    np.testing.assert_allclose(network.traits[:, -1], (np.arange(24) - 11.5) / np.arange(24).std())
    model.save(tmp_path / "run")
    loaded = weights.load(tmp_path / "run")
    np.testing.assert_array_equal(loaded.forecast()["prediction"], model.forecast()["prediction"])


def test_of_few_series_it_is_said_that_nothing_reads_them():
    table = stacked(*(weekly(84, seed=seed, shop=[f"s{seed}"] * 84, size=[seed] * 84) for seed in range(3)))
    remarks = weights.fit(table, "sold", task="forecast", time="day", series="shop", horizon=3, inspect=False).report.remarks
    assert any(remark.startswith("what is the same at all moments of a series (size) tells series apart") for remark in remarks)


@pytest.mark.parametrize(
    "cells",
    [
        pa.array([["x", "y"], [], None] * 56),
        pa.array([{"a": 1}] * 168),
        pa.nulls(168),
        pa.array(["x", "y"] * 84).dictionary_encode(),
        pa.array(["1.5", "2.5"] * 84).cast(pa.decimal128(5, 2)),
        pa.array(np.repeat(np.array(["2024-01-01", "2024-05-01"], "datetime64[D]"), 84)),
        pa.array([b"x"] * 84 + [b"y"] * 84),
    ],
    ids=lambda cells: str(cells.type),
)
def test_a_column_of_any_type_may_stand_beside_series(cells):
    table = stacked(weekly(84, shop=["a"] * 84), weekly(84, seed=1, shop=["b"] * 84))
    columns = {name: pa.array(np.asarray(values)) for name, values in table.items()}
    model = weights.fit(
        pa.table(columns | {"other": cells}), "sold", task="forecast", time="day", series="shop", horizon=3, smoothing=False, inspect=False
    )
    assert any("other" in remark for remark in model.report.remarks)
