"""Which classes a target holds, and the weight of each: `find_classes`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from weights.data.table.columns import as_text
from weights.errors import DataError, UsageError, suggest
from weights.tasks.classes import Binary, Multiclass, task_of
from weights.tasks.label_types import find_time_unit, label_cells

MOST_CLASS_CODES = 20
"""Whole numbers 0..K-1 or 1..K count as class codes up to this K (our choice; `task=` overrides it)."""


def find_classes(
    target: pa.ChunkedArray,
    name: str,
    kind: str | None,
    *,
    class_weight: Any,
    positive: Any = None,
    remark: str,
    levels: Sequence[str] = (),
) -> Binary | Multiclass:
    """The task of predicting these labels.

    Args:
        target: n cells, none missing.
        name: its name.
        kind: "binary" where two classes were asked for.
        class_weight: "balanced", or a mapping from label to factor, or None.
        positive: of two classes the one that is spoken of, which becomes the second; in order if None.
        remark: how the task was found.
        levels: labels as text in the order of the classes; empty where numbers and dates are in theirs and words in that of the alphabet.

    Raises:
        DataError: there are fewer than two classes, more than two where two were asked for, or too few rows of each.
        UsageError: class weights or the class to speak of do not fit the classes.
    """
    time_unit = find_time_unit(target)
    counted = pc.value_counts(label_cells(target, time_unit))
    counts = {item["values"].as_py(): item["counts"].as_py() for item in counted}
    classes = _sorted_labels(counts, levels)
    if len(classes) < 2:
        raise DataError(
            f"The target '{name}' must have two classes or more, but all {len(target)} rows hold {classes[0]!r}. Name another target."
        )
    if kind == "binary" and len(classes) != 2:
        raise DataError(
            f"A binary task needs two classes, but '{name}' has {len(classes)} ({classes[:5]}...). Use --task multiclass or regression."
        )
    if len(classes) > max(MOST_CLASS_CODES, len(target) // 2):
        raise DataError(
            f"The target '{name}' has {len(classes)} different labels in {len(target)} rows, too few each to learn. Name another target."
        )
    if positive is not None:
        classes = _order_classes(classes, positive, name)
    return task_of(name, classes, _class_weights(class_weight, counts, classes), remark, time_unit)


def _sorted_labels(labels: Iterable[Any], levels: Sequence[str]) -> list[Any]:
    """Labels in the order of their levels, or else of their values; words that are all numbers in that of the numbers."""
    by_value = sorted(labels)
    if levels:
        texts = dict(zip(as_text(pa.chunked_array([by_value])).to_pylist(), by_value, strict=True))
        if texts.keys() <= {*levels}:
            return [texts[level] for level in levels if level in texts]
    try:
        return sorted(by_value, key=float)
    except ValueError:
        return by_value


def _order_classes(classes: list[Any], positive: Any, name: str) -> list[Any]:
    """Two classes, the one that is spoken of behind the other."""
    by_text = {str(label): label for label in classes}
    if str(positive) not in by_text:
        raise UsageError(f"The class to speak of must be one of '{name}', but is '{positive}'. {suggest(str(positive), by_text)}")
    if len(classes) != 2:
        raise UsageError(f"One of two classes can be spoken of, but '{name}' has {len(classes)}. Leave out --positive.")
    return sorted(classes, key=lambda label: str(label) == str(positive))


def _class_weights(asked: Any, counts: dict[Any, int], classes: list[Any]) -> list[float] | None:
    if asked is None:
        return None
    if asked == "balanced":
        total = sum(counts.values())
        return [total / (len(classes) * counts[label]) for label in classes]
    if not isinstance(asked, dict):
        raise UsageError(f"Class weights must be 'balanced' or label=factor pairs, but {asked!r} came.")
    by_text = {str(label): label for label in classes}
    unknown = [label for label in asked if str(label) not in by_text]
    if unknown:
        raise UsageError(f"Class weights name '{unknown[0]}', which is not a class. {suggest(str(unknown[0]), by_text)}")
    try:
        factors = {str(label): float(factor) for label, factor in asked.items()}
    except (TypeError, ValueError):
        factors = {"": float("nan")}
    if not all(0 < factor < float("inf") for factor in factors.values()):
        raise UsageError(f"Class weights must be numbers above zero, but {asked} came. Give each class a factor such as 2.")
    return [factors.get(str(label), 1.0) for label in classes]
