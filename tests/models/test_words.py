"""The linear model of texts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse

from weights.data.bags import Bags
from weights.data.inputs import COLUMNS, Inputs, Layout, Part
from weights.data.text.kind import TEXT
from weights.elements.activation import Activation
from weights.elements.initialization import Initialization
from weights.models.words import Words, find_log_ratios, words_model

RNG = np.random.default_rng(0)
DENSE = RNG.random((30, 12)) * (RNG.random((30, 12)) < 0.4)
ONE = Layout(((COLUMNS, (2,)), (TEXT, (12,))), 3, parts=((TEXT, (Part(12, 5),)),))
TWO = Layout(((TEXT, (12,)),), 3, parts=((TEXT, (Part(7, 2), Part(5, 1))),))


def made(layout, weighting="idf"):
    """The model, rows and params."""
    matrix = scipy.sparse.csr_array(DENSE)
    text = Bags.of(matrix, matrix.data * 0 + 0.5, layout.n_leading(TEXT)).padded(30)
    columns = {COLUMNS: RNG.normal(size=(30, layout.n_columns)).astype(np.float32)} if layout.n_columns else {}
    model = words_model(Words(weighting), layout, Initialization(), Activation())
    inputs = Inputs({**columns, TEXT: text})
    return model, inputs, model.init(inputs, jnp.zeros((0, 1)), key=jax.random.key(0))


@pytest.mark.parametrize("layout", [ONE, TWO], ids=["beside columns", "two columns of texts"])
@pytest.mark.parametrize("weighting", ["idf", "naive-bayes"])
def test_outputs_are_linear_in_what_the_solver_reads(layout, weighting):
    model, inputs, params = made(layout, weighting)
    outputs, hidden = model.apply(params, jax.device_put(inputs))
    x = model.sparse.matrix(inputs)
    np.testing.assert_allclose(outputs, x @ np.asarray(params["output"]["w"]) + np.asarray(params["output"]["b"]), atol=1e-5)
    assert hidden == {}


def test_each_weight_knows_the_column_that_it_is_of():
    model, *_ = made(ONE)
    assert model.input_rows["output"] == (2,) * 12 + (0, 1)
    model, *_ = made(TWO)
    # Two that lead of the first column, one of the second, and then the others.
    assert model.input_rows["output"] == (0, 0, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1)


def test_what_each_column_of_texts_adds_is_told_apart():
    model, inputs, params = made(TWO)
    embedded = np.asarray(model.embed(params, jax.device_put(inputs))[TEXT])
    w, of = np.asarray(params["output"]["w"]), np.asarray(model.input_rows["output"])
    for column in (0, 1):
        np.testing.assert_allclose(embedded[:, 3 * column : 3 * column + 3], DENSE[:, of == column] @ w[of == column], atol=1e-5)
    assert model.block_places[TEXT] == (0, 0, 0, 1, 1, 1)


def test_log_ratios_are_those_of_naive_bayes():
    holds = np.array([[1, 0], [1, 1], [0, 1], [0, 1]])
    slopes = np.array([[-0.5], [-0.5], [0.5], [0.5]])  # the first two rows are of the class
    ratios = find_log_ratios(scipy.sparse.csr_array(holds * 0.3), slopes, np.ones(4))
    # Both rows of the class hold the first word, and no other; with one more row of each: 3/4 and 1/4. The second: 2/4 and 3/4.
    np.testing.assert_allclose(ratios[:, 0], [np.log(3 / 1), np.log(2 / 3)])


def test_rows_of_no_weight_have_no_say_in_log_ratios():
    holds, slopes = scipy.sparse.csr_array(np.eye(3)), np.array([[-1.0], [1.0], [-1.0]])
    some = find_log_ratios(holds, slopes, np.array([1.0, 1.0, 0.0]))
    np.testing.assert_allclose(some, find_log_ratios(holds[:2], slopes[:2], np.ones(2)))


def test_inputs_of_naive_bayes_are_scaled_by_log_ratios_and_columns_are_not():
    model, inputs, _ = made(ONE, "naive-bayes")
    slopes = RNG.normal(size=(30, 3))
    x = model.sparse.matrix(inputs)
    scale = model.sparse.scale(x, slopes, np.ones(30))
    np.testing.assert_allclose(scale[:12], 10 * find_log_ratios(scipy.sparse.csr_array(DENSE), slopes, np.ones(30)))
    assert (scale[12:] == 1).all()
