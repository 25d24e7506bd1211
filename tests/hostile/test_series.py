"""Odd series on the command line: each is refused in words with the exit code that fits, or taken with a note. None ends in a traceback."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from planted import rows_of, stacked, weekly
from weights import cli

H = 4
N = 84
LATER = weekly(120)
"""The first 84 rows are learned from by the saved run of one series."""


def run(*args: object):
    return CliRunner().invoke(cli.cli, [str(arg) for arg in args], prog_name="weights")


def write(path: Path, table: dict[str, Any]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([[*table], *zip(*(np.asarray(values).tolist() for values in table.values()), strict=True)])
    return path


def with_cell(row: int, value: Any, column: str = "sold", table: dict[str, Any] | None = None) -> dict[str, Any]:
    """A table in which a cell, or a slice of them, holds another value."""
    table = dict(weekly() if table is None else table)
    table[column] = np.asarray(table[column], object)
    table[column][row] = value
    return table


def fit(path: Path, table: dict[str, Any], *options: object, horizon: Any = H):
    source = write(path / "sales.csv", table)
    usual = {"--target": "sold", "--time": "day", "--horizon": horizon}
    named = [part for flag, value in usual.items() if flag not in options for part in (flag, value)]
    return run("fit", source, "--task", "forecast", *named, *options, "--no-save")


HOURS = {"day": np.datetime64("2024-01-01T00") + np.arange(N), "sold": weekly()["sold"]}
REFUSED: dict[str, tuple[dict[str, Any], tuple[object, ...], int, str]] = {
    "one point": (weekly(1), (), 3, "at least two moments"),
    "two points": (weekly(2), (), 3, "at least 3 values to learn from, but none has"),
    "five points": (weekly(5), (), 3, "needs at least 9 values, .* but the longest has 5"),
    "all missing": (with_cell(slice(None), None), (), 3, "at least 3 values to learn from, but none has"),
    "mostly missing": (with_cell(np.arange(N) % 3 > 0, None), (), 3, "At least half of the moments .* 28 values for 82 moments"),
    "infinite": (with_cell(3, "inf"), (), 3, "Values between -1e100 and 1e100 were needed, but 'sold' is inf in row 4"),
    "1e300": (with_cell(3, "1e300"), (), 3, r"'sold' is 1e\+300 in row 4"),
    "text": (with_cell(3, "many"), (), 3, "'sold' must be numeric, .* row 4, 'many'"),
    "dates": (weekly(until=weekly(begin="2025-01-01")["day"]), ("--target", "until"), 3, "must hold numbers, but 'until' holds dates"),
    "the far future": (with_cell(3, "2999-01-01", "day"), (), 3, "few gaps, .* days far in the future"),
    "two frequencies": (stacked(weekly(), HOURS), (), 3, "equal distances, .* those of 'day' are"),
    "series that were not told apart": (stacked(weekly(), weekly(seed=1)), (), 3, "84 of 168 rows repeat one .*--series"),
    "no moment": (with_cell(slice(None), "", "day"), (), 3, "Rows with a moment and a series were needed, but there are none"),
    "text as moments": (with_cell(slice(None), "soon", "day"), (), 3, "'day' must be dates"),
    "a test in the middle": (weekly(split=["train"] * 30 + ["test"] * 10 + ["train"] * 44), ("--split", "split"), 3, "Split by time"),
    "a val before": (weekly(split=["val"] * 30 + ["train"] * 54), ("--split", "split"), 3, "to judge by must come after"),
    "no split": (weekly(split=["some"] * N), ("--split", "split"), 3, "must say train, val or test"),
    "test only": (weekly(split=["test"] * N), ("--split", "split"), 3, "must leave rows to learn from"),
    "unknown series": (weekly(), ("--series", "shop"), 4, "no column 'shop' to use as series"),
    "unknown moments": (weekly(), ("--time", "hour"), 4, "no column 'hour' to use as time"),
    "unknown target": (weekly(), ("--target", "bought"), 4, "no column 'bought' to use as target"),
    "unknown split": (weekly(), ("--split", "part"), 4, "no column 'part' to use as split"),
    "a column in two roles": (weekly(), ("--target", "day"), 2, "'day' is the target and cannot also be the time"),
    "a target twice": (weekly(), ("--target", "sold", "--target", "sold"), 2, "Columns must be named once, but sold, sold were"),
    "no thread": (weekly(), ("--threads", "0"), 2, "threads must be at least 1, but is 0"),
    "fewer threads than none": (weekly(), ("--threads", "-3"), 2, "threads must be at least 1, but is -3"),
    "to go on with": (weekly(), ("--resume",), 2, "leaves nothing to go on with"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_series_that_cannot_be_forecast_are_refused_in_words(name, tmp_path):
    table, options, code, words = REFUSED[name]
    refused(fit(tmp_path, table, *options), code, words)


def refused(result: Any, code: int, words: str) -> None:
    said = " ".join(result.stderr.split())
    assert (result.exit_code, result.stdout) == (code, "")
    assert re.search(words, said), said
    assert "Traceback" not in said


@pytest.mark.parametrize("horizon", ["0", "-1", "1.5", "soon", "", "10001", "nan"])
def test_a_horizon_that_is_no_number_of_steps_is_refused(horizon, tmp_path):
    refused(fit(tmp_path, weekly(), horizon=horizon), 2, "from 1 to 10,000, but is|is not a valid integer")


def test_a_horizon_longer_than_the_history_is_refused(tmp_path):
    refused(
        fit(tmp_path, weekly(), horizon=100), 3, "To forecast 100 steps ahead a series needs at least 105 values, .* the longest has 84"
    )


def test_a_horizon_that_was_not_said_is_asked_for(tmp_path):
    result = run("fit", write(tmp_path / "sales.csv", weekly()), "--task", "forecast", "--target", "sold", "--no-save")
    refused(result, 2, "Say it with --horizon")


@pytest.mark.parametrize(
    "option",
    [
        ("--model", "mlp"),
        ("--members", "4"),
        ("--group", "day"),
        ("--sample-weight", "sold"),
        ("--class-weight", "balanced"),
        ("--positive", "1"),
        ("--classes", "a"),
        ("--kind", "sold=category"),
        ("--keep", "all"),
        ("--clip", "3"),
        ("--search", "members=3"),
        ("--learning-rate", "0.1"),
    ],
    ids=lambda option: option[0],
)
def test_options_that_do_nothing_for_forecasts_are_refused(option, tmp_path):
    refused(fit(tmp_path, weekly(), *option), 2, "does nothing for forecasts")


@pytest.mark.parametrize("option", [("--series", "day"), ("--horizon", "4")], ids=lambda option: option[0])
def test_options_of_series_are_refused_for_rows(option, tmp_path):
    source = write(tmp_path / "sales.csv", weekly())
    refused(run("fit", source, "--target", "sold", *option, "--no-save"), 2, f"{option[0]} is for forecasts of series")


def test_several_targets_are_refused_for_rows(tmp_path):
    source = write(tmp_path / "sales.csv", weekly())
    result = run("fit", source, "--target", "sold", "--target", "day", "--task", "binary", "--no-save")
    refused(result, 2, "One column may be the target of rows, but several were named: sold, day")


NOTED: dict[str, tuple[dict[str, Any], tuple[object, ...], str]] = {
    "a constant": (weekly() | {"sold": [5.0] * N}, (), "the same value at all moments, so that there is nothing to learn: sold"),
    "a tail of missing values": (with_cell(slice(70, None), None), (), "forecasts begin after the last value, .*: sold by 14"),
    "gaps": (rows_of(weekly(), np.delete(np.arange(N), [30, 31])), (), "2 of 84 moments have no row .*2 missing values were filled"),
    "rows in another order": (rows_of(weekly(), slice(None, None, -1)), (), "rows were put in the order of time"),
    "repeated rows": (stacked(weekly(), weekly(3, seed=1)), (), "3 rows repeat a moment of their series .* the last one counts"),
    "rows without a moment": (with_cell(5, "", "day"), (), "1 row has no moment or no series, and is left out"),
    "a short series": (
        stacked(weekly(shop=["a"] * N), weekly(2, shop=["b"] * 2)),
        ("--series", "shop"),
        "a series has less than 3 values to learn from and cannot be forecast: b",
    ),
    "a short test": (weekly(split=["train"] * 82 + ["test"] * 2), ("--split", "split"), "nothing was judged by the test"),
    "a short val": (weekly(split=["train"] * 82 + ["val"] * 2), ("--split", "split"), "too short in 1 of 1 series, which are judged at"),
    "val of one series": (
        stacked(weekly(shop=["a"] * N, split=["train"] * 60 + ["val"] * 24), weekly(shop=["b"] * N, split=["train"] * N)),
        ("--series", "shop", "--split", "split"),
        "1 of 2 series have nothing to judge by",
    ),
}


@pytest.mark.parametrize("name", NOTED)
def test_what_is_odd_but_can_be_forecast_is_said(name, tmp_path):
    table, options, words = NOTED[name]
    result = fit(tmp_path, table, *options)
    said = " ".join((result.stdout + result.stderr).split())
    assert result.exit_code == 0, said
    assert re.search(words, said), said


def test_the_hour_that_is_there_twice_is_counted_twice_and_said(tmp_path):
    passed = np.datetime64("2022-10-20T22") + np.arange(24 * 20)  # in UTC; clocks were set back at 2022-10-30T01
    shown = passed + np.where(passed < np.datetime64("2022-10-30T01"), 2, 1)
    table = {"day": shown, "sold": np.arange(len(shown)) % 24 + 0.5 * np.sin(np.arange(len(shown)))}
    result = fit(tmp_path, table)
    assert result.exit_code == 0, result.stderr
    assert "clocks were set once, so that hours are counted as they passed" in result.stderr


# Later rows


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """A folder with the runs one (of days), two (the same and a second series) and steps (without moments)."""
    folder = tmp_path_factory.mktemp("runs")
    one = rows_of(LATER, slice(N))
    two = stacked(one | {"shop": ["a"] * N}, one | {"shop": ["b"] * N, "sold": 2 * one["sold"]})
    for name, table, options in (
        ("one", one, ("--time", "day")),
        ("two", two, ("--time", "day", "--series", "shop")),
        ("steps", one, ("--time", "none")),
    ):
        source = write(folder / f"{name}.csv", table)
        result = run("fit", source, "--task", "forecast", "--target", "sold", "--horizon", H, *options, "--save", folder / name)
        assert result.exit_code == 0, result.stderr
    return folder


def later(**columns: Any) -> dict[str, Any]:
    return rows_of(LATER, slice(N, None)) | columns


def new_shop(n: int) -> dict[str, Any]:
    """Rows of a series that was not learned from."""
    return weekly(n, seed=3, begin="2024-03-01", shop=["c"] * n)


LATER_REFUSED: dict[str, tuple[str, dict[str, Any], int, str]] = {
    "hours": (
        "one",
        weekly(24) | {"day": np.datetime64("2024-04-01T00") + np.arange(24)},
        3,
        "Moments must be daily, .* 'day' has 2024-04-0",
    ),
    "weeks": (
        "one",
        weekly(8) | {"day": np.datetime64("2024-04-01") + 7 * np.arange(8)},
        3,
        "must be daily, .* 'day' has some 1 week apart",
    ),
    "earlier rows": ("one", rows_of(LATER, slice(40)), 3, "Rows later than those .* but there are none"),
    "rows before the first": ("one", weekly(20, begin="2020-01-01"), 3, "Rows later than those .* but there are none"),
    "a gap of years": ("one", weekly(20, begin="2999-01-01"), 3, "must follow the last .* steps lie between"),
    "numbers for dates": ("one", later(day=np.arange(36)), 3, "'day' must be times, as those of the fit, but are numbers"),
    "no rows": ("one", rows_of(LATER, slice(0)), 3, "At least one row of data was needed"),
    "another target": ("one", {"day": LATER["day"], "bought": LATER["sold"]}, 4, "no column 'sold' to use as target"),
    "no moments": ("one", {"sold": LATER["sold"]}, 4, "no column 'day' to use as time"),
    "text": ("one", later(sold=["many"] * 36), 3, "'sold' must be numeric"),
    "infinite": ("one", later(sold=np.full(36, np.inf)), 3, "'sold' is inf in row 1"),
    "1e300": ("one", later(sold=np.full(36, 1e300)), 3, r"'sold' is 1e\+300 in row 1"),
    "1e99": ("one", later(sold=np.full(36, 1e99)), 3, r"of the size of those that were learned from, but sold is 1e\+99"),
    "no series": ("two", later(), 4, "no column 'shop' to use as series"),
    "a new series of two rows": ("two", new_shop(2), 3, "at least 3 values to be forecast, but 'c' has 2"),
}


@pytest.mark.parametrize("verb", ["forecast", "score"])
@pytest.mark.parametrize("name", LATER_REFUSED)
def test_later_rows_that_do_not_go_on_are_refused_in_words(name, verb, runs, tmp_path):
    of, table, code, words = LATER_REFUSED[name]
    source = write(tmp_path / "later.csv", table)
    refused(run(verb, runs / of, *(["--after"] if verb == "forecast" else []), source), code, words)


def test_an_empty_file_of_later_rows_is_refused(runs, tmp_path):
    (tmp_path / "later.csv").touch()
    refused(run("forecast", runs / "one", "--after", tmp_path / "later.csv"), 3, r"is empty \(0 bytes\)")
    refused(run("forecast", runs / "one", "--after", tmp_path / "gone.csv"), 4, "no file or bundled example called")


LATER_NOTED: dict[str, tuple[str, dict[str, Any], str]] = {
    "rows that were there": ("one", rows_of(LATER, slice(N - 10, None)), "10 values are not later than the last that was learned from"),
    "a gap": ("one", rows_of(LATER, slice(N + 5, None)), "5 of 36 later values are missing"),
    "missing values": ("one", later(sold=[None] * 36), "a series has no later values"),
    "one series of two": (
        "two",
        later(shop=["a"] * 36),
        "a series has no later values, and forecasts that begin after the last that was learned from: b",
    ),
    "a new series": ("two", new_shop(40), "1 series was not there when it learned, and is forecast by the weights that all share: c"),
    "steps": ("steps", {"sold": LATER["sold"][N:]}, ""),
}


@pytest.mark.parametrize("name", LATER_NOTED)
def test_what_is_odd_about_later_rows_is_said_once(name, runs, tmp_path):
    of, table, words = LATER_NOTED[name]
    result = run("forecast", runs / of, "--after", write(tmp_path / "later.csv", table))
    assert result.exit_code == 0, result.stderr
    said = " ".join((result.stdout + result.stderr).split())
    assert len(re.findall(words, said)) == 1 or not words


def test_forecasts_are_not_judged_by_rows_without_values(runs, tmp_path):
    refused(
        run("score", runs / "one", write(tmp_path / "later.csv", later(sold=[None] * 36))),
        3,
        "as many later values of a series, but there are 0",
    )
    few = write(tmp_path / "few.csv", rows_of(LATER, slice(N, N + 3)))
    refused(run("score", runs / "one", few), 3, "of 4 steps needs as many later values of a series, but there are 3")


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--horizon", "0"), 2, "from 1 to 10,000, but is 0"),
        (("--horizon", "5"), 2, "forecasts 1 to 4 steps ahead, but 5 were asked for"),
        (("--level", "0"), 2, "between 0 and 1, but is 0.0"),
        (("--level", "101"), 2, "takes levels below 100 %"),
        (("--level", "much"), 2, "--level takes levels such as 80,95, but 'much' came"),
        (("--level", ""), 2, "--level takes levels such as 80,95, but '' came"),
        (("--level", "nan"), 2, "between 0 and 1, but is nan"),
        (("--series", "b"), 4, "one series, which has no name, but 'b' was asked for"),
        (("--output", "next.xyz"), 2, "written as .csv"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_asked_of_a_run_is_refused(options, code, words, runs):
    refused(run("forecast", runs / "one", *options), code, words)


def test_a_series_that_is_not_there_is_not_found(runs):
    refused(run("forecast", runs / "two", "--series", "z"), 4, "There is no series 'z'. Known: a, b")


@pytest.mark.parametrize("verb", ["predict", "confusion"])
def test_a_run_of_series_is_not_asked_for_answers_to_rows(verb, runs):
    source = [runs / "one.csv"] if verb == "predict" else []
    refused(run(verb, runs / "one", *source), 2, "is of series: see weights show|A run of series is not asked")
