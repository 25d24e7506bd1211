"""From series to a `Forecaster`: regressions on lags, each series' own and pooled, mixed by rolling origins, beside plain forecasts."""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import msgspec
import numpy as np
import threadpoolctl

import weights
from weights.adaptive import AdaptiveBounds, fit_bounds
from weights.ensemble import Report
from weights.errors import counted
from weights.forecasting.beside import NO_SLOPES, Beside, count_before_judged, fit_beside
from weights.forecasting.cleaning import AS_THEY_ARE, describe_gain, gain_by_cleaning, stack_cleanings
from weights.forecasting.columns import NO_COLUMNS, ChosenColumns
from weights.forecasting.drivers import Drivers, find_drivers
from weights.forecasting.forecaster import Forecaster, LagModel, SeriesArrays
from weights.forecasting.later import lay_out_later
from weights.forecasting.lookahead import describe_look_ahead
from weights.forecasting.network import FEWEST_SERIES, LearnedSeries, SeriesNetwork, describe_network, train_network
from weights.forecasting.past import NO_PAST, PastResult, ask_past, describe_past, keep_past
from weights.forecasting.plan import POOLING, REGRESSING, ForecastPlan, place_first_judged
from weights.forecasting.rolling import (
    NO_ERRORS,
    Errors,
    Sizes,
    find_errors,
    join_errors,
    lay_side_by_side,
    mean_error,
    measure_sizes,
    metrics_of,
    place_origins,
)
from weights.forecasting.scoring import walk_later
from weights.forecasting.statics import describe_statics
from weights.forecasting.units import Unit, last_values
from weights.tasks.forecast import Forecast
from weights.training.control import Control, Progress
from weights.training.lagged import (
    LagMixture,
    Pool,
    Regressions,
    describe_shares,
    deviation,
    forecast_at,
    mix_plain,
    mix_pool,
    mix_regressions,
    pool_regressions,
    steps_after,
    sum_all_windows,
)
from weights.training.rolling import RollingSums, sum_around_cuts
from weights.training.windows import WindowSums
from weights.types import FloatArray, IntArray

_BATCH = 16
_MANY_LAGS = 256
"""Of one series, from which on matrix products have as many threads as there are: of smaller ones these wait more than they work."""
_SAMPLED, _LEAST_POOLED = 20, 0.02
"""Series that are tried with the pooled regressions, and the share that these must have for all to be (our choice)."""
_UNSURE = 0.05
_MOST_KNOWN = 10_000
_MOST_ORIGINS, _FEWEST_ORIGINS, _MOST_ERRORS = 3_000, 8, 16_000_000


class _UnitResult(NamedTuple):
    """What was learned of a unit: weights (L, H), the mixture they are of, errors of forecasts at rolling origins, effects of columns."""

    weights: FloatArray
    mixture: LagMixture | None
    errors: dict[str, Errors]
    beside: Beside


OURS = "regressions"
"""What the mixture is called beside plain forecasts."""


def fit_forecaster(plan: ForecastPlan, control: Control) -> Forecaster:
    """Learn the weights of lags of every unit.

    Raises:
        Interrupted: the work was asked to stop.
    """
    large = len(plan.units) == 1 and plan.regressions.n_lags >= _MANY_LAGS
    with threadpoolctl.threadpool_limits(None if large else 1):  # else threads of matrix products get in each other's way
        return _fit(plan, control)


