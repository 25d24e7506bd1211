"""Which moments a time series has: steps of one length, months, or days of trading, such as all but Sundays.

`find_calendar` finds it from the moments that came. A calendar numbers moments from 0 on, so that all that comes later counts steps, and
gives the moments of numbers back, of the future too.
"""

from __future__ import annotations

import datetime
import itertools
import math
from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec
import numpy as np

from weights.data.series.tradingdays import TradingDays, find_trading_days
from weights.errors import DataError, counted
from weights.types import FloatArray, IntArray

_HOUR, _DAY, _WEEK, _YEAR = 3_600.0, 86_400.0, 604_800.0, 365.25 * 86_400.0
_UNITS = {"second": 1.0, "minute": 60.0, "hour": _HOUR, "day": _DAY, "week": _WEEK}
_NAMES = {("hour", 1): "hourly", ("day", 1): "daily", ("week", 1): "weekly"}
_MONTHLY = {1: "monthly", 3: "quarterly", 12: "yearly"}
_LEAST_REGULAR = 0.6
"""Share of the distances between neighbouring moments that must be one step, so that the others are gaps (our choice)."""
_MANY_DISTANCES = 10
"""Fewer may be any whole numbers of steps."""
_LARGEST_JITTER = 0.1
"""Share of a step by which a moment may lie beside its place (our choice)."""
_YEARS, _LARGEST_NUMBERS = (-62_135_596_800.0, 253_000_000_000.0), (-(2.0**62), 2.0**62)
"""Moments that can be shown: of the years 1 to 9987, and of numbers those that can be counted."""
_FEWEST_SEASONS_APART = 90 * _DAY
"""Clocks are set forward and back once a year each."""


class Even(msgspec.Struct, frozen=True, tag="even"):
    """Steps of one length.

    Attributes:
        origin: the first moment, seconds since 1970-01-01, or the first number.
        step: their length, in seconds, or in numbers.
        numbered: whether moments are numbers, not times.
        clock: where clocks were set: the number of the step from which on so many seconds are added to `origin + step * number`.
    """

    origin: float
    step: float
    numbered: bool = False
    clock: tuple[tuple[int, float], ...] = ()

    def number(self, moments: FloatArray) -> IntArray:
        """The number of each of n moments, shape (n,), the nearest where it lies beside its place; of clocks that are not set."""
        return np.round((moments - self.origin) / self.step).astype(np.int64)

    def moments(self, numbers: IntArray) -> FloatArray:
        """The moments of numbers (n,): seconds since 1970-01-01 as clocks show them, or numbers."""
        ahead = np.zeros(len(numbers))
        for begin, seconds in self.clock:
            ahead[numbers >= begin] = seconds
        return self.origin + self.step * numbers + ahead

    @property
    def usual_seconds(self) -> float:
        """The length of a step, in seconds, or in numbers."""
        return self.step

    @property
    def ahead(self) -> float:
        """By how many seconds clocks were ahead in the end."""
        return self.clock[-1][1] if self.clock else 0.0

    @property
    def name(self) -> str:
        """What it is called, such as hourly or every 15 minutes."""
        if self.numbered:
            return "numbered steps" if self.step == 1 else f"numbers {self.step:g} apart"
        unit = next((unit for unit, length in reversed(_UNITS.items()) if self.step >= length and self.step % length == 0), "second")
        count = self.step / _UNITS[unit]
        return _NAMES.get((unit, int(count)), f"every {unit}" if count == 1 else f"every {count:g} {unit}s")

    @property
    def seasons(self) -> tuple[int, ...]:
        """The lengths in steps of a day, a week and a year, those that are more than one step."""
        if self.numbered:
            return ()
        lengths = [length / self.step for length in (_DAY, _WEEK) if length % self.step == 0]
        return tuple(round(length) for length in [*lengths, _YEAR / self.step] if length >= 2)

    def span(self, n_steps: int) -> str:
        """How long so many steps are, in the largest unit of which they are a whole number, such as 2 days.

        Example:
            >>> hourly = Even(0.0, 3600.0)
            >>> hourly.span(48), hourly.span(36), hourly.span(8766), Even(0.0, 1.0, numbered=True).span(1)
            ('2 days', '36 hours', '1 year', '1 step')
        """
        if self.numbered:
            return _count(n_steps, "step")
        seconds = round(n_steps * self.step, 6)
        if (years := round(seconds / _YEAR)) and n_steps == round(years * _YEAR / self.step):
            return _count(years, "year")
        unit = next((unit for unit, length in reversed(_UNITS.items()) if seconds % length == 0), "second")
        return _count(seconds / _UNITS[unit], unit)


