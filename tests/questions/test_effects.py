"""What features do, asked in words and drawn: importances, effects, and the answer along a column."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import weights
from drawn import inside, words
from small import fitted_example
from weights.cli import cli
from weights.errors import NotFoundError, UsageError
from weights.questions import ask


def test_importances_are_ordered_and_drawn():
    answered = ask(fitted_example("diabetes"), "importance", top=4)
    assert [record["importance"] for record in answered.record] == sorted((r["importance"] for r in answered.record), reverse=True)
    assert len(answered.record) == 4
    assert {record["feature"] for record in answered.record} <= set(words(answered.figure))
    assert "6 more features are not drawn" in " ".join(words(answered.figure))
    assert inside(answered.figure)


def test_effects_are_those_of_the_summary():
    model = fitted_example("diabetes")
    answered = ask(model, "effects", per="unit")
    bmi = next(record for record in answered.record if record["feature"] == "bmi")
    assert bmi == next(r for r in model.feature_weights(levels=True) if r["feature"] == "bmi")
    assert inside(answered.figure)
    assert "not a causal effect" in " ".join(words(answered.figure))


def test_odds_are_drawn_around_one_and_classes_by_name():
    answered = ask(fitted_example("breast-cancer"), "effects", scale="odds", top=3)
    assert any(text.startswith("ratio of the odds") for text in words(answered.figure))
    flowers = ask(fitted_example("iris"), "effects", label="setosa")
    assert {record["class"] for record in flowers.record} == {"setosa"}
    assert "change of the probability of setosa" in words(flowers.figure)
    strongest = ask(fitted_example("iris"), "effects")
    assert len(strongest.record) == 4  # a class each


def test_each_line_of_the_effects_says_what_they_are_of():
    rng = np.random.default_rng(0)
    columns = {"age": rng.normal(50, 10, 200), "sex": rng.choice(["f", "m", "x"], 200), "seen": rng.uniform(size=200) < 0.5}
    columns["ill"] = np.where(columns["age"] + rng.normal(0, 10, 200) > 50, "yes", "no")
    model = weights.fit(columns, "ill", model="linear", members=5)
    lines = [*ask(model, "effects", scale="odds").lines]
    assert lines[0] == "Effects       on ill: ratio of the odds of (yes); 1 is none"
    [spread] = [float(step[1]) for line in lines if (step := re.match(r"  age      (\S+) more \(1 sd\) ", line))]
    assert spread == pytest.approx(np.std(columns["age"]), rel=0.02)  # of numbers as members read them, with a bound
    for step in ("sex      all levels alike", "sex      f (beside ", "seen     yes (beside no)"):
        assert any(line.startswith(f"  {step}") for line in lines)
    per_unit = [*ask(model, "effects", per="unit").lines]
    assert per_unit[0].endswith("change of P(yes); 0 is none")
    assert any(line.startswith("  age      1 more") for line in per_unit)


def test_a_curve_is_drawn_of_the_column_that_was_named_or_the_most_important():
    model = fitted_example("diabetes")
    named = ask(model, "effect", feature="bp")
    assert named.record["feature"] == "bp"
    assert "mean progression" in words(named.figure)
    assert inside(named.figure)
    first = ask(model, "importance", top=1).record[0]["feature"]
    assert ask(model, "effect").record["feature"] == first
    assert "95 % interval" in " ".join(words(named.figure))


def test_what_has_no_curve_is_refused_with_what_there_is():
    model = fitted_example("diabetes")
    with pytest.raises(NotFoundError, match=r"reads no column 'bmj'\. Did you mean 'bmi'"):
        ask(model, "effect", feature="bmj")
    with pytest.raises(UsageError, match="has no classes"):
        ask(model, "effect", label="high")
    cancer = fitted_example("breast-cancer")
    with pytest.raises(UsageError, match="Of two classes the curve of"):
        ask(cancer, "effect", label=cancer.classes[0])
    with pytest.raises(UsageError, match="Of two classes the effects on"):
        ask(cancer, "effects", label=cancer.classes[0])
    x = np.random.default_rng(0).normal(size=(60, 2))
    of_arrays = weights.fit(x, x[:, 0], model="linear", members=8)
    with pytest.raises(UsageError, match=r"came from memory.*--data"):
        ask(of_arrays, "effect")


def test_a_curve_is_asked_for_on_the_command_line(tmp_path):
    """Of levels with markup, hostile names and dates, on rows given anew."""
    rng = np.random.default_rng(0)
    n = 120
    table = {
        "<b>ward & more</b>": rng.choice(["<i>north</i>", "south" * 40, 'e"ast'], n),
        "when": np.datetime64("2024-01-01") + rng.integers(0, 300, n).astype("timedelta64[D]"),
        "y": rng.normal(size=n),
    }
    pq.write_table(pa.table(table), tmp_path / "rows.parquet")
    weights.fit(tmp_path / "rows.parquet", "y", model="linear", members=8, save=tmp_path / "run")
    for feature in ("<b>ward & more</b>", "when"):
        called = CliRunner().invoke(cli, ["draw", str(tmp_path / "run"), "effect", "--feature", feature, "-o", str(tmp_path / "a.svg")])
        assert called.exit_code == 0, called.output
        drawn = (tmp_path / "a.svg").read_text()
        ElementTree.fromstring(drawn)
        assert not {"<b>", "<i>"} & {*re.findall("<.>", drawn)}
    assert "2024-0" in called.output
    called = CliRunner().invoke(cli, ["effect", str(tmp_path / "run"), "--feature", "when", "--json"])
    assert json.loads(called.stdout)["n_read"] == n
