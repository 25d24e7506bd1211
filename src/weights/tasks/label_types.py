"""What labels of classes may be, and how those of a target are told apart: text, numbers, truth values, dates.

Labels stand in a task as what JSON can hold. Dates and moments are text there, beside their unit; `label_array` gives them back.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weights.data.encoding import Category
from weights.data.table.columns import as_text, is_number
from weights.data.table.labels import Form
from weights.data.table.plainform import simplify_type
from weights.types import AnyArray

_TYPES = ({str}, {int}, {bool}, {float})
_FORMS: dict[type, Form] = {str: "", int: "numbers", float: "numbers", bool: "truth values"}
"""What cells of the target were, by the type of the labels; text may have been numbers that do not fit one."""
_SMALLEST_INTEGER, _LARGEST_INTEGER = -(2**63), 2**63 - 1
_TIME_UNITS = {"D": pa.date32(), "us": pa.timestamp("us")}
"""Units of labels that are dates, or moments without a zone, as NumPy calls them."""


def find_time_unit(target: pa.ChunkedArray) -> str:
    """D where labels are dates, us where they are moments, and nothing where they are neither or have a zone."""
    kind = target.type
    if not (pa.types.is_date(kind) or (pa.types.is_timestamp(kind) and kind.tz is None)):
        return ""
    days = pc.cast(pc.cast(target, pa.date32(), safe=False), kind)
    return "D" if pc.all(pc.equal(days, target)).as_py() is not False else "us"


def label_cells(target: pa.ChunkedArray, time_unit: str) -> pa.ChunkedArray:
    """The cells of a target as text, booleans, whole numbers or, where one is none, decimals."""
    target = simplify_type(target)
    if pa.types.is_boolean(target.type):
        return target
    if is_number(target.type):
        try:
            return pc.cast(target, pa.int64())
        except pa.ArrowInvalid:
            return pc.cast(target, pa.float64(), safe=False)
    if time_unit and pa.types.is_temporal(target.type):
        target = pc.cast(target, _TIME_UNITS[time_unit], safe=False)
    return as_text(target)


def label_column(name: str, classes: list[Any], time_unit: str) -> Category:
    """The column of a target that holds these classes, which are its levels in this order."""
    form: Form = "moments" if time_unit else _FORMS[type(classes[0])]
    return Category(name, as_text(pa.chunked_array([classes])).to_pylist(), rare=False, missing=False, form=form)


def label_array(classes: list[Any], time_unit: str) -> AnyArray:
    """The labels in the type of the target, shape (classes,).

    Example:
        >>> label_array(["2026-01-05", "2026-01-12"], "D")
        array(['2026-01-05', '2026-01-12'], dtype='datetime64[D]')
    """
    return np.asarray(classes, dtype=f"datetime64[{time_unit}]" if time_unit else None)


def check_labels(classes: list[Any], time_unit: str) -> list[str]:
    """What is wrong with labels that were read from a file, in words."""
    if classes and {type(label) for label in classes} not in _TYPES:
        return ["class labels must be all text, all whole numbers, all decimals or all booleans"]
    if len(set(classes)) < len(classes):
        return ["two classes have the same label"]
    if any(isinstance(label, int) and not _SMALLEST_INTEGER <= label <= _LARGEST_INTEGER for label in classes):
        return ["a class label is too large a number"]
    if any(isinstance(label, float) and not math.isfinite(label) for label in classes):
        return ["a class label is no finite number"]
    if time_unit not in ("", *_TIME_UNITS):
        return [f"class labels have the unit '{time_unit}', which is none of time"]
    try:
        moments = label_array(classes, time_unit)
    except ValueError:
        moments = np.array(["NaT"], "datetime64[D]")
    return ["class labels are no moments, as their unit says"] if time_unit and np.isnat(moments.astype("datetime64")).any() else []
