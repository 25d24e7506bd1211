"""What is drawn of a walk forward: losses as time went on, shares within bounds by step, and what was earned. Nothing is computed here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from weights.forecasting.course import Course
from weights.report.axes import BELOW_TITLE, MARGIN, Axis, Panel, lay_out, number_axis, share_axis
from weights.report.charts import BLUE, FAINT, INK, ORANGE, SMALL, Drawing, Line, Mark, Text
from weights.types import FloatArray

_LEFT, _WIDTH, _HEIGHT, _APART = MARGIN + 66.0, 640.0, 190.0, 66.0
_COLORS = (ORANGE, INK, BLUE, FAINT)


class Step(Protocol):
    """What is known of forecasts of a step ahead: its number, and by level the share of what came that lay within bounds."""

    @property
    def step(self) -> int:
        """Its number."""

    @property
    def coverage(self) -> dict[str, float]:
        """By level, such as "80%"."""


def walk_figure(title: str, course: Course, steps: Sequence[Step]) -> Drawing:
    """Panels below one another: losses by moment, shares within bounds by step ahead where there are bounds, and what was earned.

    Args:
        title: of what.
        course: of the losses.
        steps: by step ahead.
    """
    places = np.arange(len(course.times), dtype=float)
    across = Axis(-0.5, len(places) - 0.5, "forecast made", lambda place: _at(course.times, place))
    marks: list[Mark] = []
    top = BELOW_TITLE + 18.0
    top = _draw(marks, top, across, course.losses, places, course.measure, zero=True)
    if levels := [*steps[0].coverage]:
        numbers = np.asarray([float(row.step) for row in steps])
        along = Axis(numbers.min() - 0.5, numbers.max() + 0.5, "steps ahead", lambda step: f"{step:g}")
        lines = {f"within {level}": [row.coverage[level] for row in steps] for level in levels}
        nominal = [float(level.rstrip("%")) / 100 for level in levels]
        top = _draw(marks, top, along, lines, numbers, "share within", dashed=nominal, share=True)
    if course.earned:
        across = across._replace(words="moment")
        top = _draw(marks, top, across, course.earned, places, "earned so far", dashed=[0.0])
    dashes = "Dashed: what intervals claim. " if levels else ""
    caption = f"Means of all series over {len(places)} stretches of time. {dashes}Each forecast knew only what came before it."
    return lay_out(marks, title=title, caption=caption, width=_LEFT + _WIDTH + MARGIN, bottom=top - 14)


def _draw(
    marks: list[Mark],
    top: float,
    across: Axis,
    lines: Mapping[str, Sequence[float]],
    places: FloatArray,
    words: str,
    *,
    dashed: Sequence[float] = (),
    zero: bool = False,
    share: bool = False,
) -> float:
    """Draw lines in a panel that begins at a height, with their names above it, and give the height at which the next one begins."""
    values = np.concatenate([*(np.asarray(own, float) for own in lines.values()), np.asarray([*dashed, *([0.0] if zero else [])])])
    up = share_axis(words, np.floor(9 * float(np.nanmin(values))) / 10) if share else number_axis(values, words)
    panel = Panel(_LEFT, top, _WIDTH, _HEIGHT, across, up)
    marks += panel.frame()
    marks += [Line(panel.line([across.low, across.high], [value, value]), FAINT, dashed=True) for value in dashed]
    x = _LEFT + 7.2 * len(words) + 24
    for color, (name, own) in zip(_COLORS, _join_equal(lines).items(), strict=False):
        there = np.isfinite(np.asarray(own, float))
        marks.append(Line(panel.line(places[there], np.asarray(own, float)[there]), color, 1.8))
        marks.append(Text(x, top - 8, name, SMALL, color, bold=True))
        x += 7.2 * len(name) + 24
    return top + _HEIGHT + _APART


def _join_equal(lines: Mapping[str, Sequence[float]]) -> dict[str, Sequence[float]]:
    """The lines, of which those that cover one another are one, with both names."""
    joined: dict[str, Sequence[float]] = {}
    for name, own in lines.items():
        same = next((known for known, other in joined.items() if np.allclose(own, other, rtol=1e-9, atol=0.0, equal_nan=True)), None)
        if same is None:
            joined[name] = own
        else:
            joined = {f"{same} = {name}" if known == same else known: other for known, other in joined.items()}
    return joined


def _at(times: Sequence[str], place: float) -> str:
    """The moment at a place, as it is shown; nothing beyond the ends."""
    return times[round(place)] if 0 <= round(place) < len(times) else ""
