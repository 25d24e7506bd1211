"""What is said of rows that those of training did not prepare for."""

from __future__ import annotations

from datetime import datetime, timedelta

import pyarrow as pa
import pytest

from weights.data.encoding import fit_encoding
from weights.data.unfamiliar import unfamiliar


def said(values, kind, at):
    """Sentences about one column, learned from `values`, that holds other cells."""
    return unfamiliar(fit_encoding(pa.table({"c": values}), {"c": kind}), pa.table({"c": at}))


def test_numbers_within_the_range_of_training_or_hardly_beyond_are_not_mentioned():
    assert said([1.0, 2.0, 30.0], "numeric", [1.0, 31.0, 7.5]) == []


@pytest.mark.parametrize("value", [1e6, float("inf"), -0.5])
def test_numbers_beyond_the_range_of_training_are_counted_and_the_first_is_named(value):
    [sentence] = said([1.0, 2.0, 30.0], "numeric", [2.0, value, 32.0])
    assert sentence == (
        f"'c': 2 of 3 rows lie outside the range of training, 1 to 30 (first: row 2, {value:.6g}); what is answered there is extrapolated"
    )


def test_numbers_beyond_limits_are_said_to_count_as_the_median_and_not_to_be_extrapolated():
    encoding = fit_encoding(pa.table({"c": [1.0, 2.0, 30.0]}), {"c": "numeric"})
    [sentence] = unfamiliar(encoding, pa.table({"c": [2.0, -7.0, 99.0, None]}), limits={"c": (-5.0, 50.0)})[:1]
    assert sentence == ("'c': 2 of 4 rows lie below -5 or above 50 (first: row 2, -7), where linear members count them as the median")


def test_moments_beyond_the_range_of_training_are_named_as_dates():
    begin = datetime(2024, 1, 1)
    [sentence] = said([begin + timedelta(days=j) for j in range(10)], "datetime", [datetime(2025, 6, 1, 12)])
    assert "1 of 1 rows lie outside the range of training, 2024-01-01 to 2024-01-10 (first: row 1, 2025-06-01T12:00:00)" in sentence


def test_new_levels_and_new_gaps_are_counted():
    assert said(["a"] * 9 + ["b"] * 9, "category", ["a", "z"]) == [
        "'c': 1 of 2 rows hold a level that training had not seen (first: row 2, 'z')"
    ]
    assert said([1.0, 2.0], "numeric", [1.0, None]) == ["'c': 1 of 2 rows have no value, which no training row lacked"]
