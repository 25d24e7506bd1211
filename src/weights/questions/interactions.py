"""What users will turn to next, why, what is like an item, and how good lists are on later events."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from weights.errors import UsageError, counted
from weights.fitoptions import PartOptions
from weights.options import option
from weights.questions.question import Answer, Asker, NoOptions, Question

if TYPE_CHECKING:
    from weights.recommendations import RankingModel
    from weights.recommending.serving import RecommendationTable

SUBJECT = "interactions"


def ask_show(model: RankingModel, options: NoOptions, asker: Asker) -> Answer:
    """All that is known of a run."""
    from weights.report.recommendations import run_lines, run_object

    folder = Path(asker.run)
    return Answer(run_object(model, folder), run_lines(model, folder))


SHOW = Question(
    name="show",
    help="""Of a run of interactions: which models make the lists, and how good these are beside each of them.""",
    ask=ask_show,
    subject=SUBJECT,
)


class RecommendOptions(PartOptions, frozen=True):
    """Who is asked for, how long lists are, and what may stand on them."""

    user: Annotated[Sequence[str], option("The id of a user; may be repeated.", "ID", repeated=True)] = ()
    events: Annotated[Any, option("What users just did, beside what is known of them; without a column of users, of one.", "FILE")] = None
    items: Annotated[Any, option("Items that came since the fit, with the features of the fit: they are ranked too.", "FILE")] = None
    all: Annotated[bool, option("All users that the run knows.", None, "--all")] = False
    top: Annotated[int, option("Items for each user.", "NUMBER")] = 10
    why: Annotated[bool, option("Say because of which events.")] = False
    level: Annotated[float | None, option("Level of the intervals; 0.9, and none of more than 2,000 users, if not given.", "SHARE")] = None
    allow: Annotated[Any, option("A table with a column of the items that may be recommended.", "FILE")] = None
    exclude: Annotated[Any, option("A table with a column of the items that may not.", "FILE")] = None
    half_life: Annotated[float | None, option("Count an event of a user half after so many days (or what times are in).", "NUMBER")] = None
    diversity: Annotated[float, option("How much unlikeness to the items before counts, beside scores, from 0 to 1.", "SHARE")] = 0.0
    explore: Annotated[int | None, option("Order lists by a draw of this seed, so that what is little known gets its turn.", "SEED")] = None
    seen: Annotated[bool, option("Items that a user had before may be recommended again.")] = False


def ask_recommend(model: RankingModel, options: RecommendOptions, asker: Asker) -> Answer:
    """Lists as records and as a table."""
    from weights.data.table.read import part_of

    asked = [name for name, given in (("--user", options.user), ("--events", options.events), ("--all", options.all)) if given]
    if len(asked) != 1:
        came = " and ".join(asked) + " came" if asked else "nobody was named"
        raise UsageError(f"Lists are for users named with --user, those of --events, or --all, but {came}. Give one of them.")
    events = None if options.events is None else part_of(options.events, options)
    table = model.recommend(
        options.user or None,
        events=events,
        items=options.items,
        top=options.top,
        level=options.level,
        allow=options.allow,
        exclude=options.exclude,
        seen=options.seen,
        half_life=options.half_life,
        diversity=options.diversity,
        explore=options.explore,
        why=options.why,
        progress=asker.progress,
    )
    return answer_lists(table)


def answer_lists(table: RecommendationTable) -> Answer:
    """Lists as an answer."""
    n_rows = len(table["rank"])
    return Answer(
        table.records(),
        table.shown().lines(),
        notes=table.notes,
        table=table.table,
        counts={"n_rows": n_rows},
        contents=counted(n_rows, "recommendation"),
    )


RECOMMEND = Question(
    name="recommend",
    help="""List the items that users will most likely turn to next, with intervals of scores and of ranks.

    \b
      weights recommend runs/films --user 42 --top 10 --why
      weights recommend runs/films --events new.csv
      weights recommend runs/films --all --top 20 --output answers.parquet
    """,
    ask=ask_recommend,
    options=RecommendOptions,
    output="Write to a .csv, .parquet or .jsonl file instead of standard output.",
    stages={"answering users": 1.0},
    subject=SUBJECT,
)


class SimilarOptions(msgspec.Struct, frozen=True):
    """Which item is asked for."""

    item: Annotated[str | None, option("The id of the item.", "ID")] = None
    top: Annotated[int, option("Items that are shown.", "NUMBER")] = 10
    level: Annotated[float | None, option("Level of the intervals; 0.9 if not given.", "SHARE")] = None


def ask_similar(model: RankingModel, options: SimilarOptions, asker: Asker) -> Answer:
    """Items as records and as a table."""
    if options.item is None:
        raise UsageError("The item whose like is looked for was not named. Name it with --item.")
    return answer_lists(model.similar(options.item, top=options.top, level=options.level))


SIMILAR = Question(
    name="similar",
    help="""List the items for which one item speaks most: what to show to somebody of whom it is all that is known, whatever is popular.

    \b
      weights similar runs/films --item 50
    """,
    ask=ask_similar,
    options=SimilarOptions,
    output="Write to a .csv, .parquet or .jsonl file instead of standard output.",
    subject=SUBJECT,
)


class SummaryOptions(msgspec.Struct, frozen=True):
    """Whose weights are shown."""

    item: Annotated[str | None, option("The id of an item; the strongest of all if not given.", "ID")] = None
    top: Annotated[int, option("At most so many weights.", "NUMBER")] = 10
    level: Annotated[float, option("Level of the intervals.", "SHARE")] = 0.95


def ask_summary(model: RankingModel, options: SummaryOptions, asker: Asker) -> Answer:
    """Weights from item to item as records and as a table."""
    from weights.recommending.pairs import tabulate_pairs
    from weights.report.recommendation_figures import pairs_figure

    pairs, of_one = model.item_weights(options.item, top=options.top, level=options.level), options.item is not None
    table = tabulate_pairs(pairs, options.level, of_one=of_one)
    return Answer(msgspec.to_builtins(pairs), table.lines(), pairs_figure(pairs, options.level, of_one=of_one))


SUMMARY = Question(
    name="summary",
    help="""Of a run of interactions: which items speak most for an item, or for each other, with intervals.

    \b
      weights summary runs/films --item 50
    """,
    ask=ask_summary,
    options=SummaryOptions,
    caption="the strongest weights from item to item, with their intervals",
    subject=SUBJECT,
)


class MapOptions(msgspec.Struct, frozen=True):
    """How many items are on the map."""

    top: Annotated[int, option("So many of the most popular items.", "NUMBER")] = 300


def ask_map(model: RankingModel, options: MapOptions, asker: Asker) -> Answer:
    """Items as points, as a record and drawn; as lines those that lie farthest out."""
    from weights.report.recommendation_figures import map_figure
    from weights.report.recommendations import map_lines

    drawn = model.map_items(top=options.top)
    return Answer(msgspec.to_builtins(drawn), map_lines(drawn), map_figure(drawn))


MAP = Question(
    name="map",
    help="""Put the most popular items on a plane, near each other where the same users turned to them.

    \b
      weights draw runs/films map --output films.svg
    """,
    ask=ask_map,
    options=MapOptions,
    caption="items as points, near each other where the same users turned to them",
    subject=SUBJECT,
)


class UserOptions(msgspec.Struct, frozen=True):
    """Who is shown."""

    user: Annotated[str | None, option("The id of the user.", "ID")] = None
    top: Annotated[int, option("At most so many events.", "NUMBER")] = 20


def ask_user(model: RankingModel, options: UserOptions, asker: Asker) -> Answer:
    """What is known of a user as a record and as a table."""
    from weights.report.recommendations import user_lines

    if options.user is None:
        raise UsageError("The user was not named. Name one with --user.")
    record = model.profile(options.user)
    return Answer(msgspec.to_builtins(record), user_lines(record, options.top))


USER = Question(
    name="user",
    help="""Show what a run of interactions knows of a user: events, those remembered since the fit among them, with their weights.

    \b
      weights user runs/films --user 42
    """,
    ask=ask_user,
    options=UserOptions,
    subject=SUBJECT,
)


class ScoreOptions(PartOptions, frozen=True):
    """The later events."""

    source: Annotated[Any, option("Events that came later.", argument=True)]


def ask_score(model: RankingModel, options: ScoreOptions, asker: Asker) -> Answer:
    """The score as a record and as a table."""
    from weights.data.table.read import part_of
    from weights.report.recommendations import score_lines

    score = model.score(part_of(options.source, options))
    return Answer(msgspec.to_builtins(score), score_lines(score), notes=score.notes)


SCORE = Question(
    name="score",
    help="""Of a run of interactions: judge its lists by what users turned to later, without learning again.

    \b
      weights score runs/films later.csv
    """,
    ask=ask_score,
    options=ScoreOptions,
    subject=SUBJECT,
)


class ExplainOptions(PartOptions, frozen=True):
    """Whose score of what is explained."""

    source: Annotated[Any, option("What the user just did.", argument=True)] = None
    user: Annotated[str | None, option("The id of the user.", "ID")] = None
    item: Annotated[str | None, option("The id of the item; the first of the list if not given.", "ID")] = None
    top: Annotated[int, option("At most so many parts.", "NUMBER")] = 10


def ask_explain(model: RankingModel, options: ExplainOptions, asker: Asker) -> Answer:
    """What scores are made of, as records and as tables."""
    from weights.data.table.read import part_of

    if (options.source is None) == (options.user is None):
        raise UsageError("A score is that of one user: name one with --user, or give what one just did.")
    events = None if options.source is None else part_of(options.source, options)
    explained = model.explain(options.user, options.item, events=events)
    return Answer(msgspec.to_builtins(explained), [line for own in explained for line in own.lines(options.top)])


EXPLAIN = Question(
    name="explain",
    help="""Of a run of interactions: share out the scores of items among what the user did, and popularity.

    \b
      weights explain runs/films --user 42 --item 50
      weights explain runs/films new.csv
    """,
    ask=ask_explain,
    options=ExplainOptions,
    subject=SUBJECT,
)
