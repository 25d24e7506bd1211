"""Lists of numbers as a column: which values are read, what is refused, and how several columns share a block."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from msgspec.structs import replace

from weights.data.encoding import apply_encoding, fit_encoding
from weights.data.kind import joined_shape, side_by_side
from weights.data.repeats import describe_repeats, find_copies
from weights.data.series.kind import WHOLE_SERIES, Series
from weights.data.table.read import read_table
from weights.errors import DataError

PLAIN = Series("s", 1, 4, 0.0, 1.0)
"""Lists of up to four values as they are."""


def apply(rows: list, kind: pa.DataType | None = None, record: Series = PLAIN) -> np.ndarray:
    return WHOLE_SERIES.apply(record, pa.table({"s": pa.array(rows, kind or pa.list_(pa.float64()))}))[:, :, 0]


def test_what_is_missing_inside_lies_on_a_line_and_what_is_missing_at_the_ends_is_cut():
    block = apply([[1.0, None, 5.0], [None, 2.0, 3.0, float("nan")], [7.0]])
    nan = np.nan
    np.testing.assert_array_equal(block, [[1, 3, 5, nan], [2, 3, nan, nan], [7, nan, nan, nan]])


@pytest.mark.parametrize("empty", [None, [], [None], [float("nan"), None]])
def test_a_list_without_a_value_is_a_series_of_length_zero(empty):
    assert np.isnan(apply([[1.0, 2.0], empty, [3.0]])[1]).all()
    np.testing.assert_array_equal(apply([[1.0, 2.0], empty, [3.0]])[2], [3, np.nan, np.nan, np.nan])


@pytest.mark.parametrize(
    "kind", [pa.list_(pa.int32()), pa.large_list(pa.float32()), pa.list_(pa.float64(), 3), pa.list_(pa.decimal128(5, 2))], ids=str
)
def test_lists_of_any_numbers_are_read(kind):
    table = pa.table({"s": pa.array([[1, 2, 3], None, [4, 5, 6]], kind)})
    assert WHOLE_SERIES.recognises(table.schema.field("s"))
    block = WHOLE_SERIES.apply(replace(PLAIN, longest=3), table)[:, :, 0]
    np.testing.assert_array_equal(block[[0, 2]], [[1, 2, 3], [4, 5, 6]])


@pytest.mark.parametrize(
    "kind", [pa.list_(pa.string()), pa.list_(pa.list_(pa.float64())), pa.float64(), pa.struct({"a": pa.float64()})], ids=str
)
def test_other_cells_are_no_series(kind):
    assert not WHOLE_SERIES.recognises(pa.field("s", kind))


def test_chunks_and_slices_are_read_where_they_lie():
    column = pa.chunked_array([pa.array([[9.0], [1.0, 2.0]]).slice(1), pa.array([[3.0], [4.0, 5.0, 6.0]])])
    block = WHOLE_SERIES.apply(PLAIN, pa.table({"s": column}))[:, :, 0]
    np.testing.assert_array_equal(block, [[1, 2, np.nan, np.nan], [3, np.nan, np.nan, np.nan], [4, 5, 6, np.nan]])


def test_scale_and_lengths_are_those_of_training():
    rows = pa.table({"s": [[0.0, 10.0, 20.0], [30.0], [40.0, None, None]]})
    record = WHOLE_SERIES.fit(rows, "s")
    assert (record.shortest, record.longest, record.center) == (1, 3, 20.0)
    assert record.scale == pytest.approx(20 / 1.349, rel=1e-4)  # quartiles 10 and 30
    assert WHOLE_SERIES.describe(record) == "series of 1 to 3 values"
    assert WHOLE_SERIES.cells(record, rows) == ["3 values", "1 value", "1 value"]


def test_values_beyond_all_reason_and_infinities_stay_finite():
    block = apply([[1e300, -np.inf, 1.0, np.inf]])
    assert np.isfinite(block).all()
    assert block[0, 0] == block[0, 3] == -block[0, 1] > 1e6


def test_a_constant_column_is_read():
    record = WHOLE_SERIES.fit(pa.table({"s": [[2.0, 2.0], [2.0]]}), "s")
    np.testing.assert_array_equal(WHOLE_SERIES.apply(record, pa.table({"s": [[2.0]]}))[0, 0], [0.0])


def test_later_lists_may_be_twice_as_long_and_no_longer():
    assert apply([[1.0] * 8, [2.0]]).shape == (2, 8)
    with pytest.raises(DataError, match=r"held 4 values at most in training, but row 2 holds 9, more than twice"):
        apply([[1.0], [2.0] * 9])


def test_what_is_no_list_is_refused():
    with pytest.raises(DataError, match=r"needs lists of numbers in 's', but it holds string"):
        apply(["1", "2"], pa.string())
    for nothing in (pa.null(), pa.list_(pa.null())):
        assert not WHOLE_SERIES.recognises(pa.field("s", nothing))
        assert np.isnan(apply([None, None], nothing)).all()


def test_a_column_without_a_value_is_refused():
    with pytest.raises(DataError, match=r"Column 's' must hold lists of numbers, but none of its 2 lists holds one"):
        WHOLE_SERIES.fit(pa.table({"s": pa.array([[], None], pa.list_(pa.float64()))}), "s")


def test_hashes_are_those_of_the_values_that_are_read():
    hashes = WHOLE_SERIES.hash_values(pa.chunked_array([[[1.0, 2.0], [None, 1.0, 2.0], [2.0, 1.0], [-0.0], [0.0], [], None]]))
    assert hashes[0] == hashes[1] != hashes[2]
    assert hashes[3] == hashes[4]
    assert hashes[5] == hashes[6]


def test_a_record_that_was_tampered_with_is_wrong():
    assert WHOLE_SERIES.check(PLAIN) == []
    for change in (
        {"longest": 0, "shortest": 0},
        {"longest": 1 << 40},
        {"shortest": -1},
        {"shortest": 5},
        {"scale": 0.0},
        {"center": np.inf},
    ):
        assert len(WHOLE_SERIES.check(replace(PLAIN, **change))) == 1


def test_columns_stand_side_by_side_in_one_block_each_a_feature():
    table = pa.table({"a": [[1.0, 2.0], [3.0]], "n": [1.0, 2.0], "b": [[1.0, 2.0, 3.0], []]})
    encoding = fit_encoding(table, {"a": "series", "n": "numeric", "b": "series"})
    layout, inputs = encoding.layout(1), apply_encoding(encoding, table)
    assert encoding.names == ["n", "a", "b"]
    assert encoding.groups == [0, 1, 2]
    assert (layout.shape("series"), layout.place("series"), layout.n_places) == ((3, 2), 1, 3)
    assert inputs["series"].shape == (2, 3, 2)
    assert np.isnan(inputs["series"][0, 2, 0])
    assert encoding.describe_blocks() == "series of 1 to 2 values and series of 0 to 3 values"


def test_parts_of_a_block_are_as_long_as_the_longest():
    joined = side_by_side([np.ones((2, 1, 1), np.float32), np.zeros((2, 3, 2), np.float32)])
    assert joined.shape == (2, *joined_shape([(1, 1), (3, 2)])) == (2, 3, 3)
    np.testing.assert_array_equal(joined[0, :, 0], [1, np.nan, np.nan])
    np.testing.assert_array_equal(joined[0, :, 1:], 0)


def test_equal_lists_are_no_copies_of_one_thing_but_rows_that_repeat_others_in_all_columns_are_said():
    table = pa.table({"a": [[0.0], [0.0], [0.0], [0.0]], "b": [[1.0], [2.0], [3.0], [1.0]]})
    assert find_copies(table) == (None, "")
    assert describe_repeats(table.slice(0, 3)) == []
    assert [said[:36] for said in describe_repeats(table)] == ["1 of 4 rows repeat an earlier row in"]


def test_frames_with_arrays_in_their_cells_hold_series():
    frame = pd.DataFrame({"s": [np.arange(3.0), np.arange(2.0)], "y": [0, 1]})
    assert WHOLE_SERIES.recognises(read_table(frame).schema.field("s"))
