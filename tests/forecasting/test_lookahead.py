"""Columns that were filled in afterwards are warned of where forecasts use them; those that are measured are not."""

from __future__ import annotations

import numpy as np

import weights
from planted import rows_of, weekly
from weights.forecasting.lookahead import describe_look_ahead
from weights.forecasting.units import Scale, Unit
from weights.types import FloatArray

N = 400


def season_and_noise(seed: int) -> FloatArray:
    """An autoregression about a weekly rhythm."""
    random = np.random.default_rng(seed)
    rest = np.zeros(N + 1)
    for t, innovation in enumerate(random.normal(size=N + 1)):
        rest[t] = 0.6 * rest[t - 1] + innovation
    return rest + 4 * np.sin(2 * np.pi * np.arange(N + 1) / 7)


def unit_of(values: FloatArray, *columns: FloatArray, series: int = 0, begin: int = 0) -> Unit:
    return Unit(series, 0, begin, values, np.ones(len(values), bool), Scale(0.0, 1.0), None, np.column_stack(columns))


def test_tomorrows_value_is_suspect_and_what_is_measured_or_known_to_repeat_itself_is_not():
    random, values = np.random.default_rng(1), season_and_noise(0)
    tomorrow = values[1:] + random.normal(size=N)
    today = values[:N] + random.normal(size=N)
    rhythm = 4 * np.sin(2 * np.pi * (np.arange(N) + 2) / 7) + 0.3 * random.normal(size=N)  # the same rhythm, two days early
    unit = unit_of(values[:N], today, tomorrow, rhythm, random.normal(size=N))
    (said,) = describe_look_ahead([unit], ["today", "tomorrow", "rhythm", "noise"], [0, 1, 2, 3], (7,))
    assert said.startswith("'tomorrow' tells ")
    assert "1 step later" in said
    assert describe_look_ahead([unit], ["noise", "today"], [3, 0], (7,)) == []
    assert describe_look_ahead([unit], [], [], (7,)) == []


def test_means_around_and_after_a_moment_are_suspect_and_those_before_it_are_not():
    values, random = season_and_noise(5), np.random.default_rng(6)
    week = np.lib.stride_tricks.sliding_window_view(values, 7).mean(axis=1)
    n = len(values) - 14
    around, after, before = week[4 : 4 + n], week[8 : 8 + n], week[1 : 1 + n]  # of 7 values, from 3 before, 1 after, and 6 before
    later = values[14 : 14 + n] + 0.3 * random.normal(size=n)
    said = describe_look_ahead(
        [unit_of(values[7 : 7 + n], around, after, before, later, values[6 : 6 + n])],
        ["around", "after", "before", "a week later", "yesterday"],
        [0, 1, 2, 3, 4],
        (7,),
    )
    assert [warning.split("'")[1] for warning in said] == ["around", "after", "a week later"]


def test_series_that_end_at_different_moments_are_laid_beside_each_other():
    values = season_and_noise(2), season_and_noise(3)
    shared = values[0][1:] + 0.5 * np.random.default_rng(4).normal(size=N)
    units = [unit_of(values[0][:N], shared), unit_of(values[1][:100], shared[300:], series=1, begin=300)]
    (said,) = describe_look_ahead(units, ["tomorrow"], [0], (7,))
    assert "1 step later" in said


def test_the_fit_warns_of_a_column_that_it_uses_and_so_does_a_backtest():
    sold = weekly(N + 1, noise=2.0)
    table = {**rows_of(sold, slice(N)), "filled": sold["sold"][1:] + np.random.default_rng(1).normal(size=N)}
    model = weights.fit(table, "sold", task="forecast", time="day", horizon=2, inspect=False)
    for said in (model.report.remarks, model.backtest(table).notes):
        (warning,) = [note for note in said if "filled in afterwards" in note]
        assert warning.startswith("'filled' tells ")
