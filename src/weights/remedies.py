"""Under- or overfit, and what would help? `diagnose` tries it on the rows of training.

Each remedy is one change of the settings. A small population with the change and one without are trained on the same rows, with the
same folds and seeds, and stacked in the same way; the difference of their losses on rows that no member saw decides. Members that
learn from halves of the rows show what more rows would gain, and how much of the loss is due to which rows came: two halves have no
row in common, so that their answers differ by twice the variance of one.

A remedy that helps says which way the model is wrong by what it does to the rows that members learned from: where it makes these be
fitted better as well the model was underfit, where it makes them be fitted worse it was overfit.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec
import numpy as np

from weights.changes import BASELINE, COMPLEXITY, Change, changes, choose_changes
from weights.ensemble import Ensemble
from weights.errors import DataError, TrainingError, UsageError, printable
from weights.fitting import check_rows, job
from weights.inspection.decomposition import Terms, average
from weights.inspection.health import all_findings
from weights.prepared import Prepared
from weights.spec import Spec
from weights.training.control import Control, Progress
from weights.training.job import Job
from weights.training.resampling import Resampling
from weights.trials import (
    OWN_FOLDS,
    Extent,
    Trial,
    TrialRunner,
    cost_of,
    cost_of_trial,
    excluded_populations,
    in_folds,
    reseed,
    serves_own_folds,
)
from weights.types import FloatArray
from weights.verdicts import Curve, Decomposition, Diagnosis, Gain, Part, Point, Remedy, Step, Verdict

_WORTH_HAVING = 0.01
"""A remedy helps if it gains this share of the loss, and more rows if they gain twice as much (our choice)."""
_MOSTLY_NOISE = 0.5
"""What no setting and no row can gain is called noise where it is this share of a constant's loss (our choice)."""
_SLOWEST, _FASTEST = 0.5, 1.0
"""What one more doubling of the rows gains, as powers of a half of what the last one did: errors fall as n^-0.5 to n^-1."""
_MOST_HOPEFUL = 2
_LEAST_ALLOWED_SECONDS = 60.0
"""Of training, at a nominal speed, that nobody minds to wait for (our choice)."""


