"""The process and the machine it runs on: full and failing disks, signals, streams, environments, paths, memory, and other processes."""

from __future__ import annotations

import contextlib
import errno
import functools
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import load_file

from weights import api, cli, running
from weights.errors import CorruptError, StorageError, UsageError
from weights.store import disk
from weights.store.checkpoint import Checkpoints
from weights.training.compiling import WholePrograms

OPERATIONS = ("open", "write", "fsync", "replace", "rename", "mkdir")
FAULTS = (errno.ENOSPC, errno.EIO, errno.EMFILE, errno.EACCES)
LINEAR = ("--target", "wage", "--model", "linear", "--members", "3")
NETWORK = ("--target", "wage", "--model", "mlp", "--hidden", "4", "--members", "3", "--steps", "24")
LONG = (*NETWORK[:-1], "400000", "--set", "patience=0", "--learning-rate", "0.0001")


def planted(n: int = 80) -> dict[str, Any]:
    a, b, noise = np.random.default_rng(0).normal(size=(3, n))
    return {"a": a, "b": b, "wage": 2 * a - b + noise / 2}


@pytest.fixture(scope="session")
def csv(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("tables") / "wages.csv"
    rows = "".join(f"{a},{b},{wage}\n" for a, b, wage in zip(*planted().values(), strict=True))
    path.write_text("a,b,wage\n" + rows)
    return path


@pytest.fixture(scope="session")
def models() -> tuple[api.Model, api.Model]:
    """Two small models that differ."""
    first, second = (api.fit(planted(), "wage", model="linear", members=3, seed=seed) for seed in (0, 1))
    return first, second


@pytest.fixture(scope="session")
def saved(models, tmp_path_factory) -> Path:
    models[0].save(folder := tmp_path_factory.mktemp("saved") / "run")
    return folder


@pytest.fixture(scope="session")
def network(tmp_path_factory) -> Path:
    """A saved network, of which `show` draws a curve, in a folder with an odd name."""
    folder = tmp_path_factory.mktemp("networks") / "söuth ▁ run"
    api.fit(planted(), "wage", model="mlp", members=3, hidden=(4,), n_steps=24, save=folder)
    return folder


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def start(*args: Any, **options: Any) -> subprocess.Popen:
    settings = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    return subprocess.Popen([sys.executable, "-m", "weights", *map(str, args)], **settings)


def ended(process: subprocess.Popen) -> tuple[int, str, str]:
    """Exit code, output and words of a command, none of which may be a traceback."""
    output, words = process.communicate(timeout=120)
    assert "Traceback" not in (words or ""), words
    assert "unexpected" not in (words or ""), words
    return process.returncode, output, words


def weights(*args: Any, **options: Any) -> tuple[int, str, str]:
    return ended(start(*args, **options))


UNBUFFERED = {"PYTHONUNBUFFERED": "1"}


def shell(command: str, **options: Any) -> tuple[int, str, str]:
    """As `weights`, in a shell; $weights is the command."""
    program = f'weights() {{ {shlex.quote(sys.executable)} -m weights "$@"; }}; set -o pipefail; '
    return ended(subprocess.Popen(["bash", "-c", program + command], stdout=-1, stderr=-1, text=True, **options))


def content_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


# The disk


class Faulty:
    """The module `os` for the code that writes, in which the n-th operation, or every one from it on, fails."""

    def __init__(self, first: int, number: int = errno.ENOSPC, *, lasts: bool = False) -> None:
        self.first, self.number, self.lasts, self.count = first, number, lasts, 0

    def __getattr__(self, name: str) -> Any:
        return functools.partial(self.call, getattr(os, name)) if name in OPERATIONS else getattr(os, name)

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        self.count += 1
        if self.count == self.first or (self.lasts and self.count > self.first):
            raise OSError(self.number, os.strerror(self.number))
        return function(*args)


@contextlib.contextmanager
def failing(*args: Any, **options: Any) -> Iterator[Faulty]:
    with pytest.MonkeyPatch.context() as patch:
        faulty = Faulty(*args, **options)
        patch.setattr(disk, "exchange", functools.partial(faulty.call, disk.exchange))
        patch.setattr(disk, "os", faulty)
        yield faulty


def operations_of(work: Callable[[], Any]) -> int:
    with failing(-1) as counted:
        work()
    return counted.count


def which(folder: Path, old: dict[str, bytes]) -> str:
    """Whether a folder holds the old run or another whole one."""
    api.load(folder)
    return "old" if content_of(folder) == old else "new"


@pytest.mark.parametrize("number", FAULTS, ids=errno.errorcode.get)
@pytest.mark.parametrize("lasts", [False, True], ids=["once", "ever after"])
def test_whichever_operation_fails_a_save_keeps_the_old_run_and_says_why(models, tmp_path, number, lasts):
    place = tmp_path / "place"
    models[0].save(place / "run")
    before, n_operations = content_of(place / "run"), operations_of(lambda: models[0].save(place / "run"))
    for first in range(1, n_operations + 1):
        with failing(first, number, lasts=lasts), pytest.raises(StorageError, match=rf"run.*{os.strerror(number)}"):
            models[1].save(place / "run")
        lawful = ["old", "new"] if lasts and first > n_operations - 2 else ["old"]  # a disk that is dead does not let us change back
        assert which(place / "run", before) in lawful, first
        if which(place / "run", before) == "new":
            models[0].save(place / "run")
    models[0].save(place / "run")
    assert os.listdir(place) == ["run"]


@pytest.mark.parametrize("number", FAULTS, ids=errno.errorcode.get)
def test_whichever_operation_fails_a_checkpoint_keeps_the_one_before_and_says_why(tmp_path, number):
    def snapshot(round_number: int) -> Callable[[], Any]:
        return lambda: ({"state": np.full(3, round_number)}, {"round": round_number})

    checkpoints = Checkpoints(tmp_path / "run", "mine", every_seconds=0.0)
    checkpoints.begin(resume=False)
    checkpoints.keep("mlp", snapshot(1), True)
    for first in range(1, operations_of(lambda: checkpoints.keep("mlp", snapshot(1), True)) + 1):
        with failing(first, number, lasts=True), pytest.raises(StorageError, match=rf"mlp.*{os.strerror(number)}"):
            checkpoints.keep("mlp", snapshot(2), True)
        assert checkpoints.begin(resume=True)["mlp"].values["round"] in ((1,) if first < 5 else (1, 2))
    checkpoints.keep("mlp", snapshot(3), True)
    assert sorted(os.listdir(checkpoints.folder)) == ["fingerprint", "mlp.checkpoint"]


def fit(folder: Path, **options: Any) -> api.Model:
    return api.fit(planted(), "wage", model="mlp", members=3, hidden=(4,), n_steps=24, save=folder, **options)


def test_wherever_the_disk_fills_up_a_fit_goes_on_to_the_same_bits_once_there_is_room(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "Checkpoints", functools.partial(Checkpoints, every_seconds=0.0))
    n_operations = operations_of(lambda: fit(tmp_path / "wanted"))
    wanted = load_file(tmp_path / "wanted" / "model.safetensors")
    for first in np.linspace(1, n_operations - 1, 6).astype(int).tolist():
        place = tmp_path / str(first)
        with failing(first, lasts=True), pytest.raises(StorageError, match="No space left on device"):
            fit(place / "run")
        fit(place / "run", resume=any(place.glob("*.checkpoint/*.checkpoint")))
        found = load_file(place / "run" / "model.safetensors")
        assert {name: array.tobytes() for name, array in found.items()} == {name: array.tobytes() for name, array in wanted.items()}
        assert os.listdir(place) == ["run"]


def test_a_file_that_may_not_grow_any_more_is_said_with_the_exit_code_of_the_disk(csv, tmp_path):
    run = ("fit", csv, *LINEAR, "--save", "run", "--quiet")
    inside(*run)
    before = content_of(tmp_path / "run")
    code, _, words = shell(f"ulimit -f 1; weights {shlex.join(map(str, run))} --seed 1")
    assert (code, words.count("\n")) == (5, 2)
    assert re.search(r"\nweights: '.*' could not be written: File too large\. Free space or choose another place", words)
    assert content_of(tmp_path / "run") == before
    assert inside(*run)[0] == 0
    assert os.listdir(tmp_path) == ["run"]


def complaints(words: str) -> str:
    """What was said but notes, of which there is one: that the rows hold the target."""
    return "".join(line for line in words.splitlines(keepends=True) if not line.startswith("notes "))


def test_answers_that_do_not_fit_on_the_disk_leave_no_file(csv, saved, tmp_path):
    code, _, words = shell(f"ulimit -f 1; weights predict {saved} {csv} -o out.csv")
    assert (code, complaints(words).count("\n"), os.listdir(tmp_path)) == (5, 1, [])
    assert "'out.csv' could not be written: File too large" in words


def test_standard_output_on_a_full_disk_is_said(csv, saved):
    code, _, words = shell(f"weights predict {saved} {csv} > /dev/full")
    assert (code, complaints(words)) == (
        5,
        "weights: Standard output or a file could not be read or written: No space left on device. Check its disk and permissions.\n",
    )


@pytest.mark.parametrize("place", ["/proc/run", "/proc/1/run", "/dev/null/run"])
def test_a_place_where_nothing_can_be_made_is_refused_before_training(csv, place):
    code, output, words = inside("fit", csv, *LINEAR, "--save", place, "--quiet")
    assert (code, output) in ((2, ""), (5, ""))
    assert re.match(r"weights: .*(cannot be made|cannot be written to|could not be written).*\. .*[Cc]hoose another place", words)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_that_may_not_be_written_to_is_refused_before_training(csv, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    code, _, words = weights("fit", csv, *LINEAR, "--save", "locked/run", "--quiet")
    assert (code, "cannot be written to" in words) == (2, True)


# Streams


@pytest.mark.parametrize("closed", ["<&-", "<&- 2>&-"])
def test_closed_input_or_error_streams_do_no_harm(csv, tmp_path, closed):
    code, output, _ = shell(f"weights fit {csv} {shlex.join(NETWORK)} --save run {closed}")
    assert (code, output.startswith("Result")) == (0, True)
    assert api.load(tmp_path / "run").ensemble.n_members == 3


def test_a_closed_output_is_said_after_the_run_was_saved(csv, tmp_path):
    code, _, words = shell(f"weights fit {csv} {shlex.join(LINEAR)} --save run --quiet >&-")
    assert (code, words.count("\n")) == (5, 1)
    assert api.load(tmp_path / "run").ensemble.n_members == 3


@pytest.mark.parametrize("command", ["show {run}", "predict {run} {csv}", "--help"])
def test_a_reader_that_leaves_at_once_is_not_complained_about(csv, saved, command):
    _, output, words = shell(f"weights {command.format(run=saved, csv=csv)} | head -c 1")
    assert (len(output), complaints(words)) == (1, "")


def test_an_unbuffered_output_is_written_whole(saved, tmp_path):
    """What Python writes without a buffer may stop in the middle, without an error; a pipe takes 64 kB at a time."""
    rows = tmp_path / "many.csv"
    rows.write_text("a,b\n" + "0.5,0.25\n" * 30_000)
    lines = [shell(f"weights predict {saved} {rows} | (sleep 1; wc -l)", env={**os.environ, **more})[1] for more in ({}, UNBUFFERED)]
    assert [line.strip() for line in lines] == ["30001"] * 2
    assert shell(f"weights predict {saved} {rows} | head -c 1", env={**os.environ, **UNBUFFERED})[0] == 141


def test_a_listener_that_leaves_at_once_is_not_complained_about(csv):
    _, output, _ = shell(f"weights fit {csv} {shlex.join(NETWORK)} --no-save 2>&1 | head -c 1")
    assert len(output) == 1


@pytest.mark.parametrize("environment", [{"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}], ids=str)
def test_any_encoding_of_the_terminal_will_do(network, environment):
    settings = {**os.environ, **environment}
    code, output, words = ended(start("show", network, env=settings, errors="replace"))
    assert (code, words, "Five elements" in output) == (0, "", True)
    code, output, _ = ended(start("show", network, "--json", env=settings, encoding="utf-8"))
    assert (code, json.loads(output)["saved"]) == (0, str(network))


# Environment


@pytest.mark.parametrize(
    ("unset", "environment"),
    [
        (["HOME"], {"TZ": "Pacific/Kiritimati"}),
        ([], {"HOME": "/proc", "TERM": "", "COLUMNS": "1"}),
        ([], {"WEIGHTS_CACHE": "/dev/full", "PYTHONWARNINGS": "error::DeprecationWarning:weights"}),
    ],
    ids=["no home", "read-only home", "no cache"],
)
def test_an_unusual_environment_does_no_harm(csv, tmp_path, unset, environment):
    settings = {name: value for name, value in os.environ.items() if name not in unset} | environment
    if "HOME" in [*unset, *environment]:
        settings.pop("WEIGHTS_CACHE", None)
        settings["XDG_CACHE_HOME"] = ""
    code, _, words = weights("fit", csv, *LINEAR, "--save", "run", "--quiet", env=settings)
    assert (code, words) == (0, "")
    assert os.listdir(tmp_path) == ["run"]


def test_where_there_is_no_home_nothing_is_kept(monkeypatch, tmp_path):
    from weights.training import compiling

    for name in ("WEIGHTS_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(compiling.os.path, "expanduser", lambda path: path)
    assert compiling.keep_compiled_programs() == "there is no home folder; name one with WEIGHTS_CACHE"
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("command", ["--help", "fit --help", "data"])
def test_no_command_needs_docstrings_or_assertions(command):
    """A fit does not either, but takes ten seconds more, while Python compiles JAX without them."""
    assert weights(*command.split(), env={**os.environ, "PYTHONOPTIMIZE": "2"})[0] in (0, 4)


def test_files_of_a_private_user_stay_private(csv, tmp_path):
    assert shell(f"umask 077; weights fit {csv} {shlex.join(LINEAR)} --save run --quiet")[0] == 0
    modes = {path.name: path.stat().st_mode & 0o777 for path in [tmp_path / "run", *(tmp_path / "run").iterdir()]}
    assert modes.pop("run") == 0o700
    assert set(modes.values()) == {0o600}


def test_a_clock_that_goes_back_does_no_harm(models, tmp_path, monkeypatch):
    models[0].save(tmp_path / "run")
    monkeypatch.setattr(time, "time", lambda: 0.0)
    models[1].save(tmp_path / "run")
    os.utime(tmp_path / "run", (0, 0))
    assert api.load(tmp_path / "run").metrics == models[1].metrics


def test_a_zone_of_the_clock_changes_no_answer():
    days = np.datetime64("2024-03-30T22:30") + np.arange(80) * np.timedelta64(37, "h")
    rows = "".join(f"{day},{wage}\n" for day, wage in zip(days, planted()["wage"], strict=True))
    Path("dates.csv").write_text("day,wage\n" + rows)
    assert inside("fit", "dates.csv", *LINEAR, "--save", "run", "--quiet")[0] == 0
    answer = weights("predict", "run", "dates.csv", env={**os.environ, "TZ": "America/St_Johns"})[1]
    assert answer == inside("predict", "run", "dates.csv")[1] != ""


# Paths


def inside(*args: Any) -> tuple[int, str, str]:
    """As `weights`, but in this process, which is quicker."""
    result = CliRunner().invoke(cli.cli, [str(arg) for arg in args], prog_name="weights")
    assert "unexpected" not in result.stderr, result.stderr
    return result.exit_code, result.stdout, result.stderr


def deep(length: int) -> str:
    """A relative path of about so many characters."""
    return "/".join(["d" * 199] * (length // 200) + ["run"])


NAMES = (
    "two words",
    "söuth-東-🙂",
    "new\nline",
    "tab\tand\x1b[31mred",
    "-leading",
    "--save",
    "[x]*?",
    'it\'s "$HOME" `id`',
    "~",
    "a.checkpoint",
)


@pytest.mark.parametrize("name", [*NAMES, deep(3000)], ids=lambda name: name[:12].encode("unicode_escape").decode())
def test_any_name_of_a_folder_and_of_a_file_will_do(csv, tmp_path, name):
    source = tmp_path / name[-10:] / "table.csv"
    source.parent.mkdir(parents=True)
    source.write_bytes(csv.read_bytes())
    code, output, words = inside("fit", source, *LINEAR, f"--save=out/{name}")
    assert (code, "\x1b" in output + words) == (0, False), words
    code, output, words = inside("predict", f"out/{name}", source)
    assert (code, output.count("\n")) == (0, 81), words
    code, output, _ = inside("show", f"out/{name}", "--json")
    assert json.loads(output)["saved"] == f"out/{name}"


def test_a_name_that_begins_with_a_dash_is_taken_and_shown_so_that_it_can_be_used(csv):
    code, output, words = inside("fit", csv, *LINEAR, "--save=-run")
    assert code == 0, words
    [command] = re.findall(r"weights (summary \S+)", output)
    assert inside(*shlex.split(command))[0] == 0


def test_a_name_that_is_no_text_is_taken(csv):
    name = os.fsdecode(b"\xfe-run")
    code, _, words = weights("fit", csv, *LINEAR, "--save", name)
    assert code == 0, words
    code, output, _ = inside("show", name, "--json")
    assert json.loads(output)["saved"] == "\ufffd-run"


@pytest.mark.parametrize("name", ["x" * 300, "x" * 250, deep(4000) + "x" * 200, "d/" * 3000])
@pytest.mark.parametrize("command", ["fit", "show", "predict"])
def test_a_name_that_is_too_long_is_refused_in_one_sentence(csv, name, command):
    args = {"fit": ("fit", csv, *LINEAR, "-q", "--save", name), "show": ("show", name), "predict": ("predict", name, csv)}[command]
    code, output, words = inside(*args)
    assert (code in ((2, 5) if command == "fit" else (4,)), output, words.count("\n")) == (True, "", 1)


def test_a_name_with_a_null_byte_is_refused(models, tmp_path):
    with pytest.raises(UsageError, match=r"cannot be made: .*null byte"):
        models[0].save(tmp_path / "a\0b")


# Memory


@pytest.mark.parametrize("megabytes", [300, 1000, 2000, 4000])
def test_too_tight_a_limit_on_memory_is_said(csv, megabytes):
    code, output, words = shell(f"ulimit -v {megabytes * 1000}; weights fit {csv} {shlex.join(LINEAR)} --no-save")
    assert (code, output, words.count("\n")) == (1, "", 1)
    assert words.startswith("weights: Weights needs an address space of 4.3 GB of memory, but the limit is ")


def test_a_plan_that_does_not_fit_into_the_limit_is_refused_before_training(csv):
    large = "--target wage --model mlp --hidden 256,256 --members 1500"
    code, output, words = shell(f"ulimit -v 4500000; weights fit {csv} {large} --no-save -q")
    assert (code, output) == (3, "")
    assert re.match(r"weights: Training needs about .* GB of memory, but 1\.4 GB may be used\.", words)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("RESOURCE_EXHAUSTED: no"),
        RuntimeError("can't start new thread"),
        OSError(12, "Cannot allocate memory"),
    ],
)
def test_memory_that_is_refused_while_training_is_said(csv, tmp_path, monkeypatch, error):
    def want(*args: Any) -> None:
        raise error

    monkeypatch.setattr(running, "train_ensemble", want)
    code, _, words = inside("fit", csv, *LINEAR, "--save", "run", "--quiet")
    assert (code, words) == (1, "weights: There is not enough memory. Use fewer rows, --drop columns or fewer --members.\n")
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert inside("fit", csv, *LINEAR, "--save", "run", "--quiet")[0] == 0


# Signals


def when(process: subprocess.Popen, ready: Callable[[], bool], number: int) -> tuple[int, str, str]:
    """The end of a command that gets a signal as soon as it is ready."""
    ends = time.monotonic() + 60
    while not ready() and process.poll() is None and time.monotonic() < ends:
        time.sleep(0.005)
    process.send_signal(number)
    return ended(process)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_while_training_keeps_a_checkpoint(csv, tmp_path, number):
    process = start("fit", csv, *LONG, "--save", "run", "--quiet")
    code, _, words = when(process, (tmp_path / "run.checkpoint" / "fingerprint").exists, number)
    assert code == 130
    assert re.fullmatch(r"weights: Training was stopped\. Go on with: weights fit .* --resume\n", words), words
    assert (tmp_path / "run.checkpoint" / "mlp.checkpoint").is_file()
    assert sorted(os.listdir(tmp_path)) == ["run.checkpoint"]


MOMENTS = ("preparing.read_table", "preparing.prepare", "running.keep_compiled_programs", "running.save_run")


@pytest.mark.parametrize(
    ("moment", "number"), [*((moment, signal.SIGINT) for moment in MOMENTS), *((MOMENTS[0], n) for n in (signal.SIGTERM, signal.SIGHUP))]
)
def test_a_signal_at_any_stage_ends_in_a_whole_run_or_none(csv, tmp_path, moment, number):
    program = (
        "import os, signal, time, weights.running as running, weights.cli as cli, weights.preparing as preparing\n"
        f"function = {moment}\n"
        # The thread that waits hears of the signal a moment later, while this one goes on.
        f"{moment} = lambda *args, **options: (os.kill(os.getpid(), {int(number)}), time.sleep(0.2), function(*args, **options))[2]\n"
        "cli.main()"
    )
    command = [sys.executable, "-c", program, "fit", str(csv), *LINEAR, "--save", "run", "--quiet"]
    code, output, words = ended(subprocess.Popen(command, stdout=-1, stderr=-1, text=True))
    if moment == "running.save_run":
        assert (code, words) == (0, "")
        assert api.load(tmp_path / "run").ensemble.n_members == 3
    else:
        assert (code, output, words) == (130, "", "weights: Stopped at once.\n")
    assert os.listdir(tmp_path) == (["run"] if code == 0 else [])


@pytest.mark.parametrize("work", ["stepping.Run._advance_member", "solving.solve", "reading.solve_path"])
def test_a_signal_ends_a_fit_whatever_its_threads_have_in_hand(csv, tmp_path, work):
    """What the threads do here takes ten minutes; the signal comes while they do it."""
    program = (
        "import os, signal, threading, time\n"
        "from weights import cli\n"
        "from weights.training import reading, solving, stepping\n"
        f"def work(*args, **options):\n    os.kill(os.getpid(), {int(signal.SIGINT)})\n    time.sleep(600)\n"
        f"{work} = work\n"
        "cli.main()"
    )
    command = [sys.executable, "-c", program, "fit", str(csv), "--target", "wage", "--members", "5", "--save", "run", "--quiet"]
    began = time.monotonic()
    code, output, words = ended(subprocess.Popen(command, stdout=-1, stderr=-1, text=True))
    assert (code, output) == (130, "")
    assert words.startswith("weights: Training was stopped. Go on with: weights fit ")
    assert time.monotonic() - began < 100  # of which nearly all is starting Python, and compiling


def test_signals_that_are_ignored_stay_ignored(csv, tmp_path):
    command = f"trap '' HUP; exec {shlex.quote(sys.executable)} -m weights fit {csv} {shlex.join(NETWORK)} --save run --quiet"
    process = subprocess.Popen(["bash", "-c", command], stdout=-1, stderr=-1, text=True)
    code, _, words = when(process, (tmp_path / "run.checkpoint" / "fingerprint").exists, signal.SIGHUP)
    assert (code, words) == (0, "")


@pytest.mark.parametrize(("arguments", "code"), [(["--version"], 0), (["show", "nowhere"], 4)], ids=["well", "not well"])
def test_threads_that_are_still_at_work_keep_no_command_from_ending(arguments, code):
    """Python waits for them, and ends under some: those of Arrow then abort the process."""
    script = "import threading, time; threading.Thread(target=time.sleep, args=(600,)).start(); from weights.cli import main; main()"
    ended = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, timeout=120)
    assert (ended.returncode, len(ended.stdout + ended.stderr) > 0) == (code, True)


# Other processes


def test_a_second_fit_to_the_same_folder_is_refused_while_the_first_is_at_work(csv, tmp_path):
    first = start("fit", csv, *LONG, "--save", "run", "--quiet")
    while not (tmp_path / "run.checkpoint" / "fingerprint").exists():
        time.sleep(0.01)
    for more in ((), ("--resume",)):
        code, _, words = inside("fit", csv, *LONG, "--save", "run", "--quiet", *more)
        assert (code, words.count("\n")) == (2, 1)
        assert re.match(r"weights: '.*run' is being fitted by another process\. Wait until it has ended, or choose another place", words)
    first.send_signal(signal.SIGINT)
    assert ended(first)[0] == 130


def test_fits_that_start_at_once_leave_one_whole_run(csv, tmp_path):
    fits = [start("fit", csv, *LINEAR, "--save", "run", "--quiet", "--seed", seed) for seed in range(2)]
    ends = [ended(process) for process in fits]
    assert {code for code, _, _ in ends} <= {0, 2}
    assert 0 in {code for code, _, _ in ends}
    assert all("is being fitted by another process" in words for code, _, words in ends if code == 2)
    assert api.load(tmp_path / "run").ensemble.n_members == 3
    assert os.listdir(tmp_path) == ["run"]


def test_a_loader_sees_the_old_run_or_the_new_one_while_it_is_replaced_again_and_again(models, tmp_path):
    folder, stop, faults = tmp_path / "run", threading.Event(), []
    models[0].save(folder)

    def replace() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            models[number % 2].save(folder)

    thread = threading.Thread(target=replace)
    thread.start()
    lawful = [model.metrics for model in models]
    try:
        for _ in range(200):
            try:
                loaded = api.load(folder)
                assert loaded.metrics in lawful
            except (CorruptError, StorageError) as error:
                faults.append(error)
    finally:
        stop.set()
        thread.join()
    assert faults == []


def test_the_package_runs_from_another_folder(csv, saved, tmp_path):
    (tmp_path / "weights").mkdir()  # a namesake in the working folder
    assert weights("predict", saved, csv)[0] == 0


# Compiled programs


def test_a_compiled_program_that_was_cut_off_is_made_anew(tmp_path):
    programs = WholePrograms(str(tmp_path), max_size=-1)
    programs.put("a", b"program")
    [entry] = tmp_path.iterdir()
    whole = entry.read_bytes()
    for content in (b"", whole[:20], whole[:-1], whole[:-1] + b"M"):
        entry.write_bytes(content)
        assert (programs.get("a"), [*tmp_path.iterdir()]) == (None, [])
        programs.put("a", b"program")
        assert programs.get("a") == b"program"


def test_a_compiled_program_that_cannot_be_kept_is_no_error(tmp_path, monkeypatch):
    programs = WholePrograms(str(tmp_path / "programs"), max_size=-1)
    (tmp_path / "programs").rmdir()
    programs.put("a", b"program")
    assert programs.get("a") is None


def test_an_interruption_while_saving_from_python_leaves_the_old_run_or_the_new(models, tmp_path):
    place = tmp_path / "place"
    models[0].save(place / "run")
    lawful = [model.metrics for model in models]

    class Interrupting(Faulty):
        def call(self, function: Callable[..., Any], *args: Any) -> Any:
            self.count += 1
            result = function(*args)
            if self.count == self.first:
                raise KeyboardInterrupt
            return result

    for first in range(1, operations_of(lambda: models[0].save(place / "run")) + 1):
        with pytest.MonkeyPatch.context() as patch:
            faulty = Interrupting(first)
            patch.setattr(disk, "exchange", functools.partial(faulty.call, disk.exchange))
            patch.setattr(disk, "os", faulty)
            with pytest.raises(KeyboardInterrupt):
                models[1].save(place / "run")
        assert api.load(place / "run").metrics in lawful
        models[0].save(place / "run")
        assert os.listdir(place) == ["run"]
