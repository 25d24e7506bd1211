"""From moments to words: candidates by prefix beam search, and how probable sequences of words are.

Of each moment the log probabilities of words and, last, of none (the blank) are given. A sequence is as probable as all ways together
in which moments can say it, where a word may take several moments and blanks lie between words or not (Graves et al. 2006, equations 3
to 8); candidates are found by the beam search of Hannun et al. 2014, "First-Pass Large Vocabulary Continuous Speech Recognition using
Bi-Directional Recurrent DNNs".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from weights.types import BoolArray, FloatArray, IntArray

_NEVER = -1e30
_WIDTH, _N_CANDIDATES = 8, 4
"""Prefixes that are followed, and candidates that are handed on (our choices)."""
_RARE = -7.0
"""Log probability of a word at a moment below which no prefix goes on with it (our choice)."""
_KNOWN_PAIRS = 0.5
"""Added to counts of pairs of words, so that none is impossible (our choice)."""


class Grammar(NamedTuple):
    """What may be said.

    Attributes:
        allowed: which words, shape (k,).
        follow: log probability of each word behind each, and, last row, at the begin, shape (k + 1, k); zeros where all are alike.
    """

    allowed: BoolArray
    follow: FloatArray

    def behind(self, word: int) -> Grammar:
        """The grammar of what begins behind a word."""
        return self._replace(follow=np.vstack([self.follow[:-1], self.follow[word]]))

    def weigh(self, words: Sequence[int]) -> float:
        """The log probability of a sequence."""
        before = (len(self.follow) - 1, *words[:-1])
        return float(sum(self.follow[a, b] for a, b in zip(before, words, strict=True))) if words else 0.0


def make_grammar(n_words: int, lexicon: Iterable[int] | None = None, phrases: Iterable[Sequence[int]] = ()) -> Grammar:
    """A grammar of the words of a lexicon, all by default, that follow each other as in phrases, if there are some.

    Example:
        >>> grammar = make_grammar(3, phrases=[[0, 1], [0, 1]])
        >>> np.exp(grammar.follow[0]).round(2).tolist()  # behind word 0
        [0.14, 0.71, 0.14]
    """
    allowed = np.ones(n_words, bool)
    if lexicon is not None:
        allowed[:] = False
        allowed[[*lexicon]] = True
    counts = np.zeros((n_words + 1, n_words))
    for phrase in phrases:
        for before, word in zip((n_words, *phrase[:-1]), phrase, strict=True):
            counts[before, word] += 1
    if not counts.any():
        return Grammar(allowed, counts)
    counts += _KNOWN_PAIRS
    return Grammar(allowed, np.log(counts / counts.sum(1, keepdims=True)))


def find_candidates(moments: FloatArray, grammar: Grammar) -> list[tuple[int, ...]]:
    """The most probable sequences of words, the best first.

    Args:
        moments: log probabilities (t, k + 1).
        grammar: of k words.

    Example:
        >>> moments = np.log([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8], [0.1, 0.8, 0.1]])  # of two words and the blank
        >>> find_candidates(moments, make_grammar(2))[0]
        (0, 1)
    """
    blank = moments.shape[1] - 1
    prefixes: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, _NEVER)}
    for moment in moments:
        after: dict[tuple[int, ...], list[float]] = defaultdict(lambda: [_NEVER, _NEVER])
        words = [int(word) for word in np.flatnonzero((moment[:blank] > _RARE) & grammar.allowed)]
        for prefix, (in_blank, in_word) in prefixes.items():
            both, last = np.logaddexp(in_blank, in_word), prefix[-1] if prefix else blank
            same = after[prefix]
            same[0] = np.logaddexp(same[0], both + moment[blank])
            if prefix:
                same[1] = np.logaddexp(same[1], in_word + moment[last])
            for word in words:
                came = in_blank if prefix and word == last else both
                longer = after[(*prefix, word)]
                longer[1] = np.logaddexp(longer[1], came + moment[word] + grammar.follow[last, word])
        ranked = sorted(after.items(), key=lambda each: -np.logaddexp(each[1][0], each[1][1]))
        prefixes = {prefix: (logs[0], logs[1]) for prefix, logs in ranked[:_WIDTH]}
    return [*prefixes][:_N_CANDIDATES]


def log_likelihoods(moments: FloatArray, sequences: IntArray) -> FloatArray:
    """How probable sequences of equally many words are, (..., s), by moments (..., t, k + 1) and sequences (s, n); their logarithms.

    Example:
        >>> moments = np.log([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8], [0.1, 0.8, 0.1]])
        >>> np.exp(log_likelihoods(moments, np.array([[0, 1], [1, 0]]))).round(4).tolist()
        [0.656, 0.012]
    """
    states = _forward(moments, sequences)[-1]
    return np.logaddexp(states[..., -1], states[..., -2]) if sequences.shape[1] else states[..., -1]


def locate_words(moments: FloatArray, words: Sequence[int]) -> FloatArray:
    """The moment at which each word of a sequence is expected, shape (n,), a mean over members of moments (m, t, k + 1)."""
    sequence = np.array([words])
    forward = _forward(moments, sequence)
    backward = _forward(moments[:, ::-1], sequence[:, ::-1])[::-1, ..., ::-1]
    own = np.moveaxis(moments[..., _extend(sequence, moments.shape[-1] - 1)], 1, 0)  # which both count
    spoken = (forward + backward - own)[:, :, 0, 1::2]
    weights = np.exp(spoken - spoken.max(0))
    expected = (weights * np.arange(len(spoken))[:, None, None]).sum(0) / weights.sum(0)
    return np.asarray(expected.mean(0))


def _extend(sequences: IntArray, blank: int) -> IntArray:
    """Sequences (s, n) with blanks around each word, (s, 2 n + 1)."""
    extended = np.full((len(sequences), 2 * sequences.shape[1] + 1), blank)
    extended[:, 1::2] = sequences
    return extended


def _forward(moments: FloatArray, sequences: IntArray) -> FloatArray:
    """Log probabilities of being in each state of extended sequences behind each moment, (t, ..., s, 2 n + 1)."""
    blank = moments.shape[-1] - 1
    extended = _extend(sequences, blank)
    skips = np.zeros(extended.shape, bool)
    skips[:, 2:] = (extended[:, 2:] != blank) & (extended[:, 2:] != extended[:, :-2])
    own = np.moveaxis(moments[..., extended], -3, 0)
    states = np.empty(own.shape)
    states[0] = _NEVER
    states[0, ..., :2] = own[0, ..., :2]
    for t in range(1, len(own)):
        last = states[t - 1]
        came = last.copy()
        came[..., 1:] = np.logaddexp(came[..., 1:], last[..., :-1])
        came[..., 2:] = np.where(skips[:, 2:], np.logaddexp(came[..., 2:], last[..., :-2]), came[..., 2:])
        states[t] = came + own[t]
    return states
