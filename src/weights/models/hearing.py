"""How models hear recordings: log-mel energies, from samples to bands over time, inside the compiled program.

A windowed Fourier transform is one product of matrices, and so are mel bands (Davis and Mermelstein 1980, "Comparison of Parametric
Representations for Monosyllabic Word Recognition in Continuously Spoken Sentences"). `hear` gives what a member hears of recordings as
they are, or with `Changes`, which act on sound: on samples (pitch, noise), on where frames begin (tempo, rhythm, shift), on frequencies
(vocal tract), on energies (room) and on their logarithms (microphone, masks).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.special

from weights.data.audio.column import ENDED, LOUDEST
from weights.elements.augmentation import SoundAugmentation
from weights.elements.regularization import uniforms
from weights.types import FloatArray

_LOWEST, _HIGHEST_SHARE, _HIGHEST = 80.0, 0.95, 7_600.0
"""Hertz at which the lowest band begins and the highest ends, the latter as a share of half the sampling rate at most (our choices)."""
_FLOOR = 1e-3
"""Added to energies, whose mean over a recording is about one, before the logarithm: 30 dB below is nothing (our choice)."""
_LEAST_SPREAD = 0.1
_N_COSINES = 2
"""Cosines over bands of which what a recording has on average is taken off, its level and tilt, so that vowels keep their resonances (our
choice: of words of speakers who were not heard, 92.0 % were answered rightly with two, 91.5 with four, 90.4 with as many as bands)."""
_KNOTS = 6
"""Bands between which the change by a microphone is a line (our choice)."""
_QUIETEST, _SPARSEST = 0.03, 300.0
"""The quietest noise, as a share of a recording's loudness, and the largest power: one sample in a hundred is a click (our choices)."""
_HUMS = (40.0, 400.0)
"""Hertz between which hums lie (our choice)."""
_BUZZ = 4.0
"""How much a hum buzzes: it is the exponential of a cosine times this, whose harmonics are Bessel functions."""
_BUZZ_MEAN = float(scipy.special.ive(0, _BUZZ))
_BUZZ_DEVIATION = float(np.sqrt(scipy.special.ive(0, 2 * _BUZZ) - scipy.special.ive(0, _BUZZ) ** 2))
_FALL = float(np.log(1e6))
"""By which energy falls within the reverberation time, 60 dB."""
_SLOWEST_BEAT, _FASTEST_BEAT = 0.65, 0.15
"""Seconds in which the rhythm of a recording goes up and down (our choices)."""
_STREAM = 0xA0D
"""Of numbers of chance, apart from those of other augmentation."""


