"""A unit is shown the pictures that it responds to, and the patch is where its filter finds what it looks for."""

from __future__ import annotations

import numpy as np
import pytest

from weights.data.inputs import Inputs
from weights.errors import UsageError
from weights.inspection.excitation import most_exciting, unit_layers
from weights.inspection.scenes import make_scene, population_of_scenes

SPOT = np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]], float)
EDGE = np.array([[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]], float)
SIDE = 16


def spots(n, *, seed=0):
    """Grey pictures, every third with a bright pixel of its own brightness, and where it is."""
    rng = np.random.default_rng(seed)
    pictures, places = np.full((n, SIDE, SIDE), 100, np.uint8), rng.integers(2, SIDE - 2, (n, 2))
    for i in range(0, n, 3):
        pictures[i, *places[i]] = 150 + i
    return Inputs({"pixels": pictures[..., None]}), places


def test_the_brightest_spots_excite_a_detector_of_spots_most(by_hand):
    x, places = spots(90)
    [unit] = most_exciting(by_hand([SPOT[..., None]]), x, "hidden.0", n_patches=4)
    assert [patch.row for patch in unit.patches] == [87, 84, 81, 78]
    activations = [patch.activation for patch in unit.patches]
    assert activations == sorted(activations, reverse=True)
    for patch in unit.patches:
        row, column = places[patch.row]
        assert patch.box == (row - 1, column - 1, row + 2, column + 2)


def test_units_that_tell_classes_apart_come_first(by_hand):
    x, _ = spots(90)
    y = (np.arange(90) % 3 == 0).astype(int)
    stripes = x["pixels"].copy()
    stripes[np.random.default_rng(1).random(90) < 0.5, :, 8:] += 40  # edges that say nothing of the class
    units = most_exciting(by_hand(np.stack([EDGE, SPOT])[..., None]), Inputs({"pixels": stripes}), "hidden.0", y=y)
    assert [unit.number for unit in units] == [1, 0]
    assert units[0].eta_squared > 0.5 > units[1].eta_squared


def test_deeper_layers_see_larger_patches(by_hand):
    x, _ = spots(60)
    units = most_exciting(by_hand([SPOT[..., None]]), x, "hidden.1", n_units=1, n_patches=1)
    top, left, bottom, right = units[0].patches[0].box
    assert max(bottom - top, right - left) >= 3


def test_columns_beside_pictures_do_not_matter_to_units_that_look_at_these(by_hand):
    x, _ = spots(60)
    x = x.replace(x=np.random.default_rng(2).normal(size=(60, 2)).astype(np.float32))
    alone, beside = (most_exciting(by_hand([SPOT[..., None]], columns=columns), x, "hidden.0") for columns in ((), ("age", "size")))
    assert alone[0].patches == beside[0].patches


def test_layers_and_members_that_are_not_there_are_refused(by_hand):
    x, _ = spots(6)
    ensemble = by_hand([SPOT[..., None]])
    with pytest.raises(UsageError, match=r"There is no layer 'hidden\.9'"):
        most_exciting(ensemble, x, "hidden.9")
    with pytest.raises(UsageError, match="There is no member 3: they are counted from 0 to 0"):
        most_exciting(ensemble, x, "hidden.0", member=3)


def test_units_that_listen_are_excited_where_something_sounds(of_tones):
    """What excites units that tell rising from falling tones most is between 0.5 and 1.5 kHz, where all tones are."""
    model, recordings = of_tones
    inputs = model._encode(recordings)
    y = np.arange(len(inputs)) % 2
    units = most_exciting(model.ensemble, inputs, "hidden.1", y=y, n_units=2, n_patches=3)
    assert units[0].eta_squared > 0.3
    population, layout = population_of_scenes(model.ensemble)
    n_bands = make_scene(population, layout, inputs[:1]).image.shape[0]
    for patch in units[0].patches:
        top, _, bottom, _ = patch.box
        assert top > 0.15 * n_bands
        assert bottom < n_bands


def test_layers_without_places_have_no_units(of_tones):
    assert unit_layers(of_tones[0].ensemble) == ["hidden.0", "hidden.1"]
