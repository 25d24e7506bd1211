"""Transcripts: the target is a text that is said in a recording, and outputs tell at each moment which of its symbols is heard, or none.

Symbols are words, or characters where words are many. Members learn by connectionist temporal classification (Graves et al. 2006,
"Connectionist Temporal Classification: Labelling Unsegmented Sequence Data with Recurrent Neural Networks"), which needs no times of
words. An encoded target is the codes of its symbols, with -1 behind the last, shape (w,); outputs are unnormalised log probabilities
(t * (k + 1),) of k symbols and, last, of none, at t moments; a prediction is the probabilities (t, k + 1), averaged over members.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, NoReturn

import msgspec
import numpy as np
import pyarrow as pa
import scipy.special

from weights.conformal import Conformal, Interval
from weights.data.encoding import Category
from weights.data.table.columns import as_text, is_missing
from weights.errors import DataError, UsageError, printable
from weights.tasks.base import ConvexLoss, Outcome, OutputFunctions
from weights.tasks.ctc import find_texts, text_losses
from weights.tasks.metrics import SPELLED_METRICS, WORD_METRICS, Measure, count_wrong_words
from weights.tasks.moments import align_moments
from weights.tasks.text_losses import text_functions
from weights.tasks.unclassed import Unclassed
from weights.types import AnyArray, BoolArray, FloatArray, IntArray

_MOST_SYMBOLS, _MOST_MOMENTS, _MOST_CODES = 10_000, 10_000, 10_000
"""Beyond which a saved run was tampered with."""
_LEAST = 1e-12
"""Probabilities below this count as this where their logarithms are taken."""
SPACE = " "
"""The first symbol where characters are learned."""
_INSTEAD = "`weights transcribe` says when each word is heard, `weights score` how many words are right."
_APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"


def split_words(text: str) -> list[str]:
    """The words of a text, in small letters, without punctuation.

    Example:
        >>> split_words("Turn it ON, please - don't wait!")
        ['turn', 'it', 'on', 'please', "don't", 'wait']
    """
    letters = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).replace(_APOSTROPHE, "'")
    parts = ("".join(own) for is_word, own in itertools.groupby(letters, _is_of_a_word) if is_word)
    return [word for part in parts if (word := part.strip("'"))]


def _is_of_a_word(letter: str) -> bool:
    """Letters, digits, the marks that stand on or behind them, and apostrophes."""
    return letter.isalnum() or letter in "_'" or unicodedata.category(letter).startswith("M")


class Transcript(Unclassed, msgspec.Struct, frozen=True, tag_field="kind"):
    """What transcripts of words and of characters share; what they do not is here that of words.

    Attributes:
        target: the column's name.
        symbols: k words, or characters, by their codes.
        n_moments: t, at which symbols are told apart.
        n_codes: w, the most that a target holds.
        remark: what deserves saying of the texts.
    """

    target: str
    symbols: list[str]
    n_moments: int
    n_codes: int
    remark: str = ""

    metrics: ClassVar[Mapping[str, Measure]] = WORD_METRICS
    spells: ClassVar[bool] = False
    stacking: ClassVar[str] = "equal"
    constant_name: ClassVar[str] = "words as frequent as these, whatever is heard"
    importance_measure: ClassVar[str] = "log loss"
    relative_importance: ClassVar[bool] = False
    numeric: ClassVar[bool] = False
    adds_noise: ClassVar[bool] = False
    simulated: ClassVar[bool] = False
    decomposes: ClassVar[bool] = False
    pipeline: ClassVar[str] = "transcription"
    unit: ClassVar[float] = 1.0
    origin: ClassVar[float] = 0.0
    loss_scale: ClassVar[float] = 1.0
    loss_name: ClassVar[str] = "log loss of texts"

    @property
    def functions(self) -> OutputFunctions:
        """Of outputs, for compiled programs."""
        return text_functions(self.n_moments, len(self.symbols))

    @property
    def convex(self) -> ConvexLoss:
        """Never: the loss is not convex in the outputs."""
        self._refuse("A convex loss was needed")

    @property
    def heard(self) -> list[Any]:
        """The symbols."""
        return self.symbols

    @property
    def n_outputs(self) -> int:
        """Of k symbols and of none, at t moments."""
        return self.n_moments * (len(self.symbols) + 1)

    @property
    def prediction_shape(self) -> tuple[int, ...]:
        """Probabilities of symbols and of none at each moment."""
        return self.n_moments, len(self.symbols) + 1

    @property
    def target_shape(self) -> tuple[int, ...]:
        """The codes of a text."""
        return (self.n_codes,)

    @property
    def column(self) -> Category:
        """A column of text as it is."""
        return Category(self.target, [], rare=False, missing=True)

    def check(self) -> list[str]:
        """What is wrong with values that were read from a file, in words."""
        wrong = [] if 0 < len(self.symbols) <= _MOST_SYMBOLS and len({*self.symbols}) == len(self.symbols) else ["symbols are not distinct"]
        if not 0 < self.n_moments <= _MOST_MOMENTS or not 0 < self.n_codes <= _MOST_CODES:
            wrong.append(f"texts have {self.n_codes} codes at {self.n_moments} moments")
        return wrong

    # Targets

    def split(self, text: str) -> list[str]:
        """The symbols of a text: its words."""
        return split_words(text)

    def join(self, codes: Iterable[int]) -> str:
        """Words with spaces between them; one that was never learned is a question mark in angle brackets."""
        return SPACE.join(self.symbols[code] if code < len(self.symbols) else "<?>" for code in codes)

    def words_in(self, codes: Sequence[int]) -> list[tuple[list[int], Any]]:
        """Each symbol is a word."""
        return [([place], self.symbols[code]) for place, code in enumerate(codes)]

    def encode(self, target: pa.ChunkedArray) -> AnyArray:
        """The codes of the symbols of each text, int32, -1 behind the last, shape (n, w); k for those that were never learned.

        Raises:
            DataError: a text is too long.
        """
        numbers = {symbol: code for code, symbol in enumerate(self.symbols)}
        y = np.full((len(target), self.n_codes), -1, np.int32)
        for row, text in enumerate(as_text(target).to_pylist()):
            codes = [numbers.get(symbol, len(self.symbols)) for symbol in self.split(text or "")]
            if len(codes) > self.n_codes:
                raise DataError(
                    f"A text of '{printable(self.target)}' may have {self.n_codes} symbols here, but row {row + 1} has {len(codes)}. "
                    "Cut the recording into parts, or leave it out."
                )
            y[row, : len(codes)] = codes
        return y

    def knows(self, target: pa.ChunkedArray) -> BoolArray:
        """Which of n cells hold a text that can be compared, shape (n,): any that is not too long."""
        lengths = np.array([len(self.split(text or "")) for text in as_text(target).to_pylist()], int)
        return ~np.asarray(is_missing(target)) & (lengths <= self.n_codes)

    def original(self, y: AnyArray) -> AnyArray:
        """The codes as they are."""
        return y

    def indicators(self, y: AnyArray) -> FloatArray:
        """How often each symbol comes, shape (n, k)."""
        return np.stack([(y == code).sum(1) for code in range(len(self.symbols))], 1).astype(float)

    def describe(self, y: AnyArray) -> str:
        """How many words there are, and which are the commonest."""
        words = Counter(word for codes in y for word in split_words(self.join(code for code in codes if code >= 0)))
        common = ", ".join(f"{word} {n:,}" for word, n in words.most_common(4))
        return f"{words.total():,} words of {len(words):,} different, {words.total() / max(len(y), 1):.1f} in a text; {common}"

    # Losses

    def normalise(self, outputs: FloatArray) -> FloatArray:
        """Probabilities of symbols and of none at each moment, float64, of the shape of outputs (..., t * (k + 1)).

        Means are of probabilities, not of their logarithms, and what members hear at moments that differ is laid over each other before
        (`align`). Probabilities, none below zero and of sum one at each moment, stay as they are, as unnormalised logarithms never are.
        """
        moments = outputs.astype(np.float64).reshape(*outputs.shape[:-1], *self.prediction_shape)
        if (moments >= 0).all() and np.allclose(moments.sum(-1), 1.0, atol=1e-6):
            return moments.reshape(outputs.shape)
        return scipy.special.softmax(moments, axis=-1).reshape(outputs.shape)

    def align(self, outputs: FloatArray, onto: Callable[[], FloatArray]) -> FloatArray:
        """Probabilities (n, t * (k + 1)), each symbol moved to where the mean of members, of the same shape, has it."""
        shape = len(outputs), *self.prediction_shape
        return align_moments(outputs.reshape(shape), onto().reshape(shape)).reshape(outputs.shape)

    def row_losses(self, outputs: FloatArray, y: AnyArray) -> FloatArray:
        """Minus the log probability of each text, shape (n,), from mean probabilities (n, t * (k + 1))."""
        return self.prediction_losses(y, self.decode(outputs))

    def excess_losses(self, outputs: FloatArray, moved: FloatArray) -> FloatArray:
        """Zeros, shape (n,): nothing is said of it, see `decomposes`."""
        return np.zeros(len(outputs))

    def prediction_losses(self, y: AnyArray, predictions: FloatArray) -> FloatArray:
        """Minus the log probability of each text, shape (n,)."""
        return text_losses(y, predictions)

    def squared_errors(self, y: AnyArray, predictions: FloatArray) -> FloatArray:
        """The share of wrong words in those of each text, at most one, shape (n,)."""
        wrong, said = count_wrong_words(y, predictions, are_spelled=self.spells)
        return np.minimum(wrong / np.maximum(said, 1), 1.0)

    def constant_outputs(self, y: AnyArray, weight: FloatArray) -> FloatArray:
        """The shares of symbols and of none among moments, shape (t * (k + 1),)."""
        counts = np.average(self.indicators(y), axis=0, weights=weight) / self.n_moments
        shares = np.append(counts, 1.0 - counts.sum()).clip(_LEAST)
        return np.tile(shares / shares.sum(), self.n_moments)

    def constant_predictions(self, y: AnyArray, weight: FloatArray) -> FloatArray:
        """The same for each row, shape (n, t, k + 1)."""
        return np.broadcast_to(self.constant_outputs(y, weight).reshape(self.prediction_shape), (len(y), *self.prediction_shape))

    # Predictions

    def decode(self, outputs: FloatArray) -> FloatArray:
        """Probabilities (n, t, k + 1) of outputs that are means of probabilities."""
        moments = outputs.reshape(-1, *self.prediction_shape).clip(_LEAST)
        return moments / moments.sum(-1, keepdims=True)

    def decide(self, predictions: FloatArray, threshold: Mapping[Any, float] | None = None) -> AnyArray:
        """The most probable text of each row, shape (n,)."""
        if threshold:
            self.need_classes("A threshold needs classes")
        return np.array([self.join(codes) for codes in find_texts(predictions)], object)

    def _refuse(self, what: str, instead: str = "") -> NoReturn:
        raise UsageError(f"{what}, but '{printable(self.target)}' holds texts that are said. {instead}".rstrip())

    def need_classes(self, what: str = "Classes were needed", instead: str = "") -> None:
        """Never nothing: there are no classes."""
        self._refuse(what, _INSTEAD)

    def need_numbers(self, what: str = "A number was needed", instead: str = "") -> None:
        """Never nothing: a text is no number."""
        self._refuse(what, _INSTEAD)

    def label(self, code: int) -> Any:
        """A symbol."""
        return self.symbols[code]

    def prediction_columns(self, predictions: FloatArray, interval: Callable[[], Interval]) -> dict[str, AnyArray]:
        """``prediction``, the most probable text, and its ``probability`` among all."""
        codes = find_texts(predictions)
        y = np.full((len(codes), max(map(len, codes), default=0)), -1)
        for row, own in zip(y, codes, strict=True):
            row[: len(own)] = own
        return {"prediction": np.array([self.join(own) for own in codes], object), "probability": np.exp(-text_losses(y, predictions))}

    # Intervals and sets

    def calibrate(
        self, y: AnyArray, predictions: FloatArray, x: FloatArray, weight: FloatArray, group: IntArray | None = None
    ) -> Conformal:
        """No scores: texts have neither bounds nor sets."""
        return Conformal(np.zeros(0))

    def covers(self, conformal: Conformal, y: AnyArray, predictions: FloatArray, x: FloatArray, level: float) -> None:
        """None: texts have neither bounds nor sets."""
        return None

    # What is asked of numbers and classes

    def outcomes(self) -> list[Outcome]:
        """None."""
        return []

    def residuals(self, y: AnyArray, predictions: FloatArray) -> FloatArray:
        """Zeros, shape (n,)."""
        return np.zeros(len(y))

    def _never(self, *args: Any, **options: Any) -> NoReturn:
        """Never: there are no classes, outcomes, bounds or effects of texts.

        Raises:
            UsageError: always.
        """
        self._refuse("A number or a class was needed", _INSTEAD)

    class_number = sought = explained_codes = pick = pick_slopes = describe_prediction = _never
    observed = mean = link_slope = noise_variance = move_predictions = gaps = simulate = to_scales = interval = _never

    def effect_of(self, scale: str) -> str:
        """The text."""
        return printable(self.target)


class WordTranscript(Transcript, frozen=True, tag="transcript of words"):
    """A text, of which words are learned whole."""

    @property
    def kind(self) -> str:
        """The task's name."""
        return "transcript of words"


