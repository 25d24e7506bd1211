"""Word errors: what they are made of, and how often intervals of the rate hold it."""

from __future__ import annotations

import numpy as np
import pytest

from weights.tasks.worderrors import count_word_errors


def test_errors_are_counted_by_sort_and_confusions_by_word():
    errors = count_word_errors([["a", "b", "c"], ["a"], []], [["a", "x", "c"], ["a", "b"], ["c"]])
    assert (errors.n_words, errors.substitutions, errors.insertions, errors.deletions) == (6, 1, 0, 2)
    assert errors.rate.value == pytest.approx(3 / 6)
    assert errors.confusions == {("x", "b"): 1}


def test_more_words_than_were_said_make_a_rate_above_one_and_none_said_make_no_rate():
    assert count_word_errors([["a", "b", "c"], ["a"]], [["z"], ["a"]]).rate.value == pytest.approx(3 / 2)
    nothing = count_word_errors([["a"]], [[]])
    assert np.isnan(nothing.rate.value)
    assert nothing.rate.low is None
    assert nothing.insertions == 1


def test_no_error_is_not_said_to_be_certain():
    """Of 20 recordings without an error 0.025 ** (1 / 20) = 0.8316 is the least share of such."""
    rate = count_word_errors([["a"]] * 20, [["a"]] * 20).rate
    assert (rate.value, rate.low, rate.high) == (0.0, 0.0, pytest.approx(1 - 0.025 ** (1 / 20)))
    assert count_word_errors([["a"]], [["a"]]).rate.high is None


@pytest.mark.parametrize(("n_speakers", "least"), [(5, 0.92), (20, 0.92)])
def test_intervals_over_speakers_hold_the_rate_of_other_speakers(n_speakers, least):
    """Speakers have rates of their own, of which the mean is 0.2; 400 draws, 0.95 less nearly three standard errors of 0.011."""
    rng, held, ignoring = np.random.default_rng(2), [], []
    group = np.repeat(np.arange(n_speakers), 12)
    for _ in range(400):
        wrong = rng.random((len(group), 4)) < rng.beta(2, 8, n_speakers)[group][:, None]
        said = [["a"] * 4] * len(group)
        transcribed = [["b" if w else "a" for w in row] for row in wrong]
        by_speaker, by_recording = (count_word_errors(transcribed, said, group=g).rate for g in (group, None))
        held.append(by_speaker.low <= 0.2 <= by_speaker.high)
        ignoring.append(by_recording.low <= 0.2 <= by_recording.high)
    assert np.mean(held) >= least
    assert np.mean(ignoring) < 0.85  # what speakers are for
