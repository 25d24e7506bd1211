"""From what was `Prepared` to an ensemble: `train_ensemble` trains, mixes, compares, calibrates and reports."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import threadpoolctl

import weights
from weights.data.dataset import Dataset, encode_streamed
from weights.data.encoding import Datetime, Numeric
from weights.data.inputs import FARTHEST, NUMBERS, Layout
from weights.data.scaling import clipped
from weights.data.table.read import AnyPart, lasting
from weights.data.table.rownumbers import rows_counted_from
from weights.data.unfamiliar import show_value
from weights.effects import FeatureWeights
from weights.ensemble import MOST_PREDICTIONS, Candidate, Ensemble, Origin, Population, Predictions, Report, limits_of, name_limits
from weights.errors import DataError, listed
from weights.inspection.contrasts import InspectedRows
from weights.inspection.decomposition import Judged, MemberPredictions, decompose
from weights.inspection.feature_weights import estimate_feature_weights
from weights.inspection.outofbag import OutOfBag, OutOfBagMembers
from weights.inspection.slopes import Rows
from weights.inspection.usefulness import judge_usefulness
from weights.models.registry import architecture_of
from weights.spec import Spec
from weights.tasks.base import Task
from weights.tasks.metrics import Metric, score
from weights.training.control import Control, Progress
from weights.training.features import within
from weights.training.job import Job, StreamedRows, Streaming
from weights.training.outofbag import Trained
from weights.training.plan import Plan
from weights.training.population import member_seeds, method_of
from weights.training.reading import find_tailed, share_bounded
from weights.training.resampling import Draw, resample
from weights.training.search import SEARCHING, race
from weights.training.stacking import Stacking, stack
from weights.training.together import LeftOut, train_together
from weights.types import AnyArray, BoolArray, FloatArray, IntArray
from weights.verdicts import Decomposition

WEIGHING = "feature weights"
"""The stage of a fit in which these are estimated."""
_MOST_NAMED = 3
_MOST_MULTIPLICATIONS, _FEWEST_INSPECTED = 2.5e10, 1_000
"""Weights of networks that are multiplied with a value of a feature when all features are inspected, and rows that are
inspected in any case (our choice): what more rows would add is little beside the wait."""


class GivenRows(NamedTuple):
    """Rows as the user gave them: a path, a part of a file, frame, mapping or array, and by role what came as values apart from it."""

    data: Any
    apart: Mapping[str, Any] = MappingProxyType({})

    @property
    def source(self) -> str | AnyPart | None:
        """Where all of it can be read again; None where it, or a part of it, came from memory."""
        return None if self.apart else lasting(self.data)


@dataclass(frozen=True, eq=False)
class Prepared:
    """A fit that is ready to start.

    Attributes:
        dataset, task, y: the rows, what is asked of them, and the encoded targets, shape (n,).
        weight: sample weights times class weights, mean one, shape (n,).
        layout: of rows and outputs.
        candidates: model name -> resolved settings, the simpler first.
        races: model name -> label -> settings to search among.
        plans: what each candidate will take.
        remarks: notes on the data.
        n_threads: members in work at the same time.
        inspect: whether to estimate feature weights afterwards.
        origin: where the rows can be read again, and what their columns are for.
        given: the rows as the user gave them.
        weighing_seconds: what estimating feature weights will take, about.
    """

    dataset: Dataset
    task: Task
    y: AnyArray
    weight: FloatArray
    layout: Layout
    candidates: dict[str, Spec]
    races: dict[str, dict[str, Spec]]
    plans: list[Plan]
    remarks: list[str]
    n_threads: int
    inspect: bool = True
    origin: Origin | None = None
    given: GivenRows | None = None
    weighing_seconds: float = 0.0

    @property
    def n_samples(self) -> int:
        """The number of rows that are learned from."""
        return self.dataset.n_samples

    def agrees_with(self, config: Any) -> bool:
        """Whether rows of a saved run were encoded as these are."""
        return self.dataset.encoding.agrees_with(config.encoding)

    @property
    def stages(self) -> dict[str, float]:
        """The names of what is done, in this order, and about how many seconds each takes."""
        # Of a race half of the candidates take half of the run, and a quarter all of it.
        searched = sum(plan.seconds * len(self.races[plan.model]) / 2 for plan in self.plans if plan.model in self.races)
        stages = ({SEARCHING: searched} if searched else {}) | {plan.model: plan.seconds for plan in self.plans}
        return stages | ({WEIGHING: self.weighing_seconds} if self.inspect else {})


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
            raced = {label: _first_repeat(job("search", spec, prepared)) for label, spec in prepared.races[name].items()}
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
    judged = judged_rows(prepared, rows)
    predictions = Predictions(answers, y, np.flatnonzero(rows), dataset.sample_weight[rows], judged.group)
    remarks += [*_describe_limits(populations, prepared), *_describe_bounded(populations, prepared)]
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
        feature_weights=_estimate_feature_weights(prepared, oob_members, offset, rows, control) if prepared.inspect else None,
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
    return predictions.thinned(MOST_PREDICTIONS, task.strata(predictions.y))


def _decomposed(prepared: Prepared, trained: list[Trained], covered: BoolArray, stacking: Stacking) -> Decomposition:
    """What the out-of-bag loss on the covered rows (n,) is made of."""
    dataset, places = prepared.dataset, np.cumsum(covered) - 1
    predictions = []
    for p, result in enumerate(trained):
        for rows, outputs in result.alone:
            here = covered[rows]
            predictions.append(MemberPredictions(p, places[rows[here]], outputs[here]))
    judged = judged_rows(prepared, covered)
    x = dataset.inputs.x[covered] if prepared.task.adds_noise and not dataset.blocks else None  # from which noise is estimated
    return decompose(prepared.task, judged, predictions, stacking.crossfitted_weights, stacking.crossfitted_offsets, x=x)


def _estimate_feature_weights(
    prepared: Prepared, oob_members: list[OutOfBagMembers], offset: FloatArray, covered: BoolArray, control: Control
) -> FeatureWeights:
    """The effect and importance of each feature, on rows kept for inspection that members are judged on."""

    def report(share: float) -> None:
        control.check("The estimation of feature weights")
        control.report(Progress(WEIGHING, share, None))

    with threadpoolctl.threadpool_limits(1):  # members are asked on several cores already
        return estimate_feature_weights(choose_inspected_rows(prepared, oob_members, offset, covered, control.n_threads), report)


def choose_inspected_rows(
    prepared: Prepared, oob_members: list[OutOfBagMembers], offset: FloatArray, covered: BoolArray, n_threads: int
) -> InspectedRows:
    """The rows that `inspection` asks these members about: those that were kept for it and that are covered (n,)."""
    dataset, linear = prepared.dataset, all(architecture_of(members.population.spec.model).linear for members in oob_members)
    places = np.flatnonzero(covered[dataset.inspected.rows] & (dataset.sample_weight[dataset.inspected.rows] > 0))
    most = len(places) if linear else _most_inspected(oob_members, prepared.layout, len(dataset.encoding.columns))
    if len(places) > most:
        places = np.sort(np.random.default_rng(0x3E1).choice(places, most, replace=False))
    here = dataset.inspected.rows[places]
    weight = dataset.sample_weight[here]
    group, moments = (None if values is None else values[here] for values in (dataset.group, dataset.time))
    here_unseen = [members._replace(unseen=members.unseen[:, here]) for members in oob_members]
    populations, numeric = [members.population for members in oob_members], list(prepared.layout.numeric)
    limits, bounded = limits_of(populations, dataset.encoding), _find_bounded(populations, prepared)
    inputs, x = dataset.inputs[here], dataset.inspected.x[places]
    if NUMBERS in inputs.blocks:
        inputs = inputs.replace(**{NUMBERS: within(inputs[NUMBERS], limits)})
    x[:, numeric] = within(x[:, numeric], limits)
    x[:, bounded] = clipped(x[:, bounded], dataset.encoding.clip)
    answers = OutOfBag(prepared.task, prepared.layout, here_unseen, offset, inputs, n_threads)
    asked = Rows(weight / weight.mean(), group, moments)
    return InspectedRows(prepared.task, dataset.encoding, x, prepared.y[here], asked, answers, linear, bounded)


def _find_bounded(populations: list[Population], prepared: Prepared) -> list[int]:
    """Inputs with rows far beyond the bound that most members of a population keep within it which need not."""
    layout = prepared.layout
    shares = [share for population in populations if np.isfinite(share := share_bounded(population, layout)).all()]
    if not shares:
        return []
    bounded = find_tailed(layout, prepared.dataset.inputs) & (np.mean(shares, 0) > 0.5)
    return [j for j, is_bounded in zip(layout.numeric, bounded, strict=True) if is_bounded]


def _most_inspected(oob_members: list[OutOfBagMembers], layout: Layout, n_features: int) -> int:
    """Rows for which networks can be asked about every feature in about half a minute."""
    n_asked = 0.0
    for population, unseen in oob_members:
        architecture = architecture_of(population.spec.model)
        if architecture.linear:
            continue
        n_weights = sum(array[0].size for layer in population.params.values() for array in layer.values())
        n_products = architecture.cost(population.spec.model, layout).n_multiplications
        n_asked += max(n_weights, n_products) * unseen.mean(1).sum()  # by as many members each row is answered
    return max(int(_MOST_MULTIPLICATIONS / (n_asked * n_features)), _FEWEST_INSPECTED)


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
    columns = [encoding.columns[encoding.column_groups[j]] for j in _find_bounded(populations, prepared)]
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
    return Job(name, task, prepared.layout, specs, seeds, rows, dataset.inputs, prepared.y, prepared.weight, groups, used, streaming)


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


def _first_repeat(job: Job) -> Job:
    """The members that together leave out every row once."""
    return job.only(range(min(job.n_members, job.specs[0].members.n_folds)))


def judged_rows(prepared: Prepared, rows: AnyArray) -> Judged:
    """Some rows, by number or as a mask, as those on which members are judged."""
    group, time = (None if values is None else values[rows] for values in (prepared.dataset.group, prepared.dataset.time))
    return Judged(prepared.y[rows], prepared.weight[rows], group, time)


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
    judged = judged_rows(prepared, rows)
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