class SpelledTranscript(Transcript, frozen=True, tag="transcript of characters"):
    """A text that is learned character by character; the first symbol is the space."""

    metrics: ClassVar[Mapping[str, Measure]] = SPELLED_METRICS
    spells: ClassVar[bool] = True

    @property
    def kind(self) -> str:
        """The task's name."""
        return "transcript of characters"

    def check(self) -> list[str]:
        """What is wrong with values that were read from a file, in words."""
        return [*Transcript.check(self), *([] if self.symbols[:1] == [SPACE] else ["characters do not begin with the space"])]

    def split(self, text: str) -> list[str]:
        """The characters of the words of a text, with spaces between these."""
        return [*SPACE.join(split_words(text))]

    def words_in(self, codes: Sequence[int]) -> list[tuple[list[int], Any]]:
        """The characters between spaces."""
        groups = (
            [place for place, _ in own]
            for is_space, own in itertools.groupby(enumerate(codes), lambda each: self.symbols[each[1]] == SPACE)
            if not is_space
        )
        return [(places, self.join(codes[place] for place in places)) for places in groups]

    def join(self, codes: Iterable[int]) -> str:
        """The characters one behind the other, without spaces at the ends."""
        return "".join(self.symbols[code] if code < len(self.symbols) else "?" for code in codes).strip()
