"""Recordings as a column of a table: a list of 16-bit samples each, as many for all, with `ENDED` behind the end of each.

The sampling rate is in the metadata of the column's field; `list_array` gives the samples as an array.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from weights.data.kind import BlockEncoding
from weights.types import IntArray

ENDED = -32768
"""Stands behind the last sample of a recording; no sample has this value."""
LOUDEST = 32767
"""The largest sample of each recording: how loud it was does not count."""
SLOWEST, FASTEST = 1_000, 48_000
"""Sampling rates that recordings of a table may have, in samples a second."""
MOST_SECONDS = 60.0
"""Seconds that recordings of a table may last (our choice: models look at every moment of them)."""
_RATE = b"sample_rate"


class Sound(BlockEncoding, msgspec.Struct, frozen=True, tag_field="kind", tag="recording"):
    """Recordings of at most `n_samples` samples, `sample_rate` a second."""

    name: str
    sample_rate: int
    n_samples: int

    @property
    def seconds(self) -> float:
        """How long the longest lasts."""
        return self.n_samples / self.sample_rate


def sound_field(n_samples: int, sample_rate: int, name: str = "recording") -> pa.Field:
    """The field of a column of recordings, which says how they were sampled.

    Example:
        >>> sound_field(8000, 16000).type
        FixedSizeListType(fixed_size_list<item: int16>[8000])
    """
    return pa.field(name, pa.list_(pa.int16(), n_samples), metadata={_RATE: str(sample_rate)})


def is_sound(field: pa.Field) -> bool:
    """Whether a column holds recordings: its type and its metadata say so."""
    if not pa.types.is_fixed_size_list(field.type) or field.type.value_type != pa.int16():
        return False
    return (field.metadata or {}).get(_RATE, b"").isdigit()


def sound_form(field: pa.Field) -> tuple[int, int]:
    """The samples of a recording, and the sampling rate, of a column of recordings."""
    return field.type.list_size, int(field.metadata[_RATE])


def count_samples(recordings: Any) -> IntArray:
    """How many samples each recording (n, t) has before its end, shape (n,).

    Example:
        >>> count_samples(np.array([[5, -3, ENDED, ENDED], [1, 2, 3, 4]], np.int16)).tolist()
        [2, 4]
    """
    return (np.asarray(recordings) != ENDED).sum(1)
