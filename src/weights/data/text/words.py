"""Texts as words: `read_texts` splits them at blanks, `find_tokens` says which words, numbers and the like a piece is made of.

Letters are compared without regard to case and to how they are composed (Unicode's NFKC, then case folding); characters that nobody sees
are left out, tags of HTML count as blanks. What stands between two blanks is read once, however often it comes.
"""

from __future__ import annotations

import functools
import html
import itertools
import unicodedata
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weights.data.bags import spread
from weights.types import IntArray

LONGEST = 40
"""Characters of a word; longer ones, such as encoded files and lines of signs, count as a long word and nothing else (our choice)."""
LONGEST_PIECE = 100_000
"""Characters that are read of what stands between two blanks (our choice: more is no writing)."""
CLASSES = {"url": "<url>", "email": "<e-mail>", "emoji": "<emoji>", "number": "<number>"}
"""What tokens are besides themselves. None can be written: a sign stands alone."""
LONG_WORD = "<long-word>"
_TAG = r"</?[a-zA-Z][^<>]*>|<!--[^<>]*-->"
_LETTERS = r"\p{L}\p{N}\p{M}_"
_ALONE = r"\p{Han}\p{Hiragana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
"""Scripts that are written without blanks: each letter stands for itself."""
_WORD = rf"[[{_LETTERS}]--[{_ALONE}]]"
_TOKENS = rf"""
    (?P<end>\n)
  | (?P<emoji>\p{{RI}}\p{{RI}}|\p{{Extended_Pictographic}}[\ufe0f\p{{EMod}}]*(?:\u200d\p{{Extended_Pictographic}}[\ufe0f\p{{EMod}}]*)*)
  | (?P<number>\d++(?:[.,:]\d++)*+(?!{_WORD}))
  | (?P<alone>[{_ALONE}]\p{{M}}*+)
  | (?P<word>{_WORD}++(?:'{_WORD}++)*+)
  | (?P<sign>[^\s\p{{C}}])
"""
_PLACES = r"(?P<url>(?:https?://|www\.)[^\s]++)|(?P<email>[\w.+-]{1,64}@[\w-]++(?:\.[\w-]++)++)|"
_AS_APOSTROPHE = "\u2019\u02bc\uff07"
_JOINER = "\u200d"


