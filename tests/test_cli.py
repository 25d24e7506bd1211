"""The command line, as people and scripts meet it: data on standard output, words on standard error, exit codes that mean something."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import select
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import get_args, get_type_hints

import click
import numpy as np
import openpyxl
import pyarrow as pa
import pytest
from click.testing import CliRunner
from pyarrow import csv as arrow_csv
from pyarrow import parquet
from safetensors.numpy import load_file

import weights
from weights import answering, api, cli
from weights.data.examples import EXAMPLES
from weights.elements.activation import ACTIVATIONS
from weights.elements.initialization import SCHEMES
from weights.elements.optimization import OPTIMIZERS, SCHEDULES
from weights.elements.regularization import PENALTIES
from weights.errors import Interrupted
from weights.models.mlp import Mlp
from weights.models.registry import ARCHITECTURES
from weights.spec import Members
from weights.tasks.registry import list_tasks

PROGRAM = str(Path(sys.executable).parent / "weights")
FOUR = ("--members", "4")
QUICK = (*FOUR, "--model", "linear")
KEYS = {"task", "model", "n_members", "n_samples", "n_features", "metrics", "seconds"}


def run(*args: object, **options):
    """A command run in this process."""
    return CliRunner().invoke(cli.cli, [str(arg) for arg in args], prog_name="weights", **options)


def well(*args: object):
    """A command that must succeed."""
    result = run(*args)
    assert result.exit_code == 0, result.stderr
    return result


def printed(*args: object):
    """What a command prints with --json."""
    return json.loads(well(*args, "--json").stdout)


def start(*args: object, **options) -> subprocess.CompletedProcess:
    """A command run as users run it."""
    return subprocess.run([PROGRAM, *map(str, args)], capture_output=True, text=True, timeout=120, check=False, **options)


@pytest.fixture(scope="session")
def tables(tmp_path_factory) -> Path:
    """A folder with people.csv, which holds a label that a spreadsheet would run, and wages.csv."""
    folder, random = tmp_path_factory.mktemp("tables"), np.random.default_rng(0)
    age, height = random.normal(40, 10, 120), random.normal(170, 8, 120)
    label = np.where(age + random.normal(0, 4, 120) > 40, "=1+1", "well")
    wage = 0.5 * age + random.normal(size=120)
    arrow_csv.write_csv(pa.table({"age": age, "height": height, "state": label}), folder / "people.csv")
    arrow_csv.write_csv(pa.table({"age": age, "height": height, "wage": wage}), folder / "wages.csv")
    return folder


@pytest.fixture(scope="session")
def runs(tables, tmp_path_factory) -> Path:
    """A folder with the saved runs people and wages."""
    folder = tmp_path_factory.mktemp("runs")
    for name, target in (("people", "state"), ("wages", "wage")):
        api.fit(tables / f"{name}.csv", target=target, members=4, model="linear", save=folder / name)
    return folder


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """Commands write to a folder of their own."""
    monkeypatch.chdir(tmp_path)


# Help


def test_help_imports_neither_jax_nor_sklearn():
    program = (
        "import os, sys; sys.argv = ['weights', '--help']; os._exit = sys.exit\n"
        "from weights.cli import main\n"
        "try: main()\n"
        "except SystemExit: print({'jax', 'sklearn', 'optax', 'scipy', 'pyarrow'} & set(sys.modules), file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert result.stderr == "set()\n"


def test_every_command_has_a_line_of_help():
    result = well("--help")
    assert all(re.search(rf"^  {name} +[A-Z]", result.stdout, flags=re.M) for name in cli.cli.commands)


@pytest.mark.parametrize("name", sorted(cli.cli.commands))
def test_a_command_explains_itself(name):
    result = well(name, "-h")
    assert result.stdout.startswith(f"Usage: weights {name} ")


def test_the_version_is_told():
    assert well("--version").stdout == f"weights, version {weights.__version__}\n"


def test_python_can_run_the_package():
    result = subprocess.run([sys.executable, "-m", "weights", "--version"], capture_output=True, text=True, timeout=60, check=True)
    assert result.stdout == f"weights, version {weights.__version__}\n"


def listed_in_help(option: str) -> set[str]:
    """Names that the help of an option of `fit` lists, up to its first full stop or colon or semicolon."""
    [found] = [parameter for parameter in cli.cli.commands["fit"].params if f"--{option}" in parameter.opts]
    words = re.split(r"[.:;(]", found.help or "")[0]
    return set(re.findall(r"[a-z_0-9]+", words)) - {"or"}


@pytest.mark.parametrize(
    ("option", "names"),
    [
        ("initialization", SCHEMES),
        ("activation", ACTIVATIONS),
        ("penalty", PENALTIES),
        ("optimization", OPTIMIZERS),
        ("schedule", SCHEDULES),
        ("resampling", get_args(get_type_hints(Members)["resampling"])),
        ("embedding", get_args(get_args(get_type_hints(Mlp)["embedding"])[0])),
        ("task", list_tasks()),
    ],
)
def test_the_names_listed_in_help_are_the_choices(option, names):
    assert listed_in_help(option) == set(names)


def test_the_models_listed_in_help_are_the_choices():
    [found] = [parameter for parameter in cli.cli.commands["fit"].params if "--model" in parameter.opts]
    assert {name for name in re.findall(r"[a-z]+", found.help) if name in {"auto", *ARCHITECTURES}} == {"auto", *ARCHITECTURES}


def test_every_option_is_documented():
    silent = [
        f"{name} {p.opts[0]}"
        for name, command in cli.cli.commands.items()
        for p in command.params
        if isinstance(p, click.Option) and not p.help
    ]
    assert silent == []


# Fit


def test_fit_prints_one_object_with_the_keys_scripts_rely_on(tables):
    shown = printed("fit", tables / "wages.csv", "-t", "wage", *QUICK)
    assert set(shown) >= KEYS
    assert (shown["task"], shown["model"], shown["n_members"], shown["n_samples"], shown["n_features"]) == (
        "regression",
        "linear",
        4,
        120,
        2,
    )


def test_fit_prints_metrics_as_numbers(tables):
    metrics = printed("fit", tables / "wages.csv", "-t", "wage", *QUICK)["metrics"]
    assert {name: type(value) for name, value in metrics.items()} == {"rmse": float, "r2": float, "mae": float}


def test_fit_prints_results_on_standard_output_and_the_plan_on_standard_error(tables):
    result = well("fit", tables / "wages.csv", "-t", "wage", *QUICK)
    assert result.stdout.startswith("Result        linear, 4 members, ")
    assert "\nplan          linear: 4 members, 5 weights, solved exactly; about " in result.stderr


def test_a_quiet_fit_prints_results_only(tables):
    assert well("fit", tables / "wages.csv", "-t", "wage", *QUICK, "--quiet").stderr == ""


@pytest.fixture(scope="session")
def several(tables, tmp_path_factory) -> dict[str, tuple]:
    """The wages in one of two sheets of a workbook, and in one of two tables of a database: what names them, by kind."""
    folder, rows = tmp_path_factory.mktemp("several"), arrow_csv.read_csv(tables / "wages.csv")
    book = openpyxl.Workbook()
    book.active.append(["other"])
    sheet = book.create_sheet("wages")
    with sqlite3.connect(folder / "firm.sqlite") as connection:
        connection.execute("create table wages (age, height, wage)")
        connection.execute("create table other (x)")
        sheet.append(rows.column_names)
        for row in rows.to_pylist():
            sheet.append([*row.values()])
            connection.execute("insert into wages values (?, ?, ?)", [*row.values()])
    book.save(folder / "firm.xlsx")
    return {
        "sheet": (folder / "firm.xlsx", "--sheet", "wages"),
        "query": (folder / "firm.sqlite", "--query", "select * from wages where age > 0"),
    }


@pytest.mark.parametrize("kind", ["sheet", "query"])
def test_a_sheet_and_a_query_are_fitted_answered_scored_and_read_again(tables, several, kind):
    shown = printed("fit", *several[kind], "-t", "wage", *QUICK, "--quiet")
    assert shown["metrics"] == printed("fit", tables / "wages.csv", "-t", "wage", *QUICK, "--quiet")["metrics"]
    assert shown["saved"] == "runs/firm"
    answers = [well("predict", "runs/firm", *rows).stdout for rows in (several[kind], [tables / "wages.csv"])]
    assert answers[0] == answers[1]
    assert "this is what the run learned from" in well("score", "runs/firm", *several[kind]).stderr
    assert (
        well("explain", "runs/firm", *several[kind], "--top", "1").stdout
        == well("explain", "runs/firm", tables / "wages.csv", "--top", "1").stdout
    )
    assert printed("data", *several[kind])["n_samples"] == 120
    assert "the first 5 of training" in well("explain", "runs/firm").stderr
    moved = several[kind][0].with_stem("moved")
    moved.write_bytes(several[kind][0].read_bytes())
    assert well("draw", "runs/firm", "effect", "--feature", "age", "--data", moved, "--output", "e.svg").exit_code == 0


def test_of_several_tables_one_must_be_named(several):
    for (source, flag, _), there in zip(several.values(), ("'Sheet', 'wages'", "'wages', 'other'"), strict=True):
        result = run("data", source)
        assert (result.exit_code, there in result.stderr, flag in result.stderr) == (2, True, True)
    both = run("data", several["sheet"][0], "--sheet", "wages", "--query", "select 1")
    assert (both.exit_code, "Leave one out" in both.stderr) == (2, True)


def test_fit_saves_under_the_name_of_the_source(tables):
    assert printed("fit", tables / "wages.csv", "-t", "wage", *QUICK)["saved"] == "runs/wages"
    assert api.load("runs/wages").metrics.keys() == {"rmse", "r2", "mae"}


def test_a_second_fit_does_not_touch_the_first(tables):
    for expected in ("runs/wages", "runs/wages-2"):
        assert printed("fit", tables / "wages.csv", "-t", "wage", *QUICK)["saved"] == expected


def test_a_table_called_data_is_saved_under_the_name_of_its_folder(tables, tmp_path):
    (tmp_path / "income").mkdir()
    (tmp_path / "income" / "data.csv").write_bytes((tables / "wages.csv").read_bytes())
    assert printed("fit", "income/data.csv", "-t", "wage", *QUICK)["saved"] == "runs/income"


def test_fit_saves_where_it_is_told(tables, tmp_path):
    well("fit", tables / "wages.csv", "-t", "wage", *QUICK, "--save", "here/it")
    assert (tmp_path / "here" / "it" / "config.json").is_file()


def test_fit_saves_nothing_if_told_so(tables, tmp_path):
    assert printed("fit", tables / "wages.csv", "-t", "wage", *QUICK, "--no-save")["saved"] is None
    assert [*tmp_path.iterdir()] == []


def test_a_dry_run_prints_the_plan_and_saves_nothing(tables, tmp_path):
    result = well("fit", tables / "wages.csv", "-t", "wage", "--members", "4", "--dry-run")
    assert [line.split(":")[0].split()[-1] for line in result.stdout.splitlines()] == ["linear", "mlp", "mlp-loose", "weights"]
    assert [*tmp_path.iterdir()] == []


def test_a_dry_run_prints_an_object(tables):
    shown = printed("fit", tables / "wages.csv", "-t", "wage", "--members", "4", "--dry-run")
    assert [plan["model"] for plan in shown["plans"]] == ["linear", "mlp", "mlp-loose"]


def spec_of(tables: Path, *options: str) -> dict:
    return printed("fit", tables / "people.csv", "-t", "state", "--dry-run", "--model", "mlp", *options)["spec"]["mlp"]


@pytest.mark.parametrize(
    ("options", "section", "field", "value"),
    [
        (("--hidden", "16,8"), "model", "hidden", [16, 8]),
        (("--embedding", "piecewise"), "model", "embedding", "piecewise"),
        (("--embedding", "none"), "model", "embedding", "none"),
        (("--initialization", "orthogonal"), "initialization", "name", "orthogonal"),
        (("--activation", "tanh"), "activation", "name", "tanh"),
        (("--penalty", "l1"), "regularization", "penalty", "l1"),
        (("--penalty", "none"), "regularization", "penalty", "none"),
        (("--strength", "0.5"), "regularization", "strength", 0.5),
        (("--dropout", "0.25"), "regularization", "dropout", 0.25),
        (("--optimization", "lion"), "optimization", "name", "lion"),
        (("--learning-rate", "0.02"), "optimization", "learning_rate", 0.02),
        (("--schedule", "constant"), "optimization", "schedule", "constant"),
        (("--weight-decay", "0.3"), "optimization", "weight_decay", 0.3),
        (("--batch-size", "20"), "optimization", "batch_size", 20),
        (("--steps", "70"), "optimization", "n_steps", 70),
        (("--clip-norm", "none"), "updates", "clip_norm", None),
        (("--resampling", "bootstrap"), "members", "resampling", "bootstrap"),
        (("--members", "5"), "members", "n_members", 5),
        (("--seed", "9"), "members", "seed", 9),
        (("--set", "optimization.beta1=0.8"), "optimization", "beta1", 0.8),
        (("--set", "n-folds=3"), "members", "n_folds", 3),
    ],
    ids=lambda value: value[0] + value[-1] if isinstance(value, tuple) else None,
)
def test_an_option_sets_what_it_names(tables, options, section, field, value):
    assert spec_of(tables, *options)[section][field] == value


def test_a_search_races_the_values_given(tables):
    shown = printed("fit", tables / "people.csv", "-t", "state", *QUICK, "--search", "strength=0.001,0.1", "--no-save")
    assert {candidate["label"] for candidate in shown["searches"]["linear"]} == {"strength 0.001", "strength 0.1"}


def test_values_of_a_search_that_hold_commas_are_separated_by_semicolons(tables):
    shown = well("fit", tables / "people.csv", "-t", "state", "--model", "mlp", "--search", "hidden=8,8;16", "--dry-run").stdout
    assert "a race of 2 candidates" in shown


def test_class_weights_are_given_by_label(tables):
    shares = [
        printed("fit", tables / "people.csv", "-t", "state", *QUICK, "--no-save", "--class-weight", weight)["metrics"]["log_loss"]
        for weight in ("well=1", "well=50")
    ]
    assert shares[0] < shares[1]


@pytest.mark.parametrize("word", ["none", "8"])
def test_the_clip_is_a_number_or_none(tables, word):
    assert run("fit", tables / "people.csv", "-t", "state", "--clip", word, "--dry-run").exit_code == 0


def test_rows_can_be_grouped(tables):
    assert printed("fit", tables / "people.csv", "-t", "state", *QUICK, "--group", "height", "--no-save")["n_features"] == 1


# Predict


def answers(path: Path) -> list[dict]:
    return {".csv": arrow_csv.read_csv, ".parquet": parquet.read_table}[path.suffix](path).to_pylist()


def test_answers_go_to_standard_output_as_csv(tables, runs):
    result = well("predict", runs / "wages", tables / "people.csv")
    lines = [*csv.DictReader(io.StringIO(result.stdout))]
    assert (len(lines), [*lines[0]]) == (120, ["prediction", "low 90%", "high 90%"])
    assert result.stderr == ""


def test_answers_are_those_of_the_model(tables, runs):
    result = well("predict", runs / "wages", tables / "wages.csv")
    found = [float(line["prediction"]) for line in csv.DictReader(io.StringIO(result.stdout))]
    np.testing.assert_allclose(found, api.load(runs / "wages").predict(tables / "wages.csv"), rtol=1e-12)


@pytest.mark.parametrize("name", ["out.csv", "out.parquet", "deep/er/out.csv"])
def test_answers_go_to_a_file_of_the_format_named(tables, runs, tmp_path, name):
    result = well("predict", runs / "wages", tables / "people.csv", "--output", name)
    assert len(answers(tmp_path / name)) == 120
    assert (result.stdout, result.stderr) == ("", f"120 predictions in {name}\n")


def test_answers_go_to_json_lines(tables, runs, tmp_path):
    well("predict", runs / "wages", tables / "wages.csv", "-o", "out.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert (len(lines), {*lines[0]}) == (120, {"prediction", "low 90%", "high 90%"})


def test_answers_are_printed_as_one_object(tables, runs):
    shown = printed("predict", runs / "people", tables / "people.csv")
    assert (shown["n_samples"], len(shown["predictions"])) == (120, 120)
    assert {*shown["predictions"][0]} == {"prediction", "probability =1+1", "probability well"}


def test_the_level_of_intervals_can_be_chosen(tables, runs):
    lines = csv.reader(io.StringIO(well("predict", runs / "wages", tables / "wages.csv", "--level", "0.5").stdout))
    assert next(lines) == ["prediction", "low 50%", "high 50%"]


def test_sets_of_classes_come_as_columns_that_name_level_and_class(tables, runs):
    given = ("predict", runs / "people", tables / "people.csv", "--sets", "0.95")
    columns = ["set 95% =1+1", "set 95% well"]
    together, by_class = (printed(*given, *more)["predictions"] for more in ((), ("--by", "class")))
    expected = api.load(runs / "people").prediction_sets(tables / "people.csv", level=0.95, by_class=True)
    assert [[answer[name] for name in columns] for answer in by_class] == expected.tolist()
    assert [*together[0]] == ["prediction", "probability =1+1", "probability well", *columns]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("--by", "class"), "--by says among which rows sets hold their level, but no sets were asked for. Add --sets, such as 0.9."),
        (("--sets", "0.9", "--by", "row"), "Sets hold their level by class or over all rows together, but by is 'row'."),
        (("--sets", "90"), "The level must be between 0 and 1, but is 90.0."),
    ],
)
def test_sets_that_cannot_be_made_are_refused(tables, runs, given, words):
    result = run("predict", runs / "people", tables / "people.csv", *given)
    assert (result.exit_code, words in result.stderr) == (2, True)


def test_numbers_have_no_sets(tables, runs):
    result = run("predict", runs / "wages", tables / "wages.csv", "--sets", "0.9")
    assert "Prediction sets need classes, but 'wage' is a number. Its answers come with an interval instead." in result.stderr


def test_a_level_that_few_rows_cannot_hold_leaves_the_predictions_finite(tables, runs):
    shown = printed("predict", runs / "wages", tables / "wages.csv", "--level", "0.999")
    assert all(isinstance(answer["prediction"], float) for answer in shown["predictions"])


def test_a_label_that_a_spreadsheet_would_run_is_made_harmless_in_csv(tables, runs):
    result = well("predict", runs / "people", tables / "people.csv")
    assert {line["prediction"] for line in csv.DictReader(io.StringIO(result.stdout))} == {"'=1+1", "well"}


def test_no_cell_of_csv_begins_like_a_formula(tables, runs):
    result = well("predict", runs / "people", tables / "people.csv")
    assert [cell for line in csv.reader(io.StringIO(result.stdout)) for cell in line if cell.startswith(("=", "+", "@"))] == []


def test_labels_stay_what_they_are_in_parquet(tables, runs, tmp_path):
    well("predict", runs / "people", tables / "people.csv", "-o", "out.parquet")
    assert {answer["prediction"] for answer in answers(tmp_path / "out.parquet")} == {"=1+1", "well"}


def test_an_output_of_another_format_is_refused(tables, runs):
    result = run("predict", runs / "wages", tables / "wages.csv", "-o", "out.xlsx")
    assert result.exit_code == 2
    assert "Answers are written as .csv, .parquet, .jsonl, but 'out.xlsx' ends in '.xlsx'. Rename the output." in result.stderr


# Show, data, doctor, completion


def test_show_tells_of_all_five_elements(runs):
    shown = well("show", runs / "wages").stdout
    elements = ("initialization", "activation", "regularization", "optimization", "updates")
    assert all(re.search(rf"^  {element} ", shown, flags=re.M) for element in elements)


def test_show_prints_the_same_object_as_fit_and_its_health(tables):
    fitted = printed("fit", tables / "wages.csv", "-t", "wage", *QUICK, "--save", "run")
    shown = printed("show", "run")
    assert {*shown.pop("health")} == {"findings", "layers", "bands"}
    assert shown == fitted


def test_data_lists_the_bundled_examples():
    assert [line.split()[0] for line in well("data").stdout.splitlines()] == [*EXAMPLES]


def test_data_lists_the_bundled_examples_as_objects():
    assert [(example["name"], example["target"]) for example in printed("data")] == [(name, e.target) for name, e in EXAMPLES.items()]


def test_data_tells_the_kind_of_each_column(tables):
    lines = well("data", tables / "people.csv").stdout.splitlines()
    assert [line.split()[:2] for line in lines[-3:]] == [["age", "numeric"], ["height", "numeric"], ["state", "category"]]


def test_data_tells_the_task_of_a_target(tables):
    shown = printed("data", tables / "people.csv", "--target", "state")
    assert (shown["task"], [feature["name"] for feature in shown["features"]]) == ("binary", ["age", "height"])


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_is_printed(shell):
    assert "_WEIGHTS_COMPLETE" in well("completion", shell).stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_is_printed_as_an_object(shell):
    assert printed("completion", shell)["shell"] == shell


def test_commands_are_completed():
    result = start(env={**os.environ, "_WEIGHTS_COMPLETE": "bash_complete", "COMP_WORDS": "weights compl", "COMP_CWORD": "1"})
    assert result.stdout.split() == ["plain,completion"]


# Summary, explain, check-intervals


FIELDS = {"feature", "effect", "std_err", "z", "p_value", "low", "high", "importance", "importance_low", "importance_high"}
FIELDS |= {"selected", "sign_agreement", "scale", "note"}


@pytest.fixture(scope="session")
def towns(tables, tmp_path_factory) -> Path:
    """A run on towns.csv, which has a category of three levels; members enough for intervals of contributions."""
    random, towns = np.random.default_rng(1), np.array(["Lima", "Oslo", "Rome"])
    age, town = random.normal(40, 10, 150), towns[random.integers(3, size=150)]
    wage = 0.5 * age + 5.0 * (town == "Rome") + random.normal(size=150)
    arrow_csv.write_csv(pa.table({"age": age, "town": town, "wage": wage}), tables / "towns.csv")
    folder = tmp_path_factory.mktemp("towns") / "run"
    api.fit(tables / "towns.csv", target="wage", members=8, model="linear", save=folder)
    return folder


def test_fit_prints_the_short_table_of_features(tables):
    said = well("fit", tables / "wages.csv", "-t", "wage", *QUICK).stdout
    head = re.search(r"^Weights +change of wage per standard deviation of the feature\n(.*)\n", said, flags=re.M)
    assert head[1].split() == ["feature", "effect", "std", "err", "z", "P>|z|", "[0.025", "0.975]", "importance", "selected"]


def test_fit_prints_the_ten_most_important_features_and_counts_the_rest(tmp_path):
    x = np.random.default_rng(0).normal(size=(100, 12))
    arrow_csv.write_csv(pa.table({**{f"x{j}": x[:, j] for j in range(12)}, "y": x.sum(1)}), tmp_path / "many.csv")
    said = well("fit", "many.csv", "-t", "y", *QUICK).stdout
    assert len(re.findall(r"^  x\d+ +[+-]", said, flags=re.M)) == 10
    assert "\n  (2 more; 0 of their effects not distinguishable from zero)\n" in said


def test_fit_without_inspection_prints_no_table_of_features(tables):
    assert "Weights " not in well("fit", tables / "wages.csv", "-t", "wage", *QUICK, "--no-inspect").stdout


def test_fit_names_the_command_that_says_more(tables):
    assert "weights summary runs/wages " in well("fit", tables / "wages.csv", "-t", "wage", *QUICK).stdout


def test_a_summary_is_the_table_of_the_model(runs):
    assert well("summary", runs / "wages").stdout == f"{api.load(runs / 'wages').summary()}\n"


def test_a_summary_goes_to_standard_output_alone(runs):
    assert well("summary", runs / "wages").stderr == ""


def test_a_summary_as_json_has_the_fields_scripts_rely_on(runs):
    rows = printed("summary", runs / "wages")
    assert [row["feature"] for row in rows] == ["age", "height", "(intercept)"]
    assert all(set(row) >= FIELDS for row in rows)


def test_a_summary_as_json_has_numbers_for_what_is_known(runs):
    [age, *_] = printed("summary", runs / "wages")
    assert {name for name in FIELDS if not isinstance(age[name], float)} == {"feature", "scale", "note"}


def test_a_summary_as_json_is_what_the_model_says(runs):
    assert printed("summary", runs / "people", "--scale", "link", "--adjust", "holm") == api.load(runs / "people").feature_weights(
        scale="link", adjust="holm", intercept=True
    )


def test_a_summary_finds_the_slope_that_was_planted(runs):
    # Wages are half the age; an interval at 95 %, which holds the truth for the seed of this table.
    [age, *_] = printed("summary", runs / "wages")
    assert age["low"] <= 0.5 <= age["high"]


def test_a_summary_shows_levels_if_asked(towns):
    # Two levels beside the most frequent one, after the category itself.
    found = [(row["feature"], row["level"] != "") for row in printed("summary", towns, "--levels")]
    assert found == [("age", False), ("town", False), ("town", True), ("town", True), ("(intercept)", False)]


def test_levels_stand_below_their_category(towns):
    lines = well("summary", towns, "--levels").stdout.splitlines()
    place = next(i for i, line in enumerate(lines) if line.startswith("  town "))
    assert all(re.match(r"    \w+ \(beside \w+\) +[+-]", line) for line in lines[place + 1 : place + 3])


def test_a_summary_does_not_show_levels_otherwise(towns):
    assert [row["feature"] for row in printed("summary", towns)] == ["age", "town", "(intercept)"]


def test_a_summary_on_the_link_scale_is_of_log_odds(runs):
    assert well("summary", runs / "people", "--scale", "link").stdout.startswith("Weights       change of log odds of (well) per unit")
    assert {row["scale"] for row in printed("summary", runs / "people", "--scale", "link")} == {"link"}


def test_a_summary_of_the_most_important_counts_the_rest(runs):
    said = well("summary", runs / "wages", "--top", "1").stdout
    assert "\n  (1 more; 1 of their effects not distinguishable from zero)\n" in said


def test_a_summary_can_be_sorted(runs):
    lines = well("summary", runs / "people", "--sort", "table").stdout.splitlines()
    assert [line.split()[0] for line in lines[2:4]] == ["age", "height"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--scale", "logit"), "scale must be one of target, link, odds, but is 'logit'. Known: target, link, odds."),
        (("--per", "units"), "per must be one of unit, sd, but is 'units'. Did you mean 'unit'?"),
        (("--errors", "robusto"), "errors must be one of robust, classical, cluster, hac, but is 'robusto'. Did you mean 'robust'?"),
        (("--errors", "hac"), "This run has no hac standard errors, only classical, robust. Fit with --time to have them."),
        (("--level", "95"), "The level must be between 0 and 1, but is 95.0. Use 0.95 for intervals that hold 19 times in 20."),
        (("--adjust", "bonferroni"), "adjust must be one of none, holm, bh, but is 'bonferroni'. Known: none, holm, bh."),
        (("--sort", "name"), "sort must be one of table, importance, p, but is 'name'. Known: table, importance, p."),
        (("--top", "0"), "top must be at least 1, but is 0. Leave it out to see all features."),
    ],
    ids=lambda value: "".join(value) if isinstance(value, tuple) else None,
)
def test_a_summary_that_cannot_be_is_refused_in_one_line(runs, options, said):
    assert refused("summary", runs / "wages", *options) == (2, f"weights: {said}\n")


def test_a_fit_without_inspection_says_what_to_do_for_a_summary(tables):
    well("fit", tables / "wages.csv", "-t", "wage", *QUICK, "--no-inspect", "--save", "bare")
    assert refused("summary", "bare") == (
        2,
        "weights: Feature weights were not estimated in this fit. Fit again with inspection (without --no-inspect).\n",
    )


# Score


def test_rows_with_their_target_are_scored_as_text_and_json(tables, runs):
    text = well("score", runs / "people", tables / "people.csv", "--by", "age")
    assert text.stdout.startswith("Scored        120 rows of 120 with a known 'state'\n")
    assert [line.split()[0] for line in text.stdout.splitlines() if not line.startswith(" ")] == [
        *("Scored", "Verdict", "Means", "Coverage", "Calibration", "Finding", "By", "Drift")
    ]
    assert text.stderr == "notes         this is what the run learned from: score rows that it never saw\n"
    record = printed("score", runs / "people", tables / "people.csv", "--by", "age", "--sensitivity", 0.8, "--class", "well")
    assert (record["n_scored"], record["label"], record["operating"]["asked"], len(record["levels"])) == (120, "well", 0.8, 4)
    assert {"here", "out_of_bag", "difference", "name"} == {*record["metrics"][0]}


def test_numbers_are_scored_without_what_is_of_classes(tables, runs):
    lines = well("score", runs / "wages", tables / "wages.csv").stdout.splitlines()
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == ["Scored", "Verdict", "Means", "Coverage", "Drift"]
    refused = run("score", runs / "wages", tables / "wages.csv", "--class", "high")
    assert (refused.exit_code, "'wage' has no classes" in refused.stderr) == (2, True)


def test_rows_that_cannot_be_scored_are_refused_in_a_sentence(tables, runs):
    without = "the rows must hold what came, in the column 'state'"
    for path, words, code in ((tables / "wages.csv", without, 3), ("gone.csv", "gone.csv", 4)):
        result = run("score", runs / "people", path)
        assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (code, "", 1)
        assert words in result.stderr


def test_predicting_rows_that_hold_the_target_names_the_command_that_scores_them(tables, runs):
    note = "notes         the rows hold 'wage', which is not looked at: weights score says how good answers to them are\n"
    assert well("predict", runs / "wages", tables / "wages.csv").stderr == note
    assert well("predict", runs / "wages", tables / "people.csv").stderr == ""


@pytest.mark.parametrize(("name", "column"), [("wages", "prediction"), ("people", "probability well")])
def test_contributions_add_up_to_the_prediction(tables, runs, name, column):
    label = ("--class", "well") if name == "people" else ()
    found = printed("explain", runs / name, tables / f"{name}.csv", *label)
    predicted = answering.predictions(api.load(runs / name), tables / f"{name}.csv")[column]
    added = [row["base"] + sum(part["contribution"] for part in row["contributions"]) for row in found]
    # Sums of numbers below a hundred in double precision.
    np.testing.assert_allclose(added, [row["prediction"] for row in found], rtol=0, atol=1e-9)
    np.testing.assert_allclose(added, predicted, rtol=0, atol=1e-9)


def test_rows_are_explained_in_their_order_with_all_features(tables, runs):
    found = printed("explain", runs / "wages", tables / "wages.csv")
    assert [row["row"] for row in found] == [*range(1, 121)]
    assert {frozenset(part["feature"] for part in row["contributions"]) for row in found} == {frozenset(("age", "height"))}


def test_a_contribution_names_the_value_it_comes_from(tables, towns):
    rows = arrow_csv.read_csv(tables / "towns.csv").to_pylist()
    for row, asked in zip(printed("explain", towns, tables / "towns.csv"), rows, strict=True):
        values = {part["feature"]: part["value"] for part in row["contributions"]}
        assert (float(values["age"]), values["town"]) == (asked["age"], asked["town"])


def test_the_largest_contributions_come_first(tables, runs):
    for row in printed("explain", runs / "wages", tables / "wages.csv"):
        sizes = [abs(part["contribution"]) for part in row["contributions"]]
        assert sizes == sorted(sizes, reverse=True)


def test_contributions_stand_within_their_intervals(tables, towns):
    for row in printed("explain", towns, tables / "towns.csv"):
        assert all(part["low"] <= part["contribution"] <= part["high"] for part in row["contributions"])


def test_an_explanation_is_printed_row_by_row(tables, runs):
    lines = well("explain", runs / "wages", tables / "wages.csv").stdout.splitlines()
    assert [line.split()[:3] for line in lines[:1]] == [["Row", "1", "wage"]]
    assert len([line for line in lines if line.startswith("Row ")]) == 120


def test_of_two_classes_the_second_is_explained_as_everywhere(tables, runs):
    explained = printed("explain", runs / "people", tables / "people.csv")
    assert {row["class"] for row in explained} == {api.load(runs / "people").classes[1]}


def test_the_class_to_explain_can_be_chosen(tables, runs):
    found = printed("explain", runs / "people", tables / "people.csv", "--class", "well")
    assert {row["class"] for row in found} == {"well"}


def test_a_class_nobody_knows_is_refused_in_one_line(tables, runs):
    assert refused("explain", runs / "people", tables / "people.csv", "--class", "dead") == (
        2,
        "weights: The class must be one of the model's, but is 'dead'; known are =1+1, well.\n",
    )


def test_a_value_has_no_class_to_explain(tables, runs):
    assert refused("explain", runs / "wages", tables / "wages.csv", "--class", "well") == (
        2,
        "weights: The class must be one of the model's, but is 'well'; 'wage' has no classes.\n",
    )


@pytest.mark.parametrize("level", ["0", "1", "95"])
def test_a_level_of_contributions_out_of_bounds_is_refused(tables, runs, level):
    code, said = refused("explain", runs / "wages", tables / "wages.csv", "--level", level)
    assert code == 2
    assert said.startswith("weights: The level must be between 0 and 1, but is ")


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_contributions_go_to_a_file_a_line_each(tables, towns, tmp_path, name):
    result = well("explain", towns, tables / "towns.csv", "--output", name)
    lines, fields = (
        answers(tmp_path / name),
        ["row", "class", "prediction", "base", "feature", "value", "level", "contribution", "low", "high"],
    )
    assert (len(lines), [*lines[0]]) == (300, fields)
    assert (result.stdout, result.stderr) == ("", f"300 contributions to 150 predictions in {name}\n")


def test_contributions_in_a_file_are_those_that_are_printed(tables, towns, tmp_path):
    well("explain", towns, tables / "towns.csv", "-o", "out.parquet")
    printed_ones = [part["contribution"] for row in printed("explain", towns, tables / "towns.csv") for part in row["contributions"]]
    assert [line["contribution"] for line in answers(tmp_path / "out.parquet")] == printed_ones


def test_a_class_that_a_spreadsheet_would_run_is_made_harmless_beside_contributions(tables, runs, tmp_path):
    well("explain", runs / "people", tables / "people.csv", "-o", "out.csv", "--class", "=1+1")
    assert {line["class"] for line in answers(tmp_path / "out.csv")} == {"'=1+1"}


@pytest.mark.parametrize("command", ["explain", "predict"])
def test_answers_are_never_written_over_the_rows_they_answer(tables, towns, tmp_path, command):
    rows = tmp_path / "rows.csv"
    rows.write_bytes((tables / "towns.csv").read_bytes())
    code, said = refused(command, towns, rows, "--output", "./rows.csv")
    assert (code, said) == (2, "weights: The output './rows.csv' is the file of the rows, which would be lost. Name another output.\n")
    assert rows.read_bytes() == (tables / "towns.csv").read_bytes()


def test_what_was_written_is_told_as_an_object(tables, towns):
    shown = printed("explain", towns, tables / "towns.csv", "-o", "out.csv")
    assert shown == {"run": str(towns), "n_samples": 150, "n_contributions": 300, "output": "out.csv"}


def test_a_fit_without_inspection_says_what_to_do_for_an_explanation(tables):
    well("fit", tables / "wages.csv", "-t", "wage", *QUICK, "--no-inspect", "--save", "bare")
    code, said = refused("explain", "bare", tables / "wages.csv")
    assert code == 2
    assert said.endswith("Fit again with inspection (without --no-inspect).\n")


def test_a_check_of_intervals_prints_one_object(towns):
    shown = printed("check-intervals", towns, "--simulations", "2")
    assert (shown["n_simulations"], shown["n_rows"], shown["null_features"]) == (2, 150, [])
    names = {"what", "kind", "nominal", "measured", "low", "high", "n_intervals"}
    assert [set(held) for held in shown["held"]] == [names] * len(shown["held"])


def test_a_check_of_intervals_prints_claimed_and_measured_shares(towns):
    lines = well("check-intervals", towns, "--simulations", "2", "--quiet").stdout.splitlines()
    assert lines[0].startswith("Checked       2 simulations on 150 rows: outcomes drawn from ")
    assert lines[1].split() == ["intervals", "of", "features", "claimed", "measured", "[0.025", "0.975]", "of"]


def test_a_check_of_intervals_can_be_given_the_rows(tables, towns, tmp_path):
    (tmp_path / "moved.csv").write_bytes((tables / "towns.csv").read_bytes())
    given = printed("check-intervals", towns, "--simulations", "2", "--data", "moved.csv")
    assert given == printed("check-intervals", towns, "--simulations", "2")


def test_too_few_simulations_are_refused_in_one_line(runs):
    assert refused("check-intervals", runs / "wages", "--simulations", "1", "--quiet") == (
        2,
        "weights: At least two simulations are needed, but 1 came.\n",
    )


# Diagnose and improve


@pytest.fixture(scope="session")
def stiff(tables, towns, tmp_path_factory) -> Path:
    """A run on towns.csv with far too strong a penalty."""
    folder = tmp_path_factory.mktemp("stiff") / "run"
    api.fit(tables / "towns.csv", target="wage", members=8, model="linear", penalty="l2", strength=5.0, save=folder)
    return folder


def test_fit_says_what_its_loss_is_made_of(tables):
    said = well("fit", tables / "wages.csv", "-t", "wage", *QUICK).stdout
    assert re.search(r"^Loss +squared error [\d.,e+-]+ out of bag; [\d.,e+-]+ for a constant\n  bias and noise ", said, flags=re.M)


def test_a_diagnosis_prints_one_object(stiff):
    shown = printed("diagnose", stiff, "--quick")
    assert shown["verdict"] == "underfits"
    assert shown["bias"] + shown["variance"] - shown["diversity"] == pytest.approx(shown["loss"])
    assert {"name", "change", "gain", "low", "high", "helps"} <= {*shown["remedies"][0]}


def test_a_diagnosis_ends_with_the_command_that_keeps_the_best_remedy(stiff):
    lines = well("diagnose", stiff, "--quick", "--quiet").stdout.splitlines()
    assert re.match(r"Verdict       underfits: .* takes [\d.]+% off the loss", lines[0])
    assert lines[-1] in [f"Next          weights improve {stiff} --apply {name}" for name in ("weaker-penalty", "with-networks")]


def test_improve_saves_a_new_run_beside_the_old_one(stiff):
    shown = printed("improve", stiff, "--apply", "weaker-penalty", "--save", f"{stiff}-improved")
    assert shown["change"] == "strength 0.5 instead of 5"
    assert shown["saved"] == f"{stiff}-improved"
    assert api.load(f"{stiff}-improved").metrics["rmse"] < api.load(stiff).metrics["rmse"]


def test_improve_numbers_a_name_that_is_taken(stiff):
    shown = [printed("improve", stiff, "--apply", "weaker-penalty")["saved"] for _ in range(2)]
    assert shown == [f"{stiff}-weaker-penalty", f"{stiff}-weaker-penalty-2"]


def test_improve_without_a_name_makes_the_change_that_helps_most(stiff):
    assert printed("improve", stiff, "--quick", "--save", "best")["saved"] == "best"
    assert api.load("best").metrics["rmse"] < api.load(stiff).metrics["rmse"]


def test_improve_refuses_a_change_the_run_does_not_have(stiff):
    code, said = refused("improve", stiff, "--apply", "wider", "--save", "new", "--quiet")
    assert code == 2
    assert said.startswith("weights: This run has no change 'wider'.")


def test_show_tells_what_a_loss_is_made_of_and_how_well_each_layer_is(tables):
    well("fit", tables / "wages.csv", "-t", "wage", *FOUR, "--model", "mlp", "--hidden", "16", "--save", "layers")
    said = well("show", "layers").stdout
    assert re.search(r"^Loss +squared error ", said, flags=re.M)
    assert re.search(r"^  hidden.0 +16 ", said, flags=re.M)
    assert "Warnings" not in said
    health = printed("show", "layers")["health"]
    assert [layer["layer"] for layer in health["layers"]][-2:] == ["hidden.0", "output"]
    assert health["findings"] == []
    assert {"steps", "q05", "q50", "q95"} == {*health["bands"]["mlp"]["hidden.0/dead"]}


def test_a_fit_warns_of_what_is_wrong_and_what_to_change(tables):
    said = well("fit", tables / "wages.csv", "-t", "wage", *FOUR, "--model", "mlp", "--hidden", "16", "--initialization", "zeros").stdout
    assert re.search(r"^Warnings +mlp: at the start the signal fades.*Start with he", said, flags=re.M)


def test_a_diagnosis_tells_findings_as_well(tables):
    options = ("--model", "mlp", "--hidden", "16", "--initialization", "zeros", "--save", "silent")
    well("fit", tables / "wages.csv", "-t", "wage", *FOUR, *options)
    found = printed("diagnose", "silent", "--quick")["findings"]
    assert {"population", "element", "fault", "words", "advice", "layer", "value"} == {*found[0]}


def test_compare_ranks_variants_and_names_the_settings_as_they_are(stiff):
    lines = well("compare", stiff, "--vary", "strength=0.5,50", "--trainings", "2", "--quiet").stdout.splitlines()
    assert re.match(r"Compared      2 trainings of 4 members each of linear, judged on [\d,]+ rows", lines[0])
    assert [re.split(r"  +", line.strip())[0] for line in lines[2:5]] == ["baseline", "strength 0.5", "strength 50"]
    assert [line.rstrip().endswith(word) for line, word in zip(lines[2:5], ("baseline", "better", "worse"), strict=True)] == [True] * 3


def test_a_comparison_prints_one_object(stiff):
    shown = printed("compare", stiff, "--vary", "strength=0.5", "--trainings", "2")
    baseline, other = shown["variants"]
    assert (baseline["reference"], baseline["gain"], other["label"]) == (True, None, "strength 0.5")
    assert other["gain"]["low"] > 0


def test_compare_says_what_it_needs(stiff):
    assert refused("compare", stiff, "--vary", "strength", "--quiet") == (2, "weights: --vary takes name=value, but 'strength' came.\n")
    code, said = refused("compare", stiff, "--vary", "strength=strong", "--quiet")
    assert code == 2
    assert "regularization.strength cannot be 'strong'" in said


# Wrong words


def refused(*args: object) -> tuple[int, str]:
    result = run(*args)
    assert result.stdout == ""
    return result.exit_code, result.stderr


def test_a_command_nobody_knows_is_refused_with_its_likeness():
    code, said = refused("fitt", "iris")
    assert code == 2
    assert "There is no command 'fitt'. Did you mean 'fit'?" in said


@pytest.mark.parametrize("args", [("score", "runs/x", "x.csv", "--by", "a", "--by=b"), ("fit", "iris", "-m", "8", "--members", "9")])
def test_an_option_of_one_value_is_not_taken_twice(args):
    code, said = refused(*args)
    assert code == 2
    assert re.search(r"--(by|members) takes one value, but was given 2 times\. Leave one, or run the command for each\.", said)


def test_options_that_add_up_and_switches_may_be_repeated():
    dropped = ("--drop", "sepal width (cm)", "--drop", "sepal length (cm)")
    assert "2 numeric columns" in well("fit", "iris", *dropped, "--dry-run", "--dry-run").stderr


def test_an_option_nobody_knows_is_refused_with_its_likeness():
    code, said = refused("fit", "iris", "--penality", "l1")
    assert code == 2
    assert "No such option '--penality'" in said or "No such option: --penality" in said
    assert "--penalty" in said


def test_a_file_that_does_not_exist_is_not_found_with_its_likeness(tables, monkeypatch):
    monkeypatch.chdir(tables)
    assert refused("fit", "wags.csv", "-t", "wage") == (
        4,
        "weights: There is no file or bundled example called 'wags.csv'. Did you mean 'wages.csv'? `weights data` lists the examples.\n",
    )


def test_an_example_is_not_found_with_its_likeness():
    code, said = refused("fit", "irsi")
    assert code == 4
    assert "Did you mean 'iris'?" in said


def test_a_column_that_does_not_exist_is_not_found_with_its_likeness(tables):
    assert refused("fit", tables / "wages.csv", "-t", "wagge") == (
        4,
        "weights: wages.csv has no column 'wagge' to use as target. Did you mean 'wage'?\n",
    )


def test_a_run_that_does_not_exist_is_not_found():
    code, said = refused("show", "runs/nothing")
    assert code == 4
    assert said == "weights: There is no saved run at 'runs/nothing'. Name the folder that `weights fit --save` wrote.\n"


def test_data_that_cannot_be_used_are_a_data_error(tmp_path):
    (tmp_path / "flat.csv").write_text("a,b\n1,5\n2,5\n3,5\n")
    code, said = refused("fit", "flat.csv", "-t", "b")
    assert code == 3
    assert said.startswith("weights: The target 'b' must ")


def test_a_damaged_run_is_corrupt(tables, tmp_path):
    well("fit", tables / "wages.csv", "-t", "wage", *QUICK, "--save", "run")
    (tmp_path / "run" / "metrics.json").write_text("{}")
    code, said = refused("predict", "run", tables / "wages.csv")
    assert code == 6
    assert "metrics.json' is not as it was saved" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--save", "x", "--no-save"), "--save and --no-save contradict each other. Give one of them."),
        (("--set", "beta1"), "--set takes name=value, but 'beta1' came."),
        (("--set", "data=x"), "There is no setting 'data'."),
        (("--search", "=3"), "--search takes name=value, but '=3' came."),
        (("--class-weight", "2"), "--class-weight takes balanced alone or LABEL=FACTOR, but '2' came."),
        (("--class-weight", "well=much"), "--class-weight takes a number or none, but 'much' came."),
        (("--clip", "wide"), "--clip takes a number or none, but 'wide' came."),
        (("--budget", "soon"), "A length of time such as 90, 60s, 5m or 1h was needed, but 'soon' came."),
        (("--kind", "age"), "A kind is given as column=kind, but 'age' came."),
        (("--model", "forest"), "There is no model 'forest'."),
        (("--threads", "0"), "threads must be at least 1, but is 0."),
        (("--activation", "rleu"), "activation.name has no choice 'rleu'. Did you mean 'relu'?"),
        (("--resume",), "There is no checkpoint at "),
        (("--resume", "--no-save"), "Resuming needs the folder the interrupted run was to be saved to."),
    ],
    ids=lambda value: "".join(value) if isinstance(value, tuple) else None,
)
def test_an_option_that_cannot_be_is_refused(tables, options, said):
    usual = () if {"--members", "--model"} & {*options} else QUICK
    code, words = refused("fit", tables / "people.csv", "-t", "state", *usual, "--quiet", *options)
    assert code == (4 if options == ("--resume",) else 2)
    assert words.startswith(f"weights: {said}")


@pytest.mark.parametrize("level", ["0", "1", "90"])
def test_a_level_out_of_bounds_is_refused(tables, runs, level):
    code, said = refused("predict", runs / "wages", tables / "wages.csv", "--level", level)
    assert code == 2
    assert "The level must be between 0 and 1" in said


# What went wrong


def test_an_error_is_one_line_without_traceback(tables):
    assert refused("fit", tables / "wages.csv", "-t", "wagge")[1].count("\n") == 1


def test_an_error_with_debug_shows_the_traceback():
    result = start("show", "nothing", "--debug")
    assert result.returncode == 4
    assert "Traceback (most recent call last)" in result.stderr
    assert "weights.errors.NotFoundError: There is no saved run at 'nothing'" in result.stderr


def test_the_unexpected_is_one_line_that_says_what_to_do(monkeypatch, runs):
    monkeypatch.setattr(api, "load", lambda run: 1 / 0)
    assert refused("show", runs / "wages") == (
        1,
        "weights: Something unexpected happened (ZeroDivisionError: division by zero). Run again with --debug and report it.\n",
    )


def test_want_of_memory_is_said(monkeypatch, runs):
    def load(run):
        raise MemoryError

    monkeypatch.setattr(api, "load", load)
    assert refused("show", runs / "wages") == (
        1,
        "weights: There is not enough memory. Use fewer rows, --drop columns or fewer --members.\n",
    )


def test_stopping_at_once_is_said(monkeypatch, runs):
    def load(run):
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "load", load)
    assert refused("show", runs / "wages") == (130, "weights: Stopped at once.\n")


def interrupt(monkeypatch, *args: str):
    """The outcome of a fit that is interrupted while it trains."""

    def run_fit(*_, **__):
        raise Interrupted("Training was stopped.")

    monkeypatch.setattr(api, "run_fit", run_fit)
    monkeypatch.setattr(sys, "argv", ["weights", *args])
    return run(*args)


def test_an_interrupted_fit_says_how_to_go_on(monkeypatch):
    result = interrupt(monkeypatch, "fit", "iris", "--quiet")
    assert (result.exit_code, result.stderr) == (
        130,
        "weights: Training was stopped. Go on with: weights fit iris --quiet --save runs/iris --resume\n",
    )


def test_an_interrupted_fit_repeats_words_that_need_quotes(monkeypatch):
    result = interrupt(monkeypatch, "fit", "iris", "--quiet", "--save", "my run", "--resume")
    assert result.stderr.endswith("Go on with: weights fit iris --quiet --save 'my run' --resume\n")


@pytest.mark.parametrize("budget", [("--budget", "60s"), ("--budget=60s",)])
def test_an_interrupted_fit_goes_on_with_the_steps_its_budget_came_to(monkeypatch, budget):
    result = interrupt(monkeypatch, "fit", "iris", "--quiet", *budget, "--save", "run")
    assert re.search(r"Go on with: weights fit iris --quiet --steps \d+ --save run --resume\n$", result.stderr)


def test_an_interrupted_fit_that_keeps_nothing_says_so(monkeypatch):
    result = interrupt(monkeypatch, "fit", "iris", "--quiet", "--no-save")
    assert result.stderr == "weights: Training was stopped. Nothing was kept, because of --no-save.\n"


@pytest.mark.parametrize(("resume", "folder"), [((), "runs/iris-2"), (("--resume",), "runs/iris")])
def test_the_name_of_an_interrupted_run_is_kept_for_it(monkeypatch, tmp_path, resume, folder):
    (tmp_path / "runs" / "iris.checkpoint").mkdir(parents=True)
    result = interrupt(monkeypatch, "fit", "iris", "--quiet", *resume)
    assert f"--save {folder} --resume" in result.stderr


# A terminal


def on_terminal(args: list[str], *, until=None, then=None, seconds: float = 120.0, **environment: str) -> tuple[int, str]:
    """Exit code of a command whose standard error is a terminal, and what it said there.

    Once `until(said)` is true, `then(process)` is called.
    """
    leader, follower = pty.openpty()
    settings = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM")}
    settings |= {"TERM": "xterm-256color", "COLUMNS": "160", **environment}
    with subprocess.Popen([PROGRAM, *args], stdout=subprocess.DEVNULL, stderr=follower, env=settings) as process:
        os.close(follower)
        said, ends = "", time.monotonic() + seconds
        while time.monotonic() < ends:
            if not select.select([leader], [], [], 0.1)[0]:
                continue
            try:
                heard = os.read(leader, 1 << 16)
            except OSError:  # how Linux says that the other side was closed: the command has ended
                break
            if not heard:
                break
            said += heard.decode(errors="replace")
            if until is not None and until(said):
                until = None
                then(process)
        else:
            process.kill()
        os.close(leader)
        return process.wait(), said


def test_an_error_on_a_terminal_is_coloured():
    assert "\x1b[31m" in on_terminal(["show", "nothing"])[1]


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colour_can_be_declined(name, value):
    code, said = on_terminal(["show", "nothing"], **{name: value})
    assert (code, "\x1b" in said) == (4, False)


def test_a_reader_that_stops_reading_is_not_complained_about(runs, tmp_path):
    rows = "".join(f"{20 + i % 40},{160 + i % 20}\n" for i in range(20_000))
    (tmp_path / "many.csv").write_text(f"age,height\n{rows}")
    command = f"{shlex.quote(PROGRAM)} predict {shlex.quote(str(runs / 'wages'))} many.csv | head -1"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120, check=False)
    assert (next(csv.reader([result.stdout])), result.stderr) == (["prediction", "low 90%", "high 90%"], "")


def trained_part(progress: str) -> int:
    """The percentage that the bar of the network has come to."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", progress)
    return max((int(share) for share in re.findall(r"mlp .*?(\d+) %", plain)), default=0)


