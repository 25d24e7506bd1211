"""Recordings as a medium of labelled files, `RECORDINGS`, and how new ones are read as those of training were."""

from __future__ import annotations

import contextlib
import functools
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from weights.data.audio.column import FASTEST, MOST_SECONDS, SLOWEST, Sound, sound_field
from weights.data.audio.decoding import FORMAT_OF_SUFFIX, FORMATS_IN_WORDS, DecodedSound, check_audio, decode, fit, say_time
from weights.data.files.decoded import decode_files
from weights.data.files.labelled import make_table, read_files
from weights.data.files.listing import Entry
from weights.data.files.medium import DecodedFile, Form, Medium, holds_mostly
from weights.data.files.places import Content
from weights.data.files.sample import Sample
from weights.errors import UsageError
from weights.types import ReportProgress

_USUAL_FASTEST = 16_000
"""Faster recordings are read at this rate: speech has little above half of it (our choice)."""
_USUAL_SECONDS, _LONG_ENOUGH, _ROOM = 4.0, 0.99, 1.1
"""Recordings get time for nearly all of those looked at and a tenth more, at most so many seconds (our choices)."""
_MORE_ROOM = 1.25
"""How much more time recordings get that are to be read whole than the longest of those looked at (our choice)."""
_CLIPPED = "clipped: peaks are cut off flat"
_CANCELLED = "of channels that cancel each other, of which the loudest was read"
_SLOWER = "sampled more slowly than others, with nothing above half of that rate"
_LONGER = "longer than the time that recordings get, of which the loudest stretch was read (--recording-seconds)"


@dataclass(frozen=True, kw_only=True)
class SoundOptions:
    """How recordings are to be read.

    Attributes:
        sample_rate: that all get, samples a second. By default the commonest, if a first look finds it to be at most 16,000.
        seconds: that the longest gets. By default time for 99 in 100 of those looked at, but at most 4.
        whole: give all recordings time for the longest of those looked at, and a quarter more if these are not all.
        array_rate: samples a second of recordings that came as arrays.
        strict: refuse a recording that cannot be read, instead of leaving it out.
        report_progress: called now and then with the share of recordings that is done.

    Raises:
        UsageError: the rate or the seconds are out of bounds.
    """

    sample_rate: int | None = None
    seconds: float | None = None
    whole: bool = False
    array_rate: int | None = None
    strict: bool = False
    report_progress: ReportProgress = lambda share: None

    def __post_init__(self) -> None:
        if self.sample_rate is not None and not SLOWEST <= self.sample_rate <= FASTEST:
            raise UsageError(f"A sampling rate must be from {SLOWEST:,} to {FASTEST:,}, but is {self.sample_rate:,}. Change --sample-rate.")
        if self.seconds is not None and not 0.1 <= self.seconds <= MOST_SECONDS:
            raise UsageError(
                f"Recordings last from 0.1 to {MOST_SECONDS:g} seconds, but {self.seconds:g} were asked for. Change --recording-seconds."
            )


class Recordings:
    """Recordings in memory, wherever data may stand.

    Attributes:
        samples: of each, an array of shape (t,) or (t, channels): numbers from -1 to 1, or whole numbers as shares of their type's range.
        sample_rate: samples a second of all.

    Raises:
        UsageError: they are no sequence of arrays, or the rate is no number.

    Example:
        >>> len(Recordings([np.zeros(800), np.zeros((400, 2))], sample_rate=8000).samples)
        2
    """

    def __init__(self, samples: Iterable[Any], sample_rate: int) -> None:
        try:
            self.samples = [np.asarray(recording) for recording in samples]
            self.sample_rate = int(sample_rate)
        except (TypeError, ValueError) as error:
            raise UsageError(
                f"A list of arrays of samples and a sampling rate were needed, but {error}. Give [array], sample_rate=8000."
            ) from error
        if any(recording.ndim == 0 for recording in self.samples):
            raise UsageError("A list of arrays of samples was needed, but numbers came. Give a list: [array].")


def holds_recordings(source: Any) -> bool:
    """Whether a source is one of recordings: these, a recording by its name, a folder or zip most of whose files are.

    Example:
        >>> holds_recordings("call.WAV"), holds_recordings("table.csv"), holds_recordings({"x": [1]})
        (True, False, False)
    """
    if not isinstance(source, str | os.PathLike):
        return isinstance(source, Recordings)
    return Path(source).suffix.lower() in RECORDINGS.formats or holds_mostly(source, RECORDINGS)


