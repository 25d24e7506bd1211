"""Transcripts of tones that rise and fall: words and times that are known, streams in any pieces, words never learned, bad requests."""

from __future__ import annotations

import numpy as np
import pytest
from tests.sounds import RATE, rise_or_fall, tone, write_tones

import weights as wt
from weights.errors import DataError, NotFoundError, UsageError
from weights.tasks.worderrors import count_word_errors
from weights.transcribing.transcriber import Transcriber


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = write_tones(tmp_path_factory.mktemp("tones"), n_each=40)
    return wt.fit(str(folder), members=2, n_folds=2, n_steps=400, seed=1)


def compose(rng, n_words=30, noise=0.002):
    """Sound in which tones follow each other, and what they are, with their begins and ends."""
    parts, said, at = [np.zeros(2400)], [], 2400
    for _ in range(n_words):
        word = "rise" if rng.random() < 0.5 else "fall"
        samples = rise_or_fall(rng, word)
        gap = np.zeros(round(RATE * (rng.uniform(0.02, 0.3) if rng.random() < 0.8 else rng.uniform(0.5, 2.5))))
        parts += [samples / np.abs(samples).max() * rng.uniform(0.3, 0.9), gap]
        said.append((word, at / RATE, (at + len(samples)) / RATE))
        at += len(samples) + len(gap)
    sound = np.concatenate(parts)
    return (sound + noise * rng.normal(size=len(sound))).astype(np.float32), said


def test_words_are_heard_with_their_times(model):
    """All of 30 words, and edges within two moments of 0.05 s."""
    sound, said = compose(np.random.default_rng(3))
    words = model.transcribe(sound, sample_rate=RATE)
    errors = count_word_errors([[word.word or word.nearest for word in words]], [[word for word, _, _ in said]])
    assert errors.rate.value <= 0.04
    assert len(words) == len(said)
    misses = np.array([[word.start - start, word.end - end] for word, (_, start, end) in zip(words, said, strict=True)])
    assert np.median(np.abs(misses)) <= 0.05
    assert np.abs(misses).max() <= 0.15
    assert all(0 <= word.probability <= 1 and word.agreement in (0.0, 0.5, 1.0) for word in words)


def test_a_stream_in_any_pieces_gives_the_words_of_the_whole(model):
    """Windows are answered in other batches, which moves last digits only."""
    sound, _ = compose(np.random.default_rng(4))
    whole = model.transcribe(sound, sample_rate=RATE)
    rng = np.random.default_rng(5)
    for largest in (300, 5_000, 40_000):
        transcriber, words, at = Transcriber(model.ensemble), [], 0
        while at < len(sound):
            end = at + int(rng.integers(1, largest))
            words += transcriber.feed(sound[at:end])
            at = end
        words += transcriber.finish()
        assert [(word.word, word.nearest, word.start, word.end) for word in words] == [
            (word.word, word.nearest, word.start, word.end) for word in whole
        ]
        assert [word.probability for word in words] == pytest.approx([word.probability for word in whole], abs=2e-3)


def test_what_is_heard_meanwhile_is_there_before_its_window_is_complete(model):
    transcriber = Transcriber(model.ensemble)
    sound = np.concatenate([np.zeros(2400), rise_or_fall(np.random.default_rng(0), "rise"), np.zeros(800)]).astype(np.float32)
    assert transcriber.feed(sound) == []
    assert [word.word or word.nearest for word in transcriber.look_ahead()] == ["rise"]
    assert [word.word or word.nearest for word in transcriber.finish()] == ["rise"]


@pytest.mark.parametrize(("seconds", "size"), [(0.0, 0.0), (0.001, 0.1), (20.0, 0.0), (20.0, 0.1)])
def test_where_nobody_speaks_no_words_are_heard(model, seconds, size):
    noise = size * np.random.default_rng(6).normal(size=round(seconds * RATE))
    transcriber = Transcriber(model.ensemble)
    words = transcriber.feed(noise.astype(np.float32)) + transcriber.finish()
    assert [word for word in words if word.word is not None] == []
    assert len(words) <= 1  # what is none of those known, in 20 s of noise, by two members that took 400 steps


