"""Maps of what an answer rests on: a mark that decides the class is found, and maps of weights that learned nothing do not show it."""

from __future__ import annotations

import jax
import numpy as np
import pytest
import scipy.stats

import weights
from planted import OF_MARKS, marked
from weights.data.bags import Bags
from weights.data.inputs import Inputs, Layout
from weights.inspection.saliency import (
    Randomised,
    RankCorrelation,
    Saliency,
    _programs,
    _slices,
    critical_places,
    rank_correlation,
    saliency,
)
from weights.models.scene import SceneWords

SIDE = 16
SPOT = np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]], float)[None, ..., None]


def row_of(picture):
    """A picture (side, side) as a row of its own."""
    return Inputs({"pixels": picture[None, ..., None]})


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("marks") / "marks.npz"
    pictures, labels = marked(200, seed=0)
    np.savez(path, images=pictures, labels=labels)
    return weights.fit(path, **OF_MARKS)


def test_the_mark_that_decides_is_critical_and_hiding_it_changes_the_answer(model):
    assert model.metrics["accuracy"] > 0.95
    picture, _ = marked(2, seed=9, place=(4, 11))
    found = saliency(model.ensemble, row_of(picture[1]))
    assert model.classes[found.label] == "marked"
    row, column = np.unravel_index(found.mean_occlusion.argmax(), (SIDE, SIDE))
    assert abs(row - 4) <= 2
    assert abs(column - 11) <= 2
    assert found.critical[4, 11]
    assert found.critical.mean() < 0.3
    assert found.without < found.prediction
    sizes = np.abs(found.mean_gradients)
    strongest = np.argwhere(sizes > np.quantile(sizes, 0.97))
    assert np.abs(strongest - [4, 11]).max(1).mean() < 4  # near the mark, where chance is 7 away


def test_members_agree_and_randomised_weights_destroy_the_map(model):
    picture, _ = marked(2, seed=10, place=(10, 5))
    found = saliency(model.ensemble, row_of(picture[1]))
    assert found.members_agree
    assert found.depends_on_weights == {"gradients": True, "occlusion": True}
    assert [step.layer for step in found.randomised] == ["output", "hidden.1", "hidden.0"]
    assert found.randomised[-1].correlation.occlusion < found.member_correlation.occlusion
    assert found.gradients.shape == found.occlusion.shape == (3, SIDE, SIDE)
    assert found.agreement.min() >= 1 / 3 - 1e-9  # three members: the sign of the mean is that of one at least
    np.testing.assert_allclose(found.mean_occlusion, found.occlusion.mean(0))


def of_maps(trained, left, *, members=4):
    """A record of members whose maps are a pattern and noise, of so much correlation with those of randomised weights."""
    rng = np.random.default_rng(0)
    pattern, noise = rng.normal(size=(8, 8)), rng.normal(size=(2, members, 8, 8))
    maps = trained * pattern + (1 - trained) * noise
    return Saliency(
        np.zeros((8, 8, 1), np.uint8),
        SceneWords(),
        "",
        0,
        0.9,
        None,
        maps[0],
        maps[1],
        np.full(members, 1 / members),
        [Randomised("hidden.0", RankCorrelation(*left))],
        RankCorrelation(0.1, 0.1),
    )


def test_maps_that_survive_randomised_weights_fail_the_check():
    found = of_maps(0.8, (0.1, 0.8))
    assert found.members_agree is True
    assert found.depends_on_weights == {"gradients": True, "occlusion": False}


def test_where_members_disagree_the_check_cannot_tell():
    found = of_maps(0.0, (0.1, 0.1))
    assert found.members_agree is False
    assert found.depends_on_weights == {"gradients": None, "occlusion": None}


def test_one_member_alone_knows_neither():
    found = of_maps(0.8, (0.1, 0.1), members=1)
    assert found.members_agree is None
    assert found.depends_on_weights == {"gradients": None, "occlusion": None}


@pytest.mark.parametrize("side", [16, 24, 40, 224])
def test_places_at_the_edge_are_covered_by_nearly_as_many_windows_as_others(side):
    """By few, they would show the effect of one window alone, which is larger than a mean over several."""
    covered = np.zeros(side)
    for window in _slices(side):
        covered[window] += 1
    assert covered.min() >= covered.max() / 2


def test_a_loaded_run_randomises_its_layers_from_the_last_to_the_first(by_hand, tmp_path):
    from weights.store.format import load, save

    save(by_hand(SPOT, members=2), tmp_path / "run")
    found = saliency(load(tmp_path / "run"), row_of(np.random.default_rng(0).integers(0, 255, (SIDE, SIDE), dtype=np.uint8)))
    assert [step.layer for step in found.randomised] == ["output", "hidden.1", "hidden.0"]


def test_pictures_that_are_not_square_keep_their_sides(tmp_path):
    pictures, labels = marked(60, seed=3)
    np.savez(tmp_path / "wide.npz", images=np.concatenate([pictures, pictures[:, :, :8]], axis=2), labels=labels)
    model = weights.fit(tmp_path / "wide.npz", members=1, n_folds=2, n_steps=20, widths=(8,), blocks=(0,))
    [found] = model.saliency(np.concatenate([pictures, pictures[:, :, :8]], axis=2)[:1])
    assert found.occlusion.shape == found.gradients.shape == (1, 16, 24)


