"""Whether lags are of values as they came, or cleaned: those far from what came before leads to expect moved to the nearest that is not.

A strange day is then not repeated a season later. Whether that helps is asked of rolling origins, for all series together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from weights.forecasting.rolling import Errors, mean_error, measure_sizes, place_origins
from weights.training.autoregression import clean, find_farthest, fit_filter
from weights.training.lagged import Regressions, forecast_at, mix_regressions, steps_after
from weights.types import FloatArray, IntArray

LONGEST_FILTER = 28
_MOST_ASKED, _MOST_ORIGINS = 20, 1_000
"""Series of which it is asked, and origins of each (our choice)."""
_LEAST_GAIN = 0.005
"""Of absolute errors; on m4_hourly 0.2 % were saved at rolling origins, and MASE after the last was 0.730 instead of 0.729."""


class Cleaning(NamedTuple):
    """What moves strange values.

    Attributes:
        lag_filter: the weight of the last, second last, ... value in what is expected of the next, shape (p,).
        farthest: how far a value may lie from that; zero where values are taken as they are.
    """

    lag_filter: FloatArray
    farthest: float

    def apply(self, values: FloatArray, before: FloatArray) -> FloatArray:
        """Values (t,) as they are good to forecast from, each by those before it; `before` them came cleaned ones, p at least."""
        if not self.farthest:
            return values
        n_before = len(self.lag_filter)
        whole = np.concatenate([before[len(before) - n_before :], values])
        return clean(whole, self.lag_filter, self.farthest)[n_before:]


AS_THEY_ARE = Cleaning(np.zeros(0), 0.0)


def fit_cleaning(values: FloatArray, n_lags: int) -> Cleaning:
    """What is strange to a series (t,) near zero that is forecast from so many lags."""
    lag_filter = fit_filter(values, min(LONGEST_FILTER, n_lags))
    farthest = find_farthest(values, lag_filter)
    return Cleaning(lag_filter, farthest) if np.isfinite(farthest) and farthest > 0 else AS_THEY_ARE


def clean_all(values: FloatArray, cleaning: Cleaning) -> FloatArray:
    """A series (t,) from its beginning on, of which the first values stay as they are."""
    n_first = len(cleaning.lag_filter)
    return np.concatenate([values[:n_first], cleaning.apply(values[n_first:], values[:n_first])])


def stack_cleanings(cleanings: Sequence[Cleaning], n_lags: int = 0) -> tuple[FloatArray, FloatArray]:
    """The filters of several units, shape (U, p), zeros behind shorter ones, of so many lags at least; and how far is too far, (U,)."""
    filters = np.zeros((len(cleanings), max((n_lags, *(len(own.lag_filter) for own in cleanings)))))
    for own, cleaning in zip(filters, cleanings, strict=True):
        own[: len(cleaning.lag_filter)] = cleaning.lag_filter
    return filters, np.asarray([own.farthest for own in cleanings])


def describe_gain(gain: float) -> list[str]:
    """The share of errors that cleaned lags save, in words; nothing where lags are of values as they came."""
    said = "values far from what those before lead to expect count as the nearest that are not, in lags of later forecasts"
    return [f"{said}, which saves {gain:.1%} of the absolute errors at rolling origins"] if gain else []


def gain_by_cleaning(rests: Sequence[FloatArray], cuts: Sequence[IntArray | None], regressions: Regressions) -> float:
    """The share of absolute errors at rolling origins that cleaned lags save; zero where it is small, or no more than its standard error.

    Args:
        rests: values of each unit as lags are taken of them, by what was known before the first cut, shape (t,) each.
        cuts: first origins that are judged of each; None where none are.
        regressions: what is tried, of which the shortest count.
    """
    judged = [(rest, own) for rest, own in zip(rests, cuts, strict=True) if own is not None and len(own)]
    errors = [_errors_of_both(rest, own, regressions) for rest, own in judged[:: max(-(-len(judged) // _MOST_ASKED), 1)]]
    errors = [both for both in errors if both]
    if not errors:
        return 0.0
    as_they_are, cleaned = (measure_sizes(own, np.ones(len(errors))) for own in zip(*errors, strict=True))
    gain, error = mean_error(as_they_are.mae - cleaned.mae, as_they_are)
    share = gain / max(mean_error(as_they_are.mae, as_they_are)[0], np.finfo(float).tiny)
    return share if share >= _LEAST_GAIN and error.degrees > 0 and gain > error.std_err else 0.0


def _errors_of_both(rest: FloatArray, cuts: IntArray, regressions: Regressions) -> list[Errors]:
    """The errors of forecasts from values as they are, and from cleaned ones; none where there is nothing to move."""
    cleaning = fit_cleaning(rest[: int(cuts[0]) + 1], regressions.n_lags)
    errors = []
    for values in (rest, clean_all(rest, cleaning)) if cleaning.farthest else ():
        mixture = mix_regressions(values, regressions.short(), cuts)
        if mixture is None:
            return []
        by_cut = place_origins(mixture, len(rest), _MOST_ORIGINS)
        came = steps_after(rest, np.concatenate(by_cut), regressions.horizon)
        forecasts = [forecast_at(values, origins, own) for origins, own in zip(by_cut, mixture.weights_at_cuts, strict=True)]
        own = came - np.concatenate(forecasts)
        errors.append(Errors(np.concatenate(by_cut) - len(rest), own, own))
    return errors
