"""What are the effect and importance of each feature, and how sure are they?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import msgspec

from weights.options import option
from weights.questions.question import Answer, Asker, Question, find_refusal

if TYPE_CHECKING:
    from weights.model import Model


class SummaryOptions(msgspec.Struct, frozen=True):
    """How feature weights are shown; as `weights.effects.FeatureWeights.records`."""

    scale: Annotated[str, option("target (value, probability), link (log odds, log rate) or odds (their ratios).", "NAME")] = "target"
    per: Annotated[str, option("Effects per unit or sd (standard deviation) of numbers.", "WHAT")] = "unit"
    errors: Annotated[
        str | None,
        option("robust, classical, cluster (fitted with --group), hac (fitted with --time).", "KIND"),
    ] = None
    level: Annotated[float, option("Level of the intervals of effects.", "SHARE")] = 0.95
    adjust: Annotated[str | None, option("p-values for many tests: none, holm, bh.  [default: none for columns, bh for words]", "HOW")] = (
        None
    )
    levels: Annotated[bool, option("Show the levels of categories below them.")] = False
    sort: Annotated[str, option("importance, p, or table (as in the data).", "BY")] = "importance"
    top: Annotated[int | None, option("At most so many columns, and so many words.", "NUMBER")] = None


def ask_summary(model: Model, options: SummaryOptions, asker: Asker) -> Answer:
    """Feature weights as records and as a table."""
    chosen = {name: value for name, value in msgspec.structs.asdict(options).items() if value is not None}

    def write_lines() -> Iterator[str]:
        yield from model.summary(narrow=asker.narrow, **chosen).lines()

    return Answer(model.feature_weights(**chosen, intercept=True), write_lines())


SUMMARY = Question(
    name="summary",
    help="""Show the effect and importance of each feature, and of words of texts, of the run saved in RUN, and how sure they are.

    \b
      weights summary runs/income
      weights summary runs/income --scale link --levels --adjust holm
    """,
    ask=ask_summary,
    options=SummaryOptions,
    refuses=lambda model: find_refusal(lambda: model.feature_weights(top=1)),
)
