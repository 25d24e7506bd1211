"""Runs of recordings at the command line: transcripts in every form, streams, maps that can be heard, galleries, remedies, bare files."""

from __future__ import annotations

import io
import json
import wave

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from tests.sounds import RATE, encode, rise_or_fall, write_tones

import weights as wt
from weights.changes import changes
from weights.cli import cli
from weights.errors import RowsWarning


def ask(*args, **options):
    return CliRunner().invoke(cli, [*map(str, args)], **options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run of tones that rise and fall, and a call in which three follow each other."""
    folder = tmp_path_factory.mktemp("run")
    write_tones(folder / "tones", n_each=30)
    model = wt.fit(str(folder / "tones"), members=2, n_folds=2, n_steps=400, seed=1)
    model.save(folder / "saved")
    rng = np.random.default_rng(0)
    gap = np.zeros(1600)
    tones = [rise_or_fall(rng, word) for word in ("rise", "fall", "rise")]
    call = np.concatenate([part for tone in tones for part in (gap, 0.5 * tone / np.abs(tone).max())] + [gap])
    (folder / "call.wav").write_bytes(encode(call + 0.001 * rng.normal(size=len(call))))
    return folder


def test_a_transcript_is_lines_json_subtitles_or_rows(folder, tmp_path):
    lines = ask("transcribe", folder / "saved", folder / "call.wav").stdout.splitlines()
    assert [line.split()[-1] for line in lines] == ["rise", "fall", "rise"]
    assert all("2 of 2 members" in line for line in lines)
    found = json.loads(ask("transcribe", folder / "saved", folder / "call.wav", "--json").stdout)
    assert [word["word"] for word in found["words"]] == ["rise", "fall", "rise"]
    assert found["words"][0]["start"] == pytest.approx(0.2, abs=0.11)
    assert {*found["words"][0]} == {"word", "start", "end", "probability", "agreement", "nearest"}
    assert ask("transcribe", folder / "saved", folder / "call.wav", "--vtt").stdout.startswith("WEBVTT\n\n00:00:00.")
    for name in ("words.vtt", "words.csv", "words.jsonl", "words.parquet"):
        result = ask("transcribe", folder / "saved", folder / "call.wav", "-o", tmp_path / name)
        assert result.exit_code == 0, result.output
        assert "3 words in" in result.stderr
        assert (tmp_path / name).stat().st_size > 0


def test_standard_input_gives_the_words_of_the_file(folder):
    content = (folder / "call.wav").read_bytes()
    of_file = ask("transcribe", folder / "saved", folder / "call.wav").stdout
    assert ask("transcribe", folder / "saved", "-", input=content).stdout == of_file
    with wave.open(io.BytesIO(content)) as file:
        raw = file.readframes(file.getnframes())
    assert ask("transcribe", folder / "saved", "-", "--raw", RATE, input=raw).stdout == of_file


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["none.wav"], "There is no recording 'none.wav'"),
        (["call.wav", "--json", "--vtt"], "two forms of one answer"),
        (["call.wav", "--lexicon", "left"], "is none of those that were learned"),
        (["call.wav", "--phrases", "none.txt"], "There is no file 'none.txt' of phrases"),
        (["call.wav", "-o", "words.png"], "ends in '.png'"),
        (["call.wav", "--raw", "8000"], "says its own rate"),
    ],
)
def test_what_cannot_be_transcribed_is_said_in_one_line(folder, monkeypatch, given, words):
    monkeypatch.chdir(folder)
    result = ask("transcribe", "saved", *given)
    assert result.exit_code in (2, 3, 4)
    assert words in result.stderr
    assert "Traceback" not in result.output


def test_what_decides_can_be_heard(folder, tmp_path):
    path = folder / "tones" / "rise" / "3.wav"
    result = ask("explain", folder / "saved", path, "-o", tmp_path / "why.png", "--listen", tmp_path / "why.wav")
    assert result.exit_code == 0, result.output
    with wave.open(str(tmp_path / "why.wav")) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
        heard = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    assert 0.1 * RATE < len(heard) < 0.5 * RATE
    assert np.square(heard.astype(float)).mean() > 0
    kept = path.read_bytes()
    refused = ask("explain", folder / "saved", path, "--listen", path)
    assert refused.exit_code == 2
    assert "would be lost" in refused.stderr
    assert path.read_bytes() == kept
    refused = ask("explain", folder / "saved", path, "--listen", tmp_path / "why.mp3")
    assert refused.exit_code == 2
    assert "is written as .wav" in refused.stderr


def test_contributions_of_recordings_are_of_the_recording_as_a_whole(folder):
    model = wt.load(folder / "saved")
    files = pa.table({"recording": [str(folder / "tones" / "rise" / f"{i}.wav") for i in range(3)]})
    found = model.explain(files)
    assert found.features == ["recording"]
    np.testing.assert_allclose(found.base + found.contributions.sum(1), found.prediction, atol=0.02)


def test_the_gallery_names_and_draws_recordings(folder, tmp_path):
    result = ask("draw", folder / "saved", "gallery", "-o", tmp_path / "gallery.png")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "gallery.png").stat().st_size > 1_000
    assert "rise/" in ask("gallery", folder / "saved").stdout
    units = ask("draw", folder / "saved", "units", "--layer", "hidden.1", "-o", tmp_path / "units.png")
    assert units.exit_code == 0, units.output
    assert "of the rows that excite it most" in units.stdout
    assert "rising" in ask("filters", folder / "saved").stdout


def test_strings_need_random_steps_and_batches_of_whole_fours(folder):
    result = ask("fit", folder / "tones", "--set", "optimization=lbfgs", "--no-save")
    assert result.exit_code == 2
    assert "strings of words are composed anew. Set words to 0." in result.stderr
    model = wt.fit(str(folder / "tones"), members=2, n_folds=2, n_steps=4, batch_size=30)
    assert model.specs["spectrogram"].optimization.batch_size == 32


def test_remedies_change_how_sound_is_changed(folder):
    model = wt.load(folder / "saved")
    found = {change.name: change for change in changes(model.ensemble, model.read_again())}
    assert {"more-augmentation", "less-augmentation", "longer", "wider", "narrower"} <= {*found}
    more = found["more-augmentation"].specs["spectrogram"].augmentation
    assert (more.tempo, more.background, more.mask_time) == (0.5, 1.4, 0.1)
    assert found["less-augmentation"].specs["spectrogram"].augmentation.tempo == 0


def test_files_without_the_columns_beside_them_are_answered_with_a_warning_and_explained(folder, tmp_path):
    files = sorted(str(path) for path in (folder / "tones").rglob("*.wav"))
    table = {"file": files, "room": [i % 7 + 0.5 for i in range(len(files))], "label": [path.split("/")[-2] for path in files]}
    model = wt.fit(pa.table(table), target="label", model="spectrogram", members=2, n_folds=2, n_steps=60)
    model.save(tmp_path / "saved")
    with pytest.warns(RowsWarning, match="'room'"):
        answers = model.predict(str(folder / "tones" / "rise"))
    assert len(answers) == 30
    result = ask("explain", tmp_path / "saved", files[0], "-o", tmp_path / "why.png")
    assert result.exit_code == 0, result.output
    assert "'room': 1 of 1 rows have no value" in ask("predict", tmp_path / "saved", files[0]).stderr
