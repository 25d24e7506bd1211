"""Reading a saved run that may be damaged: sizes before bytes, then checksums, names, types, shapes and values.

Every complaint is a `CorruptError` that names the file; docs/store-format.md gives the order of the checks.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
import os
import re
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import jax
import msgspec
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors

from weights.data.dataset import Feature
from weights.data.encoding import Encoding
from weights.data.inputs import Inputs, Layout
from weights.data.kind import BlockEncoding
from weights.data.memory import format_bytes, memory_budget
from weights.data.registry import KINDS
from weights.elements.activation import Activation
from weights.elements.initialization import Initialization
from weights.ensemble import Report
from weights.errors import CorruptError, NotFoundError, WeightsError, listed
from weights.models.architecture import ModelSettings
from weights.models.registry import ARCHITECTURES, architecture_of, build
from weights.spec import Spec
from weights.store.checks import (
    CONFORMAL_PARTS,
    PREDICTION_PARTS,
    wrong_in_arrays,
    wrong_in_difficulty,
    wrong_in_distributions,
    wrong_in_encoding,
    wrong_in_feature_weights,
    wrong_in_model,
    wrong_in_report,
    wrong_in_spec,
)
from weights.store.disk import read_file
from weights.store.migrations import FORMAT_VERSION, MIGRATIONS, rename_arrays, upgrade
from weights.tasks.registry import AnyTask
from weights.types import AnyArray

FILES = ("model.safetensors", "config.json", "metrics.json", "README.md")
SUMS = "SHA256SUMS"
_LARGEST_SUMS = 1 << 16
_LARGEST_HEADER = 1 << 20
LARGEST_JSON = 64 << 20
_MOST_TENSORS = 10_000
_ITEM_BYTES = {"float32": 4, "float64": 8}
_LAWFUL_NAME = "[a-z][a-z0-9-]{0,40}"
PREDICTIONS = ("oob_predictions", "test_predictions")

T = TypeVar("T")


class SavedPopulation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What config.json says of a population; its arrays are those whose names begin with its own."""

    name: str
    spec: Spec
    stacking_weight: float


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of config.json. `tensors` lists type and shape of every array in model.safetensors."""

    format: str
    format_version: int
    weights_version: str
    populations: list[SavedPopulation]
    task: AnyTask
    encoding: Encoding
    features: list[Feature]
    tensors: dict[str, tuple[str, list[int]]]


def is_saved(folder: Path) -> bool:
    """Whether the path is a folder that `save` wrote: nothing but its files, and a config that says so."""
    if not folder.is_dir() or not set(os.listdir(folder)) <= {*FILES, SUMS}:
        return False
    try:
        return b'"format": "weights-ensemble"' in read_file(folder / "config.json", LARGEST_JSON)[:200]
    except CorruptError:
        return False


def hash_line(name: str, content: bytes) -> bytes:
    """The line of a file in SHA256SUMS."""
    return f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode()


def find_state(folder: Path) -> tuple[int, ...]:
    """Numbers that change when the folder is replaced; none if there is no folder."""
    try:
        state = os.stat(folder)
    except OSError:
        return ()
    return state.st_dev, state.st_ino, state.st_mtime_ns, state.st_ctime_ns


def read_verified(folder: Path) -> tuple[Config, Report, bytes, int]:
    """What a folder holds, each file with the checksum that SHA256SUMS promises.

    Returns:
        Config and report as the present version has them, the bytes of the arrays, and the version that these were written by.
    """
    _check_is_run(folder)
    sums = read_file(folder / SUMS, _LARGEST_SUMS).splitlines(keepends=True)

    def verified(name: str, largest: int) -> bytes:
        content = read_file(folder / name, largest)
        if sums[FILES.index(name) : FILES.index(name) + 1] != [hash_line(name, content)]:
            raise CorruptError(
                f"'{folder / name}' is not as it was saved: its SHA-256 differs from SHA256SUMS. Restore it from a copy or fit again."
            )
        return content

    content = verified("config.json", LARGEST_JSON)
    version = _version_of(content, folder / "config.json")
    config = _decoded(content, Config, "config", version, folder / "config.json")
    report = _decoded(verified("metrics.json", LARGEST_JSON), Report, "report", version, folder / "metrics.json")
    verified("README.md", LARGEST_JSON)
    if len(sums) != len(FILES):
        raise CorruptError(f"'{folder / SUMS}' must have {len(FILES)} lines, but has {len(sums)}. Restore it from a copy or fit again.")
    tensors = verified("model.safetensors", _largest_tensors(config, folder / "model.safetensors"))
    _refuse(wrong_in_distributions(report.distributions, config.encoding), folder / "metrics.json")
    if report.feature_weights:
        _refuse(wrong_in_feature_weights(report.feature_weights, config.encoding), folder / "metrics.json")
    return config, report, tensors, version


def read_heading(folder: Path) -> tuple[Config, Report]:
    """Config and report of a run as the present version has them, without the arrays, and without checking sums.

    Raises:
        NotFoundError: there is no such folder, or it holds no run. CorruptError: it is damaged.
    """
    _check_is_run(folder)
    content = read_file(folder / "config.json", LARGEST_JSON)
    version = _version_of(content, folder / "config.json")
    report = _decoded(read_file(folder / "metrics.json", LARGEST_JSON), Report, "report", version, folder / "metrics.json")
    return _decoded(content, Config, "config", version, folder / "config.json"), report


def _check_is_run(folder: Path) -> None:
    """Refuse what is no run at all, with the runs that were perhaps meant."""
    try:
        names = sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise NotFoundError(f"There is no saved run at '{folder}'. Name the folder that `weights fit --save` wrote.") from None
    except OSError as error:
        raise NotFoundError(
            f"There is no saved run at '{folder}': {error.strerror}. Name the folder that `weights fit --save` wrote."
        ) from error
    if {*FILES, SUMS} & set(names) - {"README.md"}:
        return
    runs = [folder / name for name in names if is_saved(folder / name)]
    if runs:
        raise NotFoundError(f"'{folder}' is not a saved run, but holds some: {listed([*map(str, runs)], 10)}. Name one of them.")
    raise NotFoundError(f"'{folder}' is not a saved run and holds none. Name the folder that `weights fit --save` wrote.")


class _Version(msgspec.Struct):
    format_version: Any = FORMAT_VERSION


def _version_of(content: bytes, path: Path) -> int:
    """The format version that config.json states, one that can be read."""
    try:
        version = msgspec.json.decode(content, type=_Version).format_version
    except (ValueError, RecursionError, MemoryError) as error:
        raise CorruptError(f"'{path}' does not hold what it should: {error}. Restore the folder from a copy or fit again.") from error
    if type(version) is not int or version not in (*MIGRATIONS, FORMAT_VERSION):
        raise CorruptError(f"'{path}' has format version {version}, and this Weights reads {FORMAT_VERSION}. Upgrade Weights to read it.")
    return version


def _decoded(content: bytes, kind: type[T], part: str, version: int, path: Path) -> T:
    """A record from JSON of some version that has the fields of the record, each once, and no other."""
    try:
        json.loads(content, object_pairs_hook=_each_once)
        content = upgrade(content, part, version)
        record = msgspec.json.decode(content, type=kind, dec_hook=decode_registered)
        unknown = _unknown_key(json.loads(content), msgspec.to_builtins(record))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, MemoryError) as error:
        raise CorruptError(f"'{path}' does not hold what it should: {error}. Restore the folder from a copy or fit again.") from error
    wrong = [f"'{unknown}' is not known"] if unknown else wrong_in_report(record) if isinstance(record, Report) else []
    _refuse(wrong, path)
    return record


def decode_registered(kind: type, record: Any) -> Any:
    """A record of a kind of column or of a model, whose type the registries know by its tag."""
    if kind is BlockEncoding:
        return msgspec.convert(record, type=_find_registered(record, "kind", {name: known.encoding for name, known in KINDS.items()}))
    assert kind is ModelSettings
    return msgspec.convert(record, type=_find_registered(record, "type", {name: known.settings for name, known in ARCHITECTURES.items()}))


def _find_registered(record: Any, tag: str, known: Mapping[str, type]) -> type:
    name = record.get(tag) if isinstance(record, dict) else None
    if not isinstance(name, str) or name not in known:
        raise ValueError(f"'{name}' is not one of {', '.join(known)}")
    return known[name]


def _refuse(wrong: Iterable[str], path: Path) -> None:
    for complaint in wrong:
        raise CorruptError(f"'{path}' does not hold what it should: {complaint}. Restore the folder from a copy or fit again.")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise ValueError("a key comes twice")
    return record


def _unknown_key(record: Any, known: Any) -> str:
    """A key in JSON that was read over, or nothing."""
    if isinstance(record, dict):
        unknown = next((key for key in record if key not in known), "")
        return unknown or next((key for name in record if (key := _unknown_key(record[name], known[name]))), "")
    if isinstance(record, list):
        return next((key for pair in zip(record, known, strict=True) if (key := _unknown_key(*pair))), "")
    return ""


def _largest_tensors(config: Config, path: Path) -> int:
    """Bytes that model.safetensors may have at most, if the arrays that config.json lists are such as the model needs."""
    wrong = [*config.task.check(), *wrong_in_encoding(config.encoding, config.features)]
    for population in config.populations:
        wrong += [*wrong_in_spec(population.spec), *wrong_in_model(population.spec.model, config.encoding)]
        if not re.fullmatch(_LAWFUL_NAME, population.name):
            wrong.append(f"a population has the name '{population.name}'")
        if not 0 <= population.stacking_weight < math.inf:
            wrong.append(f"the stacking weight of '{population.name}' is {population.stacking_weight}")
    if not 0 < len({population.name for population in config.populations}) == len(config.populations):
        wrong.append("populations must be there, each with a name of its own")
    if config.format != "weights-ensemble":
        wrong.append(f"the format is '{config.format}'")
    if len(config.tensors) > _MOST_TENSORS:
        wrong.append(f"it lists more than {_MOST_TENSORS:,} arrays")
    config_path = path.with_name("config.json")
    _refuse(wrong, config_path)
    for name, (kind, shape) in config.tensors.items():
        if kind not in _ITEM_BYTES or not all(0 <= size < 1 << 48 for size in shape):
            _refuse([f"the array '{name}' is listed as {kind} {shape}"], config_path)
    _check_names(config, path)
    needed = sum(_ITEM_BYTES[kind] * math.prod(shape) for kind, shape in config.tensors.values())
    if needed > memory_budget():
        if needed > os.path.getsize(path):
            _refuse([f"arrays of {needed:,} bytes are listed, more than model.safetensors has"], config_path)
        raise WeightsError(
            f"The arrays of '{path}' need {format_bytes(needed)} of memory, but {format_bytes(memory_budget())} may be used. "
            "End other programs, or use a larger machine."
        )
    return 8 + _LARGEST_HEADER + needed


def _check_names(config: Config, path: Path) -> None:
    """Refuse arrays that are not those of the models that config.json describes."""
    listed = {name: shape for name, (_, shape) in config.tensors.items()}
    if len(listed.get("scores", ())) != 1:
        raise CorruptError(f"'{path}' must hold 'scores', but holds {', '.join(sorted(listed)[:10])}. Fit again.")
    needed: dict[str, list[int]] = {"offset": [config.task.n_outputs], "scores": listed["scores"]}
    if any(name in listed for name in CONFORMAL_PARTS):
        pieces = listed.get(CONFORMAL_PARTS[1], [])
        if len(pieces) != 1 or not config.task.numeric:
            raise CorruptError(f"'{path}' must hold a difficulty of numbers, but holds pieces of it as {pieces}. Fit again.")
        needed |= dict.fromkeys(CONFORMAL_PARTS, pieces) | {CONFORMAL_PARTS[0]: listed["scores"]}
    for name in PREDICTIONS:
        parts = [part for part in PREDICTION_PARTS if part != "group" or f"{name}/group" in listed]
        n = listed.get(f"{name}/y", [])
        if any(f"{name}/{part}" in listed for part in parts):
            if len(n) != 1:
                raise CorruptError(f"'{path}' must hold one target for each answer in '{name}', but holds {n}. Fit again.")
            each = [len(config.task.classes)] if config.task.classes else []
            needed |= {f"{name}/{part}": [*n, *each] if part == "prediction" else n for part in parts}
    for population in config.populations:
        layers = [part for part in msgspec.to_builtins(population.spec.model).values() if isinstance(part, list | tuple)]
        if max(map(len, layers), default=0) > len(listed):
            raise CorruptError(f"'{path}' holds {len(listed)} arrays, too few for the layers of '{population.name}'. Fit again.")
        member_weights = listed.get(f"{population.name}/member_weights", [])
        if len(member_weights) != 1:
            raise CorruptError(
                f"'{path}' must hold '{population.name}/member_weights', but holds {', '.join(sorted(listed)[:10])}. Fit again."
            )
        needed |= {f"{population.name}/{name}": shape for name, shape in _needed_shapes(config, population.spec, member_weights[0]).items()}
    histories = "|".join(re.escape(population.name) for population in config.populations)
    for name in {**needed, **listed}:
        lawful = name in needed or re.fullmatch(f"({histories})/history/([a-z_0-9.]+/)?[a-z_0-9]+", name)
        if not lawful or (name in needed and listed.get(name) != needed[name]):
            raise CorruptError(f"'{path}' holds '{name}' as {listed.get(name)}, but the model needs {needed.get(name)}. Fit again.")


def _needed_shapes(config: Config, spec: Spec, n_members: int) -> dict[str, list[int]]:
    """Names and shapes of the arrays that a population of so many members of this model must have."""
    try:
        shapes = _member_shapes(spec.model, config.encoding.layout(config.task.n_outputs), spec.initialization, spec.activation)
    except (TypeError, ValueError, OverflowError) as error:  # layers of more units than an array can have
        raise CorruptError(f"The saved model cannot be built: {error}. Restore the folder from a copy or fit again.") from error
    return {"member_weights": [n_members], **{name: [n_members, *shape] for name, shape in shapes.items()}}


@functools.lru_cache(maxsize=32)
def _member_shapes(
    model: ModelSettings, layout: Layout, initialization: Initialization, activation: Activation
) -> dict[str, tuple[int, ...]]:
    """Names and shapes of one member's weights."""
    inputs = Inputs({name: jax.ShapeDtypeStruct((2, *shape), np.float32) for name, shape in layout.blocks})
    knots = jax.ShapeDtypeStruct((len(layout.numeric), architecture_of(model).n_bins(model) + 1), np.float32)
    init = build(model, layout, initialization, activation).init
    params = jax.eval_shape(lambda inputs, knots: init(inputs, knots, key=jax.random.key(0)), inputs, knots)
    return {f"params/{layer}/{part}": a.shape for layer, parts in params.items() for part, a in parts.items()}


