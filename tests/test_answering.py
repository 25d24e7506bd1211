"""What a run says of rows, as columns and records: names of pictures, classes to be found, pictures of training read again."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import weights
from small import fitted_example
from weights import answering
from weights.errors import DataError, UsageError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Dark and bright pictures, ten of each to learn from and three to test."""
    root, rng = tmp_path_factory.mktemp("shades"), np.random.default_rng(0)
    for part, n in (("train", 10), ("test", 3)):
        for name, level in (("bright", 180), ("dark", 70)):
            (root / part / name).mkdir(parents=True)
            for i in range(n):
                pixels = rng.normal(level, 20, (12, 12)).clip(0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(root / part / name / f"{i}.png")
    return root


@pytest.fixture(scope="module")
def model(folder):
    return weights.fit(folder, members=2, n_folds=2, n_steps=20, batch_size=8, widths=(8,), blocks=(0,), flip=False)


def test_pictures_of_training_and_test_are_read_again_with_their_names(model, folder):
    seen = answering.rows_seen(model)
    assert seen.inputs["pixels"].shape == (20, 12, 12, 1)
    assert seen.names[0] == "train/bright/0.png"
    assert [model.classes[k] for k in seen.y] == ["bright"] * 10 + ["dark"] * 10
    tested = answering.rows_seen(model, test=True)
    assert tested.names == [f"test/{name}/{i}.png" for name in ("bright", "dark") for i in range(3)]
    np.testing.assert_array_equal(tested.inputs["pixels"][0, :, :, 0], np.asarray(Image.open(folder / "test" / "bright" / "0.png")))


def test_other_pictures_than_those_of_training_are_refused(model, folder):
    with pytest.raises(DataError, match="must be those the run was fitted to, 20 of them, but 6 came"):
        answering.rows_seen(model, folder / "test")


def test_a_run_of_columns_has_no_pictures():
    with pytest.raises(UsageError, match="needs a run of pictures"):
        answering.rows_seen(fitted_example("iris"))


def test_explained_pictures_have_names_and_answers_in_words(model, folder):
    reported = []
    found = answering.explained_pictures(model, model.read(folder / "test"), label="dark", progress=reported.append)
    assert [one.name for one in found] == [f"{name}/{i}.png" for name in ("bright", "dark") for i in range(3)]
    assert all(one.answer == f"dark with probability {one.saliency.prediction:.3f}" for one in found)
    assert reported[-1].share == 1.0


def test_rows_that_reach_the_threshold_are_found():
    model = fitted_example("breast-cancer")
    columns = answering.predictions(model, "breast-cancer", sensitivity=0.95, label="malignant")
    threshold = model.operating_point(0.95, label="malignant").threshold
    np.testing.assert_array_equal(columns["found malignant"], columns["probability malignant"] >= threshold)
    assert columns["found malignant"].sum() > (columns["prediction"] == "malignant").sum() * 0.8


def test_numbers_are_not_found():
    with pytest.raises(UsageError, match="Classes were needed"):
        answering.predictions(fitted_example("diabetes"), "diabetes", sensitivity=0.9)


def test_the_operating_point_counts_groups_of_the_test():
    rng = np.random.default_rng(0)
    x = rng.normal(size=600)
    table = {
        "x": np.repeat(x[:300], 2),
        "ill": np.repeat(rng.random(300) < 1 / (1 + np.exp(-2 * x[:300])), 2),
        "who": np.repeat(np.arange(300), 2),
        "part": np.repeat(np.where(np.arange(300) % 3 == 0, "test", "train"), 2),
    }
    model = weights.fit(table, "ill", group="who", split="part", model="linear", members=8)
    assert len(np.unique(model.ensemble.test_predictions.group)) == 100
    found = model.operating_point(0.8).test.specificity
    n_well = (~table["ill"] & (table["part"] == "test")).sum() / 2
    # Every patient is there twice, so that the interval is that of half as many rows.
    assert found.high - found.low > 2 * 1.96 * (found.value * (1 - found.value) / n_well) ** 0.5 * 0.9
