"""Forecasts that are linear in the lags of a series: ridge regressions and smoothing, mixed by the shares that rolling origins give.

A mixture of what is linear in lags is so itself: what comes out is one weight for each lag and step. Regressions learn from the windows of
one series or, pooled, of all series, each in units of its own deviation; exponential smoothing and theta from one series.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from weights.training.rolling import STRENGTHS, RollingSums, Setting, Trial, judge, place_cuts, sum_around_cuts, try_strengths
from weights.training.smoothing import smooth
from weights.training.windows import (
    Reference,
    RidgePath,
    WindowSums,
    refer_to_last,
    refer_to_mean,
    refer_to_nothing,
    refer_to_season,
    refer_to_trend,
    sum_windows,
)
from weights.types import FloatArray, IntArray

_POWER = 4.0
"""Shares are as the losses to minus this power: windows of one series tell too little for shares of least squares, which lost more on
half of the series of m4_hourly (MASE 0.786 beside 0.763, equal shares 0.823, the best one alone 0.822)."""
_LEAST_LOSS = 1e-12
"""Of the mean square of the steps, so that what forecasts without error has a share."""
_N_CUTS = 3
MOST_LAGS = 730
"""Of a regression: a month of hours, two years of days (our choice)."""
_FEW_LAGS = 16
"""So many have no mean that a series could return to, which is then zero; more have one, and need no zero beside (m4_hourly: MASE lower by
0.02 without it)."""
_MANY_LAGS, _FEW_REFERENCES = 200, 2
"""Regressions on more lags have windows enough to learn what they improve on, and are tried with the first references only: on ETTh1 two
(MSE of 96 and 720 steps 0.359 and 0.414) were as good as five (0.356 and 0.414), in less than half of the time."""
_LAGS_TRIED = 3
_SHORT, _SHORT_TRIED = 60, 2
"""Lags by which it is asked which columns help; with 112 instead of 7 Chicago was forecast better (MAE 0.602 beside 0.610), and the
temperatures of Melbourne worse (MASE 0.702 beside 0.660)."""
_PLAIN_LAGS = (1, 4, 16, 64, 256)
_SMOOTHING_LAGS = 96
"""That smoothing has, or as many as regressions, or as there are before the first cut: eight years of months, four days of hours (our
choice). In the few that regressions have on short series, often those of one season, season and trend are not told apart. More lags in the
end than before the cuts were worse: shares are of forecasts that are as good as those that were judged."""
_SETTLED = 200
"""Values before a cut from which parameters of smoothing are not estimated again at the cuts after it (our choice)."""
_LAGS_A_WINDOW = 3
"""A series has at least so many times the lags of its longest regression, so that weights are fewer than windows (our choice)."""


class Regressions(NamedTuple):
    """Which regressions on lags are tried: every number of lags with every reference for which they suffice.

    Attributes:
        horizon: H.
        lags: numbers of lags, ascending.
        seasons: lengths in steps of the seasons that a forecast may begin with.
        smoothers: names of what is mixed with them, see `SMOOTHERS`. smoothing_lags: how many lags that has at most.
        strengths: penalties that are tried.
    """

    horizon: int
    lags: tuple[int, ...]
    seasons: tuple[int, ...] = ()
    smoothers: tuple[str, ...] = ()
    smoothing_lags: int = 0
    strengths: tuple[float, ...] = STRENGTHS

    @property
    def n_lags(self) -> int:
        """The most lags that a forecast looks at, L."""
        return max((1, *self.lags, *self.seasons, self.smoothing_lags))

    def known_references(self, n_lags: int) -> dict[str, Callable[[int, int], Reference]]:
        """What forecasts from so many lags may begin with, by name."""

        def refer_to(season: int) -> Callable[[int, int], Reference]:
            return lambda n_lags, horizon: refer_to_season(n_lags, horizon, season)

        seasons = [season for season in self.seasons if season <= n_lags]
        first = next(iter(seasons), 1)
        trend = {"half the trend": lambda n_lags, horizon: refer_to_trend(n_lags, horizon, first)} if n_lags > 2 else {}
        level = {"mean of lags": refer_to_mean} if n_lags > 1 else {}
        return {"last value": refer_to_last, **{f"season of {season}": refer_to(season) for season in seasons}, **level, **trend}

    def references(self, n_lags: int) -> dict[str, Callable[[int, int], Reference]]:
        """What regressions on so many lags improve on, by name."""
        known = self.known_references(n_lags)
        if n_lags > _MANY_LAGS:
            return dict([*known.items()][:_FEW_REFERENCES])
        if n_lags > _FEW_LAGS:
            return known
        return {name: refer for name, refer in known.items() if refer is not refer_to_mean} | {"zero": refer_to_nothing}

    def plain_forecasts(self, n_lags: int) -> dict[str, FloatArray]:
        """The weights (n_lags, H) of forecasts from so many lags that are one earlier value or the mean of all, by name."""
        known = {name: refer(n_lags, self.horizon).start for name, refer in self.known_references(n_lags).items()}
        return {name: start for name, start in known.items() if (start >= 0).all()}

    def each(self) -> Iterable[tuple[int, str, Callable[[int, int], Reference]]]:
        """The number of lags and the reference of each."""
        return ((n_lags, name, refer) for n_lags in self.lags for name, refer in self.references(n_lags).items())

    def with_smoothers(self, names: Sequence[str], n_values: int) -> Regressions:
        """These, mixed with smoothing of series of so many values at most; without regressions there is nothing to mix with."""
        if not names or not self.lags:
            return self
        cuts = place_cuts(n_values, self.lags[-1], self.horizon, n_cuts=1)
        before = [min(_SMOOTHING_LAGS, cut + 1) for cut in cuts.tolist()]
        return self._replace(smoothers=tuple(names), smoothing_lags=max([self.lags[-1], *before]))

    def without_smoothers(self) -> Regressions:
        """These alone."""
        return self._replace(smoothers=(), smoothing_lags=0)

    def short(self) -> Regressions:
        """Few on few lags, by which it is asked what would be the same for all."""
        seasons = tuple(season for season in self.seasons if season <= _SHORT)
        lags = tuple(n for n in self.lags if n <= _SHORT) or seasons or (1, 4)
        return Regressions(self.horizon, lags[-_SHORT_TRIED:], seasons, strengths=self.strengths)

    def within(self, n_values: int) -> Regressions:
        """Those for which a series of so many values has windows to learn from and to judge by."""
        enough = (n_values - self.horizon) // _LAGS_A_WINDOW
        fitting = [n for n in self.lags if len(place_cuts(n_values, n, self.horizon, n_cuts=1))]
        return self._replace(lags=tuple(n for n in fitting if n <= enough or n == fitting[0]))


def choose_lags(n_values: int, horizon: int, seasons: Sequence[int]) -> tuple[int, ...]:
    """The numbers of lags to try for series of so many values, ascending: the three longest for which windows suffice.

    They are whole seasons, the shorter doubled up to a third of the next, and powers of four where there are none.

    Example:
        >>> choose_lags(11_520, 96, [24, 168]), choose_lags(800, 48, [24, 168]), choose_lags(60, 6, [])
        ((336, 504, 672), (24, 48, 168), (1, 4, 16))
        >>> choose_lags(5_500, 14, [7, 365])
        (112, 365, 730)
    """
    most = min((n_values - horizon) // _LAGS_A_WINDOW, MOST_LAGS)
    whole = {times * max(seasons) for times in (1, 2, 3, 4)} if seasons else set()
    for season, longer in itertools.pairwise(sorted(seasons)):
        whole |= {season, *(season << i for i in range(1, longer.bit_length()) if 3 * (season << i) <= longer)}
    known = sorted(n for n in (whole or {*_PLAIN_LAGS}) if n <= most) or [n for n in _PLAIN_LAGS if n <= most]
    return tuple(known[-_LAGS_TRIED:])


class Smoothed(NamedTuple):
    """Smoothing, by its name, of so many lags."""

    n_lags: int
    name: str

    @property
    def pooled(self) -> bool:
        """Whether it learned from all series: it does from one."""
        return False


class Component(NamedTuple):
    """What is mixed.

    Attributes:
        setting: what it is.
        losses: mean squared error at rolling origins of each step, shape (H,).
        weights_at_cuts: what was learned before each cut, each of shape (n_lags, H).
        weights: what was learned in the end, shape (n_lags, H).
    """

    setting: Setting | Smoothed
    losses: FloatArray
    weights_at_cuts: Sequence[FloatArray]
    weights: FloatArray


class LagMixture(NamedTuple):
    """A forecast that is linear in lags.

    Attributes:
        weights: of each lag, the newest first, in the forecast of each step, shape (L, H).
        shares: of each component in the forecast of each step, adding up to one, shape (H,).
        losses: mean squared error of each at rolling origins, shape (H,), in units of the series' deviation before the cut.
        cuts: first origins that were judged, shape (c,).
        weights_at_cuts: what the mixture was before each cut, shape (c, L or fewer, H).
    """

    weights: FloatArray
    shares: dict[Setting | Smoothed, FloatArray]
    losses: dict[Setting | Smoothed, FloatArray]
    cuts: IntArray
    weights_at_cuts: FloatArray

    def forecast(self, values: FloatArray) -> FloatArray:
        """The next H values after those of a series, of which there are L at least, shape (H,)."""
        return lags_of(values, len(self.weights)) @ self.weights


def lags_of(values: FloatArray, n_lags: int) -> FloatArray:
    """The last values of a series, the newest first, shape (n_lags,)."""
    return values[: -n_lags - 1 : -1]


def forecast_at(seen: FloatArray, origins: IntArray, weights: FloatArray) -> FloatArray:
    """Forecasts (n, H) from origins (n,) of a series (t,), by weights of lags (L, H)."""
    windows = sliding_window_view(seen, len(weights))
    return windows[origins - len(weights) + 1] @ weights[::-1]


def steps_after(values: FloatArray, origins: IntArray, horizon: int) -> FloatArray:
    """The H values after each origin, shape (n, H)."""
    return sliding_window_view(values, horizon)[origins + 1]


def deviation(values: FloatArray) -> float:
    """The standard deviation, or one where all values are alike, but not so little that what rounding left of them is large."""
    spread, least = float(values.std()), 1e-12 * max(float(np.abs(values).max(initial=0.0)), np.finfo(float).tiny)
    return spread if spread > least else max(least, 1.0)


class Pool(NamedTuple):
    """Regressions on the windows of all series: what was learned before each cut, and from all windows."""

    trials: list[Trial]
    weights: list[FloatArray]


def pool_regressions(sums: RollingSums, whole: WindowSums, regressions: Regressions) -> Pool:
    """The regressions on windows of several series, each at the strength that forecast all of them best."""
    trials = [_pooled(trial) for trial in _try_all(sums, regressions)]
    return Pool(trials, [_fit(whole, trial.setting, regressions) for trial in trials])


def mix_regressions(
    values: FloatArray, regressions: Regressions, cuts: IntArray | None = None, pool: Pool | None = None, final: FloatArray | None = None
) -> LagMixture | None:
    """The mixture of ridge regressions on lags, and of smoothing, that forecasts a series; None where it is too short for any.

    Every number of lags is tried with every reference, each at the strength that forecast best at rolling origins.

    Args:
        values: of a series, none missing, shape (t,), of mean near zero.
        regressions: what is tried.
        cuts: the first origins that are judged, as `place_cuts` gives them; those of the longest lags if not given.
        pool: regressions that learned from all series before the same cuts, which have shares too.
        final: the values that the mixture is fitted to in the end, if not to those by which settings are judged, shape (t,).

    Example:
        >>> regressions = Regressions(4, (4, 8), (4,))
        >>> mixture = mix_regressions(np.tile([1.0, -1.0, 0.25, 0.5], 30), regressions)
        >>> [f"{value:.2f}" for value in mixture.forecast(np.tile([1.0, -1.0, 0.25, 0.5], 4))]
        ['1.00', '-1.00', '0.25', '0.50']
    """
    regressions = regressions.within(len(values))
    if not regressions.lags:
        return None
    n_lags, horizon = regressions.lags[-1], regressions.horizon
    cuts = place_cuts(len(values), n_lags, horizon, n_cuts=_N_CUTS) if cuts is None else cuts
    sums = sum_around_cuts(values, n_lags, horizon, cuts, scale=deviation)
    final = values if final is None else final
    whole = sum_all_windows(final, n_lags, horizon)
    mixed = [Component(*trial, _fit(whole, trial.setting, regressions)) for trial in _try_all(sums, regressions)]
    if pool is not None:
        pooled = [Component(*trial, own) for trial, own in zip(pool.trials, pool.weights, strict=True) if trial.setting.n_lags <= n_lags]
        mixed += [part._replace(losses=judge(sums, part.weights_at_cuts)) for part in pooled]
    mixed += _try_smoothers(values, final, regressions, cuts, sums)
    return _mix(mixed, cuts, float(np.mean(values**2)) / deviation(values) ** 2)


def mix_plain(values: FloatArray, regressions: Regressions, origins: IntArray) -> LagMixture:
    """The mixture of forecasts that learn nothing, by their losses at origins (n,), for a series that is too short for regressions.

    Args:
        values: of the series, none missing, shape (t,).
        regressions: whose references are mixed.
        origins: each with H values after it.
    """
    mixed = []
    came = steps_after(values, origins, regressions.horizon)
    n_lags = min(int(origins[0]) + 1, regressions.n_lags)
    for name, refer in regressions.known_references(n_lags).items():
        weights = refer(n_lags, regressions.horizon).start
        errors = came - forecast_at(values, origins, weights)
        mixed.append(Component(Setting(n_lags, name, math.inf), (errors**2).mean(axis=0), [weights], weights))
    return _mix(mixed, origins[:1], float(np.mean(values**2)))


def mix_pool(pool: Pool) -> LagMixture:
    """The mixture of the pooled regressions alone, by their losses on all series, for series that nothing is known of."""
    mixed = [Component(*trial, own) for trial, own in zip(pool.trials, pool.weights, strict=True)]
    return _mix(mixed, np.zeros(0, np.int64), 1.0)


def sum_all_windows(values: FloatArray, n_lags: int, horizon: int) -> WindowSums:
    """The sums over all windows of a series."""
    return sum_windows(values, n_lags, horizon, np.asarray([n_lags - 1, len(values) - horizon])).at(0)


def _mix(components: Sequence[Component], cuts: IntArray, mean_square: float) -> LagMixture:
    """The mixture of components (each of its own number of lags) with shares by their losses."""
    least = _LEAST_LOSS * max(mean_square, np.finfo(float).tiny)
    best = np.min([part.losses for part in components], axis=0) + least
    powers = [((part.losses + least) / best) ** -_POWER for part in components]
    shares = [power / np.sum(powers, axis=0) for power in powers]

    def mixed(parts: Sequence[FloatArray]) -> FloatArray:
        total = np.zeros((max(map(len, parts)), parts[0].shape[1]))
        for share, part in zip(shares, parts, strict=True):
            total[: len(part)] += share * part
        return total

    weights = mixed([part.weights for part in components])
    at_cuts = [mixed([part.weights_at_cuts[cut] for part in components]) for cut in range(len(cuts))]
    return LagMixture(
        weights,
        {part.setting: share for part, share in zip(components, shares, strict=True)},
        {part.setting: part.losses for part in components},
        cuts,
        np.stack(at_cuts) if at_cuts else np.zeros((0, *weights.shape)),
    )


def _try_smoothers(
    values: FloatArray, final: FloatArray, regressions: Regressions, cuts: IntArray, sums: RollingSums
) -> Iterator[Component]:
    """Smoothing with parameters from what came before each cut, where that suffices."""
    season = next(iter(regressions.seasons), 1)
    n_lags = min(max(regressions.lags[-1], regressions.smoothing_lags), int(cuts[0]) + 1)
    again = cuts if cuts[0] < _SETTLED else cuts[:1]
    for name in regressions.smoothers:
        at_cuts = [smooth(name, values[: cut + 1], season, n_lags, regressions.horizon) for cut in again]
        known = [own for own in at_cuts if own is not None]
        weights = smooth(name, final, season, n_lags, regressions.horizon)
        if weights is not None and len(known) == len(again):
            known += known[-1:] * (len(cuts) - len(again))
            losses = judge(sums, known) if n_lags <= regressions.lags[-1] else _judge_long(values, cuts, known)
            yield Component(Smoothed(n_lags, name), losses, known, weights)


def _judge_long(values: FloatArray, cuts: IntArray, weights: Sequence[FloatArray]) -> FloatArray:
    """As `judge`, of weights for more lags than there are sums of."""
    horizon, n_judged = weights[0].shape[1], len(values) - weights[0].shape[1] - cuts[0]
    total = np.zeros(horizon)
    for cut, until, own in zip(cuts, [*cuts[1:], len(values) - horizon], weights, strict=True):
        origins = np.arange(cut, until)
        errors = steps_after(values, origins, horizon) - forecast_at(values, origins, own)
        total += (errors**2).sum(axis=0) / deviation(values[: cut + 1]) ** 2
    return total / n_judged


def _try_all(sums: RollingSums, regressions: Regressions) -> list[Trial]:
    """Each regression at the strength that lost least over all steps."""
    return [try_strengths(sums, n_lags, name, refer, regressions.strengths) for n_lags, name, refer in regressions.each()]


def _fit(whole: WindowSums, setting: Setting, regressions: Regressions) -> FloatArray:
    """The weights of a regression that learned from all windows, shape (n_lags, H)."""
    reference = regressions.references(setting.n_lags)[setting.reference](setting.n_lags, regressions.horizon)
    if math.isinf(setting.strength):
        return reference.start
    return RidgePath(whole.of_lags(setting.n_lags), reference).weights(setting.strength)


def _pooled(trial: Trial) -> Trial:
    return trial._replace(setting=trial.setting._replace(pooled=True))


def describe_shares(mixtures: Sequence[LagMixture]) -> dict[str, float]:
    """The mean share of each component in several mixtures, by its name, the largest first."""
    totals: dict[str, float] = {}
    for mixture in mixtures:
        for setting, share in mixture.shares.items():
            totals[setting.name] = totals.get(setting.name, 0.0) + float(share.mean()) / len(mixtures)
    return dict(sorted(totals.items(), key=lambda item: -item[1]))
