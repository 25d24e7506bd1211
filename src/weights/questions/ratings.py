"""How users will rate items, why, and how far that lies from later ratings; as records, lines and rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from weights.errors import UsageError, counted
from weights.fitoptions import PartOptions
from weights.options import option
from weights.questions.question import Answer, Asker, NoOptions, Question

if TYPE_CHECKING:
    from weights.ratings import RatingModel

SUBJECT = "ratings"


def ask_show(model: RatingModel, options: NoOptions, asker: Asker) -> Answer:
    """All that is known of a run."""
    from weights.report.ratings import run_lines, run_object

    folder = Path(asker.run)
    return Answer(run_object(model, folder), run_lines(model, folder))


SHOW = Question(
    name="show",
    help="""Of a run of ratings: how far predictions lie from ratings that were kept apart, beside plainer ones.""",
    ask=ask_show,
    subject=SUBJECT,
)


class RateOptions(PartOptions, frozen=True):
    """Which pairs are asked for."""

    source: Annotated[Any, option("Pairs: a table with the columns of users and items of the fit.", argument=True)]
    events: Annotated[Any, option("Ratings that came since the fit: they count at once.", "FILE")] = None
    level: Annotated[float, option("Level of the intervals.", "SHARE")] = 0.9


def ask_rate(model: RatingModel, options: RateOptions, asker: Asker) -> Answer:
    """Predicted ratings as records and as a table."""
    from weights.data.table.read import part_of

    table = model.predict(part_of(options.source, options), events=options.events, level=options.level)
    n_rows = len(table["rating"])
    return Answer(
        table.records(),
        table.shown().lines(),
        notes=table.notes,
        table=table.table,
        counts={"n_rows": n_rows},
        contents=counted(n_rows, "predicted rating"),
    )


RATE = Question(
    name="rate",
    help="""Predict how users will rate items, with intervals that hold the rating that comes as often as asked.

    \b
      weights rate runs/stars pairs.csv
      weights rate runs/stars pairs.csv --events new.csv --output answers.parquet
    """,
    ask=ask_rate,
    options=RateOptions,
    output="Write to a .csv, .parquet or .jsonl file instead of standard output.",
    subject=SUBJECT,
)


class RatingScoreOptions(PartOptions, frozen=True):
    """The later ratings."""

    source: Annotated[Any, option("Ratings that came later.", argument=True)]


def ask_score(model: RatingModel, options: RatingScoreOptions, asker: Asker) -> Answer:
    """The score as a record and as a table."""
    from weights.data.table.read import part_of
    from weights.report.ratings import score_lines

    later = model.score(part_of(options.source, options))
    return Answer(msgspec.to_builtins(later), score_lines(later), notes=later.notes)


SCORE = Question(
    name="score",
    help="""Of a run of ratings: judge predictions by ratings that came later, without learning again.

    \b
      weights score runs/stars later.csv
    """,
    ask=ask_score,
    options=RatingScoreOptions,
    subject=SUBJECT,
)


class RatingExplainOptions(msgspec.Struct, frozen=True):
    """Whose rating of what is explained."""

    user: Annotated[str | None, option("The id of the user.", "ID")] = None
    item: Annotated[str | None, option("The id of the item.", "ID")] = None
    top: Annotated[int, option("At most so many parts.", "NUMBER")] = 10


def ask_explain(model: RatingModel, options: RatingExplainOptions, asker: Asker) -> Answer:
    """What a predicted rating is made of, as a record and as a table."""
    if options.user is None or options.item is None:
        raise UsageError("A predicted rating is that of an item by a user. Name them with --user and --item.")
    explained = model.explain(options.user, options.item)
    return Answer(msgspec.to_builtins(explained), explained.lines(options.top))


EXPLAIN = Question(
    name="explain",
    help="""Of a run of ratings: share out a predicted rating among what the user rated, and what users and items have by themselves.

    \b
      weights explain runs/stars --user 42 --item 50
    """,
    ask=ask_explain,
    options=RatingExplainOptions,
    subject=SUBJECT,
)
