"""What lags and steps are called."""

from __future__ import annotations

import pytest

from weights.data.series.calendar import Even, Months, TradingDays
from weights.inspection.lagnames import name_lag, name_step, name_weight

HOURLY, DAILY, NUMBERED = Even(0.0, 3_600.0), Even(0.0, 86_400.0), Even(0.0, 1.0, numbered=True)
MONTHLY, QUARTERLY = Months(24_000, 1, 1), Months(24_000, 3, 31)
TRADING = TradingDays((19_723, 19_724, 19_725))


@pytest.mark.parametrize(
    ("calendar", "lag", "step", "name"),
    [
        (HOURLY, 0, 24, "the last value, 1 day ahead"),
        (HOURLY, 23, 1, "yesterday's value, 1 hour ahead"),
        (HOURLY, 120, 48, "last week's value, 2 days ahead"),
        (HOURLY, 47, 1, "the value 2 days earlier, 1 hour ahead"),
        (HOURLY, 24, 1, "the value 1 day before the last, 1 hour ahead"),
        (DAILY, 364, 1, "last year's value, 1 day ahead"),
        (MONTHLY, 11, 1, "last year's value, 1 month ahead"),
        (MONTHLY, 1, 1, "the value 1 month before the last, 1 month ahead"),
        (QUARTERLY, 6, 2, "the value 2 years earlier, 6 months ahead"),
        (TRADING, 4, 1, "the value 5 trading days earlier, 1 trading day ahead"),
        (NUMBERED, 3, 2, "the value 3 steps before the last, 2 steps ahead"),
    ],
)
def test_a_weight_is_called_by_what_lies_between_the_lag_and_the_step(calendar, lag, step, name):
    assert name_weight(calendar, lag, step) == name


def test_a_lag_alone_is_called_by_its_distance_from_the_last_value():
    assert [name_lag(DAILY, lag) for lag in (0, 1, 7)] == [
        "the last value",
        "the value 1 day before the last",
        "the value 1 week before the last",
    ]
    assert name_step(HOURLY, 36) == "36 hours ahead"
