"""Rows as blocks of inputs, and the layout that models must fit."""

import numpy as np
import pytest

from weights.data.inputs import Inputs, Layout, concatenate, example_layout, table_layout

MIXED = Layout((("x", (3,)), ("pixels", (16, 24, 3))), 2, (0, 2))
PICTURES = Layout((("pixels", (16, 24, 3)),), 2)
TABLE = table_layout(3, 2, (0, 2))


def made(n=5):
    """Rows of three columns and of pictures of 4 x 2 in grey, all of whose numbers differ."""
    return Inputs({"x": np.arange(3.0 * n).reshape(n, 3), "pixels": np.arange(8 * n, dtype=np.uint8).reshape(n, 4, 2, 1)})


# Rows


def test_a_block_is_found_by_its_name():
    assert len(made()) == 5
    assert made()["pixels"].shape == (5, 4, 2, 1)


@pytest.mark.parametrize(
    "rows", [slice(1, 3), slice(0, 0), np.array([4, 0, 0]), np.arange(5) % 2 == 0], ids=["slice", "none", "codes", "flags"]
)
def test_the_same_rows_of_all_blocks_are_chosen(rows):
    chosen = made()[rows]
    assert len(chosen) == len(np.arange(5)[rows])
    assert [*chosen.blocks] == ["x", "pixels"]
    for name, block in made().blocks.items():
        np.testing.assert_array_equal(chosen[name], block[rows])


def test_a_slice_of_rows_is_a_view():
    inputs = made()
    assert all(np.shares_memory(inputs[1:3][name], inputs[name]) for name in inputs.blocks)


def test_a_block_that_is_not_there_has_no_name():
    with pytest.raises(KeyError):
        made()["sound"]


def test_rows_without_columns_have_none():
    inputs = made()
    assert inputs.x is inputs["x"]
    alone = Inputs({"pixels": inputs["pixels"]})
    assert (alone.x.shape, alone.x.dtype) == ((5, 0), np.float32)


def test_replaced_blocks_leave_the_others_and_the_rows_before_as_they_are():
    inputs = made()
    other = inputs.replace(x=np.zeros((5, 3)))
    assert not other.x.any()
    assert other["pixels"] is inputs["pixels"]
    np.testing.assert_array_equal(inputs.x, made().x)
    assert [*inputs.replace(sound=np.ones(5)).blocks] == ["x", "pixels", "sound"]


def test_parts_of_rows_come_back_together():
    inputs = made()
    together = concatenate([inputs[:2], inputs[2:2], inputs[2:]])
    assert [*together.blocks] == ["x", "pixels"]
    for name in inputs.blocks:
        np.testing.assert_array_equal(together[name], inputs[name])
        assert together[name].dtype == inputs[name].dtype


# Their layout


def test_a_layout_counts_its_columns_and_its_numbers():
    assert [layout.names for layout in (MIXED, PICTURES, TABLE)] == [("x", "pixels"), ("pixels",), ("x",)]
    assert [layout.n_columns for layout in (MIXED, PICTURES, TABLE)] == [3, 0, 3]
    assert [layout.n_numbers for layout in (MIXED, PICTURES, TABLE)] == [3 + 1152, 1152, 3]
    assert MIXED.shape("pixels") == (16, 24, 3)


def test_only_rows_of_nothing_but_columns_are_a_table():
    assert [layout.is_table for layout in (MIXED, PICTURES, TABLE, table_layout(0, 1))] == [False, False, True, True]


def test_blocks_have_their_place_behind_the_columns():
    more = Layout((*MIXED.blocks, ("sound", (100, 1))), 2)
    assert [MIXED.place("pixels"), PICTURES.place("pixels"), more.place("pixels"), more.place("sound")] == [3, 0, 3, 4]


def test_layouts_of_the_same_sizes_are_one_key():
    """Programs are kept by layout."""
    assert {MIXED, PICTURES, TABLE} == {Layout(*MIXED), Layout(*PICTURES), table_layout(3, 2, (0, 2))}
    assert table_layout(3, 2) != TABLE


@pytest.mark.parametrize("layout", [MIXED, PICTURES, TABLE])
def test_zeros_are_rows_of_the_layout(layout):
    zeros = layout.zeros(4)
    assert len(zeros) == 4
    assert {name: (block.shape, block.dtype, block.any()) for name, block in zeros.blocks.items()} == {
        name: ((4, *shape), np.dtype(np.float32), False) for name, shape in layout.blocks
    }


@pytest.mark.parametrize(
    ("sides", "rows"),
    [((16, 24), 512), ((8, 8), 4096), ((64, 64), 64), ((512, 512), 32)],  # 2^18 places at a time: a power of two, and at least 32
)
@pytest.mark.parametrize("columns", [(), (("x", (3,)),)], ids=["alone", "beside columns"])
def test_of_rows_with_many_places_fewer_are_answered_at_a_time(sides, rows, columns):
    layout = Layout((*columns, ("pixels", (*sides, 3))), 1)
    assert layout.rows_at_once(4096) == rows
    assert layout.rows_at_once(20) == 20


def test_of_columns_as_many_rows_are_answered_at_a_time_as_may_be():
    assert [table_layout(n, 1).rows_at_once(4096) for n in (0, 3, 100_000)] == [4096] * 3


def test_only_columns_are_held_in_memory_where_other_blocks_stay_on_disk():
    assert TABLE.held_bytes(8) == 4 * 3 + 24 * 2 + 2 * 8
    assert [layout.held_bytes(8) for layout in (MIXED, PICTURES)] == [4 * 3, 0]


def test_an_example_has_the_blocks_that_are_asked_for():
    assert [example_layout(blocks).names for blocks in (("x",), ("pixels",), ("x", "pixels"))] == [("x",), ("pixels",), ("x", "pixels")]
    assert [example_layout(blocks).numeric for blocks in (("x",), ("pixels",))] == [(0,), ()]
