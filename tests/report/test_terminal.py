"""What a person reads in a terminal: every fact is there, and the layout lines up."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from weights import api
from weights.conformal import Conformal
from weights.data.dataset import Feature
from weights.data.encoding import Encoding, Numeric
from weights.data.image.column import Picture, picture_field
from weights.effects import FeatureWeights
from weights.ensemble import Candidate, Ensemble, Population, Report
from weights.models.linear import Linear
from weights.models.mlp import Mlp
from weights.report import terminal
from weights.spec import Spec, resolve, with_settings
from weights.tasks.base import Task
from weights.tasks.classes import Binary
from weights.tasks.metrics import CLASS_METRICS, REGRESSION_METRICS, Metric
from weights.tasks.number import Number
from weights.training.control import Progress
from weights.training.plan import Plan

NETWORK = resolve(with_settings(Spec(model=Mlp(hidden=(8,))), {"activation": "tanh", "learning_rate": 0.0125, "n_steps": 96}), 100)
SOLVED = resolve(with_settings(Spec(model=Linear()), {"model": "linear", "strength": 0.5}), 100)


def ensemble_of(spec: Spec, *, task: Task | None = None, member_weights=(1.0, 1.0, 1.0), **report) -> Ensemble:
    name = "linear" if spec.solved else "mlp"
    metrics = {"rmse": Metric(1.25, 1.0, 1.5), "r2": Metric(0.75, 0.6, 0.9)}
    constant = {"rmse": Metric(2.5), "r2": Metric(0.0)}
    defaults = {
        "source": "wages.csv",
        "n_samples": 1234,
        "n_features": 1,
        "metrics": metrics,
        "compared": {name: metrics, "constant": constant},
    }
    defaults |= {"seconds": 75.0, "created": "2024-03-01T10:20:30+00:00"}
    params = {"output": {"w": np.ones((3, 1, 1)), "b": np.ones((3, 1))}}
    population = Population(name, spec, params, np.asarray(member_weights), 1.0)
    return Ensemble(
        task=task or Number("wage"),
        encoding=Encoding([Numeric("age", 0.0, 1.0, False)]),
        features=[Feature("age", "numeric"), Feature("code", "identifier", "all different")],
        populations=[population],
        offset=np.zeros(1),
        conformal=Conformal(np.arange(3.0)),
        report=Report(**{**defaults, **report}),
    )


INSPECTED = ensemble_of(
    NETWORK, feature_weights=FeatureWeights([], [], [], [], {}, {}, "R2", "robust", "least squares", False, 1234, 1, [0.0])
)


def stacked_of(*weights: float, **report) -> Ensemble:
    """Solved members and networks that answer together; a weight of zero is left out, as fitting does."""
    metrics = {"rmse": Metric(1.0, 0.8, 1.2), "r2": Metric(0.8, 0.7, 0.9)}
    alone = {name: {"rmse": Metric(value), "r2": Metric(0.5)} for name, value in (("linear", 1.5), ("mlp", 1.25), ("constant", 2.5))}
    populations = [
        replace(ensemble_of(spec).populations[0], stacking_weight=weight)
        for spec, weight in zip((SOLVED, NETWORK), weights, strict=True)
        if weight > 0
    ]
    return replace(ensemble_of(SOLVED, metrics=metrics, compared=alone, **report), populations=populations)


def words(lines: list[str]) -> str:
    """The lines with every run of blanks as one, so that only what is said counts."""
    return "\n".join(" ".join(line.split()) for line in lines)


# Plans and results


def test_a_plan_says_what_will_be_trained_and_what_it_takes():
    plans = [Plan("linear", 32, 0, 500, 31, 0.4, 0.3), Plan("mlp", 32, 1500, 64, 20_000, 75.0, 1.26)]
    assert words(terminal.plan_lines(plans)).splitlines() == [
        "plan linear: 32 members, 31 weights, solved exactly; about 0.4 s, 0.3 GB",
        "mlp: 32 members, 20,000 weights, 1,500 steps of 64 rows each; about 1 min 15 s, 1.3 GB",
    ]


def test_a_plan_says_that_candidates_will_race():
    assert words(terminal.plan_lines([], 6)) == "before that, a race of 6 candidates"


@pytest.mark.parametrize(("saved", "said"), [(Path("runs/wages"), "Saved in runs/wages"), (None, "Saved nowhere, because of --no-save")])
def test_a_result_says_where_it_was_saved(saved, said):
    assert words(terminal.next_lines(saved, INSPECTED)).splitlines()[0] == said


def test_a_result_says_model_members_and_time():
    assert words(terminal.result_lines(ensemble_of(NETWORK))).startswith("Result mlp, 3 members, 1 min 15 s")


def test_a_stacked_ensemble_says_how_many_members_there_are_and_what_part_each_model_has():
    assert words(terminal.result_lines(stacked_of(0.9, 0.3))).startswith("Result stacked, 6 members (linear 75%, mlp 25%), 1 min 15 s")


def test_a_stacked_ensemble_of_no_weights_is_told_as_such():
    ensemble = stacked_of(0.9, 0.3)
    silent = replace(ensemble, populations=[replace(population, stacking_weight=0.0) for population in ensemble.populations])
    assert "6 members (linear 0%, mlp 0%)" in words(terminal.result_lines(silent))


def test_metrics_of_a_stacked_ensemble_stand_beside_those_of_each_model_alone():
    assert words(terminal.metric_lines(stacked_of(0.5, 0.5).report, "stacked", REGRESSION_METRICS)).splitlines()[:2] == [
        "out of bag stacked linear mlp constant",
        "RMSE 1 [0.8 1.2] 1.5 1.25 2.5",
    ]


def test_a_saved_result_says_what_to_do_next():
    said = words(terminal.next_lines(Path("runs/wages"), INSPECTED))
    assert "Next weights summary runs/wages weights diagnose runs/wages weights predict runs/wages NEW.csv" in said


def test_of_a_result_without_inspection_no_summary_comes_next():
    said = words(terminal.next_lines(Path("runs/wages"), ensemble_of(NETWORK)))
    assert "Next weights diagnose runs/wages weights predict runs/wages NEW.csv" in said


@pytest.mark.parametrize(("task", "drawing"), [(Number("wage"), "units"), (Binary("state", classes=["ill", "well"]), "gallery")])
def test_of_pictures_alone_their_own_commands_come_next(task, drawing):
    pictures = replace(ensemble_of(NETWORK, task=task), encoding=Encoding([], blocks=[Picture("scan", 16, 16, 1)]))
    said = words(terminal.next_lines(Path("my run"), pictures))
    assert "Next weights predict 'my run' NEW/ weights explain 'my run' PICTURE --output why.png" in said
    assert said.endswith(f"weights draw 'my run' {drawing} --output {drawing}.png")


def test_of_pictures_beside_columns_the_commands_of_tables_come_next():
    beside = replace(INSPECTED, encoding=Encoding(INSPECTED.encoding.columns, blocks=[Picture("scan", 16, 16, 1)]))
    assert terminal.next_lines(Path("run"), beside) == terminal.next_lines(Path("run"), INSPECTED)


def test_a_result_that_was_not_saved_has_nothing_to_do_next():
    assert "Next" not in words(terminal.next_lines(None, INSPECTED))


def test_what_to_do_next_can_be_pasted_into_a_shell():
    said = words(terminal.next_lines(Path("runs/my wages"), INSPECTED))
    assert "weights diagnose 'runs/my wages'" in said


def test_a_folder_that_looks_like_an_option_is_named_as_a_folder():
    assert "weights diagnose ./-wages " in words(terminal.next_lines(Path("-wages"), INSPECTED))


def test_where_a_result_was_saved_cannot_steer_a_terminal():
    assert [line for line in terminal.next_lines(Path("runs/\x1b[2J\n"), INSPECTED) if not line.isprintable()] == []


def test_a_result_says_what_stacking_gains():
    assert "Why the stacked ensemble is better" in words(
        terminal.result_lines(stacked_of(0.5, 0.5, decision="the stacked ensemble is better"))
    )


def test_a_result_tells_of_members_that_failed():
    lines = terminal.result_lines(ensemble_of(NETWORK, failures={"mlp 2": "its loss was no longer finite at step 7"}))
    assert "Failed 1 member" in words(lines)
    assert "member mlp 2: its loss was no longer finite at step 7" in words(lines)


def test_metrics_stand_beside_those_of_the_other_models():
    assert words(terminal.metric_lines(ensemble_of(NETWORK).report, "mlp", REGRESSION_METRICS)).splitlines()[:3] == [
        "out of bag mlp constant",
        "RMSE 1.25 [1 1.5] 2.5",
        "R2 0.750 [0.600 0.900] 0.000",
    ]


def test_columns_of_metrics_line_up():
    lines = terminal.metric_lines(ensemble_of(NETWORK).report, "mlp", REGRESSION_METRICS)
    assert len({len(line.rstrip()) for line in lines}) == 1


def test_stacking_weights_are_told_in_percent():
    report = Report("x", 1, 1, {"accuracy": Metric(0.875, 0.8, 0.95)})
    assert words(terminal.metric_lines(report, "mlp", CLASS_METRICS)).splitlines()[1] == "accuracy 87.5 % [80.0 95.0]"


def test_a_metric_without_interval_has_none_shown():
    report = Report("x", 1, 1, {"calibration_error": Metric(0.03)})
    assert words(terminal.metric_lines(report, "mlp", CLASS_METRICS)).splitlines()[1] == "calibration error 0.030"


def test_a_search_tells_how_each_candidate_fared():
    ends = [Candidate("learning_rate 0.01", 1.0, 0.25, won=True), Candidate("learning_rate 1", 0.25, None)]
    assert words(terminal.search_lines(ensemble_of(NETWORK, searches={"mlp": ends}).report)).splitlines() == [
        "Search 2 candidates for mlp; loss out of bag, share of the run given",
        "learning_rate 0.01 0.2500 100% chosen",
        "learning_rate 1 failed 25%",
    ]


# A saved run


def test_a_run_says_what_it_answers_and_how_it_was_made():
    task = Binary("state", classes=["ill", "well"])
    said = words(terminal.run_lines(ensemble_of(NETWORK, task=task), Path("runs/wages")))
    assert "wages binary: state (ill, well)" in said
    assert "made 2024-03-01 10:20:30 from wages.csv, 1,234 rows, 1 numeric column" in said


def test_one_of_several_that_answers_alone_gives_the_result_its_name():
    several = stacked_of(1.0, 0.0)
    alone = replace(several, report=msgspec.structs.replace(several.report, metrics=several.report.compared["linear"]))
    assert [terminal.model_name(ensemble) for ensemble in (several, alone)] == ["stacked", "linear"]


def test_a_run_repeats_its_notes():
    lines = terminal.run_lines(ensemble_of(NETWORK, remarks=["first remark", "second remark"]), Path("run"))
    assert "notes first remark\nsecond remark" in words(lines)


def test_a_run_names_members_that_failed():
    lines = terminal.run_lines(ensemble_of(NETWORK, failures={"mlp 0": "why", "mlp 2": "because"}), Path("run"))
    assert "failed member mlp 0: why; member mlp 2: because" in words(lines)


# Tables


def table(n: int = 30) -> dict[str, list]:
    return {"age": [float(i % 7) for i in range(n)], "wage": [1.5 * i for i in range(n)], "code": [f"c{i}" for i in range(n)]}


def test_an_overview_says_rows_columns_and_target():
    prepared = api.plan_fit(table(), "wage")
    said = words(terminal.overview(prepared.dataset, prepared.task, prepared.remarks))
    assert "30 rows, 1 numeric column; wage: mean 21.75, standard deviation 12.98 (regression)" in said


def test_an_overview_counts_columns_apart_from_the_pictures_beside_them():
    pixels = np.random.default_rng(0).integers(0, 256, 30 * 8 * 9, dtype=np.uint8)
    columns = [pa.FixedSizeListArray.from_arrays(pa.array(pixels), 8 * 9), *(pa.array(cells) for cells in table().values())]
    mixed = pa.Table.from_arrays(columns, schema=pa.schema([picture_field(8, 9, 1, "scan"), *pa.table(table()).schema]))
    prepared = api.plan_fit(mixed, "wage")
    said = words(terminal.overview(prepared.dataset, prepared.task, prepared.remarks))
    assert "30 rows, 1 numeric column, pictures of 8 x 9 in grey; wage: mean 21.75" in said
    assert "ignored code (identifier: all different)" in said
    assert "scan" not in said


def test_an_overview_says_what_was_ignored_and_why():
    prepared = api.plan_fit(table(), "wage")
    assert "ignored code (identifier: all different)" in words(terminal.overview(prepared.dataset, prepared.task, prepared.remarks))


def test_an_overview_counts_the_classes_the_largest_first():
    data = {**table(), "wage": ["low"] * 8 + ["high"] * 22}
    prepared = api.plan_fit(data, "wage")
    assert "wage: high 22, low 8" in words(terminal.overview(prepared.dataset, prepared.task, prepared.remarks))


def test_an_overview_lists_four_classes_and_counts_the_rest():
    prepared = api.plan_fit({"age": table(60)["age"], "grade": [f"g{i % 6}" for i in range(60)]}, "grade")
    assert "g0 10, g1 10, g2 10, g3 10, 2 more classes" in words(terminal.overview(prepared.dataset, prepared.task, []))


# Words for numbers


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (12.4, "12 s"),
        (75.0, "1 min 15 s"),
        (3_600.0, "1 h 0 min"),
        (9_000.0, "2 h 30 min"),
        (59.7, "1 min 0 s"),
        (119.7, "2 min 0 s"),
        (3_599.8, "1 h 0 min"),
    ],
)
def test_a_length_of_time_is_told_in_units_people_use(seconds, said):
    assert terminal.duration(seconds) == said


@pytest.mark.parametrize(
    ("values", "line"), [([0, 7], "▁█"), ([7, 0], "█▁"), ([5, 5, 5], "▁▁▁"), ([np.nan, 0, np.inf, 1], "▁█"), ([], ""), ([np.nan], "")]
)
def test_a_curve_is_drawn_from_its_lowest_to_its_highest(values, line):
    assert terminal.sparkline(values) == line


# Progress


class Clock:
    """A clock that goes on when asked."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


