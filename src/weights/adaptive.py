"""Adaptive conformal prediction: how far the values of the next steps of series may lie from their forecasts.

`fit_bounds` reads errors at rolling origins and gives `AdaptiveBounds`: bounds of any level for each series and step, sample paths, and an
`update` with what came since. An error is seen in units of the size that was expected of it, which follows the errors of the moments before
(filtered historical simulation: Barone-Adesi et al. 1999, "VaR without correlations for portfolios of derivative securities"), and the
quantiles of these scores, of all series together, move with the share of values beyond them (adaptive conformal prediction).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import scipy.special

from weights.conformal import Interval, check_level
from weights.errors import DataError
from weights.errorsizes import HALF_LIVES, TINY, ErrorSizes, fill_knots, knots_of, known_at, steps_of_knots, sum_at_knots
from weights.types import FloatArray, IntArray

_LOWER = [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4]
LEVELS = np.array([*_LOWER, 0.5, *(1 - p for p in reversed(_LOWER))])
"""Of the quantiles that are kept; between and beyond these they are linear in the quantiles of the normal distribution."""
_NORMAL = scipy.special.ndtri(LEVELS)
_SLOPES = np.sqrt(2 * np.pi) * np.exp(_NORMAL**2 / 2)
"""Of the normal quantile function, at LEVELS."""
_DEVIATION = np.sqrt(np.pi / 2)
"""Of a normal error whose mean size is one."""
_MEMORY = 500.0
"""Moments in which quantiles move by all that levels ask for, and as many more as a step lies ahead, because what is known late must move
them less, or they swing (our choice)."""
_MOST_SCORES, _MOST_ROWS, _MOST_AT_ONCE = 200_000, 400, 1_000_000
_HELD, _EVENLY = 0.9, (np.arange(200) + 0.5) / 200
"""The share of errors of any series that the size expected of another must hold, and probabilities at which scores are read."""
_ROW_KEY = 0xB0


@dataclass(frozen=True, eq=False)
class AdaptiveBounds:
    """What the bounds of S series up to H steps ahead follow from. Steps are read at B knots, which lie at powers of two.

    Attributes:
        moment: number of the last one known.
        prior: size that is expected of errors of a series of which none is known, shape (S, B).
        sizes: of the errors so far.
        issued: sizes that were expected at the last H moments but for the phase, the newest last, shape (H, S, B).
        quantiles: of scores, which are errors in units of the size that was expected of them, at LEVELS, ascending, shape (B, levels).
        spread: deviation of the scores that `fit_bounds` saw, as if they were normal, shape (B,).
        rows: ranks of the scores of whole forecasts among one another, between 0 and 1 at each step, shape (r, H).
    """

    moment: int
    prior: FloatArray
    sizes: ErrorSizes
    issued: FloatArray
    quantiles: FloatArray
    spread: FloatArray
    rows: FloatArray

    def with_series(self, errors: FloatArray, origins: IntArray, prior: FloatArray) -> AdaptiveBounds:
        """The bounds with further series. Quantiles stay as they are.

        Args:
            errors: of forecasts of the further series, as in `fit_bounds`, shape (S, O, H); NaN where there was none.
            origins: of these, ascending, shape (O,), as in `fit_bounds`.
            prior: size that is expected of errors of these series without knowing any, such as `expect_of_another`, shape (S, B).

        Raises:
            DataError: an error is infinite.
        """
        _check_finite(errors)
        n_more, _, horizon = errors.shape
        sizes = ErrorSizes(np.zeros((len(HALF_LIVES), 2, *prior.shape)), np.zeros((2, n_more, self.season)))
        issued = [prior] * horizon
        for moment in range(int(origins.min(initial=self.moment)) + 1, self.moment + 1):
            sizes = sizes.plus(moment, *sum_at_knots(known_at(errors, origins, moment)), prior)
            issued.append(sizes.expected(prior))
        return replace(
            self,
            prior=np.concatenate([self.prior, prior]),
            sizes=ErrorSizes(*(np.concatenate(both, axis=-2) for both in zip(self.sizes, sizes, strict=True))),
            issued=np.concatenate([self.issued, np.stack(issued[-horizon:])], axis=1),
        )

    def expect_of_another(self, errors: FloatArray | None = None) -> FloatArray:
        """The size that is expected of errors of a series of which nothing is known, shape (B,).

        An error of any series lies within quantiles of that size as often as it lies within those of its own.

        Args:
            errors: of series like it, shape (n, H), NaN where there was none; where none is given as those of the series there are.
        """
        at_levels = np.broadcast_to(_EVENLY, (len(self.quantiles), len(_EVENLY)))
        scores = np.abs(_interpolate(self.quantiles, at_levels))
        if errors is None:
            of_any = np.moveaxis(self.issued[-1][..., None] * scores, 1, 0).reshape(len(scores), -1)
        else:
            near = knots_of(self.horizon).T.astype(bool)
            of_any = np.abs(np.where(near[:, None], errors, np.nan)).reshape(len(near), -1)
        known = np.isfinite(of_any).any(axis=1)
        sizes = [np.nanquantile(own, _HELD) if any_known else 0.0 for own, any_known in zip(of_any, known, strict=True)]
        return fill_knots(np.asarray(sizes), known) / np.maximum(np.quantile(scores, _HELD, axis=1), TINY)

    @property
    def horizon(self) -> int:
        """H, how many steps ahead there are bounds for."""
        return len(self.issued)

    @property
    def season(self) -> int:
        """After how many steps the size of errors repeats itself; 1 where it does not."""
        return self.sizes.phases.shape[-1]

    def bounds(self, forecast: FloatArray, level: float) -> Interval:
        """Bounds that hold each of the next values with probability `level`, shaped as the forecast and in its units.

        They are the quantiles of (1 - level) / 2 and (1 + level) / 2. Each step is held by itself, not the whole path.

        Args:
            forecast: of the next values after `moment`, shape (S, H); of one series (H,).
            level: between 0 and 1.

        Raises:
            UsageError: the level is not between 0 and 1.
        """
        check_level(level)
        return Interval(self.quantile(forecast, (1 - level) / 2), self.quantile(forecast, (1 + level) / 2), level)

    def quantile(self, forecast: FloatArray, p: float) -> FloatArray:
        """What each of the next values does not exceed with probability p, shaped as the forecast, (S, H) or (H,)."""
        scores = _interpolate(self._by_step(), np.full((self.horizon, 1), p))[:, 0]
        return forecast + (scores * self.expected_sizes()).reshape(forecast.shape)

    def sample_paths(self, forecast: FloatArray, n_paths: int, *, seed: int) -> FloatArray:
        """Paths that the next values may take, shape (S, n_paths, H); of one series (n_paths, H). Bounds of sums over steps follow.

        At each step they are distributed as `quantile` says. Steps depend on one another as in forecasts of the past, whose ranks are drawn
        as whole rows (Clark et al. 2004, "The Schaake shuffle", section 3). Series are drawn independently of one another.

        Args:
            forecast: of the next values after `moment`, shape (S, H); of one series (H,).
            n_paths: how many.
            seed: same seed, same paths.
        """
        random, sizes = np.random.default_rng(seed), self.expected_sizes()
        shape = (len(sizes), n_paths)
        ranks = self.rows[random.integers(len(self.rows), size=shape)]
        ranks = ranks + (random.random((*shape, 1)) - 0.5) / len(self.rows)  # uniform at each step
        scores = _interpolate(self._by_step(), ranks.reshape(-1, self.horizon).T).T.reshape(*shape, self.horizon)
        paths = forecast.reshape(len(sizes), 1, self.horizon) + scores * sizes[:, None]
        return paths.reshape(*forecast.shape[:-1], n_paths, self.horizon)

    def expected_sizes(self) -> FloatArray:
        """The size that is expected of the error of each of the next steps, shape (S, H), in units of the series."""
        moments = self.moment + np.arange(1, self.horizon + 1)
        return self.issued[-1] @ knots_of(self.horizon).T * self.sizes.factors(moments)

    def update(self, errors: FloatArray) -> AdaptiveBounds:
        """The bounds one moment later.

        Quantiles move by quantile tracking (Angelopoulos et al. 2023, "Conformal PID control for time series prediction", equation 4;
        Gibbs and Candès 2021, "Adaptive conformal inference under distribution shift", move the level instead), all at once, by the share
        of series and neighbouring steps that lay below them. An error of h steps ahead is known h moments after its forecast, and in units
        of the size that was expected then (for its phase, of the size that is now); it is compared with the quantiles of now, where the
        paper takes those of then: with these, quantiles of steps far ahead went on moving long after they were right.

        Args:
            errors: of the value that came, less the forecasts of it 1, 2, ..., H moments before, shape (S, H) or (H,), as `known_at` gives
                them; NaN where there was no forecast or no value.

        Raises:
            DataError: an error is infinite.
        """
        errors = errors.reshape(len(self.prior), self.horizon)
        _check_finite(errors)
        moment = self.moment + 1
        then = np.einsum("hsb,hb->sh", self.issued[::-1], knots_of(self.horizon)) * self.sizes.factors(np.array([moment]))
        sizes = self.sizes.plus(moment, *sum_at_knots(errors), self.prior)
        issued = np.concatenate([self.issued[1:], sizes.expected(self.prior)[None]])
        return replace(self, moment=moment, sizes=sizes, issued=issued, quantiles=self._track(errors / np.maximum(then, TINY)))

    def _track(self, scores: FloatArray) -> FloatArray:
        """Quantiles moved by scores (S, H)."""
        knots, came = knots_of(self.horizon), np.isfinite(scores)
        below = (np.where(came, scores, np.inf)[..., None] <= self._by_step()).sum(axis=0)
        excess = (knots / knots.sum(axis=0)).T @ (below - LEVELS * came.sum(axis=0)[:, None]) / len(scores)
        rates = self.spread / (_MEMORY + 2.0 ** np.arange(len(self.spread)))
        return np.sort(self.quantiles - rates[:, None] * _SLOPES * excess, axis=1)

    def _by_step(self) -> FloatArray:
        """The quantiles of each step, shape (H, levels)."""
        return knots_of(self.horizon) @ self.quantiles


def fit_bounds(
    errors: FloatArray, origins: IntArray, *, moment: int, units: FloatArray | None = None, seasons: Sequence[int] = ()
) -> AdaptiveBounds:
    """The bounds that follow from errors at rolling origins.

    Whether the size of errors differs by phase of a season is decided by the deviance of errors from the sizes that were expected before
    they were known (log m + size / m for an expected size m, as in `conformal.Difficulty`).

    Args:
        errors: values less their forecasts, which knew none of them, in units of each series, shape (S, O, H); NaN where there was none.
        origins: numbers of the last moment that each forecast knew, ascending, shape (O,). Series that end at different moments may be
            counted from their ends.
        moment: number of the last moment known, after which forecasts are to be made; errors of later values are not read.
        units: sizes by which errors of series become comparable, such as the deviation of their values, positive, shape (S,); for lack of
            them the mean size of the errors of each.
        seasons: lengths in steps after which the size of errors may repeat itself; one at most is taken.

    Raises:
        DataError: there is no error, or one is infinite.

    Example:
        >>> errors = np.random.default_rng(0).normal(size=(1, 1000, 2)) * [1.0, 2.0]
        >>> bounds = fit_bounds(errors, np.arange(1000), moment=1001).bounds(np.array([10.0, 10.0]), 0.8)
        >>> bounds.low.round(), bounds.high.round()
        (array([9., 7.]), array([11., 12.]))
    """
    errors, origins = np.asarray(errors, float), np.asarray(origins, np.int64)
    horizon = errors.shape[2]
    errors = np.where(origins[:, None] + np.arange(1, horizon + 1) <= moment, errors, np.nan)
    _check_finite(errors)
    usable = np.flatnonzero(np.isfinite(errors).any(axis=(0, 2)))
    if not len(usable):
        raise DataError("Bounds follow from errors at rolling origins, but there is none. Give longer series, or a shorter horizon.")
    errors, origins = errors[:, usable], origins[usable]
    history = _History(errors, origins, moment, units)
    lengths = (1, *(season for season in seasons if 1 < season <= history.n_moments // 2))
    walk = min((history.walk(season) for season in lengths), key=lambda walk: walk.deviance)
    known = origins - origins[0]
    tried = known >= min(horizon, history.n_moments // 2, known[-1])  # before that next to nothing is known of sizes
    scores = walk.scores[:, tried]
    quantiles = _fit_quantiles(scores, 1.0 + known[tried])
    tenth, nine_tenths = LEVELS.searchsorted(0.1), len(LEVELS) - 1 - LEVELS.searchsorted(0.1)
    spread = (quantiles[:, nine_tenths] - quantiles[:, tenth]) / (_NORMAL[nine_tenths] - _NORMAL[tenth])
    return AdaptiveBounds(moment, history.prior, walk.sizes, walk.issued, quantiles, spread, _rank_rows(scores))


def shapes_of(n_series: int, horizon: int, *, season: int, n_rows: int) -> dict[str, list[int]]:
    """The shapes of the arrays of bounds, by name."""
    n_knots = knots_of(horizon).shape[1]
    return {
        "prior": [n_series, n_knots],
        "issued": [horizon, n_series, n_knots],
        "quantiles": [n_knots, len(LEVELS)],
        "spread": [n_knots],
        "rows": [n_rows, horizon],
        "sums": [len(HALF_LIVES), 2, n_series, n_knots],
        "phases": [2, n_series, season],
    }


class _Walk(NamedTuple):
    """What was expected while errors came in.

    scores: errors in units of what was expected of them at their origin, shape (S, O, H). deviance: the mean of all.
    issued, sizes: at the end, as in `AdaptiveBounds`.
    """

    scores: FloatArray
    deviance: float
    issued: FloatArray
    sizes: ErrorSizes


class _History:
    """Errors as in `fit_bounds`, in the order in which they became known: sums of their sizes at knots, and of their weights."""

    def __init__(self, errors: FloatArray, origins: IntArray, moment: int, units: FloatArray | None) -> None:
        self.errors, self.origins, self.begin = errors, origins, int(origins[0])
        self.n_moments = moment - self.begin + 1
        known = [sum_at_knots(known_at(errors, origins, self.begin + t)) for t in range(self.n_moments)]
        self.totals, self.weights = (np.stack(part) for part in zip(*known, strict=True))
        self.prior = self._expect_without(units)

    def _expect_without(self, units: FloatArray | None) -> FloatArray:
        """What is expected of a series of which no error is known, shape (S, B): the mean of all, in their units."""
        total, weight = self.totals.sum(axis=0), self.weights.sum(axis=0)
        own = total.sum(axis=1) / np.maximum(weight.sum(axis=1), TINY)
        units = np.maximum(own if units is None else np.asarray(units, float), TINY)
        means = np.divide(total, weight, out=np.zeros(weight.shape), where=weight > 0) / units[:, None]
        pooled = means.sum(axis=0) / np.maximum((weight > 0).sum(axis=0), 1)
        return units[:, None] * fill_knots(pooled, weight.any(axis=0))

    def walk(self, season: int) -> _Walk:
        """What was expected at each moment, where sizes repeat themselves after a season."""
        n_series, n_rows, horizon = self.errors.shape
        sizes = ErrorSizes(np.zeros((len(HALF_LIVES), 2, *self.prior.shape)), np.zeros((2, n_series, season)))
        issued = np.repeat(self.prior[None], self.n_moments + horizon, axis=0)
        rows, phases = self.origins - self.begin, np.arange(season)
        factors = np.ones((n_rows, n_series, season))
        row = 0
        for t in range(self.n_moments):
            sizes = sizes.plus(self.begin + t, self.totals[t], self.weights[t], self.prior)
            issued[horizon + t] = sizes.expected(self.prior)
            if row < n_rows and rows[row] == t:
                factors[row] = sizes.factors(phases)
                row += 1
        scores, logs = np.empty(self.errors.shape), 0.0
        size = max(_MOST_AT_ONCE // (n_series * horizon), 1)
        for begin in range(0, n_rows, size):
            part = rows[begin : begin + size]
            expected = issued[horizon + part] @ knots_of(horizon).T
            moments = (self.begin + part[:, None] + np.arange(1, horizon + 1)) % season
            expected *= np.take_along_axis(factors[begin : begin + size], moments[:, None], axis=2)
            expected = np.maximum(np.swapaxes(expected, 0, 1), TINY)
            own = scores[:, begin : begin + size] = self.errors[:, begin : begin + size] / expected
            logs += float(np.log(expected)[np.isfinite(own)].sum())
        came = np.isfinite(scores)
        return _Walk(scores, (logs + np.abs(scores[came]).sum()) / came.sum(), issued[-horizon:], sizes)


def _check_finite(errors: FloatArray) -> None:
    """Refuse infinite errors.

    Raises:
        DataError: there is one.
    """
    if np.isinf(errors).any():
        raise DataError("Errors of forecasts must be finite, but some are infinite. Repair the values or the forecasts.")


def _fit_quantiles(scores: FloatArray, trust: FloatArray) -> FloatArray:
    """The quantiles at each knot of scores (S, o, H), shape (B, levels).

    Forecasts count by their trust (o,), which is for how many moments errors had been known: sizes expected from few make scores that
    differ more than those to come.
    """
    n_series, n_rows, horizon = scores.shape
    knots, steps = knots_of(horizon), steps_of_knots(horizon)
    quantiles, known = np.zeros((len(steps), len(LEVELS))), np.zeros(len(steps), bool)
    for b, step in enumerate(steps):
        near = np.flatnonzero(knots[:, b])
        every = -(-n_series * n_rows * len(near) // _MOST_SCORES)
        here = scores[:, ::every, near]
        came = np.isfinite(here)
        known[b] = came.any()
        if known[b]:
            weight = np.broadcast_to(trust[::every, None] * knots[near, b], here.shape)[came]
            alike = max(_count_alike(scores[:, :, step - 1], step) / every, 1.0)
            quantiles[b] = _weigh_quantiles(here[came], weight, alike * knots[near, b].sum() * trust.mean())
    return fill_knots(quantiles, known)


def _count_alike(scores: FloatArray, n_lags: int) -> float:
    """How many forecasts in a row tell as much as one, from their scores (S, o) at a step: one at least.

    It is the sum of autocorrelations, as in the variance of a mean, over less than `n_lags`, because forecasts farther apart share no
    value; about zero, not the mean, which of few that tell the same is near them.
    """
    came, length = np.nan_to_num(scores), 2 * scores.shape[1]
    power = (np.abs(np.fft.rfft(came, length, axis=1)) ** 2).sum(axis=0)
    products = np.fft.irfft(power, length)[: min(n_lags, scores.shape[1])]
    return max(1.0, 2 * float(products.sum() / products[0]) - 1) if products[0] > 0 else 1.0


def _weigh_quantiles(scores: FloatArray, weight: FloatArray, unit: float) -> FloatArray:
    """Quantiles at LEVELS of weighted scores (n,), of which those of weight `unit` together tell as much as one.

    The score of rank i among n is the quantile of i / (n + 1), as in conformal prediction. Beyond the ranks quantiles are those of a normal
    distribution, as wide as the scores are, and no less than one of mean size one is.
    """
    order = np.argsort(scores)
    scores, weight = scores[order], weight[order]
    places = scipy.special.ndtri((np.cumsum(weight) + (unit - weight) / 2) / (weight.sum() + unit))
    middle = np.interp(0.0, places, scores)
    low, high = (max((scores[end] - middle) / (places[end] or 1.0), _DEVIATION) for end in (0, -1))
    beyond = high * np.maximum(_NORMAL - places[-1], 0.0) - low * np.maximum(places[0] - _NORMAL, 0.0)
    return np.interp(_NORMAL, places, scores) + beyond


def _interpolate(quantiles: FloatArray, p: FloatArray) -> FloatArray:
    """Quantiles at p (rows, n) of rows whose quantiles at LEVELS are known, (rows, levels); shape (rows, n)."""
    places = scipy.special.ndtri(p)
    above = np.clip(np.searchsorted(_NORMAL, places), 1, len(LEVELS) - 1)
    low, high = (np.take_along_axis(quantiles, at, axis=1) for at in (above - 1, above))
    return low + (high - low) * (places - _NORMAL[above - 1]) / (_NORMAL[above] - _NORMAL[above - 1])


def _rank_rows(scores: FloatArray) -> FloatArray:
    """Ranks at each step, between 0 and 1, of rows of scores (S, o, H) among one another, shape (r, H); where many, of some.

    Rows of the most values are taken; what they lack is ranked at random.
    """
    rows = scores.reshape(-1, scores.shape[2])
    came = np.isfinite(rows).sum(axis=1)
    rows = rows[came == came.max()]
    rows = np.nan_to_num(rows[np.random.default_rng(_ROW_KEY).permutation(len(rows))[:_MOST_ROWS]])
    return (rows.argsort(axis=0, kind="stable").argsort(axis=0) + 0.5) / len(rows)
