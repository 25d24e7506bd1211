"""The tables people read: what is in them, that they line up, and that nothing in a table can steer a terminal or a notebook."""

from __future__ import annotations

import html.parser
import re

import msgspec
import pytest

from weights import summary
from weights.checking import Check, Held
from weights.effects import Contrast, FeatureWeights, Group, Importance, Joint
from weights.errors import UsageError
from weights.inspection.measured import MeasuredCoverage, MeasuredSize
from weights.summary import checked, explained, summarise
from weights.tables import Table
from weights.tasks.base import Task
from weights.tasks.classes import Binary, Multiclass
from weights.tasks.number import Number

WAGE = Number("wage")
STATE = Binary("state", classes=["ill", "well"])
GRADE = Multiclass("grade", classes=["a", "b", "c"])
WIDE = ["feature", "effect", "std err", "z", "P>|z|", "[0.025", "0.975]", "per sd", "importance", ""]
WIDE += ["[0.025", "0.975]", "selected", "sign"]
NARROW = ["feature", "effect", "std err", "z", "P>|z|", "[0.025", "0.975]", "importance", "", "selected"]
EVIL = "\x1b[2J\r\n\x07\u202e"
"""Clears the screen, goes to the start of the line and to the next, rings the bell, and turns the direction of writing."""


def contrast(
    feature: str, effect: float | None, std_err: float = 0.5, level: str = "", label=None, scale: str = "target", **other
) -> Contrast:
    """A contrast whose Student's t is normal."""
    defaults = {"std_errs": dict.fromkeys(("robust", "classical", "cluster", "hac"), std_err), "sign_agreement": 0.75}
    defaults["degrees"] = dict.fromkeys(defaults["std_errs"], 1e6)
    return Contrast(feature, level, label, scale, effect, **{**({} if effect is None else defaults), **other})


def importance(features: str | list[str], value: float) -> Importance:
    names = [features] if isinstance(features, str) else features
    return Importance(names, value, 0.01, value - 0.02, value + 0.02, share=0.5, selected=0.875)


def weights_of(contrasts: list[Contrast], importances: dict[str, float], **other) -> FeatureWeights:
    defaults = {"joints": [], "groups": [], "unknown": {}, "units": {}, "measure": "R2", "errors": "robust", "how": "least squares"}
    defaults |= {"linear": True, "n_rows": 1234, "n_inputs": 4, "reference": [0.0]}
    return FeatureWeights(contrasts, importances=[importance(*one) for one in importances.items()], **{**defaults, **other})


# In the order of the table: a clear effect of little importance, the reverse, a clear one of both, and nothing.
WAGES = weights_of(
    [contrast("age", 5.0, spread=10.0), contrast("height", 0.25), contrast("score", 2.0), contrast("luck", 0.0)],
    {"age": 0.1, "height": 0.4, "score": 0.2, "luck": -0.01},
)
CITIES = weights_of(
    [contrast("age", 5.0), contrast("city", 1.5, level="Rome (beside Oslo)"), contrast("city", -0.5, level="Lima (beside Oslo)")],
    {"age": 0.1, "city": 0.4},
    joints=[Joint("city", None, "target", 2, {"robust": 0.0183})],
)
GRADES = weights_of(
    [contrast(name, effect, label=label) for name in ("age", "height") for label, effect in zip("abc", (2.0, -1.0, 0.5), strict=True)],
    {"age": 0.1, "height": 0.4},
    measure="log loss",
)
TOGETHER = Group(importance(["age", "height", "score"], 0.5), {"age": 0.3, "height": 0.45, "score": 0.05})


@pytest.fixture(autouse=True)
def _measured(monkeypatch):
    """No table was simulated, so that what benchmarks publish does not matter here."""
    monkeypatch.setattr(summary, "find_measured", lambda weights, scale: None)


def names(shown: Table) -> list[str]:
    return [row[0] for row in shown.rows]


def column(shown: Table, head: str) -> list[str]:
    return [row[shown.heads.index(head)] for row in shown.rows]


def notes(weights: FeatureWeights, task: Task = WAGE, **options) -> str:
    return "\n".join(summarise(weights, task, **options).notes)


