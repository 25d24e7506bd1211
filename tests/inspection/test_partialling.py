"""Which inputs are identifiable, and their residuals, against NumPy's least squares and planted dependencies."""

from __future__ import annotations

import numpy as np
import pytest

from weights.data.encoding import Boolean, Category, Encoding, Numeric
from weights.inspection.partialling import build_design, partial_out, partial_out_jointly

N = 300
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 4)) @ (np.eye(4) + 0.5 * RNG.normal(size=(4, 4))) + 1
WEIGHT = (drawn := RNG.uniform(0.2, 3.0, N)) / drawn.mean()
ALIKE = np.ones(N)
LEVEL = RNG.choice(3, N, p=[0.2, 0.5, 0.3])


def numbers(names, *, missing=False) -> list:
    return [Numeric(name, 0.0, 1.0, missing) for name in names]


def design_of(x, columns=None, weight=WEIGHT):
    """The design of these inputs; numbers a, b, c ... where columns are not given."""
    return build_design(Encoding(columns or numbers("abcdefghij"[: x.shape[1]]), clip=None), x, weight[: len(x)])


def residuals_by_lstsq(x, own, weight=WEIGHT):
    """What all other inputs and a constant leave of these, by NumPy."""
    others, root = np.column_stack([np.ones(len(x)), np.delete(x, own, 1)]), np.sqrt(weight)[:, None]
    return x[:, own] - others @ np.linalg.lstsq(others * root, x[:, own] * root, rcond=None)[0]


# Which inputs are identifiable


def test_independent_inputs_all_remain():
    design = design_of(X)
    assert ([one.column for one in design.inputs], design.lost) == ([0, 1, 2, 3], {})


@pytest.mark.parametrize(
    ("added", "others"),
    [
        ([-2 * X[:, 1] + 3], {1: "'e'", 4: "'b'"}),
        ([X[:, 0] - 2 * X[:, 3]], {0: "'d', 'e'", 3: "'a', 'e'", 4: "'a', 'd'"}),
        ([X[:, 0], X[:, 2]], {0: "'e'", 4: "'a'", 2: "'f'", 5: "'c'"}),
    ],
    ids=["a copy", "a sum of others", "two copies"],
)
def test_what_others_determine_is_lost_with_their_names(added, others):
    lost = {column: f"it is determined by {names}; drop one to learn of the other" for column, names in others.items()}
    assert design_of(np.column_stack([X, *added])).lost == lost


def test_partners_are_the_inputs_that_determine_it():
    design = design_of(np.column_stack([X, X[:, 0] - 2 * X[:, 3], X[:, 1]]))
    assert design.partners == {0: [3, 4], 3: [0, 4], 4: [0, 3], 1: [5], 5: [1]}


def test_what_is_not_identifiable_is_not_among_a_features_inputs_but_may_remain():
    design = design_of(np.column_stack([X, X[:, 0]]))
    assert [len(design.of(feature)) for feature in range(5)] == [0, 1, 1, 1, 0]
    assert len({0, 4} & {one.column for one in design.inputs}) == 1


def test_what_the_own_feature_determines_is_named_by_inputs():
    """Of a flag that is yes or missing, either says the other."""
    yes = (np.arange(N) % 3 > 0).astype(float)
    design = design_of(np.column_stack([yes, 1 - yes, X[:, 0]]), [Boolean("f", missing=True), *numbers("a")])
    assert design.lost[0] == "it is determined by 'f is missing'; drop one to learn of the other"


def test_a_constant_is_lost():
    assert design_of(np.column_stack([X, np.full(N, 7.0)])).lost == {4: "it has one value only in the rows that were used"}


def test_of_many_others_three_are_named():
    assert (
        design_of(np.column_stack([X[:, :1]] * 6)).lost[1] == "it is determined by 'a', 'c', 'd' and 2 more; drop one to learn of the other"
    )


def flag_in(n_rows):
    """The inputs and a flag that so many rows have."""
    return np.column_stack([X, np.arange(N) < n_rows])


def test_what_differs_in_four_rows_is_lost():
    assert design_of(flag_in(4)).lost == {4: "it differs in 4 rows only"}


def test_what_is_the_same_in_all_but_four_rows_is_lost():
    assert design_of(1 - flag_in(4)).lost == {4: "it differs in 4 rows only"}


def test_what_differs_in_five_rows_is_identifiable():
    assert design_of(flag_in(5)).lost == {}


def test_what_differs_in_few_rows_stays_as_a_control():
    residuals = partial_out(design_of(flag_in(2)), piecewise_linear=False).residuals
    np.testing.assert_allclose((WEIGHT[:, None] * residuals[:, :4]).T @ flag_in(2)[:, 4] / N, 0, atol=1e-12)  # float64


