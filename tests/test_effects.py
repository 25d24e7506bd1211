"""Feature weights, as rows that people know how to read: every figure here follows by hand from the estimates."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
import scipy.special

from weights.effects import Contrast, FeatureWeights, Importance, Joint
from weights.errors import UsageError

COLUMNS = ["feature", "level", "class", "effect", "std_err", "z", "p_value", "low", "high", "per_sd"]
COLUMNS += ["importance", "importance_low", "importance_high", "importance_share", "selected", "sign_agreement", "scale", "unit", "note"]


def students(degrees: int, level: float) -> float:
    """How many standard errors Student's t reaches to either side at this level: its quantiles are elementary with one or two degrees."""
    return {1: np.tan(np.pi / 2 * level), 2: level * np.sqrt(2 / (1 - level**2))}[degrees]


def contrast(feature: str, effect: float | None, level: str = "", label=None, scale: str = "target", **other) -> Contrast:
    defaults = {"std_errs": {"robust": 0.5, "classical": 0.25}, "degrees": {"robust": 2.0, "classical": 1.0}, "sign_agreement": 0.75}
    if effect is None:
        defaults = {}
    return Contrast(feature, level, label, scale, effect, **{**defaults, **other})


def importance(feature: str, value: float = 0.1) -> Importance:
    return Importance([feature], value, 0.125, value - 0.25, value + 0.25, share=0.5, selected=0.75)


def weights_of(contrasts: list[Contrast], **other) -> FeatureWeights:
    features = list(dict.fromkeys(c.feature for c in contrasts))
    defaults = {"joints": [], "importances": [importance(feature) for feature in features], "groups": [], "unknown": {}, "units": {}}
    defaults |= {"measure": "R2", "errors": "robust", "how": "least squares", "linear": True}
    defaults |= {"n_rows": 100, "n_inputs": 4, "reference": [0.0]}
    return FeatureWeights(contrasts, **{**defaults, **other})


CITY = [contrast("city", 1.5, "Rome (beside Oslo)"), contrast("city", -0.5, "Lima (beside Oslo)")]
WAGES = weights_of(
    [contrast("age", 2.0, spread=10.0), *CITY, contrast("smoker", -1.0, "yes (beside no)")],
    joints=[Joint("city", None, "target", 2, {"robust": 0.2, "classical": 0.3})],
    importances=[importance("age", 0.5), importance("city", 0.2), importance("smoker"), importance("shoe", 0.0)],
    unknown={"shoe": "not identifiable, because it is determined by 'foot'"},
    units={"age": "per day"},
)
STATES = weights_of(
    [
        contrast("age", effect * factor, label=label, scale=scale)
        for label, factor in (("ill", 1.0), ("well", -1.0), ("dead", 0.5))
        for scale, effect in (("target", 0.1), ("link", 2.0))
    ]
)


def row_of(rows: list[dict], feature: str, level: str = "") -> dict:
    [found] = [row for row in rows if (row["feature"], row["level"]) == (feature, level)]
    return found


def contrast_with_p(p: float, feature: str) -> Contrast:
    """A contrast of this p-value."""
    return contrast(feature, float(students(1, 1 - p)), std_errs={"robust": 1.0}, degrees={"robust": 1.0})


# Rows and columns


def test_features_are_told_in_the_order_of_the_table_each_once():
    assert [row["feature"] for row in WAGES.records()] == ["age", "city", "smoker", "shoe"]


def test_every_record_has_the_same_columns():
    assert {tuple(row) for row in WAGES.records(levels=True)} == {tuple(COLUMNS)}


def test_a_number_is_told_per_unit():
    row = row_of(WAGES.records(), "age")
    assert (row["effect"], row["std_err"], row["z"], row["scale"], row["class"]) == (2.0, 0.5, 4.0, "target", None)


def test_importance_and_agreement_are_those_that_were_found():
    row = row_of(WAGES.records(), "age")
    names = ("importance", "importance_low", "importance_high", "importance_share", "selected", "sign_agreement")
    assert [row[name] for name in names] == [0.5, 0.25, 0.75, 0.5, 0.75, 0.75]


def test_the_unit_of_a_moment_is_told():
    assert [row["unit"] for row in WAGES.records()] == ["per day", "", "", ""]


