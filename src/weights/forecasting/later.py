"""Rows that come after those a forecaster learned from: read like them, and forecast from every origin among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from weights.data.series.panel import Panel, read_panel
from weights.data.table.delimited import remarks_of
from weights.data.table.read import read_table
from weights.errors import DataError, listed, printable
from weights.forecasting.forecaster import Forecaster, SeriesArrays
from weights.forecasting.units import fill_gaps, find_scale
from weights.types import FloatArray

_MOST_BETWEEN = 100_000
"""Steps that may lie between the last that was learned from and the first later one (our choice)."""
_FEWEST_VALUES = 3
_FARTHEST = 1e30
"""Deviations that a later value may lie off, so that all that is computed with it is finite (our choice)."""


@dataclass(frozen=True, eq=False)
class Later:
    """Values that came after those a forecaster learned from.

    Attributes:
        forecaster: that knows the series there are, those that it never saw by the weights that all share.
        values: of each unit, from the step after its last on, shape (t,), NaN where there is none.
        notes: sentences about the rows.
    """

    forecaster: Forecaster
    values: Sequence[FloatArray]
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
    task = forecaster.task
    origin = forecaster.report.origin
    table = read_table(data, missing=() if origin is None else origin.roles.missing, verbatim=[task.series] if task.series else [])
    panel = read_panel(table, task.targets, time=task.time, series=task.series, calendar=forecaster.calendar)
    known = {label: s for s, label in enumerate(forecaster.labels)}
    unknown = [s for s, label in enumerate(panel.labels) if label not in known]
    forecaster, n_known = replace(forecaster, calendar=panel.calendar), len(forecaster)
    if unknown:
        forecaster = _with_series(forecaster, panel, unknown)
        known = {label: s for s, label in enumerate(forecaster.labels)}
    values, n_before = [], 0
    places = {known[label]: s for s, label in enumerate(panel.labels)}
    for u in range(len(forecaster)):
        place = places.get(int(forecaster.units.series[u]))
        if place is None or place in unknown:
            values.append(np.zeros(0))
            continue
        own = panel.series(place)[:, forecaster.units.target[u]]
        begin = int(panel.begins[place]) if task.time is not None else int(forecaster.units.ends[u]) + 1
        after = begin - int(forecaster.units.ends[u]) - 1
        if after > _MOST_BETWEEN:
            raise DataError(
                f"Later rows of {forecaster.name(u)} must follow the last that was learned from, but {after:,} steps lie between. "
                "Give the rows between too, or fit again."
            )
        n_before += min(max(-after, 0), len(own))
        values.append(np.concatenate([np.full(max(after, 0), np.nan), own[max(-after, 0) :]]))
        _check_sizes(forecaster, u, values[-1])
    notes = [*remarks_of(table), *panel.remarks]
    if n_before:
        notes.append(f"{n_before:,} values are not later than the last that was learned from, and are passed over")
    if unknown:
        named = listed([printable(panel.labels[s]) for s in unknown], 5)
        notes.append(f"{len(unknown):,} series were not there when it learned, and are forecast by the weights that all share: {named}")
    notes += _describe_missing(forecaster, values, n_new=len(forecaster) - n_known)
    if not unknown and not any(len(own) for own in values):
        raise DataError("Rows later than those it learned from were needed, but there are none. Give rows that go on behind them.")
    return Later(forecaster, values, notes)


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
    """Sentences about what did not come: values, and later rows of series that were learned from."""
    n_missing, n_values = sum(int(np.isnan(own).sum()) for own in values), sum(map(len, values))
    notes = []
    if n_missing:
        notes.append(f"{n_missing:,} of {n_values:,} later values are missing, and stand for the same as a season before, or the last ones")
    behind = [printable(forecaster.name(u)) for u in range(len(forecaster) - n_new) if not len(values[u])]
    if behind and len(behind) < len(forecaster):
        notes.append(f"{len(behind):,} series have no later rows, and are forecast from their last values: {listed(behind, 5)}")
    return notes


def _with_series(forecaster: Forecaster, panel: Panel, places: Sequence[int]) -> Forecaster:
    """The forecaster with series that it never saw, which end where their rows do.

    Raises:
        DataError: it knows one series only, or one has too few values.
    """
    if forecaster.pooled is None:
        named = listed([printable(panel.labels[s]) for s in places], 5)
        raise DataError(f"The run knows one series, but rows are of others: {named}. Fit a run on several series with --series.")
    n_lags, units, labels = forecaster.model.n_lags, [], [*forecaster.labels]
    for s in places:
        labels.append(panel.labels[s])
        for c in range(len(panel.columns)):
            values = panel.series(s)[:, c]
            there = np.flatnonzero(~np.isnan(values))
            if len(there) < _FEWEST_VALUES:
                raise DataError(
                    f"A series that was not learned from needs at least {_FEWEST_VALUES} values to be forecast, but "
                    f"'{printable(panel.labels[s])}' has {len(there)}. Give more of its rows."
                )
            values = fill_gaps(values[there[0] : there[-1] + 1], forecaster.model.seasons)
            scale = find_scale(values, forecaster.model.seasons)
            seen = scale.see(values)[-n_lags:]
            tail = np.concatenate([np.full(n_lags - len(seen), seen[0]), seen])
            error = float(np.abs(np.diff(values)).mean()) or 1.0
            numbers = (len(labels) - 1, c, int(panel.begins[s] + there[-1]))
            units.append((*numbers, tail, scale.center, scale.spread, float(scale.logged), error, forecaster.pooled))
    added = [np.asarray(part) for part in zip(*units, strict=True)]
    arrays = SeriesArrays(*(np.concatenate(parts) for parts in zip(forecaster.units, added, strict=True)))
    return replace(forecaster, labels=labels, units=arrays, bounds=forecaster.bounds.with_series(len(units)))
