"""What is drawn a line each, a dot with its interval beside words: importances, effects (a forest plot), and the answer along a column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from weights.inspection.curves import Curve
from weights.report.axes import BELOW_TITLE, MARGIN, Axis, Panel, lay_out, number_axis
from weights.report.charts import BLUE, FAINT, INK, LINE, SMALL, USUAL, Area, Box, Dot, Drawing, Line, Mark, Text, mixed, width_of, wrapped
from weights.tables import compact
from weights.types import FloatArray

_WIDEST_NAME, _WIDEST_NOTE, _PANEL = 230, 330, 340.0
_REACH, _FAR = 2.5, 6.0
"""Intervals are drawn as far from the reference as so many times the farthest estimate, and end in an arrow there; an estimate that lies so
many times as far out as nine in ten others does not count (our choice)."""
_CURVE = 440.0


class Row(NamedTuple):
    """A line of a figure.

    Attributes:
        name: what it is of.
        value: its estimate, None where there is none. low, high: the interval.
        beside: the same in words, a cell each; a note where there is nothing to draw.
        part: whether it is a part of what stands above.
    """

    name: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    beside: Sequence[str] = ()
    part: bool = False


def rows_figure(
    rows: Sequence[Row], *, heads: Sequence[str], axis: str, reference: float, ratio: bool = False, title: str, caption: str
) -> Drawing:
    """Estimates with their intervals beside a line for the reference.

    Args:
        rows: from top to bottom.
        heads: of the cells beside.
        axis: what is estimated.
        reference: where the line is.
        ratio: whether estimates are ratios, of which equal factors take equal room.
        title: what is drawn.
        caption: what must be known.
    """
    across = _axis_of(rows, axis, reference, ratio=ratio)
    lines = [wrapped(row.name, _WIDEST_NAME - 14 * row.part, SMALL, most=2) for row in rows]
    heights = [17.0 + 13 * len(own) - 7 for own in lines]
    names = max((width_of(line, SMALL) + 14 * row.part for own, row in zip(lines, rows, strict=True) for line in own), default=40.0)
    left, top = MARGIN + names + 18, BELOW_TITLE + 4
    panel = Panel(left, top, _PANEL, sum(heights) + 6, across, Axis(0.0, 1.0, ""))
    marks: list[Mark] = [*panel.frame(beside=False), Box(left, top, _PANEL, panel.height, edge=LINE, thickness=0.5)]
    x, _ = panel.at(reference, 0)
    marks.append(Line([(x, top), (x, top + panel.height)], INK, 1.0))
    ends, y, arrows = _ends_of_cells(rows, heads, left + _PANEL + 16), top + 3, False
    for end, head in zip(ends, heads, strict=True):
        marks.append(Text(end, BELOW_TITLE - 6, head, SMALL, FAINT, "end"))
    for row, own, height in zip(rows, lines, heights, strict=True):
        middle = y + height / 2
        for place, line in enumerate(own):
            baseline = middle + 4 + 13 * (place - (len(own) - 1) / 2)
            marks.append(Text(MARGIN + 14 * row.part, baseline, line, SMALL, FAINT if row.part else INK))
        marks += (drawn := _interval(panel, row, middle))
        arrows |= any(isinstance(mark, Area) for mark in drawn)
        if len(row.beside) == len(heads):
            marks += [Text(end, middle + 4, cell, SMALL, INK, "end") for end, cell in zip(ends, row.beside, strict=True)]
        elif row.beside:
            marks.append(Text(left + _PANEL + 16, middle + 4, wrapped(row.beside[0], _WIDEST_NOTE, SMALL, most=1)[0], SMALL, FAINT))
        y += height
    notes = [left + _PANEL + 16 + min(width_of(row.beside[0], SMALL), _WIDEST_NOTE) for row in rows if len(row.beside) == 1]
    caption = f"{caption} Arrows: it goes on beyond the axis." if arrows else caption
    width = max([*ends, *(notes if len(heads) != 1 else []), left + _PANEL + 20]) + MARGIN
    return lay_out(marks, title=title, caption=caption, width=width, bottom=top + panel.height + 66)


def curve_figure(curve: Curve, *, axis: str, column: str, show: Callable[[float], str] | None, title: str, caption: str) -> Drawing:
    """The mean answer along a column, with its band, above how the column is distributed.

    Args:
        curve: what was found.
        axis: what is answered.
        column: the name of the column.
        show: a value of it as text, or None for numbers.
        title: what is drawn.
        caption: what the band is.
    """
    if curve.names:
        known = not np.isnan(curve.low).any()
        rows = [
            Row(name, value, low if known else None, high if known else None, (in_digits(value), f"{100 * share:.1f} %"))
            for name, value, low, high, share in zip(curve.names, curve.answer, curve.low, curve.high, curve.shares, strict=True)
        ]
        rows = sorted(rows, key=lambda row: -(row.value or 0.0))
        heads, words = ("answer", "of rows"), f"Line: the mean answer as the rows are, {in_digits(curve.mean)}."
        return rows_figure(rows, heads=heads, axis=axis, reference=curve.mean, title=title, caption=f"{words} {caption}")
    left, at = MARGIN + 70.0, curve.values
    low, high = np.asarray(curve.low), np.asarray(curve.high)
    known = ~np.isnan(low).any()
    shown = np.concatenate([curve.answer, low, high] if known else [curve.answer, [curve.mean]])
    across = number_axis(np.array(at), column, show=show, whole=True)._replace(low=at[0], high=at[-1] if at[-1] > at[0] else at[0] + 1)
    across = across._replace(cut=(curve.n_below > 0, curve.n_above > 0))
    panel = Panel(left, BELOW_TITLE, _CURVE, 270, across, number_axis(shown, axis, whole=True))
    marks = panel.frame(below=False)
    marks += [panel.band(at, low, high)] if known else []
    marks.append(Line(panel.line([across.low, across.high], [curve.mean, curve.mean]), FAINT, dashed=True))
    marks += [Line(panel.line(at, curve.answer), BLUE, 2.2)]
    bars = Panel(left, BELOW_TITLE + 282, _CURVE, 60, across, Axis(0.0, max(curve.shares) or 1.0, ""))
    marks += bars.frame(beside=False)
    for share, begin, end in zip(curve.shares, curve.edges[:-1], curve.edges[1:], strict=True):
        (x, y), (right, bottom) = bars.at(begin, share), bars.at(end, 0)
        marks.append(Box(x, y, max(right - x - 1, 1), bottom - y, mixed(FAINT, 0.5)))
    marks.append(Text(left - 7, BELOW_TITLE + 318, "rows", SMALL, FAINT, "end"))
    words = f"Dashed: the mean answer as the rows are, {in_digits(curve.mean)}. Bars: how many rows lie where."
    n_beyond = curve.n_below + curve.n_above
    ends = f"{n_beyond:,} of {curve.n_read:,} rows lie beyond the ends, where too few are to see what is said of them." * bool(n_beyond)
    gone = f"{curve.n_missing:,} have no value." * bool(curve.n_missing)
    caption = f"{words} {ends} {gone} {caption}"
    return lay_out(marks, title=title, caption=caption, width=left + _CURVE + 2 * MARGIN, bottom=BELOW_TITLE + 342 + 62)


def in_digits(value: float | None) -> str:
    """Three significant digits, and whole numbers without an exponent, such as prices.

    Example:
        >>> in_digits(223812.4), in_digits(0.01234)
        ('223,812', '0.0123')
    """
    return f"{value:,.0f}" if value is not None and 1e5 <= abs(value) < 1e9 else compact(value)


def _axis_of(rows: Sequence[Row], words: str, reference: float, *, ratio: bool) -> Axis:
    """An axis that shows the reference and all estimates, and of intervals as much as is readable."""

    def forward(values: Sequence[float | None]) -> FloatArray:
        known = np.array([value for value in values if value is not None and np.isfinite(value)], float)
        return np.log(np.maximum(known, 1e-300)) if ratio else known

    [middle] = forward([reference])
    values = np.append(forward([row.value for row in rows]), middle)
    bounds = np.concatenate([values, forward([row.low for row in rows]), forward([row.high for row in rows])])
    sizes = np.abs(values - middle)
    most, usual = float(sizes.max()), float(np.quantile(sizes, 0.9))
    reach = _REACH * max(usual if most > _FAR * usual > 0 else most, 1e-12)
    inside = np.clip(bounds, middle - reach, middle + reach) if len(values) > 1 and reach > 1e-9 else bounds
    low, high = float(inside.min()), float(inside.max())
    room = 0.04 * (high - low) or 0.5
    cut = (bool(bounds.min() < low - room), bool(bounds.max() > high + room))
    begin, end = (float(np.exp(at)) if ratio else at for at in (low - room, high + room))
    return Axis(begin, end, words, ratio=ratio, cut=cut)


def _interval(panel: Panel, row: Row, y: float) -> list[Mark]:
    """The dot of a row, its interval, and arrows where that goes on beyond the panel."""
    if row.value is None:
        return []
    across = panel.across
    low, high = (row.value if bound is None else bound for bound in (row.low, row.high))
    (begin, _), (end, _) = panel.at(low, 0), panel.at(high, 0)
    marks: list[Mark] = [Line([(begin, y), (end, y)], BLUE, 2)]
    beyond = ((low < across.low, begin, 1), (high > across.high, end, -1))
    marks += [Area([(x, y), (x + 7 * way, y - 4), (x + 7 * way, y + 4)], BLUE) for goes_on, x, way in beyond if goes_on]
    return [*marks, Dot(panel.at(row.value, 0)[0], y, 4, BLUE)] if across.low <= row.value <= across.high else marks


def _ends_of_cells(rows: Sequence[Row], heads: Sequence[str], begin: float) -> list[float]:
    """Where each column of cells ends."""
    ends = []
    for i, head in enumerate(heads):
        begin += max([width_of(head, SMALL), *(width_of(row.beside[i], SMALL) for row in rows if len(row.beside) == len(heads))])
        ends.append(begin)
        begin += USUAL
    return ends
