"""Which lag counts at which step ahead, and how sure that is: `measure_lags` is the entrance.

What is measured is the best linear forecast there is: the weights of L lags of C channels in the projection of the value h steps ahead on
them, estimated by least squares for each step apart, less their bias (`projections.py`). The weights of a forecast that was shrunk, by
ridge regression or a mixture of such, predict better and have no interval: they are off by what was shrunk, and who forecasts cannot know
by how much. The weights here stand beside those, and say for which lags there is evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.linalg
import scipy.special

from weights.errors import DataError, UsageError
from weights.inspection.projections import Projection, Projections
from weights.multiplicity import adjusted
from weights.types import FloatArray, IntArray

_WINDOWS_A_WEIGHT = 2
"""Windows that there must be for each weight (our choice; benchmarks/lag_intervals.py says what more lags do to intervals)."""
_FARTHER = 24
"""Steps beyond twice the lags over which residuals are looked at (our choice)."""


@dataclass(frozen=True, eq=False)
class Estimates:
    """Numbers and how sure they are.

    Attributes:
        value: any shape.
        std_err: of each, the same shape.
        degrees: of freedom of Student's t, the same shape.
    """

    value: FloatArray
    std_err: FloatArray
    degrees: FloatArray

    def interval(self, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
        """Bounds at this level, the same shape."""
        half = scipy.special.stdtrit(self.degrees, (1 + level) / 2) * self.std_err
        return self.value - half, self.value + half

    def p_values(self, adjust: str = "none") -> FloatArray:
        """The probability of values that far from zero if that is the truth, the same shape; corrected for as many tests as there are.

        Args:
            adjust: "none", "holm" or "bh", see `weights.multiplicity.adjusted`.
        """
        return _adjust(2 * scipy.special.stdtr(self.degrees, -np.abs(self.value / self.std_err)), adjust)

    def reshaped(self, *shape: int) -> Estimates:
        """The same in another shape."""
        return Estimates(self.value.reshape(shape), self.std_err.reshape(shape), self.degrees.reshape(shape))


class LagGroup(NamedTuple):
    """Lags of a channel that belong together, such as those of the last day; lag 0 is the last value, channel 0 the target."""

    name: str
    lags: tuple[int, ...]
    channel: int = 0


class LeftOver(NamedTuple):
    """What the lags have not told: residuals of the first step go along with those so many steps before.

    Attributes:
        distance: how many, where it is most sure.
        correlation: of the residuals so far apart; a small one, found in many values, does little to intervals.
        p_value: of there being no such dependence, corrected for all distances and channels that were looked at.
    """

    distance: int
    correlation: float
    p_value: float


@dataclass(frozen=True, eq=False)
class LagMap:
    """The weights of lags in the best linear forecasts of some steps ahead, in units of the target per unit of the channel.

    Attributes:
        steps: which, shape (H,).
        weights: of each lag, channel and step, shape (L, C, H).
        groups: of lags.
        sums: of the weights of each group: what the forecast rises by where all its lags are higher by one, shape (G, H).
        joint: p-values of no weight in the group being other than zero, shape (G, H); NaN where fewer shocks decide.
        n_windows: from which each step was estimated, shape (H,).
        spreads: standard deviation of each channel, shape (C,).
        left_over: where residuals still show dependence most.
    """

    steps: IntArray
    weights: Estimates
    groups: tuple[LagGroup, ...]
    sums: Estimates
    joint: FloatArray
    n_windows: IntArray
    spreads: FloatArray
    left_over: LeftOver

    def joint_p_values(self, adjust: str = "none") -> FloatArray:
        """Those of groups, corrected for as many tests as there are groups and steps, shape (G, H)."""
        return _adjust(self.joint, adjust)


def measure_lags(series: FloatArray, n_lags: int, steps: Sequence[int], groups: Sequence[LagGroup] = ()) -> LagMap:
    """The weight of each lag in the best linear forecast of each step, with standard errors, and the sums of groups of lags.

    Intervals hold the weights of the projection on so many lags where these tell all that the past tells, so that what they miss is new
    (`LagMap.left_over` says whether that is so; where it is not, more lags help), and where the series keeps its mean and its ways. They
    then allow for windows that overlap, for shocks of unequal size (also if large ones follow large ones) and for the bias of least
    squares, which pulls weights of a series that moves slowly towards zero. They are for one lag and step each: among many some miss, see
    `Estimates.p_values`.

    Cost: for each step as many products as windows times the square of L * C, and some times its cube: a third of a second of processor
    time for 48 lags, 48 steps and 10,000 values, a second for 336 lags, three steps and 17,000 values.

    Args:
        series: values (t,), or channels (t, C) of which the first is forecast; moments at which one is NaN are gaps, over which no window
            reaches. So several series can be measured as one, with a gap between, if they have one mean and the same weights.
        n_lags: L.
        steps: which, from one on.
        groups: whose weights are summed and tested together.

    Raises:
        UsageError: the number of lags or a step is less than one, or a group has lags that there are not.
        DataError: there are too few windows, a channel is constant, or lags follow from others.

    Example:
        >>> from scipy.signal import lfilter
        >>> values = lfilter([1.0], [1.0, -0.8], np.random.default_rng(1).normal(size=1_000))  # y[t] = 0.8 y[t - 1] + shock
        >>> lag_map = measure_lags(values, 2, [1, 2])  # the truth: 0.8 and 0.64 of the last value, nothing of the one before
        >>> low, high = lag_map.weights.interval()
        >>> low[:, 0].round(2).tolist(), high[:, 0].round(2).tolist()
        ([[0.72, 0.52], [-0.05, -0.04]], [[0.85, 0.68], [0.08, 0.12]])
    """
    segments = _cut_at_gaps(series, n_lags + max(steps, default=0))
    _check(segments, n_lags, steps, groups)
    values = np.concatenate(segments)
    mean, spreads = values.mean(axis=0), values.std(axis=0)
    scaled = [((segment - mean) / spreads).T for segment in segments]
    projections = Projections(scaled, n_lags, max(steps))
    units = spreads[0] / spreads  # of the target per unit of a channel
    members = _gather(groups, n_lags, len(spreads))
    cells, sums, joint, n_windows = [], [], [], []
    for step in steps:
        projection = projections.estimate(step)
        cells.append(_judge(projection))
        sums.append(_judge(projection.combined(members)))
        joint.append([_test(projection.of(np.flatnonzero(own))) for own in members])
        n_windows.append(projection.n_windows)
    return LagMap(
        np.asarray(steps),
        _stack(cells, np.tile(units, n_lags)).reshaped(n_lags, len(spreads), len(steps)),
        tuple(groups),
        _stack(sums, units[[group.channel for group in groups]]),
        np.reshape(joint, (len(steps), len(groups))).T,
        np.asarray(n_windows),
        spreads,
        _find_left_over(projections.residuals, n_lags),
    )


def _cut_at_gaps(series: FloatArray, least: int) -> list[FloatArray]:
    """Stretches (t, C) without NaN, of more moments than so many."""
    values = np.asarray(series, float).reshape(len(series), -1)
    whole = np.concatenate([[False], ~np.isnan(values).any(axis=1), [False]])
    edges = np.flatnonzero(np.diff(whole)).reshape(-1, 2)
    return [values[begin:end] for begin, end in edges if end - begin > least]


def _check(segments: list[FloatArray], n_lags: int, steps: Sequence[int], groups: Sequence[LagGroup]) -> None:
    """Refuse what cannot be measured.

    Raises:
        UsageError, DataError: as `measure_lags`.
    """
    if n_lags < 1 or min(steps, default=0) < 1:
        raise UsageError(f"Lags and steps from one on were needed, but there are {n_lags} lags, and steps {[*steps]}. Name others.")
    n_channels = segments[0].shape[1] if segments else 1
    for group in groups:
        if not group.lags or not all(0 <= lag < n_lags for lag in group.lags) or not 0 <= group.channel < n_channels:
            raise UsageError(
                f"Lags from 0 to {n_lags - 1} of channels from 0 to {n_channels - 1} were needed, but the group '{group.name}' has lags "
                f"{[*group.lags]} of channel {group.channel}. Name others, or more lags."
            )
    n_weights, most = n_lags * n_channels, max(steps)
    needed, n_windows = _WINDOWS_A_WEIGHT * n_weights + 2, sum(len(segment) - n_lags - most + 1 for segment in segments)
    if n_windows < needed:
        raise DataError(
            f"{n_weights} weights needed {needed:,} windows of {n_lags} lags and {most} steps without a gap, but there are {n_windows:,}. "
            "Use fewer lags or steps."
        )
    values = np.concatenate(segments)
    constant = (np.ptp(values, axis=0) == 0) | (values.std(axis=0) == 0)
    if constant.any():
        raise DataError(f"Values that differ were needed, but channel {int(np.argmax(constant))} is constant. Leave it out.")


def _gather(groups: Sequence[LagGroup], n_lags: int, n_channels: int) -> FloatArray:
    """Which weights each group has, as numbers 0 and 1, shape (G, L * C)."""
    members = np.zeros((len(groups), n_lags, n_channels))
    for g, group in enumerate(groups):
        members[g, list(group.lags), group.channel] = 1
    return members.reshape(len(groups), n_lags * n_channels)


def _judge(projection: Projection) -> Estimates:
    """The weights with their standard errors.

    Degrees of freedom are those of a chi-squared variable with the mean and the variance of the estimated variance (Satterthwaite 1946):
    few where few shocks make most of it.
    """
    squares = projection.influences**2
    n, means = squares.shape[1], squares.mean(axis=1)
    variances = np.einsum("kn,kn->k", squares, squares) / n - means**2
    return Estimates(projection.weights, np.sqrt(means / projection.n_windows), 2 * n * means**2 / variances)


def _test(projection: Projection) -> float:
    """The p-value of all weights being zero; NaN where fewer shocks than weights decide.

    Hotelling's T squared. Its degrees of freedom are those for which the covariance would vary as much as that of shocks of which each has
    the fourth moment of a normal one, given the lags that missed it.
    """
    influences, (n_weights, n) = projection.influences, projection.influences.shape
    try:
        factor = scipy.linalg.cho_factor(influences @ influences.T / n, lower=True)
    except scipy.linalg.LinAlgError:
        return np.nan
    lengths = np.einsum("kn,kn->n", influences, scipy.linalg.cho_solve(factor, influences))
    degrees = 1.5 * n_weights * (n_weights + 1) * n / np.mean(lengths**2) - n_weights + 1
    square = projection.n_windows * projection.weights @ scipy.linalg.cho_solve(factor, projection.weights)
    return float(scipy.special.fdtrc(n_weights, degrees, square * degrees / (n_weights * (degrees + n_weights - 1))))


def _stack(estimates: list[Estimates], units: FloatArray) -> Estimates:
    """Estimates of steps beside each other, (any, H), in units of their own."""
    value, std_err, degrees = (np.stack([getattr(each, name) for each in estimates], axis=1) for name in ("value", "std_err", "degrees"))
    return Estimates(value * units[:, None], std_err * units[:, None], degrees)


def _find_left_over(residuals: list[FloatArray], n_lags: int) -> LeftOver:
    """Where residuals one step ahead, (C, t) of each segment, go along most with those before.

    Correlations over so many steps are judged by the products themselves, so that shocks of unequal size are no dependence (Lobato,
    Nankervis and Savin 2001), one by one; the least p-value times their number. Up to L steps they are smaller than by chance.
    """
    farthest = min(2 * n_lags + _FARTHER, sum(each.shape[1] for each in residuals) // 4)
    scaled = [each / np.concatenate(residuals, axis=1).std(axis=1, keepdims=True) for each in residuals]
    z, correlations = np.zeros((2, farthest, len(residuals[0]) ** 2))
    for distance in range(1, farthest + 1):
        products = np.concatenate([each[:, None, distance:] * each[:, :-distance] for each in scaled], axis=2)
        sums = products.sum(axis=2)
        size = np.sqrt((products**2).sum(axis=2))  # zero where no segment is so long
        z[distance - 1] = (sums / np.maximum(size, np.finfo(float).tiny)).ravel()
        correlations[distance - 1] = sums.ravel() / max(products.shape[2], 1)
    place = np.unravel_index(np.argmax(np.abs(z)), z.shape)
    p_value = min(2 * scipy.special.ndtr(-abs(z[place])) * z.size, 1.0)
    return LeftOver(int(place[0]) + 1, float(correlations[place]), float(p_value))


def _adjust(p_values: FloatArray, how: str) -> FloatArray:
    """P-values corrected for their number, the same shape; NaN stays."""
    known = [None if np.isnan(p) else float(p) for p in p_values.ravel()]
    return np.reshape([np.nan if p is None else p for p in adjusted(known, how)], p_values.shape)
