"""The convolutional network against a NumPy forward pass in float64, its normalised filters, and its sizes."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from small import compiled
from weights.data.inputs import Inputs, Layout
from weights.elements.activation import Activation
from weights.models.convolution import Convolution, cost, keep_largest, layer_names

PICTURE = (12, 10, 3)
LAYOUT = Layout((("pixels", PICTURE),), 4)
SETTINGS = Convolution(widths=(5, 6), blocks=(0, 1))
X = np.random.default_rng(0).integers(0, 256, (7, *PICTURE), dtype=np.uint8)
ROWS = Inputs({"pixels": jnp.asarray(X)})


def make(settings=SETTINGS):
    """The model, and first params of which none is zero."""
    model = compiled(settings, LAYOUT, activation=Activation("tanh"))
    params = model.init(ROWS, jnp.zeros((0, 1)), key=jax.random.key(1))
    rng = np.random.default_rng(2)
    for layer in params.values():
        layer |= {part: jnp.asarray(rng.uniform(0.3, 0.9, layer[part].shape)) for part in ("b", "gain") if part in layer}
    return model, params


def convolved(x, layer, widened):
    """The layer's sums, worked tap by tap in float64."""
    w = layer["w"] - layer["w"].mean(0)
    w = w / np.sqrt((w**2).sum(0)) * layer["gain"] * widened
    taps = w.reshape(3, 3, x.shape[3], -1)
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    height, width = x.shape[1:3]
    return sum(padded[:, i : i + height, j : j + width] @ taps[i, j] for i in range(3) for j in range(3)) + layer["b"]