def _fit(plan: ForecastPlan, control: Control) -> Forecaster:
    """The same, with as many threads of matrix products as there are."""
    begun = time.monotonic()
    cuts = place_first_judged(plan)

    def leave(unit: Unit, own_cuts: IntArray | None) -> Beside:
        return fit_beside(unit, plan.columns, plan.calendar, own_cuts)

    with control.threads() as threads:
        beside = [*control.each(threads, leave, plan.units, cuts)]
    if saved := gain_by_cleaning([own.rest_early for own in beside], cuts, plan.regressions):
        beside = [own.cleaned(at, plan.regressions.n_lags) for own, at in zip(beside, cuts, strict=True)]
    pool = _pool(plan, beside, cuts, control) if plan.with_pool else None
    n_lags, n_units, horizon = plan.regressions.n_lags, len(plan.units), plan.task.horizon
    most = int(np.clip(_MOST_ERRORS // (n_units * horizon), _FEWEST_ORIGINS, _MOST_ORIGINS))
    results: list[_UnitResult] = []

    def learn(unit: Unit, own_beside: Beside, own_cuts: IntArray | None) -> _UnitResult:
        return _learn_unit(unit, plan.regressions, own_beside, own_cuts, pool, most)

    with control.threads() as threads:
        for result in control.each(threads, learn, plan.units, beside, cuts):
            results.append(result)
            control.report(Progress(REGRESSING, len(results) / n_units, None))
    begun_judging = [count_before_judged(own, len(unit.values)) for unit, own in zip(plan.units, cuts, strict=True)]
    past = ask_past(plan.units, len(plan.columns.known), [_errors_of(result, OURS) for result in results], begun_judging)
    if past is not None:
        pairs = zip(results, past.errors, strict=True)
        results = [result._replace(errors={**result.errors, OURS: own}) if result.errors else result for result, own in pairs]
    scaled_by = find_season_errors(plan)
    sizes = {name: measure_sizes([_errors_of(result, name) for result in results], scaled_by) for name in _forecasts(results)}
    plain, beaten, decision = _compare(sizes, plan)
    weights_of_lags = np.zeros((n_units, n_lags, horizon))
    for u, result in enumerate(results):
        own = result.weights if beaten else plain_weights(plain, plan.regressions, len(plan.units[u].values))
        weights_of_lags[u, : len(own)] = own
    tried = beaten and plan.settings.network and plan.with_pool and past is None
    network = _train_network(plan, results, weights_of_lags, control) if tried else None
    own = mix_pool(pool).weights if pool is not None and beaten else plain_weights(plain, plan.regressions, n_lags)
    shared = np.concatenate([own, np.zeros((n_lags - len(own), horizon))])
    shares = describe_shares([result.mixture for result in results if result.mixture is not None]) if beaten else {plain: 1.0}
    chosen, past = (OURS, past) if beaten else (plain, None)
    columns = plan.columns if beaten else NO_COLUMNS
    if past is not None:
        columns = msgspec.structs.replace(columns, past=tuple(plan.past[i] for i in past.kept))
    metrics = {name: metrics_of(own, Forecast.metrics) for name, own in sizes.items()}
    report = Report(
        source=plan.source,
        n_samples=plan.n_samples,
        n_features=len(plan.task.targets),
        metrics=metrics[chosen],
        compared=metrics,
        decision=decision,
        remarks=[
            *plan.remarks,
            *(describe_gain(saved) if beaten else []),
            *_describe_past(plan, past, columns),
            *describe_network(network),
            *describe_statics(plan.statics, tried=tried and len(plan.units) >= FEWEST_SERIES, used=network is not None),
        ],
        seconds=round(time.monotonic() - begun, 3),
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        version=weights.__version__,
        origin=plan.origin,
    )
    forecaster = Forecaster(
        plan.task,
        plan.calendar,
        plan.labels,
        LagModel(n_lags, plan.regressions.seasons, shares, plain, beaten, plan.settings, plan.said_known),
        columns,
        _arrays(plan, [result.beside for result in results] if beaten else None, scaled_by, weights_of_lags, columns, past),
        shared if plan.with_pool else None,
        _fit_bounds([_errors_of(result, chosen) for result in results], plan),
        _find_drivers(plan, results, weights_of_lags) if plan.inspect else None,
        report,
        None if past is None else past.weights,
        0.0 if past is None else past.shares,
        network,
    )
    return _with_test(forecaster, plan)


def _describe_past(plan: ForecastPlan, past: PastResult | None, columns: ChosenColumns) -> list[str]:
    """What became of columns that are known up to the origin, and which of those that are used look ahead, in words."""
    places = plan.places_of(columns)[len(columns.known) :]
    return [*describe_past(plan.past, past), *describe_look_ahead(plan.units, columns.past, places, plan.regressions.seasons)]


def _train_network(
    plan: ForecastPlan, results: Sequence[_UnitResult], weights_of_lags: FloatArray, control: Control
) -> SeriesNetwork | None:
    """A network on what the regressions of all units leave, where it helps."""
    traits = plan.statics.of([plan.labels[unit.series] for unit in plan.units])
    parts = zip(plan.units, results, traits, strict=True)
    learned = [LearnedSeries(unit, own.beside.rest_final, own.beside.final, static) for unit, own, static in parts]
    return train_network(learned, weights_of_lags, plan.regressions.seasons, control, with_columns=bool(plan.columns.groups))


def _pool(plan: ForecastPlan, beside: Sequence[Beside], cuts: Sequence[IntArray | None], control: Control) -> Pool | None:
    """The regressions on the windows of all units that are judged at the same moments; None where they help none of a few."""
    regressions = plan.regressions
    parts = zip(beside, cuts, strict=True)
    together = [(own.rest_early, own.rest_final, at) for own, at in parts if at is not None]
    together = [one for one in together if len(one[2]) == len(together[0][2])]
    if len(together) < 2:
        return None
    n_lags, horizon = regressions.lags[-1], regressions.horizon

    def add_up(early: FloatArray, final: FloatArray, own: IntArray) -> tuple[RollingSums, WindowSums]:
        around = sum_around_cuts(early, n_lags, horizon, own, scale=deviation)
        return around, sum_all_windows(final / deviation(final), n_lags, horizon)

    learned = whole = None
    with control.threads() as threads:
        for begin in range(0, len(together), _BATCH):  # so that no more sums than these are there at a time
            for around, windows in control.each(threads, add_up, *zip(*together[begin : begin + _BATCH], strict=True)):
                learned = around if learned is None else learned.plus(around)
                whole = windows if whole is None else whole.plus(windows)
            control.report(Progress(POOLING, min(begin + _BATCH, len(together)) / len(together), None))
    assert learned is not None
    assert whole is not None
    pool = pool_regressions(learned, whole, regressions)
    if len(together) <= _SAMPLED:
        return pool
    sample, alone = together[:: -(-len(together) // _SAMPLED)], regressions.without_smoothers()
    mixtures = [mixture for early, _, own in sample if (mixture := mix_regressions(early, alone, own, pool)) is not None]
    shares = [share.mean() for mixture in mixtures for setting, share in mixture.shares.items() if setting.pooled]
    return pool if sum(shares) >= _LEAST_POOLED * len(mixtures) else None


def _learn_unit(unit: Unit, regressions: Regressions, beside: Beside, cuts: IntArray | None, pool: Pool | None, most: int) -> _UnitResult:
    """The weights of a unit, and errors at origins that what they come from never saw."""
    seen, horizon = unit.seen, regressions.horizon
    if len(seen) <= horizon:
        return _UnitResult(plain_weights("last value", regressions, len(seen)), None, {}, beside)
    early, final = beside.rest_early, beside.rest_final
    mixture = mix_regressions(early, regressions, cuts, None if cuts is None else pool, final)
    if mixture is None:
        first = min(max((1, *regressions.seasons)), len(seen) - horizon, max(len(seen) // 2 - horizon, 1)) - 1
        mixture = mix_plain(early, regressions, np.arange(first, len(seen) - horizon))
    by_cut = place_origins(mixture, len(seen), most)
    plain = regressions.plain_forecasts(min(int(by_cut[0][0]) + 1, regressions.n_lags))
    parts: dict[str, list[Errors]] = {}
    for origins, own in zip(by_cut, mixture.weights_at_cuts, strict=True):
        came = steps_after(unit.came, origins, horizon)
        forecasts = {OURS: forecast_at(early, origins, own) + steps_after(beside.early, origins, horizon)}
        forecasts |= {name: forecast_at(seen, origins, start) for name, start in plain.items()}
        for name, forecast in forecasts.items():
            parts.setdefault(name, []).append(find_errors(origins - len(seen), came, forecast, unit.scale))
    together = {name: join_errors(own) for name, own in parts.items()}
    return _UnitResult(mixture.weights, mixture, together, beside)


def plain_weights(name: str, regressions: Regressions, n_lags: int) -> FloatArray:
    """The weights (L, H) of a forecast that learns nothing; those of the last value where lags do not suffice for it."""
    plain = regressions.plain_forecasts(min(n_lags, regressions.n_lags))
    return plain.get(name, plain["last value"])


def _forecasts(results: Sequence[_UnitResult]) -> list[str]:
    """The names of the forecasts that every unit with errors has."""
    known = [result.errors for result in results if result.mixture is not None] or [result.errors for result in results]
    return [name for name in known[0] if all(name in errors for errors in known)]


def _errors_of(result: _UnitResult, name: str) -> Errors:
    return result.errors.get(name, NO_ERRORS)


def _compare(sizes: Mapping[str, Sizes], plan: ForecastPlan) -> tuple[str, bool, str]:
    """The best of the plain forecasts, whether the regressions are better by more than their standard error, and that in words."""
    spread = np.asarray([max(float(np.var(unit.values)), np.finfo(float).tiny) for unit in plan.units])
    losses = {name: own.mse / spread[own.unit] for name, own in sizes.items()}
    means = {name: mean_error(losses[name], sizes[name])[0] for name in losses}
    plain = min((name for name in means if name != OURS), key=means.__getitem__)
    gain, error = mean_error(losses[plain] - losses[OURS], sizes[plain])
    mixed = f"regressions on lags{' and smoothing' if plan.regressions.smoothers else ''}"
    if gain <= (error.std_err if error.degrees > 0 else -_UNSURE * means[plain]):
        share = abs(gain) / max(means[plain], np.finfo(float).tiny)
        worse = f"{share:.1%} worse" if gain < 0 else f"{share:.1%} better, which is within its error,"
        return plain, False, f"nothing beats the {plain}: {mixed} were {worse} at rolling origins, so that it answers alone"
    better = f"lose {gain / means[plain]:.1%} less than" if gain > 0 else "are as good as"
    how = "squared errors" if len(plan.units) == 1 else "squared errors over the variance of each series"
    return plain, True, f"{mixed} {better} the {plain}, the best of the plain forecasts, at rolling origins ({how})"


def _fit_bounds(errors: Sequence[Errors], plan: ForecastPlan) -> AdaptiveBounds:
    """The bounds that errors at rolling origins give, of all units together; moments count from the ends of series, which are at -1."""
    together, origins = lay_side_by_side(errors, plan.task.horizon)
    return fit_bounds(together, origins, moment=-1, units=np.ones(len(errors)), seasons=plan.regressions.seasons)


def _find_drivers(plan: ForecastPlan, results: Sequence[_UnitResult], used: FloatArray) -> Drivers:
    """What drives the forecasts of all units."""
    rests = [unit.seen - result.beside.final for unit, result in zip(plan.units, results, strict=True)]
    season = next(iter(plan.regressions.seasons), 0)
    return find_drivers(plan.units, rests, plan.columns, used.mean(axis=0), plan.calendar, season, plan.past)


def find_season_errors(plan: ForecastPlan) -> FloatArray:
    """What errors of each unit are scaled by, shape (U,)."""
    return np.asarray([_season_error(unit.values, plan.regressions.seasons) for unit in plan.units])


def _season_error(values: FloatArray, seasons: Sequence[int]) -> float:
    """The mean absolute difference of values a season apart (Hyndman and Koehler 2006); one where all are alike."""
    season = next((season for season in seasons if season < len(values)), 1)
    mean = float(np.abs(values[season:] - values[:-season]).mean())
    return mean if mean > 0 else 1.0


def _arrays(
    plan: ForecastPlan,
    beside: Sequence[Beside] | None,
    season_error: FloatArray,
    weights_of_lags: FloatArray,
    columns: ChosenColumns,
    past: PastResult | None,
) -> SeriesArrays:
    """What is kept of the units; of effects of columns nothing where there are none."""
    units, n_lags = plan.units, weights_of_lags.shape[1]
    tails, tail_effects = np.zeros((len(units), n_lags)), np.zeros((len(units), n_lags))
    for u, unit in enumerate(units):
        tails[u] = last_values(unit.seen, n_lags)
        if beside is not None:
            tail_effects[u] = last_values(unit.seen - beside[u].rest_final, n_lags)
    center, spread, logged, floored = (np.asarray(parts, float) for parts in zip(*(unit.scale for unit in units), strict=True))
    series, target, ends = (np.asarray(parts) for parts in zip(*((u.series, u.target, u.end) for u in units), strict=True))
    intercept = np.asarray([0.0] * len(units) if beside is None else [own.intercept for own in beside])
    slopes = np.stack([NO_SLOPES] * len(units) if beside is None else [own.slopes for own in beside])
    cleanings = [AS_THEY_ARE] * len(units) if beside is None else [own.cleaning for own in beside]
    places = plan.places_of(columns)
    later = [unit.columns[len(unit.values) - 1 :, places][: 1 + _MOST_KNOWN] for unit in units]
    known = np.full((len(units), max(map(len, later)), later[0].shape[1]), np.nan)
    for u, own in enumerate(later):
        known[u, : len(own)] = own
    arrays = (series, target, ends, tails, tail_effects, center, spread, logged, floored, season_error, weights_of_lags)
    own_past = [unit.columns[: len(unit.values), places[len(columns.known) :]] for unit in units]
    scales = [NO_PAST] * len(units) if past is None else past.scales
    kept = [keep_past(own, scale, 0 if past is None else len(past.weights)) for own, scale in zip(own_past, scales, strict=True)]
    of_past = (np.stack(part) for part in zip(*kept, strict=True))
    return SeriesArrays(*arrays, intercept, slopes, known, *stack_cleanings(cleanings), *of_past)


def _with_test(forecaster: Forecaster, plan: ForecastPlan) -> Forecaster:
    """The forecaster with metrics of all windows of the values that were for the test, or a remark where they do not do for one."""
    tests, report = plan.tests, forecaster.report
    if not tests:
        return forecaster
    errors = walk_later(lay_out_later(forecaster, tests, plan.columns_after(forecaster.columns), []), ()).errors
    n_windows = sum(not np.isnan(values).all() for own in errors for values in own.values)
    if n_windows:
        metrics = metrics_of(measure_sizes(errors, forecaster.units.season_error), Forecast.metrics)
        return replace(forecaster, report=msgspec.structs.replace(report, test=metrics, n_test=n_windows))
    said = f"nothing was judged by the test, in which no series has values for {counted(forecaster.task.horizon, 'step')}"
    return replace(forecaster, report=msgspec.structs.replace(report, remarks=[*report.remarks, said]))
