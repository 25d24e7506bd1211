"""Volatility is forecast from what is known, as sure as it says, and sees calm, storms and what comes back every quarter."""

from __future__ import annotations

import numpy as np
import pytest

from weights.data.series.finance import qlike
from weights.errors import DataError, UsageError
from weights.training.volatility import fit_volatility, measure_movement

H = 10


def draw_returns(n_moments, n_series, *, seed, persistence=0.97):
    """Returns of stochastic volatility, each series its own, of standard deviation near 1 %, shape (t, S)."""
    rng = np.random.default_rng(seed)
    logs = np.zeros((n_moments, n_series))
    for t in range(1, n_moments):
        logs[t] = persistence * logs[t - 1] + 0.15 * rng.normal(size=n_series)
    return 0.01 * np.exp(logs) * rng.normal(size=logs.shape)


def fit_to(returns, horizon=H):
    measures = [np.log(np.abs(returns) + 1e-3)]
    return fit_volatility(returns**2, measures, horizon), measures


def mean_squares(returns, origins, horizon):
    """What came over the next steps, shape (o, S, H)."""
    ahead = returns[origins[:, None] + np.arange(1, horizon + 1)] ** 2
    return np.moveaxis(np.cumsum(ahead, axis=1), 1, 2) / np.arange(1, horizon + 1)


def test_no_forecast_moves_when_all_that_comes_later_changes():
    returns = draw_returns(400, 4, seed=0)
    model, measures = fit_to(returns[:300])
    measures = [np.log(np.abs(returns) + 1e-3)]
    origin = np.array([320])
    before = model.forecast(returns**2, measures, origin)
    changed = returns.copy()
    changed[321:] = 5 * draw_returns(79, 4, seed=1)
    np.testing.assert_array_equal(model.forecast(changed**2, [np.log(np.abs(changed) + 1e-3)], origin), before)
    np.testing.assert_array_equal(model.forecast(returns[:321] ** 2, [part[:321] for part in measures]), before)


def test_returns_of_one_variance_are_forecast_with_it():
    returns = 0.02 * np.random.default_rng(2).normal(size=(500, 10))
    model, measures = fit_to(returns)
    forecast = model.forecast(returns**2, measures, np.arange(100, 490, 10))
    # The mean of 5,000 squares has a standard error of sqrt(2 / 5,000) of it, 2 %; what is added before logarithms is 1 % at one step.
    np.testing.assert_allclose(forecast.mean(axis=(0, 1)), 0.02**2, rtol=4 * np.sqrt(2 / 5_000))


def test_changing_volatility_is_forecast_better_than_by_the_mean():
    returns = draw_returns(800, 20, seed=3)
    model, _ = fit_to(returns[:600])
    origins = np.arange(600, 790)
    forecast = model.forecast(returns**2, [np.log(np.abs(returns) + 1e-3)], origins)
    came = mean_squares(returns, origins, H)
    history = np.stack([(returns[: o + 1] ** 2).mean(axis=0) for o in origins])
    assert qlike(came, forecast)[..., -1].mean() < 0.8 * qlike(came[..., -1], history).mean()


def test_forecasts_at_rolling_origins_are_those_of_what_was_known_there():
    """The same as of a fit to what came before the cut, with the strength that was chosen in the end."""
    returns = draw_returns(400, 3, seed=9)
    model, measures = fit_to(returns)
    rolling = model.rolling
    assert {*rolling.series.tolist()} == {0, 1, 2}
    assert rolling.squares.shape == (len(rolling.origin), H)
    first = rolling.origin == rolling.origin.min()
    changed = returns.copy()
    changed[int(rolling.origin.min()) + 1 :] *= 7.0
    other, _ = fit_to(changed)
    if other.strength == model.strength:
        np.testing.assert_allclose(other.rolling.squares[first], rolling.squares[first], rtol=1e-9)
    expected = model.forecast(returns**2, measures, rolling.origin[first][:1])
    assert np.corrcoef(expected[0, :, -1], rolling.squares[first][:, -1])[0, 1] > 0


def test_a_jump_every_quarter_is_expected_before_it_comes():
    """Returns are ten times as large every 63 days, on other days in each series: as earnings are."""
    rng = np.random.default_rng(4)
    places = rng.integers(0, 63, size=12)
    returns = 0.01 * rng.normal(size=(900, 12)) * np.where((np.arange(900)[:, None] - places) % 63 == 0, 10.0, 1.0)
    model, measures = fit_to(returns)
    origins = np.arange(600, 889)
    forecast = model.forecast(returns**2, measures, origins)[..., -1]
    soon = ((origins[:, None] + np.arange(1, H + 1))[:, :, None] - places) % 63 == 0
    comes = soon.any(axis=1)
    assert np.median(forecast[comes]) > 1.5 * np.median(forecast[~comes])  # one, if it knew nothing of quarters


def test_one_series_alone_and_one_that_begins_late_are_forecast():
    returns = draw_returns(400, 3, seed=5)
    alone, measures = fit_to(returns[:, :1])
    assert np.isfinite(alone.forecast(returns[:, :1] ** 2, measures)).all()
    late = returns.copy()
    late[:370, 2] = np.nan
    model, measures = fit_to(late)
    assert np.isfinite(model.forecast(late**2, measures)).all()


def test_series_that_are_too_short_are_refused_with_what_is_needed():
    with pytest.raises(DataError, match="over 10 steps needs 91 moments or more, but there are 90"):
        fit_to(draw_returns(90, 2, seed=6))
    assert np.isfinite(fit_to(draw_returns(91, 2, seed=6))[0].weights).all()
    with pytest.raises(UsageError, match="measure of movement was needed"):
        fit_volatility(draw_returns(200, 2, seed=7) ** 2, [], H)
    for there in (slice(150, None), slice(0, 80)):
        part = np.full((400, 1), np.nan)
        part[there] = draw_returns(400, 1, seed=8)[there]
        with pytest.raises(DataError, match="in the first quarter of its moments, and in the rest, but there is none"):
            fit_to(part)


def test_a_range_covers_prices_that_contradict_each_other():
    close = np.array([[100.0], [102.0], [99.0]])
    opened, high, low = np.array([[100.0], [101.0], [100.0]]), np.array([[101.0], [101.0], [100.0]]), np.array([[99.0], [101.0], [98.0]])
    ranges, returns = measure_movement(close, open=opened, high=high, low=low)
    covered = np.log(102 / 101) ** 2 / (4 * np.log(2)) + np.log(101 / 100) ** 2 + 1e-6
    np.testing.assert_allclose(ranges[1], np.log(covered))
    np.testing.assert_allclose(returns[2], np.log(np.log(102 / 99) + 1e-3))
    assert len(measure_movement(close)) == 1
