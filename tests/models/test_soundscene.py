"""Recordings as images, and bands of moments hidden in sound: known tones go, others stay, and where is said in words."""

import numpy as np
import pytest

from sounds import RATE, tone
from weights.data.audio.column import ENDED
from weights.data.audio.decoding import fit
from weights.data.inputs import Inputs
from weights.models.hearing import Grid
from weights.models.soundscene import SOUNDING, hide, locate, make_scene

GRID = Grid(rate=RATE, n_samples=4000, n_bands=32, window=200, hop=100)
MIDDLES = GRID.band_edges[1:-1]


def recording(seed=0):
    """Two tones at once, then noise, of 0.4 s."""
    both = np.concatenate([tone(600, 0.2) + tone(2000, 0.2), np.zeros(1600)])
    both += 0.003 * np.random.default_rng(seed).normal(size=len(both))
    return fit(both / np.abs(both).max(), GRID.n_samples)


def size_at(samples, hertz, begin=400, end=1200):
    part = samples[begin:end].astype(float) * np.hanning(end - begin)
    return abs(np.exp(-2j * np.pi * hertz * np.arange(begin, end) / RATE) @ part)


def places_around(hertz, first, last):
    places = np.zeros((1, GRID.n_bands, GRID.n_frames), bool)
    places[:, np.abs(MIDDLES - hertz) < 0.3 * hertz, first:last] = True
    return places


def test_what_is_hidden_is_gone_and_the_rest_stays():
    samples = recording()
    hidden = hide(GRID, samples, places_around(600, 0, 20))[0, :, 0]
    assert size_at(hidden, 600) < 0.25 * size_at(samples, 600)
    assert size_at(hidden, 2000) == pytest.approx(size_at(samples, 2000), rel=0.05)
    assert (hidden[3200:] == ENDED).all()
    assert np.abs(hidden[1900:3100].astype(int) - samples[1900:3100]).max() < 30  # of 32,767: rounding, and the windows' edges


def test_hiding_nothing_gives_the_recording_back():
    samples = recording()
    same = hide(GRID, samples, np.zeros((1, GRID.n_bands, GRID.n_frames), bool))
    assert same.dtype == np.int16
    assert np.abs(same[0, :, 0].astype(int) - samples).max() <= 1


def test_a_scene_has_high_bands_above_and_ends_with_the_sound():
    scene = make_scene(GRID, Inputs({"sound": recording()[None, :, None]}))
    assert scene.image.shape == scene.shown.shape == (32, 40, 1)
    assert scene.width == 32
    loudest = scene.image[:, 8, 0].argmax()
    assert MIDDLES[::-1][loudest] == pytest.approx(600, rel=0.15) or MIDDLES[::-1][loudest] == pytest.approx(2000, rel=0.15)
    images = scene.image[None].astype(np.float32)
    blocks = scene.at_images(images)
    np.testing.assert_array_equal(scene.as_images(blocks["sound"]), images)
    assert blocks[SOUNDING].sum() == 32
    places = places_around(600, 0, 20)
    np.testing.assert_array_equal(scene.hide(places[:, ::-1]), hide(GRID, recording(), places))
    assert scene.locate(places[0, ::-1]) == locate(GRID, places[0])


def test_places_are_said_in_kilohertz_and_seconds():
    places = np.zeros((GRID.n_bands, GRID.n_frames), bool)
    inside = (MIDDLES > 1750) & (MIDDLES < 2650)
    places[inside, 8:16] = True
    assert locate(GRID, places) == "1.7 to 2.7 kHz, 0.10 to 0.20 s"
    places[2:4, 20:30] = True
    places[10, 35] = True  # too small to be told
    assert locate(GRID, places) == "1.7 to 2.7 kHz, 0.10 to 0.20 s; 0.2 to 0.3 kHz, 0.25 to 0.38 s"


def test_a_recording_of_a_moment_has_a_scene():
    moment = fit(np.array([1.0, -1.0]), GRID.n_samples)
    scene = make_scene(GRID, Inputs({"sound": moment[None, :, None]}))
    assert scene.width == 1
    assert scene.hide(np.ones((2, 32, 40), bool)).shape == (2, 4000, 1)
