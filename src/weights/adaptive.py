"""Adaptive conformal prediction: how far the values of the next steps of series may lie from their forecasts.

`fit_bounds` reads errors at rolling origins and gives `AdaptiveBounds`: bounds of any level for each series and step, sample paths, and an
`update` with what came since. An error is seen in units of a size that is expected of it, which follows the errors of the last moments
(filtered historical simulation: Barone-Adesi et al. 1999, "VaR without correlations for portfolios of derivative securities"), and the
quantiles of such scores, of all series together, move with each value that lies outside of them (adaptive conformal prediction).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import scipy.special

from weights.conformal import Interval, check_level
from weights.errors import DataError
from weights.types import FloatArray, IntArray

LEVELS = np.array([0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5])
LEVELS = np.concatenate([LEVELS, 1 - LEVELS[-2::-1]])
"""Of the quantiles that are kept. Between and beyond them they are linear in quantiles of the normal distribution."""
_NORMAL = scipy.special.ndtri(LEVELS)
_HALF_LIVES = (10.0, 30.0, 100.0, 300.0, np.inf)
"""Moments after which an error counts half in the size that is expected of later ones; the best on rolling origins is taken (our choice)."""
_KEEP = 0.5 ** (1 / np.asarray(_HALF_LIVES))
_SH = 1.0
_PM3 = 0.0
_PRIOR_MOMENTS, _PRIOR_SEASONS = 2.0, 4.0
"""What is known without the series counts as so many moments, and that all phases of a season are alike as so many seasons (our choice)."""
_PM2 = 0.0
_MEMORY = 500.0
"""Moments in which quantiles move by what the levels ask for, and as many more as the step lies ahead (our choice): a value that comes late
must move them less, or they swing."""
_MOST_SCORES, _MOST_ROWS = 200_000, 400
_ROW_KEY = 0xB0


class Sums(NamedTuple):
    """Sums of sizes of errors, and of their weights, from which expected sizes follow.

    sizes: older ones fading with each half-life, the last of which is infinite, shape (half-lives, 2, S, B). phases: by phase of the season,
    relative to what was expected without one, shape (2, S, P).
    """

    fading: FloatArray
    phases: FloatArray

    def sizes(self, prior: FloatArray) -> FloatArray:
        """The expected size of errors at each knot but for the phase, shape (S, B), from what is expected without any (S, B)."""
        held = _PRIOR_MOMENTS + _PM2 * 2.0 ** np.arange(prior.shape[-1])
        overall = (self.fading[-1, 0] + held * prior) / (self.fading[-1, 1] + held)
        held = _PRIOR_MOMENTS + _PM3 * 2.0 ** np.arange(prior.shape[-1])
        recent = (self.fading[:-1, 0] + held * overall) / (self.fading[:-1, 1] + held)
        return (recent.sum(axis=0) * _SH + overall * (1 + (1 - _SH) * len(recent))) / (len(recent) + 1)

    def factors(self, moments: IntArray | int) -> FloatArray:
        """By how much errors are larger at moments (n,) for their phase, shape (S, n); of one moment (S,)."""
        total, weight = self.phases[..., np.asarray(moments) % self.phases.shape[-1]]
        pooled = (total.sum(axis=0) + _PRIOR_SEASONS) / (weight.sum(axis=0) + _PRIOR_SEASONS)
        return (total + _PRIOR_SEASONS * pooled) / (weight + _PRIOR_SEASONS)

    def plus(self, moment: int, total: FloatArray, weight: FloatArray, prior: FloatArray) -> Sums:
        """The sums with the sizes that became known at a moment.

        Args:
            moment: its number.
            total: weighted sums of sizes at each knot, shape (S, B).
            weight: sums of these weights, zero where none became known, shape (S, B).
            prior: as in `sizes`.
        """
        expected, factor = self.sizes(prior), self.factors(moment)[:, None]
        came = weight.sum(axis=1)
        ratio = (total / np.maximum(expected, np.finfo(float).tiny)).sum(axis=1) / np.maximum(came, 1e-12)
        phases = self.phases.copy()
        phases[..., moment % phases.shape[-1]] += np.where(came > 0, [ratio, np.minimum(came, 1.0)], 0.0)
        return Sums(_KEEP[:, None, None, None] * self.fading + np.stack([total / factor, weight]), phases)


@dataclass(frozen=True, eq=False)
class AdaptiveBounds:
    """What bounds of S series up to H steps ahead follow from. Steps are read at B knots, which lie at powers of two.

    Attributes:
        moment: number of the last one that is known.
        prior: expected size of errors of a series of which none is known, shape (S, B).
        sums: of sizes of errors.
        issued: sizes that were expected at the last H moments, the newest last, shape (H, S, B).
        quantiles: of scores, which are errors in units of the size that was expected of them, at LEVELS, ascending, shape (B, levels).
        spread: of the scores that the quantiles began with, shape (B,): their deviation, if they were normal.
        rows: ranks of the scores of whole forecasts among one another, between 0 and 1, shape (r, H).
    """

    moment: int
    prior: FloatArray
    sums: Sums
    issued: FloatArray
    quantiles: FloatArray
    spread: FloatArray
    rows: FloatArray

    @property
    def season(self) -> int:
        """In how many steps the size of errors repeats itself; 1 where it does not."""
        return self.sums.phases.shape[-1]

    def bounds(self, forecast: FloatArray, level: float) -> Interval:
        """Bounds that hold the values of the next steps with probability `level`, each step for itself, in units of the series.

        As many values lie below as above: bounds are the quantiles of (1 - level) / 2 and (1 + level) / 2.

        Args:
            forecast: made at the last moment known, shape (S, H); of one series (H,).
            level: between 0 and 1.

        Raises:
            UsageError: the level is not between 0 and 1.
        """
        check_level(level)
        low, high = (self.quantile(forecast, (1 + side * level) / 2) for side in (-1, 1))
        return Interval(low, high, level)

    def quantile(self, forecast: FloatArray, p: float) -> FloatArray:
        """What the values of the next steps do not exceed with probability p, shaped as the forecast, (S, H) or (H,)."""
        scores = _knots(self.horizon) @ _interpolate(self.quantiles, np.full((len(self.quantiles), 1), p))[:, 0]
        return forecast + (scores * self.expected_sizes()).reshape(forecast.shape)

    def sample_paths(self, forecast: FloatArray, n_paths: int, *, seed: int) -> FloatArray:
        """Paths that the values may take, shape (S, n_paths, H); of one series (n_paths, H). Sums over steps are read off them.

        At each step they are distributed as the bounds say; how steps depend on one another is that of whole rows of errors, drawn with
        replacement (their ranks: Clark et al. 2004, "The Schaake shuffle"). Series are drawn independently of one another.

        Args:
            forecast: made at the last moment known, shape (S, H); of one series (H,).
            n_paths: how many.
            seed: same seed, same paths.
        """
        random, sizes = np.random.default_rng(seed), self.expected_sizes()
        shape = (len(sizes), n_paths)
        drawn = self.rows[random.integers(len(self.rows), size=shape)]
        ranks = drawn + (random.random(shape)[..., None] - 0.5) / len(self.rows)  # (S, n, H), uniform at each step
        knots = _knots(self.horizon)
        by_step = knots @ self.quantiles
        scores = _interpolate(by_step, np.moveaxis(ranks, -1, 0).reshape(self.horizon, -1)).reshape(self.horizon, *shape)
        paths = forecast.reshape(len(sizes), 1, -1) + np.moveaxis(scores, 0, -1) * sizes[:, None]
        return paths.reshape(*forecast.shape[:-1], n_paths, self.horizon)

    def with_series(self, n_more: int) -> AdaptiveBounds:
        """The bounds with so many further series, of which no error is known."""

        def more(array: FloatArray, axis: int, row: FloatArray | float) -> FloatArray:
            shape = [*array.shape]
            shape[axis] = n_more
            return np.concatenate([array, np.broadcast_to(row, shape)], axis=axis)

        sums = Sums(*(more(part, -2, 0.0) for part in self.sums))
        issued = more(self.issued, 1, self.issued.mean(axis=1, keepdims=True))
        return replace(self, prior=more(self.prior, 0, self.prior.mean(axis=0)), sums=sums, issued=issued)

    @property
    def horizon(self) -> int:
        """H, how many steps ahead there are bounds for."""
        return len(self.issued)

    def expected_sizes(self) -> FloatArray:
        """The size that is expected of the error of each step from the last moment on, shape (S, H), in units of the series."""
        steps = np.arange(1, self.horizon + 1)
        return self.issued[-1] @ _knots(self.horizon).T * self.sums.factors(self.moment + steps)

    def update(self, errors: FloatArray) -> AdaptiveBounds:
        """The bounds one moment later.

        Quantiles follow the values as in quantile tracking (Angelopoulos et al. 2023, "Conformal PID control for time series prediction",
        equation 4; Gibbs and Candès 2021 move the level instead), all levels at once, with the share of all series and neighbouring steps
        that lay below. A score is known only when its value has come, as many moments after its forecast as it lies ahead, and is in units
        of the size that was expected when the forecast was made. It is compared with quantiles as they are now, not as they were then,
        which would make them swing where steps lie far ahead.

        Args:
            errors: of the value that came, less the forecasts of it 1, 2, ..., H moments before, in this order, shape (S, H) or (H,);
                NaN where there was none. A value that did not come is a row of NaN.
        """
        errors = errors.reshape(len(self.prior), self.horizon)
        moment, knots = self.moment + 1, _knots(self.horizon)
        then = np.einsum("hsb,hb->sh", self.issued[::-1], knots) * self.sums.factors(moment)[:, None]
        total, weight = _at_knots(errors)
        sums = self.sums.plus(moment, total, weight, self.prior)
        issued = np.concatenate([self.issued[1:], sums.sizes(self.prior)[None]])
        return replace(self, moment=moment, sums=sums, issued=issued, quantiles=self._track(_divide(errors, then)))

    def _track(self, scores: FloatArray) -> FloatArray:
        """Quantiles moved by scores (S, H)."""
        knots = _knots(self.horizon)
        means = knots / knots.sum(axis=0)
        came = np.isfinite(scores)
        below = (np.where(came, scores, np.inf)[..., None] <= knots @ self.quantiles).sum(axis=0)
        share = means.T @ (below - LEVELS * came.sum(axis=0)[:, None]) / len(scores)
        rates = 1 / (_MEMORY + 2.0 ** np.arange(len(self.quantiles)))
        slopes = np.sqrt(2 * np.pi) * np.exp(_NORMAL**2 / 2)  # of the normal quantile function
        return np.sort(self.quantiles - (rates * self.spread)[:, None] * slopes * share, axis=1)


def fit_bounds(
    errors: FloatArray, origins: IntArray, *, moment: int, units: FloatArray | None = None, seasons: Sequence[int] = ()
) -> AdaptiveBounds:
    """The bounds that errors at rolling origins give.

    How fast expected sizes follow the errors, and whether they differ by phase of a season, is decided by the deviance of later errors
    (that of the exponential distribution, log m + size / m for an expected size m, as in `conformal.Difficulty`).

    Args:
        errors: values less forecasts made without them, in units of each series, shape (S, O, H); NaN where there was no value.
        origins: numbers of the last moment that each forecast knew, ascending, shape (O,). Series that end at different moments may be
            counted from their ends.
        moment: the last one that is known, from which forecasts are to be made; errors of later values are not used.
        units: sizes by which errors of series become comparable, such as the deviation of their values, shape (S,); for lack of them the
            mean size of their errors.
        seasons: lengths in steps in which the size of errors may repeat itself; none is taken that does not help.

    Raises:
        DataError: there is no error, or one is infinite.

    Example:
        >>> errors = np.random.default_rng(0).normal(size=(1, 400, 2)) * [1.0, 2.0]
        >>> bounds = fit_bounds(errors, np.arange(400), moment=401).bounds(np.array([10.0, 10.0]), 0.8)
        >>> bounds.low.round(1), bounds.high.round(1)
    """
    errors, origins = np.asarray(errors, float), np.asarray(origins, np.int64)
    horizon = errors.shape[2]
    errors = np.where((origins[:, None] + np.arange(1, horizon + 1) <= moment)[None], errors, np.nan)
    _check(errors)
    history = _History(errors, origins, moment, units)
    burn = min(horizon, (moment - int(origins[0])) // 2)
    walks = [history.walk(season) for season in (1, *(s for s in seasons if 1 < s <= history.n_moments // 2))]
    walked = min(walks, key=lambda walked: walked.deviance(history, burn))
    scores = history.scores(walked, burn)
    quantiles = _fit_quantiles(scores)
    spread = (quantiles[:, _NINE_TENTHS] - quantiles[:, _TENTH]) / (_NORMAL[_NINE_TENTHS] - _NORMAL[_TENTH])
    issued = walked.expected[-horizon:]
    issued = np.concatenate([np.repeat(history.prior[None], horizon - len(issued), axis=0), issued])
    return AdaptiveBounds(moment, history.prior, walked.sums, issued, quantiles, spread, _rank_rows(scores))


def shapes_of(n_series: int, horizon: int, *, season: int, n_rows: int) -> dict[str, list[int]]:
    """The shapes of the arrays of bounds, by name."""
    n_knots = _knots(horizon).shape[1]
    return {
        "prior": [n_series, n_knots],
        "issued": [horizon, n_series, n_knots],
        "quantiles": [n_knots, len(LEVELS)],
        "spread": [n_knots],
        "rows": [n_rows, horizon],
        "fading": [len(_HALF_LIVES), 2, n_series, n_knots],
        "phases": [2, n_series, season],
    }


_TENTH, _NINE_TENTHS = np.searchsorted(LEVELS, [0.1 - 1e-9, 0.9 - 1e-9])


class _Walk(NamedTuple):
    """Sizes as they were expected while errors came in, of several settings on the axis after that of time.

    expected: at each moment, with what was known by then, but for the phase, shape (moments, ..., S, B). factors: for the phase of each
    moment, with what was known before it, shape (moments, ..., S). sums: at the end.
    """

    expected: FloatArray
    factors: FloatArray
    sums: Sums

    def deviance(self, history: _History, burn: int) -> float:
        """The mean deviance of errors, from forecasts after the first moments on."""
        n_moments, _, n_knots = self.expected.shape
        total = count = 0.0
        for b in range(n_knots):
            ahead = min(2**b, history.errors.shape[2])
            later = slice(burn + ahead, n_moments)
            expected = self.expected[burn : n_moments - ahead, :, b] * self.factors[later]
            weight, sizes = history.weights[later, :, b], history.totals[later, :, b]
            expected = np.maximum(expected / history.prior[:, b].clip(np.finfo(float).tiny), 1e-12)
            relative = sizes / history.prior[:, b].clip(np.finfo(float).tiny)
            total += (weight * np.log(expected) + relative / expected).sum()
            count += weight.sum()
        return total / max(count, 1.0)


class _History:
    """Errors in the order in which they became known: at each moment the sums of their sizes at knots, and the weights of these."""

    def __init__(self, errors: FloatArray, origins: IntArray, moment: int, units: FloatArray | None) -> None:
        self.errors, self.origins, self.first = errors, origins, int(origins[0])
        n_series, _, horizon = errors.shape
        self.n_moments = moment - self.first + 1
        rows = np.full(self.n_moments + horizon, -1)
        rows[origins - self.first + horizon] = np.arange(len(origins))
        steps = np.arange(horizon)
        n_knots = _knots(horizon).shape[1]
        self.totals, self.weights = (np.zeros((self.n_moments, n_series, n_knots)) for _ in range(2))
        for t in range(1, self.n_moments):
            row = rows[t - 1 - steps + horizon]
            known = np.where(row >= 0, errors[:, row, steps], np.nan)
            self.totals[t], self.weights[t] = _at_knots(known)
        self.prior = self._expect_without(units)

    def _expect_without(self, units: FloatArray | None) -> FloatArray:
        """What is expected of errors of a series before any is known, shape (S, B): the mean over series, in their units."""
        weight = self.weights.sum(axis=0)
        means = np.divide(self.totals.sum(axis=0), weight, out=np.full(weight.shape, np.nan), where=weight > 0)
        own = np.nanmean(np.where(weight.any(axis=1)[:, None], means, 0.0), axis=1)
        units = own if units is None else np.asarray(units, float)
        units = np.where(units > 0, units, np.finfo(float).tiny)
        share = (weight > 0).sum(axis=0)
        relative = np.nansum(means / units[:, None], axis=0) / np.maximum(share, 1)
        relative = np.where(share > 0, relative, relative.max())
        return units[:, None] * relative

    def walk(self, season: int) -> _Walk:
        """Sizes expected at each moment, for each half-life."""
        shape = (len(_KEEP), 2, *self.prior.shape)
        sums = Sums(np.zeros(shape), np.zeros((*shape[1:-1], season)))
        expected = np.empty((self.n_moments, *self.prior.shape))
        factors = np.empty(expected.shape[:-1])
        for t in range(self.n_moments):
            factors[t] = sums.factors(self.first + t)
            sums = sums.plus(self.first + t, self.totals[t], self.weights[t], self.prior)
            expected[t] = sums.sizes(self.prior)
        return _Walk(expected, factors, sums)

    def scores(self, walked: _Walk, burn: int) -> FloatArray:
        """Errors in units of the sizes that were expected of them, from forecasts after the first moments on, shape (S, o, H)."""
        kept = np.flatnonzero(self.origins - self.first >= burn)
        knots, (_, _, horizon) = _knots(self.errors.shape[2]), self.errors.shape
        scores = np.empty((len(self.prior), len(kept), horizon))
        steps = np.arange(1, horizon + 1)
        for i, origin in enumerate(self.origins[kept] - self.first):
            later = np.minimum(origin + steps, self.n_moments - 1)
            scores[:, i] = _divide(self.errors[:, kept[i]], walked.expected[origin] @ knots.T * walked.factors[later].T)
        return scores


def _check(errors: FloatArray) -> None:
    """Refuse errors of which no bounds follow.

    Raises:
        DataError: there is none, or one is infinite.
    """
    if np.isinf(errors).any():
        raise DataError("Errors at rolling origins must be finite, but some are infinite. Repair the forecasts or the values.")
    if np.isnan(errors).all():
        raise DataError("Bounds follow from errors at rolling origins, but there is none. Give longer series, or a shorter horizon.")


def _knots(horizon: int) -> FloatArray:
    """The weight of each knot in what is said of each step, shape (H, B): linear in the log of the step between powers of two."""
    place = np.log2(np.arange(1, horizon + 1))
    return np.maximum(0.0, 1.0 - np.abs(place[:, None] - np.arange(np.ceil(place[-1]) + 1)))


def _at_knots(errors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weighted sums of sizes of errors (S, H) at each knot, and of the weights of those that there are, each of one at most, shape (S, B)."""
    knots = _knots(errors.shape[1])
    weights, came = knots / knots.sum(axis=0), np.isfinite(errors)
    return np.where(came, np.abs(errors), 0.0) @ weights, came @ weights