def read_tensors(content: bytes, path: Path, *, largest_header: int = _LARGEST_HEADER, most: int = _MOST_TENSORS) -> dict[str, AnyArray]:
    """Arrays of a safetensors file whose header has been checked for its size first.

    Raises:
        CorruptError: the file is truncated, its header is too large or it is no safetensors file.
    """
    header = struct.unpack("<Q", content[:8])[0] if len(content) >= 8 else -1
    if not 0 <= header <= min(largest_header, len(content) - 8):
        raise CorruptError(
            f"'{path}' claims a header of {header:,} bytes in a file of {len(content):,}. It is truncated or was not written by Weights."
        )
    if content.count(b'"data_offsets"', 8, 8 + header) > most:
        raise CorruptError(f"'{path}' claims more than {most:,} arrays. It was not written by Weights.")
    try:
        return load_tensors(content)
    except (SafetensorError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise CorruptError(f"'{path}' is not a whole safetensors file: {error}. Restore the folder from a copy or fit again.") from error


def check_tensors(content: bytes, config: Config, version: int, path: Path) -> dict[str, AnyArray]:
    """The arrays under their present names, which are those that config.json lists, and whose numbers are such as they can be."""
    try:
        tensors = rename_arrays(read_tensors(content, path), version)
    except ValueError as error:
        raise CorruptError(f"'{path}' does not hold what it should: {error}. Restore the folder from a copy or fit again.") from error
    held = {name: (str(array.dtype), list(array.shape)) for name, array in tensors.items()}
    if held != config.tensors:
        odd = next(name for name in {**held, **config.tensors} if held.get(name) != config.tensors.get(name))
        raise CorruptError(
            f"'{path}' holds '{odd}' as {held.get(odd)}, but config.json says {config.tensors.get(odd)}. The files do not belong together."
        )
    for complaint in wrong_in_arrays(tensors) or wrong_in_difficulty(tensors, config.encoding.layout(config.task.n_outputs).n_columns):
        raise CorruptError(f"'{path}' holds {complaint}. Restore the folder from a copy or fit again.")
    return tensors
