"""Tasks: what a target asks for, its arrays and back, and the losses with their gradients."""

import re
from datetime import datetime, timedelta

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
import pyarrow as pa
import pytest

from weights.errors import DataError, UsageError
from weights.tasks.class_losses import log_probabilities
from weights.tasks.classes import Binary, Multiclass
from weights.tasks.count import Count
from weights.tasks.number import Number
from weights.tasks.registry import TASKS, AnyTask, find_task


def column(values, kind=None):
    return pa.chunked_array([pa.array(values, kind)])


EVENTS = np.repeat([0, 1, 2, 3, 4, 5, 8], [40, 30, 15, 8, 4, 2, 1])


def task_of(values, **options):
    return find_task(column(values), "y", **options)


# --- finding the task ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "kind", "classes"),
    [
        (["ill", "well", "ill"], "binary", ["ill", "well"]),
        (["b", "c", "a"], "multiclass", ["a", "b", "c"]),
        (["1", "10", "2"], "multiclass", ["1", "2", "10"]),
        (["10.5", "2.5", "3", "a"], "multiclass", ["10.5", "2.5", "3", "a"]),
        ([0.5, 1.5, 1.5], "binary", [0.5, 1.5]),
        ([True, False], "binary", [False, True]),
        ([0, 1, 1], "binary", [0, 1]),
        ([0.0, 1.0, 1.0], "binary", [0, 1]),
        ([5, 7, 7], "binary", [5, 7]),
        ([1, 2, 3], "multiclass", [1, 2, 3]),
        (list(range(20)), "multiclass", list(range(20))),
        (list(range(21)), "regression", []),
        ([2, 3, 4], "regression", []),
        ([0, 1, 3], "regression", []),
        ([-1, 0, 1], "regression", []),
        ([0.5, 1.0, 2.0], "regression", []),
    ],
)
def test_the_task_follows_from_the_target(values, kind, classes):
    task = task_of(values)
    assert (task.kind, task.classes) == (kind, classes)


def test_a_categorical_target_has_the_classes_of_its_values():
    assert find_task(column(["b", "a", "b"]).dictionary_encode(), "y").classes == ["a", "b"]


@pytest.mark.parametrize(
    ("values", "asked", "classes"),
    [
        ([3, 5, 9, 9], "multiclass", [3, 5, 9]),
        ([10.5, 2.5, 3.0], "multiclass", [2.5, 3.0, 10.5]),
        ([datetime(2024, 2, 1), datetime(2023, 5, 1)] * 2, "binary", ["2023-05-01", "2024-02-01"]),
        ([0, 5, 5], "count", []),
        ([10, 9, 10], "binary", [9, 10]),
        ([0, 1, 2], "regression", []),
        (["1.5", "2"], "regression", []),
    ],
)
def test_the_asked_task_wins(values, asked, classes):
    task = task_of(values, kind=asked)
    assert (task.kind, task.classes) == (asked, classes)


@pytest.mark.parametrize(
    ("values", "remark"),
    [
        ([0, 1], ""),
        ([1, 2, 3], "3 whole numbers counted up are read as classes; --task regression if they are quantities"),
        ([-2, 3, 4], "3 whole numbers are read as quantities; --task multiclass if they are classes"),
        ([0.5, 1.0, 2.0], "'y' is never negative, so that bounds of intervals stop there"),
        ([-0.5, 1.0, 2.0], ""),
        (["a", "b"], ""),
        (
            EVENTS.tolist(),
            "7 whole numbers are read as quantities; --task multiclass if they are classes; "
            "'y' looks like a count: --task count learns rates; 'y' is never negative, so that bounds of intervals stop there",
        ),
        (
            [0, 0, 1, 0, 2, 1] * 10,
            "3 whole numbers counted up are read as classes; --task regression if they are quantities, --task count if they count events",
        ),
    ],
)
def test_a_choice_that_deserves_it_is_remarked(values, remark):
    assert task_of(values).remark == remark


