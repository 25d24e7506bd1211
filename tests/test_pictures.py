"""From pictures to a model: generated stripes whose direction is the class, through every door they can come in by."""

from __future__ import annotations

import zipfile

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

import weights
from contract import make_pictures
from planted import stripes, write_folder
from weights import answering, api
from weights.data.image.column import picture_field
from weights.errors import DataError, UsageError
from weights.fitting import job

FAST = {"members": 2, "n_folds": 2, "n_steps": 30, "batch_size": 16, "widths": (8, 16), "blocks": (0, 0)}
SIDE = 16


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("stripes"))


@pytest.fixture(scope="module")
def model(folder):
    return weights.fit(folder, **FAST)


def test_the_direction_of_stripes_is_learned(model):
    assert model.classes == ["lying", "upright"]
    assert model.metrics["accuracy"] > 0.9  # chance is 0.5, and stripes of two directions are easy
    assert model.report.feature_weights is None


def test_new_pictures_are_answered_whatever_they_come_in(model, tmp_path):
    new = write_folder(tmp_path / "new", n=10, first=500)
    probability = model.predict_proba(new)
    truth = np.repeat([0, 1], 10)
    assert (probability.argmax(1) == truth).mean() > 0.85
    with zipfile.ZipFile(tmp_path / "new.zip", "w") as packed:
        for path in sorted(new.rglob("*.png")):
            packed.write(path, path.relative_to(new))
    np.testing.assert_array_equal(model.predict_proba(tmp_path / "new.zip"), probability)
    names = [str(path) for path in sorted(new.rglob("*.png"))]
    np.testing.assert_array_equal(model.predict_proba({"picture": names}), probability)
    np.testing.assert_array_equal(model.predict_proba(new / "lying" / "000.png"), probability[:1])


def test_new_pictures_are_answered_from_a_table_whose_only_column_of_files_has_another_name(model, folder, tmp_path):
    paths = sorted(folder.rglob("*.png"))
    (tmp_path / "new.csv").write_text("\n".join(["scan,age", *(f"{path},{i}" for i, path in enumerate(paths))]))
    np.testing.assert_array_equal(model.predict_proba(tmp_path / "new.csv"), model.predict_proba(folder))
    assert answering.predictions(model, tmp_path / "new.csv")["file"].tolist() == [str(path) for path in paths]


def test_an_array_of_pictures_is_answered(model, folder):
    grey = np.stack([np.asarray(Image.open(path)) for path in sorted(folder.rglob("*.png"))])
    probability = model.predict_proba(folder)
    for array in (grey, grey[..., None], np.stack([grey] * 3, 3), grey / 255):
        np.testing.assert_array_equal(model.predict_proba(array), probability)
    np.testing.assert_allclose(model.predict_proba(grey.repeat(2, 1).repeat(2, 2)), probability, atol=0.05)
    with pytest.raises(DataError, match=r"it is \(16, 16\). If it is one grey picture, give picture\[None\]"):
        model.predict(grey[0])


def test_a_larger_or_coloured_picture_is_brought_to_the_size_of_training(model, tmp_path):
    large = np.repeat(np.repeat(stripes(True, 3), 4, 0), 4, 1)
    Image.fromarray(np.stack([large] * 3, 2)).save(tmp_path / "large.png")
    Image.fromarray(stripes(True, 3)).save(tmp_path / "plain.png")
    np.testing.assert_allclose(model.predict_proba(tmp_path / "large.png"), model.predict_proba(tmp_path / "plain.png"), atol=0.05)


def test_a_saved_model_answers_the_same(model, folder, tmp_path):
    model.save(tmp_path / "run")
    np.testing.assert_array_equal(weights.load(tmp_path / "run").predict_proba(folder), model.predict_proba(folder))


def test_members_learn_from_the_mapped_pictures_without_a_copy(folder):
    from weights.training.feeding import InMemory

    prepared = api.plan_fit(folder, **FAST)
    made = job("convolution", prepared.candidates["convolution"], prepared)
    shared = InMemory(made, 1).shared.inputs["pixels"]
    assert prepared.dataset.inputs["pixels"].dtype == np.uint8
    assert shared.unsafe_buffer_pointer() == prepared.dataset.inputs["pixels"].__array_interface__["data"][0]


