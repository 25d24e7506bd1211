"""Mean spectra tell who speaks: they do not change with loudness, length and silence, and do with the microphone."""

from __future__ import annotations

import numpy as np
import scipy.signal

from weights.data.audio.column import Sound
from weights.data.audio.decoding import fit
from weights.data.audio.voice import describe_voices

COLUMN = Sound("file", 8_000, 4_000)


def described(*sounds):
    return describe_voices(COLUMN, np.stack([fit(sound, COLUMN.n_samples) for sound in sounds])[..., None])


def test_loudness_and_silence_do_not_matter():
    noise = 0.2 * np.random.default_rng(0).normal(size=3_200)
    plain, quiet, followed = described(noise, 0.1 * noise, np.concatenate([noise, np.zeros(800)]))
    np.testing.assert_allclose(quiet, plain, atol=0.02)  # samples are rounded to 16 bits
    assert np.abs(followed - plain).max() < 0.15  # a frame of 25 lies across the end


def test_a_microphone_is_its_curve():
    """The difference of two recordings through one filter is noise of each, that to another its curve: 12 decibels an octave."""
    noise = np.random.default_rng(1).normal(size=(3, 4_000))
    low = scipy.signal.lfilter(*scipy.signal.butter(2, 1_000, fs=8_000), noise[1:])
    plain, filtered, again = described(noise[0], *low)
    assert np.sqrt(((filtered - again) ** 2).mean()) < np.sqrt(((filtered - plain) ** 2).mean()) / 4
    assert filtered[10] - filtered[-1] > plain[10] - plain[-1] + 2


def test_recordings_too_short_for_a_frame_are_zeros():
    assert (described(np.ones(10)) == 0).all()
    assert (describe_voices(COLUMN, np.zeros((2, 4_000, 1), np.int16)) == 0).all()
