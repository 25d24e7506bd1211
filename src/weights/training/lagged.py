"""Forecasts that are linear in the lags of a series: a mixture of ridge regressions, each with the share that rolling origins give it.

A mixture of regressions is a regression, so that what comes out is one weight for each lag and step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from weights.training.rolling import Setting, place_cuts, sum_around_cuts, try_settings
from weights.training.windows import Reference, RidgePath, refer_to_last, refer_to_nothing, refer_to_season, sum_windows
from weights.types import FloatArray

_POWER = 4.0
"""Shares are as the losses to minus this power: windows of one series tell too little for shares of least squares, which lost more on
half of the series of m4_hourly (MASE 0.786 beside 0.763, equal shares 0.823, the best one alone 0.822)."""
_LEAST_LOSS = 1e-12
"""Of the mean square of the steps, so that what forecasts without error has a share."""
_N_CUTS = 3


class LagMixture(NamedTuple):
    """A forecast that is linear in lags.

    Attributes:
        weights: of each lag, the newest first, in the forecast of each step, shape (L, H).
        shares: of each regression in the forecast of each step, adding up to one, shape (H,).
        losses: mean squared error of each at rolling origins, shape (H,).
    """

    weights: FloatArray
    shares: dict[Setting, FloatArray]
    losses: dict[Setting, FloatArray]

    def forecast(self, values: FloatArray) -> FloatArray:
        """The next H values after those of a series, of which there are L at least, shape (H,)."""
        n_lags = len(self.weights)
        return values[: -n_lags - 1 : -1] @ self.weights


def name_references(seasons: Sequence[int]) -> dict[str, Callable[[int, int], Reference]]:
    """What forecasts may improve on, by name: nothing, the last value, and the value a season before, of each season (in steps)."""

    def refer_to(season: int) -> Callable[[int, int], Reference]:
        return lambda n_lags, horizon: refer_to_season(n_lags, horizon, season)

    return {"zero": refer_to_nothing, "last value": refer_to_last, **{f"season of {season}": refer_to(season) for season in seasons}}


def mix_regressions(values: FloatArray, horizon: int, lags: Sequence[int], seasons: Sequence[int] = ()) -> LagMixture | None:
    """The mixture of ridge regressions on lags that forecasts a series; None where it is too short for the fewest lags.

    Every number of lags is tried with every reference, each at the strength that forecast best at rolling origins.

    Args:
        values: of a series, none missing, shape (t,), of mean zero and variance about one.
        horizon: H.
        lags: numbers of lags to try; those that leave nothing to judge by are left out.
        seasons: lengths in steps; one that is longer than the lags is no reference for these.

    Example:
        >>> mixture = mix_regressions(np.tile([1.0, -1.0, 0.25, 0.5], 30), 4, [4, 8], [4])
        >>> [f"{value:.2f}" for value in mixture.forecast(np.tile([1.0, -1.0, 0.25, 0.5], 4))]
        ['1.00', '-1.00', '0.25', '0.50']
    """
    lags = [n_lags for n_lags in sorted(lags) if len(place_cuts(len(values), n_lags, horizon, n_cuts=_N_CUTS))]
    if not lags:
        return None
    cuts = place_cuts(len(values), lags[-1], horizon, n_cuts=_N_CUTS)
    sums = sum_around_cuts(values, lags[-1], horizon, cuts, scale=lambda before: 1.0)
    references = name_references(seasons)
    tried: dict[Setting, FloatArray] = {}
    for n_lags in lags:
        tried |= try_settings(sums, [n_lags], _possible(references, n_lags, seasons))
    best = _best_strengths(tried)
    least = _LEAST_LOSS * max(float(np.mean(values**2)), np.finfo(float).tiny)
    powers = {setting: (loss + least) ** -_POWER for setting, loss in best.items()}
    total = np.sum([*powers.values()], axis=0)
    shares = {setting: power / total for setting, power in powers.items()}
    whole = sum_windows(values, lags[-1], horizon, np.asarray([lags[-1] - 1, len(values) - horizon])).at(0)
    weights = np.zeros((lags[-1], horizon))
    for setting, share in shares.items():
        path = RidgePath(whole.of_lags(setting.n_lags), references[setting.reference](setting.n_lags, horizon))
        weights[: setting.n_lags] += share * path.weights(setting.strength)
    return LagMixture(weights, shares, best)


def _possible(
    references: Mapping[str, Callable[[int, int], Reference]], n_lags: int, seasons: Sequence[int]
) -> dict[str, Callable[[int, int], Reference]]:
    """The references for which there are lags enough."""
    too_long = {f"season of {season}" for season in seasons if season > n_lags}
    return {name: refer for name, refer in references.items() if name not in too_long}


def _best_strengths(tried: Mapping[Setting, FloatArray]) -> dict[Setting, FloatArray]:
    """Of each number of lags and reference the setting of least loss over all steps."""
    best: dict[tuple[int, str], Setting] = {}
    for setting, loss in tried.items():
        key = setting.n_lags, setting.reference
        if key not in best or loss.mean() < tried[best[key]].mean():
            best[key] = setting
    return {setting: tried[setting] for setting in best.values()}
