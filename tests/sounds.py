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


def write_texts(folder: Path, n: int, *, seed: int = 0) -> Path:
    """A table of recordings in which one to three tones follow each other, that rise or fall, with what they say, and its path."""
    rng = np.random.default_rng(seed)
    texts = [rng.choice(["rise", "fall"], rng.integers(1, 4)).tolist() for _ in range(n)]
    said = [[(rise_or_fall(rng, word), rng.uniform(0, 0.15)) for word in words] for words in texts]
    return _write_table(folder, said, [" ".join(words).capitalize() + "." for words in texts], rng)


def write_spelled(folder: Path, n: int, *, seed: int = 0) -> Path:
    """A table of recordings of one or two words of two to four letters, each a tone of its own, and its path."""
    rng = np.random.default_rng(seed)
    hertz, said, texts = {"a": 600, "b": 1100, "c": 1900, "d": 3000}, [], []
    for _ in range(n):
        words = ["".join(rng.choice([*hertz], rng.integers(2, 5))) for _ in range(rng.integers(1, 3))]
        spelled = [[letter, 0.18 if i == len(word) - 1 else 0.03] for word in words for i, letter in enumerate(word)]
        said.append([(tone(hertz[letter] * rng.uniform(0.95, 1.05), 0.1), gap) for letter, gap in spelled])
        texts.append(" ".join(words))
    return _write_table(folder, said, texts, rng)


def _write_table(folder: Path, said: list[list[tuple[np.ndarray, float]]], texts: list[str], rng: np.random.Generator) -> Path:
    """Recordings of sounds with gaps behind them, in seconds, and a table that names them beside their texts."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["file,text,room"]
    for i, (parts, text) in enumerate(zip(said, texts, strict=True)):
        sounds = [np.concatenate([0.5 * sound / np.abs(sound).max(), np.zeros(round(gap * RATE))]) for sound, gap in parts]
        samples = np.concatenate([np.zeros(400), *sounds])
        (folder / f"{i}.wav").write_bytes(encode(samples + 0.003 * rng.normal(size=len(samples))))
        lines.append(f"{i}.wav,{text},{'east' if i % 2 else 'west'}")
    (folder / "texts.csv").write_text("\n".join(lines) + "\n")
    return folder / "texts.csv"
