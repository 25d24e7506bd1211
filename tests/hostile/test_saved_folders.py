"""Saved folders and checkpoints that were damaged, or changed by somebody who also changed the checksums.

Damage is always noticed. Changes with right checksums are refused or lead to a model that can be shown and asked; they never
end in anything but our errors, within bounded memory and time. `WEIGHTS_FLIPS=all` flips every bit;
`WEIGHTS_MUTATIONS=3000` changes so many folders. Run as a script, this file is the worker that tries changed folders.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from damages import ALL_FILES, change_arrays, change_json, reseal
from weights import answering, api
from weights.errors import CorruptError, DataError, Interrupted, NotFoundError, UsageError, WeightsError
from weights.store.checkpoint import Checkpoints
from weights.store.format import load
from weights.store.verify import FILES
from weights.summary import explained

FLIP_ALL = os.environ.get("WEIGHTS_FLIPS") == "all"
N_MUTATIONS = int(os.environ.get("WEIGHTS_MUTATIONS", "200"))
N_CHECKPOINTS = max(N_MUTATIONS // 10, 20)
MOST_BYTES, MOST_SECONDS = 1 << 30, 20
NETWORK = {"model": "mlp", "members": 3, "hidden": (4,), "n_steps": 24, "learning_rate": 0.01}


def table(n: int = 80) -> dict[str, Any]:
    """A column of every kind, a target with classes and one with numbers."""
    random = np.random.default_rng(0)
    age = random.normal(40, 10, n)
    return {
        "age": np.where(np.arange(n) % 17 == 0, np.nan, age),
        "blood": random.choice(["A", "B", "0"], n),
        "smokes": random.choice(["yes", "no"], n),
        "seen": np.datetime64("2024-01-01") + np.arange(n) * np.timedelta64(9, "D"),
        "ward": random.choice(["east", "north", "söuth"], n),
        "cost": 3 * age + random.normal(size=n),
    }


def without(*names: str) -> dict[str, Any]:
    return {name: values for name, values in table().items() if name not in names}


@pytest.fixture(scope="session")
def runs(tmp_path_factory) -> Path:
    """A folder that holds the saved runs network (several classes), linear (a number) and other (the same as linear, from other rows)."""
    folder = tmp_path_factory.mktemp("runs")
    api.fit(without("cost"), "ward", save=folder / "network", **NETWORK)
    api.fit(without("ward"), "cost", save=folder / "linear", model="linear", members=3)
    api.fit(without("ward", "smokes"), "cost", save=folder / "other", model="linear", members=3)
    return folder


@pytest.fixture
def run(runs, tmp_path) -> Path:
    """A copy of the network that a test may damage."""
    return shutil.copytree(runs / "network", tmp_path / "run")


@pytest.fixture(scope="session")
def interrupted(tmp_path_factory) -> Path:
    """A folder with run.checkpoint, left by a fit that was interrupted."""
    folder = tmp_path_factory.mktemp("interrupted")

    def press(progress) -> None:
        if progress.share > 0.02:
            os.kill(os.getpid(), signal.SIGINT)

    with contextlib.suppress(Interrupted):
        api.fit(without("cost"), "ward", save=folder / "run", progress=press, **NETWORK)
    return folder


# Damage


def unnoticed(path: Path, flips: list[tuple[int, int]], read: Callable[[], Any]) -> list[tuple[int, int]]:
    """Those of the flipped bits (position of the byte, number of the bit) that reading does not notice."""
    content, passed = path.read_bytes(), []
    for position, bit in flips:
        path.write_bytes(content[:position] + bytes([content[position] ^ 1 << bit]) + content[position + 1 :])
        try:
            read()
            passed.append((position, bit))
        except (CorruptError, UsageError):
            pass
    path.write_bytes(content)
    return passed


def flips_of(path: Path, most: int | None = None) -> list[tuple[int, int]]:
    """A random bit of every byte, or of so many random bytes; all bits of all bytes if asked for."""
    length, random = path.stat().st_size, np.random.default_rng(0)
    if FLIP_ALL:
        return [(position, bit) for position in range(length) for bit in range(8)]
    positions = range(length) if most is None else random.integers(0, length, most).tolist()
    return [(position, int(random.integers(8))) for position in positions]


@pytest.mark.parametrize("name", ALL_FILES)
def test_every_flipped_bit_of_a_run_is_noticed(run, name):
    flips = flips_of(run / name, 2000 if name in ("model.safetensors", "metrics.json") else None)
    assert unnoticed(run / name, flips, lambda: load(run)) == []


@pytest.mark.parametrize("name", ["fingerprint", "mlp.checkpoint"])
def test_every_flipped_bit_of_a_checkpoint_is_noticed(interrupted, tmp_path, name):
    folder = shutil.copytree(interrupted / "run.checkpoint", tmp_path / "run.checkpoint")
    checkpoints = Checkpoints(tmp_path / "run", (folder / "fingerprint").read_text())
    assert [*checkpoints.begin(resume=True)] == ["mlp"]
    assert unnoticed(folder / name, flips_of(folder / name, 500), lambda: checkpoints.begin(resume=True)) == []


@pytest.mark.parametrize("name", ALL_FILES)
def test_a_file_of_another_run_is_noticed(run, runs, name):
    shutil.copy(runs / "linear" / name, run / name)
    with pytest.raises(CorruptError, match="is not as it was saved"):
        load(run)


def test_arrays_of_a_run_of_other_columns_are_refused_though_all_checksums_are_right(runs, tmp_path):
    run = shutil.copytree(runs / "linear", tmp_path / "run")
    shutil.copy(runs / "other" / "model.safetensors", run)
    reseal(run)
    with pytest.raises(CorruptError, match="The files do not belong together"):
        load(run)


def test_links_to_the_right_content_are_followed(run, runs):
    for name in ALL_FILES:
        (run / name).unlink()
        (run / name).symlink_to(runs / "network" / name)
    assert load(run).n_members == 3


def test_saving_replaces_links_and_leaves_what_they_point_to(run, runs):
    before = (runs / "network" / "model.safetensors").read_bytes()
    (run / "model.safetensors").unlink()
    (run / "model.safetensors").symlink_to(runs / "network" / "model.safetensors")
    api.load(runs / "linear").save(run)
    assert not (run / "model.safetensors").is_symlink()
    assert (runs / "network" / "model.safetensors").read_bytes() == before


def test_a_run_that_is_a_link_is_replaced_where_it_is(run, runs, tmp_path):
    (tmp_path / "link").symlink_to("run")
    api.load(runs / "linear").save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert api.load(run).ensemble.task.kind == "regression"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "run"]


def test_other_files_in_a_run_are_left_alone(run):
    (run / "notes.txt").write_text("keep")
    with pytest.raises(UsageError, match="is not a Weights folder, so it will not be overwritten"):
        api.load(run).save(run)
    assert (run / "notes.txt").read_text() == "keep"


def test_predictions_by_weights_near_the_largest_number_are_explained_or_refused(runs, tmp_path):
    """They are lawful, and predictions by them are finite."""
    run = shutil.copytree(runs / "linear", tmp_path / "run")
    w = load_tensors((run / "model.safetensors").read_bytes())["linear/params/output/w"].copy()
    w[0, 1] = 3e38
    change_arrays(run, {"linear/params/output/w": w})
    model = api.load(run)
    assert np.isfinite(model.predict(table(20))).all()
    with contextlib.suppress(WeightsError):
        explained(answering.explanations(model, table(20)), "cost")


# Changes by somebody who knows the format


HOSTILE: list[Any] = [
    *(None, True, False, 0, -1, 1, 2, 3, 7, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**70, -(2**63), 0.0, -0.0, 0.5, -1.5, 1e-320, 1e300),
    *("", "x", "a" * 5000, "\x00", "\ud800", "../../etc/passwd", "none", "1e5", [], [[]], {}, {"a": 1}, [None], [1, 2], ["x", "x"]),
    *([0] * 3000, [[1.5]], {"name": "x", "kind": "numeric"}, "\u202e\x1b[31m", "söuth", "regression", "binary", "exact", "piecewise"),
]


def places(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value, as the keys that lead to it."""
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    return [found for key, part in items for found in [(*path, key), *places(part, (*path, key))]]


