"""Codes for "no value" among numbers and dates are said, and --missing takes them out wherever they stand."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest

from weights.data.dataset import prepare
from weights.data.encoding import apply_encoding
from weights.data.newrows import read_new_rows
from weights.data.roles import Roles
from weights.data.table.columns import find_kind
from weights.data.table.read import read_table
from weights.data.table.sentinels import describe_alike, describe_apart, describe_sentinel


@pytest.mark.parametrize("code", [-999, -99, 9999, 99999, -(2**31)])
def test_a_number_of_nines_far_from_all_others_is_said(code):
    assert describe_sentinel(np.asarray([3.0, code, 5.5, 7.0])) == (
        f"1 cell is {code}, far from all others: if that means no value, say --missing={code}"
    )


@pytest.mark.parametrize("values", [[1.0, 50.0, 99.0], [-999.0, -500.0, 0.0], [999.0, 999.0], [np.nan], [1.0, 2.0, 1e6]])
def test_numbers_among_others_mean_themselves(values):
    assert describe_sentinel(np.asarray(values)) == ""


@pytest.mark.parametrize("cells", [["2024-01-05", "9999-12-31", "2023-02-01"], ["05.01.2024", "31.12.9999", "01.02.2023"]])
def test_a_day_at_the_end_of_the_calendar_is_said(cells):
    assert find_kind(read_table({"day": cells})["day"], "day").note.endswith(
        "1 cell is 9999-12-31, far from all others: if that means no value, say --missing=9999-12-31"
    )


@pytest.mark.parametrize("how", ["csv", "parquet", "frame"])
def test_a_word_for_missing_holds_for_numbers_and_moments_too(tmp_path, how):
    rng, n = np.random.default_rng(0), 40
    days = [datetime.date(2024, 1, 1) + datetime.timedelta(days=i) for i in range(n)]
    frame = pd.DataFrame({"n": rng.normal(size=n), "whole": rng.integers(50, size=n), "day": days, "y": rng.normal(size=n)})
    frame.loc[3, ["n", "whole", "day"]] = [-999.0, -999, datetime.date(9999, 12, 31)]
    source = {"csv": tmp_path / "t.csv", "parquet": tmp_path / "t.parquet", "frame": frame}[how]
    getattr(frame, f"to_{how}", lambda *_, **__: None)(source, index=False)
    roles = Roles("y", missing=("-999", "9999-12-31"))
    dataset = prepare(read_table(source, missing=roles.missing), roles)
    assert [column.missing for column in dataset.encoding.columns] == [True] * 3
    again = apply_encoding(dataset.encoding, read_new_rows(dataset.encoding, source))
    np.testing.assert_array_equal(again.x, dataset.inputs.x)


AGES = np.random.default_rng(3).integers(20, 91, 500).astype(float)


def test_a_number_far_apart_from_all_others_is_said_with_its_row_in_the_file(tmp_path):
    path = tmp_path / "people.csv"
    ages = [f"{age:.0f}" for age in AGES]
    ages[40] = "455"
    path.write_text("age,y\n" + "".join(f"{age},{'' if i == 3 else i % 7}\n" for i, age in enumerate(ages)))
    for kinds in ({}, {"age": "numeric"}):
        [age] = prepare(read_table(path), Roles("y", kinds=kinds)).features
        assert age.note == (
            "455 (row 41) lies far apart from all others, the next is 90: if it is an error, repair it, leave it empty or say --missing=455"
        )


def test_a_target_far_apart_and_among_words_is_said_too(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("x,age\n" + "".join(f"{i % 7},{age:.0f}\n" for i, age in enumerate([*AGES, 455])))
    assert any(said.startswith("'age': 455 (row 501) lies far apart") for said in prepare(read_table(path), Roles("age")).remarks)
    cells = [*(f"{age:.0f}" for age in AGES), "unknown", "455"]
    assert "455 (row 502) lies far apart" in find_kind(read_table({"age": cells})["age"], "age").note


@pytest.mark.parametrize("far", [[455.0], [-700.0], [455.0, 455.0], [455.0, 460.0, 1e9]])
def test_up_to_three_numbers_that_lie_apart_are_seen(far):
    assert describe_apart(np.append(AGES, far)).startswith(
        f"{max(far, key=abs):.15g} (row {501 + len(far) - 1 if len(set(far)) > 1 else 501})"
    )


def test_a_number_apart_that_lies_in_many_rows_is_none():
    assert describe_apart(np.append(AGES, [455.0] * 4)) == ""


TAILS = {
    "lognormal": lambda rng, n: rng.lognormal(0, 1.5, n),
    "Pareto": lambda rng, n: rng.pareto(1, n),
    "t2": lambda rng, n: rng.standard_t(2, n),
    "counts": lambda rng, n: rng.negative_binomial(0.3, 0.02, n),
    "rare counts": lambda rng, n: rng.poisson(0.1, n),
    "words in texts": lambda rng, n: rng.zipf(2, n),
    "normal": lambda rng, n: rng.normal(size=n),
    "steps": lambda rng, n: np.append(rng.choice([12, 24, 36, 48, 60], n, p=[0.1, 0.1, 0.1, 0.2, 0.5]), 72),
}


@pytest.mark.parametrize("tail", TAILS)
def test_the_end_of_a_long_tail_is_not_apart(tail):
    """At most six gaps a column are looked at on a level of 1e-4: of 150 columns more than 2 are flagged with a probability of 1e-4."""
    rng = np.random.default_rng(11)
    assert sum(describe_apart(np.asarray(TAILS[tail](rng, n), float)) != "" for n in (60, 500, 3000) for _ in range(50)) <= 2


def test_levels_that_differ_in_writing_only_are_said_of_features_and_target(tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text("smoker,y\n" + "".join(f"{('Yes', 'yes', 'no')[i % 3]},{('ill', 'Ill ', 'well')[i % 3]}\n" for i in range(60)))
    dataset = prepare(read_table(path), Roles("y"))
    assert dataset.features[0].note.startswith("levels that differ only in letter case or blanks: 'Yes' (20), 'yes' (20)")
    assert any(said.startswith("'y': levels that differ only in letter case or blanks: 'ill' (20), 'Ill' (20)") for said in dataset.remarks)
    assert describe_alike({"north": 3, "south": 2}) == ""