def test_a_number_can_be_told_per_standard_deviation():
    per_unit, per_sd = row_of(WAGES.records(), "age"), row_of(WAGES.records(per="sd"), "age")
    for name in ("effect", "std_err", "low", "high"):
        assert per_sd[name] == pytest.approx(10.0 * per_unit[name], rel=1e-15)


def test_per_standard_deviation_what_is_told_of_chance_stays():
    per_unit, per_sd = row_of(WAGES.records(), "age"), row_of(WAGES.records(per="sd"), "age")
    assert (per_sd["z"], per_sd["p_value"]) == (per_unit["z"], per_unit["p_value"])


@pytest.mark.parametrize("per", ["unit", "sd"])
def test_the_effect_per_standard_deviation_always_stands_by(per):
    assert row_of(WAGES.records(per=per), "age")["per_sd"] == 20.0


def test_a_level_has_no_standard_deviation():
    row = row_of(WAGES.records(per="sd"), "smoker")
    assert (row["effect"], row["per_sd"]) == (-1.0, None)


# Intervals and p-values


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.999])
def test_an_interval_reaches_as_far_as_students_t_says(level):
    row, half = row_of(WAGES.records(level=level), "age"), 0.5 * students(2, level)
    # SciPy promises about ten digits of the quantile.
    assert (row["low"], row["high"]) == pytest.approx((2.0 - half, 2.0 + half), rel=1e-9)


def test_each_kind_of_error_has_its_own_degrees_of_freedom():
    row = row_of(WAGES.records(errors="classical"), "age")
    assert (row["std_err"], row["high"]) == (0.25, pytest.approx(2.0 + 0.25 * students(1, 0.95), rel=1e-9))


def test_the_kind_of_error_of_the_fit_is_the_default():
    fitted = msgspec.structs.replace(WAGES, errors="classical")
    assert fitted.records() == WAGES.records(errors="classical")


def test_an_effect_at_the_end_of_its_interval_from_zero_has_the_p_value_of_the_interval():
    row = weights_of([contrast("age", 0.5 * students(2, 0.95))]).records()[0]
    assert row["p_value"] == pytest.approx(0.05, rel=1e-9)  # as above


def test_the_level_is_not_that_of_importances():
    wide, narrow = (row_of(WAGES.records(level=level), "age") for level in (0.99, 0.5))
    assert [wide[name] for name in ("importance_low", "importance_high")] == [
        narrow[name] for name in ("importance_low", "importance_high")
    ]


@pytest.mark.parametrize("std_errs", [{}, {"robust": 0.0}])
def test_an_effect_without_error_has_no_interval(std_errs):
    row = weights_of([contrast("age", 2.0, std_errs=std_errs)]).records()[0]
    assert (row["effect"], *(row[name] for name in ("std_err", "z", "p_value", "low", "high"))) == (2.0, *[None] * 5)


# Categories


def test_a_category_of_several_levels_has_no_single_effect():
    row = row_of(WAGES.records(), "city")
    assert [row[name] for name in ("effect", "std_err", "z", "low", "high", "per_sd", "sign_agreement")] == [None] * 7


@pytest.mark.parametrize(("errors", "p_value"), [("robust", 0.2), ("classical", 0.3)])
def test_the_levels_of_a_category_are_tested_together_by_kind_of_error(errors, p_value):
    assert row_of(WAGES.records(errors=errors), "city")["p_value"] == p_value


def test_an_interval_holds_zero_exactly_where_the_test_with_the_error_of_no_effect_does_not_reject():
    for effect in np.linspace(-3, 3, 40):
        one_sided = contrast("age", float(effect), std_errs={"robust": 0.5}, null_errs={"robust": 0.9}, degrees={"robust": 9.0})
        low, high = one_sided.interval("robust")
        assert (low <= 0 <= high) == (one_sided.p_value("robust") >= 0.05)


def test_an_interval_of_a_share_beside_a_known_one_is_wilsons_without_its_last_term():
    n, known, share = 40, 0.2, 0.05  # (share - s)^2 <= z^2 s (1 - s) / n has Wilson's solutions s; here s^2 is that of the line
    errors = {name: float(np.sqrt(p * (1 - p) / n)) for name, p in (("std_errs", share), ("null_errs", known))}
    effect = contrast("age", share - known, degrees={"robust": 1e6}, **{name: {"robust": error} for name, error in errors.items()})
    z, line = scipy.special.ndtri(0.975), (share * (1 - share) - known * (1 - known)) / (share - known) / n
    for bound in effect.interval("robust"):
        variance = known * (1 - known) / n + line * bound
        assert (share - known - bound) ** 2 == pytest.approx(z**2 * variance, rel=1e-4)  # t with a million degrees


