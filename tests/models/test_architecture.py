"""Sizes of batches and numbers of steps where none are asked for."""

from __future__ import annotations

import pytest

from weights.models.architecture import LEAST_BATCH, choose_batch_size, choose_n_steps, count_steps


@pytest.mark.parametrize(("n_samples", "size"), [(10, LEAST_BATCH), (1_000, 32), (4_000, 64), (20_000, 128), (10**7, 256)])
def test_more_rows_take_larger_batches(n_samples, size):
    assert choose_batch_size(n_samples) == size


@pytest.mark.parametrize(("n_samples", "batch_size", "n_steps"), [(100, 32, 1_000), (1_280, 64, 2_000), (10_000, 64, 6_000)])
def test_steps_make_about_a_hundred_passes_within_bounds(n_samples, batch_size, n_steps):
    assert choose_n_steps(n_samples, batch_size) == n_steps


def test_every_row_is_read_once_however_many_there_are():
    assert count_steps(1_000_000, 10, n_passes=2, least=1, most=50) == 100_000
