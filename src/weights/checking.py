"""Do the intervals of a run hold what they claim, on rows like its own? `check_intervals` tries it.

Outcomes are simulated on the user's own rows, with the fitted model as the truth (a plasmode: Franklin et al. 2014); the same kinds of
members are fitted again to each, and what they report is compared with what is true. Some features that hardly matter are cut out of
the truth, so that there are some with no effect and no importance at all. The importance that a feature has for members
fitted anew is not known, so of importances only these are checked.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from weights.data.dataset import Dataset
from weights.effects import FeatureWeights, Key
from weights.ensemble import Ensemble
from weights.errors import UsageError, listed, printable
from weights.fitting import check_rows, train_ensemble
from weights.inspection.contrasts import noiseless_effects
from weights.inspection.outofbag import OutOfBagMembers
from weights.inspection.slopes import n_lags
from weights.prepared import WEIGHING, Prepared
from weights.tables import Shown, Table
from weights.training.control import Control, Progress, Stages
from weights.types import FloatArray, IntArray
from weights.weighing import choose_inspected_rows

_NULL_SHARE = 0.3
"""Share of features that are cut out of the truth, those of least importance."""
_NORMAL_95 = 1.96
_FEWEST_SIMULATIONS = 10
"""Fewer say little (our choice)."""
_STRONG = 4.0
"""Standard errors from which on an effect counts as strong."""


class Held(msgspec.Struct, frozen=True):
    """How often intervals held the truth.

    Attributes:
        what: "effect" or "importance". kind: of feature: strong, weak or null.
        nominal: what is claimed. measured: what was found, n_intervals in all.
        low, high: 95 % interval of the measured share, simulations taken as the independent units.
    """

    what: str
    kind: str
    nominal: float
    measured: float
    low: float
    high: float
    n_intervals: int


class Check(Shown, msgspec.Struct, frozen=True):
    """What simulations on a run's own rows showed."""

    n_simulations: int
    n_rows: int
    held: list[Held]
    null_features: list[str]

    def tables(self) -> list[Table]:
        """How often intervals held the truth, by what they are of."""
        rows = []
        for held in self.held:
            shares = f"{100 * held.nominal:.0f} %", f"{100 * held.measured:.1f} %", f"[{100 * held.low:.1f} {100 * held.high:.1f}]"
            rows.append([held.what, held.kind, *shares, f"{held.n_intervals:,}"])
        null = listed([printable(feature) for feature in self.null_features], 6)
        notes = [f"strong: beyond 4 standard errors; null: cut out of the truth for this, having mattered least ({null or 'none'})"]
        if self.n_simulations < _FEWEST_SIMULATIONS:
            notes.append(f"{self.n_simulations} simulations say little: --simulations {_FEWEST_SIMULATIONS} or more")
        elif doubtful := [held for held in self.held if held.high < held.nominal]:
            worst = min(doubtful, key=lambda held: held.measured)
            of = f"{worst.what}s of {worst.kind} features"
            notes.append(f"intervals of {of} are too narrow on such rows: 95 % is about {100 * worst.measured:.0f} %")
        simulated = f"{self.n_simulations} simulations on {self.n_rows:,} rows"
        return [Table(simulated, ["intervals of", "features", "claimed", "measured", "[0.025 0.975]", "of"], rows, notes)]


def check_intervals(
    ensemble: Ensemble,
    prepared: Prepared,
    *,
    n_simulations: int = 20,
    seed: int = 0,
    report: Callable[[Progress], None] = lambda progress: None,
    stopping: Callable[[], bool] = lambda: False,
) -> Check:
    """Simulate, fit again, compare.

    Args:
        ensemble: a run with feature weights.
        prepared: the rows it was trained on, ready to be trained on again with its settings.
        n_simulations: how often; each takes about as long as a fit of one round of folds.
        seed: of the simulated noise.
        report: called with the progress.
        stopping: asked between simulations.

    Raises:
        UsageError: there are fewer than two simulations, or the run has no feature weights.
        DataError: the rows are not those of the run.
    """
    claimed = ensemble.report.feature_weights
    if claimed is None or find_refusal(ensemble):
        raise UsageError(find_refusal(ensemble))
    if n_simulations < 2:
        raise UsageError(f"At least two simulations are needed, but {n_simulations} came.")
    check_rows(ensemble, prepared)
    prepared = dataclasses.replace(prepared, task=ensemble.task, candidates=_few_members(prepared), races={}, inspect=True)
    null = _least_important(claimed)
    answers, truth = _truth(ensemble, prepared, null)
    strong = {
        c.key: abs(c.effect) > _STRONG * c.std_errs[claimed.errors]
        for c in claimed.contrasts
        if c.effect is not None and c.std_errs.get(claimed.errors)
    }
    tallies: dict[tuple[str, str], list[list[bool]]] = {}
    rng = np.random.default_rng([seed, 0x91A5])
    residual, together = _residuals(ensemble, prepared), _together(prepared.dataset)
    for number in range(n_simulations):
        stages = Stages(dict.fromkeys([*prepared.candidates, WEIGHING], 1.0))

        def report_part(progress: Progress, number: int = number, stages: Stages = stages) -> None:
            report(Progress("simulations", (number + stages.share(progress)) / n_simulations, None))

        control = Control(n_threads=prepared.n_threads, report=report_part, stopping=stopping, measuring=False, work="The check")
        control.check()
        y = ensemble.task.simulate(answers, residual, together, rng)
        weight = ensemble.task.row_weights(y, prepared.dataset.sample_weight)
        fitted = train_ensemble(dataclasses.replace(prepared, y=y, weight=weight), control).report.feature_weights
        assert fitted is not None
        for key, hits in _hits(fitted, truth, null, strong).items():
            tallies.setdefault(key, []).append(hits)
        report(Progress("simulations", (number + 1) / n_simulations, None))
    held = [_held(what, kind, hits) for (what, kind), hits in sorted(tallies.items())]
    return Check(n_simulations, claimed.n_rows, held, null)


