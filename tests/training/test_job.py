"""A job for some of its members is the same job: each keeps its settings, seed and rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from weights.data.inputs import Inputs, table_layout
from weights.data.table.streaming import RowStream
from weights.spec import Spec, resolve, with_settings
from weights.tasks.number import Number
from weights.training.job import Job, StreamedRows, Streaming
from weights.training.population import member_seeds
from weights.training.resampling import Draw, resample


def job_of_six() -> Job:
    layout = table_layout(1, 1, (0,))
    spec = resolve(with_settings(Spec(), {"model": "mlp", "n_members": 6, "n_folds": 3}), 60, layout)
    specs = [with_settings(spec, {"dropout": 0.1 + 0.05 * m}) for m in range(6)]
    x, groups, used = np.zeros((60, 1), np.float32), np.zeros(1, np.int32), np.ones(1, np.float32)
    rows = resample(spec.members, 60)
    inputs, y, weight = Inputs({"x": x}), x[:, 0], np.ones(60)
    return Job("six", Number("y"), layout, specs, member_seeds(0, 6), rows, inputs, y, weight, groups, used)


def test_members_keep_what_is_theirs():
    job = job_of_six()
    some = job.only([4, 1])
    assert some.n_members == 2
    assert some.specs == [job.specs[4], job.specs[1]]
    np.testing.assert_array_equal(some.seeds, job.seeds[[4, 1]])
    for name in ("counts", "scored", "member_weights"):
        np.testing.assert_array_equal(getattr(some.resampling, name), getattr(job.resampling, name)[[4, 1]])


def test_streamed_rows_are_drawn_for_the_members_that_are_meant(tmp_path):
    parquet.write_table(pa.table({"y": np.arange(500.0)}), tmp_path / "a.parquet", row_group_size=100)
    stream, _ = RowStream.open(tmp_path / "a.parquet", "y")

    def encode(table: pa.Table, numbers: np.ndarray, draw: Draw) -> StreamedRows:
        inputs = Inputs({"x": numbers[:, None].astype(np.float32)})
        return StreamedRows(inputs, table["y"].to_numpy(), np.ones(len(numbers)), draw(numbers).counts.T)

    job = job_of_six()
    draw = Draw(job.specs[0].members, tuple(range(6)))
    some = replace(job, streaming=Streaming(stream, encode, draw)).only([5, 0])
    parts = [*some.streaming.in_order()]
    np.testing.assert_array_equal(np.concatenate([part.y for part in parts]), np.arange(500.0))
    np.testing.assert_array_equal(np.concatenate([part.counts for part in parts]), draw(np.arange(500)).counts.T[:, [5, 0]])
