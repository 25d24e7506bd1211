"""What is drawn of the stretches of series that answers rest on. Nothing is computed here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from weights.inspection.stretches import Stretch, Stretches
from weights.report.axes import BELOW_TITLE, MARGIN, Axis, Panel, lay_out, number_axis
from weights.report.charts import BLUE, INK, ORANGE, Box, Drawing, Line, Mark, Text, mixed

_LEFT, _WIDTH, _HEIGHT, _ROOM = MARGIN + 66.0, 560.0, 90.0, 58.0
_MOST_ROWS, _MOST_CHANNELS = 5, 4
"""Rows, and channels of each, those that matter most, that are drawn (our choice)."""


def stretches_figure(found: Sequence[Stretches], titles: Sequence[str], unit: str) -> Drawing:
    """Series, one below the other, over their stretches: orange for the answer, blue against it, the stronger the more it loses."""
    marks: list[Mark] = []
    top = BELOW_TITLE
    for of, title in zip(found[:_MOST_ROWS], titles, strict=False):
        marks.append(Text(_LEFT, top, title, bold=True))
        top += 12
        largest = max((abs(part.change) for part in of.stretches), default=0.0) or 1.0
        for name in _name_strongest(of.stretches):
            own = [part for part in of.stretches if part.feature == name]
            marks += _draw_channel(of, own, [*dict.fromkeys(part.feature for part in of.stretches)].index(name), top, largest)
            top += _HEIGHT + _ROOM
        top += 10
    n_left = len(found) - _MOST_ROWS
    caption = (
        f"Orange: stretches without which the answer has less of its {unit}; blue: without which it has more. Full colour: the strongest "
        f"of the row. At most {_MOST_CHANNELS} channels a row, those that matter most{f'; {n_left} more rows' if n_left > 0 else ''}."
    )
    return lay_out(marks, title="What answers rest on", caption=caption, width=_LEFT + _WIDTH + MARGIN + 16, bottom=top)


def _name_strongest(stretches: Sequence[Stretch]) -> list[str]:
    """The channels whose stretches change most, the strongest first."""
    names = dict.fromkeys(part.feature for part in stretches)
    return sorted(names, key=lambda name: -max(abs(part.change) for part in stretches if part.feature == name))[:_MOST_CHANNELS]


def _draw_channel(found: Stretches, own: Sequence[Stretch], channel: int, top: float, largest: float) -> list[Mark]:
    values = found.series[: own[-1].end, channel].astype(float)
    across = Axis(0.5, len(values) + 0.5, f"{own[0].feature}, value", show=lambda place: f"{place:.0f}")
    panel = Panel(_LEFT, top, _WIDTH, _HEIGHT, across, number_axis(values, ""))
    bands: list[Mark] = []
    for part in own:
        (begin, _), (end, _) = panel.at(part.begin + 0.5, 0), panel.at(part.end + 0.5, 0)
        color = mixed(ORANGE if part.change > 0 else BLUE, 0.75 * abs(part.change) / largest)
        bands.append(Box(begin, top, end - begin, _HEIGHT, color))
    return [*bands, *panel.frame(), Line(panel.line(np.arange(1, len(values) + 1), values), INK, 1.6)]
