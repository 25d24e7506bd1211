"""How good is a run on labelled rows that it never saw, does that differ from out of bag, and have columns drifted?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from weights.fitoptions import PartOptions
from weights.options import option
from weights.questions.question import Answer, Asker, Question

if TYPE_CHECKING:
    from weights.model import Model


class ScoreOptions(PartOptions, frozen=True):
    """The rows, and what is said of them; see `weights.scoring.scoring.score_rows`."""

    source: Annotated[Any, option("The rows, with what came.", argument=True)]
    by: Annotated[str | None, option("Metrics for each level of a column too; of numbers and dates for each quarter.", "COLUMN")] = None
    label: Annotated[
        str | None, option("The class of the calibration and the threshold; the second of two if not given.", "LABEL", "--class")
    ] = None
    sensitivity: Annotated[float, option("Share of the class that the threshold is to find out of bag.", "SHARE")] = 0.95
    level: Annotated[float, option("Level of the prediction intervals, or sets of classes, that are tried.", "SHARE")] = 0.9
    top: Annotated[int, option("At most so many columns that drifted are printed.", "NUMBER")] = 10


def ask_score(model: Model, options: ScoreOptions, asker: Asker) -> Answer:
    """The score as a record and as tables."""
    from weights.data.table.read import part_of

    score = model.score(
        part_of(options.source, options), by=options.by, label=options.label, sensitivity=options.sensitivity, level=options.level
    )
    return Answer(msgspec.to_builtins(score), score.lines(top=options.top, narrow=asker.narrow), notes=score.notes)


SCORE = Question(
    name="score",
    help="""Judge the run saved in RUN on the labelled rows of SOURCE, which it never saw.

    Each metric with its interval beside that out of bag, and whether they differ; calibration, the threshold that finds a share of a
    class, coverage of prediction intervals; metrics by the levels of a column; which columns drifted, and what that does to the answers.

    \b
      weights score runs/income new.csv
      weights score runs/income new.csv --by sex --json
      weights score runs/xray new/ --sensitivity 0.9 --class ill
    """,
    ask=ask_score,
    options=ScoreOptions,
)