def test_an_input_that_varies_only_in_rows_without_weight_is_constant():
    x = np.column_stack([X, np.arange(N) < 20])
    assert design_of(x, weight=np.where(np.arange(N) < 20, 0.0, 1.0)).lost == {4: "it has one value only in the rows that were used"}


def test_with_fewer_rows_than_inputs_only_copies_are_lost():
    x = np.random.default_rng(1).normal(size=(7, 9))
    assert design_of(np.column_stack([x, x[:, 3]])).partners == {3: [9], 9: [3]}


def test_one_of_two_copies_stays_for_the_sake_of_the_others():
    x = np.column_stack([X, X[:, 0]])
    residuals = partial_out(design_of(x), piecewise_linear=False).residuals[:, 1]
    np.testing.assert_allclose((WEIGHT * residuals) @ x / N, [0, WEIGHT @ residuals**2 / N, 0, 0, 0], atol=1e-12)  # float64


CATEGORY = [Category("ward", ["east", "north", "south", "west"], rare=False, missing=False), *numbers("a")]
WARDS = np.column_stack([np.eye(4)[LEVEL], X[:, 0] + LEVEL])


def test_the_most_frequent_level_is_what_others_are_compared_with():
    design = design_of(WARDS, CATEGORY, ALIKE)
    assert (design.references, [design.inputs[i].level for i in design.of(0)]) == ({0: "north"}, ["east", "south"])


def test_frequent_means_by_weight():
    weight = np.where(LEVEL == 0, 9.0, 1.0)
    assert design_of(WARDS, CATEGORY, weight / weight.mean()).references == {0: "east"}


def test_a_level_that_no_row_has_is_lost():
    assert design_of(WARDS, CATEGORY).lost == {3: "it has one value only in the rows that were used"}


@pytest.mark.parametrize("piecewise_linear", [False, True])
@pytest.mark.parametrize("n", [N, 12, 5], ids=["many rows", "few rows", "fewer rows than inputs"])
def test_residuals_are_finite_whatever_is_lost(n, piecewise_linear):
    x = np.column_stack([X, X[:, 0], X[:, 1] + X[:, 2], np.ones(N)])[:n]
    assert np.isfinite(partial_out(design_of(x), piecewise_linear=piecewise_linear).residuals).all()


@pytest.mark.parametrize(
    ("n", "piecewise_linear", "how"),
    [(N, True, "piecewise-linear least squares"), (N, False, "least squares"), (7, False, "ridge")],
    ids=["piecewise linear", "linear", "ridge"],
)
def test_residuals_of_what_is_a_control_only_are_zero(n, piecewise_linear, how):
    """It is the same in every run: not memory that was never written, which `_keep_determined_linear` would square."""
    design = design_of(np.column_stack([X, X[:, 0]])[:n], weight=ALIKE)
    partialled = partial_out(design, piecewise_linear=piecewise_linear)
    controls = np.setdiff1d(np.arange(len(design.inputs)), np.concatenate([design.of(feature) for feature in range(5)]))
    assert (len(controls), partialled.how) == (1, how)
    np.testing.assert_array_equal(partialled.residuals[:, controls], 0.0)


def test_constants_have_no_residuals():
    assert partial_out(design_of(np.ones((N, 2))), piecewise_linear=False).residuals.shape == (N, 0)


# Residuals


def test_least_squares_leave_what_they_leave_in_numpy():
    residuals = partial_out(design_of(X), piecewise_linear=False).residuals
    for j in range(4):
        np.testing.assert_allclose(residuals[:, [j]], residuals_by_lstsq(X, [j]), atol=1e-10)  # float64, condition below 1e3


def test_levels_of_a_category_are_not_controls_of_each_other():
    x = np.column_stack([np.eye(3)[LEVEL][:, [0, 2]], X[:, 0] + LEVEL])
    residuals = partial_out(design_of(WARDS, CATEGORY), piecewise_linear=False).residuals
    np.testing.assert_allclose(residuals[:, :2], residuals_by_lstsq(x, [0, 1]), atol=1e-10)  # as above


def test_a_number_is_freed_of_another_features_flag_although_its_own_flag_is_a_copy():
    absent = np.arange(N) % 3 == 0
    x = np.column_stack([np.where(absent, 0.0, X[:, 0]), absent, np.where(absent, 0.0, X[:, 1]), absent, X[:, 2]])
    design = design_of(x, numbers("ab", missing=True) + numbers("c"))
    residuals = partial_out(design, piecewise_linear=False).residuals[:, [design.of(0)[0], design.of(1)[0]]]
    expected = [residuals_by_lstsq(x, own)[:, 0] for own in ([0, 1], [2, 3])]
    np.testing.assert_allclose(residuals, np.stack(expected, 1), atol=1e-10)  # as above


