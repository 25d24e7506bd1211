"""The embedding of numbers: learned features of each scaled number, so that a network can be nonlinear in single inputs.

A number is measured by how far it has come through each of its bins, 0 before and 1 behind (the piecewise linear encoding of Gorishniy
et al. 2022, "On Embeddings for Numerical Features in Tabular Deep Learning", equation 1). A feature is a weighted sum of these: a
piecewise-linear function with a knot at each edge. With many bins it can all but jump, where a decision tree would
split.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from weights.models.base import Layer
from weights.types import FloatArray, IntArray, Params

_NARROWEST = 1e-6
"""Least width of a bin: edges that coincide make a step."""
_FIRST_SCALE = 2.0
"""Deviation of a feature's first rise over all bins (our choice)."""


def find_knots(x: FloatArray, n_bins: int) -> FloatArray:
    """Edges of bins for each column, in ascending order, float32, shape (j, n_bins + 1).

    Half of them are quantiles of the rows and half are quantiles of the distinct values left over, so that a column that is mostly
    zero still has edges among its other values, and a column of few values has an edge at each.

    Args:
        x: numbers, shape (n, j).
        n_bins: of each column.
    """
    knots = np.empty((x.shape[1], n_bins + 1), np.float32)
    for column, values in enumerate(x.T):
        distinct = np.unique(values)
        ranks = np.linspace(0, len(values) - 1, n_bins + 1 - n_bins // 2)
        edges = np.unique(np.sort(values)[ranks.round().astype(int)])
        while len(edges) < min(n_bins + 1, len(distinct)):
            others, wanted = np.setdiff1d(distinct, edges), n_bins + 1 - len(edges)
            between = (np.arange(wanted) + 0.5) / wanted * len(others)
            edges = np.union1d(edges, others[between.astype(int)])
        knots[column] = np.pad(edges, (0, n_bins + 1 - len(edges)), mode="edge")
    return knots


def first_embedding(knots: jax.Array, size: int, *, key: jax.Array) -> Layer:
    """First params of `size` features for each number with these knots (j, bins + 1).

    A feature starts as a random walk over the bins, whose spread does not depend on their number.
    """
    n_numeric, n_bins = knots.shape[0], knots.shape[1] - 1
    w = _FIRST_SCALE * jax.random.normal(key, (n_numeric, n_bins, size)) / n_bins**0.5
    return {"knots": knots, "w": w, "b": jnp.zeros((n_numeric, size))}


def embed_numbers(layer: Layer, x: jax.Array) -> jax.Array:
    """Features of numbers (n, j), those of one number side by side, shape (n, j * size). Knots are looked up, never learned."""
    knots = jax.lax.stop_gradient(layer["knots"])[:, :, None]  # (j, bins + 1, 1)
    width = jnp.maximum(knots[:, 1:] - knots[:, :-1], _NARROWEST)
    passed = jnp.clip((x.T[:, None, :] - knots[:, :-1]) / width, 0.0, 1.0) - 0.5  # (j, bins, n): rows last is fastest on CPUs
    features = jnp.einsum("jtn,jtd->jdn", passed, layer["w"]) + layer["b"][:, :, None]
    return features.reshape(-1, x.shape[0]).T


def change_of_features(layer: Layer, which: IntArray, before: FloatArray, after: FloatArray) -> FloatArray:
    """By how much the features of numbers change, shape (n, d, j * size), in the order of `embed_numbers`.

    A feature is read off where its bins add up to at each knot, so that the bins a number is not in cost nothing.

    Args:
        layer: the params of all numbers.
        which: the places of those that change, shape (j,).
        before: their values, shape (n, j).
        after: others, shape (n, d, j).
    """
    knots, w = (np.asarray(layer[part]) for part in ("knots", "w"))
    changes = np.empty((*after.shape, w.shape[2]), np.float32)
    for place, j in enumerate(which):
        bins = _Bins(knots[j], w[j])
        changes[:, :, place] = bins.features(after[:, :, place]) - bins.features(before[:, None, place])
    return changes.reshape(*after.shape[:2], len(which) * w.shape[2])


class _Bins:
    """Features of one number from its knots (bins + 1,) and weights (bins, size), less what they are at the first knot."""

    def __init__(self, knots: FloatArray, w: FloatArray) -> None:
        self.knots, self.w = knots, w
        self.at_knots = np.concatenate([np.zeros((1, w.shape[1]), np.float32), np.cumsum(w, 0)])
        self.per_width = 1 / np.maximum(knots[1:] - knots[:-1], np.float32(_NARROWEST))

    def features(self, x: FloatArray) -> FloatArray:
        """Features, shape (n, d, size), of values (n, d)."""
        # An edge is the end of its bin: those that coincide with it are still to come.
        bins = np.clip(np.searchsorted(self.knots, x, side="left") - 1, 0, len(self.w) - 1)
        passed = np.clip((x - self.knots[bins]) * self.per_width[bins], 0.0, 1.0)
        return self.at_knots[bins] + passed[..., None] * self.w[bins]


def learned(params: Params) -> Params:
    """The params without what is only looked up."""
    return {name: {part: array for part, array in layer.items() if part != "knots"} for name, layer in params.items()}
