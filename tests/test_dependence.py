"""Errors of means: closed forms, the general correction for clusters, and simulations with known dependence."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
import scipy.special

from weights.dependence import error_of_mean
from weights.inspection.clusters import Clusters


def mean_of(values, weight=None, **dependence):
    """The error of the weighted mean of values."""
    share = np.ones(len(values)) if weight is None else np.asarray(weight, float)
    share = share / share.sum()
    return error_of_mean(share * (values - share @ values), share, **dependence)


def test_the_error_of_a_mean_over_even_groups_is_that_of_the_means_of_groups():
    group, values = np.repeat(np.arange(8), 5), np.random.default_rng(1).normal(size=40)
    means = values.reshape(8, 5).mean(1)
    error = mean_of(values, group=group)
    assert error.std_err == pytest.approx(means.std(ddof=1) / np.sqrt(8))
    assert error.degrees == pytest.approx(7)
    assert error.n_units == 8


def test_the_error_of_a_mean_over_uneven_groups_is_that_of_least_squares_on_a_constant():
    random = np.random.default_rng(2)
    group, values, weight = random.permutation(np.repeat(np.arange(6), [1, 2, 3, 10, 20, 40])), random.normal(size=76), random.random(76)
    root, length = np.sqrt(weight), np.sqrt(weight.sum())
    clusters = Clusters((root / length)[:, None], group)
    general = clusters.errors(root[:, None] / length**2, root * (values - np.average(values, weights=weight)))
    error = mean_of(values, weight, group=group)
    assert error.std_err == pytest.approx(np.sqrt(general.covariance[0, 0]), rel=1e-10)
    assert error.degrees == pytest.approx(general.degrees[0], rel=1e-10)


def test_rows_of_no_weight_are_not_there():
    values, weight = np.arange(6.0), np.array([1.0, 1, 1, 1, 0, 0])
    assert mean_of(values, weight) == pytest.approx(mean_of(values[:4]))
    assert mean_of(values, weight, group=np.array([0, 0, 1, 1, 2, 3])).n_units == 2


@pytest.mark.parametrize("dependence", [{"group": np.zeros(30, int)}, {"time": np.arange(19).repeat(2)[:30]}, {"time": np.arange(30)}])
def test_where_nothing_can_be_said_there_is_no_interval(dependence):
    """One group; fewer moments than 20; a trend, whose moments count as hardly one."""
    assert mean_of(np.arange(30.0), **dependence).half_width() is None


def test_rows_of_a_moment_count_as_one():
    values = np.random.default_rng(3).normal(size=100)
    once, twice = mean_of(values, time=np.arange(100)), mean_of(np.repeat(values, 2), time=np.arange(100).repeat(2))
    assert twice == pytest.approx(once)


def test_the_order_of_rows_does_not_matter_but_that_of_moments():
    random = np.random.default_rng(4)
    values, order = random.normal(size=100).cumsum() + random.normal(size=100) * 20, random.permutation(100)
    assert mean_of(values[order], time=order) == pytest.approx(mean_of(values, time=np.arange(100)))
    assert mean_of(values[order], time=np.arange(100)).std_err < 0.7 * mean_of(values, time=np.arange(100)).std_err


N_TABLES = 1_000


def held(draw):
    """The share of 1,000 tables whose 95 % interval of the mean holds the true mean, zero."""
    random, held = np.random.default_rng(7), 0
    for _ in range(N_TABLES):
        values, dependence = draw(random)
        held += abs(values.mean()) <= mean_of(values, **dependence).half_width()
    return held / N_TABLES


@pytest.mark.parametrize("correlation", [0.0, 0.6, 0.9])
def test_intervals_of_means_hold_what_they_promise_where_near_rows_are_alike(correlation):
    def draw(random):
        steps = np.sqrt(1 - correlation**2) * random.normal(size=700)
        return scipy.signal.lfilter([1.0], [1.0, -correlation], steps)[200:], {"time": np.arange(500)}

    # A share of 1,000 has a standard error of 0.7 %; three of them, and 1 % for the approximation (docs/benchmarks.md).
    assert held(draw) == pytest.approx(0.95, abs=0.031)


@pytest.mark.parametrize(("n_groups", "uneven"), [(5, False), (10, True), (20, True)])
@pytest.mark.parametrize("shared", [0.0, 0.5])
def test_intervals_of_means_hold_what_they_promise_with_few_and_uneven_groups(n_groups, uneven, shared):
    sizes = np.round(200 * 0.75 ** np.arange(n_groups)).astype(int) + 1 if uneven else np.full(n_groups, 20)
    group = np.repeat(np.arange(n_groups), sizes)

    def draw(random):
        values = np.sqrt(shared) * random.normal(size=n_groups)[group] + np.sqrt(1 - shared) * random.normal(size=len(group))
        return values, {"group": group}

    # As above, with 1.5 % for the approximation of uneven groups that share much.
    assert held(draw) == pytest.approx(0.95, abs=0.036)
