"""The patch network against a NumPy forward pass in float64, how patches are cut and channels moved, and its sizes."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import weights
from planted import write_folder
from small import compiled
from weights import api
from weights.data.inputs import Inputs, Layout
from weights.elements.activation import Activation
from weights.errors import UsageError
from weights.inspection.health import findings, layer_health
from weights.models.patches import Patches, cost, cut, layer_names, moved, n_along
from weights.remedies import changes

PICTURE = (12, 10, 3)
LAYOUT = Layout((("pixels", PICTURE),), 4)
SETTINGS = Patches(side=4, widths=(5, 11), depth=2)
X = np.random.default_rng(0).integers(0, 256, (7, *PICTURE), dtype=np.uint8)
ROWS = Inputs({"pixels": jnp.asarray(X)})
AROUND = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)]

cut_whole, moved_whole = jax.jit(cut, static_argnums=1), jax.jit(moved)


def make(settings=SETTINGS):
    """The model, and first params of which none is zero."""
    model = compiled(settings, LAYOUT, activation=Activation("tanh"))
    params = model.init(ROWS, jnp.zeros((0, 1)), key=jax.random.key(1))
    rng = np.random.default_rng(2)
    for layer in params.values():
        layer |= {part: jnp.asarray(rng.uniform(0.3, 0.9, layer[part].shape)) for part in ("b", "gain") if part in layer}
    return model, params


def cut_one_by_one(x, side):
    """Patches whose middles are half a side apart, pixel by pixel."""
    n, height, width, c = x.shape
    step = (side + 1) // 2
    down, across = -(-height // step), -(-width // step)
    top, left = ((down - 1) * step + side - height) // 2, ((across - 1) * step + side - width) // 2
    canvas = np.zeros((n, height + 4 * side, width + 4 * side, c))
    canvas[:, top : top + height, left : left + width] = x
    rows = [[canvas[:, i * step : i * step + side, j * step : j * step + side].reshape(n, -1) for j in range(across)] for i in range(down)]
    return np.stack([np.stack(row, 1) for row in rows], 1)


def moved_one_by_one(x):
    """Channels of each ninth at the place to which they are moved."""
    _, height, width, h = x.shape
    found = np.zeros(x.shape)
    ends = [round(h * i / 9) for i in range(10)]
    for (down, across), first, last in zip(AROUND, ends[:-1], ends[1:], strict=True):
        for i in range(height):
            for j in range(width):
                if 0 <= i + down < height and 0 <= j + across < width:
                    found[:, i + down, j + across, first:last] = x[:, i, j, first:last]
    return found


def summed(x, layer, widened):
    w = layer["w"] - layer["w"].mean(0)
    return x @ (w / np.sqrt((w**2).sum(0)) * layer["gain"] * widened) + layer["b"]


def test_outputs_are_those_of_a_numpy_forward_pass():
    model, params = make()
    exact = jax.tree.map(lambda a: np.asarray(a, np.float64), params)
    nodes, shares = np.polynomial.hermite_e.hermegauss(200)
    widened = 1 / np.sqrt(shares @ np.tanh(nodes) ** 2 / shares.sum())
    x = np.tanh(summed(cut_one_by_one((X - 127.5) / 64, 4), exact["hidden.0"], 1.0))
    assert x.shape == (7, 6, 5, 5)
    x = np.tanh(summed(cut_one_by_one(x, 4), exact["hidden.1"], widened))
    assert x.shape == (7, 3, 3, 11)
    for first, second in (("hidden.2", "hidden.3"), ("hidden.4", "hidden.5")):
        inner = np.tanh(summed(moved_one_by_one(x), exact[first], widened))
        x = np.tanh(summed(moved_one_by_one(inner), exact[second], widened) + x)
    known = x.mean((1, 2)) @ exact["output"]["w"] + exact["output"]["b"]
    outputs, hidden = model.apply(params, ROWS)
    np.testing.assert_allclose(outputs, known, atol=1e-5)
    np.testing.assert_allclose(hidden["hidden.5"].activations, x, atol=1e-5)
    assert [*hidden] == layer_names(SETTINGS)[:-1]


def test_a_patch_counts_its_pixels_row_by_row_and_channels_within_a_pixel():
    x = np.arange(8 * 8 * 2, dtype=np.float32).reshape(1, 8, 8, 2)
    patches = np.asarray(cut_whole(jnp.asarray(x), 4))
    assert patches.shape == (1, 4, 4, 32)
    np.testing.assert_array_equal(patches[0, 1, 2].reshape(4, 4, 2), x[0, 1:5, 3:7])  # one pixel of the first lies beyond the border
    assert (patches[0, 0, 0].reshape(4, 4, 2)[0] == 0).all()


@pytest.mark.parametrize("side", [1, 2, 3, 4, 5, 7, 8, 16, 40])
@pytest.mark.parametrize("size", [(8, 8), (9, 6), (5, 17)])
def test_patches_of_any_side_overlap_by_half(side, size):
    x = np.random.default_rng(side).normal(size=(2, *size, 3)).astype(np.float32)
    found = cut_whole(jnp.asarray(x), side)
    np.testing.assert_array_equal(found, cut_one_by_one(x, side).astype(np.float32))
    assert found.shape[1:3] == tuple(n_along(length, side) for length in size)


@pytest.mark.parametrize("size", [(3, 4, 20), (1, 1, 9), (5, 2, 4)])
def test_channels_are_moved_to_all_neighbours(size):
    x = np.random.default_rng(1).normal(size=(2, *size)).astype(np.float32)
    np.testing.assert_array_equal(moved_whole(jnp.asarray(x)), moved_one_by_one(x).astype(np.float32))


def test_gradients_go_back_the_way_that_channels_came():
    rng = np.random.default_rng(3)
    x, weights_of_sum = (jnp.asarray(rng.normal(size=(2, 4, 3, 20)), jnp.float32) for _ in range(2))
    back = jax.jit(jax.grad(lambda x: jnp.sum(moved(x) * weights_of_sum)))(x)
    other = jnp.asarray(rng.normal(size=x.shape), jnp.float32)
    assert float(jnp.sum(back * other)) == pytest.approx(float(jnp.sum(moved_whole(other) * weights_of_sum)), rel=1e-4)  # moved is linear


def test_an_even_grey_patch_is_answered_by_nothing_but_the_intercept():
    model, params = make()
    even = jnp.full((1, *PICTURE), 200, jnp.uint8)
    sums = model.apply(params, Inputs({"pixels": even}))[1]["hidden.0"].sums
    np.testing.assert_allclose(sums[0, 1:-1, 1:-1], jnp.broadcast_to(params["hidden.0"]["b"], (4, 3, 5)), atol=1e-5)


def test_the_length_of_drawn_weights_does_not_matter():
    model, params = make()
    longer = {name: {**layer, **({"w": 3.0 * layer["w"]} if "gain" in layer else {})} for name, layer in params.items()}
    np.testing.assert_allclose(model.apply(params, ROWS)[0], model.apply(longer, ROWS)[0], atol=1e-5)


def test_what_a_row_is_answered_does_not_depend_on_the_others():
    model, params = make()
    np.testing.assert_allclose(model.apply(params, ROWS)[0][:2], model.apply(params, ROWS[:2])[0], atol=1e-5)


def test_residual_blocks_do_nothing_at_first():
    model = compiled(SETTINGS, LAYOUT, activation=Activation("relu"))
    _, hidden = model.apply(model.init(ROWS, jnp.zeros((0, 1)), key=jax.random.key(1)), ROWS)
    np.testing.assert_array_equal(hidden["hidden.5"].activations, hidden["hidden.1"].activations)


@pytest.mark.parametrize(
    ("picture", "n_samples", "settings"),
    [
        ((32, 32, 3), 8000, Patches(4, (48, 192), 2)),
        ((28, 28, 1), 8000, Patches(4, (24, 96), 2)),
        ((8, 8, 1), 1797, Patches(2, (24, 96), 2)),
        ((64, 48, 3), 8000, Patches(8, (48, 192), 2)),
        ((32, 32, 3), 100, Patches(4, (24, 96), 2)),
        ((2000, 10, 3), 8000, Patches(64, (48, 192), 2)),
    ],
)
def test_sizes_follow_the_size_of_pictures(picture, n_samples, settings):
    assert Patches().resolved(picture, n_samples) == settings
    assert settings.is_resolved


def test_what_was_set_stays_when_the_rest_is_filled_in():
    assert Patches(side=6, depth=0).resolved((32, 32, 3), 8000) == Patches(6, (48, 192), 0)
    assert Patches(widths=(20,)).resolved((32, 32, 3), 8000) == Patches(4, (20,), 2)
    assert not Patches(4, (20,)).is_resolved


@pytest.mark.parametrize("settings", [SETTINGS, Patches(5, (7,), 0), Patches(1, (4, 6, 9), 1)])
def test_weights_activations_and_layers_are_counted(settings):
    model, params = make(settings)
    n_weights, multiplications, activations, _ = cost(settings, LAYOUT)
    assert n_weights == sum(array.size for layer in params.values() for array in layer.values())
    assert layer_names(settings) == [*params]
    hidden = model.apply(params, ROWS[:1])[1]
    assert activations == sum(layer.activations.size for layer in hidden.values())
    products = [hidden[name].sums[..., 0].size * params[name]["w"].size for name in layer_names(settings)[:-1]]
    assert multiplications == sum(products) + params["output"]["w"].size


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (Patches(side=0), "side must be from 1 to 64, but is 0"),
        (Patches(side=10**12), "side must be from 1 to 64, but is 1000000000000"),
        (Patches(widths=(8, 0)), "widths must be from 1 to 4096, but one is 0"),
        (Patches(widths=()), "widths must be 1 to 4 numbers, but are 0"),
        (Patches(widths=(8,) * 5), "widths must be 1 to 4 numbers, but are 5"),
        (Patches(depth=-1), "depth must be from 0 to 64, but is -1"),
    ],
)
def test_settings_that_cannot_be_are_named(settings, complaint):
    assert complaint in settings.check()


# From pictures to a model

FAST = {"model": "patches", "members": 2, "n_folds": 2, "n_steps": 60, "batch_size": 16, "widths": (8, 16), "depth": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("stripes") / "train", 40)


@pytest.fixture(scope="module")
def model(folder):
    return weights.fit(folder, **FAST)


def test_the_direction_of_stripes_is_learned(model, tmp_path):
    assert model.metrics["accuracy"] > 0.9  # chance is 0.5, and stripes of two directions are easy
    new = write_folder(tmp_path / "new", 20, first=500)
    assert (model.predict_proba(new).argmax(1) == np.repeat([0, 1], 20)).mean() > 0.85
    [population] = model.ensemble.populations
    assert population.spec.model == Patches(2, (8, 16), 1)
    assert (population.spec.optimization.name, population.spec.optimization.learning_rate) == ("muon", 0.04)


def test_a_saved_model_answers_the_same(model, folder, tmp_path):
    model.save(tmp_path / "run")
    loaded = weights.load(tmp_path / "run")
    assert loaded.ensemble.populations[0].spec == model.ensemble.populations[0].spec
    np.testing.assert_array_equal(loaded.predict_proba(folder), model.predict_proba(folder))


def test_what_its_weights_see_can_be_asked(model, folder):
    found = model.filters()
    assert found.patterns.shape[1:] == (8, 2, 2, 1)
    [maps] = model.saliency(folder / "upright" / "000.png")
    assert np.isfinite(maps.gradients).all()


def test_its_layers_are_well_and_can_be_frozen_by_name(model, folder):
    [population] = model.ensemble.populations
    assert [one.layer for one in layer_health(population)] == layer_names(population.spec.model)
    assert not [finding for finding in findings(population) if finding.element in ("initialization", "activation")]
    with pytest.raises(UsageError, match=r"layer 'hidden\.4', which this model does not have"):
        api.plan_fit(folder, **FAST, freeze=("hidden.4",))


def test_its_settings_can_be_turned_by_a_diagnosis(model, folder):
    found = {change.name: change.specs["patches"] for change in changes(model.ensemble, api.plan_fit(folder, **FAST))}
    assert found["wider"].model == Patches(2, (16, 24), 1)
    assert found["longer"].optimization.n_steps == 120
    assert found["less-augmentation"].augmentation.shift == 0


def test_patches_do_not_read_columns():
    with pytest.raises(UsageError, match="The model patches reads pictures, but a table came"):
        api.plan_fit("iris", model="patches")


def test_its_plan_counts_its_weights(folder):
    [plan] = api.plan_fit(folder, **FAST).plans
    assert plan.model == "patches"
    assert plan.n_weights == cost(Patches(2, (8, 16), 1), Layout((("pixels", (16, 16, 1)),), 1)).n_weights
