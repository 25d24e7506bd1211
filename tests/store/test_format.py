"""Ensembles on disk: what was saved comes back bit for bit, and nothing else is believed."""

from __future__ import annotations

import ast
import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import jax
import msgspec
import numpy as np
import pyarrow as pa
import pytest

import weights
from damages import ALL_FILES
from small import fitted_example
from weights import answering, api
from weights.data.image.column import picture_field
from weights.data.inputs import Inputs
from weights.ensemble import Report
from weights.errors import UsageError
from weights.store.format import check_writable, load, save
from weights.store.verify import FILES
from weights.tasks.metrics import Metric, score

SOURCES = sorted(Path(weights.__file__).parent.rglob("*.py"))


def content_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


# Round trip


def test_loaded_predictions_are_the_same_bits(ensemble, saved):
    inputs = Inputs({"x": np.random.default_rng(1).normal(size=(200, 5)).astype(np.float32)})
    assert load(saved).predict_proba(inputs).tobytes() == ensemble.predict_proba(inputs).tobytes()


def assert_same_bits(before, after) -> None:
    assert jax.tree.structure(before) == jax.tree.structure(after)
    bits = [[(leaf.dtype, leaf.shape, leaf.tobytes()) for leaf in jax.tree.leaves(tree)] for tree in (before, after)]
    assert bits[0] == bits[1]


def test_loaded_arrays_are_the_same_bits(ensemble, saved):
    assert_same_bits([ensemble.offset, ensemble.conformal.scores], [load(saved).offset, load(saved).conformal.scores])


def test_intervals_of_a_loaded_run_are_the_same_bits(tmp_path):
    model = fitted_example("diabetes")
    before = model.ensemble
    model.save(tmp_path / "run")
    after = load(tmp_path / "run")
    assert len(before.conformal.difficulty.slopes) > 20
    assert_same_bits(vars(before.conformal), vars(after.conformal))
    x = np.random.default_rng(1).normal(size=(50, len(before.encoding.inputs))).astype(np.float32)
    inputs = Inputs({"x": x, "numbers": x[:, before.encoding.numeric_inputs]})
    assert_same_bits(*([bounds.low, bounds.high] for bounds in (run.interval(inputs) for run in (before, after))))
    assert (after.task.least, after.task.most) == (0.0, None)


@pytest.mark.parametrize("name", ["oob_predictions", "test_predictions"])
def test_loaded_answers_to_known_rows_are_the_same_bits(ensemble, saved, name):
    before, after = getattr(ensemble, name), getattr(load(saved), name)
    assert_same_bits(vars(before), vars(after))


def test_answers_of_numbers_are_kept_too(tmp_path):
    model = fitted_example("diabetes")
    model.save(tmp_path / "run")
    before, after = model.ensemble.oob_predictions, load(tmp_path / "run").oob_predictions
    assert before.prediction.shape == before.y.shape == (442,)
    np.testing.assert_array_equal(after.prediction, before.prediction)
    np.testing.assert_array_equal(after.y, before.y)
    found = score(model.ensemble.task.metrics, model.ensemble.task.original(after.y), after.prediction)
    assert found["rmse"].value == pytest.approx(model.report.metrics["rmse"].value)
    assert load(tmp_path / "run").report.distributions == model.report.distributions


def test_a_run_without_kept_answers_is_loaded(ensemble, tmp_path):
    save(replace(ensemble, oob_predictions=None, test_predictions=None), tmp_path / "older")
    assert load(tmp_path / "older").oob_predictions is None


def test_metrics_of_the_test_that_are_no_numbers_are_left_out(ensemble, tmp_path):
    report = msgspec.structs.replace(ensemble.report, test={"auroc": Metric(float("nan")), "accuracy": Metric(1.0)}, n_test=3)
    save(replace(ensemble, report=report), tmp_path / "one-class")
    assert load(tmp_path / "one-class").report.test == {"accuracy": Metric(1.0)}


def test_layers_come_back_in_the_order_of_signals(ensemble, saved):
    for _ in range(3):
        assert [*load(saved).populations[1].params] == ["embedding", "hidden.0", "output"]


@pytest.mark.parametrize("name", ["params", "member_weights", "history"])
def test_loaded_arrays_of_populations_are_the_same_bits(ensemble, saved, name):
    for before, after in zip(ensemble.populations, load(saved).populations, strict=True):
        assert_same_bits(getattr(before, name), getattr(after, name))


