"""An ensemble as a folder, specified in docs/store-format.md: `save` and `load`.

Weights are safetensors, everything else is JSON; nothing that is loaded can run code. Loading checks sizes before
it reads, and checksums, names, types, shapes and values before it believes.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
from safetensors.numpy import save as save_tensors

from weights.conformal import Conformal, Difficulty
from weights.ensemble import Ensemble, Population, Predictions, Report
from weights.errors import CorruptError, DataError, NotFoundError, StorageError, UsageError, WeightsError
from weights.models.registry import layers_of
from weights.store.card import model_card
from weights.store.checks import CONFORMAL_PARTS, PREDICTION_PARTS
from weights.store.disk import write_folder
from weights.store.migrations import FORMAT_VERSION
from weights.store.verify import (
    FILES,
    LARGEST_JSON,
    PREDICTIONS,
    SUMS,
    Config,
    SavedPopulation,
    check_tensors,
    find_state,
    hash_line,
    is_saved,
    read_verified,
)
from weights.tasks.metrics import Metric
from weights.tasks.registry import AnyTask
from weights.types import AnyArray, Params

_MOST_TRIES = 100


def save(ensemble: Ensemble, folder: Path) -> None:
    """Write an ensemble. The folder appears whole or not at all; a Weights folder of that name is replaced in one step.

    A folder that is a symbolic link is followed. Two processes that save to one folder take turns.

    Raises:
        UsageError: the path exists and is not a Weights folder, or cannot be written to.
        StorageError: the disk is full, read-only or failing; what was there is as it was.
        DataError: there are so many columns or so long texts that the folder could not be loaded again.
    """
    check_writable(folder)
    tensors = _tensors(ensemble)
    config = Config(
        format="weights-ensemble",
        format_version=FORMAT_VERSION,
        weights_version=ensemble.report.version,
        populations=[SavedPopulation(p.name, p.spec, p.stacking_weight) for p in ensemble.populations],
        task=cast(AnyTask, ensemble.task),
        encoding=ensemble.encoding,
        features=ensemble.features,
        tensors={name: (str(array.dtype), list(array.shape)) for name, array in tensors.items()},
    )
    contents = {
        "model.safetensors": save_tensors(tensors, {"format": "weights-ensemble"}),
        "config.json": _json(config),
        "metrics.json": _json(_with_numbers(ensemble.report)),
        "README.md": model_card(ensemble).encode(),
    }
    for name, content in contents.items():
        if name != "model.safetensors" and len(content) > LARGEST_JSON:
            raise DataError(
                f"The file '{name}' would have {len(content):,} bytes, but at most {LARGEST_JSON:,} can be loaded again. "
                "Use --drop for columns with long texts."
            )
    write_folder(folder.resolve(), {**contents, SUMS: _sums(contents)}, replaces=_replaceable)


def check_writable(folder: Path) -> None:
    """Refuse, before any work is done, a folder that `save` could not write to.

    Raises:
        UsageError: the path exists and is not a Weights folder, or its parent cannot be written to.
    """
    try:
        replaceable, parent = _replaceable(folder), folder.resolve().parent
        if not replaceable:
            raise UsageError(
                f"'{folder}' exists and is not a Weights folder, so it will not be overwritten. Choose another name for --save."
            )
        parent.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, or a name that no file can have
        if isinstance(error, WeightsError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"The folder '{folder.parent}' cannot be made: {reason}. Choose another place for --save.") from error
    if not os.access(parent, os.W_OK):
        raise UsageError(f"The folder '{parent}' cannot be written to. Choose another place for --save.")


def load(folder: Path) -> Ensemble:
    """Read an ensemble that `save` wrote, after checking every byte.

    A folder that is replaced meanwhile is read again, so that what comes back is all of the old run or all of the new.

    Raises:
        NotFoundError: there is no such folder, or it holds no run.
        CorruptError: a file is missing, changed, truncated, too large, or not what config.json says.
        StorageError: the disk or its permissions do not let it be read.
    """
    for _ in range(_MOST_TRIES):
        before = find_state(folder)
        try:
            config, report, content, version = read_verified(folder)
            break
        except (CorruptError, NotFoundError):
            if find_state(folder) == before:
                raise
    else:
        raise StorageError(f"'{folder}' was replaced again and again while it was read. Try again when no fit saves there.")
    tensors = check_tensors(content, config, version, folder / "model.safetensors")
    populations = [_population(saved, tensors) for saved in config.populations]
    oob, test = (_read_predictions(name, tensors) for name in PREDICTIONS)
    conformal = _read_conformal(tensors)
    return Ensemble(config.task, config.encoding, config.features, populations, tensors["offset"], conformal, report, oob, test)


def _replaceable(folder: Path) -> bool:
    """Whether a save may write there: nothing, an empty folder, or an earlier run."""
    return not os.path.lexists(folder.resolve()) or is_saved(folder) or (folder.is_dir() and not os.listdir(folder))


def _tensors(ensemble: Ensemble) -> dict[str, AnyArray]:
    conformal = ensemble.conformal
    tensors = {"offset": ensemble.offset, "scores": conformal.scores}
    if conformal.predictions is not None:
        tensors |= dict(zip(CONFORMAL_PARTS, (conformal.predictions, *conformal.difficulty), strict=True))
    for name in PREDICTIONS:
        predictions = getattr(ensemble, name)
        parts = {} if predictions is None else {part: getattr(predictions, part) for part in PREDICTION_PARTS}
        tensors |= {f"{name}/{part}": array.astype(np.float64) for part, array in parts.items() if array is not None}
    for population in ensemble.populations:
        own = {f"params/{layer}/{part}": array for layer, parts in population.params.items() for part, array in parts.items()}
        own |= {f"history/{name}": array for name, array in population.history.items()}
        tensors |= {f"{population.name}/{name}": array for name, array in {"member_weights": population.member_weights, **own}.items()}
    return {name: np.ascontiguousarray(array) for name, array in tensors.items()}


def _read_conformal(tensors: dict[str, AnyArray]) -> Conformal:
    """The saved scores; those of classes, of few rows and of version 2 have nothing else."""
    if CONFORMAL_PARTS[0] not in tensors:
        return Conformal(tensors["scores"])
    predictions, *difficulty = (tensors[name] for name in CONFORMAL_PARTS)
    return Conformal(tensors["scores"], predictions, Difficulty(*difficulty))


def _read_predictions(name: str, tensors: dict[str, AnyArray]) -> Predictions | None:
    """The answers saved under a name; runs of older versions have none."""
    if f"{name}/y" not in tensors:
        return None
    prediction, y, rows, weight = (tensors[f"{name}/{part}"] for part in ("prediction", "y", "rows", "weight"))
    group = tensors.get(f"{name}/group")
    target = y.astype(np.int64) if prediction.ndim == 2 else y  # class codes, or values
    return Predictions(prediction, target, rows.astype(np.int64), weight, None if group is None else group.astype(np.int64))


def _population(saved: SavedPopulation, tensors: dict[str, AnyArray]) -> Population:
    own = {name.removeprefix(f"{saved.name}/"): array for name, array in tensors.items() if name.startswith(f"{saved.name}/")}
    params: Params = {layer: {} for layer in layers_of(saved.spec.model)}  # as signals pass, which safetensors do not keep
    for name in (name for name in own if name.startswith("params/")):
        _, layer, part = name.split("/")
        params[layer][part] = own[name]
    history = {name.removeprefix("history/"): array for name, array in own.items() if name.startswith("history/")}
    return Population(saved.name, saved.spec, params, own["member_weights"], saved.stacking_weight, history)


def _json(record: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n"


def _with_numbers(report: Report) -> Report:
    """The report without metrics that are no numbers, which JSON cannot hold: AUROC where one class only was scored."""

    def numbers(metrics: dict[str, Metric]) -> dict[str, Metric]:
        return {name: metric for name, metric in metrics.items() if math.isfinite(metric.value)}

    compared = {model: numbers(metrics) for model, metrics in report.compared.items()}
    return msgspec.structs.replace(report, metrics=numbers(report.metrics), test=numbers(report.test), compared=compared)


def _sums(contents: dict[str, bytes]) -> bytes:
    """The content of SHA256SUMS."""
    return b"".join(hash_line(name, contents[name]) for name in FILES)
