"""How training meets the world outside: threads, progress, interruption, checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from weights.ensemble import available_threads
from weights.types import AnyArray, Params


class Progress(NamedTuple):
    """How far a job is: its name, the share done (0 to 1), and the ensemble's out-of-bag loss so far (or None)."""

    name: str
    share: float
    loss: float | None


@dataclass
class Control:
    """How training meets the world outside: threads, progress, interruption, checkpoints.

    Attributes:
        n_threads: members in work at the same time.
        report: called after each round.
        stopping: asked between rounds; True ends training with `Interrupted`.
        measuring: whether the health of members is taken down on the way; a trial of settings goes without.
        keep: called between rounds with the job's name and a function that gives its `Snapshot`.
        resume: job name -> snapshot to continue from.
        trained: job name -> params of its first members, trained before on the same rows with the same settings (None for one that
            failed): those that took steps are kept as they are, solved ones are solved again to the same bits.
    """

    n_threads: int = field(default_factory=available_threads)
    report: Callable[[Progress], None] = lambda progress: None
    stopping: Callable[[], bool] = lambda: False
    measuring: bool = True
    keep: Callable[[str, Callable[[], Snapshot], bool], None] = lambda name, snapshot, final: None
    resume: dict[str, Snapshot] = field(default_factory=dict)
    trained: dict[str, list[Params | None]] = field(default_factory=dict)


class Snapshot(NamedTuple):
    """A run as arrays and plain values, to be written down: arrays by name, and what is not an array."""

    arrays: dict[str, AnyArray]
    values: dict[str, Any]