def halved(x):
    n, height, width, c = x.shape
    return x.reshape(n, height // 2, 2, width // 2, 2, c).max((2, 4))


@pytest.mark.parametrize("across", [1, 2])
@pytest.mark.parametrize("size", [(4, 6), (5, 7), (3, 2)])
def test_the_largest_neighbours_are_kept_and_their_derivatives_go_to_them(size, across):
    x = np.random.default_rng(0).normal(size=(2, *size, 3))
    height, width = size[0] // 2 * 2, size[1] // across * across
    blocks = x[:, :height, :width].reshape(2, height // 2, 2, width // across, across, 3)
    known, slopes = blocks.max((2, 4)), np.zeros_like(x)
    slopes[:, :height, :width] = (2 * known[:, :, None, :, None] * (blocks == known[:, :, None, :, None])).reshape(2, height, width, 3)
    found, found_slopes = jax.value_and_grad(lambda x: (keep_largest(x, across) ** 2).sum())(jnp.asarray(x, jnp.float32))
    np.testing.assert_allclose(keep_largest(jnp.asarray(x, jnp.float32), across), known, rtol=1e-6)
    np.testing.assert_allclose(found, (known**2).sum(), rtol=1e-5)
    np.testing.assert_allclose(found_slopes, slopes, rtol=1e-5)


def test_outputs_are_those_of_a_numpy_forward_pass():
    model, params = make()
    exact = jax.tree.map(lambda a: np.asarray(a, np.float64), params)
    nodes, shares = np.polynomial.hermite_e.hermegauss(200)
    widened = 1 / np.sqrt(shares @ np.tanh(nodes) ** 2 / shares.sum())
    x = (X - 127.5) / 64
    x = np.tanh(convolved(x, exact["hidden.0"], 1.0))
    kept = x  # 12 x 10 is not halved: 10 would become 5, and below 8 pictures stay
    x = halved(kept) if min(PICTURE[:2]) >= 8 else kept
    x = np.tanh(convolved(x, exact["hidden.1"], widened))
    inner = np.tanh(convolved(x, exact["hidden.2"], widened))
    x = np.tanh(convolved(inner, exact["hidden.3"], widened) + x)
    known = x.mean((1, 2)) @ exact["output"]["w"] + exact["output"]["b"]
    outputs, hidden = model.apply(params, ROWS)
    np.testing.assert_allclose(outputs, known, atol=2e-3)  # of what Winograd's sums lose
    np.testing.assert_allclose(hidden["hidden.3"].activations, x, atol=2e-3)
    assert [*hidden] == ["hidden.0", "hidden.1", "hidden.2", "hidden.3"]


def test_a_filter_answers_nothing_to_an_even_picture_but_at_its_border():
    model, params = make()
    params["hidden.0"]["b"] = jnp.zeros(5)
    even = jnp.full((1, *PICTURE), 200, jnp.uint8)
    sums = model.apply(params, Inputs({"pixels": even}))[1]["hidden.0"].sums
    np.testing.assert_allclose(sums[0, 1:-1, 1:-1], 0.0, atol=1e-5)
    assert float(jnp.abs(sums[0, 0]).max()) > 0.1


def test_the_length_of_drawn_filters_does_not_matter():
    model, params = make()
    longer = {name: {**layer, **({"w": 3.0 * layer["w"]} if "gain" in layer else {})} for name, layer in params.items()}
    np.testing.assert_allclose(model.apply(params, ROWS)[0], model.apply(longer, ROWS)[0], atol=1e-3)


def test_what_a_row_is_answered_does_not_depend_on_the_others():
    model, params = make()
    np.testing.assert_allclose(model.apply(params, ROWS)[0][:2], model.apply(params, ROWS[:2])[0], atol=1e-5)


def test_residual_blocks_do_nothing_at_first():
    model = compiled(SETTINGS, LAYOUT, activation=Activation("relu"))
    _, hidden = model.apply(model.init(ROWS, jnp.zeros((0, 1)), key=jax.random.key(1)), ROWS)
    np.testing.assert_array_equal(hidden["hidden.3"].activations, hidden["hidden.1"].activations)


@pytest.mark.parametrize(
    ("picture", "n_samples", "widths"),
    [
        ((32, 32, 3), 8000, (32, 64, 128)),
        ((28, 28, 1), 8000, (16, 32, 64)),
        ((8, 8, 1), 1797, (32, 64)),
        ((64, 48, 3), 8000, (16, 32, 64, 128)),
        ((32, 32, 3), 100, (16, 32, 64)),
    ],
)
def test_stages_follow_the_size_of_pictures(picture, n_samples, widths):
    assert Convolution().resolved(picture, n_samples) == Convolution(widths, (0,) * (len(widths) - 1) + (1,))


def test_what_was_set_stays_when_the_rest_is_filled_in():
    assert Convolution(widths=(7, 9)).resolved((32, 32, 3), 8000) == Convolution((7, 9), (0, 1))
    assert Convolution(blocks=(1, 1)).resolved((32, 32, 3), 8000) == Convolution((64, 128), (1, 1))


def test_weights_and_layers_are_counted():
    _, params = make()
    n_weights, multiplications, activations, _ = cost(SETTINGS, LAYOUT)
    assert n_weights == sum(array.size for layer in params.values() for array in layer.values())
    assert multiplications == 9 * 3 * 5 * 120 + 9 * 5 * 6 * 30 + 2 * 9 * 6 * 6 * 30 + 6 * 4
    assert activations == 5 * 120 + 3 * 6 * 30
    assert layer_names(SETTINGS) == [*params]


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (Convolution(widths=(8, 0)), "widths must be from 1 to 4096, but one is 0"),
        (Convolution(widths=()), "widths must name at least one stage, but are empty"),
        (Convolution(blocks=(1, -1)), "blocks must be from 0 to 32, but one is -1"),
        (Convolution(blocks=(10**12,)), "blocks must be from 0 to 32, but one is 1000000000000"),
        (Convolution(widths=(8,) * 9), "widths must name at most 8 stages, but name 9"),
        (Convolution(widths=(8,), blocks=(1, 1)), "blocks must be as many as widths, 1, but are 2"),
    ],
)
def test_settings_that_cannot_be_are_named(settings, complaint):
    assert complaint in settings.check()
