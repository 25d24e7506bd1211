"""Layers over places with residual blocks: their sums by hand, their first gains, and their cost."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from small import whole
from weights.data.inputs import Inputs, Layout
from weights.elements.activation import Activation
from weights.elements.initialization import Initialization
from weights.models.base import standardised
from weights.models.residual import Part, residual_cost, residual_model, residual_names

LAYOUT = Layout((("pixels", (4, 4, 3)),), 2)
PARTS = [Part(3, 5, 16, jnp.matmul), Part(5, 5, 16, jnp.matmul, begins=True), Part(5, 5, 16, jnp.matmul, ends=True)]


def member():
    model = whole(residual_model(PARTS, LAYOUT, Initialization("he"), Activation("identity")))
    return model, model.init(Inputs({"pixels": jnp.zeros((2, 4, 4, 3))}), jnp.zeros((0, 1)), key=jax.random.key(0))


def test_a_block_adds_to_what_came_into_it():
    model, params = member()
    params["hidden.2"]["gain"] = jnp.full(5, 0.5)
    x = np.random.default_rng(0).integers(0, 256, (3, 4, 4, 3)).astype(np.uint8)
    outputs, hidden = model.apply(params, Inputs({"pixels": x}))
    first = ((x - 127.5) / 64) @ np.asarray(standardised(params["hidden.0"], 1.0))
    inside = first @ np.asarray(standardised(params["hidden.1"], 1.0)) @ np.asarray(standardised(params["hidden.2"], 1.0))
    np.testing.assert_allclose(hidden["hidden.2"].sums, first + inside, atol=1e-4)
    last = (first + inside).mean((1, 2)) @ np.asarray(params["output"]["w"]) + np.asarray(params["output"]["b"])
    np.testing.assert_allclose(outputs, last, atol=1e-4)


def test_blocks_do_nothing_at_first():
    model, params = member()
    hidden = model.apply(params, Inputs({"pixels": jnp.full((1, 4, 4, 3), 9.0)}))[1]
    np.testing.assert_array_equal(hidden["hidden.2"].sums, hidden["hidden.0"].activations)


def test_the_cost_counts_what_is_there():
    _, params = member()
    cost = residual_cost(PARTS, LAYOUT)
    assert cost.n_weights == sum(a.size for a in jax.tree.leaves(params))
    assert cost.n_multiplications == 16 * (3 * 5 + 5 * 5 + 5 * 5) + 5 * 2
    assert cost.n_activations == 3 * 16 * 5
    assert [*params] == residual_names(3)
