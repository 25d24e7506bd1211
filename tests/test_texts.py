"""Runs of texts, from a table to the command line: what is found, saved, answered and explained."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
from click.testing import CliRunner

import weights as wt
from weights.cli import cli
from weights.errors import CorruptError, DataError, UsageError
from weights.inspection.health import all_findings

RNG = np.random.default_rng(0)
GOOD, BAD = np.asarray(["great", "lovely", "superb"]), np.asarray(["awful", "broken", "dull"])
OTHERS = np.asarray(["the", "film", "plot", "was", "an", "actor", "and", "it", "12"])
SMALL = {"target": "stars", "members": 4, "n_folds": 4, "seed": 0}


def make_table(n=200):
    """Texts with a good or a bad word, which say with one exception in ten what came; a number and a level say some of it too."""
    good = RNG.random(n) < 0.5
    words = [[str(RNG.choice(GOOD if is_good else BAD)), *RNG.choice(OTHERS, 5)] for is_good in good]
    came = np.where(RNG.random(n) < 0.1, ~good, good)
    level = np.where(RNG.random(n) < 0.2, ~came, came)
    return pa.table(
        {
            "review": [" ".join(RNG.permutation(own)) for own in words],
            "price": came + RNG.normal(size=n),
            "shop": np.where(level, "north", "south"),
            "stars": np.where(came, "up", "down"),
        }
    )


TABLE = make_table()
TEXTS = TABLE.select(["review", "stars"])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A saved run that reads texts alone."""
    folder = tmp_path_factory.mktemp("texts") / "run"
    wt.fit(TEXTS, model="words", save=folder, **SMALL)
    return folder


def command(*args, **options):
    return CliRunner().invoke(cli, [*map(str, args)], **options)


# What is learned from


def test_a_column_of_texts_is_found_and_read_by_the_models_of_texts():
    model = wt.fit(TABLE, n_steps=20, hidden=(8,), inspect=False, **SMALL)
    assert {"words", "words-bayes", "bag", "linear", "mlp"} >= {*model.report.compared} - {"constant", "mlp-loose"} >= {"words", "bag"}
    assert [feature.kind for feature in model.ensemble.features] == ["text", "numeric", "category"]


def test_texts_and_columns_together_are_answered_better_than_either_alone():
    options = {"model": "words", "inspect": False, **SMALL}
    losses = [
        wt.fit(table, **options).metrics["log_loss"]
        if "review" in table.column_names
        else wt.fit(table, **{**options, "model": "linear"}).metrics["log_loss"]
        for table in (TABLE, TEXTS, TABLE.drop_columns(["review"]))
    ]
    assert losses[0] < min(losses[1:])


def test_a_kind_that_is_asked_for_decides():
    as_level = wt.fit(TABLE, kinds={"review": "category"}, model="linear", inspect=False, **SMALL)
    assert as_level.ensemble.features[0].kind == "category"
    as_text = wt.fit(TABLE, kinds={"shop": "text"}, model="words", inspect=False, **SMALL)
    assert [feature.kind for feature in as_text.ensemble.features] == ["text", "numeric", "text"]


def test_copies_of_a_text_are_kept_in_one_fold_and_said_to_be_in_the_test():
    table = pa.concat_tables([TEXTS, TEXTS.slice(0, 30)])
    split = pa.array(["train"] * 200 + ["test"] * 10 + ["train"] * 20)
    model = wt.fit(table.append_column("split", split), split="split", model="words", **SMALL)
    [remark] = [remark for remark in model.report.remarks if "more than once" in remark]
    assert "of them in the test as well as in training" in remark
    assert remark.endswith("copies are kept in one fold")


@pytest.mark.parametrize("target", ["numbers", "counts"])
def test_numbers_and_counts_are_learned_from_texts(target):
    good = np.asarray([any(word in text for word in GOOD) for text in TABLE["review"].to_pylist()])
    values = np.where(good, 5.0, 1.0) + RNG.normal(size=200) if target == "numbers" else RNG.poisson(np.where(good, 6, 1))
    model = wt.fit({"review": TABLE["review"], "y": values}, target="y", model="words", members=4, n_folds=4)
    assert np.corrcoef(model.predict(["great film and plot", "awful film and plot"]), [5, 1])[0, 1] == pytest.approx(1)
    bounds = model.interval(["great film and plot"])
    assert bounds.low[0] < 5 < bounds.high[0]


# What is saved


def test_a_run_keeps_its_vocabulary_in_a_file_that_people_read(run):
    lines = (run / "vocabulary.txt").read_text().splitlines()
    assert {line.split("\t")[0] for line in lines} == {"word", "pair", "characters"}
    assert any(line.endswith("\tgreat") for line in lines)
    assert "great" not in (run / "config.json").read_text()


def test_a_loaded_run_answers_as_before(run):
    texts = ["great film", "awful plot 12", "", None]
    fitted = wt.fit(TEXTS, model="words", **SMALL)
    np.testing.assert_array_equal(wt.load(run).predict_proba(texts), fitted.predict_proba(texts))


