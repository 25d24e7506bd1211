"""Forecasts shared out among lags."""

from __future__ import annotations

import numpy as np
import pytest

from weights.errors import UsageError
from weights.inspection.lags import LagGroup
from weights.inspection.shares import OTHERS, share_out


def test_shares_add_up_to_the_forecast_less_that_of_an_average_window():
    random = np.random.default_rng(1)
    weights, window, means, intercept = (
        random.normal(size=(6, 2, 4)),
        random.normal(size=(6, 2)),
        random.normal(size=2),
        random.normal(size=4),
    )
    groups = [LagGroup("newest", (0, 1)), LagGroup("price", (0, 1, 2, 3, 4, 5), 1)]
    shares = share_out(weights, window, means, groups, intercept)
    np.testing.assert_allclose(shares.forecast, np.einsum("lch,lc->h", weights, window) + intercept)
    np.testing.assert_allclose(shares.mean_forecast + shares.contributions.sum(axis=0), shares.forecast)
    np.testing.assert_allclose(shares.contributions[1], (window[:, 1] - means[1]) @ weights[:, 1])
    assert shares.names == ("newest", "price", OTHERS)


def test_an_average_window_is_forecast_by_nothing_but_the_mean():
    shares = share_out(np.ones((3, 1, 2)), np.full((3, 1), 5.0), np.array([5.0]), [LagGroup("all", (0, 1, 2))])
    assert shares.names == ("all",)
    assert shares.contributions.tolist() == [[0.0, 0.0]]
    assert shares.forecast.tolist() == shares.mean_forecast.tolist() == [15.0, 15.0]


def test_a_lag_in_two_groups_is_refused():
    groups = [LagGroup("the last day", (0, 1)), LagGroup("odd lags", (1, 3))]
    with pytest.raises(UsageError, match="lag 1 is in 'the last day' and in 'odd lags'"):
        share_out(np.ones((4, 1, 1)), np.ones((4, 1)), np.zeros(1), groups)
