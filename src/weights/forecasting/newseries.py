"""Series that a forecaster never saw: forecast by the weights that all share, with bounds by their errors on the rows that are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np

from weights.data.series.panel import Panel
from weights.errors import DataError, listed, printable
from weights.forecasting.cleaning import AS_THEY_ARE, clean_all, fit_cleaning, stack_cleanings
from weights.forecasting.columns import moments_of
from weights.forecasting.forecaster import Forecaster, SeriesArrays
from weights.forecasting.past import find_past_scale, keep_past
from weights.forecasting.rolling import Errors, lay_side_by_side
from weights.forecasting.units import fill_gaps, find_scale, last_values
from weights.training.lagged import forecast_at, steps_after
from weights.types import FloatArray

FEWEST_VALUES = 3
_MOST_JUDGED = 1_000
"""Origins of a new series, the last ones, from which the size of its errors is learned (our choice)."""
_MOST_ASKED, _PARTS = 100, 5
"""Series that were learned from, and parts of each, by which is judged what few values are worth (our choice)."""


def add_series(forecaster: Forecaster, panel: Panel, places: Sequence[int]) -> Forecaster:
    """The forecaster with series that it never saw, which end where their rows do.

    Args:
        forecaster: of several series.
        panel: rows of the targets, and of the columns beside them.
        places: which series of it are new.

    Raises:
        DataError: the forecaster knows one series only.
    """
    if forecaster.pooled is None:
        named = listed([printable(panel.labels[s]) for s in places], 5)
        knows = "shares nothing between series" if len(forecaster.labels) > 1 else "knows one series"
        raise DataError(
            f"The run {knows}, but rows are of others: {named}. Fit a run on several series with --series (in Python: series), and pooling."
        )
    labels, rows, errors, lengths = [*forecaster.labels], [], [], []
    for s in places:
        labels.append(panel.labels[s])
        for target in range(len(forecaster.task.targets)):
            row, own = _read_unit(forecaster, panel, s, target)
            rows.append(row | {"series": len(labels) - 1})
            errors.append(own)
            lengths.append(int(np.isfinite(panel.series(s)[:, target]).sum()))
    expected = {n: _expect_sizes(forecaster, n) for n in {*lengths}}
    added = SeriesArrays(**{name: np.asarray([row[name] for row in rows]) for name in SeriesArrays._fields})
    units = SeriesArrays(*(np.concatenate(both) for both in zip(forecaster.units, added, strict=True)))
    together = lay_side_by_side(errors, forecaster.task.horizon)
    bounds = forecaster.bounds.with_series(*together, np.stack([expected[n] for n in lengths]))
    return replace(forecaster, labels=labels, units=units, bounds=bounds)


def leave_out_short(panel: Panel, places: Sequence[int], n_targets: int) -> tuple[list[int], list[str]]:
    """The series, of some, that have enough values of all targets to be forecast, and a sentence about the others.

    Raises:
        DataError: none has.
    """
    counts = {s: int((~np.isnan(panel.series(s)[:, :n_targets])).sum(axis=0).min()) for s in places}
    short = [s for s, n in counts.items() if n < FEWEST_VALUES]
    if not short:
        return [*places], []
    named = listed([f"'{printable(panel.labels[s])}' has {counts[s]}" for s in short], 5)
    if len(short) == len(panel):
        raise DataError(
            f"A series that was not learned from needs at least {FEWEST_VALUES} values to be forecast, but {named}. Give more of its rows."
        )
    said = f"series that were not learned from need at least {FEWEST_VALUES} values, and are left out where they have less: {named}"
    return [s for s in places if s not in short], [said]


def _read_unit(forecaster: Forecaster, panel: Panel, place: int, target: int) -> tuple[dict[str, Any], Errors]:
    """What is known of a target of a new series, by the names of `SeriesArrays` but its own number; and errors, as `_find_errors`."""
    units, seasons, n_targets = forecaster.units, forecaster.model.seasons, len(forecaster.task.targets)
    rows = panel.series(place)
    there = np.flatnonzero(~np.isnan(rows[:, target]))
    first, last = there[[0, -1]]
    came, columns = rows[first : last + 1, target], rows[:, n_targets:]
    values = fill_gaps(came, seasons)
    scale, end, slopes = find_scale(values, seasons), int(panel.begins[place] + last), units.slopes.mean(axis=0)
    seen = scale.see(values)
    effects, intercept = _expect(forecaster, slopes, seen, end, columns[first : last + 1])
    cleaning = fit_cleaning(seen - effects, units.filters.shape[1]) if units.farthest.any() else AS_THEY_ARE
    cleaned = clean_all(seen - effects, cleaning)
    filters, farthest = stack_cleanings([cleaning], units.filters.shape[1])
    known = np.full(units.known.shape[1:], np.nan)
    own = columns[last:][: len(known)]
    known[: len(own)] = own
    past = columns[first : last + 1, len(forecaster.columns.known) :]
    weights = cast(FloatArray, forecaster.pooled)
    row = {
        "target": target,
        "ends": end,
        "tails": last_values(seen, len(weights)),
        "tail_effects": last_values(seen - cleaned, len(weights)),
        **scale._asdict(),
        "season_error": float(np.abs(np.diff(values)).mean()) or 1.0,
        "weights": weights,
        "intercept": intercept,
        "slopes": slopes,
        "known": known,
        "filters": filters[0],
        "farthest": farthest[0],
        **dict(zip(("past", "past_center", "past_spread"), keep_past(past, find_past_scale(past), units.past.shape[1]), strict=True)),
    }
    return row, _find_errors(scale.see(came) - effects, cleaned, weights)


def _find_errors(came: FloatArray, cleaned: FloatArray, weights: FloatArray) -> Errors:
    """Errors of forecasts by weights of lags (L, H) from the last origins of a series (t,) but the newest, as it is seen.

    Origins count from its end, at -1, and lie in the second half of a short series, where lags before its first value are as that is.
    Errors are NaN where nothing came.

    Args:
        came: what columns leave of the values, NaN where there was none, shape (t,).
        cleaned: the same as lags are taken of it.
        weights: of lags.
    """
    n_lags, horizon = weights.shape
    first = max(min(n_lags - 1, len(came) // 2), len(came) - 1 - _MOST_JUDGED)
    origins = np.arange(first, len(came) - 1)
    whole = np.concatenate([np.full(n_lags - 1, cleaned[0]), cleaned])
    after = np.concatenate([came, np.full(horizon, np.nan)])
    own = steps_after(after, origins, horizon) - forecast_at(whole, origins + n_lags - 1, weights)
    return Errors(origins - len(came), own, own)


def _expect_sizes(forecaster: Forecaster, n_values: int) -> FloatArray:
    """The size that is expected at each knot of errors of a series of so many values, before any of its own is known, shape (B,).

    Of few values neither level nor spread is well known, and forecasts lack lags. Series that were learned from say how much that costs,
    by parts of them that are as short, and what came after.
    """
    rests = forecaster.units.tails - forecaster.units.tail_effects
    n_lags = rests.shape[1]
    begins = np.unique(np.linspace(0, n_lags - n_values - 1, _PARTS).astype(int)) if n_values < n_lags else ()
    asked, weights = rests[:: -(-len(rests) // _MOST_ASKED)], cast(FloatArray, forecaster.pooled)
    errors = [_judge_part(rest[begin:], n_values, weights) for rest in asked for begin in begins]
    return forecaster.bounds.expect_of_another(np.stack(errors) if errors else None)


def _judge_part(rest: FloatArray, n_values: int, weights: FloatArray) -> FloatArray:
    """The errors (H,) of forecasts after the first values of a series, in units of these alone; NaN after its last."""
    scale = find_scale(rest[:n_values], (), logged=False)
    before, after = scale.see(rest[:n_values]), scale.see(rest[n_values:])[: weights.shape[1]]
    forecast = last_values(before, len(weights))[::-1] @ weights
    return np.concatenate([after, np.full(len(forecast) - len(after), np.nan)]) - forecast


def _expect(forecaster: Forecaster, slopes: FloatArray, seen: FloatArray, end: int, known: FloatArray) -> tuple[FloatArray, float]:
    """What columns add to the values (t,) of a series that ends at a moment, by slopes, shape (t,), and the intercept of these."""
    if not forecaster.columns.groups:
        return np.zeros(len(seen)), 0.0
    moments = moments_of(forecaster.calendar, end + 1 - len(seen), len(seen))
    added = np.nan_to_num(forecaster.columns.at(forecaster.calendar, moments, known).values @ slopes)
    intercept = float((seen - added).mean())
    return intercept + added, intercept
