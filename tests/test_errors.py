"""Errors: one tree, the built-in classes a caller would expect, an exit code each, and a did-you-mean."""

import re

import pytest

import weights
from weights import errors
from weights.errors import (
    CorruptError,
    DataError,
    Interrupted,
    NotFoundError,
    StorageError,
    TooLargeError,
    TrainingError,
    UsageError,
    WeightsError,
    suggest,
)

ALL = [UsageError, DataError, TooLargeError, NotFoundError, StorageError, CorruptError, TrainingError, Interrupted]


@pytest.mark.parametrize("error", ALL)
def test_every_error_is_a_weights_error(error):
    with pytest.raises(WeightsError, match="what was needed"):
        raise error("what was needed")


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (UsageError, ValueError),
        (DataError, ValueError),
        (NotFoundError, LookupError),
        (StorageError, OSError),
        (CorruptError, ValueError),
        (TrainingError, RuntimeError),
    ],
)
def test_an_error_is_also_the_built_in_one_that_a_caller_would_expect(error, builtin):
    assert issubclass(error, builtin)


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (WeightsError, 1),
        (UsageError, 2),
        (DataError, 3),
        (TooLargeError, 3),
        (NotFoundError, 4),
        (StorageError, 5),
        (CorruptError, 6),
        (TrainingError, 1),
        (Interrupted, 130),
    ],
)
def test_an_error_has_its_exit_code(error, exit_code):
    assert error.exit_code == exit_code


def test_the_tree_in_the_docstring_is_the_tree_of_classes():
    drawn = dict(re.findall(r"[├└]── (\w+)[^\n]*exit code (\d+)", errors.__doc__))
    assert drawn == {error.__name__: str(error.exit_code) for error in ALL}
    assert set(ALL) == {*WeightsError.__subclasses__(), *DataError.__subclasses__()}


@pytest.mark.parametrize("error", [WeightsError, *ALL])
def test_every_error_is_public(error):
    assert getattr(weights, error.__name__) is error


def test_an_error_is_shown_as_its_message():
    assert str(NotFoundError("There is no column 'a'.")) == "There is no column 'a'."


@pytest.mark.parametrize(
    ("wrong", "known", "hint"),
    [
        ("incom", ["age", "income"], "Did you mean 'income'?"),
        ("INCOME", ["age", "Income"], "Did you mean 'Income'?"),
        ("zzz", ["age", "income"], "Known: age, income."),
        ("1", [1, 2], "Did you mean '1'?"),
    ],
)
def test_the_nearest_known_name_is_suggested_or_all_are_listed(wrong, known, hint):
    assert suggest(wrong, known) == hint


def test_a_long_list_of_names_is_cut_and_the_rest_counted():
    assert suggest("zzz", [f"x{j}" for j in range(20)], most=3) == "Known: x0, x1, x2, ... (17 more)."
