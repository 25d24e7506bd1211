"""The network of recordings: a convolution (convolution.py) over log-mel energies, bands by time (hearing.py).

Energies are computed from samples inside the compiled program, so that what is changed while members learn is sound. Places behind
the end of a recording have no part in the mean over all places.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import msgspec

from weights.data.audio.kind import SOUND
from weights.data.inputs import Inputs, Layout
from weights.elements.activation import Activation
from weights.elements.augmentation import SoundAugmentation
from weights.elements.initialization import Initialization
from weights.models.architecture import ModelSettings
from weights.models.base import Cost, MemberModel
from weights.models.convolution import CONVOLUTION, Convolution, convolution_parts, layer_names
from weights.models.hearing import Grid, Heard, draw_changes, hear
from weights.models.residual import RESIDUAL_DEFAULTS, Front, residual_architecture, residual_cost, residual_model
from weights.models.soundscene import SOUNDING, make_scene

_MOST_BANDS, _LEAST_HOP, _LONGEST_WINDOW = 256, 0.001, 0.5
"""Beyond which settings are a mistake, or a saved run was tampered with."""
_BANDS, _WINDOW, _HOP, _MOST_FRAMES = 40, 0.025, 0.0125, 320
"""Usual settings; recordings of many seconds get a longer hop, so that there are at most so many frames (our choices)."""
_N_STAGES, _NARROWEST, _WIDEST = 4, 8, 64
"""Stages, and the channels of the first and of the last (our choices)."""


class Spectrogram(ModelSettings, msgspec.Struct, frozen=True, tag="spectrogram"):
    """A convolutional network over log-mel energies.

    Attributes:
        bands: mel bands; None means 40.
        window: seconds of a frame; None means 0.025.
        hop: seconds from one frame to the next; None means 0.0125, or more where recordings would have more than 320 frames.
        widths: channels of each stage; there are half as many bands and frames as in that before. None means 8, 16, 32 and 64.
        blocks: residual blocks of two convolutions that follow in each stage; None means one in the last.
    """

    bands: int | None = None
    window: float | None = None
    hop: float | None = None
    widths: tuple[int, ...] | None = None
    blocks: tuple[int, ...] | None = None

    def check(self) -> list[str]:
        """What is wrong with these settings, in words."""
        wrong = self.convolution.check()
        if self.bands is not None and not 4 <= self.bands <= _MOST_BANDS:
            wrong.append(f"bands must be from 4 to {_MOST_BANDS}, but are {self.bands}")
        for name, seconds in (("window", self.window), ("hop", self.hop)):
            if seconds is not None and not _LEAST_HOP <= seconds <= _LONGEST_WINDOW:
                wrong.append(f"{name} must be from {_LEAST_HOP:g} to {_LONGEST_WINDOW:g} seconds, but is {seconds:g}")
        return wrong

    def resolved(self, layout: Layout) -> Spectrogram:
        """With everything filled in for recordings of this layout."""
        hop = self.hop or max(_HOP, layout.shape(SOUND)[0] / layout.rate(SOUND) / _MOST_FRAMES)
        stages = self.convolution.filled(len(self.widths or self.blocks or ()) or _N_STAGES, last=_WIDEST, least=_NARROWEST)
        return Spectrogram(self.bands or _BANDS, self.window or _WINDOW, hop, stages.widths, stages.blocks)

    @property
    def convolution(self) -> Convolution:
        """That over log-mel energies."""
        return Convolution(self.widths, self.blocks)

    @property
    def is_resolved(self) -> bool:
        """Whether everything is filled in."""
        return None not in (self.bands, self.window, self.hop) and self.convolution.is_resolved


def grid_of(settings: Spectrogram, layout: Layout) -> Grid:
    """Bands and frames of recordings of this layout, by resolved settings."""
    rate = layout.rate(SOUND)
    window, hop = (max(round((seconds or 0.0) * rate), 1) for seconds in (settings.window, settings.hop))
    return Grid(rate, layout.shape(SOUND)[0], settings.bands or 0, window, hop)


def spectrogram_model(settings: Spectrogram, layout: Layout, initialization: Initialization, activation: Activation) -> MemberModel:
    """A residual network (models/residual.py) over what is heard, whose hidden layers have filters ``w`` (9 * c, h)."""
    grid = grid_of(settings, layout)
    parts = [*convolution_parts(settings.convolution, *_image_size(grid))]
    return residual_model(parts, layout, initialization, activation, _front(grid))


def _image_size(grid: Grid) -> tuple[int, int, int]:
    return grid.n_bands, grid.n_frames, 1


def _front(grid: Grid) -> Front:
    def embed(inputs: Inputs) -> Inputs:
        if SOUNDING in inputs.blocks:  # heard already, by `view`
            return inputs.only((SOUND, SOUNDING))
        return _as_inputs(hear(grid, inputs[SOUND]))

    def view(inputs: Inputs, augmentation: SoundAugmentation, *, seed: jax.Array, step: jax.Array) -> Inputs:
        samples = inputs[SOUND]
        changes = draw_changes(augmentation, grid, len(samples), seed=seed, step=step)
        return inputs.replace(**_as_inputs(hear(grid, samples, changes)).blocks)

    return Front(SOUND, embed, _average, view)


def _as_inputs(heard: Heard) -> Inputs:
    return Inputs({SOUND: heard.energies, SOUNDING: heard.sounding})


def _average(activations: jax.Array, embedded: Inputs) -> jax.Array:
    """The mean over all bands and the frames that sound: of activations of several frames, the share of these."""
    sounding = embedded[SOUNDING]
    n_across, n_frames = activations.shape[2], sounding.shape[1]
    each = n_frames // n_across
    shares = sounding[:, : n_across * each].reshape(len(sounding), n_across, each).mean(2)
    # Of a recording so short that it ends before the first place does, that place tells.
    shares = jnp.maximum(shares, jnp.where(jnp.arange(n_across) == 0, 1e-3, 0.0))
    return (activations.mean(1) * shares[..., None]).sum(1) / shares.sum(1, keepdims=True)


def cost(settings: Spectrogram, layout: Layout) -> Cost:
    """The cost of resolved settings for recordings of this layout."""
    grid = grid_of(settings, layout)
    convolved = residual_cost([*convolution_parts(settings.convolution, *_image_size(grid))], layout)
    return convolved._replace(n_multiplications=convolved.n_multiplications + grid.n_multiplications)


SPECTROGRAM = residual_architecture(
    Spectrogram,
    spectrogram_model,
    layers=lambda settings: layer_names(settings.convolution),
    cost=cost,
    resolve=lambda settings, layout, n_samples: settings.resolved(layout),
    lacks=lambda settings: "" if settings.is_resolved else "how recordings are heard",
    reads=(SOUND,),
    scene=lambda settings, layout, row: make_scene(grid_of(settings, layout), row),
    augmentation=SoundAugmentation,
    in_auto=True,
    defaults=RESIDUAL_DEFAULTS._replace(learning_rate=0.02),  # at 0.04 speakers who were not heard are answered worse
    pace=CONVOLUTION.pace,
)
