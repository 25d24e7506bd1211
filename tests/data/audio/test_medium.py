"""Folders and tables of recordings: what they become, and what is said of it."""

import numpy as np
import pyarrow as pa
import pytest

from sounds import RATE, encode, tone, write_tones
from weights.data.audio.column import Sound, count_samples, sound_form
from weights.data.audio.kind import RECORDING
from weights.data.audio.medium import Recordings, SoundOptions, holds_recordings, read_recordings
from weights.data.files.labelled import FILE_NAMES
from weights.data.files.lists import list_array
from weights.data.table.delimited import remarks_of
from weights.data.table.read import read_table
from weights.errors import DataError, UsageError


def test_a_folder_for_each_word_is_a_table_of_recordings(tmp_path):
    table = read_recordings(write_tones(tmp_path), SoundOptions())
    assert table.column_names == ["recording", "class", FILE_NAMES]
    assert set(table["class"].to_pylist()) == {"rise", "fall"}
    n_samples, rate = sound_form(table.schema.field("recording"))
    assert rate == RATE
    longest = count_samples(list_array(table["recording"])).max()
    assert longest < n_samples <= 1.1 * longest + 1
    assert any(f"read at {RATE:,} samples a second" in remark for remark in remarks_of(table))


def test_a_folder_mostly_of_recordings_is_a_source_of_some(tmp_path):
    assert holds_recordings(write_tones(tmp_path, n_each=2))
    for i in range(9):
        (tmp_path / f"{i}.png").write_bytes(b"")
    assert not holds_recordings(tmp_path)


def test_odd_recordings_are_read_and_listed(tmp_path):
    write_tones(tmp_path)
    (tmp_path / "rise" / "clipped.wav").write_bytes(encode(np.clip(5 * tone(600), -1, 1)))
    (tmp_path / "rise" / "long.wav").write_bytes(encode(tone(600, 0.9)))
    (tmp_path / "rise" / "slow.flac").write_bytes(encode(tone(600, rate=4000), 4000))
    (tmp_path / "rise" / "silent.wav").write_bytes(encode(np.zeros(4000)))
    table = read_recordings(tmp_path, SoundOptions(seconds=0.5))
    said = " / ".join(remarks_of(table))
    for words in (
        "1 of 28 recordings could not be read and was left out: rise/silent.wav (is silent)",
        "1 recording is clipped: peaks are cut off flat: rise/clipped.wav",
        "of which the loudest stretch was read (--recording-seconds): rise/long.wav",
        "1 recording is sampled more slowly than others",
        "1 recording is of another format than the name says, and read as that: rise/slow.flac is WAV",
        "of rates from 4,000 to 8,000",
    ):
        assert words in said


def test_new_recordings_are_read_like_those_of_training_and_a_bad_one_is_refused(tmp_path):
    like = Sound("call", RATE, 2400)
    (tmp_path / "new.wav").write_bytes(encode(tone(600, rate=44100), 44100))
    (tmp_path / "empty.wav").write_bytes(b"")
    table = RECORDING.source.read_like(tmp_path / "new.wav", like, read_table)
    assert sound_form(table.schema.field("call")) == (2400, RATE)
    names = {"call": ["new.wav"], "speaker": ["a"]}
    (tmp_path / "new.csv").write_text("call,speaker\nnew.wav,a\n")
    named = RECORDING.source.read_like(tmp_path / "new.csv", like, read_table)
    assert named["call"].to_pylist() == table["call"].to_pylist()
    with pytest.raises(DataError, match="is empty"):
        RECORDING.source.read_like(tmp_path / "empty.wav", like, read_table)
    with pytest.raises(DataError, match="is not there"):
        RECORDING.source.read_like(pa.table(names), like, lambda data: data)


def test_recordings_in_memory_are_read_like_files(tmp_path):
    arrays = [tone(600), np.stack([tone(900, 0.2)] * 2, 1)]
    for i, samples in enumerate(arrays):
        (tmp_path / f"{i}.wav").write_bytes(encode(samples, subtype="FLOAT"))
    files = read_recordings(tmp_path, SoundOptions(seconds=0.4))
    memory = read_recordings(Recordings(arrays, RATE), SoundOptions(seconds=0.4))
    assert memory.column_names == ["recording"]
    np.testing.assert_allclose(list_array(memory["recording"]), list_array(files["recording"]), atol=2)
    with pytest.raises(DataError, match=r"row 2 \(is silent\)"):
        RECORDING.source.read_like(Recordings([arrays[0], np.zeros(800)], RATE), Sound("call", RATE, 2400), read_table)


@pytest.mark.parametrize(("samples", "rate"), [([0.5, 0.1], 8000), (None, 8000), ([[0.1, 0.2]], "fast")])
def test_what_is_no_recording_in_memory_is_refused(samples, rate):
    with pytest.raises(UsageError, match=r"Give .*\[array\]"):
        Recordings(samples, rate)


@pytest.mark.parametrize("options", [{"sample_rate": 10}, {"seconds": 0.01}, {"seconds": 1e6}])
def test_settings_out_of_bounds_are_refused(options):
    with pytest.raises(UsageError, match="Change --"):
        SoundOptions(**options)
