"""Numbers as a task: losses in their unit, what is told of them, and outcomes simulated from them."""

import numpy as np
import pytest

from weights.errors import UsageError
from weights.tasks.number import Number, ranks

TASK = Number("wage", center=10.0, scale=2.0)
Y = np.array([-1.0, 0.0, 2.0])  # 8, 10 and 14


def test_losses_of_outputs_and_of_predictions_agree_in_the_unit_of_the_target():
    outputs = np.array([[0.5], [-1.0], [2.0]])
    of_outputs = TASK.loss_scale * TASK.row_losses(outputs, Y)
    np.testing.assert_allclose(of_outputs, TASK.prediction_losses(Y, TASK.decode(outputs)))
    np.testing.assert_allclose(of_outputs, [9.0, 4.0, 0.0])


def test_a_constant_prediction_is_the_weighted_mean():
    assert TASK.constant_predictions(Y, np.array([1.0, 1.0, 2.0])).tolist() == [11.5] * 3


def test_an_interval_reaches_as_far_below_as_above():
    columns = TASK.prediction_columns(np.array([5.0]), 0.9, lambda level: 10 * level)
    assert {name: values.tolist() for name, values in columns.items()} == {"prediction": [5.0], "low 90%": [-4.0], "high 90%": [14.0]}


def test_classes_are_missed_with_what_to_do():
    with pytest.raises(UsageError, match=r"^Probabilities need classes, but 'wage' is a number\. Use predict\.$"):
        TASK.need_classes("Probabilities need classes", "Use predict.")


def test_simulated_values_have_their_residuals_under_signs_that_a_unit_shares():
    residuals, units = np.array([1.0, 2.0, 3.0, 4.0]), np.array([0, 0, 1, 1])
    rng = np.random.default_rng(0)
    moves = np.stack([TASK.original(TASK.simulate(np.zeros(4), residuals, units, rng)) for _ in range(200)])
    np.testing.assert_allclose(np.abs(moves), np.tile(residuals, (200, 1)), rtol=1e-6)
    signs = np.sign(moves)
    assert (signs[:, 0] == signs[:, 1]).all()
    assert (signs[:, 2] == signs[:, 3]).all()
    # Two hundred fair signs: standard error 0.035 of their share; four of them.
    assert abs((signs[:, 0] == signs[:, 2]).mean() - 0.5) < 0.15


def test_ranks_reach_from_zero_to_one_and_ties_share_theirs():
    np.testing.assert_allclose(ranks(np.array([5.0, 1.0, 5.0, 9.0])), [0.5, 0.0, 0.5, 1.0])


def test_a_scale_that_is_no_number_above_zero_is_noticed():
    assert TASK.check() == []
    assert Number("y", scale=0.0).check() == ["the target's scale is 0.0"]
