"""Which runs are saved where, and what each is of: `list_runs`, `describe_run`; `remove_run` removes one."""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import Any

import msgspec

from weights.data.table.part import is_same_source
from weights.errors import CorruptError, NotFoundError, UsageError, WeightsError, printable
from weights.store.checkpoint import is_checkpoint, remove_checkpoint
from weights.store.disk import remove_folder
from weights.store.verify import is_saved, read_heading
from weights.tasks.proportions import Metric


class SavedRun(msgspec.Struct, frozen=True):
    """What a saved run is of.

    Attributes:
        run: its folder.
        data: where its rows came from, in a few words.
        target: the column it predicts.
        task: kind of task.
        models: names of its populations.
        n_samples: rows it learned from.
        metric: name of its first metric. value: of it, with its interval.
        judged: how that was found, such as out of bag.
        created: when, in UTC.
        damaged: why it cannot be read; the rest is then empty.
        unfinished: whether it is what an interrupted fit has left; the rest is then empty, but for when it was last written.
    """

    run: str
    data: str = ""
    target: str = ""
    task: str = ""
    models: list[str] = []
    n_samples: int = 0
    metric: str = ""
    value: Metric | None = None
    created: str = ""
    damaged: str = ""
    unfinished: bool = False
    judged: str = "out of bag"


def list_runs(folder: Path) -> list[SavedRun]:
    """The runs in a folder and the folders in it, the newest first, and those that are unfinished; those that cannot be read say why.

    Raises:
        NotFoundError: there is no such folder.
    """
    if not folder.is_dir():
        raise NotFoundError(f"There is no folder '{printable(str(folder))}' to look for runs in. `weights fit` saves to runs/.")
    if is_saved(folder):
        return [describe_run(folder)]
    inside = sorted(path for pattern in ("*", "*/*") for path in folder.glob(pattern) if not path.name.startswith(".") and _is_run(path))
    return sorted(map(describe_run, inside), key=lambda saved: saved.created, reverse=True)


def describe_run(folder: Path) -> SavedRun:
    """What the run in a folder is of."""
    if is_checkpoint(folder):
        written = datetime.datetime.fromtimestamp(folder.stat().st_mtime, datetime.UTC)
        return SavedRun(str(folder), created=written.isoformat(timespec="seconds"), unfinished=True)
    try:
        config, report = read_heading(folder)
    except WeightsError as error:
        return SavedRun(str(folder), damaged=str(error))
    name, metric = next(iter(report.metrics.items()), ("", None))
    return SavedRun(
        str(folder),
        report.source,
        config.task.target,
        config.task.kind,
        config.models,
        report.n_samples,
        name,
        metric,
        report.created,
        judged=config.judged,
    )


def check_replaceable(folder: Path, prepared: Any, *, overwrite: bool) -> bool:
    """Whether a folder holds a run whose place a fit will take: one of the same rows and target, or any where that is wanted.

    Raises:
        UsageError: it holds another, and `overwrite` does not say that it may go.
    """
    if not is_saved(folder):
        return False
    if not overwrite and not _is_like(folder, prepared):
        other = describe_run(folder)
        held = f"which cannot be read ({other.damaged})" if other.damaged else f"of '{other.target}' in {other.data}"
        shown = printable(str(folder))
        raise UsageError(
            f"{shown} holds a run {held}. Name another folder with --save, or add --overwrite to replace it (in Python: overwrite=True)."
        )
    return True


def _is_like(folder: Path, prepared: Any) -> bool:
    """Whether the run in a folder is of the same file and target, or, of rows from memory, of rows that are encoded alike."""
    try:
        config, report = read_heading(folder)
    except CorruptError:
        return False
    if config.task.target != prepared.task.target:
        return False
    sources = [None if known is None else known.source for known in (report.origin, prepared.origin)]
    from_memory = sources == [None, None] and report.n_samples == prepared.n_samples
    return is_same_source(*sources) or (from_memory and prepared.agrees_with(config))


def check_removable(folder: Path) -> Path:
    """The folder, if it is a saved run.

    Raises:
        UsageError: it is something else. NotFoundError: there is none.
    """
    if not os.path.lexists(folder):
        raise NotFoundError(f"There is no saved run at '{printable(str(folder))}'. `weights runs` lists those there are.")
    if folder.is_symlink() or not _is_run(folder):
        raise UsageError(f"'{printable(str(folder))}' is not a saved run, so it is not removed. `weights runs` lists those there are.")
    return folder


def remove_run(folder: Path) -> None:
    """Remove a saved run, all of it or nothing, or what an interrupted fit has left.

    Raises:
        UsageError: the folder is not a run, or a fit is saving to it. NotFoundError: there is none. StorageError: the disk does not let it.
    """
    folder = check_removable(folder).absolute()
    if is_checkpoint(folder):
        remove_checkpoint(folder)
    else:
        remove_folder(folder, removes=is_saved)


def _is_run(folder: Path) -> bool:
    """Whether a folder is a saved run, or what an interrupted fit has left."""
    return is_saved(folder) or is_checkpoint(folder)
