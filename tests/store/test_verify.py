"""What is loaded is checked: damage is noticed, and nothing is believed that no fit could have written."""

from __future__ import annotations

import json
import os
import re
import resource
import struct
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from damages import ALL_FILES, ARRAYS, DISTRIBUTIONS, FEATURE_WEIGHTS, SETTINGS, change_arrays, change_json, rewrite, set_at
from small import fitted_example
from weights.errors import CorruptError, NotFoundError
from weights.store.format import load, save
from weights.store.verify import FILES


def change_config(folder: Path, **changes) -> None:
    change_json(folder, "config.json", lambda config: config.update(changes))


def refused(folder: Path, words: str) -> None:
    """Loading must refuse the folder, and quickly need no more than a quarter of a gigabyte."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(CorruptError, match=words):
        load(folder)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1 << 18  # kilobytes


# Damage


@pytest.mark.parametrize("name", FILES)
def test_a_changed_file_is_named(saved, name):
    (saved / name).write_bytes((saved / name).read_bytes() + b" ")
    refused(saved, rf"{re.escape(name)}' is not as it was saved: its SHA-256 differs from SHA256SUMS")


@pytest.mark.parametrize("name", ALL_FILES)
def test_a_missing_file_is_named(saved, name):
    (saved / name).unlink()
    refused(saved, rf"{re.escape(name)}' is missing from the saved folder\. Restore it")


@pytest.mark.parametrize("name", ALL_FILES)
@pytest.mark.parametrize("length", [0, 1, 8, 63, -100, -1])
def test_a_file_that_was_cut_off_is_noticed(saved, name, length):
    (saved / name).write_bytes((saved / name).read_bytes()[:length])
    refused(saved, "is not as it was saved")


@pytest.mark.parametrize("names", [("model.safetensors", "config.json"), ("config.json", "metrics.json"), ("README.md", "SHA256SUMS")])
def test_files_that_changed_names_are_noticed(saved, names):
    first, second = (saved / name for name in names)
    first.rename(saved / "aside")
    second.rename(first)
    (saved / "aside").rename(second)
    refused(saved, r"is not as it was saved|bytes, and at most")


@pytest.mark.parametrize("name", ALL_FILES)
@pytest.mark.parametrize(
    "make",
    [
        Path.mkdir,
        os.mkfifo,
        lambda path: path.symlink_to(path),
        lambda path: path.symlink_to("nowhere"),
        lambda path: path.symlink_to("/dev/zero"),
        lambda path: path.symlink_to(".."),
    ],
    ids=["folder", "pipe", "loop", "dangling", "endless", "link to a folder"],
)
def test_what_is_no_file_is_refused(saved, name, make):
    (saved / name).unlink()
    make(saved / name)
    refused(saved, rf"{re.escape(name)}' (is missing from|must be a plain file)")


# Claims of files whose checksums are right


@pytest.mark.parametrize("length", [0, 7])
def test_weights_without_a_header_are_refused(saved, length):
    rewrite(saved, "model.safetensors", (saved / "model.safetensors").read_bytes()[:length])
    refused(saved, rf"claims a header of .* bytes in a file of {length}\. It is truncated")


@pytest.mark.parametrize("cut", [1, 100])
def test_truncated_weights_with_right_checksums_are_refused(saved, cut):
    rewrite(saved, "model.safetensors", (saved / "model.safetensors").read_bytes()[:-cut])
    refused(saved, "is not a whole safetensors file")


@pytest.mark.parametrize("claimed", [1 << 21, 1 << 40, (1 << 64) - 1])
def test_a_header_larger_than_the_file_is_refused(saved, claimed):
    rewrite(saved, "model.safetensors", struct.pack("<Q", claimed) + (saved / "model.safetensors").read_bytes()[8:])
    refused(saved, rf"claims a header of {claimed:,} bytes")


def with_header(folder: Path, header: bytes, data: bytes) -> None:
    rewrite(folder, "model.safetensors", struct.pack("<Q", len(header)) + header + data)


def test_a_header_of_two_megabytes_is_refused(saved):
    content = (saved / "model.safetensors").read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    with_header(saved, content[8 : 8 + length].ljust(2 << 20), content[8 + length :])
    refused(saved, r"(claims a header of 2,097,152 bytes|bytes, and at most .* are lawful)")


def test_half_a_million_empty_arrays_are_refused_unread(saved):
    entry = '"{}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'
    with_header(saved, ("{" + ",".join(entry.format(i) for i in range(500_000)) + "}").encode(), b"")
    refused(saved, r"model\.safetensors' has .* bytes, and at most .* are lawful")


def test_an_array_that_claims_more_than_there_is_is_refused(saved):
    with_header(saved, b'{"member_weights":{"dtype":"F64","shape":[1099511627776],"data_offsets":[0,8796093022208]}}', bytes(8))
    refused(saved, "is not a whole safetensors file")


def test_ten_thousand_arrays_are_too_many(saved):
    rewrite(saved, "model.safetensors", save_tensors({str(i): np.zeros(0, np.float32) for i in range(10_001)}))
    refused(saved, r"claims more than 10,000 arrays\. It was not written by Weights")


@pytest.mark.parametrize("name", ALL_FILES)
@pytest.mark.parametrize("n_bytes", [(64 << 20) + 1, 1 << 40])
def test_a_file_too_large_to_be_lawful_is_refused_before_it_is_read(saved, name, n_bytes):
    os.truncate(saved / name, n_bytes)
    refused(saved, rf"{re.escape(name)}' has {n_bytes:,} bytes, and at most .* are lawful")


def test_values_of_a_hundred_megabytes_are_refused_unread(saved):
    rewrite(saved, "config.json", b"[" + b"[]," * (30 << 20) + b"[]]")
    refused(saved, "bytes, and at most 67,108,864 are lawful")


@pytest.mark.parametrize("name", ["config.json", "metrics.json"])
@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'{"a": 1}', b'{"a": "\xff"}', b"[" * 50_000],
    ids=["empty", "open", "list", "null", "other", "no-utf8", "deep"],
)
def test_json_that_is_not_what_it_should_be_is_refused(saved, name, content):
    rewrite(saved, name, content)
    refused(saved, rf"{re.escape(name)}'.* (does not hold what it should|format version)")


@pytest.mark.parametrize("name", ["config.json", "metrics.json"])
@pytest.mark.parametrize(
    "value",
    [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 5000, b"[" * 10_000 + b"]" * 10_000, b'{"a":' * 10_000 + b"1" + b"}" * 10_000],
    ids=["nan", "infinity", "minus infinity", "overflow", "long", "deep list", "deep object"],
)
def test_a_value_that_json_cannot_hold_is_refused(saved, name, value):
    content = (saved / name).read_bytes()
    for key in (rb'"(stacking_weight|seconds)": [^,\n]*', rb'"(target|source)": [^,\n]*'):
        rewrite(saved, name, re.sub(key, lambda found: b'"' + found[1] + b'": ' + value, content, count=1))
        refused(saved, rf"{re.escape(name)}' does not hold what it should")


@pytest.mark.parametrize("name", ["config.json", "metrics.json"])
def test_a_key_that_comes_twice_is_refused(saved, name):
    content = (saved / name).read_text()
    key = re.search(r'"(stacking_weight|seconds)": [^,\n]*', content)[0]
    rewrite(saved, name, content.replace(key, f"{key}, {key}", 1).encode())
    refused(saved, "a key comes twice")


def joined(value) -> str | None:
    """The keys of a path in one word."""
    return ".".join(map(str, value)) if isinstance(value, tuple) else None


@pytest.mark.parametrize(("path", "value", "words"), SETTINGS, ids=joined)
def test_a_setting_that_cannot_be_is_refused(saved, path, value, words):
    change_json(saved, "config.json", lambda config: set_at(config, path, value))
    refused(saved, rf"config\.json' does not hold what it should: .*{re.escape(words)}")


OF_REPORTS = [
    (("metrics", "surprise"), 1, "Expected `object`"),
    (("feature_weights", "surprise"), 1, "'surprise' is not known"),
    (("feature_weights", "importances", 0, "value"), "high", "Expected `float`, got `str`"),
    *((("feature_weights", *path), value, words) for path, value, words in FEATURE_WEIGHTS),
    *((("distributions", 0, name), value, words) for name, value, words in DISTRIBUTIONS),
]


@pytest.mark.parametrize(("path", "value", "words"), OF_REPORTS, ids=joined)
def test_a_report_that_cannot_be_is_refused(saved, path, value, words):
    change_json(saved, "metrics.json", lambda report: set_at(report, path, value))
    refused(saved, rf"metrics\.json' does not hold what it should: .*{re.escape(words)}")


def test_layers_without_arrays_are_refused_before_they_are_built(saved):
    change_json(saved, "config.json", lambda config: config["populations"][1]["spec"]["model"].update(hidden=[1] * 100_000))
    refused(saved, "too few for the layers of 'mlp'")


@pytest.mark.parametrize("units", [10**9, 2**31, 2**62, 2**63 - 1])
def test_layers_of_more_units_than_there_are_are_refused(saved, units):
    change_json(saved, "config.json", lambda config: config["populations"][1]["spec"]["model"].update(hidden=[units]))
    refused(saved, "but the model needs|cannot be built")


@pytest.mark.parametrize("version", [0, 1, 4, "2", None])
def test_another_format_version_is_refused_with_what_to_do(saved, version):
    change_config(saved, format_version=version)
    refused(saved, rf"has format version {version}, and this Weights reads 3\. Upgrade Weights")


NO_NAMES = pytest.mark.parametrize(
    ("tag", "said"),
    [("sound", "sound"), ("", ""), ({}, "None"), (None, "None"), (3, "3"), (True, "True"), (["picture", "mlp"], r"\['picture', 'mlp'\]")],
    ids=["unknown", "empty", "missing", "null", "number", "flag", "list"],
)
"""What may stand where a registry's name should, where {} means that the key is missing; and how it is told."""