def test_the_official_test_part_is_judged_and_not_learned_from(tmp_path):
    write_folder(tmp_path / "train", n=20)
    write_folder(tmp_path / "val", n=5, first=100)
    write_folder(tmp_path / "test", n=8, first=200)
    prepared = api.plan_fit(tmp_path, **FAST)
    assert prepared.dataset.n_samples == 50
    assert len(prepared.dataset.held_out.inputs) == 16
    assert "16 rows are for the test: nothing is learned from them" in prepared.remarks
    report = api.run_fit(prepared).report
    assert report.n_test == 16
    assert report.test.keys() == report.metrics.keys()
    assert report.test["accuracy"].value > 0.8


def test_a_column_of_any_table_may_say_what_is_for_the_test():
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    part = np.where(np.arange(300) % 3 == 0, "Test", "train")
    table = {"x": x, "y": 2 * x + 0.1 * rng.normal(size=300), "part": part}
    model = weights.fit(table, "y", split="part", model="linear", members=8, clip=None)
    assert model.report.n_samples == 200
    assert model.report.n_test == 100
    assert [feature.name for feature in model.ensemble.features] == ["x"]
    assert model.report.test["rmse"].value == pytest.approx(0.1, rel=0.25)  # four standard errors of a deviation from 100 rows
    with pytest.raises(DataError, match="'part' must say train, val or test in every row, but says 'spare'"):
        weights.fit({"x": x, "y": x, "part": np.where(part == "Test", "spare", part)}, "y", split="part")


def test_repeated_pictures_are_counted(tmp_path):
    write_folder(tmp_path / "train", n=10)
    write_folder(tmp_path / "test", n=3, first=50)
    Image.fromarray(stripes(True, 1003)).save(tmp_path / "test" / "upright" / "copy.png")  # there in training
    Image.fromarray(stripes(True, 1004)).save(tmp_path / "train" / "lying" / "wrong.png")  # there as upright
    [said] = [remark for remark in api.plan_fit(tmp_path, **FAST).remarks if "more than once" in remark]
    assert said.startswith("2 pictures are there more than once, 4 rows in all; 1 of them in the test as well as in training")
    assert said.endswith("1 under two labels; copies are kept in one fold")


