"""What is shown of forecasts of prices: the plan, the outcome of a fit, what tells of prices, and scores, as lines and for JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from weights.errors import listed, printable
from weights.finance.drivertable import find_significant, tabulate_predictors
from weights.finance.fitting import PricePlan
from weights.finance.forecaster import LEARNED, PriceDrivers, PriceForecaster
from weights.forecasting.units import count_series
from weights.pricemodel import PriceModel
from weights.report.forecasts import report_object
from weights.report.terminal import duration, metric_lines, note_lines, saved_lines
from weights.summary import labelled


def overview(plan: PricePlan) -> list[str]:
    """What was read: shares, their calendar, what is forecast, and notes."""
    several = count_series(plan.labels, plan.task.series)
    line = f"{plan.n_samples:,} rows, {several}, {plan.calendar.name}; forecast {plan.task.quantity} of {plan.task.target}"
    return [labelled(plan.source, f"{line}, {plan.task.horizon:,} steps ahead"), *note_lines(plan.remarks)]


def plan_lines(plan: PricePlan) -> list[str]:
    """What will be learned, and about how long it takes."""
    line = "how much and which way prices move, of all series together, from ranges and returns of about a year"
    return [labelled("plan", f"{line}; about {duration(plan.seconds)}")]


def plan_object(plan: PricePlan) -> dict[str, Any]:
    """What `fit --dry-run` prints as JSON."""
    return {
        "task": plan.task.kind,
        "quantity": plan.task.quantity,
        "target": plan.task.target,
        "horizon": plan.task.horizon,
        "calendar": plan.calendar.name,
        "n_samples": plan.n_samples,
        "n_series": len(plan.labels),
        "beside": [*plan.history.beside],
        "signals": [*plan.history.signals],
        "seconds": round(plan.seconds, 2),
        "remarks": plan.remarks,
    }


def result_lines(model: PriceModel, plan: PricePlan, folder: Path | None) -> list[str]:
    """The outcome of a fit: how good forecasts are beside plain ones, what tells of prices, and what to do next."""
    forecaster = model.forecaster
    lines = [labelled("Result", f"{_answering(forecaster)}, {duration(model.report.seconds)}"), *quality_lines(forecaster)]
    lines.append(labelled("Why", model.report.decision))
    if forecaster.drivers is not None:
        lines += tabulate_predictors(forecaster, forecaster.drivers).lines()
    lines += note_lines(remark for remark in model.report.remarks if remark not in plan.remarks)
    return [*lines, *saved_lines(folder, ["forecast {run}", "backtest {run}", "score {run} LATER.csv"])]


def _answering(forecaster: PriceForecaster) -> str:
    """What answers, in words."""
    if forecaster.answering != LEARNED:
        bounds = ", with intervals from paths" if forecaster.task.told.bounded else ""
        return f"{forecaster.answering} answers{bounds}"
    return f"paths of returns; {forecaster.model.drift.rule} for which way, a regression for how much"


def quality_lines(forecaster: PriceForecaster) -> list[str]:
    """Losses at rolling origins of what answers, beside those of the other forecasts, and those of the test."""
    shown = metric_lines(forecaster.report, forecaster.answering, forecaster.task.metrics, judged="rolling", counted="forecasts")
    after = f"after {forecaster.task.horizon:,} steps, " if forecaster.task.horizon > 1 else ""
    return [*shown, f"  {after}at rolling origins: learned from what was known, judged on what came next"]


def driver_object(drivers: PriceDrivers) -> dict[str, Any]:
    """What tells of the quantity, for JSON."""
    found: dict[str, Any] = msgspec.to_builtins(drivers)
    return {**found, "significant": find_significant(drivers)}


def run_lines(model: PriceModel, folder: Path) -> list[str]:
    """Everything about a saved run of forecasts of prices."""
    forecaster, report = model.forecaster, model.report
    task = forecaster.task
    several = count_series(forecaster.labels, task.series)
    beside = [*forecaster.history.beside, *forecaster.history.signals]
    return [
        labelled(folder.name, f"forecast: {task.quantity} of {task.target}, {task.horizon:,} steps ahead, {forecaster.calendar.name}"),
        labelled("made", f"{report.created[:19].replace('T', ' ')} from {report.source}, {report.n_samples:,} rows, {several}"),
        labelled("model", f"{_answering(forecaster)}, {duration(report.seconds)}"),
        *([labelled("beside", listed([printable(name) for name in beside], 8))] if beside else []),
        *quality_lines(forecaster),
        labelled("why", report.decision),
        *note_lines([*report.remarks, *forecaster.suspects]),
    ]


def run_object(model: PriceModel, folder: Path | None) -> dict[str, Any]:
    """What `fit` and `show` print as JSON."""
    forecaster = model.forecaster
    return {
        "task": forecaster.task.kind,
        "quantity": forecaster.task.quantity,
        "target": forecaster.task.target,
        "horizon": forecaster.task.horizon,
        "calendar": forecaster.calendar.name,
        "n_series": len(forecaster.labels),
        "answering": forecaster.answering,
        "drift": forecaster.model.drift.rule,
        **report_object(model.report, folder),
    }
