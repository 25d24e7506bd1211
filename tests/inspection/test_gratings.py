"""Filters of a known kind, planted in a first layer, are named by what they respond to."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from small import fitted_example
from weights.errors import UsageError
from weights.inspection.gratings import filters

SOBEL = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], float)
DIAGONAL = np.array([[2, 1, 0], [1, 0, -1], [0, -1, -2]], float)
FINE = np.array([[-1, 2, -1]] * 3, float)
SPOT = np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]], float)
CROSSED = np.array([[1, 0, -1], [0, 0, 0], [-1, 0, 1]], float)
RING = np.array([[0, 1, 0], [1, -3.9, 1], [0, 1, 0]], float)
PLAIN = np.ones((3, 3))


def in_colour(filters, direction):
    """Filters (h, 3, 3) in a direction of colour (3,), shape (h, 3, 3, 3)."""
    return np.asarray(filters, np.float32)[..., None] * np.asarray(direction, np.float32)


@pytest.fixture(scope="module")
def grey(by_hand):
    """Filters for pictures in grey."""
    planted = np.stack([SOBEL, SOBEL.T, DIAGONAL, DIAGONAL[:, ::-1], FINE, FINE.T, SPOT, CROSSED, RING])
    return filters(by_hand(planted[..., None]))


@pytest.mark.parametrize(
    ("unit", "kind", "orientation", "period"),
    [
        (0, "edge", 90, 4),  # the transfer function of [-1 0 1] is 2 sin(w), largest at a quarter of a cycle a pixel
        (1, "edge", 0, 4),
        (2, "edge", 45, None),
        (3, "edge", 135, None),
        (4, "texture", 90, 2),  # that of [-1 2 -1] is 2 - 2 cos(w), largest at half a cycle
        (5, "texture", 0, 2),
        (6, "blob", None, None),
        (7, "texture", None, None),
        (8, "blob", None, None),
    ],
)
def test_planted_filters_are_named(grey, unit, kind, orientation, period):
    found = grey.by_member[0][unit]
    assert found.kind == kind
    assert found.orientation == (None if orientation is None else pytest.approx(orientation, abs=0.5))
    if period is not None:
        assert found.period == pytest.approx(period)
    assert found.colours is None


def test_patterns_are_the_standardised_filters(grey):
    centred = SOBEL - SOBEL.mean()
    known = centred / np.sqrt((centred**2).sum()) / 64  # pixels are divided by 64 (models/convolution.py)
    np.testing.assert_allclose(grey.patterns[0, 0, :, :, 0], known, atol=1e-6)


@pytest.mark.parametrize(
    ("direction", "axis"),
    [((1, -1, 0), "green-red"), ((2, -1, -1), "red-cyan"), ((1, 1, -2), "yellow-blue"), ((-1, 2, -1), "green-magenta")],
)
def test_differences_of_colour_are_told_from_brightness(by_hand, direction, axis):
    [found] = filters(by_hand(in_colour([PLAIN, SOBEL], direction))).by_member
    assert [one.kind for one in found] == ["colour opponent"] * 2
    assert [one.colours for one in found] == [axis] * 2
    assert found[0].period is None  # plain colour excites it most
    assert found[0].orientation is None
    assert found[1].orientation == pytest.approx(90, abs=3)


def test_an_edge_in_brightness_of_colour_pictures_is_an_edge(by_hand):
    [[found]] = filters(by_hand(in_colour([SOBEL], (1, 1, 1)))).by_member
    assert (found.kind, found.colours) == ("edge", None)


def test_columns_beside_pictures_change_nothing_about_filters(by_hand, grey):
    planted = np.stack([SOBEL, SOBEL.T, DIAGONAL, DIAGONAL[:, ::-1], FINE, FINE.T, SPOT, CROSSED, RING])
    beside = filters(by_hand(planted[..., None], columns=("age", "size")))
    np.testing.assert_allclose(beside.patterns, grey.patterns, atol=1e-7)
    assert [one.kind for one in beside.by_member[0]] == [one.kind for one in grey.by_member[0]]
    assert beside.untrained.keys() == grey.untrained.keys()


def test_a_filter_without_gain_is_silent(by_hand):
    ensemble = by_hand(np.stack([SOBEL, SPOT])[..., None])
    ensemble.populations[0].params["hidden.0"]["gain"][0, 1] = 0.0
    assert [one.kind for one in filters(ensemble).by_member[0]] == ["edge", "silent"]


def test_what_untrained_filters_respond_to_is_told_beside(grey):
    assert [*grey.untrained] == ["edge", "texture", "blob", "colour opponent", "silent"]
    assert sum(grey.untrained.values()) == pytest.approx(1)
    assert grey.shares("edge").tolist() == [4 / 9]


def test_a_run_of_columns_has_no_filters():
    with pytest.raises(UsageError, match="need a run of pictures or recordings"):
        fitted_example("iris").filters()


def test_filters_of_spectrograms_are_named_by_frequency_and_time(of_tones):
    """Of weights (band, moment), low bands first: a line along the one diagonal rises in time, along the other it falls."""
    model, _ = of_tones
    ensemble = copy.deepcopy(model.ensemble)
    rising = np.array([[2, 0, -1], [0, 2, 0], [-1, 0, 2]], float)
    planted = np.stack([SOBEL.T, FINE.T, SOBEL, FINE, rising, rising[::-1], SPOT, SPOT])
    ensemble.populations[0].params["hidden.0"]["w"][:] = planted.reshape(8, 9).T
    ensemble.populations[0].params["hidden.0"]["gain"][:, 7] = 0.0
    found = filters(ensemble)
    assert [one.kind for one in found.by_member[1]] == ["tone", "tone", "onset", "onset", "rising", "falling", "patch", "silent"]
    assert [*found.untrained] == ["tone", "onset", "rising", "falling", "patch", "silent"]
    assert found.words.noun == "spectrogram"
    drawn = found.patterns[0, 4, :, :, 0]  # high bands above, so that what rises goes up to the right
    assert drawn.argmax(0).tolist() == [2, 1, 0]
