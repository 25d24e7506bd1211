"""From the user's words to a forecast that is ready to be learned: read the rows, lay the series on a calendar, decide what is tried."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence, Set
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from weights.data.memory import check_memory_for
from weights.data.roles import Roles, column_labels, name_column, name_columns
from weights.data.series.calendar import show_moment
from weights.data.series.panel import LARGEST, Panel, read_panel
from weights.data.steering import find_rows_of, find_test_rows
from weights.data.table.columns import find_kind, to_numbers
from weights.data.table.delimited import remarks_of
from weights.data.table.read import describe_source, part_of, read_table
from weights.ensemble import Origin, Report, check_threads
from weights.errors import DataError, NotFoundError, UsageError, counted, listed, printable, suggest
from weights.fitoptions import DataOptions, FitOptions, Request
from weights.fitting import GivenRows
from weights.forecasting.columns import NO_COLUMNS, ChosenColumns, choose_beside
from weights.forecasting.fitting import SECONDS_A_SMOOTHING, ForecastPlan, cut_before_judged, estimate_seconds
from weights.forecasting.knownlevels import describe_levels, find_levels, name_columns_of, spread_levels
from weights.forecasting.past import leave_out
from weights.forecasting.units import Parts, Unit, find_seasons, make_units
from weights.options import list_options
from weights.tasks.forecast import MOST_STEPS, Forecast
from weights.tasks.prices import PriceForecast
from weights.tasks.registry import SERIES_TASKS
from weights.training.lagged import MOST_LAGS, Regressions, choose_lags
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
_OF_SERIES = ("series", "horizon", "known", "quantity")
STEPS = "none"
"""What is said in place of a column of moments where rows are steps."""
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
        UsageError: an option is missing, or does nothing for forecasts. NotFoundError, DataError: as `read_panel` and `make_units`.
    """
    said = request.data
    check_acting(request, TAKES, "forecasts")
    data = part_of(data, said)
    horizon = check_horizon(said.horizon)
    labels = column_labels(data)
    targets = name_columns(said.target, labels)
    time, series, split = (None if asked is None else name_column(asked, labels) for asked in (said.time, said.series, said.split))
    if not targets:
        raise UsageError(
            "The column to forecast was not named. Name it with --target, which may be repeated (in Python: target, a name or a list)."
        )
    table = read_table(data, missing=name_columns(said.missing, ()), verbatim=[name for name in (series, split) if name])
    drop = name_columns(said.drop, labels)
    table = leave_columns(table, drop)
    known = _split_listed(name_columns(said.known, labels), table.column_names)
    if both := {*known} & {*targets}:
        raise UsageError(f"Column '{min(both)}' is forecast and cannot be known beforehand. Leave it out of --known.")
    for name in known:
        if name not in table.column_names:
            raise NotFoundError(
                f"The table has no column '{printable(name)}' that is known beforehand. {suggest(name, table.column_names)}"
            )
    asked, levels = known, find_levels(table, known)
    table, _ = spread_levels(table, levels)
    known = (*(name for name in asked if name not in levels), *name_columns_of(levels))
    time, said_of_time = choose_time(table, time, {*targets, *known, series, split})
    read = {*targets, *known, time, series, split}
    others = [name for name in table.column_names if name not in read]
    past = [name for name in others if _is_measured(table[name], name)]
    try:
        panel = read_panel(table, [*targets, *known, *past], time=time, series=series)
    except DataError as error:
        raise (DataError(f"{error} Or count rows as steps with --time {STEPS}.") if said_of_time and time else error) from None
    panel, filled = _fill_known(panel, slice(len(targets), len(targets) + len(known)))
    parts = _find_parts(table, panel, split) if split is not None else _hold_out(panel, held_out) if held_out else None
    seasons = panel.calendar.seasons
    units, remarks = make_units(panel, len(targets), parts, seasons)
    if panel.calendar.numbered:
        step = -(-len(units) // _MOST_FOUND)
        seasons = find_seasons([unit.values for unit in units[::step]])
    regressions = _choose_regressions(units, horizon, seasons)
    if unread := [name for name in others if name not in past]:
        several = (
            f"{len(unread):,} other columns hold no numbers that differ, and are"
            if len(unread) > 1
            else "a column holds no numbers that differ, and is"
        )
        remarks.append(f"{several} not looked at: {listed([printable(name) for name in unread], 5)}")
    told, cannot = leave_out(past, [unit.columns[: len(unit.values), len(known) :] for unit in units])
    remarks += cannot
    past, kept = [past[i] for i in told], [*range(len(known)), *(len(known) + i for i in told)]
    units = [replace(unit, columns=unit.columns[:, kept]) for unit in units]
    columns = _choose_columns(known, panel, units, regressions)
    columns = msgspec.structs.replace(columns, levels=levels) if columns.known else columns
    if known and not columns.known:
        remarks.append(
            f"what is known beforehand did not help forecasts, and is not used: {listed([printable(name) for name in asked], 5)}"
        )
        units = [replace(unit, columns=unit.columns[:, len(known) :]) for unit in units]
    n_threads = check_threads(request.fit.threads)
    regressions, smoothing = _add_smoothers(regressions, units, request.fit.budget)
    regressions, seconds, thinned = _thin(regressions, len(units), n_threads, request.fit.budget)
    check_memory_for(8.0 * len(units) * regressions.n_lags * horizon * 2, f"The weights of {len(units):,} series")
    source, origin = printable(describe_source(data)), GivenRows(data).source
    roles = Roles(target=", ".join(targets), time=time, split=split, drop=drop, missing=name_columns(said.missing, ()))
    return ForecastPlan(
        task=Forecast(targets, horizon, time, series),
        calendar=panel.calendar,
        labels=[*panel.labels],
        units=units,
        regressions=regressions,
        tests=_tests(panel, units) if parts is not None and parts.test.any() else [],
        source=source,
        origin=Origin(origin, roles),
        n_samples=table.num_rows,
        remarks=[
            *remarks_of(table),
            *said_of_time,
            *describe_levels(levels),
            *panel.remarks,
            *filled,
            *remarks,
            *smoothing,
            *thinned,
            *_describe_judging(units, regressions),
        ],
        n_threads=n_threads,
        seconds=seconds,
        columns=columns,
        past=past,
        inspect=request.fit.inspect is not False,
    )


def choose_time(table: pa.Table, asked: str | None, taken: Set[str | None]) -> tuple[str | None, list[str]]:
    """The column of moments, None where rows are steps, and what is to be said of that.

    Args:
        table: with its columns.
        asked: the column that was named; where none was, the only one of dates is meant.
        taken: columns that are something else.
    """
    if asked is not None:
        return (None if asked == STEPS and asked not in table.column_names else asked), []
    dates = [name for name in table.column_names if name not in taken and find_kind(table[name], name).kind == "datetime"]
    named = printable(dates[0]) if dates else ""
    if len(dates) == 1:
        return dates[0], [f"moments are those of '{named}', the only column of dates; --time {STEPS} counts rows as steps"]
    return None, [f"rows are taken as steps, but '{named}' holds dates: --time {shlex.quote(named)} counts moments"] if dates else []


def refuse_series_options(said: DataOptions) -> None:
    """Refuse what is said of series where rows are learned from.

    Raises:
        UsageError: something is.
    """
    for known in list_options(DataOptions):
        if known.name in _OF_SERIES and getattr(said, known.name) not in (None, ()):
            raise UsageError(f"{known.flag} is for forecasts of series. Add --task {min(SERIES_TASKS)}, or leave it out.")


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


def _split_listed(names: Sequence[str], columns: Collection[str]) -> tuple[str, ...]:
    """The names, of which those that are no columns may list several, with commas between."""
    return tuple(part for name in names for part in ([name] if name in columns else [part.strip() for part in name.split(",")]))


def leave_columns(table: pa.Table, names: Sequence[str]) -> pa.Table:
    """The table without some columns.

    Raises:
        NotFoundError: it has no such column.
    """
    for name in names:
        if name not in table.column_names:
            raise NotFoundError(f"The table has no column '{printable(name)}' to leave out. {suggest(name, table.column_names)}")
    return table.drop_columns([*names])


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


def check_acting(request: Request, takes: Collection[str], what: str) -> None:
    """Refuse options that do nothing for what is learned.

    Args:
        request: what was said.
        takes: the options that act.
        what: what is learned, in words.

    Raises:
        UsageError: there is one.
    """
    for record, options in ((request.data, DataOptions), (request.fit, FitOptions)):
        for known in list_options(options):
            value = getattr(record, known.name)
            if known.name not in takes and value != known.default and not (known.default == () and not value):
                raise UsageError(f"{known.flag} does nothing for {what}. Leave it out.")
    for name in request.settings:
        raise UsageError(f"The setting '{name}' does nothing for {what}, which are learned in closed form. Leave it out.")


def _is_measured(column: pa.ChunkedArray, name: str) -> bool:
    """Whether a column that nothing was said of holds numbers, of a size that can be squared and summed."""
    if find_kind(column, name).kind not in ("numeric", "boolean"):
        return False
    try:
        values = to_numbers(column, name)
    except DataError:
        return False
    return not bool((np.abs(values) > LARGEST).any())


def _fill_known(panel: Panel, of_known: slice) -> tuple[Panel, list[str]]:
    """The panel with columns that are known beforehand as usual, at their medians, where a moment has no row, and that in words."""
    without = panel.rows < 0
    if not without.any() or of_known.start == of_known.stop:
        return panel, []
    values = panel.values.copy()
    values[without, of_known] = np.nanmedian(values[~without, of_known], axis=0)
    return replace(panel, values=values), ["what is known beforehand is taken to be as usual at moments without a row (its median)"]


def _find_parts(table: pa.Table, panel: Panel, split: str) -> Parts:
    """Which places are for the test, and for judging; a place without a row is of the part of the one before it."""
    if split not in table.column_names:
        raise NotFoundError(f"The table has no column '{split}' to use as split. {suggest(split, table.column_names)}")
    test, val = find_test_rows(table, split), find_rows_of(table, split, "val")
    rows = panel.rows.copy()
    there = np.maximum.accumulate(np.where(rows >= 0, np.arange(len(rows)), 0))
    rows = rows[there]
    return Parts(test[rows] & (rows >= 0), val[rows] & (rows >= 0))


def _hold_out(panel: Panel, n: int) -> Parts:
    """The last n moments for the test: the same in all series, or, of series that count steps of their own, the last of each."""
    lengths = np.diff(panel.offsets)
    from_end = np.concatenate([np.arange(length)[::-1] for length in lengths])
    if not panel.calendar.numbered:
        ends = panel.begins + lengths
        from_end += np.repeat(ends.max() - ends, lengths)
    return Parts(from_end < n, np.zeros(len(from_end), bool))


def _choose_regressions(units: Sequence[Unit], horizon: int, seasons: Sequence[int]) -> Regressions:
    """What is tried for units of about the usual length.

    Raises:
        DataError: not one is long enough to learn from.
    """
    lengths = np.sort([len(unit.values) for unit in units])
    longest = int(lengths[-1])
    if longest < horizon + _FEWEST_BEFORE:
        raise DataError(
            f"To forecast {counted(horizon, 'step')} ahead a series needs at least {horizon + _FEWEST_BEFORE:,} values, so that it can be "
            f"judged, but the longest has {longest:,}. Ask for a shorter horizon, or give more rows."
        )
    regressions = Regressions(horizon, ())
    for n in (int(np.median(lengths)), longest):
        fitting = tuple(season for season in seasons if season <= min(MOST_LAGS, n - horizon))
        regressions = Regressions(horizon, choose_lags(n, horizon, fitting), fitting).within(n)
        if regressions.lags:
            break
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
    of_known = units[0].columns[begin - units[0].begin :][: len(seen), : len(known)]
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
