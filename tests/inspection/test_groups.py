"""Features that move together, on tables where it is known which do."""

from __future__ import annotations

import numpy as np
import pytest

from weights.data.encoding import Boolean, Category, Encoding, Numeric
from weights.inspection import groups
from weights.inspection.groups import correlated_groups
from weights.inspection.partialling import build_design

N = 400
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 4))


def groups_of(columns, x) -> list[list[int]]:
    encoding = Encoding(columns, clip=None)
    return correlated_groups(encoding, x, build_design(encoding, x, np.ones(len(x))))


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


def test_two_categories_of_the_same_rows_are_a_group():
    code = np.arange(N) % 3
    x = np.column_stack([np.eye(3)[code], X[:, 0], np.eye(3)[(code + 1) % 3]])
    assert groups_of([levels(3), *numbers("a"), levels(3)], x) == [[0, 2]]


def test_independent_features_of_all_kinds_are_no_group():
    x = np.column_stack([np.eye(3)[RNG.integers(0, 3, N)], X[:, 0], RNG.choice([-1.0, 1.0], N), np.eye(5)[RNG.integers(0, 5, N)]])
    assert groups_of([levels(3), *numbers("a"), Boolean("f", False), levels(5)], x) == []


def test_many_levels_that_fill_most_rows_are_no_group_by_chance():
    """Of 100 rows the means of 60 levels explain 0.6 of anything, a correlation of 0.77."""
    x = np.column_stack([X[:100, :2], np.eye(60)[RNG.permutation(np.arange(100) % 60)]])
    assert groups_of([*numbers("ab"), levels(60)], x) == []


def test_the_largest_group_comes_first():
    x = X[:, [0, 0, 1, 1, 1]] + 0.1 * RNG.normal(size=(N, 5))
    assert groups_of(numbers("abcde"), x) == [[2, 3, 4], [0, 1]]


def test_constants_are_in_no_group():
    assert groups_of(numbers("abc"), np.column_stack([X[:, 0], np.ones(N), np.ones(N)])) == []


def test_flags_that_vary_only_in_rows_that_are_not_drawn_are_no_group(monkeypatch):
    monkeypatch.setattr(groups, "_MOST_ROWS", N // 2)  # every second row is drawn
    place = np.arange(N)
    first, second = ((place % 20 == k) * 2.0 - 1.0 for k in (1, 11))
    assert groups_of([Boolean("f", False), Boolean("g", False), *numbers("a")], np.column_stack([first, second, X[:, 0]])) == []


@pytest.mark.parametrize("every", [5, 2], ids=["seldom", "more often than any level"])
def test_categories_that_are_missing_together_alone_are_no_group(every):
    absent = np.arange(N) % every == 0
    columns = [Category(name, ["x", "y", "z"], rare=False, missing=True) for name in "cd"]
    x = [np.eye(4)[np.where(absent, 3, RNG.integers(0, 3, N))] for _ in columns]
    assert groups_of(columns, np.column_stack(x)) == []