POINTS = np.clip(np.round(np.random.default_rng(0).normal(5, 2, 300)), 0, 10)


@pytest.mark.parametrize(
    ("values", "gaps", "kind", "remark"),
    [
        (
            POINTS,
            False,
            "regression",
            "11 whole numbers written with decimals are read as quantities; --task multiclass if they are classes",
        ),
        (
            POINTS.astype(int),
            False,
            "regression",
            "counted up are read as quantities, because rows show them in an order; --task multiclass",
        ),
        (POINTS, True, "regression", "because rows show them in an order; --task multiclass if they are classes"),
        (POINTS % 3, True, "multiclass", "3 whole numbers counted up are read as classes; --task regression if they are quantities"),
        (POINTS % 3, False, "regression", "3 whole numbers written with decimals are read as quantities; --task multiclass"),
        (np.arange(300) % 10, False, "multiclass", "10 whole numbers counted up are read as classes; --task regression"),
        (POINTS // 1 * 0.5, False, "regression", "11 numbers are read as quantities; --task multiclass if they are classes"),
        (POINTS % 2 + 0.5, False, "binary", "two numbers are read as classes; --task regression if they are quantities"),
    ],
)
def test_what_numbers_are_is_decided_by_rows_and_both_readings_are_told(values, gaps, kind, remark):
    task = task_of(values, gaps=gaps)
    assert task.kind == kind
    assert remark in task.remark


def test_what_the_user_asked_for_is_not_remarked():
    assert task_of([-1, 2, 3], kind="regression").remark == ""


@pytest.mark.parametrize(("values", "n_outputs"), [([0, 1], 1), ([0, 1, 2], 3), ([0.1, 0.2, 0.4], 1)])
def test_two_classes_and_numbers_need_one_output_and_more_classes_one_each(values, n_outputs):
    assert task_of(values).n_outputs == n_outputs


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([1, 1], {}, r"'y' must have two classes or more, but all 2 rows hold 1\. Name another target\."),
        (["a", "a"], {}, r"'y' must have two classes or more, but all 2 rows hold 'a'"),
        ([2.5, 2.5], {"kind": "regression"}, r"'y' must vary, but it is 2\.5 in all 2 rows\. Name another target\."),
        ([0, np.inf, 1] * 20, {}, r"'y' must be a finite number, but row 2 holds inf"),
        ([1.0, 2.5, np.inf], {}, r"'y' must be a finite number, but row 3 holds inf\. Repair or leave out the row\."),
        (["a", "b", "c"], {"kind": "binary"}, r"A binary task needs two classes, but 'y' has 3"),
        (["a", "b"], {"kind": "regression"}, r"Column 'y' must be numeric, but 2 of 2 rows hold something else \(first: row 1, 'a'\)"),
        ([f"p{j}" for j in range(21)], {}, r"'y' has 21 different labels in 21 rows, too few each to learn"),
        ([[1], [2]], {}, r"'y' must hold one number or label a row, but it holds list<item: int64>"),
    ],
)
def test_a_target_that_cannot_be_learned_is_refused(values, options, message):
    with pytest.raises(DataError, match=message):
        task_of(values, **options)


def test_a_target_too_large_to_scale_is_refused():
    with pytest.raises(DataError, match="'y'"):
        task_of([1e200, -1e200, 3.0])


def test_an_unknown_task_is_refused_with_a_suggestion():
    with pytest.raises(
        UsageError,
        match=r"must be one of binary, multiclass, .*, forecast, ranking, rating, but 'regresion' came\. Did you mean 'regre",
    ):
        task_of([1, 2], kind="regresion")


def test_row_weights_are_the_product_with_mean_one():
    task = task_of(["a", "b", "b", "b"], class_weight={"a": 3})
    np.testing.assert_allclose(task.row_weights(np.array([0, 1, 1, 1]), np.array([1.0, 1, 2, 0])), np.array([3, 1, 2, 0]) / 1.5)


