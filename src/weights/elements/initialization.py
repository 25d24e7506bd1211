"""Initialization: where do weights start?

`draw` gives the first weights of one layer; `SCHEMES` lists the choices. The gain follows the activation
unless it is set: signals then neither fade nor grow on their way through the layers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
import msgspec
import numpy as np


class Initialization(msgspec.Struct, frozen=True):
    """Where weights start.

    Attributes:
        name: one of `SCHEMES`.
        distribution: shape of the draw for the schemes that fix only a variance.
        gain: factor on the standard deviation of xavier, he, lecun and orthogonal; None lets it follow the activation (1 for
            lecun).
        scale: standard deviation of the scheme "normal".
    """

    name: str = "he"
    distribution: Literal["normal", "truncated", "uniform"] = "normal"
    gain: float | None = None
    scale: float = 0.05

    def check(self) -> list[str]:
        """What is wrong with these settings, in words."""
        positive = {"gain": self.gain, "scale": self.scale}
        return [f"{name} must be above zero, but is {value}" for name, value in positive.items() if value is not None and not value > 0]


def draw(settings: Initialization, shape: tuple[int, int], gain: float, *, key: jax.Array) -> jax.Array:
    """Initial weights of a layer.

    Args:
        settings: the scheme.
        shape: inputs and outputs of the layer (its fan-in and fan-out).
        gain: of the activation that the inputs have come through; 1 for none.
        key: random key.

    Returns:
        Weights, float32, of that shape.

    References:
        xavier: Glorot and Bengio 2010, equation 16. he: He et al. 2015, equation 10. lecun: LeCun et al. 1998,
        section 4.6. orthogonal: Saxe et al. 2014. data: Mishkin and Matas 2016 (orthogonal here; `match_data` follows).
    """
    gain = gain if settings.gain is None else settings.gain
    if settings.name in ("orthogonal", "data"):
        return gain * jax.nn.initializers.orthogonal()(key, shape, jnp.float32)
    deviation = float(np.sqrt(variance(settings, shape, gain)))
    return deviation * _unit_draw(settings.distribution, shape, key)


def variance(settings: Initialization, shape: tuple[int, int], gain: float) -> float:
    """The variance that a scheme gives to one weight of a layer with these (fan_in, fan_out)."""
    if settings.gain is not None:
        gain = settings.gain
    elif settings.name == "lecun":
        gain = 1.0
    return SCHEMES[settings.name](settings, max(shape[0], 1), shape[1], gain)


def match_data(weights: jax.Array, inputs: jax.Array) -> jax.Array:
    """Weights rescaled so that the layer's weighted sums have variance one on these inputs (n, fan_in).

    One number for the whole layer, as in Mishkin and Matas 2016, algorithm 1, which needs one pass here because
    the sums are linear in the weights.
    """
    deviation = jnp.std(inputs @ weights)
    return weights / jnp.where(deviation > 1e-6, deviation, 1.0)


def _unit_draw(distribution: str, shape: tuple[int, int], key: jax.Array) -> jax.Array:
    """Independent numbers with mean zero and variance one."""
    if distribution == "uniform":
        return jax.random.uniform(key, shape, minval=-(3.0**0.5), maxval=3.0**0.5)
    if distribution == "truncated":
        # A normal cut at two deviations has deviation 0.8796; dividing restores one.
        return jax.random.truncated_normal(key, -2.0, 2.0, shape) / 0.87962566103423978
    return jax.random.normal(key, shape)


SCHEMES: dict[str, Callable[[Initialization, int, int, float], float]] = {
    "xavier": lambda settings, fan_in, fan_out, gain: gain**2 * 2.0 / (fan_in + fan_out),
    "he": lambda settings, fan_in, fan_out, gain: gain**2 / fan_in,
    "lecun": lambda settings, fan_in, fan_out, gain: gain**2 / fan_in,
    "orthogonal": lambda settings, fan_in, fan_out, gain: gain**2 / max(fan_in, fan_out),
    "data": lambda settings, fan_in, fan_out, gain: gain**2 / max(fan_in, fan_out),
    "normal": lambda settings, fan_in, fan_out, gain: settings.scale**2,
    "zeros": lambda settings, fan_in, fan_out, gain: 0.0,
}
"""Variance of one weight by scheme, from the settings, fan-in, fan-out and gain."""
