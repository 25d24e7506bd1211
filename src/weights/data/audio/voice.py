"""What tells who speaks, or which machine sounds, whatever is said: the mean spectrum of each recording."""

from __future__ import annotations

import numpy as np

from weights.data.audio.column import Sound, count_samples
from weights.types import AnyArray, FloatArray

_FRAME, _N_BANDS, _LOWEST = 0.032, 20, 100.0
"""Seconds of a frame; bands, equally wide on a scale of logarithms, from this frequency to half the sampling rate (our choices)."""
_QUIET, _FLOOR = 1e-3, 1e-6
"""Shares of the loudest energy below which frames do not count, and that is added to all (our choices)."""


def describe_voices(column: Sound, recordings: AnyArray) -> FloatArray:
    """The mean of log energies of bands over the loud frames of each recording (n, t, 1), less their level, shape (n, bands)."""
    size = round(_FRAME * column.sample_rate)
    bands = _weigh_bands(size, column.sample_rate)
    described = np.zeros((len(recordings), bands.shape[1]))
    for row, recording in enumerate(recordings):
        samples = recording[: int(count_samples(recording[None, :, 0])[0]), 0].astype(np.float64)
        if len(samples) < size:
            continue
        frames = np.lib.stride_tricks.sliding_window_view(samples, size)[:: size // 2] * np.hanning(size)
        energies = np.abs(np.fft.rfft(frames)) ** 2 @ bands
        loud = energies.sum(1) > _QUIET * energies.sum(1).max()
        if loud.any():
            logs = np.log(energies[loud] + _FLOOR * energies.max()).mean(0)
            described[row] = logs - logs.mean()
    return described


def _weigh_bands(size: int, rate: int) -> FloatArray:
    """The share of each frequency of a transform in each band, triangles that overlap by half, (frequencies, bands)."""
    edges = np.geomspace(_LOWEST, rate / 2, _N_BANDS + 2)
    hertz = np.fft.rfftfreq(size, 1 / rate)[:, None]
    up, down = (hertz - edges[:-2]) / (edges[1:-1] - edges[:-2]), (edges[2:] - hertz) / (edges[2:] - edges[1:-1])
    return np.maximum(np.minimum(up, down), 0.0)
