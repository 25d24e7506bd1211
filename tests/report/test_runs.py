"""Saved runs as lines."""

from weights.report.runs import run_lines
from weights.store.listing import SavedRun
from weights.tasks.proportions import Metric


def test_each_run_is_a_line_and_a_damaged_one_says_why():
    good = SavedRun("runs/a", "a.csv", "y", "binary", ["linear"], 1234, "accuracy", Metric(0.5, 0.4, 0.6), "2026-11-28T10:20:30+00:00")
    lines = run_lines([good, SavedRun("runs/b", damaged="'runs/b' is cut off.")], "runs")
    assert lines[1].split() == ["runs/a", "a.csv", "y", "1,234", "linear", "accuracy", "50.0", "%", "[40.0", "60.0]", "2026-11-28", "10:20"]
    assert lines[2].split()[:4] == ["runs/b", "cannot", "be", "read"]
    assert lines[3] == "  runs/b: 'runs/b' is cut off."


def test_how_a_run_was_judged_is_said():
    rows = SavedRun("runs/a", "a.csv", "y", "binary", ["linear"], 1234, "accuracy", Metric(0.5, 0.4, 0.6), "2026-11-28T10:20:30+00:00")
    series = SavedRun("runs/b", "b.csv", "y", "forecast", ["lags"], 99, "mase", Metric(0.8), judged="at rolling origins")
    assert "out of bag" in run_lines([rows], "runs")[0]
    assert "at rolling origins" in run_lines([series], "runs")[0]
    head, first, second = run_lines([rows, series], "runs")
    assert "judged" in head
    assert "accuracy 50.0 % out of bag" in first
    assert "0.8 at rolling origins" in second


def test_no_runs_are_said_to_be_none():
    assert run_lines([], "runs")[0].startswith("There are no saved runs in runs.")
