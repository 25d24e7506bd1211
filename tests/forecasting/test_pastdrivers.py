"""What past columns say has intervals that hold it, is found where it was planted, and seldom where nothing was."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

import weights
from planted import weekly
from weights.forecasting.pastdrivers import PastDrivers, find_past_drivers
from weights.forecasting.units import Scale, Unit
from weights.types import FloatArray

N = 400


def unit_of(values: FloatArray, *columns: FloatArray, spread: float = 1.0, logged: bool = False) -> Unit:
    return Unit(0, 0, 0, values, np.ones(len(values), bool), Scale(0.0, spread, logged), None, np.column_stack(columns))


def driven(seed: int, n: int = N) -> Unit:
    """A target that follows half of its last value and twice the last of the first column; the second says nothing."""
    random = np.random.default_rng(seed)
    leads, other = random.normal(size=(2, n))
    values = lfilter([1.0], [1.0, -0.5], random.normal(size=n) + 2.0 * np.concatenate([[0.0], leads[:-1]]))
    return unit_of(values, leads, other)


def effects_of(drivers: PastDrivers) -> dict[tuple[str, int], tuple[float, float, float, float | None]]:
    return {(own.name, own.step): (own.effect, own.low, own.high, own.adjusted) for own in drivers.effects}


def test_a_leading_column_is_found_with_the_sum_of_its_weights_at_each_step():
    unit = driven(0)
    drivers = find_past_drivers([unit], [unit.values], ["leads", "other"], 0, [1, 2], 3)
    found = effects_of(drivers)
    for step, truth in ((1, 2.0), (2, 1.0)):  # two steps ahead half of what came one step ahead is left
        effect, low, high, adjusted = found["leads", step]
        assert low < truth < high
        assert effect == pytest.approx(truth, abs=0.4)
        assert adjusted is not None
        assert adjusted < 1e-6
        assert found["other", step][3] > 0.05
    assert (drivers.n_lags, drivers.reason) == (3, "")


def test_effects_are_in_the_units_of_target_and_column():
    unit = driven(1)
    times = unit_of(1000 * unit.values, 10 * unit.columns[:, 0], unit.columns[:, 1], spread=1000.0)
    usual, scaled = (find_past_drivers([own], [unit.values], ["leads", "other"], 0, [1], 3).effects[0] for own in (unit, times))
    assert scaled.effect == pytest.approx(100 * usual.effect)
    assert scaled.p_value == pytest.approx(usual.p_value, rel=1e-6)


def test_several_series_are_measured_together_in_deviations():
    units = [driven(2), driven(3)]
    effect = find_past_drivers(units, [unit.values for unit in units], ["leads", "other"], 0, [1], 3).effects[0]
    deviation = np.mean([unit.columns[:, 0].std() / unit.values.std() for unit in units])
    assert effect.low < 2.0 * deviation < effect.high


def test_columns_that_say_nothing_are_seldom_found():
    """Of 100 series 5 may have one at an adjusted p of 0.05 (standard error 2.2); see benchmarks/past_intervals.py."""
    random, found, held = np.random.default_rng(4), 0, []
    for _ in range(100):
        values = lfilter([1.0], [1.0, -0.6], random.normal(size=300))
        unit = unit_of(values, lfilter([1.0], [1.0, -0.9], random.normal(size=300)), (random.random(300) < 0.05).astype(float))
        effects = find_past_drivers([unit], [values], ["slow", "rare"], 0, [1, 5], 7).effects
        found += any(effect.adjusted is not None and effect.adjusted < 0.05 for effect in effects)
        held += [effect.low <= 0 <= effect.high for effect in effects]
    assert found <= 12
    assert 0.91 <= np.mean(held) <= 0.99


def test_what_cannot_be_measured_has_a_reason():
    unit = driven(5)
    same = unit_of(unit.values, unit.columns[:, 0], unit.columns[:, 0])
    followed = find_past_drivers([same], [unit.values], ["a", "b"], 0, [1], 3)
    assert (followed.followed, {effect.name for effect in followed.effects}) == (["b"], {"a"})
    still = unit_of(unit.values, np.zeros(N))
    assert find_past_drivers([still], [unit.values], ["a"], 0, [1], 3) == PastDrivers(reason="they are constant", followed=["a"])
    short = unit_of(unit.values[:20], *unit.columns[:20].T)
    assert "too many for 20 values" in find_past_drivers([short], [short.values], ["a", "b"], 0, [1], 3).reason
    assert find_past_drivers([unit], [unit.values], [], 2, [1], 3) == PastDrivers()


def test_a_summary_shows_columns_with_what_is_used(tmp_path):
    random = np.random.default_rng(6)
    leads = random.normal(size=N)
    table = weekly(N, visits=leads, wind=random.normal(size=N))
    table["sold"] = table["sold"] + 4.0 * np.concatenate([[0.0], leads[:-1]])
    model = weights.fit(table, "sold", task="forecast", time="day", horizon=2, smoothing=False)
    said = str(model.summary())
    line = next(line for line in said.splitlines() if line.strip().startswith("visits"))
    assert line.endswith("used")
    assert "Past columns" in said
    model.save(tmp_path / "run")
    assert weights.load(tmp_path / "run").drivers == model.drivers