def test_away_from_a_terminal_progress_is_a_line_every_ten_seconds(monkeypatch, capsys):
    clock = Clock()
    monkeypatch.setattr(terminal, "time", clock)
    with terminal.progress_bar(quiet=False, color=False) as report:
        for second in range(1, 26):
            clock.now = float(second)
            report(Progress("mlp", second / 25, 0.5))
    assert words(capsys.readouterr().err.splitlines()).splitlines() == [
        "training mlp 40% out-of-bag loss 0.5000",
        "training mlp 80% out-of-bag loss 0.5000",
    ]


@pytest.mark.parametrize("loss", [None, float("nan"), float("inf")])
def test_a_loss_that_is_not_known_is_not_told(monkeypatch, capsys, loss):
    clock = Clock()
    monkeypatch.setattr(terminal, "time", clock)
    with terminal.progress_bar(quiet=False, color=False) as report:
        clock.now = 11.0
        report(Progress("mlp", 0.5, loss))
    assert words(capsys.readouterr().err.splitlines()) == "training mlp 50%"


def test_quiet_progress_says_nothing(monkeypatch, capsys):
    monkeypatch.setattr(terminal, "_PLAIN_EVERY_SECONDS", 0.0)
    with terminal.progress_bar(quiet=True, color=False) as report:
        report(Progress("mlp", 0.5, 0.5))
    assert capsys.readouterr() == ("", "")


