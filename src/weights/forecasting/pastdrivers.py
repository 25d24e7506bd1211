"""What columns known up to the origin say of later values, beside the lags of these: sums over their lags, with intervals."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from weights.errors import DataError
from weights.forecasting.units import Unit
from weights.inspection.lags import LagGroup, measure_lags
from weights.types import BoolArray, FloatArray

_MOST_LAGS = 14
_WINDOWS_A_WEIGHT = 8
"""Values that there are at least for each weight that is measured (our choice)."""
_LEAST_OWN = 1e-6
"""Deviations of a column that others do not tell, below which it follows from them."""
_TINY = np.finfo(float).tiny


class PastEffect(msgspec.Struct, frozen=True):
    """What the last values of a column say of the value a step ahead, those of the target and of the other columns as they are.

    Attributes:
        name: of the column. step: ahead, counted from 1.
        effect: change of the value where all these values of the column are higher by one unit (of several series, by a deviation, in
            deviations): a sum of weights of lags.
        low, high: its 95 % interval; None where nothing can be said.
        p_value: of none of these lags telling anything; None where too few shocks decide. adjusted: for all columns and steps (Holm).
    """

    name: str
    step: int
    effect: float
    low: float | None
    high: float | None
    p_value: float | None
    adjusted: float | None


class PastDrivers(msgspec.Struct, frozen=True):
    """What columns known up to the origin say.

    Attributes:
        effects: by column, then by step. n_lags: values of each column, and of the target, that are looked at.
        n_windows: from which the first step was measured.
        left_over: the p-value of these lags telling all that the past tells; intervals hold where they do.
        logged: whether the target is learned on a log scale, where an effect is of its logarithm.
        reason: why nothing was measured; nothing if it was. followed: columns that follow from the others, and are not measured.
    """

    effects: list[PastEffect] = []
    n_lags: int = 0
    n_windows: int = 0
    left_over: float | None = None
    logged: bool = False
    reason: str = ""
    followed: list[str] = []


def find_past_drivers(
    units: Sequence[Unit], rests: Sequence[FloatArray], names: Sequence[str], n_known: int, steps: Sequence[int], most_lags: int
) -> PastDrivers:
    """What columns known up to the origin say of some series.

    Args:
        units: the series, whose columns are known ones, and behind them those that are asked.
        rests: what columns known beforehand leave of their values as they are seen, shape (t,) each.
        names: of the columns that are asked, m.
        n_known: how many known ones there are.
        steps: ahead.
        most_lags: of each column, at most.
    """
    if not names:
        return PastDrivers()
    logged = units[0].scale.logged
    parts = [_lay_out(unit, rest, n_known, alone=len(units) == 1) for unit, rest in zip(units, rests, strict=True)]
    own = _find_own(np.concatenate(parts)[:, 1:])
    followed, names = [names[i] for i in np.flatnonzero(~own).tolist()], [names[i] for i in np.flatnonzero(own).tolist()]
    if not names:
        return PastDrivers(reason="they are constant", followed=followed)
    parts = [part[:, np.append(True, own)] for part in parts]
    n_values = sum(map(len, rests))
    n_lags = min(most_lags, _MOST_LAGS, n_values // (_WINDOWS_A_WEIGHT * (1 + len(names))))
    groups = [LagGroup(name, tuple(range(n_lags)), 1 + column) for column, name in enumerate(names)]
    try:
        measured = measure_lags(np.concatenate(parts), max(n_lags, 1), steps, groups if n_lags else ())
    except DataError as error:
        return PastDrivers(reason=f"{str(error)[:1].lower()}{str(error)[1:]}", followed=followed)
    if not n_lags:
        return PastDrivers(reason=f"{len(names)} columns are too many for {n_values:,} values", followed=followed)
    values = (measured.sums.value, *measured.sums.interval(), measured.joint, measured.joint_p_values("holm"))
    effects = []
    for g, name in enumerate(names):
        for k, step in enumerate(steps):
            effect, *sure = (float(part[g, k]) for part in values)
            effects.append(PastEffect(name, step, effect, *(part if np.isfinite(part) else None for part in sure)))
    return PastDrivers(effects, n_lags, int(measured.n_windows[0]), measured.left_over.p_value, logged, followed=followed)


def _find_own(columns: FloatArray) -> BoolArray:
    """Which columns (t, m), NaN where missing, say something that those before them do not, shape (m,)."""
    whole = columns[~np.isnan(columns).any(axis=1)]
    spread = whole.std(axis=0) if len(whole) else np.zeros(columns.shape[1])
    seen = (whole - whole.mean(axis=0)) / np.maximum(spread, _TINY) if len(whole) else whole
    own = spread > _LEAST_OWN * np.abs(whole).max(axis=0, initial=0.0)
    for column in np.flatnonzero(own).tolist():
        before = seen[:, :column][:, own[:column]]
        left = seen[:, column] - before @ np.linalg.lstsq(before, seen[:, column], rcond=None)[0]
        own[column] = left.std() > _LEAST_OWN
    return np.asarray(own)


def _lay_out(unit: Unit, rest: FloatArray, n_known: int, *, alone: bool) -> FloatArray:
    """The target and the columns of a series beside each other, shape (t + 1, 1 + m), with a gap behind: in their units if it is alone."""
    columns = unit.columns[: len(rest), n_known:]
    own = np.column_stack([np.where(unit.known, rest, np.nan), columns])
    if alone:
        own[:, 0] *= unit.scale.spread
    else:
        with np.errstate(invalid="ignore"):
            own -= np.nanmean(own, axis=0)
            own /= np.maximum(np.nanstd(own, axis=0), _TINY)
    return np.concatenate([own, np.full((1, own.shape[1]), np.nan)])
