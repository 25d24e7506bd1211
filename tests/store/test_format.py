"""Ensembles on disk: what was saved comes back bit for bit, and nothing else is believed."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import shutil
import struct
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
import pyarrow as pa
import pytest
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

import weights
from small import compiled
from weights import answering, api
from weights.data.dataset import Feature
from weights.data.encoding import Category, Encoding, Numeric
from weights.data.image.column import Picture, picture_field
from weights.data.inputs import Inputs
from weights.ensemble import Answered, Ensemble, Population, Report
from weights.errors import CorruptError, NotFoundError, UsageError
from weights.models.linear import Linear
from weights.models.mlp import Mlp
from weights.spec import Spec, resolve, with_settings
from weights.store.format import check_writable, load, save
from weights.store.verify import FILES
from weights.tasks.classes import Binary, Multiclass
from weights.tasks.metrics import Metric

ALL_FILES = (*FILES, "SHA256SUMS")
SOURCES = sorted(Path(weights.__file__).parent.rglob("*.py"))


@pytest.fixture(scope="module")
def ensemble() -> Ensemble:
    """Two linear members, and three of a small network with an embedding, on a number and a category, made by hand."""
    random = np.random.default_rng(0)

    def drawn(*shape: int, dtype=np.float32) -> np.ndarray:
        return random.normal(size=shape).astype(dtype)

    linear = {"output": {"w": drawn(2, 5, 3, dtype=np.float64), "b": drawn(2, 3, dtype=np.float64)}}
    network = {
        "embedding": {"knots": np.sort(drawn(3, 1, 5)), "w": drawn(3, 1, 4, 2), "b": drawn(3, 1, 2)},
        "hidden.0": {"w": drawn(3, 7, 4), "b": drawn(3, 4)},
        "output": {"w": drawn(3, 4, 3), "b": drawn(3, 3)},
    }
    history = {"loss": np.array([[1.0, np.nan], [0.5, 0.25], [2.0, 1.0]])}
    embedded = Mlp(hidden=(4,), embedding="piecewise", n_bins=4, embedding_size=2)

    return Ensemble(
        task=Multiclass("ward", classes=["east", "north", "söuth"]),
        encoding=Encoding([Numeric("age", 40.0, 12.0, True), Category("blood", ["A", "B"], rare=True, missing=False)]),
        features=[Feature("age", "numeric"), Feature("blood", "category"), Feature("id", "identifier", "all different")],
        populations=[
            Population("linear", Spec(model=Linear()), linear, np.ones(2), 0.75, {"strength": np.full((2, 1), 0.5)}),
            Population("mlp", Spec(model=embedded), network, np.array([1.0, 1.0, 0.0]), 0.5, history),
        ],
        offset=np.array([0.1, -0.3, 0.2]),
        scores=np.sort(random.random(40)),
        report=Report(source="hand.csv", n_samples=40, n_features=2, metrics={"log_loss": Metric(0.5, 0.4, 0.6)}, version="0.1.0"),
        judged=Answered(random.dirichlet(np.ones(3), 30), random.integers(0, 3, 30), np.arange(30), np.ones(30), np.arange(30) // 2),
        tested=Answered(random.dirichlet(np.ones(3), 5), random.integers(0, 3, 5), np.arange(5), np.ones(5)),
    )


@pytest.fixture(scope="module")
def mixed() -> Ensemble:
    """Two linear members that read a number, and two of pictures that read it too, made by hand."""
    encoding = Encoding([Numeric("age", 40.0, 12.0, True)], blocks=[Picture("scan", 16, 16, 1)])
    layout, populations = encoding.layout(1), []
    for name, settings in (("linear", {"model": "linear"}), ("convolution", {"model": "convolution", "widths": (4,), "blocks": (0,)})):
        spec = resolve(with_settings(Spec(), settings), 60, layout)
        model = compiled(spec.model, layout, spec.initialization, spec.activation)
        drawn = [model.init(layout.zeros(2), jnp.zeros((len(layout.numeric), 1)), key=jax.random.key(m)) for m in range(2)]
        params = jax.tree.map(lambda *arrays: np.stack(arrays) + np.float32(0.25), *drawn)
        populations.append(Population(name, spec, params, np.ones(2), 0.5))
    features = [Feature("scan", "picture", "16 x 16, grey"), Feature("age", "numeric")]
    report = Report(source="hand.csv", n_samples=60, n_features=2, metrics={"log_loss": Metric(0.5)}, version="0.1.0")
    return Ensemble(Binary("ill", classes=["no", "yes"]), encoding, features, populations, np.zeros(1), np.array([0.5]), report)


@pytest.fixture
def saved(ensemble, tmp_path) -> Path:
    save(ensemble, tmp_path / "run")
    return tmp_path / "run"


def reseal(folder: Path) -> None:
    """Write the checksums anew, so that what lies behind them is looked at."""
    sums = "".join(f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in FILES)
    (folder / "SHA256SUMS").write_text(sums)


def rewrite(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    reseal(folder)


def change_config(folder: Path, **changes) -> None:
    config = json.loads((folder / "config.json").read_bytes())
    rewrite(folder, "config.json", json.dumps({**config, **changes}).encode())


def change_tensors(folder: Path, changes: dict[str, np.ndarray | None], *, config: bool = False) -> None:
    """Replace arrays (None removes one), and if asked what config.json says about them."""
    tensors = load_tensors((folder / "model.safetensors").read_bytes())
    tensors = {name: array for name, array in {**tensors, **changes}.items() if array is not None}
    rewrite(folder, "model.safetensors", save_tensors(tensors, {"format": "weights-ensemble"}))
    if config:
        change_config(folder, tensors={name: [str(array.dtype), list(array.shape)] for name, array in tensors.items()})


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


@pytest.mark.parametrize("name", ["offset", "scores"])
def test_loaded_arrays_are_the_same_bits(ensemble, saved, name):
    assert_same_bits(getattr(ensemble, name), getattr(load(saved), name))


@pytest.mark.parametrize("name", ["judged", "tested"])
def test_loaded_answers_to_known_rows_are_the_same_bits(ensemble, saved, name):
    before, after = getattr(ensemble, name), getattr(load(saved), name)
    assert_same_bits(vars(before), vars(after))


def test_a_run_without_kept_answers_is_loaded(ensemble, tmp_path):
    save(replace(ensemble, judged=None, tested=None), tmp_path / "older")
    assert load(tmp_path / "older").judged is None


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("judged/probability", np.full((30, 3), 0.5)),
        ("judged/y", np.full(30, 3.0)),
        ("judged/rows", np.full(30, 0.5)),
        ("judged/group", np.full(30, -1.0)),
        ("tested/weight", np.full(5, -1.0)),
        ("tested/y", np.full(5, np.nan)),
        ("tested/y", np.zeros(4)),
        ("tested/probability", np.full((5, 2), 0.5)),
        ("judged/weight", None),
        ("judged/other", np.zeros(30)),
        ("judged/y", np.zeros(())),
    ],
)
def test_answers_to_known_rows_that_cannot_be_are_refused(saved, name, array):
    change_tensors(saved, {name: array}, config=True)
    with pytest.raises(CorruptError, match=re.escape(name.split("/")[0])):
        load(saved)


def test_metrics_of_the_test_that_are_no_numbers_are_left_out(ensemble, tmp_path):
    report = msgspec.structs.replace(ensemble.report, test={"auroc": Metric(float("nan")), "accuracy": Metric(1.0)}, n_test=3)
    save(replace(ensemble, report=report), tmp_path / "one-class")
    assert load(tmp_path / "one-class").report.test == {"accuracy": Metric(1.0)}


def test_layers_come_back_in_the_order_of_signals(ensemble, saved):
    for _ in range(3):
        assert [*load(saved).populations[1].params] == ["embedding", "hidden.0", "output"]


@pytest.mark.parametrize("name", ["params", "votes", "history"])
def test_loaded_arrays_of_populations_are_the_same_bits(ensemble, saved, name):
    for before, after in zip(ensemble.populations, load(saved).populations, strict=True):
        assert_same_bits(getattr(before, name), getattr(after, name))


@pytest.mark.parametrize("name", ["task", "encoding", "features", "report"])
def test_loaded_records_are_equal(ensemble, saved, name):
    assert getattr(load(saved), name) == getattr(ensemble, name)


@pytest.mark.parametrize("name", ["name", "spec", "share"])
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
    ids=["linear", "mlp", "mixture of numbers", "mixture of classes"],
)
def test_a_fitted_model_answers_the_same_bits_after_loading(example, options, tmp_path):
    model = api.fit(example, members=4, **options)
    model.save(tmp_path / "run")
    before, after = (answering.predictions(m, example) for m in (model, api.load(tmp_path / "run")))
    assert {name: values.tobytes() for name, values in before.items()} == {name: values.tobytes() for name, values in after.items()}


def test_a_run_of_columns_and_pictures_answers_the_same_bits_after_loading(mixed, tmp_path):
    random = np.random.default_rng(1)
    pixels = random.integers(0, 256, (30, 16 * 16), dtype=np.uint8)
    columns = [pa.FixedSizeListArray.from_arrays(pa.array(pixels.ravel()), 256), pa.array([*random.normal(40, 12, 29), None])]
    table = pa.Table.from_arrays(columns, schema=pa.schema([picture_field(16, 16, 1, "scan"), pa.field("age", pa.float64())]))
    save(mixed, tmp_path / "run")
    loaded = load(tmp_path / "run")
    before, after = (weights.Model(one).predict_proba(table) for one in (mixed, loaded))
    assert before.tobytes() == after.tobytes()
    assert len(np.unique(before[:, 0])) == 30
    assert (loaded.encoding, loaded.features) == (mixed.encoding, mixed.features)
    assert [population.spec for population in loaded.populations] == [population.spec for population in mixed.populations]
    assert [population.spec.augmentation is None for population in loaded.populations] == [True, False]
    for one, other in zip(mixed.populations, loaded.populations, strict=True):
        assert_same_bits(one.params, other.params)


def test_columns_that_are_a_block_of_their_own_are_listed_with_their_kind(mixed, tmp_path):
    save(mixed, tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_bytes())
    assert config["encoding"]["blocks"] == [{"kind": "picture", "name": "scan", "height": 16, "width": 16, "channels": 1}]
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


# Damage


@pytest.mark.parametrize("name", ALL_FILES)
def test_every_flipped_byte_is_noticed(saved, name):
    content, random = (saved / name).read_bytes(), np.random.default_rng(0)
    unnoticed = []
    for position in sorted(random.choice(len(content), min(50, len(content)), replace=False)):
        flipped = bytearray(content)
        flipped[position] ^= int(random.integers(1, 256))
        (saved / name).write_bytes(flipped)
        try:
            load(saved)
            unnoticed.append(int(position))
        except CorruptError:
            pass
    assert unnoticed == []


def test_every_flipped_bit_of_the_checksums_is_noticed(saved):
    content = (saved / "SHA256SUMS").read_bytes()
    unnoticed = []
    for position in range(len(content)):
        (saved / "SHA256SUMS").write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
        try:
            load(saved)
            unnoticed.append((position, content[position : position + 1]))
        except CorruptError:
            pass
    assert unnoticed == []


@pytest.mark.parametrize("name", FILES)
def test_a_changed_file_is_named(saved, name):
    (saved / name).write_bytes((saved / name).read_bytes() + b" ")
    with pytest.raises(CorruptError, match=rf"{re.escape(name)}' is not as it was saved: its SHA-256 differs from SHA256SUMS"):
        load(saved)


@pytest.mark.parametrize("name", ALL_FILES)
def test_a_missing_file_is_named(saved, name):
    (saved / name).unlink()
    with pytest.raises(CorruptError, match=rf"{re.escape(name)}' is missing from the saved folder\. Restore it"):
        load(saved)


@pytest.mark.parametrize("name", ALL_FILES)
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_truncated_file_is_noticed(saved, name, share):
    content = (saved / name).read_bytes()
    (saved / name).write_bytes(content[: int(share * len(content))])
    with pytest.raises(CorruptError, match="not as it was saved"):
        load(saved)


@pytest.mark.parametrize("length", [0, 7])
def test_weights_without_a_header_are_refused(saved, length):
    rewrite(saved, "model.safetensors", (saved / "model.safetensors").read_bytes()[:length])
    with pytest.raises(CorruptError, match=rf"claims a header of .* bytes in a file of {length}\. It is truncated"):
        load(saved)


@pytest.mark.parametrize("cut", [1, 100])
def test_truncated_weights_with_right_checksums_are_refused(saved, cut):
    rewrite(saved, "model.safetensors", (saved / "model.safetensors").read_bytes()[:-cut])
    with pytest.raises(CorruptError, match="is not a whole safetensors file"):
        load(saved)


@pytest.mark.parametrize("claimed", [1 << 40, (1 << 64) - 1])
def test_a_header_larger_than_the_file_is_refused(saved, claimed):
    rewrite(saved, "model.safetensors", struct.pack("<Q", claimed) + (saved / "model.safetensors").read_bytes()[8:])
    with pytest.raises(CorruptError, match=rf"claims a header of {claimed:,} bytes"):
        load(saved)


def test_a_header_of_two_megabytes_is_refused(saved):
    content = (saved / "model.safetensors").read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    header = content[8 : 8 + length].ljust(2 << 20)
    rewrite(saved, "model.safetensors", struct.pack("<Q", len(header)) + header + content[8 + length :])
    with pytest.raises(CorruptError, match=r"(claims a header of 2,097,152 bytes|bytes, and at most .* are lawful)"):
        load(saved)


def test_ten_thousand_arrays_are_too_many(saved):
    rewrite(saved, "model.safetensors", save_tensors({str(i): np.zeros(0, np.float32) for i in range(10_001)}))
    with pytest.raises(CorruptError, match=r"claims more than 10,000 arrays\. It was not written by Weights"):
        load(saved)


@pytest.mark.parametrize("name", ["config.json", "metrics.json", "SHA256SUMS"])
def test_a_file_too_large_to_be_lawful_is_refused_before_it_is_read(saved, name):
    os.truncate(saved / name, (64 << 20) + 1)
    with pytest.raises(CorruptError, match=rf"{re.escape(name)}' has 67,108,865 bytes, and at most .* are lawful"):
        load(saved)


@pytest.mark.parametrize("name", ["config.json", "metrics.json"])
@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'{"a": 1}', b'{"a": "\xff"}', b"[" * 50_000],
    ids=["empty", "open", "list", "null", "other", "no-utf8", "deep"],
)
def test_json_that_is_not_what_it_should_be_is_refused(saved, name, content):
    rewrite(saved, name, content)
    with pytest.raises(CorruptError, match=rf"{re.escape(name)}'.* (does not hold what it should|format version)"):
        load(saved)


def test_a_setting_nobody_knows_is_refused(saved):
    change_config(saved, surprise=1)
    with pytest.raises(CorruptError, match=r"config\.json' does not hold what it should: .*surprise"):
        load(saved)


@pytest.mark.parametrize("version", [0, 1, 4, "2", None])
def test_another_format_version_is_refused_with_what_to_do(saved, version):
    change_config(saved, format_version=version)
    with pytest.raises(CorruptError, match=rf"has format version {version}, and this Weights reads 3\. Upgrade Weights"):
        load(saved)


NO_NAMES = pytest.mark.parametrize(
    ("tag", "said"),
    [("sound", "sound"), ("", ""), ({}, "None"), (None, "None"), (3, "3"), (True, "True"), (["picture", "mlp"], r"\['picture', 'mlp'\]")],
    ids=["unknown", "empty", "missing", "null", "number", "flag", "list"],
)
"""What may stand where a registry's name should, where {} means that the key is missing; and how it is told."""


