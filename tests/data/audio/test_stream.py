"""Sound piece by piece: files and streams agree with what was written, whatever the pieces, rates and depths; bad streams in words."""

from __future__ import annotations

import io

import numpy as np
import pytest
from tests.sounds import RATE, encode, tone

from weights.data.audio.stream import find_faults, read_array, read_file, read_standard_stream
from weights.errors import DataError, NotFoundError

SOUND = np.concatenate([tone(500, 0.4), np.zeros(800), tone(900, 0.3)]).astype(np.float32)


class Pipe(io.RawIOBase):
    """A stream that cannot be sought and gives what it likes."""

    def __init__(self, content: bytes) -> None:
        self.content = io.BytesIO(content)

    def readable(self):
        return True

    def seekable(self):
        return False

    def readinto(self, buffer):
        part = self.content.read(min(len(buffer), 997))
        buffer[: len(part)] = part
        return len(part)


def pipe(content):
    return io.BufferedReader(Pipe(content))


def joined(pieces):
    return np.concatenate([*pieces])


@pytest.mark.parametrize(("subtype", "step"), [("PCM_U8", 1 / 128), ("PCM_16", 1 / 32768), ("PCM_32", 1e-6)])
def test_a_stream_gives_the_samples_that_were_written(subtype, step):
    """To the step of the depth."""
    pieces = [*read_standard_stream(pipe(encode(SOUND, subtype=subtype)), RATE)]
    assert len(pieces) > 5
    assert np.abs(joined(pieces) - SOUND).max() <= step


def test_channels_are_mixed_and_samples_without_a_head_are_16_bits():
    both = np.stack([SOUND, 0 * SOUND], 1)
    assert joined(read_standard_stream(pipe(encode(both)), RATE)) == pytest.approx(SOUND / 2, abs=1e-4)
    raw = (SOUND * 32767).astype("<i2").tobytes()
    assert joined(read_standard_stream(pipe(raw + b"\x01"), RATE, raw=RATE)) == pytest.approx(SOUND, abs=1e-4)


def test_a_file_and_an_array_of_another_rate_are_resampled_over_the_borders_of_pieces(tmp_path):
    import soxr

    slow = soxr.resample(SOUND, RATE, 5_000)
    (tmp_path / "x.flac").write_bytes(encode(np.tile(slow, 20), 5_000, "FLAC", "PCM_24"))
    whole = joined(read_file(tmp_path / "x.flac", RATE))
    assert len(whole) == pytest.approx(20 * len(SOUND), abs=20)
    assert whole == pytest.approx(joined(read_array(np.tile(slow, 20), 5_000, RATE))[: len(whole)], abs=1e-3)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "ended before it held a sound"),
        (b"hello, this is no sound at all", "must be a WAV of whole numbers"),
        (encode(SOUND)[:20], "ended before it held a sound"),
        (encode(SOUND, subtype="FLOAT"), "must be a WAV of whole numbers"),
        (encode(SOUND, subtype="PCM_24"), "24 bits"),
        (encode(SOUND[:0]), "0 samples"),
    ],
)
def test_a_stream_that_is_no_wav_is_refused(content, words):
    with pytest.raises(DataError, match=words):
        joined(read_standard_stream(pipe(content), RATE))


def test_channels_that_cancel_each_other_are_not_silence(tmp_path):
    both = np.stack([SOUND, -SOUND], 1)
    (tmp_path / "call.raw").write_bytes(encode(both))  # whatever its name says
    for pieces in (read_file(tmp_path / "call.raw", RATE), read_standard_stream(pipe(encode(both)), RATE), read_array(both, RATE, RATE)):
        assert np.abs(joined(pieces)) == pytest.approx(np.abs(SOUND), abs=1e-4)


def test_nothing_without_a_head_is_refused():
    with pytest.raises(DataError, match="ended before it held a sound"):
        joined(read_standard_stream(pipe(b""), RATE, raw=RATE))


def test_files_and_arrays_that_hold_no_sound_are_refused(tmp_path):
    with pytest.raises(NotFoundError, match="There is no recording"):
        [*read_file(tmp_path / "x.wav", RATE)]
    for content, words in (
        (b"", "is empty"),
        (encode(SOUND[:0]), "0 samples"),
        (b"RIFFxxxx", "is cut off"),
        (b"PK\x03\x04...", "a zip"),
        (encode(SOUND)[:3000], "is cut off"),
    ):
        (tmp_path / "x.wav").write_bytes(content)
        with pytest.raises(DataError, match=words):
            [*read_file(tmp_path / "x.wav", RATE)]
    for samples, rate, words in ((SOUND[:0], RATE, "0 samples"), (np.array(["a"]), RATE, "no samples"), (SOUND, 3, "samples a second")):
        with pytest.raises(DataError, match=words):
            [*read_array(samples, rate, RATE)]
    with pytest.raises(DataError, match="NaN"):
        [*read_array(SOUND * np.nan, RATE, RATE)]
    with pytest.raises(DataError, match=r"channels of 1 samples, but shape \(t,\) or \(t, channels\) was needed"):
        [*read_array(SOUND[None], RATE, RATE)]
    with pytest.raises(DataError, match="is a folder"):
        [*read_file(tmp_path, RATE)]


def test_all_files_that_cannot_be_read_are_named_before_any_is_heard(tmp_path):
    for name, content in (("good.wav", encode(SOUND)), ("empty.wav", b""), ("half.wav", encode(SOUND)[:3000])):
        (tmp_path / name).write_bytes(content)
    faults = find_faults(tmp_path / name for name in ("good.wav", "empty.wav", "half.wav", "gone.wav"))
    assert [fault.split("' ")[1] for fault in faults] == ["is empty (0 bytes)", "is cut off", "is not there"]
