"""A forecast shared out among lags and columns: what each adds to that of an average past."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import msgspec
import numpy as np

from weights.forecasting.columns import ChosenColumns, list_groups, moments_of
from weights.forecasting.forecaster import Forecaster
from weights.forecasting.later import Later, check_expected
from weights.inspection.lagnames import name_lag, name_step
from weights.inspection.lags import LagGroup
from weights.inspection.shares import share_out
from weights.types import FloatArray

_CUT = "cut at zero"
_NETWORK = "the network"
_TAKEN_BACK = "less of the forecast, as columns at the origin tell more"
_ALONE = 3
"""Lags that stand for themselves (our choice)."""


class Contribution(msgspec.Struct, frozen=True):
    """What a part adds to the forecast of a step.

    Attributes:
        part: a lag, lags, or a group of columns.
        value: in the unit of the target, or, of a series that is learned on a log scale, a factor.
    """

    part: str
    value: float


class ExplainedStep(msgspec.Struct, frozen=True):
    """A forecast and what it is made of.

    Attributes:
        series: whose. step: ahead. ahead: that in words.
        prediction: the forecast. base: that of an average past; the contributions add up to the difference, or multiply up to the ratio.
        factors: whether they multiply.
        contributions: the largest first.
    """

    series: str
    step: int
    ahead: str
    prediction: float
    base: float
    factors: bool
    contributions: list[Contribution]


def explain_steps(later: Later, steps: Sequence[int], series: str | None = None, target: str | None = None) -> list[ExplainedStep]:
    """What the next steps of a series are made of; of the first series if none is named.

    Args:
        later: what came after what was learned from.
        steps: which, from 1 to H.
        series: whose.
        target: which; all if not given.

    Raises:
        NotFoundError: there is no such series or target. DataError: a column that is to be known beforehand is missing.
    """
    forecaster = later.forecaster
    units, of = forecaster.units_of(series, target), forecaster.units.series
    return [explained for u in units if of[u] == of[units[0]] for explained in _explain_unit(later, u, steps)]


def _explain_unit(later: Later, unit: int, steps: Sequence[int]) -> list[ExplainedStep]:
    forecaster, values = later.forecaster, later.values[unit]
    check_expected(forecaster, unit, len(values), later.expected[unit][: len(values) + max(steps)])
    units, scale = forecaster.units, forecaster.units.scale(unit)
    floored, scale = scale.floored and not (values < 0).any(), scale._replace(floored=False)
    n_lags, n_values = forecaster.model.n_lags, len(values)
    rest = np.concatenate(
        [units.tails[unit] - units.tail_effects[unit], forecaster.rest_later(unit, values, later.expected[unit][:n_values])]
    )
    window = rest[: -n_lags - 1 : -1]
    mean = np.asarray([window.mean()])
    shares = share_out(units.weights[unit][:, None], window[:, None], mean, _group_lags(forecaster), 0.0)
    step_effects = later.expected[unit][n_values : n_values + forecaster.task.horizon]
    beside = np.full(forecaster.task.horizon, np.nan)
    beside[: len(step_effects)] = step_effects
    corrected = forecaster.correct(np.asarray([unit]), rest[None, -n_lags:], window[None] @ units.weights[unit], beside[None])[0]
    added, usual = _added_by_group(forecaster, unit, later, max(steps))
    by_past = _added_by_past(forecaster, later.past[unit][n_values:])
    taken = np.broadcast_to(forecaster.past_shares, forecaster.task.horizon)
    explained = []
    for step in steps:
        moved = dict(zip(shares.names, shares.contributions[:, step - 1].tolist(), strict=True))
        moved |= {name: float(own[step - 1]) for name, own in added.items()}
        moved |= {_NETWORK: float(corrected[step - 1])} if forecaster.network is not None else {}
        base = float(shares.mean_forecast[step - 1] + units.intercept[unit] + usual)
        moved |= {_TAKEN_BACK: float(taken[step - 1]) * (base + sum(moved.values()))} if by_past else {}
        moved |= {f"{name}, at the origin": float(own[step - 1]) for name, own in by_past.items()}
        prediction = float(scale.undo(np.asarray(base + sum(moved.values()))))
        shown = {name: float(np.exp(value * scale.spread)) if scale.logged else value * scale.spread for name, value in moved.items()}
        if prediction < 0 and floored:
            shown[_CUT], moved[_CUT], prediction = -prediction, -prediction / scale.spread, 0.0
        parts = [Contribution(name, shown[name]) for name in sorted(moved, key=lambda name: -abs(moved[name]))]
        ahead = name_step(forecaster.calendar, step)
        explained.append(
            ExplainedStep(forecaster.name(unit), step, ahead, prediction, float(scale.undo(np.asarray(base))), scale.logged, parts)
        )
    return explained


def _group_lags(forecaster: Forecaster) -> list[LagGroup]:
    """The first lags each for itself, then those of each season, of which the last holds the rest."""
    n_lags, calendar = forecaster.model.n_lags, forecaster.calendar
    groups = [LagGroup(name_lag(calendar, lag), (lag,)) for lag in range(min(_ALONE, n_lags))]
    edges = [_ALONE, *(season for season in forecaster.model.seasons if _ALONE < season < n_lags), n_lags]
    for begin, end in itertools.pairwise(edges):
        if begin < end:
            name = f"the values {calendar.span(begin)} to {calendar.span(end - 1)} before the last"
            groups.append(LagGroup(name, tuple(range(begin, end))))
    return groups


def _added_by_group(forecaster: Forecaster, unit: int, later: Later, most: int) -> tuple[dict[str, FloatArray], float]:
    """What columns add to the next steps beside the mean of the last lags, by what they tell, shape (most,), and the sum of these means.

    Columns of the table are named; of those that tell of the same, such as the day of the week and how it changes, there is the sum.
    Among the last lags there are no events, and other columns that are known beforehand are as at the last moment.
    """
    chosen, units, n_values = forecaster.columns, forecaster.units, len(later.values[unit])
    if not chosen.groups:
        return {}, 0.0
    n_lags = forecaster.model.n_lags
    known = np.concatenate([units.known[unit, :1], later.known[unit]])[: 1 + n_values + most, : len(chosen.known)]
    known = np.nan_to_num(known)
    before = np.where([name in chosen.events for name in chosen.known], 0.0, known[:1])
    known = np.concatenate([np.repeat(before, n_lags - 1, axis=0), known])
    moments = moments_of(forecaster.calendar, int(units.ends[unit]) - n_lags + 1, len(known))
    groups = list_groups(chosen, forecaster.calendar, moments, known)
    added: dict[str, FloatArray] = {}
    place, total = 0, 0.0
    for group in chosen.groups:
        for name, column in zip(groups[group].names, groups[group].values.T, strict=True):
            values = column * units.slopes[unit, place]
            usual = float(values[:n_lags].mean())
            part = _name_part(chosen, group, name)
            added[part] = added.get(part, 0.0) + values[n_lags + n_values :] - usual
            total, place = total + usual, place + 1
    return added, total


def _added_by_past(forecaster: Forecaster, last: FloatArray) -> dict[str, FloatArray]:
    """What each column known up to the origin adds to the next steps beside its mean, shape (H,), from its last values (q, m)."""
    if (weights := forecaster.past_weights) is None:
        return {}
    return {name: last[::-1, i] @ weights[:, i] for i, name in enumerate(forecaster.columns.past)}


def _name_part(chosen: ChosenColumns, group: str, column: str) -> str:
    """What a column tells of: a column of the table, or a group of what the calendar says, without how it changes."""
    return chosen.known_of(column) or ("season of the year" if group.startswith("season") else group.partition(" by ")[0])
