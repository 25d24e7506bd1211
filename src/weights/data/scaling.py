"""Numbers and moments on a scale that models can read: centred, scaled, clipped, and moments also as places in a cycle."""

from __future__ import annotations

import numpy as np

from weights.types import FloatArray

_NORMAL_IQR = 1.3489795003921634
"""Distance between the quartiles of a standard normal: scales are such that normal data get variance one."""
_DAY = 86400.0
CYCLE_SECONDS = {"day": _DAY, "week": 7 * _DAY, "year": 365.2425 * _DAY}
"""Length of each cycle in which moments are encoded."""


def range_of(values: FloatArray) -> tuple[float | None, float | None]:
    """The least and the largest finite value; None for both where there is none."""
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (None, None)


def center_and_scale(values: FloatArray) -> tuple[float, float]:
    """Median and quartile distance of the finite values; where the quartiles agree, the standard deviation."""
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return 0.0, 1.0
    largest = np.abs(finite).max()
    if largest == 0:
        return 0.0, 1.0
    # Divided by the largest first: differences and squares of numbers near 1e308 would overflow.
    low, center, high = np.quantile(finite / largest, (0.25, 0.5, 0.75))
    spread = (high - low) / _NORMAL_IQR or np.std(finite / largest)
    with np.errstate(over="ignore"):
        scale = float(spread * largest)
    return float(center * largest), scale if 0 < scale < np.inf else 1.0


def clipped(z: FloatArray, clip: float | None) -> FloatArray:
    """Scaled numbers as models read them: smoothly clipped, see `encoding.fit_encoding`; infinities land on the bound, NaN stays."""
    if clip is None or clip == np.inf:
        return z
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(np.isinf(z), np.sign(z) * clip, z / np.hypot(1.0, z / clip))


def find_varying_cycles(seconds: FloatArray) -> list[str]:
    """The cycles in which the moments differ and that their span covers at least once."""
    finite = seconds[np.isfinite(seconds)]
    if finite.size == 0:
        return []
    span = finite.max() - finite.min()
    varying = []
    for cycle, period in CYCLE_SECONDS.items():
        finest = {"day": 60.0, "week": _DAY, "year": _DAY}[cycle]
        places = np.unique(np.floor((finite % period) / finest))
        if span >= period and len(places) > 1:
            varying.append(cycle)
    return varying


def encode_cycle(seconds: FloatArray, cycle: str) -> tuple[FloatArray, FloatArray]:
    """Sine and cosine of the place of each moment in a cycle, each of shape (n,)."""
    angle = 2 * np.pi * (seconds % CYCLE_SECONDS[cycle]) / CYCLE_SECONDS[cycle]
    return np.sin(angle), np.cos(angle)