@NO_NAMES
def test_a_kind_of_column_that_nobody_knows_is_refused_by_name(mixed, tmp_path, tag, said):
    save(mixed, tmp_path / "run")
    encoding = json.loads((tmp_path / "run" / "config.json").read_bytes())["encoding"]
    del encoding["blocks"][0]["kind"]
    encoding["blocks"][0] |= {} if tag == {} else {"kind": tag}
    change_config(tmp_path / "run", encoding=encoding)
    with pytest.raises(CorruptError, match=rf"config\.json' does not hold what it should: '{said}' is not one of picture"):
        load(tmp_path / "run")


@NO_NAMES
def test_a_model_that_nobody_knows_is_refused_by_name(saved, tag, said):
    populations = json.loads((saved / "config.json").read_bytes())["populations"]
    del populations[1]["spec"]["model"]["type"]
    populations[1]["spec"]["model"] |= {} if tag == {} else {"type": tag}
    change_config(saved, populations=populations)
    with pytest.raises(CorruptError, match=rf"config\.json' does not hold what it should: '{said}' is not one of linear, mlp, "):
        load(saved)


@pytest.mark.parametrize("record", [None, 3, "picture", ["picture"]])
def test_what_is_no_record_of_a_column_or_a_model_is_refused(mixed, tmp_path, record):
    save(mixed, tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_bytes())
    change_config(tmp_path / "run", encoding={**config["encoding"], "blocks": [record]})
    with pytest.raises(CorruptError, match=r"config\.json' does not hold what it should: 'None' is not one of picture"):
        load(tmp_path / "run")
    config["populations"][0]["spec"]["model"] = record
    change_config(tmp_path / "run", encoding=config["encoding"], populations=config["populations"])
    with pytest.raises(CorruptError, match=r"config\.json' does not hold what it should: 'None' is not one of linear, mlp, "):
        load(tmp_path / "run")


