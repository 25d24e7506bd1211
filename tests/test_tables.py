"""Tables for people: aligned where they are printed, escaped HTML without colours of its own in notebooks."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import msgspec
import pytest

import weights
from small import fitted_example
from weights.tables import Records, Table, aligned, compact, show_text
from weights.verdicts import Decomposition, Diagnosis, Experiment, Gain, Part, Remedy, Step, Variant

HOSTILE = "<script>alert('x')</script>&\x1b[31m"
PART = Part(1.0, 0.1)
DIAGNOSIS = Diagnosis(
    "balanced",
    HOSTILE,
    Decomposition(HOSTILE, PART, PART, None, PART),
    1.0,
    [Remedy("wider", HOSTILE, 0.1, 0.05, 0.15, 0.02, helps=True), Remedy("longer", "b", failure=HOSTILE)],
    [Step(1.0, 10, 1.0, 0.1)],
    Gain(0.0, 0.0, 0.0, 0.0),
    4,
    100,
)
VARIANT = Variant(HOSTILE, loss=0.9, gain=Gain(0.1, 0.05, 0.15, 0.1))
EXPERIMENT = Experiment(
    ["mlp"],
    "log loss",
    [Variant("as it is", reference=True, loss=1.0), VARIANT],
    4,
    3,
    100,
)


def page(html):
    """A piece of HTML as a tree, which it is only if all is closed and escaped."""
    return ElementTree.fromstring(f"<div>{html}</div>")


def test_a_table_is_aligned_and_escaped():
    table = Table("a & b", ["", "value"], [["x", "1"], [HOSTILE, "22"]], ["<b>note</b>"])
    assert [line.split()[-1] for line in str(table).splitlines()[1:3]] == ["value", "1"]
    assert len({len(line) for line in str(table).splitlines()[1:4]}) == 1
    tree = page(table._repr_html_())
    assert [cell.text for cell in tree.iter("td")][:2] == ["x", "1"]
    assert "script" not in {element.tag for element in tree.iter()}
    assert "\x1b" not in table._repr_html_()


@pytest.mark.parametrize("shown", [DIAGNOSIS, EXPERIMENT])
def test_verdicts_show_themselves_in_notebooks_and_where_they_are_printed(shown):
    html = shown._repr_html_()
    assert "script" not in {element.tag for element in page(html).iter()}
    assert "helps" in html or "better" in html
    assert str(shown) == repr(shown)
    assert len(str(shown).splitlines()) > 3
    assert msgspec.json.encode(shown).startswith(b"{")


@pytest.mark.parametrize("example", ["diabetes", "iris"])
def test_a_model_its_explanation_and_its_score_show_themselves(example):
    model = fitted_example(example)
    for shown, holds in ((model, "out of bag"), (model.explain(example), "average inputs"), (model.score(example), "out of bag")):
        html = shown._repr_html_()
        page(html)
        assert holds in html
        # Whatever the colours of the page are: none is set, and no background.
        assert not re.search(r"(?<!-)\bcolor:(?!inherit)|background:(?!none)|#[0-9a-f]{3}", html)


def test_a_model_of_hostile_names_is_escaped():
    model = weights.fit(
        {"<script>": [i % 9 for i in range(40)], "y": [i % 7 for i in range(40)]}, "y", task="regression", model="linear", members=8
    )
    assert "<script" not in model._repr_html_()
    assert "&lt;script" in model._repr_html_()


def test_records_are_a_list_that_prints_as_a_table():
    records = Records([{"a": 1.23456, "b": None, "c_d": "x"}, {"a": None, "b": None, "c_d": ["y", "z"]}])
    assert str(records).splitlines() == ["2 records", "  a      c d", "  1.23     x", "        y, z"]
    assert records == [*records]
    assert len([*page(records._repr_html_()).iter("tr")]) == 3
    assert msgspec.json.decode(msgspec.json.encode(records))[0]["a"] == 1.23456
    assert str(Records([])) == "0 records"
    assert "the first 200 of them" in str(Records([{"a": i} for i in range(300)]))


def test_what_a_model_lists_prints_as_a_table():
    model = fitted_example("diabetes")
    assert str(model.feature_weights(top=2)).splitlines()[1].split()[:3] == ["feature", "effect", "std"]
    assert str(model.findings()) == "0 records"


def test_numbers_are_short():
    assert [compact(value) for value in (0.0, 1234.5, 1e5, 1e-5, float("nan"), None)] == ["0", "1,234", "1.00e+05", "1.00e-05", "nan", ""]
    assert aligned([], to_right=[]) == []


def test_text_is_kept_as_it_is_aligned():
    assert page(show_text(["a  <b>", "  c"])).find("pre").text == "a  <b>\n  c"


def test_in_notebooks_numbers_end_and_words_begin_at_the_same_place_and_wide_tables_scroll():
    page = Table("Weights    of all", ["name", "bar", "value", "between"], [["a", "===", "-1.5", "[1 2]"], ["b", "", "", ""]])._repr_html_()
    ways = {cell: way for way, cell in re.findall(r"text-align:(\w+)'>([^<]+)</td>", page)}
    assert ways == {"a": "left", "===": "left", "-1.5": "right", "[1 2]": "right", "b": "left"}
    assert "overflow-x:auto" in page
    assert "white-space:pre-wrap'>Weights    of all" in page
