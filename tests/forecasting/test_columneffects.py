"""Effects of columns are means over series, in the unit that makes sense of them."""

from __future__ import annotations

import numpy as np
import pytest

import weights
from planted import stacked, weekly
from weights.forecasting.columneffects import DEVIATIONS, FACTORS, UNITS, find_basis
from weights.forecasting.units import Scale, Unit

N = 300


SAID = {"task": "forecast", "time": "day", "series": "shop", "horizon": 3, "known": "holiday", "smoothing": False}


def shops(*, holiday: float = 8.0) -> dict[str, object]:
    """Three shops with holidays that all have, worth so much in the first and twice and three times as much in the others."""
    days = np.random.default_rng(0).random(N) < 0.05
    tables = []
    for number in (1, 2, 3):
        table = weekly(N, seed=number, shop=[str(number)] * N, holiday=days.astype(int))
        tables.append(table | {"sold": table["sold"] + number * holiday * days})
    return stacked(*tables)


def test_an_effect_is_the_mean_over_series_in_the_unit_of_the_target():
    model = weights.fit(shops(), "sold", **SAID, logs=False)
    effect = next(own for own in model.drivers.columns if own.name == "holiday")
    assert effect.low is not None
    assert effect.low < 16.0 < effect.high
    assert effect.effect == pytest.approx(16.0, abs=1.0)
    assert model.drivers.basis == UNITS
    assert "the mean of 3 series" in str(model.summary())


def test_on_a_log_scale_it_is_a_factor():
    model = weights.fit(shops(), "sold", **SAID, logs=True)
    effect = next(own for own in model.drivers.columns if own.name == "holiday")
    # About 20 are sold: 28, 36 and 44 on holidays are 1.4, 1.8 and 2.2 times as much, in the geometric mean 1.77.
    assert effect.effect == pytest.approx(1.77, abs=0.1)
    assert model.drivers.basis == FACTORS


def test_what_is_seen_differently_is_in_deviations():
    def unit(target: int, *, logged: bool) -> Unit:
        return Unit(0, target, 0, np.ones(3), np.ones(3, bool), Scale(0.0, 1.0, logged))

    assert find_basis([unit(0, logged=False)]) == UNITS
    assert find_basis([unit(0, logged=True), unit(0, logged=True)]) == FACTORS
    assert find_basis([unit(0, logged=True), unit(0, logged=False)]) == DEVIATIONS
    assert find_basis([unit(0, logged=False), unit(1, logged=False)]) == DEVIATIONS


def test_missing_values_say_nothing_of_columns():
    """Filled from the week before, a fifth of the values would take a fifth of the effect of holidays."""
    random, table = np.random.default_rng(4), shops()
    table["sold"] = np.where(random.random(3 * N) < 0.2, np.nan, table["sold"])
    model = weights.fit(table, "sold", **SAID, logs=False)
    effect = next(own for own in model.drivers.columns if own.name == "holiday")
    assert effect.effect == pytest.approx(16.0, abs=1.0)
