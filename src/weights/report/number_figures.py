"""What is drawn of predicted numbers: what came against what was predicted, residuals, and intervals. Nothing is computed here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from weights.inspection.values import HeldPart, Part, Values
from weights.report.axes import BELOW_TITLE, MARGIN, Axis, Panel, lay_out, number_axis, share_axis
from weights.report.charts import BLUE, FAINT, INK, LINE, ORANGE, SMALL, Box, Dot, Drawing, Line, Mark, Text
from weights.types import FloatArray

_LEFT, _SIDE = MARGIN + 66.0, 420.0
_N_BARS = 40


def predicted_figure(values: Values, parts: Sequence[Part], *, title: str, caption: str) -> Drawing:
    """Each row's value against its prediction, and the mean of what came in each tenth of the predictions."""
    both = number_axis(np.concatenate([values.predicted, values.observed]), "")
    panel = Panel(_LEFT, BELOW_TITLE, _SIDE, _SIDE, both._replace(words="predicted"), both._replace(words="observed"))
    dots, said = panel.points(values.predicted, values.observed)
    marks = [*panel.frame(), *dots, Line(panel.line([both.low, both.high], [both.low, both.high]), FAINT, dashed=True)]
    for part in parts:
        marks += _bar(panel, part.predicted, part.observed.low, part.observed.high)
        marks.append(Dot(*panel.at(part.predicted, part.observed.value), 4, ORANGE))
    words = "Dashed: predicted right. Orange: the mean of what came in each tenth of the predictions, with its 95 % interval"
    return _page(marks, title, f"{words}. {said} {caption}", _SIDE)


def residual_figure(values: Values, parts: Sequence[Part], *, title: str, caption: str) -> Drawing:
    """How far values lie from predictions, along these and altogether."""
    residuals = values.observed - values.predicted
    across, up = number_axis(values.predicted, "predicted"), number_axis(residuals, "observed - predicted")
    panel = Panel(_LEFT, BELOW_TITLE, _SIDE, 0.75 * _SIDE, across, up)
    dots, said = panel.points(values.predicted, residuals)
    marks = [*panel.frame(), *dots, Line(panel.line([across.low, across.high], [0, 0]), FAINT, dashed=True)]
    at, (lower, middle, upper) = [part.predicted for part in parts], np.array([part.residuals for part in parts]).T
    marks += [Line(panel.line(at, line), ORANGE, 1.2) for line in (lower, upper)]
    marks += [Line(panel.line(at, middle), ORANGE, 2.4), *(Dot(*panel.at(x, y), 3, ORANGE) for x, y in zip(at, middle, strict=True))]
    counts, edges = np.histogram(np.clip(residuals, up.low, up.high), _N_BARS, (up.low, up.high), weights=values.weight)
    beside = Panel(_LEFT + _SIDE + 16, BELOW_TITLE, 110, panel.height, Axis(0.0, 1.05 * max(counts.max(), 1e-300), "rows"), up)
    for count, begin, end in zip(counts, edges[:-1], edges[1:], strict=True):
        (x, y), (_, bottom) = beside.at(count, end), beside.at(0, begin)
        marks.append(Box(beside.left, y + 0.5, x - beside.left, bottom - y - 1, BLUE))
    marks += [Text(beside.left, BELOW_TITLE - 10, "rows, by residual", SMALL), Box(beside.left, BELOW_TITLE, 1, panel.height, LINE)]
    marks.append(Line(beside.line([0, beside.across.high], [0, 0]), FAINT, dashed=True))
    words = "Orange: the median of the residuals in each tenth of the predictions, and their quartiles"
    return _page(marks, title, f"{words}. {said} {caption}", 0.75 * _SIDE, width=_SIDE + 126)


def interval_figure(
    values: Values, bounds: tuple[FloatArray, FloatArray], parts: Sequence[HeldPart], *, level: float, title: str, caption: str
) -> Drawing:
    """Values beside the intervals that are predicted for them, and how many of them these hold.

    Args:
        values: of rows.
        bounds: low and high of each row, each of shape (n,).
        parts: tenths of the predictions.
        level: that the intervals are to hold.
        title: what is drawn.
        caption: whose answers they are.
    """
    low, high = ([getattr(part, side) for part in parts] for side in ("low", "high"))
    across, up = number_axis(values.predicted, "predicted"), number_axis(np.concatenate([values.observed, low, high]), "observed")
    panel = Panel(_LEFT, BELOW_TITLE, _SIDE, 0.62 * _SIDE, across, up)
    held = (bounds[0] <= values.observed) & (values.observed <= bounds[1])
    dots, said = panel.points(values.predicted[held], values.observed[held])
    out, said_out = panel.points(values.predicted[~held], values.observed[~held], ORANGE)
    at = [part.predicted for part in parts]
    marks = [*panel.frame(below=False), panel.band(at, np.array(low), np.array(high), FAINT, 0.25), *dots, *out]
    marks += [Line(panel.line(at, line), INK, 1.4) for line in (low, high)]
    ends = [end for part in parts for end in (part.held.low, part.held.high) if end is not None]
    least = min(np.floor(20 * min([*ends, level]) - 1) / 20, 0.75)
    below = Panel(
        _LEFT, BELOW_TITLE + panel.height + 52, _SIDE, 100, across, share_axis("share that the intervals hold", max(float(least), 0.0))
    )
    marks += [*below.frame(), Line(below.line([across.low, across.high], [level, level]), FAINT, dashed=True)]
    for part in parts:
        marks += _bar(below, part.predicted, part.held.low, part.held.high)
        marks.append(Dot(*below.at(part.predicted, part.held.value), 4, ORANGE))
    words = (
        f"Grey: the median {100 * level:g} % interval of each tenth of the predictions; each row has its own. Orange dots above: values "
        f"outside their own interval. Below: the share inside, with its 95 % interval; dashed: {100 * level:g} %"
    )
    rest = " ".join(dict.fromkeys(filter(None, [said, said_out and f"Orange: {said_out}"])))
    return _page(marks, title, f"{words}. {rest} {caption}", panel.height + 152)


def _bar(panel: Panel, x: float, low: float | None, high: float | None) -> list[Mark]:
    """The interval of a dot, where it has one."""
    return [] if low is None or high is None else [Line([panel.at(x, low), panel.at(x, high)], ORANGE, 2)]


def _page(marks: Sequence[Mark], title: str, caption: str, height: float, width: float = _SIDE) -> Drawing:
    return lay_out(marks, title=title, caption=caption, width=_LEFT + width + MARGIN + 16, bottom=BELOW_TITLE + height + 62)