def test_without_class_weights_the_sample_weights_stay():
    np.testing.assert_array_equal(task_of(["a", "b"]).row_weights(np.array([0, 1]), np.array([0.5, 1.5])), [0.5, 1.5])


# --- encoding and decoding ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "values", [["ill", "well", "ill"], [True, False, True], [3, 3, 4], [0.0, 1.0, 1.0], [0.5, 1.5, 0.5], ["1", "2", "3"]], ids=str
)
def test_class_codes_lead_back_to_the_labels(values):
    task = task_of(values)
    codes = task.encode(column(values))
    assert codes.dtype == np.int32
    assert [str(task.classes[code]) for code in codes] == [str(value).removesuffix(".0") for value in values]


def test_a_number_is_learned_with_mean_zero_and_deviation_one():
    values = np.random.default_rng(0).normal(5000, 30, 100)
    y = task_of(values).encode(column(values))
    assert y.dtype == np.float32
    np.testing.assert_allclose([y.mean(), y.std()], [0, 1], atol=1e-6)


def test_encoded_numbers_lead_back_to_the_values_in_their_unit():
    values = np.random.default_rng(0).normal(5000, 30, 100)
    task = task_of(values)
    y = task.encode(column(values))
    np.testing.assert_allclose(task.decode(y[:, None].astype(float)), values, rtol=1e-7)
    np.testing.assert_allclose(task.original(y), values, rtol=1e-7)


def test_class_codes_are_their_own_originals():
    codes = np.array([0, 1, 1])
    np.testing.assert_array_equal(task_of(["a", "b"]).original(codes), codes)


def test_whole_numbers_above_two_to_the_24_keep_their_differences_as_a_target():
    values = [2**40 + 2 * j for j in range(30)]
    y = task_of(values, kind="regression").encode(column(values))
    np.testing.assert_allclose(np.diff(y), 2 / np.std(2 * np.arange(30)), rtol=1e-5)


def test_outputs_of_two_classes_become_the_logistic_probability():
    odds = np.array([[-800.0], [0.0], [np.log(3)], [800.0]])
    np.testing.assert_allclose(task_of(["a", "b"]).decode(odds), [[1, 0], [0.5, 0.5], [0.25, 0.75], [0, 1]], atol=1e-12)


def test_outputs_of_several_classes_become_their_shares():
    outputs = np.log([[1.0, 2.0, 5.0]]) + 700
    np.testing.assert_allclose(task_of(["a", "b", "c"]).decode(outputs), [[1 / 8, 2 / 8, 5 / 8]])


def test_log_probabilities_do_not_overflow_and_keep_small_ones():
    np.testing.assert_allclose(log_probabilities(np.array([[1e4, 0.0, -1e4]], np.float32)), [[0, -1e4, -2e4]])


def test_log_probabilities_keep_leading_axes():
    outputs = np.random.default_rng(0).normal(size=(3, 5, 4))
    np.testing.assert_allclose(np.exp(log_probabilities(outputs)).sum(-1), np.ones((3, 5)))


@pytest.mark.parametrize(
    ("learned", "later", "message"),
    [
        (["a", "b"], ["a", "c"], r"The target 'y' must be one of ['a', 'b'], but row 2 holds 'c'."),
        ([0, 1], [0, 2], r"The target 'y' must be one of [0, 1], but row 2 holds 2."),
        ([0, 1], [0, None], r"The target 'y' must be one of [0, 1], but row 2 holds None."),
        ([0, 1], [0.0, 0.5], r"The target 'y' must be one of [0, 1], but row 2 holds "),
        ([0, 1], ["0", "maybe"], r"The target 'y' must be one of [0, 1], but row 2 holds 'maybe'."),
        (["a", "b"], [1, 2], r"The target 'y' must be one of ['a', 'b'], but row 1 holds "),
        ([0.5, 1.0, 2.5], [1.0, np.inf], r"The target 'y' must be a finite number, but row 2 holds inf."),
        ([0.5, 1.0, 2.5], [1.0, None], r"The target 'y' must be a finite number, but row 2 holds nan."),
        (
            [0.5, 1.0, 2.5],
            ["1", "x"],
            r"Column 'y' must be numbers with decimal point, but 1 of 2 rows hold something else (first: row 2, 'x').",
        ),
    ],
)
def test_a_value_that_was_never_learned_is_refused_with_its_row(learned, later, message):
    with pytest.raises(DataError, match=re.escape(message)):
        task_of(learned).encode(column(later))


