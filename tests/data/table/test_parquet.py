"""Reading Parquet: whole, and some row groups at a time."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from weights.data.table.parquet import batches, expansion, opened, read_parquet, row_group_sizes, text_columns
from weights.errors import TooLargeError


@pytest.fixture
def table() -> pa.Table:
    return pa.table({"x": np.arange(50_000.0), "word": [f"w{i % 7}" for i in range(50_000)]})


@pytest.fixture
def path(tmp_path, table):
    parquet.write_table(table, tmp_path / "a.parquet", row_group_size=20_000)
    return tmp_path / "a.parquet"


def test_a_file_is_read_whole(path, table):
    assert read_parquet(path)["x"].to_pylist() == table["x"].to_pylist()


def test_row_groups_come_in_the_order_they_are_asked_for_and_in_parts(path):
    with opened(path) as file:
        parts = [*batches(file, [2, 0], ["x"])]
    assert max(part.num_rows for part in parts) <= 2 * 16_384
    assert np.concatenate([part["x"].to_numpy() for part in parts]).tolist() == [*range(40_000, 50_000), *range(20_000)]


def test_columns_come_in_the_order_they_are_asked_for(path):
    with opened(path) as file:
        assert next(batches(file, [0], ["word", "x"])).column_names == ["word", "x"]


def test_the_footer_tells_sizes_and_columns_of_text(path):
    assert row_group_sizes(path).tolist() == [20_000, 20_000, 10_000]
    assert text_columns(path) == ["word"]


def test_a_constant_expands_and_noise_does_not(tmp_path):
    parquet.write_table(pa.table({"x": np.zeros(1_000_000)}), tmp_path / "constant.parquet")
    parquet.write_table(pa.table({"x": np.random.default_rng(0).normal(size=10_000)}), tmp_path / "noise.parquet")
    assert expansion(tmp_path / "constant.parquet") > 1000
    assert expansion(tmp_path / "noise.parquet") < 1.1


def test_a_table_must_fit_beside_the_matrix_made_of_it(path, monkeypatch):
    monkeypatch.setenv("WEIGHTS_MEMORY", "1MB")
    with pytest.raises(TooLargeError, match=r"\(50,000 rows x 2 columns\) needs about 1\.2 MB of memory, but 1\.0 MB may be used"):
        read_parquet(path)


def test_reading_in_parts_takes_the_memory_of_a_part(tmp_path):
    # Sixteen row groups of 3.2 MB: parts of 16,384 rows x 8 columns x 8 bytes are 1 MB, and pyarrow holds some more pages.
    random = np.random.default_rng(0)
    parquet.write_table(pa.table({f"x{j}": random.normal(size=800_000) for j in range(8)}), tmp_path / "a.parquet", row_group_size=50_000)
    pool = pa.default_memory_pool()
    before, most = pool.bytes_allocated(), 0
    with opened(tmp_path / "a.parquet") as file:
        for _ in batches(file, range(16), [f"x{j}" for j in range(8)]):
            most = max(most, pool.bytes_allocated() - before)
    assert most < 25e6
