"""Features that move together, on tables where it is known which do."""

from __future__ import annotations

import numpy as np

from weights.data.encoding import Category, Encoding, Numeric
from weights.inspection.groups import correlated_groups
from weights.inspection.partialling import design

N = 400
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 4))


def groups_of(columns, x) -> list[list[int]]:
    encoding = Encoding(columns, clip=None)
    return correlated_groups(encoding, x, design(encoding, x, np.ones(len(x))))


def numbers(names, *, missing=False) -> list:
    return [Numeric(name, 0.0, 1.0, missing) for name in names]


def levels(n_levels) -> Category:
    return Category("ward", [f"w{i:02}" for i in range(n_levels)], rare=False, missing=False)


def test_independent_numbers_are_no_group():
    assert groups_of(numbers("abcd"), X) == []


def test_a_single_feature_is_no_group():
    assert groups_of(numbers("a"), X[:, :1]) == []


def test_numbers_whose_correlations_are_large_in_size_are_a_group():
    x = np.column_stack([X[:, 0], X[:, 1], -X[:, 0] + 0.5 * X[:, 2], X[:, 3]])  # correlation -0.9
    assert groups_of(numbers("abcd"), x) == [[0, 2]]


def test_a_number_and_a_category_that_determine_each_other_are_a_group():
    code = np.arange(N) % 3
    x = np.column_stack([code, X[:, :1], np.eye(3)[code]])
    assert groups_of([*numbers("ab"), levels(3)], x) == [[0, 2]]


def test_a_number_that_differs_between_levels_is_grouped_with_their_category():
    code = np.arange(N) % 3
    x = np.column_stack([np.array([0.0, 5.0, -3.0])[code] + X[:, 0], X[:, 1], np.eye(3)[code]])
    assert groups_of([*numbers("ab"), levels(3)], x) == [[0, 2]]


def test_many_levels_in_few_rows_are_no_group_by_chance():
    code = RNG.permutation(np.arange(60) % 12)  # unadjusted, the correlation of twelve levels with noise is about 0.4, of two such 0.6
    x = np.column_stack([X[:60, :2], np.eye(12)[code]])
    assert groups_of([*numbers("ab"), levels(12)], x) == []


def test_cells_that_are_missing_together_alone_make_no_group():
    absent = np.arange(N) % 5 == 0
    x = np.column_stack([np.where(absent, 0, X[:, 0]), absent, np.where(absent, 0, X[:, 1]), absent])
    assert groups_of(numbers("ab", missing=True), x) == []


def test_a_sum_is_grouped_with_its_parts():
    assert groups_of(numbers("abcs"), np.column_stack([X[:, :3], X[:, 0] + X[:, 1]])) == [[0, 1, 3]]
