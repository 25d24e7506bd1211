"""What columns known beforehand add to the values of one series, or of several in the mean, with intervals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
import scipy.special

from weights.data.series.calendar import Calendar
from weights.dependence import MeanError
from weights.forecasting.cleaning import LONGEST_FILTER
from weights.forecasting.columns import ChosenColumns, moments_of
from weights.forecasting.units import Unit
from weights.multiplicity import adjusted
from weights.training.covariates import fit_effects
from weights.training.mean_effects import OwnEffects, average_effects

_LEVEL = 0.95
UNITS, FACTORS, DEVIATIONS = "effect", "factor", "in deviations"
"""What effects are in: the unit of the target, a factor where all series are learned on a log scale, or deviations of each series where
some are, or where there are several targets."""


class ColumnEffect(msgspec.Struct, frozen=True):
    """What a column adds for each of its units, all others and the lags of what they leave as they are.

    Attributes:
        name: of the column. effect: in the unit of the target, or a factor, or in deviations.
        low, high: its 95 % interval; None where nothing can be said. p_value: of no effect. adjusted: for all columns (Holm).
    """

    name: str
    effect: float
    low: float | None
    high: float | None
    p_value: float | None
    adjusted: float | None


def find_basis(units: Sequence[Unit]) -> str:
    """What effects on some series are in."""
    logged = {unit.scale.logged for unit in units}
    if len(logged) > 1 or len({unit.target for unit in units}) > 1:
        return DEVIATIONS
    return FACTORS if logged == {True} else UNITS


def judge_columns(units: Sequence[Unit], chosen: ChosenColumns, calendar: Calendar) -> list[ColumnEffect]:
    """The effects of columns, means over series; none where no column helps.

    Args:
        units: the series.
        chosen: the columns.
        calendar: of the series.
    """
    if not chosen.groups:
        return []
    basis, first = find_basis(units), min(unit.begin for unit in units)

    def each() -> Iterator[OwnEffects]:
        for unit in units:
            columns = chosen.at(calendar, moments_of(calendar, unit.begin, len(unit.values)), unit.columns[: len(unit.values)])
            effects = fit_effects(np.where(unit.known, unit.seen, np.nan), columns, longest=LONGEST_FILTER, half_life=chosen.half_life)
            yield OwnEffects(effects, unit.begin - first, 1.0 if basis == DEVIATIONS else unit.scale.spread)

    slopes, errors = average_effects(each(), max(unit.end for unit in units) + 1 - first)
    judged = [(float(slope), *_judge(float(slope), error)) for slope, error in zip(slopes, errors, strict=True)]
    together = adjusted([p_value for *_, p_value in judged], "holm")

    def shown(value: float | None) -> float | None:
        return float(np.exp(value)) if value is not None and basis == FACTORS else value

    return [
        ColumnEffect(name, shown(slope) or 0.0, shown(low), shown(high), p_value, whole)
        for name, (slope, low, high, p_value), whole in zip(chosen.names, judged, together, strict=True)
    ]


def _judge(slope: float, error: MeanError) -> tuple[float | None, float | None, float | None]:
    """An interval and the p-value of no effect; None where nothing can be said."""
    half = error.half_width(_LEVEL)
    if half is None or error.std_err == 0:
        return None, None, None
    return slope - half, slope + half, float(2 * scipy.special.stdtr(error.degrees, -abs(slope) / error.std_err))
