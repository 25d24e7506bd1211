"""Values that features can have given the others: with them, members answer as if they did not know the features.

`find_replacement` is for one feature, `find_joint_replacement` for several that move together; `outofbag.OutOfBag` takes both.
"""

from __future__ import annotations

import numpy as np

from weights.data.encoding import Boolean, Category, Encoding
from weights.data.scaling import clipped
from weights.inspection.outofbag import Replacement
from weights.inspection.partialling import Design, Partialled, partial_out_jointly, reference_level
from weights.types import FloatArray, IntArray

_N_VALUES = 8
"""Values by which the distribution of a feature given the others is stood in for (our choice)."""
_MOST_MISSING = 0.99
_N_ROWS_ALIKE = 32
"""The same where they are those of other rows; these vary by chance, so it takes more (our choice)."""


def find_replacement(encoding: Encoding, x: FloatArray, design: Design, partialled: Partialled, feature: int) -> Replacement:
    """The values that a feature can have given the others, for each row, and their chances.

    Args:
        encoding: of the rows.
        x: unclipped inputs, float64, shape (r, p).
        design: the identifiable inputs.
        partialled: their residuals.
        feature: its position.
    """
    column, columns = encoding.columns[feature], design.columns[feature]
    x = x[:, columns]
    place = {int(c): i for i, c in enumerate(columns)}
    residuals = np.zeros_like(x)
    for i in design.of(feature):
        residuals[:, place[design.inputs[i].column]] = partialled.residuals[:, i]
    # Each row had a say in what is expected of it, so its residual is smaller than those of other rows would be.
    expected, residuals = x - residuals, partialled.dof_inflation * residuals
    if isinstance(column, Category):
        return Replacement(columns, *_levels(expected, residuals, x, reference_level(column, design.weight @ x)))
    gaps = x[:, -1] if column.missing else np.zeros(len(x))
    # Where others determine which cells are missing, these stay so.
    known = bool(column.missing and not residuals[:, -1].any())
    missing = gaps if known else expected[:, -1].clip(0, _MOST_MISSING) * bool(column.missing)
    if isinstance(column, Boolean):
        free = residuals[:, 0].any()
        yes = ((1 - missing + expected[:, 0]) / 2).clip(0, 1 - missing) if free else (1 - missing) * (1 + x[:, 0]) / 2
        values, chances = np.zeros((2, *x.shape)), np.stack([yes, 1 - missing - yes])
        values[0, :, 0], values[1, :, 0] = 1.0, -1.0
    else:
        where_known = expected / (1 - missing * (not known))[:, None]
        values = where_known[None] + _typical(residuals, residuals[:, 0])[:, None, :]
        chances = np.repeat((1 - missing)[None] / len(values), len(values), axis=0)
    if column.missing:
        values[:, :, -1] = 0.0
        absent = np.zeros_like(x)
        absent[:, -1] = 1.0
        values, chances = np.concatenate([values, absent[None]]), np.concatenate([chances, missing[None]])
    return _as_read(encoding, design, columns, values, chances)


def find_joint_replacement(encoding: Encoding, x: FloatArray, design: Design, features: list[int]) -> Replacement:
    """The same for several features at once.

    Numbers are what is expected of them plus the residuals of a few rows, along the direction in which these vary most.
    With anything else among them, levels, flags or gaps, all are those of rows of which similar things are expected
    (predictive mean matching: Little 1988), because only rows show which levels go with which numbers.
    """
    columns = np.concatenate([design.columns[feature] for feature in features])
    residuals = partial_out_jointly(design, x[:, columns], features)
    if design.numeric[columns].all():
        typical = _typical(residuals, residuals @ _main_direction(residuals))
        values = x[None, :, columns] - residuals[None] + typical[:, None, :]
    else:
        values = x[:, columns][_alike(x[:, columns] - residuals)]
    return _as_read(encoding, design, columns, values, np.full(values.shape[:2], 1 / len(values)))


def _alike(expected: FloatArray) -> IntArray:
    """For each row the rows of which the most similar is expected, along the direction in which that varies most, shape (d, r)."""
    spread = expected.std(0)
    standard = (expected - expected.mean(0)) / np.where(spread > 0, spread, 1.0)
    order = np.argsort(standard @ _main_direction(standard), kind="stable")
    place = np.empty(len(order), int)
    place[order] = np.arange(len(order))
    n_values = min(_N_ROWS_ALIKE, len(order) - 1)
    begin = (place - n_values // 2).clip(0, len(order) - 1 - n_values)
    near = begin[None] + np.arange(n_values)[:, None]
    return order[near + (near >= place[None])]


def _main_direction(values: FloatArray) -> FloatArray:
    """The direction in which values (r, b) vary most, shape (b,)."""
    return np.linalg.svd(values - values.mean(0), full_matrices=False)[2][0]


def _levels(expected: FloatArray, residuals: FloatArray, x: FloatArray, reference: int) -> tuple[FloatArray, FloatArray]:
    """All levels with their chances; of many, as many as numbers have values, at even steps of each row's own distribution.

    A level that others determine is where it is; what the rest leaves is for the reference level.
    """
    free = residuals.any(0)
    if not free.any():
        return x[None].astype(np.float32), np.ones((1, len(x)))
    fixed = ~free & (np.arange(x.shape[1]) != reference)
    spare = 1 - x[:, fixed].sum(1)
    chance = np.where(free, expected.clip(0, 1), np.where(fixed, x, 0.0))
    wanted = chance[:, free].sum(1)
    chance[:, free] *= np.divide(spare, wanted, out=np.ones_like(spare), where=wanted > spare)[:, None]
    chance[:, reference] = (1 - chance.sum(1)).clip(0, 1)
    n_levels = x.shape[1]
    if n_levels <= _N_VALUES:
        return np.broadcast_to(np.eye(n_levels, dtype=np.float32)[:, None], (n_levels, *x.shape)), chance.T
    steps = (np.arange(_N_VALUES) + 0.5) / _N_VALUES
    chosen = (chance.cumsum(1)[None] < steps[:, None, None]).sum(2).clip(max=n_levels - 1)
    return np.eye(n_levels, dtype=np.float32)[chosen], np.full((_N_VALUES, len(x)), 1 / _N_VALUES)


def _typical(residuals: FloatArray, along: FloatArray) -> FloatArray:
    """Residuals of a few rows, at even steps along a direction, with the mean and variances of all, shape (d, b)."""
    order = np.argsort(along, kind="stable")
    places = ((np.arange(_N_VALUES) + 0.5) / _N_VALUES * len(order)).astype(int).clip(max=len(order) - 1)
    chosen = residuals[order[places]]
    chosen = chosen - chosen.mean(0)
    spread = chosen.std(0)
    return chosen * np.divide(residuals.std(0), spread, out=np.zeros_like(spread), where=spread > 0)


def _as_read(encoding: Encoding, design: Design, columns: IntArray, values: FloatArray, chances: FloatArray) -> Replacement:
    """A replacement by values (d, r, b) as models read them: numbers clipped, and as they are where models may read them so too."""
    numeric, read = design.numeric[columns], values.astype(np.float32)
    if numeric.any():
        numbers = values[:, :, numeric]
        read[:, :, numeric] = clipped(numbers, encoding.clip)
        if encoding.unbounded:
            behind = len(design.numeric) + np.searchsorted(design.numbers, columns[numeric])
            columns, read = np.concatenate([columns, behind]), np.concatenate([read, numbers.astype(np.float32)], axis=2)
    return Replacement(columns, read, chances)
