"""Layers over places with residual blocks: their sums by hand, their first gains, and their cost."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
import pytest

from small import whole
from weights.data.inputs import Inputs, Layout
from weights.elements.activation import Activation
from weights.elements.augmentation import NOTHING
from weights.elements.initialization import Initialization
from weights.models.base import standardised
from weights.models.residual import ResidualLayer, residual_cost, residual_model, residual_names
from weights.spec import Spec, check, varying_values, with_settings
from weights.tasks.number import Number
from weights.training.step import Member, Shared, member_program

LAYOUT = Layout((("pixels", (4, 4, 3)),), 2)
WITH_COLUMNS = Layout((("x", (2,)), ("pixels", (4, 4, 3))), 2, (0,))
PARTS = [
    ResidualLayer(3, 5, 16, jnp.matmul),
    ResidualLayer(5, 5, 16, jnp.matmul, begins=True),
    ResidualLayer(5, 5, 16, jnp.matmul, ends=True),
]
PIXELS = np.random.default_rng(0).integers(0, 256, (3, 4, 4, 3)).astype(np.uint8)
COLUMNS = np.random.default_rng(1).normal(size=(3, 2)).astype(np.float32)


def member(layout=LAYOUT):
    model = whole(residual_model(PARTS, layout, Initialization("he"), Activation("identity")))
    return model, model.init(layout.zeros(2), jnp.zeros((len(layout.numeric), 1)), key=jax.random.key(0))


def member_with_columns():
    """A member that reads columns beside pixels, and whose blocks do something; the same without the weights of columns."""
    (model, params), (alone, _) = member(WITH_COLUMNS), member()
    params["hidden.2"]["gain"] = jnp.full(5, 0.5)
    params["output"]["b"] = jnp.array([0.5, -1.0])
    return model, params, alone, {**params, "output": {**params["output"], "w": params["output"]["w"][:5]}}


def test_a_block_adds_to_what_came_into_it():
    model, params = member()
    params["hidden.2"]["gain"] = jnp.full(5, 0.5)
    outputs, hidden = model.apply(params, Inputs({"pixels": PIXELS}))
    first = ((PIXELS - 127.5) / 64) @ np.asarray(standardised(params["hidden.0"], 1.0))
    inside = first @ np.asarray(standardised(params["hidden.1"], 1.0)) @ np.asarray(standardised(params["hidden.2"], 1.0))
    np.testing.assert_allclose(hidden["hidden.2"].sums, first + inside, atol=1e-4)
    last = (first + inside).mean((1, 2)) @ np.asarray(params["output"]["w"]) + np.asarray(params["output"]["b"])
    np.testing.assert_allclose(outputs, last, atol=1e-4)


def test_blocks_do_nothing_at_first():
    model, params = member()
    hidden = model.apply(params, Inputs({"pixels": jnp.full((1, 4, 4, 3), 9.0)}))[1]
    np.testing.assert_array_equal(hidden["hidden.2"].sums, hidden["hidden.0"].activations)


@pytest.mark.parametrize(("layout", "n_last"), [(LAYOUT, 5), (WITH_COLUMNS, 5 + 2)], ids=["alone", "with columns"])
def test_the_cost_counts_what_is_there(layout, n_last):
    _, params = member(layout)
    cost = residual_cost(PARTS, layout)
    assert cost.n_weights == sum(a.size for a in jax.tree.leaves(params))
    assert cost.n_multiplications == 16 * (3 * 5 + 5 * 5 + 5 * 5) + n_last * 2
    assert cost.n_activations == 3 * 16 * 5
    assert cost.n_units == n_last
    assert [*params] == residual_names(3)


# Columns beside pixels


def test_columns_add_their_weighted_sums_to_what_pixels_say():
    model, params, alone, own = member_with_columns()
    outputs, hidden = model.apply(params, Inputs({"x": COLUMNS, "pixels": PIXELS}))
    without, hidden_alone = alone.apply(own, Inputs({"pixels": PIXELS}))
    assert params["output"]["w"].shape == (5 + 2, 2)
    np.testing.assert_allclose(outputs, without + COLUMNS @ np.asarray(params["output"]["w"][5:]), atol=1e-5)
    np.testing.assert_array_equal(hidden["hidden.2"].sums, hidden_alone["hidden.2"].sums)


def test_columns_of_zero_change_nothing():
    model, params, alone, own = member_with_columns()
    outputs, _ = model.apply(params, Inputs({"x": np.zeros((3, 2), np.float32), "pixels": PIXELS}))
    np.testing.assert_allclose(outputs, alone.apply(own, Inputs({"pixels": PIXELS}))[0], atol=1e-6)


def test_columns_whose_weights_are_zero_change_nothing():
    model, params, *_ = member_with_columns()
    params["output"]["w"] = params["output"]["w"].at[5:].set(0.0)
    outputs, moved = (model.apply(params, Inputs({"x": x, "pixels": PIXELS}))[0] for x in (COLUMNS, COLUMNS + 2.0))
    np.testing.assert_array_equal(outputs, moved)


def test_rows_of_weights_have_the_places_of_columns_and_of_the_picture_behind_them():
    assert member()[0].input_rows == {"hidden.0": (0, 0, 0)}
    assert member()[0].embedded_places == ()
    model = member(WITH_COLUMNS)[0]
    assert model.input_rows == {"hidden.0": (2, 2, 2), "output": (-1, -1, -1, -1, -1, 0, 1)}
    assert model.embedded_places == (0, 1)


@pytest.mark.parametrize("masked", [0, 1, 2], ids=["a column", "another", "the picture"])
def test_a_masked_input_has_no_weight_and_makes_no_difference(masked):
    """Params as a member starts with, and after a step, where one of two columns or the picture is masked."""
    settings = {"model": "patches", "side": 2, "widths": "4", "depth": 0, "mask": "one of them"}
    settings |= {"optimization": "adam", "learning_rate": 0.01, "strength": 0.0}
    spec = check(with_settings(Spec(), settings))
    program = member_program(spec, Number.functions, WITH_COLUMNS._replace(n_outputs=1))
    inputs = Inputs({"x": jnp.asarray(COLUMNS), "pixels": jnp.asarray(PIXELS)})
    used = jnp.ones(3).at[masked].set(0.0)
    shared = Shared(inputs, jnp.arange(3.0), jnp.ones(3), jnp.arange(3), used)
    one = Member(jnp.uint32(0), {name: jnp.float32(value) for name, value in varying_values(spec).items()})
    state = program.start(inputs, jnp.zeros((1, 1)), shared.groups, used, one)
    rows = jnp.zeros((2, 3), jnp.int32) + jnp.arange(3)
    after, _, outputs = program.advance(state, shared, one, rows, np.int32(2), np.float32(2), rows[:1])
    for params in (state.params, after.params):
        zero = [not params["hidden.0"]["w"].any() if place == 2 else not params["output"]["w"][4 + place].any() for place in range(3)]
        assert zero == [place == masked for place in range(3)]
        assert params["output"]["w"][:4].all()  # what comes from hidden units is never masked
    other = {"pixels": 255 - inputs["pixels"]} if masked == 2 else {"x": inputs.x.at[:, masked].add(1.0)}
    elsewhere = shared._replace(inputs=inputs.replace(**other))
    np.testing.assert_array_equal(program.advance(state, elsewhere, one, rows, np.int32(2), np.float32(2), rows[:1])[2], outputs)


def test_all_blocks_of_inputs_and_every_hidden_layer_are_dropped_from_once():
    model, params, *_ = member_with_columns()
    seen = []
    model.apply(params, Inputs({"x": COLUMNS, "pixels": PIXELS}), lambda x, layer: seen.append((layer, x.shape)) or x)
    assert seen == [(0, (3, 2)), (-1, (3, 4, 4, 3)), *((layer, (3, 4, 4, 5)) for layer in (1, 2, 3))]


def test_only_pictures_are_changed_while_members_learn():
    model, *_ = member_with_columns()
    inputs = Inputs({"x": jnp.asarray(COLUMNS), "pixels": jnp.asarray(PIXELS)})
    seen = model.view(inputs, msgspec.structs.replace(NOTHING, brightness=0.5), seed=jnp.uint32(0), step=jnp.int32(0))
    np.testing.assert_array_equal(seen.x, COLUMNS)
    assert np.abs(np.asarray(seen["pixels"]) - PIXELS).max() > 1.0
