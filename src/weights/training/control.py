"""How training meets the world outside: threads, progress, interruption, checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from weights.data.files.threads import available_threads
from weights.errors import Interrupted
from weights.types import AnyArray, Params

T = TypeVar("T")
_MOMENT_SECONDS = 0.2


class Progress(NamedTuple):
    """How far a job is: its name, the share done (0 to 1), and the ensemble's out-of-bag loss so far (or None)."""

    name: str
    share: float
    loss: float | None


class Stages:
    """How far a job is whose stages take about so many seconds each; some may go on side by side.

    Example:
        >>> stages = Stages({"first": 1.0, "second": 3.0})
        >>> [stages.share(Progress(*of, None)) for of in (("second", 0.5), ("first", 1.0))]
        [0.375, 0.625]
    """

    def __init__(self, seconds: Mapping[str, float]) -> None:
        self.seconds, self.shares = seconds, dict.fromkeys(seconds, 0.0)

    def share(self, progress: Progress) -> float:
        """The share of all stages that is done; that of the progress itself, if it is of none of them."""
        if progress.name not in self.seconds:
            return progress.share
        self.shares[progress.name] = max(self.shares[progress.name], progress.share)
        return sum(seconds * self.shares[name] for name, seconds in self.seconds.items()) / max(sum(self.seconds.values()), 1e-9)


@dataclass
class Control:
    """How training meets the world outside: threads, progress, interruption, checkpoints.

    Attributes:
        n_threads: members in work at the same time.
        report: called after each round.
        stopping: asked again and again; True ends training with `Interrupted`.
        measuring: whether the health of members is taken down on the way; a trial of settings goes without.
        most_judged: rows on which members are judged after each round, at most, where there is a bound; at the end all are judged on all.
        keep: called between rounds with the job's name and a function that gives its `Snapshot`.
        resume: job name -> snapshot to continue from.
        trained: job name -> params of its first members, trained before on the same rows with the same settings (None for one that
            failed): those that took steps are kept as they are, solved ones are solved again to the same bits.
        work: what is stopped, where it is stopped: training, or what trains for an answer.
    """

    n_threads: int = field(default_factory=available_threads)
    report: Callable[[Progress], None] = lambda progress: None
    stopping: Callable[[], bool] = lambda: False
    measuring: bool = True
    most_judged: int | None = None
    keep: Callable[[str, Callable[[], Snapshot], bool], None] = lambda name, snapshot, final: None
    resume: dict[str, Snapshot] = field(default_factory=dict)
    trained: dict[str, list[Params | None]] = field(default_factory=dict)
    work: str = "Training"

    def aside(self) -> Control:
        """The same threads, stopped by the same, for work beside the run, of which nothing is reported, measured or kept."""
        return Control(n_threads=self.n_threads, stopping=self.stopping, measuring=False, work=self.work)

    def check(self, what: str = "") -> None:
        """Raise `Interrupted` if the work, or this part of it, is to stop."""
        if self.stopping():
            raise Interrupted(f"{what or self.work} was stopped.")

    @contextmanager
    def threads(self) -> Iterator[ThreadPoolExecutor]:
        """Threads for as many members; when the work is stopped nobody waits for what they have in hand, of which nothing is kept."""
        threads = ThreadPoolExecutor(self.n_threads)
        try:
            yield threads
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise
        threads.shutdown()

    def each(self, threads: ThreadPoolExecutor, function: Callable[..., T], *arguments: Iterable[Any]) -> Iterator[T]:
        """The results of a function, in order, as `threads.map` has them, but `Interrupted` within a moment of when it is asked for."""
        futures = [threads.submit(function, *each) for each in zip(*arguments, strict=True)]
        for future in futures:
            while not wait([future], timeout=_MOMENT_SECONDS).done:
                self.check()
            self.check()
            yield future.result()


class Snapshot(NamedTuple):
    """A run as arrays and plain values, to be written down: arrays by name, and what is not an array."""

    arrays: dict[str, AnyArray]
    values: dict[str, Any]
