"""Ctrl-C, SIGTERM and SIGHUP: work is done in a thread of its own, so that who waits for it hears of a signal at once.

Python hears of signals between two of its own instructions, and only in the main thread. While that reads a large file, compiles a
program or multiplies matrices it hears nothing. So the main thread waits, and `stoppable` functions work beside it. A signal asks them
to stop; those that look (`stop_request`) have a second and a half to keep what they have, and all others are left behind at once. What
must not stay behind, such as a file that is half written, is named by `undone`.
"""

from __future__ import annotations

import contextvars
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
STOPPING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SAME_KEYSTROKE_SECONDS = 0.5
_PATIENCE_SECONDS = 1.5
"""How long work that was asked to stop may take to keep what it has, as people begin to wonder after two."""
_LOOKED_EVERY_SECONDS = 0.05


class _Request(threading.Event):
    """Set when work is asked to stop; `is_minded` once the work has begun to look."""

    is_minded = False


_request: contextvars.ContextVar[_Request | None] = contextvars.ContextVar("request", default=None)
_caller: contextvars.ContextVar[queue.Queue[Callable[[], Any]] | None] = contextvars.ContextVar("caller", default=None)
_undone: dict[object, Callable[[], Any]] = {}


def stop_request() -> Callable[[], bool]:
    """Whether the work at hand was asked to stop: a function that may be called from any thread.

    Who calls for it decides what becomes of a request, and may end as if there was none where all but the end is done.
    """
    request = _request.get()
    if request is None:
        return lambda: False
    request.is_minded = True
    return request.is_set


def stoppable(function: Callable[P, T]) -> Callable[P, T]:
    """The function, which a signal stops within two seconds, whatever it does.

    Raises:
        KeyboardInterrupt: a signal came, and the function did not end of itself. A second signal has no patience.
    """

    @wraps(function)
    def run(*args: P.args, **options: P.kwargs) -> T:
        if _request.get() is not None or threading.current_thread() is not threading.main_thread():
            return function(*args, **options)
        return _wait_for(lambda: function(*args, **options))

    return run


def do_for_caller(function: Callable[[], T]) -> T:
    """What a function returns or raises, called in the thread from which a `stoppable` one was: what the user made there may stay there.

    A connection to a database, for one, may refuse others. A signal raises KeyboardInterrupt in it, as everywhere in Python.
    """
    calls = _caller.get()
    if calls is None:
        return function()
    done: Future[T] = Future()

    def call() -> None:
        try:
            done.set_result(function())
        except BaseException as error:
            done.set_exception(error)

    calls.put(call)
    return done.result()


@contextmanager
def undone_if_left(undo: Callable[[], Any]) -> Iterator[None]:
    """Undo something if the process ends in the middle of the block (`undo_what_was_left`)."""
    key = object()
    _undone[key] = undo
    try:
        yield
    finally:
        _undone.pop(key, None)


@contextmanager
def undone(undo: Callable[[], Any]) -> Iterator[None]:
    """Undo something at the end of the block, and if the process ends in its middle; what the disk does not let be undone stays."""
    with undone_if_left(undo):
        try:
            yield
        finally:
            with suppress(OSError):
                undo()


def leave_on_signals() -> None:
    """Let signals end the process with status 130 and a line, but where a `stoppable` function hears them; for commands."""

    def leave(number: int, frame: Any) -> None:
        undo_what_was_left()
        with suppress(OSError):
            os.write(2, b"weights: Stopped at once.\n")
        os._exit(130)

    for number in STOPPING_SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, leave)


def undo_what_was_left() -> None:
    """Undo what work that was left behind has not, the latest first, before the process ends."""
    for key in reversed([*_undone]):
        if (undo := _undone.pop(key, None)) is not None:
            with suppress(Exception):  # what cannot be undone must not keep the rest
                undo()


def _wait_for(work: Callable[[], T]) -> T:
    """What the work returns or raises, done in another thread while this one waits for signals."""
    request, signals = _Request(), list[float]()
    results: list[T] = []
    errors: list[BaseException] = []
    # Not a SimpleQueue, which waits for ever where a handler of signals outlasts the time that it was to wait.
    calls: queue.Queue[Callable[[], Any]] = queue.Queue()
    is_called = False

    def run() -> None:
        _request.set(request)
        _caller.set(calls)
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)
        calls.put(lambda: None)  # there is nothing left to wait for

    def hear(number: int, frame: Any) -> None:
        # Programs such as `timeout` and some terminals deliver one Ctrl-C twice; a person needs longer for a second.
        if is_called or (signals and time.monotonic() - signals[0] > _SAME_KEYSTROKE_SECONDS):
            raise KeyboardInterrupt
        signals.append(time.monotonic())
        request.set()

    worker = threading.Thread(target=contextvars.copy_context().run, args=(run,), daemon=True)
    # Signals that are ignored, as `nohup` has it, stay so, and those that end the process outside of commands.
    before = {number: handler for number in STOPPING_SIGNALS if (handler := signal.getsignal(number)) not in (signal.SIG_IGN, None)}
    try:
        for number in before:
            signal.signal(number, hear)
        worker.start()
        while worker.is_alive():
            with suppress(queue.Empty):
                call = calls.get(timeout=_LOOKED_EVERY_SECONDS)
                is_called = True
                call()
            is_called = False
            patience = _PATIENCE_SECONDS if request.is_minded else 0.0
            if signals and time.monotonic() - signals[0] > patience and worker.is_alive():
                raise KeyboardInterrupt
    finally:
        request.set()  # whoever was left behind is to stop as soon as it looks
        for number, handler in before.items():
            signal.signal(number, handler)
    if errors:
        raise errors[0]
    if signals and not request.is_minded:
        raise KeyboardInterrupt
    return results[0]
