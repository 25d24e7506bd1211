"""Tables of feature weights and of contributions to predictions, for people: text for terminals, HTML for notebooks.

`summarise` picks and orders the rows of a `Table`, which shows itself; `explained` shows single predictions and `checked` of
simulations. The numbers come from `effects.FeatureWeights.records`, `inspection/explanation.py` and `checking.py`.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from weights.checking import Check
from weights.effects import ERRORS, INTERCEPT, MEASURES, FeatureWeights, Group, Record, leading
from weights.ensemble import Ensemble
from weights.errors import abridged, listed, printable
from weights.inspection.explanation import NOTHING
from weights.inspection.measured import MeasuredSize, find_measured
from weights.keptweights import ask_weights
from weights.multiplicity import adjusted
from weights.tables import Table, aligned, compact, fixed, interval_heads, short_name, signed
from weights.tasks.base import Task
from weights.tasks.metrics import UNLISTED, Measure, Metric
from weights.wordsummary import summarise_words

LABEL = 14
"""Columns of the label that lines about one thing begin with."""
_BAR, _MOST_SHOWN = 8, 10
_HELD = "held as they are while the features above change, and not ranked: {}; see weights explain"
_WIDEST_VALUE = 14
_MOST_GROUPS, _MOST_OF_GROUP = 3, 4
_LEAST_SHOWN = 5e-5
_GOOD_COVERAGE = 0.93
_MOST_CLASSES, _REPEATED = 2, " "
_READABLE = 1e-6, 1e6
_PER_DEVIATION = "{}: per standard deviation, because a unit of it is far too large or small"
_MANY_TESTS, _ALPHA = 20, 0.05
_IMPORTANCE_HEADS = {"imp. low": "[0.025", "imp. high": "0.975]"}
_ONLY_WIDE = ("per sd", "imp. low", "imp. high", "sign")
_FEW_CLUSTERS = 20
_OF_CLUSTERS = {
    True: "; 95 % intervals held the truth 93 to 98 % of the time on simulated tables of 5 to 50 clusters",
    False: "; 95 % intervals of networks held the truth 96.1 % of the time on simulated tables of 5 to 50 clusters",
}
"""Measured by benchmarks/clusters.py, by whether effects are those of least squares."""
_ADJUSTED = {
    "none": "",
    "holm": "; p-values of features, not of levels, adjusted for their number (Holm)",
    "bh": "; p-values of features, not of levels, adjusted for their number (Benjamini-Hochberg)",
}


def summarise_weights(ensemble: Ensemble, **options: Any) -> list[Table]:
    """The table of columns, and that of words.

    Args:
        ensemble: that was fitted.
        **options: as `summarise`, and `summarise_words`.

    Raises:
        UsageError: a choice is not known, or there are no weights.
    """
    task, told = ensemble.task, ensemble.report.word_weights is not None  # of texts by their words
    blocks = zip(ensemble.encoding.blocks, ensemble.encoding.kinds, strict=True)
    held = [block.name for block, kind in blocks if not (told and kind.vocabulary)]
    return ask_weights(
        ensemble,
        options,
        lambda columns: [summarise(columns, task, held=held, **options)],
        lambda words, chosen: [summarise_words(words, task, **chosen)],
    )


def summarise(
    weights: FeatureWeights,
    task: Task,
    *,
    sort: str = "importance",
    top: int | None = None,
    narrow: bool = False,
    held: Sequence[str] = (),
    **options: Any,
) -> Table:
    """The table of a fit.

    Args:
        weights: what inspection found.
        task: what was asked.
        sort: as `FeatureWeights.records`, but best first.
        top: at most so many features.
        narrow: without the columns that fit no narrow terminal.
        held: columns that models read as well and that have no weight of their own.
        **options: scale, per, errors, level, adjust, levels, as `FeatureWeights.records`.

    Raises:
        UsageError: a choice is not known.
    """
    blocks = weights.group_by_feature(sort=sort, **options)
    shown = leading(blocks, top)
    several = len({outcome.label for outcome in task.outcomes()}) > 1
    if several and not options.get("levels"):
        shown = [_strongest_classes(block) for block in shown]
    intercepts = weights.intercept_records(**{name: options[name] for name in ("scale", "errors", "level") if name in options})
    if several and not options.get("levels"):
        likeliest = sorted(intercepts, key=lambda record: -(record["effect"] or 0.0))[:_MOST_CLASSES]
        intercepts = [{**record, "level": _REPEATED if i else ""} for i, record in enumerate(likeliest)]
    scaled = _per_deviation(shown) if options.get("per", "unit") == "unit" and options.get("scale") != "odds" else []
    largest = max([block[0]["importance"] or 0.0 for block in shown], default=0.0)
    largest = largest if largest >= _LEAST_SHOWN else 0.0
    table = [_cells(record, largest if record is block[0] else 0.0) for block in shown for record in block]
    table += [_cells(record, 0.0) for record in intercepts]
    left_out = {*(_ONLY_WIDE if narrow else ()), *(("per sd",) if options.get("per") == "sd" else ())}
    if not several:
        left_out.add("class")
    keep = [name for name in table[0] if name not in left_out]
    heads = {**dict(zip(keep, keep, strict=True)), **interval_heads(options.get("level", 0.95)), **_IMPORTANCE_HEADS, "bar": ""}
    return Table(
        title=_title(task, options.get("scale", "target"), options.get("per", "unit")),
        heads=[heads[name] for name in keep],
        rows=[[row[name] for name in keep] for row in table],
        notes=[
            *([_PER_DEVIATION.format(listed(scaled, 6))] if scaled else []),
            *_notes(weights, blocks, shown, intercepts, options),
            *([_HELD.format(listed(held, 6))] if held else []),
        ],
    )


def _strongest_classes(block: list[Record]) -> list[Record]:
    """Of a feature the test of all classes together, and the classes that it tells of most."""
    empty = dict.fromkeys(("effect", "std_err", "z", "low", "high", "per_sd", "sign_agreement"))
    overall = {**block[0], **empty, "class": f"all {len(block)}", "p_value": _p_of_all_classes(block), "note": ""}
    strongest = sorted(block, key=lambda record: (record["p_value"] is None, record["p_value"], -abs(record["z"] or 0.0)))
    unrepeated = dict.fromkeys(("importance", "importance_low", "importance_high", "importance_share", "selected"))
    return [overall, *({**record, "level": _REPEATED, **unrepeated} for record in strongest[:_MOST_CLASSES])]


def _p_of_all_classes(block: list[Record]) -> float | None:
    """The p-value of no effect of a feature on any class, by Bonferroni's bound."""
    p_values = [record["p_value"] for record in block if not record["level"] and record["p_value"] is not None]
    return min(1.0, len(p_values) * min(p_values)) if p_values else None


