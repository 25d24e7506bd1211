"""Numbers as a task: losses in their unit, what is told of them, and outcomes simulated from them."""

import numpy as np
import pyarrow as pa
import pytest

from weights.conformal import Conformal, Interval
from weights.errors import UsageError
from weights.tasks.number import Number, find_number, ranks

TASK = Number("wage", center=10.0, scale=2.0)
Y = np.array([-1.0, 0.0, 2.0])  # 8, 10 and 14


def test_losses_of_outputs_and_of_predictions_agree_in_the_unit_of_the_target():
    outputs = np.array([[0.5], [-1.0], [2.0]])
    of_outputs = TASK.loss_scale * TASK.row_losses(outputs, Y)
    np.testing.assert_allclose(of_outputs, TASK.prediction_losses(Y, TASK.decode(outputs)))
    np.testing.assert_allclose(of_outputs, [9.0, 4.0, 0.0])


def test_a_constant_prediction_is_the_weighted_mean():
    assert TASK.constant_predictions(Y, np.array([1.0, 1.0, 2.0])).tolist() == [11.5] * 3


def test_an_interval_comes_as_columns_that_name_its_level():
    columns = TASK.prediction_columns(np.array([5.0]), lambda: Interval(np.array([-4.0]), np.array([14.0]), 0.9))
    assert {name: values.tolist() for name, values in columns.items()} == {"prediction": [5.0], "low 90%": [-4.0], "high 90%": [14.0]}


@pytest.mark.parametrize(
    ("values", "low", "high", "said"),
    [
        ([0.0, 3.0, 200.0], 0.0, 250.0, "'y' is never negative, so that bounds of intervals stop there"),
        ([0.0, 0.5, 1.0], 0.0, 1.0, "'y' lies between 0 and 1, so that bounds of intervals stop there"),
        ([-0.1, 3.0, 200.0], -50.0, 250.0, ""),
    ],
)
def test_bounds_stay_inside_what_the_target_can_be_and_it_is_said(values, low, high, said):
    task = find_number(pa.chunked_array([values]), "y", class_weight=None, remark="")
    bounds = task.interval(Conformal(np.full(20, 150.0)), np.array([100.0, -200.0]), np.zeros((2, 0)), 0.9)
    assert (task.remark, bounds.low[0], bounds.high[0]) == (said, low, high)
    assert bounds.high[1] == (-50.0 if low < 0 else 0.0)  # a prediction below what can be has bounds where it begins


def test_what_is_said_of_the_range_follows_how_the_task_was_found():
    task = find_number(pa.chunked_array([[0, 1, 5]]), "y", class_weight=None, remark="read as quantities")
    assert task.remark == "read as quantities; 'y' is never negative, so that bounds of intervals stop there"


@pytest.mark.parametrize("range_", [(5.0, None), (0.0, 2.0), (None, 0.0)])
def test_a_range_that_is_not_among_those_known_is_noticed(range_):
    assert Number("y", 0.0, 1.0, "", *range_).check() == [f"the target's range is {range_[0]} to {range_[1]}"]


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


def test_a_number_has_no_class_to_speak_of():
    with pytest.raises(UsageError, match="A class to speak of was named \\('yes'\\), but 'y' is a number"):
        find_number(pa.chunked_array([[0.5, 1.0, 2.0]]), "y", class_weight=None, positive="yes", remark="")
