"""One target of one series at a time: gaps filled, seen from a level, in units of a deviation, on a log scale where errors grow with it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from weights.data.series.calendar import show_moment
from weights.data.series.panel import Panel
from weights.errors import DataError, NotFoundError, counted, listed, printable, suggest
from weights.training.lagged import deviation
from weights.types import BoolArray, FloatArray, IntArray

_MOST_FILLED = 0.5
"""Share of a series that may be missing (our choice)."""
_LONG_GAP, _FEWEST_IN_GAP, _MOST_GAPS = 0.1, 10, 3
"""Share of a series, and moments, that may be missing in a row without a word, and how many such gaps are told (our choice)."""
_FEWEST_PARTS = 6
_LOG_SLOPE = 0.75
"""A series is seen on a log scale where its spread within a season grows with its level, by a power of at least so much (Guerrero 1993
chooses the power by which it does not grow)."""
_FEWEST_VALUES = 3
_FOUND_SEASON, _MOST_SEASON = 0.3, 400
_LASTING = 0.5
"""Of the autocorrelation at a season, its mean over all its multiples has at least this share: noise in a smooth series makes a peak at
two steps that has no others (our choice)."""
_PART_SEASON = 7


class Scale(NamedTuple):
    """How a series is seen: ``(f(value) - center) / spread``, where f is the logarithm if it is logged.

    Attributes:
        center, spread, logged: see there.
        floored: whether no value was below zero, so that what is said of it is not either.
    """

    center: float
    spread: float
    logged: bool = False
    floored: bool = False

    def see(self, values: FloatArray) -> FloatArray:
        """Values as they are learned from; those that have no logarithm as the smallest that does."""
        return ((np.log(np.maximum(values, np.finfo(float).tiny)) if self.logged else values) - self.center) / self.spread

    def undo(self, seen: FloatArray) -> FloatArray:
        """Values in the user's units, those below zero as zero where it is floored."""
        back = seen * self.spread + self.center
        back = np.exp(np.clip(back, -700.0, 700.0)) if self.logged else back
        return np.maximum(back, 0.0) if self.floored else back


@dataclass(frozen=True, eq=False)
class Unit:
    """A target of a series.

    Attributes:
        series, target: which, counted from 0.
        begin: the number of the moment of the first value.
        values: those learned from, from the first that is known to the last, gaps filled, shape (t,).
        known: which of these came, shape (t,).
        scale: how they are seen.
        first_judged: the first of these that was not to be learned from where settings are tried; None leaves it to us.
        columns: those of the table that are known beforehand, and behind them those known up to the origin, at the moments of the values
            and of as many later ones as there are rows, shape (t or more, k + m); NaN where missing.
    """

    series: int
    target: int
    begin: int
    values: FloatArray
    known: BoolArray
    scale: Scale
    first_judged: int | None = None
    columns: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))

    @property
    def end(self) -> int:
        """The number of the moment of the last value."""
        return self.begin + len(self.values) - 1

    @property
    def seen(self) -> FloatArray:
        """The values as they are learned from, shape (t,)."""
        return self.scale.see(self.values)

    @property
    def came(self) -> FloatArray:
        """The values that came, NaN where one was filled, shape (t,)."""
        return np.where(self.known, self.values, np.nan)


class Parts(NamedTuple):
    """Which places of a panel, (T,), are for the test, and which for judging settings (val)."""

    test: BoolArray
    val: BoolArray