@NO_NAMES
def test_a_kind_of_column_that_nobody_knows_is_refused_by_name(saved_mixed, tag, said):
    encoding = json.loads((saved_mixed / "config.json").read_bytes())["encoding"]
    del encoding["blocks"][0]["kind"]
    encoding["blocks"][0] |= {} if tag == {} else {"kind": tag}
    change_config(saved_mixed, encoding=encoding)
    refused(saved_mixed, rf"config\.json' does not hold what it should: '{said}' is not one of picture")


@NO_NAMES
def test_a_model_that_nobody_knows_is_refused_by_name(saved, tag, said):
    populations = json.loads((saved / "config.json").read_bytes())["populations"]
    del populations[1]["spec"]["model"]["type"]
    populations[1]["spec"]["model"] |= {} if tag == {} else {"type": tag}
    change_config(saved, populations=populations)
    refused(saved, rf"config\.json' does not hold what it should: '{said}' is not one of linear, mlp, ")


@pytest.mark.parametrize("record", [None, 3, "picture", ["picture"]])
def test_what_is_no_record_of_a_column_or_a_model_is_refused(saved_mixed, record):
    config = json.loads((saved_mixed / "config.json").read_bytes())
    change_config(saved_mixed, encoding={**config["encoding"], "blocks": [record]})
    refused(saved_mixed, r"config\.json' does not hold what it should: 'None' is not one of picture")
    config["populations"][0]["spec"]["model"] = record
    change_config(saved_mixed, encoding=config["encoding"], populations=config["populations"])
    refused(saved_mixed, r"config\.json' does not hold what it should: 'None' is not one of linear, mlp, ")