def test_fields_of_a_record_that_its_kind_does_not_have_are_refused(mixed, tmp_path):
    save(mixed, tmp_path / "run")
    encoding = json.loads((tmp_path / "run" / "config.json").read_bytes())["encoding"]
    for change, said in (
        ({"depth": 3}, "'depth' is not known"),
        ({"height": "16"}, "Expected `int`, got `str`"),
        ({"height": 0}, "are 0 x 16"),
    ):
        change_config(tmp_path / "run", encoding={**encoding, "blocks": [{**encoding["blocks"][0], **change}]})
        with pytest.raises(CorruptError, match=rf"config\.json' does not hold what it should: .*{said}"):
            load(tmp_path / "run")


def test_a_model_that_reads_what_is_not_encoded_is_refused(mixed, tmp_path):
    save(mixed, tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_bytes())
    change_config(tmp_path / "run", encoding={**config["encoding"], "blocks": []}, features=config["features"][1:])
    with pytest.raises(CorruptError, match="does not hold what it should: a model of pictures is to read columns of a table"):
        load(tmp_path / "run")
    change_config(tmp_path / "run", encoding={**config["encoding"], "columns": []}, features=config["features"][:1])
    with pytest.raises(CorruptError, match="does not hold what it should: a model of columns of a table is to read pictures"):
        load(tmp_path / "run")