def make_units(panel: Panel, n_targets: int, parts: Parts | None, seasons: Sequence[int]) -> tuple[list[Unit], list[str]]:
    """A unit for each target of each series, and sentences about what was filled or left out.

    Args:
        panel: the series.
        n_targets: how many of its columns are forecast; the others stand beside them.
        parts: which places are not learned from.
        seasons: lengths in steps.

    Raises:
        DataError: a value comes after the test began, nothing is left, or more is missing than is there.
    """
    units, remarks, n_filled, left_out, constant, ended, gaps = [], [], 0, [], [], [], []
    for s in range(len(panel)):
        own = slice(panel.offsets[s], panel.offsets[s + 1])
        length, first_judged = panel.offsets[s + 1] - panel.offsets[s], None
        if parts is not None:
            length = _find_first(parts.test[own], panel.rows[own], panel.labels[s], "for the test")
            judged = parts.val[own][:length]
            first_judged = _find_first(judged, panel.rows[own][:length], panel.labels[s], "to judge by") if judged.any() else None
        for c, target in enumerate(panel.columns[:n_targets]):
            values = panel.series(s)[:length, c]
            places, name = np.flatnonzero(~np.isnan(values)), name_unit(panel.labels[s], target, n_targets)
            if len(places) < _FEWEST_VALUES:
                left_out.append(name)
                continue
            if places[-1] + 1 < length:
                ended.append((name, length - 1 - int(places[-1])))
            values = values[places[0] : places[-1] + 1]
            known = ~np.isnan(values)
            gap = _describe_gap(panel, s, places)
            if (~known).mean() > _MOST_FILLED:
                raise DataError(
                    f"At least half of the moments of a series must have a value, but {name} has "
                    f"{counted(int(known.sum()), 'value')} for {len(known):,} moments. {gap}Sum or average rows "
                    "by longer steps, or leave it out."
                )
            n_filled += int((~known).sum())
            gaps += [f"{name}: {gap[:1].lower()}{gap[1:-2]}"] if gap else []
            constant += [name] if (values[known] == values[0]).all() else []
            values = fill_gaps(values, seasons)
            begun = None if first_judged is None else int(first_judged - places[0])
            until = len(values) if begun is None else max(begun, 2)
            columns = panel.series(s)[places[0] :, n_targets:]
            scale = find_scale(values[:until], seasons)._replace(floored=bool(values.min() >= 0))
            units.append(Unit(s, c, int(panel.begins[s] + places[0]), values, known, scale, begun, columns))
    if left_out:
        several = "a series has" if len(left_out) == 1 else f"{len(left_out):,} series have"
        remarks.append(f"{several} less than {_FEWEST_VALUES} values to learn from and cannot be forecast: {listed(left_out, 5)}")
    if not units:
        raise DataError(f"A series needs at least {_FEWEST_VALUES} values to learn from, but none has. Give more rows.")
    if n_filled:
        remarks.append(
            counted(n_filled, "missing value was", "missing values were")
            + " filled from the same place of the seasons beside, or on a line between neighbours"
        )
        remarks += gaps[:_MOST_GAPS]
    if constant:
        each = "one series has" if len(constant) == 1 else f"{len(constant):,} series have"
        remarks.append(f"{each} the same value at all moments, so that there is nothing to learn: {listed(constant, 5)}")
    if ended:
        named = listed([f"{name} by {n:,}" for name, n in ended], 5)
        remarks.append(f"forecasts begin after the last value, which lies before the last moment: {named}")
    return units, remarks


def _describe_gap(panel: Panel, series: int, places: IntArray) -> str:
    """A sentence about the longest gap between places of a series that have a value, where it is long; nothing else."""
    gaps = np.diff(places) - 1
    longest = int(np.argmax(gaps)) if len(gaps) else 0
    if not len(gaps) or gaps[longest] < max(_LONG_GAP * (places[-1] + 1 - places[0]), _FEWEST_IN_GAP):
        return ""
    ends = panel.calendar.moments(panel.begins[series] + places[[longest, longest + 1]])
    begin, end = (show_moment(float(moment), numbered=panel.calendar.numbered) for moment in ends)
    return f"Nothing came in {gaps[longest]:,} moments between {begin} and {end}: repair these, if one of them is wrong. "


def place_series(labels: Sequence[str], column: str | None, series: str) -> int:
    """The place of a series among those of a run, which are told apart by a column; None where there is one without a name.

    Raises:
        NotFoundError: there is no such series.
    """
    if column is None:
        raise NotFoundError(f"The run forecasts one series, which has no name, but '{printable(series)}' was asked for. Leave it out.")
    if series not in labels:
        raise NotFoundError(f"There is no series '{printable(series)}'. {suggest(series, labels)}")
    return [*labels].index(series)


def count_series(labels: Sequence[str], column: str | None) -> str:
    """How many series a run has, in words; one without a name where no column tells them apart."""
    return f"{len(labels):,} series" if column else "one series"


def name_unit(label: str, target: str, n_targets: int) -> str:
    """What a target of a series is called."""
    return target if not label else label if n_targets == 1 else f"{label}, {target}"


def _find_first(part: BoolArray, rows: IntArray, label: str, what: str) -> int:
    """How many places of a series lie before a part of it.

    Raises:
        DataError: some that are not of this part lie behind, or none before.
    """
    if not part.any():
        return len(part)
    first, of = int(np.argmax(part)), f" of '{printable(label)}'" if label else ""
    if (~part[first:] & (rows[first:] >= 0)).any():
        raise DataError(f"What is {what} must come after what is learned from, but rows{of} that are not lie behind. Split by time.")
    return first


def fill_gaps(values: FloatArray, seasons: Sequence[int]) -> FloatArray:
    """The values, with missing ones between known ones filled.

    From the mean of what came a season before and a season later, where both are known and the gap is longer than a step; on a line
    between neighbours otherwise.

    Example:
        >>> fill_gaps(np.array([1.0, np.nan, 3.0]), [])
        array([1., 2., 3.])
    """
    values = values.copy()
    for season in (season for season in seasons if 2 <= season < len(values) / 2):
        missing = np.isnan(values)
        alone = missing & ~np.append(False, missing[:-1]) & ~np.append(missing[1:], False)
        places = np.flatnonzero(missing & ~alone)
        inside = places[(places >= season) & (places < len(values) - season)]
        values[inside] = (values[inside - season] + values[inside + season]) / 2
    missing = np.isnan(values)
    if missing.any():
        places = np.arange(len(values))
        values[missing] = np.interp(places[missing], places[~missing], values[~missing])
    return values