def _per_deviation(shown: list[list[Record]]) -> list[str]:
    """The features whose effects are too large or too small to read per unit, having made them per standard deviation."""
    scaled = []
    for record in itertools.chain.from_iterable(shown):
        effect, per_sd = record["effect"], record["per_sd"]
        if effect and per_sd and not _READABLE[0] <= abs(effect) < _READABLE[1] and _READABLE[0] <= abs(per_sd) < _READABLE[1]:
            factor = per_sd / effect
            record.update({name: record[name] and record[name] * factor for name in ("effect", "std_err", "low", "high")})
            scaled.append(printable(record["feature"]))
    return [*dict.fromkeys(scaled)]


def _title(task: Task, scale: str, per: str) -> str:
    if scale == "odds":
        whats = task.effect_of("link").removeprefix("log ").removeprefix("the log ")
        return f"Weights       ratio of the {whats} per {'standard deviation' if per == 'sd' else 'unit'} of the feature"
    return f"Weights       change of {task.effect_of(scale)} per {'standard deviation' if per == 'sd' else 'unit'} of the feature"


def _cells(record: Record, largest: float) -> dict[str, str]:
    importance = record["importance"]
    change = record["scale"] != "odds" and record["feature"] != INTERCEPT  # ratios and levels have no sign
    shown = signed if change else compact
    name = "" if record["level"] == _REPEATED else f"  {record['level']}" if record["level"] else record["feature"]
    return {
        "feature": short_name(name),
        "class": printable(str(record["class"])),
        "effect": shown(record["effect"]),
        "std err": compact(record["std_err"]),
        "z": fixed(record["z"], 2),
        "P>|z|": fixed(record["p_value"], 3),
        "low": shown(record["low"]),
        "high": shown(record["high"]),
        "per sd": shown(record["per_sd"]),
        "importance": fixed(importance, 4),
        "bar": "=" * round(_BAR * max(importance or 0.0, 0.0) / largest) if largest > 0 else "",
        "imp. low": fixed(record["importance_low"], 4),
        "imp. high": fixed(record["importance_high"], 4),
        "selected": _percent(record["selected"]),
        "sign": _percent(record["sign_agreement"]),
    }


