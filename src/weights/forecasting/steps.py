"""The next steps of series as named columns: `ForecastTable`, which prints and goes into any frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
import pyarrow as pa

from weights.conformal import check_level
from weights.data.series.calendar import show_moments
from weights.errors import counted, listed, printable
from weights.forecasting.forecaster import Forecaster
from weights.forecasting.later import Later, check_expected
from weights.forecasting.scoring import name_level
from weights.forecasting.walking import Moment, bound_steps, undo_all, walk
from weights.tables import Table, compact
from weights.types import AnyArray, FloatArray, IntArray

_MOST_SHOWN = 30
_CUT = "forecasts and bounds are cut at zero, as no value was ever below"
_MOST_NUMBERS, _N_PATHS = 20_000_000, (200, 2_000)


class Before(Protocol):
    """What came before the next steps."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def values(self) -> FloatArray:
        """The last values that are known, shape (t,)."""

    @property
    def times(self) -> AnyArray:
        """Their moments, shape (t,)."""


class History:
    """The values of a unit before its next steps, made where they are looked at."""

    def __init__(self, forecaster: Forecaster, unit: int, later: FloatArray) -> None:
        self._forecaster, self._unit, self._later = forecaster, unit, later

    @property
    def name(self) -> str:
        """What the unit is called."""
        return self._forecaster.name(self._unit)

    @property
    def values(self) -> FloatArray:
        """The last values that are known, shape (t,)."""
        units = self._forecaster.units
        return np.concatenate([units.scale(self._unit).undo(units.tails[self._unit]), self._later])

    @property
    def times(self) -> AnyArray:
        """Their moments, shape (t,)."""
        end = int(self._forecaster.units.ends[self._unit]) + len(self._later)
        calendar = self._forecaster.calendar
        return as_times(calendar.moments(end + np.arange(1 - len(self.values), 1)), numbered=calendar.numbered)


class ForecastTable(dict[str, AnyArray]):
    """Columns by name: series (where there are several), target, time, step, prediction, and bounds such as ``low 80%``.

    A frame is made of it as of any mapping of columns, such as ``pandas.DataFrame(table)``.

    Attributes:
        before: the values of the first series before its steps.
        notes: sentences about the rows that came before.
    """

    def __init__(self, columns: Mapping[str, AnyArray], before: Before, notes: Sequence[str] = ()) -> None:
        super().__init__(columns)
        self.before, self.notes = before, [*notes]

    def to_arrow(self) -> pa.Table:
        """The same as a table of Arrow."""
        return pa.table({name: pa.array(values) for name, values in self.items()})

    def table(self, *, notes: bool = True) -> Table:
        """The same to be read, the first rows of many, with or without what is to be said of the rows that came before."""
        n_rows = len(self["prediction"])
        rows = [[*row] for row in zip(*(_show(values[:_MOST_SHOWN]) for values in self.values()), strict=True)]
        more = [f"the first {_MOST_SHOWN} of {n_rows:,}"] if n_rows > _MOST_SHOWN else []
        what = f"{counted(n_rows, 'total')} of {counted(int(self['steps'][0]), 'step')}" if "steps" in self else counted(n_rows, "step")
        return Table(f"Forecast      {what}", [*self], rows, [*more, *(self.notes if notes else [])])

    def __str__(self) -> str:
        return str(self.table())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        """For notebooks."""
        return self.table()._repr_html_()


def _show(values: AnyArray) -> list[str]:
    """The values of a column as text."""
    if values.dtype.kind == "M":
        return show_moments(values.astype("datetime64[ms]").astype(np.int64) / 1000, numbered=False)
    return [compact(float(value)) if values.dtype.kind == "f" else str(value) for value in values]


def tabulate_steps(
    later: Later, horizon: int, levels: Sequence[float], series: str | None = None, target: str | None = None
) -> ForecastTable:
    """The next steps of every unit, or of those of one series or target.

    Args:
        later: what came after what was learned from.
        horizon: steps, at most those it learned.
        levels: of the intervals.
        series: whose; of all if not given.
        target: which; all if not given.

    Raises:
        UsageError: a level is not between 0 and 1. NotFoundError: there is no such series or target.
        DataError: a column that is to be known beforehand is missing.
    """
    later, units = _choose_units(later, horizon, series, target)
    forecaster, lengths, moments = _walk_to_ends(later, horizon, levels, units)
    said = {known: _say(moment, levels) for known, moment in moments.items()}
    parts: dict[str, list[AnyArray]] = {}
    for u, n_later in lengths.items():
        columns = _name_unit(forecaster, u, horizon)
        columns["time"] = _times_after(forecaster, u, n_later + np.arange(1, horizon + 1))
        columns["step"] = np.arange(1, horizon + 1)
        columns |= {name: values[u, :horizon] for name, values in said[n_later].items()}
        for name, values in columns.items():
            parts.setdefault(name, []).append(values)
    return _make_table(parts, later, lengths, moments)