# Layout


def test_a_table_is_its_title_its_aligned_rows_and_its_notes():
    shown = Table("Title", ["feature", "effect", ""], [["age", "-1.25", "=="], ["height", "+10", "="]], ["what to know"])
    assert shown.lines() == [
        "Title",
        "  feature  effect",
        "  age       -1.25  ==",
        "  height      +10  =",
        "  what to know",
    ]


@pytest.mark.parametrize("options", [{}, {"levels": True}, {"narrow": True}, {"per": "sd"}], ids=str)
def test_numbers_end_where_the_head_of_their_column_ends(options):
    shown = summarise(CITIES, WAGE, **options)
    lines = shown.lines()[1 : len(shown.rows) + 2]
    place = 2
    for i, head in enumerate(shown.heads):
        cells = [head, *(row[i] for row in shown.rows)]
        width = max(map(len, cells))
        cut = [line[place : place + width].ljust(width) for line in lines]
        assert cut == [cell.ljust(width) if head in ("feature", "") else cell.rjust(width) for cell in cells]
        place += width + 2


def test_printing_shows_the_lines():
    shown = summarise(WAGES, WAGE)
    assert str(shown) == repr(shown) == "\n".join(shown.lines())


def test_long_notes_are_wrapped():
    crowd = [f"feature number {i}" for i in range(12)]
    weights = weights_of([], dict.fromkeys(crowd, 0.1), unknown=dict.fromkeys(crowd, "not identifiable, because it has one value only"))
    lines = summarise(weights, WAGE).lines()
    assert max(map(len, lines[len(crowd) + 2 :])) <= 118


def test_a_long_name_is_cut_in_its_middle():
    long = "x" * 20 + "y" * 20
    shown = summarise(weights_of([contrast(long, 1.0)], {long: 0.1}), WAGE)
    assert names(shown) == ["x" * 15 + "…" + "y" * 16]


def test_all_columns_are_shown_where_there_is_room():
    assert summarise(WAGES, WAGE).heads == WIDE


def test_a_narrow_table_leaves_columns_out():
    assert summarise(WAGES, WAGE, narrow=True).heads == NARROW


def test_effects_per_standard_deviation_need_no_column_of_their_own_again():
    assert summarise(WAGES, WAGE, per="sd").heads == [head for head in WIDE if head != "per sd"]


def test_the_heads_of_an_interval_are_its_tails():
    assert summarise(WAGES, WAGE, level=0.9).heads[5:7] == ["[0.05", "0.95]"]


@pytest.mark.parametrize(
    ("effect", "cell"),
    [(0.0, "0"), (1.5, "+1.50"), (-0.012345, "-0.0123"), (12345.6, "+12,346"), (-123456.0, "-1.23e+05"), (0.00001234, "+1.23e-05")],
)
def test_effects_have_a_sign_and_three_digits(effect, cell):
    assert column(summarise(weights_of([contrast("age", effect)], {"age": 0.1}), WAGE), "effect") == [cell]


def test_what_is_not_known_is_left_empty():
    shown = summarise(weights_of([], {"age": 0.1}, unknown={"age": "why"}), WAGE)
    assert shown.rows[0][1:8] == [""] * 7


def test_bars_are_as_long_as_importances():
    # Eight signs for the largest, half of that for a half; less than nothing has no bar.
    shown = summarise(WAGES, WAGE)
    assert dict(zip(names(shown), column(shown, ""), strict=True)) == {"height": "=" * 8, "score": "=" * 4, "age": "=" * 2, "luck": ""}


@pytest.mark.parametrize("largest", [0.0, -0.01, 0.00004])
def test_where_no_importance_can_be_seen_there_are_no_bars(largest):
    shown = summarise(weights_of([contrast("age", 1.0), contrast("luck", 1.0)], {"age": largest, "luck": -0.02}), WAGE)
    assert column(shown, "") == ["", ""]


def test_zero_has_no_sign():
    shown = summarise(weights_of([contrast("age", -0.001, std_err=1.0)], {"age": -0.00001}), WAGE)
    assert (column(shown, "z"), column(shown, "importance")) == (["0.00"], ["0.0000"])  # 0.001 and 0.00001 below zero, rounded


