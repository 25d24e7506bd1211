"""Which symbols texts are made of: `split_words` finds their words, `find_transcript` whether these are learned whole or spelled."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from weights.data.table.columns import as_text
from weights.data.table.notation import Notation
from weights.errors import DataError, UsageError, printable
from weights.tasks.number import refuse_classes
from weights.tasks.transcripts import SPACE, SpelledTranscript, WordTranscript, split_words

_MOST_WORDS, _FEW_OF_A_WORD, _MOST_RARE = 100, 5, 0.05
"""Different words up to which words are learned whole, if at most this share of all words are ones that come fewer times (our choices)."""
_ENOUGH_OF_A_WORD, _ENOUGH_WORDS = 20, 10_000
"""Times that a word comes on average, and words altogether where characters are learned, below which it is said that they are few
(our choices)."""
_OF_WORDS, _OF_CHARACTERS = 0.05, 0.025
"""Seconds of a moment (our choices): characters are short."""
_FEWEST_MOMENTS = 4
"""Moments that the longest recording has at least (our choice)."""
_MOST_NUMBERS = 60_000_000
"""Numbers that answers to all rows may take, half a gigabyte, which stands several times in memory (our choice)."""


def find_transcript(
    target: pa.ChunkedArray,
    name: str,
    *,
    seconds: float | None,
    class_weight: Any,
    positive: Any = None,
    remark: str,
    levels: Sequence[str] = (),
    notation: Notation | None = None,
) -> WordTranscript | SpelledTranscript:
    """The task of writing down what is said: by words, or by characters where words are many.

    Args:
        target: n texts.
        name: of their column.
        seconds: that the recordings last in which they are said; None where there are none.
        class_weight: of which there is none.
        positive: likewise.
        levels: likewise.
        remark: what was remarked of the target.
        notation: of numbers, which texts are not.

    Raises:
        DataError: no text holds a word, or answers would take too much memory.
        UsageError: there are no recordings, or class weights or a class to speak of were asked for.
    """
    refuse_classes(name, "transcript", class_weight, positive)
    if seconds is None:
        raise UsageError("A transcript is heard in recordings, but the rows hold none. Name their column: --kind file=recording.")
    make: type[WordTranscript | SpelledTranscript]
    texts = [split_words(text or "") for text in as_text(target).to_pylist()]
    counts = Counter(word for words in texts for word in words)
    if not counts:
        raise DataError(f"Texts of '{printable(name)}' must hold words, but none does. Name another target.")
    rare = sum(n for n in counts.values() if n < _FEW_OF_A_WORD) / counts.total()
    if len(counts) <= _MOST_WORDS and rare <= _MOST_RARE:
        make, symbols, moment, lengths = WordTranscript, sorted(counts), _OF_WORDS, [*map(len, texts)]
        few = counts.total() / len(counts) < _ENOUGH_OF_A_WORD
        said = f"{len(counts)} words are learned whole, each of which comes {counts.total() / len(counts):.0f} times on average"
    else:
        spelled = [SPACE.join(words) for words in texts]
        symbols = [SPACE, *sorted({*"".join(spelled)} - {SPACE})]
        make, moment, lengths = SpelledTranscript, _OF_CHARACTERS, [*map(len, spelled)]
        few = counts.total() < _ENOUGH_WORDS
        said = f"{len(counts):,} different words are many, or come too rarely: {len(symbols)} characters are learned"
    if seconds < _FEWEST_MOMENTS * moment:
        raise DataError(
            f"Recordings of texts must last {_FEWEST_MOMENTS * moment:.2g} s at least, but last {seconds:.2g}. Give longer ones."
        )
    n_moments = math.ceil(seconds / moment - 1e-9)
    if (n_numbers := len(texts) * n_moments * (len(symbols) + 1)) > _MOST_NUMBERS:
        raise DataError(
            f"Answers to {len(texts):,} recordings of {seconds:.3g} s would take {8 * n_numbers / 1e9:.0f} gigabytes. "
            "Give shorter recordings (--recording-seconds), or fewer."
        )
    too_few = f"; {len(texts):,} texts of {counts.total():,} words are usually too little to learn them from" if few else ""
    return make(name, symbols, n_moments, min(2 * max(lengths), n_moments), f"{said}{too_few}")
