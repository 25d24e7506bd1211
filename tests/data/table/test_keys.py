"""Numbers that stand for rows: the same each time, and as good as random."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import scipy.stats

from weights.data.table.keys import hash_keys, text_keys, uniform


def test_scrambled_keys_are_those_of_splitmix64():
    # The first numbers of splitmix64 seeded with 0: its state grows by the golden ratio before each.
    golden = np.uint64(0x9E3779B97F4A7C15)
    salt = np.random.SeedSequence([3]).generate_state(1, np.uint64)
    keys = (np.arange(1, 4, dtype=np.uint64) * golden) - salt
    assert [hex(key) for key in hash_keys(keys, 3)] == ["0xe220a8397b1dcdaf", "0x6e789e6aa1b965f4", "0x6c45d188009454f"]


def test_neighbouring_rows_look_independent_and_uniform():
    drawn = uniform(np.arange(100_000), 5)
    # A p-value below 0.001 would come once in a thousand seeds; the seed is fixed.
    assert scipy.stats.kstest(drawn, "uniform").pvalue > 0.001
    assert abs(np.corrcoef(drawn[1:], drawn[:-1])[0, 1]) < 4 / np.sqrt(100_000)


def test_another_path_draws_anew():
    keys = np.arange(100_000)
    assert abs(np.corrcoef(uniform(keys, 1, 2), uniform(keys, 1, 3))[0, 1]) < 4 / np.sqrt(100_000)


def test_equal_texts_have_equal_keys_wherever_they_stand():
    first = text_keys(pa.chunked_array([["a", "b", None, "a"]]))
    second = text_keys(pa.chunked_array([["c"], [None, "b", "a"]]))
    assert first[0] == first[3] == second[3]
    assert first[1] == second[2]
    assert first[2] == second[1]
    assert len({*first, *second}) == 4


def test_a_column_without_rows_has_no_keys():
    assert len(text_keys(pa.chunked_array([[]], pa.string()))) == 0
