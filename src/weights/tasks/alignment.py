"""Sequences of words beside those that were said: `align_words` pairs them with as few errors as possible (Levenshtein 1966)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from weights.types import FloatArray

_SUBSTITUTED, _INSERTED, _DELETED = range(3)
Pair = tuple[Any, Any]
"""A word of a transcript and the word that was said: None where either has no counterpart."""


def align_words(transcribed: Sequence[Any], said: Sequence[Any]) -> list[Pair]:
    """Pairs of words (transcribed, said) with as few errors as possible; of as few, substitutions come before the others.

    Example:
        >>> align_words(["one", "two", "nine"], ["one", "three", "nine", "five"])
        [('one', 'one'), ('two', 'three'), ('nine', 'nine'), (None, 'five')]
    """
    n, m = len(transcribed), len(said)
    if [*transcribed] == [*said]:
        return [*zip(transcribed, said, strict=True)]
    costs, ways = [*range(m + 1)], [[_DELETED] * (m + 1)]
    for i, word in enumerate(transcribed, start=1):
        before, costs, own = costs, [i], [_INSERTED]
        for j, other in enumerate(said, start=1):
            choices = before[j - 1] + (word != other), before[j] + 1, costs[j - 1] + 1
            cost = min(choices)
            costs.append(cost)
            own.append(choices.index(cost))
        ways.append(own)
    pairs: list[Pair] = []
    i, j = n, m
    while i or j:
        way = ways[i][j]
        i, j = i - (way != _DELETED), j - (way != _INSERTED)
        pairs.append((None if way == _DELETED else transcribed[i], None if way == _INSERTED else said[j]))
    return pairs[::-1]


def count_wrong(transcripts: Sequence[Sequence[Any]], said: Sequence[Sequence[Any]]) -> tuple[FloatArray, FloatArray]:
    """How many words of each transcript are wrong, substituted, inserted or deleted, and how many were said, each (n,).

    Example:
        >>> [counts.tolist() for counts in count_wrong([["one"], ["two", "two"]], [["one"], ["two"]])]
        [[0.0, 1.0], [1.0, 1.0]]
    """
    wrong = [sum(word != truth for word, truth in align_words(words, own)) for words, own in zip(transcripts, said, strict=True)]
    return np.array(wrong, float), np.array([*map(len, said)], float)