def find_refusal(ensemble: Ensemble) -> str:
    """Why a run has no intervals to check, or nothing."""
    if not ensemble.encoding.columns:
        [kind, *_] = ensemble.encoding.kinds
        return f"Intervals of feature weights are checked here, but a run of {kind.plural} has none. Check a run of a table."
    if ensemble.report.feature_weights is None:
        return "The run was fitted without inspection, so it has no intervals to check. Fit again without --no-inspect."
    return ""


def _few_members(prepared: Prepared) -> dict[str, Any]:
    """The same settings with members enough to leave each row out once."""
    fewer = {}
    for name, spec in prepared.candidates.items():
        members = spec.members
        n_members = min(members.n_members, members.n_folds + (1 if members.resampling == "time" else 0))
        fewer[name] = msgspec.structs.replace(spec, members=msgspec.structs.replace(members, n_members=n_members))
    return fewer


def _least_important(claimed: FeatureWeights) -> list[str]:
    order = sorted(claimed.importances, key=lambda importance: importance.value)
    return [importance.features[0] for importance in order[: int(_NULL_SHARE * len(order))]]


def _truth(ensemble: Ensemble, prepared: Prepared, null: list[str]) -> tuple[FloatArray, dict[Key, float]]:
    """What the ensemble answers to the rows when it does not see the null features, and which effects inspection should then find."""
    dataset, encoding = prepared.dataset, ensemble.encoding
    assert ensemble.report.feature_weights is not None
    reference = np.asarray(ensemble.report.feature_weights.reference, np.float32)
    cut = [i for i, j in enumerate(encoding.joined_groups) if encoding.columns[j].name in null]
    x = np.array(dataset.inputs.joined)
    x[:, cut] = reference[cut]
    inputs = dataset.inputs.replace_joined(x)
    everyone = [
        OutOfBagMembers(population, np.repeat((population.member_weights > 0)[:, None], len(x), 1)) for population in ensemble.populations
    ]
    blind = dataclasses.replace(prepared, dataset=dataclasses.replace(dataset, inputs=inputs))
    asked = choose_inspected_rows(blind, everyone, ensemble.offset, np.ones(len(x), bool), prepared.n_threads)
    effects = {key: 0.0 if key[0] in null else effect for key, effect in noiseless_effects(asked).items()}
    return ensemble.answer(inputs), effects


def _residuals(ensemble: Ensemble, prepared: Prepared) -> FloatArray:
    """How far values lie from what the ensemble answers, made as large as out of bag, shape (n,); zeros for classes."""
    residual = ensemble.task.residuals(prepared.y, ensemble.answer(prepared.dataset.inputs))
    out_of_bag = next(iter(ensemble.metrics.values()))  # of numbers their root mean square
    return residual * out_of_bag / max(float(np.sqrt((residual**2).mean())), 1e-300)


def _together(dataset: Dataset) -> IntArray:
    """For each row which others depend on it, as a code: its group, the rows of about the same time, or none, shape (n,)."""
    if dataset.group is not None:
        return np.unique(dataset.group, return_inverse=True)[1]
    if dataset.time is not None:
        place = np.argsort(np.argsort(dataset.time, kind="stable"), kind="stable")
        return place // (n_lags(len(place)) + 1)
    return np.arange(len(dataset.inputs))


def _hits(fitted: FeatureWeights, truth: dict[Key, float], null: list[str], strong: dict[Key, bool]) -> dict[tuple[str, str], list[bool]]:
    """Whether each interval held what is true, by what it is of and the kind of feature."""
    hits: dict[tuple[str, str], list[bool]] = {}
    for contrast in fitted.contrasts:
        key, bounds = contrast.key, contrast.interval(fitted.errors)
        if contrast.scale == "target" and bounds and key in truth:
            kind = "null" if contrast.feature in null else "strong" if strong.get(key) else "weak"
            hits.setdefault(("effect", kind), []).append(bounds[0] <= truth[key] <= bounds[1])
    for importance in fitted.importances:
        feature = importance.features[0]
        if feature in null and feature not in fitted.unknown:  # of no importance beside what determines it
            hits.setdefault(("importance", "null"), []).append(importance.low <= 0.0 <= importance.high)
    return hits


def _held(what: str, kind: str, hits: list[list[bool]]) -> Held:
    """The share, with Wilson's interval (1927) for the effective number of intervals: those of a simulation go together."""
    shares, n_each = np.asarray([np.mean(kept) for kept in hits]), np.mean([len(kept) for kept in hits])
    measured = float(np.mean(np.concatenate(hits)))
    if_independent = measured * (1 - measured) / n_each
    alike = float(np.clip(shares.var(ddof=1) / if_independent, 1.0, n_each)) if if_independent > 0 else 1.0
    n = sum(map(len, hits)) / alike
    middle = (measured + _NORMAL_95**2 / (2 * n)) / (1 + _NORMAL_95**2 / n)
    half = _NORMAL_95 * np.sqrt(measured * (1 - measured) / n + _NORMAL_95**2 / (4 * n**2)) / (1 + _NORMAL_95**2 / n)
    return Held(what, kind, 0.95, measured, max(float(middle - half), 0.0), min(float(middle + half), 1.0), sum(map(len, hits)))
