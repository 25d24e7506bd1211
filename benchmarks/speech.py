"""Recordings: accuracy on spoken digits, of speakers who were heard and who were not, in noise, and the time of a fit.

    python benchmarks/speech.py official FOLDER      of data: spoken_digits below it; the official split, whose test has the same speakers
    python benchmarks/speech.py speakers FOLDER      one speaker left out at a time: learned from three, judged on the fourth
    python benchmarks/speech.py grouped FOLDER       one fit with --group: out of bag, members have heard three of the four
    python benchmarks/speech.py texts FOLDER         learned from strings of digits with their texts, judged on strings of the test part
    python benchmarks/speech.py unknown FOLDER       how often words that were never learned are said to be none of those known
    python benchmarks/speech.py planted FOLDER       whether maps of new recordings point at a beep that was planted in noise
    python benchmarks/speech.py vowels FOLDER        whether maps of vowels that were synthesised point at their formants
    python benchmarks/speech.py coverage FOLDER      how often intervals of accuracy over few simulated speakers hold that of all speakers
    python benchmarks/speech.py speed FOLDER         a training step beside PyTorch: the same network and energies, plain SGD, no changes

Both of the first also answer the test recordings in noise at 10 dB (a hum of 50 Hz and its multiples, babble of three other test
recordings, clicks), made from a fixed seed, and transcribe strings of three to seven of them, of one speaker each, with gaps from -0.03 to
0.35 s, one in five of 0.3 to 1 s, in white noise at 25 dB: word error rate, how far begins and ends are off, how often words are as
probable as is said, how much faster than it lasts a string is transcribed, and how long after its end the first word of a stream is
there (pieces of 0.1 s). A peer is the logistic regression of scikit-learn on means and deviations of log-mel
energies in five parts of a recording. Run nothing else meanwhile.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import soundfile

import weights as wt
from weights.data.audio.decoding import decode, fit
from weights.data.inputs import Layout
from weights.models.hearing import Grid, hear, play
from weights.models.spectrogram import grid_of
from weights.tasks.alignment import align_words
from weights.tasks.metrics import CLASS_METRICS, score
from weights.tasks.worderrors import count_word_errors
from weights.transcribing.transcriber import Transcriber, Word

_NOISES = ("hum", "babble", "clicks")
_DECIBELS, _RATE = 10.0, 8_000


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


class Spoken(NamedTuple):
    """A string: its samples, the words in it with begins and ends in seconds, and who speaks."""

    samples: np.ndarray
    words: list[tuple[str, float, float]]
    speaker: str


def compose(table: pa.Table, n_each: int) -> Iterator[Spoken]:
    """So many strings of each speaker, of recordings as they are read, without silence at their ends."""
    rng = np.random.default_rng(5)
    labels, speakers = (np.asarray(table[name].to_pylist()) for name in ("label", "speaker"))
    sounds = [decode(Path(name).read_bytes(), sample_rate=_RATE).samples for name in table["file"].to_pylist()]
    for speaker in np.unique(speakers):
        for _ in range(n_each):
            parts, words, at = [], [], 0
            for row in rng.choice(np.flatnonzero(speakers == speaker), rng.integers(3, 8)):
                gap = rng.uniform(-0.03, 0.35) if rng.random() > 0.2 else rng.uniform(0.3, 1.0)
                at = max(at + round((gap if words else rng.uniform(0.05, 0.3)) * _RATE), 0)
                sound = sounds[row] / np.sqrt(np.mean(sounds[row] ** 2)) * np.exp(0.2 * rng.normal())
                parts.append((at, sound))
                words.append((str(labels[row]), at / _RATE, (at + len(sound)) / _RATE))
                at += len(sound)
            samples = 10**-1.25 * rng.normal(size=at + round(rng.uniform(0.05, 0.5) * _RATE))
            for begin, sound in parts:
                samples[begin : begin + len(sound)] += sound
            yield Spoken((0.1 * samples).astype(np.float32), words, str(speaker))


def report_strings(model: wt.Model, rows: pa.Table, *, n_each: int = 40) -> float:
    """Transcribe strings of the recordings of each speaker in rows and print what came of it; the word error rate."""
    strings = [*compose(rows, n_each)]
    model.transcribe(strings[0].samples, sample_rate=_RATE)  # compiled
    began = time.perf_counter()
    heard = [model.transcribe(string.samples, sample_rate=_RATE) for string in strings]
    faster = sum(len(string.samples) for string in strings) / _RATE / (time.perf_counter() - began)
    words = [[str(word.word if word.word is not None else word.nearest) for word in several] for several in heard]
    _, group = np.unique([string.speaker for string in strings], return_inverse=True)
    several = group.max() > 0
    errors = count_word_errors(words, [[word for word, _, _ in string.words] for string in strings], group=group if several else None)
    misses, right, said = [], [], []
    for string, found in zip(strings, heard, strict=True):
        pairs = _align(found, string)
        misses += [abs(word.start - a) for word, (_, a, _) in pairs] + [abs(word.end - b) for word, (_, _, b) in pairs]
        right += [str(word.nearest if word.word is None else word.word) == truth for word, (truth, _, _) in pairs]
        said += [word.probability for word, _ in pairs]
    unknown = np.mean([word.word is None for several in heard for word in several])
    low, high = errors.rate.low, errors.rate.high
    sorts = f"{errors.substitutions} others, {errors.insertions} too many, {errors.deletions} missing"
    print(f"  strings     word error rate {errors.rate.value:.4f} [{low:.3f} {high:.3f}] of {errors.n_words} words: {sorts}")
    print(f"              edges off by {np.median(misses):.3f} s (median), {np.quantile(misses, 0.9):.3f} (9 in 10); unknown {unknown:.3f}")
    print(f"              {faster:.0f} times as fast as they last")
    for least, most in ((0.0, 0.5), (0.5, 0.8), (0.8, 0.95), (0.95, 1.01)):
        own = [r for r, p in zip(right, said, strict=True) if least <= p < most]
        mean = np.mean([p for p in said if least <= p < most]) if own else np.nan
        print(f"              probability {mean:.3f} on average: {np.mean(own) if own else np.nan:.3f} of {len(own)} right")
    print(f"              first word of a stream: {measure_delay(model, strings[:20]):s}", flush=True)
    return errors.rate.value


def _align(found: list[Word], string: Spoken) -> list[tuple[Word, tuple[str, float, float]]]:
    """Words that were heard beside those that were said, as the alignment has them, right or not."""
    places = iter(found), iter(string.words)
    names = [str(word.nearest if word.word is None else word.word) for word in found]
    paired = []
    for transcribed, said in align_words(names, [word for word, _, _ in string.words]):
        both = (None if name is None else next(place) for name, place in zip((transcribed, said), places, strict=True))
        word, truth = both
        if word is not None and truth is not None:
            paired.append((word, truth))
    return paired


def measure_delay(model: wt.Model, strings: list[Spoken]) -> str:
    """How long after its end the first word of a stream is there and stays, and how long a look at a piece takes."""
    delays, looks = [], []
    for string in strings:
        transcriber, end, since = Transcriber(model.ensemble), string.words[0][2], None
        final = model.transcribe(string.samples, sample_rate=_RATE)
        for begin in range(0, min(len(string.samples), round((end + 1.5) * _RATE)), _RATE // 10):
            began = time.perf_counter()
            there = [*transcriber.feed(string.samples[begin : begin + _RATE // 10]), *transcriber.look_ahead()]
            looks.append(time.perf_counter() - began)
            name = (there[0].word, there[0].nearest) if there else None
            if name is None or not final or name != (final[0].word, final[0].nearest):
                since = None
            elif since is None:
                since = (begin + _RATE // 10) / _RATE + looks[-1]
        if since is not None:
            delays.append(since - end)
    behind = f"{np.median(delays):.2f} s behind its end (median), {np.max(delays):.2f} at most, of {len(delays)}"
    return f"{behind}; a look takes {np.median(looks):.3f} s"


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


def report(name: str, learned: pa.Table, spoken: pa.Table, **options: object) -> dict[str, float]:
    """Fit to rows of some speakers, answer others, and print."""
    asked = spoken.drop_columns(["split", "speaker"])
    learned = learned.drop_columns(["split", "speaker"])
    began = time.perf_counter()
    model = wt.fit(learned, target="label", **options)
    seconds = time.perf_counter() - began
    found = dict(accuracies(model, asked.drop_columns(["label"]).append_column("label", asked["label"])))
    words = "  ".join(f"{noise} {share:.4f}" for noise, share in found.items())
    print(f"{name:<12}{words}  peer {peer_accuracy(learned, asked):.4f}  fit {seconds:.0f} s", flush=True)
    found["strings"] = report_strings(model, spoken)
    return found


def record_beep(rng: np.random.Generator, hertz: float, second: float, *, beeps: bool) -> np.ndarray:
    """Noise of 0.3 s, with a beep of 0.05 s in it or not."""
    samples, places = rng.normal(size=2_400), np.arange(400) + round(second * _RATE)
    samples[places] += beeps * 2.5 * np.hanning(400) * np.sin(2 * np.pi * hertz * np.arange(400) / _RATE)
    return samples / 8


def find_planted(n_new: int = 25) -> None:
    """Print how often the largest effect of hiding is in the moment, and in the band, of beeps in new recordings."""
    rng, found = np.random.default_rng(0), []
    for hertz, second in ((2_400.0, 0.2), (700.0, 0.05), (1_500.0, 0.12), (3_200.0, 0.02)):
        labels = ["beep", "noise"] * 40
        learned = [record_beep(rng, hertz, second, beeps=label == "beep") for label in labels]
        model = wt.fit(wt.Recordings(learned, _RATE), labels, members=4, n_folds=4)
        [spec] = model.specs.values()
        hop, edges = spec.model.hop, Grid(_RATE, 2_400, spec.model.bands, 200, 100).band_edges
        for _ in range(n_new):
            [map] = model.saliency(wt.Recordings([record_beep(rng, hertz, second, beeps=True)], _RATE), label="beep")
            row, frame = np.unravel_index(map.mean_occlusion.argmax(), map.mean_occlusion.shape)
            band = len(edges) - 3 - row
            # What hides is a fifth of the spectrogram wide and high: its middle is within one window of frames, and of bands.
            in_moment = second - hop <= (frame + 0.5) * hop <= second + 0.05 + hop
            found.append((in_moment, edges[band] / 1.2 <= hertz <= edges[band + 2] * 1.2))
        moment, both = np.mean([m for m, _ in found[-n_new:]]), np.mean([m and b for m, b in found[-n_new:]])
        print(
            f"{hertz:5.0f} Hz at {second:.2f} s  accuracy {model.metrics['accuracy']:.3f}  in its moment {moment:.2f}, and band {both:.2f}",
            flush=True,
        )
    print(
        f"all {len(found)}: in its moment {np.mean([m for m, _ in found]):.3f}, and in its band {np.mean([m and b for m, b in found]):.3f}"
    )


_FORMANTS = {"i": (270, 2290, 3010), "a": (730, 1090, 2440), "u": (300, 870, 2240), "e": (530, 1840, 2480)}
"""Of men, in hertz: Peterson and Barney 1952, "Control Methods Used in a Study of the Vowels", table II."""


def speak_vowel(rng: np.random.Generator, vowel: str) -> tuple[np.ndarray, np.ndarray]:
    """A vowel of 0.25 s by a voice of its own pitch and vocal tract, in noise, and its formants."""
    from scipy.signal import lfilter

    n, formants = 2_000, np.array(_FORMANTS[vowel]) * rng.uniform(0.9, 1.1)
    phase = np.cumsum(rng.uniform(90, 220) * np.linspace(1.05, 0.95, n) / _RATE)
    sound = np.diff(np.floor(phase), prepend=0.0) + 0.01 * rng.normal(size=n)
    for hertz in formants:
        radius = np.exp(-np.pi * 90 / _RATE)
        sound = lfilter([1.0], [1.0, -2 * radius * np.cos(2 * np.pi * hertz / _RATE), radius**2], sound)
    return sound / np.abs(sound).max() * np.hanning(n) ** 0.25 * 0.8 + 0.002 * rng.normal(size=n), formants


def find_formants(n_new: int = 25) -> None:
    """Print how often the band of largest effect of new vowels is at one of the first three formants, and how often by chance."""
    rng = np.random.default_rng(0)
    labels = [*_FORMANTS] * 60
    model = wt.fit(wt.Recordings([speak_vowel(rng, vowel)[0] for vowel in labels], _RATE), labels, members=4, n_folds=4, words=0)
    [spec] = model.specs.values()
    edges = Grid(_RATE, 2_000, spec.model.bands, 200, 100).band_edges
    print(f"vowels      accuracy {model.metrics['accuracy']:.3f}")
    for vowel in _FORMANTS:
        found, chance, places = [], [], []
        for _ in range(n_new):
            sound, formants = speak_vowel(rng, vowel)
            [map] = model.saliency(wt.Recordings([sound], _RATE), label=vowel)
            # What hides is a fifth of the bands high: as for planted beeps, a fifth of the frequency is near.
            at_formants = ((edges[:-2] / 1.2 <= formants[:, None]) & (formants[:, None] <= edges[2:] * 1.2)).any(0)[::-1]
            effects = map.mean_occlusion.mean(1)
            band = len(edges) - 3 - int(effects.argmax())
            found.append(at_formants[effects.argmax()])
            places.append(edges[band + 1])
            chance.append(at_formants.mean())
        print(
            f"  {vowel}         largest effect at one of three formants {np.mean(found):.2f}, by chance {np.mean(chance):.2f}; "
            f"at {np.median(places):.0f} Hz",
            flush=True,
        )


def report_texts(table: pa.Table, **settings: object) -> None:
    """Fit to strings of the training part with their texts, and print word errors of strings of the test part."""
    with tempfile.TemporaryDirectory() as folder:
        parts = {}
        for part, n_each in (("train", 100), ("test", 40)):
            files, texts, speakers = [], [], []
            for i, string in enumerate(compose(table.filter(pc.equal(table["split"], part)), n_each)):
                files.append(str(Path(folder) / f"{part}-{i}.wav"))
                soundfile.write(files[-1], string.samples, _RATE)
                texts.append(" ".join(word for word, _, _ in string.words))
                speakers.append(string.speaker)
            parts[part] = pa.table({"file": files, "text": texts, "speaker": speakers})
        began = time.perf_counter()
        model = wt.fit(parts["train"].drop_columns(["speaker"]), target="text", task="transcript", **settings)
        seconds = time.perf_counter() - began
        print(f"texts       out of bag {model.report.metrics['word_error_rate']}  fit {seconds:.0f} s")
        answers = model.predict(parts["test"].drop_columns(["text"]))
        said = [text.split() for text in parts["test"]["text"].to_pylist()]
        print(f"  predict     {count_word_errors([answer.split() for answer in answers], said).rate}")
        print(f"  transcribe  {model.transcribe_each(parts['test'], said='text').errors}", flush=True)


def report_unknown(table: pa.Table, **settings: object) -> None:
    """Leave words out of training, and print how often they, and others, are said to be none of those known."""
    # As text: numbers that are not counted up would be quantities.
    table = table.set_column(table.column_names.index("label"), "label", pc.cast(table["label"], pa.string()))
    train, test = (table.filter(pc.equal(table["split"], part)) for part in ("train", "test"))
    for word in ("2", "6", "9"):
        learned = train.filter(pc.not_equal(train["label"], word)).drop_columns(["split", "speaker"])
        model = wt.fit(learned, target="label", **settings)
        shares = {}
        for name, rows in (("never learned", pc.equal(test["label"], word)), ("learned", pc.not_equal(test["label"], word))):
            heard = [model.transcribe(file) for file in test.filter(rows)["file"].to_pylist()]
            unknown = np.mean([not any(each.word is not None for each in words) for words in heard])
            sure = np.mean([any(each.word is not None and each.probability > 0.9 for each in words) for words in heard])
            shares[name] = f"{name}: said to be no known word {unknown:.2f}, to be a known one, surer than .9, {sure:.2f}"
        print(f"{word}           {'; '.join(shares.values())}", flush=True)


def simulate_speakers(n_draws: int = 1_000) -> None:
    """Print how often intervals hold the mean accuracy of speakers whose own are beta variables, of 30 to 79 recordings each."""
    rng, accuracy = np.random.default_rng(0), {"accuracy": CLASS_METRICS["accuracy"]}
    for mean, strength in ((0.91, 15), (0.75, 8)):
        spread = np.sqrt(mean * (1 - mean) / (strength + 1))
        for n_speakers in (2, 4, 8, 20):
            held, widths = [], []
            for _ in range(n_draws):
                group = np.repeat(np.arange(n_speakers), rng.integers(30, 80, n_speakers))
                right = rng.random(len(group)) < rng.beta(mean * strength, (1 - mean) * strength, n_speakers)[group]
                found = score(accuracy, np.ones(len(group), int), np.stack([~right, right], 1).astype(float), group=group)["accuracy"]
                low, high = (0.0, 1.0) if found.low is None else (found.low, found.high)
                held.append(low <= mean <= high)
                widths.append(high - low)
            said = f"{n_speakers:>2} speakers of accuracy {mean} +- {spread:.2f}"
            print(f"{said}: held by {np.mean(held):.3f} of {n_draws} intervals, {np.mean(widths):.2f} wide", flush=True)


def compare_steps() -> None:
    """Print milliseconds of a training step beside PyTorch."""
    import torch

    from images import Ours, Theirs, compare_speed
    from weights.elements.augmentation import SoundAugmentation
    from weights.models import hearing

    class Energies(Theirs):
        """The network over the same energies, computed in PyTorch."""

        def __init__(self, ours: Ours, grid: Grid) -> None:
            super().__init__(ours)
            self.grid = grid
            self.waves = torch.tensor(hearing._waves(grid))
            self.bands = torch.tensor(np.asarray(hearing._weigh_bands(grid, np.ones(1, np.float32)))[0])
            cosines = torch.tensor(hearing._slow_cosines(grid.n_bands))
            self.slow = cosines.T @ cosines

        def image(self, x: torch.Tensor) -> torch.Tensor:
            grid, x = self.grid, x[..., 0].float() / 32767
            x = x * torch.rsqrt((x**2).mean(1, keepdim=True) + 1e-12)
            before = (grid.window - grid.hop) // 2
            padded = torch.nn.functional.pad(x, (before, grid.window))
            waves = padded.unfold(1, grid.window, grid.hop)[:, : grid.n_frames] @ self.waves
            energies = (waves[..., : grid.n_bins] ** 2 + waves[..., grid.n_bins :] ** 2) @ self.bands
            energies = torch.log(energies + hearing._FLOOR)
            energies = energies - energies.mean(1, keepdim=True) @ self.slow
            deviation = torch.sqrt((energies**2).mean((1, 2), keepdim=True) + 1e-6)
            return (energies / (deviation + hearing._LEAST_SPREAD)).transpose(1, 2)[:, None]

    layout = Layout((("sound", (6_400, 1)),), 10, rates=(("sound", _RATE),))
    x = np.random.default_rng(0).integers(-32_767, 32_767, (2_000, 6_400, 1), dtype=np.int16)
    unchanged = {f"augmentation.{name}": 0.0 for name in SoundAugmentation.__struct_fields__}
    ours = Ours(layout, x, {"model": "spectrogram", "words": 0, **unchanged})
    print(f"PyTorch {torch.__version__}, JAX {jax.__version__}; ms a step of a member of 64 recordings of 0.8 s")
    print(f"{'network':<28}{'PyTorch':>9}{'alone':>9}{'of two':>9}{'of four':>9}{'PyTorch / alone':>17}{'PyTorch / of four':>19}")
    compare_speed("spectrogram 8-16-32-64", ours, Energies(ours, grid_of(ours.spec.model, layout)))


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["official", "speakers", "grouped", "texts", "unknown", "planted", "vowels", "coverage", "speed"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--set", action="append", default=[], help="a setting of the fit, name=value")
    asked = parser.parse_args()
    settings = dict(each.split("=", 1) for each in asked.set)
    table = read_table(asked.folder)
    print(f"{platform.processor() or platform.machine()}, {__import__('os').cpu_count()} cores; settings {settings or 'as they come'}")
    if asked.what == "planted":
        find_planted()
    elif asked.what == "coverage":
        simulate_speakers()
    elif asked.what == "vowels":
        find_formants()
    elif asked.what == "texts":
        report_texts(table, **settings)
    elif asked.what == "unknown":
        report_unknown(table, **settings)
    elif asked.what == "speed":
        compare_steps()
    elif asked.what == "official":
        parts = [table.filter(pc.equal(table["split"], part)) for part in ("train", "test")]
        report("official", *parts, **settings)
    elif asked.what == "speakers":
        found = []
        for speaker in sorted(set(table["speaker"].to_pylist())):
            is_left_out = pc.equal(table["speaker"], speaker)
            learned, left_out = (table.filter(rows) for rows in (pc.invert(is_left_out), is_left_out))
            found.append(report(speaker, learned, left_out, **settings))
        print("mean        " + "  ".join(f"{name} {np.mean([each[name] for each in found]):.4f}" for name in found[0]))
    else:
        began = time.perf_counter()
        model = wt.fit(table.drop_columns(["split"]), target="label", group="speaker", **settings)
        print(f"out of bag  accuracy {model.metrics['accuracy']:.4f}  fit {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
