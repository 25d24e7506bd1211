"""Lists of as many numbers each, as arrays and by what they hold; views are in test_decoded.py."""

import numpy as np
import pyarrow as pa

from weights.data.files.lists import hash_lists, list_array


def test_several_chunks_are_one_array():
    chunk = pa.array([[1, 2], [3, 4]], pa.list_(pa.int16(), 2))
    assert list_array(pa.chunked_array([chunk, chunk.slice(1)])).tolist() == [[1, 2], [3, 4], [3, 4]]
    assert list_array(pa.chunked_array([], chunk.type)).dtype == np.int16


def test_equal_lists_have_one_hash():
    hashes = hash_lists(pa.chunked_array([pa.array([[1, 2], [2, 1], [1, 2]], pa.list_(pa.int16(), 2))]))
    assert hashes[0] == hashes[2] != hashes[1]
