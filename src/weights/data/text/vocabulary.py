"""Which words, pairs of words and n-grams of characters count as features of a text: `Vocabulary`, chosen from the texts of training."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import msgspec
import numpy as np
import pyarrow as pa
import scipy.sparse

from weights.data.bags import Bags, join_bags
from weights.data.files.threads import available_threads
from weights.data.text.ngrams import find_ngrams, hash_ngrams
from weights.data.text.words import Texts, Tokens, find_tokens, read_texts, without_long_words
from weights.types import AnyArray, BoolArray, IntArray

GROUPS = ("words", "pairs", "characters")
"""Kinds of features: words, pairs of words that follow each other, and n-grams of characters within words."""
LEAST_TEXTS = 2
"""Texts of training that must hold a feature (our choice: one text says nothing about another)."""
MOST = (1 << 17, 1 << 17, 1 << 18)
"""Features of each kind at most, those in most texts (our choice)."""
_LEAST_LEADING, _MOST_LEADING = 3, (1 << 13, 1 << 13, 1 << 14)
"""Texts that must hold a leading feature, and leading ones of each kind at most (our choice)."""
_LEADING_LENGTH = 3
"""Characters of the n-grams that lead: with words and pairs they tell a network as much as all lengths do, in a third of the entries."""
_PLACES_AT_ONCE = 1 << 14
"""Pieces of texts that are counted at a time, by a thread of its own (our choice: what is made of them stays in a cache)."""

T = TypeVar("T")


class Vocabulary(msgspec.Struct, frozen=True, dict=True):
    """Features of texts, and in how many texts of training each was.

    Features are numbered through: first those of each kind that lead, which networks read, then all others.

    Attributes:
        n_texts: of training.
        words, pairs, characters: as they are written; pairs with a blank between their words, a blank in characters where a word ends.
        counts: texts that hold each word, each pair, each n-gram.
        leading: how many of each kind lead.
    """

    n_texts: int
    words: list[str]
    pairs: list[str]
    characters: list[str]
    counts: list[list[int]]
    leading: list[int]

    @property
    def lists(self) -> tuple[list[str], list[str], list[str]]:
        """The features of each kind."""
        return self.words, self.pairs, self.characters

    @property
    def width(self) -> int:
        """How many features there are."""
        return sum(map(len, self.lists))

    @property
    def n_leading(self) -> int:
        """How many lead."""
        return sum(self.leading)

    @functools.cached_property
    def numbers(self) -> tuple[IntArray, IntArray, IntArray]:
        """The number of each feature of each kind."""
        numbers, leads, follows = [], 0, self.n_leading
        for texts, n in zip(self.lists, self.leading, strict=True):
            rest = len(texts) - n
            numbers.append(np.concatenate([leads + np.arange(n), follows + np.arange(rest)]))
            leads, follows = leads + n, follows + rest
        return tuple(numbers)  # type: ignore[return-value]

    @functools.cached_property
    def group(self) -> IntArray:
        """The kind of each feature, a place in `GROUPS`, int8, shape (width,)."""
        group = np.empty(self.width, np.int8)
        for place, numbers in enumerate(self.numbers):
            group[numbers] = place
        return group

    @functools.cached_property
    def texts(self) -> list[str]:
        """How each feature is written, in the order of their numbers."""
        written = [""] * self.width
        for texts, numbers in zip(self.lists, self.numbers, strict=True):
            for text, number in zip(texts, numbers.tolist(), strict=True):
                written[number] = text
        return written

    @functools.cached_property
    def by_text(self) -> tuple[dict[str, int], ...]:
        """The number of each feature of each kind, by how it is written."""
        return tuple(dict(zip(texts, numbers.tolist(), strict=True)) for texts, numbers in zip(self.lists, self.numbers, strict=True))

    @functools.cached_property
    def n_holding(self) -> IntArray:
        """In how many texts of training each feature was, shape (width,)."""
        n_holding = np.empty(self.width, np.int64)
        for counts, numbers in zip(self.counts, self.numbers, strict=True):
            n_holding[numbers] = counts
        return n_holding

    @functools.cached_property
    def _tokens(self) -> dict[str, int]:
        """A number for each token that is a word or part of a pair."""
        parts = {part for pair in self.pairs for part in pair.split(" ")}
        return {word: i for i, word in enumerate([*self.words, *sorted(parts.difference(self.words))])}

    @functools.cached_property
    def _are_words(self) -> BoolArray:
        """Which features are words, and no classes of tokens, signs or other kinds, shape (width,)."""
        are_words = np.zeros(self.width, bool)
        are_words[self.numbers[0]] = [_is_word(word) for word in self.words]
        return are_words

    @functools.cached_property
    def _pairs(self) -> tuple[AnyArray, IntArray]:
        """What pairs are known by, ascending, and the number of each."""
        known = self._tokens
        keys = [known[a] * len(known) + known[b] for a, b in (pair.split(" ") for pair in self.pairs)]
        order = np.argsort(keys, kind="stable")
        return np.asarray(keys, np.int64)[order], self.numbers[1][order]

    @functools.cached_property
    def _characters(self) -> tuple[AnyArray, IntArray]:
        """Hashes of n-grams, ascending, and the number of each."""
        hashes = hash_ngrams(self.characters)
        order = np.argsort(hashes)
        return hashes[order], self.numbers[2][order]

    def count(self, column: pa.ChunkedArray) -> scipy.sparse.csr_array:
        """How often each text holds each feature, shape (n, width)."""
        return scipy.sparse.csr_array(scipy.sparse.vstack(self._count_in_blocks(column, lambda counts: counts), format="csr"))

    def find_unknown(self, column: pa.ChunkedArray, bags: Bags | None = None) -> BoolArray:
        """Which texts hold words none of which is a feature, shape (n,); classes of tokens and signs are no words.

        Where the `bags` of the texts are known, only those without a word are read.
        """
        unknown = np.ones(len(column), bool)
        if bags is not None:
            own = bags.compact()
            unknown[np.repeat(np.arange(len(own)), own.sizes)[self._are_words[own.entries.ids]]] = False
        others = np.flatnonzero(unknown)
        texts = read_texts(column.take(others))
        tokens = find_tokens(texts.pieces)
        is_word = np.fromiter((_is_word(word) for word in tokens.words), bool, len(tokens.words))
        is_known = np.fromiter(
            (self._tokens.get(word, len(self.words)) < len(self.words) for word in tokens.words), bool, len(tokens.words)
        )
        words, rows = tokens.in_texts(texts)
        n_read, n_known = (np.bincount(rows[which[words]], minlength=len(others)) for which in (is_word, is_word & is_known))
        unknown[others] = (n_read > 0) & (n_known == 0)
        return unknown

    def bags(self, column: pa.ChunkedArray) -> Bags:
        """Texts as rows, shape (n, width), each of whose kinds of features is of length one.

        Values are ``(1 + log count) * idf``, where ``idf = log((1 + n) / (1 + holding)) + 1`` (Salton and Buckley 1988, with ones as in
        scikit-learn). Flags are the same for all features that are there.
        """
        idf = (np.log((1 + self.n_texts) / (1 + self.n_holding)) + 1).astype(np.float32)
        is_character = self.group == len(GROUPS) - 1

        def weigh(counts: scipy.sparse.csr_array) -> Bags:
            places = 2 * np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr)) + is_character[counts.indices]
            values = (1 + np.log(counts.data)) * idf[counts.indices]
            lengths, sizes = (np.sqrt(np.bincount(places, weights)).astype(np.float32)[places] for weights in (values**2, None))
            weighed = scipy.sparse.csr_array((values / lengths, counts.indices, counts.indptr), shape=counts.shape)
            return Bags.of(weighed, 1 / sizes, self.n_leading)

        return join_bags(self._count_in_blocks(column, weigh))

    def _count_in_blocks(self, column: pa.ChunkedArray, function: Callable[[scipy.sparse.csr_array], T]) -> list[T]:
        """What a function makes of the counts of some texts at a time, float32, shape (texts, width), features ascending."""
        texts = read_texts(column)
        tokens = find_tokens(texts.pieces)
        known = self._tokens
        own = np.fromiter((known.get(word, -1) for word in tokens.words), np.int64, len(tokens.words))
        of_pieces = _count_tokens(tokens, own, len(self.words), self.numbers[0], self.width)
        if self.characters:
            grams = find_ngrams([without_long_words(piece) for piece in texts.pieces], named=False)
            which, columns = _look_up(grams.hashes, *self._characters)
            chosen = scipy.sparse.csr_array((np.ones(len(which)), (which, columns)), shape=(len(grams.hashes), self.width))
            of_pieces = of_pieces + grams.counts @ chosen
        of_pieces = of_pieces.astype(np.float32)

        def count(block: Texts) -> T:
            counts = _count_pieces(block) @ of_pieces
            if self.pairs:
                sequence, rows = tokens.in_texts(block)
                keys, rows = _pair_up(own[tokens.classes[sequence]], rows, len(known))
                which, columns = _look_up(keys, *self._pairs)
                counts = counts + _sum_up(rows[which], columns, counts.shape)
            counts.sort_indices()
            return function(counts)

        return _map_blocks(count, texts)


def _is_word(token: str) -> bool:
    return token[:1].isalpha()


def find_vocabulary(column: pa.ChunkedArray) -> Vocabulary:
    """The features of the texts of training: those that two texts hold, at most as many of each kind as `MOST` says, the frequent first.

    Where there are no two texts with a word in common, all words of single ones.

    Example:
        >>> vocabulary = find_vocabulary(pa.chunked_array([["no card", "no card yet", "none"]]))
        >>> vocabulary.words, vocabulary.pairs
        (['card', 'no'], ['no card'])
    """
    texts = read_texts(column)
    tokens = find_tokens(texts.pieces)
    numbers = np.arange(len(tokens.words))
    grams = find_ngrams([without_long_words(piece) for piece in texts.pieces])
    of_pieces = _count_tokens(tokens, numbers, len(numbers), numbers, len(numbers)), grams.counts

    def count_holding(block: Texts) -> list[IntArray]:
        pieces = _count_pieces(block)
        return [_count_holding(pieces @ own) for own in of_pieces]

    holding, grams_holding = (sum(counts) for counts in zip(*_map_blocks(count_holding, texts), strict=True))
    sequence, rows = tokens.in_texts(texts)
    keys, rows = _pair_up(tokens.classes[sequence], rows, len(tokens.words))
    pair_keys, columns = np.unique(keys, return_inverse=True)
    pairs_holding = _count_holding(_sum_up(rows, columns, (len(texts.sizes), len(pair_keys))))
    least = LEAST_TEXTS if holding.max(initial=0) >= LEAST_TEXTS else 1

    words = [(tokens.words[i], int(holding[i])) for i in _choose(holding, least, MOST[0], tokens.words)]
    said = [" ".join(tokens.words[place] for place in divmod(int(key), len(tokens.words))) for key in pair_keys[pairs_holding >= least]]
    pairs_holding = pairs_holding[pairs_holding >= least]
    pairs = [(said[i], int(pairs_holding[i])) for i in _choose(pairs_holding, least, MOST[1], said)]
    is_middle = np.fromiter((len(text) == _LEADING_LENGTH for text in grams.texts), bool, len(grams.texts))
    chosen = np.asarray(_choose(grams_holding, least, MOST[2], grams.texts), int)
    chosen = chosen[np.argsort(~is_middle[chosen], kind="stable")]
    characters = [(grams.texts[i], int(grams_holding[i])) for i in chosen]
    kinds = (words, pairs, characters)
    n_middle = (len(words), len(pairs), int(is_middle[chosen].sum()))
    leading = [
        min(sum(count >= max(least, min(_LEAST_LEADING, len(texts.sizes) // 2)) for _, count in kind[:n]), most)
        for kind, n, most in zip(kinds, n_middle, _MOST_LEADING, strict=True)
    ]
    chosen_words, chosen_pairs, chosen_characters = ([text for text, _ in kind] for kind in kinds)
    counts = [[count for _, count in kind] for kind in kinds]
    return Vocabulary(len(texts.sizes), chosen_words, chosen_pairs, chosen_characters, counts, leading)


_NAMES = ("word", "pair", "characters")
"""What a feature of each kind is called in a file of them."""


def write_features(vocabulary: Vocabulary) -> str:
    r"""The features as lines for people: kind, in how many texts of training, how it is written; with tabs between.

    Example:
        >>> write_features(find_vocabulary(pa.chunked_array([["no", "no"]]))).splitlines()[0]
        'word\t2\tno'
    """
    kinds = zip(_NAMES, vocabulary.lists, vocabulary.counts, strict=True)
    return "".join(f"{name}\t{count}\t{text}\n" for name, texts, counts in kinds for text, count in zip(texts, counts, strict=True))


def read_features(vocabulary: Vocabulary, content: str) -> Vocabulary:
    """The vocabulary with features as `write_features` wrote them.

    Raises:
        ValueError: a line is none of these.
    """
    texts: dict[str, list[str]] = {name: [] for name in _NAMES}
    counts: dict[str, list[int]] = {name: [] for name in _NAMES}
    for line in content.split("\n")[:-1]:
        name, count, text = line.split("\t")
        if name not in texts:
            raise ValueError(f"'{name}' is not one of {', '.join(_NAMES)}")
        texts[name].append(text)
        counts[name].append(int(count))
    words, pairs, characters = texts.values()
    return msgspec.structs.replace(vocabulary, words=words, pairs=pairs, characters=characters, counts=[*counts.values()])


def _choose(holding: IntArray, least: int, most: int, written: Sequence[str]) -> list[int]:
    """The places of features that enough texts hold, those of most first, in alphabetical order where as many do."""
    places = np.flatnonzero(holding >= least)
    if len(places) > most:
        places = np.sort(places[np.argpartition(-holding[places], most)[:most]])
    return sorted(places.tolist(), key=lambda i: (-holding[i], written[i]))


def _map_blocks(function: Callable[[Texts], T], texts: Texts) -> list[T]:
    """What a function makes of some texts at a time, by threads where there are many."""
    blocks = texts.in_blocks(_PLACES_AT_ONCE)
    if len(blocks) == 1:
        return [function(blocks[0])]
    with ThreadPoolExecutor(available_threads()) as threads:
        return [*threads.map(function, blocks)]


def _count_pieces(texts: Texts) -> scipy.sparse.csr_array:
    """How often each text holds each piece, shape (n, pieces)."""
    return _sum_up(texts.rows, texts.of, (len(texts.sizes), len(texts.pieces)))


def _count_tokens(tokens: Tokens, own: IntArray, n_words: int, numbers: IntArray, width: int) -> scipy.sparse.csr_array:
    """How often each piece holds each word, and words of each class, shape (pieces, width).

    Args:
        tokens: of the pieces.
        own: place of each token among the words, beyond them or -1 for those that are none, shape (tokens,).
        n_words: how many words there are.
        numbers: of these, shape (n_words,).
        width: numbers in all.
    """
    rows = np.repeat(np.arange(len(tokens.sizes)), tokens.sizes)
    has_class = tokens.classes[tokens.of] != tokens.of
    rows, of = np.concatenate([rows, rows[has_class]]), np.concatenate([tokens.of, tokens.classes[tokens.of[has_class]]])
    places = own[of]
    known = (places >= 0) & (places < n_words)
    return _sum_up(rows[known], numbers[places[known]], (len(tokens.sizes), width))


def _pair_up(sequence: IntArray, rows: IntArray, n_tokens: int) -> tuple[AnyArray, IntArray]:
    """What pairs of neighbours in a text are known by, -1 where one of them is not known, and their texts, both (pairs,)."""
    first, second = sequence[:-1], sequence[1:]
    beside = (rows[:-1] == rows[1:]) & (first >= 0) & (second >= 0)
    return first[beside] * n_tokens + second[beside], rows[:-1][beside]


def _look_up(keys: AnyArray, known: AnyArray, numbers: IntArray) -> tuple[IntArray, IntArray]:
    """The places of those keys that are known, and their numbers."""
    if not len(known):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    places = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    found = np.flatnonzero(known[places] == keys)
    return found, numbers[places[found]]


def _sum_up(rows: IntArray, columns: IntArray, shape: tuple[int, int]) -> scipy.sparse.csr_array:
    """How often each pair of row and column is there, float32, shape `shape`."""
    matrix = scipy.sparse.csr_array((np.ones(len(rows), np.float32), (rows, columns)), shape=shape)
    matrix.sum_duplicates()
    return matrix


def _count_holding(counts: scipy.sparse.csr_array) -> IntArray:
    """How many rows have something in each column, shape (columns,)."""
    return np.bincount(counts.indices, minlength=counts.shape[1])
