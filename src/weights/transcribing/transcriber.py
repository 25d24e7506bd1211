"""Transcripts: `Transcriber` gives words with their times, how probable they are, and how many members agree, while sound goes on.

Sound is cut where all members are sure that no word is, so that what is between can be decoded alone. There each member has its own
candidates; the one that they find most probable on average is the transcript, because members say the same word at slightly different
moments, and averages of moments would lose it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
import scipy.special
from numpy.lib.stride_tricks import sliding_window_view

from weights.ensemble import Ensemble
from weights.errors import UsageError, listed, printable
from weights.tasks.ctc import Grammar, find_candidates, locate_words, log_likelihoods, make_grammar, spell
from weights.tasks.transcripts import split_words
from weights.transcribing.listening import Listener, Moments
from weights.types import BoolArray, FloatArray

_SURE = 0.95
"""Probability of no word from which on a member is sure (our choice)."""
_LONGEST = 8.0
"""Seconds after which sound is cut where members are surest, if they are nowhere sure (our choice)."""
_MARGIN = 0.15
"""Seconds that are kept before a word (our choice)."""
_PAUSE = 0.3
"""Seconds of quiet that are a pause between words, not within one, where words are spelled (our choice)."""
_NEAR, _HARDLY = 8, -7.0
"""Moments around a character, and the log probability there, below which another is not compared with it (our choices)."""
_ANEW = 1.0
"""Seconds of a pause behind which a phrase begins anew (our choice)."""
_QUIETEST, _NOTHING = 0.05, 1e-4
"""Share of moments that are quieter than what counts as the quietest, and the share of the loudest energy that is silence (our choices)."""
_REJECTED, _MOST_DOUBTED = 0.02, 0.5
"""Share of isolated words of training, answered rightly, that are said to be no known word at most, and the probability that is never
asked for (our choices)."""


class Word(msgspec.Struct, frozen=True):
    """A word that was heard.

    Attributes:
        word: its class; None where it is none of those known.
        start, end: seconds from the begin of the sound.
        probability: of this word among all, and of no word, while its neighbours are as they are; where words are spelled, the product
            of those of their characters among all characters, whatever the lexicon.
        agreement: share of the members that find it the most probable.
        nearest: the most probable class where it is none of those known.
    """

    word: Any
    start: float
    end: float
    probability: float
    agreement: float
    nearest: Any = None


class Transcriber:
    """Words of sound that comes piece by piece.

    Args:
        ensemble: learned from recordings of single words, or of texts.
        lexicon: the words that may be heard; all if None.
        phrases: sequences of words, from which is learned what follows what.

    Raises:
        UsageError: the ensemble was not learned from words, or a class is not known.
    """

    def __init__(self, ensemble: Ensemble, *, lexicon: Iterable[Any] | None = None, phrases: Iterable[Sequence[Any]] = ()) -> None:
        self._listener = Listener(ensemble)
        self._task = ensemble.task
        self._numbers = {str(name): number for number, name in enumerate(self._task.heard)}
        self._grammar = self._make_grammar(None if lexicon is None else [*lexicon], phrases)
        self._least = _find_least(ensemble)
        self._moments = self._listener.nothing
        moments_a_second = self._listener.rate / self._listener.size
        self._margin, self._longest = max(round(_MARGIN * moments_a_second), 1), max(round(_LONGEST * moments_a_second), 4)
        self._pause = max(round(_PAUSE * moments_a_second), 2) if self._task.spells else 2
        self._begin, self._before, self._ended = 0, -1, 0.0

    @property
    def rate(self) -> int:
        """Samples a second that are needed."""
        return self._listener.rate

    @property
    def n_members(self) -> int:
        """Members that hear words."""
        return len(self._listener.member_weights)

    def feed(self, samples: FloatArray) -> list[Word]:
        """The words that are certain to stay once more samples (t,) have come."""
        # One window after the other, so that words do not depend on the pieces in which sound comes.
        return [word for heard in self._listener.feed(samples) for word in self._add(heard)]

    def finish(self) -> list[Word]:
        """The words that are left when the sound has ended."""
        return self._add(self._listener.finish()) + self._take(len(self._moments.loudness))

    def _add(self, heard: Moments) -> list[Word]:
        self._moments = _join(self._moments, heard)
        words: list[Word] = []
        while (end := _find_cut(self._moments, margin=self._margin, pause=self._pause, longest=self._longest)) is not None:
            words += self._take(end)
        return words

    def look_ahead(self) -> list[Word]:
        """The words behind those given, as if the sound ended here: they may change when more comes."""
        return self._decode(_join(self._moments, self._listener.look_ahead()))[0]

    def _take(self, end: int) -> list[Word]:
        """The words before a moment, which is forgotten with all before it."""
        words, numbers = self._decode(Moments(self._moments.said[:, :end], self._moments.loudness[:end]))
        self._moments = Moments(self._moments.said[:, end:], self._moments.loudness[end:])
        self._begin += end
        self._before, self._ended = (numbers[-1], words[-1].end) if words else (self._before, self._ended)
        return words

    def _make_grammar(self, lexicon: Sequence[Any] | None, phrases: Iterable[Sequence[Any]]) -> Grammar:
        if lexicon is not None and not lexicon:
            raise UsageError("A lexicon must name at least one word, but names none. Leave it out to hear all.")
        if not self._task.spells:
            numbers = None if lexicon is None else [number for word in lexicon for number in self._spell(word)]
            spoken = [[number for word in phrase for number in self._spell(word)] for phrase in phrases]
            return make_grammar(len(self._numbers), numbers, spoken)
        if [*phrases]:
            raise UsageError("Phrases need a run that learned whole words, but this one learned characters. Leave them out.")
        grammar = make_grammar(len(self._numbers))
        if lexicon is None:
            return grammar
        return spell(grammar, [self._spell(part) for word in lexicon for part in split_words(str(word))])

    def _spell(self, word: Any) -> list[int]:
        """The numbers of what is heard where a word is said."""
        heard = self._task.split(str(word))
        if not heard or any(symbol not in self._numbers for symbol in heard):
            known, of = listed([*self._numbers], 10), "is made of others than those" if self._task.spells else "is none of those"
            raise UsageError(f"The word '{printable(str(word))}' {of} that were learned; these are {known}. Leave it out.")
        return [self._numbers[symbol] for symbol in heard]

    # A stretch of sound

    def _decode(self, moments: Moments) -> tuple[list[Word], tuple[int, ...]]:
        """The words of a stretch, and their numbers."""
        said, weights = moments.said, self._listener.sharpness * self._listener.member_weights
        blank = said.shape[2] - 1
        if not said.shape[1] or said[..., blank].min() > np.log(_SURE):
            return [], ()
        is_anew = self._begin * self._listener.size / self.rate - self._ended > _ANEW
        grammar = self._grammar if is_anew or self._before < 0 else self._grammar.behind(self._before)
        candidates = {words for member in said for words in find_candidates(member, grammar)}
        scores = {words: float(weights @ log_likelihoods(said, np.array([words], int).reshape(1, -1))[:, 0]) for words in candidates}
        best = max(scores, key=lambda words: scores[words] + grammar.weigh(words))
        if not best:
            return [], ()
        places = locate_words(said, best)
        probability, agreement, nearest = self._compare(said, best, grammar, places)
        nearest = np.array(best) if self._task.spells else nearest  # of characters one by one no word might be left
        kept = np.flatnonzero(nearest != blank)  # of others, the rest alone is more probable
        spoken = self._task.words_in(nearest[kept].tolist())
        if not spoken:
            return [], best
        parts = [kept[own] for own, _ in spoken]
        edges = _find_edges(moments.loudness, np.array([[places[own[0]], places[own[-1]]] for own in parts]).reshape(-1, 2))
        seconds = self._listener.size / self.rate
        words = []
        for own, (_, label), edge in zip(parts, spoken, edges, strict=True):
            start, end = ((self._begin + moment) * seconds for moment in edge)
            chance = round(float(probability[own].prod()), 4)
            is_known = self._task.spells or (chance >= self._least and bool((nearest[own] == np.array(best)[own]).all()))
            words.append(
                Word(
                    label if is_known else None,
                    round(start, 3),
                    round(end, 3),
                    chance,
                    round(float(agreement[own].min()), 4),
                    None if is_known else label,
                )
            )
        return words, best

    def _compare(
        self, said: FloatArray, words: tuple[int, ...], grammar: Grammar, places: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Of each word its probability beside others in its place, and beside none, the share of members for it, and the most probable."""
        n_words, n = said.shape[2] - 1, len(words)
        allowed = np.flatnonzero(grammar.allowed)
        probability, agreement, nearest = np.zeros(n), np.zeros(n), np.zeros(n, int)
        for i, word in enumerate(words):
            if self._task.spells:  # of many characters those that somebody hears thereabouts
                place = round(float(places[i]))
                near = said[:, max(place - _NEAR, 0) : place + _NEAR + 1, :-1].max((0, 1))
                allowed = np.flatnonzero((near > _HARDLY) | (np.arange(n_words) == word))
            others = np.repeat(np.array([words]), len(allowed), 0)
            others[:, i] = allowed
            left_out = np.array([[*words[:i], *words[i + 1 :]]], int).reshape(1, -1)
            own = np.hstack([log_likelihoods(said, others), log_likelihoods(said, left_out)])
            prior = np.array([grammar.weigh([*other]) for other in others.tolist()] + [grammar.weigh([*left_out[0].tolist()])])
            together = self._listener.sharpness * (self._listener.member_weights @ own) + prior
            place = int(np.flatnonzero(allowed == word)[0])
            probability[i] = scipy.special.softmax(together)[place]
            agreement[i] = self._listener.member_weights @ ((own + prior).argmax(1) == place)
            best = int(together.argmax())
            nearest[i] = allowed[best] if best < len(allowed) else n_words
        return probability, agreement, nearest


