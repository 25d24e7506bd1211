"""Errors at rolling origins are what came less what was forecast, and their means weigh every series alike."""

from __future__ import annotations

import numpy as np
import pytest

from weights.forecasting.rolling import (
    NO_ERRORS,
    Errors,
    find_errors,
    lay_side_by_side,
    mean_error,
    measure_sizes,
    metrics_of,
    place_origins,
)
from weights.forecasting.units import Scale
from weights.training.lagged import LagMixture, forecast_at, steps_after
from weights.training.windows import refer_to_last, refer_to_season

NAN = np.nan
VALUES = np.array([1.0, 4.0, 2.0, 8.0, 5.0, 7.0])


def errors_of(values, origins) -> Errors:
    return Errors(np.asarray(origins), np.asarray(values, float), np.asarray(values, float))


def test_what_came_after_an_origin_and_what_was_forecast_from_it():
    origins = np.array([1, 3])
    assert steps_after(VALUES, origins, 2).tolist() == [[2.0, 8.0], [5.0, 7.0]]
    assert forecast_at(VALUES, origins, refer_to_last(2, 2).start).tolist() == [[4.0, 4.0], [8.0, 8.0]]
    assert forecast_at(VALUES, origins, refer_to_season(2, 2, 2).start).tolist() == [[1.0, 4.0], [2.0, 8.0]]


def test_errors_are_in_the_users_units_and_in_those_of_learning():
    scale = Scale(10.0, 2.0)
    errors = find_errors(np.array([0]), np.array([[14.0, NAN]]), np.array([[1.0, 1.0]]), scale)
    np.testing.assert_array_equal(errors.values, [[2.0, NAN]])
    np.testing.assert_array_equal(errors.seen, [[1.0, NAN]])


@pytest.mark.parametrize("most", [1, 5, 20, 1000])
def test_origins_lie_evenly_apart_over_all_cuts(most):
    cuts = np.array([40, 57, 71])
    mixture = LagMixture(np.zeros((3, 4)), {}, {}, cuts, np.zeros((3, 3, 4)))
    by_cut = place_origins(mixture, 100, most)
    together = np.concatenate(by_cut)
    assert len(together) <= most
    assert together[0] == 40
    assert len(np.unique(np.diff(together))) <= 1
    for own, begin, end in zip(by_cut, cuts, [*cuts[1:], 96], strict=True):
        assert ((own >= begin) & (own < end)).all()


def test_series_lie_side_by_side_at_their_origins():
    together, origins = lay_side_by_side([errors_of([[1.0]], [3]), NO_ERRORS, errors_of([[2.0], [5.0]], [1, 3])], 1)
    assert origins.tolist() == [1, 3]
    np.testing.assert_array_equal(together[:, :, 0], [[NAN, 1.0], [NAN, NAN], [2.0, 5.0]])


def test_sizes_are_means_over_the_steps_that_came():
    sizes = measure_sizes(
        [errors_of([[1.0, -3.0], [NAN, NAN]], [0, 1]), NO_ERRORS, errors_of([[NAN, 4.0]], [5])], np.array([2.0, 1.0, 8.0])
    )
    assert sizes.unit.tolist() == [0, 2]
    assert sizes.origin.tolist() == [0, 5]
    assert (sizes.mae.tolist(), sizes.mse.tolist(), sizes.mase.tolist()) == ([2.0, 4.0], [5.0, 16.0], [1.0, 0.5])


def test_means_weigh_each_series_alike_however_many_forecasts_it_has():
    sizes = measure_sizes([errors_of(np.ones((30, 2)), np.arange(30)), errors_of([[3.0, 3.0]], [0])], np.ones(2))
    assert mean_error(sizes.mae, sizes)[0] == 2.0
    assert metrics_of(sizes, {"mae": None, "mse": None})["mse"].value == 5.0


def test_intervals_are_wider_where_neighbouring_errors_are_alike():
    rng = np.random.default_rng(0)
    alone = rng.normal(size=(400, 1))
    alike = np.repeat(alone[::20], 20, axis=0)
    widths = []
    for values in (alone, alike):
        metric = metrics_of(measure_sizes([errors_of(values, np.arange(400))], np.ones(1)), {"mae": None})["mae"]
        widths.append(np.inf if metric.low is None else metric.high - metric.low)
    assert widths[1] > 2 * widths[0]
