"""Which series a network beside regressions is tried for, and the windows that it learns from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from weights.forecasting.units import Unit
from weights.training.control import Control
from weights.training.lag_network import NETWORK, Examples, LagNetwork, Windows, concatenate_examples, fit_lag_network
from weights.training.lagged import forecast_at, steps_after
from weights.types import FloatArray, IntArray

FEWEST_SERIES, _FEWEST_WINDOWS, _MOST_WINDOWS = 20, 10_000, 90_000
"""Series and windows for which it is tried, and the most that it learns from, evenly apart (our choice): fewer tell it too little beside
what they tell regressions."""
_MOST_LAGS = 168
"""A week of hours (our choice): with 48 of them a network saved 0.3 % of the errors on m4_hourly, with 168 twice as much."""
_MOST_NUMBERS = 40_000_000
"""Lags and steps of all windows, at most, which are a third of a gigabyte."""
_SECONDS = 30.0
"""Of a processor, about, that its training takes."""
_LEAST_ERROR, _LEAST_STEP = 0.02, 1e-3
"""In deviations of a series, so that one that hardly moves does not outweigh all others (our choice)."""


def estimate_network(n_units: int, n_threads: int) -> dict[str, float]:
    """The stage of a fit that trains a network, and about how many seconds it takes; none of few series."""
    return {NETWORK: _SECONDS / n_threads} if n_units >= FEWEST_SERIES else {}


class SeriesNetwork(NamedTuple):
    """A network for many series.

    Attributes:
        network: what says what regressions leave.
        traits: of each series that it learned from, see `find_traits`, and those that the table gives, shape (U, q).
    """

    network: LagNetwork
    traits: FloatArray

    def correct(self, units: IntArray, rest: FloatArray, forecasts: FloatArray, added: FloatArray) -> FloatArray:
        """What is added to forecasts (n, H) of these units (n,), shape (n, H); nothing to those of series that it did not learn from.

        Args:
            units: whose.
            rest: the last values of what columns leave, the newest last, shape (n, L or more).
            forecasts: of it, by regressions.
            added: what columns add at the steps, shape (n, H), NaN where one is missing, or (n, 0) where there are none.
        """
        corrections, known = np.zeros_like(forecasts), units < len(self.traits)
        last, expected = rest[known, -self.network.settings.n_lags :], np.nan_to_num(added[known])
        windows = Windows(last, forecasts[known], expected, self.traits[units[known]])
        corrections[known] = self.network.correct(windows)
        return corrections


def find_traits(seen: FloatArray, seasons: Sequence[int], *, logged: bool) -> FloatArray:
    """How alike neighbours and seasons are, how far a step goes, and whether logs are seen, of a series (t,), shape (3 + seasons,)."""
    lags = (1, *seasons)
    return np.asarray([*(_correlate(seen, lag) for lag in lags), np.log(np.abs(np.diff(seen)).mean() + _LEAST_STEP), float(logged)])


def _correlate(values: FloatArray, lag: int) -> float:
    """The correlation of values with those so many steps before; zero where all are alike, or there are none."""
    before, after = (part - part.mean() for part in (values[:-lag], values[lag:])) if lag < len(values) else (values[:0], values[:0])
    size = float(np.sqrt((before @ before) * (after @ after)))
    return float(before @ after) / size if size > 0 else 0.0


class LearnedSeries(NamedTuple):
    """What regressions learned from.

    Attributes:
        unit: a series. rest: what lags are taken of, shape (t,). effects: what columns add to its values as they are seen, shape (t,).
        static: traits that the table gives, shape (q,).
    """

    unit: Unit
    rest: FloatArray
    effects: FloatArray
    static: FloatArray


def train_network(
    learned: Sequence[LearnedSeries], weights: FloatArray, seasons: Sequence[int], control: Control, *, with_columns: bool
) -> SeriesNetwork | None:
    """A network on what the regressions of many long series leave; None where there are few, short ones, or where it does not help.

    Args:
        learned: the series.
        weights: of lags in the forecasts of regressions, shape (U, L, H).
        seasons: lengths in steps.
        control: threads, and whether to stop.
        with_columns: whether there are columns, whose effects on the steps are inputs then.
    """
    horizon, n_used = weights.shape[2], int(np.flatnonzero(weights.any(axis=(0, 2))).max(initial=0)) + 1
    n_lags = max(n_used, min(weights.shape[1], _MOST_LAGS))  # longer seasons may have no regression
    units = [own.unit for own in learned]
    lengths = np.asarray([len(unit.values) for unit in units])
    n_windows = int(np.maximum(lengths - n_lags - horizon + 1, 0).sum())
    most = min(_MOST_WINDOWS, _MOST_NUMBERS // (n_lags + 3 * horizon))
    if len(units) < FEWEST_SERIES or min(n_windows, most) < _FEWEST_WINDOWS or lengths.min() < n_lags:
        return None
    apart = -(-n_windows // most)
    found = [find_traits(unit.seen, seasons, logged=unit.scale.logged) for unit in units]
    traits = np.stack([np.concatenate([own, series.static]) for own, series in zip(found, learned, strict=True)])
    parts = []
    for u in np.flatnonzero(lengths >= n_lags + horizon).tolist():
        examples = _find_examples(learned[u], weights[u, :n_lags], seasons, apart)
        windows = examples.windows
        added = windows.added if with_columns else windows.added[:, :0]
        of_series = np.repeat(traits[u][None], len(examples.moment), axis=0)
        parts.append(examples._replace(windows=windows._replace(added=added, traits=of_series)))
    network = fit_lag_network(concatenate_examples(parts), control)
    return None if network is None else SeriesNetwork(network, traits)


def _find_examples(learned: LearnedSeries, weights: FloatArray, seasons: Sequence[int], apart: int) -> Examples:
    """The windows of a series whose steps are known, so many moments apart, the last of them with the last step; without traits."""
    unit, rest, effects, _ = learned
    seen, n_values, (n_lags, horizon) = unit.seen, len(rest), weights.shape
    origins = np.arange(n_values - 1 - horizon, n_lags - 2, -apart)[::-1]
    forecasts, added = forecast_at(rest, origins, weights), steps_after(effects, origins, horizon)
    n_seen = min(n_lags, _MOST_LAGS)
    windows = sliding_window_view(rest, n_seen)[origins - n_seen + 1]
    season = next((season for season in seasons if season < n_values), 1)
    usual = max(float(np.abs(seen[season:] - seen[:-season]).mean()), _LEAST_ERROR)
    left = steps_after(seen, origins, horizon) - added - forecasts
    return Examples(Windows(windows, forecasts, added, added[:, :0]), left, np.full(len(origins), 1 / usual), origins - n_values)


def describe_network(network: SeriesNetwork | None) -> list[str]:
    """What a network saves, in words; nothing where there is none."""
    if network is None:
        return []
    return [
        f"a network on what regressions leave saves {network.network.settings.gain:.1%} of their absolute errors in stretches of time "
        "that its members did not learn from, and adds to later forecasts; metrics at rolling origins are those of regressions alone"
    ]
