"""From the user's words to a fit: what is not said in the tests of the verbs (test_api.py)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from weights import api
from weights.api import plan_fit
from weights.errors import DataError, NotFoundError, UsageError
from weights.fitoptions import parse_seconds

PICTURES = np.random.default_rng(0).integers(0, 256, (24, 12, 12), np.uint8)
KINDS = np.arange(24) % 2


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90.0), ("60s", 60.0), ("5m", 300.0), ("1h", 3600.0), ("1.5h", 5400.0), (" 2 m ", 120.0), (7, 7.0), (0.5, 0.5)],
)
def test_lengths_of_time_are_read(text, seconds):
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0s", "-5", "5d", "1h30m", "soon", "nan", "inf", "1e3"])
def test_what_is_no_length_of_time_is_refused(text):
    with pytest.raises(UsageError, match=rf"A length of time such as 90, 60s, 5m or 1h was needed, but '{text}' came"):
        parse_seconds(text)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"clip": None}, "--clip bounds the numbers of a table, but pictures came"),
        ({"clip": 6.0}, "--clip bounds the numbers of a table, but pictures came"),
        ({"missing": ["n/a"]}, "--missing names words in the cells of a table, but pictures came"),
        ({"inspect": True}, "Inspection estimates the effect of each column, but pictures came, and pixels have no effects of their own"),
    ],
)
def test_what_is_for_tables_is_refused_of_pictures(options, message):
    with pytest.raises(UsageError, match=message):
        api.plan_fit(PICTURES, KINDS, **options)


@pytest.mark.parametrize("options", [{}, {"clip": 4.0}, {"inspect": False}])
def test_pictures_are_not_inspected(options):
    assert not api.plan_fit(PICTURES, KINDS, **options).inspect


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mixup": 0.2}, "'mixup' is a change of pictures and recordings, but a table of numbers and words came. Leave it out"),
        ({"flip": True, "model": "linear"}, "'flip' is a change of pictures"),
        ({"augmentation__shift": 0.1}, r"'augmentation\.shift' is a change of pictures"),
        ({"search": {"rotate": [0, 10]}}, "'rotate' is a change of pictures"),
        ({"picture_size": 32}, "A picture size was given, but there are no pictures"),
    ],
)
def test_what_is_for_pictures_is_refused_of_tables(options, message):
    with pytest.raises(UsageError, match=message):
        api.plan_fit("iris", **options)


def test_names_of_pictures_that_are_not_there_are_refused_unless_they_are_left_out():
    table = {"scan": [f"{i}.png" for i in range(24)], "age": np.arange(24.0), "ill": KINDS}
    with pytest.raises(DataError, match=r"'scan' names picture files, but .* are not there: first '/.*/0.png'"):
        api.plan_fit(table, "ill")
    for options in ({"drop": ["scan"]}, {"kinds": {"scan": "category"}}, {"group": "scan"}):
        assert api.plan_fit(table, "ill", **options).dataset.encoding.blocks == []
    with pytest.raises(NotFoundError, match=r"There is no column 'scam' of names of picture files. Did you mean 'scan'?"):
        api.plan_fit(table, "ill", kinds={"scam": "picture"})


def test_pictures_are_learned_from_as_an_array_beside_their_labels():
    prepared = api.plan_fit(np.stack([PICTURES] * 3, 3), KINDS)
    assert prepared.dataset.encoding.blocks[0].size == (12, 12, 1)  # three equal channels are grey
    np.testing.assert_array_equal(prepared.dataset.inputs["pixels"][..., 0], PICTURES)
    np.testing.assert_array_equal(prepared.y, KINDS)
    with pytest.raises(DataError, match=r"put labels beside the images of an .npz or an array"):
        api.plan_fit(PICTURES)
    with pytest.raises(DataError, match="'target' must have one value a row, but there are 3 values and 24 rows"):
        api.plan_fit(PICTURES, [0, 1, 1])


def test_folds_that_no_member_leaves_out_are_said():
    remark = "4 of 8 folds are left out by a member: all figures rest on the rows of these. With --members 8 they rest on all rows"
    assert remark in api.plan_fit("iris", members=4).remarks
    assert not [remark for remark in api.plan_fit("iris", members=8).remarks if "folds" in remark]


# Columns whose labels are not text, and values apart from the table


def numbered_frame() -> pd.DataFrame:
    """Columns 0 to 5: a number, one to leave out, a group, weights, moments, and the target."""
    rows = np.arange(40)
    return pd.DataFrame(np.column_stack([rows % 7, rows % 5, rows // 4, np.ones(40), rows, rows % 7 + rows / 40]))


@pytest.mark.parametrize(
    "labels", [[*range(6)], [("v", j) for j in range(6)], [j / 2 for j in range(6)]], ids=["whole", "tuples", "decimals"]
)
def test_every_role_finds_a_column_whose_label_is_not_text(labels):
    frame = numbered_frame().set_axis(pd.Index(labels), axis=1)
    roles = {"drop": labels[1], "group": labels[2], "sample_weight": labels[3], "time": labels[4], "kinds": {labels[0]: "category"}}
    dataset = plan_fit(frame, labels[5], model="linear", members=4, **roles).dataset
    assert [(feature.name, feature.kind) for feature in dataset.features] == [(str(labels[0]), "category")]
    assert len(np.unique(dataset.group)) == 10
    assert dataset.time.tolist() == [*range(40)]


def test_a_label_that_no_column_has_is_refused_in_one_sentence():
    with pytest.raises(NotFoundError, match=r"no column '7' to use as group\. Known: 0, 1, 2"):
        plan_fit(numbered_frame(), 5, group=7)


@pytest.mark.parametrize("role", ["group", "time", "split"])
def test_steering_values_may_come_apart_from_the_table(role):
    frame = numbered_frame()
    values = np.where(frame.index < 30, "train", "test") if role == "split" else frame.index // 4
    apart = plan_fit(frame, 5, model="linear", members=4, **{role: values})
    column = plan_fit(frame.assign(steering=values), 5, model="linear", members=4, **{role: "steering"})
    np.testing.assert_array_equal(apart.dataset.inputs.x, column.dataset.inputs.x)
    assert apart.dataset.n_samples == column.dataset.n_samples