def diagnose(
    ensemble: Ensemble,
    prepared: Prepared,
    *,
    quick: bool = False,
    thorough: bool = False,
    curves: bool = False,
    report: Callable[[Progress], None] = lambda progress: None,
    stopping: Callable[[], bool] = lambda: False,
) -> Diagnosis:
    """Try what would help, and say what that shows.

    Args:
        ensemble: a run.
        prepared: the rows it was trained on, ready to be trained on again with its settings.
        quick: three folds instead of four, two trainings of the baseline instead of three, and only changes of several
            settings at once.
        thorough: every change on four folds, however long it takes; else trials are reckoned to take no longer than the fit, or a
            minute, and what they do not come to is `Diagnosis.untried`.
        curves: farther changes of width and penalties as well, for the ends of the complexity curves. All changes are tried.
        report: called after each trial.
        stopping: asked between and during trials.

    Raises:
        DataError: the rows are not those of the run, or do not fit into memory.
        TrainingError: members with the settings of the run cannot be trained.
        Interrupted: asked to stop.
    """
    began = time.monotonic()
    check_rows(ensemble, prepared)
    decomposition = ensemble.report.decomposition
    if not ensemble.task.decomposes:
        name = printable(ensemble.task.target)
        raise UsageError(f"Bias and variance are known of numbers and classes, but '{name}' holds texts. Try settings: weights compare.")
    if decomposition is None:
        raise DataError("The run does not say what its loss is made of: it was saved by an older version. Fit again.")
    possible = changes(ensemble, prepared)
    extent, to_try = _choose_trials(ensemble, prepared, possible, quick=quick, thorough=thorough, curves=curves)
    untried = [] if quick else [change.name for change in choose_changes(possible, quick=False, curves=curves) if change not in to_try]
    control = Control(n_threads=prepared.n_threads, report=report, stopping=stopping, measuring=False, work="The diagnosis")
    runner = TrialRunner(
        ensemble, prepared, control, extent, n_trials=extent.n_trials + len(to_try) + _MOST_HOPEFUL * (extent.n_baselines - 1)
    )
    jobs = runner.jobs(prepared.candidates)
    # Seeds of their own, so that halves differ by all that makes two trainings differ.
    jobs_of_halves = [reseed(_take_parts(jobs, prepared, share=2, part=part), part) for part in range(extent.n_halves)]
    n_whole = _n_learned(jobs)
    scale = n_whole / _n_learned({name: job(name, spec, prepared) for name, spec in prepared.candidates.items()})
    baselines = [runner.train_baseline(number) for number in range(extent.n_baselines)]
    baseline = _Baseline(baselines, prepared.candidates, len(to_try))
    halves = [runner.train(of_half) for of_half in jobs_of_halves]
    quarter = [runner.train(_take_parts(jobs, prepared, share=4, part=part)) for part in range(extent.n_quarters)]
    whole, half = runner.terms([trial.outputs for trial in baselines]), runner.terms([trial.outputs for trial in halves])
    last_doubling = runner.gain([trial.losses for trial in halves], baseline.losses)
    remedies = _try_changes(runner, baseline, to_try)
    ranked = sorted(remedies, key=lambda remedy: (bool(remedy.failure), not remedy.helps, -remedy.gain))
    decomposition = _completed(decomposition, runner, whole, half if len(halves) > 1 else None, scale)
    doubling = _forecast(last_doubling, scale, decomposition.loss.value)
    verdict, reason = _verdict(decomposition, ranked, doubling)
    losses = [*((4, trial.losses) for trial in quarter), (2, half.alone), (1, whole.alone)]
    curve = [Step(1 / share, round(n_whole / share), *msgspec.structs.astuple(average(each, runner.judged))) for share, each in losses]
    return Diagnosis(
        verdict=verdict,
        reason=reason,
        decomposition=decomposition,
        train_loss=baseline.train_loss,
        remedies=ranked,
        curve=curve,
        doubling=doubling,
        complexity=_complexity(ranked, average(whole.alone, runner.judged).value, baseline.train_loss),
        n_members=sum(members.n_members for members in jobs.values()),
        n_rows=len(runner.rows),
        findings=all_findings(ensemble),
        untried=untried,
        seconds=round(time.monotonic() - began, 2),
    )


def _choose_trials(
    ensemble: Ensemble, prepared: Prepared, possible: list[Change], *, quick: bool, thorough: bool, curves: bool
) -> tuple[Extent, list[Change]]:
    """How much is trained for each trial, and which changes are tried.

    If not all is asked for, trials are reckoned to take as long as the fit: changes of several settings come first, then the others, the
    cheaper first. Where these alone would take longer, fewer folds are judged.
    """
    n_rows, excluded = len(prepared.dataset.inputs), excluded_populations(ensemble)
    whole, fewer = in_folds(n_rows), in_folds(n_rows, 3, n_baselines=2, n_quarters=0)
    if thorough or curves:
        return whole, choose_changes(possible, quick=quick, curves=curves)
    first = choose_changes(possible, quick=True, curves=False)
    allowed = max(cost_of(prepared.candidates, prepared), _LEAST_ALLOWED_SECONDS)

    def reckon(extent: Extent, specs: Mapping[str, Spec]) -> float:
        """Seconds of a trial, of whose populations those that stay as they are are not trained again."""
        new = {name: spec for name, spec in specs.items() if spec != prepared.candidates.get(name)}
        return cost_of_trial(new or specs, prepared, extent, excluded)

    def reckon_first(extent: Extent) -> float:
        """Seconds of all trials that are made in any case."""
        n_trained = extent.n_trials - (extent.n_folds is None)
        return n_trained * reckon(extent, prepared.candidates) + sum(reckon(extent, change.specs) for change in first)

    extents = [*([] if quick else [whole]), fewer, *([OWN_FOLDS] if serves_own_folds(ensemble, n_rows) else [])]
    extent = next((extent for extent in extents if reckon_first(extent) <= allowed), extents[-1])
    seconds, chosen = reckon_first(extent), [change.name for change in first]
    others = [] if quick else [change for change in choose_changes(possible, quick=False, curves=False) if change not in first]
    for cost, name in sorted((reckon(extent, change.specs), change.name) for change in others):
        seconds += cost
        chosen += [name] * (seconds <= allowed)
    return extent, [change for change in possible if change.name in chosen]


