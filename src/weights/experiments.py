"""Experiments on the elements: `compare` trains variants of a run's settings on the same rows and says how they differ.

Each variant is trained several times with other seeds, on the same folds of the same rows as the baseline; the paired
difference of their losses on rows that no member saw has an interval over the choice of rows and the chance of training.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from weights.candidates import check_features, check_memory, plans_of, sizes_of
from weights.ensemble import Ensemble
from weights.errors import TrainingError, UsageError
from weights.fitting import check_rows
from weights.inspection.decomposition import average
from weights.inspection.health import findings
from weights.options import list_choices
from weights.prepared import Prepared
from weights.spec import Spec, counts, find_setting, resolve, with_settings
from weights.training.control import Control, Progress
from weights.trials import N_TRAININGS, Trial, TrialRunner, cost_of, excluded_populations, in_folds, reseed
from weights.verdicts import Experiment, Variant

_NEARLY_THERE = 0.01
"""A run has converged where what it still gains is this share of all it gains (our choice)."""
_MODEL = ("model", "name")
_FOLLOWING = {
    ("optimization", "name"): ("learning_rate", "weight_decay", "batch_size", "n_steps", "averaging"),
    ("regularization", "penalty"): ("averaging",),
    ("regularization", "strength"): ("averaging",),
}
"""Settings of optimization that follow from another: where that is varied they are chosen anew, as a fit would."""
_MOST_TRAININGS = 100


def compare(
    ensemble: Ensemble,
    prepared: Prepared,
    vary: Mapping[str, Sequence[Any]],
    *,
    n_trainings: int = N_TRAININGS,
    report: Callable[[Progress], None] = lambda progress: None,
    stopping: Callable[[], bool] = lambda: False,
) -> Experiment:
    """Train variants and compare them with the baseline.

    Args:
        ensemble: a run.
        prepared: the rows it was trained on, ready to be trained on again with its settings.
        vary: setting -> values, by any name `with_settings` knows; all combinations are variants.
        n_trainings: how often each is trained, at least twice.
        report: called after each training.
        stopping: asked between and during trainings.

    Raises:
        UsageError: a setting or a value is not known, no population has it, or there are too many variants.
        DataError: the rows are not those of the run, or do not fit into memory.
        TrainingError: members with the settings of the run cannot be trained.
        Interrupted: asked to stop.
    """
    began = time.monotonic()
    check_rows(ensemble, prepared)
    check_trainings(n_trainings)
    excluded = excluded_populations(ensemble)
    variants = _variants({name: spec for name, spec in prepared.candidates.items() if name not in excluded}, vary, prepared)
    baseline = {name: prepared.candidates[name] for name in next(iter(variants.values()))}
    named = next((label for label, specs in variants.items() if specs == baseline), None)
    variants = {label: specs for label, specs in variants.items() if specs != baseline}
    for specs in (baseline, *variants.values()):
        check_features(specs, prepared.dataset)
        check_memory(plans_of(specs, prepared.layout, len(prepared.dataset.inputs), n_threads=prepared.n_threads))
    control = Control(n_threads=prepared.n_threads, stopping=stopping, report=report, work="The comparison")
    n_trials = (len(variants) + 1) * n_trainings
    runner = TrialRunner(ensemble, prepared, control, in_folds(len(prepared.dataset.inputs)), stage="trainings", n_trials=n_trials)

    def train_all(specs: dict[str, Spec]) -> list[Trial]:
        return [runner.train(reseed(runner.jobs(specs), number)) for number in range(n_trainings)]

    def compare_variant(label: str, specs: dict[str, Spec], trials: list[Trial], *, reference: bool = False) -> Variant:
        """What the trials of a variant show beside those of the baseline."""
        losses = [trial.losses for trial in trials]
        mean = average(np.mean(losses, axis=0), runner.judged)
        each = [finding for trial in trials for result in trial.trained.values() for finding in findings(result.population)]
        return Variant(
            label=label,
            reference=reference,
            loss=mean.value,
            std_err=mean.std_err,
            gain=None if reference else runner.gain(before, losses, among=len(variants)),
            train_loss=float(np.mean([trial.train_loss for trial in trials])),
            converged_at=_converged_at(trials),
            cost=cost_of(specs, prepared) / cost_of(baseline, prepared),
            unused=not reference and all(np.array_equal(own, other) for own, other in zip(losses, before, strict=True)),
            findings=[*{(finding.population, finding.fault, finding.layer): finding for finding in each}.values()],
        )

    first = train_all(baseline)
    before = [trial.losses for trial in first]
    compared = []
    for label, specs in variants.items():
        try:
            compared.append(compare_variant(label, specs, train_all(specs)))
        except TrainingError as error:
            compared.append(Variant(label, failure=str(error)))
    compared.sort(key=lambda variant: (bool(variant.failure), variant.loss))
    return Experiment(
        populations=[*baseline],
        measure=ensemble.report.decomposition.measure if ensemble.report.decomposition else "loss",
        variants=[compare_variant(named or "baseline", baseline, first, reference=True), *compared],
        n_members=runner.n_folds * len(baseline),
        n_trainings=n_trainings,
        n_rows=len(runner.rows),
        seconds=round(time.monotonic() - began, 2),
    )


def check_trainings(n_trainings: Any) -> None:
    """Refuse a number of trainings from which nothing can be learned, before any rows are read.

    Raises:
        UsageError: it is no whole number from 2 to 100.
    """
    if not isinstance(n_trainings, int) or not 2 <= n_trainings <= _MOST_TRAININGS:
        raise UsageError(
            f"trainings must be a whole number from 2 to {_MOST_TRAININGS}, but is {n_trainings}: from their differences the chance of "
            "training is estimated. Give another."
        )


def _variants(specs: Mapping[str, Spec], vary: Mapping[str, Sequence[Any]], prepared: Prepared) -> dict[str, dict[str, Spec]]:
    """All combinations by label: the settings of each population that has what is varied."""
    choices = list_choices(vary, "initialization=xavier,he,orthogonal")
    sizes = sizes_of(prepared.dataset, prepared.task)
    varied: dict[str, list[Spec]] = {}
    refused: UsageError | None = None
    for name, spec in specs.items():
        try:
            varied[name] = [_varied(spec, settings, *sizes) for settings in choices]
        except UsageError as error:
            refused = error
    varied = {name: own_specs for name, own_specs in varied.items() if any(spec != specs[name] for spec in own_specs)}
    if not varied:
        solved = " Members that are solved take no steps." if all(spec.solved for spec in specs.values()) else ""
        raise refused or UsageError(f"Nothing changes with {', '.join(vary)}: the run has these settings, or does not use them.{solved}")
    labels = [", ".join(f"{name} {value}" for name, value in settings.items()) for settings in choices]
    made = {label: {name: own_specs[i] for name, own_specs in varied.items()} for i, label in enumerate(labels)}
    distinct = [label for i, label in enumerate(labels) if made[label] not in [made[other] for other in labels[:i]]]
    return {label: made[label] for label in distinct}


def _varied(spec: Spec, settings: Mapping[str, Any], *sizes: Any) -> Spec:
    """A resolved spec with some settings changed, and with those anew that follow from them; as it was if it does not use them."""
    places = {name: find_setting(spec, name) for name in settings}
    given = {*places.values()}
    if len(given) < len(settings):
        raise UsageError(f"A setting is varied under two names: {', '.join(settings)}. Name each setting once, with all its values.")
    for name, place in places.items():
        if place[0] == "members" or place == _MODEL:
            raise UsageError(f"'{name}' cannot be varied: all variants have the same model, members and seeds. Fit twice to compare these.")
    changed = with_settings(spec, settings)
    if spec.solved and not changed.solved:
        raise UsageError("Members of this run are solved, and cannot be compared with such as take steps. Fit with both to compare them.")
    if not any(counts(spec, *place) for place in given):
        return spec
    for cause, following in _FOLLOWING.items():
        if cause in given and _value(changed, cause) != _value(spec, cause):
            changed = with_settings(changed, {f"optimization.{field}": None for field in following if ("optimization", field) not in given})
    if not changed.optimization.optimizer.draws_batches and ("regularization", "dropout") not in given:
        changed = with_settings(changed, {"regularization.dropout": None})
    return resolve(changed, *sizes)


def _value(spec: Spec, place: tuple[str, str]) -> Any:
    return getattr(getattr(spec, place[0]), place[1])


def _converged_at(trials: Sequence[Trial]) -> int | None:
    """After how many steps the loss out of bag had come as near to its lowest as 1 % of its way, the median over trainings.

    Of several populations that take steps the last one counts; None if none does.
    """
    when = []
    for trial in trials:
        histories = [result.population.history for result in trial.trained.values()]
        curves = [history for history in histories if "steps" in history]
        converged = []
        for history in curves:
            loss, steps = history["out_of_bag_loss"][0], history["steps"][0]
            lowest = np.nanmin(loss)
            converged.append(steps[np.flatnonzero(loss <= lowest + _NEARLY_THERE * (loss[0] - lowest))[0]])
        when += [max(converged)] if converged else []
    return int(np.median(when)) if when else None
