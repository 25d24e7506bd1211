"""`weights draw` and `weights explain` of pictures: every drawing of a run is written, and says in words what it shows."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import weights
from planted import OF_MARKS, marked
from small import fitted_example
from weights import cli
from weights.errors import UsageError
from weights.questions import QUESTIONS, ask, list_drawings

SIDE = 16
DRAWINGS = list_drawings()
OF_PICTURES = ["filters", "units", "gallery", "confusion", "calibration", "operating"]


def pictures(n, seed):
    """Pictures and their classes: a mark makes ill."""
    made, labels = marked(n, seed=seed)
    return made, np.where(labels == "marked", "ill", "well")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    (x, y), (new_x, new_y) = pictures(200, 0), pictures(40, 1)
    # The classes in alphabetical order: "ill" is the first, so that it has to be named where it is sought.
    np.savez(folder / "xray.npz", train_images=x, train_labels=y, test_images=new_x, test_labels=new_y)
    weights.fit(folder / "xray.npz", **OF_MARKS, save=folder / "run")
    Image.fromarray(new_x[-1]).save(folder / "new.png")
    return folder / "run"


def said(*args):
    """What a command prints, and its exit code."""
    done = CliRunner().invoke(cli.cli, [str(arg) for arg in args], prog_name="weights")
    return done.output, done.exit_code


@pytest.mark.parametrize("what", OF_PICTURES)
@pytest.mark.parametrize("ending", ["png", "svg"])
def test_every_drawing_is_written_and_told(run, tmp_path, what, ending):
    output, code = said("draw", run, what, "--output", tmp_path / f"made.{ending}", "--quiet")
    assert code == 0, output
    assert f"drawn in {tmp_path / f'made.{ending}'}" in output
    content = (tmp_path / f"made.{ending}").read_bytes()
    assert content.startswith(b"\x89PNG" if ending == "png" else b"<svg")
    assert len(content) > 1_000


@pytest.mark.parametrize("what", OF_PICTURES)
def test_drawings_give_their_numbers_as_json(run, tmp_path, what):
    output, _ = said("draw", run, what, "--output", tmp_path / "made.svg", "--quiet", "--json")
    json.loads(output.splitlines()[0])


@pytest.mark.parametrize("what", [name for name in DRAWINGS if name in QUESTIONS and name not in OF_PICTURES])
def test_what_does_not_apply_to_pictures_is_refused_in_words(run, tmp_path, what):
    output, code = said("draw", run, what, "--output", tmp_path / "made.svg")
    assert code == 2
    assert re.search(r"Numbers were needed|reads pictures, and no columns|reads no texts", output)
    assert not (tmp_path / "made.svg").exists()


def test_a_drawing_that_does_not_exist_is_refused_with_the_names_of_those_that_do(run, tmp_path):
    output, code = said("draw", run, "fliters", "--output", tmp_path / "made.png")
    assert code == 2
    assert "There is no drawing 'fliters'. Did you mean 'filters'?" in output


@pytest.mark.parametrize(
    ("what", "options", "complaint"),
    [
        ("filters", ("--class", "ill"), "--class does nothing for filters; it is for calibration, operating, effects, effect"),
        (
            "operating",
            ("--test",),
            "--test does nothing for operating; it is for gallery, confusion, calibration, predicted, ",
        ),
        ("units", ("--member", 9), "There is no member 9: they are counted from 0 to 2"),
        ("units", ("--layer", "output"), "There is no layer 'output' of units"),
    ],
)
def test_what_a_drawing_cannot_show_is_refused(run, tmp_path, what, options, complaint):
    output, code = said("draw", run, what, *options, "--output", tmp_path / "made.png")
    assert code == 2
    assert complaint in output


def test_help_lists_the_drawings():
    output, _ = said("draw", "--help")
    listed = re.findall(r"^\s{4}(\w+)\s{2,}", output.split("WHAT is one of")[1].split("need a run")[0], flags=re.M)
    assert set(DRAWINGS) <= set(listed)


def test_other_pictures_than_those_of_training_are_no_gallery(run, tmp_path):
    (x, y), (new_x, new_y) = pictures(200, 7), pictures(40, 8)
    np.savez(tmp_path / "other.npz", train_images=x, train_labels=y[::-1], test_images=new_x, test_labels=new_y)
    output, code = said("draw", run, "gallery", "--data", tmp_path / "other.npz", "--output", tmp_path / "made.png", "--quiet")
    assert code == 3
    assert "The rows must be those the run was fitted to, and 200 came, but some are not as they were." in output


def test_the_ending_is_looked_at_before_anything_is_done(tmp_path):
    output, code = said("draw", tmp_path / "no-run", "filters", "--output", tmp_path / "made.jpg")
    assert code == 2
    assert "ends in .png or .svg" in output


def test_confusion_and_calibration_are_drawn_of_tables_too(tmp_path):
    model = fitted_example("iris")
    found = ask(model, "confusion")
    assert sum(map(sum, found.record["counts"])) == 150
    assert ask(model, "calibration", label="setosa").record
    with pytest.raises(UsageError, match=r"must be named \(--class\): setosa, versicolor, virginica"):
        ask(model, "operating")
    with pytest.raises(UsageError, match="need a run of pictures"):
        ask(model, "filters")
    with pytest.raises(UsageError, match="No rows were for the test"):
        ask(model, "confusion", test=True)


def test_numbers_have_no_confusion():
    with pytest.raises(UsageError, match="Classes were needed, but 'progression' is a number"):
        ask(fitted_example("diabetes"), "confusion")


def test_the_gallery_of_the_test_shows_its_pictures(run):
    model = weights.load(run)
    found = ask(model, "gallery", test=True)
    rows = [one["row"] for shown in found.record.values() for one in shown]
    assert max(rows) <= 40
    right = found.record["right"]
    assert all(one["truth"] == one["answer"] for one in right)
    assert {one["truth"] for one in right} == {"ill", "well"}


def test_explain_writes_the_map_and_says_what_it_rests_on(run, tmp_path):
    output, code = said("explain", run, run.parent / "new.png", "--output", tmp_path / "why.png", "--quiet")
    assert code == 0, output
    assert re.search(r"new\.png\s+ill with probability (> 0\.999|0\.\d{3})", output)
    assert "With all weights randomised" in output
    assert "not for clinical use" in output
    with Image.open(tmp_path / "why.png") as drawn:
        assert drawn.size[0] > 500


def test_explain_as_json_has_maps_of_the_picture(run):
    output, _ = said("explain", run, run.parent / "new.png", "--json", "--quiet")
    [record] = json.loads(output)
    assert np.shape(record["occlusion"]) == (SIDE, SIDE)
    assert record["name"].endswith("new.png")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--class", "healthy"), "must be one of the model's, but is 'healthy'; known are ill, well"),
        (("--output", "why.csv"), "ends in .png or .svg"),
    ],
)
def test_explain_refuses_what_pictures_do_not_have(run, options, complaint):
    output, code = said("explain", run, run.parent / "new.png", *options)
    assert code == 2
    assert complaint in output


def test_too_many_pictures_are_not_explained_at_a_time(run, tmp_path):
    for i, picture in enumerate(pictures(26, 5)[0]):
        Image.fromarray(picture).save(tmp_path / f"{i}.png")
    output, code = said("explain", run, tmp_path, "--quiet")
    assert code == 2
    assert "At most 24 pictures are explained at a time, but 26 came" in output


def test_show_tells_the_operating_point(run):
    output, code = said("show", run, "--sensitivity", 0.9, "--class", "ill")
    assert code == 0, output
    assert "ill: at least 90 % of its 100 rows here have a probability of" in output
    assert re.search(r"out of bag\s+\d+\.\d % \[\d+\.\d \d+\.\d\]", output)
    assert re.search(r"test\s+\d+\.\d % ", output)
    assert "not for clinical use" in output
    point = json.loads(said("show", run, "--sensitivity", 0.9, "--class", "ill", "--json")[0])
    assert point["label"] == "ill"
    assert point["out_of_bag"]["sensitivity"]["value"] >= 0.9


def test_new_pictures_are_found_at_the_operating_point(run):
    output, code = said("predict", run, run.parent / "new.png", "--sensitivity", 0.9, "--class", "ill")
    assert code == 0, output
    assert "found ill" in output.splitlines()[0]
    assert output.splitlines()[1].endswith("true")
    assert "Add --sensitivity" in said("predict", run, run.parent / "new.png", "--class", "ill")[0]


def test_show_refuses_what_cannot_be_said(run):
    assert "must be between 0 and 1, but is 95.0" in said("show", run, "--sensitivity", 95)[0]
    assert "Add --sensitivity" in said("show", run, "--class", "ill")[0]


def test_the_card_of_pictures_is_not_for_clinical_use(run):
    card = (run / "README.md").read_text()
    assert "pipeline_tag: image-classification" in card
    assert "**Not for clinical use.**" in card
    assert "To find 95% of 'well', call it so from a probability of" in card
    assert "On 40 rows that were for the test only:" in card
    assert "pictures of 16 x 16 in grey" in card
