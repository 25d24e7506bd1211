"""What positions earn is counted by hand, costs too, and nothing is earned where nothing is said."""

from __future__ import annotations

import numpy as np

from weights.finance.history import PriceHistory
from weights.finance.trading import earn, measure_trading


def trade(leans, origins, history, horizon, a_year, cost):
    return measure_trading(earn(leans, origins, history, horizon), a_year, cost)


RISING = PriceHistory(0, np.cumprod(np.full((60, 1), 1.01), axis=0))


def test_a_share_that_is_held_earns_what_it_rises_and_costs_what_is_bought():
    traded = trade(np.ones((50, 1)), np.arange(5, 55), RISING, 1, 250.0, 0.001)
    np.testing.assert_allclose([traded.gross.value, traded.held.value], 0.01 * 250)
    np.testing.assert_allclose(traded.net.value, (0.01 - 0.001 / 50) * 250)
    np.testing.assert_allclose(traded.traded, 250 / 50)
    assert traded.n_moments == 50


def test_a_position_is_opened_and_closed_in_parts_over_the_horizon():
    """Said once, for two steps: half is held for two moments, and half of all is bought and sold again."""
    leans = np.zeros((10, 1))
    leans[3] = -1.0
    traded = trade(leans, np.arange(10), RISING, 2, 10.0, 0.0)
    np.testing.assert_allclose(traded.gross.value, -2 * 0.5 * 0.01)
    np.testing.assert_allclose(traded.traded, 1.0)


def test_nothing_is_earned_where_nothing_is_said_and_that_is_told():
    traded = trade(np.zeros((30, 1)), np.arange(30), RISING, 3, 250.0, 0.001)
    assert (traded.gross.value, traded.net.value, traded.traded) == (0.0, 0.0, 0.0)
    [line] = traded.lines(3)
    assert line.startswith(
        "Trading       no position was taken, as no forecast speaks for or against holding; holding all: +250.0 % a year"
    )


def test_the_mean_of_a_random_walk_lies_within_its_interval():
    """95 of 100 walks, with four standard errors of such a share."""
    held = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        history = PriceHistory(0, np.exp(np.cumsum(0.01 * rng.normal(size=(301, 2)) - 0.00005, axis=0)))
        gross = trade(rng.choice([-1.0, 1.0], size=(300, 2)), np.arange(300), history, 5, 250.0, 0.0).gross
        held += gross.low <= 0 <= gross.high
    assert held >= 95 - 4 * np.sqrt(100 * 0.95 * 0.05)


def test_lines_name_the_cost_or_that_there_is_none():
    paid, free = (trade(np.ones((50, 1)), np.arange(5, 55), RISING, 1, 250.0, cost) for cost in (0.001, 0.0))
    assert "cost 0.1 % of what is traded" in paid.lines(1)[-1]
    assert "no cost was named (--cost 0.001" in free.lines(1)[-1]
