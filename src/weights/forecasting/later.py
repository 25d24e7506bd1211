"""What a forecaster says of values that came after those it learned from: forecasts from every origin, and their errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from weights.forecasting.forecaster import Forecaster
from weights.forecasting.rolling import Errors, steps_after
from weights.types import FloatArray


def carry_forward(values: FloatArray, before: FloatArray, seasons: Sequence[int]) -> FloatArray:
    """Values whose missing ones are those a season before, or the last ones, so that nothing is known before it came.

    Args:
        values: shape (t,), NaN where there is none.
        before: what came before them, none missing.
        seasons: lengths in steps, of which the first counts.

    Example:
        >>> carry_forward(np.array([3.0, np.nan, np.nan]), np.array([1.0, 2.0]), [2])
        array([3., 2., 3.])
    """
    season = next((season for season in seasons if season <= len(before)), 1)
    whole = np.concatenate([before, values])
    for place in np.flatnonzero(np.isnan(whole)):
        whole[place] = whole[place - season]
    return whole[len(before) :]


def continue_units(forecaster: Forecaster, later: Mapping[int, FloatArray]) -> list[Errors]:
    """The errors of forecasts from every origin whose steps all lie among later values, of each unit; none of one without such.

    Args:
        forecaster: what forecasts.
        later: by unit, the values after the last that it learned from, shape (t,), NaN where there is none.
    """
    horizon, errors = forecaster.task.horizon, []
    for u in range(len(forecaster)):
        values = later.get(u, np.zeros(0))
        filled = carry_forward(values, forecaster.units.scale(u).undo(forecaster.units.tails[u]), forecaster.model.seasons)
        parts = [(known, steps_after(np.append(0.0, values), known, horizon) - own) for known, own in forecaster.walk(u, filled)]
        origins = np.concatenate([known for known, _ in parts]) if parts else np.zeros(0, np.int64)
        came = np.concatenate([own for _, own in parts]) if parts else np.zeros((0, horizon))
        errors.append(Errors(origins + int(forecaster.units.ends[u]), came))
    return errors
