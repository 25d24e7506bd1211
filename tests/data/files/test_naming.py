"""Tables that name picture files: which column is one, and pictures in place of its names."""

from __future__ import annotations

import pyarrow as pa
import pytest

from labelled_files import first_bytes, paint_numbers, table_of_numbers
from weights.data.files.labelled import FILE_NAMES
from weights.data.files.naming import decode_column, find_column, folder_of
from weights.data.image.column import is_picture
from weights.data.image.medium import IMAGES, DecodeOptions
from weights.data.table.delimited import remarks_of
from weights.errors import DataError, NotFoundError


@pytest.fixture
def folder(tmp_path):
    return paint_numbers(tmp_path)


def test_the_column_of_names_is_found_by_their_ends_and_by_a_file_that_is_there(folder):
    assert find_column(table_of_numbers(), folder, IMAGES) == "scan"
    assert find_column(table_of_numbers().drop_columns(["scan"]), folder, IMAGES) is None
    assert find_column(table_of_numbers().append_column("zoom", pa.array(["0.png"] * 40)), folder, IMAGES, excluded={"scan"}) == "zoom"


def test_names_of_files_that_are_not_there_are_told_with_their_place(tmp_path):
    with pytest.raises(DataError, match=rf"'scan' names picture files, but .* not there: first '{tmp_path}/0.png'. .* --drop scan"):
        find_column(table_of_numbers(), tmp_path, IMAGES)
    assert find_column(table_of_numbers(), tmp_path, IMAGES, excluded={"scan"}) is None


def test_addresses_beside_other_columns_are_no_names_of_files(tmp_path):
    assert find_column(pa.table({"scan": ["https://a.b/c.png"] * 4}), tmp_path, IMAGES) is None


def test_names_are_relative_to_the_folder_of_the_table(tmp_path):
    assert folder_of(tmp_path / "table.csv") == tmp_path
    assert str(folder_of({"scan": []})) == "."


def test_pictures_stand_in_place_of_their_names(folder):
    seen = decode_column(table_of_numbers(), "scan", folder, IMAGES, DecodeOptions())
    assert seen.column_names == ["scan", "note", "age", FILE_NAMES]
    assert seen[FILE_NAMES].to_pylist() == table_of_numbers()["scan"].to_pylist()
    assert is_picture(seen.schema.field("scan"))
    assert first_bytes(seen, "scan") == [*range(40)]
    assert seen["age"].to_pylist() == [*range(40)]


def test_rows_without_a_readable_picture_are_left_out_and_told(folder):
    (folder / "7.png").write_bytes(b"")
    seen = decode_column(table_of_numbers(), "scan", folder, IMAGES, DecodeOptions())
    assert seen["age"].to_pylist() == [i for i in range(40) if i != 7]
    assert "1 of 40 pictures could not be read and was left out: 7.png" in remarks_of(seen)[0]
    with pytest.raises(DataError, match=r"Every picture must be readable here, but 1 of 40 is not"):
        decode_column(table_of_numbers(), "scan", folder, IMAGES, DecodeOptions(strict=True))


@pytest.mark.parametrize(
    ("column", "message"),
    [("age", "needed in 'age', but it holds int64"), ("scam", "no column 'scam' of names of picture files. Did you mean 'scan'?")],
)
def test_a_column_without_names_is_refused(folder, column, message):
    with pytest.raises((DataError, NotFoundError), match=message):
        decode_column(table_of_numbers(), column, folder, IMAGES, DecodeOptions())


def test_files_are_read_in_the_order_of_their_names(folder):
    names = ["7.png", str(folder / "3.png"), "7.png"]
    assert first_bytes(decode_column(pa.table({"scan": names}), "scan", folder, IMAGES, DecodeOptions()), "scan") == [7, 3, 7]


def test_files_that_are_not_there_are_left_out(folder):
    seen = decode_column(pa.table({"scan": ["0.png"] * 38 + ["gone.png", None]}), "scan", folder, IMAGES, DecodeOptions())
    assert len(seen) == 38
    assert remarks_of(seen) == ["2 of 40 pictures could not be read and were left out: gone.png (is not there), row 40 (has no name)"]


def test_addresses_are_no_files(folder):
    with pytest.raises(DataError, match=r"row 2 holds an address, 'https://a.b/c.png'. Download them first"):
        decode_column(pa.table({"scan": ["0.png", "https://a.b/c.png"]}), "scan", folder, IMAGES, DecodeOptions())
