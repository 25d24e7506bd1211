"""Characters that follow each other within words, two to five at a time, found in all words at once by a rolling hash of their codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy.sparse

from weights.types import AnyArray, IntArray

LENGTHS = (2, 3, 4, 5)
"""Of n-grams (our choice, as most do)."""
_BASE, _MIXING = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)
_SHIFT = np.uint64(29)
_BLANK = ord(" ")
_PIECES_AT_ONCE = 1 << 22
"""Characters that are looked at at a time (our choice: eight numbers of 64 bits each)."""


class Ngrams(NamedTuple):
    """The n-grams of pieces.

    Attributes:
        hashes: of the different ones, ascending, uint64, shape (grams,); two are alike with a probability of about 2^-64.
        texts: these as they are written, a blank where a word begins or ends, shape (grams,).
        counts: how often each piece has each, shape (pieces, grams).
    """

    hashes: AnyArray
    texts: list[str]
    counts: scipy.sparse.csr_array


def hash_ngrams(texts: Sequence[str]) -> AnyArray:
    """The hashes of n-grams as they are written, uint64, shape (n,).

    Example:
        >>> hash_ngrams([" ab"]) == find_ngrams(["abc"]).hashes[[*find_ngrams(["abc"]).texts].index(" ab")]
        array([ True])
    """
    hashes = np.zeros(len(texts), np.uint64)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    for length in np.unique(lengths):
        which = np.flatnonzero(lengths == length)
        codes = _codes("".join(texts[i] for i in which.tolist())).reshape(len(which), length)
        hashes[which] = _finish(_roll(codes.T, int(length)), int(length))
    return hashes


def find_ngrams(pieces: Sequence[str], *, named: bool = True) -> Ngrams:
    """All n-grams of `LENGTHS` in the words of pieces, each piece with a blank before and behind it.

    Args:
        pieces: what stands between blanks.
        named: whether to say how n-grams are written; else `texts` is empty.

    Example:
        >>> sorted(find_ngrams(["ab"]).texts)
        [' a', ' ab', ' ab ', 'ab', 'ab ', 'b ']
    """
    sizes = np.fromiter(map(len, pieces), np.int64, len(pieces)) + 2
    ends = np.cumsum(sizes)
    cuts = np.searchsorted(ends, np.arange(_PIECES_AT_ONCE, (ends[-1] if len(ends) else 0) + _PIECES_AT_ONCE, _PIECES_AT_ONCE))
    parts, begin = [], 0
    for end in np.unique(np.minimum(cuts + 1, len(pieces))):
        parts.append(_find_in(pieces[begin:end], sizes[begin:end], begin, named=named))
        begin = end
    return _join(parts, len(pieces))


class _Part(NamedTuple):
    """Different pairs of a piece and an n-gram: pieces, hashes, how often, and how these n-grams are written."""

    pieces: IntArray
    hashes: AnyArray
    times: IntArray
    names: dict[int, str]


def _find_in(pieces: Sequence[str], sizes: IntArray, first: int, *, named: bool) -> _Part:
    joined = " " + "  ".join(pieces) + " "
    codes = _codes(joined)
    blank = codes == _BLANK
    blanks = np.concatenate([[0], np.cumsum(blank)])
    of = np.repeat(np.arange(first, first + len(pieces)), sizes)
    found: list[tuple[AnyArray, ...]] = []
    names: dict[int, str] = {}
    for length in LENGTHS:
        n_places = len(codes) - length + 1
        if n_places < 1:
            continue
        inside = blanks[length - 1 : length - 1 + n_places] - blanks[1 : n_places + 1]
        # One blank at an end at most but around a whole word, and none inside.
        places = np.flatnonzero((inside == 0) & ~(blank[:n_places] & blank[1 : n_places + 1]))
        hashes = _finish(_roll([codes[k : k + n_places] for k in range(length)], length), length)[places]
        rows = of[places]
        order = np.argsort(hashes, kind="stable")  # pieces stay in their order
        hashes, rows, places = hashes[order], rows[order], places[order]
        new_gram = np.concatenate([[True], hashes[1:] != hashes[:-1]]) if len(hashes) else np.zeros(0, bool)
        new = new_gram.copy()
        new[1:] |= rows[1:] != rows[:-1]
        begins = np.flatnonzero(new)
        found.append((rows[begins], hashes[begins], np.diff(np.append(begins, len(hashes)))))
        if named:
            names |= {int(hashes[i]): joined[places[i] : places[i] + length] for i in np.flatnonzero(new_gram)}
    rows, hashes, times = (np.concatenate(column) for column in zip(*found, strict=True)) if found else (np.zeros(0, np.int64),) * 3
    return _Part(rows, hashes.astype(np.uint64), times, names)


def _join(parts: Sequence[_Part], n_pieces: int) -> Ngrams:
    if not parts:
        return Ngrams(np.zeros(0, np.uint64), [], scipy.sparse.csr_array((n_pieces, 0)))
    rows, hashes, times = (np.concatenate([getattr(part, name) for part in parts]) for name in ("pieces", "hashes", "times"))
    different, columns = np.unique(hashes, return_inverse=True)
    names = {name: text for part in parts for name, text in part.names.items()}
    counts = scipy.sparse.csr_array((times.astype(np.float64), (rows, columns)), shape=(n_pieces, len(different)))
    return Ngrams(different, [names[h] for h in different.tolist()] if names else [], counts)


def _codes(text: str) -> AnyArray:
    """The code points of a text, uint64."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)


def _roll(codes: Sequence[AnyArray] | AnyArray, length: int) -> AnyArray:
    """Sums of codes, each position with a power of its own, wrapping around at 2^64."""
    total = _mix(codes[0])
    for k in range(1, length):
        total = total * _BASE + _mix(codes[k])
    return total


def _mix(values: AnyArray) -> AnyArray:
    mixed = (values + np.uint64(1)) * _MIXING
    return mixed ^ (mixed >> _SHIFT)


def _finish(total: AnyArray, length: int) -> AnyArray:
    return _mix(total ^ np.uint64(length))
