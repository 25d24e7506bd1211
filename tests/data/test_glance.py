"""A glance at a column: what is counted by hand, and what is called suspicious and what is not."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest

from weights import api
from weights.data.glance import Level, look_at


def glance(values, kind, type_=None):
    return look_at(pa.table({"x": pa.array(values, type_)}), "x", kind)


def test_numbers_have_ends_quartiles_and_missing_cells():
    found = glance([None, 4.0, 1.0, 3.0, 2.0, 5.0, float("nan")], "numeric")
    assert found.quartiles == ["1", "2", "3", "4", "5"]
    assert (found.n_missing, found.n_distinct, found.example) == (2, 5, "4")
    assert found.suspicious == []


def test_words_have_their_most_frequent_levels():
    found = glance(["b", "a", None, "b"], "category")
    assert found.levels == [Level("b", 2), Level("a", 1)]
    assert (found.n_missing, found.n_distinct, found.example) == (1, 2, "b")
    assert len(glance([str(i) for i in range(100)], "category").levels) == 20


def test_flags_and_moments_are_shown_as_they_are_written():
    assert glance([True, False, True], "boolean").levels == [Level("true", 2), Level("false", 1)]
    days = [datetime.date(2024, 1, 1) + datetime.timedelta(days=i) for i in range(5)]
    assert glance(days, "datetime").quartiles[::2] == ["2024-01-01", "2024-01-03", "2024-01-05"]


AGES = [*np.random.default_rng(0).integers(18, 90, 200).tolist()]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([*AGES, 999, 999], "999 in 2 rows, far from all others: a code for no value?"),
        ([*AGES, -999, -999, -999], "-999 in 3 rows, far from all others"),
        ([*(60 + 0.5 * age for age in AGES), 0, 0], "0 in 2 rows, and the least of all others is 69"),
    ],
)
def test_numbers_that_look_like_none_are_named(values, said):
    assert said in " ".join(glance(values, "numeric", pa.float64()).suspicious)


@pytest.mark.parametrize(
    "values",
    [
        AGES,
        [0, 0, 1, 2, 3, 8, 0, 1] * 20,  # counts
        [*np.random.default_rng(0).normal(size=5_000).tolist()],
        [*np.random.default_rng(0).lognormal(size=2_000).tolist()],
        [1, 2, 3, 4, 5] * 30,
        [0.0] * 50,
    ],
)
def test_ordinary_numbers_are_not(values):
    assert glance(values, "numeric").suspicious == []


def test_moments_that_stand_for_none_are_named():
    days = [datetime.date(2024, 1, 1) + datetime.timedelta(days=i) for i in range(50)]
    assert "1900-01-01 in 2 rows" in glance([*days, *[datetime.date(1900, 1, 1)] * 2], "datetime").suspicious[0]


def test_words_that_mean_none_are_named():
    said = glance(["North", "north ", "south", "?", "?", "Unknown"], "category").suspicious
    assert said == ["'?' in 2 rows: no value? (--missing '?')", "'Unknown' in 1 row: no value? (--missing 'Unknown')"]
    assert glance(["north", "south", "na-trium"], "category").suspicious == []


@pytest.mark.parametrize(
    ("values", "type_", "kind"),
    [
        ([], pa.float64(), "numeric"),
        ([None, None], pa.string(), "constant"),
        ([None], pa.null(), "constant"),
        ([[1], [2]], pa.list_(pa.int64()), "unsupported"),
        ([{"a": 1}], pa.struct([("a", pa.int64())]), "unsupported"),
        ([b"\x00"], pa.binary(), "unsupported"),
        ([float("inf"), float("-inf")], pa.float64(), "numeric"),
        ([1e308, -1e308, 1e308], pa.float64(), "numeric"),
        ([datetime.timedelta(days=1)], pa.duration("us"), "unsupported"),
        ([datetime.time(1)], pa.time64("us"), "unsupported"),
    ],
)
def test_what_holds_nothing_that_can_be_told_is_no_error(values, type_, kind):
    assert glance(values, kind, type_).name == "x"


@pytest.mark.parametrize("share", [9, 20, 40])
def test_a_code_that_is_remarked_on_is_not_called_suspicious_once_more(tmp_path, share):
    path = tmp_path / "a.csv"
    path.write_text("x,y\n" + "".join(f"{-999 if i % share == 0 else i}.5,{i}.5\n" for i in range(40)).replace("-999.5", "-999"))
    look = api.look(path, "y")
    said = [*(feature.note for feature in look.features), *(text for glance in look.columns for text in glance.suspicious)]
    assert sum("-999" in text for text in said) == 1
