"""What is said of columns: names that are not there, roles that exclude each other, and kinds that nobody knows are refused."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from weights.data.dataset import prepare
from weights.data.registry import used_kinds
from weights.data.roles import Roles, check_roles, column_labels, name_column, name_columns, parse_kinds
from weights.errors import NotFoundError, UsageError

NAMES = ("age", "ward", "ill")


@pytest.mark.parametrize(
    ("roles", "message"),
    [
        (Roles("il"), r"patients\.csv has no column 'il' to use as target\. Did you mean 'ill'\?"),
        (Roles("ill", drop=("agee",)), r"patients\.csv has no column 'agee' to use as drop\. Did you mean 'age'\?"),
        (Roles("ill", kinds={"wart": "category"}), r"patients\.csv has no column 'wart' to use as kind\. Did you mean 'ward'\?"),
        (Roles("ill", group="zzz"), r"patients\.csv has no column 'zzz' to use as group\. Known: age, ward, ill\."),
        (Roles("ill", time="zzz"), r"patients\.csv has no column 'zzz' to use as time\."),
        (Roles("ill", sample_weight="zzz"), r"patients\.csv has no column 'zzz' to use as sample_weight\."),
    ],
)
def test_a_role_for_an_unknown_column_is_refused_with_a_suggestion(roles, message):
    with pytest.raises(NotFoundError, match=message):
        check_roles(NAMES, roles, "patients.csv")


@pytest.mark.parametrize(
    "roles",
    [Roles("ill", drop=("ill",)), Roles("ill", group="ill"), Roles("ill", time="ill"), Roles("ill", sample_weight="ill")],
    ids=["drop", "group", "time", "sample_weight"],
)
def test_the_target_has_no_second_role(roles):
    with pytest.raises(UsageError, match=r"Column 'ill' is the target and cannot also be \w+\. Name another column\."):
        check_roles(NAMES, roles, "patients.csv")


def test_a_group_is_no_sample_weight():
    with pytest.raises(UsageError, match="'age'"):
        check_roles(NAMES, Roles("ill", group="age", sample_weight="age"), "patients.csv")


def test_an_unknown_kind_is_refused():
    with pytest.raises(UsageError, match=r"The kind of 'ward' must be one of .*, but 'nominal' came"):
        check_roles(NAMES, Roles("ill", kinds={"ward": "nominal"}), "patients.csv")


@pytest.mark.parametrize(
    ("asked", "kinds"),
    [
        (["ward=category", "age=numeric"], {"ward": "category", "age": "numeric"}),
        (["a=b=category"], {"a=b": "category"}),
        ({"ward": "category"}, {"ward": "category"}),
        ([], {}),
        ({}, {}),
        (None, {}),
    ],
)
def test_kinds_are_pairs_or_a_mapping(asked, kinds):
    assert parse_kinds(asked) == kinds


def test_a_kind_without_a_column_is_refused():
    with pytest.raises(
        UsageError,
        match=r"given as column=kind, but 'category' came\. Kinds: numeric, boolean, category, datetime, picture, recording, series",
    ):
        parse_kinds(["category"])


@pytest.mark.parametrize("asked", [["age=numerc"], {"age": "numerc"}])
def test_a_misspelled_kind_comes_with_a_suggestion(asked):
    with pytest.raises(UsageError, match=r"The kind of 'age' must be one of .*, but 'numerc' came\. Did you mean 'numeric'\?"):
        parse_kinds(asked)


@pytest.mark.parametrize("kind", used_kinds())
def test_every_kind_that_models_see_can_be_asked_for(kind):
    assert parse_kinds([f"age={kind}"]) == {"age": kind}


def test_lawful_roles_are_taken():
    check_roles(
        (*NAMES, "day"), Roles("ill", drop=("age",), kinds={"age": "numeric", "ill": "category"}, group="ward", time="day"), "patients.csv"
    )


def test_the_roles_of_a_table_are_looked_at_before_its_rows():
    with pytest.raises(NotFoundError, match=r"patients\.csv has no column 'il' to use as target\. Did you mean 'ill'\?"):
        prepare(pa.table({"age": [31, 47], "ill": [0, 1]}), Roles("il"), source="patients.csv")


DAY = pd.Timestamp("2026-01-05")
FRAMES = {
    "whole numbers": [0, 1, 2],
    "tuples": [("dose", "mg"), ("dose", "day"), ("age", "")],
    "of several types": ["age", 7, DAY],
    "numbers with decimals": [0.5, 1.0, 1.5],
}


@pytest.mark.parametrize("labels", FRAMES.values(), ids=FRAMES)
def test_columns_are_found_by_labels_of_any_type(labels):
    frame = pd.DataFrame([[1.0, 2.0, 3.0]])
    frame.columns = pd.Index(labels, tupleize_cols=True)
    for asked, label in zip(labels, frame.columns, strict=True):
        assert name_column(asked, column_labels(frame)) == str(label)
        assert name_columns(asked, column_labels(frame)) == (str(label),)
    assert name_columns([*labels[:2]], column_labels(frame)) == (str(labels[0]), str(labels[1]))


@pytest.mark.parametrize(
    "values", [[0, 1], ("a", "b"), np.zeros(2), pd.Series([0, 1]), pa.array([0, 1])], ids=lambda values: type(values).__name__
)
def test_values_are_not_taken_for_labels(values):
    assert name_column(values, [0, 1, "a"]) is None


def test_a_single_name_may_stand_for_a_list_of_one():
    assert name_columns("age", []) == ("age",)
    assert name_columns(pd.Index(["age", 7]), ["age", 7]) == ("age", "7")
    assert name_columns(None, ["age"]) == ()
    assert parse_kinds("ward=category") == {"ward": "category"}
    assert parse_kinds({3: "category"}) == {"3": "category"}
