"""From moments to words: candidates by prefix beam search, and how probable sequences of words are.

Of each moment the log probabilities of words and, last, of none (the blank) are given. A sequence is as probable as all ways together
in which moments can say it, where a word may take several moments and blanks lie between words or not (Graves et al. 2006, equations 3
to 8); candidates are found by the beam search of Hannun et al. 2014, "First-Pass Large Vocabulary Continuous Speech Recognition using
Bi-Directional Recurrent DNNs".
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from weights.types import BoolArray, FloatArray, IntArray

_UNKNOWN = math.log(1e-12)
"""Log probability at a moment of a word that was never learned (our choice): a loss must stay finite."""
_NEVER = -1e30
_WIDTH, _N_CANDIDATES = 8, 4
"""Prefixes that are followed, and candidates that are handed on (our choices)."""
_RARE = -7.0
"""Log probability of a word at a moment below which no prefix goes on with it (our choice)."""
_FOUND: dict[bytes, tuple[int, ...]] = {}
"""Texts by what was told: several metrics ask for those of the same rows."""
_MOST_FOUND = 100_000
_HALF = math.log(0.5)
_KNOWN_PAIRS = 0.5
"""Added to counts of pairs of words, so that none is impossible (our choice)."""


class Grammar(NamedTuple):
    """What may be said.

    Attributes:
        allowed: which words, shape (k,).
        follow: log probability of each word behind each, and, last row, at the begin, shape (k + 1, k); zeros where all are alike.
        spelling: of symbols that are characters, code 0 the space, which may follow the characters of a word that has begun, (k,) by
            these; None where any may.
    """

    allowed: BoolArray
    follow: FloatArray
    spelling: Mapping[tuple[int, ...], BoolArray] | None = None

    def may_follow(self, prefix: tuple[int, ...]) -> BoolArray:
        """Which symbols may follow a sequence, shape (k,)."""
        return self.allowed if self.spelling is None else self.spelling[_begun(prefix)]

    def may_end(self, prefix: tuple[int, ...]) -> bool:
        """Whether a sequence may end here: where words are spelled, not within one."""
        return self.spelling is None or not _begun(prefix) or bool(self.spelling[_begun(prefix)][0])

    def behind(self, word: int) -> Grammar:
        """The grammar of what begins behind a word."""
        return self._replace(follow=np.vstack([self.follow[:-1], self.follow[word]]))

    def weigh(self, words: Sequence[int]) -> float:
        """The log probability of a sequence."""
        before = (len(self.follow) - 1, *words[:-1])
        return float(sum(self.follow[a, b] for a, b in zip(before, words, strict=True))) if words else 0.0


def _begun(prefix: tuple[int, ...]) -> tuple[int, ...]:
    """The characters behind the last space, code 0."""
    place = next((i for i in range(len(prefix) - 1, -1, -1) if prefix[i] == 0), -1)
    return prefix[place + 1 :]


def spell(grammar: Grammar, words: Iterable[Sequence[int]]) -> Grammar:
    """The grammar of characters in which only these words are spelled.

    Example:
        >>> grammar = spell(make_grammar(3), [[1], [1, 2]])  # "a" and "ab"
        >>> grammar.may_follow((1,)).tolist(), grammar.may_follow((1, 2)).tolist(), grammar.may_end((1, 2, 0, 1))
        ([True, False, True], [True, False, False], True)
    """
    spelling: dict[tuple[int, ...], BoolArray] = {}
    for word in words:
        for i, code in enumerate((*word, 0)):
            spelling.setdefault(tuple(word[:i]), np.zeros(len(grammar.allowed), bool))[code] = True
    return grammar._replace(spelling=spelling)


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
        heard = moment[:blank] > _RARE
        for prefix, (in_blank, in_word) in prefixes.items():
            words = np.flatnonzero(heard & grammar.may_follow(prefix)).tolist()
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
    whole = [prefix for prefix in prefixes if grammar.may_end(prefix)]
    return (whole or [*prefixes])[:_N_CANDIDATES]


def log_likelihoods(moments: FloatArray, sequences: IntArray) -> FloatArray:
    """How probable sequences of equally many words are, (..., s), by moments (..., t, k + 1) and sequences (s, n); their logarithms.

    Example:
        >>> moments = np.log([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8], [0.1, 0.8, 0.1]])
        >>> np.exp(log_likelihoods(moments, np.array([[0, 1], [1, 0]]))).round(4).tolist()
        [0.656, 0.012]
    """
    states = _forward(moments, sequences)[-1]
    return np.logaddexp(states[..., -1], states[..., -2]) if sequences.shape[1] else states[..., -1]


def find_texts(moments: FloatArray) -> list[tuple[int, ...]]:
    """The most probable sequence of words of each row of probabilities (n, t, k + 1); rows that were asked about lately are looked up."""
    texts = []
    for own in moments:
        key = hashlib.blake2b(np.ascontiguousarray(own).tobytes(), digest_size=16).digest() + str(own.shape).encode()
        if key not in _FOUND:
            if len(_FOUND) >= _MOST_FOUND:
                _FOUND.clear()
            _FOUND[key] = find_text(np.log(own))
        texts.append(_FOUND[key])
    return texts


def text_losses(y: IntArray, moments: FloatArray) -> FloatArray:
    """Minus the log probability of each sequence (n, w), which ends with codes below zero, by probabilities (n, t, k + 1), shape (n,)."""
    return -log_likelihoods_of(np.log(moments), y)


def find_text(moments: FloatArray) -> tuple[int, ...]:
    """The most probable sequence of words of moments (t, k + 1), whatever they are.

    Where the most probable way through the moments has more than half of all probability, no other sequence can have more.
    """
    best = moments.argmax(1)
    if moments[np.arange(len(moments)), best].sum() > _HALF:
        return tuple(word for word, _ in itertools.groupby(best.tolist()) if word != moments.shape[1] - 1)
    return find_candidates(moments, make_grammar(moments.shape[1] - 1))[0]


def log_likelihoods_of(moments: FloatArray, y: IntArray) -> FloatArray:
    """How probable a sequence of its own is by each row's moments (n, t, k + 1), logarithms (n,); y (n, w) ends with codes below zero.

    A code of k or more was never learned: its probability is 1e-12 at each moment.

    Example:
        >>> moments = np.log([[[0.8, 0.1, 0.1], [0.1, 0.1, 0.8], [0.1, 0.8, 0.1]]] * 2)
        >>> np.exp(log_likelihoods_of(moments, np.array([[0, 1], [1, -1]]))).round(4).tolist()
        [0.656, 0.09]
    """
    n, n_moments, n_words = moments.shape[0], moments.shape[1], moments.shape[2] - 1
    extended = _extend(np.where(y < 0, n_words, np.where(y >= n_words, n_words + 1, y)), n_words)
    skips = _find_skips(extended, n_words)
    is_unknown, extended = extended > n_words, np.minimum(extended, n_words)
    rows = np.arange(n)[:, None]
    states = np.full(extended.shape, _NEVER)
    for t in range(n_moments):
        own = np.where(is_unknown, _UNKNOWN, moments[rows, t, extended])
        if t == 0:
            states[:, :2] = own[:, :2]
        else:
            states = _advance(states, own, skips)
    last = 2 * (y >= 0).sum(1)
    at_end, before = states[rows[:, 0], last], states[rows[:, 0], np.maximum(last - 1, 0)]
    return np.where(last > 0, np.logaddexp(at_end, before), at_end)


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
    skips = _find_skips(extended, blank)
    own = np.moveaxis(moments[..., extended], -3, 0)
    states = np.empty(own.shape)
    states[0] = _NEVER
    states[0, ..., :2] = own[0, ..., :2]
    for t in range(1, len(own)):
        states[t] = _advance(states[t - 1], own[t], skips)
    return states


def _find_skips(extended: IntArray, blank: int) -> BoolArray:
    """Which states of extended sequences (s, 2 n + 1) may follow that before the last: words behind other words."""
    skips = np.zeros(extended.shape, bool)
    skips[:, 2:] = (extended[:, 2:] != blank) & (extended[:, 2:] != extended[:, :-2])
    return skips


def _advance(states: FloatArray, own: FloatArray, skips: BoolArray) -> FloatArray:
    """Log probabilities (..., s, 2 n + 1) one moment later, in which states are as probable as `own` says."""
    came = states.copy()
    came[..., 1:] = np.logaddexp(came[..., 1:], states[..., :-1])
    came[..., 2:] = np.where(skips[..., 2:], np.logaddexp(came[..., 2:], states[..., :-2]), came[..., 2:])
    return came + own
