"""How forecasts fared as time went on: means of losses over moments near each other, to be drawn."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from weights.data.series.calendar import Calendar, show_moment
from weights.types import FloatArray, IntArray

_MOST_PARTS = 60


class Course(msgspec.Struct, frozen=True):
    """Means over parts of the time, in their order.

    Attributes:
        times: the moment at which each part begins, as it is shown. measure: what the loss is.
        losses: by who forecasts, of each part.
        earned: by what was done, how much of what is invested was earned by the end of each part; none where nothing was traded.
    """

    times: list[str]
    measure: str
    losses: dict[str, list[float]]
    earned: dict[str, list[float]] = {}


def record_course(
    calendar: Calendar,
    losses: Mapping[str, tuple[IntArray, FloatArray]],
    measure: str,
    earned: Mapping[str, FloatArray] | None = None,
) -> Course:
    """The course of losses over all moments at which forecasts were made, in parts of as many moments.

    Args:
        calendar: of the moments.
        losses: by who forecasts, the numbers of moments (n,) and the losses of forecasts made then (n,), of any series.
        measure: what the loss is.
        earned: by what was done, what each moment earned, in the order of the moments, (m,).
    """
    moments = np.unique(np.concatenate([origin for origin, _ in losses.values()]))
    begins = np.unique(np.linspace(0, len(moments), min(_MOST_PARTS, len(moments)), endpoint=False).astype(np.int64))
    times = [show_moment(float(moment), numbered=calendar.numbered) for moment in calendar.moments(moments[begins])]
    means = {}
    for name, (origin, values) in losses.items():
        part = np.searchsorted(begins, np.searchsorted(moments, origin), side="right") - 1
        there = np.isfinite(values)
        sums, counts = (np.bincount(part[there], own, minlength=len(begins)) for own in (values[there], None))
        means[name] = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan).tolist()
    ends = [*begins[1:].tolist(), len(moments)]
    totals = {name: np.cumsum(values)[np.minimum(np.asarray(ends), len(values)) - 1].tolist() for name, values in (earned or {}).items()}
    return Course(times, measure, means, totals)
