"""The multilayer perceptron against a NumPy forward pass in float64, with and without the embedding of numbers."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from small import compiled
from weights.data.inputs import Inputs, table_layout
from weights.elements.activation import ACTIVATIONS, Activation
from weights.elements.initialization import Initialization
from weights.models.embedding import find_knots
from weights.models.linear import Linear
from weights.models.mlp import Mlp

LAYOUT = table_layout(5, 2, (0, 3))
X = np.random.default_rng(0).normal(size=(40, 5))
ROWS = Inputs({"x": jnp.asarray(X)})
PLAIN = Mlp(hidden=(7, 6), embedding="none")
EMBEDDED = Mlp(hidden=(7, 6), embedding="piecewise", n_bins=4, embedding_size=3)
KNOTS = jnp.asarray(find_knots(X[:, [0, 3]], 4))
RESPONSES = {
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "identity": lambda z: z,
}
EACH = pytest.mark.parametrize("settings", [PLAIN, EMBEDDED], ids=["plain", "embedded"])


def make(settings, activation="tanh", initialization="he"):
    """The model, and first params whose biases are not zero."""
    model = compiled(settings, LAYOUT, Initialization(initialization), Activation(activation))
    params = model.init(ROWS, KNOTS, key=jax.random.key(1))
    rng = np.random.default_rng(2)
    for layer in params.values():
        layer["b"] = jnp.asarray(0.3 * rng.normal(size=layer["b"].shape))
    return model, params


def forward(params, x, activation="tanh", numeric=LAYOUT.numeric):
    """Outputs and hidden activations, worked in NumPy and float64."""
    params, hidden = jax.tree.map(lambda a: np.asarray(a, np.float64), params), []
    if "embedding" in params:
        layer, features = params["embedding"], [x]
        for i, j in enumerate(numeric):
            low, high = layer["knots"][i, :-1], layer["knots"][i, 1:]
            passed = np.clip((x[:, [j]] - low) / (high - low), 0, 1) - 0.5
            features.append(passed @ layer["w"][i] + layer["b"][i])
        x = np.hstack(features)
    for name in sorted(name for name in params if name.startswith("hidden")):
        x = RESPONSES[activation](x @ params[name]["w"] + params[name]["b"])
        hidden.append(x)
    return x @ params["output"]["w"] + params["output"]["b"], hidden


@EACH
@pytest.mark.parametrize("activation", RESPONSES)
def test_outputs_are_those_of_a_numpy_forward_pass(settings, activation):
    model, params = make(settings, activation)
    outputs, _ = model.apply(params, ROWS)
    np.testing.assert_allclose(outputs, forward(params, X, activation)[0], rtol=1e-4, atol=1e-5)  # float32 through four layers


@EACH
def test_the_activations_of_each_hidden_layer_come_with_the_outputs(settings):
    model, params = make(settings)
    for found, expected in zip(model.apply(params, ROWS)[1].values(), forward(params, X)[1], strict=True):
        np.testing.assert_allclose(found.activations, expected, rtol=1e-4, atol=1e-5)  # as above
        np.testing.assert_array_equal(ACTIVATIONS["tanh"](found.sums), found.activations)


@EACH
def test_gradients_are_those_of_finite_differences(settings):
    model, params = make(settings)
    rng = np.random.default_rng(3)
    away = jax.tree.map(lambda a: rng.normal(size=a.shape), params)
    if "embedding" in away:
        away["embedding"]["knots"] = np.zeros(KNOTS.shape)  # they are looked up, not learned

    def loss(shift):
        moved = jax.tree.map(lambda a, d: np.asarray(a, np.float64) + shift * d, params, away)
        return 0.5 * np.sum(forward(moved, X)[0] ** 2)

    grads = jax.jit(jax.grad(lambda params: 0.5 * jnp.sum(model.apply(params, ROWS)[0] ** 2)))(params)
    slope = sum(np.sum(np.asarray(g, np.float64) * d) for g, d in zip(jax.tree.leaves(grads), jax.tree.leaves(away), strict=True))
    # The differences are taken in float64 (error 1e-8); what remains is float32 in the gradient, a sum of 80 terms.
    assert slope == pytest.approx((loss(1e-5) - loss(-1e-5)) / 2e-5, rel=1e-4)


def test_layers_stand_in_the_order_in_which_signals_pass():
    assert list(make(EMBEDDED)[1]) == ["embedding", "hidden.0", "hidden.1", "output"]


def test_the_embedding_has_a_part_for_each_numeric_input():
    shapes = {name: array.shape for name, array in make(EMBEDDED)[1]["embedding"].items()}
    assert shapes == {"knots": (2, 5), "w": (2, 4, 3), "b": (2, 3)}


def test_the_first_layer_takes_the_inputs_and_the_embedded_features():
    assert make(EMBEDDED)[1]["hidden.0"]["w"].shape == (5 + 2 * 3, 7)


def test_without_numeric_inputs_there_is_no_embedding():
    model = compiled(EMBEDDED, table_layout(5, 2), Initialization(), Activation())
    assert list(model.init(ROWS, KNOTS, key=jax.random.key(0))) == ["hidden.0", "hidden.1", "output"]


@pytest.mark.parametrize(("settings", "rows"), [(PLAIN, (0, 1, 2, 3, 4)), (EMBEDDED, (0, 1, 2, 3, 4, 0, 0, 0, 3, 3, 3))])
def test_input_rows_name_the_input_of_each_row_of_weights(settings, rows):
    model = make(settings)[0]
    assert model.input_rows == {"hidden.0": rows}
    assert model.embedded_places == rows


@EACH
@pytest.mark.parametrize("j", range(5))
def test_an_input_whose_rows_are_zero_changes_nothing(settings, j):
    model, params = make(settings)
    [(layer, places)] = model.input_rows.items()
    params[layer]["w"] = params[layer]["w"].at[np.asarray(places) == j].set(0.0)
    elsewhere = jnp.asarray(X).at[:, j].add(2.0)
    np.testing.assert_array_equal(model.apply(params, Inputs({"x": elsewhere}))[0], model.apply(params, ROWS)[0])


@EACH
@pytest.mark.parametrize("j", range(5))
def test_an_input_acts_through_its_own_rows(settings, j):
    model, params = make(settings)
    elsewhere = jnp.asarray(X).at[:, j].add(2.0)
    assert not np.allclose(model.apply(params, Inputs({"x": elsewhere}))[0], model.apply(params, ROWS)[0], atol=1e-3)


def test_the_order_of_inputs_does_not_matter():
    model, params = make(EMBEDDED)
    order = [3, 1, 0, 4, 2]  # inputs 3 and 0, the numbers, come first and third and change places
    again = compiled(EMBEDDED, table_layout(5, 2, (0, 2)), Initialization(), Activation("tanh"))
    w = params["hidden.0"]["w"]
    permuted = params | {
        "embedding": jax.tree.map(lambda a: a[::-1], params["embedding"]),
        "hidden.0": params["hidden.0"] | {"w": jnp.concatenate([w[jnp.asarray(order)], w[8:], w[5:8]])},
    }
    outputs, _ = again.apply(permuted, Inputs({"x": jnp.asarray(X[:, order])}))
    np.testing.assert_allclose(outputs, model.apply(params, ROWS)[0], rtol=1e-4, atol=1e-5)  # other order of float32 sums


@EACH
def test_inputs_and_every_hidden_layer_are_silenced_once(settings):
    model, params = make(settings)
    seen = []
    model.apply(params, ROWS, lambda x, layer: seen.append((layer, x.shape[1])) or x)
    assert seen == [(0, 5), (1, 7), (2, 6)]


def test_without_hidden_layers_it_is_the_linear_model():
    models = [compiled(settings, LAYOUT, Initialization(), Activation()) for settings in (Mlp(hidden=(), embedding="none"), Linear())]
    params = models[0].init(ROWS, KNOTS, key=jax.random.key(0))
    np.testing.assert_array_equal(*(model.apply(params, ROWS)[0] for model in models))


def test_without_hidden_layers_inputs_meet_the_output_layer():
    assert [*compiled(Mlp(hidden=(), embedding="none"), LAYOUT, Initialization(), Activation()).input_rows] == ["output"]


def test_the_output_layer_starts_without_the_gain_of_the_activation():
    model = compiled(Mlp(hidden=(200,), embedding="none"), table_layout(5, 100), Initialization("he"), Activation("relu"))
    w = np.asarray(model.init(ROWS, KNOTS, key=jax.random.key(0))["output"]["w"], np.float64)
    assert np.mean(w**2) * 200 == pytest.approx(1.0, rel=5 * (2 / w.size) ** 0.5)  # five deviations of a chi-square mean


@EACH
def test_the_same_key_gives_the_same_first_weights(settings):
    model = compiled(settings, LAYOUT, Initialization(), Activation())
    one, two = (model.init(ROWS, KNOTS, key=jax.random.key(3)) for _ in range(2))
    jax.tree.map(np.testing.assert_array_equal, one, two)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Mlp(hidden=(8, 0)), "hidden layers need at least one unit, but one has 0"),
        (Mlp(n_bins=0), "n_bins must be above zero, but is 0"),
        (Mlp(embedding_size=-1), "embedding_size must be above zero, but is -1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_settings_that_cannot_be_are_named(settings, message):
    assert settings.check() == [message]


@pytest.mark.parametrize(
    ("n_numeric", "expected"),
    [
        (0, ("none", None, None)),
        (1, ("piecewise", 128, 4)),
        (100, ("piecewise", 20, 2)),
        (512, ("piecewise", 16, 1)),
        (513, ("none", None, None)),
    ],
)
def test_a_table_of_many_numbers_gets_less_of_an_embedding_for_each(n_numeric, expected):
    resolved = Mlp().resolved(n_numeric)
    assert (resolved.embedding, resolved.n_bins, resolved.embedding_size) == expected


def test_what_is_asked_for_of_an_embedding_stays():
    assert Mlp(embedding="piecewise", n_bins=7, embedding_size=9).resolved(600) == Mlp(embedding="piecewise", n_bins=7, embedding_size=9)
