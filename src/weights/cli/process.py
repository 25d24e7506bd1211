"""The process around a command: streams, errors as one sentence and an exit code, and what is printed where.

Commands are wrapped in `guard`. Data go to standard output (`print_lines`, `print_json`), everything else to standard
error (`say`).
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import resource
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn

import click

from weights.errors import DataError, Interrupted, StorageError, WeightsError, printable
from weights.interruption import stoppable, undo_what_was_left

_BROKEN_PIPE = 141
_WIDE_TABLE = 140
_LEAST_ADDRESSES = 4 << 30
"""Address space (`ulimit -v`) below which native libraries end the process without a word (measured)."""
_WORDS_OF_MEMORY = ("RESOURCE_EXHAUSTED", "can't start new thread", "failed to map segment", "annot allocate memory", "ut of memory")


def guard(function: Callable[..., None]) -> Callable[..., None]:
    """Turn errors into one sentence and an exit code; `--debug` shows the traceback."""

    @click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
    @click.option("--debug", is_flag=True, help="Show the traceback of an error.")
    @wraps(function)
    def run(*args: Any, debug: bool, **options: Any) -> None:
        """The function, whose errors end the process."""
        try:
            _check_address_space()
            _in_context(function)(*args, **options)
            sys.stdout.flush()
        except WeightsError as error:
            if debug:
                traceback.print_exc()
            _end(str(error), error.exit_code)
        except KeyboardInterrupt:
            undo_what_was_left()
            _end("Stopped at once.", Interrupted.exit_code)
        except BrokenPipeError:
            _stop_printing()  # whoever read our output has stopped reading
            sys.exit(_BROKEN_PIPE)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if debug:
                raise
            _end_unforeseen(error)

    return run


def _in_context(function: Callable[..., None]) -> Callable[..., None]:
    """The command, stoppable, in the thread that does the work as in the one that waits for it."""
    context = click.get_current_context()

    @stoppable
    def run(*args: Any, **options: Any) -> None:
        with context.scope(cleanup=False):
            function(*args, **options)

    return run


def _end_unforeseen(error: Exception) -> NoReturn:
    """Turn what the machine did not grant, and what nobody thought of, into one sentence and an exit code."""
    if isinstance(error, MemoryError) or any(words in str(error) for words in _WORDS_OF_MEMORY):
        _end("There is not enough memory. Use fewer rows, --drop columns or fewer --members.", 1)
    if isinstance(error, OSError):
        _stop_printing()
        what = f"'{error.filename}'" if error.filename else "Standard output or a file"
        _end(f"{what} could not be read or written: {error.strerror or error}. Check its disk and permissions.", StorageError.exit_code)
    _end(f"Something unexpected happened ({type(error).__name__}: {error}). Run again with --debug and report it.", 1)


def _end(message: str, exit_code: int) -> NoReturn:
    with contextlib.suppress(OSError):  # if nobody can hear it, the exit code must do
        say([click.style("weights: ", fg="red") + printable(message)])
    sys.exit(exit_code)


def _stop_printing() -> None:
    """Let go of what could not be printed; Python must not complain about it again at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _check_address_space() -> None:
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY and limit < _LEAST_ADDRESSES:
        raise WeightsError(
            f"Weights needs an address space of {_LEAST_ADDRESSES / 1e9:.1f} GB of memory, but the limit is {limit / 1e9:.1f} GB. "
            "Raise it with ulimit -v."
        )


def say(lines: Iterable[str]) -> None:
    """Lines for people, on standard error."""
    for line in lines:
        click.echo(line, err=True, color=uses_color(sys.stderr))


def print_lines(lines: Iterable[str]) -> None:
    """Lines of data, on standard output."""
    for line in lines:
        click.echo(line, color=uses_color(sys.stdout))


def read_standard_input(model: Any) -> Any:
    """Rows that come on standard input for a model: a text on each line where it reads nothing else, otherwise a table (CSV, JSON lines).

    Raises:
        DataError: nothing came.
    """
    from weights.data.newrows import split_lines

    content = sys.stdin.buffer.read()
    if not content.strip():
        raise DataError("Rows were needed on standard input, but nothing came. Name a file, or pipe rows into the command.")
    lines = split_lines(model.ensemble.encoding, content.decode("utf-8-sig", "replace")) if model.subject == "rows" else None
    if lines is not None:
        return lines
    with tempfile.TemporaryDirectory(prefix="weights-") as folder:
        path = Path(folder) / ("standard input.jsonl" if content.lstrip().startswith(b"{") else "standard input.csv")
        path.write_bytes(content)
        return model.read(path)


def print_json(record: Any) -> None:
    """One record as JSON, on standard output."""
    import msgspec

    click.echo(msgspec.json.encode(record))  # bytes, because JSON is UTF-8 whatever the terminal speaks


def uses_color(stream: Any) -> bool:
    """Whether words on a stream are coloured."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def is_narrow() -> bool:
    """Whether standard output is a terminal too narrow for the widest tables."""
    width = terminal_width()
    return width is not None and width < _WIDE_TABLE


def terminal_width() -> int | None:
    """How many letters wide standard output is, if it is a terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def open_streams() -> None:
    """Give closed standard streams a place, or the next file opened would be taken for one; and print any text in any encoding."""
    for number, name, flags in ((0, "stdin", os.O_RDONLY), (1, "stdout", os.O_RDONLY), (2, "stderr", os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError as error:
            if error.errno != errno.EBADF:
                raise
            os.open(os.devnull, flags)  # takes the lowest free number; answers to a closed output must fail, words may get lost
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))
    if isinstance(sys.stdout.buffer, io.RawIOBase):  # with PYTHONUNBUFFERED, whose writes may stop in the middle without an error
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(sys.stdout.buffer), encoding=sys.stdout.encoding, write_through=True)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
