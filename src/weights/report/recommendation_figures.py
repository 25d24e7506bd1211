"""What is drawn of recommendations: weights from item to item with their intervals, and items as points. Nothing is computed here."""

from __future__ import annotations

import numpy as np

from weights.recommending.itemmap import ItemMap
from weights.recommending.pairs import ItemPair
from weights.report.axes import BELOW_TITLE, MARGIN, Axis, Panel, lay_out
from weights.report.charts import BLUE, INK, SMALL, Dot, Drawing, Mark, Text, mixed, width_of
from weights.report.row_figures import Row, rows_figure
from weights.tables import short_name, signed

_WIDTH, _HEIGHT = 760.0, 560.0
_LINE = 13.0
_LEAST, _MOST = 2.0, 7.0
"""Radii of the least and the most popular item."""


def pairs_figure(pairs: list[ItemPair], level: float, *, of_one: bool) -> Drawing:
    """Weights from item to item, each with its interval, beside how many users turned to both."""
    names = [pair.because_name if of_one else f"{short_name(pair.because_name)} for {short_name(pair.name)}" for pair in pairs]
    rows = [
        Row(name, pair.weight, pair.low, pair.high, (signed(pair.weight), f"{pair.n_both:,}"))
        for name, pair in zip(names, pairs, strict=True)
    ]
    return rows_figure(
        rows,
        heads=("weight", "users"),
        axis="weight of an event of one item in the score of another",
        reference=0.0,
        title=f"What speaks for {pairs[0].name}" if of_one and pairs else "The strongest weights from item to item",
        caption=f"Dots: weights beside all other items; bars: {level:.0%} intervals over the choice of users. Users: who turned to both.",
    )


def map_figure(drawn: ItemMap) -> Drawing:
    """Items as dots, the larger the more popular, with the names of those where there is room."""
    x, y = (np.array([getattr(item, name) for item in drawn.items]) for name in ("x", "y"))
    reach = [(float(values.min()), float(np.ptp(values)) or 1.0) for values in (x, y)]
    across, up = (Axis(low - 0.04 * wide, low + 1.04 * wide, "") for low, wide in reach)
    panel = Panel(MARGIN, BELOW_TITLE, _WIDTH, _HEIGHT, across, up)
    places = panel.line(x, y)
    n_users = np.sqrt([item.n_users for item in drawn.items])
    radii = _LEAST + (_MOST - _LEAST) * n_users / n_users.max()
    marks: list[Mark] = [Dot(*place, float(radius), mixed(BLUE, 0.35)) for place, radius in zip(places, radii, strict=True)]
    taken: list[tuple[float, float, float]] = []
    for item, (left, top), radius in zip(drawn.items, places, radii, strict=True):  # the most popular first
        name = short_name(item.name)
        begin, baseline, width = left + radius + 3, top + 4, width_of(name, SMALL)
        if begin + width > MARGIN + _WIDTH:
            begin = left - radius - 3 - width
        if all(abs(baseline - line) >= _LINE or begin > end + 4 or begin + width < start - 4 for start, end, line in taken):
            taken.append((begin, begin + width, baseline))
            marks.append(Text(begin, baseline, name, SMALL, INK))
    n_named = f" {len(taken):,} are named, where there was room." if len(taken) < len(drawn.items) else ""
    return lay_out(
        marks,
        title=f"The {len(drawn.items):,} most popular items",
        caption="Near each other: the same users turned to them (principal components of the cosines between items). "
        f"The plane shows {drawn.share:.0%} of what tells them apart. Larger: more users.{n_named}",
        width=_WIDTH + 2 * MARGIN,
        bottom=BELOW_TITLE + _HEIGHT + 22,
    )