class _Baseline(NamedTuple):
    """The settings of a run, trained several times: changes are compared with their mean, and their differences are the chance of training.

    specs: of each population. n_compared: how many changes are compared with them.
    """

    trials: list[Trial]
    specs: dict[str, Spec]
    n_compared: int

    @property
    def losses(self) -> list[FloatArray]:
        """Out of bag, of each training."""
        return [trial.losses for trial in self.trials]

    @property
    def train_loss(self) -> float:
        """The mean loss where members learned."""
        return float(np.mean([trial.train_loss for trial in self.trials]))


def _try_changes(runner: TrialRunner, baseline: _Baseline, to_try: list[Change]) -> list[Remedy]:
    """What trying each change once shows; where none helps, those that might are trained as often as the baseline."""
    trials: dict[str, list[Trial]] = {change.name: [] for change in to_try}
    remedies = {change.name: _try_change(runner, baseline, change, trials[change.name]) for change in to_try}
    if not any(remedy.helps for remedy in remedies.values()):
        hopeful = [change for change in to_try if remedies[change.name].relative >= _WORTH_HAVING]
        hopeful.sort(key=lambda change: -remedies[change.name].gain)
        for change in hopeful[:_MOST_HOPEFUL] * (len(baseline.trials) - 1):
            remedies[change.name] = _try_change(runner, baseline, change, trials[change.name])
    return [*remedies.values()]


def _try_change(runner: TrialRunner, baseline: _Baseline, change: Change, trials: list[Trial]) -> Remedy:
    """What trying a change once more, with other seeds each time, shows of it; the trial joins the earlier ones."""
    cost, number = cost_of(change.specs, runner.prepared) / cost_of(baseline.specs, runner.prepared), len(trials)
    unchanged = {name for name, spec in baseline.specs.items() if change.specs.get(name) == spec}
    known = {name: result for name, result in baseline.trials[number].trained.items() if name in unchanged}
    try:
        trials.append(runner.train(reseed(runner.jobs(change.specs), number), known))
    except TrainingError as error:
        return Remedy(change.name, change.words, cost=cost, failure=str(error))
    gain = runner.gain(baseline.losses, [trial.losses for trial in trials], among=baseline.n_compared)
    fitted = baseline.train_loss - float(np.mean([trial.train_loss for trial in trials]))
    helps = gain.low > 0 and gain.relative >= _WORTH_HAVING
    return Remedy(change.name, change.words, gain.value, gain.low, gain.high, gain.relative, fitted, cost, helps)


def _take_parts(jobs: Mapping[str, Job], prepared: Prepared, *, share: int, part: int) -> dict[str, Job]:
    return {name: _take_part(whole, prepared, share=share, part=part) for name, whole in jobs.items()}


def _take_part(whole: Job, prepared: Prepared, *, share: int, part: int) -> Job:
    """The same members learning from one part of their rows: parts share no row, nor a group, and have equal parts of each class."""
    dataset, counts = prepared.dataset, np.zeros_like(whole.resampling.counts)
    for m, own in enumerate(whole.resampling.counts):
        rng = np.random.default_rng([0x9A17, m])
        rows = rng.permutation(np.flatnonzero(own))
        if dataset.group is not None:
            unit = rng.permutation(int(dataset.group.max()) + 1)[dataset.group[rows]]
            chosen = rows[np.unique(unit, return_inverse=True)[1] % share == part]
        else:
            strata = prepared.task.strata(prepared.y[rows])
            chosen = (rows if strata is None else rows[np.argsort(strata, kind="stable")])[part::share]
        counts[m, chosen] = own[chosen]
    if not counts.any(1).all():
        what = "rows" if dataset.roles.group is None else f"groups of '{dataset.roles.group}'"
        part_of = "half" if share == 2 else "quarter"
        raise DataError(f"Members must learn from a {part_of} of their {what}, but there are too few of these. Add {what.split()[0]}.")
    return dataclasses.replace(whole, resampling=Resampling(counts, whole.resampling.scored, whole.resampling.member_weights))


def _n_learned(jobs: Mapping[str, Job]) -> float:
    """How many rows a member that is judged learns from, on average."""
    counts, scored, _ = next(iter(jobs.values())).resampling
    return float((counts[scored.any(1)] > 0).sum(1).mean())


