"""Rows and pictures that are there several times are counted, told, and kept together."""

import numpy as np
import pyarrow as pa
import pytest

from weights.data.image.column import picture_field
from weights.data.repeats import describe_copies, describe_repeats, find_copies, keep_together
from weights.errors import DataError

NONE = np.zeros(6, bool)
TWO = "2 pictures are there more than once, 5 rows in all"


def scans(picks, **columns):
    """Pictures of 8 x 8 in grey, equal where picks are, and further columns."""
    pixels = np.random.default_rng(0).integers(0, 256, (10, 64), dtype=np.uint8)[np.asarray(picks)]
    arrays = [pa.FixedSizeListArray.from_arrays(pa.array(pixels.ravel()), 64), *map(pa.array, columns.values())]
    fields = [pa.field(name, array.type) for name, array in zip(columns, arrays[1:], strict=True)]
    return pa.Table.from_arrays(arrays, schema=pa.schema([picture_field(8, 8, 1, "scan"), *fields]))


# Values of a block of their own


def test_copies_have_the_same_code():
    codes, plural = find_copies(scans([3, 1, 3, 2, 1, 0], age=[1, 2, 3, 4, 5, 6]))
    assert plural == "pictures"
    assert [len({*codes[[i, j]].tolist()}) for i, j in ((0, 2), (1, 4), (0, 1), (3, 5))] == [1, 1, 2, 2]
    assert len(np.unique(codes)) == 4


def test_where_all_differ_or_cells_are_cells_there_are_no_copies():
    assert find_copies(scans([0, 1, 2])) == (None, "pictures")
    assert find_copies(pa.table({"age": [1, 1], "ward": ["n", "n"]})) == (None, "")


def test_copies_are_kept_together_if_some_are_among_the_rows_that_are_learned_from():
    codes = np.array([0, 1, 0, 2, 3, 4])
    assert keep_together(codes, ~NONE, "pictures") is codes
    assert keep_together(codes, np.arange(6) != 2, "pictures") is None


def test_nothing_but_copies_of_one_is_refused():
    with pytest.raises(DataError, match=r"Different pictures were needed to learn from, but all 3 are copies of one\. Check"):
        keep_together(np.array([0, 0, 0, 1]), np.arange(4) < 3, "pictures")
    assert keep_together(np.array([0, 1]), np.arange(2) < 1, "pictures") is None  # a single row has no copy


@pytest.mark.parametrize(
    ("codes", "tests", "target", "apart", "words"),
    [
        ([0, 0, 1, 2, 3, 4], [], "aaabbb", False, "1 picture is there more than once, 2 rows in all"),
        (
            [0, 0, 1, 1, 1, 2],
            [],
            "aaabbb",
            True,
            f"{TWO}; 1 under two labels; copies are kept in one fold",
        ),
        (
            [0, 0, 1, 1, 1, 2],
            [1, 5],
            "aaaaab",
            False,
            f"{TWO}; 1 of them in the test as well as in training, so that the test is too easy",
        ),
    ],
)
def test_copies_are_told(codes, tests, target, apart, words):
    held = np.isin(np.arange(6), tests)
    assert describe_copies(np.array(codes), held, pa.chunked_array([[*target]]), "pictures", apart=apart) == words


# Rows


def test_rows_that_repeat_others_are_counted():
    table = pa.table(
        {"age": [1.0, 2.0, 1.0, None, None], "ward": ["n", "s", "n", "s", "s"], "seen": pa.array([1, 2, 1, 4, 4], pa.date32())}
    )
    assert describe_repeats(table) == [
        "2 of 5 rows repeat an earlier row in every column; where they are the same case, keep them together with --group, or the figures "
        "are too good"
    ]


@pytest.mark.parametrize(
    "columns",
    [
        {"age": [1, 2, 3, 4], "ward": ["n", "n", "n", "n"]},
        {"age": [1, 1, 1, 4], "ward": ["n", "n", "n", "s"]} | {"id": [0, 1, 2, 3]},
        {"flag": [1, 0, 1, 1, 1], "ward": ["n", "n", "n", "n", "n"]},
        {"a": [1, 2], "b": [2, 1]},
        {"a": [0.0, None], "b": [None, 0.0]},
    ],
    ids=["all differ", "one column differs", "most rows repeat others", "swapped cells", "swapped gaps"],
)
def test_of_rows_that_differ_or_mostly_repeat_nothing_is_said(columns):
    assert describe_repeats(pa.table(columns)) == []


def test_rows_with_pictures_are_told_by_these():
    assert describe_repeats(scans([1, 1, 2, 3, 4, 5], age=[1, 1, 2, 3, 4, 5])) == []
