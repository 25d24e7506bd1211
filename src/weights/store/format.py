"""An ensemble or a forecaster as a folder, specified in docs/store-format.md: `save` and `load`.

Weights are safetensors, everything else is JSON; nothing that is loaded can run code. Loading checks sizes before
it reads, and checksums, names, types, shapes and values before it believes.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from safetensors.numpy import save as save_tensors

from weights.ensemble import Ensemble, Report
from weights.errors import CorruptError, DataError, NotFoundError, StorageError, UsageError, WeightsError
from weights.finance.forecaster import PriceForecaster
from weights.forecasting.forecaster import Forecaster
from weights.rating.rater import Rater
from weights.recommending.recommender import Recommender
from weights.store.contents import content_of
from weights.store.disk import write_folder
from weights.store.migrations import FORMAT_VERSION
from weights.store.verify import LARGEST_JSON, SUMS, check_tensors, find_state, hash_line, is_saved, read_verified
from weights.tasks.metrics import Metric

Saved = Ensemble | Forecaster | PriceForecaster | Recommender | Rater
_MOST_TRIES = 100


def save(saved: Saved, folder: Path) -> None:
    """Write an ensemble or a forecaster. The folder appears whole or not at all; a Weights folder of that name is replaced in one step.

    A folder that is a symbolic link is followed. Two processes that save to one folder take turns.

    Raises:
        UsageError: the path exists and is not a Weights folder, or cannot be written to.
        StorageError: the disk is full, read-only or failing; what was there is as it was.
        DataError: there are so many columns or so long texts that the folder could not be loaded again.
    """
    check_writable(folder)
    content = content_of(saved)
    tensors = {name: np.ascontiguousarray(array) for name, array in content.arrays(saved).items()}
    config = content.describe(saved, FORMAT_VERSION, {name: (str(array.dtype), list(array.shape)) for name, array in tensors.items()})
    contents = {
        "model.safetensors": save_tensors(tensors, {"format": content.name}),
        "config.json": _json(content.without_attached(config)),
        "metrics.json": _json(_with_numbers(saved.report)),
        "README.md": content.card(saved).encode(),
        **{name: written.encode() for name, written in content.attached(config).items()},
    }
    for name, written in contents.items():
        if name != "model.safetensors" and len(written) > LARGEST_JSON:
            raise DataError(
                f"The file '{name}' would have {len(written):,} bytes, but at most {LARGEST_JSON:,} can be loaded again. "
                "Use --drop for columns with long texts."
            )
    write_folder(folder.resolve(), {**contents, SUMS: _sums(contents)}, replaces=_replaceable, keeps=content.keeps)


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


def load(folder: Path) -> Any:
    """Read what `save` wrote, an ensemble or a forecaster, after checking every byte.

    A folder that is replaced meanwhile is read again, so that what comes back is all of the old run or all of the new.

    Raises:
        NotFoundError: there is no such folder, or it holds no run.
        CorruptError: a file is missing, changed, truncated, too large, or not what config.json says.
        StorageError: the disk or its permissions do not let it be read.
    """
    for _ in range(_MOST_TRIES):
        before = find_state(folder)
        try:
            verified = read_verified(folder)
            break
        except (CorruptError, NotFoundError):
            if find_state(folder) == before:
                raise
    else:
        raise StorageError(f"'{folder}' was replaced again and again while it was read. Try again when no fit saves there.")
    tensors = check_tensors(verified, folder / "model.safetensors")
    return verified.content.build(verified.config, verified.report, tensors)


def _replaceable(folder: Path) -> bool:
    """Whether a save may write there: nothing, an empty folder, or an earlier run."""
    return not os.path.lexists(folder.resolve()) or is_saved(folder) or (folder.is_dir() and not os.listdir(folder))


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
    return b"".join(hash_line(name, content) for name, content in contents.items())
