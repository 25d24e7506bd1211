"""How good transcripts are: the word error rate with its interval, and what it is made of.

A word error rate counts substitutions, insertions and deletions together, as a share of the words that were said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from weights.tasks.alignment import Pair, align_words
from weights.tasks.metrics import ERROR_RATE, Metric, score
from weights.types import IntArray


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


def count_word_errors(transcripts: Sequence[Sequence[Any]], said: Sequence[Sequence[Any]], *, group: IntArray | None = None) -> WordErrors:
    """The word error rate of transcripts, with its interval over recordings, or over groups of them, and what it is made of.

    The interval is that of `metrics.ERROR_RATE`. It says what other recordings, or other groups,
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
        score({"rate": ERROR_RATE}, n_words, n_wrong, group=group)["rate"],
        int(n_words.sum()),
        len(every) - insertions - deletions,
        insertions,
        deletions,
        Counter((truth, word) for word, truth in every if None not in (word, truth)),
    )