def test_a_shape_that_differs_from_the_config_is_refused(saved):
    w = load_tensors((saved / "model.safetensors").read_bytes())["mlp/params/output/w"]
    change_tensors(saved, {"mlp/params/output/w": w.swapaxes(1, 2).copy()})
    with pytest.raises(CorruptError, match=r"holds 'mlp/params/output/w' as .*\[3, 3, 4\].*, but config\.json says .*\[3, 4, 3\]"):
        load(saved)


def test_a_type_that_differs_from_the_config_is_refused(saved):
    change_tensors(saved, {"mlp/votes": np.ones(3, np.float32)})
    with pytest.raises(CorruptError, match=r"holds 'mlp/votes' as \('float32', \[3\]\), but config\.json says \('float64', \[3\]\)"):
        load(saved)


def test_an_array_that_config_does_not_know_is_refused(saved):
    change_tensors(saved, {"extra": np.ones(3)})
    with pytest.raises(CorruptError, match=r"holds 'extra' as .*, but config\.json says None"):
        load(saved)


@pytest.mark.parametrize(
    "name",
    ["linear/votes", "mlp/votes", "scores", "offset", "linear/params/output/w", "mlp/params/hidden.0/b", "mlp/params/embedding/knots"],
)
def test_an_array_that_the_ensemble_needs_must_be_there(saved, name):
    change_tensors(saved, {name: None}, config=True)
    with pytest.raises(CorruptError, match=rf"model\.safetensors'.*{name}"):
        load(saved)