def copied(run, folder):
    folder.mkdir()
    for file in run.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def test_a_vocabulary_that_was_changed_is_noticed(run, tmp_path):
    folder = copied(run, tmp_path / "run")
    vocabulary = folder / "vocabulary.txt"
    vocabulary.write_text(vocabulary.read_text().replace("great", "groat", 1))
    with pytest.raises(CorruptError, match=r"vocabulary\.txt' is not as it was saved"):
        wt.load(folder)


def test_a_vocabulary_that_is_gone_is_noticed(run, tmp_path):
    folder = copied(run, tmp_path / "run")
    (folder / "vocabulary.txt").unlink()
    with pytest.raises(CorruptError, match=r"vocabulary\.txt"):
        wt.load(folder)


def test_two_columns_of_texts_have_a_file_each(tmp_path):
    table = TEXTS.append_column("title", TABLE["review"].take(pa.array(range(199, -1, -1))))
    model = wt.fit(table, model="words", save=tmp_path / "run", **SMALL)
    assert {"vocabulary.txt", "vocabulary-2.txt"} < {file.name for file in (tmp_path / "run").iterdir()}
    np.testing.assert_array_equal(wt.load(tmp_path / "run").predict_proba(table), model.predict_proba(table))


# What is answered


def test_texts_are_answered_without_a_table(run):
    model = wt.load(run)
    assert model.predict(["A GREAT film!", "broken, awful"]).tolist() == ["up", "down"]
    np.testing.assert_array_equal(model.predict_proba(["great film"]), model.predict_proba({"review": ["great film"]}))


@pytest.mark.parametrize("values", [["", ""], [None, None], [1, 2], [1.5, None]])
def test_texts_that_are_empty_or_numbers_are_answered(run, values):
    answers = wt.load(run).predict_proba(pa.table({"review": values}))
    np.testing.assert_allclose(answers.sum(1), 1)


def test_a_missing_column_is_named(run):
    with pytest.raises(DataError, match="'review'"):
        wt.load(run).predict({"reviews": ["great"]})


@pytest.mark.parametrize(
    ("piped", "n"),
    [
        ("great film\n\nawful plot\n", 3),
        ("review\ngreat film\n", 1),
        ('"review","x"\n"great, film",1\n', 1),
        ('{"review": "great film"}\n', 1),
    ],
    ids=["lines", "a column", "a table", "JSON lines"],
)
def test_texts_are_read_from_standard_input(run, piped, n):
    result = command("predict", run, "-", input=piped)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[1].startswith('"up"')
    assert len(lines) == n + 1


def test_nothing_on_standard_input_is_said_to_be_nothing(run):
    result = command("predict", run, "-", input=" \n")
    assert result.exit_code != 0
    assert "nothing came" in result.output


# What is explained


def test_a_text_is_explained_by_its_words(run):
    result = command("explain", run, "-", input="a great film")
    assert "for an empty text, and" in result.stdout
    assert "[+great]" in result.stdout
    assert "without 'great'" in result.stdout


@pytest.mark.parametrize("ending", ["html", "svg", "png", "csv"])
def test_explanations_are_written_as_what_their_name_says(run, tmp_path, ending):
    pa.csv.write_csv(TEXTS.slice(0, 3), tmp_path / "rows.csv")
    output = tmp_path / f"why.{ending}"
    result = command("explain", run, tmp_path / "rows.csv", "--output", output)
    assert result.exit_code == 0, result.output
    begins = {"html": b"<!doctype html>", "svg": b"<svg", "png": b"\x89PNG", "csv": b'"row"'}
    assert output.read_bytes().startswith(begins[ending])


def test_words_stand_behind_their_text_in_a_table_and_add_up_to_it(run, tmp_path):
    output = tmp_path / "why.csv"
    assert command("explain", run, "-", "--output", output, input="a great film").exit_code == 0
    lines = pa.csv.read_csv(output).to_pylist()
    assert [line["word"] or None for line in lines] == [None, "a", "great", "film"]
    assert sum(line["contribution"] for line in lines[1:]) == pytest.approx(lines[0]["contribution"], abs=1e-9)


def test_rows_that_are_not_shown_are_counted_without_the_tables_of_words(run):
    shown = wt.load(run).explain(["a great film"] * 2)
    assert "more rows" not in shown._repr_html_()


def test_words_are_part_of_the_json(run):
    result = command("explain", run, "-", "--json", input="a great film")
    [row] = json.loads(result.stdout)
    [part] = row["contributions"]
    assert [word["word"] for word in part["words"]] == ["a", "great", "film"]
    assert row["base"] + sum(word["contribution"] for word in part["words"]) == pytest.approx(row["prediction"], abs=1e-9)


def test_a_network_over_texts_alone_is_not_said_to_start_with_signals_that_grow():
    model = wt.fit(TEXTS, model="bag", n_steps=60, inspect=False, **SMALL)
    assert not [finding for finding in all_findings(model.ensemble) if finding.element == "initialization"]


