"""Strings: words stand where they are said to stand, one speaker's rows are neighbours, and moments are covered by what they hold."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from weights.models.hearing import Played, equalise
from weights.models.strings import JOINED, Words, compose, cover, string_length

RATE = 1_000
SEED, STEP = jnp.uint32(3), jnp.int32(7)


def recordings(n, size=400, longest=400):
    """Constant sounds, each of its own height, so that a string shows which they are."""
    lengths = np.random.default_rng(0).integers(40, longest, n)
    samples = np.where(np.arange(size) < lengths[:, None], np.arange(1, n + 1)[:, None], 0.0)
    return Played(jnp.asarray(samples, jnp.float32), jnp.asarray(lengths))


@pytest.mark.parametrize("n", [4, 16, 7, 1])
def test_each_word_is_where_it_is_said_to_be(n):
    played = recordings(n)
    strings, words = compose(played, RATE, seed=SEED, step=STEP)
    assert strings.samples.shape == (2 * -(-n // JOINED), string_length(400))
    assert {int(row) for row in np.asarray(words.rows).ravel()} <= {*range(n)}
    starts, ends, holds = (np.asarray(values) for values in (words.starts, words.ends, words.holds))
    assert (ends - starts)[holds] == pytest.approx(np.asarray(played.n_samples)[np.asarray(words.rows)][holds])
    for string, start, end, there in zip(np.asarray(strings.samples), starts, ends, holds, strict=True):
        inside = np.zeros(len(string), bool)
        for a, b, held in zip(start, end, there, strict=True):
            inside[a : int(b)] |= held
        assert (string[inside] > 0).all()
    n_samples = np.asarray(strings.n_samples)
    assert np.asarray((strings.samples**2).sum(1) / n_samples)[holds.any(1)] == pytest.approx(1, rel=1e-4)


def test_singles_stand_alone_some_are_left_out_and_strings_have_gaps_and_overlaps():
    gaps, empty, pauses = [], [], []
    for step in range(40):
        _, words = compose(recordings(32, longest=120), RATE, seed=SEED, step=jnp.int32(step))
        starts, ends, holds = (np.asarray(values) for values in words[1:])
        assert (holds[:8].sum(1) <= 1).all()
        assert (holds[:8, 0] | ~holds[:8].any(1)).all()
        assert (starts[:8, 0] == 0).all()
        empty.append(1 - holds[:8, 0].mean())
        between = (starts[8:, 1:] - ends[8:, :-1])[holds[8:, 1:]] / RATE
        gaps += between.tolist()
        pauses.append((between > 0.4).mean())
    assert 0.06 < np.mean(empty) < 0.18  # 0.12 of 320, four standard errors of 0.018
    assert min(gaps) < -0.01
    assert np.mean(pauses) > 0.01


def test_moments_are_covered_by_the_words_in_them():
    words = Words(*(jnp.asarray([values]) for values in ([0, 1, 2], [0, 150, 260], [100, 250, 300], [True, True, False])))
    shares = np.asarray(cover(words, jnp.asarray([[0.0, 100, 200, 300]])))[0]
    assert shares == pytest.approx(np.array([[1, 0, 0], [0, 0.5, 0], [0, 0.5, 0]]), abs=1e-6)
    both = Words(*(jnp.asarray([values]) for values in ([0, 1], [0, 0], [100, 100], [True, True])))
    assert np.asarray(cover(both, jnp.asarray([[0.0, 100]])))[0] == pytest.approx(np.array([[0.5, 0.5]]))


def test_equal_loudness_is_that_of_the_samples_that_there_are():
    sound = equalise(jnp.asarray([[3.0, 3.0, 0.0, 0.0]]), jnp.asarray([2]))
    assert np.asarray(sound.samples[0]) == pytest.approx([1, 1, 0, 0], rel=1e-5)
