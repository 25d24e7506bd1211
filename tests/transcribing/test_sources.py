"""What may be transcribed, and phrases from a text."""

from __future__ import annotations

import numpy as np
import pytest
from tests.sounds import RATE, encode, tone

import weights as wt
from weights.errors import DataError, NotFoundError, UsageError
from weights.transcribing.sources import read_phrases, read_pieces

SOUND = tone(600, 0.5).astype(np.float32)


def test_paths_arrays_and_recordings_give_the_same_sound(tmp_path):
    (tmp_path / "x.wav").write_bytes(encode(SOUND))
    ways = [(tmp_path / "x.wav", None), (SOUND, RATE), (wt.Recordings([SOUND], RATE), None)]
    for source, rate in ways:
        pieces = [*read_pieces(source, RATE, sample_rate=rate)]
        assert np.concatenate(pieces) == pytest.approx(SOUND, abs=1e-4)


def test_several_recordings_and_a_rate_too_many_are_refused(tmp_path):
    with pytest.raises(UsageError, match="One recording is transcribed at a time, but 2 came"):
        read_pieces(wt.Recordings([SOUND, SOUND], RATE), RATE)
    with pytest.raises(UsageError, match="says its own rate"):
        read_pieces(str(tmp_path / "x.wav"), RATE, sample_rate=RATE)


def test_a_list_of_arrays_is_not_taken_for_samples():
    with pytest.raises(UsageError, match="a list of arrays came"):
        read_pieces([SOUND], RATE, sample_rate=RATE)


def test_phrases_are_lines_of_words(tmp_path):
    path = tmp_path / "phrases.txt"
    path.write_text("one two\n\n  three \n")
    assert read_phrases(path) == [["one", "two"], ["three"]]
    path.write_text("\n \n")
    with pytest.raises(DataError, match="holds no words"):
        read_phrases(path)
    path.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(DataError, match="must be text"):
        read_phrases(path)
    with pytest.raises(NotFoundError, match="of phrases"):
        read_phrases(tmp_path / "none.txt")
