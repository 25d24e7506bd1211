"""The effect and importance of each feature and how sure they are: the record that inspection makes and a run keeps.

`FeatureWeights.records` gives it as rows that people know how to read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec
import scipy.special

from weights.errors import UsageError
from weights.multiplicity import ADJUSTMENTS, adjusted
from weights.options import check_choices, check_top

SCALES = ("target", "link", "odds")
PER = ("unit", "sd")
ERRORS = {
    "robust": "heteroscedasticity-robust",
    "classical": "classical",
    "cluster": "cluster-robust",
    "hac": "autocorrelation-robust (HAC)",
}
"""Kinds of standard errors, and how they are called."""
MEASURES = {"R2": "drop of R2", "D2": "drop of D2", "log loss": "increase of log loss"}
"""What importances are of, and how they are called."""

INTERCEPT = "(intercept)"
"""What stands for a feature in the row of the constant."""

_EXPONENTIATED, _MOST_EXPONENT = ("effect", "low", "high", "per_sd"), 700.0

Record = dict[str, Any]


Key = tuple[str, str, Any, str]
"""What a contrast is of: feature, level, class and scale."""


class Contrast(msgspec.Struct, frozen=True):
    """The effect of a number, or of a level of a category beside its reference level, on one class or the value.

    Attributes:
        feature: its name.
        level: which level, and beside which; empty for a number.
        label: the class whose probability moves; None for values.
        scale: "target" (the value, the probability) or "link" (the value, the log odds, the log rate).
        effect: per unit of the feature; None where it is not identifiable, and `note` says why.
        spread: standard deviation of the feature, in its unit; None for levels.
        std_errs: standard error by kind: robust, classical, cluster (with groups), hac (with time).
        degrees: of freedom of Student's t, by the same kinds.
        sign_agreement: share of members whose own slope has the sign of the effect.
        note: what deserves saying.
        null_errs: the standard error if the effect were zero, for the kinds of which it is another.
    """

    feature: str
    level: str
    label: Any
    scale: str
    effect: float | None
    spread: float | None = None
    std_errs: dict[str, float] = {}
    degrees: dict[str, float] = {}
    sign_agreement: float | None = None
    note: str = ""
    null_errs: dict[str, float] = {}

    @property
    def key(self) -> Key:
        """What it is of."""
        return self.feature, self.level, self.label, self.scale

    def interval(self, errors: str, level: float = 0.95) -> tuple[float, float] | None:
        """Bounds at this level with this kind of standard error; None where there are none.

        They hold the effects that the test does not reject. Where the variance of an estimate depends on the effect, as that of a share
        does, it is taken to lie on the line through those of this effect and of none: for a share that is Wilson's interval (1927)
        without its last term.
        """
        std_err = self.std_errs.get(errors)
        if self.effect is None or not std_err:
            return None
        quantile = float(scipy.special.stdtrit(self.degrees[errors], (1 + level) / 2))
        slope = (std_err**2 - self.null_err(errors) ** 2) / self.effect if self.effect else 0.0
        shift = quantile**2 * slope / 2
        half = math.hypot(quantile * std_err, shift)
        return self.effect + shift - half, self.effect + shift + half

    def null_err(self, errors: str) -> float:
        """The standard error if the effect were zero."""
        return self.null_errs.get(errors, self.std_errs[errors])

    def z(self, errors: str) -> float:
        """The effect over that."""
        assert self.effect is not None
        return self.effect / self.null_err(errors)

    def p_value(self, errors: str) -> float:
        """The probability of a z as large as this, on either side, if the effect is zero."""
        return float(2 * scipy.special.stdtr(self.degrees[errors], -abs(self.z(errors))))


class Intercept(msgspec.Struct, frozen=True):
    """The constant of a regression: what it expects of the reference row, which the note describes.

    Attributes:
        constant: as a contrast beside zero, on the scale of the regression.
        regression: by which it was estimated, one of `INVERSE_LINKS`.
    """

    constant: Contrast
    regression: str


INVERSE_LINKS: dict[str, Callable[[float], tuple[float, float]]] = {
    "least squares": lambda value: (value, 1.0),
    "logistic": lambda odds: ((share := float(scipy.special.expit(odds))), share * (1 - share)),
    "poisson": lambda rate: ((mean := math.exp(min(rate, _MOST_EXPONENT))), mean),
}
"""By regression what its constant is on the scale of the target, and the derivative of that."""


class Joint(msgspec.Struct, frozen=True):
    """Whether the levels of a category differ at all: the p-value, by kind of error; none where nothing can be said."""

    feature: str
    label: Any
    scale: str
    n_contrasts: int
    p_values: dict[str, float]


class Importance(msgspec.Struct, frozen=True):
    """How much worse the prediction gets without some features.

    Attributes:
        features: which, one or more.
        value: the increase of the loss, see `FeatureWeights.measure`; with its standard error and 95 % interval.
        share: of what all features together gain on a constant; None if they gain nothing.
        selected: share of members that predict rows they never saw better with the features than without. Not a p-value.
    """

    features: list[str]
    value: float
    std_err: float
    low: float
    high: float
    share: float | None = None
    selected: float | None = None


class Group(msgspec.Struct, frozen=True):
    """Features that move together.

    Attributes:
        together: their importance together.
        alone: feature -> what it adds where the others of the group are unknown too. What it adds where they are known is its importance;
            its part of the whole lies anywhere between these two.
    """

    together: Importance
    alone: dict[str, float]


class TableShape(msgspec.Struct, frozen=True):
    """What decides how well intervals and tests hold, beside the numbers of rows and inputs.

    Attributes:
        n_levels: of the category with most; zero without.
        rarest: share of the rows that are of the rarest class; None for numbers.
        kurtosis: the largest of any number: how far its outermost rows lie out; 3 for the normal distribution, zero without numbers.
    """

    n_levels: int
    rarest: float | None
    kurtosis: float


class FeatureWeights(msgspec.Struct, frozen=True):
    """Effects and importances of all features, on the rows of training.

    Attributes:
        contrasts: effects, by feature in the order of the table, then level, class and scale.
        joints: tests of categories of several levels.
        importances: of each feature.
        groups: of correlated features, the most important first.
        unknown: feature -> why nothing can be said of it.
        units: feature -> its unit, where effects are not per unit of the column.
        measure: what importance is an increase of.
        errors: the kind of standard error shown if none is asked for.
        how: how the other features were accounted for, see `partialling.Partialled.how`.
        linear: whether all members are linear.
        n_rows, n_inputs: rows it was computed from, inputs of the models.
        n_clusters: groups that these rows came in; None where they did not.
        reference: average inputs, with which explanations of predictions begin.
        shape: of the table; None in runs of older versions.
        intercepts: what regressions expect of the reference row, for the value or each class; none for networks and in older runs.
    """

    contrasts: list[Contrast]
    joints: list[Joint]
    importances: list[Importance]
    groups: list[Group]
    unknown: dict[str, str]
    units: dict[str, str]
    measure: str
    errors: str
    how: str
    linear: bool
    n_rows: int
    n_inputs: int
    reference: list[float]
    n_clusters: int | None = None
    shape: TableShape | None = None
    intercepts: list[Intercept] = []

    def records(
        self,
        *,
        scale: str = "target",
        per: str = "unit",
        errors: str | None = None,
        level: float = 0.95,
        adjust: str = "none",
        levels: bool = False,
        sort: str = "table",
        top: int | None = None,
        intercept: bool = False,
    ) -> list[Record]:
        """One record a feature, and a class where there are more than two: effect, std_err, z, p_value, low, high, ...

        Args:
            scale: "target": units of the target, or probability; for classes also "link": log odds, and "odds": their ratios, which
                are one without an effect; std_err is then that of the ratio, and z and p are those of the log odds. For counts both are
                of rates.
            per: effects are per "unit" of the feature or, of numbers, per standard deviation: "sd".
            errors: robust, classical, cluster (fitted with a group), hac (fitted with time); the default of the fit if None.
            level: of the intervals of effects, between 0 and 1. Those of importances are at 95 %.
            adjust: p-values for as many tests as there are features: none, holm, bh.
            levels: whether the levels of categories follow their feature.
            sort: "table" (the order of columns in the user's table), "importance" or "p"; records of a feature stay together.
            top: those of at most so many features.
            intercept: whether those of `intercept_records` follow, which are of no feature: not tested, counted or ordered with them.

        Raises:
            UsageError: a choice is not known, or the run has no such standard errors.

        Example:
            >>> from weights import fit
            >>> rows = fit("diabetes", model="linear", members=10).feature_weights()
            >>> next((row["feature"], round(row["effect"])) for row in rows if row["feature"] == "bmi")
            ('bmi', 520)
        """
        blocks = self.group_by_feature(scale=scale, per=per, errors=errors, level=level, adjust=adjust, levels=levels, sort=sort)
        intercepts = self.intercept_records(scale=scale, errors=errors, level=level) if intercept else []
        return [record for block in [*leading(blocks, top), intercepts] for record in block]

    def group_by_feature(
        self,
        *,
        scale: str = "target",
        per: str = "unit",
        errors: str | None = None,
        level: float = 0.95,
        adjust: str = "none",
        levels: bool = False,
        sort: str = "table",
    ) -> list[list[Record]]:
        """The same, the records of each feature together, those of its classes under each other."""
        asked = self._ask(scale, per, errors, level, adjust, sort)
        importances = {importance.features[0]: importance for importance in self.importances}
        blocks: dict[str, list[Record]] = {feature: [] for feature in (*importances, *self.unknown)}
        for label in dict.fromkeys(c.label for c in self.contrasts if c.scale == asked.scale) or [None]:
            own: dict[str, list[Contrast]] = {}
            for contrast in (c for c in self.contrasts if c.scale == asked.scale and c.label == label):
                own.setdefault(contrast.feature, []).append(contrast)
            joints = {j.feature: j for j in self.joints if j.scale == asked.scale and j.label == label}
            main = []
            for feature, block in blocks.items():
                of_feature = own.get(feature, [])
                main.append(self._row(feature, label, of_feature, joints.get(feature), importances.get(feature), asked))
                block.append(main[-1])
                if levels and (len(of_feature) > 1 or any(c.level for c in of_feature)):
                    block += [self._level_row(c, asked) for c in of_feature]
            for row, p in zip(main, adjusted([row["p_value"] for row in main], adjust), strict=True):
                row["p_value"] = p
        return sorted(blocks.values(), key=_ORDERS[sort])

    def intercept_records(self, *, scale: str = "target", errors: str | None = None, level: float = 0.95) -> list[Record]:
        """Those of the intercepts, one for the value or each class; none where no regression has one on this scale.

        On the scale of the target it is what the regression with the task's link expects of the reference row, between bounds that are
        transformed as it is; std_err is by the delta method.
        """
        asked = self._ask(scale, "unit", errors, level, "none", "table")
        rows = []
        for constant, regression in ((each.constant, each.regression) for each in self.intercepts):
            if asked.scale in (constant.scale, "target"):
                row = {**self._statistics(constant, asked), "z": None, "p_value": None}
                if asked.scale != constant.scale and constant.effect is not None:
                    inverse, slope = INVERSE_LINKS[regression], INVERSE_LINKS[regression](constant.effect)[1]
                    row |= {name: inverse(value)[0] for name in ("effect", "low", "high") if (value := row[name]) is not None}
                    row["std_err"] = row["std_err"] and slope * row["std_err"]
                rows.append(self._record(constant, row, asked, constant.note))
        return rows

    def _ask(self, scale: str, per: str, errors: str | None, level: float, adjust: str, sort: str) -> _Asked:
        choices = {
            "scale": (scale, SCALES),
            "per": (per, PER),
            "errors": (errors or self.errors, ERRORS),
            "adjust": (adjust, ADJUSTMENTS),
            "sort": (sort, tuple(_ORDERS)),
        }
        check_choices(choices, level)
        errors = errors or self.errors
        with_errors = [c for c in self.contrasts if c.std_errs]
        if with_errors and errors != self.errors and not any(errors in c.std_errs for c in with_errors):
            option = {"cluster": "--group", "hac": "--time"}.get(errors, "other options")
            raise UsageError(
                f"This run has no {errors} standard errors, only {', '.join(with_errors[0].std_errs)}. Fit with {option} to have them."
            )
        ratios, scales = scale == "odds", {contrast.scale for contrast in self.contrasts}
        if ratios and "link" not in scales:
            raise UsageError("Odds are of classes, but the target of this run is a number. Leave the scale out.")
        scale = "link" if ratios else scale if scale in scales else "target"  # values are their own link
        return _Asked(scale, per, errors, level, ratios)

    def _row(
        self,
        feature: str,
        label: Any,
        own: list[Contrast],
        joint: Joint | None,
        importance: Importance | None,
        asked: _Asked,
    ) -> Record:
        known = [contrast for contrast in own if contrast.effect is not None]
        main = known[0] if known and joint is None else None
        row = self._statistics(main, asked)
        tested = joint is not None and asked.errors in joint.p_values
        if joint is not None and tested:
            row["p_value"] = joint.p_values[asked.errors]
        notes = [self.unknown.get(feature, ""), *dict.fromkeys(c.note for c in ([main] if main else [] if known else own))]
        if joint is not None:
            together = f"{joint.n_contrasts} contrasts together"
            notes.append(
                f"p of {together}" if tested else f"too few {'clusters' if asked.errors == 'cluster' else 'rows'} to test {together}"
            )
        elif main is not None and main.level:
            notes.append(main.level)
        main = main or Contrast(feature, "", label, asked.scale, None)
        return self._record(msgspec.structs.replace(main, level=""), row, asked, "; ".join(filter(None, notes)), importance)

    def _record(
        self, contrast: Contrast, row: Mapping[str, float | None], asked: _Asked, note: str, importance: Importance | None = None
    ) -> Record:
        """The record of a contrast with these statistics."""
        return {
            "feature": contrast.feature,
            "level": contrast.level,
            "class": contrast.label,
            **row,
            "importance": importance and importance.value,
            "importance_low": importance and importance.low,
            "importance_high": importance and importance.high,
            "importance_share": importance and importance.share,
            "selected": importance and importance.selected,
            "sign_agreement": contrast.sign_agreement,
            "scale": "odds" if asked.ratios else asked.scale,
            "unit": self.units.get(contrast.feature, ""),
            "note": note,
        }

    def _level_row(self, contrast: Contrast, asked: _Asked) -> Record:
        named = msgspec.structs.replace(contrast, level=contrast.level or "per unit")
        return self._record(named, self._statistics(contrast, asked), asked, contrast.note)

    @staticmethod
    def _statistics(contrast: Contrast | None, asked: _Asked) -> dict[str, float | None]:
        row: dict[str, float | None] = dict.fromkeys(("effect", "std_err", "z", "p_value", "low", "high", "per_sd"))
        if contrast is None or contrast.effect is None:
            return row
        unit = contrast.spread if asked.per == "sd" and contrast.spread is not None else 1.0
        per_sd = None if contrast.spread is None else contrast.effect * contrast.spread
        row |= {"effect": contrast.effect * unit, "per_sd": per_sd}
        if bounds := contrast.interval(asked.errors, asked.level):
            std_err, z, p_value = contrast.std_errs[asked.errors], contrast.z(asked.errors), contrast.p_value(asked.errors)
            row |= {"std_err": std_err * unit, "z": z, "p_value": p_value, "low": bounds[0] * unit, "high": bounds[1] * unit}
        return _as_ratios(row) if asked.ratios else row


def _as_ratios(row: dict[str, float | None]) -> dict[str, float | None]:
    """Log odds as ratios of odds; the standard error by the delta method."""
    ratios = {name: None if row[name] is None else math.exp(min(row[name] or 0.0, _MOST_EXPONENT)) for name in _EXPONENTIATED}
    std_err = None if row["std_err"] is None or ratios["effect"] is None else row["std_err"] * ratios["effect"]
    return {**row, **ratios, "std_err": std_err}


def leading(blocks: list[list[Record]], top: int | None) -> list[list[Record]]:
    """The first `top` of the records by feature, or all.

    Raises:
        UsageError: `top` is less than one.
    """
    check_top(top, "all features")
    return blocks[:top]


def _least_p(block: list[Record]) -> float:
    return min((row["p_value"] for row in block if not row["level"] and row["p_value"] is not None), default=2.0)


_ORDERS: dict[str, Callable[[list[Record]], float]] = {
    "table": lambda block: 0.0,
    "importance": lambda block: -(block[0]["importance"] or 0.0),
    "p": _least_p,
}


class _Asked(NamedTuple):
    """How effects are to be shown, see `FeatureWeights.records`."""

    scale: str
    per: str
    errors: str
    level: float
    ratios: bool
