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
from weights.data.table.sentinels import describe_sentinel


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
