"""Tests of a category's levels together: the F test where that is exact, and false alarms where Wald's test finds what is not there."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import statsmodels.api as sm

from weights.inspection.joint import find_p_values
from weights.inspection.logistic import logistic
from weights.inspection.slopes import Rows, least_squares

N = 600
RNG = np.random.default_rng(0)
OTHER = RNG.normal(size=(N, 2))
EVEN = np.arange(N) % 6
UNEVEN = RNG.choice(30, N, p=(chance := 1 / (1 + np.arange(30))) / chance.sum())


def share_of(probability):
    return probability.clip(0, 1) * (1 - probability.clip(0, 1))


def unknown(expected):
    return None


def levels_of(codes):
    """One input for each level but the most frequent (n, q)."""
    counts = np.bincount(codes)
    return (codes[:, None] == np.setdiff1d(np.flatnonzero(counts), counts.argmax())).astype(float)


def p_of(y, codes, *, others=OTHER, weight=None, noise_variance=unknown, estimate=None, time=None):
    """The p-values of a category beside other inputs."""
    weight = np.ones(len(y)) if weight is None else weight / weight.mean()
    rows, dummies = Rows(weight, None, time), levels_of(codes)
    z = np.column_stack([others, dummies])
    slopes = least_squares(z, y, rows, noise_variance) if estimate is None else estimate(z, y, rows)
    own = np.arange(others.shape[1], z.shape[1])
    return find_p_values(slopes.only(own), codes, rows, noise_variance)


def test_with_noise_that_is_alike_it_is_the_f_test():
    """Exactly, if noise were as even as the normal and variances of levels were not estimated; these cost a little."""
    for seed in range(5):
        y = OTHER[:, 0] + np.random.default_rng(seed).normal(size=N)
        p_values = p_of(y, EVEN)
        x = sm.add_constant(np.column_stack([OTHER, levels_of(EVEN)]))
        expected = sm.OLS(y, x).fit().f_test(np.eye(x.shape[1])[3:]).pvalue
        assert p_values["classical"] == pytest.approx(float(expected), rel=1e-9)
        assert p_values["robust"] == pytest.approx(float(expected), abs=0.05)


def alarms(draw, codes_of, n_tables, **options):
    """The share of tables, drawn from their number, in which a category without any effect is found at 0.05."""
    p_values = []
    for seed in range(n_tables):
        rng = np.random.default_rng([7, seed])
        codes = codes_of(rng)
        p_values.append(p_of(draw(rng, len(codes)), codes, others=rng.normal(size=(len(codes), 2)), **options)["robust"])
    return float(np.mean(np.asarray(p_values) <= 0.05))


def most(n_tables):
    """Three standard deviations of a binomial share above 0.05."""
    return 0.05 + 3 * np.sqrt(0.05 * 0.95 / n_tables)


def uneven(n, n_levels):
    chance = 1 / (1 + np.arange(n_levels))
    return lambda rng: rng.choice(n_levels, n, p=chance / chance.sum())


@pytest.mark.parametrize(
    ("draw", "n", "n_levels", "noise_variance"),
    [
        (lambda rng, n: (rng.uniform(size=n) < 0.1).astype(float), 1_000, 50, share_of),  # Wald's finds all of them
        (lambda rng, n: (rng.uniform(size=n) < 0.02).astype(float), 1_000, 50, share_of),
        (lambda rng, n: (rng.uniform(size=n) < 0.1).astype(float), 200, 5, share_of),
        (lambda rng, n: rng.standard_t(3, n), 200, 10, unknown),
        (lambda rng, n: rng.standard_t(3, n), 500, 50, unknown),
    ],
    ids=["1 in 10, 50 levels", "1 in 50, 50 levels", "1 in 10, 200 rows", "heavy tails", "heavy tails, 50 levels"],
)
def test_a_category_of_pure_noise_is_found_one_time_in_twenty(draw, n, n_levels, noise_variance):
    n_tables = 1_500 if n == 200 else 300
    assert alarms(draw, uneven(n, n_levels), n_tables, noise_variance=noise_variance) <= most(n_tables)


def test_levels_of_noise_unlike_in_size_make_no_false_alarms():
    """F tests find one time in ten that means differ where only noise does, in small levels most."""
    spread = np.asarray([1.0] * 5 + [3.0] * 5)

    def share(seed):
        rng = np.random.default_rng([9, seed])
        codes = np.concatenate([rng.integers(0, 5, 1600), rng.integers(5, 10, 400)])
        return p_of(spread[codes] * rng.normal(size=2_000), codes, others=rng.normal(size=(2_000, 1)))

    p_values = [share(seed) for seed in range(200)]
    assert np.mean([p["robust"] <= 0.05 for p in p_values]) <= most(200)
    assert np.mean([p["classical"] <= 0.05 for p in p_values]) > most(200)


def test_weights_of_rows_that_are_not_their_precision_make_no_false_alarms():
    def weighted(seed):
        rng = np.random.default_rng([11, seed])
        return p_of(rng.normal(size=400), rng.integers(0, 8, 400), others=rng.normal(size=(400, 1)), weight=rng.uniform(0.1, 3.0, 400))

    p_values = [weighted(seed) for seed in range(300)]
    assert np.mean([p["robust"] <= 0.05 for p in p_values]) <= most(300)
    assert np.mean([p["classical"] <= 0.05 for p in p_values]) > most(300)


def test_dependence_in_time_makes_no_false_alarms():
    def in_time(seed):
        rng = np.random.default_rng([13, seed])
        noise, n = rng.normal(size=600), 600
        for t in range(1, n):
            noise[t] += 0.4 * noise[t - 1]
        return p_of(noise, np.arange(n) // 3 % 5, others=rng.normal(size=(n, 1)), time=np.arange(n) * 1.0)

    p_values = [in_time(seed) for seed in range(200)]
    assert np.mean([p["hac"] <= 0.05 for p in p_values]) <= most(200)
    assert np.mean([p["robust"] <= 0.05 for p in p_values]) > most(200)


def test_effects_are_found_as_often_as_by_the_f_test():
    found = []
    for seed in range(200):
        rng = np.random.default_rng([15, seed])
        codes = uneven(500, 20)(rng)
        y = 0.28 * rng.normal(size=20)[codes] + rng.normal(size=500)
        p_values = p_of(y, codes, others=rng.normal(size=(500, 2)))
        found.append([p_values["robust"] <= 0.05, p_values["classical"] <= 0.05])  # classical is the F test
    ours, usual = np.mean(found, axis=0)
    assert 0.4 < usual < 0.95
    assert ours >= 0.9 * usual


def test_log_odds_are_tested_with_the_fit_without_the_category():
    """As by the likelihood ratio, which serves where levels are large."""
    rng = np.random.default_rng(3)
    y = (OTHER[:, 0] + 0.4 * (EVEN == 2) + rng.logistic(size=N) > 0).astype(float)
    x = sm.add_constant(np.column_stack([OTHER, levels_of(EVEN)]))
    ratio = sm.Logit(y, x).fit(disp=0).llf - sm.Logit(y, x[:, :3]).fit(disp=0).llf
    expected = scipy.stats.chi2.sf(2 * ratio, 5)
    p_values = p_of(y, EVEN, noise_variance=share_of, estimate=logistic)
    assert p_values["robust"] == pytest.approx(expected, rel=0.2)


def test_where_noise_is_zero_nothing_is_said():
    assert "robust" not in p_of(OTHER[:, 0], EVEN, noise_variance=np.zeros_like)


def test_more_levels_than_rows_to_spare_are_not_tested():
    codes = np.arange(12) // 2
    p_values = p_of(np.random.default_rng(0).normal(size=12), codes, others=np.random.default_rng(1).normal(size=(12, 6)))
    assert "robust" not in p_values
