"""An ensemble as a folder, specified in docs/store-format.md: `save` and `load`.

Weights are safetensors, everything else is JSON; nothing that is loaded can run code. Loading checks sizes before
it reads, and checksums, names, types and shapes before it believes.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import struct
from pathlib import Path
from typing import Any, TypeVar

import jax
import msgspec
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from weights.data.dataset import Feature
from weights.data.encoding import Encoding
from weights.ensemble import Ensemble, Report, model_shape
from weights.errors import CorruptError, NotFoundError, UsageError
from weights.models.table import build
from weights.spec import Spec
from weights.store.card import model_card
from weights.task import Task
from weights.types import AnyArray, Params

FORMAT_VERSION = 1
FILES = ("model.safetensors", "config.json", "metrics.json", "README.md")
_SUMS = "SHA256SUMS"
_LARGEST_HEADER = 1 << 20
_LARGEST_JSON = 64 << 20
_MOST_TENSORS = 10_000

T = TypeVar("T")


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of config.json. `tensors` lists type and shape of every array in model.safetensors."""

    format: str
    format_version: int
    weights_version: str
    spec: Spec
    task: Task
    encoding: Encoding
    features: list[Feature]
    temperature: float
    tensors: dict[str, tuple[str, list[int]]]


def save(ensemble: Ensemble, folder: Path) -> None:
    """Write an ensemble. The folder appears whole or not at all; a Weights folder of that name is replaced.

    Raises:
        UsageError: the path exists and is not a Weights folder, or cannot be written to.
    """
    check_writable(folder)
    tensors = _tensors(ensemble)
    config = Config(
        format="weights-ensemble",
        format_version=FORMAT_VERSION,
        weights_version=ensemble.report.version,
        spec=ensemble.spec,
        task=ensemble.task,
        encoding=ensemble.encoding,
        features=ensemble.features,
        temperature=ensemble.temperature,
        tensors={name: (str(array.dtype), list(array.shape)) for name, array in tensors.items()},
    )
    contents = {
        "model.safetensors": save_tensors(tensors, {"format": "weights-ensemble"}),
        "config.json": _json(config),
        "metrics.json": _json(ensemble.report),
        "README.md": model_card(ensemble).encode(),
    }
    _replace_folder(folder, {**contents, _SUMS: _sums(contents)})


def check_writable(folder: Path) -> None:
    """Refuse, before any work is done, a folder that `save` could not write to.

    Raises:
        UsageError: the path exists and is not a Weights folder, or its parent cannot be written to.
    """
    empty = folder.is_dir() and not any(folder.iterdir())
    if folder.exists() and not empty and not is_saved(folder):
        raise UsageError(f"'{folder}' exists and is not a Weights folder, so it will not be overwritten. Choose another name for --save.")
    try:
        folder.absolute().parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"The folder '{folder.parent}' cannot be made: {error.strerror}. Choose another place for --save.") from error
    if not os.access(folder.absolute().parent, os.W_OK):
        raise UsageError(f"The folder '{folder.absolute().parent}' cannot be written to. Choose another place for --save.")


def is_saved(folder: Path) -> bool:
    """Whether the path is a folder that `save` wrote: nothing but its files, and a config that says so."""
    if not folder.is_dir() or not {path.name for path in folder.iterdir()} <= {*FILES, _SUMS}:
        return False
    config = folder / "config.json"
    return config.is_file() and b'"format": "weights-ensemble"' in config.read_bytes()[:200]


def load(folder: Path) -> Ensemble:
    """Read an ensemble that `save` wrote, after checking every byte.

    Raises:
        NotFoundError: there is no such folder.
        CorruptError: a file is missing, changed, truncated, too large, or not what config.json says.
    """
    if not folder.is_dir():
        raise NotFoundError(f"There is no saved run at '{folder}'. Name the folder that `weights fit --save` wrote.")
    contents = _verified(folder)
    config = _decoded(contents["config.json"], Config, folder / "config.json")
    report = _decoded(contents["metrics.json"], Report, folder / "metrics.json")
    tensors = _checked_tensors(contents["model.safetensors"], config, folder / "model.safetensors")
    params: Params = {}
    for name, array in tensors.items():
        if name.startswith("params/"):
            _, layer, part = name.split("/")
            params.setdefault(layer, {})[part] = array
    history = {name.removeprefix("history/"): array for name, array in tensors.items() if name.startswith("history/")}
    return Ensemble(
        spec=config.spec,
        task=config.task,
        encoding=config.encoding,
        features=config.features,
        params=params,
        votes=tensors["votes"],
        temperature=config.temperature,
        scores=tensors["scores"],
        report=report,
        history=history,
    )


def _tensors(ensemble: Ensemble) -> dict[str, AnyArray]:
    tensors = {f"params/{layer}/{part}": array for layer, parts in ensemble.params.items() for part, array in parts.items()}
    tensors |= {"votes": ensemble.votes, "scores": ensemble.scores}
    tensors |= {f"history/{name}": array for name, array in ensemble.history.items()}
    return {name: np.ascontiguousarray(array) for name, array in tensors.items()}


