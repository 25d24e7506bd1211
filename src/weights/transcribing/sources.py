"""What may be transcribed: a file or samples in memory, as pieces of sound at the rate that is needed; and phrases from a text."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from weights.data.audio.medium import Recordings
from weights.data.audio.stream import read_array, read_file
from weights.errors import DataError, NotFoundError, UsageError, printable
from weights.types import FloatArray


def read_pieces(source: Any, rate: int, *, sample_rate: int | None = None) -> Iterator[FloatArray]:
    """The sound of a source in pieces (t,).

    Args:
        source: a path, samples (t,) or (t, channels), or `Recordings` of one.
        rate: samples a second that are wanted.
        sample_rate: of samples in memory.

    Raises:
        NotFoundError, DataError: there is no such file, or it cannot be read. UsageError: a rate is missing, or of no use.
    """
    if isinstance(source, Recordings):
        if len(source.samples) != 1:
            raise UsageError(f"One recording is transcribed at a time, but {len(source.samples)} came. Give them one by one.")
        return read_array(source.samples[0], source.sample_rate, rate)
    if isinstance(source, list | tuple) and any(isinstance(each, np.ndarray) for each in source):
        raise UsageError("One recording is transcribed at a time, but a list of arrays came. Give them one by one, without the brackets.")
    if isinstance(source, str | os.PathLike):
        if sample_rate is not None:
            raise UsageError("A file says its own rate. Leave out the sample rate.")
        return read_file(Path(source), rate)
    if sample_rate is None:
        raise UsageError("Samples in memory need their rate. Give sample_rate=8000, for example.")
    return read_array(source, sample_rate, rate)


def read_phrases(path: Path) -> list[list[str]]:
    """The phrases in a file of text, one a line, words parted by spaces.

    Raises:
        NotFoundError: there is no such file. DataError: it is no text, or holds no words.
    """
    if not path.is_file():
        raise NotFoundError(f"There is no file '{printable(str(path))}' of phrases. Name a text with one a line.")
    try:
        lines = [line.split() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except UnicodeDecodeError as error:
        raise DataError(f"Phrases must be text, but '{printable(str(path))}' is none. Name a text with one a line.") from error
    if not any(lines):
        raise DataError(f"The file '{printable(str(path))}' holds no words. Name a text with one phrase a line.")
    return [line for line in lines if line]
