"""What is known of prices is in units of volatility, and knows no later price."""

from __future__ import annotations

import numpy as np

from weights.data.series.pricehistory import scale_returns, tell_history


def random_prices(n, *, seed, n_series=3):
    return 50 * np.exp(np.cumsum(0.02 * np.random.default_rng(seed).normal(size=(n, n_series)), axis=0))


def history(close, *, seed):
    rng = np.random.default_rng(seed)
    volume = rng.integers(1, 1_000, size=close.shape).astype(float)
    return tell_history(close, volume=volume, high=close * 1.01, low=close * 0.99)[1]


def test_nothing_moves_when_every_later_price_changes():
    close = random_prices(200, seed=0)
    close[50, 1] = np.nan
    for now in (90, 150):
        other = close.copy()
        other[now + 1 :] = 3 * random_prices(199 - now, seed=1)
        np.testing.assert_array_equal(history(other, seed=2)[:, : now + 1], history(close, seed=2)[:, : now + 1])


def test_columns_are_what_they_are_called():
    close = random_prices(200, seed=3)
    names, known = tell_history(close, high=close, low=close / np.e)
    returns, scale = scale_returns(close)
    np.testing.assert_allclose(scale[150], np.sqrt((returns[88:151] ** 2).mean(axis=0)))
    at = dict(zip(names, known[:, 150], strict=True))
    scaled = returns / scale
    np.testing.assert_allclose(at["return, last day"], scaled[150])
    np.testing.assert_allclose(at["return, last month"], scaled[129:151].mean(axis=0))
    np.testing.assert_allclose(at["market, last week"], scaled[146:151].mean())
    np.testing.assert_allclose(at["range, day over quarter"], np.log(1 / scale[150] + 0.1))
    assert "volume, day over month" not in names


def test_the_scale_of_prices_does_not_matter():
    close = random_prices(150, seed=4)
    np.testing.assert_allclose(tell_history(close * 1_000)[1], tell_history(close)[1])


def test_a_price_that_never_moves_has_no_volatility_to_be_measured_in():
    close = random_prices(150, seed=5)
    close[:, 1] = 7.0
    _, known = tell_history(close)
    assert np.isnan(known[0, :, 1]).all()
    assert np.isfinite(known[:, 149, [0, 2]]).all()
