"""What is loaded is checked: damage is noticed, and nothing is believed that no fit could have written."""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from weights.errors import CorruptError, NotFoundError
from weights.store.format import load, save
from weights.store.verify import FILES

ALL_FILES = (*FILES, "SHA256SUMS")


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
    change_tensors(saved, {"mlp/member_weights": np.ones(3, np.float32)})
    with pytest.raises(
        CorruptError, match=r"holds 'mlp/member_weights' as \('float32', \[3\]\), but config\.json says \('float64', \[3\]\)"
    ):
        load(saved)


def test_an_array_that_config_does_not_know_is_refused(saved):
    change_tensors(saved, {"extra": np.ones(3)})
    with pytest.raises(CorruptError, match=r"holds 'extra' as .*, but config\.json says None"):
        load(saved)


@pytest.mark.parametrize(
    "name",
    [
        "linear/member_weights",
        "mlp/member_weights",
        "scores",
        "offset",
        "linear/params/output/w",
        "mlp/params/hidden.0/b",
        "mlp/params/embedding/knots",
    ],
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
    "name", ["mlp/params/output", "params/output/w", "forest/member_weights", "forest/history/loss", "mlp/history/a/b/c", "history/a"]
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
        (lambda populations: [populations[0], {**populations[1], "stacking_weight": -0.5}], r"the stacking weight of 'mlp' is -0\.5"),
        (lambda populations: [populations[0], {**populations[1], "name": "../mlp"}], r"a population has the name '\.\./mlp'"),
        (lambda populations: [populations[0], {**populations[1], "temperature": 1.0}], "temperature"),
    ],
    ids=["none", "twice", "stacking_weight", "name", "key"],
)
def test_populations_that_cannot_be_are_refused(saved, change, said):
    config = json.loads((saved / "config.json").read_bytes())
    change_config(saved, populations=change(config["populations"]))
    with pytest.raises(CorruptError, match=rf"config\.json' does not hold what it should: .*{said}"):
        load(saved)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["mlp/params/output/b", "linear/params/output/w", "mlp/member_weights", "offset", "scores"])
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


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("oob_predictions/probability", np.full((30, 3), 0.5)),
        ("oob_predictions/y", np.full(30, 3.0)),
        ("oob_predictions/rows", np.full(30, 0.5)),
        ("oob_predictions/group", np.full(30, -1.0)),
        ("test_predictions/weight", np.full(5, -1.0)),
        ("test_predictions/y", np.full(5, np.nan)),
        ("test_predictions/y", np.zeros(4)),
        ("test_predictions/probability", np.full((5, 2), 0.5)),
        ("oob_predictions/weight", None),
        ("oob_predictions/other", np.zeros(30)),
        ("oob_predictions/y", np.zeros(())),
    ],
)
def test_answers_to_known_rows_that_cannot_be_are_refused(saved, name, array):
    change_tensors(saved, {name: array}, config=True)
    with pytest.raises(CorruptError, match=re.escape(name.split("/")[0])):
        load(saved)
