"""Days of trading: those of some weekdays on which something came, such as all but Sundays, or Monday to Friday without holidays."""

from __future__ import annotations

import itertools
from typing import ClassVar

import msgspec
import numpy as np

from weights.types import FloatArray, IntArray

_DAY = 86_400.0
_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONDAY_TO_FRIDAY = (0, 1, 2, 3, 4)
_THURSDAY = 3
"""The weekday of 1970-01-01."""
_SHORTEST, _FEWEST_CLOSED = 14, 4
"""Days from the first to the last, and closed ones among them, below which a weekday may be missing by chance (our choice)."""
_LEAST_OPEN, _LARGEST_CHANCE = 0.6, 0.01
"""Share of the open days that must have come, and the chance that days missing as often as these leave a weekday out (our choice)."""


class TradingDays(msgspec.Struct, frozen=True, tag="trading days"):
    """Days of some weekdays on which something came; later ones are all days of these weekdays.

    Attributes:
        days: those that came, days since 1970-01-01, ascending. second: of the day.
        weekdays: on which there is trading, from 0 for Monday on, ascending.
    """

    days: tuple[int, ...]
    second: float = 0.0
    weekdays: tuple[int, ...] = _MONDAY_TO_FRIDAY

    numbered: ClassVar[bool] = False
    ahead: ClassVar[float] = 0.0
    usual_seconds: ClassVar[float] = _DAY

    @property
    def is_lawful(self) -> bool:
        """Whether days and weekdays are there and ascend."""
        days, weekdays = self.days, self.weekdays
        ascending = all(a < b for known in (days, weekdays) for a, b in itertools.pairwise(known))
        return ascending and bool(days) and bool(weekdays) and weekdays[0] >= 0 and weekdays[-1] <= 6 and 0 <= self.second < _DAY

    def number(self, moments: FloatArray) -> IntArray:
        """The number of each of n moments, shape (n,): of those between two days the number of the later."""
        days = np.floor(np.asarray(moments) / _DAY).astype(np.int64)
        last = self.days[-1]
        begin, ends = np.datetime64(last + 1, "D"), np.maximum(days, last + 1).astype("datetime64[D]")
        beyond = len(self.days) + np.busday_count(begin, ends, weekmask=self._mask)
        return np.where(days > last, beyond, np.searchsorted(self.days, days))

    def moments(self, numbers: IntArray) -> FloatArray:
        """The moments of numbers (n,), seconds since 1970-01-01."""
        numbers, known = np.asarray(numbers), np.asarray(self.days)
        ahead = np.maximum(numbers - (len(known) - 1), 0)
        later = np.busday_offset(np.datetime64(int(known[-1]), "D"), ahead, roll="backward", weekmask=self._mask).astype(np.int64)
        return np.where(ahead > 0, later, known[np.clip(numbers, 0, len(known) - 1)]) * _DAY + self.second

    @property
    def name(self) -> str:
        """What it is called."""
        if self.weekdays == _MONDAY_TO_FRIDAY:
            return "trading days"
        closed = [day for day in range(7) if day not in self.weekdays]
        few = len(closed) <= len(self.weekdays)
        *first, last = (f"{_NAMES[day]}s" for day in (closed if few else self.weekdays))
        named = f"{', '.join(first)} and {last}" if first else last
        return f"trading days (all but {named})" if few else f"trading days ({named})"

    @property
    def seasons(self) -> tuple[int, ...]:
        """A week."""
        return (len(self.weekdays),) if len(self.weekdays) > 1 else ()

    def span(self, n_steps: int) -> str:
        """How long so many steps are; weeks have as many of them as weekdays, or fewer."""
        return f"{n_steps} trading day{'' if n_steps == 1 else 's'}"

    @property
    def _mask(self) -> list[bool]:
        return [day in self.weekdays for day in range(7)]


def find_trading_days(moments: FloatArray) -> TradingDays | None:
    """The days that came, where none is of some weekdays though these passed often, and most of the others came; None otherwise.

    Args:
        moments: seconds since 1970-01-01, shape (n,).

    Example:
        >>> days = np.arange(60)
        >>> find_trading_days(days[(days + 3) % 7 != 6] * 86_400.0).name
        'trading days (all but Sundays)'
    """
    days = np.unique(np.floor(moments / _DAY)).astype(np.int64)
    weekdays = np.unique((days + _THURSDAY) % 7)
    passed = np.arange(days[0], days[-1] + 1)
    n_closed = int((~np.isin((passed + _THURSDAY) % 7, weekdays)).sum())
    n_open = len(passed) - n_closed
    if not 1 < len(weekdays) < 7 or len(passed) <= _SHORTEST or n_closed < _FEWEST_CLOSED or len(days) < _LEAST_OPEN * n_open:
        return None
    if (moments % _DAY != moments[0] % _DAY).any() or _chance(n_open - len(days), n_open, n_closed) > _LARGEST_CHANCE:
        return None
    return TradingDays(tuple(days.tolist()), float(moments[0] % _DAY), tuple(weekdays.tolist()))


def _chance(n_missing: int, n_open: int, n_closed: int) -> float:
    """A bound of the chance that no day of some weekdays came, if each day is missing as often as the open ones."""
    return float(7 * ((n_missing + 1) / (n_open + 2)) ** n_closed)