def test_fields_of_a_record_that_its_kind_does_not_have_are_refused(saved_mixed):
    encoding = json.loads((saved_mixed / "config.json").read_bytes())["encoding"]
    for change, said in (
        ({"depth": 3}, "'depth' is not known"),
        ({"height": "16"}, "Expected `int`, got `str`"),
        ({"height": 0}, "are 0 x 16"),
    ):
        change_config(saved_mixed, encoding={**encoding, "blocks": [{**encoding["blocks"][0], **change}]})
        refused(saved_mixed, rf"config\.json' does not hold what it should: .*{said}")


def test_a_model_that_reads_what_is_not_encoded_is_refused(saved_mixed):
    config = json.loads((saved_mixed / "config.json").read_bytes())
    change_config(saved_mixed, encoding={**config["encoding"], "blocks": []}, features=config["features"][1:])
    refused(saved_mixed, "does not hold what it should: a model of pictures is to read columns of a table")
    change_config(saved_mixed, encoding={**config["encoding"], "columns": []}, features=config["features"][:1])
    refused(saved_mixed, "does not hold what it should: a model of columns of a table is to read pictures")


def test_a_shape_that_differs_from_the_config_is_refused(saved):
    w = load_tensors((saved / "model.safetensors").read_bytes())["mlp/params/output/w"]
    change_arrays(saved, {"mlp/params/output/w": w.swapaxes(1, 2).copy()}, listed=False)
    refused(saved, r"holds 'mlp/params/output/w' as .*\[3, 3, 4\].*, but config\.json says .*\[3, 4, 3\]")


