"""How surely a sum of few events is not zero by chance: `find_tail`."""

from __future__ import annotations

import numpy as np
import scipy.optimize
import scipy.special

from weights.types import FloatArray


def find_tail(makes: FloatArray, chances: FloatArray, rest: float, value: float, growth: float) -> float:
    """The probability that ``sum_i makes_i (y_i - chances_i)`` and a normal number of variance `rest` is as far from zero as a value.

    The y are zero or one, with these chances (n,). Lugannani and Rice (1980, equation 10), for the value less half a step, as a sum of so
    few moves in steps; noise that is larger than chances say widens it by the root of its growth.
    """
    side = 1.0 if value > 0 else -1.0
    a = makes * side
    target = abs(value) - 0.5 * float(np.median(np.abs(a)))
    if target <= 0:
        return 0.5
    chances = np.clip(chances, 1e-9, 1 - 1e-9)

    def derivatives(t: float) -> tuple[float, float, float]:
        exponent = np.minimum(t * a, 700.0)
        moved = chances * np.exp(exponent) / (1 - chances + chances * np.exp(exponent))
        cumulant = float(np.sum(np.log1p(chances * np.expm1(exponent)) - t * a * chances)) + 0.5 * t**2 * rest
        return cumulant, float(a @ (moved - chances)) + t * rest, float(a**2 @ (moved * (1 - moved))) + rest

    high = 1.0 / max(float(np.abs(a).max()), 1e-300)
    while derivatives(high)[1] < target and high < 1e12:
        high *= 2.0
    if derivatives(high)[1] < target:
        return 1e-300
    t = float(scipy.optimize.brentq(lambda at: derivatives(at)[1] - target, 0.0, high, rtol=1e-6))
    cumulant, _, curvature = derivatives(t)
    root = float(np.sqrt(max(2 * (t * target - cumulant), 0.0)))
    if root < 1e-3:
        return 0.5
    scaled = t * float(np.sqrt(curvature))
    tail = float(scipy.special.ndtr(-root)) + float(np.exp(-0.5 * root**2) / np.sqrt(2 * np.pi)) * (1 / scaled - 1 / root)
    tail = min(max(tail, 1e-300), 0.5)
    return float(scipy.special.ndtr(scipy.special.ndtri(tail) / np.sqrt(growth)))
