"""The reference row, of which the constant of a regression is said: numbers at their means, categories at their reference levels."""

from __future__ import annotations

import numpy as np

from weights.data.encoding import Boolean, Category, ColumnEncoding, Encoding
from weights.errors import listed
from weights.inspection.partialling import Design, Input
from weights.types import FloatArray

_NEAR = 1e-6
_MOST_NAMED = 6
_MISSING = "is missing"


def reference_row(design: Design, encoding: Encoding) -> FloatArray:
    """The inputs of the reference row, shape (q,).

    No flag, the levels that others are compared with, nothing missing, and the means of known numbers; of a number that differs in a few
    rows only, what the others have.
    """
    absent = {input_.feature: design.z[:, i] != 0 for i, input_ in enumerate(design.inputs) if input_.level == _MISSING}

    def value(i: int, input_: Input) -> float:
        if design.hardly_varies(input_.column):
            return float(np.median(design.z[:, i]))
        weight = np.where(absent.get(input_.feature, False), 0.0, design.weight)
        return _reference_value(encoding.columns[input_.feature], input_.level, design.z[:, i], weight)

    return np.asarray([value(i, input_) for i, input_ in enumerate(design.inputs)])


def _reference_value(column: ColumnEncoding, level: str, values: FloatArray, weight: FloatArray) -> float:
    if isinstance(column, Category) or level == _MISSING:
        return 0.0
    return -1.0 if isinstance(column, Boolean) else float(np.average(values, weights=weight))


def find_impossible(design: Design, encoding: Encoding, x: FloatArray) -> list[str]:
    """Features that other features determine, and otherwise than the reference row has them: there is no such row."""
    remain, reference = {input_.column: i for i, input_ in enumerate(design.inputs)}, reference_row(design, encoding)
    wrong: dict[str, None] = {}
    for column, others in design.partners.items():
        if column in remain:
            continue
        kept = [remain[other] for other in others if other in remain]
        root, feature = np.sqrt(design.weight), encoding.column_groups[column]
        regressors = np.column_stack([np.ones(len(x)), design.z[:, kept] - reference[kept]])
        expected = np.linalg.lstsq(regressors * root[:, None], x[:, column] * root, rcond=None)[0][0]
        own = _reference_value(encoding.columns[feature], design.levels[column], x[:, column], design.weight)
        if abs(expected - own) > _NEAR * (1 + np.abs(x[:, column]).max()):
            wrong[f"'{encoding.columns[feature].name}'"] = None
    return [*wrong]


def describe_reference(design: Design, encoding: Encoding) -> str:
    """The reference row in words."""
    used = {input_.feature for input_ in design.inputs}
    levels = [f"{encoding.columns[feature].name} {level}" for feature, level in sorted(design.references.items()) if feature in used]
    numbers = not used <= design.references.keys()
    parts = [*(["numbers at their means"] if numbers else []), *([listed(levels, _MOST_NAMED)] if levels else [])]
    return f"what is expected of a row with {', '.join(parts)}" if parts else "what is expected of any row"