def _notes(
    weights: FeatureWeights,
    blocks: list[list[Record]],
    shown: list[list[Record]],
    intercepts: list[Record],
    options: Mapping[str, Any],
) -> list[str]:
    """What must be known to read the table."""
    level, errors = options.get("level", 0.95), options.get("errors") or weights.errors
    notes = []
    if len(shown) < len(blocks):
        hidden = blocks[len(shown) :]
        p_values = [[r["p_value"] for r in block if not r["level"] and r["p_value"] is not None] for block in hidden]
        unclear, unknown = sum(bool(p) and min(p) >= 1 - level for p in p_values), sum(not p for p in p_values)
        untold = f", {unknown} without one" if unknown else ""
        notes.append(f"({len(hidden)} more; {unclear} of their effects not distinguishable from zero{untold})")
    remarks: dict[str, list[str]] = {}
    for record in itertools.chain(*shown, intercepts):
        if record["note"]:
            name = printable(f"{record['feature']} {record['level']}".strip())
            remarks[printable(record["note"])] = [*dict.fromkeys([*remarks.get(printable(record["note"]), []), name])]
    notes += [f"{listed(names, 6)}: {remark}" for remark, names in remarks.items()]
    if timed := [printable(block[0]["feature"]) for block in shown if block[0]["unit"]]:
        notes.append(f"{listed(timed, 6)}: per day")
    names = {block[0]["feature"] for block in shown}
    importances = {importance.features[0]: importance.value for importance in weights.importances}
    groups = [group for group in weights.groups if names & {*group.together.features}]
    notes += [_group_note(group, importances) for group in groups[:_MOST_GROUPS]]
    meaning = f"importance: {MEASURES[weights.measure]} without the feature, out of bag"
    notes.append(f"{meaning}; selected: share of members that predict better with it")
    if options.get("adjust", "none") == "none":
        notes += _note_of_many_tests([p for block in blocks if (p := _p_of_all_classes(block)) is not None])
    words, coverage = _ADJUSTED[options.get("adjust", "none")], _coverage_note(weights, options.get("scale", "target"), errors)
    among = f" in {weights.n_clusters:,} clusters" if weights.n_clusters is not None else ""
    notes.append(f"{ERRORS[errors]} errors from {weights.n_rows:,} rows{among}{words}{coverage}")
    if weights.n_clusters is not None and weights.n_clusters < _FEW_CLUSTERS:
        notes.append(f"{weights.n_clusters} clusters are few: what is said of features that differ between clusters rests on so many cases")
    notes.append("what goes along with a feature when the others stay as they are; not a causal effect")
    return notes


def _note_of_many_tests(p_values: list[float]) -> list[str]:
    """How many of many features would be below 0.05 by chance."""
    if len(p_values) <= _MANY_TESTS:
        return []
    below, left = (sum(p is not None and p < _ALPHA for p in each) for each in (p_values, adjusted(p_values, "holm")))
    by_chance = f"of {len(p_values)} features {_ALPHA * len(p_values):.0f} would be below {_ALPHA} by chance if none had an effect"
    return [f"{by_chance}; {below} are, and {left} after Holm's correction (--adjust holm)"]


def _group_note(group: Group, importances: Mapping[str, float]) -> str:
    """The importance of features that move together, and between what their parts lie."""
    together = group.together
    if together.value <= 0:
        return f"move together, and are of no use to the prediction even together: {listed([printable(f) for f in together.features], 6)}"

    def part(feature: str) -> str:
        low, high = sorted((importances[feature], group.alone[feature]))
        return f"{printable(feature)} {low:.4f} to {high:.4f}"

    largest = sorted(together.features, key=lambda feature: -group.alone[feature])
    parts = listed([part(feature) for feature in largest], _MOST_OF_GROUP)
    return f"move together, importance {together.value:.4f} [{together.low:.4f} {together.high:.4f}], the split uncertain: {parts}"


def _coverage_note(weights: FeatureWeights, scale: str, errors: str) -> str:
    """How often such intervals held the truth in simulations, where any were of such a table."""
    if weights.how == "ridge":
        return "; with more inputs than half the rows expectations are penalised, and intervals of strong effects are too narrow"
    if errors == "cluster":
        return _OF_CLUSTERS[weights.linear and weights.how == "least squares"]
    of_link = scale != "target"
    measured = find_measured(weights, "link" if of_link else "target")
    if measured is None or errors == "hac":
        return "; no simulated table was like this one: weights check-intervals tries these on yours"
    if isinstance(measured, MeasuredSize):
        alarms = f"{100 * measured.least:.1f} to {100 * measured.most:.1f} %"
        like = "heavy-tailed noise" if measured.rarest is None else f"a class as rare as {100 * measured.rarest:g} %"
        shape = f"{measured.n:,} rows, {measured.levels} levels and {like}"
        return f"; tests at 0.05 found {alarms} of effects that were not there, on simulated tables of {shape}"
    shape = f"simulated tables of {measured.n:,} rows and {measured.p} features"
    if of_link and measured.odds is not None:
        low, high = (f"{100 * share:.0f}" for share in measured.odds)
        return f"; 95 % intervals of log odds held the truth {low if low == high else f'{low} to {high}'} % of the time on {shape}"
    words = f"; 95 % intervals held the truth {100 * measured.mean:.1f} % of the time on {shape}"
    if measured.least < _GOOD_COVERAGE:
        words += f", but only {100 * measured.least:.1f} % with {measured.worst}"
    return words


