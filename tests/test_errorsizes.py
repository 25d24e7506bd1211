"""How large errors will be follows from how large they were."""

from __future__ import annotations

import numpy as np

from weights.errorsizes import HALF_LIVES, ErrorSizes, fill_knots, knots_of, known_at, steps_of_knots, sum_at_knots

NOTHING = ErrorSizes(np.zeros((len(HALF_LIVES), 2, 1, 1)), np.zeros((2, 1, 1)))
PRIOR = np.ones((1, 1))


def test_errors_far_ahead_tell_less_of_their_size_as_they_go_on_alike():
    counts = np.array([3.0, 6.0, 12.0, 24.0])  # moments at steps 1, 2, 4 and 8: three forecasts that share no value at each
    sums = np.zeros((5, 2, 1, 4))
    sums[-1, :, 0] = 4 * counts, counts
    sizes = ErrorSizes(sums, np.zeros((2, 1, 1))).expected(np.ones((1, 4)))
    # Two such forecasts of size 1 are expected without errors: (3 * 4 + 2 * 1) / 5 at each step.
    np.testing.assert_allclose(sizes, 2.8)


def test_without_errors_the_prior_is_expected_and_many_errors_outweigh_it():
    assert NOTHING.expected(PRIOR) == 1.0
    sizes = NOTHING
    for moment in range(400):
        sizes = sizes.plus(moment, np.full((1, 1), 5.0), np.ones((1, 1)), PRIOR)
    assert 4.9 < sizes.expected(PRIOR)[0, 0] <= 5.0
    np.testing.assert_array_equal(sizes.plus(400, np.zeros((1, 1)), np.zeros((1, 1)), PRIOR).phases, sizes.phases)  # nothing came


def test_steps_lie_between_knots_at_powers_of_two():
    knots = knots_of(6)
    np.testing.assert_allclose(knots.sum(axis=1), 1.0)
    assert steps_of_knots(6) == [1, 2, 4, 6]
    np.testing.assert_allclose(knots @ [0, 1, 2, 3], np.log2(np.arange(1, 7)))


def test_sums_at_knots_weigh_what_came():
    total, weight = sum_at_knots(np.array([[3.0, -2.0, np.nan, np.nan]]))
    np.testing.assert_allclose(total[0, :2], [3.0, 2.0 * 1 / (1 + np.log2(4 / 3))])
    assert weight[0, 0] == 1.0
    assert weight[0, 2] == 0.0


def test_knots_that_are_not_known_are_as_the_nearest_that_is():
    np.testing.assert_array_equal(fill_knots(np.array([0.0, 7.0, 9.0, 0.0]), np.array([False, True, True, False])), [7, 7, 9, 9])


def test_an_error_of_two_steps_is_known_two_moments_after_its_origin():
    errors = np.arange(6.0).reshape(1, 3, 2)
    np.testing.assert_array_equal(known_at(errors, np.array([10, 11, 12]), 12), [[2.0, 1.0]])
    np.testing.assert_array_equal(known_at(errors, np.array([10, 11, 12]), 14), [[np.nan, 5.0]])
