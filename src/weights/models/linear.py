"""The linear model: every input has one weight per output, and that is all.

With the losses of task.py it is least squares, logistic or multinomial regression.
"""

from __future__ import annotations

import jax
import msgspec

from weights.elements.activation import Activation
from weights.elements.initialization import Initialization
from weights.models.architecture import Architecture, Defaults
from weights.models.base import Cost, Hidden, Model, Shape, Silence, affine, first_layer
from weights.types import Params


class Linear(msgspec.Struct, frozen=True, tag="linear"):
    """A linear model has no settings of its own."""

    def check(self) -> list[str]:
        """What is wrong with these settings, in words."""
        return []


def linear_model(settings: Linear, shape: Shape, initialization: Initialization, activation: Activation) -> Model:
    """Outputs ``x @ w + b`` with params ``{"output": {"w": (p, k), "b": (k,)}}``."""

    def init(x: jax.Array, knots: jax.Array, *, key: jax.Array) -> Params:
        return {"output": first_layer(initialization, x, shape.n_outputs, 1.0, key=key)}

    def proceed(params: Params, x: jax.Array, silence: Silence) -> tuple[jax.Array, dict[str, Hidden]]:
        return affine(params["output"], x), {}

    return Model(init, lambda params, x: x, proceed, "output", tuple(range(shape.n_inputs)))


def cost(settings: Linear, shape: Shape) -> Cost:
    """The cost for inputs of this shape."""
    n_weights = (shape.n_inputs + 1) * shape.n_outputs
    return Cost(n_weights, float(n_weights), shape.n_inputs + shape.n_outputs, shape.n_inputs)


LINEAR = Architecture(
    Linear,
    linear_model,
    layers=lambda settings: ["output"],
    cost=cost,
    has_hidden=False,
    linear=True,
    in_auto=True,
    defaults=Defaults(weight_decay=0.0),  # there is a penalty of its own
)
