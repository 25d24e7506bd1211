"""The answer along a column: known slopes, levels, missing cells, and a band that holds what it says."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

import weights
from small import fitted_example
from weights.data.table.read import read_table
from weights.errors import DataError
from weights.inspection.curves import find_curves

EXACT = {"model": "linear", "penalty": "none", "clip": None, "inspect": False, "threads": 1}
RNG = np.random.default_rng(5)


@pytest.fixture(scope="module")
def mixed():
    """A target of 2 per unit, 5 for one level, and 3 for a missing flag; the model without a penalty, which learns just that."""
    n = 400
    amount, ward = RNG.normal(10, 3, n), RNG.choice(["north", "south"], n, p=[0.7, 0.3])
    flag = [None if missing else bool(yes) for missing, yes in zip(RNG.random(n) < 0.2, RNG.random(n) < 0.5, strict=True)]
    y = 2 * amount + 5.0 * (ward == "south") + np.array([3.0 if value is None else 0.0 for value in flag])
    table = pa.table({"amount": amount, "ward": ward, "flag": flag, "y": y})
    return weights.fit(table, "y", members=8, **EXACT), table


def test_the_curve_of_a_line_is_the_line(mixed):
    model, table = mixed
    [curve] = find_curves(model.ensemble, model.read(table), 0)
    values, amount = np.array(curve.values), table["amount"].to_numpy()
    np.testing.assert_allclose(np.diff(curve.answer) / np.diff(values), 2.0, rtol=1e-3)
    assert curve.mean == pytest.approx(table["y"].to_numpy().mean(), rel=1e-4)
    assert curve.n_rows == curve.n_read == 400
    assert curve.n_below == (amount < values[0]).sum() > 0
    assert curve.n_above == (amount > values[-1]).sum() > 0
    assert sum(curve.shares) == pytest.approx(1 - (curve.n_below + curve.n_above) / 400)


def test_levels_and_missing_cells_are_places_of_their_own(mixed):
    model, table = mixed
    [ward], [flag] = find_curves(model.ensemble, model.read(table), 1), find_curves(model.ensemble, model.read(table), 2)
    of_ward, of_flag = dict(zip(ward.names, ward.answer, strict=True)), dict(zip(flag.names, flag.answer, strict=True))
    assert of_ward["south"] - of_ward["north"] == pytest.approx(5.0, rel=1e-3)
    assert [*of_flag][-1] == "missing"
    assert of_flag["missing"] - np.mean([*of_flag.values()][:2]) == pytest.approx(3.0, rel=1e-3)
    assert sum(flag.shares) == pytest.approx(1.0)
    assert flag.n_missing == table["flag"].null_count


def test_every_class_of_several_has_a_curve_and_these_add_up_to_one():
    model = weights.fit("iris", model="linear", members=8)
    curves = find_curves(model.ensemble, model.read("iris"), 2)
    assert [curve.label for curve in curves] == model.classes
    np.testing.assert_allclose(np.sum([curve.answer for curve in curves], axis=0), 1.0, atol=1e-6)


def test_rows_without_a_value_have_no_curve(mixed):
    model, table = mixed
    empty = model.read(table.set_column(0, "amount", pa.nulls(400, pa.float64())))
    with pytest.raises(DataError, match="column 'amount' has none"):
        find_curves(model.ensemble, empty, 0)
    with pytest.raises(DataError, match="there are none"):
        find_curves(model.ensemble, empty[:0], 0)


def test_infinite_cells_do_not_stretch_the_curve():
    model = fitted_example("diabetes")
    table = model.read("diabetes")
    place = table.column_names.index("bmi")
    bmi = table["bmi"].to_numpy().copy()
    bmi[:40] = np.inf
    [curve] = find_curves(model.ensemble, table.set_column(place, "bmi", pa.array(bmi)), model.ensemble.encoding.names.index("bmi"))
    assert max(curve.values) < 1
    assert curve.n_above >= 40


def test_the_band_holds_the_line_that_members_learn():
    """The truth at eight places on curves of 25 tables: three binomial errors, taken as if a table's places were one, are 13.1 points."""
    rows, held = read_table(np.random.default_rng(1).normal(size=(60, 2))), []
    for repetition in range(25):
        rng = np.random.default_rng([7, repetition])
        x = rng.normal(size=(120, 2))
        model = weights.fit(x, x @ [1.0, -0.5] + rng.normal(size=120), members=16, seed=repetition, **EXACT)
        [curve] = find_curves(model.ensemble, rows, 0)
        values = np.array(curve.values)
        truth = curve.mean + values - rows["x0"].to_numpy().mean()
        inside = (np.array(curve.low) <= truth) & (truth <= np.array(curve.high))
        held.append(inside[np.linspace(0, len(values) - 1, 8).astype(int)].mean())
    assert np.mean(held) >= 0.95 - 0.131


def test_bands_of_probabilities_stay_between_zero_and_one():
    rng = np.random.default_rng(4)
    x = rng.normal(size=60)
    model = weights.fit({"x": x, "y": np.where(x + 0.3 * rng.normal(size=60) > 0, "a", "b")}, "y", model="linear", members=8)
    for curve in find_curves(model.ensemble, pa.table({"x": x}), 0):
        assert min(curve.low) >= 0
        assert max(curve.high) <= 1
        assert max(curve.high) == 1 or min(curve.low) == 0  # else nothing was cut
