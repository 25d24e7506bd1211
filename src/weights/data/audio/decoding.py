"""One file's sound made samples: `decode` gives as many as wanted, at the wanted rate, or the reason why there are none.

The content decides what a file is, not its name. Channels are mixed, an offset is taken off, silence at both ends is cut, and the
largest sample of each recording becomes the same, so that neither microphone nor distance tells recordings apart.
"""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from weights.data.audio.column import ENDED, LOUDEST
from weights.data.files.places import Content
from weights.data.files.unreadable import Unreadable, describe_damage, find_signature
from weights.errors import UsageError, printable
from weights.types import BoolArray, FloatArray

if TYPE_CHECKING:
    from soundfile import SoundFile

MOST_SECONDS_READ = 600
"""Longer recordings are not learned from (our choice)."""
MOST_CHANNELS = 64
"""More are samples of an array that was turned round (our choice)."""
_LEAST_SECONDS = 0.02
_RATES = (1_000, 384_000)
_AT_ONCE = 1 << 18
"""Frames that are decoded at a time, so that many channels and high rates need no memory for all of them."""

FORMATS = {"WAV": "WAV", "WAVEX": "WAV", "RF64": "WAV", "W64": "WAV", "FLAC": "FLAC", "OGG": "OGG", "MP3": "MP3", "MPEG": "MP3"}
"""What libsndfile calls the formats that are read, and what we call them."""
FORMAT_OF_SUFFIX = {
    **{".wav": "WAV", ".wave": "WAV", ".flac": "FLAC", ".ogg": "OGG", ".oga": "OGG", ".opus": "OGG", ".mp3": "MP3"},
    **{".m4a": "MP4", ".aac": "AAC", ".wma": "WMA", ".amr": "AMR"},
}
"""What the names of recordings promise; the last four formats are known, and not read."""
FORMATS_IN_WORDS = "WAV, FLAC, OGG or MP3"

_SIGNATURES = (
    (0, (b"RIFF", b"RF64"), "is damaged, or cut off within its first bytes"),
    (0, (b"fLaC", b"OggS", b"ID3"), "is damaged, or cut off within its first bytes"),
    (4, (b"ftyp",), "is MP4 or M4A; save it as WAV or FLAC"),
    (0, (b"\x30\x26\xb2\x75",), "is WMA; save it as WAV or FLAC"),
    (0, (b"#!AMR",), "is AMR; save it as WAV or FLAC"),
    (0, (b"FORM", b".snd", b"caff"), "is AIFF, AU or CAF; save it as WAV or FLAC"),
    (0, (b"MThd",), "is MIDI, notes and no sound"),
    (0, (b"PK\x03\x04",), "is a zip, not a recording"),
    (0, (b"\x89PNG", b"\xff\xd8\xff", b"GIF8"), "is a picture, not a recording"),
)
"""Where files that are no recording we read have which bytes, and what is said of them."""

_FRAME, _HOP = 0.02, 0.01
_QUIET, _SILENT = 1e-4, 1e-6
"""Energies of a frame, as shares of the loudest one's, below which it is quiet and silent: 40 and 60 dB (our choices)."""
_FADING, _MARGIN = 0.25, 0.05
"""Seconds beside what is not quiet in which what is not silent is kept, as consonants at the ends of words may be quieter than a vowel by
40 dB; and seconds that are kept beside all that is kept (our choices)."""
_NOTHING = 1e-4
"""Amplitude below which a recording is silence: 3 of the 32,767 steps of 16 bits."""
_CANCELLED = 1e-3
"""Energy of mixed channels, as a share of the loudest one's, below which they cancel each other: 30 dB (our choice)."""
_WHOLE = 0.98
"""Share of the frames that a file names of which fewer mean that it was cut off: heads of MP3 count some that hold no sound."""
_FULL, _CLIPPED_IN_A_ROW = 0.999, 3
"""Size of samples, and how many in a row have it, where peaks are cut off (our choice)."""


class DecodedSound(NamedTuple):
    """The samples of a recording, and what deserves a remark about its file.

    Attributes:
        samples: float32, shape (t,), the largest of size one, without silence at its ends.
        format: one of the values of `FORMATS`; empty for a recording that came as an array.
        rate: samples a second in the file.
        seconds: that the file lasts, silence and all.
        is_clipped: its peaks are cut off flat.
        is_cancelled: its channels cancel each other, so that the loudest was read alone.
    """

    samples: FloatArray
    format: str
    rate: int
    seconds: float
    is_clipped: bool
    is_cancelled: bool


class _Mixed(NamedTuple):
    samples: FloatArray
    rate: int
    format: str
    is_clipped: bool
    is_cancelled: bool