def test_an_interrupted_fit_goes_on_bit_for_bit_by_the_command_it_prints(tmp_path):
    options = ["fit", "iris", "--model", "mlp", "--hidden", "8", "--members", "4", "--steps", "40000", "--learning-rate", "0.001"]
    options += ["--set", "patience=0"]
    code, said = on_terminal(
        [*options, "--save", "stopped"],
        until=lambda progress: trained_part(progress) >= 4,
        then=lambda process: process.send_signal(signal.SIGINT),
    )
    assert code == 130, said
    assert (tmp_path / "stopped.checkpoint" / "mlp.checkpoint").is_file()
    [command] = re.findall(r"Go on with: weights (.*--resume)", said)
    resumed, whole = start(*shlex.split(command)), start(*options, "--save", "whole")
    assert (resumed.returncode, whole.returncode) == (0, 0), resumed.stderr + whole.stderr
    first, second = (load_file(tmp_path / name / "model.safetensors") for name in ("stopped", "whole"))
    assert {name: array.tobytes() for name, array in first.items()} == {name: array.tobytes() for name, array in second.items()}
    assert not (tmp_path / "stopped.checkpoint").exists()


# Runs as files, and what is never replaced or removed unasked


@pytest.fixture
def two_runs(tables):
    """Two runs of one table, of different targets."""
    for target in ("wage", "height"):
        well("fit", tables / "wages.csv", "-t", target, *QUICK, "--no-inspect", "--save", f"kept/{target}")
    return Path("kept")


