"""Regularization: what is preferred, all else equal?

`PENALTIES` lists the penalties, each a `Penalty` that says all that others ask of it: to add one is to add a row. Each is
cut into a smooth part, which is differentiated with the loss, and a rest that acts through its proximal step, so that its
zeros are exact zeros. The same functions serve NumPy (exact solver, float64) and JAX (training step, float32). Max-norm and
dropout are here too; early stopping is a setting that the scheduler obeys.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import msgspec
import numpy as np

Array = Any
"""A NumPy or a JAX array; the functions below return the kind they are given."""


class Regularization(msgspec.Struct, frozen=True):
    """What keeps weights small, few or robust.

    Attributes:
        penalty: one of `PENALTIES`; objective is the weighted mean loss + strength * penalty(weights), biases free.
        strength: factor of the penalty; None lets out-of-bag rows choose it (solved models) or means the default.
        l1_ratio: share of L1 in the elastic net.
        scope: weights the penalty sees: all layers, or only those that touch the inputs.
        max_norm: largest allowed length of a unit's incoming weights; None for no limit.
        dropout: share of hidden units silenced at each step; None means 0.1 for networks that learn by random batches.
        input_dropout: share of inputs silenced at each step.
        patience: early stopping: training ends after this many rounds without out-of-bag improvement by a thousandth, and each member
            keeps its best params; 0 trains to the end and keeps the last. None means 5, or 0 where more is learned than is judged: words
            of strings, beside single ones.
    """

    penalty: str = "l2"
    strength: float | None = None
    l1_ratio: float = 0.5
    scope: Literal["all", "input"] = "all"
    max_norm: float | None = None
    dropout: float | None = None
    input_dropout: float = 0.0
    patience: int | None = None

    @property
    def makes_zeros(self) -> bool:
        """Whether steps leave weights that are exactly zero: the penalty makes them, and has a strength."""
        return bool(self.strength) and PENALTIES[self.penalty].makes_zeros

    def check(self) -> list[str]:
        """What is wrong with these settings, in words."""
        shares = {"dropout": self.dropout or 0.0, "input_dropout": self.input_dropout}
        wrong = [f"{name} must be at least 0 and below 1, but is {value}" for name, value in shares.items() if not 0 <= value < 1]
        if not 0 <= self.l1_ratio <= 1:
            wrong.append(f"l1_ratio must be between 0 and 1, but is {self.l1_ratio}")
        if self.strength is not None and not 0 <= self.strength < np.inf:
            wrong.append(f"strength must be at least 0, but is {self.strength}")
        if self.max_norm is not None and not self.max_norm > 0:
            wrong.append(f"max_norm must be above zero, but is {self.max_norm}")
        if self.patience is not None and self.patience < 0:
            wrong.append(f"patience must be at least 0, but is {self.patience}")
        return wrong


class Penalty(NamedTuple):
    """A penalty on a weight matrix w (p, k) whose rows belong to the features in `groups` (p,).

    Attributes:
        smooth: (w, strength, l1_ratio) -> its differentiable part: half its curvature times the squared length of w.
        curvature: (strength, l1_ratio) -> second derivative of the smooth part, the same for every weight.
        rest: (w, strength, l1_ratio, groups) -> the other part, a number.
        prox: (w, step, l1_ratio, groups) -> argmin_v of ``rest(v) * step / strength + |v - w|^2 / 2``, where step is strength
            times the length of the gradient step; shape (p, k).
        least_strength: (gradient, l1_ratio, groups) -> the least strength that leaves no weight, given the gradient (p, k) of
            the loss where all weights are zero; None for a penalty without a rest, which leaves them all.
        threshold: (strength, l1_ratio) -> how far the proximal step of length one moves a single weight, where the rest is a
            sum over single weights; None where it is not.
        by_feature: whether it acts on the weights of a feature together, and so on the layer that reads inputs only.
        has_strength: whether its strength makes a difference.
    """

    smooth: Callable[[Array, Array, Array], Array]
    curvature: Callable[[Array, Array], Array]
    rest: Callable[[Array, Array, Array, Array], Array]
    prox: Callable[[Array, Array, Array, Array], Array]
    least_strength: Callable[[Array, Array, Array], Array] | None = None
    threshold: Callable[[Array, Array], Array] | None = None
    by_feature: bool = False
    has_strength: bool = True

    @property
    def makes_zeros(self) -> bool:
        """Whether its proximal step leaves weights that are exactly zero."""
        return self.least_strength is not None


def soft_threshold(w: Array, threshold: Array) -> Array:
    """Each number moved towards zero by the threshold, and to exactly zero if it is nearer than that.

    Example:
        >>> soft_threshold(np.array([3.0, -0.5]), 1.0).tolist()
        [2.0, -0.0]
    """
    xp = w.__array_namespace__()
    return xp.sign(w) * xp.maximum(xp.abs(w) - threshold, 0.0)


def group_threshold(w: Array, threshold: Array, groups: Array) -> Array:
    """Each feature's block of rows shortened by threshold * sqrt(block size), or set to zero (Yuan and Lin 2006, section 2)."""
    xp = w.__array_namespace__()
    length, root = _group_lengths(w, groups)
    shrink = xp.maximum(1.0 - threshold * root / xp.where(length > 0, length, 1.0), 0.0)
    return w * shrink[groups][:, None]


