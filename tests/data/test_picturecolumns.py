"""Tables that name picture files: which column is one, and pictures in place of its names."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from weights.data.delimited import remarks_of
from weights.data.image import is_picture, picture_array
from weights.data.picturecolumns import folder_of, picture_columns, with_pictures
from weights.errors import DataError


@pytest.fixture
def folder(tmp_path):
    for i in range(40):
        Image.fromarray(np.full((9, 8), i, np.uint8)).save(tmp_path / f"{i}.png")
    return tmp_path


def table(n=40):
    return pa.table({"scan": [f"{i}.png" for i in range(n)], "note": [f"seen {i}" for i in range(n)], "age": [*range(n)]})


def test_the_column_of_names_is_found_by_their_ends_and_by_a_file_that_is_there(folder, tmp_path_factory):
    assert picture_columns(table(), folder) == ["scan"]
    assert picture_columns(table(), tmp_path_factory.mktemp("elsewhere")) == []


def test_names_are_relative_to_the_folder_of_the_table(tmp_path):
    assert folder_of(tmp_path / "table.csv") == tmp_path
    assert str(folder_of({"scan": []})) == "."


def test_pictures_stand_in_place_of_their_names(folder):
    seen = with_pictures(table(), "scan", folder)
    assert seen.column_names == ["scan", "note", "age"]
    assert is_picture(seen.schema.field("scan"))
    np.testing.assert_array_equal(picture_array(seen["scan"])[:, 0], np.arange(40))
    assert seen["age"].to_pylist() == [*range(40)]


def test_rows_without_a_readable_picture_are_left_out_and_told(folder):
    (folder / "7.png").write_bytes(b"")
    seen = with_pictures(table(), "scan", folder)
    assert seen["age"].to_pylist() == [i for i in range(40) if i != 7]
    assert "1 of 40 pictures could not be read and were left out: 7.png" in remarks_of(seen)[0]
    with pytest.raises(DataError, match=r"Every picture must be readable here, but 1 of 40"):
        with_pictures(table(), "scan", folder, strict=True)


@pytest.mark.parametrize(
    ("column", "message"),
    [("age", "needed in 'age', but it holds int64"), ("absent", "needed in a column 'absent', but the columns are scan, note(,| and) age")],
)
def test_a_column_without_names_is_refused(folder, column, message):
    with pytest.raises(DataError, match=message):
        with_pictures(table(), column, folder)