def carry_forward(values: FloatArray, before: FloatArray, seasons: Sequence[int]) -> FloatArray:
    """Values whose missing ones are those a season before, or the last ones, so that nothing is known before it came.

    Args:
        values: shape (t,), NaN where there is none.
        before: what came before them, none missing.
        seasons: lengths in steps, of which the first counts.

    Example:
        >>> carry_forward(np.array([3.0, np.nan, np.nan]), np.array([1.0, 2.0]), [2])
        array([3., 2., 3.])
    """
    season = next((season for season in seasons if season <= len(before)), 1)
    whole = np.concatenate([before, values])
    for place in np.flatnonzero(np.isnan(whole)):
        whole[place] = whole[place - season]
    return whole[len(before) :]


def last_values(values: FloatArray, n: int) -> FloatArray:
    """The last values, shape (n,), of which the first is repeated where they are fewer."""
    values = values[-n:]
    return np.concatenate([np.full(n - len(values), values[0]), values])


def find_scale(values: FloatArray, seasons: Sequence[int], *, logged: bool | None = None) -> Scale:
    """How a series is seen, from what was known when settings were judged.

    Args:
        values: none missing, shape (t,).
        seasons: lengths in steps; the shortest is the part whose spread is compared with its level.
        logged: whether on a log scale; by that comparison if None.
    """
    logged = grows_with_level(values, seasons[0] if seasons else _PART_SEASON) if logged is None else logged
    seen = np.log(values) if logged else values
    return Scale(float(seen[: len(seen) // 2 + 1].mean()), deviation(seen), logged, bool(values.min() >= 0))


def grows_with_level(values: FloatArray, length: int) -> bool:
    """Whether the spread within parts of a series grows with their level, in which case logs have the same spread everywhere."""
    n_parts = len(values) // length
    if n_parts < _FEWEST_PARTS or length < 2 or values.min() <= 0:
        return False
    parts = values[len(values) - n_parts * length :].reshape(n_parts, length)
    level, spread = parts.mean(axis=1), parts.std(axis=1, ddof=1)
    if (spread <= 0).any():
        return False
    x, y = np.log(level) - np.log(level).mean(), np.log(spread) - np.log(spread).mean()
    total = float(x @ x)
    if total <= 1e-4 * n_parts:
        return False
    slope = float(x @ y) / total
    noise = float(((y - slope * x) ** 2).sum()) / max(n_parts - 2, 1)
    return slope >= _LOG_SLOPE and slope > 2 * math.sqrt(noise / total)


def find_seasons(units: Sequence[FloatArray]) -> tuple[int, ...]:
    """The lengths of seasons of series whose calendar tells of none: at most two, where neighbouring seasons are alike.

    The first is a peak of the mean autocorrelation of the series' differences; the second a whole number of it, such as a week of days of
    hours, at which the autocorrelation is higher than at one more and one less.

    Args:
        units: values of series, none missing.
    """
    most = min(_MOST_SEASON, min(map(len, units)) // 3)
    if most < 3:
        return ()
    mean = np.mean([_autocorrelate(np.diff(values), most) for values in units], axis=0)
    peaks = [lag for lag in range(2, most - 1) if mean[lag] >= _FOUND_SEASON and mean[lag] >= mean[lag - 1 : lag + 2].max()]
    peaks = [lag for lag in peaks if mean[lag::lag].mean() >= _LASTING * mean[lag]]
    if not peaks:
        return ()
    highest = max(mean[lag] for lag in peaks)
    first = next(lag for lag in peaks if mean[lag] >= 0.8 * highest)
    by_cycle = mean[first:most:first]
    longer = [k for k in range(1, len(by_cycle) - 1) if by_cycle[k] > max(by_cycle[k - 1], by_cycle[k + 1])]
    return (first, (max(longer, key=lambda k: by_cycle[k]) + 1) * first) if longer else (first,)


def _autocorrelate(values: FloatArray, most: int) -> FloatArray:
    """Autocorrelations at lags 0 to `most` - 1, as means over the pairs there are; zero where all values are alike, shape (most,)."""
    values = values - values.mean()
    size = 1 << (2 * len(values) - 1).bit_length()
    powers = np.abs(np.fft.rfft(values, size)) ** 2
    sums = np.fft.irfft(powers, size)[:most]
    return sums / sums[0] * (len(values) / (len(values) - np.arange(most))) if sums[0] > 0 else np.zeros(most)