@pytest.mark.parametrize(
    ("task", "options", "of"),
    [
        (WAGE, {}, "wage per unit"),
        (WAGE, {"scale": "link"}, "wage per unit"),
        (WAGE, {"per": "sd"}, "wage per standard deviation"),
        (STATE, {}, "P(well) per unit"),
        (STATE, {"scale": "link"}, "log odds of (well) per unit"),
        (GRADE, {}, "the probability of each class per unit"),
        (GRADE, {"scale": "link"}, "the log odds of each class per unit"),
    ],
    ids=str,
)
def test_the_title_says_what_effects_are_changes_of(task, options, of):
    assert summarise(WAGES, task, **options).title == f"Weights       change of {of} of the feature"


# Which rows


def test_the_most_important_come_first():
    assert names(summarise(WAGES, WAGE)) == ["height", "score", "age", "luck"]


def test_the_smallest_p_values_can_come_first():
    assert names(summarise(WAGES, WAGE, sort="p")) == ["age", "score", "height", "luck"]


def test_rows_can_come_as_in_the_table():
    assert names(summarise(WAGES, WAGE, sort="table")) == ["age", "height", "score", "luck"]


def test_a_feature_without_p_value_comes_last_by_p():
    weights = weights_of([contrast("age", 0.0)], {"shoe": 0.5, "age": 0.1}, unknown={"shoe": "why"})
    assert names(summarise(weights, WAGE, sort="p")) == ["age", "shoe"]


def test_the_top_says_how_many_more_there_are_and_how_many_of_them_are_unclear():
    # Left out are age, ten standard errors from zero, and luck, none.
    shown = summarise(WAGES, WAGE, top=2)
    assert (names(shown), shown.notes[0]) == (["height", "score"], "(2 more; 1 of their effects not distinguishable from zero)")


def test_what_is_distinguishable_depends_on_the_level():
    # Height is half a standard error from zero, and an interval at 30 % reaches 0.39 standard errors to either side.
    weights = weights_of([contrast("score", 2.0), contrast("height", 0.25)], {"score": 0.2, "height": 0.1})
    assert "(1 more; 0 of their" in notes(weights, top=1, level=0.3)


@pytest.mark.parametrize("top", [4, 5, None])
def test_a_top_that_holds_everything_says_nothing(top):
    assert "more" not in notes(WAGES, top=top)


def test_the_top_counts_features_with_all_their_classes():
    shown = summarise(GRADES, GRADE, top=1)
    assert (names(shown), column(shown, "class")[0]) == (["height", "", ""], "all 3")
    by_class = summarise(GRADES, GRADE, top=1, levels=True)
    assert (names(by_class), column(by_class, "class")) == (["height"] * 3, ["a", "b", "c"])


def test_of_several_classes_those_are_shown_of_which_a_feature_tells_most_with_one_test_of_all():
    records = [row for row in GRADES.records() if row["feature"] == "height"]
    least = min(row["p_value"] for row in records)
    shown = summarise(GRADES, GRADE, top=1)
    assert column(shown, "P>|z|")[0] == f"{min(1.0, 3 * least):.3f}"  # Bonferroni
    strongest = sorted(records, key=lambda row: row["p_value"])[:2]
    assert column(shown, "class")[1:] == [row["class"] for row in strongest]


def test_effects_per_unit_that_cannot_be_read_are_shown_per_standard_deviation():
    tiny = msgspec.structs.replace(WAGES.contrasts[0], effect=5e15, spread=1e-14, std_errs={"robust": 1e15})
    shown = summarise(msgspec.structs.replace(WAGES, contrasts=[tiny, *WAGES.contrasts[1:]]), WAGE)
    assert column(shown, "effect")[names(shown).index("age")] == "+50.0"
    assert any(note.startswith("age: per standard deviation") for note in shown.notes)


