"""Training under supervision: signals ask it to stop, checkpoints keep what was done, runs are saved whole or not.

`run` is the usual entrance; `stopped_by_signals` serves whatever else trains.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import weights
from weights.ensemble import Ensemble
from weights.errors import CorruptError, TrainingError, UsageError, WeightsError
from weights.fitting import Prepared, train_ensemble
from weights.store.checkpoint import Checkpoints, fingerprint
from weights.store.format import check_writable
from weights.store.format import save as save_ensemble
from weights.store.listing import check_replaceable
from weights.training.compiling import keep_compiled_programs
from weights.training.control import Control, Progress
from weights.types import Params, ReportProgress

_SAME_KEYSTROKE_SECONDS = 0.5
OnProgress = Callable[[Progress], None] | None
"""Is called with each `Progress`, if it is anything."""
STOPPING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(
    prepared: Prepared,
    *,
    save: Any = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: OnProgress = None,
    trained: Mapping[str, Sequence[Params | None]] | None = None,
) -> Ensemble:
    """The ensemble of a fit that is ready to start; arguments and errors as `weights.fit`, `trained` as in `Control`."""
    keep_compiled_programs()
    known = {name: [*members] for name, members in (trained or {}).items()}
    control = Control(n_threads=prepared.n_threads, report=progress or (lambda progress: None), trained=known)
    if save is None:
        if resume:
            raise UsageError("Resuming needs the folder the interrupted run was to be saved to. Name it with --save.")
        with stopped_by_signals(control):
            return train_ensemble(prepared, control)
    check_writable(Path(save))
    check_replaceable(Path(save), prepared, overwrite=overwrite)
    data = prepared.dataset
    rows = (*data.inputs.blocks.values(), prepared.y, prepared.weight, data.group, data.time)
    checkpoints = Checkpoints(Path(save), fingerprint(*rows, prepared.candidates, prepared.races, weights.__version__))
    control.keep = checkpoints.keep
    with checkpoints.claim(), stopped_by_signals(control):
        control.resume = checkpoints.begin(resume=resume)
        try:
            ensemble = train_ensemble(prepared, control)
        except TrainingError:
            checkpoints.remove()  # it would fail again
            raise
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            if not control.resume or isinstance(error, WeightsError):
                raise
            raise CorruptError(
                f"The checkpoint '{checkpoints.folder}' does not fit the run ({type(error).__name__}: {error}). "
                "Remove that folder and run without --resume."
            ) from error
        save_ensemble(ensemble, Path(save))
        checkpoints.remove()
    return ensemble


@contextmanager
def stopped_by_signals(control: Control) -> Iterator[None]:
    """The first Ctrl-C, SIGTERM or SIGHUP asks training to stop after the work in hand, the second stops at once.

    One that comes when there is nothing left to train lets the run be saved. Signals that are ignored, as `nohup` has it, stay so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked: list[float] = []
    before = {number: handler for number in STOPPING_SIGNALS if (handler := signal.getsignal(number)) not in (signal.SIG_IGN, None)}

    def ask(number: int, frame: Any) -> None:
        # Programs such as `timeout` and some terminals deliver one Ctrl-C twice; a person needs longer for a second.
        if asked and time.monotonic() - asked[0] > _SAME_KEYSTROKE_SECONDS:
            raise KeyboardInterrupt
        asked.append(time.monotonic())

    for number in before:
        signal.signal(number, ask)
    control.stopping = lambda: bool(asked)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def report_reading(progress: OnProgress) -> ReportProgress:
    """A function that reports the share of pictures that has been read."""
    if progress is None:
        return lambda share: None
    return lambda share: progress(Progress("reading pictures", share, None))
