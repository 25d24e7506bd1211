"""The model card: README.md of a saved ensemble, for people and for model hubs."""

from __future__ import annotations

import json
from collections import Counter

from weights.data.interactions.splits import PROTOCOLS
from weights.data.table.columns import TABLE_KINDS
from weights.ensemble import Ensemble, Report
from weights.errors import DataError
from weights.finance.forecaster import PriceForecaster
from weights.forecasting.forecaster import Forecaster
from weights.forecasting.units import count_series
from weights.inspection.classes import operating_point
from weights.rating.rater import Rater
from weights.recommending.methods import METHODS
from weights.recommending.recommender import Recommender
from weights.tasks.metrics import Metric

_SENSITIVITY = 0.95
_MOST_SHARES = 20


def model_card(ensemble: Ensemble) -> str:
    """Markdown with YAML front matter: what the ensemble predicts, from what, how well, and what it is not for."""
    task, report = ensemble.task, ensemble.report
    names = [population.name for population in ensemble.populations]
    kinds = Counter(feature.kind for feature in ensemble.features if feature.kind in TABLE_KINDS)
    ignored = [f"- {_line(f.name)}: {f.kind}{', ' + _line(f.note) if f.note else ''}" for f in ensemble.features if not f.used]
    encoding, rows, modality = ensemble.encoding, "new-rows.csv", "tabular"
    learned = ", ".join([*(f"{n} {kind}" for kind, n in kinds.items()), *([encoding.describe_blocks()] if encoding.blocks else [])])
    described = f"rows and {report.n_features} features ({learned})" if encoding.columns else learned
    if not encoding.columns:
        rows, modality = encoding.kinds[0].example, encoding.kinds[0].modality
    notice = next((kind.card_notice for kind in encoding.kinds if kind.card_notice), "")
    pipeline = f"{modality}-{task.pipeline}"
    classes = f" Classes: {', '.join(_line(str(label)) for label in task.classes[:20])}." if task.classes else ""
    sections = [
        f"---\nlibrary_name: weights\npipeline_tag: {pipeline}\ntags: [{pipeline.split('-')[0]}, ensemble, {', '.join(names)}]\n---",
        f"# {_line(task.target)} from {_line(report.source)}",
        f"An ensemble of {ensemble.n_members} members ({', '.join(names)}) that answers a {task.kind} task.{classes}",
        f"Learned from {report.n_samples:,} {described} in {report.seconds:.1f} s with Weights {report.version}, {report.created}.",
        "## How good it is",
        "On rows that the members who score them never saw (out of bag), with 95 % intervals over the choice of rows:",
        _metrics_table(report.metrics),
        f"On {report.n_test:,} rows that were for the test only:" if report.test else "",
        _metrics_table(report.test) if report.test else "",
        report.decision,
        f"The model is {complaint}." if report.usefulness and (complaint := report.usefulness.complaint) else "",
        _screening(ensemble),
        "## Notes",
        "\n".join([*(f"- {_line(remark)}" for remark in report.remarks), *ignored]) or "- nothing",
        "## Use",
        f'```python\nimport weights as wt\n\nmodel = wt.load("this-folder")\nmodel.predict("{rows}")\n```',
        "## Limits",
        "Answers hold for rows like those it learned from. Weights describe association, not cause. "
        "Check it on your own rows before you decide anything that matters by it.",
        notice,
        "## Settings",
        f"```json\n{json.dumps(json.loads(_spec_json(ensemble)), indent=1)}\n```",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def forecast_card(forecaster: Forecaster) -> str:
    """Markdown with YAML front matter: what is forecast, from what, how well, and what it is not for."""
    task, report, model = forecaster.task, forecaster.report, forecaster.model
    shares = "\n".join(f"- {_line(name)}: {share:.1%}" for name, share in [*model.shares.items()][:_MOST_SHARES])
    several = count_series(forecaster.labels, task.series)
    sections = [
        "---\nlibrary_name: weights\npipeline_tag: time-series-forecasting\ntags: [time-series, forecasting]\n---",
        f"# {_line(task.target)} from {_line(report.source)}",
        f"Forecasts of {_line(task.target)}, {task.horizon:,} steps ahead ({forecaster.calendar.name}), of {several}.",
        f"Learned from {report.n_samples:,} rows in {report.seconds:.1f} s with Weights {report.version}, {report.created}.",
        "## How good it is",
        "At rolling origins (what was forecast from was learned from earlier values only), with 95 % intervals over the choice of moments:",
        _metrics_table(report.metrics),
        *_test_sections(report),
        report.decision,
        "## What forecasts are made of",
        shares,
        "## Notes",
        "\n".join(f"- {_line(remark)}" for remark in report.remarks) or "- nothing",
        "## Use",
        '```python\nimport weights as wt\n\nmodel = wt.load("this-folder")\nmodel.forecast()\n```',
        "## Limits",
        "Forecasts hold as far as what comes is like what came. Weights describe association, not cause.",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def price_card(forecaster: PriceForecaster) -> str:
    """Markdown with YAML front matter: what of prices is forecast, from what, how well, and what it is not for."""
    task, report = forecaster.task, forecaster.report
    several = count_series(forecaster.labels, task.series)
    sections = [
        "---\nlibrary_name: weights\npipeline_tag: time-series-forecasting\ntags: [time-series, finance]\n---",
        f"# {_line(task.quantity)} of {_line(task.target)} from {_line(report.source)}",
        f"{_line(task.told.help)} {task.horizon:,} steps ahead ({forecaster.calendar.name}), of {several}.",
        f"Learned from {report.n_samples:,} rows in {report.seconds:.1f} s with Weights {report.version}, {report.created}.",
        "## How good it is",
        f"At rolling origins, after {task.horizon:,} steps, with 95 % intervals over the choice of moments:",
        _metrics_table(report.metrics),
        *_test_sections(report),
        _line(report.decision),
        "## Notes",
        "\n".join(f"- {_line(remark)}" for remark in report.remarks) or "- nothing",
        "## Use",
        '```python\nimport weights as wt\n\nmodel = wt.load("this-folder")\nmodel.forecast()\n```',
        "## Limits",
        "The folder holds the prices it learned from. Forecasts hold as far as what comes is like what came. They are no advice to trade.",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def recommender_card(recommender: Recommender) -> str:
    """Markdown with YAML front matter: what is ranked, from what, how well, and what it is not for."""
    report, (n_users, n_items) = recommender.report, recommender.events.shape
    shares = "\n".join(f"- {METHODS[name].title}: {recommender.shares[name]:.1%}" for name in recommender.counting)
    protocol = recommender.task.protocol
    sections = [
        "---\nlibrary_name: weights\ntags: [recommendation, ranking]\n---",
        f"# {_line(recommender.task.target)} for {_line(recommender.task.columns.user)}, from {_line(report.source)}",
        f"Ranks {n_items:,} items for {n_users:,} users.",
        f"Learned from {report.n_samples:,} events in {report.seconds:.1f} s with Weights {report.version}, {report.created}.",
        "## How good it is",
        f"All items that a user did not have are ranked; judged by {PROTOCOLS[protocol].help}. With 95 % intervals over users:",
        _metrics_table(report.metrics),
        *_test_sections(report),
        _line(report.decision),
        "## What lists are made of",
        shares,
        "## Notes",
        "\n".join(f"- {_line(remark)}" for remark in report.remarks) or "- nothing",
        "## Use",
        '```python\nimport weights as wt\n\nmodel = wt.load("this-folder")\nmodel.recommend(top=10)\n```',
        "## Limits",
        "The folder holds the events it learned from, with the ids of users. What users are shown decides what they take: lists learned "
        "from lists repeat them.",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def rater_card(rater: Rater) -> str:
    """Markdown with YAML front matter: what is rated, from what, how well, and what it is not for."""
    report, (n_users, n_items), columns = rater.report, rater.events.shape, rater.task.columns
    sections = [
        "---\nlibrary_name: weights\ntags: [recommendation, rating]\n---",
        f"# {_line(rater.task.target)} of {_line(columns.item)} by {_line(columns.user)}, from {_line(report.source)}",
        f"Predicts how {n_users:,} users rate {n_items:,} items, by {rater.settings.n_draws} draws of {rater.settings.n_factors} factors.",
        f"Learned from {report.n_samples:,} ratings in {report.seconds:.1f} s with Weights {report.version}, {report.created}.",
        "## How good it is",
        f"Judged by {PROTOCOLS[rater.task.protocol].help}. With 95 % intervals over users:",
        _metrics_table(report.metrics),
        *_test_sections(report),
        _line(report.decision),
        "## Notes",
        "\n".join(f"- {_line(remark)}" for remark in report.remarks) or "- nothing",
        "## Use",
        '```python\nimport weights as wt\n\nmodel = wt.load("this-folder")\nmodel.predict(pairs)\n```',
        "## Limits",
        "The folder holds the ratings it learned from, with the ids of users. Who rates an item chose to: of pairs that nobody would have "
        "chosen, predictions and intervals say less.",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _test_sections(report: Report) -> list[str]:
    """The metrics of the test, if there was one."""
    return [f"On {report.n_test:,} of what was for the test only:", _metrics_table(report.test)] if report.test else []


def _metrics_table(metrics: dict[str, Metric]) -> str:
    lines = [f"| {name.replace('_', ' ')} | {m.value:.4g} | {_interval(m.low, m.high)} |" for name, m in metrics.items()]
    return "\n".join(["| metric | value | interval |", "|---|---|---|", *lines])


def _screening(ensemble: Ensemble) -> str:
    """What the threshold that finds nearly all of the second of two classes costs where people may screen by it, or nothing."""
    if not ensemble.encoding.disclaimer or ensemble.oob_predictions is None or len(ensemble.task.classes) != 2:
        return ""
    try:
        point = operating_point(ensemble.oob_predictions, ensemble.task.classes, 1, _SENSITIVITY, test=ensemble.test_predictions)
    except DataError:  # one of the classes was not judged
        return ""
    lines = [
        f"| {where} | {_share(found.sensitivity)} | {_share(found.specificity)} |"
        for where, found in (("out of bag", point.out_of_bag), ("test", point.test))
        if found is not None
    ]
    said = f"To find {_SENSITIVITY:.0%} of '{_line(str(point.label))}', call it so from a probability of {point.rounded_threshold} on:"
    return "\n".join([said, "", "| | sensitivity | specificity |", "|---|---|---|", *lines])


def _share(metric: Metric | None) -> str:
    return "" if metric is None else f"{metric.value:.1%} ({metric.low:.1%} to {metric.high:.1%})"


def _spec_json(ensemble: Ensemble) -> bytes:
    import msgspec

    return msgspec.json.encode({population.name: population.spec for population in ensemble.populations})


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:.4g} to {high:.4g}"


def _line(text: str) -> str:
    """Text from the data on one line and without Markdown or HTML meaning."""
    plain = " ".join(text.split())
    return "".join(f"\\{c}" if c in r"\`*_[]<>|#" else c for c in plain)