def test_runs_are_listed_with_what_they_are_of_and_removed_when_asked_to(two_runs, tables):
    lines = well("runs", two_runs).stdout.splitlines()
    assert lines[0].split()[:5] == ["run", "data", "target", "rows", "models"]
    assert {line.split()[0] for line in lines[1:]} == {"kept/wage", "kept/height"}
    assert {saved["target"] for saved in printed("runs", two_runs)} == {"wage", "height"}
    code, said = refused("rm", two_runs / "height")
    assert code == 2
    assert "Nothing was removed: nobody could be asked" in said
    assert refused("rm", two_runs / "height", two_runs, "--yes")[0] == 2
    assert (two_runs / "height").exists()
    well("rm", two_runs / "height", "--yes")
    assert [saved["target"] for saved in printed("runs", two_runs)] == ["wage"]


def test_a_run_of_another_target_is_not_replaced_unasked(two_runs, tables):
    again = ("fit", tables / "wages.csv", *QUICK, "--no-inspect", "--save", two_runs / "wage")
    code, said = refused(*again, "-t", "height")
    assert code == 2
    assert "kept/wage holds a run of 'wage' in wages.csv. Name another folder with --save, or add --overwrite to replace it (" in said
    well(*again, "-t", "wage")
    well(*again, "-t", "height", "--overwrite")
    assert printed("runs", two_runs / "wage")[0]["target"] == "height"


def test_explain_without_rows_shows_the_first_of_training_and_says_so(tables):
    well("fit", tables / "wages.csv", "-t", "wage", *QUICK, "--save", "explained")
    shown = well("explain", "explained")
    assert shown.stderr == (
        "notes         no rows were named: these are the first 5 of training\n"
        "              contributions have no intervals: 4 members are too few to show it: fit with --members 5 or more\n"
    )
    assert shown.stdout.count("Row ") == 5
