"""Networks answer rows with other values as if these were new rows, though only what the changed columns add is read anew."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from weights.data.inputs import Inputs, table_layout
from weights.elements.activation import Activation
from weights.elements.initialization import Initialization
from weights.ensemble import apply_program
from weights.inspection import altered
from weights.inspection.altered import Asked, altered_program
from weights.models.embedding import change_of_features, embed_numbers, find_knots, first_embedding
from weights.models.linear import Linear
from weights.models.mlp import Mlp
from weights.models.registry import build
from weights.spec import Spec

N, P, NUMERIC = 70, 6, (0, 1, 4)
X = np.random.default_rng(0).normal(size=(N, P)).astype(np.float32)
LAYOUT = table_layout(P, 2, NUMERIC)


def member(hidden=(8, 8), embedding="piecewise"):
    """Settings and first params of a network."""
    spec = Spec(model=Mlp(hidden, embedding, *((5, 3) if embedding == "piecewise" else ())))
    model = build(spec.model, LAYOUT, Initialization("he"), Activation("gelu"))
    spec = Spec(model=spec.model, initialization=Initialization("he"), activation=Activation("gelu"))
    params = model.init(Inputs({"x": X}), find_knots(X[:, NUMERIC], 5), key=jax.random.key(1))
    return spec, jax.tree.map(np.asarray, params)


@pytest.mark.parametrize("columns", [[1], [4, 5], [2], [2, 3, 5], [0, 1, 2, 3, 4]])
@pytest.mark.parametrize("settings", [{}, {"embedding": "none"}, {"hidden": ()}], ids=["embedded", "plain", "without hidden layers"])
def test_altered_rows_are_answered_as_new_rows_are(columns, settings, monkeypatch):
    monkeypatch.setattr(altered, "_MOST_ROWS_AT_ONCE", 64)  # several blocks
    monkeypatch.setattr(altered, "_ROWS", 32)
    spec, params = member(**settings)
    values = np.random.default_rng(2).normal(size=(N, 3, len(columns))).astype(np.float32)
    program = altered_program(spec, LAYOUT)
    sums = program.read(params, Inputs({"x": X}))
    outputs = program.answer([Asked(params, sums, np.arange(N))], program.change(np.array(columns), X[:, columns], values))[0]
    for d in range(3):
        x = X.copy()
        x[:, columns] = values[:, d]
        expected = apply_program(spec, LAYOUT)(params, Inputs({"x": x}))
        np.testing.assert_allclose(outputs[:, d], expected, rtol=2e-5, atol=2e-6)  # float32 sums in another order


def test_numbers_without_a_bound_are_not_read_by_networks():
    spec, params = member()
    program = altered_program(spec, LAYOUT)
    sums, values = program.read(params, Inputs({"x": X})), np.ones((N, 2, 2), np.float32)
    both, own = program.change(np.array([1, P + 1]), X[:, [1, 1]], values), program.change(np.array([1]), X[:, [1]], values[:, :, :1])
    outputs = [program.answer([Asked(params, sums, np.arange(N))], change)[0] for change in (both, own)]
    np.testing.assert_array_equal(*outputs)


def test_values_that_stay_change_nothing():
    spec, params = member()
    program = altered_program(spec, LAYOUT)
    sums, change = program.read(params, Inputs({"x": X})), program.change(np.arange(P), X, X[:, None])
    [outputs] = program.answer([Asked(params, sums, np.arange(N))], change)
    np.testing.assert_allclose(outputs[:, 0], apply_program(spec, LAYOUT)(params, Inputs({"x": X})), rtol=2e-5, atol=2e-6)


def test_models_that_do_not_add_up_columns_have_no_such_program():
    assert altered_program(Spec(model=Linear()), LAYOUT) is None


def test_members_asked_at_once_each_answer_their_own_rows():
    spec, params = member()
    program, rows = altered_program(spec, LAYOUT), np.array([3, 50, 7])
    change = program.change(np.array([4]), X[:, [4]], X[:, None, [0]])
    asked = [Asked(params, program.read(params, Inputs({"x": X[own]})), own) for own in (np.arange(N), rows)]
    every, some = program.answer(asked, change)
    np.testing.assert_allclose(some, every[rows], rtol=2e-5, atol=2e-6)


def test_members_of_few_rows_may_be_asked_beside_one_of_many(monkeypatch):
    monkeypatch.setattr(altered, "_MOST_ROWS_AT_ONCE", 16)  # the blocks of the second end where those of the first go on
    spec, params = member()
    program, rows = altered_program(spec, LAYOUT), np.array([3, 50])
    change = program.change(np.array([0]), X[:, [0]], np.stack([X[:, [4]], X[:, [1]]], 1))
    asked = [Asked(params, program.read(params, Inputs({"x": X[own]})), own) for own in (np.arange(N), rows)]
    every, some = program.answer(asked, change)
    assert every.shape == (N, 2, 2)
    np.testing.assert_allclose(some, every[rows], rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("x", [-9.0, 0.0, 0.5, 1.0, 2.0, 2.5, 3.0, 9.0], ids=str)
def test_features_of_a_number_are_those_that_networks_learned_with_also_where_edges_coincide(x):
    knots = jnp.asarray([[0.0, 1.0, 2.0, 2.0, 2.0, 3.0, 3.0], [-1.0, 0.0, 0.5, 1.0, 2.0, 3.0, 4.0]])  # a step at 2, edges left over at 3
    layer = first_embedding(knots, 4, key=jax.random.key(3))
    before, after = np.array([[0.25]], np.float32), np.array([[[x]]], np.float32)
    both = [embed_numbers({name: part[:1] for name, part in layer.items()}, jnp.asarray(value.reshape(1, 1))) for value in (before, after)]
    change = change_of_features(layer, np.array([0]), before, after)
    np.testing.assert_allclose(change[0, 0], np.asarray(both[1] - both[0])[0], atol=1e-5)  # sums of six in float32
