"""The architectures by name: `ARCHITECTURES` lists them, `architecture_of` finds that of settings, `build` makes a model."""

from __future__ import annotations

from weights.data.inputs import Layout
from weights.data.registry import tag_of
from weights.elements.activation import Activation
from weights.elements.initialization import Initialization
from weights.models.architecture import Architecture, ModelSettings
from weights.models.bag import BAG
from weights.models.base import MemberModel
from weights.models.convolution import CONVOLUTION
from weights.models.kernels import KERNELS
from weights.models.linear import LINEAR
from weights.models.mlp import MLP
from weights.models.patches import PATCHES
from weights.models.spectrogram import SPECTROGRAM
from weights.models.words import WORDS


def name_of(settings: ModelSettings) -> str:
    """The name of the architecture that these settings are of."""
    return tag_of(settings)


def architecture_of(settings: ModelSettings) -> Architecture:
    """The architecture that these settings are of."""
    return ARCHITECTURES[name_of(settings)]


def build(settings: ModelSettings, layout: Layout, initialization: Initialization, activation: Activation) -> MemberModel:
    """The pair of pure functions for one member with these settings."""
    return architecture_of(settings).build(settings, layout, initialization, activation)


def layers_of(settings: ModelSettings) -> list[str]:
    """Names of the layers of a model, as signals pass; none while it is not known how many there will be."""
    return architecture_of(settings).layers(settings)


ARCHITECTURES: dict[str, Architecture] = {
    "linear": LINEAR,
    "mlp": MLP,
    "kernels": KERNELS,
    "words": WORDS,
    "bag": BAG,
    "convolution": CONVOLUTION,
    "patches": PATCHES,
    "spectrogram": SPECTROGRAM,
}
"""The simpler first."""