def transcribe(transcriber: Transcriber, pieces: Iterable[FloatArray]) -> Iterator[Word]:
    """The words of sound, as soon as they are certain."""
    for piece in pieces:
        yield from transcriber.feed(piece)
    yield from transcriber.finish()


def _join(first: Moments, second: Moments) -> Moments:
    return Moments(np.concatenate([first.said, second.said], 1), np.concatenate([first.loudness, second.loudness]))


def _find_cut(moments: Moments, *, margin: int, pause: int, longest: int) -> int | None:
    """Where sound can be cut: in a quiet place, as long as a pause, where all members are sure that no word is; None if nowhere yet.

    Of a pause at the begin a margin is kept; what is longest is cut where members are surest.
    """
    none = np.exp(moments.said[..., -1]).min(0)
    free = (none >= _SURE) & _find_quiet(moments.loudness)
    n_free = len(free) if free.all() else int(np.argmin(free))
    if n_free > 2 * margin:
        return n_free - margin
    rest = free[n_free:]
    if len(rest) >= pause and len(pauses := np.flatnonzero(sliding_window_view(rest, pause).all(1))):
        return n_free + int(pauses[0]) + pause // 2
    return int(none[margin : longest - 1].argmax()) + margin + 1 if len(none) >= longest else None


def _find_quiet(loudness: FloatArray) -> BoolArray:
    """Moments that are halfway, in decibels, from the loudest to the quietest, or below; of these none counts that is 40 dB below."""
    if not len(loudness):
        return np.zeros(0, bool)
    loudest = float(loudness.max())
    quietest = max(float(np.quantile(loudness, _QUIETEST)), _NOTHING * loudest)
    return loudness <= np.sqrt(loudest * quietest)


