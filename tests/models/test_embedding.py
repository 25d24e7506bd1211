"""Bins of numbers: where their edges fall, and what a broken line can do."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from weights.models import embedding
from weights.models.embedding import find_knots, learned

embed = jax.jit(embedding.embed_numbers)
first_embedding = jax.jit(embedding.first_embedding, static_argnums=1)
RNG = np.random.default_rng(0)


def test_edges_ascend_from_the_least_to_the_largest_value():
    x = RNG.normal(size=(1000, 3)).astype(np.float32)
    knots = find_knots(x, 16)
    assert knots.shape == (3, 17)
    assert (np.diff(knots, axis=1) > 0).all()
    np.testing.assert_array_equal(knots[:, [0, -1]], np.stack([x.min(0), x.max(0)], axis=1))


def test_a_column_of_few_values_has_an_edge_at_each():
    x = RNG.integers(0, 6, (500, 1)).astype(np.float32)
    assert set(find_knots(x, 16)[0]) == set(range(6))


def test_a_column_that_is_mostly_zero_has_most_edges_elsewhere():
    x = np.where(RNG.random((2000, 1)) < 0.95, 0.0, RNG.normal(5, 1, (2000, 1))).astype(np.float32)
    knots = find_knots(x, 16)[0]
    assert np.sum(knots > 0) >= 14


def test_a_constant_column_has_one_edge_many_times():
    np.testing.assert_array_equal(find_knots(np.full((9, 1), 2.0), 4), np.full((1, 5), 2.0))


def test_no_bins_need_no_rows():
    assert find_knots(np.zeros((5, 0)), 0).shape == (0, 1)


def test_a_feature_is_a_broken_line_with_knots_at_the_edges():
    layer = {"knots": jnp.asarray([[0.0, 1.0, 3.0]]), "w": jnp.asarray([[[2.0], [-4.0]]]), "b": jnp.asarray([[1.0]])}
    x = jnp.asarray([[-5.0], [0.0], [0.5], [1.0], [2.0], [3.0], [9.0]])
    # By hand: 2 up over the first bin, 4 down over the second, level outside; halves are taken off so that the middle is level.
    np.testing.assert_allclose(embed(layer, x)[:, 0], np.asarray([0, 0, 1, 2, 0, -2, -2]) + 1 - (2 - 4) / 2, atol=1e-6)


def test_edges_that_coincide_make_a_step():
    layer = {"knots": jnp.asarray([[0.0, 0.0]]), "w": jnp.ones((1, 1, 1)), "b": jnp.zeros((1, 1))}
    np.testing.assert_allclose(embed(layer, jnp.asarray([[-0.01], [0.01]]))[:, 0], [-0.5, 0.5])


def test_features_of_one_number_stand_side_by_side():
    layer = first_embedding(jnp.asarray(find_knots(RNG.normal(size=(50, 2)), 4)), 3, key=jax.random.key(0))
    x = jnp.asarray(RNG.normal(size=(5, 2)))
    moved = x.at[:, 1].add(1.0)
    assert np.flatnonzero((embed(layer, x) != embed(layer, moved)).any(0)).tolist() == [3, 4, 5]


@pytest.mark.parametrize("n_bins", [4, 64])
def test_the_first_rise_of_a_feature_does_not_depend_on_the_number_of_bins(n_bins):
    layer = first_embedding(jnp.zeros((1, n_bins + 1)), 4000, key=jax.random.key(1))
    rises = np.asarray(layer["w"][0], np.float64).sum(0)
    assert rises.std() == pytest.approx(2.0, rel=0.06)  # five standard errors of a deviation from 4,000 draws


def test_edges_have_no_gradient_and_are_not_counted_as_learned():
    layer = first_embedding(jnp.asarray(find_knots(RNG.normal(size=(50, 2)), 4)), 3, key=jax.random.key(0))
    grads = jax.jit(jax.grad(lambda layer: jnp.sum(embed(layer, jnp.ones((2, 2)) * 0.3) ** 2)))(layer)
    assert not grads["knots"].any()
    assert set(learned({"embedding": layer})["embedding"]) == {"w", "b"}
