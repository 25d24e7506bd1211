"""Kill a fit at random moments, go on, and compare the bits: `python benchmarks/kill.py --kills 200`.

One process imports everything once and forks a child for each attempt, before JAX has started. A child is killed from
outside after a random time or soon after training began, or kills itself at a random operation on the disk (a write is cut in
half), of all, of those of checkpoints or of those of saving; these take turns. What is left must be no run, the whole old run
or the whole new one; `--resume`, or the same command where nothing had been kept, must then give the bits of a fit that nobody
disturbed. Prints one JSON object with what happened; exit code 1 if anything was wrong.
"""

from __future__ import annotations

import argparse
import collections
import functools
import hashlib
import json
import mmap
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np

from weights import api, running
from weights.store import disk
from weights.store.checkpoint import Checkpoints, has_checkpoint

PHASES = ("starting", "planning", "training", "checkpoint", "saving", "removing", "done")
OPERATIONS = ("open", "write", "fsync", "close", "replace", "rename", "mkdir", "unlink")
WAYS = ("time", "checkpoint", "any", "saving", "training")
"""What decides when a child dies, in turn: a time, an operation in a phase or in any, or that training has begun."""
_MOST_OPERATIONS = 1 << 16
OPTIONS: dict[str, Any] = {"model": "auto", "members": 3, "hidden": (4,), "n_steps": 12, "learning_rate": 0.01}


class Stage:
    """Numbers that parent and child share: the phase the child is in, and each operation on the disk that it has begun."""

    def __init__(self) -> None:
        self.memory = mmap.mmap(-1, 16 + _MOST_OPERATIONS)

    def enter(self, phase: str) -> str:
        """Begin a phase; the one that was before."""
        before = PHASES[self.memory[0]]
        self.memory[0] = PHASES.index(phase)
        return before

    @property
    def phase(self) -> str:
        """The phase the child is in, or died in."""
        return PHASES[self.memory[0]]

    @property
    def operations(self) -> int:
        """Operations on the disk begun so far."""
        return int.from_bytes(self.memory[8:16], "little")

    def count(self) -> int:
        """One more operation; its number."""
        number = self.operations + 1
        self.memory[8:16] = number.to_bytes(8, "little")
        self.memory[16 + number % _MOST_OPERATIONS] = self.memory[0]
        return number

    def operations_of(self, phase: str) -> list[int]:
        """The numbers of the operations in a phase, or in any."""
        numbers = range(1, self.operations + 1)
        return [number for number in numbers if phase in ("any", PHASES[self.memory[16 + number % _MOST_OPERATIONS]])]

    def reset(self) -> None:
        """Nothing has happened yet."""
        self.memory[0:16] = bytes(16)


class Deadly:
    """The module `os` for the code that writes, in which one operation is the last.

    A last write is cut in half; of the other operations the odd ones are done and the even ones are not.
    """

    def __init__(self, stage: Stage, last: int | None) -> None:
        self.stage, self.last = stage, last

    def __getattr__(self, name: str) -> Any:
        function = getattr(os, name)
        return functools.partial(self.call, name, function) if name in OPERATIONS else function

    def call(self, name: str, function: Any, *args: Any) -> Any:
        """Do an operation, unless it is the last."""
        number = self.stage.count()
        if number != self.last:
            return function(*args)
        if name == "write":
            function(args[0], args[1][: len(args[1]) // 2])
        elif number % 2:
            function(*args)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


def table() -> dict[str, Any]:
    """A small table, always the same."""
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, 60))
    return {"a": a, "b": b, "wage": 2 * a - b + random.normal(size=60) / 2}


def fit_in_phases(folder: Path, stage: Stage, last: int | None, seed: int, *, resume: bool) -> None:
    """A fit with a checkpoint after every round that tells which phase it is in."""

    def during(phase: str, function: Any) -> Any:
        @functools.wraps(function)
        def call(*args: Any, **options: Any) -> Any:
            before = stage.enter(phase)
            result = function(*args, **options)
            stage.enter(before)
            return result

        return call

    disk.os = Deadly(stage, last)  # type: ignore[assignment]
    disk.exchange = functools.partial(disk.os.call, "exchange", disk.exchange)
    Checkpoints.keep = during("checkpoint", Checkpoints.keep)  # type: ignore[method-assign]
    Checkpoints.remove = during("removing", Checkpoints.remove)  # type: ignore[method-assign]
    running.Checkpoints = functools.partial(Checkpoints, every_seconds=0.0)  # type: ignore[attr-defined]
    running.save_run = during("saving", running.save_run)  # type: ignore[attr-defined]
    running.train_ensemble = during("training", running.train_ensemble)  # type: ignore[attr-defined]
    stage.enter("planning")
    api.fit(table(), "wage", save=folder, resume=resume, seed=seed, **OPTIONS)
    stage.enter("done")