def _find_edges(loudness: FloatArray, places: FloatArray) -> list[tuple[int, int]]:
    """At which moments words begin and end: between two the quietest moment, and on either side what is no longer loud.

    Places (n, 2) are those where the first and the last symbol of each word are expected.
    """
    # Expected places of words that follow each other closely need not follow each other.
    centres = np.maximum.accumulate(np.clip(np.round(places).astype(int), 0, len(loudness) - 1).ravel()).reshape(-1, 2).tolist()
    quiet = _find_quiet(loudness)
    between = [left + int(loudness[left : right + 1].argmin()) for (_, left), (right, _) in itertools.pairwise(centres)]
    edges = []
    for (begin, last), first, end in zip(centres, [0, *between], [*between, len(loudness)], strict=True):
        before, behind = np.flatnonzero(quiet[first:begin]), np.flatnonzero(quiet[last + 1 : end])
        begins = first + int(before[-1]) + 1 if len(before) else first
        edges.append((begins, max(last + 1 + int(behind[0]) if len(behind) else end, last + 1)))
    return edges


def _find_least(ensemble: Ensemble) -> float:
    """The probability below which a word is none of those known: a half, or less where right answers in training had less."""
    kept = ensemble.oob_predictions
    right = np.zeros(0) if kept is None else ensemble.task.right_probabilities(kept.y, kept.prediction)
    return min(float(np.quantile(right, _REJECTED)), _MOST_DOUBTED) if len(right) else _MOST_DOUBTED
