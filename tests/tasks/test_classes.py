"""Classes as a task: probabilities and their derivatives, what is told of them, and outcomes simulated from them."""

import numpy as np
import pytest

from weights.errors import UsageError
from weights.tasks.classes import Binary, Multiclass, task_of

TASKS = [Binary("state", ["ill", "well"]), Multiclass("grade", ["a", "b", "c"])]
EACH = pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)


def outputs_of(task, n: int = 30) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n, task.n_outputs)) * 2


def test_two_labels_make_a_binary_task_and_more_a_multiclass_one():
    assert [task_of("y", classes).kind for classes in (["a", "b"], ["a", "b", "c"])] == ["binary", "multiclass"]


@EACH
def test_losses_of_outputs_and_of_predictions_agree(task):
    outputs, y = outputs_of(task), np.arange(30) % len(task.classes)
    np.testing.assert_allclose(task.row_losses(outputs, y), task.prediction_losses(y, task.decode(outputs)), rtol=1e-12)


@EACH
def test_the_slope_of_a_picked_probability_agrees_with_finite_differences(task):
    outputs, codes, step = outputs_of(task), np.arange(30) % len(task.classes), 1e-6
    moved = [step * np.eye(task.n_outputs)[k] for k in range(task.n_outputs)]
    differences = [(task.pick(task.decode(outputs + d), codes) - task.pick(task.decode(outputs - d), codes)) / (2 * step) for d in moved]
    np.testing.assert_allclose(task.pick_slopes(outputs, codes), np.stack(differences, 1), atol=1e-9)


@EACH
def test_an_excess_loss_is_half_the_second_derivative_along_a_move(task):
    # E over y drawn from the predictions of loss(outputs + e * moved) - loss(outputs) = e^2 * excess, to third order in e.
    outputs, step = outputs_of(task), 1e-3
    moved = np.random.default_rng(1).normal(size=outputs.shape)
    probability = task.decode(outputs)
    rise = np.zeros(len(outputs))
    for k in range(len(task.classes)):
        y = np.full(len(outputs), k)
        there, here, back = (task.row_losses(outputs + sign * step * moved, y) for sign in (1, 0, -1))
        rise += probability[:, k] * (there + back - 2 * here) / (2 * step**2)
    np.testing.assert_allclose(task.excess_losses(outputs, moved), rise, atol=1e-5)


@EACH
def test_a_constant_prediction_is_the_weighted_frequency_of_the_classes(task):
    y = np.array([0, 0, 1, len(task.classes) - 1])
    predictions = task.constant_predictions(y, np.ones(4))
    np.testing.assert_allclose(predictions, np.tile(np.bincount(y) / 4, (4, 1)))
    np.testing.assert_allclose(task.decode(task.constant_outputs(y, np.ones(4))[None])[0], predictions[0], atol=1e-12)


@EACH
def test_simulated_classes_come_as_often_as_their_probability_says(task):
    probability = task.decode(outputs_of(task, 1)).repeat(20_000, 0)
    drawn = task.simulate(probability, np.zeros(20_000), np.arange(20_000), np.random.default_rng(0))
    # Shares of 20,000 draws have a standard error of at most 0.0035; four of them.
    np.testing.assert_allclose(np.bincount(drawn, minlength=len(task.classes)) / 20_000, probability[0], atol=0.014)


def test_the_class_sought_is_the_second_of_two_and_must_be_named_among_more():
    two, several = TASKS
    assert (two.sought(None), two.sought("ill"), several.sought("c")) == (1, 0, 2)
    with pytest.raises(UsageError, match=r"The class to be found must be named \(--class\): a, b, c\."):
        several.sought(None)
    with pytest.raises(UsageError, match=r"The class must be one of the model's, but is 'd'; known are a, b, c\."):
        several.sought("d")


@pytest.mark.parametrize(("probability", "said"), [(0.5, "0.500"), (0.9996, "> 0.999"), (1.0, "1.000")])
def test_a_probability_below_one_is_never_told_as_one(probability, said):
    assert TASKS[0].describe_prediction(probability, 1) == f"well with probability {said}"


def test_columns_of_predictions_hold_the_label_and_each_probability():
    columns = TASKS[0].prediction_columns(np.array([[0.25, 0.75]]), lambda: None)
    assert {name: values.tolist() for name, values in columns.items()} == {
        "prediction": ["well"],
        "probability ill": [0.25],
        "probability well": [0.75],
    }


P = np.array([[0.5, 0.3, 0.2], [0.6, 0.25, 0.15], [0.1, 0.1, 0.8]])


@pytest.mark.parametrize(
    ("threshold", "answers"),
    [
        ({}, "aac"),
        ({"b": 0.28}, "bac"),
        ({"b": 0.28, "c": 0.1}, "ccc"),  # 0.2 exceeds 0.1 by more than 0.3 does 0.28
        ({"a": 0.55}, "bac"),  # what does not reach its threshold is not answered
        ({"a": 0.9, "b": 0.9, "c": 0.9}, "aac"),  # of none that is reached the nearest, where all have one
    ],
)
def test_a_threshold_decides_whether_a_row_is_of_its_class(threshold, answers):
    assert "".join(Multiclass("y", ["a", "b", "c"]).decide(P, threshold)) == answers


@pytest.mark.parametrize(
    ("threshold", "complaint"),
    [({"d": 0.5}, "known are a, b, c"), ({"a": 0}, "must be between 0 and 1, but is 0"), ({"a": "much"}, "but is much")],
)
def test_a_threshold_that_cannot_be_is_refused(threshold, complaint):
    with pytest.raises(UsageError, match=complaint):
        Multiclass("y", ["a", "b", "c"]).decide(P, threshold)
