"""Questions: what is declared once is asked on the command line, as JSON, drawn, and in Python; what does not apply is refused."""

from __future__ import annotations

import json
from typing import Annotated

import msgspec
import pytest
from click.testing import CliRunner

import weights as wt
from small import fitted_example
from weights.cli import make_cli
from weights.errors import UsageError
from weights.options import option
from weights.questions import QUESTIONS, ask
from weights.questions.question import Answer, Asker, Question


class RowsOptions(msgspec.Struct, frozen=True):
    """The options of a question that only this file knows."""

    times: Annotated[int, option("How often rows are counted.", "NUMBER")] = 1
    words: Annotated[tuple[str, ...], option("Said before.", "WORD", "--word", repeated=True)] = ()


def ask_rows(model: wt.Model, options: RowsOptions, asker: Asker) -> Answer:
    from weights.report.charts import Drawing

    n_rows = options.times * model.report.n_samples
    lines = [*options.words, f"{asker.run} learned from {n_rows} rows"]
    return Answer({"n_rows": n_rows}, lines, Drawing(40.0, 20.0, [], "Rows"))


ROWS = Question(
    name="rows",
    help="Count the rows of the run saved in RUN.",
    ask=ask_rows,
    options=RowsOptions,
    refuses=lambda model: "" if model.classes else "Only rows of classes are counted.",
    caption="a page for rows",
)


@pytest.fixture(autouse=True)
def _rows(monkeypatch):
    """The made-up question, registered as any other: by one row."""
    monkeypatch.setitem(QUESTIONS, "rows", ROWS)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Saved runs of classes and of numbers, the latter without inspection."""
    folder = tmp_path_factory.mktemp("runs")
    fitted_example("iris").save(folder / "classes")
    fitted_example("diabetes", inspect=False).save(folder / "numbers")
    return folder


def call(*words: object):
    return CliRunner().invoke(make_cli(), [str(word) for word in words], prog_name="weights")


def test_a_new_question_is_a_command(runs):
    called = call("rows", runs / "classes", "--times", 2, "--word", "so", "--word", "it is:")
    assert (called.exit_code, called.stdout) == (0, f"so\nit is:\n{runs / 'classes'} learned from 300 rows\n")


def test_a_new_question_prints_json(runs):
    assert json.loads(call("rows", runs / "classes", "--json").stdout) == {"n_rows": 150}


def test_a_new_question_is_drawn(runs, tmp_path):
    called = call("draw", runs / "classes", "rows", "--output", tmp_path / "rows.svg", "--times", 3, "--json")
    assert (called.exit_code, called.stderr) == (0, f"drawn in {tmp_path / 'rows.svg'}\n")
    assert json.loads(called.stdout) == {"n_rows": 450}
    assert (tmp_path / "rows.svg").read_text().startswith("<svg")


def test_a_new_question_is_explained_by_help():
    assert "  rows             Count the rows of the run saved in RUN.\n" in call("--help").stdout
    assert "--times NUMBER  How often rows are counted.  [default: 1]" in call("rows", "--help").stdout
    assert "  rows         a page for rows\n" in call("draw", "--help").stdout
    assert "How often rows are counted (rows)." in call("draw", "--help").stdout


def test_a_question_that_does_not_apply_is_refused_in_its_own_words(runs):
    called = call("rows", runs / "numbers")
    assert (called.exit_code, called.stderr) == (2, "weights: Only rows of classes are counted.\n")


def test_options_of_other_drawings_are_refused(runs, tmp_path):
    called = call("draw", runs / "classes", "confusion", "--times", 2, "--output", tmp_path / "rows.svg")
    assert called.stderr == "weights: --times does nothing for confusion; it is for rows. Leave it out.\n"


def test_a_drawing_has_its_own_defaults_and_what_is_said_counts_though_it_is_another_ones_default(runs, tmp_path):
    """90 % is what intervals of predictions have if nothing is said, and 95 % those of effects."""
    fitted_example("diabetes").save(tmp_path / "run")
    for given, head in (((), "[0.025 0.975]"), (("--level", 0.9), "[0.05 0.95]"), (("--level", 0.95), "[0.025 0.975]")):
        assert head in call("draw", tmp_path / "run", "effects", *given, "--output", tmp_path / "a.svg").stdout
    for given, head in (((), "median 90 % interval"), (("--level", 0.9), "median 90 %"), (("--level", 0.95), "median 95 %")):
        assert head in call("draw", tmp_path / "run", "intervals", *given, "--output", tmp_path / "a.svg").stdout
    help = " ".join(call("draw", "--help").stdout.split())
    assert "Level of the prediction intervals, 0.9 if not given (intervals)." in help
    assert "Level of the intervals, 0.95 if not given (effects, words, summary)." in help


def test_python_asks_by_name(runs):
    model = wt.load(runs / "classes")
    assert ask(model, "rows", times=2, asker=Asker("it")).lines == ["it learned from 300 rows"]
    with pytest.raises(UsageError, match=r"There is no question 'row'\. Did you mean 'rows'\?"):
        ask(model, "row")
    with pytest.raises(UsageError, match=r"There is no option 'time' of rows\. Did you mean 'times'\?"):
        ask(model, "rows", time=2)
    with pytest.raises(UsageError, match=r"There is no option 'member' of filters\. It has none\."):
        ask(model, "filters", member=2)


@pytest.mark.parametrize(
    "name", ["summary", "explain", "maps", "stretches", "check-intervals", "filters", "units", "gallery", "confusion", "calibration"]
)
def test_what_is_refused_is_what_asking_would_complain_of(runs, name):
    """The sentence that is known beforehand is the one that whoever answers would raise."""
    question, model = QUESTIONS[name], wt.load(runs / "numbers")
    options = question.options("diabetes") if name in ("explain", "maps", "stretches") else question.options()
    refusal = question.refuses(model)
    assert refusal
    with pytest.raises(UsageError) as raised:
        question.ask(model, options, Asker())
    assert str(raised.value) == refusal


def test_questions_that_apply_are_not_refused(runs):
    of_others, of_numbers = {"maps", "filters", "units", "gallery", "stretches", "words"}, {"predicted", "residuals", "intervals"}
    of_classes, of_weights = {"confusion", "calibration", "operating", "rows"}, {"summary", "explain", "importance", "effects"}
    for run, others in (("classes", of_others | of_numbers), ("numbers", of_others | of_classes | of_weights | {"check-intervals"})):
        model = wt.load(runs / run)
        assert {name for name, question in QUESTIONS.items() if question.refuses(model)} == others


def test_a_question_can_be_asked_of_what_is_drawn_without_a_drawing(runs):
    called = call("confusion", runs / "classes")
    assert called.stdout.splitlines()[0].split() == ["truth", "setosa", "versicolor", "virginica", "answered", "rightly"]


def test_a_table_that_was_to_be_drawn_is_refused_with_what_is_drawn(runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    called = call("explain", runs / "classes", "iris", "--output", "x.png")
    assert called.exit_code == 2
    assert f"Drawn of this run is: weights draw {runs / 'classes'} confusion; " in called.output
