"""Drift: the index in closed form, the size of its test in simulations, and what it does to the answers where that is known."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pytest

import weights as wt
from weights.data.distributions import part_of_rows, summarise
from weights.data.encoding import apply_encoding, fit_encoding
from weights.inspection.drift import compare_column, compare_counts, find_drift, find_outside


def test_the_index_is_that_of_the_textbook():
    """Shares of 0.2, 0.3, 0.5 and 0.3, 0.3, 0.4: 0.1 ln(1.5) - 0.1 ln(0.8) = 0.0629; half a row for each part moves it by less than 1 %."""
    found = compare_counts(np.array([2_000, 3_000, 5_000]), np.array([3_000, 3_000, 4_000]))
    assert found.stability_index == pytest.approx(0.1 * np.log(1.5) - 0.1 * np.log(0.8), rel=0.01)
    assert found.by_chance == pytest.approx(2 * 2 / 10_000)
    assert found.p_value < 1e-20


def test_small_parts_are_joined_so_that_each_side_has_rows_to_be_expected():
    same = compare_counts(np.array([50, 1, 1, 48]), np.array([50, 1, 1, 48]))
    assert (same.stability_index, same.p_value) == (0.0, 1.0)
    assert same.by_chance == pytest.approx(1 / 50)  # two parts are left
    assert compare_counts(np.array([50, 0]), np.array([50, 0])).p_value is None


def test_values_outside_those_of_training_are_counted_exactly():
    """The largest 2 of 5 values are both new with probability 2/5 * 1/4; one new value of 9 is beyond one of the ends with 2/10."""
    assert find_outside(1, 3, 2, 2) == pytest.approx(0.1)
    assert find_outside(2, 9, 1, 1) == pytest.approx(0.2)
    assert find_outside(2, 9, 1, 0) == pytest.approx(1.0)


COLUMNS = {
    "numbers": lambda n, rng: rng.standard_t(2, n),
    "counts": lambda n, rng: rng.poisson(2.0, n).astype(float),
    "gaps": lambda n, rng: np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)),
    "levels": lambda n, rng: rng.choice([*"abcde"], n, p=[0.5, 0.3, 0.1, 0.08, 0.02]),
    "many levels": lambda n, rng: np.char.add("l", rng.zipf(1.5, n).clip(max=40).astype(str)),
}


@pytest.mark.parametrize("sizes", [(200, 50), (200, 1_000), (1_000, 200)])
@pytest.mark.parametrize("kind", COLUMNS)
def test_columns_that_did_not_drift_are_said_to_in_one_of_twenty_cases(kind, sizes):
    """At most 5 % and three standard errors of 300 repetitions, 3.8 %; the index is what it is by chance, on average, within a quarter."""
    rng, found = np.random.default_rng([*sizes, [*COLUMNS].index(kind)]), []
    for _ in range(300):
        before, now = (pa.table({"c": pa.array(COLUMNS[kind](n, rng), from_pandas=True)}) for n in sizes)
        encoding = fit_encoding(before, {"c": "category" if "levels" in kind else "numeric"})
        known = summarise(encoding, before)[0]
        cells = part_of_rows(known, encoding.columns[0], now["c"])
        found.append(compare_column(known, encoding.columns[0], cells))
    assert np.mean([parts.p_value <= 0.05 for parts in found]) <= 0.088
    ratio = np.mean([parts.stability_index for parts in found]) / np.mean([parts.by_chance for parts in found])
    assert 0.75 < ratio < 1.25


def drawn(n, seed):
    rng = np.random.default_rng(seed)
    ward = rng.choice(["north", "south"], n)
    x, idle = rng.normal(size=n), rng.normal(size=n)
    return {"x": x, "idle": idle, "ward": ward, "y": 3 * x + 2 * (ward == "south") + 0.1 * rng.normal(size=n)}


@pytest.fixture(scope="module")
def model():
    return wt.fit(drawn(500, 0), "y", model="linear", members=5, n_folds=5, inspect=False)


def drifts_of(model, rows, *, independent=True):
    table = model.read(rows)
    inputs = apply_encoding(model.ensemble.encoding, table)
    return {drift.feature: drift for drift in find_drift(model.ensemble, table, inputs, independent=independent)}


def test_rows_like_those_of_training_have_not_drifted(model):
    found = drifts_of(model, drawn(300, 1))
    assert {name: drift.drifted for name, drift in found.items()} == dict.fromkeys(found, False)
    assert all(drift.moved is None for drift in found.values())


def test_what_moves_answers_comes_first_and_how_far_it_moves_them_is_right(model):
    """The slope of x is 3: moved by 1, answers move by 3 (numbers are clipped smoothly); south is worth 2: nine tenths for half, 0.8."""
    rows = drawn(1_000, 2)
    rows["x"], rows["idle"] = rows["x"] + 1, rows["idle"] + 2
    rows["ward"] = np.where(np.random.default_rng(3).random(1_000) < 0.9, "south", "north")
    found = drifts_of(model, rows)
    assert [*found] == ["x", "ward", "idle"]
    assert found["x"].shift == pytest.approx(3.0, abs=0.45)
    assert found["ward"].shift == pytest.approx(0.8, abs=0.15)
    assert re.fullmatch(r"(north|south) [\d.]+ % -> [\d.]+ %", found["ward"].change)
    assert found["idle"].moved < 0.1
    assert (found["x"].matters, found["idle"].matters) == (True, False)
    assert found["x"].p_value < 1e-6


def test_a_column_in_another_unit_has_all_its_rows_outside(model):
    rows = drawn(200, 4)
    rows["x"] = 1_000 * np.abs(rows["x"]) + 100
    found = drifts_of(model, rows)["x"]
    assert (found.outside, found.matters) == (1.0, True)


def test_gaps_and_new_levels_are_drift(model):
    rows = drawn(200, 5)
    rows["idle"] = [None if i % 4 == 0 else value for i, value in enumerate(rows["idle"])]
    rows["ward"] = ["west" if i % 5 == 0 else ward for i, ward in enumerate(rows["ward"])]
    found = drifts_of(model, rows)
    few = drifts_of(model, {name: values[:20] for name, values in rows.items()})
    assert few["ward"].drifted  # four of 20 rows, which are too few for a part of their own
    assert (found["idle"].missing, found["idle"].missing_in_training) == (0.25, 0.0)
    assert found["ward"].outside == 0.2
    assert found["idle"].drifted
    assert found["ward"].drifted


def test_rows_that_depend_on_each_other_are_not_tested(model):
    rows = drawn(200, 6)
    rows["x"] = rows["x"] + 3
    found = drifts_of(model, rows, independent=False)
    assert {drift.p_value for drift in found.values()} == {None}
    assert [name for name, drift in found.items() if drift.drifted] == ["x"]