def total_steps(later: Later, horizon: int, levels: Sequence[float], series: str | None = None, target: str | None = None) -> ForecastTable:
    """The sum of the next steps of every unit, or of those of one series or target, a row for each.

    Bounds are quantiles of sums over sample paths, whose steps depend on one another as those of forecasts of the past did.

    Args:
        later: what came after what was learned from.
        horizon: steps that are summed, at most those it learned.
        levels: of the intervals.
        series: whose; of all if not given.
        target: which; all if not given.

    Raises:
        UsageError, NotFoundError, DataError: as `tabulate_steps`.
    """
    later, units = _choose_units(later, horizon, series, target)
    forecaster, lengths, moments = _walk_to_ends(later, horizon, levels, units)
    n_paths = int(np.clip(_MOST_NUMBERS // (len(forecaster) * forecaster.task.horizon), *_N_PATHS))
    paths = {known: moment.bounds.sample_paths(moment.forecasts, n_paths, seed=0) for known, moment in moments.items()}
    parts: dict[str, list[AnyArray]] = {}
    for u, n_later in lengths.items():
        scale = moments[n_later].scales[u]
        totals = scale.undo(paths[n_later][u, :, :horizon]).sum(axis=1)
        columns = _name_unit(forecaster, u, 1)
        columns["from"], columns["to"] = (_times_after(forecaster, u, np.asarray([n_later + step])) for step in (1, horizon))
        columns["steps"] = np.asarray([horizon])
        columns["prediction"] = scale.undo(moments[n_later].forecasts[u, :horizon]).sum(keepdims=True)
        for level in levels:
            low, high = np.quantile(totals, [(1 - level) / 2, (1 + level) / 2])
            columns |= {f"low {name_level(level)}": np.asarray([low]), f"high {name_level(level)}": np.asarray([high])}
        for name, values in columns.items():
            parts.setdefault(name, []).append(values)
    return _make_table(parts, later, lengths, moments)


def _make_table(
    parts: Mapping[str, list[AnyArray]], later: Later, lengths: Mapping[int, int], moments: Mapping[int, Moment]
) -> ForecastTable:
    """The columns in one table, and a note where something was cut at zero."""
    columns, first = {name: np.concatenate(values) for name, values in parts.items()}, next(iter(lengths))
    floored = any(moments[n_later].scales[u].floored for u, n_later in lengths.items())
    cut = floored and any((values == 0).any() for name, values in columns.items() if name.startswith(("prediction", "low", "high")))
    notes = [*later.notes, _CUT] if cut else later.notes
    return ForecastTable(columns, History(later.forecaster, first, later.values[first]), notes)


def _choose_units(later: Later, horizon: int, series: str | None, target: str | None) -> tuple[Later, list[int]]:
    """The units that are asked for: of all, those of which all is known that must be, and others are told in a note.

    Raises:
        NotFoundError: there is no such series or target. DataError: a column that is to be known beforehand is missing.
    """
    units = later.forecaster.units_of(series, target)
    whole = [u for u in units if not np.isnan(later.expected[u][: len(later.values[u]) + horizon]).any()]
    if series is not None or not whole or len(whole) == len(units):
        return later, units
    left = [printable(later.forecaster.name(u)) for u in units if u not in whole]
    known = listed([printable(name) for name in later.forecaster.columns.sources], 5)
    several = "a series has" if len(left) == 1 else f"{len(left):,} series have"
    note = f"{several} no rows that say what is known beforehand ({known}) of the next steps, and no forecast: {listed(left, 5)}"
    return replace(later, notes=[*later.notes, note]), whole


def _walk_to_ends(
    later: Later, horizon: int, levels: Sequence[float], units: Sequence[int]
) -> tuple[Forecaster, dict[int, int], dict[int, Moment]]:
    """The forecaster, how many later values each of the units that are asked for has, and what is said after so many."""
    forecaster = later.forecaster
    for level in levels:
        check_level(level)
    lengths = {u: len(later.values[u]) for u in units}
    for u, n_later in lengths.items():
        check_expected(forecaster, u, n_later, later.expected[u][: n_later + horizon])
    walked = walk(forecaster, later.values, later.expected, later.past)
    return forecaster, lengths, {moment.known: moment for moment in walked if moment.known in lengths.values()}


def _name_unit(forecaster: Forecaster, unit: int, n_rows: int) -> dict[str, AnyArray]:
    """The columns that say what rows are of."""
    label, target = forecaster.labels[forecaster.units.series[unit]], forecaster.task.targets[forecaster.units.target[unit]]
    named = {} if forecaster.task.series is None else {"series": np.full(n_rows, label, object)}
    return {**named, "target": np.full(n_rows, target, object)}


def _times_after(forecaster: Forecaster, unit: int, steps: IntArray) -> AnyArray:
    """The moments so many steps (n,) after the last value of a unit that was learned from."""
    return as_times(forecaster.calendar.moments(int(forecaster.units.ends[unit]) + steps), numbered=forecaster.calendar.numbered)


def _say(moment: Moment, levels: Sequence[float]) -> dict[str, FloatArray]:
    """Forecasts and their bounds by the name of the column, of all units, shape (U, H) each."""
    said = {"prediction": undo_all(moment.scales, moment.forecasts)}
    for level in levels:
        bounds, name = bound_steps(moment, level), name_level(level)
        said |= {f"low {name}": bounds.low, f"high {name}": bounds.high}
    return said


def as_times(moments: FloatArray, *, numbered: bool) -> AnyArray:
    """Moments as dates with times, or as whole numbers where they are such."""
    if not numbered:
        return np.round(moments * 1000).astype(np.int64).astype("datetime64[ms]")
    return moments.astype(np.int64) if (moments == np.floor(moments)).all() else moments
