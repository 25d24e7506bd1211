"""Labelled files as a table: rows, classes, parts of a split, and their names."""

import zipfile

import pytest

from labelled_files import first_bytes, paint
from weights.data.files.labelled import FILE_NAMES
from weights.data.image.column import picture_field
from weights.data.image.medium import read_pictures
from weights.data.table.delimited import remarks_of


def test_a_folder_of_classes_becomes_a_table(tmp_path):
    paint(tmp_path / "dog" / "b.png", 3)
    paint(tmp_path / "cat" / "z.png", 2)
    paint(tmp_path / "cat" / "a.png", 1)
    table = read_pictures(tmp_path)
    assert table.schema.field("picture").equals(picture_field(10, 12, 1), check_metadata=True)
    assert table.drop(["picture"]).to_pydict() == {"class": ["cat", "cat", "dog"], FILE_NAMES: ["cat/a.png", "cat/z.png", "dog/b.png"]}
    assert (first_bytes(table), remarks_of(table)) == ([1, 2, 3], [])


def test_an_official_split_is_kept_and_its_validation_part_learned_from(tmp_path):
    for value, part in enumerate(["test", "train", "val"]):
        paint(tmp_path / part / "cat" / "a.png", value)
    table = read_pictures(tmp_path)
    assert (first_bytes(table), table["split"].to_pylist()) == ([1, 2, 0], ["train", "train", "test"])
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
    assert (first_bytes(table), table["split"].to_pylist()) == ([1, 1, 2, 2], ["train", "train", "test", "test"])
    assert table["class"].to_pylist() == ["cat", "dog", "cat", "dog"]
