"""Alignments against the definition by recursion."""

from __future__ import annotations

import functools

import numpy as np

from weights.tasks.alignment import align_words, count_wrong


@functools.cache
def distance(first, second):
    """Levenshtein's, by its definition."""
    if not first or not second:
        return len(first) + len(second)
    (*head, last), (*other, end) = first, second
    head, other = tuple(head), tuple(other)
    return min(distance(head, other) + (last != end), distance(head, second) + 1, distance(first, other) + 1)


def test_an_alignment_has_as_few_errors_as_possible_and_keeps_both_sequences():
    rng = np.random.default_rng(0)
    for _ in range(200):
        transcribed, said = (tuple(rng.integers(0, 3, rng.integers(0, 7)).tolist()) for _ in range(2))
        pairs = align_words(transcribed, said)
        assert sum(a != b for a, b in pairs) == distance(transcribed, said)
        assert tuple(a for a, _ in pairs if a is not None) == transcribed
        assert tuple(b for _, b in pairs if b is not None) == said


def test_wrong_words_are_counted_by_transcript():
    wrong, said = count_wrong([["a", "b"], [], ["a"]], [["a", "c"], ["b"], ["a"]])
    assert (wrong.tolist(), said.tolist()) == ([1, 1, 0], [2, 1, 1])
