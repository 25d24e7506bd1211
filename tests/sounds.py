"""Sounds of known content, and files of them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import soundfile

RATE = 8_000


def tone(hertz: float, seconds: float = 0.3, *, rate: int = RATE) -> np.ndarray:
    """A tone of size a half that comes and goes softly."""
    n = round(seconds * rate)
    return 0.5 * np.hanning(n) * np.sin(2 * np.pi * hertz * np.arange(n) / rate)


def encode(samples: np.ndarray, rate: int = RATE, form: str = "WAV", subtype: str | None = None) -> bytes:
    """The content of a file of these samples, (t,) or (t, channels)."""
    content = io.BytesIO()
    soundfile.write(content, samples, rate, format=form, subtype=subtype)
    return content.getvalue()


def rise_or_fall(rng: np.random.Generator, word: str) -> np.ndarray:
    """A tone that rises or falls, of some length and pitch."""
    n = round(rng.uniform(0.2, 0.3) * RATE)
    course = np.linspace(-1, 1, n) * {"rise": 1, "fall": -1}[word]
    phase = np.cumsum(2 * np.pi * (rng.uniform(900, 1100) + 400 * course) / RATE)
    return np.hanning(n) * np.sin(phase) * rng.uniform(0.1, 0.9) + 0.002 * rng.normal(size=n)


def write_tones(folder: Path, *, n_each: int = 12, seed: int = 0) -> Path:
    """A folder of recordings for each of two words: tones that rise, and tones that fall."""
    rng = np.random.default_rng(seed)
    for word in ("rise", "fall"):
        (folder / word).mkdir(parents=True, exist_ok=True)
        for i in range(n_each):
            (folder / word / f"{i}.wav").write_bytes(encode(rise_or_fall(rng, word)))
    return folder