@pytest.mark.parametrize("name", ["task", "encoding", "features", "report"])
def test_loaded_records_are_equal(ensemble, saved, name):
    assert getattr(load(saved), name) == getattr(ensemble, name)


@pytest.mark.parametrize("name", ["name", "spec", "stacking_weight"])
def test_loaded_records_of_populations_are_equal_and_in_their_order(ensemble, saved, name):
    assert [getattr(p, name) for p in load(saved).populations] == [getattr(p, name) for p in ensemble.populations]


@pytest.mark.parametrize(
    ("example", "options"),
    [
        ("diabetes", {"model": "linear"}),
        ("iris", {"model": "mlp", "hidden": (8,), "n_steps": 48}),
        ("diabetes", {"hidden": (8,), "n_steps": 96}),
        ("wine", {"hidden": (8,), "n_steps": 96}),
    ],
    ids=["linear", "mlp", "stacked, of numbers", "stacked, of classes"],
)
def test_a_fitted_model_answers_the_same_bits_after_loading(example, options, tmp_path):
    model = api.fit(example, members=4, **options)
    model.save(tmp_path / "run")
    before, after = (answering.predictions(m, example) for m in (model, api.load(tmp_path / "run")))
    assert {name: values.tobytes() for name, values in before.items()} == {name: values.tobytes() for name, values in after.items()}


def test_a_run_of_columns_and_pictures_answers_the_same_bits_after_loading(mixed, saved_mixed):
    random = np.random.default_rng(1)
    pixels = random.integers(0, 256, (30, 16 * 16), dtype=np.uint8)
    columns = [pa.FixedSizeListArray.from_arrays(pa.array(pixels.ravel()), 256), pa.array([*random.normal(40, 12, 29), None])]
    table = pa.Table.from_arrays(columns, schema=pa.schema([picture_field(16, 16, 1, "scan"), pa.field("age", pa.float64())]))
    loaded = load(saved_mixed)
    before, after = (weights.Model(one).predict_proba(table) for one in (mixed, loaded))
    assert before.tobytes() == after.tobytes()
    assert len(np.unique(before[:, 0])) == 30
    assert (loaded.encoding, loaded.features) == (mixed.encoding, mixed.features)
    assert [population.spec for population in loaded.populations] == [population.spec for population in mixed.populations]
    assert [population.spec.augmentation is None for population in loaded.populations] == [True, False]
    for one, other in zip(mixed.populations, loaded.populations, strict=True):
        assert_same_bits(one.params, other.params)


def test_columns_that_are_a_block_of_their_own_are_listed_with_their_kind(saved_mixed):
    config = json.loads((saved_mixed / "config.json").read_bytes())
    assert config["encoding"]["blocks"] == [
        {"kind": "picture", "name": "scan", "height": 16, "width": 16, "channels": 1, "tones": [255, 65535, 255]}
    ]
    assert [population["spec"]["augmentation"] is None for population in config["populations"]] == [True, False]


def test_saving_a_loaded_ensemble_writes_the_same_bytes(saved, tmp_path):
    save(load(saved), tmp_path / "again")
    before, after = content_of(saved), content_of(tmp_path / "again")
    assert {name for name in FILES if before[name] != after[name]} <= {"config.json"}


def test_saving_a_loaded_ensemble_writes_the_same_config(saved, tmp_path):
    save(load(saved), tmp_path / "again")
    before, after = (json.loads((folder / "config.json").read_bytes()) for folder in (saved, tmp_path / "again"))
    assert before == after


def test_a_saved_folder_holds_the_files_of_the_format_and_no_other(saved):
    assert sorted(content_of(saved)) == sorted(ALL_FILES)


def test_the_checksums_are_those_of_the_files(saved):
    lines = [line.split("  ") for line in (saved / "SHA256SUMS").read_text().splitlines()]
    assert {name: digest for digest, name in lines} == {name: hashlib.sha256((saved / name).read_bytes()).hexdigest() for name in FILES}


def test_a_run_with_a_metric_that_is_no_number_can_be_loaded(ensemble, tmp_path):
    metrics = {"log_loss": Metric(0.5), "auroc": Metric(float("nan"))}
    report = Report(source="hand.csv", n_samples=40, n_features=2, metrics=metrics, compared={"constant": metrics})
    save(replace(ensemble, report=report), tmp_path / "run")
    assert load(tmp_path / "run").metrics == {"log_loss": 0.5}


