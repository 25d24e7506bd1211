"""What a fitted model says of rows, as named columns and records: predictions, explanations, and what is seen in pictures.

The command line and the drawings ask here; `Model` gives the same as arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from weights.data.encoding import apply_encoding, cells
from weights.data.files.labelled import FILE_NAMES
from weights.data.inputs import Inputs
from weights.data.registry import kind_of
from weights.data.table.rownumbers import counted_from, rows_counted_from
from weights.data.table.streaming import parts
from weights.errors import TooLargeError, UsageError
from weights.fitting import check_rows
from weights.inspection.excitation import Unit, most_exciting
from weights.inspection.saliency import Saliency, saliency
from weights.inspection.scenes import has_scenes
from weights.inspection.texts import as_record
from weights.model import Model
from weights.preparing import can_stream
from weights.training.control import Progress
from weights.types import AnyArray

MOST_EXPLAINED = 24
"""Pictures that are explained at a time."""


def predictions(
    model: Model,
    data: Any,
    *,
    level: float = 0.9,
    threshold: Mapping[Any, float] | None = None,
    sensitivity: float | None = None,
    label: Any = None,
    sets: float | None = None,
    by: str | None = None,
) -> dict[str, AnyArray]:
    """Answers as named columns: ``prediction``, and each class's probability, or the bounds of the interval; ``file`` first, of pictures.

    Args:
        model: to answer with.
        data: as `Model.predict`.
        level: of the intervals of numbers.
        threshold: class -> the probability from which on ``prediction`` names it; see `Task.decide`.
        sensitivity: adds a column ``found LABEL``: whether the probability of a class reaches the threshold that finds this share of its
            rows (`Model.operating_point`).
        label: this class; the second of two if None.
        sets: adds a column ``set 90% LABEL`` for each class: whether it belongs to a set that holds the true one with this probability.
        by: "class": so it does among the rows of each class, too.

    Raises:
        DataError: a needed column is missing or unreadable. UsageError: a level or a threshold is not between 0 and 1, or there is no class
            to which it applies; others as `Model.operating_point`.
    """
    table = model.read(data)
    inputs = apply_encoding(model.ensemble.encoding, table)
    # Pictures have no order that people know, but names.
    names = {"file": table[FILE_NAMES].to_numpy()} if FILE_NAMES in table.column_names else {}
    point = None if sensitivity is None else model.operating_point(sensitivity, label=label)
    predicted = model.ensemble.answer(inputs)
    answers = {**names, **model.ensemble.task.prediction_columns(predicted, lambda: model.ensemble.bounds(predicted, inputs, level))}
    if threshold:
        answers["prediction"] = model.ensemble.task.decide(predicted, threshold)
    if by not in (None, "class"):
        raise UsageError(f"Sets hold their level by class or over all rows together, but by is '{by}'. Use --by class, or leave it out.")
    if by is not None and sets is None:
        raise UsageError("--by says among which rows sets hold their level, but no sets were asked for. Add --sets, such as 0.9.")
    if sets is not None:
        within = model.ensemble.sets(predicted, sets, by_class=by == "class")
        answers |= {f"set {100 * sets:g}% {known}": within[:, k] for k, known in enumerate(model.classes)}
    if point is not None:
        answers[f"found {point.label}"] = predicted[:, model.ensemble.task.sought(label)] >= point.threshold
    return answers


def explanations(model: Model, data: Any, *, label: Any = None, level: float = 0.95) -> list[dict[str, Any]]:
    """Explained predictions as records: row (counted from 1), class, prediction, base with what that is of, contributions, largest first.

    A contribution of a text has that of its words, and what is answered without those that speak for the answer most.

    Raises:
        DataError, UsageError: as `Model.explain`, or the level is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise UsageError(f"The level must be between 0 and 1, but is {level}. Use 0.95 for intervals that hold 19 times in 20.")
    table = model.read(data)
    explanation = model.explained(table, label)
    low, high = explanation.bounds(level)
    texts = explanation.texts or [()] * table.num_rows
    encoding = model.ensemble.encoding
    files = table[FILE_NAMES].to_pylist() if FILE_NAMES in table.column_names else None
    values = [*(cells(column, table) for column in encoding.columns), *(files or kind_of(b).cells(b, table) for b in encoding.blocks)]
    records = []
    for r, contributions in enumerate(explanation.contributions):
        of_words = {text.feature: as_record(text, explanation.degrees, level) for text in texts[r]}
        parts = [
            {
                "feature": explanation.features[j],
                "value": values[j][r],
                "contribution": float(contributions[j]),
                "low": float(low[r, j]) if np.isfinite(low[r, j]) else None,
                "high": float(high[r, j]) if np.isfinite(high[r, j]) else None,
                **of_words.get(explanation.features[j], {}),
            }
            for j in np.argsort(-np.abs(contributions), kind="stable")
        ]
        of_class = model.ensemble.task.label(int(explanation.label[r]))
        prediction, base = float(explanation.prediction[r]), float(explanation.base[r])
        known = {"row": r + 1, "class": of_class, "prediction": prediction, "base": base, "beginning": explanation.beginning}
        records.append({**known, "contributions": parts})
    return records


