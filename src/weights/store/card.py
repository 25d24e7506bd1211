"""The model card: README.md of a saved ensemble, for people and for model hubs."""

from __future__ import annotations

import json
from collections import Counter

from weights.ensemble import Ensemble


def model_card(ensemble: Ensemble) -> str:
    """Markdown with YAML front matter: what the ensemble predicts, from what, how well, and what it is not for."""
    task, report = ensemble.task, ensemble.report
    names = [population.name for population in ensemble.populations]
    kinds = Counter(feature.kind for feature in ensemble.features if feature.used)
    aside = [f"- {_line(f.name)}: {f.kind}{', ' + _line(f.note) if f.note else ''}" for f in ensemble.features if not f.used]
    described = ", ".join(f"{n} {kind}" for kind, n in kinds.items())
    metrics = [f"| {name.replace('_', ' ')} | {m.value:.4g} | {_interval(m.low, m.high)} |" for name, m in report.metrics.items()]
    pipeline = "tabular-regression" if task.kind == "regression" else "tabular-classification"
    classes = f" Classes: {', '.join(_line(str(label)) for label in task.classes[:20])}." if task.classes else ""
    sections = [
        f"---\nlibrary_name: weights\npipeline_tag: {pipeline}\ntags: [tabular, ensemble, {', '.join(names)}]\n---",
        f"# {_line(task.target)} from {_line(report.source)}",
        f"An ensemble of {ensemble.n_members} members ({', '.join(names)}) that answers a {task.kind} task.{classes}",
        f"Learned from {report.n_samples:,} rows and {report.n_features} features ({described}) "
        f"in {report.seconds:.1f} s with Weights {report.version}, {report.created}.",
        "## How good it is",
        "On rows that the members who score them never saw (out of bag), with 95 % intervals over the choice of rows:",
        "\n".join(["| metric | value | interval |", "|---|---|---|", *metrics]),
        report.decision,
        "## What was noticed",
        "\n".join([*(f"- {_line(remark)}" for remark in report.remarks), *aside]) or "- nothing",
        "## Use",
        '```python\nimport weights as wt\n\nmodel = wt.load("this-folder")\nmodel.predict("new-rows.csv")\n```',
        "## Limits",
        "Answers hold for rows like those it learned from. Weights describe association, not cause. "
        "Check it on your own rows before you decide anything that matters by it.",
        "## Settings",
        f"```json\n{json.dumps(json.loads(_spec_json(ensemble)), indent=1)}\n```",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _spec_json(ensemble: Ensemble) -> bytes:
    import msgspec

    return msgspec.json.encode({population.name: population.spec for population in ensemble.populations})


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:.4g} to {high:.4g}"


def _line(text: str) -> str:
    """Text from the data on one line and without Markdown or HTML meaning."""
    plain = " ".join(text.split())
    return "".join(f"\\{c}" if c in r"\`*_[]<>|#" else c for c in plain)
