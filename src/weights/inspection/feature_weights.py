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

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.special

from weights.data.encoding import Category, Datetime
from weights.dependence import error_of_mean
from weights.effects import Contrast, FeatureWeights, Group, Importance, Joint, TableShape
from weights.inspection.contrasts import Estimator, InspectedRows, find_contrasts, find_intercepts
from weights.inspection.groups import correlated_groups
from weights.inspection.outofbag import Without
from weights.inspection.partialling import Design, build_design, partial_out
from weights.inspection.replacement import find_joint_replacement, find_replacement
from weights.tasks.base import Gaps
from weights.types import FloatArray, ReportProgress

_ROUNDING = 1e-9


def estimate_feature_weights(inspected: InspectedRows, report_progress: ReportProgress = lambda share: None) -> FeatureWeights:
    """Effects and importances of all features.

    Args:
        inspected: the rows, with the answers of members that never saw them.
        report_progress: called with the share that is done each time members were asked to do without some features.
    """
    encoding, rows = inspected.encoding, inspected.rows
    design = build_design(encoding, inspected.x, rows.weight, inspected.bounded)
    partialled = partial_out(design, piecewise_linear=not inspected.linear)
    scoring = _Scoring.of(inspected, partialled.dof_inflation)
    estimator = Estimator(inspected, design, partialled)
    contrasts: list[Contrast] = []
    joints: list[Joint] = []
    importances: list[Importance] = []
    unknown: dict[str, str] = {}
    groups = correlated_groups(encoding, inspected.x, design, report_progress)
    n_turns, n_done = len(encoding.columns) + sum(map(_count_turns, groups)), itertools.count(1)

    def report_turn() -> None:
        report_progress(next(n_done) / n_turns)

    for feature, column in enumerate(encoding.columns):
        without = inspected.answers.answers(find_replacement(encoding, inspected.x, design, partialled, feature))
        importances.append(scoring.importance([column.name], without))
        own = design.of(feature)
        if len(own):
            effects = find_contrasts(estimator, own, without)
            contrasts += effects[0]
            joints += effects[1]
        else:
            reasons = [design.lost[c] for c in design.columns[feature] if c in design.lost]
            unknown[column.name] = f"not identifiable, because {(reasons or ['it has one level only'])[0]}"
        report_turn()
    group_importances = [_group(inspected, design, scoring, group, importances, report_turn) for group in groups]
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
        shape=_shape(inspected, design) if inspected.task.simulated else None,
        intercepts=find_intercepts(estimator),
    )


def _shape(inspected: InspectedRows, design: Design) -> TableShape:
    """What decides how well intervals hold."""
    levels = [len(own) for own, column in zip(design.columns, inspected.encoding.columns, strict=True) if isinstance(column, Category)]
    codes, used = inspected.task.strata(inspected.y), inspected.rows.weight > 0
    numbers = design.z[:, [i for i, input_ in enumerate(design.inputs) if design.numeric[input_.column]]][used]
    apart = numbers - numbers.mean(0) if numbers.size else np.zeros((1, 0))
    kurtosis = len(apart) * (apart**4).sum(0) / np.maximum((apart**2).sum(0) ** 2, 1e-300)
    rarest = None if codes is None else float(np.bincount(codes[used]).min() / used.sum())
    return TableShape(max(levels, default=0), rarest, float(kurtosis.max(initial=0.0)))


# Importance


class _Scoring(NamedTuple):
    """How losses without features become importances.

    unit: loss that counts as one. gained: what features gain on a constant. dof_inflation: by how much more answers
    would change without a feature if the rows had had no say in what is expected of it. alone: summed losses of each member.
    """

    inspected: InspectedRows
    dof_inflation: float
    losses: FloatArray
    alone: FloatArray
    unit: float
    spread: FloatArray
    gained: float
    measure: str

    @classmethod
    def of(cls, inspected: InspectedRows, dof_inflation: float) -> _Scoring:
        answers, weight = inspected.answers, inspected.rows.weight
        task, y = inspected.task, inspected.y
        losses = task.prediction_losses(y, answers.baseline.target)
        alone = answers.by_member(task.prediction_losses(y[answers.asked], answers.alone))
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
        share_of_row, deviations = rows.weight / rows.weight.sum(), (more + learned - value * self.spread) / self.unit
        std_err, degrees, _ = error_of_mean(share_of_row * deviations, share_of_row, group=rows.group, time=rows.time)
        half = float(scipy.special.stdtrit(max(degrees, 1.0), 0.975)) * std_err
        members = self.inspected.answers
        lost = members.by_member(task.prediction_losses(self.inspected.y[members.asked], without.alone))
        better = lost > self.alone * (1 + _ROUNDING)
        share = value / self.gained if self.gained > 0 else None
        # Without a feature nothing can truly be predicted better: what lies below zero altogether is the members' own noise.
        return Importance(features, value, std_err, value - half, max(value + half, 0.0), share, float(np.mean(better)))


def _learned(gaps: Gaps, weight: FloatArray) -> FloatArray:
    """What each row does to an importance by way of the members that learned from it, shape (r,).

    Members that stop early or have a penalty use a share c < 1 of what a feature says: `gap`, the answers that know it minus those
    that do not, is c times what is best. The loss then falls by 2 (1 - c) / c E[gap change] where they learn something else (to first
    order; for classes gap is in log odds, and half of that holds; for counts it is in log rates), and a smoother that reproduces c times
    the truth passes c / n of the noise of each row it learned from on along the gap. Without this, intervals are too narrow by up to a
    quarter (docs/benchmarks.md).
    """
    gap, explained, unexplained, factor = gaps
    used, available = (float(np.average((gap * part).sum(1), weights=weight)) for part in (explained, unexplained))
    if not 0 < used < available:
        return np.zeros(len(gap))
    share = used / available
    return factor * (1 - share) * (gap * (unexplained - explained / share)).sum(1)


def _count_turns(group: list[int]) -> int:
    """How many sets of features members are asked to do without for a group: all of them, and of more than two all but each."""
    return 1 + len(group) * (len(group) > 2)


def _group(
    inspected: InspectedRows,
    design: Design,
    scoring: _Scoring,
    group: list[int],
    importances: list[Importance],
    report_turn: Callable[[], None],
) -> Group:
    """The importance of a group, and what each of its features adds where the rest of the group is unknown too."""

    def together(features: list[int]) -> Importance:
        known = importances[features[0]]
        if len(features) == 1:
            return known
        names = [inspected.encoding.columns[j].name for j in features]
        without = inspected.answers.answers(find_joint_replacement(inspected.encoding, inspected.x, design, features))
        report_turn()
        return scoring.importance(names, without)

    whole = together(group)
    alone = {inspected.encoding.columns[j].name: whole.value - together([k for k in group if k != j]).value for j in group}
    return Group(whole, alone)
