"""How members hear sound that goes on: `Listener` gives what they say at each moment, from windows of which the middle counts.

Windows stand where the sound says, not where its pieces end: however it comes, moments are the same.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import jax
import numpy as np

from weights.data.audio.column import ENDED, LOUDEST
from weights.data.files.threads import available_threads
from weights.data.inputs import Inputs, Layout
from weights.ensemble import Ensemble, Population
from weights.errors import UsageError
from weights.models.registry import build
from weights.spec import Spec, program_spec
from weights.types import FloatArray, Params

_WINDOW, _BESIDE = 3.0, 1.0
"""Seconds of a window, and on either side of its middle, which counts (our choices)."""
_AT_ONCE = 8
"""Windows that are heard at a time, where as many are there."""
_LEAST_SHARPNESS = 1e-3
_NEVER = -30.0
"""Log probability of words in silence."""
_NOTHING = 1e-4
"""Amplitude below which a window is silence, as for recordings (data/audio/decoding.py)."""


class Moments(NamedTuple):
    """What members say of moments.

    Attributes:
        said: log probabilities of each word and, last, of none, (m, t, k + 1).
        loudness: the energy of each, (t,).
    """

    said: FloatArray
    loudness: FloatArray


class Listener:
    """Members of an ensemble that hear sound, piece by piece.

    Attributes:
        rate: samples a second that are needed.
        size: samples of a moment.
        member_weights: adding up to one, (m,).
        sharpness: what log probabilities of whole recordings are multiplied by to be calibrated.

    Raises:
        UsageError: the ensemble was not learned from words.
    """

    def __init__(self, ensemble: Ensemble) -> None:
        found = _find(ensemble)
        if found is None:
            raise UsageError(
                "Transcripts need a run of recordings of single words, of 2 seconds at most, or of texts, but this one was learned from "
                "other data. Fit a folder for each word, or a table of recordings with what is said (--task transcript)."
            )
        population, self._program = found
        self.rate, self.size = self._program.rate, self._program.size
        self._members, self.member_weights = population.members, population.normalised_member_weights
        self.sharpness = max(population.stacking_weight, _LEAST_SHARPNESS)
        self._n_words = len(ensemble.task.heard)
        self._window = self._program.n_moments
        self._beside = min(round(_BESIDE * self.rate / self.size), (self._window - 1) // 2)
        self._samples, self._begin, self._n_heard = np.zeros(0, np.float32), 0, 0

    @property
    def nothing(self) -> Moments:
        """Of no moment."""
        return Moments(np.zeros((len(self._members), 0, self._n_words + 1)), np.zeros(0))

    def feed(self, samples: FloatArray) -> list[Moments]:
        """What is said of the moments that are complete once more samples (t,) have come, those of each window."""
        self._samples = np.concatenate([self._samples, samples])
        n_whole = self._begin + len(self._samples) // self.size
        begins: list[int] = []
        while (begin := self._next_begin + len(begins) * self._step) + self._window <= n_whole:
            begins.append(begin)
        heard = [part for i in range(0, len(begins), _AT_ONCE) for part in self._hear(begins[i : i + _AT_ONCE])]
        self._forget()
        return heard

    def finish(self) -> Moments:
        """What is said of the moments that are left."""
        n_all = self._begin + -(-len(self._samples) // self.size)
        rest = self._hear_end(n_all)
        self._n_heard = n_all
        return rest

    def look_ahead(self) -> Moments:
        """What is said, for the time being, of the moments that `feed` has not given yet, as if the sound ended here."""
        return self._hear_end(self._begin + len(self._samples) // self.size)

    @property
    def _step(self) -> int:
        return self._window - 2 * self._beside

    @property
    def _next_begin(self) -> int:
        """Where the next window begins, whose middle follows what was heard."""
        return max(self._n_heard - self._beside, 0)

    def _forget(self) -> None:
        """Let samples go that no later window needs."""
        beyond = max(self._n_heard - self._window, 0) - self._begin
        if beyond > 0:
            self._samples, self._begin = self._samples[beyond * self.size :], self._begin + beyond

    def _hear(self, begins: list[int]) -> list[Moments]:
        """The middles of windows at these moments, and of the first of all also what is before."""
        windows = np.stack([self._cut(begin) for begin in begins])
        said = self._ask(windows)
        parts = []
        for i, begin in enumerate(begins):
            first, end = self._n_heard - begin, self._window - self._beside
            parts.append(self._part(said[:, i], begin, first, end))
            self._n_heard = begin + end
        return parts

    def _hear_end(self, n_all: int) -> Moments:
        if n_all <= self._n_heard:
            return self.nothing
        begin = max(n_all - self._window, 0)
        return self._part(self._ask(self._cut(begin)[None])[:, 0], begin, self._n_heard - begin, n_all - begin)

    def _part(self, said: FloatArray, begin: int, first: int, end: int) -> Moments:
        offset = (begin - self._begin) * self.size
        samples = self._samples[offset + first * self.size : offset + end * self.size].astype(np.float64)
        samples = samples - samples.mean() if len(samples) else samples
        padded = np.pad(samples, (0, (end - first) * self.size - len(samples)))
        return Moments(said[:, first:end], np.square(padded).reshape(-1, self.size).mean(1))

    def _cut(self, begin: int) -> np.ndarray:
        """The window from this moment on as a recording, int16."""
        n_samples = self._window * self.size
        offset = (begin - self._begin) * self.size
        samples = self._samples[offset : offset + n_samples]
        samples = samples - samples.mean()
        largest = float(np.abs(samples).max(initial=0.0))
        recording = np.full(n_samples, ENDED, np.int16)
        recording[: len(samples)] = np.round(samples * (LOUDEST / largest)) if largest >= _NOTHING else 0
        return recording

    def _ask(self, windows: np.ndarray) -> FloatArray:
        """What each member says of windows (n, t), (m, n, moments, k + 1)."""
        n, silent = len(windows), ~(windows * (windows != ENDED)).any(1)
        padded = np.concatenate([windows, np.zeros(((1 if n == 1 else _AT_ONCE) - n, windows.shape[1]), np.int16)])[..., None]
        with ThreadPoolExecutor(available_threads()) as threads:
            said = [*threads.map(lambda params: np.asarray(self._program.run(params, padded), np.float64)[:n], self._members)]
        answers = np.stack(said)
        answers[:, silent] = np.where(np.arange(answers.shape[-1]) == self._n_words, 0.0, _NEVER)  # nothing to ask about
        return answers


class _Program(NamedTuple):
    """What tells words apart in windows.

    run(params, windows): log probabilities (n, moments, k + 1) of windows (n, t, 1).
    rate: samples a second. size: samples of a moment. n_moments: of a window.
    """

    run: Callable[[Params, np.ndarray], jax.Array]
    rate: int
    size: int
    n_moments: int


def hears_words(ensemble: Ensemble) -> bool:
    """Whether the ensemble tells words apart by moment, so that sound that goes on can be transcribed."""
    return _find(ensemble) is not None


def _find(ensemble: Ensemble) -> tuple[Population, _Program] | None:
    """The population of largest stacking weight that tells words apart by moment, if there is one."""
    layout = ensemble.encoding.layout(ensemble.task.n_outputs)
    for population in sorted(ensemble.populations, key=lambda population: -population.stacking_weight):
        if (program := _make_program(program_spec(population.spec), layout)) is not None:
            return population, program
    return None


@functools.lru_cache(maxsize=4)
def _make_program(spec: Spec, layout: Layout) -> _Program | None:
    """What tells words apart in windows; None where nothing does."""
    by_moment = build(spec.model, layout, spec.initialization, spec.activation).by_moment
    if by_moment is None:
        return None
    block, size, _ = by_moment
    n_moments = max(round(_WINDOW * layout.rate(block) / size), 1)
    longer = {**dict(layout.blocks), block: (n_moments * size, *layout.shape(block)[1:])}
    tell = build(spec.model, layout._replace(blocks=tuple(longer.items())), spec.initialization, spec.activation).by_moment
    assert tell is not None
    run = jax.jit(lambda params, windows: tell.tell(params, Inputs({block: windows}))[0])
    return _Program(run, layout.rate(block), size, n_moments)
