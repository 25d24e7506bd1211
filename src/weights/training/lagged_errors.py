"""Regression with lagged errors: a forecast of what columns do that are known beforehand, and of the rest from its own lags.

`fit_regression` gives it; `choose_columns` asks rolling origins which columns help, and how fast effects are forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from weights.data.series.cycles import Columns, join_columns
from weights.training.autoregression import clean, find_farthest
from weights.training.covariates import Effects, fit_effects
from weights.training.lagged import LagMixture, Regressions, forecast_at, mix_regressions
from weights.training.rolling import place_cuts
from weights.types import FloatArray, IntArray

_ROUNDING = 1e-12
"""Of the largest value, below which what is left is no more than rounding."""


class LagSetting(NamedTuple):
    """What forecasts of the rest are made of.

    Attributes:
        horizon: H. lags: numbers of lags to mix. seasons: lengths in steps, as `mix_regressions` takes them.
        longest: lags at most of the filter, which says what is far from what was expected.
    """

    horizon: int
    lags: Sequence[int]
    seasons: Sequence[int] = ()
    longest: int = 28


class LaggedRegression(NamedTuple):
    """A forecast from columns, and from lags of what they leave.

    Attributes:
        effects: of the columns.
        lags: of the rest in units of `scale` from `center`; none where it is too short or constant, and the center is forecast.
        center: of the rest. scale: of the rest.
        farthest: how far a rest may lie from what was expected before it counts as this far.
        horizon: H.
    """

    effects: Effects
    lags: LagMixture | None
    center: float
    scale: float
    farthest: float
    horizon: int

    def forecast(self, values: FloatArray, columns: FloatArray, origins: IntArray) -> FloatArray:
        """The next H values after each of n origins, shape (n, H); none depends on a value that came after its origin.

        Args:
            values: of the series, NaN where missing, shape (t,); those that it was fitted to need not be among them.
            columns: of the same moments and of those up to the last step, shape (last origin + 1 + H at least, k).
            origins: places in `values`.
        """
        expected = self.effects.expect(columns)
        rest = clean(values - expected[: len(values)], self.effects.lag_filter, self.farthest)
        return expected[_ahead(origins, self.horizon)] + self.forecast_rest(rest, origins)

    def forecast_rest(self, rest: FloatArray, origins: IntArray) -> FloatArray:
        """The next H of the rest, cleaned (t,), after each origin, shape (n, H); lags before the first are as they are on average."""
        if self.lags is None:
            return np.full((len(origins), self.horizon), self.center)
        n_lags = len(self.lags.weights)
        before = np.concatenate([np.zeros(n_lags - 1), (rest - self.center) / self.scale])
        return self.center + self.scale * forecast_at(before, origins + n_lags - 1, self.lags.weights)


class Choice(NamedTuple):
    """Which columns forecast best at rolling origins.

    Attributes:
        groups: names of those that are used.
        half_life: after how many moments values count half in the effects; none: all count alike.
        losses: mean absolute error of what was tried last under a name, a group ("": without any) or a half-life.
    """

    groups: tuple[str, ...]
    half_life: float | None
    losses: dict[str, float]


def fit_regression(values: FloatArray, columns: Columns, setting: LagSetting, *, half_life: float | None = None) -> LaggedRegression:
    """The forecast of a series from columns, and from lags of what they leave.

    Args:
        values: NaN where missing, shape (t,).
        columns: of the same moments, none missing, shape (t, k).
        setting: of the lags.
        half_life: as `fit_effects` takes it.

    Raises:
        DataError: as `fit_effects`.

    Example:
        >>> day = np.arange(140)
        >>> holiday = Columns(("holiday",), (day % 31 == 3).astype(float)[:, None])
        >>> series = day % 7 + 5 * holiday.values[:, 0]
        >>> model = fit_regression(series[:126], Columns(holiday.names, holiday.values[:126]), LagSetting(4, [7], [7]))
        >>> model.forecast(series, holiday.values, np.array([125]))[0].round(2).tolist(), series[126:130].tolist()
        ([0.0, 6.0, 2.0, 3.0], [0.0, 6.0, 2.0, 3.0])
    """
    effects = fit_effects(values, columns, longest=setting.longest, half_life=half_life)
    farthest = find_farthest(effects.rest, effects.lag_filter)
    rest = clean(values - effects.expect(columns.values), effects.lag_filter, farthest)
    center, scale = float(rest.mean()), float(rest.std())
    varies = scale > _ROUNDING * float(np.nanmax(np.abs(values)))
    lags = (
        mix_regressions((rest - center) / scale, Regressions(setting.horizon, tuple(setting.lags), tuple(setting.seasons)))
        if varies
        else None
    )
    return LaggedRegression(effects, lags, center, scale, farthest, setting.horizon)


def choose_columns(
    values: FloatArray,
    groups: Mapping[str, Columns],
    setting: LagSetting,
    *,
    half_lives: Sequence[float] = (),
    n_cuts: int = 4,
) -> Choice:
    """The groups of columns that forecast a series best at rolling origins.

    Beginning with none, each is turned (added, or taken out again) in its order, and stays so if the loss is less; then half-lives are
    tried, and each group is turned once more. At every cut all is fitted to the values before it, and all origins from there to the next
    cut are judged, by their mean absolute error.

    Args:
        values: of the series, NaN where missing, shape (t,).
        groups: by name, of all these moments; those first that explain most.
        setting: of the lags; few of them do, since they are the same for all.
        half_lives: that are tried, beside none.
        n_cuts: rolling origins, over the last half.
    """
    cuts = place_cuts(len(values), max(setting.lags), setting.horizon, n_cuts=n_cuts)
    cuts = cuts[np.cumsum(~np.isnan(values))[cuts] >= 2]
    losses: dict[str, float] = {}
    if not len(cuts):
        return Choice((), None, losses)

    def judge(names: Iterable[str], half_life: float | None) -> float:
        return _judge(values, join_columns([groups[name] for name in names], len(values)), cuts, setting, half_life)

    chosen: tuple[str, ...] = ()
    best: float | None = None
    least = losses[""] = judge(chosen, best)
    turns: list[tuple[str, float | None]] = [(name, None) for name in groups]
    for turned, tried in [*turns, *((f"half-life of {half_life:,.0f}", half_life) for half_life in half_lives), *turns]:
        names = tuple(name for name in groups if (name in chosen) != (name == turned))
        half_life = best if tried is None else tried
        loss = losses[turned] = judge(names, half_life)
        if loss < least:
            chosen, best, least = names, half_life, loss
    return Choice(chosen, best, losses)


def _judge(values: FloatArray, columns: Columns, cuts: IntArray, setting: LagSetting, half_life: float | None) -> float:
    """The mean absolute error over all origins from the first cut on."""
    total, n = 0.0, 0
    for cut, end in zip(cuts, [*cuts[1:], len(values) - setting.horizon], strict=True):
        learned = Columns(columns.names, columns.values[: cut + 1])
        model = fit_regression(values[: cut + 1], learned, setting, half_life=half_life)
        origins = np.arange(cut, end)
        upto = end + setting.horizon
        errors = np.abs(model.forecast(values[:upto], columns.values[:upto], origins) - values[_ahead(origins, setting.horizon)])
        total, n = total + float(np.nansum(errors)), n + int((~np.isnan(errors)).sum())
    return total / max(n, 1)


def _ahead(origins: IntArray, horizon: int) -> IntArray:
    """The places of the steps after each origin, shape (n, H)."""
    return origins[:, None] + np.arange(1, horizon + 1)
