"""From the user's words to a forecast that is ready to be learned: refuse what does nothing, and decide what is tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import msgspec
import numpy as np
import threadpoolctl

from weights.acting import check_acting
from weights.data.memory import check_memory_for
from weights.data.roles import Roles
from weights.data.series.calendar import show_moment
from weights.data.series.panel import Panel
from weights.ensemble import Report, check_threads
from weights.errors import DataError, UsageError, counted, listed, printable
from weights.fitoptions import FitOptions, Request
from weights.forecasting.columns import NO_COLUMNS, ChosenColumns, choose_beside
from weights.forecasting.knownlevels import name_columns_of
from weights.forecasting.past import leave_out
from weights.forecasting.plan import SECONDS_A_SMOOTHING, ForecastPlan, cut_before_judged, estimate_seconds
from weights.forecasting.reading import STEPS, SeriesRows, describe_unread, read_series
from weights.forecasting.settings import ForecastSettings, change_settings
from weights.forecasting.units import Unit, find_scale, find_seasons, make_units
from weights.tasks.forecast import MOST_STEPS, Forecast
from weights.tasks.prices import PriceForecast
from weights.training.lagged import MOST_LAGS, Regressions, choose_lags
from weights.training.rolling import STRENGTHS
from weights.training.smoothing import SMOOTHERS, list_smoothers

TAKES = (
    "task",
    "target",
    "time",
    "series",
    "horizon",
    "known",
    "drop",
    "split",
    "missing",
    "sheet",
    "query",
    "budget",
    "threads",
    "inspect",
)
"""Options that act on forecasts."""
_FEWEST_BEFORE = 5
"""Values that a series has beside those of the horizon, so that there are some forecasts of what came (our choice)."""
_FEWEST_DESCRIBED, _MOST_DESCRIBED = 100, 10_000
"""Values of which columns beside lags are asked: with fewer there is little to ask, with more it takes long (our choice)."""
_USUAL_SECONDS = 300.0
_MOST_SMOOTHING = 1 / 3
"""Share of this that smoothing may take, which is for short series above all (our choice)."""
_MOST_FOUND = 50
"""Series of which seasons are found, where the calendar tells of none."""


def plan_forecast(data: Any, request: Request, *, held_out: int = 0) -> ForecastPlan:
    """Read series and decide what would be learned of them.

    Args:
        data: as `weights.fit`.
        request: what was said.
        held_out: how many of the last moments are for the test, where no split says so.

    Raises:
        UsageError: an option is missing, or does nothing for forecasts. NotFoundError, DataError: as `read_series` and `make_units`.
    """
    settings = change_settings(ForecastSettings(), request.settings)
    return read_planner(data, request, held_out=held_out).plan(settings)


def read_planner(data: Any, request: Request, *, held_out: int = 0) -> SeriesPlanner:
    """Series of which forecasts may be planned; arguments and errors as `plan_forecast`, but settings, which are not looked at."""
    check_acting(request, TAKES, "forecasts")
    horizon = check_horizon(request.data.horizon)
    return SeriesPlanner(read_series(data, request.data, held_out=held_out), horizon, request.fit)


class SeriesPlanner(NamedTuple):
    """Series that were read, of which forecasts are planned with one setting or another.

    Attributes:
        rows: the series. horizon: steps ahead. fit: what was said of the fit.
    """

    rows: SeriesRows
    horizon: int
    fit: FitOptions

    def plan(self, settings: ForecastSettings) -> ForecastPlan:
        """What would be learned with these settings.

        Raises:
            UsageError: a setting does not suit the series. DataError: as `make_units`; no series is long enough.
        """
        with threadpoolctl.threadpool_limits(1):  # matrices are small
            return self._plan(settings)

    def _plan(self, settings: ForecastSettings) -> ForecastPlan:
        """The same, with as many threads of matrix products as there are."""
        rows, panel, n_known = self.rows, self.rows.panel, len(self.rows.known)
        seasons = panel.calendar.seasons if settings.seasons is None else settings.seasons
        units, remarks = make_units(panel, len(rows.named.targets), rows.parts, seasons)
        units = units if settings.history is None else [_keep_recent(unit, settings.history) for unit in units]
        if panel.calendar.numbered and settings.seasons is None:
            step = -(-len(units) // _MOST_FOUND)
            seasons = find_seasons([unit.values for unit in units[::step]])
        units = units if settings.history is None and settings.logs is None else _see_again(units, seasons, settings.logs)
        regressions = _choose_regressions(units, self.horizon, seasons, settings)
        remarks += describe_unread(rows.unread)
        measured = [unit.columns[: len(unit.values), n_known:] for unit in units]
        told, cannot = leave_out(rows.past, measured) if settings.past else ([], [])
        remarks += cannot
        past, kept = [rows.past[i] for i in told], [*range(n_known), *(n_known + i for i in told)]
        units = [replace(unit, columns=unit.columns[:, kept]) for unit in units]
        columns = _choose_columns(rows.known, panel, units, regressions) if settings.columns else NO_COLUMNS
        columns = msgspec.structs.replace(columns, levels=rows.levels) if columns.known else columns
        remarks += _describe_unused(rows, columns) if settings.columns else []
        if rows.known and not columns.known:
            units = [replace(unit, columns=unit.columns[:, n_known:]) for unit in units]
        n_threads = check_threads(self.fit.threads)
        regressions, smoothing = _add_smoothers(regressions, units, self.fit.budget) if settings.smoothing else (regressions, [])
        regressions, seconds, thinned = _thin(regressions, len(units), n_threads, self.fit.budget)
        check_memory_for(8.0 * len(units) * regressions.n_lags * self.horizon * 2, f"The weights of {len(units):,} series")
        return ForecastPlan(
            task=Forecast(rows.named.targets, self.horizon, rows.time, rows.named.series),
            calendar=panel.calendar,
            labels=[*panel.labels],
            units=units,
            regressions=regressions,
            tests=_tests(panel, units) if rows.parts is not None and rows.parts.test.any() else [],
            source=rows.named.source,
            origin=rows.named.origin(rows.time),
            n_samples=rows.n_rows,
            remarks=[*rows.remarks, *remarks, *smoothing, *thinned, *_describe_judging(units, regressions)],
            n_threads=n_threads,
            seconds=seconds,
            columns=columns,
            past=past,
            inspect=self.fit.inspect is not False,
            settings=settings,
            statics=rows.statics,
            said_known=rows.said_known,
        )


def _describe_unused(rows: SeriesRows, columns: ChosenColumns) -> list[str]:
    """What is to be said of columns that are known beforehand and are in no group that helps."""
    parts = {name: name_columns_of({name: rows.levels[name]}) if name in rows.levels else [name] for name in rows.said_known}
    used = {columns.known_of(column) for column in columns.names}
    unused = [name for name, own in parts.items() if used.isdisjoint(own)]
    named = listed([printable(name) for name in unused], 5)
    return [f"what is known beforehand did not help forecasts, and is not used: {named}"] if unused else []


def _keep_recent(unit: Unit, n: int) -> Unit:
    """A unit of its last n values."""
    cut = max(len(unit.values) - n, 0)
    judged = None if unit.first_judged is None else max(unit.first_judged - cut, 0) or None
    parts = {name: getattr(unit, name)[cut:] for name in ("values", "known", "columns")}
    return replace(unit, begin=unit.begin + cut, first_judged=judged, **parts)


def _see_again(units: Sequence[Unit], seasons: Sequence[int], logs: bool | None) -> list[Unit]:
    """Units whose scales follow from the values that they have, on a log scale or not.

    Raises:
        UsageError: a log scale is asked for values that have no logarithm.
    """
    if logs and (least := min(float(unit.values.min()) for unit in units)) <= 0:
        raise UsageError(f"logs need values above zero, but the least is {least:g}. Leave the setting out, or set logs=no.")
    return [replace(unit, scale=find_scale(unit.values, seasons, logged=logs)) for unit in units]


def check_horizon(horizon: Any) -> int:
    """The steps to forecast, if they are a number of them.

    Raises:
        UsageError: they are not.
    """
    if horizon is None:
        raise UsageError(
            "How many steps ahead to forecast was not said. Say it with --horizon (in Python: horizon), such as 24 for a day of hours."
        )
    if isinstance(horizon, bool) or not isinstance(horizon, int | np.integer) or not 1 <= horizon <= MOST_STEPS:
        raise UsageError(f"The horizon must be a whole number of steps from 1 to {MOST_STEPS:,}, but is {horizon!r}.")
    return int(horizon)


def choose_horizon(asked: int | None, most: int) -> int:
    """How many steps a run is asked for: what was said, or as many as it learned.

    Raises:
        UsageError: it learned less.
    """
    if asked is None:
        return most
    if check_horizon(asked) > most:
        raise UsageError(f"The run forecasts 1 to {most:,} steps ahead, but {asked:,} were asked for. Fit again with a longer horizon.")
    return asked


def read_again(report: Report, task: Forecast | PriceForecast, data: Any) -> tuple[Any, dict[str, Any]]:
    """The rows that a run learned from, and what was said of them, to plan it anew.

    Args:
        report: of the run.
        task: of the run.
        data: the rows, if they are given again; None reads them from where they came from.

    Raises:
        UsageError: they came from memory and are not given.
    """
    source = report.origin.source if data is None and report.origin is not None else data
    if source is None:
        raise UsageError("The rows of training came from memory. Give them again with --data (in Python: data).")
    roles = Roles(target="") if report.origin is None else report.origin.roles
    said = {"task": task.kind, "time": task.time or STEPS, "series": task.series, "horizon": task.horizon}
    return source, {**said, "drop": roles.drop, "missing": roles.missing}


def choose_held_out(asked: int | None, n_moments: int, horizon: int, *, least: int = 0) -> int:
    """How many of the last moments are held out: what was asked for, or a fifth, or five horizons if these are less, but so many at least.

    Raises:
        UsageError: less than the horizon was asked for.
    """
    if asked is None:
        return max(min(n_moments // 5, 5 * horizon), horizon, least)
    if asked < horizon:
        raise UsageError(f"At least the {horizon:,} steps of the horizon are held out, but {asked:,} were asked for.")
    return asked


def _choose_regressions(units: Sequence[Unit], horizon: int, seasons: Sequence[int], settings: ForecastSettings) -> Regressions:
    """What is tried for units of about the usual length.

    Raises:
        DataError: not one is long enough to learn from, or for the lags that were set.
    """
    lengths = np.sort([len(unit.values) for unit in units])
    longest = int(lengths[-1])
    if longest < horizon + _FEWEST_BEFORE:
        raise DataError(
            f"To forecast {counted(horizon, 'step')} ahead a series needs at least {horizon + _FEWEST_BEFORE:,} values, so that it can be "
            f"judged, but the longest has {longest:,}. Ask for a shorter horizon, or give more rows."
        )
    regressions = Regressions(horizon, ())
    for n in (int(np.median(lengths)), longest) if settings.lags is None else (longest,):
        fitting = tuple(season for season in seasons if season <= min(MOST_LAGS, n - horizon))
        lags = choose_lags(n, horizon, fitting) if settings.lags is None else tuple(sorted({*settings.lags}))
        regressions = Regressions(horizon, lags, fitting, strengths=settings.strengths or STRENGTHS)
        if (regressions := regressions.within(n)).lags:
            break
    if settings.seasons is not None and {*regressions.seasons} != {*settings.seasons}:
        raise DataError(
            f"Series must be long enough for seasons of {listed([str(n) for n in settings.seasons], 5)} steps and "
            f"{counted(horizon, 'step')} ahead, but the longest has {longest:,} values. Set shorter ones."
        )
    if settings.lags is not None and {*regressions.lags} != {*settings.lags}:
        raise DataError(
            f"Series must be long enough for {listed([str(n) for n in settings.lags], 5)} lags and {counted(horizon, 'step')} ahead, "
            f"but the longest has {longest:,} values. Set fewer lags."
        )
    return regressions


def _describe_judging(units: Sequence[Unit], regressions: Regressions) -> list[str]:
    """What is to be said where values were given to judge by, and do not do for all."""
    without = [unit for unit in units if unit.first_judged is None]
    if len(without) == len(units) or not regressions.lags:
        return []
    if without:
        return [f"{len(without):,} of {len(units):,} series have nothing to judge by (val), so that all are judged at rolling origins"]
    short = [unit for unit in units if cut_before_judged(unit, regressions.lags[-1], regressions.horizon) is None]
    said = f"what is to judge by (val), or what lies before it, is too short in {len(short):,} of {len(units):,} series"
    return [f"{said}, which are judged at rolling origins of all their values"] if short else []


def _choose_columns(known: Sequence[str], panel: Panel, units: Sequence[Unit], regressions: Regressions) -> ChosenColumns:
    """The columns that help beside lags, asked of the mean of all units over the moments that they share.

    Raises:
        DataError: a column that was said to be known is missing at a moment that is learned from.
    """
    for unit in units:
        missing = np.isnan(unit.columns[: len(unit.values), : len(known)])
        if missing.any():
            place, column = np.argwhere(missing)[0]
            moment = float(panel.calendar.moments(np.asarray([unit.begin + place]))[0])
            raise DataError(
                f"A column that is known beforehand must have a value at every moment, but '{known[column]}' has none at "
                f"{show_moment(moment, numbered=panel.calendar.numbered)}. Fill it in, or do not name it with --known."
            )
    begin, end = max(unit.begin for unit in units), min(unit.end for unit in units)
    if not regressions.lags or end - begin < _FEWEST_DESCRIBED or (panel.calendar.numbered and not known):
        return NO_COLUMNS
    begin = max(begin, end + 1 - _MOST_DESCRIBED) if known else begin
    if end + 1 - begin > _MOST_DESCRIBED:
        return NO_COLUMNS
    seen = np.mean([unit.seen[begin - unit.begin : end + 1 - unit.begin] for unit in units], axis=0)
    of_known = np.mean([unit.columns[begin - unit.begin :][: len(seen), : len(known)] for unit in units], axis=0)
    return choose_beside(known, panel.calendar, begin, seen, of_known, regressions)


def _add_smoothers(regressions: Regressions, units: Sequence[Unit], budget: float | str | None) -> tuple[Regressions, list[str]]:
    """The regressions with smoothing, or with a sentence that says why it is left out."""
    if not (mixed := regressions.with_smoothers(list_smoothers(), max(len(unit.values) for unit in units))).lags:
        return regressions, []
    if not mixed.smoothers:
        needed = "statsmodels, which is not installed; install it with pip install 'weights[series]'"
        return regressions, [f"{' and '.join(SMOOTHERS)} are left out of the mixture: they need {needed}"]
    if (seconds := SECONDS_A_SMOOTHING * len(units)) > _MOST_SMOOTHING * _most_seconds(budget):
        return regressions, [f"{' and '.join(SMOOTHERS)} are left out of the mixture: they would take about {seconds:.0f} s"]
    return mixed, []


def _most_seconds(budget: float | str | None) -> float:
    """How long learning may take."""
    return _USUAL_SECONDS if budget is None else float(budget)


def _thin(regressions: Regressions, n_units: int, n_threads: int, budget: float | str | None) -> tuple[Regressions, float, list[str]]:
    """The regressions that the time suffices for, how long they take, and what was left out, in words."""
    most, whole = _most_seconds(budget), regressions.lags
    while (seconds := estimate_seconds(n_units, regressions, n_threads)) > most and len(regressions.lags) > 1:
        regressions = regressions._replace(lags=regressions.lags[:-1])
    left = [n for n in whole if n not in regressions.lags]
    said = [f"regressions on {', '.join(map(str, left))} lags were left out, which would take longer than {most:.0f} s"] if left else []
    return regressions, seconds, said


def _tests(panel: Panel, units: Sequence[Unit]) -> list[Any]:
    """The values of each unit after the last that it learns from, shape (t,) each."""
    return [panel.series(unit.series)[unit.end + 1 - panel.begins[unit.series] :, unit.target] for unit in units]