def test_a_type_that_differs_from_the_config_is_refused(saved):
    change_arrays(saved, {"mlp/member_weights": np.ones(3, np.float32)}, listed=False)
    refused(saved, r"holds 'mlp/member_weights' as \('float32', \[3\]\), but config\.json says \('float64', \[3\]\)")


def test_an_array_that_config_does_not_know_is_refused(saved):
    change_arrays(saved, {"extra": np.ones(3)}, listed=False)
    refused(saved, r"holds 'extra' as .*, but config\.json says None")


@pytest.mark.parametrize(("name", "array", "words"), ARRAYS, ids=[name for name, *_ in ARRAYS])
def test_an_array_that_cannot_be_is_refused(saved, name, array, words):
    change_arrays(saved, {name: array})
    refused(saved, re.escape(words))


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("inputs", lambda inputs: inputs + 0.5, "a difficulty that reads other columns than the 10 there are"),
        ("inputs", lambda inputs: inputs - 1, "a difficulty that reads other columns than the 10 there are"),
        ("inputs", lambda inputs: inputs + 1, "a difficulty that reads other columns than the 10 there are"),
        ("high", lambda high: high - 100, "pieces of a difficulty that do not rise"),
        ("slopes", lambda slopes: slopes + 100, "a difficulty that is too large a number"),
        ("slopes", lambda slopes: slopes[:-1], "holds 'conformal/slopes'"),
        ("predictions", lambda predictions: predictions[:-1], "holds 'conformal/predictions'"),
        ("predictions", lambda predictions: predictions * np.nan, "numbers in 'conformal/predictions' that are not finite"),
        ("inputs", lambda inputs: inputs[:, None], "must hold a difficulty of numbers"),
        ("low", lambda low: None, "holds 'conformal/low' as None"),
    ],
)
def test_a_difficulty_that_cannot_be_is_refused(tmp_path, name, change, words):
    fitted_example("diabetes").save(tmp_path / "run")
    arrays = load_tensors((tmp_path / "run" / "model.safetensors").read_bytes())
    change_arrays(tmp_path / "run", {f"conformal/{name}": change(arrays[f"conformal/{name}"])})
    refused(tmp_path / "run", words)


def test_a_difficulty_of_classes_is_refused(saved):
    change_arrays(saved, {f"conformal/{part}": np.zeros(40) for part in ("predictions", "inputs", "low", "high", "slopes")})
    refused(saved, "must hold a difficulty of numbers")


def test_arrays_of_a_population_that_is_not_told_of_are_refused(saved):
    config = json.loads((saved / "config.json").read_bytes())
    change_config(saved, populations=config["populations"][:1])
    refused(saved, r"model\.safetensors' holds 'mlp/.*but the model needs None")


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["mlp/params/output/b", "linear/params/output/w", "mlp/member_weights", "offset", "scores"])
def test_numbers_that_are_not_finite_are_refused(saved, name, value):
    array = load_tensors((saved / "model.safetensors").read_bytes())[name].copy()
    array.flat[0] = value
    change_arrays(saved, {name: array}, listed=False)
    refused(saved, rf"holds numbers in '{name}' that are not finite")


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
