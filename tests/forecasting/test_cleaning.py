"""Strange values are moved where that helps forecasts, and left where it does not; nothing later has a say."""

from __future__ import annotations

import numpy as np

from weights.forecasting.cleaning import AS_THEY_ARE, Cleaning, clean_all, describe_gain, fit_cleaning, gain_by_cleaning, stack_cleanings
from weights.training.autoregression import clean
from weights.training.lagged import Regressions
from weights.training.rolling import place_cuts

H, N = 4, 600
REGRESSIONS = Regressions(H, (7, 14), (7,))
CUTS = place_cuts(N, 14, H, n_cuts=3)


def series(seed: int, *, strange: float = 0.0) -> np.ndarray:
    """A week, an autoregression, and a strange day every month or so."""
    rng = np.random.default_rng(seed)
    values = np.sin(2 * np.pi * np.arange(N) / 7)
    noise = rng.normal(0, 0.3, N)
    for t in range(1, N):
        noise[t] += 0.5 * noise[t - 1]
    return values + noise + strange * (rng.random(N) < 1 / 30)


def test_later_values_go_on_where_earlier_ones_stopped():
    values = series(0, strange=6.0)
    cleaning = fit_cleaning(values, 14)
    whole = clean_all(values, cleaning)
    np.testing.assert_array_equal(whole, clean(values, cleaning.lag_filter, cleaning.farthest))
    np.testing.assert_allclose(cleaning.apply(values[400:], whole[:400]), whole[400:], atol=1e-12)
    np.testing.assert_array_equal(clean_all(np.append(values[:400], series(1)[400:]), cleaning)[:400], whole[:400])


def test_a_filter_is_no_longer_than_the_lags_and_nothing_is_strange_to_what_stands_still():
    assert len(fit_cleaning(series(2), 3).lag_filter) <= 3
    for still in (np.zeros(50), np.zeros(1)):
        cleaning = fit_cleaning(still, 14)
        assert cleaning.farthest == 0
        np.testing.assert_array_equal(clean_all(still + 5.0, cleaning), still + 5.0)


def test_cleaning_helps_where_there_are_strange_values():
    assert gain_by_cleaning([series(seed, strange=6.0) for seed in range(3)], [CUTS] * 3, REGRESSIONS) > 0.02


def test_it_is_not_done_where_there_are_none():
    gains = [gain_by_cleaning([series(seed)], [CUTS], REGRESSIONS) for seed in range(20)]
    assert np.mean(np.asarray(gains) > 0) <= 0.2  # chance alone may pass one standard error in 16 % of cases


def test_nothing_is_asked_of_series_that_are_not_judged():
    values = series(3, strange=6.0)
    assert gain_by_cleaning([values, values[:5]], [None, np.zeros(0, np.int64)], REGRESSIONS) == 0


def test_filters_are_laid_beside_each_other():
    filters, farthest = stack_cleanings([AS_THEY_ARE, Cleaning(np.array([0.5, 0.1]), 2.0)], 3)
    assert filters.tolist() == [[0.0, 0.0, 0.0], [0.5, 0.1, 0.0]]
    assert farthest.tolist() == [0.0, 2.0]


def test_a_gain_is_said_in_words():
    assert describe_gain(0.0) == []
    assert describe_gain(0.0512)[0].endswith("which saves 5.1% of the absolute errors at rolling origins")