def test_of_many_features_it_is_said_how_many_would_be_found_by_chance():
    many = [msgspec.structs.replace(WAGES.contrasts[0], feature=f"x{j}", effect=0.01 if j else 100.0) for j in range(30)]
    importances = [msgspec.structs.replace(WAGES.importances[0], features=[f"x{j}"]) for j in range(30)]
    said = notes(msgspec.structs.replace(WAGES, contrasts=many, importances=importances, joints=[], groups=[], unknown={}))
    assert "of 30 features 2 would be below 0.05 by chance if none had an effect; 1 are, and 1 after Holm's correction" in said
    assert "by chance" not in notes(WAGES)


def test_the_top_counts_features_with_all_their_levels():
    assert names(summarise(CITIES, WAGE, top=1, levels=True)) == ["city", "  Rome (beside Oslo)", "  Lima (beside Oslo)"]


@pytest.mark.parametrize(("task", "shown"), [(WAGE, False), (STATE, False), (GRADE, True)], ids=["values", "two classes", "classes"])
def test_classes_have_a_column_where_there_are_several(task, shown):
    assert ("class" in summarise(WAGES, task).heads) == shown


def test_an_unknown_order_is_refused():
    with pytest.raises(UsageError, match=r"sort must be one of table, importance, p, but is 'name'\."):
        summarise(WAGES, WAGE, sort="name")


@pytest.mark.parametrize("top", [0, -3])
def test_fewer_than_one_feature_is_refused(top):
    with pytest.raises(UsageError, match=f"top must be at least 1, but is {top}\\."):
        summarise(WAGES, WAGE, top=top)


# Notes


def test_a_feature_that_is_not_identifiable_is_told_below():
    weights = weights_of([contrast("age", 1.0)], {"age": 0.1, "shoe": 0.0}, unknown={"shoe": "not identifiable, because it is 'foot'"})
    assert notes(weights).splitlines()[0] == "shoe: not identifiable, because it is 'foot'"


def test_features_of_the_same_remark_are_told_together():
    weights = weights_of([], {"shoe": 0.1, "foot": 0.0}, unknown=dict.fromkeys(("shoe", "foot"), "not identifiable"))
    assert notes(weights).splitlines()[0] == "shoe, foot: not identifiable"


def test_a_remark_on_a_level_is_told_with_its_level():
    levels = [contrast("city", 1.5, level="Rome", note="of few rows"), contrast("city", -0.5, level="Lima")]
    weights = weights_of(levels, {"city": 0.4}, joints=[Joint("city", None, "target", 2, {"robust": 0.0183})])
    assert "city Rome: of few rows" in notes(weights, levels=True).splitlines()


def test_a_category_says_that_its_levels_were_tested_together():
    assert notes(CITIES).splitlines()[0] == "city: p of 2 contrasts together"


def test_effects_of_moments_are_per_day():
    assert "age: per day" in notes(msgspec.structs.replace(WAGES, units={"age": "per day"})).splitlines()


def test_features_that_move_together_are_told_with_what_their_parts_may_be():
    # Each part lies between what the feature adds to the others and what it adds alone; the largest alone come first.
    said = notes(msgspec.structs.replace(WAGES, groups=[TOGETHER])).splitlines()[0]
    assert said == (
        "move together, importance 0.5000 [0.4800 0.5200], the split uncertain: "
        "height 0.4000 to 0.4500, age 0.1000 to 0.3000, score 0.0500 to 0.2000"
    )


def test_features_that_move_together_and_are_of_no_use_are_told_without_parts():
    group = Group(importance(["age", "luck"], -0.01), {"age": 0.3, "luck": 0.2})
    said = notes(msgspec.structs.replace(WAGES, groups=[group])).splitlines()[0]
    assert said == "move together, and are of no use to the prediction even together: age, luck"


def test_a_large_group_names_its_largest_four():
    crowd = dict(zip("abcdef", (0.6, 0.5, 0.4, 0.3, 0.2, 0.1), strict=True))
    weights = weights_of([contrast(name, 1.0) for name in crowd], crowd, groups=[Group(importance([*crowd], 1.0), crowd)])
    assert re.search(r"uncertain: a .*, b .*, c .*, d 0\.3000 to 0\.3000 and 2 more$", notes(weights), flags=re.M)


