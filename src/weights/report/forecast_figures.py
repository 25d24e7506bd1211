"""What is drawn of forecasts: the last values of a series and its next steps, with their intervals. Nothing is computed here."""

from __future__ import annotations

import numpy as np

from weights.errors import counted
from weights.forecasting.forecaster import Forecaster
from weights.forecasting.steps import ForecastTable
from weights.report.axes import BELOW_TITLE, MARGIN, Axis, Panel, lay_out, number_axis
from weights.report.charts import FAINT, INK, ORANGE, SMALL, Drawing, Line, Mark, Raster, Text, diverging
from weights.report.row_figures import Row, rows_figure
from weights.report.time_axis import time_axis
from weights.tables import compact
from weights.types import FloatArray

_LEFT, _WIDTH, _HEIGHT = MARGIN + 66.0, 640.0, 300.0
_MOST_BEFORE = 3
"""Times the horizon that is drawn of the values before (our choice)."""
_FEWEST_BEFORE = 20
_MOST_TOTALS = 40
_LEAST_SHOWN = 0.005
"""Share of the largest weight below which the oldest lags are not drawn (our choice)."""
_MOST_EVEN, _CROWDED_ROWS = 60, 300
"""Lags that have as much room each, and rows of a panel that more of them share (our choice)."""
_LEGEND_WIDTH, _LEGEND_HEIGHT, _LEGEND_CELLS = 240.0, 9.0, 121


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
    across = time_axis(np.concatenate([times, table["time"][:first]]), float(1 - n_before))
    panel = Panel(_LEFT, BELOW_TITLE, _WIDTH, _HEIGHT, across, number_axis(shown, before.name))
    marks: list[Mark] = panel.frame()
    for i, level in enumerate(sorted(bounds, key=lambda level: -float(level.rstrip("%")))):
        low, high = bounds[level]
        marks.append(panel.band(at_after, low, high, ORANGE, 0.15 + 0.15 * i))
    marks.append(Line(panel.line(at_before, values), INK, 1.2))
    marks.append(Line(panel.line(np.concatenate([[0], at_after]), np.concatenate([values[-1:], predicted])), ORANGE, 1.8))
    marks.append(Line(panel.line([0, 0], [panel.up.low, panel.up.high]), FAINT, dashed=True))
    held = f"with intervals of {' and '.join(sorted(levels))}, each step for itself" if levels else "without intervals"
    caption = f"Black: what came, the last {counted(n_before, 'value')}. Orange: the next {counted(first, 'step')}, {held}."
    return lay_out(
        marks,
        title=f"{before.name}: the next {counted(first, 'step')}",
        caption=caption,
        width=_LEFT + _WIDTH + MARGIN,
        bottom=BELOW_TITLE + _HEIGHT + 42,
    )


def totals_figure(table: ForecastTable) -> Drawing:
    """The sums of the next steps of series and targets, the largest first, with the first of the intervals that the table has."""
    names = [list(map(str, table[name])) for name in ("series", "target") if name in table and len({*table[name]}) > 1]
    labels = [", ".join(parts) for parts in zip(*names, strict=True)] or [table.before.name]
    level = next((name.removeprefix("low ") for name in table if name.startswith("low ")), None)
    totals = table["prediction"]
    low, high = (totals, totals) if level is None else (table[f"low {level}"], table[f"high {level}"])
    order = np.argsort(-totals, kind="stable")
    rows = [
        Row(labels[i], float(totals[i]), float(low[i]), float(high[i]), (compact(float(totals[i])),)) for i in order[:_MOST_TOTALS].tolist()
    ]
    held = "without intervals" if level is None else f"with intervals of {level}"
    more = f" The {_MOST_TOTALS} largest of {len(totals):,}." if len(totals) > _MOST_TOTALS else ""
    steps = counted(int(table["steps"][0]), "step")
    return rows_figure(
        rows,
        heads=("total",),
        axis=f"sum of the next {steps}",
        reference=float(totals[order[:_MOST_TOTALS]].mean()),
        title=f"The next {steps} together",
        caption=f"Sums of the next {steps}, {held} from sample paths. Line: their mean.{more}",
    )