def cap_norm(w: jax.Array, largest: jax.Array) -> jax.Array:
    """Weights (fan_in, h) with each unit's incoming vector shortened to the largest allowed length (Srivastava et al. 2014)."""
    length = jnp.linalg.norm(w, axis=0, keepdims=True)
    return w * jnp.minimum(1.0, largest / jnp.maximum(length, 1e-12))


def dropout_mask(shape: tuple[int, ...], rate: jax.Array, seed: jax.Array, step: jax.Array, layer: int) -> jax.Array:
    """Kept units as ``1 / (1 - rate)`` and silenced ones as 0, of the given shape.

    The random bits are an avalanche hash of (unit, step, member seed, layer): it fuses into the training step,
    where a random-number generator would triple its time on CPUs. Tests measure its rate and its independence
    between units, steps, layers and members.
    """
    keep = uniforms(shape, seed, step, layer) >= rate
    return jnp.where(keep, 1.0 / (1.0 - rate), 0.0)


def uniforms(shape: tuple[int, ...], seed: jax.Array, step: jax.Array, stream: int) -> jax.Array:
    """Numbers from 0 to below 1 that differ between places, member seeds, steps and streams; see `dropout_mask`."""
    counter = jnp.arange(int(np.prod(shape)), dtype=jnp.uint32).reshape(shape)
    begin = _mix(_mix(seed.astype(jnp.uint32) + jnp.uint32(0x9E3779B9) * jnp.uint32(stream + 1)) ^ step.astype(jnp.uint32))
    return (_mix(counter + begin) >> 8).astype(jnp.float32) * jnp.float32(2.0**-24)


def _mix(bits: jax.Array) -> jax.Array:
    """Every input bit flips about half the output bits: the 32-bit finaliser found by search in Wellons 2018 (lowbias32)."""
    bits = (bits ^ (bits >> 16)) * jnp.uint32(0x7FEB352D)
    bits = (bits ^ (bits >> 15)) * jnp.uint32(0x846CA68B)
    return bits ^ (bits >> 16)


def _group_lengths(w: Array, groups: Array) -> tuple[Array, Array]:
    """Euclidean length of each feature's block and the root of its number of weights, each shape (p,) padded with zeros."""
    squares, ones = (w * w).sum(1), (w * w).sum(1) * 0 + w.shape[1]
    if isinstance(w, jax.Array):
        blank = jnp.zeros(w.shape[0])
        return jnp.sqrt(blank.at[groups].add(squares)), jnp.sqrt(blank.at[groups].add(ones))
    return np.sqrt(np.bincount(groups, squares, w.shape[0])), np.sqrt(np.bincount(groups, ones, w.shape[0]))


def _group_value(w: Array, strength: Array, l1_ratio: Array, groups: Array) -> Array:
    length, root = _group_lengths(w, groups)
    return strength * (length * root).sum()


def _least_group_strength(gradient: Array, l1_ratio: Array, groups: Array) -> Array:
    lengths = np.sqrt(np.bincount(groups, (gradient**2).sum(1)))
    return (lengths / np.sqrt(np.bincount(groups) * gradient.shape[1]).clip(1)).max()


def _none(*_: Array) -> float:
    return 0.0


def _unmoved(w: Array, step: Array, l1_ratio: Array, groups: Array) -> Array:
    return w


PENALTIES: dict[str, Penalty] = {
    "none": Penalty(smooth=_none, curvature=_none, rest=_none, prox=_unmoved, has_strength=False),
    "l1": Penalty(
        smooth=_none,
        curvature=_none,
        rest=lambda w, strength, l1_ratio, groups: strength * abs(w).sum(),
        prox=lambda w, step, l1_ratio, groups: soft_threshold(w, step),
        least_strength=lambda gradient, l1_ratio, groups: abs(gradient).max(),
        threshold=lambda strength, l1_ratio: strength,
    ),
    "l2": Penalty(
        smooth=lambda w, strength, l1_ratio: 0.5 * strength * (w * w).sum(),
        curvature=lambda strength, l1_ratio: strength,
        rest=_none,
        prox=_unmoved,
    ),
    "elastic_net": Penalty(
        smooth=lambda w, strength, l1_ratio: 0.5 * strength * (1 - l1_ratio) * (w * w).sum(),
        curvature=lambda strength, l1_ratio: strength * (1 - l1_ratio),
        rest=lambda w, strength, l1_ratio, groups: strength * l1_ratio * abs(w).sum(),
        prox=lambda w, step, l1_ratio, groups: soft_threshold(w, step * l1_ratio),
        least_strength=lambda gradient, l1_ratio, groups: abs(gradient).max() / max(l1_ratio, 1e-3),
        threshold=lambda strength, l1_ratio: strength * l1_ratio,
    ),
    "group": Penalty(
        smooth=_none,
        curvature=_none,
        rest=_group_value,
        prox=lambda w, step, l1_ratio, groups: group_threshold(w, step, groups),
        least_strength=_least_group_strength,
        by_feature=True,
    ),
}
