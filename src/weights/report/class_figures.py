"""What is drawn of answers with classes: confusion, calibration and thresholds. Nothing is computed here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from weights.ensemble import Predictions
from weights.inspection.classes import Bin, Confusion, OperatingPoint, curve
from weights.report.axes import BELOW_TITLE, MARGIN, Panel, lay_out, share_axis
from weights.report.charts import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    LINE,
    ORANGE,
    SMALL,
    Box,
    Dot,
    Drawing,
    Line,
    Mark,
    Text,
    mixed,
    width_of,
    wrapped,
)
from weights.summary import bounds, number, percent
from weights.tasks.metrics import CLASS_METRICS, Metric

_LEFT, _SIDE = MARGIN + 44.0, 380.0
_MOST_POINTS = 2_000
_CORNER = 0.25
"""Where both errors are smaller than this, with their intervals, only this corner of a curve is drawn."""
_MOST_NAMED_CLASSES, _MOST_NUMBERED_CLASSES = 60, 24
_WIDEST_NAME, _MOST_LINES = 170, 3


def confusion_figure(confusion: Confusion, *, title: str, footnote: str) -> Drawing:
    """Rows of each class by the class they are answered with, and the share of each class that is answered rightly."""
    counts, labels = np.array(confusion.counts), [str(label) for label in confusion.classes]
    recalls, totals = confusion.recalls, np.maximum(counts.sum(1), 1)
    if len(labels) > _MOST_NAMED_CLASSES:
        worst = np.sort(np.argsort(np.diag(counts) - counts.sum(1), kind="stable")[:_MOST_NAMED_CLASSES])
        counts, totals = counts[np.ix_(worst, worst)], totals[worst]
        labels, recalls = [labels[k] for k in worst], [recalls[k] for k in worst]
        footnote = f"The {_MOST_NAMED_CLASSES} classes with most errors. {footnote}"
    n = len(labels)
    cell = 72 if n <= 6 else 48 if n <= 12 else 30 if n <= _MOST_NUMBERED_CLASSES else 14
    n_lines = max(min(cell // 13, _MOST_LINES), 1)
    beside = [wrapped(label, _WIDEST_NAME, SMALL, most=n_lines) for label in labels]
    above = [wrapped(label, cell - 6, SMALL, most=_MOST_LINES) for label in labels]
    turned = any(" ".join(lines) != label for lines, label in zip(above, labels, strict=True))
    above = beside if turned else above
    names = max(max(width_of(line, SMALL) for lines in beside for line in lines), 40)
    high = (names if turned else 13 * max(map(len, above))) + 8
    left, right = MARGIN + names + 30, 190
    top = BELOW_TITLE + high + 8
    marks: list[Mark] = [Text(left + n * cell / 2, BELOW_TITLE, "answered", SMALL, FAINT, "middle")]
    marks.append(Text(MARGIN, top - 8, "truth", SMALL, FAINT))
    marks.append(Text(left + n * cell + 16, top - 8, "answered rightly", SMALL, FAINT))
    for i in range(n):
        y, x = top + i * cell, left + i * cell
        for place, line in enumerate(beside[i]):
            marks.append(Text(left - 8, y + cell / 2 + 4 + 13 * (place - (len(beside[i]) - 1) / 2), line, SMALL, anchor="end"))
        for place, line in enumerate(above[i]):
            if turned:
                marks.append(Text(x + cell / 2 + 4 + 12 * (place - (len(above[i]) - 1) / 2), top - 8, line, SMALL, turned=True))
            else:
                marks.append(Text(x + cell / 2, top - 8 - 13 * (len(above[i]) - 1 - place), line, SMALL, anchor="middle"))
        for j in range(n):
            share, x = counts[i, j] / totals[i], left + j * cell
            marks.append(Box(x, y, cell, cell, mixed(BLUE if i == j else ORANGE, share**0.7), LINE, 0.5))
            if cell >= 30 and counts[i, j]:
                ink = "#ffffff" if share > 0.55 else INK
                marks.append(Text(x + cell / 2, y + cell / 2 + 4, f"{counts[i, j]:,}", SMALL if cell > 30 else 9, ink, "middle"))
        if recalls[i] is not None:
            marks.append(Text(left + n * cell + 16, y + cell / 2 + 4, percent(recalls[i]), SMALL if cell >= 30 else 9))
    shades = "Shades: the share of the class, in blue where it is answered rightly."
    width = max(left + n * cell + right, 520)
    return lay_out(marks, title=title, caption=f"{shades} {footnote}", width=width, bottom=top + n * cell + 24)


def calibration_figure(bins: Sequence[Bin], *, title: str, footnote: str) -> Drawing:
    """Predicted against observed probability, with 95 % intervals."""
    panel = Panel(_LEFT, BELOW_TITLE, _SIDE, _SIDE, share_axis("predicted"), share_axis("observed"))
    marks = [*panel.frame(), Line(panel.line([0, 1], [0, 1]), FAINT, dashed=True)]
    for bin_ in bins:
        low, high = panel.at(bin_.predicted, bin_.observed.low or 0.0), panel.at(bin_.predicted, bin_.observed.high or 0.0)
        marks += [Line([low, high], BLUE, 2), Dot(*panel.at(bin_.predicted, bin_.observed.value), 4, BLUE)]
    return _page(marks, title, footnote)


def operating_figure(
    predictions: Predictions, k: int, point: OperatingPoint, *, title: str, footnote: str, areas: dict[str, Metric] | None = None
) -> Drawing:
    """Sensitivity against specificity at all thresholds, and the operating point with the intervals of both.

    Args:
        predictions: that the curve is of.
        k: the position of the class.
        point: the threshold, and how it fares.
        title: what is drawn.
        footnote: whose answers they are.
        areas: the area under the curve out of bag, and of the test, by these names, where they are known.
    """
    shown = [(name, metrics) for name, metrics in (("out of bag", point.out_of_bag), ("test", point.test)) if metrics is not None]
    ends = [
        1 - metric.low for _, metrics in shown for metric in (metrics.sensitivity, metrics.specificity) if metric and metric.low is not None
    ]
    reach = _CORNER if max(ends, default=1.0) <= _CORNER else 1.0
    across, up = share_axis("1 - specificity", high=reach), share_axis("sensitivity", low=1 - reach)
    panel = Panel(_LEFT, BELOW_TITLE, _SIDE, _SIDE, across, up)
    marks = panel.frame()
    if reach == 1:
        marks.append(Line(panel.line([0, 1], [0, 1]), FAINT, dashed=True))
    else:
        footnote = f"ONLY THE CORNER of the best thresholds is drawn: the axes end at {reach:g} and begin at {1 - reach:g}. {footnote}"
    alarms, hits = curve(predictions, k)
    inside = (alarms <= reach) & (hits >= 1 - reach)
    begin = (float(np.interp(1 - reach, hits, alarms)), 1 - reach)
    end = (reach, float(np.interp(reach, alarms, hits)))
    points = [begin, *zip(alarms[inside].tolist(), hits[inside].tolist(), strict=True), end]
    marks.append(Line([panel.at(*place) for place in (*points[:: max(len(points) // _MOST_POINTS, 1)], end)], BLUE, 2))
    y = BELOW_TITLE + _SIDE + 60
    for words in area_lines(areas or {}):
        marks.append(Text(MARGIN, y, words.strip(), SMALL, bold=True))
        y += 18
    for name, metrics in shown:
        color = GREEN if name == "test" else ORANGE
        if metrics.sensitivity is None or metrics.specificity is None:
            continue
        sensitivity, specificity = metrics.sensitivity, metrics.specificity
        x, hit = 1 - specificity.value, sensitivity.value
        marks.append(Line([panel.at(x, sensitivity.low or 0.0), panel.at(x, sensitivity.high or 1.0)], color, 2))
        marks.append(Line([panel.at(1 - (specificity.high or 1.0), hit), panel.at(1 - (specificity.low or 0.0), hit)], color, 2))
        marks.append(Dot(*panel.at(x, hit), 5, color))
        words = f"from {point.rounded_threshold} on, {name}: sensitivity {percent(sensitivity)}, specificity {percent(specificity)}"
        marks.append(Text(MARGIN, y, words, SMALL, color))
        y += 18
    return _page(marks, title, footnote, y + 4)


def area_lines(areas: dict[str, Metric]) -> list[str]:
    """The area under the curve of each of some rows, by what these are called, in words."""
    measure = CLASS_METRICS["auroc"]
    return [f"  AUROC {name}: {number(measure, area.value)} {bounds(measure, area)}".rstrip() for name, area in areas.items()]


def _page(marks: list[Mark], title: str, caption: str, bottom: float = BELOW_TITLE + _SIDE + 60) -> Drawing:
    return lay_out(marks, title=title, caption=caption, width=_LEFT + _SIDE + 3 * MARGIN, bottom=bottom)
