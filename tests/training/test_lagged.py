"""Mixtures of regressions on lags forecast what is linear in lags, and know nothing of what comes later."""

from __future__ import annotations

import numpy as np
import pytest

from weights.training.lagged import Regressions, Smoothed, describe_shares, mix_regressions
from weights.training.smoothing import smooth

H = 4


def autoregression(n, *, seed, slope=0.8):
    noise, values = np.random.default_rng(seed).normal(size=n), np.zeros(n)
    for i in range(1, n):
        values[i] = slope * values[i - 1] + noise[i]
    return values


def test_shares_add_up_at_every_step_and_the_best_has_most():
    mixture = mix_regressions(autoregression(300, seed=0), Regressions(H, (1, 4, 8), (4,)))
    assert {(setting.n_lags, setting.reference) for setting in mixture.shares} == {
        *((n, name) for n in (1, 4, 8) for name in ("zero", "last value")),
        *((n, name) for n in (4, 8) for name in ("season of 4", "half the trend")),
    }
    np.testing.assert_allclose(np.sum([*mixture.shares.values()], axis=0), 1.0)
    first = {setting: loss[0] for setting, loss in mixture.losses.items()}
    best = min(first, key=first.__getitem__)
    assert mixture.shares[best][0] == max(share[0] for share in mixture.shares.values())


def test_an_autoregression_is_forecast_nearly_as_well_as_by_who_knows_it():
    mixture, slopes = mix_regressions(autoregression(400, seed=1), Regressions(H, (1, 4, 8))), 0.8 ** np.arange(1, H + 1)
    new = autoregression(20_000, seed=2)
    origins = np.arange(50, len(new) - H, 7)
    steps = new[origins[:, None] + np.arange(1, H + 1)]
    ours = np.stack([mixture.forecast(new[: origin + 1]) for origin in origins])
    known = np.mean((steps - new[origins][:, None] * slopes) ** 2)
    # Estimating 8 weights from 400 windows costs 8 / 400 of the noise, and up to H times as much where windows overlap by H steps.
    assert np.mean((steps - ours) ** 2) < (1 + 8 / 400 * H) * known


def test_a_season_without_noise_is_forecast_without_error():
    values = np.tile([3.0, -1.0, 0.5, -2.5], 40)
    mixture = mix_regressions(values, Regressions(6, (4, 8), (4,)))
    np.testing.assert_allclose(mixture.forecast(values), [3.0, -1.0, 0.5, -2.5, 3.0, -1.0], atol=1e-4)


def test_a_constant_stays_as_it_is():
    mixture = mix_regressions(np.full(60, 2.0), Regressions(H, (2, 4), (4,)))
    np.testing.assert_allclose(mixture.forecast(np.full(10, 2.0)), 2.0, atol=1e-6)


@pytest.mark.parametrize("n_values", [4, 9, 10, 18, 19])
def test_a_series_too_short_for_some_lags_is_forecast_from_fewer(n_values):
    mixture = mix_regressions(autoregression(n_values, seed=3), Regressions(H, (2, 5)))
    if n_values < 2 + 2 * H:
        assert mixture is None
    else:
        assert len(mixture.weights) == (5 if n_values >= 3 * 5 + H else 2)
        assert np.isfinite(mixture.forecast(autoregression(n_values, seed=3))).all()


def trending(n, *, seed):
    return np.linspace(-1, 1, n) + autoregression(n, seed=seed, slope=0.5) / 20 + np.tile([0.2, -0.2, 0.1, -0.1], n)[:n]


@pytest.mark.parametrize(("n_values", "smoothing_lags"), [(80, 30), (80, 8), (900, 8)])
def test_smoothing_is_judged_by_what_came_after_each_cut_with_parameters_from_before(n_values, smoothing_lags):
    values, cuts = trending(n_values, seed=4), np.array([50, 58, 67]) * (n_values // 80)
    mixture = mix_regressions(values, Regressions(H, (4, 8), (4,), ("exponential smoothing", "theta"), smoothing_lags), cuts)
    assert {setting.name for setting in mixture.shares} >= {"exponential smoothing", "theta", "8 lags beside last value"}
    np.testing.assert_allclose(np.sum([*mixture.shares.values()], axis=0), 1.0)
    assert mixture.weights.shape == (smoothing_lags, H)
    for name in ("exponential smoothing", "theta"):
        errors = []
        for cut, until in zip(cuts, [*cuts[1:], n_values - H], strict=True):
            known = values[: (cuts[0] if n_values > 200 else cut) + 1]  # of many values those before the first cut do
            weights = smooth(name, known, 4, smoothing_lags, H)
            origins = np.arange(cut, until)
            forecasts = np.stack([values[: origin + 1][: -smoothing_lags - 1 : -1] @ weights for origin in origins])
            errors.append((values[origins[:, None] + np.arange(1, H + 1)] - forecasts) ** 2 / values[: cut + 1].var())
        losses = mixture.losses[Smoothed(smoothing_lags, name)]
        np.testing.assert_allclose(losses, np.concatenate(errors).mean(axis=0), rtol=1e-6)


def test_what_smooths_has_most_of_a_level_that_drifts_in_noise():
    rng = np.random.default_rng(5)
    values = (rng.normal(size=120) * 0.3).cumsum() + rng.normal(size=120)
    alone = mix_regressions(values, regressions := Regressions(H, (1, 4, 16)))
    mixed = mix_regressions(values, regressions.with_smoothers(("exponential smoothing",), 120))
    best = max(mixed.shares, key=lambda setting: mixed.shares[setting].mean())
    assert best.name == "exponential smoothing"
    assert not {setting.name for setting in alone.shares} & {best.name}
    assert len(mixed.weights) > len(alone.weights)


def test_smoothing_is_left_out_where_there_is_nothing_to_smooth():
    assert Regressions(H, ()).with_smoothers(("theta",), 100) == Regressions(H, ())
    mixture = mix_regressions(np.full(60, 2.0), Regressions(H, (2, 4), (4,), ("theta",), 20))
    assert "theta" not in {setting.name for setting in mixture.shares}


def test_shares_are_told_by_name_whatever_the_number_of_lags():
    parts = [mix_regressions(trending(n, seed=6), Regressions(H, (4,), (), ("theta",), 96)) for n in (60, 80)]
    shares = describe_shares(parts)
    assert "theta" in shares
    assert sum(shares.values()) == pytest.approx(1.0)