def test_weights_that_do_not_fit_the_model_of_the_config_are_refused(saved):
    change_tensors(saved, {"mlp/params/output/w": np.ones((3, 5, 3), np.float32)}, config=True)
    with pytest.raises(CorruptError, match=r"model\.safetensors'.*mlp/params/output/w"):
        load(saved)


@pytest.mark.parametrize(
    "name", ["mlp/params/output", "params/output/w", "forest/votes", "forest/history/loss", "mlp/history/a/b/c", "history/a"]
)
def test_an_array_with_a_name_of_no_lawful_form_is_refused(saved, name):
    change_tensors(saved, {name: np.ones((3, 1))}, config=True)
    with pytest.raises(CorruptError, match=rf"model\.safetensors'.*{name}"):
        load(saved)


def test_arrays_of_a_population_that_is_not_told_of_are_refused(saved):
    config = json.loads((saved / "config.json").read_bytes())
    change_config(saved, populations=config["populations"][:1])
    with pytest.raises(CorruptError, match=r"model\.safetensors' holds 'mlp/.*but the model needs None"):
        load(saved)


def test_an_offset_that_does_not_fit_the_task_is_refused(saved):
    change_tensors(saved, {"offset": np.zeros(2)}, config=True)
    with pytest.raises(CorruptError, match=r"model\.safetensors' holds 'offset' as \[2\], but the model needs \[3\]"):
        load(saved)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda populations: [], "populations must be there, each with a name of its own"),
        (lambda populations: [populations[0]] * 2, "populations must be there, each with a name of its own"),
        (lambda populations: [populations[0], {**populations[1], "share": -0.5}], r"the share of 'mlp' is -0\.5"),
        (lambda populations: [populations[0], {**populations[1], "name": "../mlp"}], r"a population has the name '\.\./mlp'"),
        (lambda populations: [populations[0], {**populations[1], "temperature": 1.0}], "temperature"),
    ],
    ids=["none", "twice", "share", "name", "key"],
)
def test_populations_that_cannot_be_are_refused(saved, change, said):
    config = json.loads((saved / "config.json").read_bytes())
    change_config(saved, populations=change(config["populations"]))
    with pytest.raises(CorruptError, match=rf"config\.json' does not hold what it should: .*{said}"):
        load(saved)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["mlp/params/output/b", "linear/params/output/w", "mlp/votes", "offset", "scores"])
