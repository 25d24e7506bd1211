"""Distributions of columns: counted by hand, and cells that are written fall into the parts they were written for."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest

from weights.data.distributions import describe_value, labels_of, median_of, part_of_rows, summarise, write_cells
from weights.data.encoding import apply_encoding, fit_encoding

MOMENTS = [datetime.datetime(2024, 1, 1) + datetime.timedelta(days=3 * i) for i in range(60)]
TABLE = pa.table(
    {
        "number": pa.array([*range(40), *[7] * 15, *[None] * 5]),
        "text": pa.array([f"{i},5" for i in range(60)]),
        "flag": pa.array([True, False, None] * 20),
        "level": pa.array([*["a"] * 30, *["b"] * 25, *["c"] * 5]),
        "moment": pa.array(MOMENTS),
        "epoch": pa.array([1.7e9 + 86_400 * i for i in range(60)]),
    }
)
KINDS = {"number": "numeric", "text": "numeric", "flag": "boolean", "level": "category", "moment": "datetime", "epoch": "datetime"}


@pytest.fixture(scope="module")
def columns():
    encoding = fit_encoding(TABLE, KINDS, min_count=6)
    return {column.name: (known, column) for known, column in zip(summarise(encoding, TABLE), encoding.columns, strict=True)}


def test_rows_are_counted_by_part_and_the_missing_last(columns):
    number, _ = columns["number"]
    assert number.n_rows == 60
    assert number.counts[-1] == 5
    assert (number.edges[0], number.edges[-1]) == (0, 39)
    assert number.counts[number.edges.index(7)] >= 16  # a part ends at the value that is there so often
    flag, level = columns["flag"], columns["level"]
    assert (flag[0].edges, flag[0].counts, labels_of(flag[1])) == ([], [20, 20, 20], ["no", "yes"])
    assert (level[0].counts, labels_of(level[1])[:-1]) == ([30, 25, 5, 0], ["a", "b"])


def test_numbers_without_ties_fall_into_twenty_parts_of_equally_many():
    table = pa.table({"x": np.random.default_rng(0).normal(size=2_000)})
    known = summarise(fit_encoding(table, {"x": "numeric"}), table)[0]
    assert known.counts == [1, 99, *[100] * 19, 0, 0]
    assert median_of(known) == np.sort(table["x"].to_numpy())[999]


@pytest.mark.parametrize("name", KINDS)
def test_rows_of_training_fall_into_the_parts_they_were_counted_in(columns, name):
    known, column = columns[name]
    cells = part_of_rows(known, column, TABLE[name])
    assert np.bincount(cells.parts, minlength=len(known.counts)).tolist() == known.counts
    assert cells.n_outside == (5 if name == "level" else 0)


@pytest.mark.parametrize("name", KINDS)
def test_cells_fall_into_the_parts_they_were_written_for(columns, name):
    known, column = columns[name]
    parts = np.repeat(np.flatnonzero(known.counts), 3)
    written = write_cells(known, column, parts, np.random.default_rng(0))
    assert part_of_rows(known, column, written).parts.tolist() == parts.tolist()


def test_written_cells_can_be_encoded_and_whole_numbers_stay_whole(columns):
    encoding, rng = fit_encoding(TABLE, KINDS, min_count=6), np.random.default_rng(0)
    parts = {name: np.argmax(known.counts) * np.ones(10, int) for name, (known, _) in columns.items()}
    written = pa.table({name: write_cells(*columns[name], parts[name], rng) for name in KINDS})
    assert np.isfinite(apply_encoding(encoding, written).x).all()
    assert (written["number"].to_numpy() % 1 == 0).all()


def test_what_training_did_not_hold_is_outside(columns):
    new = {"number": [-1.0, 20.0, 41.0, None], "level": ["new", "a", None, "c"]}
    for name, n_outside in (("number", 2), ("level", 2)):  # c was too rare for a part of its own
        assert part_of_rows(*columns[name], pa.chunked_array([new[name]])).n_outside == n_outside


def test_values_are_shown_as_people_know_them(columns):
    assert describe_value(columns["moment"][1], median_of(columns["moment"][0])) == "2024-03-28"
    assert describe_value(columns["text"][1], 12.5) == "12.5"
    assert describe_value(columns["moment"][1], 1e300) == "1e+300"
    assert median_of(columns["level"][0]) is None
