"""Recordings: accuracy on spoken digits, of speakers who were heard and who were not, in noise, and the time of a fit.

    python benchmarks/speech.py official FOLDER      of data: spoken_digits below it; the official split, whose test has the same speakers
    python benchmarks/speech.py speakers FOLDER      one speaker left out at a time: learned from three, judged on the fourth
    python benchmarks/speech.py grouped FOLDER       one fit with --group: out of bag, members have heard three of the four

Both of the first also answer the test recordings in noise at 10 dB (a hum of 50 Hz and its multiples, babble of three other test
recordings, clicks), made from a fixed seed. A peer is the logistic regression of scikit-learn on means and deviations of log-mel
energies in five parts of a recording. Run nothing else meanwhile.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import soundfile

import weights as wt
from weights.data.audio.decoding import decode, fit
from weights.models.hearing import Grid, hear, play

_NOISES = ("hum", "babble", "clicks")
_DECIBELS = 10.0


def read_table(folder: Path) -> pa.Table:
    """The digits with names of files that are found from anywhere; of the columns, those that are known before a word is heard."""
    table = pq.read_table(folder / "spoken_digits" / "metadata.parquet", columns=["file", "label", "speaker", "split"])
    files = [str((folder / "spoken_digits" / name).absolute()) for name in table["file"].to_pylist()]
    return table.set_column(0, "file", pa.array(files))


def add_noise(table: pa.Table, noise: str, folder: Path) -> pa.Table:
    """The table with other files: recordings in noise of this kind, 10 dB below the recording."""
    rng = np.random.default_rng(0)
    sounds = [soundfile.read(name) for name in table["file"].to_pylist()]
    names = []
    for i, (samples, rate) in enumerate(sounds):
        n = len(samples)
        if noise == "hum":
            added = sum(np.sin(2 * np.pi * 50 * k * np.arange(n) / rate + rng.uniform(0, 6)) / k for k in (1, 2, 3, 4, 6, 8))
        elif noise == "babble":
            added = sum(np.resize(sounds[j][0] / sounds[j][0].std(), n) for j in rng.integers(0, len(sounds), 3))
        else:
            added = np.where(rng.random(n) < 0.003, rng.normal(size=n), 0.0) + 1e-6
            added = np.convolve(added, np.exp(-np.arange(40) / 8) * rng.choice([-1, 1], 40))[:n]
        added = added / np.sqrt((added**2).mean()) * np.sqrt((samples**2).mean()) * 10 ** (-_DECIBELS / 20)
        names.append(str(folder / f"{noise}-{i}.wav"))
        soundfile.write(names[-1], samples + added, rate, subtype="FLOAT")
    return table.set_column(0, "file", pa.array(names))


def accuracies(model: wt.Model, rows: pa.Table) -> Iterator[tuple[str, float]]:
    """On the rows as they are, and in each noise."""
    truth = np.asarray(rows["label"].to_pylist())
    yield "clean", float((model.predict(rows) == truth).mean())
    with tempfile.TemporaryDirectory() as folder:
        for noise in _NOISES:
            yield noise, float((model.predict(add_noise(rows, noise, Path(folder))) == truth).mean())


def summarise(table: pa.Table) -> np.ndarray:
    """Means and deviations of 20 log-mel energies in five parts of each recording, for the peer."""
    grid = Grid(8_000, 8_000, 20, 200, 80)
    samples = np.stack([fit(decode(Path(name).read_bytes(), sample_rate=8_000).samples, 8_000) for name in table["file"].to_pylist()])
    heard = jax.jit(lambda samples: hear(grid, play(samples)))(samples[..., None])
    rows = []
    for energies, sounding in zip(np.asarray(heard.energies)[..., 0], np.asarray(heard.sounding), strict=True):
        parts = np.array_split(energies[:, : int(sounding.sum())], 5, axis=1)
        rows.append(np.concatenate([f(part, 1) if part.shape[1] else np.zeros(20) for part in parts for f in (np.mean, np.std)]))
    return np.stack(rows)


def peer_accuracy(learned: pa.Table, asked: pa.Table) -> float:
    """Of the logistic regression."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    peer = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(summarise(learned), learned["label"].to_pylist())
    return float((peer.predict(summarise(asked)) == np.asarray(asked["label"].to_pylist())).mean())


def report(name: str, learned: pa.Table, asked: pa.Table, **options: object) -> dict[str, float]:
    """Fit, answer and print."""
    began = time.perf_counter()
    model = wt.fit(learned, target="label", **options)
    seconds = time.perf_counter() - began
    found = dict(accuracies(model, asked.drop_columns(["label"]).append_column("label", asked["label"])))
    words = "  ".join(f"{noise} {share:.4f}" for noise, share in found.items())
    print(f"{name:<12}{words}  peer {peer_accuracy(learned, asked):.4f}  fit {seconds:.0f} s", flush=True)
    return found


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["official", "speakers", "grouped"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--set", action="append", default=[], help="a setting of the fit, name=value")
    asked = parser.parse_args()
    settings = dict(each.split("=", 1) for each in asked.set)
    table = read_table(asked.folder)
    print(f"{platform.processor() or platform.machine()}, {__import__('os').cpu_count()} cores; settings {settings or 'as they come'}")
    if asked.what == "official":
        parts = [table.filter(pc.equal(table["split"], part)).drop_columns(["split", "speaker"]) for part in ("train", "test")]
        report("official", *parts, **settings)
    elif asked.what == "speakers":
        found = []
        for speaker in sorted(set(table["speaker"].to_pylist())):
            is_left_out = pc.equal(table["speaker"], speaker)
            learned, left_out = (table.filter(rows).drop_columns(["split", "speaker"]) for rows in (pc.invert(is_left_out), is_left_out))
            found.append(report(speaker, learned, left_out, **settings))
        print("mean        " + "  ".join(f"{name} {np.mean([each[name] for each in found]):.4f}" for name in found[0]))
    else:
        began = time.perf_counter()
        model = wt.fit(table.drop_columns(["split"]), target="label", group="speaker", **settings)
        print(f"out of bag  accuracy {model.metrics['accuracy']:.4f}  fit {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
