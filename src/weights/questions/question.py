"""What a question is, and what an answer: two records.

A question says what it is called, which options it has, whether it applies to a run, and how it is answered. From that
the command line makes a command, and whoever shows a run (a page, a server) can ask the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from weights.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from weights.model import Model
    from weights.report.charts import Drawing
    from weights.training.control import Progress


class Asker(NamedTuple):
    """Who asks: what they call the run, whether the widest tables are too wide for them, if they see colours, what hears of progress."""

    run: str = "RUN"
    narrow: bool = False
    color: bool = False
    progress: Callable[[Progress], None] = lambda progress: None


class Answer(NamedTuple):
    """An answer in every form in which it can be shown.

    Attributes:
        record: what JSON can hold.
        lines: the same for people, made while they are read.
        figure: the same drawn, if it can be.
        notes: sentences about rows that were asked about.
        table: makes the same as rows for a file, if it has any; counts says how many of what there are, by name.
        counts: see there.
        contents: what a file of the answer holds, in words.
        page: makes the same as a page of HTML, if it can be one.
        wave: makes the content of a WAV of it, if there is something to hear.
    """

    record: Any
    lines: Iterable[str]
    figure: Drawing | None = None
    notes: Sequence[str] = ()
    table: Callable[[], pa.Table] | None = None
    counts: Mapping[str, int] = {}
    contents: str = "drawn"
    page: Callable[[], str] | None = None
    wave: Callable[[], bytes] | None = None


class NoOptions(msgspec.Struct, frozen=True):
    """The options of a question that has none."""


class Question(NamedTuple):
    """Something that is asked of a saved run.

    Attributes:
        name: in commands and addresses; questions that are asked of other things may have the same.
        help: the first sentence says what comes back; the rest explains and gives examples.
        ask: answers, with a record of the options.
        options: what may be chosen; each field is declared by `weights.options.option`.
        refuses: why the question does not apply to a run, or nothing.
        caption: what the figure of the answer shows, in a few words; of questions that `weights draw` knows.
        output: help on the file that the command of the question itself may write; of those that have one.
        draws: whether this file holds the figure of the answer instead of its table. draws_too: whether it does where its ending is that
            of a drawing or a page, and the table otherwise.
        listen: help on the WAV that the command may write of what is heard; of those that have one.
        subject: what a run that it is asked of learned from, such as rows or series.
        stages: what is reported of its progress, in this order, each with the part of the time that it takes about; none if it is quick.
    """

    name: str
    help: str
    ask: Callable[[Any, Any, Asker], Answer]
    options: type[msgspec.Struct] = NoOptions
    refuses: Callable[[Any], str] = lambda model: ""
    caption: str = ""
    output: str = ""
    draws: Callable[[Any], bool] = lambda model: False
    draws_too: Callable[[Any], bool] = lambda model: False
    stages: Mapping[str, float] = {}
    listen: str = ""
    subject: str = "rows"


def describe_judged(model: Model, *, test: bool = False) -> str:
    """Whose answers are shown: those to rows out of bag, or to rows that were for the test."""
    from weights.report.figures import describe_rows

    return describe_rows(model.predictions(test=test), test=test, usefulness=model.report.usefulness)


def find_refusal(check: Callable[[], object]) -> str:
    """What a check complains of, or nothing."""
    try:
        check()
    except UsageError as error:
        return str(error)
    return ""
