"""Exponential smoothing and the theta method as weights of lags, from parameters that statsmodels estimates.

Given its parameters each is linear in the past. A state goes on as ``x[t] = F x[t - 1] + g e[t]``, where ``e[t] = y[t] - w x[t - 1]``
is what came less what was expected. So ``x[t] = D x[t - 1] + g y[t]`` with ``D = F - g w``, and step h is forecast by
``w F^(h - 1) x[t]``, in which lag j has the weight ``w F^(h - 1) D^j g``. The state before the oldest lag is the one with the least sum
of squared errors, which is linear in the lags as well: a constant stays as it is, and a line goes on where there is a trend, however
few lags there are.

References:
    Hyndman, Koehler, Ord and Snyder 2008, Forecasting with Exponential Smoothing, chapters 2 and 3 (additive errors).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.linalg import matrix_power

from weights.types import FloatArray

LONGEST_SEASON = 24
"""Of smoothing, which has a state for each place of it; what is longer is left to regressions and columns (our choice)."""
_FEWEST_SEASONS, _FEWEST_VALUES = 2, 12
"""Parameters are estimated from so many seasons and values more, at least (our choice)."""
_MOST_VALUES = 2_000
"""From which parameters are estimated, the last ones (our choice)."""
_TRENDS = (None, "add")
"""Of which the one with the least AICc is taken. A damped trend in place of the plain one was not better: MASE of m4_hourly 0.729, not
0.725, and of nine short series at eight origins each 1.442, not 1.453, with interval scores 2 % higher."""
_LASTING = 1.0001
"""What is left of a state after a step, at most: of lines and seasons that nothing changes all is, but for rounding."""
_UNSEEN = 1e-9
"""Parts of a state that lags tell so much less of than of others are taken as zero: a level and a season that move against each other."""


class Smoothing(NamedTuple):
    """Parameters of exponential smoothing with additive errors, trend and season.

    Attributes:
        level: how far the level follows an error. trend: how far the growth does; None where nothing grows.
        seasonal: how far the season does. season: its length; 1 for none.
    """

    level: float
    trend: float | None = None
    seasonal: float = 0.0
    season: int = 1

    def matrices(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """F (k, k), g (k,) and w (k,) of the state: level, growth, and the places of the season, the newest first."""
        n = 2 + (self.season if self.season > 1 else 0)
        moves, follows, seen = np.zeros((n, n)), np.zeros(n), np.zeros(n)
        moves[0, 0] = seen[0] = 1
        follows[0] = self.level
        if self.trend is not None:
            moves[:2, 1] = seen[1] = 1
            follows[1] = self.trend
        if self.season > 1:
            moves[3:, 2:-1] = np.eye(self.season - 1)
            moves[2, -1] = seen[-1] = 1
            follows[2] = self.seasonal
        return moves, follows, seen

    @property
    def settles(self) -> bool:
        """Whether what lies far back counts less and less: parameters that each are in their range may make it count more and more."""
        moves, follows, seen = self.matrices()
        return bool(np.abs(np.linalg.eigvals(moves - np.outer(follows, seen))).max() <= _LASTING)

    def weights(self, n_lags: int, horizon: int) -> FloatArray:
        """The weight of each lag, the newest first, in the forecast of each step, shape (n_lags, H).

        Example:
            >>> Smoothing(0.5).weights(4, 1)[:, 0].round(2).tolist()  # 1/2, 1/4, 1/8, 1/16, and 1/16 by the level before them
            [0.51, 0.26, 0.14, 0.09]
        """
        moves, follows, seen = self.matrices()
        forgets = moves - np.outer(follows, seen)
        kept = _multiply_on(follows, forgets.T, n_lags)
        expects = _multiply_on(seen, forgets, n_lags)  # of the state before the oldest lag, in each lag from there on
        ages = np.subtract.outer(np.arange(n_lags), np.arange(n_lags))
        surprises = np.eye(n_lags) - np.where(ages > 0, (expects @ follows)[ages - 1], 0.0)  # of lags, with a state of zero before them
        first = np.linalg.pinv(expects, rcond=_UNSEEN) @ surprises
        state = kept.T + (matrix_power(forgets, n_lags) @ first)[:, ::-1]
        return (_multiply_on(seen, moves, horizon) @ state).T


def weigh_theta(level: float, season: int, n_lags: int, horizon: int) -> FloatArray:
    """The weights (n_lags, H) of the theta method: smoothing that goes on with half of the trend of all lags.

    Args:
        level: how far the smoothed level follows an error; the first is the oldest lag.
        season: length of a season, whose means are taken off before and added after; 1 for none. There are the lags of two.
        n_lags: L.
        horizon: H.

    References:
        Hyndman and Billah 2003, Unmasking the Theta method: simple exponential smoothing with a drift of half of the slope.
    """
    places = np.arange(n_lags)
    means = mean_seasons(season, n_lags)
    rest = np.eye(n_lags) - means[places % season]
    smoothed = level * (1 - level) ** places[::-1]
    smoothed[0] = (1 - level) ** (n_lags - 1)
    centred = places - (n_lags - 1) / 2
    slope = centred / max(float(centred @ centred), 1.0)
    grown = np.arange(horizon) + (1 - (1 - level) ** n_lags) / level
    ahead = (smoothed + 0.5 * np.outer(grown, slope)) @ rest + means[(n_lags + np.arange(horizon)) % season]
    return ahead.T[::-1]


def mean_seasons(season: int, n_values: int) -> FloatArray:
    """What each place of a season adds, as weights of n values, the oldest first, shape (season, n).

    The mean of what values differ by from the mean of the season around them, less the mean of that over places.
    """
    if season < 2:
        return np.zeros((1, n_values))
    around = np.full(season + 1 - season % 2, 1 / season)
    if season % 2 == 0:
        around[[0, -1]] /= 2
    half = len(around) // 2
    inner = np.arange(half, n_values - half)
    differs = np.zeros((len(inner), n_values))
    for row, place in enumerate(inner):
        differs[row, place - half : place + half + 1] = -around
        differs[row, place] += 1
    means = np.stack([differs[inner % season == place].mean(axis=0) for place in range(season)])
    return means - means.mean(axis=0)


def estimate_smoothing(values: FloatArray, season: int) -> Smoothing:
    """The smoothing of values (t,) with the least AICc of those that settle, with a season where its length is more than 1."""
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    seasonal = {"seasonal": "add", "seasonal_periods": season} if season > 1 else {}
    found = []
    for trend in _TRENDS:
        model = ETSModel(values[-_MOST_VALUES:], error="add", trend=trend, initialization_method="heuristic", **seasonal)
        with np.errstate(all="ignore"):  # the logarithm of no error at all
            fitted = model.fit(disp=False, warn_convergence=False)
        own = dict(zip(model.param_names, map(float, fitted.params), strict=True))
        smoothing = Smoothing(own["smoothing_level"], own.get("smoothing_trend"), own.get("smoothing_seasonal", 0.0), season)
        if trend is None or smoothing.settles:
            found.append((float(fitted.aicc), smoothing))
    return min(found, key=lambda each: each[0])[1]


def estimate_theta(values: FloatArray, season: int) -> float:
    """How far the level of the theta method follows an error, of values (t,) less the means of their season."""
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    values = values[-_MOST_VALUES:]
    rest = values - (mean_seasons(season, len(values)) @ values)[np.arange(len(values)) % season]
    model = ETSModel(rest, error="add", initialization_method="known", initial_level=rest[0])
    with np.errstate(all="ignore"):
        return float(model.fit(disp=False, warn_convergence=False).params[0])


def smooth(name: str, values: FloatArray, season: int, n_lags: int, horizon: int) -> FloatArray | None:
    """The weights (n_lags, H) of one of `SMOOTHERS`, with parameters from values (t,); None of too few, or where all are alike.

    Args:
        name: of it.
        values: none missing, of which there are n_lags at least.
        season: length of a season, which counts where it is short and there are values enough; 1 for none.
        n_lags: L.
        horizon: H.
    """
    season = season if season <= LONGEST_SEASON and n_lags >= _FEWEST_SEASONS * season else 1
    season = season if len(values) >= _FEWEST_SEASONS * season + _FEWEST_VALUES else 1
    if len(values) < _FEWEST_SEASONS + _FEWEST_VALUES or np.ptp(values) <= 0:
        return None
    return SMOOTHERS[name](values, season, n_lags, horizon)


def list_smoothers() -> tuple[str, ...]:
    """The names of `SMOOTHERS`, if statsmodels is there to estimate them; none without."""
    return tuple(SMOOTHERS) if importlib.util.find_spec("statsmodels") else ()


def _weigh_smoothing(values: FloatArray, season: int, n_lags: int, horizon: int) -> FloatArray:
    return estimate_smoothing(values, season).weights(n_lags, horizon)


def _weigh_theta(values: FloatArray, season: int, n_lags: int, horizon: int) -> FloatArray:
    return weigh_theta(estimate_theta(values, season), season, n_lags, horizon)


def _multiply_on(first: FloatArray, matrix: FloatArray, n: int) -> FloatArray:
    """A row (k,) times powers 0 to n - 1 of a matrix (k, k), shape (n, k)."""
    rows = np.empty((n, len(first)))
    for power in range(n):
        rows[power] = first
        first = first @ matrix
    return rows


SMOOTHERS: dict[str, Callable[[FloatArray, int, int, int], FloatArray]] = {
    "exponential smoothing": _weigh_smoothing,
    "theta": _weigh_theta,
}
"""The weights (n_lags, H) by values to estimate parameters from, season, n_lags and H."""
