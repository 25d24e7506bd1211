from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

import weights as wt
from weights import api
from weights.data.classnames import name_classes, parse_class_names, put_names
from weights.data.table.levels import levels_of
from weights.errors import DataError, UsageError


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ("normal,ill", ("normal", "ill")),
        ("normal; ill, or not", ("normal", "ill, or not")),
        ("0=normal,2=ill", {"0": "normal", "2": "ill"}),
        (["normal", "ill"], ("normal", "ill")),
        (np.array(["normal", "ill"]), ("normal", "ill")),
        ({1: "normal", 2: "ill"}, {"1": "normal", "2": "ill"}),
        ("p=0.5,q=1", ("p=0.5", "q=1")),
    ],
)
def test_names_come_in_order_or_by_number(given, names):
    assert parse_class_names(given) == names


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("normal,,ill", "needs a name for each class, but one is empty"),
        (["a", "b", "a"], "'a' comes 2 times"),
        ({"ill": "0"}, "'ill' is none"),
        (3, "takes the names of classes in order, such as normal,ill, but 3 came"),
    ],
)
def test_what_are_no_names_is_refused(given, message):
    with pytest.raises(UsageError, match=message):
        parse_class_names(given)


@pytest.mark.parametrize("numbers", [[2, 0, 1, 2], [2.0, 0.0, 1.0, 2.0], ["2", "0", "1", "2"], [12, -1, 5, 12]])
def test_names_stand_for_the_numbers_in_their_order_also_from_one_on_or_with_gaps(numbers):
    named = name_classes(pa.table({"y": numbers}), "y", ("low", "mid", "high"))
    assert named.table["y"].to_pylist() == ["high", "low", "mid", "high"]
    assert levels_of(named.table.schema.field("y")) == ["low", "mid", "high"]


def test_which_number_is_called_what_is_said_and_which_never_comes():
    named = name_classes(pa.table({"y": [0, 10, None]}), "y", {"0": "normal", "9": "rare", "10": "ill"})
    assert named.table["y"].to_pylist() == ["normal", "ill", None]
    assert named.remark == "'y': 0 is 'normal', 9 is 'rare', 10 is 'ill'; no row is of 'rare'"


@pytest.mark.parametrize(
    ("cells", "names", "error", "message"),
    [
        ([0, 1, 2], ("a", "b"), UsageError, r"'y' holds 3 different numbers \(0, 1, 2\) and 2 were named"),
        ([0, 1], ("a", "b", "c"), UsageError, r"'y' holds 2 different numbers \(0, 1\) and 3 were named"),
        ([0, 1, 7], {"0": "a", "1": "b"}, UsageError, "'y' holds 7, for which --classes has no name"),
        ([0, 1], ("1", "0"), UsageError, "must be told from their numbers, but '1' is one of these"),
        ([0, 1.5], ("a", "b"), DataError, r"stand for whole numbers, but 'y' holds others \(first: row 2, '1.5'\)"),
        (["cat", "dog"], ("a", "b"), DataError, r"first: row 1, 'cat'\)\. Leave --classes out"),
    ],
)
def test_names_that_do_not_fit_are_refused_in_one_sentence(cells, names, error, message):
    with pytest.raises(error, match=message):
        name_classes(pa.table({"y": cells}), "y", names)


def test_later_rows_keep_names_and_unknown_numbers():
    assert put_names(pa.table({"y": [1, 7]}), "y", {"1": "ill"})["y"].to_pylist() == ["ill", "7"]
    assert put_names(pa.table({"y": ["ill", "well"]}), "y", {"1": "ill"})["y"].to_pylist() == ["ill", "well"]
    assert put_names(pa.table({"x": [1]}), "y", {"1": "ill"}).column_names == ["x"]


# In a fit


@pytest.fixture(scope="module")
def squares():
    """Pictures of 8 x 8 whose upper half, lower half or nothing is bright, and labels 1 to 3."""
    random = np.random.default_rng(0)
    y = np.arange(60) % 3 + 1
    x = random.integers(0, 60, (60, 8, 8)).astype(np.uint8)
    x[y == 1, :4] += 150
    x[y == 2, 4:] += 150
    return x, y


OPTIONS = {"model": "patches", "members": 2, "n_steps": 30, "depth": 1, "widths": (8, 8)}


@pytest.fixture(scope="module")
def run(squares, tmp_path_factory):
    """A run of pictures in an .npz that was saved and loaded, and the folder with the file."""
    folder = tmp_path_factory.mktemp("squares")
    x, y = squares
    np.savez(folder / "a.npz", images=x, labels=y)
    wt.fit(folder / "a.npz", classes="upper,lower,none", **OPTIONS).save(folder / "run")
    return wt.load(folder / "run"), folder


def test_names_are_kept_with_the_run_and_answer_in_the_order_given(run, squares):
    model, _ = run
    assert model.classes == ["upper", "lower", "none"]
    assert {*model.predict(squares[0][:6])} <= {"upper", "lower", "none"}


def test_numbers_of_later_rows_get_the_same_names_whichever_of_them_come(run, squares):
    model, folder = run
    x, y = squares
    np.savez(folder / "b.npz", images=x[y > 1], labels=y[y > 1])
    assert {*model.read(folder / "b.npz")["class"].to_pylist()} == {"lower", "none"}
    assert model.score(folder / "b.npz").n_rows == 40


def test_the_rows_of_training_are_read_again_with_their_names(run):
    prepared = run[0].read_again()
    assert prepared.dataset.target.to_pylist()[:3] == ["upper", "lower", "none"]


def test_labels_that_come_apart_and_targets_of_tables_are_named_too(squares):
    x, y = squares
    prepared = [
        api.plan_fit(x, y, classes=["upper", "lower", "none"], **OPTIONS),
        api.plan_fit({"x": y + 0.5, "y": y}, "y", classes={1: "upper", 2: "lower", 3: "none"}),
    ]
    assert [p.task.classes for p in prepared] == [["upper", "lower", "none"]] * 2