class Texts(NamedTuple):
    """Texts as pieces that stand between blanks.

    Attributes:
        pieces: the different ones, normalised.
        of: the piece at each place, in the order of the texts, shape (places,).
        sizes: how many places each text has, shape (n,).
    """

    pieces: list[str]
    of: IntArray
    sizes: IntArray

    @property
    def rows(self) -> IntArray:
        """The text of each place, shape (places,)."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    def in_blocks(self, n_places: int) -> list[Texts]:
        """The texts in blocks of about so many places, one at least, which share their pieces."""
        ends = np.concatenate([[0], np.cumsum(self.sizes)])
        cuts = np.searchsorted(ends, np.arange(n_places, ends[-1], n_places))
        bounds = [0, *np.unique(cuts[(cuts > 0) & (cuts < len(self.sizes))]).tolist(), len(self.sizes)]
        return [Texts(self.pieces, self.of[ends[a] : ends[b]], self.sizes[a:b]) for a, b in itertools.pairwise(bounds)]


class Tokens(NamedTuple):
    """Of what tokens pieces are made.

    Attributes:
        words: the different tokens.
        of: the token at each place, in the order of the pieces, shape (places,).
        sizes: how many each piece has, shape (pieces,).
        classes: of each token the one that says what it is, itself where there is none, shape (words,).
    """

    words: list[str]
    of: IntArray
    sizes: IntArray
    classes: IntArray

    def in_texts(self, texts: Texts) -> tuple[IntArray, IntArray]:
        """The token at each place of texts, and the text that this is in, both (places,)."""
        starts = np.cumsum(self.sizes) - self.sizes
        sizes = self.sizes[texts.of]
        rows = np.repeat(texts.rows, sizes)
        return self.of[spread(starts[texts.of], sizes)], rows


def read_texts(column: pa.ChunkedArray) -> Texts:
    """The texts of a column; a cell without a value is an empty one.

    Example:
        >>> read_texts(pa.chunked_array([["The  cat", None, "the CAT's<br>"]])).pieces
        ['the', 'cat', "cat's"]
    """
    text = pc.fill_null(pc.cast(column, pa.large_string()), "")
    if pc.any(pc.match_substring_regex(text, r"<[a-zA-Z/!]")).as_py():
        text = pc.replace_substring_regex(text, _TAG, " ")
    split = pc.utf8_split_whitespace(text).combine_chunks()
    split = split if isinstance(split, pa.Array) else pa.concat_arrays(split.chunks)
    flat = pc.list_flatten(split)
    named = pc.is_valid(flat) if flat.null_count else None
    flat = flat if named is None else pc.fill_null(flat, "")
    coded = flat.dictionary_encode()
    sizes = pc.fill_null(pc.list_value_length(split), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    of = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    if not len(of):
        return Texts([], np.zeros(0, np.int64), sizes)
    places: dict[str, int] = {}
    numbers = np.asarray([places.setdefault(piece, len(places)) for piece in _normalise(coded.dictionary.to_pylist())])
    pieces, of = [*places], numbers[of]
    if "" not in places:
        return Texts(pieces, of, sizes)
    # Blanks at the ends of a text, and characters that nobody sees, leave pieces of nothing.
    there = of != places[""]
    ends = np.concatenate([[0], np.cumsum(there)])[np.concatenate([[0], np.cumsum(sizes)])]
    kept = np.cumsum([piece != "" for piece in pieces]) - 1
    return Texts([piece for piece in pieces if piece], kept[of[there]], np.diff(ends))


def _normalise(pieces: Sequence[str]) -> list[str]:
    """The pieces, none of which has a blank, in the form in which they are compared."""
    pieces = [piece[:LONGEST_PIECE] for piece in pieces]
    decoded = [html.unescape(piece).replace("\n", " ") if "&" in piece and ";" in piece else piece for piece in pieces]
    joined = unicodedata.normalize("NFKC", "\n".join(decoded)).casefold()
    unseen: dict[int, Any] = {ord(c): None for c in {*joined} if unicodedata.category(c) in ("Cf", "Cc", "Cs") and c not in ("\n", _JOINER)}
    changed = unseen | {ord(mark): "'" for mark in _AS_APOSTROPHE}
    return unicodedata.normalize("NFKC", joined.translate(changed)).split("\n")


@functools.cache
def _compile() -> tuple[Any, Any, Any]:
    """What finds tokens in short pieces, in long ones, and words that are too long."""
    import regex

    flags = regex.VERBOSE | regex.VERSION1
    long = rf"{_WORD}{{{LONGEST + 1},}}+"
    return regex.compile(_PLACES + _TOKENS, flags), regex.compile(_TOKENS, flags), regex.compile(long, regex.VERSION1)


def find_tokens(pieces: Sequence[str]) -> Tokens:
    """The words, numbers, addresses, emoji and signs that pieces are made of; letters of scripts without blanks stand alone.

    Example:
        >>> tokens = find_tokens(["don't", "2,000!", "猫が"])
        >>> [tokens.words[i] for i in tokens.of]
        ["don't", '2,000', '!', '猫', 'が']
        >>> tokens.words[tokens.classes[1]]
        '<number>'
    """
    short, long, _ = _compile()
    places: dict[str, int] = {}
    classes: dict[int, int] = {}
    of: list[int] = []
    sizes = np.zeros(len(pieces), np.int64)
    is_short = np.asarray([len(piece) <= 4 * LONGEST for piece in pieces], bool)
    is_word = np.asarray([piece.isascii() and piece.isalpha() and len(piece) <= LONGEST for piece in pieces], bool)
    order = np.flatnonzero(is_word).tolist()
    of += [places.setdefault(pieces[i], len(places)) for i in order]
    sizes[order] = 1
    # Long ones apart, because an address is looked for at every place of a piece.
    for pattern, which in ((short, np.flatnonzero(is_short & ~is_word)), (long, np.flatnonzero(~is_short))):
        number = 0
        for found in pattern.finditer("".join(pieces[i] + "\n" for i in which.tolist())):
            kind, word = found.lastgroup, found.group()
            if kind == "end":
                number += 1
                continue
            word = _shorten(kind, word)
            place = places.setdefault(word, len(places))
            if kind in CLASSES:
                classes[place] = places.setdefault(CLASSES[kind], len(places))
            of.append(place)
            sizes[which[number]] += 1
        order += which.tolist()
    numbers = np.arange(len(places))
    numbers[[*classes]] = [*classes.values()]
    return Tokens([*places], _in_order(np.asarray(of, np.int64), sizes, np.asarray(order, np.int64)), sizes, numbers)


def _shorten(kind: str | None, token: str) -> str:
    """The token, or what stands for it if it is a word that is too long."""
    return LONG_WORD if kind == "word" and len(token) > LONGEST else token


def _in_order(of: IntArray, sizes: IntArray, order: IntArray) -> IntArray:
    """Tokens of pieces that were read in another order (pieces,), in the order of the pieces."""
    starts = np.empty(len(sizes), np.int64)
    starts[order] = np.cumsum(sizes[order]) - sizes[order]
    return of[spread(starts, sizes)]


class Place(NamedTuple):
    """A token where it stands in a piece, from `begin` to `end`, and the class that it is of, or itself."""

    word: str
    begin: int
    end: int
    of_class: str


def find_places(piece: str) -> list[Place]:
    """The tokens of a piece with their places, as `find_tokens` has them.

    Example:
        >>> [(place.word, place.begin) for place in find_places("can't!")]
        [("can't", 0), ('!', 5)]
    """
    short, long, _ = _compile()
    places = []
    for found in (short if len(piece) <= 4 * LONGEST else long).finditer(piece):
        kind = found.lastgroup
        word = _shorten(kind, found.group())
        places.append(Place(word, found.start(), found.end(), CLASSES.get(kind, word)))
    return places


def split_pieces(text: str) -> list[tuple[str, str]]:
    """What stands between the blanks of a text, as it is written and as it is compared; nothing that nobody sees.

    Example:
        >>> split_pieces("The <b>END</b>")
        [('The', 'the'), ('END', 'end')]
    """
    column = pc.replace_substring_regex(pa.array([text], pa.large_string()), _TAG, " ")
    written = pc.utf8_split_whitespace(column)[0].as_py()
    return [(raw, piece) for raw, piece in zip(written, _normalise(written), strict=True) if piece] if written else []


def without_long_words(piece: str) -> str:
    """The piece with blanks in place of the letters of words that are too long."""
    return piece if len(piece) <= LONGEST else str(_compile()[2].sub(lambda found: " " * len(found.group()), piece))