def attempt(
    folder: Path, stage: Stage, *, last: int | None = None, seconds: float | None = None, after: str = "starting", seed: int = 0
) -> int:
    """Fit in a child that dies at an operation or some seconds after a phase began; its exit code, negative if a signal ended it."""
    stage.reset()
    resume = has_checkpoint(folder)
    child = os.fork()
    if child == 0:
        try:
            fit_in_phases(folder, stage, last, seed, resume=resume)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    if seconds is not None:
        while PHASES.index(stage.phase) < PHASES.index(after) and os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            time.sleep(0.001)
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def weights_of(folder: Path) -> str:
    """The digest of the weights of a run, '' if there is no run, 'mixed' if its files do not belong together."""
    if not folder.exists():
        return ""
    try:
        promised = [line.split("  ") for line in (folder / "SHA256SUMS").read_text().splitlines()]
        found = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for _, name in promised}
    except OSError:
        return "mixed"
    whole = len(promised) == 4 and {name: digest for digest, name in promised} == found
    return found["model.safetensors"] if whole else "mixed"


def run(n_kills: int, seed: int) -> dict[str, Any]:
    """Kill so many times; what happened, by kind."""
    random, stage = np.random.default_rng(seed), Stage()
    deaths, wrong = collections.Counter[str](), list[str]()
    n_finished = n_resumed = n_done = 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="weights-kill-") as base:
        attempt(Path(base, "warm"), stage)
        length = time.monotonic()
        attempt(Path(base, "wanted"), stage)
        length, operations = time.monotonic() - length, {way: stage.operations_of(way) for way in WAYS}
        attempt(Path(base, "old"), stage, seed=1)
        wanted, old = weights_of(Path(base, "wanted")), weights_of(Path(base, "old"))
        assert len(wanted) == len(old) == 64
        assert wanted != old
        while n_done < n_kills:
            place = Path(base, "place")
            place.mkdir()
            folder = place / "run"
            overwrites = bool(random.integers(2))
            if overwrites:
                shutil.copytree(Path(base, "old"), folder)
            code = -1
            while code != 0:
                killed = n_done < n_kills and (code == -1 or random.random() < 0.5)
                way = WAYS[n_done % len(WAYS)]
                n_resumed += has_checkpoint(folder)
                if not killed:
                    code = attempt(folder, stage)
                elif way == "time":
                    code = attempt(folder, stage, seconds=length * random.random())
                elif way == "training":
                    code = attempt(folder, stage, seconds=0.1 * length * random.random(), after=way)
                else:
                    code = attempt(folder, stage, last=int(random.choice(operations[way])))
                if code == -signal.SIGKILL:
                    n_done += 1
                    deaths[stage.phase] += 1
                elif code != 0:
                    wrong.append(f"exit code {code} while {stage.phase} after {n_done} kills")
                    break
                if weights_of(folder) not in ({old, wanted} if overwrites else {"", wanted}):
                    wrong.append(f"a run that is neither old nor new after a kill while {stage.phase}")
            n_finished += code == 0
            if weights_of(folder) != wanted:
                wrong.append(f"other weights after {n_done} kills")
            if code == 0 and os.listdir(place) != ["run"]:
                wrong.append(f"left behind: {sorted(os.listdir(place))}")
            shutil.rmtree(place)
    seconds = round(time.monotonic() - began, 1)
    return {"kills": n_done, "phases": dict(deaths), "resumed": n_resumed, "finished": n_finished, "wrong": wrong, "seconds": seconds}


def main() -> None:
    """Read the options, kill, and print what happened."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    found = run(arguments.kills, arguments.seed)
    print(json.dumps(found))
    sys.exit(bool(found["wrong"]))


if __name__ == "__main__":
    main()