def describe_model(ensemble: Ensemble) -> str:
    """A model as HTML for notebooks: its metrics, what to think of them, and the features of most importance."""
    report, task = ensemble.report, ensemble.task
    rows = []
    for name, metric in report.metrics.items():
        measure, test = task.metrics.get(name, UNLISTED), report.test.get(name)
        own = [measure.title or name.replace("_", " "), number(measure, metric.value), bounds(measure, metric)]
        rows.append([*own, *([number(measure, test.value), bounds(measure, test)] if test else [""] * 2 * bool(report.test))])
    title = f"{task.kind} of {task.target}: {ensemble.n_members} members, {report.n_samples:,} rows of {report.source}"
    heads = ["", "out of bag", "95 % interval", *([f"test, {report.n_test:,} rows", "95 % interval"] if report.test else [])]
    notes = [report.decision, report.usefulness.complaint if report.usefulness else "", ensemble.encoding.disclaimer]
    shown = [Table(title, heads, rows, [*filter(None, notes)])]
    if report.is_weighed:
        shown += summarise_weights(ensemble, top=_MOST_SHOWN, narrow=True, per="sd")
    return "".join(table._repr_html_() for table in shown)


def explained(records: Sequence[Record], target: str, *, top: int = 10) -> list[str]:
    """Lines about explained predictions, as `answering.explanations` gives them."""
    lines = []
    for record in records:
        answer, base = compact(record["prediction"]), compact(record["base"])
        lines.append(f"Row {record['row']:<9} {_name_answer(record, target)} {answer} = {base} for {record['beginning']}, and")
        parts = record["contributions"]
        largest = max((abs(part["contribution"]) for part in parts), default=0.0)
        largest = largest if largest > NOTHING else 1.0
        cells = [_contribution(part, largest) for part in parts[:top]]
        if len(parts) > top:
            rest = sum(part["contribution"] for part in parts[top:])
            cells.append([f"({len(parts) - top} more)", "", signed(rest), "", ""])
        lines += aligned(cells, to_right=(1, 2))
    return lines


def heading_of(record: Record, target: str) -> str:
    """The answer to an explained row, and what it would be for what explanations begin with, as a heading."""
    answer, base = compact(record["prediction"]), compact(record["base"])
    return f"Row {record['row']}: {_name_answer(record, target)} is {answer}; {base} for {record['beginning']}"


def _name_answer(record: Record, target: str) -> str:
    return printable(target if record["class"] is None else f"P({target} = {record['class']})")


def _contribution(part: Record, largest: float) -> list[str]:
    amount, value = part["contribution"], part["value"]
    shown = "missing" if value is None else compact(value) if isinstance(value, float) else printable(str(value))
    interval = "" if part["low"] is None else f"[{signed(part['low'])} {signed(part['high'])}]"
    bar = ("+" if amount > 0 else "-") * round(20 * abs(amount) / largest)
    return [short_name(part["feature"]), _cut(shown), signed(amount), interval, bar]


def _cut(shown: str) -> str:
    """A value as short as its column is wide; of paths the end, in which they differ."""
    return f"…{shown[1 - _WIDEST_VALUE :]}" if "/" in shown and len(shown) > _WIDEST_VALUE else abridged(shown, _WIDEST_VALUE)


def checked(check: Check, name: str) -> list[str]:
    """Lines about what simulations showed of the intervals of a run."""
    [table] = check.tables()
    head = f"Checked       {table.title}: outcomes drawn from {printable(name)}, models fitted anew"
    return [head, *aligned([table.heads, *table.rows], to_right=(2, 3, 5)), *(f"  {note}" for note in table.notes)]


def labelled(label: str, text: str) -> str:
    """One line: a label in its column, then text; a label longer than its column pushes the text."""
    return f"{printable(label):<{LABEL - 2}}  {printable(text)}"


def percent(metric: Metric | None) -> str:
    """A share with its interval.

    Example:
        >>> percent(Metric(0.95, 0.91, 0.975))
        '95.0 % [91.0 97.5]'
    """
    if metric is None or np.isnan(metric.value):
        return "unknown"
    bounds = "" if metric.low is None or metric.high is None else f" [{100 * metric.low:.1f} {100 * metric.high:.1f}]"
    return f"{100 * metric.value:.1f} %{bounds}"


def number(measure: Measure, value: float) -> str:
    """A metric's value in words."""
    return measure.show(value) if np.isfinite(value) else "unknown"


def bounds(measure: Measure, metric: Metric) -> str:
    """The interval of a metric in brackets; nothing where there is none."""
    if metric.low is None or metric.high is None:
        return ""
    return f"[{number(measure, metric.low).removesuffix(' %')} {number(measure, metric.high).removesuffix(' %')}]"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.0f} %"
