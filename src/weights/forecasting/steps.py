"""The next steps of series as named columns: `ForecastTable`, which prints and goes into any frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from weights.data.series.calendar import show_moment
from weights.forecasting.forecaster import Forecaster
from weights.forecasting.later import known_later
from weights.tables import Table, compact
from weights.types import AnyArray, FloatArray

_MOST_SHOWN = 30


class ForecastTable(dict[str, AnyArray]):
    """Columns by name: series (where there are several), target, time, step, prediction, and bounds such as ``low 80%``.

    A frame is made of it as of any mapping of columns, such as ``pandas.DataFrame(table)``.

    Attributes:
        notes: sentences about the rows that came before.
    """

    def __init__(self, columns: Mapping[str, AnyArray], notes: Sequence[str] = ()) -> None:
        super().__init__(columns)
        self.notes = [*notes]

    def to_arrow(self) -> pa.Table:
        """The same as a table of Arrow."""
        return pa.table({name: pa.array(values) for name, values in self.items()})

    def table(self) -> Table:
        """The same to be read, the first rows of many."""
        n_rows = len(self["prediction"])
        shown = range(min(n_rows, _MOST_SHOWN))
        rows = [[_show(values[row]) for values in self.values()] for row in shown]
        more = [f"the first {_MOST_SHOWN} of {n_rows:,}"] if n_rows > _MOST_SHOWN else []
        return Table(f"Forecast      {n_rows:,} steps", [*self], rows, [*more, *self.notes])

    def __str__(self) -> str:
        return str(self.table())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        """For notebooks."""
        return self.table()._repr_html_()


def _show(value: Any) -> str:
    if isinstance(value, np.datetime64):
        seconds = float(value.astype("datetime64[ms]").astype(np.int64)) / 1000
        return show_moment(seconds, numbered=False)
    return compact(float(value)) if isinstance(value, float | np.floating) else str(value)


def tabulate_steps(
    forecaster: Forecaster,
    later: Sequence[FloatArray],
    horizon: int,
    bounds: Mapping[str, Sequence[FloatArray]],
    notes: Sequence[str] = (),
) -> ForecastTable:
    """The next steps of every unit.

    Args:
        forecaster: what forecasts.
        later: of each unit the values after those it learned from, shape (t,).
        horizon: steps, at most those it learned.
        bounds: by name, of each unit the bounds of its steps, shape (H,).
        notes: sentences about the rows.
    """
    units = forecaster.units
    predictions, moments, names, targets = [], [], [], []
    for u in range(len(forecaster)):
        own = known_later(forecaster, u, later[u])
        predictions.append(forecaster.forecast_unit(u, own)[:horizon])
        moments.append(forecaster.calendar.moments(int(units.ends[u]) + len(own) + np.arange(1, horizon + 1)))
        names.append(forecaster.labels[units.series[u]])
        targets.append(forecaster.task.targets[units.target[u]])
    n = len(predictions)
    columns: dict[str, AnyArray] = {} if forecaster.task.series is None else {"series": np.repeat(np.asarray(names, object), horizon)}
    columns["target"] = np.repeat(np.asarray(targets, object), horizon)
    columns["time"] = _as_times(np.concatenate(moments), numbered=forecaster.calendar.numbered)
    columns["step"] = np.tile(np.arange(1, horizon + 1), n)
    columns["prediction"] = np.concatenate(predictions)
    columns |= {name: np.concatenate([own[:horizon] for own in each]) for name, each in bounds.items()}
    return ForecastTable(columns, notes)


def _as_times(moments: FloatArray, *, numbered: bool) -> AnyArray:
    """Moments as dates with times, or as whole numbers where they are such."""
    if not numbered:
        return np.round(moments * 1000).astype(np.int64).astype("datetime64[ms]")
    return moments.astype(np.int64) if (moments == np.floor(moments)).all() else moments
