"""Axes for drawings: from values to places on a page, with ticks, names, and a sign wherever an axis does not show all.

`number_axis` and `share_axis` make an `Axis`; a `Panel` is a rectangle with two of them. `lay_out` makes a page of panels: its title above,
what must be known below, both in as many lines as they take.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from weights.report.charts import (
    BLUE,
    FAINT,
    INK,
    LARGE,
    LINE,
    PAPER,
    SMALL,
    Area,
    Dot,
    Drawing,
    Line,
    Mark,
    Raster,
    Text,
    mixed,
    width_of,
    wrapped,
)
from weights.types import AnyArray, FloatArray

MARGIN = 24
BELOW_TITLE = MARGIN + LARGE + 34.0
"""Where panels begin."""
_ACROSS_EVERY, _UP_EVERY = 76, 52
_BETWEEN_TEXTS = 6.0
"""Pixels between ticks, at the least."""
_TAIL, _FEW, _FAR = 0.002, 1.5, 3.0
"""An axis leaves out values beyond these quantiles, or of few rows beyond the outermost one, where all values take so many times as much
room (our choice)."""
_MOST_DOTS, _CELLS = 1_500, 90
"""Points that are drawn one by one, and cells along either side of what counts them where there are more."""
_CUT = 5


class Axis(NamedTuple):
    """What lies along one side of a panel.

    Attributes:
        low, high: the values at its ends.
        words: what it shows.
        show: a value as text.
        ratio: whether equal steps are equal factors.
        cut: whether values lie beyond the low and beyond the high end, which a sign there tells.
        find_ticks: at most so many values at which a line stands, and their texts; round values if None.
    """

    low: float
    high: float
    words: str
    show: Callable[[float], str] | None = None
    ratio: bool = False
    cut: tuple[bool, bool] = (False, False)
    find_ticks: Callable[[int], list[tuple[float, str]]] | None = None

    def share(self, values: FloatArray) -> FloatArray:
        """How far along the axis values (n,) lie, from 0 to 1; those beyond its ends at these."""
        low, high, at = self.low, self.high, np.asarray(values, float)
        if self.ratio:
            low, high, at = math.log(low), math.log(high), np.log(np.maximum(at, 1e-300))
        return np.clip((at - low) / (high - low), 0.0, 1.0)

    def ticks(self, most: int) -> list[tuple[float, str]]:
        """At most so many values, and one, at which a line stands, and their texts."""
        if self.find_ticks is not None:
            return self.find_ticks(most)
        places = _factors(self.low, self.high, most) if self.ratio else _steps(self.low, self.high, most)
        show = self.show or _decimals(places, ratio=self.ratio)
        return [(place, show(place)) for place in places]


def number_axis(values: FloatArray, words: str, *, show: Callable[[float], str] | None = None, whole: bool = False) -> Axis:
    """An axis for values (n,): of all, or where a few lie far out of the others, with a sign at the ends beyond which they lie.

    Args:
        values: what is to be shown; not finite ones are not.
        words: the name of the axis.
        show: a value as text; in as many digits as ticks need if None.
        whole: whether the axis must show all values, however far out.
    """
    known = np.asarray(values, float)
    known = known[np.isfinite(known)]
    if not len(known):
        return Axis(0.0, 1.0, words, show)
    low, high = (float(value) for value in (known.min(), known.max()))
    tail = min(max(_TAIL, _FEW / len(known)), 0.25)
    inner = [float(value) for value in np.quantile(known, [tail, 1 - tail])]
    if not whole and high - low > _FAR * (inner[1] - inner[0]) > 0:
        room = 0.25 * (inner[1] - inner[0])
        low, high = max(low, inner[0] - room), min(high, inner[1] + room)
    room = 0.03 * (high - low) or 0.5 * max(abs(low), 1.0) or 0.5
    axis = Axis(low - room, high + room, words, show)
    return axis._replace(cut=(bool(known.min() < axis.low), bool(known.max() > axis.high)))


def share_axis(words: str, low: float = 0.0, high: float = 1.0) -> Axis:
    """An axis for shares, from 0 to 1 or a part of that, with a sign where it is a part."""
    return Axis(low, high, words, cut=(low > 0, high < 1))


class Panel(NamedTuple):
    """A rectangle with an axis along its lower and its left side."""

    left: float
    top: float
    width: float
    height: float
    across: Axis
    up: Axis

    def at(self, x: float, y: float) -> tuple[float, float]:
        """The place of a point on the page, at the edge of the panel if it lies beyond."""
        return self.left + float(self.across.share(np.asarray(x))) * self.width, self.top + (
            1 - float(self.up.share(np.asarray(y)))
        ) * self.height

    def line(self, x: Sequence[float] | FloatArray, y: Sequence[float] | FloatArray) -> list[tuple[float, float]]:
        """The places of points."""
        across, up = self.across.share(np.asarray(x)), self.up.share(np.asarray(y))
        return [(self.left + a * self.width, self.top + (1 - b) * self.height) for a, b in zip(across.tolist(), up.tolist(), strict=True)]

    def frame(self, *, below: bool = True, beside: bool = True) -> list[Mark]:
        """Lines at ticks, their texts, the names of the axes and the signs where they are cut.

        Args:
            below: whether the lower axis has texts.
            beside: whether the left one has.
        """
        right, bottom = self.left + self.width, self.top + self.height
        marks: list[Mark] = []
        for value, words in self._ticks_across():
            x, _ = self.at(value, self.up.low)
            marks.append(Line([(x, self.top), (x, bottom)], LINE, 0.5))
            if below:
                marks.append(Text(x, bottom + 16, words, SMALL, FAINT, "middle"))
        for value, words in self.up.ticks(max(int(self.height / _UP_EVERY), 2)) if self.up.words or beside else []:
            _, y = self.at(self.across.low, value)
            marks.append(Line([(self.left, y), (right, y)], LINE, 0.5))
            if beside:
                marks.append(Text(self.left - 7, y + 4, words, SMALL, FAINT, "end"))
        if below:
            for i, words in enumerate(wrapped(self.across.words, self.width + 40, SMALL)):
                marks.append(Text(self.left + self.width / 2, bottom + 33 + 14 * i, words, SMALL, anchor="middle"))
        if beside:
            marks.append(Text(self.left - 7, self.top - 10, self.up.words, SMALL))
        for (x, y), cut in zip([(self.left, bottom), (right, bottom)], self.across.cut, strict=True):
            marks += _cut_sign(x, y, across=True) if cut and below else []
        for (x, y), cut in zip([(self.left, bottom), (self.left, self.top)], self.up.cut, strict=True):
            marks += _cut_sign(x, y, across=False) if cut else []
        return marks

    def _ticks_across(self) -> list[tuple[float, str]]:
        """The ticks of the lower axis, so few that their texts do not touch."""
        most = max(int(self.width / _ACROSS_EVERY), 2)
        while True:
            ticks = self.across.ticks(most)
            places = self.across.share(np.asarray([value for value, _ in ticks])) * self.width
            widest = max((width_of(words, SMALL) for _, words in ticks), default=0.0)
            if most <= 2 or len(ticks) < 2 or float(np.diff(places).min()) >= widest + _BETWEEN_TEXTS:
                return ticks
            most = min(most, len(ticks)) - 1

    def points(self, x: FloatArray, y: FloatArray, color: str = BLUE) -> tuple[list[Mark], str]:
        """Points (n,), (n,) as dots, or of more than 1,500 how many lie where; and what must be known of that, in words.

        Those beyond an axis lie at its end.
        """
        outside = int(np.count_nonzero((x < self.across.low) | (x > self.across.high) | (y < self.up.low) | (y > self.up.high)))
        words = [f"{outside:,} of {len(x):,} lie beyond the axes and are drawn at their ends."] if outside else []
        if len(x) <= _MOST_DOTS:
            return [Dot(*place, 2.0, mixed(color, 0.55)) for place in self.line(x, y)], " ".join(words)
        n_up = max(round(_CELLS * self.height / self.width), 1)
        column = np.minimum((self.across.share(x) * _CELLS).astype(int), _CELLS - 1)
        row = np.minimum(((1 - self.up.share(y)) * n_up).astype(int), n_up - 1)
        counts = np.bincount(row * _CELLS + column, minlength=n_up * _CELLS).reshape(n_up, _CELLS)
        words.append(f"Shades count rows: the darkest cell holds {counts.max():,}.")
        return [Raster(self.left, self.top, self.width, self.height, _shaded(counts, color))], " ".join(words)

    def band(self, x: Sequence[float] | FloatArray, low: FloatArray, high: FloatArray, color: str = BLUE, strength: float = 0.18) -> Area:
        """What lies between two curves."""
        return Area([*self.line(x, low), *reversed(self.line(x, high))], mixed(color, strength))


def lay_out(marks: Sequence[Mark], *, title: str, caption: str, width: float, bottom: float) -> Drawing:
    """A page: its title in as many lines as it takes, then the marks, moved down by all lines of it but one, and the caption.

    Args:
        marks: that begin below a title of one line, at `BELOW_TITLE`.
        title: what is drawn.
        caption: what must be known of it.
        width: of the page.
        bottom: where the caption begins.
    """
    heads = wrapped(title, 0.94 * (width - 2 * MARGIN), LARGE)
    down = (len(heads) - 1) * (LARGE + 5)
    page: list[Mark] = [Text(MARGIN, MARGIN + LARGE + i * (LARGE + 5), words, LARGE, INK, bold=True) for i, words in enumerate(heads)]
    page += [_moved(mark, down) for mark in marks] if down else marks
    y = bottom + down
    for words in wrapped(" ".join(caption.split()), width - 2 * MARGIN, SMALL):
        page.append(Text(MARGIN, y, words, SMALL, FAINT))
        y += 15
    return Drawing(width, y + MARGIN - 12, page, title)


def _moved(mark: Mark, down: float) -> Mark:
    if isinstance(mark, Line | Area):
        return mark._replace(points=[(x, y + down) for x, y in mark.points])
    return mark._replace(y=mark.y + down)


def _cut_sign(x: float, y: float, *, across: bool) -> list[Mark]:
    """Two short strokes through the end of an axis: it does not show all."""
    gap, far = 2.5, _CUT
    if across:
        strokes = [[(x + by - 2, y + far), (x + by + 2, y - far)] for by in (-gap, gap)]
    else:
        strokes = [[(x - far, y + by + 2), (x + far, y + by - 2)] for by in (-gap, gap)]
    return [Line([strokes[0][0], strokes[1][0], strokes[1][1], strokes[0][1]], PAPER, 3), *(Line(stroke, INK, 1.4) for stroke in strokes)]


def _shaded(counts: AnyArray, color: str) -> AnyArray:
    """Counts as pixels: nothing where there are none, and full colour for most, in logarithms."""
    share = np.log1p(counts) / max(np.log1p(counts.max()), 1e-9)
    alpha = np.where(counts > 0, 40 + 215 * share, 0)
    base = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)])
    return np.concatenate([np.broadcast_to(base, (*counts.shape, 3)), alpha[..., None]], axis=2).round().astype(np.uint8)


def _steps(low: float, high: float, most: int) -> list[float]:
    """At most so many round values, and one, at even steps between two."""
    wanted = (high - low) / most
    unit = 10.0 ** math.floor(math.log10(wanted))
    step = next(factor * unit for factor in (1, 2, 2.5, 5, 10) if factor * unit >= wanted * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [round((first + i) * step, 12 - math.floor(math.log10(step))) for i in range(int((high - first * step) / step + 1e-9) + 1)]


def _factors(low: float, high: float, most: int) -> list[float]:
    """Round values at about even factors between two."""
    decades = math.log10(high / low)
    leads = (1, 2, 5) if decades * 3 <= most else (1, 3) if decades * 2 <= most else (1,)
    every = 1 if len(leads) > 1 else max(math.ceil(decades / most), 1)
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [lead * 10.0**e for e in exponents if e % every == 0 for lead in leads]
    ticks = [tick for tick in ticks if low * (1 - 1e-9) <= tick <= high * (1 + 1e-9)]
    ticks = ticks if len(ticks) > 1 else _steps(low, high, most)
    # One is where a ratio says that nothing changes; what stands too near to it to be read gives way.
    if not low <= 1 <= high:
        return ticks
    return sorted([1.0, *(tick for tick in ticks if abs(math.log10(tick)) >= decades / most / 2)])


def _decimals(places: Sequence[float], *, ratio: bool) -> Callable[[float], str]:
    """How ticks are written: all in as many digits as the finest needs."""
    if ratio:
        return "{:.3g}".format
    size = max((abs(place) for place in places), default=0.0)
    step = min(np.diff(places), default=1.0) if len(places) > 1 else 1.0
    if size >= 1e7 or 0 < size < 1e-4:
        return lambda value: f"{value:.3g}"
    digits = next((d for d in range(7) if abs(step - round(step, d)) <= 1e-6 * abs(step)), 6)
    return lambda value: f"{value + 0.0:,.{digits}f}"
