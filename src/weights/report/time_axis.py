"""An axis of moments: ticks stand at whole hours, days, weeks, months or years, or at round numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from weights.report.axes import Axis
from weights.types import AnyArray

_HOUR, _DAY = 3_600, 86_400


class _Unit(NamedTuple):
    """A length between ticks: about how many seconds it has, the number of the unit that each moment is in, and how moments are written."""

    seconds: float
    numbered: Callable[[AnyArray], AnyArray]
    written: str


def _count_seconds(length: int, times: AnyArray) -> AnyArray:
    return times.astype("datetime64[s]").astype(np.int64) // length


def _count_weeks(times: AnyArray) -> AnyArray:
    return (times.astype("datetime64[D]").astype(np.int64) + 3) // 7  # 1970-01-01 was a Thursday


def _count_months(length: int, times: AnyArray) -> AnyArray:
    return (times.astype("datetime64[M]").astype(np.int64) + 12 * 1970) // length


_UNITS = [
    *(_Unit(s, partial(_count_seconds, s), "time") for s in (1, 5, 15, 30, 60, 300, 900, 1_800, _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR)),
    *(_Unit(n * _DAY, partial(_count_seconds, n * _DAY), "D") for n in (1, 2)),
    _Unit(7 * _DAY, _count_weeks, "D"),
    *(_Unit(30 * n * _DAY, partial(_count_months, n), "M") for n in (1, 3, 6)),
    *(_Unit(365 * n * _DAY, partial(_count_months, 12 * n), "Y") for n in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)),
]
"""From short to long."""


def time_axis(times: AnyArray, first: float) -> Axis:
    """An axis of steps whose moments are known.

    Args:
        times: of successive steps, dates with times or numbers, ascending, shape (n,).
        first: the place of the first of them on the axis; each step takes one.
    """
    axis = Axis(first, first + len(times) - 1, "")
    if times.dtype.kind != "M":
        return axis._replace(find_ticks=partial(_mark_numbers, times.astype(float), first))
    return axis._replace(find_ticks=partial(_mark_moments, times.astype("datetime64[s]"), first))


def _mark_numbers(times: AnyArray, first: float, most: int) -> list[tuple[float, str]]:
    """Round numbers at their places."""
    if len(times) < 2:
        return [(first, f"{times[0]:g}")]
    step = float(times[1] - times[0])
    ticks = Axis(float(times[0]), float(times[-1]), "").ticks(most)
    return [(first + (value - float(times[0])) / step, f"{value:g}") for value, _ in ticks]


def _mark_moments(times: AnyArray, first: float, most: int) -> list[tuple[float, str]]:
    """The first steps of units, the shortest of which there are no more than so many."""
    if len(times) < 2:
        return [(first, _write(times, "time")[0])]
    before = np.concatenate([[times[0] - (times[1] - times[0])], times])
    step = float(np.median(np.diff(times).astype(np.int64)))
    for unit in (unit for unit in _UNITS if unit.seconds >= 0.9 * step):
        places = np.flatnonzero(np.diff(unit.numbered(before)) != 0)
        if len(places) <= most:
            break
    if not len(places):
        return [(first, _write(times, "time")[0])]
    return [(first + float(place), words) for place, words in zip(places, _write(times[places], unit.written), strict=True)]


def _write(times: AnyArray, written: str) -> list[str]:
    """Moments as texts: of times of day the first and each midnight with its date."""
    if written != "time":
        return times.astype(f"datetime64[{written}]").astype(str).tolist()
    texts = []
    for i, text in enumerate(times.astype(str).tolist()):
        date, _, time = text.partition("T")
        time = time.removesuffix(":00")
        texts.append(date if time == "00:00" else time if i else f"{date} {time}")
    return texts
