"""What drives forecasts: which lag counts at which step ahead, and what columns add, with intervals that respect dependence.

Lags are measured in the best linear forecast there is (`inspection/lags.py`), beside the weights that the forecast uses, which are shrunk
and have no interval. What columns beside lags add is what `training/covariates.py` estimates.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from weights.data.series.calendar import Calendar
from weights.errors import DataError
from weights.forecasting.columneffects import UNITS, ColumnEffect, find_basis, judge_columns
from weights.forecasting.columns import ChosenColumns
from weights.forecasting.pastdrivers import PastDrivers, find_past_drivers
from weights.forecasting.units import Unit
from weights.inspection.lagnames import name_step, name_weight
from weights.inspection.lags import measure_lags
from weights.types import FloatArray

_FEWEST_LAGS, _MOST_LAGS = 4, 48
_WINDOWS_A_LAG = 8
"""Values that there are at least for each lag that is measured (our choice)."""
_MOST_SERIES = 50
_LEVEL = 0.95


class LagWeight(msgspec.Struct, frozen=True):
    """The weight of a lag in the forecast of a step.

    Attributes:
        name: of both. lag: counted from 0, the last value. step: ahead, counted from 1.
        weight: in the best linear forecast. low, high: its 95 % interval. p_value: of zero. adjusted: for all weights measured (Holm).
        used: the weight that forecasts use, the mean over series.
    """

    name: str
    lag: int
    step: int
    weight: float
    low: float
    high: float
    p_value: float
    adjusted: float
    used: float


class Drivers(msgspec.Struct, frozen=True):
    """What drives forecasts.

    Attributes:
        lags: by step, then by lag; none where there are too few values, which `reason` says.
        steps: that were looked at, by their names.
        n_windows: from which the first step was measured. n_series: of how many series, in units of their own deviation if several.
        left_over: the p-value of lags telling all that the past tells; intervals hold where they do.
        columns: what columns add, a mean over series. basis: what that is in, see `columneffects`.
        reason: why something is missing; nothing if nothing is.
        past: what columns known up to the origin say.
    """

    lags: list[LagWeight] = []
    steps: dict[str, int] = {}
    n_windows: int = 0
    n_series: int = 0
    left_over: float | None = None
    columns: list[ColumnEffect] = []
    basis: str = UNITS
    reason: str = ""
    past: PastDrivers = PastDrivers()


def find_drivers(
    units: Sequence[Unit],
    rests: Sequence[FloatArray],
    beside: ChosenColumns,
    used: FloatArray,
    calendar: Calendar,
    n_season: int,
    past: Sequence[str] = (),
) -> Drivers:
    """What drives the forecasts of some series.

    Args:
        units: the series.
        rests: what columns leave of their values as they are seen, shape (t,) each.
        beside: columns that stand beside lags.
        used: weights that forecasts use, means over series, shape (L, H).
        calendar: of the series.
        n_season: length of the shortest season in steps; zero without one.
        past: columns known up to the origin, which stand last among those of the series.
    """
    every = -(-len(units) // _MOST_SERIES)
    columns = judge_columns(units[::every], beside, calendar)
    chosen = [rest / max(float(rest.std()), np.finfo(float).tiny) for rest in rests[::every]]
    horizon = used.shape[1]
    n_values = sum(map(len, chosen))
    n_lags = min(max(2 * n_season, _FEWEST_LAGS), _MOST_LAGS, len(used), n_values // _WINDOWS_A_LAG)
    steps = sorted({1, n_season if 0 < n_season <= horizon else 1, horizon})
    n_known = units[0].columns.shape[1] - len(past)
    told = find_past_drivers(units[::every], rests[::every], past, n_known, steps, max(n_season, _FEWEST_LAGS))
    known = Drivers(columns=columns, basis=find_basis(units[::every]), n_series=len(chosen), past=told)
    try:
        lag_map = measure_lags(np.concatenate([np.append(rest, np.nan) for rest in chosen]), n_lags, steps)
    except DataError as error:
        return msgspec.structs.replace(known, reason=f"lags were not measured: {str(error)[:1].lower()}{str(error)[1:]}")
    low, high = lag_map.weights.interval(_LEVEL)
    single, all_together = lag_map.weights.p_values(), lag_map.weights.p_values("holm")
    parts = np.stack([lag_map.weights.value, low, high, single, all_together])[:, :, 0].tolist()
    weights = []
    for k, step in enumerate(steps):
        for lag in range(n_lags):
            weight, least, most, p_value, whole = (part[lag][k] for part in parts)
            name = name_weight(calendar, lag, step)
            weights.append(LagWeight(name, lag, step, weight, least, most, p_value, whole, float(used[lag, step - 1])))
    return msgspec.structs.replace(
        known,
        lags=weights,
        steps={name_step(calendar, step): step for step in steps},
        n_windows=int(lag_map.n_windows[0]),
        left_over=lag_map.left_over.p_value,
    )
