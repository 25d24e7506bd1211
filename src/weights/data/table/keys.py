"""Numbers that stand for rows: the same whenever a row is read, and, hashed, as good as drawn at random.

With them a streamed row can be given to a member, or to a sample, without remembering what became of it.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weights.types import FloatArray, IntArray


def hash_keys(keys: IntArray, *path: int) -> IntArray:
    """Each key as a number that shows nothing of it, uint64, shape (n,); another one for each path of whole numbers.

    The finalizer of splitmix64 (Steele, Lea and Flood 2014, figure 16) on keys moved by a hash of the path.
    """
    moved = keys.astype(np.uint64) + np.random.SeedSequence(path).generate_state(1, np.uint64)
    moved = (moved ^ (moved >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    moved = (moved ^ (moved >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return moved ^ (moved >> np.uint64(31))


def uniform(keys: IntArray, *path: int) -> FloatArray:
    """Each key as a number from 0 to 1, 1 excluded, shape (n,); path as `hash_keys`.

    Example:
        >>> bool(uniform(np.arange(1000), 7).mean().round(1) == 0.5)
        True
    """
    return (hash_keys(keys, *path) >> np.uint64(11)) * 2.0**-53


def text_keys(text: pa.ChunkedArray) -> IntArray:
    """A key for each cell, uint64, shape (n,), that depends on its text only; missing cells share one."""
    coded = pc.dictionary_encode(text, null_encoding="encode").combine_chunks()
    digests = [hashlib.blake2b(repr(value).encode(), digest_size=8).digest() for value in coded.dictionary.to_pylist()]
    return np.frombuffer(b"".join(digests), np.uint64)[coded.indices.to_numpy(zero_copy_only=False)]
