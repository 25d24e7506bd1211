"""What does each word of texts count, and how sure is that?"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from weights.options import check_top, option
from weights.questions.question import Answer, Asker, Question, find_refusal

if TYPE_CHECKING:
    from weights.effects import Record
    from weights.model import Model
    from weights.wordweights import WordWeights

_FEWEST_OF_CLASS = 3
_WIDEST_NOTE = 118


class WordsOptions(msgspec.Struct, frozen=True):
    """Which words, and how their effects are shown; as `weights.wordweights.WordWeights.records`."""

    label: Annotated[str | None, option("The class whose probability moves; all if not given.", "LABEL", "--class")] = None
    level: Annotated[float, option("Level of the intervals.", "SHARE")] = 0.95
    adjust: Annotated[str, option("p-values for many tests: bh, holm, none.", "HOW")] = "bh"
    sort: Annotated[str, option("p (the clearest first), importance, effect or texts.", "BY")] = "p"
    top: Annotated[int, option("At most so many words.", "NUMBER")] = 30


def ask_words(model: Model, options: WordsOptions, asker: Asker) -> Answer:
    """The effects of words with their intervals, by class where there are several: a forest plot."""
    from weights.errors import UsageError, printable
    from weights.keptweights import weights_of_words
    from weights.report.figures import title_figure
    from weights.report.row_figures import Row, in_digits, rows_figure
    from weights.tables import aligned, show_p
    from weights.wordsummary import describe_words, name_p

    weights, task = weights_of_words(model.ensemble), model.ensemble.task
    label = None if options.label is None else model.classes[task.class_number(options.label)]
    if label is not None and weights.n_outcomes == 1 and (told := weights.words[0].effects[0].label) != label:
        raise UsageError(f"Of two classes the effects on '{told}' are told; those on '{label}' are their opposite. Leave --class out.")
    check_top(options.top, "thirty words")
    groups = _choose(weights, label, options)
    records = [record for _, group in groups for record in group]
    several = len({record["feature"] for record in records}) > 1

    def name(record: Record) -> str:
        return f"{record['level']} ({record['feature']})" if several else str(record["level"])

    def cells(record: Record) -> tuple[str, ...]:
        bounds = "" if record["low"] is None else f"[{in_digits(record['low'])} {in_digits(record['high'])}]"
        return f"{record['n_texts']:,}", in_digits(record["effect"]), bounds, show_p(record["p_value"])

    by_class = len(groups) > 1
    tail = (1 - options.level) / 2
    head = ("texts", "effect", f"[{tail:.3g} {1 - tail:.3g}]", name_p(options.adjust))
    rows: list[Row] = []
    table = [[*["class"] * by_class, "word", *head]]
    for of_class, group in groups:
        rows += [Row(str(of_class))] * by_class
        rows += [Row(name(r), r["effect"], r["low"], r["high"], cells(r), part=by_class) for r in group]
        for i, record in enumerate(group):
            shown = [printable("" if i else str(of_class))] * by_class
            table.append([*shown, printable(name(record)), *cells(record)])
    whole = f"change of {task.effect_of('target')}"
    whole = whole if label is None else whole.replace("each class", str(label))
    notes = describe_words(weights, options.adjust)
    left = len(model.classes) - len(groups)
    if by_class and left > 0:
        notes = [f"{left} more classes: --class, or a larger --top", *notes]
    caption = " ".join(f"{note[:1].upper()}{note[1:]}." for note in notes)
    title = title_figure(model.ensemble, "effects of words")
    figure = rows_figure(rows, heads=head, axis=f"{whole} where a text holds the word", reference=0.0, title=title, caption=caption)
    first = len(table[0]) - len(head)
    lines = [f"Words         {printable(whole)} where a text holds the word", *aligned(table, to_right=[first, first + 1, first + 3])]
    for note in notes:
        lines += textwrap.wrap(note, _WIDEST_NOTE, initial_indent="  ", subsequent_indent="    ")
    return Answer(records, lines, figure)


def _choose(weights: WordWeights, label: Any, options: WordsOptions) -> list[tuple[Any, list[Record]]]:
    """The words of each class; of many classes those with the clearest words."""
    chosen: dict[str, Any] = {"level": options.level, "adjust": options.adjust, "sort": options.sort}
    if label is not None or weights.n_outcomes == 1:
        return [(label, weights.records(label=label, top=options.top, **chosen))]
    of_words = weights.records(**chosen)
    classes = [*dict.fromkeys(record["class"] for record in of_words)]
    classes = classes[: max(options.top // _FEWEST_OF_CLASS, 1)]
    each = max(options.top // len(classes), 1)
    return [(of_class, weights.records(label=of_class, top=each, **chosen)) for of_class in classes]


def _refuse(model: Model) -> str:
    from weights.keptweights import weights_of_words

    return find_refusal(lambda: weights_of_words(model.ensemble))


WORDS = Question(
    name="words",
    help="""Say what each word of texts counts: the effect of a text that holds it beside one that does not; drawn as a forest plot.

    \b
      weights words runs/reviews --top 40
      weights words runs/intents --class card_arrival
      weights draw runs/reviews words --output words.svg
    """,
    ask=ask_words,
    options=WordsOptions,
    refuses=_refuse,
    caption="effects of words with their intervals, by class",
)
