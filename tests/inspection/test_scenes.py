"""Rows are drawn and shown as images, whatever they are of."""

from __future__ import annotations

import numpy as np
import pytest

from small import fitted_example
from weights.data.inputs import Inputs
from weights.errors import UsageError
from weights.inspection.scenes import draw_row, has_scenes, make_scene, population_of_scenes, show_images, show_scenes

SPOT = np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]], float)[None, ..., None]


def test_a_picture_is_drawn_as_it_is(by_hand):
    picture = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 1), dtype=np.uint8)
    np.testing.assert_array_equal(draw_row(by_hand(SPOT), Inputs({"pixels": picture})), picture[0])


def test_a_recording_is_drawn_until_it_ends_and_white_behind(of_tones):
    model, recordings = of_tones
    inputs = model._encode(recordings)
    image = draw_row(model.ensemble, inputs[:1])
    scene = make_scene(*population_of_scenes(model.ensemble), inputs[:1])
    assert scene.width < image.shape[1]
    assert (image[:, scene.width :] == 255).all()
    assert np.ptp(image[:, : scene.width]) > 200


def test_images_that_are_shown_are_what_models_see(of_tones):
    model, recordings = of_tones
    population, layout = population_of_scenes(model.ensemble)
    inputs = model._encode(recordings)[:3]
    scenes = [make_scene(population, layout, inputs[i : i + 1]) for i in range(3)]
    shown = show_scenes(scenes, inputs)
    assert len(shown) == 3
    for i, scene in enumerate(scenes):
        np.testing.assert_allclose(scene.as_images(shown[scene.block])[i], scene.image, atol=1e-6)
    images = np.random.default_rng(1).normal(size=(4, *scenes[0].image.shape))
    np.testing.assert_allclose(scenes[0].as_images(show_images(layout, scenes[0], images)["sound"]), images, atol=1e-6)


def test_a_run_of_columns_looks_at_no_images():
    ensemble = fitted_example("iris").ensemble
    assert not has_scenes(ensemble)
    with pytest.raises(UsageError, match="need a run of pictures or recordings, but this one reads columns"):
        population_of_scenes(ensemble)
