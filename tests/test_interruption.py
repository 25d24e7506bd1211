"""Work that is waited for ends when a signal comes, whatever it does, and leaves nothing behind."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from weights.interruption import do_for_caller, stop_request, stoppable, undo_what_was_left, undone, undone_if_left

_DEAF_SECONDS = 6


@stoppable
def ask_twice(value):
    return value, threading.current_thread() is threading.main_thread(), stop_request()()


def press(after_seconds: float = 0.2) -> threading.Timer:
    """Press Ctrl-C a moment later."""
    timer = threading.Timer(after_seconds, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    return timer


def sleep_deaf() -> None:
    """Be at work where Python hears nothing, as in a long call of a library (a C function that is called once)."""
    libc = ctypes.CDLL(None)
    end = time.monotonic() + _DEAF_SECONDS
    while time.monotonic() < end:
        libc.usleep(int(1e6 * max(end - time.monotonic(), 0)))


def test_the_result_comes_from_another_thread_and_errors_too():
    assert ask_twice("x") == ("x", False, False)
    with pytest.raises(ZeroDivisionError):
        stoppable(lambda: 1 // 0)()


def test_work_within_work_needs_no_further_thread():
    threads = []
    stoppable(lambda: threads.append(threading.current_thread()) or stoppable(lambda: threads.append(threading.current_thread()))())()
    assert threads[0] is threads[1]


def test_work_in_a_thread_of_the_callers_is_done_there():
    threads = []
    own = threading.Thread(target=stoppable(lambda: threads.append(threading.current_thread())))
    own.start()
    own.join()
    assert threads == [own]


def look_and_sleep_deaf() -> None:
    """Be at such work after having shown that requests are heeded."""
    stop_request()
    sleep_deaf()


@pytest.mark.parametrize(("work", "most_seconds"), [(sleep_deaf, 1.0), (look_and_sleep_deaf, 2.5)], ids=["never looks", "looks too late"])
def test_who_waits_hears_of_a_signal_although_the_work_hears_nothing(work, most_seconds):
    press()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        stoppable(work)()
    assert time.monotonic() - began < most_seconds


def test_a_signal_is_heard_although_its_handler_outlasts_the_wait_it_came_in(monkeypatch):
    told = time.monotonic
    began = told()

    def tell_slowly():
        time.sleep(0.1 if threading.current_thread() is threading.main_thread() else 0.0)  # longer than a wait of who waits
        return told()

    press()
    monkeypatch.setattr("weights.interruption.time.monotonic", tell_slowly)
    with pytest.raises(KeyboardInterrupt):
        stoppable(sleep_deaf)()
    assert told() - began < 2.0


def test_work_that_looks_ends_of_itself():
    @stoppable
    def work():
        asked = stop_request()
        while not asked():
            time.sleep(0.01)
        return "kept"

    press()
    assert work() == "kept"


def test_a_signal_is_not_lost_where_nobody_looks_and_the_work_ends_soon():
    press()
    with pytest.raises(KeyboardInterrupt):
        stoppable(lambda: time.sleep(0.4))()


def test_a_second_signal_has_no_patience():
    timers = [press(after) for after in (0.2, 0.9)]
    began = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            stoppable(look_and_sleep_deaf)()
        assert time.monotonic() - began < 1.6
    finally:
        for timer in timers:
            timer.cancel()


def test_what_was_begun_is_undone_once_the_latest_first():
    done = []
    with undone_if_left(lambda: done.append("outer")):
        with undone(lambda: done.append("inner")):
            undo_what_was_left()
        assert done == ["inner", "outer", "inner"]  # whoever goes on nevertheless undoes what it does
    undo_what_was_left()
    assert done == ["inner", "outer", "inner"]


def test_what_cannot_be_undone_does_not_keep_the_rest():
    done = []

    def fail():
        raise RuntimeError

    with undone_if_left(lambda: done.append(1)), undone_if_left(fail):
        undo_what_was_left()
    assert done == [1]


def test_a_command_that_is_still_being_loaded_ends_with_a_line():
    words = "import sys, weights.interruption as i; i.leave_on_signals(); print('ready', flush=True); import time; time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=10) == ("", "weights: Stopped at once.\n")
    assert process.returncode == 130


def test_what_belongs_to_the_caller_is_done_in_its_thread_and_its_errors_too():
    @stoppable
    def work(function):
        return threading.current_thread(), do_for_caller(function)

    own, callers = work(threading.current_thread)
    assert own is not callers
    assert callers is threading.main_thread()
    with pytest.raises(ZeroDivisionError):
        work(lambda: 1 // 0)
    assert do_for_caller(threading.current_thread) is threading.main_thread()


def test_a_signal_ends_what_is_done_for_the_caller_at_once():
    press()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        stoppable(lambda: do_for_caller(lambda: time.sleep(_DEAF_SECONDS)))()
    assert time.monotonic() - began < 1.0