def decode(content: Content, *, sample_rate: int | None = None, rate: int | None = None) -> DecodedSound | str:
    """The sound in a file, or the reason why there is none, such as "is silent".

    Args:
        content: the file's bytes, or samples, shape (t,) or (t, channels).
        sample_rate: wanted, samples a second; None keeps that of the content.
        rate: of content that is an array.
    """
    try:
        mixed = _mix_array(content, rate or 0) if isinstance(content, np.ndarray) else _mix_file(content)
        samples = mixed.samples - mixed.samples.mean(dtype=np.float64)
        if not np.isfinite(samples).all():
            raise Unreadable("holds samples that are no numbers (NaN or infinite)")
        if len(samples) < _LEAST_SECONDS * mixed.rate:
            lasts = f"{len(samples):,} sample{'' if len(samples) == 1 else 's'}, {len(samples) / mixed.rate:.3f} s"
            raise Unreadable(f"holds {lasts}, too short to hear anything ({_LEAST_SECONDS} s at least)")
        if np.abs(samples).max() < _NOTHING:
            raise Unreadable("is silent")
        seconds = len(samples) / mixed.rate
        samples = resample(trim(samples, mixed.rate), mixed.rate, sample_rate or mixed.rate)
        samples /= max(float(np.abs(samples).max()), 1e-12)
        return DecodedSound(samples, mixed.format, mixed.rate, seconds, mixed.is_clipped, mixed.is_cancelled)
    except Unreadable as reason:
        return str(reason)
    except Exception as error:  # libsndfile raises RuntimeError and its own, NumPy MemoryError.
        return describe_damage(error)


def fit(samples: FloatArray, n_samples: int) -> FloatArray:
    """Samples as int16, shape (n_samples,): the loudest stretch of longer ones, `ENDED` behind shorter ones.

    Args:
        samples: of size one at most, shape (t,).
        n_samples: wanted.
    """
    if len(samples) > n_samples:
        energy = np.cumsum(np.square(samples, dtype=np.float64))
        begin = int(np.argmax(np.concatenate([energy[n_samples - 1 : n_samples], energy[n_samples:] - energy[:-n_samples]])))
        samples = samples[begin : begin + n_samples]
    fitted = np.full(n_samples, ENDED, np.int16)
    fitted[: len(samples)] = np.round(samples * LOUDEST)
    return fitted


def trim(samples: FloatArray, rate: int) -> FloatArray:
    """The samples from a little before the first sound to a little behind the last.

    Frames 40 dB below the loudest are no sound; those near a sound are, unless they are 60 dB below the loudest.
    """
    size, hop = max(round(_FRAME * rate), 1), max(round(_HOP * rate), 1)
    if len(samples) <= size:
        return samples
    sums = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    starts = np.arange(0, len(samples) - size + 1, hop)
    energy = sums[starts + size] - sums[starts]
    loud, fading = np.flatnonzero(energy > _QUIET * energy.max()), round(_FADING * rate / hop)
    near = slice(max(loud[0] - fading, 0), loud[-1] + fading + 1)
    sounds = starts[near][energy[near] > _SILENT * energy.max()]
    margin = round(_MARGIN * rate)
    return samples[max(sounds[0] - margin, 0) : sounds[-1] + size + margin]


def resample(samples: FloatArray, rate: int, wanted: int) -> FloatArray:
    """The samples at another rate, band-limited (soxr)."""
    if rate == wanted:
        return samples
    import soxr

    resampled: FloatArray = soxr.resample(samples, rate, wanted, quality="HQ")
    return resampled


def check_audio() -> None:
    """Refuse to go on where the libraries that decode recordings are not installed.

    Raises:
        UsageError: they are not.
    """
    missing = [name for name in ("soundfile", "soxr") if importlib.util.find_spec(name) is None]
    if missing:
        needed = f"Recordings are decoded by the package{'s' if len(missing) > 1 else ''} {' and '.join(missing)}, not installed here"
        raise UsageError(f'{needed}. Run `pip install "weights[audio]"`.')


# From content to one channel


def _mix_file(content: bytes) -> _Mixed:
    import soundfile

    if len(content) == 0:
        raise Unreadable("is empty (0 bytes)")
    if not _begins_like_sound(content):
        raise Unreadable(say_what_it_is(content))
    if lacks_its_end(content[:12], len(content)):
        raise Unreadable("is cut off")
    try:
        file = soundfile.SoundFile(io.BytesIO(content))
    except soundfile.LibsndfileError as error:
        raise Unreadable(say_what_it_is(content)) from error
    with file:
        if file.format not in FORMATS:
            raise Unreadable(f"is {printable(file.format)}; save it as WAV or FLAC")
        rate, n_frames = file.samplerate, max(file.frames, 0)
        check_rate(rate)
        if n_frames > MOST_SECONDS_READ * rate:
            raise Unreadable(f"lasts {say_time(n_frames / rate)}, longer than the {say_time(MOST_SECONDS_READ)} that are read; cut it")
        return _mix_frames(file, rate)


def check_rate(rate: int) -> None:
    """Refuse rates that no recording has.

    Raises:
        Unreadable: it is one.
    """
    if not _RATES[0] <= rate <= _RATES[1]:
        raise Unreadable(f"has {rate:,} samples a second, but {_RATES[0]:,} to {_RATES[1]:,} are read")


