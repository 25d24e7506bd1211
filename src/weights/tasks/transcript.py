"""How good transcripts are: words aligned with those that were said, and the word error rate with its interval.

A transcript is a sequence of words. `align_words` pairs it with the words that were said, with as few errors as possible (Levenshtein
1966); of these a word error rate counts substitutions, insertions and deletions together, as a share of the words that were said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from weights.dependence import error_of_mean
from weights.tasks.proportions import Metric, least_share
from weights.types import IntArray

_SUBSTITUTED, _INSERTED, _DELETED = range(3)
Pair = tuple[Any, Any]
"""A word of a transcript and the word that was said: None where either has no counterpart."""


class WordErrors(NamedTuple):
    """What is wrong with transcripts.

    Attributes:
        rate: the word error rate, which is above one where more words are inserted than were said.
        n_words: that were said.
        substitutions, insertions, deletions: how many words are others, too many, and missing.
        confusions: how often a word (said, transcribed) was taken for another.
    """

    rate: Metric
    n_words: int
    substitutions: int
    insertions: int
    deletions: int
    confusions: Counter[Pair]


def align_words(transcribed: Sequence[Any], said: Sequence[Any]) -> list[Pair]:
    """Pairs of words (transcribed, said) with as few errors as possible; of as few, substitutions come before the others.

    Example:
        >>> align_words(["one", "two", "nine"], ["one", "three", "nine", "five"])
        [('one', 'one'), ('two', 'three'), ('nine', 'nine'), (None, 'five')]
    """
    n, m = len(transcribed), len(said)
    costs = np.zeros((n + 1, m + 1), int)
    costs[:, 0], costs[0] = np.arange(n + 1), np.arange(m + 1)
    ways = np.zeros((n + 1, m + 1), int)
    ways[1:, 0], ways[0, 1:] = _INSERTED, _DELETED
    for i, word in enumerate(transcribed, start=1):
        for j, other in enumerate(said, start=1):
            choices = costs[i - 1, j - 1] + (word != other), costs[i - 1, j] + 1, costs[i, j - 1] + 1
            ways[i, j] = way = int(np.argmin(choices))
            costs[i, j] = choices[way]
    pairs: list[Pair] = []
    i, j = n, m
    while i or j:
        way = ways[i, j]
        i, j = i - (way != _DELETED), j - (way != _INSERTED)
        pairs.append((None if way == _DELETED else transcribed[i], None if way == _INSERTED else said[j]))
    return pairs[::-1]


def count_word_errors(transcripts: Sequence[Sequence[Any]], said: Sequence[Sequence[Any]], *, group: IntArray | None = None) -> WordErrors:
    """The word error rate of transcripts, with its interval over recordings, or over groups of them, and what it is made of.

    The interval is Student's t for a ratio of sums (errors over words), with the errors of groups as `dependence.error_of_mean` has them;
    where there is no error it is that of a share of recordings, or of groups, with one. It says what other recordings, or other groups,
    would have given, not what another training would have.

    Args:
        transcripts: words of each recording.
        said: words that were said in it.
        group: codes of recordings that belong together, such as speakers, shape (n,).

    Example:
        >>> errors = count_word_errors([["one"], ["two", "two"], ["six"]], [["one"], ["two"], ["nine", "six"]])
        >>> errors.rate.value, errors.insertions, errors.deletions
        (0.5, 1, 1)
    """
    pairs = [align_words(words, truth) for words, truth in zip(transcripts, said, strict=True)]
    wrong = [[pair for pair in recording if pair[0] != pair[1]] for recording in pairs]
    n_words, n_wrong = (np.array([*map(len, several)], float) for several in (said, wrong))
    every = [pair for recording in wrong for pair in recording]
    insertions, deletions = sum(truth is None for _, truth in every), sum(word is None for word, _ in every)
    return WordErrors(
        _rate(n_words, n_wrong, group),
        int(n_words.sum()),
        len(every) - insertions - deletions,
        insertions,
        deletions,
        Counter((truth, word) for word, truth in every if None not in (word, truth)),
    )


def _rate(n_words: np.ndarray, n_wrong: np.ndarray, group: IntArray | None) -> Metric:
    total = float(n_words.sum())
    if total == 0:
        return Metric(float("nan"))
    rate = float(n_wrong.sum()) / total
    error = error_of_mean((n_wrong - rate * n_words) / total, n_words / total, group=group)
    half = error.half_width()
    if half is None:
        return Metric(rate)
    if rate == 0:
        return Metric(0.0, 0.0, 1.0 - least_share(error.n_units))
    return Metric(rate, max(rate - half, 0.0), rate + half)
