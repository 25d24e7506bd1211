"""Means of effects over series hold the truth where series go along, and are those of one series where there is one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from weights.data.series.cycles import Columns
from weights.training.covariates import fit_effects
from weights.training.mean_effects import OwnEffects, average_effects

NAMES = ("holiday", "heat", "promotion")
TRUTH = np.array([1.0, 0.5, 2.0])


def drawn(random: np.random.Generator, n_series: int, n: int) -> list[OwnEffects]:
    """Series with shocks that all share and others of their own, holidays and heat that all have, and promotions of their own."""
    shared = lfilter([1.0], [1.0, -0.6], random.normal(size=n))
    holiday, heat = (random.random(n) < 0.04).astype(float), lfilter([1.0], [1.0, -0.8], random.normal(size=n))
    found = []
    for _ in range(n_series):
        columns = np.column_stack([holiday, heat, (random.random(n) < 0.1).astype(float)])
        own = lfilter([1.0], [1.0, -0.5], random.standard_t(4, size=n))
        found.append(OwnEffects(fit_effects(shared + own + columns @ TRUTH, Columns(NAMES, columns)), 0, 1.0))
    return found


def test_of_one_series_they_are_its_own():
    (own,) = drawn(np.random.default_rng(0), 1, 300)
    slopes, errors = average_effects([own._replace(begin=40)], 340)
    np.testing.assert_allclose(slopes, own.effects.slopes)
    for error, contrast in zip(errors, np.eye(3), strict=True):
        np.testing.assert_allclose(error, own.effects.error_of(contrast))


def test_intervals_hold_the_truth_where_series_go_along():
    """Of 60 tables with three effects each 95 % is held by 162 to 177 (two standard errors of single ones: 4 points)."""
    random, held = np.random.default_rng(1), []
    for _ in range(60):
        slopes, errors = average_effects(drawn(random, 6, 200), 200)
        held += [abs(slope - truth) <= (error.half_width() or np.inf) for slope, error, truth in zip(slopes, errors, TRUTH, strict=True)]
    assert np.mean(held) >= 0.9


def test_more_series_make_what_is_their_own_surer_and_what_they_share_hardly():
    random = np.random.default_rng(2)
    few, many = (average_effects(drawn(random, n, 400), 400)[1] for n in (2, 16))
    assert many[2].std_err < 0.5 * few[2].std_err
    assert many[1].std_err > 0.5 * few[1].std_err


def test_series_in_which_a_column_never_differs_have_no_say_in_it_and_units_multiply():
    (own, other) = drawn(np.random.default_rng(3), 2, 300)
    never = other._replace(effects=other.effects._replace(slopes=np.zeros(3), designs=np.zeros_like(other.effects.designs)))
    slopes, errors = average_effects([own._replace(unit=10.0), never], 300)
    np.testing.assert_allclose(slopes, 10 * own.effects.slopes)
    assert errors[0].std_err == pytest.approx(10 * own.effects.error_of(np.eye(3)[0]).std_err)
    nothing, none = average_effects([never], 300)
    assert (nothing.tolist(), [error.degrees for error in none]) == ([0, 0, 0], [0, 0, 0])
