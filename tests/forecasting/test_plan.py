"""A plan knows how long it takes, what its stages are, and from where on forecasts are judged."""

from __future__ import annotations

import numpy as np

from planted import stacked, weekly
from weights import api
from weights.forecasting.plan import ForecastPlan, cut_before_judged, estimate_seconds, place_first_judged
from weights.training.lagged import Regressions


def plan(table: dict[str, object], **options: object) -> ForecastPlan:
    planned = api.plan_fit(table, "sold", task="forecast", **{"time": "day", "horizon": 5} | options)
    assert isinstance(planned, ForecastPlan)
    return planned


def test_more_series_and_longer_lags_take_longer_and_threads_share_them():
    short, long = Regressions(5, (7,), (7,)), Regressions(5, (7, 70), (7,))
    assert estimate_seconds(10, long, 1) > estimate_seconds(10, short, 1) > 0
    assert estimate_seconds(10, short, 2) == estimate_seconds(10, short, 1) / 2 == estimate_seconds(5, short, 1)


def test_series_that_share_regressions_have_a_stage_for_these():
    one, two = weekly(84, shop=["a"] * 84), weekly(60, shop=["b"] * 60)
    assert [*plan(one).stages] == ["each series"]
    both = plan(stacked(one, two), series="shop")
    assert [*both.stages] == ["all series", "each series"]
    assert [*plan(stacked(one, two), series="shop", pooling=False).stages] == ["each series"]
    assert both.agrees_with(both)
    assert not both.agrees_with(plan(one))


def test_series_that_end_together_are_judged_at_the_same_moments():
    a, b = weekly(84, shop=["a"] * 84), weekly(70, begin="2024-01-15", shop=["b"] * 70)
    both = plan(stacked(a, b), series="shop")
    first, second = place_first_judged(both)
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(first - 14, second)
    early = place_first_judged(plan(stacked(a, weekly(70, shop=["b"] * 70)), series="shop"))
    assert early[1] is None


def test_what_is_for_judging_begins_after_the_only_cut():
    (unit,) = plan(weekly(84, split=["train"] * 60 + ["val"] * 24), split="split").units
    cut = cut_before_judged(unit, 7, 5)
    assert cut is not None
    assert cut.tolist() == [59]
    assert cut_before_judged(unit, 70, 5) is None