def _mix_frames(file: SoundFile, rate: int) -> _Mixed:
    """The mean of channels, or the loudest alone where they cancel each other."""
    parts: list[FloatArray] = []
    energies, is_clipped, n_read = np.zeros(file.channels), False, 0
    for frames in _read_frames(file):
        n_read += len(frames)
        if n_read > MOST_SECONDS_READ * rate:
            raise Unreadable(f"lasts longer than the {say_time(MOST_SECONDS_READ)} that are read; cut it")
        energies += np.square(frames, dtype=np.float64).sum(0)
        is_clipped = is_clipped or _is_clipped(frames)
        parts.append(frames.mean(1))
    if n_read == 0:
        raise Unreadable("holds no sound (0 samples)")
    if n_read < _WHOLE * file.frames:
        raise Unreadable("is cut off")
    mixed = np.concatenate(parts)
    is_cancelled = bool(np.square(mixed, dtype=np.float64).sum() < _CANCELLED * energies.max())
    if is_cancelled:
        loudest = int(energies.argmax())
        mixed = np.concatenate([frames[:, loudest] for frames in _read_frames(file)])
    return _Mixed(mixed, rate, FORMATS[file.format], is_clipped, is_cancelled)


def _read_frames(file: SoundFile) -> Iterator[FloatArray]:
    """The frames of a file from its begin, float32, shape (some, channels)."""
    file.seek(0)
    while len(frames := file.read(_AT_ONCE, dtype="float32", always_2d=True)):
        yield frames


def _mix_array(values: np.ndarray, rate: int) -> _Mixed:
    check_rate(rate)
    frames = scale_array(values)
    return _Mixed(frames.mean(1), rate, "", _is_clipped(frames), is_cancelled=False)


def mix_channels(frames: FloatArray) -> FloatArray:
    """The mean of channels of frames (t, channels), or the loudest of them where they cancel each other, shape (t,)."""
    mixed = frames.mean(1)
    energies = np.square(frames, dtype=np.float64).sum(0)
    if np.square(mixed, dtype=np.float64).sum() < _CANCELLED * energies.max(initial=0.0):
        return frames[:, int(energies.argmax())]
    return mixed


def scale_array(values: np.ndarray) -> FloatArray:
    """Samples (t,) or (t, channels) as float32, shape (t, channels): whole numbers are shares of the range of their type.

    Raises:
        Unreadable: they are no samples.
    """
    if values.ndim > 2 or values.ndim == 0 or values.dtype.kind not in "fiu":
        raise Unreadable(f"is an array of shape {values.shape} and type {values.dtype}, no samples")
    if values.size == 0:
        raise Unreadable("holds no sound (0 samples)")
    if values.ndim == 2 and values.shape[1] > MOST_CHANNELS:
        raise Unreadable(f"has {values.shape[1]:,} channels of {values.shape[0]:,} samples, but shape (t,) or (t, channels) was needed")
    # Of unsigned ones the middle is silence, which the mean takes off.
    largest = float(np.iinfo(values.dtype).max) if values.dtype.kind in "iu" else 1.0
    return (values.astype(np.float64) / largest).astype(np.float32).reshape(len(values), -1)


def _is_clipped(frames: FloatArray) -> bool:
    full: BoolArray = np.abs(frames) >= _FULL
    return bool(np.logical_and.reduce([full[i : len(full) - _CLIPPED_IN_A_ROW + 1 + i] for i in range(_CLIPPED_IN_A_ROW)]).any())


# Reasons


def say_time(seconds: float) -> str:
    """A time as people write it.

    Example:
        >>> say_time(36000), say_time(90), say_time(0.25)
        ('10:00:00', '1:30', '0.25 s')
    """
    if seconds < 60:
        return f"{seconds:.2f} s"
    minutes, whole = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{whole:02}" if hours else f"{minutes}:{whole:02}"


def _begins_like_sound(content: bytes) -> bool:
    is_mpeg = content[0] == 0xFF and len(content) > 1 and content[1] & 0xE0 == 0xE0
    is_w64 = content.startswith(b"riff\x2e\x91\xcf\x11")
    return content.startswith((b"RIFF", b"RF64", b"fLaC", b"OggS", b"ID3")) or is_mpeg or is_w64


def lacks_its_end(head: bytes, n_bytes: int) -> bool:
    """Whether a WAV of so many bytes ends before the size that its head gives; heads of streams give none (zero, or the largest number)."""
    size = int.from_bytes(head[4:8], "little")
    return head.startswith(b"RIFF") and size not in (0, 0xFFFFFFFF) and n_bytes + 1 < size + 8 and size < 0x7FFFFFFF


def say_what_it_is(content: bytes) -> str:
    """What a file is that is no recording we read."""
    if words := find_signature(content, _SIGNATURES):
        return words
    head = content[:2000].decode("utf-8", "ignore")
    if head and all(character.isprintable() or character.isspace() for character in head):
        return "is text, not a recording"
    return f"is not a {FORMATS_IN_WORDS} recording"