def test_a_lexicon_lets_only_its_words_be_heard_and_phrases_are_those_of_known_words(model):
    sound, said = compose(np.random.default_rng(7), n_words=8)
    only = model.transcribe(sound, sample_rate=RATE, lexicon=["rise"])
    assert {word.word or word.nearest for word in only} <= {"rise"}
    led = model.transcribe(sound, sample_rate=RATE, phrases=[["rise", "fall"], ["fall", "rise"]])
    assert len(led) == len(said)
    with pytest.raises(UsageError, match="'left' is none of those that were learned; these are fall, rise"):
        model.transcribe(sound, sample_rate=RATE, lexicon=["left"])
    with pytest.raises(UsageError, match="names none"):
        Transcriber(model.ensemble, lexicon=[])


def test_files_of_other_rates_and_channels_are_transcribed_alike(model, tmp_path):
    import soundfile
    import soxr

    sound, said = compose(np.random.default_rng(8), n_words=10)
    faster = soxr.resample(sound, RATE, 44_100)
    soundfile.write(tmp_path / "call.flac", np.stack([faster, faster], 1), 44_100)
    words = model.transcribe(tmp_path / "call.flac")
    assert [word.word or word.nearest for word in words] == [word for word, _, _ in said]


def test_a_saved_run_transcribes_as_before(model, tmp_path):
    sound, _ = compose(np.random.default_rng(9), n_words=6)
    model.save(tmp_path / "run")
    assert wt.load(tmp_path / "run").transcribe(sound, sample_rate=RATE) == model.transcribe(sound, sample_rate=RATE)


def test_what_cannot_be_transcribed_is_refused_in_words(model, tmp_path):
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "text.wav").write_text("no sound at all")
    with pytest.raises(NotFoundError, match="There is no recording"):
        model.transcribe(tmp_path / "none.wav")
    with pytest.raises(DataError, match="is empty"):
        model.transcribe(tmp_path / "empty.wav")
    with pytest.raises(DataError, match="is text, not a recording"):
        model.transcribe(tmp_path / "text.wav")
    with pytest.raises(DataError, match="NaN"):
        model.transcribe(np.array([0.1, np.nan] * 900), sample_rate=RATE)
    with pytest.raises(UsageError, match="need their rate"):
        model.transcribe(np.zeros(800))
    with pytest.raises(UsageError, match="Leave out the sample rate"):
        model.transcribe(tmp_path / "empty.wav", sample_rate=RATE)
    with pytest.raises(UsageError, match="run of recordings of single words"):
        wt.fit("iris", model="linear", members=2).transcribe(np.zeros(800), sample_rate=RATE)


def test_recordings_that_are_no_words_are_learned_one_by_one(tmp_path):
    rng = np.random.default_rng(0)
    long = [np.tile(tone(hertz), 10) for hertz in (*rng.uniform(300, 500, 12), *rng.uniform(900, 1200, 12))]
    model = wt.fit(wt.Recordings(long, RATE), ["low"] * 12 + ["high"] * 12, members=2, n_folds=2, n_steps=20)
    assert model.specs["spectrogram"].model.words == 0
    with pytest.raises(UsageError, match="run of recordings of single words"):
        model.transcribe(long[0], sample_rate=RATE)


def test_edges_are_in_order_where_expected_places_are_not():
    """Words that follow each other within a moment have expected places that may swap."""
    from weights.transcribing.transcriber import _find_edges

    loudness = np.array([0.001, 1.0, 1.0, 0.9, 1.0, 0.8, 0.001, 0.001])
    edges = _find_edges(loudness, np.array([[4.54, 4.54], [4.14, 4.14], [4.6, 4.6]]))
    assert all(begin < end for begin, end in edges)
    assert edges == sorted(edges)
