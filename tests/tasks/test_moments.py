"""Moments that are laid over each other: what is said a little earlier or later is moved, and nothing else is lost or made up."""

from __future__ import annotations

import numpy as np
import pytest

from weights.tasks.ctc import find_texts
from weights.tasks.moments import align_moments


def say(n_moments: int, said: dict[int, int], *, n_symbols: int = 3, sure: float = 0.94) -> np.ndarray:
    """Probabilities (1, t, k + 1) of symbols at moments, and of none elsewhere."""
    moments = np.full((1, n_moments, n_symbols + 1), (1 - sure) / n_symbols)
    symbols = np.full(n_moments, n_symbols)
    symbols[[*said]] = [*said.values()]
    moments[0, np.arange(n_moments), symbols] = sure
    return moments


def test_what_is_alike_stays_as_it_is():
    moments = np.random.default_rng(0).dirichlet(np.ones(4), (5, 30))
    np.testing.assert_array_equal(align_moments(moments, moments), moments)


@pytest.mark.parametrize("shift", [-8, -3, 1, 5])
def test_what_is_said_earlier_or_later_is_moved(shift):
    onto, moments = say(40, {12: 0, 25: 1}), say(40, {12 + shift: 0, 25: 1})
    np.testing.assert_array_equal(align_moments(moments, onto).argmax(2), onto.argmax(2))


def test_each_word_is_moved_by_as_much_as_it_needs():
    onto, moments = say(40, {8: 0, 20: 1, 31: 2}), say(40, {10: 0, 17: 1, 31: 2})
    np.testing.assert_array_equal(align_moments(moments, onto).argmax(2), onto.argmax(2))


def test_what_is_further_away_than_eight_moments_stays():
    onto, moments = say(40, {5: 0}), say(40, {25: 0})
    np.testing.assert_array_equal(align_moments(moments, onto).argmax(2), moments.argmax(2))


def test_words_keep_their_order():
    onto, moments = say(40, {10: 0, 13: 1}), say(40, {10: 1, 13: 0})
    symbols = align_moments(moments, onto).argmax(2)[0]
    assert symbols[symbols < 3].tolist() in ([1, 0], [1, 1, 0], [1, 0, 0])


def test_a_word_that_one_alone_hears_is_not_left_out():
    onto, moments = say(40, {10: 0}), say(40, {11: 0, 20: 1})
    assert find_texts(align_moments(moments, onto)) == [(0, 1)]


def test_a_word_that_one_alone_does_not_hear_is_not_made_up():
    onto, moments = say(40, {10: 0, 20: 1}), say(40, {11: 0})
    assert find_texts(align_moments(moments, onto)) == [(0,)]


def test_a_word_that_is_said_twice_stays_twice():
    onto, moments = say(40, {10: 0, 16: 0}), say(40, {12: 0, 15: 0})
    assert find_texts(align_moments(moments, onto)) == [(0, 0)]


def test_the_mean_of_what_is_aligned_says_what_all_say():
    # In a mean of what is not aligned a word at four moments is there with .42, and is said not at all with .32.
    members = [say(40, {moment: 0, 30: 1}) for moment in (9, 11, 14, 17)]
    aligned = [members[0], *(align_moments(own, members[0]) for own in members[1:])]
    alike = np.mean(aligned, 0)
    np.testing.assert_array_equal(alike.argmax(2), members[0].argmax(2))
    assert alike[0, [9, 30], [0, 1]] == pytest.approx(0.94)


def test_rows_do_not_depend_on_each_other():
    rng = np.random.default_rng(0)
    moments, onto = (rng.dirichlet(np.full(4, 0.2), (300, 25)) for _ in range(2))
    together = align_moments(moments, onto)
    np.testing.assert_array_equal(together[[7, 280]], align_moments(moments[[7, 280]], onto[[7, 280]]))


@pytest.mark.parametrize("n_moments", [1, 2, 4])
def test_few_moments_are_enough(n_moments):
    moments = np.random.default_rng(0).dirichlet(np.ones(3), (2, n_moments))
    assert align_moments(moments, moments[::-1]).shape == moments.shape


def test_what_is_laid_over_nothing_stays_as_it_is():
    moments = np.random.default_rng(0).dirichlet(np.ones(4), (5, 30))
    np.testing.assert_array_equal(align_moments(moments, np.zeros_like(moments)), moments)


def test_no_rows_are_aligned_to_none():
    assert align_moments(np.zeros((0, 5, 3)), np.zeros((0, 5, 3))).shape == (0, 5, 3)
