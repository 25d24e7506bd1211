"""Sources of pictures: rows, columns, and how each is known."""

import zipfile

import numpy as np
import pytest
from PIL import Image

from weights.data.delimited import remarks_of
from weights.data.image.column import FILE_NAMES, picture_array, picture_field, picture_size
from weights.data.picturesources import holds_pictures, read_pictures
from weights.data.pixels import Wanted
from weights.errors import NotFoundError


def paint(path, colour=7, size=(10, 12), mode="L", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size[::-1], colour).save(path, **options)


def values(table):
    """The first byte of each picture."""
    return picture_array(table["picture"])[:, 0].tolist()


def test_a_folder_of_classes_becomes_a_table(tmp_path):
    paint(tmp_path / "dog" / "b.png", 3)
    paint(tmp_path / "cat" / "z.png", 2)
    paint(tmp_path / "cat" / "a.png", 1)
    table = read_pictures(tmp_path)
    assert table.schema.field("picture").equals(picture_field(10, 12, 1), check_metadata=True)
    assert table.drop(["picture"]).to_pydict() == {"class": ["cat", "cat", "dog"], FILE_NAMES: ["cat/a.png", "cat/z.png", "dog/b.png"]}
    assert (values(table), remarks_of(table)) == ([1, 2, 3], [])


def test_an_official_split_is_kept_and_its_validation_part_learned_from(tmp_path):
    for value, part in enumerate(["test", "train", "val"]):
        paint(tmp_path / part / "cat" / "a.png", value)
    table = read_pictures(tmp_path)
    assert (values(table), table["split"].to_pylist()) == ([1, 2, 0], ["train", "train", "test"])
    assert remarks_of(table) == [
        "the official validation part (1 picture) is learned from as well: members are judged on rows they did not see"
    ]


@pytest.mark.parametrize("part", ["test", "train"])
def test_one_part_alone_is_no_split(tmp_path, part):
    paint(tmp_path / part / "cat" / "a.png")
    assert read_pictures(tmp_path).column_names == ["picture", "class", FILE_NAMES]


def test_zips_are_read_like_folders(tmp_path):
    paint(tmp_path / "s" / "train" / "cat" / "a.png", 1)
    paint(tmp_path / "s" / "test" / "cat" / "a.png", 2)
    for part in ("train", "test"):
        with zipfile.ZipFile(tmp_path / "s" / f"pets_{part}.zip", "w") as archive:
            archive.write(tmp_path / "s" / part / "cat" / "a.png", "cat/a.png")
            archive.write(tmp_path / "s" / part / "cat" / "a.png", "dog/a.png")
        (tmp_path / "s" / part / "cat" / "a.png").unlink()
    table = read_pictures(tmp_path / "s")
    assert (values(table), table["split"].to_pylist()) == ([1, 1, 2, 2], ["train", "train", "test", "test"])
    assert table["class"].to_pylist() == ["cat", "dog", "cat", "dog"]


def test_arrays_become_a_table_without_names(tmp_path):
    pictures = np.arange(6 * 8 * 8, dtype=np.uint8).reshape(6, 8, 8)
    np.savez(tmp_path / "a.npz", x_train=pictures[:4], y_train=np.arange(4), x_test=pictures[4:], y_test=np.arange(2))
    table = read_pictures(tmp_path / "a.npz")
    np.testing.assert_array_equal(picture_array(table["picture"]), pictures.reshape(6, 64))
    assert table.drop(["picture"]).to_pydict() == {"class": [0, 1, 2, 3, 0, 1], "split": ["train"] * 4 + ["test"] * 2}
    assert picture_size(read_pictures(tmp_path / "a.npz", Wanted(size=(16, 20), channels=3)).schema.field("picture")) == (16, 20, 3)


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
    np.testing.assert_array_equal(picture_array(table["picture"]), pictures.reshape(3, 72))
    assert picture_size(read_pictures(pictures, Wanted(size=(16, 16), channels=3)).schema.field("picture")) == (16, 16, 3)