def mutate_json(folder: Path, random: np.random.Generator) -> str:
    """Change one to three values, keys or lists in config.json or metrics.json."""
    name = "config.json" if random.random() < 0.8 else "metrics.json"
    content, done = json.loads((folder / name).read_bytes()), []
    for _ in range(random.integers(1, 4)):
        lawful = places(content)
        if not lawful:
            break
        *way, last = lawful[random.integers(len(lawful))]
        owner = content
        for key in way:
            owner = owner[key]
        match random.choice(["set", "set", "set", "delete", "repeat", "rename", "take", "scale"]):
            case "set":
                owner[last] = HOSTILE[random.integers(len(HOSTILE))]
            case "delete":
                del owner[last]
            case "repeat" if isinstance(owner, list):
                owner.insert(random.integers(len(owner) + 1), owner[last])
            case "rename" if isinstance(owner, dict):
                owner[str(random.choice([*owner, "name", "type", "x"]))] = owner.pop(last)
            case "scale" if isinstance(owner[last], int | float):
                owner[last] *= float(random.choice([-1, 0, 10, 1e9, 1e-9]))
            case _:
                other = lawful[random.integers(len(lawful))]
                with contextlib.suppress(LookupError, TypeError):
                    value = content
                    for key in other:
                        value = value[key]
                    owner[last] = json.loads(json.dumps(value))
        done.append(".".join(map(str, (*way, last))))
    (folder / name).write_text(json.dumps(content))
    return f"{name}: {', '.join(done)}"


