"""Odd events on the command line: each is refused in words with the exit code that fits, or taken with a note. None ends in a traceback."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from preferences import SAID, draw_preferences
from weights import cli

N = len(draw_preferences()["user"])
FAST = ("--model", "items", "--set", "strength=10", "--set", "items.emphasis=0")


def run(*args: object):
    return CliRunner().invoke(cli.cli, [str(arg) for arg in args], prog_name="weights")


def write(path: Path, table: dict[str, Any]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([[*table], *zip(*(np.asarray(values, object).tolist() for values in table.values()), strict=True)])
    return path


def fit(path: Path, table: dict[str, Any], *options: object):
    named = [part for role in ("user", "item", "value", "time") if role in table for part in (f"--{role}", role)]
    return run("fit", write(path / "events.csv", table), "--task", "ranking", *named, *FAST, *options)


def refused(result, code: int, message: str) -> None:
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    assert re.search(message, result.output), result.output


def with_cell(row: Any, value: Any, column: str) -> dict[str, Any]:
    table = draw_preferences()
    table[column] = np.asarray(table[column], object)
    table[column][row] = value
    return table


PLAIN = {name: values for name, values in draw_preferences().items() if name in ("user", "item")}
REFUSED: dict[str, tuple[dict[str, Any], tuple[object, ...], int, str]] = {
    "one event": ({"user": [1], "item": [1]}, (), 3, "1 event of 1 user and 1 item came"),
    "one user": ({"user": [1] * 9, "item": range(9)}, (), 3, "9 events of 1 user and 9 items"),
    "one item": ({"user": range(9), "item": [1] * 9}, (), 3, "9 events of 9 users and 1 item"),
    "text as values": (with_cell(3, "good", "value"), (), 3, "'value' must be numeric"),
    "infinite values": (with_cell(3, "inf", "value"), (), 3, "must be finite"),
    "all values missing": (with_cell(slice(None), None, "value"), (), 3, "0 events of 0 users and 0 items came"),
    "nothing taken": (with_cell(slice(None), 0, "value"), (), 3, "0 users to judge by"),
    "dates mixed with words": (with_cell(3, "soon", "time"), (), 3, "'time' must"),
    "no such column": (PLAIN, ("--value", "stars"), 4, "no column 'stars' to use as value"),
    "one column for two": (PLAIN, ("--value", "item"), 2, "cannot also be the value"),
    "a protocol that needs times": (PLAIN, ("--protocol", "time"), 2, "needs moments that differ"),
    "a setting of another model": (PLAIN, ("--set", "n_factors=3"), 2, "no setting 'n_factors'"),
    "no table of items": (PLAIN, ("--items", "nowhere.csv"), 4, "nowhere.csv"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_events_that_cannot_be_learned_from_are_refused(tmp_path, name):
    table, options, code, message = REFUSED[name]
    refused(fit(tmp_path, table, *options, "--no-save"), code, message)


TAKEN: dict[str, tuple[dict[str, Any], str]] = {
    "missing values": (with_cell([2, 9], None, "value"), "2 events without a user, an item or a value left out"),
    "missing users": (with_cell(4, None, "user"), "1 event without a user"),
    "missing times": (with_cell([4, 5], None, "time"), "2 of .* events have no time"),
    "refusals": (with_cell(slice(0, 40), -1, "value"), "NDCG@10"),
    "an item that nobody else has": (with_cell(0, 2**60, "item"), "41 items"),
    "ids of text with blanks and case": (
        {"user": [f" User {u}" for u in PLAIN["user"]], "item": [f"Item {i}" for i in PLAIN["item"]]},
        "120 users, 40 items",
    ),
}


@pytest.mark.parametrize("name", TAKEN)
def test_odd_events_are_taken_and_what_was_done_is_said(tmp_path, name):
    table, message = TAKEN[name]
    result = fit(tmp_path, table, "--no-save")
    assert result.exit_code == 0, result.output
    assert re.search(message, result.output), result.output


def test_times_in_the_future_are_said(tmp_path):
    table = {**draw_preferences(), "time": np.datetime64("2100-01-01") + np.arange(N)}
    result = fit(tmp_path, table, "--no-save")
    assert "lie in the future" in result.output


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs")
    assert fit(path, draw_preferences(), "--save", path / "run").exit_code == 0
    return path / "run"


def test_lists_come_as_lines_as_json_and_as_a_file(saved, tmp_path):
    assert "user 107" in run("recommend", saved, "--user", "107").output
    records = json.loads(run("recommend", saved, "--user", "107", "--top", "3", "--json").stdout)
    assert [record["rank"] for record in records] == [1, 2, 3]
    result = run("recommend", saved, "--all", "--output", tmp_path / "lists.csv", "--quiet")
    assert result.exit_code == 0, result.output
    assert len((tmp_path / "lists.csv").read_text().splitlines()) == 1201


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (("recommend", "RUN"), 2, "nobody was named"),
        (("recommend", "RUN", "--user", "107", "--top", "0"), 2, "at least 1"),
        (("recommend", "RUN", "--user", "107", "--level", "90"), 2, "between 0 and 1"),
        (("recommend", "RUN", "--user", "107", "--allow", "EMPTY"), 2, "the run knows none"),
        (("recommend", "RUN", "--events", "EMPTY"), 0, "not know"),
        (("similar", "RUN", "--item", "x y"), 4, "knows no item x y"),
        (("explain", "RUN"), 2, "that of one user"),
        (("user", "RUN", "--user", "nobody"), 4, "knows nothing of user nobody"),
        (("remember", "RUN"), 2, "Give a table of events"),
        (("remember", "RUN", "--undo", "107"), 2, "Nothing is remembered of user 107"),
        (("forget", "RUN", "--user", "107"), 2, "Add --yes"),
        (("forget", "RUN", "--user", "nobody", "--yes"), 4, "knows no user nobody"),
        (("forecast", "RUN"), 2, "A run of interactions is not asked"),
        (("predict", "RUN", "EMPTY"), 2, "is of interactions"),
    ],
)
def test_what_cannot_be_asked_is_refused(saved, tmp_path, args, code, message):
    empty = write(tmp_path / "empty.csv", {"item": ["no such"]})
    refused(run(*({"RUN": saved, "EMPTY": empty}.get(arg, arg) for arg in args)), code, message)


def test_somebody_unknown_is_answered_and_it_is_said(saved):
    result = run("recommend", saved, "--user", "nobody")
    assert result.exit_code == 0
    assert "not known, and answered by popularity: nobody" in result.output


def test_events_are_remembered_taken_back_and_users_forgotten(tmp_path):
    assert fit(tmp_path, draw_preferences(), "--save", tmp_path / "run").exit_code == 0
    events = write(tmp_path / "new.csv", {"user": [107, 108], "item": [1, 2], "value": [5, 4]})
    assert "remembered 2 events" in run("remember", tmp_path / "run", events).output
    assert "1 since the fit" in run("user", tmp_path / "run", "--user", "107").output
    assert run("remember", tmp_path / "run", "--undo", "107").exit_code == 0
    assert "0 since the fit" in run("user", tmp_path / "run", "--user", "107").output
    assert "learned again without" in run("forget", tmp_path / "run", "--user", "107", "--yes").output
    assert run("user", tmp_path / "run", "--user", "107").exit_code == 4


def test_the_columns_of_the_fit_are_said_once(tmp_path):
    assert {*SAID} == {"task", "user", "item", "value", "time"}


def test_new_items_are_refused_where_nothing_speaks_for_them(tmp_path):
    assert fit(tmp_path, PLAIN, "--save", tmp_path / "run").exit_code == 0
    items = write(tmp_path / "new.csv", {"item": [900], "kind": ["a"]})
    refused(run("recommend", tmp_path / "run", "--user", 101, "--items", items), 2, "fitted without any")
    tagged = write(tmp_path / "items.csv", {"item": range(1, 41), "kind": ["a", "b"] * 20})
    assert fit(tmp_path, PLAIN, "--items", tagged, "--save", tmp_path / "run").exit_code == 0
    refused(run("recommend", tmp_path / "run", "--user", 101, "--items", tagged), 3, "knows all of these")
    bare = write(tmp_path / "bare.csv", {"item": [900]})
    refused(run("recommend", tmp_path / "run", "--user", 101, "--items", bare), 4, "but it has no kind")
    odd = write(tmp_path / "odd.csv", {"item": ["a b", ""], "kind": ["a", "b"]})
    assert run("recommend", tmp_path / "run", "--user", 101, "--items", odd, "--top", 41).exit_code == 0


RATING = ("--task", "rating", "--user", "user", "--item", "item", "--set", "n_factors=2", "--set", "n_draws=4", "--set", "n_warmup=2")
RATINGS: dict[str, tuple[dict[str, Any], tuple[object, ...], int, str]] = {
    "no ratings": (PLAIN, (), 2, "Name it with --value"),
    "all alike": (with_cell(slice(None), 3, "value"), ("--value", "value"), 3, "nothing to predict"),
    "words": (with_cell(3, "good", "value"), ("--value", "value"), 3, "'value' must be numeric"),
    "a model": (draw_preferences(), ("--value", "value", "--model", "items"), 2, "--model does nothing for ratings"),
    "a setting": (draw_preferences(), ("--value", "value", "--set", "strength=3"), 2, "no setting 'strength' of ratings"),
    "one rating": ({"user": [1], "item": [1], "value": [3]}, ("--value", "value"), 3, "1 event of 1 user and 1 item"),
}


@pytest.mark.parametrize("case", RATINGS)
def test_odd_ratings_are_refused_in_words(tmp_path, case):
    table, options, code, message = RATINGS[case]
    refused(run("fit", write(tmp_path / "events.csv", table), *RATING, *options, "--no-save"), code, message)


def test_odd_pairs_are_refused_or_answered_with_a_note(tmp_path):
    rows = write(tmp_path / "events.csv", with_cell(5, -7, "value"))
    assert run("fit", rows, *RATING, "--value", "value", "--save", tmp_path / "run").exit_code == 0
    asked = write(tmp_path / "pairs.csv", {"user": [101, 2**60, "x y"], "item": [3, 4, "other"]})
    answered = run("rate", tmp_path / "run", asked, "--json")
    assert answered.exit_code == 0, answered.output
    assert "taken as any" in answered.output
    refused(run("rate", tmp_path / "run", write(tmp_path / "lack.csv", {"user": [101], "film": [3]})), 4, "Pairs need a column 'item'")
    refused(run("rate", tmp_path / "run", write(tmp_path / "gap.csv", {"user": [101, ""], "item": [3, 4]})), 3, "row 2 lacks one")
    refused(run("rate", tmp_path / "run", asked, "--level", 90), 2, "between 0 and 1")
    refused(run("rate", tmp_path / "run", tmp_path / "none.csv"), 4, "none.csv")
    refused(run("recommend", tmp_path / "run", "--user", 101), 2, "A run of ratings is not asked for 'recommend'")
