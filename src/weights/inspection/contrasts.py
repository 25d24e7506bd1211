"""The effects of a feature's inputs on every outcome: `find_contrasts`, from the slopes that an `Estimator` gives."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import msgspec
import numpy as np

from weights.data.distributions import describe_value
from weights.data.encoding import Boolean, Category, ColumnEncoding, Datetime, Encoding, Numeric
from weights.effects import INTERCEPT, Contrast, Intercept, Joint, Key
from weights.errors import listed
from weights.inspection.clusters import Clusters
from weights.inspection.joint import find_p_values
from weights.inspection.logistic import logistic
from weights.inspection.outofbag import OutOfBag, Without
from weights.inspection.partialling import Design, Partialled, build_design, partial_out
from weights.inspection.poisson import poisson
from weights.inspection.reference import describe_reference, find_impossible, reference_row
from weights.inspection.replacement import find_replacement
from weights.inspection.slopes import NoiseVariance, Rows, Slopes, WithoutInputs, find_clusters, least_squares, regress_residuals
from weights.tasks.base import Outcome, Scaled, Task
from weights.types import AnyArray, FloatArray, IntArray

_DAY = 86400.0
_NO_ERROR = "without an interval, because the inputs leave nothing of the outcome"
_FEW_ROWS = "too few rows to tell: less than one event, or row of the rarer class, is expected among those that decide it"
_ONE_ROW = "{:.0f} % of this slope rests on one row, of value {}: repair that cell if it is an error, or leave the row out"
_FEW_FOR_INPUTS = "without an interval, because events, or rows of the rarer class, are too few for as many inputs"
_FEW_CLUSTERS = "without a cluster-robust interval, because it differs between too few clusters"
_NO_SUCH_ROW = "not identifiable, because no row can have all of this: {} is determined by other features"
_MOST_STEPS, _LONGEST_STEP, _FARTHEST, _NEAR = 25, 3.0, 30.0, 1e-6
"""In log odds, or logs of a rate, of the row that moves most."""
_PLACES = tuple(each / 2 for each in (np.polynomial.legendre.leggauss(8)[0] + 1, np.polynomial.legendre.leggauss(8)[1]))
"""Where an integral from 0 to 1 is sampled, and the shares of these."""
_ROUNDING = 1e-9
_MOST_DISAGREE, _CLEAR, _GO_ALONG = 0.5, 0.05, 0.5
_MOST_OF_SLOPE, _MUCH_OF_SLOPE = 0.5, 0.25
"""Shares of an input's variation, given the other features, from which the row that has it is named, and where nothing can be told without
an error (our choice: of four such rows none would be the cause)."""
_FEWEST_DEGREES = 1.0
"""Of freedom; with fewer an interval says nothing (Student's t has no mean)."""


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


class _Basis(NamedTuple):
    """What accounts for the other features in the weights that an outcome gives rows, and the clusters of these."""

    partialled: Partialled
    rows: Rows
    clusters: Clusters | None

    def residuals(self, own: IntArray) -> FloatArray:
        """Of some inputs, shape (r, b)."""
        return self.partialled.residuals[:, own]


class Estimator:
    """Slopes of the inputs of features on outcomes."""

    def __init__(self, inspected: InspectedRows, design: Design, partialled: Partialled) -> None:
        self.inspected, self.design, self.partialled = inspected, design, partialled
        self.exact = inspected.linear and partialled.how == "least squares"
        self._at_once: dict[Outcome, Slopes] = {}
        self._bases: dict[Outcome | None, _Basis] = {}

    def estimate(self, outcome: Outcome, own: IntArray, without: Without) -> Slopes:
        """The slopes of a feature's own inputs, whose other values give the answers `without` it."""
        if self.exact and outcome.estimator is not None:
            return self.at_once(outcome).only(own)
        return self.regress(outcome, own, without, self.observed(outcome))

    def at_once(self, outcome: Outcome) -> Slopes:
        """The slopes of all inputs together, by the estimator that the outcome names, and the level of the reference row."""
        assert outcome.estimator is not None
        if outcome not in self._at_once:
            noise_variance = self.noise_variance(outcome._replace(scale="target"))
            z = self.design.z - reference_row(self.design, self.inspected.encoding)
            self._at_once[outcome] = ESTIMATORS[outcome.estimator](z, self.observed(outcome), self.inspected.rows, noise_variance)
        return self._at_once[outcome]

    def regress(self, outcome: Outcome, own: IntArray, without: Without, targets: FloatArray) -> Slopes:
        """The same on targets (r,), by residuals."""
        basis = self._basis(outcome if outcome.by_precision else None)
        residuals, expected, noise_variance = basis.residuals(own), pick(without.together, outcome), self.noise_variance(outcome)
        if not outcome.by_precision:
            return regress_residuals(residuals, targets, expected, *basis, noise_variance)
        return self._regress_link(outcome, basis, residuals, expected, targets)

    def _regress_link(self, outcome: Outcome, basis: _Basis, residuals: FloatArray, expected: FloatArray, targets: FloatArray) -> Slopes:
        """Slopes on the link scale: those of a regression with this link on residuals, beside what is `expected` (r,) without them.

        The partially linear model of Liu, Zhang and Cai (2021). It is solved by Newton's method, whose last step is least squares on
        working outcomes with errors as everywhere. How members answer where the feature is far from its middle plays no part: there they
        shrink most.
        """
        task, weight = self.inspected.task, self.inspected.rows.weight
        inputs = np.column_stack([np.full(len(residuals), float(outcome.with_level)), residuals])
        coefficients = np.zeros(inputs.shape[1])
        for _ in range(_MOST_STEPS):
            moved = expected + inputs @ coefficients
            precision, wrong = task.link_slope(outcome, moved), targets - task.mean(outcome, moved)
            weighted = inputs * weight[:, None]
            step = np.linalg.lstsq((weighted * precision[:, None]).T @ inputs, weighted.T @ wrong, rcond=None)[0]
            change = float(np.abs(inputs @ step).max())
            if change < _NEAR or float(np.abs(moved - expected).max()) > _FARTHEST:
                break
            coefficients = coefficients + step * min(1.0, _LONGEST_STEP / change)
        unit = 1 / precision
        rows = basis.rows._replace(weight=(weighted := weight * precision) / weighted.mean())
        centered = residuals - outcome.with_level * np.average(residuals, axis=0, weights=rows.weight)
        level = expected + inputs @ coefficients - centered @ coefficients[1:]

        def ratios(back: FloatArray) -> FloatArray:
            """Twice what log likelihoods fall by; the derivative of these is what targets are beyond their means."""
            falls = sum(
                share * (back * (targets - task.mean(outcome, moved[:, None] - place * back).T).T)
                for place, share in zip(*_PLACES, strict=True)
            )
            return 2 * weight @ falls / weighted.mean()

        solved = regress_residuals(
            centered, moved + wrong * unit, level, basis.partialled, rows, basis.clusters, self.noise_variance(outcome), unit, ratios
        )
        means, n_others = task.mean(outcome, expected), max(basis.partialled.n_controls - residuals.shape[1], 1.0)
        return solved._replace(without=lambda own: WithoutInputs(targets - means, means, residuals[:, own], n_others))

    def observed(self, outcome: Outcome) -> FloatArray:
        """The target of each row, shape (r,)."""
        return self.inspected.task.observed(self.inspected.y, outcome)

    def noise_variance(self, outcome: Outcome) -> NoiseVariance:
        """What the task knows of its noise."""
        return functools.partial(self.inspected.task.noise_variance, outcome)

    def _basis(self, outcome: Outcome | None) -> _Basis:
        """What slopes on an outcome that weighs rows by precision begin with; None for all others."""
        if outcome not in self._bases:
            self._bases[outcome] = self._make_basis(outcome)
        return self._bases[outcome]

    def _make_basis(self, outcome: Outcome | None) -> _Basis:
        rows, partialled = self.inspected.rows, self.partialled
        if outcome is not None:
            weight = rows.weight * self.inspected.task.link_slope(outcome, pick(self.inspected.answers.baseline, outcome))
            rows = rows._replace(weight=weight / weight.mean())
            partialled = partial_out(replace(self.design, weight=rows.weight), piecewise_linear=not self.inspected.linear)
        return _Basis(partialled, rows, find_clusters(partialled, rows))


ESTIMATORS: dict[str, Callable[[FloatArray, FloatArray, Rows, NoiseVariance], Slopes]] = {
    "least squares": least_squares,
    "logistic": lambda z, positive, rows, noise_variance: logistic(z, positive, rows),
    "poisson": lambda z, counts, rows, noise_variance: poisson(z, counts, rows),
}
"""What estimates slopes on all inputs at once, by the name that an `Outcome` gives."""


def find_contrasts(estimator: Estimator, own: IntArray, without: Without) -> tuple[list[Contrast], list[Joint]]:
    """The contrasts of a feature's own inputs on every scale and for every class, and the tests of several together.

    Args:
        estimator: of slopes.
        own: positions of the feature's inputs.
        without: answers that do not know the feature.
    """
    inspected, design = estimator.inspected, estimator.design
    feature = design.inputs[own[0]].feature
    column = inspected.encoding.columns[feature]
    contrasts, joints, signs = [], [], _find_signs(estimator, own, without)
    for outcome in inspected.task.outcomes():
        slopes = estimator.estimate(outcome, own, without)
        agreement = (signs[:, :, outcome.place] == np.sign(slopes.slopes)).mean(0)
        finite = np.flatnonzero(np.isfinite(slopes.slopes))
        for b, i in enumerate(own):
            level, factor, spread = _unit(inspected, design, column, int(i))
            contrast = Contrast(column.name, level, outcome.label, outcome.scale, None, note=outcome.endless)
            if b in finite:
                contrast = _filled(contrast, slopes, b, factor, spread, float(agreement[b]))
                one_row = _explain_one_row(estimator, column, int(i), told=bool(contrast.std_errs))
                cause = one_row or contrast.note or _explain_sign(estimator, contrast, int(i))
                contrast = msgspec.structs.replace(contrast, note=cause)
            contrasts.append(contrast)
        for c in design.columns[feature]:
            if int(c) in design.lost:
                note = f"not identifiable, because {design.lost[int(c)]}"
                contrasts.append(Contrast(column.name, design.levels[c], outcome.label, outcome.scale, None, note=note))
        if isinstance(column, Category) and len(own) > 1:
            joints.append(Joint(column.name, outcome.label, outcome.scale, len(own), _test_jointly(estimator, outcome, slopes, feature)))
    return contrasts, joints


def find_intercepts(estimator: Estimator) -> list[Intercept]:
    """The constants of the regressions that effects come from, one for the value or each class; none where these have no constant.

    That is so where members are networks, or expectations are penalised. Where the task has a link, the constant is that of the
    regression with this link, so that what is expected is a probability, or a rate.
    """
    if not estimator.exact:
        return []
    design, encoding = estimator.design, estimator.inspected.encoding
    outcomes = {outcome.label: outcome for outcome in estimator.inspected.task.outcomes() if outcome.estimator is not None}
    impossible, intercepts = find_impossible(design, encoding, estimator.inspected.x), []
    for label, outcome in outcomes.items():
        slopes, contrast = estimator.at_once(outcome), Contrast(INTERCEPT, "", label, outcome.scale, None)
        assert outcome.estimator is not None
        assert slopes.level is not None
        if impossible:
            contrast = msgspec.structs.replace(contrast, note=_NO_SUCH_ROW.format(listed(impossible, 3)))
        elif _is_endless(estimator, outcome, slopes):
            contrast = msgspec.structs.replace(contrast, note=outcome.endless)
        else:
            contrast = _filled(contrast, slopes.level, 0, 1.0, None, None)
            note = "; ".join(filter(None, [describe_reference(design, encoding), contrast.note]))
            contrast = msgspec.structs.replace(contrast, note=note, null_errs={})
            if slopes.without(np.zeros(0, int)) is None:
                contrast = msgspec.structs.replace(contrast, note=f"{note}; {_FEW_FOR_INPUTS}", std_errs={}, degrees={})
        intercepts.append(Intercept(contrast, outcome.estimator))
    return intercepts


def _is_endless(estimator: Estimator, outcome: Outcome, slopes: Slopes) -> bool:
    """Whether rows that are as the reference row in what has no finite slope all have the same outcome, so that their level has no end."""
    design, endless = estimator.design, np.flatnonzero(~np.isfinite(slopes.slopes))
    alike = (design.z[:, endless] == reference_row(design, estimator.inspected.encoding)[endless]).all(1) & (design.weight > 0)
    return len(endless) > 0 and len(np.unique(estimator.observed(outcome)[alike])) < 2


def _filled(contrast: Contrast, slopes: Slopes, b: int, factor: float, spread: float | None, agreement: float | None) -> Contrast:
    """The contrast with slope b, times the factor."""
    degrees = {kind: float(of_kind[b]) for kind, of_kind in slopes.degrees.items() if of_kind[b] >= _FEWEST_DEGREES}
    least = _ROUNDING * abs(float(slopes.slopes[b]))
    errors, null_errors = (
        {kind: float(of[kind][b]) * factor if of[kind][b] > least else 0.0 for kind in degrees}
        for of in (slopes.errors, slopes.null_errors)
    )
    return msgspec.structs.replace(
        contrast,
        effect=float(slopes.slopes[b]) * factor,
        spread=spread,
        std_errs=errors,
        null_errs={kind: error for kind, error in null_errors.items() if error != errors[kind]},
        degrees=degrees,
        sign_agreement=agreement,
        note=_explain_errors(errors, n_wanted=len(slopes.degrees)),
    )


def _explain_one_row(estimator: Estimator, column: ColumnEncoding, i: int, *, told: bool) -> str:
    """Which row makes most of the slope of a number, or so much that nothing is told of it, and what to do; empty where none does."""
    inspected, input_ = estimator.inspected, estimator.design.inputs[i]
    if not isinstance(column, Numeric) or input_.level:
        return ""
    makes = inspected.rows.weight * estimator.partialled.residuals[:, i] ** 2
    row = int(makes.argmax())
    share = makes[row] / max(makes.sum(), 1e-300)
    if share < (_MOST_OF_SLOPE if told else _MUCH_OF_SLOPE):
        return ""
    return ("" if told else "too few rows to tell: ") + _ONE_ROW.format(
        100 * share, describe_value(column, column.center + column.scale * inspected.x[row, input_.column])
    )


def _explain_sign(estimator: Estimator, contrast: Contrast, i: int) -> str:
    """Why most members say the opposite of an effect that is told from zero; empty where they do not."""
    kind = estimator.inspected.rows.errors
    if contrast.level or not contrast.std_errs.get(kind) or (contrast.sign_agreement or 0.0) >= _MOST_DISAGREE:
        return ""
    if contrast.p_value(kind) >= _CLEAR:
        return ""
    design = estimator.design
    root = np.sqrt(design.weight)[:, None]
    rooted = (design.z - np.average(design.z, axis=0, weights=design.weight)) * root
    lengths = np.linalg.norm(rooted, axis=0)
    correlations = np.abs(rooted.T @ rooted[:, i]) / np.maximum(lengths * lengths[i], 1e-300)
    correlations[[k for k, input_ in enumerate(design.inputs) if input_.feature == design.inputs[i].feature]] = 0.0
    nearest = int(correlations.argmax())
    other = estimator.inspected.encoding.columns[design.inputs[nearest].feature].name
    share = f"{100 * (contrast.sign_agreement or 0.0):.0f} %"
    if correlations[nearest] < _GO_ALONG:
        return f"most members say the opposite (sign {share}), which is what explain shows"
    return (
        f"most members say the opposite (sign {share}), which is what explain shows: it moves with '{other}' (correlation "
        f"{correlations[nearest]:.2f}), and penalties give features that move together one direction"
    )


def _explain_errors(errors: dict[str, float], n_wanted: int) -> str:
    """Why some of as many kinds of error as were wanted are not there, or are zero."""
    if not errors:
        return _FEW_ROWS
    return _FEW_CLUSTERS if len(errors) < n_wanted else "" if any(errors.values()) else _NO_ERROR


def _test_jointly(estimator: Estimator, outcome: Outcome, slopes: Slopes, feature: int) -> dict[str, float]:
    """The p-values of all levels of a category alike, by kind of error."""
    inspected, design = estimator.inspected, estimator.design
    x = inspected.x[:, design.columns[feature]]
    return find_p_values(slopes, x.argmax(1), inspected.rows, estimator.noise_variance(outcome._replace(scale="target")))


def noiseless_effects(inspected: InspectedRows) -> dict[Key, float]:
    """The effects that are estimated if the members' answers are what outcomes are on average; y plays no part.

    Returns:
        `Contrast.key` -> effect.
    """
    # Of slopes alone, without errors of clusters.
    inspected = replace(inspected, rows=Rows(inspected.rows.weight, None, None))
    encoding, answers = inspected.encoding, inspected.answers
    design = build_design(encoding, inspected.x, inspected.rows.weight, inspected.bounded)
    partialled = partial_out(design, piecewise_linear=not inspected.linear)
    estimator = Estimator(inspected, design, partialled)
    known = {outcome: pick(answers.baseline, outcome) for outcome in inspected.task.outcomes()}
    at_once = {}
    if estimator.exact:
        at_once = {outcome: least_squares(design.z, values, inspected.rows).slopes for outcome, values in known.items()}
    effects = {}
    for feature, column in enumerate(encoding.columns):
        own = design.of(feature)
        if not len(own):
            continue
        if at_once:
            slopes = {outcome: of_all[own] for outcome, of_all in at_once.items()}
        else:
            without = answers.answers(find_replacement(encoding, inspected.x, design, partialled, feature))
            targets = {outcome: inspected.task.mean(outcome, values) for outcome, values in known.items()}
            slopes = {outcome: estimator.regress(outcome, own, without, values).slopes for outcome, values in targets.items()}
        for outcome, of_own in slopes.items():
            for slope, i in zip(of_own, own, strict=True):
                level, factor, _ = _unit(inspected, design, column, int(i))
                effects[column.name, level, outcome.label, outcome.scale] = float(slope) * factor
    return effects


def pick(answers: Scaled, outcome: Outcome) -> FloatArray:
    """Answers for an outcome, shape (r,)."""
    return (answers.target if outcome.scale == "target" else answers.link)[:, outcome.place]


def _unit(inspected: InspectedRows, design: Design, column: ColumnEncoding, i: int) -> tuple[str, float, float | None]:
    """What an input's contrast is called, what turns its slope into one per unit, and the standard deviation of the feature."""
    input_, weight = design.inputs[i], inspected.rows.weight
    beside = f"{input_.level} (beside {design.references.get(input_.feature, '')})"
    if isinstance(column, Category):
        return beside, 1.0, None
    deviation = float(np.sqrt(np.average((design.z[:, i] - np.average(design.z[:, i], weights=weight)) ** 2, weights=weight)))
    if isinstance(column, Boolean) and not design.levels[input_.column]:
        return beside, 2.0, None
    if isinstance(column, Boolean) or input_.level:
        return input_.level, 1.0, None
    scale = column.scale / (_DAY if isinstance(column, Datetime) else 1.0)
    return "", 1.0 / scale, deviation * scale


def _find_signs(estimator: Estimator, own: IntArray, without: Without) -> FloatArray:
    """The signs of each member's own slopes on the rows it never saw, of each input and class, shape (m, b, c)."""
    answers, residuals = estimator.inspected.answers, estimator.partialled.residuals[:, own][estimator.inspected.answers.asked]
    weighted, gap = residuals * estimator.inspected.rows.weight[answers.asked, None], answers.alone - without.alone
    if len(own) == 1:
        return np.sign(answers.by_member(weighted * gap))[:, None]
    slopes = [np.linalg.lstsq(weighted[at].T @ residuals[at], weighted[at].T @ gap[at], rcond=None)[0] for at in answers.places]
    return np.sign(slopes)
