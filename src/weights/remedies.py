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
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np

from weights.candidates import candidates, check_memory, plans_of
from weights.ensemble import Ensemble
from weights.errors import DataError, Interrupted, TrainingError, UsageError, listed, suggest
from weights.fitting import Prepared, check_rows, job
from weights.inspection.decomposition import Terms, average
from weights.inspection.health import all_findings
from weights.models.architecture import Architecture
from weights.models.registry import architecture_of
from weights.spec import Spec, check, with_settings
from weights.training.control import Control, Progress
from weights.training.job import Job
from weights.training.outofbag import Trained
from weights.training.resampling import Resampling
from weights.trials import N_TRAININGS, Trial, TrialRunner, cost_of, excluded_populations, reseed
from weights.verdicts import Curve, Decomposition, Diagnosis, Gain, Part, Point, Remedy, Step, Verdict

_WORTH_HAVING = 0.01
"""A remedy helps if it gains this share of the loss, and more rows if they gain twice as much (our choice)."""
_MOSTLY_NOISE = 0.5
"""What no setting and no row can gain is called noise where it is this share of a constant's loss (our choice)."""
_SLOWEST, _FASTEST = 0.5, 1.0
"""What one more doubling of the rows gains, as powers of a half of what the last one did: errors fall as n^-0.5 to n^-1."""
_MOST_HOPEFUL = 2
_TRIED_QUICKLY = {"freer": "weaker-penalty", "held-back": "stronger-penalty", "with-networks": "", "linear-alone": ""}
"""What is tried in a quick diagnosis, and what in its place where a run has no such change."""
_MOST_UNITS = 256
_BASELINE = "baseline"


class Change(NamedTuple):
    """A remedy that can be tried: its name, the change in words, and the settings of each population with it."""

    name: str
    words: str
    specs: dict[str, Spec]


# What can be tried


def changes(ensemble: Ensemble, prepared: Prepared) -> list[Change]:
    """The remedies that make sense for the settings of a run.

    Args:
        ensemble: the run.
        prepared: its rows, ready again, with its settings as candidates.
    """
    specs = prepared.candidates
    possible = [*_list_changes(specs, excluded_populations(ensemble))]
    networks = {name: spec for name, spec in specs.items() if architecture_of(spec.model).has_hidden}
    if networks and len(networks) < len(specs):
        linear = {name: spec for name, spec in specs.items() if name not in networks}
        possible.append(Change("linear-alone", "the linear model alone", linear))
    if not networks:
        like = next(iter(specs.values()))
        chosen = {f"members.{name}": value for name, value in msgspec.structs.asdict(like.members).items()}
        chosen["updates.mask"] = like.updates.mask
        mixed = {**specs, **candidates("mlp", chosen, prepared.dataset)}
        possible.append(Change("with-networks", "networks beside the linear model", mixed))
    if idle := _idle_features(ensemble):
        words = f"without {listed(idle, 3)}, which out-of-bag rows do not miss"
        masked = {name: with_settings(spec, {"updates.mask": (*spec.updates.mask, *idle)}) for name, spec in specs.items()}
        possible.append(Change("fewer-features", words, masked))
    return possible


def with_change(ensemble: Ensemble, prepared: Prepared, name: str) -> tuple[Prepared, str]:
    """The rows of a run, ready to be trained on with one change of its settings, and the change in words.

    Raises:
        UsageError: the run has no such change. TooLargeError: it does not fit into memory.
    """
    possible = {change.name: change for change in changes(ensemble, prepared)}
    if name not in possible:
        raise UsageError(f"This run has no change '{name}'. {suggest(name, possible)}")
    change, report = possible[name], ensemble.report
    plans = plans_of(change.specs, prepared.layout, len(prepared.dataset.inputs), n_threads=prepared.n_threads)
    check_memory(plans)
    remarks = [*report.remarks, f"fitted again with {change.words}"]
    inspect = report.feature_weights is not None
    changed = dataclasses.replace(prepared, candidates=change.specs, plans=plans, remarks=remarks, inspect=inspect)
    return changed, change.words


class _SettingChange(NamedTuple):
    """A change of one setting: for which architectures and how a value becomes another (None: leave it)."""

    name: str
    setting: str
    fits: Callable[[Architecture], bool]
    changed: Callable[[Any], Any]


def _resized(factor: float) -> Callable[[tuple[int, ...]], tuple[int, ...] | None]:
    """Layers of more units, at least 16 and at most 256, or of fewer, at least 4; None where they are beyond that."""

    def resize(units: int) -> int:
        wanted = round(units * factor)
        return max(min(max(wanted, 16), _MOST_UNITS), units) if factor > 1 else min(max(wanted, 4), units)

    def resize_layers(hidden: tuple[int, ...]) -> tuple[int, ...] | None:
        sizes = tuple(map(resize, hidden))
        return None if sizes == hidden else sizes

    return resize_layers