def test_the_inflation_is_root_n_over_rows_to_spare():
    assert partial_out(design_of(X), piecewise_linear=False).dof_inflation == pytest.approx(np.sqrt(N / (N - 5)))


def test_with_bends_what_is_left_is_orthogonal_to_the_other_inputs_and_their_bends():
    residuals = partial_out(design_of(X), piecewise_linear=True).residuals
    hinges = np.maximum(X - np.median(X, 0), 0)
    for j in range(4):
        others = np.delete(np.column_stack([X, hinges]), [j, 4 + j], 1)
        np.testing.assert_allclose((WEIGHT * residuals[:, j]) @ others / N, 0, atol=1e-7)  # a ridge of 1e-9 on inputs of size one


def test_a_piecewise_linear_dependency_is_accounted_for_by_hinges_alone():
    u = np.random.default_rng(2).permutation(np.linspace(-1, 1, N))
    noise = 0.1 * np.random.default_rng(3).normal(size=N)
    design = design_of(np.column_stack([u, np.abs(u) + noise]), weight=ALIKE)
    spread = [partial_out(design, piecewise_linear=hinged).residuals[:, 1].std() for hinged in (False, True)]
    # |u| on [-1, 1] has variance 1 / 12; a standard deviation of 300 numbers is known to 4 %, here to three times that.
    np.testing.assert_allclose(spread, [np.sqrt(1 / 12 + 0.01), 0.1], rtol=0.12)


def test_of_a_number_that_hinges_determine_expectations_are_linear():
    """Of what lies above the median of a number a hinge there leaves nothing, and a line plenty."""
    design = design_of(np.column_stack([X[:, 0], np.maximum(X[:, 0] - np.median(X[:, 0]), 0)]), weight=ALIKE)
    hinged, straight = (partial_out(design, piecewise_linear=hinged) for hinged in (True, False))
    np.testing.assert_array_equal(hinged.residuals[:, 1], straight.residuals[:, 1])
    assert hinged.how == "piecewise-linear least squares"


@pytest.mark.parametrize(
    ("n_inputs", "piecewise_linear", "how"),
    [(4, True, "piecewise-linear least squares"), (79, True, "least squares"), (150, False, "least squares"), (151, False, "ridge")],
)
def test_inputs_per_row_decide_how_the_others_are_accounted_for(n_inputs, piecewise_linear, how):
    x = np.random.default_rng(4).normal(size=(N, n_inputs))
    design = build_design(Encoding(numbers(map(str, range(n_inputs))), clip=None), x, ALIKE)
    assert partial_out(design, piecewise_linear=piecewise_linear).how == how


# Where inputs are many

MANY = np.random.default_rng(5).normal(size=(60, 80))
MANY[:, 1] = MANY[:, 0] + 0.1 * np.random.default_rng(6).normal(size=60)
RESIDUALS_OF_MANY = partial_out(build_design(Encoding(numbers(map(str, range(80)))), MANY, np.ones(60)), piecewise_linear=False)


def test_ridge_leaves_finite_numbers():
    assert np.isfinite(RESIDUALS_OF_MANY.residuals).all()


def test_ridge_takes_the_near_copy_away():
    # Of 1 in variance 0.01 cannot be known; the 78 other inputs, which 60 rows cannot tell from useful ones, hide some of the rest.
    assert 0.01 < RESIDUALS_OF_MANY.residuals[:, 0].var() < 0.6 * MANY[:, 0].var()


def test_ridge_leaves_an_independent_input_nearly_whole():
    assert np.corrcoef(RESIDUALS_OF_MANY.residuals[:, 40], MANY[:, 40])[0, 1] > 0.9


# Several features together


def test_what_is_jointly_left_is_what_numpy_leaves():
    residuals = partial_out_jointly(design_of(X), X[:, [1, 3]], [1, 3])
    np.testing.assert_allclose(residuals, residuals_by_lstsq(X, [1, 3]), atol=1e-7)  # a ridge of 1e-9 on inputs of size one


def test_all_features_together_are_their_own_residuals():
    residuals = partial_out_jointly(design_of(X), X, [0, 1, 2, 3])
    np.testing.assert_allclose(residuals, X - np.average(X, axis=0, weights=WEIGHT), atol=1e-12)  # float64