def read_recordings(source: str | os.PathLike[str] | Recordings, options: SoundOptions) -> pa.Table:
    """The recordings of a source as a table; see `labelled.read_files`, whose names and classes those in memory do not have."""
    if isinstance(source, Recordings):
        entries = [Entry(f"row {row}", samples) for row, samples in enumerate(source.samples, start=1)]
        decoded = decode_files(entries, "memory", RECORDINGS, replace(options, array_rate=source.sample_rate))
        return make_table(decoded, entries, {}, [], RECORDINGS)
    return read_files(Path(source), RECORDINGS, options)


def read_as(like: Sound) -> SoundOptions:
    """Options that read new recordings as those learned from were, and all of them."""
    return SoundOptions(sample_rate=like.sample_rate, seconds=like.seconds, strict=True)


# The medium


def _choose_form(sample: Sample, options: SoundOptions) -> Form:
    """One rate and one time for all, as asked for or by a first look."""
    looked: list[tuple[int, float, float]] = []
    if None in (options.sample_rate, options.seconds):
        with contextlib.closing(sample.probe(functools.partial(_measure, array_rate=options.array_rate))) as measures:
            looked = [measure for measure in measures if measure is not None]
    rates = Counter(min(rate, FASTEST) for rate, _, _ in looked)
    rate = options.sample_rate or min(max(rates, key=lambda rate: (rates[rate], rate), default=_USUAL_FASTEST), _USUAL_FASTEST)
    rate = max(rate, SLOWEST)
    kept = [seconds for _, seconds, _ in looked]
    if options.whole:
        room = 1.0 if len(sample.places) == sample.n_files else _MORE_ROOM
        usual = min(max(kept, default=_USUAL_SECONDS) * room, MOST_SECONDS)
    else:
        usual = min(float(np.quantile(kept, _LONG_ENOUGH, method="higher")) * _ROOM, _USUAL_SECONDS) if kept else _USUAL_SECONDS
    n_samples = round((options.seconds or max(usual, 0.1)) * rate)
    remarks = [_remark_on_form(rate, n_samples, rates if options.sample_rate is None else Counter())]
    if kept and (silence := 1 - sum(kept) / sum(seconds for _, _, seconds in looked)) >= 0.01:
        remarks.append(f"silence at the ends of recordings was cut, {100 * silence:.0f} % of their time")
    return Form(
        sound_field(n_samples, rate), functools.partial(_decode, rate=rate, n_samples=n_samples, array_rate=options.array_rate), remarks
    )


def _measure(content: Content, *, array_rate: int | None) -> tuple[int, float, float] | None:
    """Rate, seconds without silence at the ends, and seconds of a recording; None where it cannot be read."""
    sound = decode(content, rate=array_rate)
    return (sound.rate, len(sound.samples) / sound.rate, sound.seconds) if isinstance(sound, DecodedSound) else None


def _remark_on_form(rate: int, n_samples: int, rates: Counter[int]) -> str:
    several = f"rates from {min(rates):,} to {max(rates):,}" if len(rates) > 1 else f"a rate of {max(rates, default=rate):,}"
    found = f", of {several}" if {*rates} - {rate} else ""
    return f"recordings are read at {rate:,} samples a second{found}, for {say_time(n_samples / rate)} (--sample-rate, --recording-seconds)"


def _decode(content: Content, *, rate: int, n_samples: int, array_rate: int | None) -> DecodedFile | str:
    sound = decode(content, sample_rate=rate, rate=array_rate)
    if isinstance(sound, str):
        return sound
    is_longer = len(sound.samples) > n_samples
    oddities = ((_CLIPPED, sound.is_clipped), (_CANCELLED, sound.is_cancelled), (_SLOWER, sound.rate < rate), (_LONGER, is_longer))
    return DecodedFile(fit(sound.samples, n_samples), sound.format, tuple(oddity for oddity, applies in oddities if applies))


@contextlib.contextmanager
def _open_libraries() -> Iterator[None]:
    check_audio()
    yield


RECORDINGS: Medium[SoundOptions] = Medium(
    name="recording",
    plural="recordings",
    formats=FORMAT_OF_SUFFIX,
    needed=FORMATS_IN_WORDS,
    bundles=(),
    most_bytes=500_000_000,  # our choice: ten minutes of two channels at 96,000 samples a second take half of it
    small_bytes=1 << 16,
    choose_form=_choose_form,
    open_decoder=_open_libraries,
    oddities=(_CLIPPED, _CANCELLED, _SLOWER, _LONGER),
)
"""Recordings as WAV, FLAC, OGG and MP3."""
