"""The models by name: `MODELS` lists them, `build` makes one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from weights.elements.activation import Activation
from weights.elements.initialization import Initialization
from weights.models.base import Model, Shape
from weights.models.convolution import Convolution, convolution_model
from weights.models.linear import Linear, linear_model
from weights.models.mlp import Mlp, mlp_model
from weights.models.patches import Patches, patch_model

AnyModel = Linear | Mlp | Convolution | Patches
OfPictures = Convolution | Patches
"""Models that read pictures; the others read the columns of tables."""


def build(settings: AnyModel, shape: Shape, initialization: Initialization, activation: Activation) -> Model:
    """The pair of pure functions for one member with these settings."""
    return BUILDERS[type(settings)](settings, shape, initialization, activation)


BUILDERS: dict[type, Callable[[Any, Shape, Initialization, Activation], Model]] = {
    Linear: linear_model,
    Mlp: mlp_model,
    Convolution: convolution_model,
    Patches: patch_model,
}
MODELS: dict[str, type[AnyModel]] = {"linear": Linear, "mlp": Mlp, "convolution": Convolution, "patches": Patches}
