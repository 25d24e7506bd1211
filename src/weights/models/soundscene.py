"""Recordings as images of bands by time, high bands above, in which a band of a moment is hidden in the sound itself.

What is hidden is no louder than the median of its frequency over the recording, with the phases that were there: what is heard instead
is no silence that a model has never met. (Of eight beeps in noise, hidden by a tenth of the loudness distribution, one to two had the
largest effect elsewhere; by the median none had.)
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import scipy.ndimage
import scipy.signal

from weights.data.audio.column import LOUDEST, count_samples
from weights.data.audio.kind import SOUND
from weights.data.inputs import Inputs
from weights.models.hearing import Grid, hear, play, to_mel
from weights.models.scene import FilterNames, Liking, Scene, SceneWords, box_of
from weights.types import AnyArray, BoolArray, FloatArray, IntArray

_MOST_PATCHES, _LEAST_SHARE = 3, 0.25
"""Patches that are told, and the share of the largest one's places that they have at least (our choices)."""
SOUNDING = "sounding"
"""Embedded beside the image: which frames sound, (n, frames)."""


def make_scene(grid: Grid, row: Inputs) -> Scene:
    """The scene of one recording."""
    recording = np.asarray(row[SOUND])
    samples = recording[0, :, 0]
    heard = _hear(grid, recording)
    energies, sounding = np.asarray(heard.energies, np.float64)[0, ::-1], np.asarray(heard.sounding)
    width = max(int(sounding.sum()), 1)
    inside = energies[:, :width]
    low, high = np.quantile(inside, [0.02, 0.995])
    shown = np.clip((energies - low) / max(high - low, 1e-6) * 255, 0, 255).astype(np.uint8)

    def at_images(images: FloatArray) -> dict[str, Any]:
        return {SOUND: images[:, ::-1], SOUNDING: np.repeat(sounding, len(images), 0)}

    return Scene(
        SOUND,
        SceneWords(
            "spectrogram",
            _say_box(grid, np.ones((grid.n_bands, width), bool)),
            "louder",
            "quieter",
            "ripples (above: higher, right: later)",
        ),
        energies,
        shown,
        width,
        at_images=at_images,
        as_images=lambda gradients: gradients[:, ::-1],
        hide=lambda places: hide(grid, samples, places[:, ::-1]),
        locate=lambda places: locate(grid, places[::-1]),
        rest=0.0,
        contrast=1.0,
        filter_names=FilterNames(("tone", "onset", "rising", "falling", "patch"), _name_filter),
        listen=lambda places: (hide(grid, samples, ~places[None, ::-1])[0, : int(count_samples(samples[None])[0]), 0], grid.rate),
    )


def _name_filter(liking: Liking) -> str:
    """What a filter of spectrograms is called.

    "tone" if it compares bands that last, "onset" if moments of all bands, "rising" or "falling" if bands that change in time, by the
    direction of the stripes it prefers, to within 22.5 degrees; "patch" if it prefers none.
    """
    if liking.orientation is None:
        return "patch"
    return ("tone", "rising", "onset", "falling")[round(liking.orientation / 45) % 4]


_hear = jax.jit(lambda grid, samples: hear(grid, play(samples)), static_argnums=0)


def hide(grid: Grid, samples: AnyArray, places: BoolArray) -> AnyArray:
    """Recordings in which bands of frames are as loud as the background.

    Args:
        grid: of bands and frames.
        samples: int16, shape (t,).
        places: which are hidden in each, low bands first, shape (n, bands, frames).

    Returns:
        int16, shape (n, t, 1).
    """
    n_samples = int(count_samples(samples[None])[0])
    transform = _make_transform(grid)
    padded = np.zeros(max(n_samples, grid.window))
    padded[:n_samples] = samples[:n_samples]
    waves = transform.stft(padded)
    sizes = np.abs(waves)
    background = np.median(sizes, axis=1, keepdims=True)
    kept = np.minimum(1.0, background / np.maximum(sizes, 1e-12))
    frames = np.clip(((transform.t(len(padded)) - grid.hop / 2) / grid.hop).round().astype(int), 0, places.shape[2] - 1)
    bands = _band_of_bins(grid)
    heard = np.flatnonzero(bands >= 0)
    hidden = np.repeat(samples[None], len(places), 0)
    for recording, place in zip(hidden, places, strict=True):
        factors = np.ones_like(sizes)
        factors[heard] = np.where(place[np.ix_(bands[heard], frames)], kept[heard], 1.0)
        sound = transform.istft(waves * factors, k1=len(padded))[:n_samples]
        recording[:n_samples] = np.clip(np.round(sound), -LOUDEST, LOUDEST)
    return hidden[..., None]


def locate(grid: Grid, places: BoolArray) -> str:
    """Where marked places (bands, frames), low bands first, are, the largest patches first: "1.8 to 2.6 kHz, 0.12 to 0.20 s"."""
    patches, n_patches = scipy.ndimage.label(places)
    sizes = np.bincount(patches.ravel(), minlength=n_patches + 1)[1:]
    largest = [int(patch) + 1 for patch in np.argsort(-sizes, kind="stable")[:_MOST_PATCHES] if sizes[patch] >= _LEAST_SHARE * sizes.max()]
    return "; ".join(_say_box(grid, patches == patch) for patch in largest)


def _say_box(grid: Grid, places: BoolArray) -> str:
    lowest, first, above, end = box_of(places)
    edges = (grid.band_edges[:-1] + grid.band_edges[1:]) / 2
    seconds = [frame * grid.hop / grid.rate for frame in (first, end)]
    return f"{edges[lowest] / 1000:.1f} to {edges[above] / 1000:.1f} kHz, {seconds[0]:.2f} to {seconds[1]:.2f} s"


def _make_transform(grid: Grid) -> scipy.signal.ShortTimeFFT:
    """With windows of a frame, four of which stand over each sample; times in samples."""
    size = -(-grid.window // 4) * 4
    return scipy.signal.ShortTimeFFT(np.hanning(size + 1)[:-1], hop=size // 4, fs=1.0)


def _band_of_bins(grid: Grid) -> IntArray:
    """The band whose middle is nearest to each frequency of the transform, -1 for those outside all bands."""
    hertz = np.linspace(0, grid.rate / 2, len(_make_transform(grid).f))
    edges = grid.band_edges
    nearest = np.abs(to_mel(hertz)[:, None] - to_mel(edges[1:-1])).argmin(1)
    return np.where((hertz < edges[0]) | (hertz > edges[-1]), -1, nearest)
