"""Decoding: likelihoods against sums over all ways, candidates against all sequences, places of spikes that are known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from weights.tasks.ctc import find_candidates, locate_words, log_likelihoods, make_grammar


def random_moments(rng, *shape):
    logits = 2 * rng.normal(size=shape)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def collapse(path, blank):
    return tuple(word for word, _ in itertools.groupby(path) if word != blank)


def sums_over_ways(moments):
    """The probability of each sequence, by its definition: the sum over all paths that collapse to it."""
    t, k = moments.shape
    sums = {}
    for path in itertools.product(range(k), repeat=t):
        words = collapse(path, k - 1)
        sums[words] = sums.get(words, 0.0) + np.exp(sum(moments[i, word] for i, word in enumerate(path)))
    return sums


def test_likelihoods_are_sums_over_all_ways_to_say_a_sequence():
    rng = np.random.default_rng(0)
    moments = random_moments(rng, 5, 3)
    sums = sums_over_ways(moments)
    assert sum(sums.values()) == pytest.approx(1)
    for n in range(4):
        sequences = [*itertools.product(range(2), repeat=n)]
        found = np.exp(log_likelihoods(moments, np.array(sequences, int).reshape(len(sequences), n)))
        assert found == pytest.approx([sums.get(words, 0.0) for words in sequences], abs=1e-12)


def test_likelihoods_agree_with_optax():
    import jax.numpy as jnp
    import optax

    rng = np.random.default_rng(1)
    moments = random_moments(rng, 2, 9, 5)
    words = np.array([3, 3, 1])
    theirs = optax.ctc_loss(jnp.asarray(moments), jnp.zeros((2, 9)), jnp.asarray([words, words]), jnp.zeros((2, 3)), blank_id=4)
    assert -log_likelihoods(moments, words[None])[:, 0] == pytest.approx(np.asarray(theirs), rel=1e-5)


def test_the_first_candidate_is_the_most_probable_of_all_sequences():
    rng = np.random.default_rng(2)
    for _ in range(20):
        moments = random_moments(rng, 5, 3)
        sums = sums_over_ways(moments)
        best = max(sums, key=sums.get)
        assert best in find_candidates(moments, make_grammar(2))


def test_a_lexicon_leaves_other_words_out_and_phrases_decide_between_words_that_sound_alike():
    alike = np.log(np.array([[0.45, 0.45, 0.1], [0.01, 0.01, 0.98], [0.45, 0.46, 0.09]]))
    assert find_candidates(alike, make_grammar(2, [0]))[0] == (0, 0)
    phrases = [[1, 0]] * 50
    assert find_candidates(alike, make_grammar(2, phrases=phrases))[0] == (1, 0)
    grammar = make_grammar(2, phrases=phrases)
    assert np.exp(grammar.follow).sum(1) == pytest.approx(1)
    assert grammar.weigh((1, 0)) > grammar.weigh((0, 1))


def test_words_are_located_where_they_are_said():
    moments = np.full((2, 12, 4), np.log(0.01))
    moments[..., 3] = np.log(0.97)
    for member, shift in enumerate((0, 2)):  # members say the same a little apart
        for word, at in ((0, 2), (0, 5), (2, 8)):
            moments[member, at + shift] = np.log([0.01, 0.01, 0.01, 0.01])
            moments[member, at + shift, word] = np.log(0.97)
    assert locate_words(moments, (0, 0, 2)) == pytest.approx([3, 6, 9], abs=0.2)