class Months(msgspec.Struct, frozen=True, tag="months"):
    """A day of every so many months.

    Attributes:
        origin: the first month, counted from January of year 0. step: months from one to the next.
        day: of the month; 31 is its last. second: of the day.
    """

    origin: int
    step: int
    day: int
    second: float = 0.0

    numbered: ClassVar[bool] = False
    ahead: ClassVar[float] = 0.0

    def number(self, moments: FloatArray) -> IntArray:
        """The number of each of n moments, shape (n,)."""
        return np.asarray((_month_of(moments) - self.origin) // self.step, np.int64)

    def moments(self, numbers: IntArray) -> FloatArray:
        """The moments of numbers (n,), seconds since 1970-01-01."""
        months = self.origin + self.step * np.asarray(numbers)
        return _first_of_month(months) + (np.minimum(self.day, _days_in(months)) - 1) * _DAY + self.second

    @property
    def usual_seconds(self) -> float:
        """The mean length of a step."""
        return self.step * _YEAR / 12

    @property
    def name(self) -> str:
        """What it is called, such as monthly."""
        return _MONTHLY.get(self.step, f"every {self.step} months")

    @property
    def seasons(self) -> tuple[int, ...]:
        """The length of a year in steps, if it is more than one."""
        return (12 // self.step,) if self.step < 12 and 12 % self.step == 0 else ()

    def span(self, n_steps: int) -> str:
        """How long so many steps are, such as 3 months or 1 year."""
        months = n_steps * self.step
        return _count(months, "month") if months % 12 else _count(months // 12, "year")


Calendar = Even | Months | TradingDays


def check_calendar(calendar: Calendar) -> list[str]:
    """What is wrong with a calendar that was saved, in words; nothing if all is well."""
    match calendar:
        case Even(origin=origin, step=step):
            set_at, added = [number for number, _ in calendar.clock], [seconds for _, seconds in calendar.clock]
            lawful = math.isfinite(origin) and 0 < step < math.inf and all(abs(seconds) <= _DAY for seconds in added)
            lawful = lawful and all(a < b for a, b in itertools.pairwise(set_at))
        case Months(step=step, day=day, second=second):
            lawful = step >= 1 and 1 <= day <= 31 and 0 <= second < _DAY
        case TradingDays():
            lawful = calendar.is_lawful
    if not lawful:
        return ["a calendar that cannot be"]
    return wrong_in_numbers(calendar, np.zeros(1, np.int64))


def wrong_in_numbers(calendar: Calendar, numbers: IntArray) -> list[str]:
    """What is wrong with numbers (n,) of a calendar that was saved, which must be those of moments that can be shown; or nothing."""
    match calendar:
        case Even(origin=origin, step=step):
            places, (low, high) = origin + step * np.asarray(numbers, float), _LARGEST_NUMBERS if calendar.numbered else _YEARS
        case Months(origin=origin, step=step):
            places, (low, high) = origin + step * np.asarray(numbers, float), (12.0, 12.0 * 9_990)
        case TradingDays(days=days):
            places, (low, high) = np.asarray([*days, *7 * np.asarray(numbers) + days[-1]], float) * _DAY, _YEARS
    return [] if ((places >= low) & (places <= high)).all() else ["moments of a calendar that are no dates"]


def find_calendar(moments: FloatArray, series: IntArray, *, name: str, numbered: bool = False) -> Calendar:
    """The calendar of the moments of one series or several.

    Args:
        moments: seconds since 1970-01-01, or numbers, shape (n,), in any order.
        series: codes of the series that each is of, shape (n,).
        name: of the column, for messages.
        numbered: whether moments are numbers.

    Raises:
        DataError: a series has a moment only, or moments lie at no equal distances, or at those of two calendars.

    Example:
        >>> find_calendar(np.arange(5) * 900.0, np.zeros(5, int), name="date").name
        'every 15 minutes'
    """
    order = np.lexsort((moments, series))
    sorted_moments, sorted_series = moments[order], series[order]
    same = (np.diff(sorted_series) == 0) & (np.diff(sorted_moments) > 0)
    distances, owners = np.round(np.diff(sorted_moments)[same], 6), sorted_series[1:][same]
    if not len(distances):
        raise DataError(f"A series has at least two moments, but in '{name}' each has one. Name the column of times with --time.")
    if not numbered and (months := _find_months(moments, distances)) is not None:
        return months
    days = None if numbered else find_trading_days(moments)
    if days is not None and not _find_wide(np.diff(days.number(sorted_moments))[same], owners):
        return days
    lengths, counts = np.unique(distances, return_counts=True)
    step = float(lengths[np.argmax(counts)])
    _check_one_step(distances, owners, step, name, numbered)
    origin = float(moments.min())
    places = (moments - origin) / step
    if np.abs(places - np.round(places)).max() > _LARGEST_JITTER:
        raise DataError(_irregular(distances, name, numbered))
    return Even(origin, step, numbered)


def continue_calendar(calendar: Calendar, moments: FloatArray, series: IntArray, *, name: str, numbered: bool) -> Calendar:
    """The calendar with moments that go on with it, which later days of trading become a part of.

    Args:
        calendar: of the rows before.
        moments: shape (n,).
        series: codes of the series that each is of, shape (n,).
        name: of the column, for messages.
        numbered: whether moments are numbers.

    Raises:
        DataError: moments are numbers where they were times, lie between two that the calendar has, or leave most of these out.
    """
    if numbered != calendar.numbered:
        kinds = ("times", "numbers") if calendar.numbered is False else ("numbers", "times")
        raise DataError(f"The moments in '{name}' must be {kinds[0]}, as those of the fit, but are {kinds[1]}. Name rows like those.")
    _check_same_step(calendar, moments, series, name)
    if isinstance(calendar, TradingDays):
        later = np.unique(np.floor(moments / _DAY)).astype(np.int64)
        return msgspec.structs.replace(calendar, days=(*calendar.days, *later[later > calendar.days[-1]].tolist()))
    beside = np.abs(moments - _even_moments(calendar, calendar.number(moments)))
    lengths = calendar.step if isinstance(calendar, Even) else _DAY
    if (beside > 2 * _LARGEST_JITTER * lengths).any():
        shown = show_moment(float(moments[np.argmax(beside)]), numbered=numbered)
        raise DataError(
            f"Moments must be {calendar.name}, as those of the fit, but '{name}' has {shown}. Sum or average rows to these steps."
        )
    return calendar


def undo_clock_changes(moments: FloatArray) -> tuple[FloatArray, tuple[tuple[int, float], ...]]:
    """Moments of a series as if clocks had never been set, shape (n,), and where they were: row and seconds added from there on.

    Where clocks are set back, an hour is there twice; where they are set forward, one is not there. They are taken as set where an hour
    is repeated, in the order of the rows, and no two such rows are without a missing hour between, or nearer than three months.

    Args:
        moments: in the order of their rows, seconds since 1970-01-01, shape (n,).

    Example:
        >>> hours = 3600.0 * np.array([0, 1, 2, 2, 3])
        >>> undo_clock_changes(hours)[0] / 3600
        array([0., 1., 2., 3., 4.])
    """
    distances = np.diff(moments)
    ahead = distances[distances > 0]
    if not len(ahead):
        return moments, ()
    lengths, counts = np.unique(ahead, return_counts=True)
    step = float(lengths[np.argmax(counts)])
    if step > _HOUR or _HOUR % step:
        return moments, ()
    back, forward = distances == step - _HOUR, distances == step + _HOUR
    set_at = np.flatnonzero(back | forward)
    ways = np.where(back[set_at], 1, -1)
    apart = np.diff(moments[set_at])
    if not back.any() or (distances < 0).sum() > back.sum() or (np.diff(ways) == 0).any() or (apart < _FEWEST_SEASONS_APART).any():
        return moments, ()
    added = np.zeros(len(moments))
    added[set_at + 1] = ways * _HOUR
    total = np.cumsum(added)
    return moments + total, tuple((int(row) + 1, -float(total[row + 1])) for row in set_at)


def _even_moments(calendar: Even | Months, numbers: IntArray) -> FloatArray:
    """The moments of numbers (n,), as if clocks had never been set."""
    if isinstance(calendar, Even):
        return calendar.origin + calendar.step * numbers
    return calendar.moments(numbers)


def _check_one_step(distances: FloatArray, owners: IntArray, step: float, name: str, numbered: bool) -> None:
    """Refuse series of other steps, and steps that are few of the distances.

    Raises:
        DataError: there are such.
    """
    few = len(distances) < _MANY_DISTANCES and not (distances % step).any()
    if not few and np.mean(np.abs(distances / step - 1) < 2 * _LARGEST_JITTER) < _LEAST_REGULAR:
        raise DataError(_irregular(distances, name, numbered))
    if wide := _find_wide(distances / step, owners):
        usual = float(np.median(distances[owners == wide[0]]))
        both = f"{_length(step, numbered)} apart in most series and {_length(usual, numbered)} in others"
        raise DataError(f"Moments of all series must follow one calendar, but those of '{name}' are {both}. Fit a run for each.")


def _check_same_step(calendar: Calendar, moments: FloatArray, series: IntArray, name: str) -> None:
    """Refuse later moments of longer steps.

    Raises:
        DataError: there are such.
    """
    order = np.lexsort((moments, series))
    distances, same = np.diff(moments[order]), np.diff(series[order]) == 0
    there, owners = same & (distances > 0), series[order][1:]
    if wide := _find_wide(np.diff(calendar.number(moments[order]))[there], owners[there]):
        usual = _length(float(np.median(distances[there & (owners == wide[0])])), calendar.numbered)
        raise DataError(f"Moments must be {calendar.name}, as those of the fit, but '{name}' has some {usual} apart. Fit a run on these.")


def _find_wide(steps: FloatArray | IntArray, owners: IntArray) -> list[int]:
    """Series whose neighbouring moments usually lie more than a step apart, from distances in steps, all above zero, and whose they are."""
    each = ((int(owner), steps[owners == owner]) for owner in np.unique(owners))
    return [owner for owner, own in each if len(own) >= 3 and np.median(own) > 1.5]


def _irregular(distances: FloatArray, name: str, numbered: bool) -> str:
    lengths, counts = np.unique(distances, return_counts=True)
    often = np.argsort(-counts, kind="stable")[:3]
    shares = ", ".join(f"{_length(float(lengths[i]), numbered)} ({counts[i] / len(distances):.0%})" for i in often)
    rest = f", and {counted(len(lengths) - 3, 'other length')}" if len(lengths) > 3 else ""
    needed = "Moments must lie at equal distances, with gaps at most"
    return f"{needed}, but those of '{name}' are {shares}{rest} apart. Sum or average the rows by hour, day or month first."


def _length(step: float, numbered: bool) -> str:
    """A step in words.

    Example:
        >>> _length(5400.0, False), _length(2.0, True)
        ('1.5 hours', '2')
    """
    if numbered:
        return f"{step:g}"
    unit = next((unit for unit, length in reversed(_UNITS.items()) if step >= length), "second")
    return _count(step / _UNITS[unit], unit, digits=3)


def _count(count: float, unit: str, *, digits: int = 6) -> str:
    """So many of a unit, in words."""
    return f"{count:.{digits}g} {unit}{'' if count == 1 else 's'}"


def _find_months(moments: FloatArray, distances: FloatArray) -> Months | None:
    """The calendar of moments that are one day of months, or the last one; None where they are not."""
    if distances.min() < 28 * _DAY or np.median(distances) % _WEEK == 0:
        return None
    months, days = _month_of(moments), np.floor(moments / _DAY)
    of_month = days - _first_of_month(months) / _DAY + 1
    last = of_month == _days_in(months)
    second = moments[0] - days[0] * _DAY
    day = 31 if last.all() else int(of_month.max())
    if (moments - days * _DAY != second).any() or not (last | (of_month == day)).all():
        return None
    first = int(months.min())
    return Months(first, int(np.gcd.reduce((months - first).astype(np.int64))), day, float(second))


def _month_of(moments: FloatArray) -> IntArray:
    """The month of each moment, counted from January of year 0."""
    days = np.floor(np.asarray(moments) / _DAY).astype(np.int64)
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) + 1970 * 12


def _first_of_month(months: IntArray) -> Any:
    """The first moment of months, seconds since 1970-01-01."""
    return (np.asarray(months) - 1970 * 12).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) * _DAY


def _days_in(months: IntArray) -> Any:
    """The number of days of months."""
    return (_first_of_month(np.asarray(months) + 1) - _first_of_month(months)) / _DAY


def show_moments(moments: Sequence[float] | FloatArray, *, numbered: bool) -> list[str]:
    """Moments as they are shown beside each other: dates where all are midnights, all with their time otherwise.

    Example:
        >>> show_moments([0.0, 86_400.0], numbered=False), show_moments([0.0, 3_600.0], numbered=False)
        (['1970-01-01', '1970-01-02'], ['1970-01-01 00:00', '1970-01-01 01:00'])
    """
    if numbered or all(moment % _DAY == 0 for moment in moments):
        return [show_moment(moment, numbered=numbered) for moment in moments]
    shown = [f"{datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=moment):%Y-%m-%d %H:%M:%S}" for moment in moments]
    return [text.removesuffix(":00") for text in shown] if all(text.endswith(":00") for text in shown) else shown


def show_moment(moment: float, *, numbered: bool) -> str:
    """A moment as it is shown: a date, a date with its time, or a number.

    Example:
        >>> show_moment(86_400.0, numbered=False), show_moment(90_000.0, numbered=False), show_moment(3.0, numbered=True)
        ('1970-01-02', '1970-01-02 01:00', '3')
    """
    if numbered:
        return f"{moment:g}"
    time = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=moment)
    return f"{time:%Y-%m-%d}" if moment % _DAY == 0 else f"{time:%Y-%m-%d %H:%M:%S}".removesuffix(":00")
