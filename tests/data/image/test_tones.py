"""What is white, and what lies behind transparent pictures, by a look at some of them; new pictures are read as these were."""

import numpy as np
import pytest
from PIL import Image

from weights.data.files.lists import list_array
from weights.data.image.column import USUAL_TONES, Tones, picture_tones
from weights.data.image.kind import PICTURE
from weights.data.image.medium import DecodeOptions, read_pictures
from weights.data.table.delimited import remarks_of
from weights.data.table.read import read_table

RNG = np.random.default_rng(0)


def save(folder, pictures, **options):
    folder.mkdir(parents=True, exist_ok=True)
    for i, picture in enumerate(pictures):
        Image.fromarray(picture, **options).save(folder / f"{i}.png")


def values_up_to(highest, kind=np.uint8, n=6, size=(12, 12)):
    pictures = RNG.integers(0, highest + 1, (n, *size)).astype(kind)
    pictures[:, 0, 0] = highest
    return pictures


@pytest.mark.parametrize(
    ("pictures", "tones"),
    [
        (values_up_to(255), USUAL_TONES),
        (values_up_to(60), USUAL_TONES),
        (values_up_to(1), Tones(white=1)),
        (values_up_to(9), Tones(white=15)),
        (values_up_to(3900, np.uint16), Tones(white_16=4095)),
        (values_up_to(65_000, np.uint16), USUAL_TONES),
        (np.zeros((4, 12, 12), np.uint8), USUAL_TONES),
    ],
    ids=["bytes", "dark", "mask", "ten levels", "12 bits", "16 bits", "black"],
)
def test_white_is_the_end_of_the_bits_that_occur(tmp_path, pictures, tones):
    save(tmp_path, pictures)
    table = read_pictures(tmp_path)
    assert picture_tones(table.schema.field("picture")) == tones
    assert any("is shown as white" in remark for remark in remarks_of(table)) == (tones != USUAL_TONES)
    if tones != USUAL_TONES:
        assert list_array(table["picture"]).max() > 130


def test_a_few_bright_pictures_among_masks_leave_bytes_as_they_are(tmp_path):
    save(tmp_path, [*values_up_to(1), *values_up_to(200, n=1)])
    assert picture_tones(read_pictures(tmp_path).schema.field("picture")) == USUAL_TONES


def drawn(colour, n=8):
    """Strokes of one colour on nothing."""
    pictures = np.zeros((n, 12, 12, 4), np.uint8)
    for picture in pictures:
        place = RNG.integers(0, 12)
        picture[place, :, :3], picture[place, :, 3] = colour, 255
    return pictures


@pytest.mark.parametrize(("colour", "backdrop"), [(255, 0), (0, 255), (128, 255)], ids=["white", "black", "grey"])
def test_white_ink_on_nothing_is_laid_over_black_and_other_ink_over_white(tmp_path, colour, backdrop):
    save(tmp_path, drawn(colour))
    table = read_pictures(tmp_path)
    assert picture_tones(table.schema.field("picture")).backdrop == backdrop
    assert list_array(table["picture"]).std() > 20


def test_new_pictures_are_read_with_the_tones_of_those_learned_from(tmp_path):
    save(tmp_path / "old", values_up_to(9))
    table = read_pictures(tmp_path / "old")
    save(tmp_path / "new", np.full((1, 12, 12), 1, np.uint8))
    column = PICTURE.fit(table, "picture")
    assert (list_array(PICTURE.source.read_like(tmp_path / "new", column, read_table)["picture"]) == 17).all()
    assert PICTURE.check(column) == []


def test_a_coloured_picture_among_grey_ones_is_read_in_grey_and_said_where_nobody_asked(tmp_path):
    save(tmp_path, values_up_to(255, n=400))
    coloured = RNG.integers(0, 256, (12, 12, 3)).astype(np.uint8)
    Image.fromarray(coloured).save(tmp_path / "1.png")  # the sample has every other file, 0.png among them
    said = [remark for remark in remarks_of(read_pictures(tmp_path)) if "in colour" in remark]
    assert said == ["1 picture is in colour, and read in grey as those looked at first: 1.png"]
    assert not [remark for remark in remarks_of(read_pictures(tmp_path, DecodeOptions(channels=1))) if "in colour" in remark]
