"""What a person reads of a diagnosis: the verdict, what the loss is made of, what was tried, and what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import msgspec

from weights.errors import counted, listed
from weights.forecasting.comparing import ForecastComparison
from weights.forecasting.diagnosing import ForecastDiagnosis
from weights.forecasting.settings import write_settings
from weights.forecasting.trials import ForecastTrial
from weights.report.elements import finding_lines
from weights.report.terminal import duration
from weights.summary import labelled
from weights.tables import aligned, compact
from weights.verdicts import Curve, Decomposition, Diagnosis, Experiment, Part, Remedy, times

_BAR, _SHORT_BAR = 30, 24
_WIDEST_CHANGE = 64
_ROUNDING = 1e-12


def diagnosis_lines(diagnosis: Diagnosis, run: str) -> list[str]:
    """Everything a diagnosis says; `run` is what the user calls the run."""
    lines = [
        labelled("Verdict", f"{diagnosis.verdict}: {diagnosis.reason}"),
        *decomposition_lines(diagnosis.decomposition, diagnosis.train_loss),
    ]
    judged = f"judged on {diagnosis.n_rows:,} rows that they never saw, in {duration(diagnosis.seconds)}"
    tried = f"{diagnosis.n_members} members each, {judged}"
    n_tried = len(diagnosis.remedies)
    lines.append(labelled("Tried", f"{n_tried} {'change' if n_tried == 1 else 'changes'} with {tried}"))
    if diagnosis.remedies:
        lines += _remedy_lines(diagnosis.remedies)
        lines.append("  [95 % interval that holds for all of them together, over the choice of rows and the chance of training]")
    if diagnosis.untried:
        left = f"{listed(diagnosis.untried, len(diagnosis.untried))}, because trials were to take no longer than the fit"
        lines.append(labelled("Not tried", f"{left}: weights diagnose {shlex.quote(run)} --thorough"))
    lines += _row_lines(diagnosis)
    lines += _complexity_lines(diagnosis.complexity)
    lines += finding_lines(diagnosis.findings)
    if helpful := [remedy for remedy in diagnosis.remedies if remedy.helps]:
        lines.append(labelled("Next", f"weights improve {shlex.quote(run)} --apply {helpful[0].name}"))
    return lines


def forecast_diagnosis_lines(diagnosis: ForecastDiagnosis) -> list[str]:
    """Everything a diagnosis of forecasts says."""
    tried = f"{counted(len(diagnosis.remedies), 'change')}, each learned without the last {diagnosis.held_out:,} moments"
    learned = f"{compact(diagnosis.train_loss)} where it was learned, {compact(diagnosis.plain_loss)} of the {diagnosis.plain}"
    helps = next((remedy for remedy in diagnosis.remedies if remedy.helps), None)
    fitting = f"weights fit ... {' '.join(f'--set {text}' for text in write_settings(helps.settings))}" if helps is not None else ""
    return [
        labelled("Verdict", f"{diagnosis.verdict}: {diagnosis.reason}"),
        labelled("Loss", f"{diagnosis.measure} {compact(diagnosis.loss)} on the last moments; {learned}"),
        labelled("Tried", f"{tried} and judged on {diagnosis.n_windows:,} forecasts of these"),
        *_trial_lines(diagnosis.remedies, diagnosis.loss),
        *([labelled("Next", fitting)] if fitting else []),
    ]


def forecast_comparison_lines(comparison: ForecastComparison) -> list[str]:
    """Settings of forecasts beside those of the run."""
    learned = f"{compact(comparison.train_loss)} where it was learned"
    tried = f"{counted(len(comparison.variants), 'variant')}, each learned without the last {comparison.held_out:,} moments"
    return [
        labelled("Loss", f"{comparison.measure} {compact(comparison.loss)} on the last moments as it is; {learned}"),
        labelled("Tried", f"{tried} and judged on {comparison.n_windows:,} forecasts of these"),
        *_trial_lines(comparison.variants, comparison.loss),
    ]


def _trial_lines(trials: Sequence[ForecastTrial], loss: float) -> list[str]:
    """What other settings do, as a table."""
    rows = [["", "change", "loss falls by", "[low high]", "share", "where learned", "time", ""]]
    for trial in trials:
        named = ["", _cut(trial.change)] if trial.name == trial.change else [trial.name, _cut(trial.change)]
        if trial.failure:
            rows.append([*named, "failed", "", "", "", "", trial.failure])
            continue
        bounds = "" if trial.low is None or trial.high is None else f"[{compact(trial.low)} {compact(trial.high)}]"
        word = "helps" if trial.helps else "harms" if trial.harms else ""
        share = f"{trial.gain / max(loss, 1e-300):+.1%}"
        rows.append([*named, compact(trial.gain), bounds, share, compact(trial.train_gain), duration(trial.seconds), word])
    columns = [i for i in range(len(rows[0])) if any(row[i] for row in rows)]
    shown = [[row[i] for i in columns] for row in rows]
    right = [place for place, i in enumerate(columns) if i in (2, 4, 5, 6)]
    notes = ["  [95 % interval that holds for all of them together, over the choice of moments]"]
    if any(trial.low is None and not trial.failure for trial in trials):
        notes.append("  no interval: what was held out is too short to tell how forecasts near each other depend (--hold-out)")
    return [*aligned(shown, to_right=right), *notes]


def decomposition_lines(terms: Decomposition, train_loss: float | None = None) -> list[str]:
    """What a loss is made of, as bars."""
    beside = "" if train_loss is None else f", {compact(train_loss)} on rows that members learned from"
    lines = [labelled("Loss", f"{terms.measure} {compact(terms.loss.value)} out of bag{beside}; {compact(terms.constant)} for a constant")]
    together = "what many members would lose together" if terms.variance else "what one model loses by itself"
    rows = [_part_cells("bias" if terms.noise else "bias and noise", terms.bias, terms, together)]
    if terms.noise:
        rows.append(_part_cells("noise", terms.noise, terms, "among rows that agree in all inputs"))
    if terms.variance is None:
        rows.append(["variance", "unknown", "", "", "in the above: each row is judged by one member of each model only"])
    else:
        due = f", {compact(terms.rows.value)} of it because other rows might have come" if terms.rows else ""
        rows.append(_part_cells("variance", terms.variance, terms, f"what one member loses more{due}"))
    if terms.variance or terms.diversity.value:
        taken = Part(-terms.diversity.value, terms.diversity.std_err)
        rows.append(_part_cells("diversity", taken, terms, "taken away by answering together"))
    return lines + aligned(rows, to_right=(1,))


def experiment_lines(experiment: Experiment) -> list[str]:
    """Variants as a table, the baseline first, and what is wrong with some."""
    of = " and ".join(experiment.populations)
    trained = f"{experiment.n_trainings} trainings of {experiment.n_members} members each of {of}"
    head = f"{trained}, judged on {experiment.n_rows:,} rows that they never saw, in {duration(experiment.seconds)}"
    rows = [["", experiment.measure, "lower by", "[low high]", "share", "where learned", "converged", "time", ""]]
    for variant in experiment.variants:
        if variant.failure:
            rows.append([_cut(variant.label), "failed", *[""] * 6, variant.failure])
            continue
        gain = variant.gain
        paired = [compact(gain.value), f"[{compact(gain.low)} {compact(gain.high)}]", f"{gain.relative:+.1%}"] if gain else ["", "", ""]
        verdict = "baseline" if variant.reference else "better" if gain and gain.low > 0 else "worse" if gain and gain.high < 0 else ""
        verdict = "no difference: not used beside the other settings" if variant.unused else verdict
        faults = ", ".join(dict.fromkeys(finding.fault for finding in variant.findings))
        steps = "" if variant.converged_at is None else f"{variant.converged_at:,} steps"
        own = [compact(variant.train_loss), steps, times(variant.cost), "; ".join(filter(None, [verdict, faults]))]
        rows.append([_cut(variant.label), compact(variant.loss), *paired, *own])
    findings = [
        msgspec.structs.replace(finding, population=variant.label)
        for variant in experiment.variants
        for finding in {finding.fault: finding for finding in variant.findings}.values()
    ]
    return [
        labelled("Compared", head),
        *aligned(rows, to_right=(1, 2, 4, 5, 6, 7)),
        "  [95 % interval that holds for all variants together, over the choice of rows and the chance of training]",
        "  converged: steps after which the loss on unseen rows had come within 1 % of its way to the lowest; time: as planned",
        *finding_lines(findings),
    ]


def _part_cells(name: str, part: Part, of: Decomposition, words: str) -> list[str]:
    whole = max(abs(of.loss.value), abs(of.bias.value), 1e-300)
    bar = ("-" if part.value < 0 else "#") * min(round(_BAR * abs(part.value) / whole), _BAR)
    return [name, compact(part.value), f"± {compact(1.96 * part.std_err)}", f"{bar:<{_BAR}}", words]


def _remedy_lines(remedies: list[Remedy]) -> list[str]:
    rows = [["", "change", "loss falls by", "[low high]", "share", "where learned", "time", ""]]
    for remedy in remedies:
        if remedy.failure:
            rows.append([remedy.name, remedy.change, "failed", "", "", "", times(remedy.cost), remedy.failure])
            continue
        same = abs(remedy.relative) < _ROUNDING  # the change has no say in the answers
        gain, low, high = (compact(0.0 if same else value) for value in (remedy.gain, remedy.low, remedy.high))
        cells = [remedy.name, _cut(remedy.change), gain, f"[{low} {high}]", f"{remedy.relative:+.1%}", compact(remedy.train_gain)]
        rows.append([*cells, times(remedy.cost), "helps" if remedy.helps else ""])
    return aligned(rows, to_right=(2, 4, 5, 6))


def _complexity_lines(curves: list[Curve]) -> list[str]:
    """Losses along each setting as bars: of rows that were not seen, and of those that members learned from."""
    if not curves:
        return []
    largest = max(point.loss for curve in curves for point in curve.points)
    rows = [["", "unseen", "", "learned", "from"]]
    for curve in curves:
        for point in curve.points:
            bars = ["#" * round(_SHORT_BAR * max(value, 0.0) / max(largest, 1e-300)) for value in (point.loss, point.train_loss)]
            rows.append([point.name, compact(point.loss), f"{bars[0]:<{_SHORT_BAR}}", compact(point.train_loss), bars[1]])
        rows.append([""] * 5)
    along = " and ".join(curve.along for curve in curves)
    return [labelled("Complexity", f"loss along {along}, simpler models first"), *aligned(rows[:-1], to_right=(1, 3))]


def _cut(words: str) -> str:
    return words if len(words) <= _WIDEST_CHANGE else f"{words[: _WIDEST_CHANGE - 1]}…"


def _row_lines(diagnosis: Diagnosis) -> list[str]:
    points = ", ".join(f"{compact(step.loss)} from {step.n_rows:,}" for step in diagnosis.curve)
    gain = diagnosis.doubling
    more = f"twice the rows would gain about {compact(gain.value)} [{compact(gain.low)} {compact(gain.high)}], {gain.relative:+.1%}"
    return [labelled("Rows", f"loss {points} rows; {more}"), "  if errors go on falling between the rates n^-0.5 and n^-1"]
