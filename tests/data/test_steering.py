"""What steers training, by row, and stays with its row whatever is left out."""

import numpy as np
import pyarrow as pa
import pytest

from weights.data.encoding import Category
from weights.data.roles import Roles
from weights.data.steering import describe_parts, find_test_rows, keep_copies_together, read_steering
from weights.errors import DataError

TABLE = pa.table({"x": [1, 2, 3], "w": [0.0, 1.0, 3.0], "g": ["a", "b", "a"], "t": [3, 2, 1], "part": ["train", "TEST", " val "]})
ROLES = Roles("x", sample_weight="w", group="g", time="t", split="part")


def test_what_steers_is_read_by_row_and_stays_with_it():
    steering = read_steering(TABLE, ROLES, None, None)
    assert steering.weight.tolist() == [0, 1, 3]
    assert steering.group[0] == steering.group[2] != steering.group[1]
    some = steering.of(np.asarray([False, True, True]))
    assert (some.weight.tolist(), some.time.tolist(), some.numbers.tolist()) == ([1, 3], [2, 1], [1, 2])
    assert steering.of(np.ones(3, bool)).numbers is None
    assert steering._replace(numbers=np.asarray([4, 6, 9])).of(np.asarray([True, False, True])).numbers.tolist() == [4, 9]


def test_rows_for_the_test_are_those_a_column_calls_so():
    assert find_test_rows(TABLE, "part").tolist() == [False, True, False]
    assert not find_test_rows(TABLE, None).any()


def test_a_feature_that_says_which_part_of_a_split_rows_belong_to_is_named():
    columns = [Category(name, levels, False, False) for name, levels in (("part", ["test", "Train"]), ("ward", ["test", "north"]))]
    [remark] = describe_parts(columns)
    assert "--split part keeps the test apart" in remark


def test_a_bad_cell_is_named_by_the_number_of_its_row():
    with pytest.raises(DataError, match=r"'w' is -1\.0 in row 8\."):
        read_steering(pa.table({"x": [1, 2], "w": [1.0, -1.0]}), Roles("x", sample_weight="w"), None, np.asarray([0, 7]))


def test_tables_of_cells_have_no_copies_to_keep_together():
    steering = read_steering(TABLE, ROLES, None, None)
    kept, said = keep_copies_together(steering, TABLE, ROLES, np.ones(3, bool), np.zeros(3, bool))
    assert kept is steering
    assert said == []
