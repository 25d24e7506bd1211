"""What is told of prices is what came, and nothing that is said at a moment knows a later price."""

from __future__ import annotations

import numpy as np
import pytest

from weights.data.series.finance import QUANTITIES, check_prices, log_loss, observe, qlike
from weights.errors import DataError

PRICES = np.array([100.0, 110.0, 99.0, 99.0, 118.8])
H = 3


def random_prices(n, *, seed):
    return 50 * np.exp(np.cumsum(0.02 * np.random.default_rng(seed).normal(size=n)))


def outcomes_of(name, prices=PRICES, horizon=H):
    quantity = QUANTITIES[name]
    return quantity, observe(quantity, quantity.values(prices), horizon)


@pytest.mark.parametrize(
    ("name", "came"),
    [
        ("returns", [0.1, -0.01, -0.01]),
        ("log-returns", [np.log(1.1), np.log(0.99), np.log(0.99)]),
        ("volatility", [np.log(1.1) ** 2, (np.log(1.1) ** 2 + np.log(0.9) ** 2) / 2, (np.log(1.1) ** 2 + np.log(0.9) ** 2) / 3]),
        ("direction", [1, 0, 0]),
        ("drawdown", [0, 0.1, 0.1]),
    ],
)
def test_outcomes_are_those_that_prices_give_by_hand(name, came):
    _, outcomes = outcomes_of(name)
    np.testing.assert_allclose(outcomes[0], came, atol=1e-12)
    assert np.isnan(outcomes[-1]).all()
    assert np.isnan(outcomes[2]).tolist() == [False, False, True]


def test_volatility_is_shown_for_a_year():
    quantity, _ = outcomes_of("volatility")
    np.testing.assert_allclose(quantity.show(np.array([0.01**2]), 252.0), [0.01 * np.sqrt(252)])


@pytest.mark.parametrize("name", QUANTITIES)
def test_no_value_and_no_baseline_moves_when_every_later_price_changes(name):
    """All that is said at a moment is the same, whatever comes later: another price, none, or the end of the table."""
    quantity, prices = QUANTITIES[name], random_prices(120, seed=0)
    prices[40] = np.nan
    for now in (30, 41, 75):
        other, unknown = prices.copy(), prices.copy()
        other[now + 1 :] = random_prices(119 - now, seed=1) * 3
        unknown[now + 1 :] = np.nan
        for later in (other, unknown, prices[: now + 1]):
            (a, came_a), (b, came_b) = ((quantity.values(p), observe(quantity, quantity.values(p), H)) for p in (prices, later))
            np.testing.assert_array_equal(a[: now + 1], b[: now + 1])
            for baseline in quantity.baselines.values():
                np.testing.assert_array_equal(baseline(a, came_a)[: now + 1], baseline(b, came_b)[: now + 1])


@pytest.mark.parametrize("name", QUANTITIES)
def test_baselines_say_something_of_every_step_once_there_is_history(name):
    quantity, outcomes = outcomes_of(name, random_prices(120, seed=2))
    for baseline in quantity.baselines.values():
        assert np.isfinite(baseline(quantity.values(random_prices(120, seed=2)), outcomes)[60:]).all()


def test_the_historical_mean_is_that_of_windows_that_had_ended():
    quantity, outcomes = outcomes_of("returns")
    mean = quantity.baselines["historical mean"](quantity.values(PRICES), outcomes)
    np.testing.assert_allclose(mean[2, :2], [(0.1 - 0.1) / 2, -0.01], atol=1e-12)
    assert np.isnan(mean[1, 1])


def test_har_finds_the_slopes_of_a_truth_that_is_har():
    """Values whose next one is a known mixture of their means are forecast without error, once slopes are determined."""
    rng = np.random.default_rng(3)
    values = [*rng.uniform(1, 2, size=22)]
    for i in range(200):
        values.append(0.7 + 0.3 * values[-1] + 0.3 * np.mean(values[-5:]) + 0.3 * np.mean(values[-22:]) - (i < 60) * rng.uniform(0, 1))
    quantity, values = QUANTITIES["volatility"], np.asarray(values)
    noisy = np.arange(len(values) - 1) < 81  # only outcomes without noise are learned from, and the inputs still differ
    outcomes = observe(quantity, values, 1)
    outcomes[:-1][noisy] = np.nan
    expected = quantity.baselines["HAR"](values, outcomes)
    assert np.isnan(expected[80]).all()
    np.testing.assert_allclose(expected[110:-1, 0], values[111:], rtol=1e-6)


@pytest.mark.parametrize("name", QUANTITIES)
def test_baselines_of_some_steps_are_those_of_all(name):
    quantity, prices = QUANTITIES[name], random_prices(150, seed=6)
    values, steps = quantity.values(prices), np.array([1, 3])
    outcomes = observe(quantity, values, H)
    for baseline in quantity.baselines.values():
        np.testing.assert_allclose(baseline(values, outcomes[:, steps - 1], steps), baseline(values, outcomes)[:, steps - 1], rtol=1e-9)


def test_losses_are_zero_of_what_is_right_and_qlike_is_least_at_the_mean():
    assert qlike(np.array([4.0]), np.array([4.0]))[0] == 0
    assert np.isnan(qlike(np.array([0.0]), np.array([1.0]))[0])
    variances = np.random.default_rng(5).gamma(2.0, 1.0, size=10_000)
    tried = np.linspace(0.5, 4, 351)
    assert abs(tried[np.argmin([qlike(variances, value).mean() for value in tried])] - variances.mean()) <= 0.01
    np.testing.assert_allclose(log_loss(np.array([1.0, 0.0, 1.0]), np.array([1.0, 0.5, 0.0])), [0, np.log(2), -np.log(1e-6)], atol=2e-6)


@pytest.mark.parametrize("bad", [0.0, -3.0, np.inf])
def test_prices_without_a_logarithm_are_refused_with_what_to_do(bad):
    with pytest.raises(DataError, match=r"must be positive, but 1 of 3 values of 'close'.*value 2.*without --as"):
        check_prices(np.array([1.0, bad, 2.0]), "close")
    check_prices(np.array([1.0, np.nan, 2.0]), "close")
