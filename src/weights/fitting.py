"""From what was `Prepared` to an ensemble: `train_ensemble` trains, mixes, compares, calibrates and reports."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import msgspec
import numpy as np
import pyarrow as pa

import weights
from weights.data.dataset import Dataset, encode_streamed
from weights.data.encoding import Datetime, Numeric
from weights.data.inputs import FARTHEST, NUMBERS
from weights.data.table.rownumbers import rows_counted_from
from weights.data.unfamiliar import show_value
from weights.ensemble import Candidate, Ensemble, Population, Predictions, Report, limits_of, most_kept, name_limits
from weights.errors import DataError, listed
from weights.inspection.decomposition import Judged, MemberPredictions, decompose
from weights.inspection.outofbag import OutOfBagMembers
from weights.inspection.usefulness import judge_usefulness
from weights.prepared import Prepared
from weights.spec import Spec
from weights.tasks.base import Task
from weights.tasks.metrics import Metric, score
from weights.training.control import Control
from weights.training.job import Job, StreamedRows, Streaming
from weights.training.outofbag import Trained
from weights.training.population import member_seeds, method_of
from weights.training.resampling import Draw, resample
from weights.training.search import race
from weights.training.stacking import Stacking, stack
from weights.training.together import LeftOut, train_together
from weights.types import BoolArray, FloatArray, IntArray
from weights.verdicts import Decomposition
from weights.weighing import find_bounded, weigh_columns, weigh_words

_MOST_NAMED = 3


def train_ensemble(prepared: Prepared, control: Control) -> Ensemble:
    """Train every candidate, stack and calibrate them, and report.

    Raises:
        Interrupted, TrainingError: see `train_together`.
    """
    began = time.monotonic()
    dataset, task = prepared.dataset, prepared.task
    jobs: dict[str, Job] = {}
    searches: dict[str, list[Candidate]] = {}
    specs = dict(prepared.candidates)
    remarks = [*prepared.remarks]
    for name in prepared.candidates:
        if name in prepared.races:
            raced = {label: job("search", spec, prepared).first_repeat() for label, spec in prepared.races[name].items()}
            winner, searches[name] = race(raced, control, group=dataset.group)
            specs[name] = prepared.races[name][winner]
        jobs[name] = job(name, specs[name], prepared)
        if not method_of(specs[name]).learns_all_rows(jobs[name]):
            remarks.append(f"{name} has too many weights to be solved from streamed rows, and learned from the sample only")
    trained, left_out = train_together(jobs, control, group=dataset.group, time=dataset.time)
    remarks += [why.describe(name) for name, why in left_out.items()]
    names = [*trained]
    rows = np.logical_and.reduce([result.covered for result in trained.values()])
    outputs = np.stack([result.outputs[rows] for result in trained.values()])
    y, weight = prepared.y[rows], prepared.weight[rows]
    stacking = stack(outputs, y, weight, task, shifted=[not method_of(specs[name]).at_optimum for name in names])
    offset, answers = stacking.offset, stacking.answers
    alone = dict(zip(names, stacking.alone, strict=True))
    populations = [
        replace(result.population, stacking_weight=float(factor))
        for result, factor in zip(trained.values(), stacking.weights, strict=True)
        if factor > 0 or not stacking.weights.any()  # where nothing can be known, all stay, and the offset answers
    ]
    oob_members = [
        OutOfBagMembers(population, jobs[population.name].resampling.scored[trained[population.name].kept]) for population in populations
    ]
    judged = prepared.judged(rows)
    predictions = Predictions(answers, y, np.flatnonzero(rows), dataset.sample_weight[rows], judged.group)
    remarks += [*_describe_limits(populations, prepared), *_describe_bounded(populations, prepared)]
    word_weights, leaks = weigh_words(prepared, jobs[names[0]], control)
    remarks += leaks
    report = Report(
        source=dataset.source,
        n_samples=dataset.n_samples,
        n_features=len(dataset.used_features),
        metrics=_metrics(answers, rows, prepared),
        compared={**{name: _metrics(alone[name], rows, prepared) for name in names}, "constant": _constant_metrics(rows, prepared)},
        decision=_compared_with_simplest(stacking, names, judged, task) if len(names) > 1 else _tell_alone(names[0], left_out),
        searches=searches,
        failures={f"{name} {m}": reason for name, result in trained.items() for m, reason in result.failures.items()},
        remarks=remarks,
        decomposition=_decomposed(prepared, [*trained.values()], rows, stacking),
        feature_weights=weigh_columns(prepared, oob_members, offset, rows, control),
        word_weights=word_weights,
        origin=prepared.origin,
        usefulness=judge_usefulness(task, judged, predictions),
        distributions=[*dataset.distributions],
        fingerprint=dataset.fingerprint,
        step_seconds={name: round(result.step_seconds, 8) for name, result in trained.items() if np.isfinite(result.step_seconds)},
        seconds=round(time.monotonic() - began, 2),
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        version=weights.__version__,
    )
    kept = keep_predictions(task, predictions)
    conformal = task.calibrate(y, answers, dataset.inputs.x[rows], weight, judged.group)
    return _with_test(Ensemble(task, dataset.encoding, dataset.features, populations, offset, conformal, report, kept), dataset)


def _with_test(ensemble: Ensemble, dataset: Dataset) -> Ensemble:
    """The ensemble with its metrics on the rows that were for the test only, if there are some."""
    held, task = dataset.held_out, ensemble.task
    if held is None:
        return ensemble
    known = task.knows(held.target)
    if not known.any():
        return ensemble
    y = task.encode(held.target.filter(pa.array(known)))
    answers, weight = ensemble.answer(held.inputs if known.all() else held.inputs[known]), held.weight[known]
    group, time = (None if values is None else values[known] for values in (held.group, held.time))
    test = score(task.metrics, task.original(y), answers, weight=weight, group=group, time=time)
    test_predictions = keep_predictions(task, Predictions(answers, y, np.flatnonzero(known), weight, group))
    return replace(
        ensemble, report=msgspec.structs.replace(ensemble.report, test=test, n_test=int(known.sum())), test_predictions=test_predictions
    )


def keep_predictions(task: Task, predictions: Predictions) -> Predictions:
    """The answers that are kept with a run, for thresholds, confusion, calibration, and to compare others with."""
    return predictions.thinned(most_kept(predictions.prediction), task.strata(predictions.y))


def _decomposed(prepared: Prepared, trained: list[Trained], covered: BoolArray, stacking: Stacking) -> Decomposition | None:
    """What the out-of-bag loss on the covered rows (n,) is made of; None where that is not known."""
    if not prepared.task.decomposes:
        return None
    dataset, places = prepared.dataset, np.cumsum(covered) - 1
    predictions = []
    for p, result in enumerate(trained):
        for rows, outputs in result.alone:
            here = covered[rows]
            predictions.append(MemberPredictions(p, places[rows[here]], outputs[here]))
    judged = prepared.judged(covered)
    x = dataset.inputs.x[covered] if prepared.task.adds_noise and not dataset.blocks else None  # from which noise is estimated
    return decompose(prepared.task, judged, predictions, stacking.crossfitted_weights, stacking.crossfitted_offsets, x=x)


def _describe_limits(populations: list[Population], prepared: Prepared) -> list[str]:
    """A remark on each number that linear members read within limits, if there are some."""
    encoding, inputs = prepared.dataset.encoding, prepared.dataset.inputs
    limits, remarks = limits_of(populations, encoding), []
    named = name_limits(encoding, limits)
    for j in np.flatnonzero(limits < FARTHEST):
        column, z = encoding.columns[encoding.column_groups[encoding.numeric_inputs[j]]], inputs[NUMBERS][:, j]
        assert isinstance(column, Numeric | Datetime)
        low, high = (show_value(column, end) for end in named[column.name])
        where = " or ".join([f"below {low}"] * bool((z < -limits[j]).any()) + [f"above {high}"] * bool((z > limits[j]).any()))
        n_beyond = int((np.abs(z) > limits[j]).sum())
        there = f"'{column.name}': {n_beyond:,} {'row' if n_beyond == 1 else 'rows'} {where} {'counts' if n_beyond == 1 else 'count'}"
        remarks.append(f"{there} as the median, because linear members predict rows they never saw better so; repair what is an error")
    return remarks


def _describe_bounded(populations: list[Population], prepared: Prepared) -> list[str]:
    """A remark on the numbers that linear members bound, if there are some."""
    encoding = prepared.dataset.encoding
    columns = [encoding.columns[encoding.column_groups[j]] for j in find_bounded(populations, prepared)]
    if not columns:
        return []
    first, clip = columns[0], encoding.clip
    assert isinstance(first, Numeric | Datetime)
    assert clip is not None
    ends = [show_value(first, first.center + sign * clip * first.scale) for sign in (-1, 1)]
    named = listed([f"'{column.name}'" for column in columns], _MOST_NAMED)
    said = f"{named}: some rows lie so far out that linear members predict better with a bound: effects are those near the middle"
    return [f"{said}, and fade towards {ends[0]} and {ends[1]}{f' of {first.name}' if len(columns) > 1 else ''}"]


def job(name: str, spec: Spec, prepared: Prepared) -> Job:
    """The population with these settings on the prepared rows."""
    dataset, task, n_members = prepared.dataset, prepared.task, spec.members.n_members
    streaming = None
    if dataset.streamed is None:
        rows = resample(spec.members, len(dataset.inputs), strata=task.strata(prepared.y), group=dataset.group, time=dataset.time)
    else:
        streaming = Streaming(dataset.streamed.stream, row_encoder(prepared), Draw(spec.members, tuple(range(n_members))))
        rows = streaming.draw(dataset.streamed.keys)
        if not rows.counts.any(1).all():
            raise DataError(
                f"Members must have rows to learn from and others to be judged on, but '{dataset.roles.group}' has too few groups."
            )
    groups = np.asarray(dataset.encoding.groups, np.int32)
    masked = [feature.name in spec.updates.mask for feature in dataset.used_features]
    used = 1.0 - np.asarray(masked, np.float32)[groups]
    seeds = member_seeds(spec.members.seed, n_members)
    specs = [spec] * n_members
    own = dataset.inputs, prepared.y, prepared.weight, groups, used
    return Job(name, task, prepared.layout, specs, seeds, rows, *own, streaming, dataset.group)


def row_encoder(prepared: Prepared) -> Callable[[pa.Table, IntArray, Draw], StreamedRows]:
    """What encodes streamed rows as those of the sample are; one without a known target keeps its place, and no member sees it."""
    dataset, task = prepared.dataset, prepared.task
    mean_weight = float((dataset.sample_weight * task.weight_factors(prepared.y)).mean())

    def encode(table: pa.Table, numbers: IntArray, draw: Draw) -> StreamedRows:
        with rows_counted_from(numbers[0]):
            target = table[task.target]
            known = task.knows(target)
            inputs, weight, keys = encode_streamed(dataset, table, numbers)
            y = np.zeros(len(inputs), prepared.y.dtype)
            y[known] = task.encode(target.filter(pa.array(known)))
        weight = (weight * task.weight_factors(y) / mean_weight * known).astype(np.float32)
        return StreamedRows(inputs, y, weight, draw(keys).counts.T * known[:, None])

    return encode


def check_streamed_target(dataset: Dataset, task: Task) -> None:
    """Read the target of all streamed rows once, so that a number that cannot be learned is known before training.

    Raises:
        DataError: a number is not finite.
    """
    if dataset.streamed is not None and task.numeric:
        for table, numbers in dataset.streamed.stream.only([task.target]).in_order():
            with rows_counted_from(numbers[0]):
                task.encode(table[task.target].filter(pa.array(task.knows(table[task.target]))))


def _tell_alone(name: str, left_out: Mapping[str, LeftOut]) -> str:
    """Why one population answers alone; nothing where it was the only one to be trained."""
    return f"{name} answers alone: {listed([*left_out], _MOST_NAMED)} would have had no share" if left_out else ""


def _compared_with_simplest(stacking: Stacking, names: list[str], judged: Judged, task: Task) -> str:
    """Who answers, and how much that gains on the simplest model alone, if it is more than chance."""
    simplest, loss, kept = names[0], f"out-of-bag {task.loss_name}", stacking.kept
    who = "the stacked ensemble" if kept is None else names[kept]
    alone = "" if kept is None else f"{who} answers alone: stacking {', '.join(names)} did not lower the {loss}"
    if kept == 0:
        return alone
    gain = judged.difference(*(task.prediction_losses(judged.y, each) for each in (stacking.alone[0], stacking.answers)))
    doubt = "" if gain.bounds is None else " (95 % interval of the gain {:.3g} to {:.3g})".format(*gain.bounds)
    if gain.bounds is not None and gain.bounds[0] > 0:
        compared = f"{who}'s {loss} is {gain.mean:.3g} lower than {simplest}'s alone{doubt}"
    else:
        compared = f"{who}'s {loss} is not known to be lower than {simplest}'s alone{doubt}: --model {simplest} is as good, and simpler"
    return "; ".join(filter(None, [alone, compared]))


def _metrics(answers: FloatArray, rows: BoolArray, prepared: Prepared) -> dict[str, Metric]:
    dataset = prepared.dataset
    judged = prepared.judged(rows)
    y, weight = prepared.task.original(judged.y), dataset.sample_weight[rows]
    return score(prepared.task.metrics, y, answers, weight=weight, group=judged.group, time=judged.time)


def _constant_metrics(rows: BoolArray, prepared: Prepared) -> dict[str, Metric]:
    """What always answering the mean of these rows (n,), or their class shares, would score on them."""
    task, y, weight = prepared.task, prepared.y[rows], prepared.dataset.sample_weight[rows]
    return score(task.metrics, task.original(y), task.constant_predictions(y, weight), weight=weight)


def check_rows(ensemble: Ensemble, prepared: Prepared) -> None:
    """Whether these are the rows a run was trained on.

    Raises:
        DataError: they are not, or they do not fit into memory.
    """
    if prepared.dataset.streamed is not None:
        raise DataError("The rows do not fit into memory, and are needed there to train on them again. Use a machine with more.")
    n_rows, n_came = ensemble.report.n_samples, prepared.dataset.n_samples
    if n_came != n_rows:
        raise DataError(
            f"The rows must be those the run was fitted to, {n_rows:,} of them, but {n_came:,} came. Name the file of training."
        )
    alike = prepared.dataset.encoding.agrees_with(ensemble.encoding)
    if not alike or ensemble.report.fingerprint not in ("", prepared.dataset.fingerprint):
        other = "some" if prepared.dataset.encoding.names == ensemble.encoding.names else "their columns"
        raise DataError(
            f"The rows must be those the run was fitted to, and {n_came:,} came, but {other} are not as they were. "
            "Were they changed, or put in another order, after the fit? Give them as they were, or fit again."
        )
