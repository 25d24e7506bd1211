"""Roles: which column is the target, which steer training, and what is said about ignored ones."""

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from weights.data.dataset import prepare
from weights.data.encoding import apply_encoding
from weights.data.roles import Roles
from weights.data.table.read import read_table
from weights.errors import DataError


def table(**columns):
    """Four patients: two features and a target, and what a test adds or replaces."""
    return pa.table({"age": [31, 47, 58, 62], "ward": ["n", "s", "n", "s"], "ill": [0, 1, 0, 1]} | columns)


# --- features and target ------------------------------------------------------------------------


def test_every_column_but_the_target_is_a_feature():
    assert [(feature.name, feature.kind) for feature in prepare(table(), Roles("ill")).features] == [
        ("age", "numeric"),
        ("ward", "category"),
    ]


def test_the_encoded_rows_are_those_of_the_encoding():
    dataset = prepare(table(), Roles("ill"))
    np.testing.assert_array_equal(dataset.inputs.x, apply_encoding(dataset.encoding, table()).x)


def test_a_constant_column_is_set_aside_with_its_reason():
    dataset = prepare(table(unit=["kg"] * 4), Roles("ill"))
    assert [(feature.name, feature.note) for feature in dataset.features if not feature.used] == [("unit", "always 'kg'")]


def test_dropped_columns_are_no_features():
    assert [feature.name for feature in prepare(table(), Roles("ill", drop=("age",))).features] == ["ward"]


def test_steering_columns_are_no_features():
    dataset = prepare(table(clinic=["a", "a", "b", "b"], cost=[1.0, 2.0, 1.0, 2.0]), Roles("ill", group="clinic", sample_weight="cost"))
    assert [feature.name for feature in dataset.features] == ["age", "ward"]


def test_an_asked_kind_is_used_instead_of_the_found_one():
    dataset = prepare(table(code=[3, 4, 3, 4]), Roles("ill", kinds={"code": "category"}))
    assert [feature.kind for feature in dataset.features] == ["numeric", "category", "category"]


def test_the_clip_is_that_of_the_roles():
    assert prepare(table(), Roles("ill", clip=None)).encoding.clip is None


def test_rows_without_a_target_are_left_out_and_counted():
    dataset = prepare(table(ill=[0, None, 0, 1]), Roles("ill"))
    assert (dataset.n_samples, dataset.target.to_pylist()) == (3, [0, 0, 1])
    assert dataset.remarks == ["1 of 4 rows have no 'ill' and were left out"]


def test_rows_without_a_target_do_not_shape_the_encoding():
    dataset = prepare(table(age=[1, 1000, 2, 3], ill=[0, None, 0, 1]), Roles("ill"))
    assert dataset.encoding.columns[0].center == 2


def test_a_table_without_missing_targets_has_no_remarks():
    assert prepare(table(), Roles("ill")).remarks == []


@pytest.mark.parametrize("absent", [pa.nulls(4, pa.int64()), pa.array([np.nan] * 4)], ids=["null", "NaN"])
def test_a_target_that_is_always_missing_is_refused(absent):
    with pytest.raises(DataError, match=r"The target 'ill' must have values, but it is missing in all 4 rows\."):
        prepare(table(ill=absent), Roles("ill"))


def test_a_table_without_usable_features_is_refused_with_the_reasons():
    message = r"usable feature was needed, but none is left of 1: unit \(constant: always 'kg'\)\. Use --kind to use one anyway\."
    with pytest.raises(DataError, match=message):
        prepare(pa.table({"unit": ["kg", "kg"], "ill": [0, 1]}), Roles("ill"))


def test_a_table_with_only_a_target_is_refused():
    with pytest.raises(DataError, match=r"none is left of 0: there is no other column"):
        prepare(pa.table({"ill": [0, 1]}), Roles("ill"))


def test_a_categorical_column_of_a_frame_is_a_category():
    frame = pl.DataFrame({"ward": pl.Series(["n", "s", None], dtype=pl.Categorical), "ill": [0, 1, 0]})
    assert prepare(read_table(frame), Roles("ill")).features[0].kind == "category"


