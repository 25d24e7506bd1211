"""What is shown of forecasts: the plan, the outcome of a fit, what forecasts are made of, as lines and for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from weights.ensemble import Report
from weights.errors import counted, listed, printable
from weights.forecasting.drivertables import tabulate_drivers
from weights.forecasting.explaining import ExplainedStep
from weights.forecasting.fitting import OURS
from weights.forecasting.forecaster import Forecaster
from weights.forecasting.plan import ForecastPlan
from weights.forecasting.scorelines import describe_intervals
from weights.forecasting.settings import write_settings
from weights.forecasting.units import count_series
from weights.forecasts import ForecastModel
from weights.report.json import spell
from weights.report.terminal import duration, metric_lines, note_lines, saved_lines
from weights.summary import labelled
from weights.tables import aligned, compact
from weights.tasks.forecast import comparable_metrics
from weights.training.smoothing import SMOOTHERS

_SHOWN_AFTER_FIT = 3
_MOST_SHARES = 8


def overview(plan: ForecastPlan) -> list[str]:
    """What was read: series, their calendar, what is forecast, and notes."""
    several = count_series(plan.labels, plan.task.series)
    seasons = plan.regressions.seasons
    found = f", seasons of {listed([str(season) for season in seasons], 3)} steps" if seasons else ", without a season"
    ahead = f"forecast {plan.task.target}, {counted(plan.task.horizon, 'step')} ahead"
    line = f"{counted(plan.n_samples, 'row')}, {several}, {plan.calendar.name}{found}; {ahead}"
    return [labelled(plan.source, line), *note_lines(plan.remarks)]


def plan_lines(plan: ForecastPlan) -> list[str]:
    """What will be learned, and about how long it takes."""
    lags = listed([str(n) for n in plan.regressions.lags], 5)
    shared = ", of each series and of all" if plan.with_pool else ""
    n_units = len(plan.units)
    each = f"{n_units:,} times: " if n_units > 1 else ""
    if not plan.regressions.lags:
        return [labelled("plan", "a forecast that learns nothing, because series are too short for regressions on lags")]
    several = "lag" if plan.regressions.lags == (1,) else "lags"
    beside = "".join(f", {name}" for name in plan.regressions.smoothers)
    mixed = f"ridge regressions on {lags} {several}{shared}, solved exactly{beside}"
    said = [labelled("set", ", ".join(write_settings(changed)))] if (changed := plan.settings.changed) else []
    return [*said, labelled("plan", f"{each}{mixed}; about {duration(sum(plan.stages.values()))}")]


def plan_object(plan: ForecastPlan) -> dict[str, Any]:
    """What `fit --dry-run` prints as JSON."""
    return {
        "task": plan.task.kind,
        "targets": plan.task.targets,
        "horizon": plan.task.horizon,
        "calendar": plan.calendar.name,
        "n_samples": plan.n_samples,
        "n_series": len(plan.labels),
        "seasons": plan.regressions.seasons,
        "lags": plan.regressions.lags,
        "smoothers": plan.regressions.smoothers,
        "settings": plan.settings.changed,
        "seconds": round(sum(plan.stages.values()), 2),
        "remarks": plan.remarks,
    }


def result_lines(model: ForecastModel, plan: ForecastPlan, folder: Path | None) -> list[str]:
    """The outcome of a fit: how good forecasts are beside plain ones, what they are made of, and what to do next."""
    forecaster = model.forecaster
    lines = [labelled("Result", f"{_answering(forecaster)}, {duration(model.report.seconds)}"), *quality_lines(forecaster)]
    lines.append(labelled("Why", model.report.decision))
    if forecaster.drivers is not None:
        lines += tabulate_drivers(forecaster, forecaster.drivers, top=_SHOWN_AFTER_FIT).lines()
    lines += note_lines(remark for remark in model.report.remarks if remark not in plan.remarks)
    return [*lines, *saved_lines(folder, ["forecast {run}", "summary {run}", "score {run} LATER.csv"])]


def _answering(forecaster: Forecaster) -> str:
    """What answers, in words."""
    if not forecaster.model.beaten:
        return f"the {forecaster.model.plain}"
    shares = [*forecaster.model.shares]
    smoothers = [name for name in shares if name in SMOOTHERS]
    return ", ".join([f"{len(shares) - len(smoothers)} regressions on lags", *smoothers, "mixed"]) if len(shares) > 1 else shares[0]


def quality_lines(forecaster: Forecaster) -> list[str]:
    """Metrics at rolling origins of what answers, beside those of the other forecasts, and those of the test."""
    answering = OURS if forecaster.model.beaten else forecaster.model.plain
    measures, metrics = comparable_metrics(len(forecaster.task.targets)), forecaster.report.metrics
    shown = {name: metric for name, metric in metrics.items() if name in measures}
    report, tests = msgspec.structs.replace(forecaster.report, metrics=shown), forecaster.report.test.values()
    intervals = describe_intervals([*shown.values(), *tests])
    lines = [
        *metric_lines(report, answering, measures, judged="rolling", counted="forecasts"),
        f"  at rolling origins: learned from what was known, judged on what came next{intervals}",
    ]
    if len(shown) < len(metrics):
        lines.append("  a mean over targets; absolute errors, in the units of each, are told by weights backtest and weights score")
    return lines


def share_lines(forecaster: Forecaster) -> list[str]:
    """Which regressions, and what else, forecasts are made of."""
    shares = [*forecaster.model.shares.items()]
    rows = [["regression", "share"], *([printable(name), f"{share:.1%}".replace("%", " %")] for name, share in shares[:_MOST_SHARES])]
    more = [f"  and {len(shares) - _MOST_SHARES} more"] if len(shares) > _MOST_SHARES else []
    return [*aligned(rows, to_right=[1]), *more]


def run_lines(model: ForecastModel, folder: Path) -> list[str]:
    """Everything about a saved run of forecasts."""
    forecaster, report = model.forecaster, model.report
    task = forecaster.task
    several = count_series(forecaster.labels, task.series)
    return [
        labelled(folder.name, f"forecast: {task.target}, {counted(task.horizon, 'step')} ahead, {forecaster.calendar.name}"),
        labelled("made", f"{report.created[:19].replace('T', ' ')} from {report.source}, {report.n_samples:,} rows, {several}"),
        labelled("model", f"{_answering(forecaster)}, {duration(report.seconds)}"),
        *([labelled("set", ", ".join(write_settings(changed)))] if (changed := forecaster.model.settings.changed) else []),
        *quality_lines(forecaster),
        labelled("why", report.decision),
        *share_lines(forecaster),
        *note_lines(report.remarks),
    ]


def run_object(model: ForecastModel, folder: Path | None) -> dict[str, Any]:
    """What `fit` and `show` print as JSON."""
    forecaster = model.forecaster
    return {
        "task": forecaster.task.kind,
        "targets": forecaster.task.targets,
        "horizon": forecaster.task.horizon,
        "calendar": forecaster.calendar.name,
        "n_series": len(forecaster.labels),
        "beaten": forecaster.model.beaten,
        "plain": forecaster.model.plain,
        "shares": forecaster.model.shares,
        **report_object(model.report, folder),
    }


def report_object(report: Report, folder: Path | None) -> dict[str, Any]:
    """What JSON says of a report of any forecasts."""
    return {
        "n_samples": report.n_samples,
        "metrics": msgspec.to_builtins(report.metrics),
        "test": msgspec.to_builtins(report.test),
        "n_test": report.n_test,
        "compared": {name: {key: metric.value for key, metric in metrics.items()} for name, metrics in report.compared.items()},
        "decision": report.decision,
        "remarks": report.remarks,
        "seconds": report.seconds,
        "saved": spell(folder) if folder else None,
    }


def explained_lines(explained: Sequence[ExplainedStep], top: int) -> list[str]:
    """What forecasts are made of, a table for each step."""
    lines = []
    for step in explained:
        how = "times" if step.factors else "plus"
        base = f"{compact(step.base)} from an average past, {how} what follows"
        lines.append(labelled("Forecast", f"{step.series}, {step.ahead}: {compact(step.prediction)} = {base}"))
        shown = [(part.part, _signed(part.value, step.factors)) for part in step.contributions[:top]]
        more = [(f"{len(step.contributions) - top} more", "")] if len(step.contributions) > top else []
        lines += aligned([[printable(name), value] for name, value in [*shown, *more]], to_right=[1])
    return lines


def explained_table(explained: Sequence[ExplainedStep]) -> pa.Table:
    """What forecasts are made of, a row for each part of each step."""
    rows = [(step, part) for step in explained for part in step.contributions]
    known = ("series", "step", "prediction", "base")
    columns = {name: [getattr(step, name) for step, _ in rows] for name in known}
    return pa.table({**columns, "part": [part.part for _, part in rows], "value": [part.value for _, part in rows]})


def _signed(value: float, factor: bool) -> str:
    return f"x {value:.3f}" if factor else f"{'+' if value >= 0 else '-'} {compact(abs(value))}"
