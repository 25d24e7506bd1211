"""Walking over later values says at each moment what was known then, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from planted import rows_of, weekly, weekly_counts
from small import HORIZON, forecast_counts, forecast_one, forecast_two
from weights.forecasting.later import read_later
from weights.forecasting.scoring import walk_later
from weights.forecasting.walking import bound_steps, undo_all, walk

LATER = rows_of(weekly(130), slice(105, None))


def walked(later, model=None):
    known = read_later((model or forecast_one()).forecaster, later)
    return known.forecaster, [*walk(known.forecaster, known.values, known.expected, known.past)]


def test_there_is_a_moment_before_the_first_later_value_and_one_after_each():
    _, moments = walked(LATER)
    assert [moment.known for moment in moments] == [*range(26)]


def test_forecasts_at_each_moment_are_weights_of_what_columns_leave_of_the_last_values():
    forecaster, moments = walked(LATER)
    units, (expected,) = forecaster.units, read_later(forecaster, LATER).expected
    rest = np.concatenate([units.tails[0] - units.tail_effects[0], units.scale(0).see(LATER["sold"]) - expected[:25]])
    for moment in moments:
        lags = rest[: len(units.tails[0]) + moment.known][::-1][: forecaster.model.n_lags]
        forecast = lags @ units.weights[0] + expected[moment.known : moment.known + HORIZON]
        np.testing.assert_allclose(moment.forecasts[0], forecast, atol=1e-9)


def test_what_comes_after_a_moment_changes_nothing_that_is_said_at_it():
    changed = dict(LATER, sold=np.where(np.arange(25) < 10, LATER["sold"], -500.0))
    _, usual = walked(LATER)
    _, other = walked(changed)
    for a, b in zip(usual[:11], other[:11], strict=True):
        np.testing.assert_array_equal(a.forecasts, b.forecasts)
        np.testing.assert_array_equal(bound_steps(a, 0.8).low, bound_steps(b, 0.8).low)
    assert not np.array_equal(usual[11].forecasts, other[11].forecasts)


def test_bounds_widen_after_large_errors_and_narrow_after_none():
    _, moments = walked(LATER)

    def width(moment):
        bounds = bound_steps(moment, 0.8)
        return float(np.mean(bounds.high - bounds.low))

    _, wild = walked(dict(LATER, sold=LATER["sold"] + 30 * np.cos(np.arange(25))))
    assert width(wild[-1]) > 2 * width(moments[-1])


def test_a_value_that_did_not_come_leaves_bounds_as_they_were_but_for_time():
    _, moments = walked(dict(LATER, sold=np.append(np.nan, LATER["sold"][1:])))
    np.testing.assert_array_equal(moments[0].bounds.quantiles, moments[1].bounds.quantiles)
    assert moments[1].bounds.moment == moments[0].bounds.moment + 1


def test_forecasts_of_counts_are_cut_at_zero_until_a_value_comes_below():
    model = forecast_counts()
    later = rows_of(weekly_counts(180), slice(140, None))
    moments = walked(later, model)[1]
    assert min(bound_steps(moment, 0.95).low.min() for moment in moments) == 0.0
    assert all(moment.scales[0].floored for moment in moments)
    later["sold"][20] = -3.0
    moments = walked(later, model)[1]
    assert [moment.scales[0].floored for moment in moments] == [True] * 21 + [False] * 20
    assert bound_steps(moments[-1], 0.95).low.min() < 0


def test_cutting_at_zero_loses_no_coverage():
    model, later = forecast_counts(), rows_of(weekly_counts(180), slice(140, None))
    known = read_later(model.forecaster, later)
    units = model.forecaster.units
    uncut = replace(model.forecaster, units=units._replace(floored=np.zeros_like(units.floored)))
    cut, whole = (walk_later(replace(known, forecaster=forecaster), [0.8, 0.95]) for forecaster in (model.forecaster, uncut))
    assert cut.coverage == whole.coverage
    assert (np.abs(cut.errors[0].values) <= np.abs(whole.errors[0].values)).all()


def test_forecasts_come_back_in_the_users_units():
    _, moments = walked(rows_of(weekly(120, shop=["a"] * 120), slice(105, None)), forecast_two())
    forecasts = undo_all(moments[0].scales, moments[0].forecasts)
    assert forecasts.shape == (2, HORIZON)
    assert 15 < forecasts[0].mean() < 25
    assert 30 < forecasts[1].mean() < 50
