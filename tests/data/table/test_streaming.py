"""Rows of a file larger than memory: a fair sample, and every row streamed, in an order that mixes."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from weights.data.table import streaming as stream_module
from weights.data.table.streaming import RowStream
from weights.errors import DataError, NotFoundError, TooLargeError


def write(path, n_rows: int, *, row_group: int = 5_000, **columns):
    table = pa.table({"x": np.arange(float(n_rows)), "y": np.arange(n_rows) % 3, **columns})
    parquet.write_table(table, path, row_group_size=row_group)
    return path


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "a.parquet", 40_000)


@pytest.fixture
def small(monkeypatch):
    """At most 4,096 rows are kept, so that small files are streamed as large ones are."""
    monkeypatch.setattr(stream_module, "_MOST_KEPT", 1 << 12)


def numbers_of(stream: RowStream, begin: int, end: int) -> np.ndarray:
    """Numbers of the rows at these places of the order."""
    parts, n = [], 0
    for _, numbers in stream.rows(begin):
        parts.append(numbers)
        n += len(numbers)
        if n >= end - begin:
            return np.concatenate(parts)[: end - begin]
    raise AssertionError("the order ended")


def test_each_pass_brings_every_row_once(path, small):
    stream, _ = RowStream.open(path, "y")
    order = numbers_of(stream, 0, 120_000)
    for begin in (0, 40_000, 80_000):
        np.testing.assert_array_equal(np.sort(order[begin : begin + 40_000]), np.arange(40_000))
    assert not np.array_equal(order[:40_000], order[40_000:80_000])


@pytest.mark.parametrize("begin", [0, 1, 4_999, 5_000, 39_999, 40_000, 55_555])
def test_the_order_can_be_entered_anywhere(path, small, begin):
    stream, _ = RowStream.open(path, "y")
    np.testing.assert_array_equal(numbers_of(stream, begin, begin + 9_000), numbers_of(stream, 0, begin + 9_000)[begin:])


def test_cells_come_with_the_number_of_their_row(path, small):
    stream, sample = RowStream.open(path, "y")
    for table, numbers in itertools.islice(stream.rows(123), 20):
        np.testing.assert_array_equal(table["x"].to_numpy(), numbers)
    np.testing.assert_array_equal(sample.table["x"].to_numpy(), sample.numbers)


def test_rows_of_a_sorted_file_are_mixed(path, small):
    # A window of 4,096 rows of 8 row groups of 5,000: without strides it would hold one row group; with them it spans all.
    stream, _ = RowStream.open(path, "y")
    groups = numbers_of(stream, 0, 4_096) // 5_000
    assert len(np.unique(groups)) == 8


def test_a_sample_is_fair(path, small):
    _, sample = RowStream.open(path, "y", seed=1)
    # Binomial: 4,096 expected of 40,000, standard deviation 61; its mean row number has one of 40,000 / sqrt(12 * 4,096) = 180.
    assert abs(len(sample.numbers) - 4_096) < 4 * 61
    assert abs(sample.numbers.mean() - 20_000) < 4 * 180


def test_another_seed_draws_another_sample_and_another_order(path, small):
    (a, sample_a), (b, sample_b) = (RowStream.open(path, "y", seed=seed) for seed in (1, 2))
    assert not np.array_equal(sample_a.numbers, sample_b.numbers)
    assert not np.array_equal(numbers_of(a, 0, 1_000), numbers_of(b, 0, 1_000))


def test_rows_without_a_target_are_not_kept_and_not_counted(tmp_path, small):
    y = pa.array([None if i % 4 == 0 else float(i) for i in range(40_000)])
    parquet.write_table(pa.table({"x": np.arange(40_000.0), "y": y}), tmp_path / "a.parquet", row_group_size=5_000)
    stream, sample = RowStream.open(tmp_path / "a.parquet", "y")
    assert stream.n_rows == 30_000
    assert (sample.numbers % 4 != 0).all()


def test_labels_that_the_sample_lacks_are_counted(tmp_path, small):
    labels = np.full(40_000, "common", object)
    _, sample = RowStream.open(write(tmp_path / "a.parquet", 40_000), "y")
    labels[np.setdiff1d(np.arange(40_000), sample.numbers)[:2]] = ["rare", "rarer"]
    labels[sample.numbers[0]] = "other"
    parquet.write_table(pa.table({"x": np.arange(40_000.0), "y": labels}), tmp_path / "b.parquet", row_group_size=5_000)
    assert RowStream.open(tmp_path / "b.parquet", "y")[1].n_other_labels == 2


def test_a_target_that_is_missing_throughout_is_refused(tmp_path):
    parquet.write_table(pa.table({"x": [1.0, 2.0], "y": pa.array([None, None], pa.float64())}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="missing in all 2 rows"):
        RowStream.open(tmp_path / "a.parquet", "y")


def test_a_target_that_is_not_there_is_refused(path):
    with pytest.raises(NotFoundError, match=r"a\.parquet has no column 'z'"):
        RowStream.open(path, "z")


def test_a_file_that_expands_beyond_reason_is_not_read(tmp_path):
    parquet.write_table(pa.table({"x": np.zeros(2_000_000), "y": np.zeros(2_000_000)}), tmp_path / "a.parquet")
    with pytest.raises(TooLargeError, match=r"claims to hold [\d,]+ times its own size"):
        RowStream.open(tmp_path / "a.parquet", "y")


def test_rows_too_wide_for_the_budget_are_refused(path, monkeypatch):
    monkeypatch.setenv("WEIGHTS_MEMORY", "1MB")
    with pytest.raises(TooLargeError, match=r"16,384 of them must fit .* but 1 MB may be used\. Leave out columns with --drop"):
        RowStream.open(path, "y")


def test_a_file_cut_short_is_refused(path):
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="could not be read as parquet"):
        RowStream.open(path, "y")


def test_many_small_row_groups_are_read_together(tmp_path, small, monkeypatch):
    stream, _ = RowStream.open(write(tmp_path / "a.parquet", 40_000, row_group=100), "y")
    read = []
    original = stream_module.batches
    monkeypatch.setattr(stream_module, "batches", lambda file, groups, columns: read.append(len(groups)) or original(file, groups, columns))
    np.testing.assert_array_equal(np.sort(numbers_of(stream, 0, 40_000)), np.arange(40_000))
    assert min(read[:1]) > 300  # 32,768 rows at once
