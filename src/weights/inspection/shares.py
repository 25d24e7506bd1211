"""A forecast that is linear in lags, shared out among them: `share_out` is the entrance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from weights.errors import UsageError
from weights.inspection.lags import LagGroup
from weights.types import FloatArray

OTHERS = "other lags"
"""What stands for lags that are in no group."""


@dataclass(frozen=True, eq=False)
class ForecastShares:
    """What lags contribute to a forecast, beside that of a window in which every value is average.

    Attributes:
        names: of groups of lags, length G.
        contributions: of each group to each step, shape (G, H).
        mean_forecast: of the average window, shape (H,).
        forecast: their sum, shape (H,).
    """

    names: tuple[str, ...]
    contributions: FloatArray
    mean_forecast: FloatArray
    forecast: FloatArray


def share_out(
    weights: FloatArray, window: FloatArray, means: FloatArray, groups: Sequence[LagGroup], intercept: FloatArray | float = 0.0
) -> ForecastShares:
    """The contributions of groups of lags to a forecast: weight times distance from the mean, summed over the group.

    They add up to the forecast less that of an average window. As the forecast is a sum, no other way gives every lag what it moves it by,
    whatever the others are (Shapley 1953).

    Args:
        weights: that forecast, in units of the target per unit of the channel, shape (L, C, H).
        window: the last values of each channel, the newest first, shape (L, C).
        means: of each channel, shape (C,).
        groups: no lag in two; what is in none is called `OTHERS` and comes last.
        intercept: what is forecast where all values are zero, shape (H,).

    Raises:
        UsageError: a lag is in two groups.

    Example:
        >>> weights = np.array([0.5, 0.25, 0.125]).reshape(3, 1, 1)
        >>> shares = share_out(weights, np.array([[14.0], [12.0], [2.0]]), np.array([10.0]), [LagGroup("the last two values", (0, 1))])
        >>> shares.names, shares.contributions[:, 0].tolist(), shares.mean_forecast.tolist(), shares.forecast.tolist()
        (('the last two values', 'other lags'), [2.5, -1.0], [8.75], [10.25])
    """
    owner = np.full(window.shape, len(groups))
    for g, group in enumerate(groups):
        lags = list(group.lags)
        if (taken := owner[lags, group.channel] < len(groups)).any():
            lag = lags[int(np.argmax(taken))]
            other = groups[int(owner[lag, group.channel])].name
            raise UsageError(
                f"A lag can be in one group only, but lag {lag} is in '{other}' and in '{group.name}'. Take it from one of them."
            )
        owner[lags, group.channel] = g
    moved = weights * (window - means)[:, :, None]
    contributions = np.stack([moved[owner == g].sum(axis=0) for g in range(len(groups) + 1)])
    mean_forecast = np.einsum("lch,c->h", weights, means) + intercept
    names = (*(group.name for group in groups), OTHERS)
    n = len(names) - (owner < len(groups)).all()
    return ForecastShares(names[:n], contributions[:n], mean_forecast, mean_forecast + contributions.sum(axis=0))
