"""Other values of a feature: means, variances and chances against least squares and tables that are built by hand."""

from __future__ import annotations

import numpy as np
import pytest

from weights.data.encoding import Boolean, Category, Encoding, Numeric
from weights.data.scaling import clipped
from weights.inspection.partialling import build_design, columns_by_feature, partial_out
from weights.inspection.replacement import find_joint_replacement, find_replacement

N = 400
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 3)) @ np.array([[1.0, 0.8, 0.3], [0.0, 0.6, -0.5], [0.0, 0.0, 1.0]]) + 0.5
ONES = np.ones(N)


def numbers(names, *, missing=False) -> list:
    return [Numeric(name, 0.0, 1.0, missing) for name in names]


def replaced(columns, x, feature=0, *, clip=None):
    """The values of a feature, and what the other features say of its inputs, by NumPy."""
    encoding = Encoding(columns, clip=clip)
    design = build_design(encoding, x, ONES)
    found = find_replacement(encoding, x, design, partial_out(design, piecewise_linear=False), feature)
    return found, expectation(encoding, x, [feature])


def expectation(encoding, x, features):
    """Of the inputs of some features, given all other inputs, linearly."""
    own = np.concatenate([columns_by_feature(encoding)[feature] for feature in features])
    others = np.column_stack([ONES, np.delete(x, own, 1)])
    return others @ np.linalg.lstsq(others, x[:, own], rcond=None)[0]


def mean(found):
    return (found.chance[:, :, None] * found.values).sum(0)


FLOAT32 = {"rtol": 1e-5, "atol": 1e-5}
"""Values are float32 and of size one."""

# Numbers


def test_the_values_of_a_number_have_its_expectation_given_the_others_as_mean():
    found, expected = replaced(numbers("abc"), X)
    np.testing.assert_allclose(mean(found), expected, **FLOAT32)


def test_the_values_of_a_number_have_the_unbiased_variance_of_its_residuals():
    found, expected = replaced(numbers("abc"), X)
    unbiased = ((X[:, :1] - expected) ** 2).sum() / (N - 4)  # a constant and three inputs, of which one is the feature itself
    np.testing.assert_allclose(found.values.var(0), np.full((N, 1), unbiased), **FLOAT32)


def test_values_are_clipped_as_models_read_them():
    plain, bounded = (replaced(numbers("abc"), X, clip=clip)[0].values for clip in (None, 2.0))
    np.testing.assert_allclose(bounded, clipped(plain, 2.0), **FLOAT32)


def test_a_number_that_others_determine_keeps_its_value():
    x = np.column_stack([X, 2 * X[:, 0]])
    np.testing.assert_allclose(replaced(numbers("abcd"), x)[0].values[:, :, 0], np.tile(X[:, 0], (8, 1)), **FLOAT32)


# Flags

FLAG = np.where(X[:, 0] + RNG.logistic(size=N) > 0.5, 1.0, -1.0)


def test_the_values_of_a_flag_are_yes_and_no():
    found, _ = replaced([Boolean("f", False), *numbers("a")], np.column_stack([FLAG, X[:, 0]]))
    np.testing.assert_array_equal(found.values, np.broadcast_to(np.reshape([1, -1], (2, 1, 1)), (2, N, 1)))


def test_the_chance_of_yes_is_what_the_others_expect_within_zero_and_one():
    found, expected = replaced([Boolean("f", False), *numbers("a")], np.column_stack([FLAG, X[:, 0]]))
    yes = ((1 + expected[:, 0]) / 2).clip(0, 1)
    np.testing.assert_allclose(found.chance, [yes, 1 - yes], atol=1e-12)  # float64


def test_a_flag_that_others_determine_keeps_its_value():
    found, _ = replaced([Boolean("f", False), Boolean("g", False)], np.column_stack([FLAG, -FLAG]))
    np.testing.assert_array_equal(mean(found)[:, 0], FLAG)


# Missing cells

ABSENT = RNG.random(N) < 0.2 + 0.1 * (X[:, 1] > 0.5)
GAPS = np.column_stack([np.where(ABSENT, 0.0, X[:, 0]), ABSENT, X[:, 1] > 0.5])
NUMBER_WITH_GAPS = [*numbers("a", missing=True), *numbers("b")]


def test_a_missing_flag_gets_its_chance():
    found, expected = replaced(NUMBER_WITH_GAPS, GAPS)
    np.testing.assert_allclose(mean(found)[:, 1], expected[:, 1], **FLOAT32)


def test_chances_add_up_to_one_with_missing_cells():
    np.testing.assert_allclose(replaced(NUMBER_WITH_GAPS, GAPS)[0].chance.sum(0), 1, atol=1e-12)  # float64


