"""The effect and the importance of each feature, with intervals. `estimate_feature_weights` is the entrance.

Effect. The slope of the residual of y on the residual of the feature, both given the other features:

    theta_j = E[(x_j - E[x_j | x_-j]) (y - E[y | x_-j])] / E[(x_j - E[x_j | x_-j])^2]

It exists for any distribution of inputs. With linear expectations it is the coefficient of least squares (Frisch and Waugh 1933;
Lovell 1963); with others the partialling-out estimate of double machine learning (Robinson 1988; Chernozhukov et al. 2018), the
log odds of which are the assumption-lean ones of Vansteelandt and Dukes (2022, section 3). E[y | x_-j] is the ensemble's answer
averaged over the values x_j can have given the others, by members that never saw the row.

Importance. How much worse these answers are than those that know the feature, on rows the members never saw (leave one covariate
out: Lei et al. 2018; Williamson et al. 2023; Gan, Zheng and Allen 2022). Its interval is about members like these: what such members,
trained on as many rows, lose without the feature. What the best possible prediction loses may be more.

Neither is a causal effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.special

from weights.data.encoding import Boolean, Category, ColumnEncoding, Datetime, Encoding
from weights.effects import Contrast, FeatureWeights, Group, Importance, Joint, Key
from weights.inspection.clusters import Clusters
from weights.inspection.groups import correlated_groups
from weights.inspection.outofbag import OutOfBag, Without
from weights.inspection.partialling import Design, Partialled, build_design, partial_out
from weights.inspection.replacement import find_joint_replacement, find_replacement
from weights.inspection.slopes import Rows, Slopes, error_of_mean, find_clusters, least_squares, logistic, regress_residuals
from weights.tasks.base import Gaps, Outcome, Scaled, Task
from weights.types import AnyArray, FloatArray, IntArray, ReportProgress

_DAY = 86400.0
_ENDLESS = "no finite log odds fit best, because it separates the classes of some rows perfectly"
_NO_ERROR = "without an interval, because the inputs leave nothing of the outcome"
_FEW_CLUSTERS = "without a cluster-robust interval, because it differs between too few clusters"
_FEWEST_DEGREES = 1.0
"""Of freedom; with fewer an interval says nothing (Student's t has no mean)."""
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class InspectedRows:
    """The rows that feature weights are estimated from, and what members that never saw them answer.

    Attributes:
        task, encoding: what is answered, from which columns.
        x: the rows' unclipped inputs, float64, shape (r, p).
        y: their encoded targets, shape (r,).
        rows: what else is known of them.
        answers: what members that never saw them say.
        linear: whether all members are linear.
        bounded: inputs that are clipped in x all the same, because most linear members need it: effects are those within the bound.
    """

    task: Task
    encoding: Encoding
    x: FloatArray
    y: AnyArray
    rows: Rows
    answers: OutOfBag
    linear: bool
    bounded: Sequence[int] = ()


def estimate_feature_weights(inspected: InspectedRows, report_progress: ReportProgress = lambda share: None) -> FeatureWeights:
    """Effects and importances of all features.

    Args:
        inspected: the rows, with the answers of members that never saw them.
        report_progress: called after each feature and group with the share that is done.
    """
    encoding, rows = inspected.encoding, inspected.rows
    design = build_design(encoding, inspected.x, rows.weight, inspected.bounded)
    partialled = partial_out(design, piecewise_linear=not inspected.linear)
    scoring = _Scoring.of(inspected, partialled.dof_inflation)
    exact = _exact(inspected, design, partialled)
    clusters = None if len(exact) == len(inspected.task.outcomes()) else find_clusters(partialled, rows)
    contrasts: list[Contrast] = []
    joints: list[Joint] = []
    importances: list[Importance] = []
    unknown: dict[str, str] = {}
    groups = correlated_groups(encoding, inspected.x, design)
    n_turns = len(encoding.columns) + len(groups)
    for feature, column in enumerate(encoding.columns):
        without = inspected.answers.answers(find_replacement(encoding, inspected.x, design, partialled, feature))
        importances.append(scoring.importance([column.name], without))
        own = design.of(feature)
        if len(own):
            effects = _effects(inspected, design, partialled, exact, own, without, clusters)
            contrasts += effects[0]
            joints += effects[1]
        else:
            reasons = [design.lost[c] for c in design.columns[feature] if c in design.lost]
            unknown[column.name] = f"not identifiable, because {(reasons or ['it has one level only'])[0]}"
        report_progress((feature + 1) / n_turns)
    group_importances = []
    for group in groups:
        group_importances.append(_group(inspected, design, scoring, group, importances))
        report_progress((len(encoding.columns) + len(group_importances)) / n_turns)
    return FeatureWeights(
        contrasts=contrasts,
        joints=joints,
        importances=importances,
        groups=sorted(group_importances, key=lambda group: -group.together.value),
        unknown=unknown,
        units={column.name: "per day" for column in encoding.columns if isinstance(column, Datetime)},
        measure=scoring.measure,
        errors=rows.errors,
        how=partialled.how,
        linear=inspected.linear,
        n_rows=len(inspected.x),
        n_inputs=inspected.x.shape[1],
        reference=np.average(inspected.answers.x, axis=0, weights=rows.weight).tolist(),
        n_clusters=rows.n_clusters,
    )


def noiseless_effects(inspected: InspectedRows) -> dict[Key, float]:
    """The effects that are estimated if the members' answers are what outcomes are on average; y plays no part.

    Returns:
        `Contrast.key` -> effect.
    """
    encoding, rows = inspected.encoding, Rows(inspected.rows.weight, None, None)  # of slopes alone, without errors of clusters
    design = build_design(encoding, inspected.x, rows.weight, inspected.bounded)
    partialled = partial_out(design, piecewise_linear=not inspected.linear)
    known = {outcome: _pick(inspected.answers.baseline, outcome) for outcome in inspected.task.outcomes()}
    if _is_exact(inspected, partialled):
        at_once = {outcome: least_squares(design.z, values, rows).slopes for outcome, values in known.items()}
    else:
        at_once = {}
    effects = {}
    for feature, column in enumerate(encoding.columns):
        own = design.of(feature)
        if not len(own):
            continue
        if at_once:
            slopes = {outcome: of_all[own] for outcome, of_all in at_once.items()}
        else:
            values_without = find_replacement(encoding, inspected.x, design, partialled, feature)
            without = inspected.answers.answers(values_without).together
            gaps = {outcome: values - _pick(without, outcome) for outcome, values in known.items()}
            residuals = partialled.residuals[:, own]
            slopes = {outcome: regress_residuals(residuals, gap, partialled, rows).slopes for outcome, gap in gaps.items()}
        for outcome, of_own in slopes.items():
            for slope, i in zip(of_own, own, strict=True):
                level, factor, _ = _unit(inspected, design, column, int(i))
                effects[column.name, level, outcome.label, outcome.scale] = float(slope) * factor
    return effects


# Importance


class _Scoring(NamedTuple):
    """How losses without features become importances.

    unit: loss that counts as one. gained: what features gain on a constant. dof_inflation: by how much more answers
    would change without a feature if the rows had had no say in what is expected of it.
    """

    inspected: InspectedRows
    dof_inflation: float
    losses: FloatArray
    alone: list[FloatArray]
    unit: float
    spread: FloatArray
    gained: float
    measure: str

    @classmethod
    def of(cls, inspected: InspectedRows, dof_inflation: float) -> _Scoring:
        answers, weight = inspected.answers, inspected.rows.weight
        task, y = inspected.task, inspected.y
        losses = task.prediction_losses(y, answers.baseline.target)
        alone = [task.prediction_losses(y[rows], said) for (_, _, rows), said in zip(answers.members, answers.alone, strict=True)]
        constant = task.prediction_losses(y, task.constant_predictions(y, weight))
        lost = float(np.average(constant, weights=weight))
        unit, spread = (lost or 1.0, constant) if task.relative_importance else (1.0, np.ones(len(losses)))
        gained = (lost - float(np.average(losses, weights=weight))) / unit
        return cls(inspected, dof_inflation, losses, alone, unit, spread, gained, task.importance_measure)

    def importance(self, features: list[str], without: Without) -> Importance:
        """How much larger the loss is without these features."""
        rows, known, task = self.inspected.rows, self.inspected.answers.baseline.target, self.inspected.task
        answers = task.move_predictions(known, without.together.target, self.dof_inflation)
        more = task.prediction_losses(self.inspected.y, answers) - self.losses
        value = float(np.average(more, weights=rows.weight)) / self.unit
        learned = _learned(task.gaps(self.inspected.y, known, answers), rows.weight)
        std_err, degrees = error_of_mean((more + learned - value * self.spread) / self.unit, rows)
        half = float(scipy.special.stdtrit(degrees, 0.975)) * std_err
        members = zip(self.inspected.answers.members, without.alone, self.alone, strict=True)
        lost = [(task.prediction_losses(self.inspected.y[seen], said).mean(), known.mean()) for (_, _, seen), said, known in members]
        better = [after > before * (1 + _ROUNDING) for after, before in lost]
        share = value / self.gained if self.gained > 0 else None
        # Without a feature nothing can truly be predicted better: what lies below zero altogether is the members' own noise.
        return Importance(features, value, std_err, value - half, max(value + half, 0.0), share, float(np.mean(better)))


def _learned(gaps: Gaps, weight: FloatArray) -> FloatArray:
    """What each row does to an importance by way of the members that learned from it, shape (r,).

    Members that stop early or have a penalty use a share c < 1 of what a feature says: `gap`, the answers that know it minus those
    that do not, is c times what is best. The loss then falls by 2 (1 - c) / c E[gap change] where they learn something else (to first
    order; for classes gap is in log odds, and half of that holds), and a smoother that reproduces c times the truth passes c / n of
    the noise of each row it learned from on along the gap. Without this, intervals are too narrow by up to a quarter
    (docs/benchmarks.md).
    """
    gap, explained, unexplained, factor = gaps
    used, available = (float(np.average((gap * part).sum(1), weights=weight)) for part in (explained, unexplained))
    if not 0 < used < available:
        return np.zeros(len(gap))
    share = used / available
    return factor * (1 - share) * (gap * (unexplained - explained / share)).sum(1)


def _group(inspected: InspectedRows, design: Design, scoring: _Scoring, group: list[int], importances: list[Importance]) -> Group:
    """The importance of a group, and what each of its features adds where the rest of the group is unknown too."""

    def together(features: list[int]) -> Importance:
        known = importances[features[0]]
        if len(features) == 1:
            return known
        names = [inspected.encoding.columns[j].name for j in features]
        return scoring.importance(
            names, inspected.answers.answers(find_joint_replacement(inspected.encoding, inspected.x, design, features))
        )

    whole = together(group)
    alone = {inspected.encoding.columns[j].name: whole.value - together([k for k in group if k != j]).value for j in group}
    return Group(whole, alone)


# Effects


def _is_exact(inspected: InspectedRows, partialled: Partialled) -> bool:
    return inspected.linear and partialled.how == "least squares"


def _exact(inspected: InspectedRows, design: Design, partialled: Partialled) -> dict[Outcome, Slopes]:
    """Slopes on all inputs at once, where all members are linear and rows suffice."""
    if not _is_exact(inspected, partialled):
        return {}
    slopes: dict[Outcome, Slopes] = {}
    for outcome in inspected.task.outcomes():
        if outcome.estimator is not None:
            of_values = outcome._replace(scale="target")
            slopes[outcome] = ESTIMATORS[outcome.estimator](design.z, _observed(inspected, of_values), inspected.rows)
    return slopes


ESTIMATORS = {"least squares": least_squares, "logistic": logistic}
"""What estimates slopes on all inputs at once, by the name that an `Outcome` gives."""


def _observed(inspected: InspectedRows, outcome: Outcome) -> FloatArray:
    """The outcome of each row, shape (r,)."""
    return inspected.task.observed(inspected.y, outcome, inspected.answers.baseline.link)


def _effects(
    inspected: InspectedRows,
    design: Design,
    partialled: Partialled,
    exact: dict[Outcome, Slopes],
    own: IntArray,
    without: Without,
    clusters: Clusters | None,
) -> tuple[list[Contrast], list[Joint]]:
    """The contrasts of a feature's own inputs on every scale and for every class, and the tests of several together."""
    column = inspected.encoding.columns[design.inputs[own[0]].feature]
    contrasts, joints = [], []
    for outcome in inspected.task.outcomes():
        fitted = exact.get(outcome)
        if fitted is None:
            expected = _pick(without.together, outcome)
            gap = _observed(inspected, outcome) - expected
            fitted = regress_residuals(partialled.residuals[:, own], gap, partialled, inspected.rows, clusters)
        else:
            fitted = fitted.only(own)
        agreement = _sign_agreement(inspected, partialled.residuals[:, own], outcome, without, fitted)
        finite = np.flatnonzero(np.isfinite(fitted.slopes))
        for b, i in enumerate(own):
            level, factor, spread = _unit(inspected, design, column, int(i))
            if b not in finite:
                contrasts.append(Contrast(column.name, level, outcome.label, outcome.scale, None, note=_ENDLESS))
                continue
            degrees = {kind: float(of_kind[b]) for kind, of_kind in fitted.degrees.items() if of_kind[b] >= _FEWEST_DEGREES}
            errors = {kind: float(np.sqrt(max(fitted.covariances[kind][b, b], 0.0))) * factor for kind in degrees}
            effect = float(fitted.slopes[b]) * factor
            note = _FEW_CLUSTERS if len(degrees) < len(fitted.degrees) else "" if any(errors.values()) else _NO_ERROR
            contrasts.append(
                Contrast(column.name, level, outcome.label, outcome.scale, effect, spread, errors, degrees, agreement[b], note)
            )
        for c in design.columns[design.inputs[own[0]].feature]:
            if int(c) in design.lost:
                note = f"not identifiable, because {design.lost[int(c)]}"
                contrasts.append(Contrast(column.name, design.levels[c], outcome.label, outcome.scale, None, note=note))
        if isinstance(column, Category) and len(finite) > 1:
            joints.append(_test_jointly(column.name, outcome, fitted.only(finite)))
    return contrasts, joints


def _test_jointly(feature: str, outcome: Outcome, slopes: Slopes) -> Joint:
    """Whether all of these slopes are zero.

    With errors of clusters the statistic is that of Hotelling's T squared with the fewest degrees of freedom d of any slope: Wald's over
    their number q, times (d - q + 1) / d, with d - q + 1 degrees (Pustejovsky and Tipton 2018, section 3.2); none where that is below one.
    """
    q = len(slopes.slopes)
    statistics, degrees = {}, {}
    for kind, matrix in slopes.covariances.items():
        fewest = float(slopes.degrees[kind].min())
        rest = fewest - q + 1 if kind == "cluster" else fewest
        if rest >= _FEWEST_DEGREES:
            statistics[kind], degrees[kind] = _wald(slopes.slopes, matrix) / q * (rest / fewest), rest
    return Joint(feature, outcome.label, outcome.scale, q, statistics, degrees)


def _wald(slopes: FloatArray, matrix: FloatArray) -> float:
    return max(float(slopes @ np.linalg.pinv(matrix, hermitian=True) @ slopes), 0.0)


def _pick(answers: Scaled, outcome: Outcome) -> FloatArray:
    return (answers.target if outcome.scale == "target" else answers.link)[:, outcome.place]


def _unit(inspected: InspectedRows, design: Design, column: ColumnEncoding, i: int) -> tuple[str, float, float | None]:
    """What an input's contrast is called, what turns its slope into one per unit, and the standard deviation of the feature."""
    input_, weight = design.inputs[i], inspected.rows.weight
    if isinstance(column, Category):
        return f"{input_.level} (beside {design.references.get(input_.feature, '')})", 1.0, None
    deviation = float(np.sqrt(np.average((design.z[:, i] - np.average(design.z[:, i], weights=weight)) ** 2, weights=weight)))
    if isinstance(column, Boolean):
        return (f"{input_.level} (beside no)", 2.0, None) if input_.level == "yes" else (input_.level, 1.0, None)
    if input_.level:
        return input_.level, 1.0, None
    scale = column.scale / (_DAY if isinstance(column, Datetime) else 1.0)
    return "", 1.0 / scale, deviation * scale


def _sign_agreement(inspected: InspectedRows, residuals: FloatArray, outcome: Outcome, without: Without, fitted: Slopes) -> list[float]:
    """For each contrast the share of members whose own slope, on rows they never saw, has its sign."""
    answers = inspected.answers
    signs = []
    for (_, _, rows), known, expected in zip(answers.members, answers.alone, without.alone, strict=True):
        part = residuals[rows] * inspected.rows.weight[rows, None]
        gap = (known - expected)[:, outcome.place]
        signs.append(np.sign(np.linalg.lstsq(part.T @ residuals[rows], part.T @ gap, rcond=None)[0]))
    return [float(share) for share in (np.asarray(signs) == np.sign(fitted.slopes)).mean(0)]
