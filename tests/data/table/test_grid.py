from __future__ import annotations

import pytest

from weights.data.table.grid import Merged, find_head, make_grid
from weights.errors import DataError

BODY = [[31, "no", 1.5], [47, "yes", 2.5]]


def head_of(rows, ranges=()):
    return find_head(make_grid([[*row] for row in rows], [*range(1, len(rows) + 1)], ranges))


def test_the_first_row_names_the_columns():
    head = head_of([["age", "ill", "dose"], *BODY])
    assert (head.names, head.places, head.n_above, head.remarks) == (["age", "ill", "dose"], [0, 1, 2], 1, [])


def test_titles_are_skipped_and_said():
    head = head_of([["Visits of May"], ["# exported"], ["age", "ill", "dose"], *BODY])
    assert (head.names, head.n_above) == (["age", "ill", "dose"], 3)
    assert head.remarks == ["2 rows before the table were skipped, the first 'Visits of May'"]


def test_a_title_merged_over_all_columns_is_no_header():
    assert head_of([["Visits"], ["age", "ill", "dose"], *BODY], [Merged(1, 1, 1, 3)]).names == ["age", "ill", "dose"]


def test_titles_above_years_are_skipped():
    assert head_of([["Visits"], ["ward", 2019, 2020], ["north", 3, 4]]).names == ["ward", "2019", "2020"]


def test_merged_heads_are_joined_with_what_stands_below_them():
    rows = [["id", "pressure", None, "ill"], [None, "high", "low", None], [1, 120, 80, "no"]]
    head = head_of(rows, [Merged(1, 1, 2, 1), Merged(1, 2, 1, 3), Merged(1, 4, 2, 4)])
    assert head.names == ["id", "pressure high", "pressure low", "ill"]
    assert head.remarks == ["names in 2 rows of merged cells were joined, such as 'pressure high'"]


def test_equal_names_below_different_heads_are_told_apart():
    rows = [["id", "before", None, "after", None], [None, "mean", "sd", "mean", "sd"], [1, 2, 3, 4, 5]]
    head = head_of(rows, [Merged(1, 2, 1, 3), Merged(1, 4, 1, 5), Merged(1, 1, 2, 1)])
    assert head.names == ["id", "before mean", "before sd", "after mean", "after sd"]


def test_an_index_needs_no_name():
    assert head_of([[None, "age", "ill"], [0, 31, "no"]]).names == ["column 1", "age", "ill"]
    assert head_of([[None, "age"], ["a", "b"]]).names == ["column 1", "age"]


def test_columns_without_a_cell_are_left_out_and_a_note_beside_the_title_is_no_column():
    head = head_of([["Visits", None, None, None, "draft"], ["age", None, "ill"], [31, None, "no"], [47, None, "yes"]])
    assert (head.names, head.places) == (["age", "ill"], [0, 2])


def test_merged_cells_of_the_body_have_their_value_in_each_row():
    grid = make_grid([["ward", "age"], ["north", 31], [None, 47]], [1, 2, 3], [Merged(2, 1, 3, 1)])
    assert grid.rows[2] == ["north", 47]
    assert find_head(grid).merged == {0: "1 merged cell, whose value was taken for each row and column covered"}


def test_names_of_several_lines_are_one_line():
    assert head_of([["blood\npressure", "ill"], [120, "no"]]).names == ["blood pressure", "ill"]


def test_merged_cells_that_overlap_beyond_the_sheet_are_refused():
    with pytest.raises(DataError, match="Merged cells must not overlap"):
        head_of([["a", "b"], *BODY], [Merged(1, 1, 1 << 20, 1 << 14)] * 5)


@pytest.mark.parametrize("header", [["mean", "sd", "mean", "sd"], ["id", "age", None, None], ["x", "x", "x", "x"]])
def test_a_header_with_names_missing_or_twice_is_no_title(header):
    head = head_of([header, [1, 2, 3, 4], ["a", "b", "c", "d"]])
    assert (head.names, head.n_above) == ([name or f"column {j}" for j, name in enumerate(header, 1)], 1)


def test_rows_of_data_are_no_header_only_because_they_are_words():
    assert head_of([["age", None, "ill"], ["a", "b", "c"]]).names == ["age", "column 2", "ill"]
