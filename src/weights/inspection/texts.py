"""One text explained: what each of its words adds to the answer. `explain_texts` is the entrance.

The contribution of a feature of a text, such as a pair of words, is shared out among the words that it is made of, so that those of words
add up to that of the text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa

from weights.data.encoding import apply_encoding
from weights.data.table.columns import as_text
from weights.ensemble import Ensemble
from weights.inspection.explanation import ExplainedText, Explanation, spread_of_replicates

_REMOVED = 3
"""Words that are taken out to see what the answer becomes (our choice)."""


def explain_texts(ensemble: Ensemble, table: pa.Table, explanation: Explanation) -> list[list[ExplainedText]]:
    """What the words of each row's texts add to the answer: a list for each row, with one for each of its columns of texts.

    Args:
        ensemble: that answered.
        table: the rows, r of them.
        explanation: of these.
    """
    rows: list[list[ExplainedText]] = [[] for _ in range(table.num_rows)]
    for feature, row, text in _explain_each(ensemble, table, explanation):
        rows[row].append(text._replace(feature=feature))
    return _answer_without(ensemble, table, explanation, rows)


def _explain_each(ensemble: Ensemble, table: pa.Table, explanation: Explanation) -> Iterator[tuple[str, int, ExplainedText]]:
    encoding = ensemble.encoding
    layout = encoding.layout(1)
    for block, kind, column in encoding.placed_blocks:
        if kind.locate is None:
            continue
        parts = explanation.entries[kind.block]
        numbers = layout.numbers_in(kind.block, column)
        own = np.full(parts.bags.width, -1)
        own[numbers] = np.arange(len(numbers))
        for row, text in enumerate(as_text(table[block.name]).to_pylist()):
            located = kind.locate(block, text or "")
            begin = int(parts.bags.starts[row])
            entries = slice(begin, begin + int(parts.bags.sizes[row]))
            ids = own[parts.bags.entries.ids[entries]]
            shares = located.shares[:, ids[ids >= 0]]
            contributions = shares @ parts.contributions[entries][ids >= 0]
            moves = (shares @ parts.moves[:, entries][:, ids >= 0].T.astype(float)).T
            std_err, _ = spread_of_replicates(ensemble, moves[:, None])
            yield block.name, row, ExplainedText("", located, contributions, std_err[0], [])


def _answer_without(
    ensemble: Ensemble, table: pa.Table, explanation: Explanation, rows: Sequence[Sequence[ExplainedText]]
) -> list[list[ExplainedText]]:
    """The same with the words that speak for each answer most, and what is answered without them."""
    towards = np.sign(explanation.prediction - explanation.base)
    found = [[text._replace(removed=_strongest(text, towards[row])) for text in texts] for row, texts in enumerate(rows)]
    features = [text.feature for text in found[0]] if found else []
    task, answers = ensemble.task, {}
    for place, feature in enumerate(features):
        changed = [texts[place].located.without({*texts[place].removed}) for texts in found]
        position = table.schema.get_field_index(feature)
        other = table.set_column(position, feature, pa.chunked_array([pa.array(changed, pa.string())]))
        answers[place] = task.pick(ensemble.answer(apply_encoding(ensemble.encoding, other)), explanation.label)
    return [
        [text._replace(without=float(answers[place][row]) if text.removed else float("nan")) for place, text in enumerate(texts)]
        for row, texts in enumerate(found)
    ]


def _strongest(text: ExplainedText, towards: float) -> list[int]:
    for_it = text.contributions * towards
    order = np.argsort(-for_it, kind="stable")[:_REMOVED]
    return [int(i) for i in order if for_it[i] > 0]


def as_record(text: ExplainedText, degrees: float, level: float) -> Mapping[str, object]:
    """The words of a text with their contributions, as JSON can hold them, and what is answered without some."""
    low, high = text.bounds(degrees, level)
    known = np.isfinite(low)
    words = [
        {
            "word": word,
            "contribution": float(text.contributions[i]),
            "low": float(low[i]) if known[i] else None,
            "high": float(high[i]) if known[i] else None,
            "spaced": text.located.spaced[i],
        }
        for i, word in enumerate(text.located.words)
    ]
    removed = {"words": [text.located.words[i] for i in text.removed], "prediction": text.without} if text.removed else None
    return {"words": words, "without": removed}
