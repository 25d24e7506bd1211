"""What stands beside lags: what columns add to the values of a unit, and what they leave, of which lags are taken."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from weights.data.series.calendar import Calendar
from weights.forecasting.cleaning import AS_THEY_ARE, LONGEST_FILTER, Cleaning, clean_all, fit_cleaning
from weights.forecasting.columns import ChosenColumns, moments_of
from weights.forecasting.units import Unit
from weights.training.covariates import fit_effects
from weights.types import FloatArray, IntArray

NO_SLOPES = np.zeros(0)


class Beside(NamedTuple):
    """What columns add to the values of a unit, as they are seen: by effects from what came before settings were judged, and by all.

    early, final: shape (t,). rest_early, rest_final: what they leave, of which lags are, cleaned where that helps.
    intercept, slopes: of the effects from all values; none where no column helps.
    cleaning: of later values.
    """

    early: FloatArray
    final: FloatArray
    rest_early: FloatArray
    rest_final: FloatArray
    intercept: float = 0.0
    slopes: FloatArray = NO_SLOPES
    cleaning: Cleaning = AS_THEY_ARE

    def cleaned(self, cuts: IntArray | None, n_lags: int) -> Beside:
        """The same with cleaned rests."""
        early = fit_cleaning(self.rest_early[: count_before_judged(cuts, len(self.early))], n_lags)
        final = fit_cleaning(self.rest_final, n_lags)
        rests = clean_all(self.rest_early, early), clean_all(self.rest_final, final)
        return self._replace(rest_early=rests[0], rest_final=rests[1], cleaning=final)


def count_before_judged(cuts: IntArray | None, n_values: int) -> int:
    """How many values are known before settings are judged."""
    return int(cuts[0]) + 1 if cuts is not None and len(cuts) else n_values // 2


def fit_beside(unit: Unit, chosen: ChosenColumns, calendar: Calendar, cuts: IntArray | None) -> Beside:
    """What the chosen columns add to the values of a unit whose settings are judged from some cuts on."""
    seen = unit.seen
    if not chosen.groups:
        nothing = np.zeros(len(seen))
        return Beside(nothing, nothing, seen, seen)
    columns = chosen.at(calendar, moments_of(calendar, unit.begin, len(seen)), unit.columns[: len(seen)])
    until, came = count_before_judged(cuts, len(seen)), np.where(unit.known, seen, np.nan)  # what was filled says nothing of columns
    early, final = (
        fit_effects(came[:n], columns._replace(values=columns.values[:n]), longest=LONGEST_FILTER, half_life=chosen.half_life)
        for n in (until, len(seen))
    )
    by_early, by_all = early.expect(columns.values), final.expect(columns.values)
    return Beside(by_early, by_all, seen - by_early, seen - by_all, final.intercept, final.slopes)
