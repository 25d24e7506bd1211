"""Sums over the entries of bags, inside compiled programs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse

from weights.data.bags import Bags
from weights.models import bagging
from weights.models.bagging import sum_leading, thin, with_all_entries

RNG = np.random.default_rng(0)
MATRIX = scipy.sparse.random_array((300, 50), density=0.3, rng=RNG, format="csr")
MATRIX.sort_indices()
BAGS = Bags.of(MATRIX, np.ones(MATRIX.nnz), 20).padded(300)
W = RNG.normal(size=(20, 7)).astype(np.float32)
ROWS = np.array([5, 3, 3, 100, 299])
DENSE = MATRIX.toarray()[:, :20]


@pytest.fixture(params=[1 << 12, 7], ids=["at once", "some at a time"])
def _entries_at_once(monkeypatch, request):
    monkeypatch.setattr(bagging, "_ENTRIES_AT_ONCE", request.param)


@pytest.mark.usefixtures("_entries_at_once")
def test_sums_are_products_with_the_leading_columns():
    sums = jax.jit(lambda w, bags, rows: sum_leading(w, bags[rows]))(W, BAGS, ROWS)
    np.testing.assert_allclose(sums, DENSE[ROWS] @ W, rtol=1e-5, atol=1e-5)  # float32


@pytest.mark.usefixtures("_entries_at_once")
def test_gradients_are_those_of_the_products():
    gradient = jax.jit(jax.grad(lambda w, bags: jnp.sum(sum_leading(w, bags[ROWS]) ** 2)))(W, BAGS)
    np.testing.assert_allclose(gradient, 2 * DENSE[ROWS].T @ DENSE[ROWS] @ W, rtol=1e-4, atol=1e-4)


def test_rows_of_nothing_add_up_to_nothing():
    empty = Bags.empty(3, 50, 20).padded(4)
    np.testing.assert_array_equal(sum_leading(jnp.asarray(W), jax.device_put(empty)), np.zeros((4, 7)))


def test_all_entries_count_where_all_are_to_lead():
    w = RNG.normal(size=(50, 3)).astype(np.float32)
    sums = sum_leading(jnp.asarray(w), with_all_entries(jax.device_put(BAGS)))
    np.testing.assert_allclose(sums, MATRIX @ w, rtol=1e-4, atol=1e-4)
    flags = sum_leading(jnp.asarray(w), with_all_entries(jax.device_put(BAGS), flags=True))
    np.testing.assert_allclose(flags, (MATRIX != 0).astype(float) @ w, rtol=1e-4, atol=1e-4)


def test_entries_are_left_out_by_chance_and_the_mean_stays():
    thinned = jax.jit(lambda step: sum_leading(jnp.asarray(W), thin(jax.device_put(BAGS), 0.3, seed=jnp.uint32(3), step=step)))
    drawn = np.stack([np.asarray(thinned(jnp.int32(i))) for i in range(400)])
    error = drawn.std(0) / 20  # of means of 400
    assert np.mean(np.abs(drawn.mean(0) - DENSE @ W) < 4 * error + 1e-5) > 0.999
    # The variance of a sum of entries that are there in 7 of 10 cases, and then count for 10 / 7.
    expected = (DENSE**2 @ W**2) * 0.3 / 0.7
    np.testing.assert_allclose(drawn.var(0).mean(), expected.mean(), rtol=0.05)


def test_what_is_left_out_differs_between_members_and_steps_and_is_the_same_again():
    def draw(seed, step):
        return np.asarray(sum_leading(jnp.asarray(W), thin(jax.device_put(BAGS), 0.5, seed=jnp.uint32(seed), step=jnp.int32(step))))

    assert np.array_equal(draw(1, 2), draw(1, 2))
    assert not np.allclose(draw(1, 2), draw(2, 2))
    assert not np.allclose(draw(1, 2), draw(1, 3))
