"""Which columns stand beside the lags of series: what the calendar says, and columns of the table that are known beforehand."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from weights.data.series.calendar import Calendar
from weights.data.series.cycles import Columns, find_events, join_columns, propose_groups
from weights.forecasting.knownlevels import name_columns_of
from weights.training.lagged import Regressions
from weights.training.lagged_errors import LagSetting, choose_columns
from weights.types import BoolArray, FloatArray, IntArray

_HALF_LIVES = (1_000.0, 300.0)


class ChosenColumns(msgspec.Struct, frozen=True):
    """The columns that stand beside the lags.

    Attributes:
        known: columns of the table that are known beforehand. events: those of them that are zero at most moments, such as holidays.
        groups: names of the groups of columns that help, as `propose_groups` has them.
        names: of all columns of these groups.
        half_life: moments after which a value counts half in the effects; None where all count alike.
        levels: of columns of words in the table, which are known by columns of zeros and ones, see `spread_levels`.
        past: columns of the table that are known up to the origin only, whose lags have weights; behind the known ones wherever both are.
    """

    known: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    half_life: float | None = None
    levels: dict[str, tuple[str, ...]] = {}
    past: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns of the table that are known beforehand, those of words as they are there."""
        spread = {*name_columns_of(self.levels)}
        return (*(name for name in self.known if name not in spread), *self.levels)

    def known_of(self, column: str) -> str | None:
        """The known column that one of the groups is of, itself or a step before or after; None of what the calendar says."""
        return next((name for name in self.known if column == name or column.startswith(f"{name}, ")), None)

    def at(self, calendar: Calendar, moments: FloatArray, known: FloatArray) -> Columns:
        """The columns at moments (t,), from the known ones (t, k or more), shape (t, names); missing where one that they need is.

        Shifted events at the first and the last moment are taken as none.
        """
        known = known[:, : len(self.known)]
        missing: BoolArray = np.isnan(known)
        groups = list_groups(self, calendar, moments, np.where(missing, 0.0, known))
        columns = join_columns([groups[name] for name in self.groups], len(moments))
        return columns._replace(values=np.where(np.any(missing, axis=1, keepdims=True), np.nan, columns.values))


NO_COLUMNS = ChosenColumns()


def list_groups(chosen: ChosenColumns, calendar: Calendar, moments: FloatArray, known: FloatArray) -> Mapping[str, Columns]:
    """The groups of columns that there are at moments (t,), by name, from known columns (t, k), none missing."""
    is_event: BoolArray = np.asarray([name in chosen.events for name in chosen.known], bool)
    parts = [Columns(tuple(np.asarray(chosen.known, object)[own]), known[:, own]) for own in (is_event, ~is_event)]
    events, others = (part if part.names else None for part in parts)
    if calendar.numbered:
        return {name: part for name, part in {"events": events, "known": others}.items() if part is not None}
    return propose_groups(moments, step=calendar.usual_seconds, events=events, known=others)


def choose_beside(
    known_names: Sequence[str], calendar: Calendar, begin: int, seen: FloatArray, known: FloatArray, regressions: Regressions
) -> ChosenColumns:
    """The groups of columns that forecast a series best at rolling origins, beside its lags.

    Args:
        known_names: of columns of the table that are known beforehand.
        calendar: of the series.
        begin: number of its first moment.
        seen: its values, none missing, shape (t,).
        known: the known columns at these moments, none missing, shape (t, k).
        regressions: of the lags.
    """
    events = find_events(Columns(tuple(known_names), known)) if len(known_names) else np.zeros(0, bool)
    chosen = ChosenColumns(tuple(known_names), tuple(name for name, own in zip(known_names, events, strict=True) if own))
    moments = moments_of(calendar, begin, len(seen))
    groups = list_groups(chosen, calendar, moments, known)
    short = regressions.short()
    setting = LagSetting(short.horizon, short.lags, short.seasons)
    choice = choose_columns(seen, groups, setting, half_lives=[life for life in _HALF_LIVES if life < len(seen) / 2])
    names = join_columns([groups[name] for name in choice.groups], len(seen)).names
    if {*choice.groups} <= {*list_groups(NO_COLUMNS, calendar, moments, known[:, :0])}:
        chosen = NO_COLUMNS
    return msgspec.structs.replace(chosen, groups=choice.groups, names=names, half_life=choice.half_life if choice.groups else None)


def wrong_in_columns(chosen: ChosenColumns, calendar: Calendar) -> list[str]:
    """What is wrong with columns that were saved, in words; nothing if all is well."""
    lawful = len({*chosen.known, *chosen.past}) == len(chosen.known) + len(chosen.past) and {*chosen.events} <= {*chosen.known}
    lawful = lawful and (chosen.half_life is None or 0 < chosen.half_life < math.inf)
    lawful = lawful and all(len({*levels}) == len(levels) > 1 for levels in chosen.levels.values())
    lawful = lawful and {*name_columns_of(chosen.levels)} <= {*chosen.known}
    if lawful:
        groups = list_groups(chosen, calendar, calendar.moments(np.arange(3)), np.zeros((3, len(chosen.known))))
        lawful = {*chosen.groups} <= {*groups}
        lawful = lawful and join_columns([groups[name] for name in chosen.groups], 3).names == chosen.names
    return [] if lawful else ["columns beside lags are not those that the calendar and known columns give"]


def moments_of(calendar: Calendar, begin: int, n: int) -> FloatArray:
    """The moments of n numbers from one on, shape (n,)."""
    numbers: IntArray = begin + np.arange(n)
    return calendar.moments(numbers)