def test_a_group_of_which_nothing_is_shown_is_not_told():
    group = Group(importance(["age", "luck"], 0.5), {"age": 0.3, "luck": 0.2})
    assert "move together" not in notes(msgspec.structs.replace(WAGES, groups=[group]), top=2)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("robust", "heteroscedasticity-robust errors from 1,234 rows"),
        ("classical", "classical errors from 1,234 rows"),
        ("cluster", "cluster-robust errors from 1,234 rows in 40 clusters; 95 % intervals held the truth"),
        ("hac", "autocorrelation-robust (HAC) errors from 1,234 rows"),
    ],
)
def test_the_kind_of_error_is_told(kind, said):
    clustered = msgspec.structs.replace(WAGES, n_clusters=40) if kind == "cluster" else WAGES
    assert any(line.strip().startswith(said) for line in notes(clustered, errors=kind).splitlines())


def test_the_kind_of_error_of_the_fit_is_told_if_none_is_asked_for():
    assert "cluster-robust errors" in notes(msgspec.structs.replace(WAGES, errors="cluster"))


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("none", "rows"),
        ("holm", "rows; p-values of features, not of levels, adjusted for their number (Holm)"),
        ("bh", "rows; p-values of features, not of levels, adjusted for their number (Benjamini-Hochberg)"),
    ],
)
def test_the_adjustment_is_told(how, said):
    note = next(note for note in notes(WAGES, adjust=how).splitlines() if "errors from" in note)
    assert note.startswith(f"heteroscedasticity-robust errors from 1,234 {said}; no simulated table")


@pytest.mark.parametrize(("measure", "said"), [("R2", "drop of R2"), ("log loss", "increase of log loss")])
def test_what_importance_is_is_told(measure, said):
    assert f"importance: {said} without the feature, out of bag" in notes(msgspec.structs.replace(WAGES, measure=measure))


def test_effects_are_said_not_to_be_causal():
    assert notes(WAGES).splitlines()[-1].endswith("not a causal effect")


def measured_note(monkeypatch, measured, weights=WAGES, **asked) -> str:
    """The note on simulated tables for which these figures were measured."""
    monkeypatch.setattr(summary, "find_measured", lambda weights, scale: measured)
    return next(line for line in notes(weights, **asked).splitlines() if "errors from" in line)


COVERED = MeasuredCoverage("linear", 1000, 4, 24, 500, 0.951, 0.94, "heavy-tailed inputs")


def test_coverage_in_simulations_is_told(monkeypatch):
    words = "; 95 % intervals held the truth 95.1 % of the time on simulated tables of 1,000 rows and 4 features"
    assert measured_note(monkeypatch, COVERED).endswith(words)


def test_low_coverage_in_the_worst_simulated_table_is_told(monkeypatch):
    low = msgspec.structs.replace(COVERED, least=0.9)
    assert measured_note(monkeypatch, low).endswith(", but only 90.0 % with heavy-tailed inputs")


@pytest.mark.parametrize("scale", ["link", "odds"])
def test_coverage_of_log_odds_is_that_of_log_odds_and_of_their_ratios(monkeypatch, scale):
    """Intervals of ratios are those of log odds, read on another scale."""
    link = [msgspec.structs.replace(contrast, scale="link") for contrast in WAGES.contrasts]
    weights, asked = msgspec.structs.replace(WAGES, contrasts=link), []
    monkeypatch.setattr(summary, "find_measured", lambda weights, of: asked.append(of))
    notes(weights, STATE, scale=scale)
    assert asked == ["link"]
    measured = msgspec.structs.replace(COVERED, odds=(0.93, 0.96))
    words = "; 95 % intervals of log odds held the truth 93 to 96 % of the time on simulated tables of 1,000 rows and 4 features"
    assert measured_note(monkeypatch, measured, weights, scale=scale).endswith(words)


def test_false_alarms_in_simulations_are_told_where_there_are_levels_or_a_rare_class(monkeypatch):
    measured = MeasuredSize("linear", "target", 1000, 10, 0.1, 400, 0.031, 0.062)
    words = "found 3.1 to 6.2 % of effects that were not there, on simulated tables of 1,000 rows, 10 levels and a class as rare as 10 %"
    assert measured_note(monkeypatch, measured).endswith(words)


