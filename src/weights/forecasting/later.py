"""Rows that come after those a forecaster learned from: read like them, and forecast from every origin among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from weights.data.series.calendar import show_moment
from weights.data.series.panel import Panel, read_panel
from weights.data.table.delimited import remarks_of
from weights.data.table.read import read_table
from weights.errors import DataError, counted, listed, printable
from weights.forecasting.forecaster import Forecaster
from weights.forecasting.knownlevels import spread_levels
from weights.forecasting.newseries import add_series, leave_out_short
from weights.types import FloatArray

_MOST_BETWEEN = 100_000
"""Steps that may lie between the last that was learned from and the first later one (our choice)."""
_FARTHEST = 1e30
"""Deviations that a later value may lie off, so that all that is computed with it is finite (our choice)."""


@dataclass(frozen=True, eq=False)
class Later:
    """Values that came after those a forecaster learned from.

    Attributes:
        forecaster: that knows the series there are, those that it never saw by the weights that all share.
        values: of each unit, from the step after its last on, shape (t,), NaN where there is none.
        known: of each unit the columns that are known beforehand, and those known up to the origin, at these and later moments, shape
            (t + H, k + m); NaN where missing.
        expected: of each unit what columns add to these and later values, as they are seen, shape (t + H,); NaN where a column that
            is to be known beforehand is missing.
        past: of each unit the columns known up to the origin as weights take them, at the last moments that were learned from and at
            these, shape (q + t, m).
        notes: sentences about the rows.
    """

    forecaster: Forecaster
    values: Sequence[FloatArray]
    known: Sequence[FloatArray]
    expected: Sequence[FloatArray]
    past: Sequence[FloatArray]
    notes: list[str]


def read_later(forecaster: Forecaster, data: Any) -> Later:
    """The values of rows that go on with those a forecaster learned from.

    Args:
        forecaster: of some series.
        data: rows with the same columns. Where rows are steps, they come right after; else those at or before the last that it learned
            from are passed over.

    Raises:
        NotFoundError, DataError: as `weights.data.series.panel.read_panel`; no row is later.
    """
    task, n_targets = forecaster.task, len(forecaster.task.targets)
    origin = forecaster.report.origin
    verbatim = [*forecaster.columns.levels, *([task.series] if task.series else [])]
    table = read_table(data, missing=() if origin is None else origin.roles.missing, verbatim=verbatim)
    table, strange = spread_levels(table, forecaster.columns.levels)
    for name in task.targets if forecaster.columns.known else ():
        if name not in table.column_names:  # rows that say what is known beforehand
            table = table.append_column(name, pa.nulls(table.num_rows, pa.float64()))
    missing = [name for name in forecaster.columns.past if name not in table.column_names]
    for name in missing:
        table = table.append_column(name, pa.nulls(table.num_rows, pa.float64()))
    names = [*task.targets, *forecaster.columns.known, *forecaster.columns.past]
    panel = read_panel(table, names, time=task.time, series=task.series, calendar=forecaster.calendar)
    known = {label: s for s, label in enumerate(forecaster.labels)}
    unknown, short = leave_out_short(panel, [s for s, label in enumerate(panel.labels) if label not in known], n_targets)
    forecaster, n_known = replace(forecaster, calendar=panel.calendar), len(forecaster)
    if unknown:
        forecaster = add_series(forecaster, panel, unknown)
        known = {label: s for s, label in enumerate(forecaster.labels)}
    values, known_after, n_before, n_after = [], [], 0, 0
    places = {known[label]: s for s, label in enumerate(panel.labels) if label in known}
    for u in range(len(forecaster)):
        place = places.get(int(forecaster.units.series[u]))
        own = np.zeros((0, len(names))) if place is None else _rows_after(forecaster, u, panel, place)
        n_after += len(own)
        n_before += 0 if place is None or place in unknown else len(panel.series(place)) - min(len(own), len(panel.series(place)))
        came = own[:, forecaster.units.target[u]]
        there = np.flatnonzero(~np.isnan(came))
        values.append(came[: there[-1] + 1 if len(there) else 0])
        _check_sizes(forecaster, u, values[-1])
        known_after.append(own[:, n_targets:])
    notes = [*remarks_of(table), *strange, *panel.remarks, *short]
    if missing:
        named = listed([printable(name) for name in missing], 5)
        notes.append(f"the rows do not say what was known at the origin of {named}, which is taken to be as usual (its mean)")
    if n_before:
        are = "is" if n_before == 1 else "are"
        notes.append(f"{counted(n_before, 'value')} {are} not later than the last that was learned from, and {are} passed over")
    if unknown:
        named = listed([printable(panel.labels[s]) for s in unknown], 5)
        were = counted(len(unknown), "series was not there when it learned, and is", "series were not there when it learned, and are")
        notes.append(
            f"{were} forecast by the weights that all share: {named}; intervals are as wide as errors of such forecasts of its own rows"
        )
    notes += _describe_missing(forecaster, values, n_new=len(forecaster) - n_known)
    if not unknown and not n_after:
        raise DataError("Rows later than those it learned from were needed, but there are none. Give rows that go on behind them.")
    return lay_out_later(forecaster, values, known_after, notes)


def nothing_later(forecaster: Forecaster) -> Later:
    """No values after those a forecaster learned from."""
    known = np.zeros((0, len(forecaster.columns.known) + len(forecaster.columns.past)))
    return lay_out_later(forecaster, [np.zeros(0)] * len(forecaster), [known] * len(forecaster), [])


def lay_out_later(forecaster: Forecaster, values: Sequence[FloatArray], known: Sequence[FloatArray], notes: list[str]) -> Later:
    """Later values with what columns add to them and to the next steps.

    Args:
        forecaster: that knows the series there are.
        values: of each unit, as in `Later`.
        known: of each unit columns that are known beforehand, and those known up to the origin, at later moments, shape (any, k + m);
            those that training knew stand for what is not there.
        notes: sentences about the rows.
    """
    whole = [_known_steps(forecaster, u, len(own), known[u]) for u, own in enumerate(values)]
    expected = [forecaster.expect_later(u, own) for u, own in enumerate(whole)]
    past = [forecaster.past_later(u, own[: len(values[u])]) for u, own in enumerate(whole)]
    return Later(forecaster, values, whole, expected, past, notes)


def _known_steps(forecaster: Forecaster, unit: int, n_values: int, known: FloatArray) -> FloatArray:
    """Columns beside the target at later values and the next steps of a unit, shape (n_values + H, k + m); NaN where missing."""
    n = n_values + forecaster.task.horizon
    whole = np.full((n, known.shape[1]), np.nan)
    for part in (forecaster.units.known[unit, 1:], known):
        own = part[:n]
        whole[: len(own)] = np.where(np.isnan(own), whole[: len(own)], own)
    return whole


def _rows_after(forecaster: Forecaster, unit: int, panel: Panel, place: int) -> FloatArray:
    """The rows of a series from the moment after the last that a unit learned from, shape (t, columns), NaN where there is none.

    Raises:
        DataError: they begin too far behind.
    """
    rows, end = panel.series(place), int(forecaster.units.ends[unit])
    begin = int(panel.begins[place]) if forecaster.task.time is not None else end + 1
    after = begin - end - 1
    if after > _MOST_BETWEEN:
        raise DataError(
            f"Later rows of {forecaster.name(unit)} must follow the last that was learned from, but "
            f"{counted(after, 'step lies', 'steps lie')} between. "
            "Give the rows between too, or fit again."
        )
    return np.concatenate([np.full((max(after, 0), rows.shape[1]), np.nan), rows[max(-after, 0) :]])


def check_expected(forecaster: Forecaster, unit: int, n_values: int, expected: FloatArray) -> None:
    """Refuse next steps for which a column that is to be known beforehand is missing.

    Raises:
        DataError: one is.
    """
    missing = np.isnan(expected)
    if missing.any():
        number = int(forecaster.units.ends[unit]) + 1 + int(np.argmax(missing))
        moment = show_moment(float(forecaster.calendar.moments(np.asarray([number]))[0]), numbered=forecaster.calendar.numbered)
        named = listed([printable(name) for name in forecaster.columns.sources], 5)
        raise DataError(
            f"Columns that are known beforehand ({named}) must have values at every moment that is forecast, but one is missing "
            f"at {moment} for {forecaster.name(unit)}. Give rows with them, whose target may be empty, with --after (in Python: after), "
            "or forecast fewer steps (horizon)."
        )


def _check_sizes(forecaster: Forecaster, unit: int, values: FloatArray) -> None:
    """Refuse later values of another size than those that were learned from.

    Raises:
        DataError: there are such.
    """
    far = np.abs(forecaster.units.scale(unit).see(values)) > _FARTHEST
    if far.any():
        raise DataError(
            f"Later values must be of the size of those that were learned from, but {printable(forecaster.name(unit))} is "
            f"{values[int(np.argmax(far))]:g}. Repair this cell, or fit again."
        )


def _describe_missing(forecaster: Forecaster, values: Sequence[FloatArray], *, n_new: int) -> list[str]:
    """Sentences about values that did not come, and about series that were learned from of which none came."""
    n_missing, n_values = sum(int(np.isnan(own).sum()) for own in values), sum(map(len, values))
    notes = []
    if n_missing:
        said = "is missing, and stands" if n_missing == 1 else "are missing, and stand"
        notes.append(f"{n_missing:,} of {n_values:,} later values {said} for the same as a season before, or the last ones")
    behind = [printable(forecaster.name(u)) for u in range(len(forecaster) - n_new) if not len(values[u])]
    if behind and not forecaster.columns.known:
        several = f"{len(behind):,} series have" if len(behind) > 1 else "a series has"
        notes.append(f"{several} no later values, and forecasts that begin after the last that was learned from: {listed(behind, 5)}")
    return notes