@pytest.mark.parametrize(
    ("learned", "later"),
    [
        ([0, 1], [0.0, 1.0]),
        ([0, 1], ["0", "1"]),
        (["1", "2", "x"], [1, 2]),
        (["a", "b"], pa.array(["a", "b"], pa.large_string())),
        (["a", "b"], pa.array(["a", "b"]).dictionary_encode()),
        ([False, True], ["false", "true"]),
    ],
    ids=["int as float", "int as text", "text as int", "large text", "categorical", "flag as text"],
)
def test_a_label_is_recognised_in_another_type_of_column(learned, later):
    # The same file cut differently may be read with other types: a part without the label "x" holds numbers only.
    np.testing.assert_array_equal(task_of(learned).encode(column(later)), [0, 1])


@pytest.mark.parametrize("values", [["a", "b"], [0, 1, 2], [True, False], [0.1, 0.2, 0.4]], ids=str)
def test_a_task_survives_saving(values):
    task = task_of(values)
    assert msgspec.json.decode(msgspec.json.encode(task), type=AnyTask) == task


def test_dates_are_no_target():
    with pytest.raises(DataError, match=r"'y' must be a number or a label, but it holds dates\. Turn it into a number"):
        task_of([datetime(2024, 1, 1) + timedelta(days=j) for j in range(100)])


# --- losses -------------------------------------------------------------------------------------

OUTPUTS = np.random.default_rng(7).normal(scale=2, size=(20, 3))


def softmax(outputs):
    return np.exp(outputs) / np.exp(outputs).sum()


FORMULAS = {
    "regression": (lambda o, y: (o[0] - y) ** 2 / 2, lambda o, y: np.array([o[0] - y])),
    "count": (lambda o, y: y * np.log(max(y, 1) / np.exp(o[0])) - (y - np.exp(o[0])), lambda o, y: np.array([np.exp(o[0]) - y])),
    "binary": (
        lambda o, y: -np.log(1 / (1 + np.exp(-o[0] if y == 1 else o[0]))),
        lambda o, y: np.array([1 / (1 + np.exp(-o[0])) - y]),
    ),
    "multiclass": (lambda o, y: -np.log(softmax(o)[y]), lambda o, y: softmax(o) - np.eye(3)[y]),
}
"""For each task the loss and its gradient, as written in textbooks."""


def cases(kind):
    if kind == "regression":
        return [(o[:1], o[1]) for o in OUTPUTS]
    if kind == "count":
        return [(o[:1] / 4, float(j % 4)) for j, o in enumerate(OUTPUTS)]
    return [(o[:1] if kind == "binary" else o, j % (2 if kind == "binary" else 3)) for j, o in enumerate(OUTPUTS)]


@pytest.fixture
def float64():
    with jax.enable_x64(True):
        yield


LOSSES = {
    "binary": Binary.functions.loss,
    "multiclass": Multiclass.functions.loss,
    "regression": Number.functions.loss,
    "count": Count.functions.loss,
}


