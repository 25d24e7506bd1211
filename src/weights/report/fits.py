"""What is shown of a fit, before and after: a record of functions for fits of rows, one for each of what is learned otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from weights.finance.fitting import PricePlan
from weights.forecasting.plan import ForecastPlan
from weights.model import Model
from weights.prepared import Prepared
from weights.rating.planning import RatingPlan
from weights.recommending.plan import RankingPlan
from weights.report import forecasts, prices, ratings, recommendations, terminal
from weights.report.diagnosis import decomposition_lines
from weights.report.elements import finding_lines
from weights.report.json import plan_object, run_object
from weights.report.usefulness import verdict_lines

_SHOWN_AFTER_FIT = 10


class FitReport(NamedTuple):
    """What is shown of a fit.

    Attributes:
        overview: of a plan, what was read. plan_lines: what will be done. plan_object: the same for JSON.
        result_lines: of a model, its plan and the folder it was saved to, the outcome. run_object: of a model and its folder, for JSON.
        n_steps: of a plan, the most steps that a member takes; None where a fit that is interrupted leaves nothing to go on with.
    """

    overview: Callable[[Any], list[str]]
    plan_lines: Callable[[Any], list[str]]
    plan_object: Callable[[Any], dict[str, Any]]
    result_lines: Callable[[Any, Any, Path | None], list[str]]
    run_object: Callable[[Any, Path | None], dict[str, Any]]
    n_steps: Callable[[Any], int | None]


def report_of(prepared: Any) -> FitReport:
    """How a fit that is ready to start is shown."""
    return REPORTS[type(prepared)]


def _overview(prepared: Prepared) -> list[str]:
    return terminal.overview(prepared.dataset, prepared.task, prepared.remarks)


def _plan_lines(prepared: Prepared) -> list[str]:
    return terminal.plan_lines(prepared.plans, sum(len(race) for race in prepared.races.values()), prepared.weighing_seconds)


def _result_lines(model: Model, prepared: Prepared, folder: Path | None) -> list[str]:
    run = str(folder or "RUN")
    lines = [*terminal.result_lines(model.ensemble), *verdict_lines(model.report.usefulness, run)]
    lines += terminal.note_lines(remark for remark in model.report.remarks if remark not in prepared.remarks)
    if model.report.decomposition:
        lines += decomposition_lines(model.report.decomposition)
    lines += finding_lines(model.findings(), run)
    if model.report.is_weighed:
        # Columns have a line for each class, words one.
        n_lines_each = len({outcome.label for outcome in model.ensemble.task.outcomes()}) if model.report.feature_weights else 1
        lines += model.summary(top=max(_SHOWN_AFTER_FIT // n_lines_each, 2), narrow=True, per="sd").lines()
    return [*lines, *terminal.next_lines(folder, model.ensemble)]


def _n_steps(prepared: Prepared) -> int:
    return max(plan.n_steps for plan in prepared.plans)


REPORTS = {
    Prepared: FitReport(_overview, _plan_lines, plan_object, _result_lines, run_object, _n_steps),
    ForecastPlan: FitReport(
        forecasts.overview,
        forecasts.plan_lines,
        forecasts.plan_object,
        forecasts.result_lines,
        forecasts.run_object,
        lambda plan: None,
    ),
    PricePlan: FitReport(
        prices.overview,
        prices.plan_lines,
        prices.plan_object,
        prices.result_lines,
        prices.run_object,
        lambda plan: None,
    ),
    RankingPlan: FitReport(
        recommendations.overview,
        recommendations.plan_lines,
        recommendations.plan_object,
        recommendations.result_lines,
        recommendations.run_object,
        lambda plan: None,
    ),
    RatingPlan: FitReport(
        ratings.overview,
        ratings.plan_lines,
        ratings.plan_object,
        ratings.result_lines,
        ratings.run_object,
        lambda plan: None,
    ),
}