def test_a_joint_test_says_of_how_many_contrasts_it_is():
    assert row_of(WAGES.records(), "city")["note"] == "p of 2 contrasts together"


def test_levels_that_too_few_rows_have_are_not_tested_together():
    joint = msgspec.structs.replace(WAGES.joints[0], p_values={"classical": 0.3})
    row = row_of(msgspec.structs.replace(WAGES, joints=[joint]).records(), "city")
    assert (row["p_value"], row["note"]) == (None, "too few rows to test 2 contrasts together")


def test_a_category_of_two_levels_is_told_by_its_one_contrast():
    row = row_of(WAGES.records(), "smoker")
    assert (row["effect"], row["note"]) == (-1.0, "yes (beside no)")


def test_odds_are_the_exponentials_of_log_odds():
    odds = [msgspec.structs.replace(each, label="sick", scale="link") for each in WAGES.contrasts]
    weights = msgspec.structs.replace(WAGES, contrasts=odds, joints=[])
    log_odds, ratios = (row_of(weights.records(scale=scale), "age") for scale in ("link", "odds"))
    for name in ("effect", "low", "high", "per_sd"):
        assert ratios[name] == pytest.approx(np.exp(log_odds[name]))
    assert (ratios["z"], ratios["p_value"], ratios["scale"]) == (log_odds["z"], log_odds["p_value"], "odds")
    assert ratios["std_err"] == pytest.approx(log_odds["std_err"] * ratios["effect"])


def test_odds_of_a_number_are_refused():
    with pytest.raises(UsageError, match="Odds are of classes, but the target of this run is a number"):
        WAGES.records(scale="odds")


def test_levels_follow_their_feature():
    found = [(row["feature"], row["level"]) for row in WAGES.records(levels=True)]
    assert found == [
        ("age", ""),
        ("city", ""),
        ("city", "Rome (beside Oslo)"),
        ("city", "Lima (beside Oslo)"),
        ("smoker", ""),
        ("smoker", "yes (beside no)"),
        ("shoe", ""),
    ]


def test_a_level_has_its_own_effect_and_interval():
    row = row_of(WAGES.records(levels=True), "city", "Rome (beside Oslo)")
    assert (row["effect"], row["z"], row["high"]) == (1.5, 3.0, pytest.approx(1.5 + 0.5 * students(2, 0.95), rel=1e-9))


def test_importance_is_that_of_all_levels_together():
    row = row_of(WAGES.records(levels=True), "city", "Rome (beside Oslo)")
    assert [row[name] for name in COLUMNS if name.startswith("importance") or name == "selected"] == [None] * 5


def test_a_number_with_a_flag_for_missing_is_told_by_the_number():
    row = weights_of([contrast("age", 2.0), contrast("age", 0.5, "missing")]).records()[0]
    assert row["effect"] == 2.0


def test_a_number_with_a_flag_for_missing_has_both_among_the_levels():
    rows = weights_of([contrast("age", 2.0), contrast("age", 0.5, "missing")]).records(levels=True)
    assert [(row["level"], row["effect"]) for row in rows[1:]] == [("per unit", 2.0), ("missing", 0.5)]


# Scales and classes


def test_each_class_has_a_record_where_there_are_several():
    assert [(row["class"], row["effect"]) for row in STATES.records()] == [("ill", 0.1), ("well", -0.1), ("dead", 0.05)]


def test_on_the_link_scale_effects_are_log_odds():
    assert [(row["effect"], row["scale"]) for row in STATES.records(scale="link")] == [(2.0, "link"), (-2.0, "link"), (1.0, "link")]


def test_values_are_their_own_link():
    assert WAGES.records(scale="link") == WAGES.records(scale="target")


# What is not identifiable


def test_a_feature_that_is_not_identifiable_says_why():
    assert row_of(WAGES.records(), "shoe")["note"] == "not identifiable, because it is determined by 'foot'"


