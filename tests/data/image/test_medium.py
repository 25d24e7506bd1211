"""Images as a medium: the sources they come in, how each is known, and what is asked of their reading."""

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from labelled_files import first_bytes, paint_numbers, table_of_numbers
from weights.data.files.labelled import FILE_NAMES
from weights.data.files.lists import list_array
from weights.data.image.column import Picture, picture_size
from weights.data.image.kind import PICTURE
from weights.data.image.medium import IMAGES, DecodeOptions, holds_pictures, read_pictures
from weights.data.table.delimited import remarks_of
from weights.data.table.read import read_table
from weights.errors import DataError, NotFoundError, UsageError


def test_arrays_become_a_table_without_names(tmp_path):
    pictures = np.arange(6 * 8 * 8, dtype=np.uint8).reshape(6, 8, 8)
    np.savez(tmp_path / "a.npz", x_train=pictures[:4], y_train=np.arange(4), x_test=pictures[4:], y_test=np.arange(2))
    table = read_pictures(tmp_path / "a.npz")
    np.testing.assert_array_equal(list_array(table["picture"]), pictures.reshape(6, 64))
    assert table.drop(["picture"]).to_pydict() == {"class": [0, 1, 2, 3, 0, 1], "split": ["train"] * 4 + ["test"] * 2}
    assert picture_size(read_pictures(tmp_path / "a.npz", DecodeOptions(size=(16, 20), channels=3)).schema.field("picture")) == (16, 20, 3)


def test_a_source_that_is_not_there_is_refused(tmp_path):
    for name in ("a", "a.zip", "a.npz", "a.png"):
        with pytest.raises(NotFoundError, match=f"no file or folder '.*{name}'"):
            read_pictures(tmp_path / name)


def test_sources_of_pictures_are_known_by_their_names(tmp_path):
    assert all(map(holds_pictures, [tmp_path, str(tmp_path), "a.zip", "a.npz", "a.JPEG", "a.dcm"]))
    assert not any(map(holds_pictures, ["a.csv", "breast-cancer", {"x": [1]}, np.zeros((2, 2)), None]))


def test_an_array_of_three_or_four_axes_is_one_of_pictures():
    assert all(map(holds_pictures, [np.zeros((2, 8, 8, 1)), np.zeros((2, 8, 8))]))
    assert not any(map(holds_pictures, [np.zeros((2, 8)), np.zeros(8, np.uint8)]))


def test_an_array_becomes_a_table():
    pictures = np.arange(3 * 8 * 9, dtype=np.uint8).reshape(3, 8, 9)
    table = read_pictures(pictures)
    assert table.column_names == ["picture"]
    np.testing.assert_array_equal(list_array(table["picture"]), pictures.reshape(3, 72))
    assert picture_size(read_pictures(pictures, DecodeOptions(size=(16, 16), channels=3)).schema.field("picture")) == (16, 16, 3)


def test_bytes_lie_row_by_row_and_pixel_by_pixel(tmp_path):
    pixels = np.arange(8 * 9 * 3, dtype=np.uint8).reshape(8, 9, 3)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    table = read_pictures(tmp_path / "a.png")
    assert table.column_names == ["picture", FILE_NAMES]
    assert picture_size(table.schema.field("picture")) == (8, 9, 3)
    np.testing.assert_array_equal(list_array(table["picture"])[0], pixels.ravel())


@pytest.mark.parametrize(
    ("options", "message"), [({"size": (4, 64)}, r"from 8 to 512, but the size is \(4, 64\)"), ({"channels": 2}, "but 2")]
)
def test_options_out_of_bounds_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        DecodeOptions(**options)


def test_a_name_that_promises_another_format_is_told():
    names = {"a.png": True, "a.JPG": False, "a.jfif": False, "a.dat": False, "a": False}
    assert {name: IMAGES.is_mislabelled(name, "JPEG") for name in names} == names


# New pictures

LIKE = Picture("picture", 9, 8, 1)


@pytest.fixture
def folder(tmp_path):
    return paint_numbers(tmp_path)


def test_new_pictures_of_a_folder_come_with_the_names_of_their_files(folder):
    seen = PICTURE.source.read_like(folder, LIKE, read_table)
    assert seen.column_names == ["picture", FILE_NAMES]
    assert seen[FILE_NAMES].to_pylist()[:3] == ["0.png", "1.png", "10.png"]
    assert first_bytes(seen)[:3] == [0, 1, 10]


def test_new_pictures_of_a_table_are_taken_from_its_only_column_of_files(folder, monkeypatch):
    monkeypatch.chdir(folder)
    seen = PICTURE.source.read_like(table_of_numbers(3), LIKE, read_table)
    assert first_bytes(seen) == [0, 1, 2]
    assert seen[FILE_NAMES].to_pylist() == ["0.png", "1.png", "2.png"]


def test_new_pictures_of_several_columns_need_the_name_of_training(folder, monkeypatch):
    monkeypatch.chdir(folder)
    several = table_of_numbers(3).append_column("other", pa.array(["5.png"] * 3))
    with pytest.raises(
        DataError, match=r"One column must name picture files, but 2 do \(scan, other\). Call the column of files 'picture'"
    ):
        PICTURE.source.read_like(several, LIKE, read_table)
    assert first_bytes(PICTURE.source.read_like(several.rename_columns({"other": "picture"}), LIKE, read_table)) == [5, 5, 5]
    with pytest.raises(DataError, match=r"but none does \(note, age\). Call the column of files 'picture'"):
        PICTURE.source.read_like(table_of_numbers(3).drop_columns(["scan"]), LIKE, read_table)


def test_new_pictures_must_all_be_readable(folder, monkeypatch):
    monkeypatch.chdir(folder)
    with pytest.raises(DataError, match=r"Every picture must be readable here, but 1 of 41 is not: 40.png \(is not there\)"):
        PICTURE.source.read_like(table_of_numbers(41), LIKE, read_table)


def test_an_array_of_new_pictures_is_brought_to_the_size_of_training():
    pictures = np.repeat(np.arange(3, dtype=np.uint8), 18 * 16 * 3).reshape(3, 18, 16, 3)
    assert first_bytes(PICTURE.source.read_like(pictures, LIKE, read_table)) == [0, 1, 2]
    scaled = PICTURE.source.read_like(pictures[:, ::2, ::2, 0] / 255, LIKE, read_table)
    assert first_bytes(scaled) == [0, 1, 2]
    assert remarks_of(scaled) == ["the pictures' values (float64, 0 to 0.00784314) were multiplied by 255"]
    with pytest.raises(DataError, match=r"but it is \(9, 8\). If it is one grey picture, give picture\[None\]"):
        PICTURE.source.read_like(pictures[0, ::2, ::2, 0], LIKE, read_table)