def test_every_task_has_a_loss():
    """That of transcripts is held against all ways in test_transcripts.py."""
    assert sorted(LOSSES) == sorted({*TASKS} - {"transcript"}) == sorted(FORMULAS)


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.usefixtures("float64")
def test_a_loss_follows_its_formula(kind):
    losses = [LOSSES[kind](jnp.asarray(o), jnp.asarray(y)) for o, y in cases(kind)]
    np.testing.assert_allclose(losses, [FORMULAS[kind][0](o, y) for o, y in cases(kind)], rtol=1e-12)


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.usefixtures("float64")
def test_the_gradient_of_a_loss_follows_its_formula(kind):
    grads = [jax.grad(LOSSES[kind])(jnp.asarray(o), jnp.asarray(y)) for o, y in cases(kind)]
    np.testing.assert_allclose(grads, [FORMULAS[kind][1](o, y) for o, y in cases(kind)], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.usefixtures("float64")
def test_the_gradient_of_a_loss_agrees_with_finite_differences(kind):
    # Central differences err by step^2/6 times the third derivative (below one here) and by rounding, 1e-16/step.
    step, loss = 1e-5, LOSSES[kind]
    for o, y in cases(kind):
        steps = step * np.eye(len(o))
        differences = [(loss(jnp.asarray(o + d), jnp.asarray(y)) - loss(jnp.asarray(o - d), jnp.asarray(y))) / (2 * step) for d in steps]
        np.testing.assert_allclose(jax.grad(loss)(jnp.asarray(o), jnp.asarray(y)), differences, atol=1e-9)


@pytest.mark.parametrize(
    ("kind", "outputs"), [("binary", [1e4]), ("binary", [-1e4]), ("multiclass", [1e4, -1e4, 0.0]), ("count", [1e4]), ("count", [-1e4])]
)
@pytest.mark.parametrize("y", [0, 1])
def test_losses_of_certain_claims_stay_finite_in_float32(kind, outputs, y):
    value, grad = jax.value_and_grad(LOSSES[kind])(jnp.array(outputs, jnp.float32), jnp.array(y))
    assert np.isfinite([value, *grad]).all()


@pytest.mark.parametrize(
    "task", [Binary("y", ["a", "b"]), Multiclass("y", ["a", "b", "c"]), Number("y"), Count("y")], ids=lambda task: task.kind
)
@pytest.mark.usefixtures("float64")
def test_the_loss_in_numpy_and_for_the_solver_is_that_of_compiled_programs(task):
    outputs = np.random.default_rng(0).normal(size=(40, task.n_outputs)) * 5
    y = np.arange(40) % (len(task.classes) or 3)
    expected = jax.vmap(task.functions.loss)(jnp.asarray(outputs), jnp.asarray(y))
    losses, slopes, responses = task.convex.evaluate(outputs, y)
    for found in (task.row_losses(outputs, y), losses, task.convex.losses(outputs, y)):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)  # a sum with one rounds to 1e-16
    np.testing.assert_allclose(slopes, jax.vmap(jax.grad(task.functions.loss))(jnp.asarray(outputs), jnp.asarray(y)), atol=1e-12)
    second = jax.vmap(jax.hessian(task.functions.loss))(jnp.asarray(outputs), jnp.asarray(y))
    pairs = [(a, b) for a in range(task.n_outputs) for b in range(task.n_outputs)]
    np.testing.assert_allclose(np.stack([task.convex.second(responses, *pair) for pair in pairs], 1), second.reshape(40, -1), atol=1e-12)
    moved = np.random.default_rng(1).normal(size=outputs.shape)
    np.testing.assert_allclose(task.convex.product(responses, moved), np.einsum("nab,nb->na", second, moved), atol=1e-12)


@pytest.mark.parametrize(
    "task", [Binary("y", ["a", "b"]), Multiclass("y", ["a", "b", "c"]), Number("y"), Count("y")], ids=lambda task: task.kind
)
@pytest.mark.usefixtures("float64")
def test_outputs_are_averaged_in_the_same_space_in_numpy_and_in_compiled_programs(task):
    outputs = np.random.default_rng(0).normal(size=(40, task.n_outputs)) * 5
    np.testing.assert_allclose(task.normalise(outputs), task.functions.normalise(jnp.asarray(outputs)), rtol=1e-12)