def test_where_a_number_is_missing_it_is_the_median():
    values = replaced(NUMBER_WITH_GAPS, GAPS)[0].values
    np.testing.assert_array_equal(values[values[:, :, 1] == 1][:, 0], 0.0)


@pytest.mark.parametrize("kind", ["number", "flag"])
def test_a_feature_with_gaps_has_its_expectation_as_mean(kind):
    columns, values = (numbers("a", missing=True), X[:, 0]) if kind == "number" else ([Boolean("f", True)], FLAG)
    x = np.column_stack([np.where(ABSENT, 0.0, values), ABSENT, X[:, 1] > 0.5])
    found, expected = replaced([*columns, *numbers("b")], x)
    np.testing.assert_allclose(mean(found)[:, 0], expected[:, 0], **FLOAT32)


def test_a_number_whose_absence_others_tell_has_no_value_there():
    x = np.column_stack([np.where(ABSENT, 0.0, X[:, 0]), ABSENT, np.where(ABSENT, 0.0, X[:, 1]), ABSENT])
    found, _ = replaced(numbers("ab", missing=True), x, feature=1)
    np.testing.assert_array_equal(mean(found)[ABSENT], np.tile([0.0, 1.0], (ABSENT.sum(), 1)))


# Categories


def wards(n_levels, **options):
    return Category("ward", [f"w{i:02}" for i in range(n_levels)], **{"rare": False, "missing": False} | options)


def test_a_category_that_others_know_nothing_of_has_its_shares_as_chances():
    code, other = np.arange(N) % 4, np.where(np.arange(N) % 8 < 4, 1.0, -1.0)  # every level as often with either value of the other
    code = np.where(code == 3, 1, code)
    found, _ = replaced([wards(3), *numbers("a")], np.column_stack([np.eye(3)[code], other]))
    np.testing.assert_allclose(found.chance, np.tile([[0.25], [0.5], [0.25]], N), atol=1e-12)  # float64


def test_shares_of_a_category_are_those_of_the_weights():
    """The level that most rows have is not the one of most weight, and only the latter gets what the others leave."""
    code, other = np.arange(N) % 4 % 3, np.where(np.arange(N) % 8 < 4, 1.0, -1.0)  # as above, rows of the first level twice as many
    weight = np.array([0.5, 2.0, 1.0])[code]
    encoding, x = Encoding([wards(3), *numbers("a")], clip=None), np.column_stack([np.eye(3)[code], other])
    design = build_design(encoding, x, weight)
    found = find_replacement(encoding, x, design, partial_out(design, piecewise_linear=False), 0)
    np.testing.assert_allclose(found.chance, np.tile([[0.25], [0.5], [0.25]], N), atol=1e-12)  # float64


@pytest.mark.parametrize("n_levels", [2, 5, 8, 9, 30])
def test_the_chances_of_a_category_add_up_to_one(n_levels):
    x = np.column_stack([np.eye(n_levels)[RNG.integers(0, n_levels, N)], X])
    np.testing.assert_allclose(replaced([wards(n_levels), *numbers("abc")], x)[0].chance.sum(0), 1, atol=1e-12)  # float64


@pytest.mark.parametrize("n_levels", [2, 5, 8, 9, 30])
def test_every_value_of_a_category_is_one_level(n_levels):
    x = np.column_stack([np.eye(n_levels)[RNG.integers(0, n_levels, N)], X])
    values = replaced([wards(n_levels), *numbers("abc")], x)[0].values
    assert ((values == 0) | (values == 1)).all()
    assert (values.sum(2) == 1).all()


def test_of_many_levels_each_has_its_share_within_one_of_eight_values():
    x = np.column_stack([np.eye(12)[np.arange(N) % 12], X])
    shares = x[:, :12].mean(0).cumsum()
    found = replaced([wards(12), *numbers("abc")], x)[0]
    # Eight even steps miss the cumulated chances of each row by a sixteenth at most, and expectations average to the shares.
    assert np.abs(mean(found).mean(0).cumsum() - shares).max() <= 1 / 16


def test_a_category_that_others_determine_keeps_its_levels():
    code = np.arange(N) % 2
    x = np.column_stack([np.eye(2)[code], X[:, 0], code])
    np.testing.assert_array_equal(mean(replaced([wards(2), *numbers("ab")], x)[0]), x[:, :2])


def test_a_level_that_others_determine_keeps_its_rows():
    code = RNG.choice(3, N, p=[0.2, 0.5, 0.3])
    x = np.column_stack([np.eye(3)[code], np.where(code == 2, 1.0, -1.0), X])
    found, _ = replaced([wards(3), Boolean("third", False), *numbers("abc")], x)
    np.testing.assert_allclose(mean(found)[:, 2], code == 2, **FLOAT32)


