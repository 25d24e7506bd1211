"""Which classes a target holds, and the weight of each."""

import pyarrow as pa
import pytest

from weights.errors import UsageError
from weights.tasks.labels import find_classes
from weights.tasks.registry import find_task


def task_of_target(values, **options):
    return find_task(pa.chunked_array([values]), "y", **options)


@pytest.mark.parametrize(("labels", "kind"), [(["a", "b", "a"], "binary"), (["a", "b", "c"], "multiclass")])
def test_the_number_of_labels_says_which_task_it_is(labels, kind):
    assert find_classes(pa.chunked_array([labels]), "y", None, class_weight=None, remark="").kind == kind


def test_balanced_class_weights_give_every_class_the_same_total():
    task = task_of_target(["a", "b", "b", "b"], class_weight="balanced")
    assert task.class_weight == [4 / (2 * 1), 4 / (2 * 3)]


def test_class_weights_by_label_leave_the_others_at_one():
    assert task_of_target(["a", "b", "c"], class_weight={"b": 2.5}).class_weight == [1, 2.5, 1]


def test_a_number_may_be_named_by_its_text():
    assert task_of_target([0, 1, 1], class_weight={"1": 3}).class_weight == [1, 3]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"ac": 1}, r"Class weights name 'ac', which is not a class\. Did you mean 'a'\?"),
        ({"a": 0}, r"Class weights must be numbers above zero, but \{'a': 0\} came"),
        ({"a": -1}, r"Class weights must be numbers above zero"),
        ({"a": float("nan")}, r"Class weights must be numbers above zero"),
        ({"a": float("inf")}, r"Class weights must be .*inf"),
        ({"a": "much"}, r"Class weights must be .*much"),
        ("balance", r"Class weights must be 'balanced' or label=factor pairs, but 'balance' came"),
    ],
)
def test_class_weights_that_do_not_fit_are_refused(asked, message):
    with pytest.raises(UsageError, match=message):
        task_of_target(["a", "b", "b"], class_weight=asked)


def test_class_weights_for_a_number_are_refused():
    with pytest.raises(UsageError, match=r"Class weights need classes, but 'y' is a number\. Use a sample-weight column instead\."):
        task_of_target([0.5, 1.0, 2.0], class_weight="balanced")


def test_the_class_that_is_spoken_of_becomes_the_second():
    labels = pa.chunked_array([["good", "bad", "good", "bad"]])
    assert find_classes(labels, "risk", None, class_weight=None, positive="bad", remark="").classes == ["good", "bad"]
    assert find_classes(labels, "risk", None, class_weight=None, remark="").classes == ["bad", "good"]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["good", "bad"], "The class to speak of must be one of 'risk', but is 'ill'"),
        (["ill", "bad", "good"], "One of two classes can be spoken of, but 'risk' has 3"),
    ],
)
def test_a_class_to_speak_of_that_is_not_one_of_two_is_refused(labels, message):
    with pytest.raises(UsageError, match=message):
        find_classes(pa.chunked_array([labels * 3]), "risk", None, class_weight=None, positive="ill", remark="")