class Explained(NamedTuple):
    """A picture with its name, its answer in words, and what the answer rests on."""

    name: str
    answer: str
    saliency: Saliency


def explained_pictures(
    model: Model, table: pa.Table, *, label: Any = None, progress: Callable[[Progress], None] | None = None
) -> list[Explained]:
    """What the answers to pictures in a table that `Model.read` gave rest on, at most `MOST_EXPLAINED` of them.

    Raises:
        DataError, UsageError: as `Model.saliency`, or there are more pictures.
    """
    check_scenes(model)
    number = None if label is None else model.ensemble.task.class_number(label)
    if table.num_rows > MOST_EXPLAINED:
        raise UsageError(
            f"At most {MOST_EXPLAINED} pictures are explained at a time, but {table.num_rows:,} came. Name a picture, or a folder of fewer."
        )
    names = _names(table[FILE_NAMES] if FILE_NAMES in table.column_names else None, table.num_rows)
    explained = []
    inputs = apply_encoding(model.ensemble.encoding, table)
    for i in range(len(inputs)):
        explanation = saliency(model.ensemble, inputs[i : i + 1], label=number)
        answer = model.ensemble.task.describe_prediction(explanation.prediction, explanation.label)
        explained.append(Explained(names[i], answer, explanation))
        if progress is not None:
            progress(Progress("explaining", (i + 1) / table.num_rows, None))
    return explained


class SeenRows(NamedTuple):
    """Rows of a run that are looked at as images, and what is known of each.

    inputs: as models read them. y: class codes (n,), or None for numbers. names: what each is called. labels: its target in words.
    """

    inputs: Inputs
    y: AnyArray | None
    names: list[str]
    labels: list[str]


def rows_seen(model: Model, data: Any = None, *, test: bool = False, progress: Callable[[Progress], None] | None = None) -> SeenRows:
    """The pictures or recordings a run learned from, or those of its test, read again.

    Args:
        model: of pictures or recordings.
        data: where they are; as they were named when the run was made if None.
        test: those of the test.
        progress: called with the share that has been read.

    Raises:
        UsageError: the run is of neither, they cannot be read again and were not given, or there were none for the test.
        NotFoundError, DataError: they are gone, or not those of training.
    """
    check_scenes(model)
    prepared = model.read_again(data, progress)
    check_rows(model.ensemble, prepared)
    task, held = model.ensemble.task, prepared.dataset.held_out
    if not test:
        inputs, names = prepared.dataset.inputs, prepared.dataset.names
        labels = [str(cell) for cell in prepared.dataset.target.to_pylist()]
        return SeenRows(inputs, task.strata(prepared.y), _names(names, len(inputs)), labels)
    if held is None:
        raise UsageError("No rows were for the test. Ask for those of training.")
    labels = [str(cell) for cell in held.target.to_pylist()]
    codes = task.class_codes(held.target)
    return SeenRows(held.inputs, codes, _names(held.names, len(held.inputs)), labels)


def check_scenes(model: Model) -> None:
    """Refuse a run that looks at no images.

    Raises:
        UsageError: it reads columns.
    """
    if not has_scenes(model.ensemble):
        raise UsageError("This needs a run of pictures or recordings, but the run reads columns.")


def _names(names: pa.ChunkedArray | None, n_rows: int) -> list[str]:
    """Names of rows: of their files, else their numbers, counted from 1."""
    return [f"row {i + 1}" for i in range(n_rows)] if names is None else names.to_pylist()


def units_of(model: Model, layer: str, seen: SeenRows, *, member: int = 0) -> list[Unit]:
    """Units of a layer with the rows that excite each most; see `weights.inspection.excitation.most_exciting`."""
    return most_exciting(model.ensemble, seen.inputs, layer, y=seen.y, member=member)


def _describe_target(model: Model, rows: pa.Table) -> list[str]:
    """That rows hold what is answered, if they do, and what compares both."""
    target = model.ensemble.task.target
    held = target in rows.column_names and rows[target].null_count < rows.num_rows
    return [f"the rows hold '{target}', which is not looked at: weights score says how good answers to them are"] if held else []


class Answers(NamedTuple):
    """Answers to some rows, as `predictions` gives them, and sentences about these rows, as `Model.notes` does."""

    columns: dict[str, AnyArray]
    notes: list[str]


def answers(model: Model, data: Any, **options: Any) -> Iterator[Answers]:
    """Answers to all rows of a table at once, or some at a time where it is a Parquet file that does not fit into memory.

    Args:
        model: to answer with.
        data: as `Model.predict`.
        **options: as `predictions`.

    Raises:
        DataError, UsageError: as `predictions`; rows are counted in the whole table.
    """
    try:
        rows = model.read(data)
    except TooLargeError:
        if not can_stream(data):
            raise
    else:
        yield Answers(predictions(model, rows, **options), [*_describe_target(model, rows), *model.notes(rows)])
        return
    encoding, begin = model.ensemble.encoding, 0
    for rows in parts(Path(data), [column.name for column in encoding.columns], encoding.missing_words):
        with rows_counted_from(begin):
            yield Answers(predictions(model, rows, **options), [counted_from(begin, note) for note in model.notes(rows)])
        begin += rows.num_rows