# Where it is written


def stranger(folder: Path) -> Path:
    """Somebody else's folder."""
    (folder / "photos").mkdir(parents=True)
    (folder / "photos" / "cat.jpg").write_bytes(b"cat")
    return folder


def lookalike(folder: Path) -> Path:
    """Somebody else's folder that holds, as model hubs have it, a config.json and checksums."""
    stranger(folder)
    (folder / "config.json").write_text('{"architectures": ["BertModel"]}')
    (folder / "SHA256SUMS").write_text(f"{hashlib.sha256(b'cat').hexdigest()}  photos/cat.jpg\n")
    return folder


@pytest.mark.parametrize("make", [stranger, lookalike])
@pytest.mark.parametrize("refuse", [lambda ensemble, folder: check_writable(folder), save], ids=["check_writable", "save"])
def test_a_folder_that_is_not_ours_is_refused_and_left_untouched(ensemble, tmp_path, make, refuse):
    folder = make(tmp_path / "mine")
    before = content_of(tmp_path)
    with pytest.raises(UsageError, match=r"mine' exists and is not a Weights folder, so it will not be overwritten\. Choose another name"):
        refuse(ensemble, folder)
    assert content_of(tmp_path) == before


def test_a_file_in_the_way_is_refused_and_left_untouched(ensemble, tmp_path):
    (tmp_path / "run").write_text("a letter")
    with pytest.raises(UsageError, match=r"run' exists and is not a Weights folder"):
        save(ensemble, tmp_path / "run")
    assert content_of(tmp_path) == {"run": b"a letter"}


def test_saving_over_an_old_run_replaces_it(ensemble, saved):
    save(replace(ensemble, offset=np.ones(3)), saved)
    assert load(saved).offset.tolist() == [1.0, 1.0, 1.0]


def test_replacing_leaves_nothing_beside_the_run(ensemble, saved):
    save(ensemble, saved)
    assert [path.name for path in saved.parent.iterdir()] == ["run"]


def test_an_empty_folder_is_used(ensemble, tmp_path):
    (tmp_path / "run").mkdir()
    save(ensemble, tmp_path / "run")
    assert load(tmp_path / "run").offset.tolist() == ensemble.offset.tolist()


def test_folders_on_the_way_are_made(ensemble, tmp_path):
    save(ensemble, tmp_path / "a" / "b" / "run")
    assert load(tmp_path / "a" / "b" / "run").offset.tolist() == ensemble.offset.tolist()


def test_a_file_as_parent_is_a_usage_error(ensemble, tmp_path):
    (tmp_path / "letter").write_text("")
    with pytest.raises(UsageError, match=r"The folder '.*letter' cannot be made: .*\. Choose another place for --save"):
        save(ensemble, tmp_path / "letter" / "run")


def test_a_relative_path_is_saved_to_the_working_folder(ensemble, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(ensemble, Path("run"))
    assert load(tmp_path / "run").offset.tolist() == ensemble.offset.tolist()


def test_a_run_can_be_moved(ensemble, saved, tmp_path):
    shutil.move(saved, tmp_path / "elsewhere")
    assert load(tmp_path / "elsewhere").offset.tolist() == ensemble.offset.tolist()


# Nothing that is loaded can run code


def names_in(tree: ast.AST) -> set[str]:
    """Modules imported and functions called, by name."""
    names = set()
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                names |= {alias.name.split(".")[0] for alias in node.names}
            case ast.ImportFrom(module=str(module)):
                names |= {module.split(".")[0], *(alias.name for alias in node.names)}
            case ast.Call(func=ast.Name(id=name)):
                names.add(name)
    return names


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(SOURCES[0].parent)))
def test_nothing_in_the_package_can_unpickle_or_evaluate(path):
    unsafe = {"pickle", "cPickle", "joblib", "dill", "cloudpickle", "marshal", "shelve", "eval", "exec", "compile", "__import__"}
    assert names_in(ast.parse(path.read_text())) & unsafe == set()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(SOURCES[0].parent)))
def test_nothing_in_the_package_lets_numpy_unpickle(path):
    tree = ast.parse(path.read_text())
    assert [node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "allow_pickle"] == []
