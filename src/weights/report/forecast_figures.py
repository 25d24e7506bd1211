"""What is drawn of forecasts: the last values of a series and its next steps, with their intervals. Nothing is computed here."""

from __future__ import annotations

import numpy as np

from weights.data.series.calendar import show_moment
from weights.forecasting.forecaster import Forecaster
from weights.forecasting.steps import ForecastTable
from weights.report.axes import BELOW_TITLE, MARGIN, Axis, Panel, lay_out, number_axis
from weights.report.charts import FAINT, INK, ORANGE, Drawing, Line, Mark, Raster, diverging
from weights.tables import compact
from weights.types import AnyArray

_LEFT, _WIDTH, _HEIGHT = MARGIN + 66.0, 640.0, 300.0
_MOST_BEFORE = 3
"""Times the horizon that is drawn of the values before (our choice)."""
_FEWEST_BEFORE = 20
_LEAST_SHOWN, _BRIGHTEST = 0.005, 0.995
"""Share of the largest weight below which the oldest lags are not drawn, and of weights that have not the strongest colour (our choice)."""


def forecast_figure(table: ForecastTable) -> Drawing:
    """The last values of the first series of a table and its next steps, with the intervals that the table has."""
    before = table.before
    first = (table["step"] == np.arange(1, len(table["step"]) + 1)).sum()
    predicted = table["prediction"][:first]
    n_before = min(max(_MOST_BEFORE * first, _FEWEST_BEFORE), len(before.values))
    values, times = before.values[-n_before:], before.times[-n_before:]
    levels = [name.removeprefix("low ") for name in table if name.startswith("low ")]
    bounds = {level: (table[f"low {level}"][:first], table[f"high {level}"][:first]) for level in levels}
    at_before, at_after = np.arange(1 - n_before, 1), np.arange(1, first + 1)
    shown = np.concatenate([values, predicted, *(side for both in bounds.values() for side in both)])
    all_times = np.concatenate([times, table["time"][:first]])
    across = Axis(float(1 - n_before), float(first), "", lambda step: _show_time(all_times, round(step) + n_before - 1))
    panel = Panel(_LEFT, BELOW_TITLE, _WIDTH, _HEIGHT, across, number_axis(shown, before.name))
    marks: list[Mark] = panel.frame()
    for i, level in enumerate(sorted(bounds, key=lambda level: -float(level.rstrip("%")))):
        low, high = bounds[level]
        marks.append(panel.band(at_after, low, high, ORANGE, 0.15 + 0.15 * i))
    marks.append(Line(panel.line(at_before, values), INK, 1.2))
    marks.append(Line(panel.line(np.concatenate([[0], at_after]), np.concatenate([values[-1:], predicted])), ORANGE, 1.8))
    marks.append(Line(panel.line([0, 0], [panel.up.low, panel.up.high]), FAINT, dashed=True))
    held = f"with intervals of {' and '.join(sorted(levels))}, each step for itself" if levels else "without intervals"
    caption = f"Black: what came, the last {n_before} values. Orange: the next {first} steps, {held}."
    return lay_out(
        marks,
        title=f"{before.name}: the next {first} steps",
        caption=caption,
        width=_LEFT + _WIDTH + MARGIN,
        bottom=BELOW_TITLE + _HEIGHT + 42,
    )


def _show_time(times: AnyArray, place: int) -> str:
    """The moment at a place, as it is shown; nothing beyond the ends."""
    if not 0 <= place < len(times):
        return ""
    time = times[place]
    if isinstance(time, np.datetime64):
        return show_moment(float(time.astype("datetime64[ms]").astype(np.int64)) / 1000, numbered=False)
    return f"{float(time):g}"


def lag_figure(forecaster: Forecaster, unit: int) -> Drawing:
    """The weight of each lag in the forecast of each step of a unit, as colours."""
    weights = forecaster.units.weights[unit]
    shown = weights[: np.flatnonzero(np.abs(weights).max(axis=1) > _LEAST_SHOWN * np.abs(weights).max()).max(initial=0) + 1]
    n_lags, horizon = shown.shape
    largest = float(np.quantile(np.abs(shown), _BRIGHTEST)) or float(np.abs(shown).max()) or 1.0
    calendar = forecaster.calendar
    across = Axis(0.5, horizon + 0.5, "steps ahead", lambda step: f"{step:g}")
    up = Axis(0.5 - n_lags, 0.5, "lag", lambda place: f"{abs(place):g}")  # the last value at the top
    panel = Panel(_LEFT, BELOW_TITLE, _WIDTH, _HEIGHT, across, up)
    pixels = diverging(shown, largest)
    marks: list[Mark] = [Raster(_LEFT, BELOW_TITLE, _WIDTH, _HEIGHT, pixels), *panel.frame()]
    caption = (
        f"The weight of each lag (0 is the last value, {n_lags - 1} lies {calendar.span(n_lags - 1)} before it) in the forecast of a step. "
        f"Orange above zero, blue below; the strongest colour stands for {compact(largest)} and more. These weights are shrunk: "
        "weights summary measures lags with intervals."
    )
    title = f"{forecaster.name(unit)}: weights of lags by step ahead"
    return lay_out(marks, title=title, caption=caption, width=_LEFT + _WIDTH + MARGIN, bottom=BELOW_TITLE + _HEIGHT + 52)