def _completed(decomposition: Decomposition, runner: TrialRunner, whole: Terms, half: Terms | None, scale: float) -> Decomposition:
    """The decomposition with the part of the variance that is due to which rows came.

    Members that learned from two halves without a common row differ by twice the variance of one; what members with other seeds differ
    by is not due to rows. This part is taken to fall as one over the rows, from half of those of a trial to those of the run, of which a
    trial has `scale` times as many. Of a single half nothing is known of it.
    """
    of_start = whole.diversity + whole.variance_of_mean
    rows = None
    if half is not None:
        due = average((half.diversity + half.variance_of_mean - of_start) * scale / 2, runner.judged)
        rows = Part(max(due.value, 0.0), due.std_err)
    bias, variance = decomposition.bias, decomposition.variance
    if variance is None:
        start = average(of_start, runner.judged)
        bias = Part(bias.value - decomposition.diversity.value - start.value, bias.std_err)
        variance = Part(decomposition.diversity.value + start.value, start.std_err)
    if rows is not None:
        bias = Part(bias.value - rows.value, float(np.hypot(bias.std_err, rows.std_err)))
        variance = Part(variance.value + rows.value, float(np.hypot(variance.std_err, rows.std_err)))
    return msgspec.structs.replace(decomposition, bias=bias, variance=variance, rows=rows)


def _complexity(remedies: list[Remedy], loss: float, train_loss: float) -> list[Curve]:
    """Losses along the changes that make models freer, of which at least two were tried, from those of the baseline."""
    tried = [remedy for remedy in remedies if not remedy.failure]
    points = {remedy.name: Point(remedy.name, loss - remedy.gain, train_loss - remedy.train_gain) for remedy in tried}
    points[BASELINE] = Point(BASELINE, loss, train_loss)
    curves = [Curve(along, [points[name] for name in names if name in points]) for along, names in COMPLEXITY.items()]
    return [curve for curve in curves if len(curve.points) > 2]


def _forecast(last: Gain, scale: float, loss: float) -> Gain:
    """What twice the rows of the run gain if the last doubling, to `scale` times as many, gained this; relative to its loss."""
    least, most = (0.5 * scale) ** _FASTEST, (0.5 * scale) ** _SLOWEST
    low, high = min(last.low * least, last.low * most), max(last.high * least, last.high * most)
    value = last.value * (0.5 * scale) ** ((_SLOWEST + _FASTEST) / 2)
    return Gain(value, low, high, value / max(loss, 1e-300))


def _verdict(decomposition: Decomposition, remedies: list[Remedy], doubling: Gain) -> tuple[Verdict, str]:
    """What the trials show, and the sentence that says why."""
    helpful = [remedy for remedy in remedies if remedy.helps]
    if helpful:
        best = helpful[0]
        gained = f"{best.change} takes {best.relative:.1%} off the loss"
        if best.train_gain > 0:
            return "underfits", f"{gained}, and the rows that members learned from are fitted better as well"
        return "overfits", f"{gained}, although the rows that members learned from are fitted less closely"
    if doubling.low > 0 and doubling.relative >= 2 * _WORTH_HAVING:
        return (
            "limited by the amount of data",
            f"no change that was tried helps, but twice the rows would take about {doubling.relative:.1%} off the loss",
        )
    rest = decomposition.bias.value + (decomposition.noise.value if decomposition.noise else 0.0)
    share = rest / decomposition.constant if decomposition.constant > 0 else 1.0
    tried = f"no change that was tried helps, {_say_doubling(doubling, decomposition.loss.value)}"
    if share >= _MOSTLY_NOISE:
        return "limited by noise", f"{tried}, and {share:.0%} of what a constant loses is left: noise, or what these inputs do not say"
    return "balanced", f"{tried}; {share:.0%} of what a constant loses is left"


def _say_doubling(doubling: Gain, loss: float) -> str:
    """What is known of twice the rows where they are not seen to help: that they would not, or nothing."""
    low, high = (end / max(loss, 1e-300) for end in (doubling.low, doubling.high))
    if high < 2 * _WORTH_HAVING:
        return "nor would twice the rows"
    return f"whether twice the rows would is unclear (between {low:+.1%} and {high:+.1%} of the loss)"