# Several features together

ENCODING = Encoding(numbers("abc"), clip=None)


def test_jointly_replaced_numbers_keep_the_variances_of_their_residuals():
    found = find_joint_replacement(ENCODING, X, build_design(ENCODING, X, ONES), [0, 1])
    expected = (X[:, :2] - expectation(ENCODING, X, [0, 1])).var(0)
    np.testing.assert_allclose(found.values.var(0), np.tile(expected, (N, 1)), rtol=1e-4)  # a ridge of 1e-9, values in float32


def test_jointly_replaced_numbers_have_their_expectations_as_means():
    found = find_joint_replacement(ENCODING, X, build_design(ENCODING, X, ONES), [0, 1])
    np.testing.assert_allclose(mean(found), expectation(ENCODING, X, [0, 1]), **FLOAT32)


def test_jointly_replaced_copies_stay_copies():
    x = np.column_stack([X[:, 0], -X[:, 0], X[:, 1:]])
    encoding = Encoding(numbers("abcd"), clip=None)
    values = find_joint_replacement(encoding, x, build_design(encoding, x, ONES), [0, 1]).values
    np.testing.assert_allclose(values[:, :, 0], -values[:, :, 1], **FLOAT32)


def test_jointly_replaced_flags_are_yes_or_no():
    encoding = Encoding([Boolean("f", False), *numbers("ab")], clip=None)
    x = np.column_stack([FLAG, X[:, :2]])
    assert set(np.unique(find_joint_replacement(encoding, x, build_design(encoding, x, ONES), [0, 1]).values[:, :, 0])) == {-1.0, 1.0}


def test_jointly_replaced_levels_come_with_numbers_that_rows_have_beside_them():
    code = RNG.integers(0, 3, N)
    encoding = Encoding([wards(3), *numbers("ab")], clip=None)
    x = np.column_stack([np.eye(3)[code], 10.0 * code, X[:, 1]])
    values = find_joint_replacement(encoding, x, build_design(encoding, x, ONES), [0, 1]).values
    np.testing.assert_array_equal(values[:, :, 3], 10 * values[:, :, :3].argmax(2))


# Rows alike: the only other feature ranks the rows, and what is expected of any group is linear in it.

ALONG = X[:, 0]
RANK = ALONG.argsort().argsort()


def values_of_rows_alike(columns, own, *, rows=slice(None)):
    """Of a group of a number, the cube of `ALONG`, and another feature; the ranks of the rows they come from, and the values."""
    x = np.column_stack([ALONG**3, *own, ALONG])[rows]
    encoding = Encoding([*columns, *numbers("z")], clip=None)
    found = find_joint_replacement(encoding, x, build_design(encoding, x, np.ones(len(x))), [0, 1])
    order = np.sort(x[:, 0].astype(np.float32))
    return np.searchsorted(order, found.values[:, :, 0]), found


MIXED = {
    "level": ([*numbers("a"), wards(3)], [np.eye(3)[np.arange(N) % 3]]),
    "flag": ([*numbers("a"), Boolean("f", False)], [np.where(np.arange(N) % 3, 1.0, -1.0)]),
    "gaps": ([*numbers("a"), *numbers("b", missing=True)], [np.where(ABSENT, 0.0, X[:, 1]), ABSENT]),
}


@pytest.mark.parametrize("kind", MIXED)
def test_a_group_with_more_than_plain_numbers_has_the_values_of_other_rows_of_which_the_like_is_expected(kind):
    columns, own = MIXED[kind]
    ranks, found = values_of_rows_alike(columns, own)
    rows = np.column_stack([ALONG**3, *own]).astype(np.float32)[ALONG.argsort()]
    np.testing.assert_array_equal(found.values, rows[ranks])
    assert (ranks != RANK).all()
    inner = (RANK >= 16) & (RANK < N - 16)  # half of the 32 values lie on either side, except at the ends
    assert np.abs(ranks - RANK)[:, inner].max() == 16
    assert np.abs(ranks - RANK).max() == 32
    np.testing.assert_array_equal(found.chance, np.full((32, N), 1 / 32))


def test_of_few_rows_all_others_are_alike():
    columns, own = MIXED["flag"]
    ranks, found = values_of_rows_alike(columns, own, rows=slice(9))
    others = [[k for k in range(9) if k != rank] for rank in ALONG[:9].argsort().argsort()]
    np.testing.assert_array_equal(np.sort(ranks, axis=0), np.transpose(others))
    np.testing.assert_array_equal(found.chance, np.full((8, 9), 1 / 8))
