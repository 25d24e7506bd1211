"""Tails of sums of few events."""

import numpy as np
import pytest
import scipy.stats

from weights.inspection.fewevents import find_tail


@pytest.mark.parametrize(("n", "chance", "came"), [(25, 0.02, 4), (25, 0.3, 15), (60, 0.05, 12), (400, 0.5, 240), (30, 0.9, 20)])
def test_tails_are_those_of_binomials(n, chance, came):
    value = came - n * chance
    tail = find_tail(np.ones(n), np.full(n, chance), 1e-12, value, 1.0)
    exact = scipy.stats.binom.sf(came - 1, n, chance) if value > 0 else scipy.stats.binom.cdf(came, n, chance)
    assert tail == pytest.approx(exact, rel=0.25)  # worst where half an event was expected


def test_noise_that_is_larger_than_chances_say_makes_tails_heavier():
    makes, chances = np.ones(60), np.full(60, 0.05)
    assert find_tail(makes, chances, 0.0, 7.0, 2.0) > 3 * find_tail(makes, chances, 0.0, 7.0, 1.0)


def test_what_cannot_come_has_no_chance():
    assert find_tail(np.ones(3), np.full(3, 0.5), 0.0, 10.0, 1.0) < 1e-200
