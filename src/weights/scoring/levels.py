"""Rows by the levels of a column: words as they are, numbers and moments by quarter."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import msgspec
import numpy as np
import pyarrow as pa

from weights.data.table.columns import find_kind, to_levels, to_numbers, to_seconds
from weights.ensemble import Predictions
from weights.errors import NotFoundError, UsageError, printable, suggest
from weights.inspection.comparison import FEWEST_ROWS, compare
from weights.multiplicity import adjusted
from weights.scoring.records import LevelMetric, LevelScore
from weights.tasks.base import Task
from weights.tasks.metrics import Metric, score
from weights.types import BoolArray, FloatArray, IntArray

_MOST_LEVELS = 20
"""Levels that are shown apart, those of most rows (our choice)."""
_FEW_NUMBERS = 8
"""As many different whole numbers are levels of their own (our choice)."""


def score_levels(task: Task, scored: Predictions, table: pa.Table, by: str) -> list[LevelScore]:
    """The metrics on the rows of each level of a column, and whether they differ from those of the other rows.

    Args:
        task: whose metrics.
        scored: answers to n rows.
        table: these rows.
        by: the column.

    Raises:
        NotFoundError: there is no such column. UsageError: it has no levels, or nearly as many as rows.
    """
    codes, labels = find_levels(table, by)
    levels = [_score_level(task, scored, label, codes == k) for k, label in enumerate(labels)]
    for name in task.metrics:
        levels = _correct(levels, name)
    return levels


def _correct(levels: list[LevelScore], name: str) -> list[LevelScore]:
    """The levels with the p-values of a metric corrected for how many there are (Holm)."""
    gaps = [level.metrics[name].difference if name in level.metrics else None for level in levels]
    corrected = []
    for level, gap, p in zip(levels, gaps, adjusted([None if gap is None else gap.p_value for gap in gaps], "holm"), strict=True):
        if gap is not None:
            own = msgspec.structs.replace(level.metrics[name], difference=msgspec.structs.replace(gap, p_value=p))
            level = msgspec.structs.replace(level, metrics={**level.metrics, name: own})
        corrected.append(level)
    return corrected


def find_levels(table: pa.Table, by: str) -> tuple[IntArray, list[str]]:
    """The code of each row's level, shape (n,), and the levels in words; errors as `score_levels`."""
    if by not in table.column_names:
        names = [name for name in table.column_names if name.isprintable()]
        raise NotFoundError(f"The rows have no column '{printable(by)}' to show metrics by. {suggest(by, names)}")
    raw = table[by]
    if pa.types.is_nested(raw.type):
        raise UsageError(f"'{printable(by)}' holds {raw.type}, which has no levels. Name a column of words, numbers or dates.")
    codes, levels = to_levels(raw)
    kind = find_kind(raw, by).kind
    if kind == "datetime":
        codes, levels = _quarters(to_seconds(raw, by), lambda value: str(np.datetime64(int(value), "s").astype("datetime64[D]")))
    elif kind == "numeric" and len(levels) > _FEW_NUMBERS:
        codes, levels = _quarters(to_numbers(raw, by), "{:,.4g}".format)
    elif kind in ("identifier", "text") and len(levels) > _MOST_LEVELS:
        raise UsageError(f"'{printable(by)}' has {len(levels):,} different values in {len(raw):,} rows. Name a column of few levels.")
    counts = np.bincount(codes[codes >= 0], minlength=len(levels))
    kept = np.sort(np.argsort(-counts, kind="stable")[: _MOST_LEVELS if len(levels) > _MOST_LEVELS + 1 else None])
    names, places = [levels[k] for k in kept], np.full(len(levels) + 1, len(kept))
    places[kept] = np.arange(len(kept))
    shown = places[codes]
    if len(kept) < len(levels):
        names.append(f"({len(levels) - len(kept)} other levels)")
    absent = codes < 0
    if absent.any():
        shown[absent] = len(names)
        names.append("(missing)")
    return shown, names


def _quarters(values: FloatArray, show: Callable[[float], str]) -> tuple[IntArray, list[str]]:
    """Codes of quarters of equally many rows, -1 where missing, and their bounds in words; fewer where many rows share a value."""
    known = values[np.isfinite(values)]
    edges = np.unique(np.quantile(known, (0.25, 0.5, 0.75), method="inverted_cdf"))
    edges = edges[edges < known.max()]
    codes = np.where(np.isnan(values), -1, np.searchsorted(edges, values, side="left"))
    words = [show(edge) for edge in edges]
    between = [f"{low} to {high}" for low, high in itertools.pairwise(words)]
    return codes, [f"to {words[0]}", *between, f"above {words[-1]}"] if words else ["all"]


def _score_level(task: Task, scored: Predictions, label: str, here: BoolArray) -> LevelScore:
    n_rows = int(np.count_nonzero(here & (scored.weight > 0)))
    if n_rows < FEWEST_ROWS:
        return LevelScore(label, n_rows, {})
    level, rest = scored[here], scored[~here]
    metrics = score_predictions(task, level)
    if np.count_nonzero(rest.weight > 0) < FEWEST_ROWS:
        return LevelScore(label, n_rows, {name: LevelMetric(metric, None) for name, metric in metrics.items()})
    differences = compare(task, level, rest, metrics, score_predictions(task, rest))
    return LevelScore(label, n_rows, {name: LevelMetric(metric, differences[name]) for name, metric in metrics.items()})


def score_predictions(task: Task, scored: Predictions) -> dict[str, Metric]:
    """The metrics of answers, by name."""
    return score(task.metrics, task.original(scored.y), scored.prediction, weight=scored.weight, group=scored.group)
