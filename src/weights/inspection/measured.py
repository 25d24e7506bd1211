"""How often intervals of effects held the truth on simulated tables: what `benchmarks/coverage.py` measured and published.

`measured_coverage` gives the figures of the table that is nearest to a user's own.
"""

from __future__ import annotations

import functools
import importlib.resources
import math

import msgspec

_FILE = "measured_coverage.json"


class MeasuredCoverage(msgspec.Struct, frozen=True):
    """Coverage of 95 % intervals on simulated tables of one shape.

    Attributes:
        kind: of members, "linear" or "neural".
        n, p: rows and features.
        n_cells: kinds of tables: distributions of inputs times truths.
        repetitions: of each.
        mean, least: share of intervals that held the truth, over all and in the worst kind of table.
        worst: what that was.
    """

    kind: str
    n: int
    p: int
    n_cells: int
    repetitions: int
    mean: float
    least: float
    worst: str


def measured_coverage(*, linear: bool, n_rows: int, n_inputs: int) -> MeasuredCoverage | None:
    """The figures of the simulated tables nearest in rows and features, by ratios; None where nothing was measured.

    Example:
        >>> measured_coverage(linear=True, n_rows=569, n_inputs=30).p
        20
    """
    kind = "linear" if linear else "neural"

    def distance(coverage: MeasuredCoverage) -> float:
        return abs(math.log(n_rows / coverage.n)) + abs(math.log(max(n_inputs, 1) / coverage.p))

    return min((coverage for coverage in _all() if coverage.kind == kind), key=distance, default=None)


@functools.cache
def _all() -> list[MeasuredCoverage]:
    return msgspec.json.decode(importlib.resources.files("weights.inspection").joinpath(_FILE).read_bytes(), type=list[MeasuredCoverage])