@pytest.mark.parametrize("errors", ["robust", "hac"])
def test_where_no_simulated_table_was_alike_the_user_is_told_how_to_try(monkeypatch, errors):
    monkeypatch.setattr(summary, "find_measured", lambda weights, scale: COVERED if errors == "hac" else None)
    assert "; no simulated table was like this one: weights check-intervals" in notes(msgspec.structs.replace(WAGES, errors=errors))


def test_penalised_expectations_are_said_to_make_intervals_too_narrow(monkeypatch):
    monkeypatch.setattr(summary, "find_measured", lambda weights, scale: COVERED)
    said = notes(msgspec.structs.replace(WAGES, how="ridge"))
    assert "intervals of strong effects are too narrow" in said
    assert "held the truth" not in said


# What comes from outside


EVIL_WEIGHTS = weights_of(
    [contrast(f"age{EVIL}", 1.0), contrast(f"city{EVIL}", 1.5, level=f"Rome{EVIL}"), contrast(f"city{EVIL}", 0.5, level=f"Lima{EVIL}")],
    {f"age{EVIL}": 0.2, f"city{EVIL}": 0.1, f"shoe{EVIL}": 0.0},
    unknown={f"shoe{EVIL}": f"not identifiable, because it is 'foot{EVIL}'"},
    units={f"age{EVIL}": "per day"},
    groups=[Group(importance([f"age{EVIL}", f"shoe{EVIL}"], 0.5), {f"age{EVIL}": 0.3, f"shoe{EVIL}": 0.2})],
)
EVIL_GRADES = weights_of([contrast("age", 1.0, label=f"a{EVIL}")], {"age": 0.1})


@pytest.mark.parametrize(
    ("weights", "task"),
    [
        (EVIL_WEIGHTS, Number(f"wage{EVIL}")),
        (EVIL_WEIGHTS, Binary("state", classes=["ill", f"well{EVIL}"])),
        (EVIL_GRADES, Multiclass("grade", classes=[f"a{EVIL}", "b", "c"])),
    ],
    ids=["values", "two classes", "classes"],
)
def test_control_characters_do_not_reach_a_terminal(weights, task):
    assert [line for line in summarise(weights, task, levels=True).lines() if not line.isprintable()] == []


