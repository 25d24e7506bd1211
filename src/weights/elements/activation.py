"""Activation: what does a neuron do with its weighted sum, and is it alive?

`ACTIVATIONS` lists the choices. `gain` says how much initial weights must be widened so that signals keep
their size through an activation; `alive` measures whether units still respond.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import msgspec
import numpy as np


class Activation(msgspec.Struct, frozen=True):
    """The activation of hidden units, by name (see `ACTIVATIONS`)."""

    name: str = "relu"

    def check(self) -> list[str]:
        """What is wrong with these settings, in words."""
        return []


def gain(name: str) -> float:
    """Factor on the standard deviation of initial weights that keeps the size of a signal through the activation.

    ``1 / sqrt(E[f(z)^2])`` for standard normal z: the square root of 2 for relu (He et al. 2015, equation 10),
    and the same reasoning for the others, by Gauss-Hermite quadrature of 200 points.

    Example:
        >>> round(gain("relu"), 4)
        1.4142
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(200)
    response = np.asarray(ACTIVATIONS[name](jnp.asarray(nodes, jnp.float32)), np.float64)
    return float(1.0 / np.sqrt(np.sum(weights * response**2) / np.sum(weights)))


def alive(hidden: jax.Array, name: str) -> tuple[jax.Array, jax.Array]:
    """Shares of dead and of saturated units over a set of samples.

    Args:
        hidden: activations, shape (n, h).
        name: of the activation.

    Returns:
        Share of units whose activation is the same for every sample (nothing can pass through them), and share of units that for
        four samples in five sit within 1 % of either end of what they can answer (none where that has no two ends), each shape ().
    """
    dead = hidden.min(0) == hidden.max(0)
    if name not in _ENDS:
        return jnp.mean(dead), jnp.zeros(())
    low, high = _ENDS[name]
    near_end = jnp.minimum(hidden - low, high - hidden) <= 0.01 * (high - low)
    return jnp.mean(dead), jnp.mean(~dead & (near_end.mean(0) > 0.8))


_ENDS = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0)}
"""Least and largest activation of those that have both."""


ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "relu": jax.nn.relu,
    "leaky_relu": jax.nn.leaky_relu,
    "elu": jax.nn.elu,
    "selu": jax.nn.selu,
    "gelu": jax.nn.gelu,
    "silu": jax.nn.silu,
    "mish": jax.nn.mish,
    "softplus": jax.nn.softplus,
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "identity": lambda z: z,
}
