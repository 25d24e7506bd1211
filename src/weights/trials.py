"""Trials: small populations with other settings on the rows of a run, and how they compare.

All are trained on the same rows with the same folds and are stacked in the same way; the differences of their losses on rows that no
member saw decide, with intervals over the choice of rows and the chance of training.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy.special

from weights.ensemble import Ensemble, apply_program
from weights.errors import TrainingError
from weights.fitting import job
from weights.inspection.decomposition import MemberPredictions, Terms, average, row_terms
from weights.models.registry import architecture_of
from weights.prepared import Prepared
from weights.spec import Spec, with_settings
from weights.training.control import Control, Progress
from weights.training.effort import Load
from weights.training.job import Job
from weights.training.outofbag import Trained
from weights.training.population import method_of, train
from weights.training.stacking import Stacking, stack, stacked_outputs
from weights.types import FloatArray
from weights.verdicts import Gain

N_TRAININGS = 3
_N_FOLDS = 4
_ENOUGH_JUDGED = 10_000
"""Rows: of large tables not all folds are judged, but one less than all of a few at the least."""
_FEWEST_JUDGED = 1_000
"""Rows for a trial on folds of the run (our choice)."""
_JUDGED_BETWEEN = 2_048
"""Rows on which members of a trial are judged after each round: they only have to say when it has learned enough (our choice)."""
_MOST_LEARNED = 2_000
_LEAST_SECONDS = 0.1
_NOMINAL_SPEED = 5e10
"""Float32 operations a second for which the work of trials is reckoned, so that what is tried does not depend on the machine."""


class Extent(NamedTuple):
    """How much is trained for each trial, and how often what all are compared with is.

    Attributes:
        n_folds: parts of the rows; None: those of the run, whose own members are then the first training of the baseline.
        n_members: members of a trial, each judged on a fold.
        n_baselines: trainings of the settings as they are.
        n_halves, n_quarters: trainings on such parts of the rows.
    """

    n_folds: int | None
    n_members: int
    n_baselines: int
    n_halves: int
    n_quarters: int

    @property
    def n_trials(self) -> int:
        """Trials before any change is tried."""
        return self.n_baselines + self.n_halves + self.n_quarters


OWN_FOLDS = Extent(None, 2, 2, 1, 0)
"""Two of the folds of the run, where more would take longer than the run did."""


def serves_own_folds(ensemble: Ensemble, n_rows: int) -> bool:
    """Whether members that each population began with are those of trials on folds of the run, and judge enough of so many rows."""
    every = [population.spec.members for population in ensemble.populations]
    alike = all(members.resampling == "folds" and members.n_members >= OWN_FOLDS.n_members for members in every)
    n_judged = n_rows * OWN_FOLDS.n_members / max(members.n_folds for members in every)
    return alike and n_judged >= _FEWEST_JUDGED and not ensemble.report.failures


def in_folds(n_rows: int, n_folds: int = _N_FOLDS, *, n_baselines: int = N_TRAININGS, n_quarters: int = 1) -> Extent:
    """An extent in which all rows are judged, or of large tables enough."""
    enough = -(-_ENOUGH_JUDGED * n_folds // n_rows)
    return Extent(n_folds, min(n_folds, max(enough, n_folds - 1)), n_baselines, 2, n_quarters)


class Trial(NamedTuple):
    """How populations that were trained with some settings answer together.

    outputs, losses: out of bag, of the rows in question, shape (n', k) and (n',); train_loss: mean loss on rows that members learned from.
    """

    trained: dict[str, Trained]
    outputs: FloatArray
    losses: FloatArray
    train_loss: float


class TrialRunner:
    """Where changes are tried: what stays the same for all of them.

    Each row is left out by one member of every population; of large tables, and where trials take long, only some of the folds are
    judged (`Extent`). Of several populations of networks the one with most say stands for all.

    Attributes:
        rows: those that every trial is judged on, as positions among all, shape (n',).
        fold: which member judges each, shape (n',).
        n_trials: how many there will be, for progress.
    """

    def __init__(
        self, ensemble: Ensemble, prepared: Prepared, control: Control, extent: Extent, *, stage: str = "trials", n_trials: int = 1
    ) -> None:
        self.ensemble, self.prepared, self.report, self.extent = ensemble, prepared, control.report, extent
        self.control = dataclasses.replace(control, report=lambda progress: None, most_judged=_JUDGED_BETWEEN)
        self.stage, self.n_trials, self.n_done = stage, n_trials, 0
        self.excluded = excluded_populations(ensemble)
        drawn = next(iter(self.jobs(prepared.candidates).values())).resampling
        self.rows = np.flatnonzero(drawn.scored.any(0) & (prepared.dataset.sample_weight > 0))
        self.fold = drawn.scored[:, self.rows].argmax(0)
        self.judged, self.n_folds = prepared.judged(self.rows), len(np.unique(self.fold))

    def jobs(self, specs: Mapping[str, Spec]) -> dict[str, Job]:
        """What is trained to try these settings."""
        return {name: job(name, spec, self.prepared) for name, spec in with_few_members(specs, self.extent, self.excluded).items()}

    def train_baseline(self, number: int) -> Trial:
        """The settings as they are, with the seeds of this training; the first is that of the run where it has the same folds."""
        jobs = reseed(self.jobs(self.prepared.candidates), number)
        if number or self.extent.n_folds is not None:
            return self.train(jobs)
        own = {population.name: population for population in self.ensemble.populations}
        trained = {name: own[name].members[: members.n_members] for name, members in jobs.items() if name in own}
        return self.train(jobs, control=dataclasses.replace(self.control, trained=trained))

    def train(self, jobs: dict[str, Job], known: Mapping[str, Trained] = {}, control: Control | None = None) -> Trial:
        """Train these populations, but for those that are known, stack and judge them, and report that it is done.

        Raises:
            Interrupted: asked to stop. TrainingError: the members of a population cannot be trained.
        """
        self.control.check()
        new = [name for name in jobs if name not in known]
        trained = {**known}
        for i, name in enumerate(new):
            reporting = dataclasses.replace(control or self.control, report=self._reporter(i, len(new)))
            trained[name] = train(jobs[name], reporting)
        trained = {name: trained[name] for name in jobs}
        task, y, weight = self.prepared.task, self.judged.y, self.judged.weight
        for name, result in trained.items():
            if not result.covered[self.rows].all():
                raise TrainingError(f"{name}: {next(iter(result.failures.values()), 'not all rows are answered')}")
        each = np.stack([result.outputs[self.rows] for result in trained.values()])
        stacking = stack(each, y, weight, task, shifted=[not method_of(members.specs[0]).at_optimum for members in jobs.values()])
        outputs = stacked_outputs(each, stacking.crossfitted_weights) + stacking.crossfitted_offsets
        trial = Trial(trained, outputs, self.terms([outputs]).loss, _train_loss(self.prepared, jobs, trained, stacking))
        self.n_done += 1
        self._reporter(0, 1)(Progress(self.stage, 0.0, None))
        return trial

    def _reporter(self, number: int, among: int) -> Callable[[Progress], None]:
        """What tells how far all trials are, of the progress of one of so many populations of the trial at hand."""

        def report(progress: Progress) -> None:
            done = self.n_done + (number + progress.share) / among
            self.report(Progress(self.stage, min(done / self.n_trials, 1.0), None))

        return report

    def terms(self, outputs: Sequence[FloatArray]) -> Terms:
        """The terms of the rows' losses if these outputs (n', k) were members."""
        every, ones = np.arange(len(self.rows)), np.ones((len(self.rows), 1))
        return row_terms(
            self.prepared.task, self.judged.y, [MemberPredictions(0, every, values) for values in outputs], ones, 0.0 * outputs[0]
        )

    def gain(self, before: Sequence[FloatArray], after: Sequence[FloatArray], *, among: int = 1) -> Gain:
        """By how much losses fell, with an interval that holds for so many comparisons together.

        Each fold has members of its own, which start anew in every training: the chance of training is what the losses of a fold differ
        by from training to training. A change that was trained once is taken to differ as the settings it is compared with.

        Args:
            before: losses of the rows, (n',) for each of several trainings.
            after: the same with the change, for one or several trainings.
            among: how many comparisons (Bonferroni).
        """
        of_row = np.mean(before, axis=0), np.mean(after, axis=0)
        mean, of_rows, degrees_of_rows, _ = self.judged.difference(*of_row)
        trained, again, repeated = 0.0, 0, max(before, after, key=len)
        for trainings in (before, after):
            known = trainings if len(trainings) > 1 else repeated
            trained += self._between(known) / len(trainings)
            again += (len(trainings) - 1) * self.n_folds
        variance = of_rows**2 + trained
        # Welch and Satterthwaite, with as many degrees of freedom as folds were trained again.
        degrees = variance**2 / max(of_rows**4 / max(degrees_of_rows, 1.0) + trained**2 / again, 1e-300)
        half = float(scipy.special.stdtrit(max(degrees, 1.0), 1 - 0.025 / among)) * variance**0.5
        return Gain(mean, mean - half, mean + half, mean / max(average(of_row[0], self.judged).value, 1e-300))

    def _between(self, trainings: Sequence[FloatArray]) -> float:
        """The variance of a mean loss from training to training."""
        weight = self.judged.weight / self.judged.weight.sum()
        return float(np.var([np.bincount(self.fold, weights=weight * losses) for losses in trainings], axis=0, ddof=1).sum())


def _train_loss(prepared: Prepared, jobs: dict[str, Job], trained: dict[str, Trained], stacking: Stacking) -> float:
    """The mean loss of the members together on rows they learned from."""
    task, rows = prepared.task, np.arange(0, len(prepared.y), -(-len(prepared.y) // _MOST_LEARNED))
    predictions, seen = [], np.zeros((len(trained), len(rows)))
    for p, (name, result) in enumerate(trained.items()):
        run = apply_program(jobs[name].specs[0], jobs[name].layout)
        for place, m in enumerate(result.kept):
            own = np.flatnonzero(jobs[name].resampling.counts[m][rows])
            params = {layer: {key: array[place] for key, array in parts.items()} for layer, parts in result.population.params.items()}
            predictions.append(MemberPredictions(p, own, run(params, prepared.dataset.inputs[rows[own]])))
            seen[p, own] += 1
    known = np.asarray((seen > 0).all(0))
    places = np.cumsum(known) - 1
    predictions = [MemberPredictions(p, places[own[known[own]]], outputs[known[own]]) for p, own, outputs in predictions]
    stacking_weights, offset = np.tile(stacking.weights, (int(known.sum()), 1)), np.tile(stacking.offset, (int(known.sum()), 1))
    terms = row_terms(task, prepared.y[rows[known]], predictions, stacking_weights, offset)
    weight = prepared.weight[rows[known]]
    return float(np.average(terms.loss, weights=weight)) if weight.sum() > 0 else float("nan")


def excluded_populations(ensemble: Ensemble) -> set[str]:
    """Of several populations of networks those with less say than another: what helps that is taken to help them."""
    networks = [network for network in ensemble.populations if architecture_of(network.spec.model).has_hidden]
    chief = max(networks, key=lambda network: network.stacking_weight).name if networks else ""
    return {network.name for network in networks if network.name != chief}


def reseed(jobs: Mapping[str, Job], number: int) -> dict[str, Job]:
    """The same members of each population with the seeds of another training; number 0 is the run's own."""
    change = np.uint32(0x5EED5EED * number % 2**32)
    return {name: dataclasses.replace(members, seeds=members.seeds ^ change) for name, members in jobs.items()}


def with_few_members(specs: Mapping[str, Spec], extent: Extent, excluded: Collection[str] = ()) -> dict[str, Spec]:
    """The settings with the members of a trial, of populations that are not excluded.

    Parts of the rows in time order stay as they are, every other resampling becomes folds.
    """
    few = {}
    for name, spec in specs.items():
        own: dict[str, Any] = {"n_members": extent.n_members}
        if spec.members.resampling == "time":
            own = {"n_members": min(spec.members.n_members, spec.members.n_folds + 1)}
        elif extent.n_folds is not None:
            own |= {"resampling": "folds", "n_folds": extent.n_folds}
        if name not in excluded:
            few[name] = with_settings(spec, {f"members.{setting}": value for setting, value in own.items()})
    return few


def cost_of(specs: Mapping[str, Spec], prepared: Prepared, *, most_judged: int | None = None) -> float:
    """Seconds of training these members on one core, about, at a nominal speed and with programs compiled."""
    load = Load(prepared.layout, len(prepared.dataset.inputs), 0, 1, _NOMINAL_SPEED, most_judged)
    each = (method_of(spec).estimate(spec, load) for spec in specs.values())
    return _LEAST_SECONDS + sum(effort.seconds - effort.compiling for effort in each)


def cost_of_trial(specs: Mapping[str, Spec], prepared: Prepared, extent: Extent, excluded: Collection[str]) -> float:
    """`cost_of` a trial of these settings."""
    return cost_of(with_few_members(specs, extent, excluded), prepared, most_judged=_JUDGED_BETWEEN)