def _divide(errors: FloatArray, expected: FloatArray) -> FloatArray:
    """Errors in units of what was expected; where nothing was and none is, zero."""
    return errors / np.maximum(expected, np.finfo(float).tiny)


def _fit_quantiles(scores: FloatArray) -> FloatArray:
    """The quantiles of scores (S, o, H) at each knot, shape (B, levels).

    The score of rank i among n is the quantile of i / (n + 1), as in conformal prediction, where as many forecasts count as one as tell the
    same.
    """
    n_series, n_rows, horizon = scores.shape
    knots = _knots(horizon)
    quantiles = np.empty((knots.shape[1], len(LEVELS)))
    for b in range(len(quantiles)):
        steps = np.flatnonzero(knots[:, b])
        alike = _count_alike(scores[:, :, min(2**b, horizon) - 1], min(2**b, horizon))
        every = -(-n_series * n_rows * len(steps) // _MOST_SCORES)
        here = scores[:, ::every, steps]
        came = np.isfinite(here)
        weight = np.broadcast_to(knots[steps, b], here.shape)[came]
        quantiles[b] = _weighted_quantiles(here[came], weight, max(alike / every, 1.0) * knots[steps, b].sum())
    return quantiles


def _count_alike(scores: FloatArray, n_lags: int) -> float:
    """How many forecasts that follow one another tell as much as one alone, from their scores (S, o) at a step: one at least.

    It is the sum of the autocorrelations of less than `n_lags`, beyond which forecasts share no value, as in the variance of a mean; about
    zero, because the mean of few that tell the same is near them.
    """
    here = np.nan_to_num(scores)
    length = 2 * here.shape[1]
    power = np.abs(np.fft.rfft(here, length, axis=1)) ** 2
    products = np.fft.irfft(power.sum(axis=0), length)[: min(n_lags, here.shape[1])]
    return max(1.0, 2 * float(products.sum() / products[0]) - 1) if products[0] > 0 else 1.0


def _weighted_quantiles(scores: FloatArray, weight: FloatArray, unit: float) -> FloatArray:
    """Quantiles of scores (n,) at LEVELS, of which those of weight `unit` count as one; beyond the ranks there are, of normal shape."""
    order = np.argsort(scores)
    scores, weight = scores[order], weight[order]
    ranks = (np.cumsum(weight) - weight / 2 + unit / 2) / (weight.sum() + unit)
    return np.sort(_extend(scores, scipy.special.ndtri(ranks)))


def _extend(scores: FloatArray, places: FloatArray) -> FloatArray:
    """Scores at _NORMAL, linear between those at places (n,), and beyond them on lines through the middle."""
    inside = np.interp(_NORMAL, places, scores)
    middle = np.interp(0.0, places, scores)
    stretch = np.maximum(np.maximum(_NORMAL / max(places[-1], 1e-9), _NORMAL / min(places[0], -1e-9)), 1.0)
    return middle + (inside - middle) * stretch


def _interpolate(quantiles: FloatArray, p: FloatArray) -> FloatArray:
    """Quantiles at p (rows, n) of rows that are known at LEVELS, shape (rows, n): linear in normal quantiles, beyond the last ones too."""
    place = scipy.special.ndtri(p)
    above = np.clip(np.searchsorted(_NORMAL, place), 1, len(_NORMAL) - 1)
    low, high = (np.take_along_axis(quantiles, at, axis=1) for at in (above - 1, above))
    return low + (high - low) * (place - _NORMAL[above - 1]) / (_NORMAL[above] - _NORMAL[above - 1])


def _rank_rows(scores: FloatArray) -> FloatArray:
    """Ranks between 0 and 1 at each step of rows of scores (S, o, H), of some of them, shape (r, H): the most complete ones."""
    rows = scores.reshape(-1, scores.shape[-1])
    came = np.isfinite(rows).sum(axis=1)
    rows = rows[came == came.max()]
    rows = rows[np.random.default_rng(_ROW_KEY).permutation(len(rows))[:_MOST_ROWS]]
    ranks = np.argsort(np.argsort(rows, axis=0, kind="stable"), axis=0, kind="stable")
    return (ranks + 0.5) / len(rows)
