"""Draws of users are always the same, and intervals have the width that Student's t gives."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from weights.recommending.resampling import N_DRAWS, draw_users, half_width


def test_users_count_twice_or_not_and_others_as_ever():
    draws = draw_users(50, 60)
    assert draws.shape == (N_DRAWS, 60)
    assert {*np.unique(draws[:, :50])} == {-1.0, 1.0}
    assert not draws[:, 50:].any()
    assert draws is draw_users(50, 60)


def test_an_interval_is_that_of_students_t():
    changes = np.random.default_rng(0).normal(size=(N_DRAWS, 3))
    expected = scipy.stats.t(N_DRAWS).ppf(0.95) * np.sqrt((changes**2).mean(axis=0))
    assert half_width(changes, 0.9) == pytest.approx(expected)
