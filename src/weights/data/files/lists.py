"""Columns of what files became: lists of as many numbers each, as arrays and by what they hold."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa

from weights.types import AnyArray


def list_array(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """The lists of a column as an array, shape (n, numbers in each): a view where they lie in one chunk.

    Example:
        >>> list_array(pa.array([[1, 2], [3, 4]], pa.list_(pa.int16(), 2))).tolist()
        [[1, 2], [3, 4]]
    """
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    size = column.type.list_size
    # Not flatten(), which leaves out the rows without value.
    views = [
        chunk.values.to_numpy(zero_copy_only=True)[chunk.offset * size : (chunk.offset + len(chunk)) * size].reshape(-1, size)
        for chunk in chunks
    ]
    empty = np.empty((0, size), column.type.value_type.to_pandas_dtype())
    return views[0] if len(views) == 1 else np.concatenate([empty, *views])


def hash_lists(column: pa.ChunkedArray) -> AnyArray:
    """A 64-bit number for each list, equal where all numbers are, shape (n,)."""
    hashes = [hashlib.blake2b(values.data, digest_size=8).digest() for values in list_array(column)]
    return np.frombuffer(b"".join(hashes), np.uint64)
