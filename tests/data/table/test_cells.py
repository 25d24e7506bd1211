from __future__ import annotations

import datetime
from decimal import Decimal

import pytest

from weights.data.table.cells import count_sorts, describe_mixture, sort_of, spell


@pytest.mark.parametrize(
    ("cell", "words", "text"),
    [
        (True, "truth values", "TRUE"),
        (7, "numbers", "7"),
        (7.0, "numbers", "7"),
        (0.1, "numbers", "0.1"),
        (1e300, "numbers", "1e+300"),
        (-1.234, "numbers", "-1.2340"),
        (0.234, "numbers", "0.234"),
        (float("inf"), "numbers", "inf"),
        (Decimal("1.10"), "numbers", "1.10"),
        ("1.10", "text", "1.10"),
        (datetime.date(2024, 5, 1), "dates", "2024-05-01"),
        (datetime.datetime(2024, 5, 1), "dates", "2024-05-01"),
        (datetime.datetime(2024, 5, 1, 10, 30), "dates", "2024-05-01 10:30:00"),
        (datetime.time(10, 30), "times", "10:30:00"),
        ([1], "other values", "[1]"),
    ],
)
def test_a_cell_is_called_and_written_as_a_text_file_would(cell, words, text):
    assert (sort_of(cell), spell(cell)) == (words, text)


def test_a_mixture_names_the_first_cell_that_differs_with_its_row():
    assert describe_mixture([1, None, "n.d.", 4], [2, 3, 5, 9]) == "holds numbers (2 cells) and text (1; first: row 5, 'n.d.')"


def test_cells_without_a_value_are_of_no_sort():
    assert count_sorts([None, 1, None]) == {"numbers": 1}
