"""Sound read piece by piece, as long as it lasts, from a file or a stream that cannot be sought; and written, as a WAV.

Pieces are mono, float32, at the rate that is wanted; nothing is cut off, and how loud they are stays as it is.
"""

from __future__ import annotations

import contextlib
import io
import wave
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from weights.data.audio.decoding import (
    FORMATS,
    FORMATS_IN_WORDS,
    MOST_CHANNELS,
    check_audio,
    check_rate,
    lacks_its_end,
    mix_channels,
    say_what_it_is,
    scale_array,
)
from weights.data.files.unreadable import Unreadable
from weights.errors import DataError, NotFoundError, printable
from weights.types import AnyArray, FloatArray

if TYPE_CHECKING:
    from soundfile import SoundFile

_PIECE, _BLOCK = 0.1, 10.0
"""Seconds that are read at a time of a stream, so that it is answered while it goes on, and of a file (our choices)."""
_MOST_AT_ONCE = 1 << 22
"""Samples of all channels that are read at a time."""
_WIDTHS: dict[int, np.dtype[Any]] = {1: np.dtype("u1"), 2: np.dtype("<i2"), 4: np.dtype("<i4")}


def read_file(path: Path, rate: int) -> Iterator[FloatArray]:
    """The sound of a file in pieces (t,), at a rate.

    Raises:
        NotFoundError: there is no such file. DataError: it is no recording that is read, or is damaged.
    """
    check_audio()
    if path.is_dir():
        raise DataError(f"One recording was needed, but '{printable(str(path))}' is a folder. Use model.transcribe_each to hear many.")
    if not path.is_file():
        raise NotFoundError(f"There is no recording '{printable(str(path))}'. Name a {FORMATS_IN_WORDS} file, or - for standard input.")
    with _named(f"The recording '{printable(str(path))}'"), _opened(path) as file:
        yield from _resample_all(_read_blocks(file), file.samplerate, rate)


def find_faults(paths: Iterable[Path]) -> list[str]:
    """Which files cannot be read, and why, by their heads: "'a.wav' is empty (0 bytes)"."""
    check_audio()
    faults = []
    for path in paths:
        try:
            if not path.is_file():
                raise Unreadable("is not there")
            with _opened(path):
                pass
        except Unreadable as reason:
            faults.append(f"'{printable(str(path))}' {reason}")
    return faults


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[SoundFile]:
    """A file of sound.

    Raises:
        Unreadable: it is none that is read, or damaged; its content too, while it is read.
    """
    import soundfile

    with path.open("rb", buffering=0) as content:
        head, n_bytes = content.read(4096), content.seek(0, io.SEEK_END)
        content.seek(0)
        if not head:
            raise Unreadable("is empty (0 bytes)")
        if lacks_its_end(head, n_bytes):
            raise Unreadable("is cut off")
        try:
            with soundfile.SoundFile(content.fileno(), closefd=False) as file:  # whatever its name says
                if file.format not in FORMATS:
                    raise Unreadable(say_what_it_is(head))
                check_rate(file.samplerate)
                yield file
        except soundfile.SoundFileError as error:
            raise Unreadable(say_what_it_is(head)) from error


@contextlib.contextmanager
def _named(what: str) -> Iterator[None]:
    """What is wrong with a recording becomes an error that names it."""
    try:
        yield
    except Unreadable as reason:
        raise DataError(f"{what} {reason}. Name another.") from reason