def test_progress_never_goes_to_standard_output(monkeypatch, capsys):
    monkeypatch.setattr(terminal, "_PLAIN_EVERY_SECONDS", 0.0)
    with terminal.progress_bar(quiet=False, color=False) as report:
        report(Progress("mlp", 0.5, 0.5))
    assert capsys.readouterr().out == ""


def test_on_a_terminal_progress_is_a_bar_with_the_loss(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "160")
    with terminal.progress_bar(quiet=False, color=False) as report:
        report(Progress("mlp", 0.25, 0.5))
        report(Progress("mlp", 1.0, 0.125))
    said = capsys.readouterr().err
    assert "100 %" in said
    assert "out-of-bag loss 0.1250" in said


def test_stages_share_one_bar_that_ends_when_all_are_done(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "160")
    with terminal.progress_bar(quiet=False, color=False, stages={"linear": 1.0, "mlp": 6.0, "feature weights": 3.0}) as report:
        report(Progress("linear", 1.0, None))
        report(Progress("mlp", 0.01, 0.5))
        report(Progress("feature weights", 0.5, None))
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "100 %" in said


def test_a_bar_never_goes_back_and_what_is_quick_or_transient_leaves_no_line(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "160")
    with terminal.progress_bar(quiet=False, color=False):
        pass
    assert capsys.readouterr().err == ""
    with terminal.progress_bar(quiet=False, color=False, transient=True) as report:
        report(Progress("reading files", 1.0, None))
    assert capsys.readouterr().err.endswith("\x1b[2K")
    with terminal.progress_bar(quiet=False, color=False, stages={"a": 1.0, "b": 1.0}) as report:
        report(Progress("b", 0.5, None))
        report(Progress("a", 0.1, None))
    said = capsys.readouterr().err
    assert "done" in said
    assert "100 %" in said


def test_shares_are_those_of_all_stages_also_of_some_that_go_on_side_by_side(monkeypatch, capsys):
    monkeypatch.setattr(terminal, "_PLAIN_EVERY_SECONDS", 0.0)
    with terminal.progress_bar(quiet=False, color=False, stages={"linear": 1.0, "mlp": 6.0, "feature weights": 3.0}) as report:
        for name, share in (("search", 0.5), ("mlp", 0.25), ("linear", 1.0), ("mlp", 1.0), ("feature weights", 1.0)):
            report(Progress(name, share, None))
    assert words(capsys.readouterr().err.splitlines()).splitlines() == [
        "training search 50%",
        "training mlp 15%",
        "training linear 25%",
        "training mlp 70%",
        "training feature weights 100%",
    ]


def test_the_name_of_the_model_is_that_of_its_settings():
    assert terminal.model_name(ensemble_of(NETWORK)) == "mlp"
    assert terminal.model_name(ensemble_of(SOLVED)) == "linear"


@pytest.mark.parametrize("weights", [(0.5, 0.5), (1.0, 0.0)], ids=["both", "one left"])
def test_several_models_that_were_trained_are_stacked(weights):
    assert terminal.model_name(stacked_of(*weights)) == "stacked"