def test_numbers_that_are_not_finite_are_refused(saved, name, value):
    array = load_tensors((saved / "model.safetensors").read_bytes())[name].copy()
    array.flat[0] = value
    change_tensors(saved, {name: array})
    with pytest.raises(CorruptError, match=rf"holds numbers in '{name}' that are not finite"):
        load(saved)


def test_a_history_with_gaps_is_lawful(saved):
    assert np.isnan(load(saved).populations[1].history["loss"][0, 1])


def test_a_folder_that_is_not_there_is_not_found(tmp_path):
    with pytest.raises(NotFoundError, match=r"There is no saved run at '.*nowhere'\. Name the folder that `weights fit --save` wrote"):
        load(tmp_path / "nowhere")


def test_a_folder_that_is_not_ours_cannot_be_loaded(tmp_path):
    with pytest.raises(NotFoundError, match=r"' is not a saved run and holds none\. Name the folder that `weights fit --save` wrote"):
        load(tmp_path)


def test_a_folder_of_runs_names_them(ensemble, saved):
    save(ensemble, saved.parent / "other")
    (saved.parent / "notes.txt").write_text("")
    with pytest.raises(NotFoundError, match=r"' is not a saved run, but holds some: .*other, .*run\. Name one of them"):
        load(saved.parent)


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