def _read_blocks(file: Any) -> Iterator[FloatArray]:
    n_read, size = 0, max(min(round(_BLOCK * file.samplerate), _MOST_AT_ONCE // file.channels), 1)
    while len(frames := file.read(size, dtype="float32", always_2d=True)):
        n_read += len(frames)
        yield mix_channels(frames)
    if not n_read:
        raise Unreadable("holds no sound (0 samples)")


def read_array(samples: AnyArray, own: int, rate: int) -> Iterator[FloatArray]:
    """Samples (t,) or (t, channels), of a rate of their own, as one piece at another.

    Raises:
        DataError: they are no samples.
    """
    check_audio()
    with _named("The array"):
        check_rate(own)
        yield from _resample_all([mix_channels(scale_array(np.asarray(samples)))], own, rate)


def read_standard_stream(stream: IO[bytes], rate: int, *, raw: int | None = None) -> Iterator[FloatArray]:
    """The sound of a stream in pieces (t,), as it comes: a WAV of whole numbers, or 16-bit samples without a head.

    Args:
        stream: of bytes.
        rate: wanted.
        raw: the rate of samples without a head (16 bits, little-endian, one channel); None where there is one.

    Raises:
        DataError: it is neither.
    """
    check_audio()
    with _named("Standard input"):
        if raw is not None:
            check_rate(raw)
            yield from _resample_all(_read_raw(stream, raw), raw, rate)
        else:
            yield from _read_wave(stream, rate)


def _read_wave(stream: IO[bytes], rate: int) -> Iterator[FloatArray]:
    try:
        with wave.open(stream) as file:
            own, channels, width = file.getframerate(), file.getnchannels(), file.getsampwidth()
            if width not in _WIDTHS or not 1 <= channels <= MOST_CHANNELS:
                raise Unreadable(f"has {8 * width} bits and {channels} channels, but 8, 16 or 32 bits are read as they come")
            check_rate(own)
            yield from _resample_all(_read_pieces(file, own), own, rate)
    except EOFError as error:
        raise Unreadable("ended before it held a sound") from error
    except wave.Error as error:
        raise Unreadable(f"must be a WAV of whole numbers, or 16-bit samples with --raw RATE, but it is neither ({error})") from error


def encode_wave(samples: AnyArray, rate: int) -> bytes:
    """Samples, int16, shape (t,), as the content of a WAV.

    Example:
        >>> encode_wave(np.zeros(4, np.int16), 8000)[:4]
        b'RIFF'
    """
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.asarray(samples, "<i2").tobytes())
    return content.getvalue()


def _read_raw(stream: IO[bytes], rate: int) -> Iterator[FloatArray]:
    n_read, rest, size = 0, b"", 2 * max(round(_PIECE * rate), 1)
    while content := stream.read(size):
        content = rest + content
        whole = len(content) // 2 * 2
        rest = content[whole:]
        n_read += whole
        yield np.frombuffer(content[:whole], "<i2").astype(np.float32) / 32768
    if not n_read:
        raise Unreadable("ended before it held a sound")


def _read_pieces(file: wave.Wave_read, rate: int) -> Iterator[FloatArray]:
    kind, channels = _WIDTHS[file.getsampwidth()], file.getnchannels()
    n_read = 0
    middle, largest = (128, 128) if kind.kind == "u" else (0, 1 << 8 * kind.itemsize - 1)
    while content := file.readframes(max(round(_PIECE * rate), 1)):
        whole = len(content) // (kind.itemsize * channels) * kind.itemsize * channels
        samples = (np.frombuffer(content[:whole], kind).astype(np.float32) - middle) / largest
        n_read += whole
        yield mix_channels(samples.reshape(-1, channels))
    if not n_read:
        raise Unreadable("holds no sound: its head counts 0 samples (--raw RATE hears samples without a head)")


def _resample_all(pieces: Iterable[FloatArray], own: int, rate: int) -> Iterator[FloatArray]:
    """Pieces at another rate, band-limited over their borders; what is no number is an error."""
    import soxr

    stream = None if own == rate else soxr.ResampleStream(own, rate, 1, dtype="float32", quality="HQ")
    for piece in pieces:
        if not np.isfinite(piece).all():
            raise Unreadable("holds samples that are no numbers (NaN or infinite)")
        yield piece if stream is None else stream.resample_chunk(piece)
    if stream is not None:
        yield stream.resample_chunk(np.zeros(0, np.float32), last=True)