def _times(factor: float, *, most: float = np.inf, from_zero: float | None = None) -> Callable[[float], float | None]:
    return lambda value: None if value >= most and factor > 1 else min(value * factor, most) or from_zero


def _has_hidden(architecture: Architecture) -> bool:
    return architecture.has_hidden


def _has_none_hidden(architecture: Architecture) -> bool:
    return not architecture.has_hidden


def _reads(block: str) -> Callable[[Architecture], bool]:
    return lambda architecture: block in architecture.reads


def _is_resized_by(field: str) -> Callable[[Architecture], bool]:
    return lambda architecture: architecture.capacity == field


def _resize(name: str, **factors: float) -> Iterator[_SettingChange]:
    """The change of the sizes of layers by a factor for each setting that may hold them."""
    for field, factor in factors.items():
        yield _SettingChange(name, f"model.{field}", _is_resized_by(field), _resized(factor))


_AUGMENTATION = {"shift": (0.25, 0.1), "crop": (0.25, 0.1), "rotate": (30.0, 10.0), "brightness": (0.3, 0.1)}
"""The most that is tried of each change of pictures, and what in place of none."""
_SETTING_CHANGES = (
    *_resize("wider", hidden=4.0, widths=1.5),
    *_resize("narrower", hidden=0.25, widths=0.5),
    _SettingChange("stronger-penalty", "regularization.strength", _has_none_hidden, _times(10.0)),
    _SettingChange("stronger-penalty", "optimization.weight_decay", _has_hidden, _times(10.0, from_zero=1.0)),
    _SettingChange("weaker-penalty", "regularization.strength", _has_none_hidden, _times(0.1)),
    _SettingChange("weaker-penalty", "optimization.weight_decay", _has_hidden, _times(0.1)),
    _SettingChange("weaker-penalty", "regularization.strength", _has_hidden, _times(0.1)),
    *_resize("much-narrower", hidden=1 / 16, widths=1 / 4),
    _SettingChange("much-stronger-penalty", "regularization.strength", _has_none_hidden, _times(100.0)),
    _SettingChange("much-stronger-penalty", "optimization.weight_decay", _has_hidden, _times(100.0, from_zero=10.0)),
    _SettingChange("much-weaker-penalty", "regularization.strength", _has_none_hidden, _times(0.01)),
    _SettingChange("much-weaker-penalty", "optimization.weight_decay", _has_hidden, _times(0.01)),
    _SettingChange("much-weaker-penalty", "regularization.strength", _has_hidden, _times(0.01)),
    _SettingChange("longer", "optimization.n_steps", _reads("x"), lambda steps: 3 * steps),
    _SettingChange("longer", "optimization.n_steps", _reads("pixels"), lambda steps: 2 * steps),
    _SettingChange("shorter", "optimization.n_steps", _has_hidden, lambda steps: max(steps // 3, 24) if steps > 24 else None),
    *(
        _SettingChange("more-augmentation", f"augmentation.{name}", _reads("pixels"), _times(2.0, most=most, from_zero=some))
        for name, (most, some) in _AUGMENTATION.items()
    ),
    *(
        _SettingChange("less-augmentation", f"augmentation.{name}", _reads("pixels"), lambda value: 0.0 if value else None)
        for name in _AUGMENTATION
    ),
    _SettingChange("more-dropout", "regularization.dropout", _has_hidden, _times(3.0, most=0.6, from_zero=0.3)),
    _SettingChange("less-dropout", "regularization.dropout", _has_hidden, _times(0.2)),
    _SettingChange("early-stop", "regularization.patience", _has_hidden, lambda patience: None if patience else 5),
    _SettingChange("higher-rate", "optimization.learning_rate", _has_hidden, _times(3.0)),
    _SettingChange("lower-rate", "optimization.learning_rate", _has_hidden, _times(1 / 3)),
)
"""One setting more or less, by factors large enough to matter and small enough to stay sensible (our choice)."""
_COMPLEXITY = {
    "width": ("much-narrower", "narrower", _BASELINE, "wider"),
    "penalty": ("much-stronger-penalty", "stronger-penalty", _BASELINE, "weaker-penalty", "much-weaker-penalty"),
}
"""Changes along which models become freer."""
_ONLY_FOR_CURVES = ("much-narrower", "much-stronger-penalty", "much-weaker-penalty")
_TOGETHER = {
    "freer": ("wider", "weaker-penalty", "less-dropout", "less-augmentation", "longer"),
    "held-back": ("stronger-penalty", "more-dropout", "more-augmentation", "early-stop"),
}
"""Several at once, where one alone may be too little."""


def _list_changes(specs: Mapping[str, Spec], excluded: set[str]) -> Iterator[Change]:
    """Changes of single settings, in every population that has them, and of several together, in words that say what is changed."""
    singles = {name: (name,) for name in dict.fromkeys(change.name for change in _SETTING_CHANGES)}
    distinct: list[dict[str, Spec]] = [dict(specs)]
    for name, parts in (singles | _TOGETHER).items():
        changed, words = dict(specs), []
        for population in specs:
            for change in (change for part in parts for change in _SETTING_CHANGES if change.name == part):
                spec, (section, field) = changed[population], change.setting.split(".")
                before = getattr(getattr(spec, section), field) if change.fits(architecture_of(spec.model)) else None
                after = None if before is None else change.changed(before)
                candidate = None if after is None else with_settings(spec, {change.setting: after})
                if candidate is not None and _fits(candidate):
                    changed[population] = candidate
                    if population not in excluded:
                        words.append(f"{field} {_said(after)} instead of {_said(before)}")
        if words and changed not in distinct:
            distinct.append(changed)
            yield Change(name, "; ".join(dict.fromkeys(words)), changed)


def _fits(spec: Spec) -> bool:
    try:
        check(spec)
    except UsageError:
        return False
    return True


def _said(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else f"{value:.3g}" if isinstance(value, float) else f"{value:,}"


def _idle_features(ensemble: Ensemble) -> list[str]:
    """Features that out-of-bag rows do not miss; none if these are all."""
    known = ensemble.report.feature_weights
    if known is None:
        return []
    masked = {name for population in ensemble.populations for name in population.spec.updates.mask}
    useless = [importance.features[0] for importance in known.importances if importance.value <= 0]
    idle = [feature for feature in useless if feature not in masked]
    return idle if len(idle) < len(known.importances) - len(masked) else []


# The verdict


def diagnose(
    ensemble: Ensemble,
    prepared: Prepared,
    *,
    quick: bool = False,
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
        curves: farther changes of width and penalties as well, for the ends of the complexity curves.
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
    if decomposition is None:
        raise DataError("The run does not say what its loss is made of: it was saved by an older version. Fit again.")
    runner = TrialRunner(ensemble, prepared, Control(n_threads=prepared.n_threads, stopping=stopping, measuring=False), quick=quick)
    to_try = _chosen(changes(ensemble, prepared), quick=quick, curves=curves)
    n_baselines = N_TRAININGS - quick
    n_turns, turns = len(to_try) + n_baselines + (2 if quick else 3), iter(range(1, 1000))

    def tried(jobs: dict[str, Job], known: Mapping[str, Trained] = {}) -> Trial:
        trial = runner.tried(jobs, known)
        report(Progress("trials", min(next(turns) / n_turns, 1.0), None))
        return trial

    jobs = runner.jobs(prepared.candidates)
    # Seeds of their own, so that halves differ by all that makes two trainings differ.
    jobs_of_halves = [reseed(_take_parts(jobs, prepared, share=2, part=part), part) for part in range(2)]
    n_whole = _n_learned(jobs)
    scale = n_whole / _n_learned({name: job(name, spec, prepared) for name, spec in prepared.candidates.items()})
    # Several trainings of the baseline: changes are compared with their mean, and their differences are the chance of training.
    baselines = [tried(reseed(jobs, number)) for number in range(n_baselines)]
    before, train_loss = [trial.losses for trial in baselines], float(np.mean([trial.train_loss for trial in baselines]))
    halves = [tried(of_half) for of_half in jobs_of_halves]
    quarter = [] if quick else [tried(_take_parts(jobs, prepared, share=4, part=0))]
    whole, half = runner.terms([trial.outputs for trial in baselines]), runner.terms([trial.outputs for trial in halves])
    last_doubling = runner.gain([trial.losses for trial in halves], before)
    trials: dict[str, list[Trial]] = {}

    def try_change(change: Change) -> Remedy:
        """What trying a change once more, with other seeds each time, shows of it."""
        if stopping():
            raise Interrupted("The diagnosis was stopped.")
        cost, number = cost_of(change.specs, prepared) / cost_of(prepared.candidates, prepared), len(trials.setdefault(change.name, []))
        before_change, unchanged = baselines[number].trained, prepared.candidates
        known = {name: result for name, result in before_change.items() if change.specs.get(name) == unchanged[name]}
        try:
            trials[change.name].append(tried(reseed(runner.jobs(change.specs), number), known))
        except TrainingError as error:
            return Remedy(change.name, change.words, cost=cost, failure=str(error))
        gain = runner.gain(before, [trial.losses for trial in trials[change.name]], among=len(to_try))
        fitted = train_loss - float(np.mean([trial.train_loss for trial in trials[change.name]]))
        helps = gain.low > 0 and gain.relative >= _WORTH_HAVING
        return Remedy(change.name, change.words, gain.value, gain.low, gain.high, gain.relative, fitted, cost, helps)

    remedies = {change.name: try_change(change) for change in to_try}
    if not any(remedy.helps for remedy in remedies.values()):
        # Those that might help are trained as often as the baseline.
        hopeful = sorted(
            (change for change in to_try if remedies[change.name].relative >= _WORTH_HAVING), key=lambda c: -remedies[c.name].gain
        )
        for change in hopeful[:_MOST_HOPEFUL] * (n_baselines - 1):
            remedies[change.name] = try_change(change)
    ranked = sorted(remedies.values(), key=lambda remedy: (bool(remedy.failure), not remedy.helps, -remedy.gain))
    decomposition = _completed(decomposition, runner, whole, half, scale)
    doubling = _forecast(last_doubling, scale, decomposition.loss.value)
    verdict, reason = _verdict(decomposition, ranked, doubling)
    losses = [*((4, trial.losses) for trial in quarter), (2, half.alone), (1, whole.alone)]
    curve = [Step(1 / share, round(n_whole / share), *msgspec.structs.astuple(average(each, runner.judged))) for share, each in losses]
    return Diagnosis(
        verdict=verdict,
        reason=reason,
        decomposition=decomposition,
        train_loss=train_loss,
        remedies=ranked,
        curve=curve,
        doubling=doubling,
        complexity=_complexity(ranked, average(whole.alone, runner.judged).value, train_loss),
        n_members=sum(members.n_members for members in jobs.values()),
        n_rows=len(runner.rows),
        findings=all_findings(ensemble),
        seconds=round(time.monotonic() - began, 2),
    )


def _chosen(possible: list[Change], *, quick: bool, curves: bool) -> list[Change]:
    """Those of the changes that are tried."""
    names = {change.name for change in possible}
    wanted = {name if name in names else instead for name, instead in _TRIED_QUICKLY.items()} if quick else names - {*_ONLY_FOR_CURVES}
    if curves:
        wanted |= {name for along in _COMPLEXITY.values() for name in along}
    return [change for change in possible if change.name in wanted]


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


def _completed(decomposition: Decomposition, runner: TrialRunner, whole: Terms, half: Terms, scale: float) -> Decomposition:
    """The decomposition with the part of the variance that is due to which rows came.

    Members that learned from two halves without a common row differ by twice the variance of one; what members with other seeds differ
    by is not due to rows. This part is taken to fall as one over the rows, from half of those of a trial to those of the run, of which a
    trial has `scale` times as many.
    """
    of_half, of_start = half.diversity + half.variance_of_mean, whole.diversity + whole.variance_of_mean
    rows = average((of_half - of_start) * scale / 2, runner.judged)
    rows = Part(max(rows.value, 0.0), rows.std_err)
    bias, variance = decomposition.bias, decomposition.variance
    if variance is None:
        start = average(of_start, runner.judged)
        bias = Part(bias.value - decomposition.diversity.value - start.value, bias.std_err)
        variance = Part(decomposition.diversity.value + start.value, start.std_err)
    return msgspec.structs.replace(
        decomposition,
        bias=Part(bias.value - rows.value, float(np.hypot(bias.std_err, rows.std_err))),
        variance=Part(variance.value + rows.value, float(np.hypot(variance.std_err, rows.std_err))),
        rows=rows,
    )


def _complexity(remedies: list[Remedy], loss: float, train_loss: float) -> list[Curve]:
    """Losses along the changes that make models freer, of which at least two were tried, from those of the baseline."""
    tried = [remedy for remedy in remedies if not remedy.failure]
    points = {remedy.name: Point(remedy.name, loss - remedy.gain, train_loss - remedy.train_gain) for remedy in tried}
    points[_BASELINE] = Point(_BASELINE, loss, train_loss)
    curves = [Curve(along, [points[name] for name in names if name in points]) for along, names in _COMPLEXITY.items()]
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
    if share >= _MOSTLY_NOISE:
        return "limited by noise", (
            f"no change that was tried helps, nor would twice the rows, and {share:.0%} of what a constant loses is left: "
            "noise, or what these inputs do not say"
        )
    return "balanced", f"no change that was tried helps, nor would twice the rows; {share:.0%} of what a constant loses is left"
