"""Recordings with texts: learned by words and by characters, answered, judged and refused; several transcribed at once."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import soundfile
from click.testing import CliRunner
from tests.sounds import RATE, encode, write_spelled, write_texts

import weights as wt
from weights.cli import cli
from weights.errors import DataError, NotFoundError, UsageError
from weights.report.terminal import next_lines
from weights.transcribing.many import holds_many, judge, list_recordings, notes_on_words
from weights.transcribing.transcriber import Word

PLAIN = dict.fromkeys(("mixup", "babble", "background", "room", "channel", "tract", "pitch", "tempo", "rhythm"), 0.0)
SMALL = {"task": "transcript", "target": "text", "drop": ["room"], "members": 2, "n_folds": 2}


def ask(*args):
    return CliRunner().invoke(cli, [*map(str, args)])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run that learned texts of two words, saved, with a table of new recordings beside it."""
    folder = tmp_path_factory.mktemp("texts")
    learned = write_texts(folder / "learned", 80)
    write_texts(folder / "new", 24, seed=1)
    model = wt.fit(str(learned), n_steps=200, widths=(8, 16), blocks=(0, 0), **SMALL)
    model.save(folder / "run")
    return folder


@pytest.fixture(scope="module")
def model(run):
    return wt.load(run / "run")


def test_texts_are_learned_by_words_and_judged_out_of_bag(model):
    assert model.ensemble.task.symbols == ["fall", "rise"]
    assert model.metrics["word_error_rate"] < 0.1
    assert model.report.compared["constant"]["word_error_rate"].value > 0.5  # of words that are as frequent, wherever
    assert model.report.decomposition is None
    assert model.specs["spectrogram"].model.symbols == 2


def test_new_recordings_are_answered_and_scored(model, run):
    score = model.score(run / "new" / "texts.csv")
    rate = next(metric for metric in score.metrics if metric.name == "word_error_rate")
    assert rate.here.value < 0.1
    assert score.coverage is None
    assert "word error rate" in str(score)
    answers = model.predict(str(run / "new" / "0.wav"))
    assert {*answers[0].split()} <= {"rise", "fall"}
    shown = ask("predict", run / "run", run / "new" / "0.wav").stdout.splitlines()
    assert shown[0] == '"file","prediction","probability"'
    assert shown[1].split(",")[1] == f'"{answers[0]}"'


def test_a_saved_run_hears_what_it_heard(model, run):
    """Moments of whole recordings and of windows of three seconds are those of one network."""
    heard = model.transcribe_each(str(run / "new" / "texts.csv"), said="text")
    assert heard.errors.rate.value < 0.1
    assert heard.errors.n_words > 24
    in_order = [[word.start for word in words] for words in heard.words]
    assert all(starts == sorted(starts) for starts in in_order)


def test_several_recordings_come_with_their_word_errors_at_the_command_line(run, tmp_path):
    shown = ask("transcribe", run / "run", run / "new" / "texts.csv", "--said", "text", "--group", "room")
    assert shown.exit_code == 0, shown.output
    assert "Word errors" in shown.stdout
    assert "over the groups" in shown.stdout
    found = json.loads(ask("transcribe", run / "run", run / "new", "--json").stdout)
    assert len(found["recordings"]) == 24
    assert found["errors"] is None
    written = ask("transcribe", run / "run", run / "new", "-o", tmp_path / "words.csv")
    assert "words of 24 recordings" in written.stderr
    assert (tmp_path / "words.csv").read_text().startswith('"recording","word"')


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["new", "--said", "text"], "stands in a table that names the files, but a folder came"),
        (["new/texts.csv", "--said", "txt"], "There is no column 'txt'"),
        (["new/texts.csv", "--vtt"], "Subtitles are of one recording"),
        (["new/0.wav", "--said", "text"], "one recording came"),
        (["new/texts.csv", "--raw", "8000"], "--raw is for standard input"),
    ],
)
def test_what_several_recordings_cannot_give_is_said(run, monkeypatch, given, words):
    monkeypatch.chdir(run)
    result = ask("transcribe", "run", *given)
    assert result.exit_code in (2, 3, 4)
    assert words in result.stderr


def test_columns_beside_that_have_drifted_do_not_stop_a_score(run):
    """Answers to texts have no size that could move."""
    model = wt.fit(str(run / "learned" / "texts.csv"), **{**SMALL, "drop": []}, n_steps=4, widths=(8, 16), blocks=(0, 0))
    rows = (run / "learned" / "texts.csv").read_text().replace(",east", ",north")
    (run / "learned" / "moved.csv").write_text(rows)
    assert "word error rate" in str(model.score(run / "learned" / "moved.csv"))


def test_lexicons_and_phrases_are_read_as_texts_are(model, run):
    call = str(run / "new" / "0.wav")
    assert {word.word for word in model.transcribe(call, lexicon=["Rise!"])} <= {"rise", None}
    assert model.transcribe(call, phrases=[["Rise", "FALL."]])
    with pytest.raises(UsageError, match="The word 'left' is none of those that were learned"):
        model.transcribe(call, lexicon=["left"])


def test_recordings_whose_text_is_missing_are_not_judged(run):
    lines = (run / "new" / "texts.csv").read_text().splitlines()
    (run / "new" / "partly.csv").write_text(
        "\n".join([lines[0], *[",".join([line.split(",")[0], "", "east"]) for line in lines[1:4]], *lines[4:]])
    )
    shown = ask("transcribe", run / "run", run / "new" / "partly.csv", "--said", "text")
    assert "3 of 24 recordings have no 'text', and are not judged" in shown.stderr
    assert "Word errors" in shown.stdout
    refused = ask("transcribe", run / "run", run / "new" / "texts.csv", "--group", "room")
    assert "Name the column of what is said" in refused.stderr


