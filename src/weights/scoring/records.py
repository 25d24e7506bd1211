"""What is found out about a run on labelled rows that it never saw: `Score` and its parts."""

from __future__ import annotations

from typing import Any

import msgspec

from weights.inspection.classes import Bin, OperatingPoint
from weights.inspection.comparison import Difference
from weights.inspection.drift import Drift
from weights.tables import show_text
from weights.tasks.metrics import Metric


class ScoredMetric(msgspec.Struct, frozen=True):
    """A metric on these rows, on the rows of training out of bag, and the difference; None where there is none."""

    name: str
    here: Metric
    out_of_bag: Metric | None
    difference: Difference | None


class MeanOutcome(msgspec.Struct, frozen=True):
    """Mean prediction and mean outcome: of a value, or of whether a class came.

    Attributes:
        label: the class; None for values.
        predicted, observed: on these rows, and gap: observed less predicted, with its 95 % interval.
        predicted_out_of_bag, observed_out_of_bag: on the rows of training; None in runs that kept no answers.
    """

    label: Any
    predicted: float
    observed: float
    gap: Metric
    predicted_out_of_bag: float | None = None
    observed_out_of_bag: float | None = None


class Coverage(msgspec.Struct, frozen=True):
    """The share of targets in prediction intervals, or sets of classes, of a level."""

    level: float
    here: Metric


class LevelMetric(msgspec.Struct, frozen=True):
    """A metric on the rows of a level, and how it differs from that on all other rows: p-values corrected for the levels (Holm)."""

    metric: Metric
    difference: Difference | None


class LevelScore(msgspec.Struct, frozen=True):
    """The metrics on the rows of a level of a column, by name; none of them where rows are too few."""

    level: str
    n_rows: int
    metrics: dict[str, LevelMetric]


class Score(msgspec.Struct, frozen=True):
    """How good a run is on labelled rows that it never saw.

    Attributes:
        target: its name. n_rows: rows that came. n_scored: those with a known target.
        n_missing: rows without a target. n_unknown: rows with a target that is none of the classes. unknown: some of these.
        n_groups: of rows that belong together; None where rows count as independent. n_out_of_bag: rows of training.
        metrics: each beside that of training.
        means: mean predictions and outcomes.
        label: the class that `bins` and `operating` are of; None where there is no such class.
        bins: predicted and observed probabilities of the class.
        operating: the threshold that finds a share of the class out of bag, and how it fares there and here (`test`).
        coverage: of prediction intervals or sets; None where answers have neither.
        by: the column that `levels` are of; empty for none.
        levels: metrics on the rows of each.
        drifts: how columns differ from those of training, what moves the answers most first.
        notes: what must be known to read the rest.
    """

    target: str
    n_rows: int
    n_scored: int
    n_missing: int
    n_unknown: int
    unknown: list[str]
    n_groups: int | None
    n_out_of_bag: int
    metrics: list[ScoredMetric]
    means: list[MeanOutcome]
    label: Any
    bins: list[Bin]
    operating: OperatingPoint | None
    coverage: Coverage | None
    by: str
    levels: list[LevelScore]
    drifts: list[Drift]
    notes: list[str]

    def lines(self, *, top: int = 10, narrow: bool = False) -> list[str]:
        """The same for people.

        Args:
            top: at most so many columns that drifted.
            narrow: for a terminal of 100 columns.
        """
        from weights.scoring.lines import score_lines

        return score_lines(self, top=top, narrow=narrow)

    def __str__(self) -> str:
        from weights.summary import labelled

        return "\n".join([*self.lines(), *(labelled("" if i else "notes", note) for i, note in enumerate(self.notes))])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        """For notebooks."""
        return show_text(str(self).splitlines())
