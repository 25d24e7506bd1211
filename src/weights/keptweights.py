"""The weights of columns and of words that a run keeps, asked together, and why it has none: `list_weights`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from weights.data.registry import kind_of
from weights.effects import FeatureWeights, Record
from weights.ensemble import Ensemble
from weights.errors import UsageError
from weights.inspection.wordunits import LEAST_TEXTS
from weights.inspection.wordweights import has_words
from weights.wordweights import WordWeights

T = TypeVar("T")
_OF_WORDS = ("level", "adjust", "sort", "top", "narrow")
"""Options of feature weights that are those of words too."""
_KNOWN = {*_OF_WORDS, "scale", "per", "errors", "levels", "intercept"}
_NOT_ESTIMATED = "Feature weights were not estimated in this fit. Fit again with inspection (without --no-inspect)."


def weights_of_columns(ensemble: Ensemble) -> FeatureWeights:
    """What is known of the weights of columns.

    Raises:
        UsageError: the run reads none, or the fit was without inspection.
    """
    if not ensemble.encoding.columns:
        kind = kind_of(ensemble.encoding.blocks[0])
        words = " See `weights words`, which says what words count." if has_words(ensemble.encoding) else ""
        raise UsageError(
            f"This run reads {kind.plural}, and no columns of numbers or categories that could have effects.{words} "
            "See `weights explain`, which says what an answer rests on, and `weights draw`."
        )
    if ensemble.report.feature_weights is None:
        raise UsageError(_NOT_ESTIMATED)
    return ensemble.report.feature_weights


def weights_of_words(ensemble: Ensemble) -> WordWeights:
    """What is known of the weights of words.

    Raises:
        UsageError: the run reads no texts, no word is in enough of them, or the fit was without inspection.
    """
    if not has_words(ensemble.encoding):
        raise UsageError("This run reads no texts, so that there are no effects of words. See `weights summary`.")
    if ensemble.report.word_weights is None:
        raise UsageError(f"{_NOT_ESTIMATED[:-1]}, or give more texts: a word must be in {LEAST_TEXTS} of them.")
    return ensemble.report.word_weights


def list_weights(ensemble: Ensemble, **options: Any) -> list[Record]:
    """The records of columns, and then those of words.

    Args:
        ensemble: that was fitted.
        **options: as `FeatureWeights.records`; of words those that `WordWeights.records` has too.

    Raises:
        UsageError: a choice is not known, or there are none.
    """
    return ask_weights(ensemble, options, lambda columns: columns.records(**options), lambda words, chosen: words.records(**chosen))


def ask_weights(
    ensemble: Ensemble,
    options: dict[str, Any],
    of_columns: Callable[[FeatureWeights], list[T]],
    of_words: Callable[[WordWeights, dict[str, Any]], list[T]],
) -> list[T]:
    """What is answered of columns, and then of words with those options that are theirs.

    Raises:
        UsageError: there is nothing to answer from, or words alone are asked for on a scale that is not theirs.
    """
    scale, texts = options.get("scale", "target"), has_words(ensemble.encoding)
    if ensemble.encoding.columns or not texts:
        found = of_columns(weights_of_columns(ensemble))
        if ensemble.report.word_weights is None or scale != "target":
            return found
    elif unknown := options.keys() - _KNOWN:
        raise TypeError(f"feature weights have no option '{min(unknown)}'")
    elif scale != "target":
        raise UsageError(f"Effects of words are changes of the value or the probability, and there are none on the scale '{scale}'.")
    else:
        found = []
    return [*found, *of_words(weights_of_words(ensemble), {name: value for name, value in options.items() if name in _OF_WORDS})]
