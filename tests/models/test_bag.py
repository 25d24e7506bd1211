"""The network over bags of vectors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse

from weights.data.bags import Bags
from weights.data.inputs import COLUMNS, Inputs, Layout, Part
from weights.data.text.kind import TEXT
from weights.elements.activation import Activation
from weights.elements.augmentation import TextAugmentation
from weights.elements.initialization import Initialization
from weights.models.bag import BAG, VECTORS, Bag, bag_model

RNG = np.random.default_rng(0)
DENSE = RNG.random((20, 9)) * (RNG.random((20, 9)) < 0.5)
ALONE = Layout(((TEXT, (9,)),), 2, parts=((TEXT, (Part(9, 6, 5, 3),)),))
BESIDE = Layout(((COLUMNS, (3,)), (TEXT, (9,))), 2, (0, 1), parts=((TEXT, (Part(5, 4), Part(4, 2))),))


def made(layout, **settings):
    """The model, rows and params."""
    matrix = scipy.sparse.csr_array(DENSE)
    columns = {COLUMNS: RNG.normal(size=(20, 3)).astype(np.float32)} if layout.n_columns else {}
    inputs = jax.device_put(Inputs({**columns, TEXT: Bags.of(matrix, matrix.data, layout.n_leading(TEXT)).padded(20)}))
    resolved = BAG.resolve(Bag(**settings), layout, 20)
    model = bag_model(resolved, layout, Initialization(), Activation())
    knots = jnp.tile(jnp.linspace(-2, 2, (resolved.n_bins or 0) + 1), (len(layout.numeric), 1))
    return model, inputs, model.init(inputs, knots, key=jax.random.key(1))


def test_hidden_units_read_the_sum_of_the_vectors_of_a_text():
    model, inputs, params = made(ALONE, hidden=(5,))
    outputs, hidden = model.apply(params, inputs)
    sums = DENSE[:, :6] @ np.asarray(params[VECTORS]["w"]) + np.asarray(params["hidden.0"]["b"])
    np.testing.assert_allclose(hidden["hidden.0"].sums, sums, atol=1e-6)
    assert outputs.shape == (20, 2)


def test_columns_are_added_to_what_texts_add_up_to():
    model, inputs, params = made(BESIDE, hidden=(5,))
    embedded = model.embed(params, inputs)
    sums = np.asarray(model.apply(params, inputs)[1]["hidden.0"].sums)
    of_columns = np.asarray(embedded[COLUMNS]) @ np.asarray(params["hidden.0"]["w"])
    of_texts = DENSE[:, :6] @ np.asarray(params[VECTORS]["w"])
    np.testing.assert_allclose(sums, of_columns + of_texts + np.asarray(params["hidden.0"]["b"]), atol=1e-5)
    np.testing.assert_allclose(embedded[TEXT][:, :5] + embedded[TEXT][:, 5:], of_texts, atol=1e-5)
    assert model.input_rows[VECTORS] == (3, 3, 3, 3, 4, 4)
    assert model.block_places[TEXT] == (3,) * 5 + (4,) * 5


def test_features_that_do_not_lead_are_not_read():
    model, inputs, params = made(ALONE)
    before = model.apply(params, inputs)[0]
    changed = scipy.sparse.csr_array(DENSE * (1 + 4 * (np.arange(9) >= 6)))
    other = jax.device_put(inputs.replace(**{TEXT: Bags.of(changed, changed.data, 6).padded(20)}))
    np.testing.assert_array_equal(model.apply(params, other)[0], before)


@pytest.mark.parametrize("rate", [0.0, 0.5])
def test_members_see_texts_with_words_left_out(rate):
    model, inputs, params = made(ALONE)
    seen = model.view(inputs, TextAugmentation(rate), seed=jnp.uint32(1), step=jnp.int32(0))
    same = np.allclose(model.apply(params, seen)[0], model.apply(params, inputs)[0])
    assert same == (rate == 0)


def test_weights_are_counted_with_the_vectors():
    cost = BAG.cost(BAG.resolve(Bag(hidden=(5,)), ALONE, 20), ALONE)
    _, _, params = made(ALONE, hidden=(5,))
    assert cost.n_weights == sum(leaf.size for leaf in jax.tree.leaves(params))
    assert cost.n_multiplications == 5 * 2 + 2 + 5 + 3 * 5


@pytest.mark.parametrize(("n_outputs", "n_units"), [(1, 32), (8, 32), (9, 64), (17, 128), (500, 128)])
def test_where_no_layer_is_named_there_is_one_that_grows_with_the_outputs(n_outputs, n_units):
    layout = Layout(ALONE.blocks, n_outputs, parts=ALONE.parts)
    assert BAG.resolve(Bag(), layout, 20).hidden == (n_units,)
    assert "hidden.0" in BAG.layers(Bag())
