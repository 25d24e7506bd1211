"""From rows with texts to `WordWeights`: which words count, how surely, and which of them look as if they gave the answer away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from weights.data.encoding import Encoding
from weights.data.inputs import COLUMNS, Inputs
from weights.data.registry import kind_of
from weights.data.text.words import CLASSES
from weights.errors import listed
from weights.inspection.slopes import Rows
from weights.inspection.wordeffects import WordEffects, estimate_word_effects
from weights.inspection.wordunits import LEAST_TEXTS, MOST_TESTED, WordInputs, are_enough, word_inputs
from weights.multiplicity import adjust_by_family, adjusted
from weights.tasks.base import Task
from weights.training.crossfitting import cross_fit
from weights.training.resampling import Resampling
from weights.types import AnyArray, FloatArray, IntArray, ReportProgress
from weights.wordweights import ANNOUNCED, Word, WordEffect, WordWeights, clearest_first

MOST_TEXTS = 50_000
"""Texts of which effects of words are estimated (our choice: what more would add is little beside the wait)."""
_CLEAREST = 50
"""Words that are kept for each class beside those that move it most of all (our choice)."""
_DIGITS = 6
_FITTING_SECONDS, _ROW_SECONDS, _OUTPUT_SECONDS, _PAIR_SECONDS = 6e-7, 1.4e-7, 4.8e-9, 5e-7
"""Of one thread for each entry of the texts and output; and for each word and row, output of these, and other word (measured)."""
_SPENT_FITTING = 0.5
"""Share of the time that fitting takes, about."""
_FEWEST_TOGETHER = 4
"""Different words that nearly always come together from which on they look like a header or a signature, not like a phrase (our choice)."""
_TELLING = 0.9
"""Share of the target's squared deviations that one word alone must explain to be remarked (our choice)."""
_MOST_REMARKED = 3
_ADDRESSES = (CLASSES["url"], CLASSES["email"])


class AskedTexts(NamedTuple):
    """Rows whose words are asked about.

    Attributes:
        task, encoding: of the run. inputs: of n rows. y: encoded targets (n,).
        rows: their weights, groups and moments (n,).
        resampling: which rows the members of the linear model learn from.
        n_threads: members, and words, in work at a time.
    """

    task: Task
    encoding: Encoding
    inputs: Inputs
    y: AnyArray
    rows: Rows
    resampling: Resampling
    n_threads: int


def has_words(encoding: Encoding) -> bool:
    """Whether some column is of texts whose words have effects."""
    return any(kind.vocabulary is not None for kind in encoding.kinds)


def estimate_seconds(encoding: Encoding, n_rows: int, n_outputs: int, *, n_threads: int) -> float:
    """About how many seconds `estimate_word_weights` takes for so many rows, at most `MOST_TEXTS` of them."""
    seconds, asked = 0.0, min(n_rows, MOST_TEXTS)
    for block in encoding.blocks:
        if (kind := kind_of(block)).vocabulary is None:
            continue
        held = np.concatenate([np.asarray(counts) for counts in kind.vocabulary(block).counts[:2]]) * (asked / max(n_rows, 1))
        n_tested = min(int(are_enough(held, asked).sum()), MOST_TESTED)
        fitting = _FITTING_SECONDS * float(held.sum()) * n_outputs
        seconds += fitting + n_tested * (asked * (_ROW_SECONDS + n_outputs * _OUTPUT_SECONDS) + n_tested * _PAIR_SECONDS)
    return seconds / n_threads


def estimate_word_weights(asked: AskedTexts, report_progress: ReportProgress = lambda share: None) -> tuple[WordWeights | None, list[str]]:
    """Effects and importances of words that enough texts hold, None where there is no such word; and remarks on likely leaks.

    Args:
        asked: the rows.
        report_progress: called with the share that is done.
    """
    task, inputs = asked.task, _read_words(asked)
    weight = asked.rows.weight

    def report_fitting(share: float) -> None:
        report_progress(_SPENT_FITTING * share)

    def report_words(share: float) -> None:
        report_progress(_SPENT_FITTING + (1 - _SPENT_FITTING) * share)

    fit = cross_fit(
        inputs.matrix(), inputs.flags.shape[1], asked.y, weight, task, asked.resampling, asked.n_threads, report_progress=report_fitting
    )
    effects = estimate_word_effects(task, inputs, asked.y, asked.rows, fit, asked.n_threads, report_words)
    if effects is None:
        return None, []
    unit = effects.lost[1] if task.relative_importance else 1.0
    rows = asked.rows.only(fit.rows)
    words = _list_words(inputs, effects, unit or 1.0)
    weights = WordWeights(
        words=words,
        n_outcomes=len(effects.outcomes),
        n_rows=len(fit.rows),
        least_texts=LEAST_TEXTS,
        measure=task.importance_measure,
        errors=rows.errors,
        gained=round(float((effects.lost[1] - effects.lost[0]) / (unit or 1.0)), _DIGITS),
        n_apart=len(effects.words) - len(words),
        n_clusters=rows.n_clusters,
    )
    return weights, [*describe_leaks(weights, inputs, task, asked.y)]


def _read_words(asked: AskedTexts) -> WordInputs:
    encoding, layout = asked.encoding, asked.encoding.layout(asked.task.n_outputs)
    matrices, names, vocabularies = [], [], []
    for block, kind, place in encoding.placed_blocks:
        if kind.vocabulary is None:
            continue
        own = layout.numbers_in(kind.block, place)
        matrices.append(asked.inputs[kind.block].matrix(np.float32)[:, own])
        names.append(block.name)
        vocabularies.append(kind.vocabulary(block))
    others = asked.inputs[COLUMNS].astype(float) if COLUMNS in asked.inputs.blocks else np.zeros((len(asked.y), 0))
    return word_inputs(matrices, names, vocabularies, others)