class Grid(NamedTuple):
    """Bands and frames of recordings of a layout.

    rate: samples a second. n_samples: of a recording. n_bands: mel bands. window, hop: samples of a frame, and to the next one.
    """

    rate: int
    n_samples: int
    n_bands: int
    window: int
    hop: int

    @property
    def n_frames(self) -> int:
        """Frames of the longest recording."""
        return max(-(-self.n_samples // self.hop), 1)

    @property
    def n_bins(self) -> int:
        """Frequencies of the transform, from 0 to half the sampling rate."""
        return (1 << (self.window - 1).bit_length()) // 2 + 1

    @property
    def n_multiplications(self) -> float:
        """Of one recording."""
        return float(self.n_frames * self.n_bins * (2 * self.window + self.n_bands))

    @property
    def band_edges(self) -> FloatArray:
        """Where bands begin, have their middle and end, in hertz: band i at i, i + 1 and i + 2, shape (bands + 2,)."""
        highest = min(_HIGHEST_SHARE * self.rate / 2, _HIGHEST)
        lowest = min(_LOWEST, highest / 4)
        first, last = to_mel(np.array([lowest, highest])).tolist()
        mels = np.linspace(first, last, self.n_bands + 2)
        return 700.0 * (10.0 ** (mels / 2595.0) - 1.0)


class Played(NamedTuple):
    """Sound of loudness one (root mean square), float32, shape (n, t), and how many samples of each there are, (n,)."""

    samples: jax.Array
    n_samples: jax.Array


class Heard(NamedTuple):
    """What is heard of recordings: log-mel energies (n, bands, frames, 1), and which frames sound, 0 or 1, (n, frames)."""

    energies: jax.Array
    sounding: jax.Array


class Changes(NamedTuple):
    """How recordings of a batch are changed, each (n,) but for the last four.

    pitch, tempo, tract: factors. shift: samples. rhythm: by how much parts are faster and slower, as a share, with so many frames from one
    fast part to the next, `beat`, where the first begins, `upbeat`, in radians. noise, babble: shares of the recording's loudness, one of
    which is zero. tilt: of the noise, -1 to 1 from high to low. sparsity: power of the noise, 1 for a steady one, more for clicks. hum:
    its frequency in cycles a sample, where noise is one. decay: of the room, by which energy falls a frame. echo: share of energy that
    comes back. channel: decibels at knots, (n, knots). hidden_frames, hidden_bands: begin and length of what is hidden, (n, 2). waves: of
    noise, uniform between -1 and 1, (n, t).
    """

    pitch: jax.Array
    tempo: jax.Array
    tract: jax.Array
    shift: jax.Array
    rhythm: jax.Array
    beat: jax.Array
    upbeat: jax.Array
    noise: jax.Array
    babble: jax.Array
    tilt: jax.Array
    sparsity: jax.Array
    hum: jax.Array
    decay: jax.Array
    echo: jax.Array
    channel: jax.Array
    hidden_frames: jax.Array
    hidden_bands: jax.Array
    waves: jax.Array


def draw_changes(settings: SoundAugmentation, grid: Grid, n: int, *, seed: jax.Array, step: jax.Array) -> Changes:
    """Changes of n recordings, by resolved settings."""
    chance = uniforms((18 + _KNOTS, n), seed, step, _STREAM)
    both = 2.0 * chance - 1.0

    def factor(most: float | None, place: int) -> jax.Array:
        return jnp.exp(jnp.log1p(most or 0.0) * both[place])

    def loudness(most: float | None, place: int, applies: jax.Array) -> jax.Array:
        least = jnp.log(min(_QUIETEST, most or _QUIETEST))
        return jnp.where(applies, jnp.exp(least + (jnp.log(most or _QUIETEST) - least) * chance[place]), 0.0) if most else jnp.zeros(n)

    def stretch(most: float, size: int, place: int) -> jax.Array:
        length = most * chance[place]
        return jnp.stack([chance[place + 1] * (size - length), length], 1)

    babbles = chance[5] < (0.5 if settings.background and settings.babble else 1.0 if settings.babble else 0.0)
    longest = max(settings.room or 0.0, 1e-3)
    frames_a_second = grid.rate / grid.hop
    return Changes(
        pitch=factor(settings.pitch, 0),
        tempo=factor(settings.tempo, 1),
        tract=factor(settings.tract, 2),
        shift=(settings.shift or 0.0) * grid.rate * both[3],
        rhythm=(settings.rhythm or 0.0) * chance[15],
        beat=frames_a_second * (_FASTEST_BEAT + (_SLOWEST_BEAT - _FASTEST_BEAT) * chance[16]),
        upbeat=2.0 * jnp.pi * chance[17],
        noise=loudness(settings.background, 4, ~babbles),
        babble=loudness(settings.babble, 4, babbles),
        tilt=0.9 * both[6],
        sparsity=jnp.where(chance[13] < 1 / 3, jnp.exp(chance[14] * jnp.log(_SPARSEST)), 1.0),
        hum=jnp.where(chance[13] > 2 / 3, _HUMS[0] * (_HUMS[1] / _HUMS[0]) ** chance[14] / grid.rate, 0.0),
        decay=jnp.exp(-_FALL / (frames_a_second * jnp.maximum(longest * chance[7], 1e-3))),
        echo=0.3 * jnp.maximum(both[8], 0.0) * float(bool(settings.room)),
        channel=(settings.channel or 0.0) * both[18:].T,
        hidden_frames=stretch(min((settings.mask_time or 0.0) * frames_a_second, grid.n_frames / 2), grid.n_frames, 9),
        hidden_bands=stretch((settings.mask_bands or 0.0) * grid.n_bands, grid.n_bands, 11),
        waves=2.0 * uniforms((n, grid.n_samples), seed, step, _STREAM + 1) - 1.0,
    )


def keep_whole(grid: Grid, samples: jax.Array, changes: Changes) -> Changes:
    """The changes less those by which recordings (n, t, 1) would not be heard from their begin to their end."""
    n_samples = (samples[..., 0] != ENDED).sum(1)
    # A rhythm moves frames by this at most, see `place_frames`.
    spare = grid.n_frames - changes.rhythm * changes.beat / jnp.pi
    tempo = jnp.maximum(changes.tempo, n_samples / (grid.hop * jnp.maximum(spare, 1.0)))
    pitch = jnp.maximum(changes.pitch, n_samples / samples.shape[1])
    return changes._replace(tempo=tempo, pitch=pitch, shift=jnp.zeros_like(changes.shift))


def play(samples: jax.Array) -> Played:
    """Recordings, int16, shape (n, t, 1), `ENDED` behind the end, as sound."""
    sounds = samples[..., 0] != ENDED
    n_samples = jnp.maximum(sounds.sum(1), 1)
    return equalise(jnp.where(sounds, samples[..., 0].astype(jnp.float32) / LOUDEST, 0.0), n_samples)


def equalise(x: jax.Array, n_samples: jax.Array) -> Played:
    """Sound (n, t) of any loudness, of so many samples (n,)."""
    return Played(x * jax.lax.rsqrt((x**2).sum(1) / n_samples + 1e-12)[:, None], n_samples)


def hear(grid: Grid, played: Played, changes: Changes | None = None) -> Heard:
    """What is heard of sound, whatever its loudness and what a microphone or a line does to it.

    Args:
        grid: of bands and frames.
        played: the sound.
        changes: of each; None for none.
    """
    x, n_samples = played
    frames = jnp.arange(grid.n_frames)
    starts, tract = jnp.broadcast_to(frames * grid.hop, (len(x), grid.n_frames)), jnp.ones(len(x))
    if changes is not None:
        # One recording after the other: all at once, what frames overlap in would be changed anew for each, in four times the time.
        x, n_samples = jax.lax.map(lambda one: _change_pitch(*one), (x, _make_noises(x, changes), n_samples, changes.pitch))
        # What was played faster is shorter, and what was played higher has higher resonances: frames and bands make up for both.
        starts, tract = place_frames(grid, changes, grid.n_frames) / changes.pitch[:, None], changes.tract / changes.pitch
    energies = _transform(grid, _cut_frames(grid, x, starts.astype(jnp.int32))) @ _weigh_bands(grid, tract)
    if changes is not None:
        energies = _echo(energies, changes)
    energies = jnp.log(energies + _FLOOR)
    sounding = ((starts < n_samples[:, None]) | (frames == 0)).astype(jnp.float32)
    if changes is not None:
        energies = energies + (changes.channel @ _interpolation(grid.n_bands))[:, None] * (jnp.log(10.0) / 10.0)
    energies = _normalise(energies, sounding[..., None])
    if changes is not None:
        energies = _hide(energies, changes)
    return Heard(energies.swapaxes(1, 2)[..., None], sounding)


def place_frames(grid: Grid, changes: Changes, n: int) -> jax.Array:
    """The samples at which so many frames begin, in recordings as they were before they were changed, (recordings, n)."""
    frames, turn = jnp.arange(n), 2.0 * jnp.pi / changes.beat[:, None]
    upbeat, size = changes.upbeat[:, None], changes.rhythm[:, None] / turn
    # The integral of a tempo that goes up and down as a sine does.
    frames = frames + size * (jnp.cos(upbeat) - jnp.cos(turn * frames + upbeat))
    return frames * (grid.hop * changes.tempo)[:, None] + changes.shift[:, None]


# From samples to bands


def to_mel(hertz: Any, log10: Callable[[Any], Any] = np.log10) -> Any:
    """Frequencies on the mel scale (O'Shaughnessy 1987), on which equal steps sound alike, of NumPy or by the logarithm of JAX."""
    return 2595.0 * log10(1.0 + hertz / 700.0)


def _cut_frames(grid: Grid, x: jax.Array, starts: jax.Array) -> jax.Array:
    """Frames (n, frames, window) whose middles are half a hop behind their starts (n, frames); nothing is beyond both ends."""
    padded = jnp.pad(x, ((0, 0), (grid.window, grid.window)))
    begins = jnp.clip(starts + grid.window - (grid.window - grid.hop) // 2, 0, x.shape[1] + grid.window)

    def cut(recording: jax.Array, begins: jax.Array) -> jax.Array:
        return jax.vmap(lambda begin: jax.lax.dynamic_slice(recording, (begin,), (grid.window,)))(begins)

    return jax.vmap(cut)(padded, begins)


def _transform(grid: Grid, frames: jax.Array) -> jax.Array:
    """Energy of each frequency, (n, frames, bins), of frames (n, frames, window)."""
    waves = frames @ _waves(grid)
    return waves[..., : grid.n_bins] ** 2 + waves[..., grid.n_bins :] ** 2


@functools.lru_cache(maxsize=8)
def _waves(grid: Grid) -> FloatArray:
    """Windowed cosines and behind them sines, (window, 2 * bins), so that white noise of variance one has an energy of one."""
    moments, n_points = np.arange(grid.window), 2 * (grid.n_bins - 1)
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * (moments + 0.5) / grid.window)
    angles = 2.0 * np.pi / n_points * np.outer(moments, np.arange(grid.n_bins))
    waves = np.concatenate([np.cos(angles), np.sin(angles)], 1) * (window / np.sqrt((window**2).sum()))[:, None]
    return waves.astype(np.float32)


def _weigh_bands(grid: Grid, tract: jax.Array) -> jax.Array:
    """Triangles over frequencies, each (bins, bands) for recordings (n,) whose resonances are moved by a factor; each adds up to one."""
    edges = jnp.asarray(to_mel(grid.band_edges), jnp.float32)
    hertz = jnp.arange(grid.n_bins) * (grid.rate / 2 / (grid.n_bins - 1))
    mels = to_mel(hertz * tract[:, None], jnp.log10)[..., None]
    below, middle, above = edges[:-2], edges[1:-1], edges[2:]
    triangles = jnp.maximum(jnp.minimum((mels - below) / (middle - below), (above - mels) / (above - middle)), 0.0)
    return triangles / (triangles.sum(1, keepdims=True) + 1e-3)


def _normalise(energies: jax.Array, sounding: jax.Array) -> jax.Array:
    """Log energies (n, frames, bands) whose mean has no slow change over bands, of deviation one where frames sound; zero elsewhere."""
    n_sounding = sounding.sum(1, keepdims=True)
    cosines = _slow_cosines(energies.shape[2])
    energies = (energies - (energies * sounding).sum(1, keepdims=True) / n_sounding @ cosines.T @ cosines) * sounding
    variance = (energies**2).sum((1, 2), keepdims=True) / (n_sounding * energies.shape[2])
    return energies / (jnp.sqrt(variance + 1e-6) + _LEAST_SPREAD)


@functools.lru_cache(maxsize=8)
def _slow_cosines(n_bands: int) -> FloatArray:
    """The slowest cosines over bands, a constant first, (cosines, bands), of length one and at right angles."""
    cosines = np.cos(np.pi * np.arange(min(_N_COSINES, n_bands))[:, None] * (np.arange(n_bands) + 0.5) / n_bands)
    return (cosines / np.linalg.norm(cosines, axis=1, keepdims=True)).astype(np.float32)


# Changes


def _change_pitch(x: jax.Array, added: jax.Array, n_samples: jax.Array, pitch: jax.Array) -> tuple[jax.Array, jax.Array]:
    """A recording (t,) played faster by a factor, with what is added while it lasts, and how many samples it has then."""
    places = jnp.arange(len(x)) * pitch
    left = jnp.clip(places.astype(jnp.int32), 0, len(x) - 2)
    played = jnp.where(places < n_samples, x[left] + (places - left) * (x[left + 1] - x[left]), 0.0)
    n_samples = jnp.minimum(n_samples / pitch, len(x))  # what becomes too long is cut
    return played + jnp.where(jnp.arange(len(x)) < n_samples, added, 0.0), n_samples


def _make_noises(x: jax.Array, changes: Changes) -> jax.Array:
    """What is added to recordings (n, t): noise, or another recording of the batch."""
    return changes.noise[:, None] * jax.vmap(_make_noise)(changes) + changes.babble[:, None] * jnp.roll(x, 1, 0)


def _make_noise(changes: Changes) -> jax.Array:
    """Noise of a tilted spectrum, clicks, or a hum, (t,), of loudness one."""
    # To a power, uniform noise becomes rare clicks, of variance 1 / (2 * power + 1).
    clicks = jnp.sign(changes.waves) * jnp.exp(changes.sparsity * jnp.log(jnp.abs(changes.waves) + 1e-9))
    noise = clicks * jnp.sqrt(2.0 * changes.sparsity + 1.0)
    tilted = (noise + changes.tilt * jnp.roll(noise, 1)) * jax.lax.rsqrt(1.0 + changes.tilt**2)
    cosines = jnp.cos(2.0 * jnp.pi * changes.hum * jnp.arange(len(noise)))
    hum = (jnp.exp(_BUZZ * (cosines - 1.0)) - _BUZZ_MEAN) / _BUZZ_DEVIATION
    return jnp.where(changes.hum > 0, hum, tilted)


def _echo(energies: jax.Array, changes: Changes) -> jax.Array:
    """Energies (n, frames, bands) with those that a room gives back, which fall by a factor a frame."""

    def later(state: jax.Array, now: jax.Array) -> tuple[jax.Array, jax.Array]:
        return changes.decay[:, None] * (state + now), state

    _, echoes = jax.lax.scan(later, jnp.zeros_like(energies[:, 0]), energies.swapaxes(0, 1))
    return energies + changes.echo[:, None, None] * echoes.swapaxes(0, 1)


@functools.lru_cache(maxsize=8)
def _interpolation(n_bands: int) -> FloatArray:
    """What each knot has of each band, (knots, bands)."""
    places = np.linspace(0, _KNOTS - 1, n_bands)
    return np.maximum(0.0, 1.0 - np.abs(places - np.arange(_KNOTS)[:, None])).astype(np.float32)


def _hide(energies: jax.Array, changes: Changes) -> jax.Array:
    """Energies (n, frames, bands) with a stretch of frames and of bands hidden."""

    def within(size: int, stretch: jax.Array) -> jax.Array:
        places = jnp.arange(size) + 0.5
        return (places >= stretch[:, :1]) & (places < stretch[:, :1] + stretch[:, 1:])

    frames, bands = within(energies.shape[1], changes.hidden_frames), within(energies.shape[2], changes.hidden_bands)
    return jnp.where(frames[:, :, None] | bands[:, None, :], 0.0, energies)