def _json(record: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n"


def _replace_folder(folder: Path, contents: dict[str, bytes]) -> None:
    """Write files into a new folder beside the old one, and swap them by renaming."""
    folder = folder.absolute()
    fresh, old = (folder.with_name(f".{folder.name}.{word}-{os.getpid()}") for word in ("new", "old"))
    try:
        fresh.mkdir()
        for name, content in contents.items():
            write_durably(fresh / name, content)
        if folder.exists():
            os.replace(folder, old)
        os.replace(fresh, folder)
    except OSError as error:
        if old.exists() and not folder.exists():
            os.replace(old, folder)
        raise UsageError(
            f"'{folder}' could not be written: {error.strerror}. Free space or choose another place; nothing was changed."
        ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def write_durably(path: Path, content: bytes) -> None:
    """Write a file and wait until the disk has it."""
    with open(path, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _verified(folder: Path) -> dict[str, bytes]:
    """The bytes of every file, each with the checksum that SHA256SUMS promises."""
    sums = _read(folder / _SUMS, 1 << 16)
    contents = {name: _read(folder / name, None if name == "model.safetensors" else _LARGEST_JSON) for name in FILES}
    found = _sums(contents)
    if sums != found:
        lines = zip(FILES, sums.split(b"\n"), found.split(b"\n"), strict=False)
        changed = next((name for name, promised, line in lines if promised != line), _SUMS)
        raise CorruptError(
            f"'{folder / changed}' is not as it was saved: its SHA-256 differs from SHA256SUMS. Restore it from a copy or fit again."
        )
    return contents


def _sums(contents: dict[str, bytes]) -> bytes:
    """The content of SHA256SUMS."""
    return "".join(f"{hashlib.sha256(contents[name]).hexdigest()}  {name}\n" for name in FILES).encode()


def _read(path: Path, largest: int | None) -> bytes:
    if not path.is_file():
        raise CorruptError(f"'{path}' is missing from the saved folder. Restore it from a copy or fit again.")
    size = path.stat().st_size
    if largest is not None and size > largest:
        raise CorruptError(f"'{path}' has {size:,} bytes, and at most {largest:,} are lawful. It was not written by Weights.")
    return path.read_bytes()


def _decoded(content: bytes, kind: type[T], path: Path) -> T:
    if kind is Config:
        version = _format_version(content)
        if version != FORMAT_VERSION:
            raise CorruptError(
                f"'{path}' has format version {version}, and this Weights reads {FORMAT_VERSION}. Upgrade Weights to read it."
            )
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CorruptError(f"'{path}' does not hold what it should: {error}. Restore the folder from a copy or fit again.") from error


def _format_version(content: bytes) -> Any:
    try:
        found = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return FORMAT_VERSION
    return found.get("format_version") if isinstance(found, dict) else FORMAT_VERSION


def read_tensors(content: bytes, path: Path) -> dict[str, AnyArray]:
    """Arrays of a safetensors file whose header has been checked for its size first.

    Raises:
        CorruptError: the file is truncated, its header is too large or it is no safetensors file.
    """
    header = struct.unpack("<Q", content[:8])[0] if len(content) >= 8 else -1
    if not 0 <= header <= min(_LARGEST_HEADER, len(content) - 8):
        raise CorruptError(
            f"'{path}' claims a header of {header:,} bytes in a file of {len(content):,}. It is truncated or was not written by Weights."
        )
    if content.count(b'"data_offsets"', 8, 8 + header) > _MOST_TENSORS:
        raise CorruptError(f"'{path}' claims more than {_MOST_TENSORS:,} arrays. It was not written by Weights.")
    try:
        return load_tensors(content)
    except (SafetensorError, KeyError, ValueError) as error:
        raise CorruptError(f"'{path}' is not a whole safetensors file: {error}. Restore the folder from a copy or fit again.") from error


def _checked_tensors(content: bytes, config: Config, path: Path) -> dict[str, AnyArray]:
    tensors = read_tensors(content, path)
    found = {name: (str(array.dtype), list(array.shape)) for name, array in tensors.items()}
    if found != config.tensors:
        odd = next(name for name in {**found, **config.tensors} if found.get(name) != config.tensors.get(name))
        raise CorruptError(
            f"'{path}' holds '{odd}' as {found.get(odd)}, but config.json says {config.tensors.get(odd)}. The files do not belong together."
        )
    if not {"votes", "scores"} <= set(tensors):
        raise CorruptError(f"'{path}' must hold 'votes' and 'scores', but holds {', '.join(sorted(tensors)[:10])}. Fit again.")
    needed = _needed_shapes(config, len(tensors["votes"]))
    for name in {**needed, **found}:
        lawful = name in needed or re.fullmatch(r"history/[a-z_0-9]+", name)
        if not lawful or (name in needed and found.get(name, ("", None))[1] != needed[name]):
            raise CorruptError(f"'{path}' holds '{name}' as {found.get(name)}, but the model needs {needed.get(name)}. Fit again.")
    for name, array in tensors.items():
        if not name.startswith("history/") and not np.isfinite(array).all():
            raise CorruptError(f"'{path}' holds numbers in '{name}' that are not finite. Fit again.")
    return tensors


def _needed_shapes(config: Config, n_members: int) -> dict[str, list[int]]:
    """Names and shapes of the arrays that this model of so many members must have."""
    shape = model_shape(config.encoding, config.task)
    model = build(config.spec.model, shape, config.spec.initialization, config.spec.activation)
    x = jax.ShapeDtypeStruct((2, shape.n_inputs), np.float32)
    params = jax.eval_shape(lambda x: model.init(x, key=jax.random.key(0)), x)
    needed = {f"params/{layer}/{part}": [n_members, *a.shape] for layer, parts in params.items() for part, a in parts.items()}
    return {**needed, "votes": [n_members], "scores": config.tensors["scores"][1][:1]}