def scans(picks):
    """A table of stripes, some of them several times."""
    side = np.stack([stripes(pick % 2 == 0, pick).ravel() for pick in picks])
    pictures = pa.FixedSizeListArray.from_arrays(pa.array(side.ravel()), SIDE * SIDE)
    columns = [pictures, pa.array([f"p{pick % 2}" for pick in picks]), pa.array([i // 2 for i in range(len(picks))])]
    return pa.Table.from_arrays(columns, schema=pa.schema([picture_field(SIDE, SIDE, 1), ("finding", pa.string()), ("visit", pa.int64())]))


def test_copies_of_a_picture_are_never_on_both_sides_of_a_split():
    picks = np.arange(60) % 40
    prepared = api.plan_fit(scans(picks), "finding", drop=["visit"], **{**FAST, "members": 8, "n_folds": 4})
    counts = job("convolution", prepared.candidates["convolution"], prepared).resampling.counts
    np.testing.assert_array_equal(counts[:, :20], counts[:, 40:])
    [said] = [remark for remark in prepared.remarks if "more than once" in remark]
    assert said == "20 pictures are there more than once, 40 rows in all; copies are kept in one fold"


def test_a_group_or_an_order_in_time_decides_alone_what_stays_together():
    picks = np.arange(60) % 40
    given = api.plan_fit(scans(picks), "finding", group="visit", **FAST)
    assert len(np.unique(given.dataset.group)) == 30
    ordered = api.plan_fit(scans(picks), "finding", time="visit", **FAST)
    assert ordered.dataset.group is None
    for prepared in (given, ordered):
        assert [said for said in prepared.remarks if "once" in said] == ["20 pictures are there more than once, 40 rows in all"]


def test_without_copies_nothing_stays_together(folder):
    assert api.plan_fit(folder, **FAST).dataset.group is None


def test_nothing_but_copies_of_one_picture_is_refused():
    with pytest.raises(DataError, match="Different pictures were needed to learn from, but all 8 are copies of one"):
        api.plan_fit(scans(np.zeros(8, int)), "visit", drop=["finding"], **FAST)


def test_a_table_of_file_names_brings_target_and_patients(folder, tmp_path):
    rows = [(path, path.parent.name) for path in sorted(folder.rglob("*.png"))]
    lines = ["scan,finding,patient,age", *(f"{path},{name},p{i // 3},{i % 7}" for i, (path, name) in enumerate(rows))]
    (tmp_path / "scans.csv").write_text("\n".join(lines))
    prepared = api.plan_fit(tmp_path / "scans.csv", "finding", group="patient", model="convolution", **FAST)
    assert prepared.dataset.encoding.blocks[0].name == "scan"
    assert len(np.unique(prepared.dataset.group)) == 20
    assert [feature.name for feature in prepared.dataset.used_features] == ["age", "scan"]  # columns come first in the encoding
    model = api.run_fit(prepared)
    assert model.metrics["accuracy"] > 0.8
    assert len(model.predict(tmp_path / "scans.csv")) == 60


@pytest.mark.parametrize("name", ["linear", "mlp"])
def test_models_of_columns_do_not_read_pictures(folder, name):
    with pytest.raises(UsageError, match=f"The model {name} reads columns of a table, but pictures came"):
        api.plan_fit(folder, model=name, members=2)


def test_convolutions_do_not_read_columns():
    with pytest.raises(UsageError, match="The model convolution reads pictures, but a table came"):
        api.plan_fit("iris", model="convolution")


def test_pictures_without_classes_are_refused(tmp_path):
    for i in range(3):
        Image.fromarray(stripes(True, i)).save(tmp_path / f"{i}.png")
    with pytest.raises(DataError, match="Pictures to learn from need a class each"):
        api.plan_fit(tmp_path)


def test_one_class_is_refused_and_a_class_with_one_picture_is_told(tmp_path):
    write_folder(tmp_path / "one", n=8, upright=True)
    (tmp_path / "one" / "empty").mkdir()
    with pytest.raises(DataError, match="'class'"):
        api.plan_fit(tmp_path / "one")
    write_folder(tmp_path / "few", n=30)
    write_folder(tmp_path / "few", n=1, first=70, odd=True)
    assert any("'odd' (1)" in remark for remark in api.plan_fit(tmp_path / "few").remarks)


@pytest.mark.parametrize(
    "settings",
    [
        {"mixup": 0.3},
        {"flip": True, "rotate": 20.0},
        {"optimization": "adamw"},
        {"class_weight": "balanced"},
        {"penalty": "l1", "strength": 1e-4},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_settings_of_all_kinds_train(folder, settings):
    assert weights.fit(folder, **{**FAST, "widths": (8,), "blocks": (0,)}, **settings).metrics["accuracy"] > 0.6


def test_progress_is_reported_while_pictures_are_read(folder):
    reported = []
    api.plan_fit(folder, progress=reported.append, **FAST)
    assert reported[-1].name == "reading files"
    assert reported[-1].share == 1.0


def test_answers_carry_the_names_of_files(model, tmp_path):
    new = write_folder(tmp_path / "new", n=2, first=500)
    columns = answering.predictions(model, new)
    assert [*columns] == ["file", "prediction", "probability lying", "probability upright"]
    assert columns["file"].tolist() == ["lying/000.png", "lying/001.png", "upright/000.png", "upright/001.png"]


def test_a_run_of_a_column_called_file_answers_folders(folder, tmp_path):
    rows = [(str(path), path.parent.name) for path in sorted(folder.rglob("*.png"))]
    model = weights.fit({"file": [path for path, _ in rows], "finding": [name for _, name in rows]}, "finding", **FAST)
    assert answering.predictions(model, folder)["file"][0] == "lying/000.png"
    assert answering.predictions(model, {"file": [rows[1][0]]})["file"].tolist() == [rows[1][0]]


def test_classes_of_the_test_that_were_never_learned_are_told(tmp_path):
    write_folder(tmp_path / "train", n=20)
    write_folder(tmp_path / "test", n=4, first=100)
    write_folder(tmp_path / "test", n=2, first=200, novel=True)
    report = weights.fit(tmp_path, **FAST).report
    assert report.n_test == 8
    assert "2 of 10 rows for the test are of classes that nothing is learned of, and not judged: novel" in report.remarks


def test_what_is_for_tables_is_refused_in_words(model):
    with pytest.raises(UsageError, match="pictures"):
        model.summary()


def test_a_table_of_files_can_be_looked_at(folder, tmp_path):
    lines = ["scan,finding", *(f"{path},{path.parent.name}" for path in sorted(folder.rglob("*.png")))]
    (tmp_path / "scans.csv").write_text("\n".join(lines))
    [feature] = api.look(tmp_path / "scans.csv", "finding").features
    assert (feature.kind, feature.note) == ("picture", "16 x 16, grey")


def test_pictures_and_columns_together_beat_either_alone_by_more_than_their_intervals():
    """The class needs a brightness that only pictures show, and an age (benchmarks/images.py beside tries it with the defaults).

    What is known by either alone is given as the number itself, which no model of pictures could know better.
    """
    rng, quick = np.random.default_rng(0), {"members": 4, "n_folds": 4}
    seen, known = rng.normal(size=(2, 240))
    ill = seen + known > 0
    both = make_pictures(seen, rng).append_column("age", [50 + 10 * known]).append_column("ill", [ill])
    wide = weights.fit(both, "ill", hidden=(16,), widths=(8, 16), blocks=(0, 0), n_steps=60, **quick)
    alone = [weights.fit({"one": one, "ill": ill}, "ill", model="linear", inspect=False, **quick) for one in (seen, known)]
    figures = [model.report.metrics["auroc"] for model in (wide, *alone)]
    assert figures[0].low > max(figure.high for figure in figures[1:])
    importance = {importance.features[0]: importance for importance in wide.report.feature_weights.importances}
    assert importance["age"].low > 0
    assert len(wide.saliency(both.slice(0, 2))) == 2


# Pictures in tables: what is read, what is not, and that it is said


def wards(folder, n=40, **more):
    """A table of names of pictures, of an age that repeats, and of a target."""
    names = [str(path) for path in sorted(folder.rglob("*.png"))][:n]
    ages = np.arange(n) % 4
    return {"scan": names, "age": ages.astype(float), "ill": np.where(np.arange(n) % 3 == 0, "yes", "no"), **more}


def test_of_two_columns_of_pictures_one_is_read_and_the_other_is_said(folder):
    table = wards(folder)
    table["second"] = table["scan"][::-1]
    features = {feature.name: feature for feature in api.plan_fit(table, "ill").dataset.features}
    assert features["scan"].kind == "picture"
    assert features["second"].note.startswith("names pictures too, of which only those of 'scan' are read")
    with pytest.raises(UsageError, match="One column of pictures can be read, but 2 were named: scan, second"):
        api.plan_fit(table, "ill", kinds={"scan": "picture", "second": "picture"})


def test_a_column_of_pictures_is_found_without_a_target(folder):
    assert {feature.name: feature.kind for feature in api.look(wards(folder)).features} == {
        "scan": "picture",
        "age": "numeric",
        "ill": "boolean",
    }


def test_pictures_that_no_model_reads_are_said(folder):
    remark = "the pictures in 'scan' are not read by linear, and have no say in the answers"
    assert remark in api.plan_fit(wards(folder), "ill", model="linear").remarks
    assert remark not in api.plan_fit(wards(folder), "ill").remarks


def test_a_missing_column_is_named_with_those_there_are(folder):
    model = weights.fit(wards(folder), "ill", model="linear", members=2, n_folds=2)
    with pytest.raises(DataError) as refused:
        model.predict({"scan": wards(folder)["scan"]})
    assert str(refused.value) == "The model needs 2 columns, but 1 is not in the data (first: 'age'). Known: scan."
    assert any("not ranked: scan" in note for note in model.summary().notes)


def test_rows_that_agree_in_their_columns_tell_no_noise_where_their_pictures_differ(folder):
    value = np.random.default_rng(0).normal(size=40)
    model = weights.fit(wards(folder, value=value), "value", drop=["ill"], model="linear", members=2, n_folds=2)
    assert model.report.decomposition.noise is None