def test_texts_without_a_word_that_training_had_are_told(run):
    model = wt.load(run)
    with pytest.warns(
        wt.RowsWarning, match=r"'review': 2 of 4 rows hold no word that training had, as in another language \(first: row 2\)"
    ):
        answers = model.predict_proba(["great film", "wspaniale, polecam 12", "", "全く知らない"])
    np.testing.assert_allclose(answers.sum(1), 1)


def test_a_folder_of_files_is_learned_from_and_its_files_are_answered_by_name(tmp_path):
    for i, (text, label) in enumerate(zip(TEXTS["review"].to_pylist(), TEXTS["stars"].to_pylist(), strict=True)):
        (tmp_path / "mails" / label).mkdir(parents=True, exist_ok=True)
        (tmp_path / "mails" / label / f"{i}.txt").write_text(text)
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "letter.txt").write_text("a great film")
    fitted = command("fit", tmp_path / "mails", "--model", "words", "--members", 4, "--set", "n_folds=4", "--save", tmp_path / "run")
    assert fitted.exit_code == 0, fitted.output
    answered = command("predict", tmp_path / "run", tmp_path / "new")
    assert answered.stdout.splitlines()[1].startswith('"letter.txt","up"')


# What words count


def test_words_are_told_beside_the_other_columns():
    model = wt.fit(TABLE, model="words", **SMALL)
    records = model.feature_weights()
    assert {record["feature"] for record in records} == {"review", "price", "shop"}
    words = {record["level"]: record for record in records if record["feature"] == "review"}
    assert words["great"]["effect"] * words["awful"]["effect"] < 0
    assert min(words[word]["p_value"] for word in (*GOOD, *BAD)) < 0.05
    assert "take its place" in words["great"]["note"]  # each text holds one of six
    columns, table = model.summary()
    assert {row[0] for row in columns.rows} >= {"price", "shop"}
    assert {*words} >= {row[0] for row in table.rows}
    assert [record for record in model.feature_weights(scale="link") if record["feature"] == "review"] == []


def test_a_run_of_texts_alone_has_the_weights_of_its_words(run):
    model = wt.load(run)
    assert {record["feature"] for record in model.feature_weights(top=3)} == {"review"}
    assert len(model.feature_weights(top=3)) == 3
    assert model.feature_weights(sort="importance")[0]["importance"] > 0
    assert "great" in str(model.summary())
    with pytest.raises(UsageError, match="none on the scale"):
        model.feature_weights(scale="link")


@pytest.mark.parametrize("args", [["summary"], ["summary", "--top", 2, "--sort", "p"], ["words"], ["words", "--class", "up"]])
def test_words_are_shown_by_the_command_line(run, args):
    result = command(args[0], run, *args[1:])
    assert result.exit_code == 0, result.output
    assert "great" in result.output
    assert "Words" in result.output


def test_of_two_classes_one_is_told(run):
    result = command("words", run, "--class", "down")
    assert result.exit_code == 2
    assert "those on 'down' are their opposite" in result.output


def test_words_are_part_of_an_explanation_in_python(run):
    explanation = wt.load(run).explain(["a great film"])
    [[text]] = explanation.texts
    assert text.contributions.sum() == pytest.approx(explanation.contributions[0, 0], abs=1e-7)
    assert "great" in str(explanation)


def test_an_option_that_there_is_not_is_refused(run):
    with pytest.raises(TypeError, match="no option 'tops'"):
        wt.load(run).feature_weights(tops=3)


def test_words_are_drawn(run, tmp_path):
    result = command("draw", run, "words", "--output", tmp_path / "words.svg")
    assert result.exit_code == 0, result.output
    assert "great" in (tmp_path / "words.svg").read_text()


def test_columns_are_not_asked_of_a_run_without(run):
    for question in ("effects", "importance"):
        result = command(question, run)
        assert result.exit_code != 0
        assert "weights words" in " ".join(result.output.split())


def test_a_fit_without_inspection_says_so(tmp_path):
    wt.fit(TEXTS, model="words", inspect=False, save=tmp_path / "run", **SMALL)
    result = command("words", tmp_path / "run")
    assert result.exit_code != 0
    assert "--no-inspect" in " ".join(result.output.split())


def test_runs_without_texts_have_no_words(tmp_path):
    wt.fit(TABLE.drop_columns(["review"]), model="linear", save=tmp_path / "run", **SMALL)
    result = command("words", tmp_path / "run")
    assert result.exit_code != 0
    assert "reads no texts" in " ".join(result.output.split())


def test_texts_that_were_learned_from_are_noticed_where_they_are_scored(tmp_path):
    table, later = make_table(150).select(["review", "stars"]), make_table(60).select(["review", "stars"])
    pyarrow.csv.write_csv(table, tmp_path / "reviews.csv")
    model = wt.fit(tmp_path / "reviews.csv", model="words", **SMALL)
    assert any("60 of 60 rows are among those that the run learned from" in note for note in model.score(table.slice(0, 60)).notes)
    assert not any("learned from" in note for note in model.score(later).notes)
