"""What columns add and what they leave make up the values; what is known before settings are judged decides alone until then."""

from __future__ import annotations

import numpy as np

from planted import weekly
from weights.data.series.calendar import Even
from weights.forecasting.beside import count_before_judged, fit_beside
from weights.forecasting.columns import NO_COLUMNS, ChosenColumns
from weights.forecasting.units import Scale, Unit

DAYS = Even(origin=1704067200.0, step=86400.0, numbered=False)
CHOSEN = ChosenColumns(groups=("day of the week",), names=("day",))
CUTS = np.array([120, 160])


def unit(values: np.ndarray) -> Unit:
    return Unit(0, 0, 0, values, np.ones(len(values), bool), Scale(20.0, 2.0), columns=np.zeros((len(values), 0)))


def test_what_columns_add_and_leave_make_up_the_values():
    own = unit(weekly(200)["sold"])
    beside = fit_beside(own, CHOSEN, DAYS, CUTS)
    for added, rest in ((beside.early, beside.rest_early), (beside.final, beside.rest_final)):
        np.testing.assert_allclose(added + rest, own.seen)
        assert np.std(rest) < 0.6 * np.std(own.seen)


def test_without_columns_lags_are_of_the_values():
    own = unit(weekly(50)["sold"])
    beside = fit_beside(own, NO_COLUMNS, DAYS, None)
    np.testing.assert_array_equal(beside.rest_early, own.seen)
    assert not beside.early.any()


def test_what_is_judged_has_no_say_in_what_it_is_judged_by():
    values = weekly(200)["sold"]
    usual = fit_beside(unit(values), CHOSEN, DAYS, CUTS).cleaned(CUTS, 14)
    changed = fit_beside(unit(np.where(np.arange(200) > 120, 500.0, values)), CHOSEN, DAYS, CUTS).cleaned(CUTS, 14)
    np.testing.assert_array_equal(usual.early, changed.early)
    np.testing.assert_array_equal(usual.rest_early[:121], changed.rest_early[:121])
    assert not np.array_equal(usual.final, changed.final)


def test_half_of_the_values_come_before_judging_where_no_cut_is_said():
    assert count_before_judged(CUTS, 200) == 121
    assert count_before_judged(None, 200) == count_before_judged(CUTS[:0], 200) == 100
