"""Recordings as a kind of column: blocks, words and refusals."""

import pyarrow as pa
import pytest

import weights as wt
from sounds import RATE, encode, tone, write_tones
from weights.data.audio.column import ENDED, Sound
from weights.data.audio.kind import RECORDING
from weights.data.audio.medium import SoundOptions, read_recordings
from weights.errors import DataError, UsageError


def test_a_block_holds_samples_and_says_where_they_end(tmp_path):
    table = read_recordings(write_tones(tmp_path, n_each=2), SoundOptions(seconds=0.5))
    record = RECORDING.fit(table, "recording")
    assert record == Sound("recording", RATE, RATE // 2)
    block = RECORDING.apply(record, table)
    assert block.shape == (4, RATE // 2, 1)
    assert (block[:, -1] == ENDED).all()
    assert RECORDING.describe(record) == "recordings of 0.50 s at most at 8,000 samples a second"
    assert all(" s of sound" in cell for cell in RECORDING.cells(record, table))
    with pytest.raises(DataError, match="needs recordings of 4,000 samples"):
        RECORDING.apply(record, pa.table({"recording": ["a.wav"]}))


def test_a_tampered_record_is_found():
    assert RECORDING.check(Sound("a", 8000, 800)) == []
    assert RECORDING.check(Sound("a", 8, 800))
    assert RECORDING.check(Sound("a", 8000, 1 << 40))


def test_settings_of_recordings_need_some(tmp_path):
    (tmp_path / "t.csv").write_text("a,y\n" + "\n".join(f"{i % 7},{i % 2}" for i in range(30)))
    with pytest.raises(UsageError, match="no recordings"):
        wt.fit(tmp_path / "t.csv", target="y", sample_rate=8000)


def test_a_folder_is_fitted_and_new_recordings_are_answered(tmp_path):
    folder = write_tones(tmp_path / "words", n_each=16)
    model = wt.fit(folder, members=2, n_folds=2, n_steps=60, seed=1)
    assert model.report.metrics["accuracy"].value > 0.9
    model.save(tmp_path / "run")
    new = write_tones(tmp_path / "new", n_each=4, seed=5)
    answers = wt.load(tmp_path / "run").predict(new)
    assert (answers == ["fall"] * 4 + ["rise"] * 4).mean() > 0.8
    (tmp_path / "call.ogg").write_bytes(encode(tone(1000, 0.3, rate=16000), 16000, "OGG"))
    assert len(model.predict(tmp_path / "call.ogg")) == 1
    assert model.predict([tone(1000, 0.3, rate=16000)], sample_rate=16000).tolist() == model.predict(tmp_path / "call.ogg").tolist()


def test_recordings_in_memory_are_learned_from():
    arrays = [samples for i in range(12) for samples in (tone(500 + 9 * i), tone(1500 + 9 * i))]
    model = wt.fit(wt.Recordings(arrays, RATE), ["low", "high"] * 12, model="spectrogram", members=2, n_folds=2, n_steps=30, seed=0)
    assert model.predict([tone(530), tone(1550)], sample_rate=RATE).tolist() == ["low", "high"]
