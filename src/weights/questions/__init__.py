"""All that is asked of a saved run: `QUESTIONS` by name, one file for each family, and `ask`.

A new question is a file with its record of options and its function, and a row here. The command line makes a command
of it, and `weights draw` draws it if its answers have a figure and it says in a `caption` what that shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from weights.errors import UsageError, suggest
from weights.options import check_names, list_options
from weights.questions import classes, effects, explain, numbers, pictures, score, show, stretches, summary, trials
from weights.questions.question import Answer, Asker, Question

if TYPE_CHECKING:
    from weights.model import Model

QUESTIONS: dict[str, Question] = {
    question.name: question
    for question in (
        show.SHOW,
        summary.SUMMARY,
        score.SCORE,
        explain.EXPLAIN,
        explain.MAPS,
        stretches.STRETCHES,
        trials.DIAGNOSE,
        trials.COMPARE,
        trials.CHECK_INTERVALS,
        pictures.FILTERS,
        pictures.UNITS,
        pictures.GALLERY,
        classes.CONFUSION,
        classes.CALIBRATION,
        classes.OPERATING,
        numbers.PREDICTED,
        numbers.RESIDUALS,
        numbers.INTERVALS,
        effects.IMPORTANCE,
        effects.EFFECTS,
        effects.EFFECT,
    )
}


def ask(model: Model, name: str, *, asker: Asker | None = None, **options: Any) -> Answer:
    """The answer of a model to a question.

    Args:
        model: the fitted model.
        name: one of `QUESTIONS`.
        asker: who asks; nobody in particular if not given.
        **options: those of the question.

    Raises:
        UsageError: there is no such question or option, or it does not apply to this model; others as the question.

    Example:
        >>> from weights import fit
        >>> [*ask(fit("iris", model="linear", members=8), "confusion").lines][0].split()
        ['truth', 'setosa', 'versicolor', 'virginica', 'answered', 'rightly']
    """
    if name not in QUESTIONS:
        raise UsageError(f"There is no question '{name}'. {suggest(name, QUESTIONS)}")
    question = QUESTIONS[name]
    check_names(options, [known.name for known in list_options(question.options)], name)
    return answer(model, question, question.options(**options), asker or Asker())


def answer(model: Model, question: Question, options: msgspec.Struct, asker: Asker) -> Answer:
    """The answer to a question with its record of options; errors as `ask`."""
    if refusal := question.refuses(model):
        raise UsageError(refusal)
    return question.ask(model, options, asker)


def list_drawings() -> dict[str, Question]:
    """The questions that `weights draw` knows, by name."""
    return {name: question for name, question in QUESTIONS.items() if question.caption}


def list_drawn(model: Model, run: str) -> list[str]:
    """The commands that draw something of a model, of a run that is called this."""
    applying = [question for question in QUESTIONS.values() if not question.refuses(model)]
    of_rows = [f"weights {question.name} {run} ROWS" for question in applying if question.output and question.draws(model)]
    return [*of_rows, *(f"weights draw {run} {question.name}" for question in applying if question.caption)]
