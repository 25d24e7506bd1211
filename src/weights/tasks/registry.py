"""The tasks there are: `TASKS` lists them, `find_task` reads the task off a target.

To add one, write its file beside `number.py`, and give it a row here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from weights.data.table.columns import find_kind, is_number, to_numbers
from weights.data.table.notation import Notation
from weights.data.table.plainform import simplify_type
from weights.errors import DataError, UsageError, printable, suggest
from weights.tasks.base import Task
from weights.tasks.classes import Binary, Multiclass
from weights.tasks.count import Count, find_count, looks_counted
from weights.tasks.forecast import Forecast
from weights.tasks.labels import MOST_CLASS_CODES, find_classes
from weights.tasks.number import Number, find_number
from weights.tasks.order import order_p_value
from weights.tasks.ranking import Ranking
from weights.tasks.rating import Rating
from weights.tasks.texts import find_transcript
from weights.tasks.transcripts import SpelledTranscript, WordTranscript
from weights.types import FloatArray

AnyTask = Binary | Multiclass | Number | Count | WordTranscript | SpelledTranscript
"""What a saved run may hold, distinguished by ``kind``."""


def _find_two(target: pa.ChunkedArray, name: str, *, notation: Notation | None, seconds: float | None, **options: Any) -> Task:
    return find_classes(target, name, "binary", **options)


def _find_several(target: pa.ChunkedArray, name: str, *, notation: Notation | None, seconds: float | None, **options: Any) -> Task:
    try:
        return find_classes(target, name, None, **options)
    except DataError as error:
        if seconds is None:
            raise
        raise DataError(f"{error} If these are texts that recordings say, use --task transcript.") from error


def _find_number(target: pa.ChunkedArray, name: str, *, seconds: float | None, **options: Any) -> Task:
    return find_number(target, name, **options)


def _find_count(target: pa.ChunkedArray, name: str, *, seconds: float | None, **options: Any) -> Task:
    return find_count(target, name, **options)


class Wanted(NamedTuple):
    """A task that a user may ask for.

    find: (target, name, what was said and is known of it) -> the task.
    whole: whether rows that go on must be read to their ends, however long they are.
    """

    find: Callable[..., Task]
    whole: bool = False


TASKS: dict[str, Wanted] = {
    "binary": Wanted(_find_two),
    "multiclass": Wanted(_find_several),
    "regression": Wanted(_find_number),
    "count": Wanted(_find_count),
    "transcript": Wanted(find_transcript, whole=True),
}
"""By the name a user asks for it."""

SERIES_TASKS = {"forecast": Forecast}
"""Those of series, whose answers are no rows."""
INTERACTION_TASKS = {"ranking": Ranking, "rating": Rating}
"""Those of interactions, whose answers are lists, or ratings of pairs."""


def list_tasks() -> list[str]:
    """The names by which a user asks for a task."""
    return [*TASKS, *SERIES_TASKS, *INTERACTION_TASKS]


_IN_ORDER = 0.05
"""Probability by chance up to which numbers that could be names of classes are taken to be in an order (our choice)."""


def find_task(
    target: pa.ChunkedArray,
    name: str,
    *,
    kind: str | None = None,
    class_weight: Any = None,
    positive: Any = None,
    x: FloatArray | None = None,
    gaps: bool = False,
    levels: Sequence[str] = (),
    notation: Notation | None = None,
    seconds: float | None = None,
) -> Task:
    """The task a target column asks for.

    Args:
        target: n cells, none missing.
        name: its name.
        kind: one of `TASKS`, where the user decides.
        class_weight: "balanced", or a mapping from label to factor, or None.
        positive: of two classes the one that is spoken of, or None.
        x: the other columns as models read them, shape (n, p); with them rows may show that numbers have an order.
        gaps: whether further rows had no target, in frames that write whole numbers as decimals then.
        levels: labels as text in the order that classes are to have; empty where their values give it.
        notation: how numbers were written in the text file that the target was read from, where they were not plainly.
        seconds: that rows which go on, such as recordings, last at most; None where there are none.

    Raises:
        DataError: the target has one value only, or cannot be of the asked kind.
        UsageError: the kind is not known, or class weights or the class to speak of do not fit the classes.

    Example:
        >>> find_task(pa.chunked_array([["ill", "well", "ill"]]), "state").kind
        'binary'
    """
    if kind is not None and kind not in TASKS:
        raise UsageError(f"The task must be one of {', '.join(list_tasks())}, but '{kind}' came. {suggest(kind, list_tasks())}")
    if pa.types.is_nested(target.type):
        raise DataError(f"The target '{name}' must hold one number or label a row, but it holds {target.type}. Name another target.")
    asked, remark = (kind, "") if kind else _guess_kind(target, name, x, gaps=gaps)
    options = {"class_weight": class_weight, "positive": positive, "remark": remark, "levels": levels, "notation": notation}
    return TASKS[asked].find(target, name, seconds=seconds, **options)


def _guess_kind(target: pa.ChunkedArray, name: str, x: FloatArray | None, *, gaps: bool) -> tuple[str, str]:
    """The name of the task that values ask for, and a remark where it could be another."""
    target = simplify_type(target)
    if not is_number(target.type) and find_kind(target, name).kind != "numeric":
        if find_kind(target, name).kind == "datetime":
            raise DataError(
                f"The target '{name}' must be a number or a label, but it holds dates. Turn it into a number, such as days from a "
                "fixed date, or use --task multiclass if its dates are labels."
            )
        return "multiclass", ""
    numbers = to_numbers(target, name)
    values, codes = np.unique(numbers, return_inverse=True)
    n_distinct, whole = len(values), bool(np.all(values == np.floor(values)))
    if n_distinct <= 2:
        return "multiclass", "" if whole else "two numbers are read as classes; --task regression if they are quantities"
    few = n_distinct <= (MOST_CLASS_CODES if whole else min(MOST_CLASS_CODES, len(numbers) // 2))
    counted = looks_counted(numbers)
    numbered = f"{n_distinct} {'whole ' if whole else ''}numbers"
    said = f"{numbered} are read as quantities"
    could_be_names = few and whole and values[0] in (0, 1) and values[-1] - values[0] == n_distinct - 1
    if could_be_names and pa.types.is_floating(target.type) and not gaps:
        said = f"{numbered} written with decimals are read as quantities"
    elif could_be_names:
        if order_p_value(codes, np.zeros((len(codes), 0)) if x is None else x) > _IN_ORDER:
            else_count = ", --task count if they count events" if counted else ""
            return "multiclass", f"{numbered} counted up are read as classes; --task regression if they are quantities{else_count}"
        said = f"{numbered} counted up are read as quantities, because rows show them in an order"
    remarks = [f"{said}; --task multiclass if they are classes"] if few else []
    if counted:
        remarks.append(f"'{printable(name)}' looks like a count: --task count learns rates")
    return "regression", "; ".join(remarks)
