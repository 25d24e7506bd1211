"""The rows of each round: all of a member's own in memory, or the shuffle buffer of a table that is streamed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from weights.data.inputs import Inputs, Layout, table_layout
from weights.data.table import streaming as stream_module
from weights.data.table.streaming import RowStream
from weights.spec import Spec, resolve, with_settings
from weights.tasks.number import Number
from weights.training.control import Control
from weights.training.feeding import MOST_EVALUATED, AllAtOnce, InMemory, StreamingFeed, evaluated_rows, feed
from weights.training.job import Job, StreamedRows, Streaming
from weights.training.population import member_seeds
from weights.training.resampling import Draw, resample
from weights.training.stepping import Run

ENDS = [10, 20, 40, 80]
BATCH = 64


def in_memory(n_samples: int = 500, **settings) -> Job:
    random = np.random.default_rng(0)
    layout = table_layout(1, 1, (0,))
    asked = {"model": "mlp", "n_members": 4, "n_folds": 4, "batch_size": BATCH, **settings}
    spec = resolve(with_settings(Spec(), asked), n_samples, layout)
    rows, x = resample(spec.members, n_samples), random.normal(size=(n_samples, 1)).astype(np.float32)
    seeds, groups, used = member_seeds(0, 4), np.zeros(1, np.int32), np.ones(1, np.float32)
    y, weight = x[:, 0], np.ones(n_samples)
    return Job("test", Number("y"), layout, [spec] * 4, seeds, rows, Inputs({"x": x}), y, weight, groups, used)


@pytest.fixture
def streamed(tmp_path, monkeypatch) -> Job:
    """A job of 40,000 rows of which 4,096 are kept; input and target of a row are its number."""
    monkeypatch.setattr(stream_module, "_MOST_KEPT", 1 << 12)
    parquet.write_table(pa.table({"y": np.arange(40_000.0)}), tmp_path / "a.parquet", row_group_size=5_000)
    stream, sample = RowStream.open(tmp_path / "a.parquet", "y")

    def encode(table: pa.Table, numbers: np.ndarray, draw: Draw) -> StreamedRows:
        y = table["y"].to_numpy().astype(np.float32)
        return StreamedRows(Inputs({"x": y[:, None]}), y, np.ones(len(y), np.float32), draw(numbers).counts.T)

    job = in_memory()
    draw = Draw(job.specs[0].members, (0, 1, 2, 3))
    inputs, y, weight, _ = encode(sample.table, sample.numbers, draw)
    return replace(job, inputs=inputs, y=y, weight=weight, resampling=draw(sample.numbers), streaming=Streaming(stream, encode, draw))


def turned(streamed: Job, *ends: int) -> StreamingFeed:
    """A feed after it was turned when so many steps had been taken, in rounds that follow one another."""
    fed = StreamingFeed(streamed, ENDS, 40)
    for taken in ends:
        fed.refill(taken, next(end for end in ENDS if end > taken) - taken)
    return fed


def test_each_kind_of_job_has_its_feed(streamed):
    assert type(feed(in_memory(), ENDS)) is InMemory
    assert type(feed(in_memory(optimization="lbfgs"), ENDS)) is AllAtOnce
    assert type(feed(streamed, ENDS)) is StreamingFeed


def test_in_memory_a_member_sees_its_rows_equally_often_and_no_others():
    job = in_memory()
    batches = InMemory(job, 75).batches(1, 0, 75)
    assert batches.shape == (128, BATCH)
    seen = np.bincount(batches[:75].ravel(), minlength=500)  # 4,800 places for 375 rows: 12.8 passes
    assert set(seen[job.resampling.counts[1] > 0]) == {12, 13}
    assert not seen[job.resampling.scored[1]].any()


def test_in_memory_a_sequence_can_be_cut_anywhere():
    fed = InMemory(in_memory(), 75)
    whole = fed.batches(2, 0, 75)[:75]
    np.testing.assert_array_equal(np.concatenate([fed.batches(2, 0, 31)[:31], fed.batches(2, 31, 44)[:44]]), whole)


def test_all_at_once_every_step_has_the_members_rows_and_padding_without_weight():
    job = in_memory(optimization="lbfgs")
    fed = AllAtOnce(job, 3)
    rows = fed.batches(0, 0, 3)
    assert rows.shape == (3, 512)
    np.testing.assert_array_equal(np.unique(rows[0][:375]), np.flatnonzero(job.resampling.counts[0]))
    assert (np.asarray(fed.shared.weight)[rows[0][375:]] == 0).all()


def test_the_buffer_does_not_depend_on_how_a_round_was_reached(streamed):
    stepwise, entered = turned(streamed, 0, 10, 20, 40), turned(streamed, 40)
    np.testing.assert_array_equal(stepwise.shared.inputs.x, entered.shared.inputs.x)
    for name in ("y", "weight"):
        np.testing.assert_array_equal(getattr(stepwise.shared, name), getattr(entered.shared, name))
    np.testing.assert_array_equal(stepwise.batches(3, 40, 10), entered.batches(3, 40, 10))


def test_rows_that_were_used_up_are_replaced_by_new_ones(streamed):
    first, later = (np.asarray(turned(streamed, *ends).shared.y)[: 1 << 12] for ends in ((0,), (0, 10, 20, 40)))
    # A member uses 40 * 64 rows, of three quarters of those that pass.
    share_kept = float(streamed.resampling.counts.mean())
    assert np.isin(first, later).sum() == (1 << 12) - int(40 * BATCH / share_kept)
    assert len(np.unique(later)) == 1 << 12


def test_over_a_run_every_row_is_read(streamed):
    fed, seen = StreamingFeed(streamed, [100 * r for r in range(1, 8)], 100), set()
    for r in range(7):
        fed.refill(100 * r, 100)
        seen |= {*np.asarray(fed.shared.y)[: 1 << 12].tolist()}
    # 600 steps use up 600 * 64 / 0.75 rows, more than the 40,000 of the file, but each turn holds only the last 4,096 of them.
    assert len(seen) > 0.45 * 40_000


def test_a_member_learns_from_no_row_it_is_judged_on(streamed):
    fed = turned(streamed, 0)
    values = np.asarray(fed.shared.y)
    for m in range(4):
        judged = streamed.y[streamed.resampling.scored[m]]
        learned = values[fed.batches(m, 0, 10)[:10]]
        assert not np.isin(learned, judged).any()


def test_the_evaluation_subset_stands_behind_the_buffer(streamed):
    fed = turned(streamed, 0)
    rows = np.flatnonzero(streamed.resampling.scored[0] & evaluated_rows(streamed))
    np.testing.assert_array_equal(np.asarray(fed.shared.y)[fed.places(rows)], streamed.y[rows])


def with_pictures(inputs: Inputs) -> Inputs:
    """The rows, each with a picture of its number."""
    numbers = inputs.x[:, 0].astype(np.int64)
    return inputs.replace(pixels=np.broadcast_to((numbers % 251).astype(np.uint8)[:, None, None, None], (len(numbers), 4, 5, 3)))


def test_pictures_beside_columns_are_streamed_with_their_rows_and_stay_bytes(streamed):
    columns = streamed.streaming.encode

    def encode(table: pa.Table, numbers: np.ndarray, draw: Draw) -> StreamedRows:
        rows = columns(table, numbers, draw)
        return rows._replace(inputs=with_pictures(rows.inputs))

    job = replace(streamed, inputs=with_pictures(streamed.inputs), streaming=replace(streamed.streaming, encode=encode))
    for fed in (turned(job, 0), turned(job, 0, 10, 20, 40)):
        pixels = np.asarray(fed.shared.inputs["pixels"])
        assert pixels.dtype == np.uint8
        np.testing.assert_array_equal(pixels, with_pictures(Inputs({"x": np.asarray(fed.shared.inputs.x)}))["pixels"])


def test_rows_with_pictures_are_not_padded_in_memory():
    job = in_memory()
    layout = Layout((("x", (1,)), ("pixels", (4, 5, 3))), 1, (0,))
    shared = InMemory(replace(job, layout=layout, inputs=with_pictures(job.inputs)), 75).shared
    assert {name: block.shape for name, block in shared.inputs.blocks.items()} == {"x": (500, 1), "pixels": (500, 4, 5, 3)}
    assert len(shared.y) == len(shared.weight) == 500
    assert len(InMemory(job, 75).shared.inputs) == 512


def test_the_evaluation_subset_of_many_rows_has_a_fixed_size():
    job = in_memory()
    many = replace(job, inputs=Inputs({"x": np.zeros((MOST_EVALUATED + 1, 1), np.float32)}))
    assert evaluated_rows(many).sum() == MOST_EVALUATED
    assert evaluated_rows(job).all()


def test_with_a_bound_rows_are_evaluated_that_some_member_is_judged_on_whatever_the_seeds():
    job = in_memory().only([0])
    rows = evaluated_rows(job, 20)
    assert rows.sum() == 20
    assert job.resampling.scored[0][rows].all()
    np.testing.assert_array_equal(rows, evaluated_rows(replace(job, seeds=job.seeds + 1), 20))


def test_a_streamed_run_goes_on_bit_for_bit(streamed):
    scaled = replace(streamed, task=Number("y", 20_000.0, 10_000.0))
    specs = [with_settings(spec, {"n_steps": 60, "patience": 0}) for spec in streamed.specs]
    job = replace(scaled, specs=specs)
    whole = Run.begin(job, Control(n_threads=1))
    whole.advance()
    half = Run.begin(job, Control(n_threads=1))
    half.advance(0.5)
    rest = Run.begin(job, Control(n_threads=2, resume={"test": half.snapshot()}))
    rest.advance()
    for a, b in zip(whole.snapshot().arrays.values(), rest.snapshot().arrays.values(), strict=True):
        np.testing.assert_array_equal(a, b)