class Tags(html.parser.HTMLParser):
    """The tags of a text, and what stands between them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.said: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.opened.append(tag)

    def handle_data(self, data: str) -> None:
        self.said.append(data)


SCRIPT = "<script>alert('1 & 2')</script>"


def test_names_cannot_bring_html_into_a_notebook():
    weights = weights_of([contrast(SCRIPT, 1.0)], {SCRIPT: 0.2, "shoe": 0.1}, unknown={"shoe": f"because of {SCRIPT}"})
    tags = Tags(summarise(weights, Number(SCRIPT))._repr_html_())
    assert set(tags.opened) <= {"div", "b", "table", "tr", "th", "td", "small"}


def test_a_notebook_shows_names_as_they_are():
    assert SCRIPT in Tags(summarise(weights_of([contrast(SCRIPT, 1.0)], {SCRIPT: 0.2}), WAGE)._repr_html_()).said


def test_a_notebook_shows_every_row_and_note():
    shown = summarise(WAGES, WAGE)
    tags = Tags(shown._repr_html_())
    assert tags.opened.count("tr") == 1 + len(shown.rows)
    assert tags.opened.count("td") == len(shown.rows) * len(shown.heads)
    assert {shown.title, *shown.notes} <= {*tags.said}


# Simulations


HELD = [Held("effect", "null", 0.95, 0.9, 0.85, 0.94, 1200), Held("effect", "strong", 0.95, 0.9512, 0.93, 0.97, 800)]


def test_a_check_tells_claimed_and_measured_coverage_side_by_side():
    lines = checked(Check(40, 1500, HELD[1:], ["luck"]), "runs/wages")
    assert lines == [
        "Checked       40 simulations on 1,500 rows: outcomes drawn from runs/wages, models fitted anew",
        "  intervals of  features  claimed  measured  [0.025 0.975]   of",
        "  effect        strong       95 %    95.1 %  [93.0 97.0]    800",
        "  strong: beyond 4 standard errors; null: cut out of the truth for this, having mattered least (luck)",
    ]


def test_a_check_that_cut_out_nothing_says_so():
    assert checked(Check(40, 1500, HELD[1:], []), "run")[3].endswith("having mattered least (none)")


def test_a_check_names_at_most_six_features_that_were_cut_out():
    assert checked(Check(40, 1500, HELD[1:], [*"abcdefgh"]), "run")[3].endswith("(a, b, c, d, e, f and 2 more)")


def test_intervals_that_are_too_narrow_are_told_with_how_to_read_them():
    # Even the upper bound of what was measured, 94 %, is below what is claimed.
    last = checked(Check(40, 1500, HELD, []), "run")[-1]
    assert last == "  intervals of effects of null features are too narrow on such rows: 95 % is about 90 %"


def test_the_narrowest_intervals_are_told():
    worse = Held("importance", "null", 0.95, 0.8, 0.7, 0.88, 400)
    assert "intervals of importances of null features" in checked(Check(40, 1500, [*HELD, worse], []), "run")[-1]


def test_control_characters_in_a_check_do_not_reach_a_terminal():
    lines = checked(Check(40, 1500, HELD, [f"luck{EVIL}"]), f"runs/{EVIL}")
    assert [line for line in lines if not line.isprintable()] == []


# Explained predictions


def part(feature: str, contribution: float, half: float | None = None, value=30) -> dict:
    bounds = (None, None) if half is None else (contribution - half, contribution + half)
    return {"feature": feature, "value": value, "contribution": contribution, "low": bounds[0], "high": bounds[1]}


def prediction(*parts: dict, label=None) -> dict:
    base = 20.0
    return {
        "row": 7,
        "class": label,
        "prediction": base + sum(part["contribution"] for part in parts),
        "base": base,
        "beginning": "average inputs",
        "contributions": [*parts],
    }


def test_a_prediction_is_told_as_its_base_and_contributions():
    # The largest has twenty signs, half of it ten.
    assert explained([prediction(part("age", 2.0, 0.5, value=30), part("town", -1.0, 0.5, value="Oslo"))], "wage") == [
        "Row 7         wage 21.0 = 20.0 for average inputs, and",
        "  age     30  +2.00  [+1.50 +2.50]   ++++++++++++++++++++",
        "  town  Oslo  -1.00  [-1.50 -0.500]  ----------",
    ]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1.23456, "1.23"),
        (12, "12"),
        (True, "True"),
        ("Oslo", "Oslo"),
        ("a long description", "a long descri…"),
        ("scans/left/007.png", "…/left/007.png"),
        (None, "missing"),
    ],
)
def test_a_contribution_stands_beside_the_value_it_comes_from(value, said):
    assert re.match(f"  age  {said}  \\+2\\.00", explained([prediction(part("age", 2.0, value=value))], "wage")[1])


def test_a_contribution_without_interval_has_none_shown():
    assert "[" not in "".join(explained([prediction(part("age", 2.0))], "wage"))


def test_a_probability_names_its_class():
    assert explained([prediction(part("age", 2.0), label="well")], "state")[0].startswith("Row 7         P(state = well) ")


def test_what_is_left_out_of_a_prediction_is_counted_and_summed():
    lines = explained([prediction(part("a", 4.0), part("b", 2.0), part("c", -1.0))], "wage", top=1)
    assert [line.split() for line in lines[1:]] == [["a", "30", "+4.00", "+" * 20], ["(2", "more)", "+1.00"]]


def test_a_prediction_to_which_nothing_contributes_is_told():
    assert [line.split() for line in explained([prediction(part("age", 0.0))], "wage")[1:]] == [["age", "30", "0"]]


def test_control_characters_in_a_prediction_do_not_reach_a_terminal():
    lines = explained([prediction(part(f"age{EVIL}", 2.0, value=EVIL), label=f"well{EVIL}")], f"state{EVIL}")
    assert [line for line in lines if not line.isprintable()] == []
