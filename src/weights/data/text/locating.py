"""Where in a text its features stand: `locate` says which share each word of it has in each of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import scipy.sparse

from weights.data.text.ngrams import LENGTHS
from weights.data.text.vocabulary import Vocabulary
from weights.data.text.words import find_places, split_pieces, without_long_words


class Located(NamedTuple):
    """The words of a text, w of them, and what they have of its features.

    Attributes:
        words: as they stand in the text.
        spaced: whether a blank stands before each.
        shares: of all that a text has of a feature the part that is each word's, shape (w, width); they add up to one for each feature
            that the text has. Of a pair both words have half, of n-grams each has as much as it has of their characters.
    """

    words: list[str]
    spaced: list[bool]
    shares: scipy.sparse.csr_array

    def without(self, removed: set[int]) -> str:
        """The text without some of its words."""
        kept = (
            (" " if spaced else "") + word for i, (word, spaced) in enumerate(zip(self.words, self.spaced, strict=True)) if i not in removed
        )
        return "".join(kept).strip()


def locate(vocabulary: Vocabulary, text: str) -> Located:
    """The words of a text and their shares in its features.

    Example:
        >>> import pyarrow as pa
        >>> from weights.data.text.vocabulary import find_vocabulary
        >>> vocabulary = find_vocabulary(pa.chunked_array([["no card", "no card yet"]]))
        >>> located = locate(vocabulary, "No card!")
        >>> located.words, located.shares[:, [vocabulary.texts.index("no card")]].toarray().ravel().tolist()
        (['No', 'card', '!'], [0.5, 0.5, 0.0])
    """
    numbers = vocabulary.by_text
    words: list[str] = []
    spaced: list[bool] = []
    sequence: list[str] = []
    amounts: dict[tuple[int, int], float] = defaultdict(float)
    for raw, piece in split_pieces(text):
        places, first = find_places(piece), len(words)
        as_written = raw if len(raw) == len(piece) else piece
        for i, place in enumerate(places):
            words.append(as_written[place.begin : place.end])
            spaced.append(i == 0)
            sequence.append(place.of_class)
            for word in {place.word, place.of_class}:
                if (number := numbers[0].get(word)) is not None:
                    amounts[first + i, number] += 1.0
        for ngram, begin, end in _list_ngrams(without_long_words(piece)):
            if (number := numbers[2].get(ngram)) is not None:
                held = [max(min(end, place.end) - max(begin, place.begin), 0) for place in places]
                for i, count in enumerate(held):
                    if count:
                        amounts[first + i, number] += count / sum(held)
    for i, pair in enumerate(pairwise(sequence)):
        if (number := numbers[1].get(" ".join(pair))) is not None:
            amounts[i, number] += 0.5
            amounts[i + 1, number] += 0.5
    rows, columns = np.asarray([*amounts], int).reshape(-1, 2).T
    matrix = scipy.sparse.csr_array(
        (np.fromiter(amounts.values(), float, len(amounts)), (rows, columns)), shape=(len(words), vocabulary.width)
    )
    totals = matrix.sum(0)
    matrix.data /= totals[matrix.indices]
    return Located(words, spaced, matrix)


def _list_ngrams(piece: str) -> Iterator[tuple[str, int, int]]:
    """The n-grams of a piece, and from where to where they stand in it."""
    padded = f" {piece} "
    for length in LENGTHS:
        for begin in range(len(padded) - length + 1):
            ngram = padded[begin : begin + length]
            if " " not in ngram[1:-1] and ngram.strip():
                yield ngram, begin - 1, begin - 1 + length
