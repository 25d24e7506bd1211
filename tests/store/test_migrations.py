"""Runs that older versions saved: they load, and answer as they did then."""

import json
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

import weights as wt
from weights.store.format import load, save
from weights.store.migrations import FORMAT_VERSION, MIGRATIONS, rename_arrays, upgrade

SAVED = Path(__file__).parent / "version2"
EXPECTED = json.loads((SAVED / "expected.json").read_text())
TABLES = ("binary", "multiclass", "regression")


def answers(model: wt.Model) -> np.ndarray:
    new = EXPECTED["rows"] if model.ensemble.task.target in ("state", "level", "risk") else np.asarray(EXPECTED["pictures"], np.uint8)
    return model.predict_proba(new) if model.classes else model.predict(new)


@pytest.mark.parametrize("name", [*TABLES, "images"])
def test_a_run_of_version_2_answers_as_it_did(name):
    # Saved on another machine perhaps, whose float32 sums round otherwise: some ten operations, each to 1e-7.
    np.testing.assert_allclose(answers(wt.load(SAVED / name)), EXPECTED[name], rtol=1e-5)


@pytest.mark.parametrize("name", [*TABLES, "images"])
def test_a_run_of_version_2_is_saved_in_the_present_version_and_stays_the_same(name, tmp_path):
    old = wt.load(SAVED / name)
    save(old.ensemble, tmp_path / "run")
    assert json.loads((tmp_path / "run" / "config.json").read_text())["format_version"] == FORMAT_VERSION
    new = load(tmp_path / "run")
    assert (new.task, new.encoding, new.report) == (old.ensemble.task, old.ensemble.encoding, old.ensemble.report)
    np.testing.assert_array_equal(answers(wt.Model(new)), answers(old))


def test_intervals_of_version_2_stay_as_wide_as_they_were():
    model = wt.load(SAVED / "regression")
    bounds, prediction = model.interval(EXPECTED["rows"], level=0.8), answers(model)
    scores = np.sort(model.ensemble.conformal.scores)
    half = scores[int(np.ceil(0.8 * (len(scores) + 1))) - 1]
    np.testing.assert_allclose([bounds.high - prediction, prediction - bounds.low], half, rtol=1e-9)


@pytest.mark.parametrize("name", [*TABLES, "images"])
def test_pictures_of_version_2_become_a_block_and_only_their_models_are_told_what_is_done_to_them(name):
    content = (SAVED / name / "config.json").read_bytes()
    old, new = json.loads(content), json.loads(upgrade(content, "config", 2))
    picture = old["encoding"]["picture"]
    assert (picture is None) == (name != "images")
    assert new["encoding"]["blocks"] == ([] if picture is None else [{"kind": "picture", **picture}])
    assert "picture" not in new["encoding"]
    for before, after in zip(old["populations"], new["populations"], strict=True):
        known = {"type": "pictures", **before["spec"]["augmentation"]} if name == "images" else None
        assert after["spec"]["augmentation"] == known


def test_partialling_out_of_version_2_gets_its_present_name():
    reports = {name: upgrade((SAVED / name / "metrics.json").read_bytes(), "report", 2) for name in ("binary", "images")}
    assert json.loads(reports["binary"])["feature_weights"]["how"] == "piecewise-linear least squares"
    assert json.loads(reports["images"])["feature_weights"] is None


def test_version_2_did_not_say_whether_a_model_is_of_use():
    assert json.loads(upgrade((SAVED / "binary" / "metrics.json").read_bytes(), "report", 2))["usefulness"] is None
    assert wt.load(SAVED / "binary").report.usefulness is None


def test_version_2_knew_the_number_of_clusters_from_degrees_of_freedom():
    report = json.loads((SAVED / "regression" / "metrics.json").read_bytes())
    assert json.loads(upgrade(json.dumps(report).encode(), "report", 2))["feature_weights"]["n_clusters"] is None
    for contrast in report["feature_weights"]["contrasts"]:
        contrast["degrees"]["cluster"] = 19.0
    assert json.loads(upgrade(json.dumps(report).encode(), "report", 2))["feature_weights"]["n_clusters"] == 20


def test_tests_of_version_2_become_their_p_values():
    report = json.loads((SAVED / "multiclass" / "metrics.json").read_bytes())
    before = report["feature_weights"]["joints"][0]
    after = json.loads(upgrade(json.dumps(report).encode(), "report", 2))["feature_weights"]["joints"][0]
    expected = scipy.stats.f.sf(before["statistics"]["robust"], before["n_contrasts"], before["degrees"]["robust"])
    assert after["p_values"]["robust"] == pytest.approx(expected, rel=1e-9)
    assert after.keys() == {"feature", "label", "scale", "n_contrasts", "p_values"}


def test_the_present_version_is_taken_as_it_is():
    assert upgrade(b"not even JSON", "config", FORMAT_VERSION) == b"not even JSON"


def test_there_is_a_step_from_every_version_to_the_present_one():
    assert sorted(MIGRATIONS) == list(range(2, FORMAT_VERSION))


def test_arrays_of_version_2_get_their_present_names_in_the_file_and_in_the_list():
    old = {"judged/y": 1, "tested/probability": 2, "linear/votes": 3, "offset": 4}
    new = {"oob_predictions/y": 1, "test_predictions/prediction": 2, "linear/member_weights": 3, "offset": 4}
    assert rename_arrays(old, 2) == new
    assert rename_arrays(new, FORMAT_VERSION) == new
    listed = {name: json.loads(upgrade((SAVED / name / "config.json").read_bytes(), "config", 2))["tensors"] for name in TABLES}
    assert "oob_predictions/prediction" in listed["binary"]
    assert not [name for names in listed.values() for name in names if name.startswith(("judged", "tested")) or name.endswith("votes")]


def test_an_array_under_its_older_and_its_present_name_is_refused():
    with pytest.raises(ValueError, match="a name comes twice"):
        rename_arrays({"judged/y": 1, "oob_predictions/y": 2}, 2)
