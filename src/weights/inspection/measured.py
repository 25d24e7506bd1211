"""How intervals and tests of effects held on simulated tables, as benchmarks/coverages.py and sizes.py measured and published it.

`find_measured` gives the figures of tables like a user's own, or none where no simulated table was like it.
"""

from __future__ import annotations

import functools
import importlib.resources
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from weights.effects import FeatureWeights

_COVERAGE, _SIZES = "measured_coverage.json", "measured_sizes.json"
_LIKE = 2.5
"""The ratio of rows, inputs, levels or shares up to which tables are alike (our choice; simulated ones lie a factor of 4 to 5 apart)."""
_HEAVIEST, _HEAVIEST_WITH_LEVELS = 30.0, 300.0
"""Kurtosis up to which numbers are like those of simulations: of Student's t with five degrees of freedom, and with three."""
_BALANCED, _FEW_LEVELS = 0.25, 2

T = TypeVar("T", bound="MeasuredCoverage | MeasuredSize")


class MeasuredCoverage(msgspec.Struct, frozen=True):
    """Coverage of 95 % intervals on simulated tables of numbers, with a number or two classes about as frequent as the target.

    Attributes:
        kind: of members, "linear" or "neural".
        n, p: rows and features.
        n_cells: kinds of tables: distributions of inputs times truths.
        repetitions: of each.
        mean, least: share of intervals that held the truth, over all and in the worst kind of table.
        worst: what that was.
        odds: the least and the largest share of intervals of log odds that did; None where these were not tried.
    """

    kind: str
    n: int
    p: int
    n_cells: int
    repetitions: int
    mean: float
    least: float
    worst: str
    odds: tuple[float, float] | None = None


class MeasuredSize(msgspec.Struct, frozen=True):
    """How often tests at 0.05 found effects that are not there, of a category and a rare flag, on simulated tables.

    Attributes:
        kind: of members, "linear" or "neural".
        scale: "target" or "link".
        n, levels: rows, and levels of the category.
        rarest: share of the rarer class; None for numbers under heavy-tailed noise.
        repetitions: of each kind of table.
        least, most: share of such effects that were found, over kinds of table and tests.
    """

    kind: str
    scale: str
    n: int
    levels: int
    rarest: float | None
    repetitions: int
    least: float
    most: float


def find_measured(weights: FeatureWeights, scale: str) -> MeasuredCoverage | MeasuredSize | None:
    """The figures of the simulated tables like the one that weights were estimated from; None where there were none.

    Args:
        weights: of a fit, with independent rows.
        scale: "target" or "link".
    """
    shape = weights.shape
    if shape is None:
        return None
    kind, balanced = "linear" if weights.linear else "neural", shape.rarest is None or shape.rarest >= _BALANCED
    if shape.n_levels <= _FEW_LEVELS and balanced and shape.kurtosis <= _HEAVIEST:
        covered = [c for c in _read(_COVERAGE, MeasuredCoverage) if c.kind == kind and (scale == "target" or c.odds is not None)]
        return _nearest(covered, [(weights.n_rows, [c.n for c in covered]), (max(weights.n_inputs, 1), [c.p for c in covered])])
    if shape.kurtosis > _HEAVIEST_WITH_LEVELS:
        return None
    numeric, levels = shape.rarest is None, max(shape.n_levels, _FEW_LEVELS)
    sizes = [s for s in _read(_SIZES, MeasuredSize) if (s.kind, s.scale, s.rarest is None) == (kind, scale, numeric)]
    asked: list[tuple[float, list[float]]] = [(weights.n_rows, [s.n for s in sizes]), (levels, [s.levels for s in sizes])]
    if shape.rarest is not None:
        asked.append((shape.rarest, [s.rarest or 1.0 for s in sizes]))
    return _nearest(sizes, asked)


def _nearest(cells: Sequence[T], asked: Sequence[tuple[float, Sequence[float]]]) -> T | None:
    """The cell whose largest ratio to what is asked is least, if that is not too large."""
    ratios = [max(max(ours / theirs[i], theirs[i] / ours) for ours, theirs in asked) for i in range(len(cells))]
    nearest = min(range(len(cells)), key=ratios.__getitem__, default=None)
    return cells[nearest] if nearest is not None and ratios[nearest] <= _LIKE else None


@functools.cache
def _read(name: str, kind: type[T]) -> list[T]:
    return msgspec.json.decode(importlib.resources.files("weights.inspection").joinpath(name).read_bytes(), type=list[kind])  # type: ignore[valid-type]
