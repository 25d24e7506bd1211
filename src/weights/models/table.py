"""The models by name: `MODELS` from settings type to builder, `build` to make one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from weights.elements.activation import Activation
from weights.elements.initialization import Initialization
from weights.models.base import Model, Shape
from weights.models.convolution import Convolution, convolution_model
from weights.models.linear import Linear, linear_model
from weights.models.mlp import Mlp, mlp_model

AnyModel = Linear | Mlp | Convolution


def build(settings: AnyModel, shape: Shape, initialization: Initialization, activation: Activation) -> Model:
    """The pair of pure functions for one member with these settings."""
    return BUILDERS[type(settings)](settings, shape, initialization, activation)


BUILDERS: dict[type, Callable[[Any, Shape, Initialization, Activation], Model]] = {
    Linear: linear_model,
    Mlp: mlp_model,
    Convolution: convolution_model,
}
MODELS: dict[str, type[AnyModel]] = {"linear": Linear, "mlp": Mlp, "convolution": Convolution}
