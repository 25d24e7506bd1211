"""Images as a kind of column: what is learned of one, what is said of it, and what is refused."""

import numpy as np
import pyarrow as pa
import pytest

from weights.data.image.column import Picture, picture_field
from weights.data.image.kind import PICTURE
from weights.data.roles import Roles
from weights.errors import DataError, UsageError

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 8, 9, 3), dtype=np.uint8)


def table(pixels=PIXELS, name="scan"):
    height, width, channels = pixels.shape[1:]
    column = pa.FixedSizeListArray.from_arrays(pa.array(pixels.ravel()), height * width * channels)
    return pa.Table.from_arrays([column], schema=pa.schema([picture_field(height, width, channels, name)]))


def test_pixels_come_out_as_they_are():
    record = PICTURE.fit(table(), "scan")
    assert record == Picture("scan", 8, 9, 3)
    assert PICTURE.shape(record) == (8, 9, 3)
    found = PICTURE.apply(record, table())
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, PIXELS)


@pytest.mark.parametrize(
    ("other", "held"),
    [
        (table(PIXELS[:, :, :, :1]), "8x9x1"),
        (table(PIXELS.transpose(0, 2, 1, 3).copy()), "9x8x3"),
        (pa.table({"scan": [1.0]}), "double"),
        (pa.table({"scan": ["a.png"]}), "string"),
    ],
    ids=["grey", "other sides", "numbers", "names"],
)
def test_other_values_than_such_pictures_are_refused(other, held):
    with pytest.raises(DataError, match=f"needs pictures of 8 x 9 with 3 channels in 'scan', but it holds {held}. Give files of pictures."):
        PICTURE.apply(Picture("scan", 8, 9, 3), other)


@pytest.mark.parametrize(
    ("picture", "words"),
    [(Picture("scan", 8, 9, 1), "pictures of 8 x 9 in grey"), (Picture("scan", 64, 64, 3), "pictures of 64 x 64 in colour")],
)
def test_pictures_are_described_by_their_size_and_colour(picture, words):
    assert PICTURE.describe(picture) == words


def test_a_column_is_remarked_on_by_its_size_and_colour():
    assert PICTURE.remark(picture_field(8, 9, 1)) == "8 x 9, grey"
    assert PICTURE.remark(picture_field(8, 9, 3)) == "8 x 9, colour"


def test_equal_pictures_have_equal_marks():
    marks = PICTURE.hash_values(table(PIXELS[[0, 1, 0, 3]])["scan"])
    assert (marks.shape, marks.dtype) == ((4,), np.uint64)
    assert marks[0] == marks[2]
    assert len({*marks.tolist()}) == 3


@pytest.mark.parametrize("picture", [Picture("scan", 1, 512, 1), Picture("scan", 512, 1, 3)])
def test_sizes_that_can_be_are_believed(picture):
    assert PICTURE.check(picture) == []


@pytest.mark.parametrize("sizes", [(0, 8, 1), (8, -1, 1), (513, 8, 1), (8, 1 << 20, 3), (8, 8, 2), (8, 8, 0), (8, 8, 4)])
def test_sizes_that_cannot_be_are_told(sizes):
    height, width, channels = sizes
    assert PICTURE.check(Picture("scan", *sizes)) == [f"pictures are {height} x {width} with {channels} channels"]


@pytest.mark.parametrize("picture", [None, Picture("scan", 8, 8, 1), Picture("scan", 8, 9, 1)])
def test_without_a_picture_size_there_is_nothing_to_complain_of(picture):
    assert PICTURE.source.complain(Roles("ill"), picture) == ""


@pytest.mark.parametrize(
    ("picture", "size", "complaint"),
    [
        (Picture("scan", 16, 16, 1), 16, ""),
        (
            Picture("scan", 8, 9, 1),
            8,
            "Pictures of 8 x 9 came as they are: --picture-size 8 does nothing. Leave it out.",
        ),
        (
            Picture("scan", 16, 16, 3),
            32,
            "Pictures of 16 x 16 came as they are: --picture-size 32 does nothing. Leave it out.",
        ),
        (None, 16, "A picture size was given, but there are no pictures. Leave it out, or name their column: --kind file=picture."),
    ],
)
def test_a_picture_size_that_cannot_act_is_complained_of(picture, size, complaint):
    assert PICTURE.source.complain(Roles("ill", picture_size=size), picture) == complaint


def test_the_options_that_read_pictures_again_are_their_size_where_one_number_says_it():
    assert PICTURE.source.options(Picture("scan", 16, 16, 3)) == {"picture_size": 16}
    assert PICTURE.source.options(Picture("scan", 8, 9, 3)) == {}


def test_missing_words_are_for_tables():
    with pytest.raises(UsageError, match="--missing names words in the cells of a table, but pictures came without one"):
        PICTURE.source.read(PIXELS, Roles("ill", missing=("?",)), lambda share: None)


def test_a_source_is_read_at_the_size_that_was_asked_for():
    read = PICTURE.source.read(PIXELS, Roles("ill", picture_size=16), lambda share: None)
    assert PICTURE.fit(read, "picture") == Picture("picture", 16, 16, 3)


def test_a_column_that_holds_pictures_already_is_left_as_it_is(tmp_path):
    record = PICTURE.fit(table(), "scan")
    assert PICTURE.source.fill_like(table(), record, tmp_path).equals(table())
    other = pa.table({"age": [1.0]})
    assert PICTURE.source.fill_like(other, record, tmp_path) is other


def test_what_comes_next_depends_on_whether_there_are_classes():
    assert [PICTURE.next_steps(classes)[-1] for classes in (True, False)] == [
        "draw {run} gallery --output gallery.png",
        "draw {run} units --output units.png",
    ]
