"""Training under supervision: signals ask it to stop, checkpoints keep what was done, runs are saved whole or not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import weights
from weights.ensemble import Ensemble
from weights.errors import CorruptError, TrainingError, UsageError, WeightsError
from weights.fitting import train_ensemble
from weights.interruption import stop_request, stoppable
from weights.prepared import Prepared
from weights.store.checkpoint import Checkpoints, fingerprint
from weights.store.format import check_writable
from weights.store.format import save as save_run
from weights.store.listing import check_replaceable
from weights.training.compiling import keep_compiled_programs
from weights.training.control import Control, Progress
from weights.types import Params, ReportProgress

Saved = TypeVar("Saved", bound=Any)
READING = "reading files"
"""The stage in which pictures, recordings or texts are read from their files."""
OnProgress = Callable[[Progress], None] | None
"""Is called with each `Progress`, if it is anything."""


@stoppable
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
    control = Control(n_threads=prepared.n_threads, report=progress or (lambda progress: None), stopping=stop_request(), trained=known)
    if control.stopping():
        raise KeyboardInterrupt  # there is nothing yet that one could go on with
    if save is None:
        if resume:
            raise UsageError("Resuming needs the folder the interrupted run was to be saved to. Name it with --save.")
        return train_ensemble(prepared, control)
    check_writable(Path(save))
    check_replaceable(Path(save), prepared, overwrite=overwrite)
    data = prepared.dataset
    rows = (*data.inputs.arrays, prepared.y, prepared.weight, data.group, data.time)
    checkpoints = Checkpoints(Path(save), fingerprint(*rows, prepared.candidates, prepared.races, weights.__version__))
    control.keep = checkpoints.keep
    with checkpoints.claim():
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
        save_run(ensemble, Path(save))
        checkpoints.remove()
    return ensemble


def run_at_once(
    plan: Any,
    learn: Callable[[Any, Control], Saved],
    *,
    save: Any = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: OnProgress = None,
) -> Saved:
    """What is learned in one go, which leaves no checkpoints; arguments and errors as `weights.fit`.

    Args:
        plan: what is ready to be learned, with `n_threads` and `agrees_with`.
        learn: makes what is saved of it.
        save: the folder.
        resume: is refused.
        overwrite: whether a run of something else may be replaced.
        progress: called while it learns.
    """
    if resume:
        raise UsageError("This is learned in one go, and leaves nothing to go on with. Leave out --resume.")
    if save is not None:
        check_writable(Path(save))
        check_replaceable(Path(save), plan, overwrite=overwrite)
    control = Control(n_threads=plan.n_threads, report=progress or (lambda progress: None), stopping=stop_request())
    learned = learn(plan, control)
    if save is not None:
        save_run(learned, Path(save))
    return learned


def report_reading(progress: OnProgress) -> ReportProgress:
    """A function that reports the share of files that has been read."""
    if progress is None:
        return lambda share: None
    return lambda share: progress(Progress(READING, share, None))
