"""One file's sound: every format and depth gives the same samples, and what cannot be read says why."""

import numpy as np
import pytest

from sounds import RATE, encode, tone
from weights.data.audio import decoding
from weights.data.audio.column import ENDED, LOUDEST
from weights.data.audio.decoding import DecodedSound, decode, fit, resample, trim

TONE = tone(600)


def read(content, **options):
    sound = decode(content, **options)
    assert isinstance(sound, DecodedSound), sound
    return sound


def frequency(samples, rate=RATE):
    """Of the strongest wave, in hertz."""
    return np.abs(np.fft.rfft(samples)).argmax() * rate / len(samples)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_every_depth_gives_the_same_sound(subtype):
    sound = read(encode(TONE, subtype=subtype))
    assert sound.format == "WAV"
    assert np.abs(sound.samples).max() == pytest.approx(1)
    assert frequency(sound.samples) == pytest.approx(600, abs=5)


@pytest.mark.parametrize(("form", "subtype", "named"), [("FLAC", None, "FLAC"), ("OGG", "VORBIS", "OGG"), ("MP3", None, "MP3")])
def test_compressed_formats_are_read(form, subtype, named):
    sound = read(encode(tone(600, 0.5, rate=16000), 16000, form, subtype), sample_rate=RATE)
    assert sound.format == named
    assert sound.rate == 16000
    assert frequency(sound.samples) == pytest.approx(600, abs=5)


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 96000])
def test_any_rate_becomes_the_wanted_one(rate):
    sound = read(encode(tone(600, 0.5, rate=rate), rate), sample_rate=RATE)
    assert frequency(sound.samples) == pytest.approx(600, abs=5)
    assert sound.seconds == pytest.approx(0.5, abs=0.001)


def test_what_lies_above_half_of_the_wanted_rate_does_not_come_back_lower():
    loud = np.sin(2 * np.pi * 7000 * np.arange(16000) / 16000) + 0.01 * np.sin(2 * np.pi * 500 * np.arange(16000) / 16000)
    assert frequency(resample(loud, 16000, RATE)[500:-500]) == pytest.approx(500, abs=5)


def test_channels_are_mixed_and_where_they_cancel_the_loudest_is_read():
    eight = read(encode(np.stack([TONE] * 8, 1)))
    np.testing.assert_allclose(eight.samples, read(encode(TONE)).samples, atol=1e-3)
    opposed = read(encode(np.stack([TONE, -0.999 * TONE], 1)))
    assert opposed.is_cancelled
    np.testing.assert_allclose(opposed.samples, eight.samples, atol=1e-3)


def test_neither_loudness_nor_an_offset_tells_recordings_apart():
    quiet = read(encode(0.01 * TONE + 0.3, subtype="FLOAT"))
    np.testing.assert_allclose(quiet.samples, read(encode(TONE, subtype="FLOAT")).samples, atol=2e-3)


def test_clipped_peaks_are_noticed():
    assert read(encode(np.clip(4 * TONE, -1, 1))).is_clipped
    assert not read(encode(TONE)).is_clipped


def test_silence_at_both_ends_is_cut_but_for_a_margin():
    padded = np.concatenate([np.zeros(4000), TONE, np.zeros(4000)])
    assert len(trim(padded, RATE)) == pytest.approx(len(TONE), abs=0.12 * RATE)
    assert read(encode(padded)).seconds == pytest.approx(1.3)


def noise_of(seconds: float, decibels: float) -> np.ndarray:
    """White noise, so much louder than the tone."""
    rng = np.random.default_rng(0)
    return rng.normal(size=round(seconds * RATE)) * np.sqrt((TONE**2).mean()) * 10 ** (decibels / 20)


def test_a_quiet_consonant_behind_a_gap_is_kept():
    # As the end of "six": a stop, and a hiss 45 dB below the vowel.
    word = np.concatenate([TONE, np.zeros(round(0.08 * RATE)), noise_of(0.12, -45)])
    assert len(trim(np.concatenate([word, np.zeros(RATE)]), RATE)) == pytest.approx(len(word), abs=0.06 * RATE)


@pytest.mark.parametrize("decibels", [-45, -58, -70])
def test_long_noise_far_below_the_loudest_is_cut(decibels):
    kept = len(trim(np.concatenate([noise_of(1.0, decibels), TONE, noise_of(1.0, decibels)]), RATE)) - len(TONE)
    assert kept <= 0.62 * RATE


def test_the_loudest_stretch_of_a_long_recording_is_kept_and_a_short_one_says_where_it_ends():
    samples = np.concatenate([0.1 * np.ones(50), np.ones(20), 0.1 * np.ones(50)])
    assert (fit(samples, 20) == LOUDEST).all()
    fitted = fit(np.array([0.5, -1.0]), 4)
    assert fitted.tolist() == [16384, -LOUDEST, ENDED, ENDED]


WAV = encode(TONE)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (WAV[:20], "is cut off"),
        (WAV[: len(WAV) // 2], "is cut off"),
        (encode(np.zeros(0)), "holds no sound"),
        (encode(np.array([0.5])), "1 sample, 0.000 s, too short"),
        (encode(np.zeros(RATE)), "is silent"),
        (encode(np.full(RATE, 0.4)), "is silent"),
        (encode(np.append(TONE, np.nan), subtype="FLOAT"), "are no numbers"),
        (encode(TONE, 100), "100 samples a second"),
        (encode(TONE, form="AIFF"), "save it as WAV or FLAC"),
        (encode(tone(600, rate=16000), 16000, "FLAC")[:2000], "is damaged|is cut off"),
        (b"good morning", "is text"),
        (b"\x89PNG\r\n\x1a\n0000", "is a picture"),
        (bytes(range(256)) * 8, "is not a WAV, FLAC, OGG or MP3 recording"),
        (np.array([["a"]]), "no samples"),
    ],
)
def test_what_cannot_be_read_says_why(content, reason):
    said = decode(content, sample_rate=RATE, rate=RATE)
    assert isinstance(said, str)
    assert any(each in said for each in reason.split("|")), said


def test_a_long_recording_is_refused_before_it_is_decoded(monkeypatch):
    monkeypatch.setattr(decoding, "MOST_SECONDS_READ", 0.1)
    assert "longer than" in str(decode(WAV))


def test_a_stream_without_a_size_in_its_head_is_read():
    endless = WAV[:4] + b"\xff\xff\xff\xff" + WAV[8:40] + b"\xff\xff\xff\xff" + WAV[44:]
    assert len(read(endless).samples) == len(read(WAV).samples)


def test_random_damage_gives_a_reason_or_a_sound_and_nothing_else():
    rng = np.random.default_rng(0)
    for form in ("WAV", "FLAC", "OGG"):
        content = np.frombuffer(encode(tone(600, rate=16000), 16000, form), np.uint8)
        for _ in range(40):
            damaged = content.copy()
            damaged[rng.integers(0, len(damaged), 10)] = rng.integers(0, 256, 10)
            assert isinstance(decode(damaged.tobytes(), sample_rate=RATE), str | DecodedSound)


def test_arrays_are_samples_whatever_their_type():
    want = read(encode(TONE)).samples
    for values in (TONE, (TONE * 32767).astype(np.int16), (128 + TONE * 127).astype(np.uint8)):
        np.testing.assert_allclose(read(values, rate=RATE).samples, want, atol=0.02)  # a step of 8 bits
