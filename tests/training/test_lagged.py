"""Mixtures of regressions on lags forecast what is linear in lags, and know nothing of what comes later."""

from __future__ import annotations

import numpy as np
import pytest

from weights.training.lagged import Regressions, mix_regressions

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