def mutate_arrays(folder: Path, random: np.random.Generator) -> str:
    """Change type, shape, name or values of an array, and mostly what config.json says of it."""
    tensors = load_tensors((folder / "model.safetensors").read_bytes())
    name = str(random.choice([*tensors]))
    array = tensors[name].copy()
    kind = random.choice(["type", "shape", "drop", "name", "value", "values", "members", "new"])
    match kind:
        case "type":
            array = array.astype(random.choice(["float16", "float32", "float64", "int32", "uint8", "bool"]))
        case "shape":
            array = array.T.copy() if random.random() < 0.5 else array.reshape(-1)
        case "drop":
            del tensors[name]
        case "name":
            names = ["mlp/params/x/w", "mlp/params/x", "mlp/member_weights/", "mlp/history/A", "mlp/history/x", "x/member_weights"]
            tensors[str(random.choice([*names, "../x", "", "scores"]))] = array
        case "value" if array.size:
            array.flat[random.integers(array.size)] = random.choice([np.nan, np.inf, -np.inf, 3e38, -1, 0])
        case "values":
            array = (array * random.choice([0, -1, 1e30])).astype(array.dtype)
        case "members":
            tensors = {key: value[: random.integers(len(value) + 1)] for key, value in tensors.items()}
            array = tensors[name]
        case _:
            tensors[f"mlp/history/{random.choice(['loss', 'strength', 'dead', 'out_of_bag_loss', 'best_round'])}"] = np.full((1, 1), np.nan)
    if kind not in ("drop", "name"):
        tensors[name] = np.ascontiguousarray(array)
    (folder / "model.safetensors").write_bytes(save_tensors({key: np.ascontiguousarray(value) for key, value in tensors.items()}))
    if random.random() < 0.8:
        listed = {key: [str(value.dtype), list(value.shape)] for key, value in tensors.items()}
        change_json(folder, "config.json", lambda config: config.update(tensors=listed))
    return f"{kind} of {name}"


def mutate_bytes(folder: Path, random: np.random.Generator) -> str:
    """Flip, drop, repeat or overwrite some bytes of a file."""
    name = str(random.choice(ALL_FILES[:3]))
    content = bytearray((folder / name).read_bytes())
    for _ in range(random.integers(1, 6)):
        at = int(random.integers(min(len(content), 600 if random.random() < 0.5 else len(content))))
        length = int(random.integers(1, 9))
        match random.integers(4):
            case 0:
                content[at] ^= 1 << int(random.integers(8))
            case 1:
                del content[at : at + length]
            case 2:
                content[at:at] = content[at : at + length]
            case _:
                content[at : at + length] = random.bytes(length)
    (folder / name).write_bytes(content)
    return f"bytes of {name}"


def mutate_files(folder: Path, random: np.random.Generator) -> str:
    """Cut, empty, swap or replace whole files, with checksums that fit."""
    first, second = (folder / name for name in random.choice(FILES, 2, replace=False))
    match kind := random.choice(["cut", "empty", "copy", "grow", "zeros"]):
        case "cut":
            os.truncate(first, int(random.integers(first.stat().st_size)))
        case "empty":
            first.write_bytes(b"")
        case "copy":
            shutil.copy(first, second)
        case "grow":
            os.truncate(first, first.stat().st_size + int(random.choice([1, 1 << 20, 1 << 28])))
        case _:
            first.write_bytes(bytes(first.stat().st_size))
    return f"{kind} {first.name}"


