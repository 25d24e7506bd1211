"""The architectures by name: `ARCHITECTURES` lists them, `architecture_of` finds that of some settings, `build` makes a model."""

from __future__ import annotations

from typing import Any

from weights.elements.activation import Activation
from weights.elements.initialization import Initialization
from weights.models.architecture import Architecture
from weights.models.base import Model, Shape
from weights.models.convolution import CONVOLUTION, Convolution
from weights.models.linear import LINEAR, Linear
from weights.models.mlp import MLP, Mlp
from weights.models.patches import PATCHES, Patches

AnyModel = Linear | Mlp | Convolution | Patches
"""Settings of a model, as they are saved."""


def name_of(settings: AnyModel) -> str:
    """The name of the architecture that these settings are of."""
    tag: Any = settings.__struct_config__.tag
    return str(tag)


def architecture_of(settings: AnyModel) -> Architecture:
    """The architecture that these settings are of."""
    return ARCHITECTURES[name_of(settings)]


def build(settings: AnyModel, shape: Shape, initialization: Initialization, activation: Activation) -> Model:
    """The pair of pure functions for one member with these settings."""
    return architecture_of(settings).build(settings, shape, initialization, activation)


def layers_of(settings: AnyModel) -> list[str]:
    """Names of the layers of a model, as signals pass; none while it is not known how many there will be."""
    return architecture_of(settings).layers(settings)


ARCHITECTURES: dict[str, Architecture] = {"linear": LINEAR, "mlp": MLP, "convolution": CONVOLUTION, "patches": PATCHES}
"""The simpler first."""
