"""What each word of texts counts and how sure that is: the record that inspection makes and a run keeps.

`WordWeights.records` gives it as rows that people know how to read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import scipy.special

from weights.effects import Contrast, Record
from weights.errors import listed
from weights.multiplicity import ADJUSTMENTS
from weights.options import check_choices, check_top

ANNOUNCED = 0.05
"""Adjusted p-value below which an effect is announced (our choice)."""
_MOST_WRITTEN, _KIND = 4, "robust"
_TOGETHER, _EXCLUDING = ["words that nearly always come together"], ["beside the mean of words that take its place"]


class WordEffect(msgspec.Struct, frozen=True):
    """The effect of a word on one class or the value.

    Attributes:
        label: the class whose probability moves; None for values.
        effect: of a text that holds the word beside one that does not, the other words accounted for, in units of the target.
        std_err: standard error. null_err: that if the effect were zero.
        p_value: if the effect is zero. bh: corrected for all words, and for classes within each, see `multiplicity.adjust_by_family`.
        holm: corrected for all words and classes.
    """

    label: Any
    effect: float
    std_err: float
    null_err: float
    p_value: float
    bh: float
    holm: float

    def adjusted(self, how: str) -> float:
        """The p-value as one of `multiplicity.ADJUSTMENTS` corrects it."""
        return {"bh": self.bh, "holm": self.holm, "none": self.p_value}[how]


class Word(msgspec.Struct, frozen=True):
    """A word, a pair of words, or several that are told as one.

    Attributes:
        feature: the column of texts.
        words: how they are written; several where they nearly always come together.
        n_texts: how many texts of training hold it.
        degrees: of freedom of Student's t.
        importance: the increase of the mean loss of a linear model of words that does not read it, see `WordWeights.measure`.
        importance_err: its standard error.
        effects: the one it moves most clearly first, and those among the clearest of a class.
        excluding: whether its effects are beside the mean of words that take its place, and not with these accounted for, because one of
            them is always there where it is not.
    """

    feature: str
    words: list[str]
    n_texts: int
    degrees: float
    importance: float
    importance_err: float
    effects: list[WordEffect]
    excluding: bool = False

    @property
    def written(self) -> str:
        """As people read it."""
        return " / ".join(self.words) if len(self.words) <= _MOST_WRITTEN else listed(self.words, _MOST_WRITTEN - 1)

    def bounds(self, effect: WordEffect, level: float) -> tuple[float, float] | None:
        """The ends of the interval of an effect at this level; None where there is none."""
        std_errs, degrees, null_errs = ({_KIND: value} for value in (effect.std_err, self.degrees, effect.null_err))
        contrast = Contrast(
            self.feature, "", effect.label, "target", effect.effect, std_errs=std_errs, degrees=degrees, null_errs=null_errs
        )
        return contrast.interval(_KIND, level)


class WordWeights(msgspec.Struct, frozen=True):
    """Effects of words.

    Attributes:
        words: by the p-value of their first effect.
        n_outcomes: classes that were tested, one for two classes and for values.
        n_rows: texts that this rests on.
        least_texts: that must hold a word, and lack it, for it to be tested.
        measure: what importance is an increase of, as of `FeatureWeights`.
        errors: the kind of standard error.
        n_apart: words that enough texts hold and that have no effect, because others that come with them tell as much.
        gained: what the linear model gains on a constant, in units of the measure. Other models of the run may gain more.
        n_clusters: groups that texts came in; None where they did not.
    """

    words: list[Word]
    n_outcomes: int
    n_rows: int
    least_texts: int
    measure: str
    errors: str
    gained: float
    n_apart: int = 0
    n_clusters: int | None = None

    def records(
        self,
        *,
        level: float = 0.95,
        adjust: str | None = None,
        sort: str = "p",
        top: int | None = None,
        label: Any = None,
    ) -> list[Record]:
        """One record a word, with the keys of `FeatureWeights.records`, n_texts, and how p-values are adjusted; the word is the level.

        Args:
            level: of the intervals of effects. Those of importances are at 95 %.
            adjust: of p-values for all words and classes: bh (the share of false words among those announced; the default), holm, none.
            sort: "p" (the clearest first), "importance", "effect" (the largest first), "texts"; "table" is "p".
            top: at most so many words.
            label: those of this class only; of several classes each word otherwise stands with that which it moves most clearly.

        Raises:
            UsageError: a choice is not known.
        """
        adjust = adjust or "bh"
        check_choices({"adjust": (adjust, ADJUSTMENTS), "sort": (sort, _KEYS)}, level)
        check_top(top, "all words")
        chosen = [(word, effect) for word in self.words for effect in word.effects if label is None or effect.label == label]
        if label is None:
            chosen = [(word, word.effects[0]) for word in self.words]
        return [_make_record(word, effect, level, adjust) for word, effect in sorted(chosen, key=_KEYS[sort])[:top]]

    def count_announced(self, adjust: str = "bh") -> int:
        """Words with an effect whose p-value, adjusted so, is below 0.05."""
        return sum(word.effects[0].adjusted(adjust) < ANNOUNCED for word in self.words)


def clearest_first(effect: WordEffect) -> tuple[float, float]:
    """By what effects are sorted so that the clearest come first."""
    return effect.p_value, -abs(effect.effect / max(effect.null_err, 1e-300))


_KEYS: dict[str, Callable[[tuple[Word, WordEffect]], tuple[float, ...]]] = {
    "importance": lambda pair: (-pair[0].importance, pair[1].p_value),
    "p": lambda pair: clearest_first(pair[1]),
    "effect": lambda pair: (-abs(pair[1].effect),),
    "texts": lambda pair: (-pair[0].n_texts,),
    "table": lambda pair: clearest_first(pair[1]),
}


def _make_record(word: Word, effect: WordEffect, level: float, adjust: str) -> Record:
    low, high = word.bounds(effect, level) or (None, None)
    half = float(scipy.special.stdtrit(max(word.degrees, 1.0), 0.975)) * word.importance_err
    return {
        "feature": word.feature,
        "level": word.written,
        "class": effect.label,
        "n_texts": word.n_texts,
        "effect": effect.effect,
        "std_err": effect.std_err,
        "z": effect.effect / effect.null_err if effect.null_err > 0 else None,
        "p_value": effect.adjusted(adjust),
        "adjusted": adjust,
        "low": low,
        "high": high,
        "importance": word.importance,
        "importance_low": word.importance - half,
        "importance_high": word.importance + half,
        "scale": "target",
        "note": "; ".join(_TOGETHER * (len(word.words) > 1) + _EXCLUDING * word.excluding),
    }
