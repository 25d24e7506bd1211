"""What every kind that comes as files does alike: new files in a column, a folder, or read already."""

import pytest

from labelled_files import first_bytes, paint_numbers, table_of_numbers
from weights.data.image.kind import PICTURE
from weights.data.image.medium import DecodeOptions, read_pictures
from weights.data.table.read import read_table
from weights.errors import UsageError


def test_new_rows_are_filled_once_and_left_alone_afterwards(tmp_path):
    folder = paint_numbers(tmp_path, 6)
    seen = read_pictures(folder, DecodeOptions())
    like = PICTURE.fit(seen, "picture")
    named = table_of_numbers(6).rename_columns({"scan": "picture"})
    filled = PICTURE.source.fill_like(named, like, folder)
    assert first_bytes(filled) == [*range(6)]
    assert PICTURE.source.fill_like(filled, like, folder) is filled
    assert PICTURE.source.fill_like(table_of_numbers(6), like, folder).column_names == ["scan", "note", "age"]
    assert PICTURE.source.read_like(filled, like, lambda data: data) is filled
    assert first_bytes(PICTURE.source.read_like(folder, like, read_table)) == [*range(6)]


def test_words_of_cells_are_refused_where_there_are_none(tmp_path):
    from weights.data.roles import Roles

    with pytest.raises(UsageError, match="pictures came without one"):
        PICTURE.source.read(paint_numbers(tmp_path, 3), Roles("class", missing=("none",)), lambda share: None)
