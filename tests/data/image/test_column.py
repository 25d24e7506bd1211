"""Pictures as a column of a table: what one is known by."""

import pyarrow as pa

from weights.data.image.column import is_picture, picture_field, picture_size


def test_a_picture_is_known_by_type_and_metadata():
    field = picture_field(8, 9, 3)
    assert is_picture(field)
    assert picture_size(field) == (8, 9, 3)
    for other in (
        field.remove_metadata(),
        field.with_type(pa.list_(pa.uint8(), 7)),
        field.with_type(pa.list_(pa.int8(), 216)),
        pa.field("x", pa.int8()),
    ):
        assert not is_picture(other)
