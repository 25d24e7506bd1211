"""Ids stay exactly as they came, whatever their type, and are found again whatever type they are asked for in."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from weights.data.interactions.ids import Ids, collect_ids, read_ids


def ids_of(values, kind=None):
    return collect_ids(pa.chunked_array([pa.array(values, kind)]))


def test_whole_numbers_of_any_size_are_exact():
    large = [2**60 + 1, 2**60, -5, 2**62]
    ids = ids_of(large)
    assert ids.numbered
    assert ids.values.to_pylist() == sorted(large)
    assert ids.find(pa.array([2**60, 2**60 + 1, 2**60 + 2])).tolist() == [1, 2, -1]
    assert ids.find([str(2**62)]).tolist() == [3]


def test_numbers_beyond_64_bits_are_text():
    ids = ids_of([2**64 - 1, 3], pa.uint64())
    assert ids.values.to_pylist() == ["18446744073709551615", "3"]


def test_text_keeps_its_blanks_and_its_case():
    ids = ids_of(["Ann", "ann", " ann smith", "007"])
    assert ids.values.to_pylist() == [" ann smith", "007", "Ann", "ann"]
    assert ids.find(["ANN", " ann smith", "ann smith", "7"]).tolist() == [-1, 0, -1, -1]


def test_decimals_that_are_whole_are_whole_numbers_and_others_are_text():
    assert ids_of([1.0, None, 7.0]).values.to_pylist() == [1, 7]
    assert ids_of([1.5, 7.0]).values.to_pylist() == ["1.5", "7"]


@pytest.mark.parametrize("asked", [[None], ["x"], [1.5], [float("nan")], [""]])
def test_what_cannot_be_an_id_is_not_known(asked):
    assert ids_of([1, 2]).find(asked).tolist() == [-1]


def test_ids_of_two_tables_of_different_types_are_text():
    both = collect_ids(pa.chunked_array([[1, 2]]), pa.chunked_array([["b", "1"]]))
    assert both.values.to_pylist() == ["1", "2", "b"]


def test_many_ids_are_found_as_single_ones_are():
    ids = ids_of(np.arange(0, 2000, 3))
    asked = np.arange(2000)
    assert ids.find(pa.array(asked)).tolist() == ids.find(asked.tolist()).tolist() == ids.find(pa.array(asked.astype(str))).tolist()


def test_ids_of_text_are_found_by_numbers_of_the_same_digits():
    assert ids_of(["5", "x"]).find(pa.array([5, 6])).tolist() == [0, -1]
    assert ids_of(["5", "x"]).find([5]).tolist() == [0]


def test_missing_cells_are_no_ids():
    assert read_ids(pa.chunked_array([[1.0, float("nan")]])).to_pylist() == [1, None]
    assert len(Ids(pa.array([3, 4])).take([1])) == 1


def test_ids_stand_behind_others_in_the_type_of_both_or_as_text():
    numbers, texts = collect_ids(pa.chunked_array([[3, 1]])), collect_ids(pa.chunked_array([["b"]]))
    assert numbers.followed_by(collect_ids(pa.chunked_array([[2]]))).values.to_pylist() == [1, 3, 2]
    assert numbers.followed_by(texts).values.to_pylist() == ["1", "3", "b"]
    assert numbers.followed_by(texts).find([3, "b"]).tolist() == [1, 2]
