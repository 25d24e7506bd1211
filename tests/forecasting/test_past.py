"""A leading column takes its weight at its lag and step; one that says nothing is not used; nothing later has a say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from weights.forecasting.past import (
    PastErrors,
    PastScale,
    describe_past,
    find_past_scale,
    fit_past,
    forecast_past,
    keep_past,
    lag_columns,
    leave_out,
)
from weights.forecasting.rolling import NO_ERRORS, Errors
from weights.forecasting.units import Scale
from weights.training.lagged import steps_after

H, N = 3, 800
SCALE = Scale(10.0, 2.0)


def asked(columns: np.ndarray, seen: np.ndarray, forecasts: float | np.ndarray = 0.0, *, every: int = 1) -> PastErrors:
    """A unit whose forecasts at the origins of its last half were all the same."""
    origins = np.arange(len(seen) // 2, len(seen) - H, every)
    came = steps_after(seen, origins, H)
    errors = Errors(origins - len(seen), SCALE.undo(came) - SCALE.undo(forecasts + 0 * came), came - forecasts)
    return PastErrors(columns, find_past_scale(columns[: len(seen) // 2]), SCALE.undo(seen), SCALE, errors)


def leading(seed: int, *, noise: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Two columns of white noise, and values that are three times what the second was four moments ago."""
    rng = np.random.default_rng(seed)
    columns = rng.normal(5.0, 2.0, size=(N, 2))
    seen = noise * rng.normal(size=N)
    seen[4:] += 3 * (columns[:-4, 1] - 5.0) / 2.0
    return columns, seen


def test_a_leading_column_takes_its_weight_at_its_lag_and_step():
    columns, seen = leading(0)
    result = fit_past([asked(columns, seen)], n_lags=5)
    assert result is not None
    assert result.kept == [1]
    truth = np.zeros((5, 1, H))
    truth[3, 0, 0] = truth[2, 0, 1] = truth[1, 0, 2] = 3  # step h is lag 4 - h before the origin
    # Deviations of weights are 0.5 / sqrt(400) = 0.025, and the column's own deviation is known to 1 / sqrt(800): 3.5 % of three.
    np.testing.assert_allclose(result.weights, truth, atol=0.25)
    assert 0.7 < result.gain < 0.9  # of a mean size of 3 a deviation's mean there remain 0.5
    (errors,) = result.errors
    judged = len(errors.seen) // 2 + 1
    assert np.std(errors.seen[judged:]) < 0.7
    np.testing.assert_allclose(errors.values, errors.seen * SCALE.spread)


def test_series_learn_from_each_other_in_units_of_their_deviations():
    parts = [leading(seed) for seed in range(4)]
    units = [asked(1e3 * s * columns, seen, every=10) for s, (columns, seen) in enumerate(parts, 1)]
    result = fit_past(units, n_lags=5)
    assert result is not None
    assert result.kept == [1]
    assert [own.spread.shape for own in result.scales] == [(1,)] * 4
    np.testing.assert_allclose(result.weights[3, 0, 0], 3.0, atol=0.7)
    nothing = fit_past([units[0]._replace(errors=NO_ERRORS), *units[1:]], n_lags=5)
    assert nothing is not None
    assert nothing.errors[0] is NO_ERRORS