def test_a_column_that_cannot_be_read_as_the_asked_kind_is_refused():
    with pytest.raises(DataError, match=r"Column 'ward' must be numeric, but 4 of 4 rows hold something else \(first: row 1, 'n'\)"):
        prepare(table(), Roles("ill", kinds={"ward": "numeric"}))


# --- group and time -----------------------------------------------------------------------------


@pytest.mark.parametrize("patients", [["p7", "p3", "p7", "p3"], [7, 3, 7, 3], [7.0, 3.0, 7.0, 3.0]], ids=["text", "int", "float"])
def test_rows_of_a_group_share_a_code(patients):
    assert prepare(table(patient=patients), Roles("ill", group="patient")).group.tolist() in ([0, 1, 0, 1], [1, 0, 1, 0])


@pytest.mark.parametrize(
    "moments",
    [
        [1, 2, 3, 4],
        [0.5, 1.5, 2.5, 3.5],
        ["2024-01-01", "2024-01-02", "2024-02-01", "2025-01-01"],
        pa.array(["2024-01-01", "2024-01-02", "2024-02-01", "2025-01-01"], pa.large_string()),
        np.array(["2024-01-01", "2024-01-02", "2024-02-01", "2025-01-01"], "datetime64[s]"),
    ],
    ids=["int", "float", "text", "large text", "timestamp"],
)
def test_time_orders_the_rows(moments):
    time = prepare(table(seen=moments), Roles("ill", time="seen")).time
    assert np.argsort(time).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("moments", [[1, None, None, 4], ["2024-01-01", None, None, "2024-01-04"]], ids=["numbers", "dates"])
def test_a_time_that_is_missing_somewhere_is_refused(moments):
    with pytest.raises(DataError, match=r"'seen' must order all rows, but 2 cells are missing \(first: row 2\)\. Leave these rows out"):
        prepare(table(seen=moments), Roles("ill", time="seen"))


def test_without_roles_there_is_neither_group_nor_time():
    dataset = prepare(table(), Roles("ill"))
    assert (dataset.group, dataset.time) == (None, None)


# --- sample weights -----------------------------------------------------------------------------


def test_without_a_column_every_row_weighs_one():
    assert prepare(table(), Roles("ill")).sample_weight.tolist() == [1, 1, 1, 1]


def test_sample_weights_get_mean_one():
    assert prepare(table(cost=[0, 10, 10, 20]), Roles("ill", sample_weight="cost")).sample_weight.tolist() == [0, 1, 1, 2]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0, -0.5, 1.0, -1.0], r"must be at least zero, but 'cost' is -0\.5 in row 2\. Repair or leave out these 2 rows\."),
        ([1.0, 1.0, np.nan, 1.0], r"must be at least zero, but 'cost' is nan in row 3"),
        ([1.0, 1.0, None, 1.0], r"must be at least zero, but 'cost' is nan in row 3"),
        ([np.inf, 1.0, 1.0, 1.0], r"must be at least zero, but 'cost' is inf in row 1"),
        ([0.0, 0.0, 0.0, 0.0], r"must not all be zero, but 'cost' is\. Name another column\."),
        (["1", "2", "much", "4"], r"Column 'cost' must be numeric, but 1 of 4 rows hold something else \(first: row 3, 'much'\)"),
    ],
    ids=["negative", "NaN", "missing", "infinite", "all zero", "text"],
)
def test_sample_weights_that_are_no_weights_are_refused(weights, message):
    with pytest.raises(DataError, match=message):
        prepare(table(cost=weights), Roles("ill", sample_weight="cost"))


def test_a_message_counts_the_rows_of_the_table_as_it_was_given():
    with pytest.raises(DataError, match=r"'cost' is -1\.0 in row 4"):
        prepare(table(cost=[1.0, 1.0, 1.0, -1.0], ill=[None, 0, 1, 0]), Roles("ill", sample_weight="cost"))


def test_one_bad_weight_is_called_one_row():
    with pytest.raises(DataError, match=r"'w' is -1\.0 in row 2\. Repair or leave out this row\."):
        prepare(read_table({"x": [1.0, 2.0, 3.0], "w": [1.0, -1.0, 1.0], "y": [0.0, 1.0, 2.0]}), Roles("y", sample_weight="w"))
