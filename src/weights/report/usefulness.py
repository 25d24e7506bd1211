"""What a person reads of whether a model is of use: beside a constant, and for each class."""

from __future__ import annotations

import shlex

from weights.summary import labelled, percent
from weights.verdicts import Usefulness

_MOST_CLASSES = 3


def verdict_lines(usefulness: Usefulness | None, run: str) -> list[str]:
    """That a model is no better than a constant, that it never answers a class, and what to do; nothing if all is well.

    Args:
        usefulness: of a run; None of an older version.
        run: what the user calls it.
    """
    if usefulness is None:
        return []
    lines = [*_constant_lines(usefulness, run), *_class_lines(usefulness, run)]
    return [labelled("Verdict" if i == 0 else "", line) for i, line in enumerate(lines)]


def _constant_lines(usefulness: Usefulness, run: str) -> list[str]:
    if not usefulness.complaint:
        return []
    tried = f"`weights diagnose {shlex.quote(run)}` tries what might help"
    return [usefulness.complaint, f"{tried}; else the columns say too little, or the rows are too few to show it"]


def _class_lines(usefulness: Usefulness, run: str) -> list[str]:
    lines, unanswered = [], usefulness.unanswered
    for known in unanswered[:_MOST_CLASSES]:
        often = f"hardly ever answered ({known.n_answered:,} of {usefulness.n_rows:,} rows)" if known.n_answered else "never answered"
        command = f"weights predict {shlex.quote(run)} NEW.csv --threshold {shlex.quote(f'{known.label}={known.threshold:g}')}"
        lines += [
            f"{often}: {known.label}, which {known.n_rows:,} rows are. `{command}` answers it from its share of rows on:",
            f"{percent(known.sensitivity)} of its rows are found so, {percent(known.specificity)} of the others left",
        ]
    if len(unanswered) > _MOST_CLASSES:
        lines.append(f"and {len(unanswered) - _MOST_CLASSES} more classes: weights show {shlex.quote(run)} --json")
    return lines