@pytest.mark.parametrize("rho", [0.0, 0.9])
def test_columns_that_say_nothing_are_hardly_ever_used(rho):
    n_used = 0
    for seed in range(100):
        rng = np.random.default_rng([9, seed])
        columns, values = (lfilter([1.0], [1.0, -slope], rng.normal(size=size), axis=0) for slope, size in ((rho, (N, 4)), (0.9, N)))
        origins = np.arange(N // 2, N - H)
        forecasts = values[origins, None] * 0.9 ** np.arange(1, H + 1)
        n_used += fit_past([asked(columns, values, forecasts)]) is not None
    # Two standard errors are passed by chance in 2.5 %, and the best of 24 choices in somewhat more; 10 of 100 are far from it.
    assert n_used <= 10


def test_nothing_that_comes_later_moves_what_is_said_at_an_origin():
    columns, seen = leading(1)
    usual = fit_past([asked(columns, seen)], n_lags=5)
    for change in (columns, seen):
        change[780:] = change[780:][::-1].copy()
    changed = fit_past([asked(columns, seen)], n_lags=5)
    assert usual is not None
    assert changed is not None
    origins = usual.errors[0].origins + N
    last_cut = np.unique(origins)[np.linspace(len(origins) // 2, len(origins), 4).astype(int)[2]]
    before = (origins + H < 780) & (origins < last_cut)
    np.testing.assert_array_equal(usual.errors[0].seen[before], changed.errors[0].seen[before])


def test_values_that_are_missing_count_as_the_mean_and_strange_ones_not_as_more_than_five_deviations():
    columns = np.array([[1.0, 4.0], [3.0, 4.0], [np.nan, 4.0]])
    scale = find_past_scale(columns)
    assert scale.center.tolist() == [2.0, 4.0]
    assert scale.spread.tolist() == [1.0, 0.0]
    np.testing.assert_array_equal(scale.see(np.array([[np.nan, np.nan], [1e30, 1e30], [2.5, 4.0]])), [[0, 0], [5, 0], [0.5, 0]])
    nothing = find_past_scale(np.full((3, 1), np.nan))
    np.testing.assert_array_equal(nothing.see(np.array([[7.0]])), [[0.0]])


def test_forecasts_go_on_from_the_last_values():
    columns, weights = np.arange(12.0).reshape(6, 2), np.random.default_rng(2).normal(size=(3, 2, H))
    scale = PastScale(np.zeros(2), np.full(2, 4.0))
    tails, _, _ = keep_past(columns[:4], scale, 3)
    together = np.concatenate([tails, scale.see(columns[4:])])
    lags = lag_columns(scale.see(columns), np.array([3, 5]), 3)
    np.testing.assert_array_equal(together[:3][::-1], lags[0])
    np.testing.assert_array_equal(together[2:][::-1], lags[1])
    assert forecast_past(lags, weights)[1, 0] == pytest.approx(np.sum(lags[1] * weights[:, :, 0]))
    assert keep_past(columns[:1], scale, 3)[0].tolist() == [[0, 0], [0, 0], [0, 0.25]]


def test_constant_and_mostly_missing_columns_are_left_out_and_named():
    columns = np.column_stack([np.arange(10.0), np.ones(10), np.where(np.arange(10) < 4, np.arange(10.0), np.nan), np.full(10, np.nan)])
    kept, remarks = leave_out(["a", "b", "c", "d"], [columns[:5], columns[5:]])
    assert kept == [0]
    assert [remark.rpartition(": ")[2] for remark in remarks] == ["c, d", "b"]


def test_what_became_of_columns_is_said():
    assert describe_past([], None) == []
    assert describe_past(["a"], None)[0].startswith("what was known at the origin of a did not help forecasts")
    result = fit_past([asked(*leading(0))], n_lags=5)
    helped, did_not = describe_past(["wind", "rain"], result)
    assert helped.startswith("what was known of rain at the origin saves 8")
    assert "wind did not help" in did_not


@pytest.mark.parametrize("n", [4, 8, 12])
def test_of_few_values_nothing_is_said(n):
    columns, seen = leading(3)
    assert fit_past([asked(columns[:n], seen[:n])]) is None
    assert fit_past([asked(columns[:, :0], seen)]) is None
    assert fit_past([asked(columns, seen)._replace(errors=NO_ERRORS)]) is None


def test_a_column_that_all_but_holds_the_next_value_takes_the_place_of_the_forecast():
    """The forecast is the same at each step, so that lags of the column say nothing of it, and its errors go with it."""
    random = np.random.default_rng(7)
    seen = lfilter([1.0], [1.0, -0.8], random.normal(size=N + 1)) / 1.7
    other = random.normal(size=N + 1)  # what the forecast knows, and lags of the column do not
    column, seen = (seen + other)[1:] + 0.3 * random.normal(size=N), (seen + other)[:N]
    origins = np.arange(N // 2, N - H)
    forecasts = np.stack([other[origins + step] for step in range(1, H + 1)], axis=1)
    result = fit_past([asked(column[:, None], seen, forecasts)])
    assert result is not None
    assert result.kept == [0]
    assert -1.0 < result.shares[0] < -0.6
    (errors,) = result.errors
    judged = errors.seen[len(errors.seen) // 2 + 1 :]
    assert np.std(judged[:, 0]) < 0.6 * np.std(judged[:, 2])


def test_the_forecast_beside_columns_that_say_nothing_gains_nothing():
    random = np.random.default_rng(8)
    seen = random.normal(size=N)
    forecasts = random.normal(size=(N - H - N // 2, H))  # the worst there are: less of them would help
    assert fit_past([asked(random.normal(size=(N, 2)), seen, forecasts)]) is None
