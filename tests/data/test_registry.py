"""Kinds that become a block of their own beside the columns of a table: found, encoded and named together, whatever the kind."""

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from weights.data.dataset import prepare
from weights.data.encoding import Encoding, apply_encoding, fit_encoding
from weights.data.image.column import Picture, picture_field
from weights.data.image.kind import PICTURE
from weights.data.registry import KINDS, describe_blocks, find_block_kind, kind_of, tag_of, used_kinds
from weights.data.roles import Roles
from weights.data.table.columns import TABLE_KINDS
from weights.errors import DataError
from weights.store.verify import decode_registered

N = 12
PIXELS = np.random.default_rng(0).integers(0, 256, (2, N, 8, 9, 3), dtype=np.uint8)


def table(*pictures):
    """Pictures in columns of these names, then a number, a category, and a target."""
    columns = {
        picture_field(8, 9, 3, name): pa.FixedSizeListArray.from_arrays(pa.array(PIXELS[i].ravel()), 8 * 9 * 3)
        for i, name in enumerate(pictures)
    }
    columns[pa.field("age", pa.float64())] = pa.array(np.arange(N) + 30.0)
    columns[pa.field("ward", pa.string())] = pa.array(["n", "s"] * (N // 2))
    columns[pa.field("ill", pa.int64())] = pa.array([0, 1, 1] * (N // 3))
    return pa.Table.from_arrays([*columns.values()], schema=pa.schema([*columns]))


def test_kinds_of_cells_and_kinds_of_blocks_are_all_that_models_read():
    assert used_kinds() == (*TABLE_KINDS, *KINDS)
    assert len(set(used_kinds())) == len(used_kinds())
    assert len({kind.block for kind in KINDS.values()}) == len(KINDS)


@pytest.mark.parametrize("name", KINDS)
def test_records_are_tagged_with_the_name_of_their_kind(name):
    assert KINDS[name].encoding.__struct_config__.tag == name
    assert KINDS[name].encoding.__struct_config__.tag_field == "kind"


def test_the_kind_of_a_column_is_found_by_its_field_or_its_record():
    fields = table("scan").schema
    assert [find_block_kind(fields.field(name)) for name in ("scan", "age", "ward")] == ["picture", None, None]
    assert kind_of(Picture("scan", 8, 9, 3)) is PICTURE
    assert tag_of(Picture("scan", 8, 9, 3)) == "picture"


def test_blocks_are_told_in_words():
    assert [describe_blocks(blocks) for blocks in (["x"], ["pixels"], ["x", "pixels"])] == [
        "columns of a table",
        "pictures",
        "columns of a table and pictures",
    ]


# Columns and pictures together


def test_a_column_of_pictures_beside_numbers_is_read_together_with_them():
    dataset = prepare(table("scan"), Roles("ill"))
    assert [(feature.name, feature.kind) for feature in dataset.features] == [("scan", "picture"), ("age", "numeric"), ("ward", "category")]
    assert all(feature.used for feature in dataset.features)
    np.testing.assert_array_equal(dataset.inputs["pixels"], PIXELS[0])
    assert dataset.inputs["pixels"].dtype == np.uint8
    alone = prepare(table(), Roles("ill"))
    np.testing.assert_array_equal(dataset.inputs.x, alone.inputs.x)
    np.testing.assert_array_equal(dataset.inspected.x, alone.inspected.x)
    assert dataset.blocks == {"scan": PICTURE}


def test_features_are_in_the_order_of_the_encoding_where_blocks_come_last():
    encoding = prepare(table("scan"), Roles("ill")).encoding
    assert encoding.names == ["age", "ward", "scan"]
    assert [feature.name for feature in prepare(table("scan"), Roles("ill")).used_features] == encoding.names
    assert encoding.inputs == ["age", "ward = n", "ward = s"]
    assert encoding.column_groups == [0, 1, 1]
    assert encoding.groups == [0, 1, 1, 2]
    assert encoding.groups[encoding.layout(1).place("pixels")] == encoding.names.index("scan")


def test_the_layout_has_the_columns_first_and_none_where_there_are_none():
    encoding = prepare(table("scan"), Roles("ill")).encoding
    assert encoding.layout(2) == ((("x", (3,)), ("pixels", (8, 9, 3)), ("numbers", (1,))), 2, (0,), (), (), 0, 0)
    alone = prepare(table("scan"), Roles("ill", drop=("age", "ward")))
    assert alone.encoding.layout(2) == ((("pixels", (8, 9, 3)),), 2, (), (), (), 0, 0)
    assert [*alone.inputs.blocks] == ["pixels"]
    assert alone.encoding.groups == [0]
    assert prepare(table(), Roles("ill")).encoding.layout(1) == ((("x", (3,)), ("numbers", (1,))), 1, (0,), (), (), 0, 0)


def test_what_is_said_of_a_run_with_pictures_is_said_beside_columns_too():
    encoding = prepare(table("scan"), Roles("ill")).encoding
    assert encoding.kinds == [PICTURE]
    assert encoding.disclaimer == PICTURE.disclaimer != ""
    assert encoding.describe_blocks() == "pictures of 8 x 9 in colour"
    without = prepare(table(), Roles("ill")).encoding
    assert (without.kinds, without.disclaimer, without.describe_blocks()) == ([], "", "")


def test_a_second_column_of_pictures_is_set_aside_and_said():
    dataset = prepare(table("front", "side"), Roles("ill"))
    assert [(f.name, f.kind, f.note) for f in dataset.features if not f.used] == [
        ("side", "unsupported", "not read beside the pictures in 'front'")
    ]
    assert dataset.encoding.names == ["age", "ward", "front"]
    np.testing.assert_array_equal(dataset.inputs["pixels"], PIXELS[0])


def test_the_second_column_of_pictures_is_read_where_the_first_is_left_out():
    dataset = prepare(table("front", "side"), Roles("ill", drop=("front",)))
    assert dataset.encoding.names == ["age", "ward", "side"]
    np.testing.assert_array_equal(dataset.inputs["pixels"], PIXELS[1])


def test_rows_for_the_test_have_the_same_blocks():
    parts = pa.array(["train", "test", "train"] * (N // 3))
    dataset = prepare(table("scan").append_column("part", parts), Roles("ill", split="part"))
    assert [*dataset.held_out.inputs.blocks] == ["x", "pixels", "numbers"]
    np.testing.assert_array_equal(dataset.held_out.inputs["pixels"], PIXELS[0, 1::3])
    np.testing.assert_array_equal(dataset.inputs["pixels"], np.delete(PIXELS[0], np.s_[1::3], 0))
    np.testing.assert_array_equal(
        dataset.held_out.inputs.x, apply_encoding(dataset.encoding, table("scan").take(pa.array(range(1, N, 3)))).x
    )


def test_a_row_of_both_is_encoded_the_same_alone_and_among_others():
    encoding = fit_encoding(table("scan"), {"age": "numeric", "scan": "picture"})
    together = apply_encoding(encoding, table("scan"))
    for row in range(N):
        alone = apply_encoding(encoding, table("scan").slice(row, 1))
        for name in together.blocks:
            np.testing.assert_array_equal(alone[name][0], together[name][row])


def test_an_absent_block_is_named_as_any_column_is():
    encoding = prepare(table("scan"), Roles("ill")).encoding
    with pytest.raises(DataError, match=r"The model needs 3 columns, but 1 is not in the data \(first: 'scan'\)"):
        apply_encoding(encoding, table())


def test_an_encoding_with_blocks_survives_saving():
    encoding = prepare(table("scan"), Roles("ill")).encoding
    assert msgspec.json.decode(msgspec.json.encode(encoding), type=Encoding, dec_hook=decode_registered) == encoding
