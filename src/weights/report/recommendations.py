"""What is shown of recommendations: the plan, the outcome of a fit, and a saved run, as lines and for JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from weights.data.interactions.events import Interactions
from weights.data.interactions.splits import PROTOCOLS
from weights.errors import counted
from weights.recommendations import RankingModel
from weights.recommending.describing import UserProfile
from weights.recommending.groupshares import LEAST_SHARE, MIXED
from weights.recommending.itemmap import ItemMap
from weights.recommending.methods import METHODS
from weights.recommending.plan import RankingPlan
from weights.recommending.recommender import Recommender
from weights.recommending.scoring import RankingScore
from weights.report.forecasts import report_object
from weights.report.terminal import duration, metric_lines, note_lines, saved_lines
from weights.summary import bounds, labelled, number
from weights.tables import aligned, compact, short_name
from weights.tasks.ranking import LISTED, RANKING_METRICS, EventTask

_ENDS = 4
"""Items that are named at each end of a map (our choice)."""


def overview(plan: RankingPlan) -> list[str]:
    """What was read: events, users and items, how many each has, and notes."""
    return [labelled(plan.source, count_events(plan.events, plan.n_samples)), *note_lines(plan.remarks)]


def count_events(events: Interactions, n_rows: int) -> str:
    """How many events there are of how many users and items, in words."""
    n_users, n_items = events.shape
    usual = f"half of the users have {int(np.median(events.n_events)):,} or more"
    return f"{n_rows:,} events, {n_users:,} users, {n_items:,} items ({len(events) / (n_users * n_items):.2%} of all pairs; {usual})"


def plan_lines(plan: RankingPlan) -> list[str]:
    """What will be learned, by what it is judged, and about how long it takes."""
    models = ", ".join(METHODS[name].title for name in plan.settings.models)
    return [
        labelled("plan", f"{models}, mixed; about {duration(plan.seconds)}"),
        labelled("judged by", f"{PROTOCOLS[plan.task.protocol].help}; all items are ranked"),
    ]


def plan_object(plan: RankingPlan) -> dict[str, Any]:
    """What `fit --dry-run` prints as JSON."""
    return {
        **describe_task(plan.task, plan.events),
        "n_samples": plan.n_samples,
        "n_events": len(plan.events),
        "models": [*plan.settings.models],
        "seconds": round(plan.seconds, 2),
        "remarks": plan.remarks,
    }


def describe_task(task: EventTask, events: Interactions) -> dict[str, Any]:
    """What is learned of events, and of how many users and items, for JSON."""
    n_users, n_items = events.shape
    return {"task": task.kind, **msgspec.to_builtins(task.columns), "protocol": task.protocol, "n_users": n_users, "n_items": n_items}


def result_lines(model: RankingModel, plan: RankingPlan, folder: Path | None) -> list[str]:
    """The outcome of a fit: how good lists are beside those of each model, for whom, and what to do next."""
    recommender = model.recommender
    lines = [labelled("Result", f"{_name_mixture(recommender)}, {duration(model.report.seconds)}"), *quality_lines(recommender)]
    lines.append(labelled("Why", model.report.decision))
    lines += note_lines(remark for remark in model.report.remarks if remark not in plan.remarks)
    user = recommender.events.users.show(int(recommender.events.user[0]))
    item = recommender.events.items.show(int(np.argmax(recommender.popularity)))
    steps = [
        f"recommend {{run}} --user {user} --why",
        "recommend {run} --events NEW.csv",
        f"similar {{run}} --item {item}",
        "score {run} LATER.csv",
    ]
    return [*lines, *saved_lines(folder, steps)]


def _name_mixture(recommender: Recommender) -> str:
    """Which models answer, with their shares, in words."""
    most = sorted(recommender.counting, key=lambda name: -recommender.shares[name])
    counting = [name for name in most if recommender.shares[name] >= LEAST_SHARE or name == most[0]]
    return ", ".join(METHODS[name].title + (f" {recommender.shares[name]:.0%}" if len(counting) > 1 else "") for name in counting)


def quality_lines(recommender: Recommender) -> list[str]:
    """The metrics of lists beside those of each model alone, those of the test, and for whom they hold."""
    report, protocol = recommender.report, recommender.task.protocol
    shown = metric_lines(report, MIXED, recommender.task.metrics, judged="kept apart", counted="users")
    said = f"  all items ranked but those a user had; judged by {PROTOCOLS[protocol].help}"
    return [*shown, said, *_group_lines(recommender)]


def _group_lines(recommender: Recommender) -> list[str]:
    """The metric that judges of users by how much was known of them."""
    if len(recommender.groups) < 2:
        return []
    name = f"ndcg@{LISTED}"
    measure = recommender.task.metrics[name]
    counting = [*recommender.counting]
    rows = [["events known of a user", "users", measure.title, "", *counting]]
    for group in recommender.groups:
        known = f"{group.fewest:,} to {group.most:,}" if group.most is not None else f"{group.fewest:,} or more"
        known = "none" if group.most == 0 else known
        rows.append([known, f"{group.n_users:,}", number(measure, group.metrics[name].value), bounds(measure, group.metrics[name])])
        rows[-1] += [f"{group.shares[model]:.0%}" for model in counting]
    return aligned(rows, to_right=[1, 2, *range(4, 4 + len(counting))])


def score_lines(score: RankingScore) -> list[str]:
    """How lists fared on later events, beside how they fared at the fit."""
    rows = [["", "later", "", "at the fit"]]
    for name, metric in score.metrics.items():
        measure, known = RANKING_METRICS[name], score.at_fit.get(name)
        rows.append([measure.title, number(measure, metric.value), bounds(measure, metric), number(measure, known.value) if known else ""])
    new = f", {score.n_new:,} of them new" if score.n_new else ""
    return [*aligned(rows, to_right=[1, 3]), f"  {score.n_users:,} users{new}, {score.n_events:,} events to find among all items"]


def map_lines(drawn: ItemMap) -> list[str]:
    """The items that lie farthest out at the four ends of a map, which say what its directions mean."""
    ends = [["right", *_list_end(drawn, "x", -1)], ["left", *_list_end(drawn, "x", 1)]]
    ends += [["top", *_list_end(drawn, "y", -1)], ["bottom", *_list_end(drawn, "y", 1)]]
    shown = f"  {len(drawn.items):,} items; two directions show {drawn.share:.0%} of what tells them apart; weights draw RUN map draws all"
    return [*aligned(ends, to_right=[]), shown]


def _list_end(drawn: ItemMap, axis: str, side: int) -> list[str]:
    """The names of the items that lie farthest out on a side."""
    return [short_name(item.name) for item in sorted(drawn.items, key=lambda item: side * float(getattr(item, axis)))[:_ENDS]]


def user_lines(user: UserProfile, top: int) -> list[str]:
    """What is known of a user as a table, the latest events first."""
    rows = [["item", "", "value", "weight", "since the fit"]]
    for event in user.events[:top]:
        named = "" if event.name == str(event.item) else short_name(event.name)
        rows.append([str(event.item), named, compact(event.value), f"{event.weight:.2f}", "yes" if event.remembered else ""])
    more = [f"  {len(user.events) - top:,} more events"] if len(user.events) > top else []
    tags = [labelled("tags", ", ".join(user.tags))] if user.tags else []
    return [
        f"user {user.user}: {counted(len(user.events), 'event')}, {user.n_remembered:,} since the fit",
        *tags,
        *aligned(rows, to_right=[2, 3]),
        *more,
    ]


def run_lines(model: RankingModel, folder: Path) -> list[str]:
    """Everything about a saved run of recommendations."""
    recommender, report = model.recommender, model.report
    columns = recommender.task.columns
    lines = [
        labelled(folder.name, f"ranking: {columns.item} for {columns.user}"),
        labelled(
            "made", f"{report.created[:19].replace('T', ' ')} from {report.source}, {count_events(recommender.events, report.n_samples)}"
        ),
        labelled("model", f"{_name_mixture(recommender)}, {duration(report.seconds)}"),
    ]
    lines += [labelled(name, _describe_settings(part.scorer.settings)) for name, part in recommender.parts.items()]
    verdicts = [f"{name}.{setting}: {curve.verdict}" for name, own in recommender.curves.items() for setting, curve in own.items()]
    lines += [labelled("fit" if not place else "", verdict) for place, verdict in enumerate(verdicts)]
    return [*lines, *quality_lines(recommender), labelled("why", report.decision), *note_lines(report.remarks)]


def _describe_settings(settings: Any) -> str:
    """Settings of a model, by name."""
    return ", ".join(f"{name} {value}" for name, value in msgspec.to_builtins(settings).items()) or "nothing to set"


def run_object(model: RankingModel, folder: Path | None) -> dict[str, Any]:
    """What `fit` and `show` print as JSON."""
    recommender = model.recommender
    return {
        **describe_task(recommender.task, recommender.events),
        "shares": recommender.shares,
        "settings": {name: msgspec.to_builtins(part.scorer.settings) for name, part in recommender.parts.items()},
        "curves": msgspec.to_builtins(recommender.curves),
        "groups": msgspec.to_builtins(recommender.groups),
        **report_object(model.report, folder),
    }