def test_the_class_that_is_explained_turns_the_map_of_occlusion(model):
    picture, _ = marked(2, seed=12)
    one, other = (saliency(model.ensemble, row_of(picture[1]), label=k) for k in (0, 1))
    np.testing.assert_allclose(one.mean_occlusion, -other.mean_occlusion, atol=1e-5)
    assert one.prediction == pytest.approx(1 - other.prediction)


def test_columns_beside_a_picture_stay_as_they_are(by_hand):
    """The output adds what columns say to what a picture does: other columns move the answer, and no place of the log odds' map."""
    ensemble = by_hand(SPOT, members=2, columns=("age", "size"))
    picture, _ = marked(2, seed=14, place=(6, 9))
    row = row_of(picture[1])
    rows = [row.replace(x=np.array([columns], np.float32)) for columns in ((0.0, 0.0), (1.5, -2.0))]
    one, other = (saliency(ensemble, row, label=1) for row in rows)
    for found, row in zip((one, other), rows, strict=True):
        assert found.prediction == ensemble.predict_proba(row)[0, 1]
    assert abs(one.prediction - other.prediction) > 0.05
    # Log odds are float32 and of size one.
    np.testing.assert_allclose(one.occlusion, other.occlusion, atol=1e-5)
    np.testing.assert_allclose(one.gradients, other.gradients, atol=1e-5)
    without = row.replace(
        pixels=np.where(one.critical[None, ..., None], picture[1].mean().round().astype(np.uint8), row["pixels"]), x=rows[0].x
    )
    assert one.without == pytest.approx(ensemble.predict_proba(without)[0, 1], abs=1e-6)


def test_texts_beside_a_picture_have_no_part_in_its_map(by_hand):
    ensemble = by_hand(SPOT, members=2)
    row = row_of(marked(2, seed=14, place=(6, 9))[0][1])
    alone, beside = (saliency(ensemble, each, label=1) for each in (row, row.replace(text=Bags.empty(1, 5, 2).padded(1))))
    np.testing.assert_array_equal(alone.occlusion, beside.occlusion)


def test_gradients_are_those_of_finite_differences(by_hand):
    ensemble = by_hand(SPOT, classes=("a", "b", "c"), activation="softplus")
    population, layout = ensemble.populations[0], Layout((("pixels", (SIDE, SIDE, 1)),), 3)
    params = jax.tree.map(lambda a: a[0], population.params)
    change, odds = _programs(population.spec, layout, ensemble.task.functions, "pixels")
    pixels = np.random.default_rng(0).uniform(50, 200, (1, SIDE, SIDE, 1)).astype(np.float32)
    found = np.asarray(change(params, Inputs({"pixels": pixels}), 2)).reshape(-1)
    for pixel in (0, 40, 136):
        step = np.zeros_like(pixels)
        step.reshape(-1)[pixel] = 4.0
        up, down = (float(odds(params, Inputs({"pixels": moved}), 2)[0]) for moved in (pixels + step, pixels - step))
        known = (up - down) / 8
        assert found[pixel] == pytest.approx(known, rel=0.05, abs=2e-5)  # float32, through Winograd's transforms


def test_rank_correlation_is_spearmans():
    rng = np.random.default_rng(3)
    first, second = rng.integers(0, 5, (2, 6, 7))
    assert rank_correlation(first, second) == pytest.approx(scipy.stats.spearmanr(first.ravel(), second.ravel()).statistic)
    assert rank_correlation(np.ones((2, 2)), np.eye(2)) == 0.0


def test_critical_places_need_size_and_agreement():
    mean, agreement = np.array([[1.0, 0.6], [0.4, -1.5]]), np.array([[1.0, 0.6], [1.0, 1.0]])
    assert critical_places(mean, agreement).tolist() == [[True, False], [False, False]]
    assert not critical_places(-np.abs(mean), agreement).any()


def test_pictures_are_not_changed(model):
    picture, _ = marked(2, seed=13)
    before = picture.copy()
    saliency(model.ensemble, row_of(picture[1]))
    np.testing.assert_array_equal(picture, before)


@pytest.mark.parametrize("place", [(700.0, 0.05), (2400.0, 0.2)])
def test_the_band_and_moment_that_decide_a_recording_are_found(place):
    """A beep in a band and a moment tells the classes apart; noise is everywhere."""
    hertz, second = place
    rng = np.random.default_rng(0)

    def record(beeps):
        samples = rng.normal(size=2400)
        moments = np.arange(400) + round(second * 8000)
        samples[moments] += beeps * 2.5 * np.hanning(400) * np.sin(2 * np.pi * hertz * np.arange(400) / 8000)
        return samples / 8

    labels = ["beep", "noise"] * 40
    recordings = weights.Recordings([record(label == "beep") for label in labels], 8000)
    small = {"members": 3, "n_folds": 3, "n_steps": 150, "widths": (6, 12), "blocks": (0, 0), "bands": 20, "seed": 0}
    model = weights.fit(recordings, labels, model="spectrogram", **small)
    [found] = model.saliency(weights.Recordings([record(True)], 8000), label="beep")
    row, column = np.unravel_index(found.mean_occlusion.argmax(), found.mean_occlusion.shape)
    assert abs(column * 0.0125 - (second + 0.025)) < 0.05
    edges = 700 * (10 ** (np.linspace(2595 * np.log10(1 + 80 / 700), 2595 * np.log10(1 + 3800 / 700), 22) / 2595) - 1)
    assert edges[1:-1][::-1][row] == pytest.approx(hertz, rel=0.4)
    assert found.without < found.prediction
    assert "kHz" in found.where
