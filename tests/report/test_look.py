"""What `weights data` prints: a line a column, as narrow as the terminal, with what to look at below."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from weights import api
from weights.cli import cli
from weights.report.look import look_lines


@pytest.fixture
def rows(tmp_path):
    """A file of odd columns: a code for no value, missing cells, long names and levels, dates, keys."""
    rng = np.random.default_rng(0)
    lines = ["age,when,key,a_column_of_a_very_long_name_that_no_terminal_is_wide_enough_for,wage"]
    for i in range(120):
        age = 999 if i % 40 == 0 else rng.integers(18, 90)
        level = "" if i % 4 == 0 else "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch" if i % 3 else "Rome"
        lines.append(f"{age},2024-{1 + i % 12:02}-{1 + i % 28:02},{i:05},{level},{rng.normal(10):.2f}")
    (tmp_path / "rows.csv").write_text("\n".join(lines))
    return tmp_path / "rows.csv"


def test_every_column_has_its_kind_what_it_holds_and_an_example(rows):
    lines = look_lines(api.look(rows))
    [age] = [line for line in lines if line.startswith("  age")]
    assert age.split()[:3] == ["age", "numeric", "18"]
    assert age.split()[-1] == "999"
    assert [line for line in lines if "far from all others" in line] == [
        "      3 cells are 999, far from all others: if that means no value, say --missing=999"
    ]
    assert any("30 (25 %)  2 levels:" in line or "30 (25 %)  Llanfair" in line for line in lines)
    assert any(line.split()[:2] == ["key", "identifier"] for line in lines)
    assert any("2024-01-" in line for line in lines if line.startswith("  when"))


def test_the_target_comes_first_with_its_classes():
    lines = look_lines(api.look("iris"))
    assert any(line.split() == ["species", "target", "setosa", "50,", "versicolor", "50,", "virginica", "50", "setosa"] for line in lines)
    assert "asks for a multiclass task" in lines[0]


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_no_line_of_a_column_is_wider_than_the_terminal(rows, width):
    lines = look_lines(api.look(rows), width)
    table = lines[[line.startswith("  column") for line in lines].index(True) :]
    assert max(map(len, table)) <= width


def test_the_command_prints_the_same_and_json_has_all_of_it(rows):
    printed = CliRunner().invoke(cli, ["data", str(rows)]).stdout.splitlines()
    assert printed == look_lines(api.look(str(rows)))
    record = json.loads(CliRunner().invoke(cli, ["data", str(rows), "--target", "wage", "--json"]).stdout)
    by_name = {column["name"]: column for column in record["columns"]}
    assert next(iter(by_name)) == "wage"
    assert by_name["age"]["quartiles"][-1] == "999"
    assert "--missing=999" in next(feature["note"] for feature in record["features"] if feature["name"] == "age")
    assert len(by_name["wage"]["quartiles"]) == 5


def test_frames_and_arrays_are_looked_at_too():
    found = api.look({"x": [1.0, 2.0, None] * 10, "y": [1, 0] * 15}, "y")
    assert [(column.name, column.n_missing) for column in found.columns] == [("y", 0), ("x", 10)]