def test_a_feature_that_is_not_identifiable_has_an_importance_but_no_effect():
    row = row_of(WAGES.records(), "shoe")
    assert (row["importance"], row["selected"]) == (0.0, 0.75)
    assert [row[name] for name in ("effect", "std_err", "z", "p_value", "low", "high", "per_sd", "sign_agreement")] == [None] * 8


def test_an_effect_that_does_not_exist_says_why():
    why = "some features separate the classes perfectly, so no finite log odds fit them best"
    row = weights_of([contrast("age", None, note=why)]).records()[0]
    assert (row["effect"], row["p_value"], row["note"]) == (None, None, why)


def test_a_reason_that_all_levels_share_is_said_once():
    row = weights_of([contrast("city", None, "Rome", note="why"), contrast("city", None, "Lima", note="why")]).records()[0]
    assert row["note"] == "why"


def test_a_table_of_which_no_effect_is_identifiable_still_has_importances():
    nothing = weights_of([], importances=[importance("shoe"), importance("foot")], unknown={"shoe": "why", "foot": "because"})
    assert [(row["feature"], row["importance"], row["note"]) for row in nothing.records()] == [
        ("shoe", 0.1, "why"),
        ("foot", 0.1, "because"),
    ]


# Many tests


def test_records_adjust_the_p_values_of_their_features():
    found = weights_of([contrast_with_p(0.03, "a"), contrast_with_p(0.01, "b"), contrast_with_p(0.02, "c")]).records(adjust="holm")
    # Tangents of angles near the right angle lose a few digits.
    assert [row["p_value"] for row in found] == pytest.approx([0.04, 0.03, 0.04], rel=1e-12)


def test_features_are_counted_not_their_levels():
    without, within = (WAGES.records(adjust="holm", levels=levels) for levels in (False, True))
    assert [row["p_value"] for row in within if not row["level"]] == [row["p_value"] for row in without]


def test_a_feature_that_is_not_identifiable_does_not_count_as_a_test():
    one = weights_of([contrast_with_p(0.04, "a")], importances=[importance("a"), importance("b")], unknown={"b": "why"})
    assert one.records(adjust="holm")[0]["p_value"] == one.records()[0]["p_value"]


def test_each_class_is_a_family_of_tests_of_its_own():
    plain, corrected = STATES.records(), STATES.records(adjust="holm")
    assert [row["p_value"] for row in corrected] == [row["p_value"] for row in plain]  # of one feature each


# Choices that cannot be


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": "logit"}, r"scale must be one of target, link, odds, but is 'logit'\. Known: target, link, odds\."),
        ({"per": "units"}, r"per must be one of unit, sd, but is 'units'\. Did you mean 'unit'\?"),
        ({"errors": "robusto"}, r"errors must be one of robust, classical, cluster, hac, but is 'robusto'\. Did you mean 'robust'\?"),
        ({"adjust": "bonferroni"}, r"adjust must be one of none, holm, bh, but is 'bonferroni'\. Known: none, holm, bh\."),
        ({"level": 0.0}, r"The level must be between 0 and 1, but is 0\.0\. Use 0\.95 "),
        ({"level": 1.0}, r"The level must be between 0 and 1, but is 1\.0\. Use 0\.95 "),
        ({"level": 95}, r"The level must be between 0 and 1, but is 95\. Use 0\.95 "),
        ({"level": float("nan")}, r"The level must be between 0 and 1, but is nan\. Use 0\.95 "),
        ({"errors": "cluster"}, r"This run has no cluster standard errors, only robust, classical\. Fit with --group to have them\."),
        ({"errors": "hac"}, r"This run has no hac standard errors, only robust, classical\. Fit with --time to have them\."),
    ],
    ids=str,
)
def test_a_choice_that_cannot_be_is_refused(options, message):
    with pytest.raises(UsageError, match=message):
        WAGES.records(**options)


# On disk


@pytest.mark.parametrize("weights", [WAGES, STATES], ids=["values", "classes"])
def test_what_was_found_survives_json(weights):
    assert msgspec.json.decode(msgspec.json.encode(weights), type=FeatureWeights) == weights


def test_records_survive_json():
    assert msgspec.json.decode(msgspec.json.encode(WAGES.records(levels=True))) == WAGES.records(levels=True)
