"""The table of words of a fit, for people: `summarise_words`."""

from __future__ import annotations

from typing import Any

from weights.effects import ERRORS, MEASURES, Record
from weights.errors import listed, printable
from weights.tables import Table, compact, fixed, interval_heads, short_name, show_p, signed
from weights.tasks.base import Task
from weights.wordweights import ANNOUNCED, WordWeights

_USUAL, _BAR = 20, 8
_ADJUSTED = {
    "bh": "Benjamini-Hochberg: of the words below 0.05 at most a twentieth is expected to be false",
    "holm": "Holm",
    "none": "not adjusted for their number",
}


def summarise_words(
    weights: WordWeights,
    task: Task,
    *,
    sort: str = "importance",
    top: int | None = None,
    level: float = 0.95,
    adjust: str | None = None,
    label: Any = None,
    narrow: bool = False,
) -> Table:
    """The table of words of a fit.

    Args:
        weights: what inspection found.
        task: what was asked.
        sort: as `WordWeights.records`, but the most important first.
        top: at most so many words; 20 if not given.
        level: as there.
        adjust: as there.
        label: as there.
        narrow: without the columns that fit no narrow terminal.

    Raises:
        UsageError: a choice is not known.
    """
    records = weights.records(sort=sort, top=top or _USUAL, level=level, adjust=adjust, label=label)
    largest = max((record["importance"] for record in records), default=0.0)
    table = [_word_cells(record, largest) for record in records]
    of_columns = {record["feature"] for record in records}
    left_out = {*(("std err", "z") if narrow else ()), *(("column",) if len(of_columns) < 2 else ())}
    if weights.n_outcomes == 1:
        left_out.add("class")
    more = len(weights.words) - len(records)
    keep = [name for name in (table[0] if table else ()) if name not in left_out]
    heads = {**dict(zip(keep, keep, strict=True)), **interval_heads(level), "bar": "", "p": name_p(adjust or "bh")}
    return Table(
        title=f"Words         change of {task.effect_of('target')} where a text holds the word",
        heads=[heads[name] for name in keep],
        rows=[[row[name] for name in keep] for row in table],
        notes=[
            *([f"({more:,} more words: --top)"] if more > 0 else []),
            *describe_words(weights, adjust or "bh"),
            _describe_importance(weights),
        ],
    )


def _word_cells(record: Record, largest: float) -> dict[str, str]:
    importance = record["importance"]
    return {
        "word": short_name(record["level"]),
        "column": short_name(record["feature"]),
        "class": printable(str(record["class"])),
        "texts": f"{record['n_texts']:,}",
        "effect": signed(record["effect"]),
        "std err": compact(record["std_err"]),
        "z": fixed(record["z"], 2),
        "p": show_p(record["p_value"]),
        "low": signed(record["low"]),
        "high": signed(record["high"]),
        "importance": fixed(importance, 5),
        "bar": "=" * round(_BAR * max(importance, 0.0) / largest) if largest > 0 else "",
    }


def name_p(adjust: str) -> str:
    """What p-values that are adjusted so are called."""
    return "p" if adjust == "none" else "adj. p"


def describe_words(weights: WordWeights, adjust: str) -> list[str]:
    """What must be known to read the table of words."""
    classes = f", and for {weights.n_outcomes} classes within each" if weights.n_outcomes > 1 else ""
    among = f" in {weights.n_clusters:,} clusters" if weights.n_clusters is not None else ""
    averaged = [f"'{printable(word.written)}'" for word in weights.words if word.excluding]
    return [
        f"{weights.count_announced(adjust):,} of {len(weights.words):,} words and pairs, in {weights.least_texts} texts or more, have an "
        f"effect ({name_p(adjust)} < {ANNOUNCED:g})",
        f"{name_p(adjust)}: for {len(weights.words):,} words{classes}, {_ADJUSTED[adjust]}",
        *([f"beside the mean of words that take its place, one of which is always there: {listed(averaged, 6)}"] if averaged else []),
        *([f"{weights.n_apart:,} more words cannot be told apart from others that come with them"] if weights.n_apart else []),
        *(["z and p are by the error that the effect would have if it were zero"] if _differ(weights) else []),
        f"{ERRORS[weights.errors]} errors from {weights.n_rows:,} texts{among}",
        "beside a text that does not hold the word and is alike in the words that go along with it; not a causal effect",
    ]


def _differ(weights: WordWeights) -> bool:
    """Whether errors of some effects are others if these are zero."""
    return any(abs(each.null_err - each.std_err) > 1e-3 * each.std_err for word in weights.words for each in word.effects[:1])


def _describe_importance(weights: WordWeights) -> str:
    return (
        f"importance: {MEASURES[weights.measure]} of a linear model of words and pairs that does not read the word, nor pairs with it; all "
        f"of them gain {weights.gained:.3f} on a constant, out of bag"
    )
