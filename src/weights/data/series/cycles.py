"""What a calendar says of moments: the hour, the day of the week, the season of the year, and how far time has gone on.

`describe_moments` gives columns that are known for the future as well, in groups, so that what helps a forecast can be asked group by
group; `propose_groups` adds known columns and what they may depend on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from weights.types import BoolArray, FloatArray, IntArray

_DAY, _YEAR = 86_400.0, 365.2425 * 86_400.0
_THURSDAY = 3  # 1970-01-01
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")
_WAVES = (3, 6, 12, 20)
"""Waves a year up to which groups reach; more than 20 would be shorter than three weeks (our choice)."""
_MOST_EVENTFUL = 0.2
"""Share of moments at which a column of events may be other than zero (our choice)."""
_MOST_TIMES = 96
"""Times of day that may have a column each: quarters of an hour."""


class Columns(NamedTuple):
    """Columns that belong together.

    Attributes:
        names: of each, length k; of a level, what it is beside is the first level.
        values: shape (t, k).
    """

    names: tuple[str, ...]
    values: FloatArray

    def times(self, other: Columns) -> Columns:
        """Each column times each of the other, such as a holiday on a Sunday."""
        names = tuple(f"{a}, {b}" for a in self.names for b in other.names)
        return Columns(names, (self.values[:, :, None] * other.values[:, None, :]).reshape(len(self.values), -1))

    def shifted(self, by: int, name: str) -> Columns:
        """Columns of so many steps before (by > 0) or after (by < 0); beyond the ends they are zero, as where there is no event."""
        values = np.zeros_like(self.values)
        if by > 0:
            values[by:] = self.values[:-by]
        else:
            values[:by] = self.values[-by:]
        return Columns(tuple(f"{own}, {name}" for own in self.names), values)


def join_columns(groups: Sequence[Columns], n_moments: int) -> Columns:
    """Columns of several groups, or none, as one, of so many moments."""
    names = tuple(name for group in groups for name in group.names)
    return Columns(names, np.concatenate([np.zeros((n_moments, 0)), *(group.values for group in groups)], axis=1))


def find_events(known: Columns) -> BoolArray:
    """Which columns are of events, shape (k,): zero at most moments, such as of holidays."""
    return np.mean(known.values != 0, axis=0) <= _MOST_EVENTFUL


def propose_groups(moments: FloatArray, *, step: float, events: Columns | None = None, known: Columns | None = None) -> dict[str, Columns]:
    """Groups of columns that may help a forecast, by name, those first that usually explain most.

    Events as they are, at weekends (when a holiday changes little), a step before and after; what the calendar says (`describe_moments`);
    other known columns; days of the week that change with the season and with the years.

    Args:
        moments: seconds since 1970-01-01, ascending, shape (t,).
        step: the usual distance between two moments, in seconds.
        events: columns that are known in the future and mostly zero (`find_events`), such as holidays.
        known: other columns that are known in the future, such as prices.
    """
    calendar = describe_moments(moments, step=step)
    groups: dict[str, Columns] = {}
    weekend, week = calendar.pop("weekend", None), calendar.get("day of the week")
    if events is not None:
        for name, by in {"events": 0, "events a step ahead": -1, "events a step ago": 1}.items():
            groups[name] = columns = events.shifted(by, name.removeprefix("events ")) if by else events
            if weekend is not None:
                groups[f"{name}, at weekends"] = columns.times(weekend)
    groups |= calendar
    if known is not None:
        groups["known"] = known
    if week is not None:
        changing = {name: calendar[name] for name in ("season of the year", "trend") if name in calendar}
        groups |= {f"day of the week by {name}": week.times(columns) for name, columns in changing.items()}
    return groups


def describe_moments(moments: FloatArray, *, step: float) -> dict[str, Columns]:
    """Columns of moments by group: time of day, day of the week, weekend, month or season of the year, and trend, where steps allow.

    Levels (hours, days, months) have a column each but the first, which the others are beside. The season of the year is sines and cosines
    of whole waves a year (Fourier terms), in groups of rising frequency; of months it is the month itself. What a moment has depends on no
    other, so that the future is described as the past was.

    Args:
        moments: seconds since 1970-01-01, shape (t,).
        step: the usual distance between two, in seconds.

    Example:
        >>> groups = describe_moments(np.arange(800) * 86_400.0, step=86_400.0)
        >>> [*groups][:4]
        ['day of the week', 'weekend', 'season of the year', 'season, 4 to 6 waves']
        >>> week = groups["day of the week"]
        >>> week.names[0], week.values[4].tolist(), week.values[5].tolist()  # Mondays are what others are beside
        ('Tuesday', [0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    """
    days = np.floor(moments / _DAY).astype(np.int64)
    groups: dict[str, Columns] = {}
    if step < _DAY and _DAY % step == 0 and _DAY / step <= _MOST_TIMES:
        times = np.arange(0, _DAY, step)
        place = np.floor((moments - days * _DAY) / step + 1e-6).astype(np.int64)
        groups["time of day"] = _levels(place, tuple(f"{int(s // 3600):02d}:{int(s % 3600 // 60):02d}" for s in times))
    if step <= _DAY:
        weekday = (days + _THURSDAY) % 7
        groups["day of the week"] = _levels(weekday, _WEEKDAYS)
        groups["weekend"] = Columns(("weekend",), (weekday >= 5).astype(float)[:, None])
    if _DAY * 28 <= step < _YEAR * 0.9:
        months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
        groups["month"] = _levels(months, _MONTHS)
    elif step < _YEAR / 2:
        groups |= _waves(moments, step)
    groups["trend"] = Columns(("a year later",), (moments / _YEAR)[:, None])
    return groups


def _levels(place: IntArray, names: tuple[str, ...]) -> Columns:
    """A column of zeros and ones for each level but the first."""
    return Columns(names[1:], (place[:, None] == np.arange(1, len(names))).astype(float))


def _waves(moments: FloatArray, step: float) -> dict[str, Columns]:
    """Sines and cosines of whole waves a year, in groups; no wave is shorter than two steps."""
    most = int(_YEAR / (2 * step))
    groups, first = {}, 1
    for last in (min(waves, most) for waves in _WAVES):
        waves = range(first, last + 1)
        if len(waves):
            names = tuple(f"{shape} of {wave} a year" for wave in waves for shape in ("sine", "cosine"))
            angles = 2 * np.pi * (moments / _YEAR)[:, None] * np.asarray(waves)
            values = np.stack([np.sin(angles), np.cos(angles)], axis=2).reshape(len(moments), -1)
            groups["season of the year" if first == 1 else f"season, {first} to {last} waves"] = Columns(names, values)
        first = last + 1
    return groups
