"""Forecasts of what came, from origins before it: their errors, and how good they are by metrics with errors that know of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from weights.dependence import MeanError, error_of_mean
from weights.forecasting.units import Scale
from weights.tasks.proportions import Metric
from weights.training.lagged import LagMixture
from weights.types import BoolArray, FloatArray, IntArray


class Errors(NamedTuple):
    """What came less what was forecast, of one unit.

    Attributes:
        origins: when forecasts were made, as numbers that are the same at the same time in all units, shape (n,).
        values: in the user's units, NaN where nothing came, shape (n, H).
        seen: in units in which it was learned, shape (n, H).
    """

    origins: IntArray
    values: FloatArray
    seen: FloatArray


NO_ERRORS = Errors(np.zeros(0, np.int64), np.zeros((0, 1)), np.zeros((0, 1)))


def find_errors(origins: IntArray, came: FloatArray, forecasts: FloatArray, scale: Scale) -> Errors:
    """The errors of forecasts (n, H), as values are seen, of values (n, H) in the user's units."""
    return Errors(origins, came - scale.undo(forecasts), scale.see(came) - forecasts)


def join_errors(parts: Sequence[Errors]) -> Errors:
    """The errors of one unit behind each other; none of no parts."""
    return Errors(*(np.concatenate(part) for part in zip(*parts, strict=True))) if parts else NO_ERRORS


def lay_side_by_side(errors: Sequence[Errors], horizon: int) -> tuple[FloatArray, IntArray]:
    """Errors as they were seen of all units at all origins, shape (U, O, H), NaN where there are none, and the origins, ascending, (O,)."""
    origins = np.unique(np.concatenate([own.origins for own in errors]))
    together = np.full((len(errors), len(origins), horizon), np.nan)
    for u, own in enumerate(errors):
        if len(own.origins):
            together[u, np.searchsorted(origins, own.origins)] = own.seen
    return together, origins


def place_origins(mixture: LagMixture, n_values: int, most: int) -> list[IntArray]:
    """The origins that each cut judges, at most so many over all cuts, evenly apart."""
    horizon = mixture.weights.shape[1]
    ends = [*mixture.cuts[1:], n_values - horizon]
    n_origins = int(ends[-1] - mixture.cuts[0])
    apart = -(-n_origins // most)
    return [np.arange(cut + (mixture.cuts[0] - cut) % apart, end, apart) for cut, end in zip(mixture.cuts, ends, strict=True)]


class Sizes(NamedTuple):
    """Mean sizes of errors over the steps of each forecast of all units, each shape (n,).

    Attributes:
        origin: when they were made. unit: whose they are.
        mase, mae, mse: by the name of the metric.
    """

    origin: IntArray
    unit: IntArray
    mase: FloatArray
    mae: FloatArray
    mse: FloatArray

    def of(self, places: IntArray | BoolArray) -> Sizes:
        """Those of some forecasts."""
        return Sizes(*(part[places] for part in self))


def measure_sizes(errors: Sequence[Errors], season_errors: FloatArray) -> Sizes:
    """The sizes of errors of several units (U), beside the mean difference of each over a season (U,)."""
    kept = [(u, known) for u, known in enumerate(errors) if len(known.origins) and not np.isnan(known.values).all()]
    mae = [_mean(np.abs(known.values)) for _, known in kept]
    mse = [_mean(known.values**2) for _, known in kept]
    units = [np.full(len(known.origins), u) for u, known in kept]
    mase = [own / season_errors[u] for own, (u, _) in zip(mae, kept, strict=True)]
    sizes = Sizes(*(np.concatenate(part) for part in ([known.origins for _, known in kept], units, mase, mae, mse)))
    return sizes.of(~np.isnan(sizes.mae))


def _mean(values: FloatArray) -> FloatArray:
    """Means over steps, NaN where no step has a value."""
    there = ~np.isnan(values)
    counts = there.sum(axis=1)
    return np.where(counts > 0, np.where(there, values, 0.0).sum(axis=1) / np.maximum(counts, 1), np.nan)


def metrics_of(sizes: Sizes, names: Mapping[str, object]) -> dict[str, Metric]:
    """The metrics by name: means in which each unit weighs as much, with 95 % intervals over the choice of moments."""
    return {name: _metric(getattr(sizes, name), sizes) for name in names}


def mean_error(values: FloatArray, sizes: Sizes) -> tuple[float, MeanError]:
    """The mean over units of a value of each forecast (n,), and how sure it is, where those made near each other depend on each other."""
    codes, counts = np.unique(sizes.unit, return_inverse=True, return_counts=True)[1:]
    share = 1.0 / counts[codes] / len(counts)
    mean = float(share @ values)
    return mean, error_of_mean(share * (values - mean), share, time=sizes.origin.astype(float))


def _metric(values: FloatArray, sizes: Sizes) -> Metric:
    mean, error = mean_error(values, sizes)
    half = error.half_width()
    return Metric(mean) if half is None else Metric(mean, max(mean - half, 0.0), mean + half)