def lag_figure(forecaster: Forecaster, unit: int) -> Drawing:
    """The weight of each lag in the forecast of each step of a unit, as colours."""
    weights = forecaster.units.weights[unit]
    shown = weights[: np.flatnonzero(np.abs(weights).max(axis=1) > _LEAST_SHOWN * np.abs(weights).max()).max(initial=0) + 1]
    n_lags, horizon = shown.shape
    largest = float(np.abs(shown).max()) or 1.0
    calendar = forecaster.calendar
    across = Axis(0.5, horizon + 0.5, "steps ahead", lambda step: f"{step:g}")
    many = n_lags > _MOST_EVEN
    up = _crowded_axis(n_lags) if many else Axis(0.5 - n_lags, 0.5, "lag", lambda place: f"{abs(place):g}")  # the last value at the top
    panel = Panel(_LEFT, BELOW_TITLE, _WIDTH, _HEIGHT, across, up)
    pixels = diverging(_root(_crowd(shown) / largest if many else shown / largest), 1.0)
    marks: list[Mark] = [Raster(_LEFT, BELOW_TITLE, _WIDTH, _HEIGHT, pixels), *panel.frame(), *_legend(largest)]
    crowded = " Recent lags have more room, and of old ones that share a row the largest weight is shown." if many else ""
    caption = (
        f"The weight of each lag (0 is the last value, {n_lags - 1} lies {calendar.span(n_lags - 1)} before it) in the forecast of a step."
        f"{crowded} Colours go with the square root of a weight, so that small ones are seen beside large ones. "
        "These weights are shrunk: weights summary measures lags with intervals."
    )
    title = f"{forecaster.name(unit)}: weights of lags by step ahead"
    return lay_out(marks, title=title, caption=caption, width=_LEFT + _WIDTH + MARGIN, bottom=BELOW_TITLE + _HEIGHT + 52)


def _crowd(weights: FloatArray) -> FloatArray:
    """Weights (L, H) on rows that hold more lags the older they are, as squares, the largest of each row, shape (rows, H)."""
    n_lags, horizon = weights.shape
    edges = n_lags * (np.arange(_CROWDED_ROWS + 1) / _CROWDED_ROWS) ** 2
    begins = edges[:-1].astype(int)
    ends = np.maximum(np.ceil(edges[1:] - 1e-9).astype(int), begins + 1)
    rows = [weights[begin:end] for begin, end in zip(begins, ends, strict=True)]
    return np.stack([own[np.abs(own).argmax(axis=0), np.arange(horizon)] for own in rows])


def _crowded_axis(n_lags: int) -> Axis:
    """The axis of these rows, from the oldest lag to the last value at the top."""

    def find_ticks(most: int) -> list[tuple[float, str]]:
        ticks: list[tuple[float, str]] = []
        for lag in (lead * 10**e for e in range(6) for lead in (0, 1, 2, 5)):
            place = -float(np.sqrt((lag + 0.5) / n_lags))
            if lag < n_lags and all(abs(place - other) >= 0.8 / most for other, _ in ticks):
                ticks.append((place, f"{lag:g}"))
        return ticks

    return Axis(-1.0, 0.0, "lag", find_ticks=find_ticks)


def _root(values: FloatArray) -> FloatArray:
    """Square roots of sizes, with their signs."""
    return np.sign(values) * np.sqrt(np.abs(values))


def _legend(largest: float) -> list[Mark]:
    """The colours of weights, above the right end of the panel: even steps along it are even steps of the root."""
    left, top = _LEFT + _WIDTH - _LEGEND_WIDTH, BELOW_TITLE - 30
    colours = diverging(np.linspace(-1, 1, _LEGEND_CELLS)[None], 1.0)
    marks: list[Mark] = [Raster(left, top, _LEGEND_WIDTH, _LEGEND_HEIGHT, colours)]
    for root in (-1.0, -0.5, 0.0, 0.5, 1.0):
        words = compact(root * abs(root) * largest)
        marks.append(Text(left + (1 + root) / 2 * _LEGEND_WIDTH, top + _LEGEND_HEIGHT + 14, words, SMALL, FAINT, "middle"))
    return marks