def test_words_that_nobody_learned_are_named_beside_the_errors(run, model):
    listed = list_recordings(str(run / "new" / "texts.csv"), said="room")
    [note] = notes_on_words(model.ensemble, listed)
    assert "100 % of the words that were said are none that the run learned" in note
    assert "(it learned fall, rise)" in note
    assert notes_on_words(model.ensemble, list_recordings(str(run / "new" / "texts.csv"), said="text")) == []


def test_a_recording_that_cannot_be_read_is_named_before_any_is_heard(run, model, tmp_path):
    (tmp_path / "good.wav").write_bytes((run / "new" / "0.wav").read_bytes())
    (tmp_path / "zz.wav").write_bytes(b"")
    with pytest.raises(DataError, match=r"1 of 2 recordings cannot be read: .*zz\.wav' is empty"):
        model.transcribe_each(str(tmp_path))


def test_silence_is_said_to_hold_no_word(run, tmp_path):
    soundfile.write(tmp_path / "silence.wav", np.zeros(8000), 8000)
    shown = ask("transcribe", run / "run", tmp_path / "silence.wav")
    assert (shown.exit_code, shown.stdout) == (0, "")
    assert "no word was heard" in shown.stderr


def test_what_comes_next_is_to_transcribe(model):
    assert "weights transcribe runs/texts NEW.wav" in next_lines(Path("runs/texts"), model.ensemble)[1]


@pytest.mark.parametrize(
    ("setting", "words"), [({"hop": 0.007}, "A hop must fit into moments"), ({"moment": 0.1}, "Leave model.moment out")]
)
def test_moments_that_frames_do_not_make_up_are_refused(run, setting, words):
    with pytest.raises(UsageError, match=words):
        wt.fit(str(run / "learned" / "texts.csv"), **SMALL, **setting)


def test_questions_of_classes_are_refused_in_words(run):
    for question in (("explain", run / "new" / "0.wav"), ("confusion",), ("gallery",), ("diagnose",), ("calibration",)):
        result = ask(question[0], run / "run", *question[1:])
        assert result.exit_code in (2, 3), question
        assert "holds texts" in result.stderr, (question, result.stderr)
    assert ask("show", run / "run").exit_code == 0
    assert ask("filters", run / "run").exit_code == 0


def test_models_that_answer_rows_as_a_whole_are_refused(run):
    with pytest.raises(UsageError, match=r"linear answers rows as a whole, .* Use spectrogram"):
        wt.fit(str(run / "learned" / "texts.csv"), task="transcript", target="text", model="linear")


def test_words_that_are_many_are_spelled_and_a_lexicon_says_which_there_are(tmp_path):
    learned, new = write_spelled(tmp_path / "learned", 160), write_spelled(tmp_path / "new", 20, seed=1)
    model = wt.fit(str(learned), n_steps=300, widths=(8, 16, 32), blocks=(0, 0, 0), **SMALL, **PLAIN)
    assert model.ensemble.task.symbols == [" ", "a", "b", "c", "d"]
    assert model.metrics["word_error_rate"] < 0.1
    heard = model.transcribe_each(str(new), said="text")
    assert heard.errors.rate.value < 0.1
    lexicon = ["abc", "dd"]
    assert {word.word for words in model.transcribe_each(str(new), lexicon=lexicon).words for word in words} <= {*lexicon}
    with pytest.raises(UsageError, match="Phrases need a run that learned whole words"):
        model.transcribe(str(tmp_path / "new" / "0.wav"), phrases=[["abc"]])
    with pytest.raises(UsageError, match="The word 'z' is made of others"):
        model.transcribe(str(tmp_path / "new" / "0.wav"), lexicon=["z"])


def test_recordings_are_found_in_tables_and_folders(tmp_path):
    (tmp_path / "one.wav").write_bytes(encode(np.ones(800) * 0.1))
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "two.flac").write_bytes(encode(np.ones(800) * 0.1, form="FLAC"))
    (tmp_path / "notes.txt").write_text("nothing")
    assert list_recordings(tmp_path).names == ["deeper/two.flac", "one.wav"]
    table = pa.table({"who": ["a", "b"], "file": [str(tmp_path / "one.wav")] * 2, "text": ["Go!", None]})
    listed = list_recordings(table, said="text", group="who")
    assert listed.said == [["go"], None]
    assert list_recordings(table.to_pandas(), said="text").names == listed.names
    assert listed.group.tolist() == [0, 1]
    with pytest.raises(DataError, match="holds no recordings"):
        list_recordings((tmp_path / "empty").mkdir() or tmp_path / "empty")
    with pytest.raises(DataError, match="'text' is empty in all rows"):
        list_recordings(pa.table({"file": table["file"], "text": pa.nulls(2, pa.string())}), said="text")
    with pytest.raises(NotFoundError, match="no column 'txt'"):
        list_recordings(table, said="txt")
    with pytest.raises(DataError, match="none does"):
        list_recordings(pa.table({"x": [1.0]}))


def test_one_recording_and_standard_input_are_not_many(tmp_path):
    assert not holds_many(tmp_path / "call.wav")
    assert not holds_many("-")
    assert not holds_many(np.zeros(8))
    assert holds_many(tmp_path)
    assert holds_many("calls.parquet")
    assert RATE == 8_000


def test_a_word_that_is_not_known_is_an_error():
    words = [Word(1, 0.0, 0.1, 0.9, 1.0), Word(None, 0.2, 0.3, 0.2, 0.5, "two")]
    errors = judge([words], [["1", "two"]])
    assert (errors.substitutions, errors.rate.value) == (1, 0.5)
    assert errors.confusions == {("two", ""): 1}
