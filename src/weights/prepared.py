"""A fit that is ready to start: `Prepared`, from what the user gave; and where the rows of a fit are: `find_rows`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from weights.data.dataset import Dataset
from weights.data.examples import EXAMPLES
from weights.data.inputs import Layout
from weights.data.table.part import Part
from weights.data.table.read import AnyPart, lasting
from weights.ensemble import Ensemble, Origin
from weights.errors import NotFoundError, UsageError, printable
from weights.inspection.decomposition import Judged
from weights.spec import Spec
from weights.tasks.base import Task
from weights.training.plan import Plan
from weights.training.search import SEARCHING
from weights.types import AnyArray, FloatArray

WEIGHING = "feature weights"
"""The stage of a fit in which these are estimated."""


class GivenRows(NamedTuple):
    """Rows as the user gave them: a path, a part of a file, frame, mapping or array, and by role what came as values apart from it."""

    data: Any
    apart: Mapping[str, Any] = MappingProxyType({})

    @property
    def source(self) -> str | AnyPart | None:
        """Where all of it can be read again; None where it, or a part of it, came from memory."""
        return None if self.apart else lasting(self.data)


@dataclass(frozen=True, eq=False)
class Prepared:
    """A fit that is ready to start.

    Attributes:
        dataset, task, y: the rows, what is asked of them, and the encoded targets, shape (n,).
        weight: sample weights times class weights, mean one, shape (n,).
        layout: of rows and outputs.
        candidates: model name -> resolved settings, the simpler first.
        races: model name -> label -> settings to search among.
        plans: what each candidate will take.
        remarks: notes on the data.
        n_threads: members in work at the same time.
        inspect: whether to estimate feature weights afterwards.
        origin: where the rows can be read again, and what their columns are for.
        given: the rows as the user gave them.
        weighing_seconds: what estimating feature weights will take, about.
    """

    dataset: Dataset
    task: Task
    y: AnyArray
    weight: FloatArray
    layout: Layout
    candidates: dict[str, Spec]
    races: dict[str, dict[str, Spec]]
    plans: list[Plan]
    remarks: list[str]
    n_threads: int
    inspect: bool = True
    origin: Origin | None = None
    given: GivenRows | None = None
    weighing_seconds: float = 0.0

    @property
    def n_samples(self) -> int:
        """The number of rows that are learned from."""
        return self.dataset.n_samples

    def agrees_with(self, config: Any) -> bool:
        """Whether rows of a saved run were encoded as these are."""
        return self.dataset.encoding.agrees_with(config.encoding)

    def judged(self, rows: AnyArray) -> Judged:
        """Some rows, by number or as a mask, as those on which members are judged."""
        group, time = (None if values is None else values[rows] for values in (self.dataset.group, self.dataset.time))
        return Judged(self.y[rows], self.weight[rows], group, time)

    @property
    def stages(self) -> dict[str, float]:
        """The names of what is done, in this order, and about how many seconds each takes."""
        # Of a race half of the candidates take half of the run, and a quarter all of it.
        searched = sum(plan.seconds * len(self.races[plan.model]) / 2 for plan in self.plans if plan.model in self.races)
        stages = ({SEARCHING: searched} if searched else {}) | {plan.model: plan.seconds for plan in self.plans}
        return stages | ({WEIGHING: self.weighing_seconds} if self.inspect else {})


def find_rows(ensemble: Ensemble, given: GivenRows | None) -> GivenRows:
    """The rows of a fit: those that were given, or the file that the run names.

    Raises:
        UsageError: they came from memory and are not there any more. NotFoundError: the file is gone, or another folder is worked in.
    """
    origin = ensemble.report.origin
    if given is not None:
        return given
    if origin is not None and origin.source is not None:
        source = origin.source
        if isinstance(source, str) and source not in EXAMPLES and not os.path.exists(source):
            raise NotFoundError(
                f"The rows of training were read from '{printable(source)}', which is not there, seen from '{printable(os.getcwd())}'. "
                "Say where they are now: --data, or data= in Python."
            )
        return GivenRows(source)
    raise UsageError(
        "The rows of training came from memory and were not saved with the run. Give them again: a table with their columns and the "
        f"target '{printable(ensemble.task.target)}', as data=frame in Python, or as a file with --data."
    )


def rows_now_at(ensemble: Ensemble, data: Any) -> Any:
    """The rows of training where these are now: in another file the sheet, or the query, that they came from."""
    origin = ensemble.report.origin
    is_file = isinstance(data, str | os.PathLike)
    return origin.source.at(os.fsdecode(data)) if is_file and origin is not None and isinstance(origin.source, Part) else data
