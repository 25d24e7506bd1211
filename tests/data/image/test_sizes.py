"""Which size and how many channels the images of a source get."""

import pytest

from labelled_files import first_bytes, paint
from weights.data.files.lists import list_array
from weights.data.image.column import picture_size
from weights.data.image.medium import DecodeOptions, read_pictures
from weights.data.image.sizes import remark_on_sizes
from weights.data.table.delimited import remarks_of


def painted(folder, sizes):
    for i, size in enumerate(sizes):
        paint(folder / f"{i:03}.png", size=size)
    table = read_pictures(folder)
    return picture_size(table.schema.field("picture"))[:2], remarks_of(table)


@pytest.mark.parametrize("size", [(10, 12), (64, 64), (8, 50)])
def test_the_size_is_theirs_where_they_have_one_small_size(tmp_path, size):
    assert painted(tmp_path, [size, size]) == (size, [])


@pytest.mark.parametrize(
    ("sizes", "side", "theirs"),
    [
        ([(10, 12), (12, 10)], 16, "2 sizes from 10 x 12 to 12 x 10"),
        ([(20, 30), (28, 25), (40, 40)], 32, "3 sizes from 20 x 30 to 40 x 40"),
        ([(32, 32), (20, 31), (31, 20)], 32, "3 sizes from 20 x 31 to 32 x 32"),
        ([(20, 30), (30, 20), (900, 1200)], 32, "3 sizes from 20 x 30 to 900 x 1,200"),
        ([(65, 20)], 64, "65 x 20"),
        ([(6, 20)], 24, "6 x 20"),
        ([(300, 200), (100, 80)], 64, "2 sizes from 100 x 80 to 300 x 200"),
        ([(10, 10 + i % 7) for i in range(300)], 16, "7 sizes from 10 x 10 to 10 x 16 (of 200 looked at)"),
    ],
)
def test_others_become_squares_of_the_usual_larger_side_and_that_is_told(tmp_path, sizes, side, theirs):
    assert painted(tmp_path, sizes) == ((side, side), [f"pictures of {theirs} became {side} x {side} (--picture-size)"])


def test_a_size_that_was_asked_for_is_no_remark(tmp_path):
    paint(tmp_path / "a.png", size=(300, 200))
    assert remarks_of(read_pictures(tmp_path, DecodeOptions(size=(32, 32)))) == []


def test_one_picture_of_colour_makes_all_coloured(tmp_path):
    paint(tmp_path / "a.png", 5)
    paint(tmp_path / "b.png", (5, 5, 5), mode="RGB")
    assert picture_size(read_pictures(tmp_path).schema.field("picture"))[2] == 1
    paint(tmp_path / "c.png", (9, 5, 5), mode="RGB")
    table = read_pictures(tmp_path)
    assert [row[:3].tolist() for row in list_array(table["picture"])] == [[5, 5, 5], [5, 5, 5], [9, 5, 5]]
    assert first_bytes(read_pictures(tmp_path, DecodeOptions(channels=1))) == [5, 5, 6]


def test_sizes_are_told_from_the_smallest_to_the_largest():
    said = "pictures of 3 sizes from 30 x 2 to 9 x 9 became 16 x 16 (--picture-size)"
    assert remark_on_sizes([(9, 9), (30, 2), (8, 9)], 3, 16) == said