def mutate_checkpoint(folder: Path, random: np.random.Generator) -> str:
    """Change arrays, values or bytes of a checkpoint, with the checksum that fits."""
    path = folder / "run.checkpoint" / "mlp.checkpoint"
    content = path.read_bytes()[32:]
    if random.random() < 0.4:
        tensors = load_tensors(content)
        header = json.loads(content[8 : 8 + struct.unpack("<Q", content[:8])[0]])["__metadata__"]
        if random.random() < 0.5:
            name = str(random.choice([*tensors]))
            tensors[name] = tensors[name][:1] if random.random() < 0.5 else tensors[name].astype(np.float16)
            done = f"shape of {name}"
        else:
            values = json.loads(header["values"])
            lawful = places(values)
            *way, last = lawful[random.integers(len(lawful))]
            owner = values
            for key in way:
                owner = owner[key]
            owner[last] = HOSTILE[random.integers(len(HOSTILE))]
            header["values"] = json.dumps(values)
            done = f"value {(*way, last)}"
        content = save_tensors({key: np.ascontiguousarray(value) for key, value in tensors.items()}, header)
    else:
        changed = bytearray(content)
        for _ in range(random.integers(1, 5)):
            at = int(random.integers(min(len(changed), 2000 if random.random() < 0.5 else len(changed))))
            changed[at] = int(random.integers(256))
        content, done = bytes(changed), "bytes"
    path.write_bytes(hashlib.sha256(content).digest() + content)
    return done


MUTATIONS = (mutate_json, mutate_json, mutate_json, mutate_arrays, mutate_arrays, mutate_bytes, mutate_files)


def ask_all(folder: Path) -> None:
    """Everything that is done with a loaded run."""
    from weights.cli.process import print_json
    from weights.report.json import run_object
    from weights.report.terminal import run_lines
    from weights.store.card import model_card

    model = api.load(folder)
    print_json(run_object(model, folder))
    run_lines(model.ensemble, folder)
    model_card(model.ensemble)
    repr(model)
    if model.report.feature_weights:
        for scale in ("target", "link"):
            str(model.summary(scale=scale, levels=True, adjust="holm"))
    with contextlib.suppress(DataError):
        answering.predictions(model, table(20))
        if model.report.feature_weights:
            print_json(answering.explanations(model, table(20)))


def go_on(folder: Path) -> None:
    api.fit(without("cost"), "ward", save=folder / "run", resume=True, **NETWORK)


def outcome_of(folder: Path, use: Callable[[Path], None]) -> str:
    """'used', 'refused', or what else happened."""

    def too_long(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(MOST_SECONDS)
    try:
        use(folder)
        return "used"
    except (CorruptError, NotFoundError):
        return "refused"
    except UsageError as error:
        return "refused" if use is go_on else f"{type(error).__name__}: {error}"
    except BaseException as error:
        import traceback

        at = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {str(error)[:200]} at {Path(at.filename).name}:{at.lineno}"
    finally:
        signal.alarm(0)


def resident_bytes() -> int:
    """The most memory this process has held; getrusage would count what its parent held before it began."""
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(found[1]) * 1024 if found else 0


def work(kind: str, source: str, place: str, first: int, last: int) -> None:
    """Try the mutations of these numbers, and print one line of JSON for each."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    for number in range(first, last):
        random, folder = np.random.default_rng(number), Path(place) / str(number)
        shutil.copytree(Path(source), folder)
        if kind == "checkpoints":
            done, use = mutate_checkpoint(folder, random), go_on
        else:
            folder = folder / str(random.choice(["network", "linear"]))
            done, use = MUTATIONS[random.integers(len(MUTATIONS))](folder, random), ask_all
            reseal(folder)
        began = time.monotonic()
        outcome = outcome_of(folder, use)
        print(json.dumps([number, done, outcome, time.monotonic() - began]), file=out, flush=True)
        shutil.rmtree(Path(place) / str(number))
    print(json.dumps(resident_bytes()), file=out, flush=True)


def worked(kind: str, source: Path, place: Path, n: int) -> list[tuple[int, str, str, float]]:
    """What a worker of bounded memory found."""
    command = [sys.executable, __file__, kind, str(source), str(place), "0", str(n)]
    paths = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}  # where damages.py is
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60 + 10 * n, env=paths)
    *found, most_bytes = [json.loads(line) for line in result.stdout.splitlines()] or [0]
    assert result.returncode == 0, f"the worker ended after {len(found)} mutations: {result.stderr[-2000:]}"
    assert most_bytes < MOST_BYTES
    return found


@pytest.mark.parametrize("kind", ["runs", "checkpoints"])
def test_changes_with_right_checksums_end_in_our_errors_or_not_at_all(runs, interrupted, tmp_path, kind):
    source, n = (runs, N_MUTATIONS) if kind == "runs" else (interrupted, N_CHECKPOINTS)
    found = worked(kind, source, tmp_path, n)
    assert [what for what in found if what[2] not in ("used", "refused")] == []
    assert {"used", "refused"} == {what[2] for what in found}


if __name__ == "__main__":
    work(*sys.argv[1:4], *map(int, sys.argv[4:]))
