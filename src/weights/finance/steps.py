"""What is expected of prices after each of the next steps, as named columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from weights.conformal import check_level
from weights.data.series.finance import shift_to_end
from weights.finance.forecaster import PriceForecaster
from weights.forecasting.scoring import name_level
from weights.forecasting.steps import ForecastTable, as_times
from weights.forecasting.units import place_series
from weights.types import AnyArray, FloatArray


@dataclass(frozen=True, eq=False)
class OutcomesBefore:
    """What the quantity came to over as many steps as are forecast, up to each moment before the next steps of a share."""

    forecaster: PriceForecaster
    share: int
    last: int

    @property
    def name(self) -> str:
        """What is drawn."""
        task, label = self.forecaster.task, self.forecaster.labels[self.share]
        return f"{label or task.target}, {task.quantity}"

    @property
    def values(self) -> FloatArray:
        """What came over the last H steps up to each moment, shape (t,)."""
        task, history = self.forecaster.task, self.forecaster.history
        steps = np.asarray([task.horizon])
        ended = shift_to_end(history.observe(task.told, self.share, task.horizon)[:, -1:], steps)[: self.last + 1, 0]
        shown = task.told.show(ended, self.forecaster.a_year)
        there = np.flatnonzero(np.isfinite(shown))
        return shown[there[0] :] if len(there) else shown[-1:]

    @property
    def times(self) -> AnyArray:
        """These moments, shape (t,)."""
        history, calendar = self.forecaster.history, self.forecaster.calendar
        numbers = history.begin + self.last + np.arange(1 - len(self.values), 1)
        return as_times(calendar.moments(numbers), numbered=calendar.numbered)


def tabulate_prices(
    forecaster: PriceForecaster, horizon: int, levels: Sequence[float], share: str | None = None, notes: Sequence[str] = ()
) -> ForecastTable:
    """What is expected after the next steps of every share, or of one, after its last price.

    Args:
        forecaster: that knows the prices so far.
        horizon: steps, at most those it learned.
        levels: of the intervals, which a quantity without any does not have.
        share: whose; of all if not given.
        notes: sentences about the rows.

    Raises:
        UsageError: a level is not between 0 and 1. NotFoundError: there is no such share.
    """
    for level in levels:
        check_level(level)
    task, history = forecaster.task, forecaster.history
    levels, steps = levels if task.told.bounded else (), np.arange(1, horizon + 1)
    shares = [*range(len(forecaster))] if share is None else [place_series(forecaster.labels, task.series, share)]
    last = history.last_moments()
    origins = np.unique(last[shares])
    outlook = forecaster.expect(origins, steps=steps, levels=levels)
    parts: dict[str, list[AnyArray]] = {}
    for s in shares:
        at = int(np.searchsorted(origins, last[s]))
        moments = forecaster.calendar.moments(history.begin + last[s] + steps)
        columns: dict[str, AnyArray] = {} if task.series is None else {"series": np.full(horizon, forecaster.labels[s], object)}
        columns |= {"target": np.full(horizon, task.target, object), "time": as_times(moments, numbered=forecaster.calendar.numbered)}
        columns |= {"step": steps, "prediction": outlook.mean[at, s]}
        for i, level in enumerate(levels):
            name = name_level(level)
            columns |= {f"low {name}": outlook.low[i, at, s], f"high {name}": outlook.high[i, at, s]}
        for name, values in columns.items():
            parts.setdefault(name, []).append(values)
    behind = [forecaster.labels[s] for s in shares if last[s] < len(history) - 1]
    said = [*notes]
    if behind:
        several = f"{len(behind):,} series have" if len(behind) > 1 else "a series has"
        said.append(f"{several} no price at the last moment, and forecasts that begin after its last one: {', '.join(behind[:5])}")
    before = OutcomesBefore(forecaster, shares[0], int(last[shares[0]]))
    return ForecastTable({name: np.concatenate(values) for name, values in parts.items()}, before, said)
