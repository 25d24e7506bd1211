"""Effects that were planted are found, with intervals that hold them as often as they say, whatever what is left depends on."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
import scipy.stats

from weights.data.series.cycles import Columns
from weights.errors import DataError
from weights.training.covariates import fit_effects

SLOPES = np.array([-3.0, 2.0, 0.5, 0.0])
NAMES = ("Sunday", "holiday", "weather", "nothing")


def draw(n, seed, *, taps=(0.7,), gaps=0.0):
    """A daily series with effects of Sundays, 12 holidays a year and the weather, and an autoregression as rest."""
    random = np.random.default_rng(seed)
    day = np.arange(n)
    holidays = np.isin(day % 365, random.choice(365, 12, replace=False))
    weather = scipy.signal.lfilter([0.6], [1.0, -0.8], random.normal(size=(2, n + 100)))[:, 100:]
    values = np.column_stack([day % 7 == 6, holidays, *weather]).astype(float)
    rest = scipy.signal.lfilter([1.0], [1.0, *(-np.asarray(taps))], random.normal(size=n + 200))[200:]
    series = 10 + values @ SLOPES + rest
    series[random.random(n) < gaps] = np.nan
    return series, Columns(NAMES, values)


def test_effects_without_noise_are_exact():
    _, columns = draw(200, 0)
    effects = fit_effects(4 + columns.values @ SLOPES, columns)
    np.testing.assert_allclose(effects.slopes, SLOPES, atol=1e-4)
    assert effects.intercept == pytest.approx(4, abs=1e-4)
    np.testing.assert_allclose(effects.expect(columns.values), 4 + columns.values @ SLOPES, atol=1e-4)


def test_of_white_noise_slopes_are_those_of_least_squares():
    series, columns = draw(400, 1, taps=())
    effects = fit_effects(series, columns, longest=0)
    wanted = np.linalg.lstsq(np.column_stack([np.ones(400), columns.values]), series, rcond=None)[0]
    np.testing.assert_allclose([effects.intercept, *effects.slopes], wanted, rtol=1e-5, atol=1e-5)


def test_a_filter_makes_effects_of_single_days_surer_than_least_squares():
    errors = []
    for seed in range(30):
        series, columns = draw(300, [2, seed], taps=(0.9,))
        least = np.linalg.lstsq(np.column_stack([np.ones(300), columns.values]), series, rcond=None)[0][2]
        errors.append([fit_effects(series, columns).slopes[1] - SLOPES[1], least - SLOPES[1]])
    ours, theirs = np.mean(np.square(errors), axis=0)
    # Of a rest of correlation 0.9 the gain is about (1 + 0.81) / (1 - 0.81), almost ten; thirty series show a third of it for sure.
    assert ours < theirs / 3


@pytest.mark.parametrize(("n", "taps", "gaps"), [(300, (), 0.0), (400, (0.7,), 0.0), (400, (0.7,), 0.25)])
def test_intervals_hold_what_was_planted(n, taps, gaps):
    held = []
    for seed in range(60):
        series, columns = draw(n, [3, seed], taps=taps, gaps=gaps)
        low, high = fit_effects(series, columns, longest=8).intervals().T
        held += [*((low <= SLOPES) & (high >= SLOPES))]
    # Four intervals of each of 60 series, all but independent: between the quantiles of the binomial of one in a thousand on either side.
    assert np.sum(held) >= scipy.stats.binom.ppf(0.001, 240, 0.95)
    assert np.sum(held) <= scipy.stats.binom.ppf(0.999, 240, 0.95)


def test_a_sum_of_effects_is_as_sure_as_one_column_that_says_it():
    series, columns = draw(500, 4)
    other = columns.values.copy()
    other[:, 0] = columns.values[:, 0] - columns.values[:, 1]  # the slope of the second is then the sum of both
    ours = fit_effects(series, columns).error_of(np.array([1.0, 1.0, 0.0, 0.0]))
    theirs = fit_effects(series, Columns(NAMES, other)).error_of(np.array([0.0, 1.0, 0.0, 0.0]))
    assert ours.std_err == pytest.approx(theirs.std_err, rel=1e-2)


def test_a_column_that_differs_three_times_has_two_degrees_of_freedom_and_one_of_once_none():
    series, _ = draw(300, 5, taps=())
    often, once = np.zeros(300), np.zeros(300)
    often[[50, 120, 200]] = once[77] = 1
    effects = fit_effects(series, Columns(("often", "once"), np.stack([often, once], axis=1)), longest=0)
    assert effects.error_of(np.array([1.0, 0.0])).degrees == pytest.approx(2, abs=0.1)
    assert effects.error_of(np.array([0.0, 1.0])).degrees == 0
    assert np.isnan(effects.intervals()[1]).all()


def test_a_column_that_never_differed_has_no_effect_and_no_interval():
    series, columns = draw(100, 6)
    unseen = np.column_stack([columns.values, np.zeros(100), np.arange(100) == 40])
    series[40] = np.nan  # the only day of the last column
    effects = fit_effects(series, Columns((*NAMES, "never", "missing"), unseen))
    assert effects.slopes[4:].tolist() == [0, 0]
    assert np.isnan(effects.intervals()[4:]).all()
    assert np.isfinite(effects.intervals()[:4]).all()


def test_columns_that_say_the_same_share_an_effect():
    series, columns = draw(300, 7)
    twice = Columns((*NAMES, "again"), np.column_stack([columns.values, columns.values[:, 1]]))
    effects = fit_effects(series, twice)
    assert effects.slopes[1] == pytest.approx(effects.slopes[4], rel=1e-3)
    np.testing.assert_allclose(effects.expect(twice.values), fit_effects(series, columns).expect(columns.values), atol=1e-2)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_units_do_not_matter(scale):
    series, columns = draw(200, 8)
    ours, theirs = fit_effects(scale * series, columns), fit_effects(series, Columns(NAMES, columns.values * scale))
    plain = fit_effects(series, columns)
    np.testing.assert_allclose(ours.intervals(), scale * plain.intervals(), rtol=1e-6)
    np.testing.assert_allclose(theirs.intervals() * scale, plain.intervals(), rtol=1e-6)


def test_what_changed_is_followed_with_a_half_life():
    series, columns = draw(1_000, 9)
    series[500:] += 5 * columns.values[500:, 0]
    assert abs(fit_effects(series, columns, half_life=60).slopes[0] - (SLOPES[0] + 5)) < 0.7
    assert abs(fit_effects(series, columns).slopes[0] - (SLOPES[0] + 2.5)) < 0.7


def test_more_columns_than_values_are_survived():
    random = np.random.default_rng(10)
    effects = fit_effects(random.normal(size=12), Columns(tuple("abcdefghijklmnopqrst"), random.normal(size=(12, 20))))
    assert np.isfinite(effects.slopes).all()


def test_a_constant_series_has_no_effects():
    _, columns = draw(100, 11)
    effects = fit_effects(np.full(100, 3.0), columns)
    np.testing.assert_allclose(effects.slopes, 0, atol=1e-9)
    assert effects.intercept == pytest.approx(3)


def test_a_missing_column_is_named_with_its_moment():
    series, columns = draw(50, 12)
    columns.values[7, 1] = np.nan
    with pytest.raises(DataError, match="'holiday' is missing at moment 8 of 50"):
        fit_effects(series, columns)


@pytest.mark.parametrize(("n", "said"), [(0, "there are none"), (1, "there is one")])
def test_a_series_of_less_than_two_values_is_refused(n, said):
    series = np.full(10, np.nan)
    series[:n] = 1.0
    with pytest.raises(DataError, match=said):
        fit_effects(series, Columns((), np.zeros((10, 0))))
