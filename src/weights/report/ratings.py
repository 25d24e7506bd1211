"""What is shown of ratings: the plan, the outcome of a fit, and a saved run, as lines and for JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from weights.data.interactions.splits import PROTOCOLS
from weights.rating.fitting import DRAWN
from weights.rating.planning import RatingPlan
from weights.rating.rater import Rater
from weights.rating.scoring import LEVEL, LaterRatings
from weights.ratings import RatingModel
from weights.report.forecasts import report_object
from weights.report.recommendations import count_events, describe_task
from weights.report.terminal import duration, metric_lines, note_lines, saved_lines
from weights.summary import bounds, labelled, number
from weights.tables import aligned
from weights.tasks.rating import Rating


def overview(plan: RatingPlan) -> list[str]:
    """What was read: ratings, users and items, how many each has, and notes."""
    values = plan.events.value
    ratings = f"{plan.task.target} from {values.min():g} to {values.max():g}, {values.mean():.2f} in the mean"
    return [labelled(plan.source, count_events(plan.events, plan.n_samples)), labelled("ratings", ratings), *note_lines(plan.remarks)]


def plan_lines(plan: RatingPlan) -> list[str]:
    """What will be learned, by what it is judged, and about how long it takes."""
    settings = plan.settings
    drawn = f"{settings.n_draws} draws of biases and {settings.n_factors} factors, in two times {settings.n_rounds} rounds"
    return [
        labelled("plan", f"{drawn}; about {duration(plan.seconds)}"),
        labelled("judged by", f"{PROTOCOLS[plan.task.protocol].help}"),
    ]


def plan_object(plan: RatingPlan) -> dict[str, Any]:
    """What `fit --dry-run` prints as JSON."""
    return {
        **describe_task(plan.task, plan.events),
        "n_samples": plan.n_samples,
        "n_events": len(plan.events),
        "settings": msgspec.to_builtins(plan.settings),
        "seconds": round(plan.seconds, 2),
        "remarks": plan.remarks,
    }


def result_lines(model: RatingModel, plan: RatingPlan, folder: Path | None) -> list[str]:
    """The outcome of a fit: how far predictions lie from ratings, beside plainer ones, and what to do next."""
    rater = model.rater
    lines = [labelled("Result", f"{_name_draws(rater)}, {duration(model.report.seconds)}"), *quality_lines(rater)]
    lines += [labelled("Why", model.report.decision), *note_lines(remark for remark in model.report.remarks if remark not in plan.remarks)]
    user, item = (ids.show(int(own[0])) for ids, own in ((rater.events.users, rater.events.user), (rater.events.items, rater.events.item)))
    return [*lines, *saved_lines(folder, ["rate {run} PAIRS.csv", f"explain {{run}} --user {user} --item {item}", "score {run} LATER.csv"])]


def _name_draws(rater: Rater) -> str:
    return f"{rater.settings.n_draws} draws of biases and {rater.settings.n_factors} factors"


def quality_lines(rater: Rater) -> list[str]:
    """The metrics of predictions beside plainer ones, and how far intervals reach."""
    shown = metric_lines(rater.report, DRAWN, Rating.metrics, judged="kept apart", counted="ratings")
    reach = rater.reach(LEVEL)
    said = f"  judged by {PROTOCOLS[rater.task.protocol].help}, with intervals over users; {LEVEL:.0%} of ratings kept apart lie within "
    return [*shown, f"{said}{reach:.2f} standard deviations"]


def score_lines(later: LaterRatings) -> list[str]:
    """How far predictions lie from later ratings, beside those at the fit."""
    rows = [["", "later", "", "at the fit"]]
    for name, metric in later.metrics.items():
        measure, known = Rating.metrics[name], later.at_fit.get(name)
        rows.append([measure.title, number(measure, metric.value), bounds(measure, metric), number(measure, known.value) if known else ""])
    new = f", {later.n_new:,} of them new" if later.n_new else ""
    counts = f"  {later.n_ratings:,} ratings of {later.n_users:,} users{new}; {later.covered:.1%} within their {LEVEL:.0%} intervals"
    return [*aligned(rows, to_right=[1, 3]), counts]


def run_lines(model: RatingModel, folder: Path) -> list[str]:
    """Everything about a saved run of ratings."""
    rater, report = model.rater, model.report
    columns = rater.task.columns
    made = f"{report.created[:19].replace('T', ' ')} from {report.source}, {count_events(rater.events, report.n_samples)}"
    return [
        labelled(folder.name, f"rating: {columns.value} of {columns.item} by {columns.user}"),
        labelled("made", made),
        labelled("model", f"{_name_draws(rater)}, {duration(report.seconds)}"),
        *quality_lines(rater),
        labelled("why", report.decision),
        *note_lines(report.remarks),
    ]


def run_object(model: RatingModel, folder: Path | None) -> dict[str, Any]:
    """What `fit` and `show` print as JSON."""
    rater = model.rater
    return {
        **describe_task(rater.task, rater.events),
        "settings": msgspec.to_builtins(rater.settings),
        "noise": float(rater.draws.noise.mean() ** 0.5),
        **report_object(model.report, folder),
    }