def _list_words(inputs: WordInputs, effects: WordEffects, unit: float) -> list[Word]:
    """The words by the p-value of their clearest effect."""
    known = effects.estimates
    there = np.isfinite(known.effect) & np.isfinite(known.null_err) & np.isfinite(known.p_value)
    bh = adjust_by_family(np.where(there, known.p_value, np.nan))
    holm = np.full(bh.shape, np.nan)
    holm[there] = adjusted(known.p_value[there].tolist(), "holm")
    kept = _choose_effects(known.p_value, there)
    words = []
    for place in np.flatnonzero(there.any(1)):
        own = [
            WordEffect(
                effects.outcomes[k].label,
                *(_shorten(values[place, k]) for values in (known.effect, known.std_err, known.null_err, known.p_value, bh, holm)),
            )
            for k in kept[place]
        ]
        feature, written = inputs.columns[effects.words[place][0]], _write(inputs, effects.words[place])
        importance, error = (_shorten(each[place] / unit) for each in (known.importance, known.importance_err))
        words.append(
            Word(
                feature,
                written,
                int(effects.n_texts[place]),
                _shorten(known.degrees[place]),
                importance,
                error,
                own,
                bool(known.excluding[place]),
            )
        )
    return sorted(words, key=lambda word: clearest_first(word.effects[0]))


def _choose_effects(p_values: FloatArray, there: AnyArray) -> list[list[int]]:
    """The outcomes that are kept of each unit: that it moves most clearly, and those among whose clearest words it is, in order of p."""
    order = np.where(there, p_values, np.inf)
    clearest = np.argsort(order, axis=0, kind="stable")[:_CLEAREST]
    chosen = np.zeros(p_values.shape, bool)
    np.put_along_axis(chosen, clearest, values=True, axis=0)
    chosen[np.arange(len(order)), order.argmin(1)] = True
    chosen &= there
    return [sorted(np.flatnonzero(own).tolist(), key=lambda k: values[k]) for own, values in zip(chosen, order, strict=True)]


def _write(inputs: WordInputs, own: IntArray) -> list[str]:
    """How the words of a unit are written: its pairs whose words are both of it, and words that are in none of these."""
    there = {int(i) for i in own}
    whole = [int(i) for i in own if {int(part) for part in inputs.parts[i]} <= there]
    within = {int(part) for i in whole for part in inputs.parts[i]}
    alone = [int(i) for i in own if inputs.parts[i].max() < 0 and int(i) not in within]
    written = sorted([*whole, *alone]) or own.tolist()
    return [inputs.texts[i] for i in written]


def _shorten(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def describe_leaks(weights: WordWeights, inputs: WordInputs, task: Task, y: AnyArray) -> Iterator[str]:
    """Sentences about words that look as if they told where a text comes from, or gave the answer away, and not what the text says.

    Args:
        weights: of the words.
        inputs: n rows.
        task: what was learned.
        y: encoded targets (n,).
    """
    for place, share in _find_telling(inputs, task.indicators(y)):
        yield (
            f"'{inputs.texts[place]}' in '{inputs.columns[place]}' alone explains {100 * share:.1f} % of '{task.target}': a likely leak. "
            "If new texts will not hold it, take it out of them"
        )
    announced = [word for word in weights.words if word.effects[0].bh < ANNOUNCED]
    for what, own in (
        ("addresses, which tell who wrote,", [word for word in announced if any(map(_is_address, word.words))]),
        ("words that always come together, as headers and signatures do,", [word for word in announced if _is_boilerplate(word)]),
    ):
        if own:
            named = listed([_describe(word) for word in own], _MOST_REMARKED)
            yield f"{what} go along with '{task.target}': {named}. A likely leak, unless new texts will hold them too"


def _find_telling(inputs: WordInputs, wanted: FloatArray) -> list[tuple[int, float]]:
    """Places of words that alone explain the target, a number or whether a class came (n, K), and which share of it, for a few."""
    n, counts = len(wanted), np.bincount(inputs.flags.indices, minlength=inputs.flags.shape[1])
    apart = wanted - wanted.mean(0)
    spread = np.maximum(counts - counts**2 / n, 1e-300)
    explained = (inputs.flags.T @ apart) ** 2 / spread[:, None] / np.maximum((apart**2).sum(0), 1e-300)
    # Of several classes one that a word tells alone is enough; of a number, or two classes, this is all there is.
    share = np.where(are_enough(counts, n), explained.max(1), 0.0)
    order = np.argsort(-share, kind="stable")[:_MOST_REMARKED]
    return [(int(place), float(share[place])) for place in order if share[place] >= _TELLING]


def _describe(word: Word) -> str:
    effect = word.effects[0]
    of = "" if effect.label is None else f" for '{effect.label}'"
    return f"'{word.written}' in {word.n_texts:,} texts ({effect.effect:+.2g}{of})"


def _is_boilerplate(word: Word) -> bool:
    return len({part for each in word.words for part in each.split(" ")}) >= _FEWEST_TOGETHER


def _is_address(word: str) -> bool:
    return "@" in word[1:] or word.startswith(("http://", "https://", "www.")) or word in _ADDRESSES
