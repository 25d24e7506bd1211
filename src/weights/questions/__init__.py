"""All that is asked of a saved run: `QUESTIONS` by name, one file for each family, and `ask`.

A new question is a file with its record of options and its function, and a row here. The command line makes a command
of it, and `weights draw` draws it if its answers have a figure and it says in a `caption` what that shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from weights.errors import UsageError, suggest
from weights.options import check_names, list_options
from weights.questions import (
    classes,
    effects,
    explain,
    forecasts,
    interactions,
    numbers,
    pictures,
    prices,
    ratings,
    score,
    show,
    stretches,
    summary,
    trials,
    words,
)
from weights.questions.question import Answer, Asker, Question

if TYPE_CHECKING:
    from weights.api import AnyModel


def _list_by_name(*questions: Question) -> dict[str, Question]:
    return {question.name: question for question in questions}


QUESTIONS = _list_by_name(
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
    words.WORDS,
)
SERIES_QUESTIONS = _list_by_name(
    forecasts.SHOW,
    forecasts.SUMMARY,
    forecasts.FORECAST,
    forecasts.SCORE,
    forecasts.BACKTEST,
    forecasts.DIAGNOSE,
    forecasts.COMPARE,
    forecasts.EXPLAIN,
    forecasts.LAGS,
)
PRICE_QUESTIONS = _list_by_name(
    prices.SHOW,
    prices.SUMMARY,
    prices.FORECAST,
    prices.SCORE,
    prices.BACKTEST,
)
INTERACTION_QUESTIONS = _list_by_name(
    interactions.SHOW,
    interactions.SUMMARY,
    interactions.RECOMMEND,
    interactions.MAP,
    interactions.USER,
    interactions.SIMILAR,
    interactions.SCORE,
    interactions.EXPLAIN,
)
RATING_QUESTIONS = _list_by_name(
    ratings.SHOW,
    ratings.RATE,
    ratings.SCORE,
    ratings.EXPLAIN,
)
BY_SUBJECT = {
    "rows": QUESTIONS,
    "series": SERIES_QUESTIONS,
    "prices": PRICE_QUESTIONS,
    interactions.SUBJECT: INTERACTION_QUESTIONS,
    ratings.SUBJECT: RATING_QUESTIONS,
}
"""By what a run learned from (`subject` of its model) the questions that it can be asked."""


def questions_of(model: AnyModel) -> dict[str, Question]:
    """The questions that a model can be asked, by name."""
    return BY_SUBJECT[model.subject]


def ask(model: AnyModel, name: str, *, asker: Asker | None = None, **options: Any) -> Answer:
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
    question = find_question(model, name)
    check_names(options, [known.name for known in list_options(question.options)], name)
    return answer(model, question, question.options(**options), asker or Asker())


def find_question(model: AnyModel, name: str) -> Question:
    """The question of this name that a model can be asked.

    Raises:
        UsageError: there is none.
    """
    known = questions_of(model)
    if name in known:
        return known[name]
    if any(name in others for others in BY_SUBJECT.values()):
        raise UsageError(f"A run of {model.subject} is not asked for '{name}', but for {', '.join(known)}.")
    raise UsageError(f"There is no question '{name}'. {suggest(name, known)}")


def answer(model: AnyModel, question: Question, options: msgspec.Struct, asker: Asker) -> Answer:
    """The answer to a question with its record of options; errors as `ask`."""
    if refusal := question.refuses(model):
        raise UsageError(refusal)
    return question.ask(model, options, asker)


def list_commands() -> dict[str, list[Question]]:
    """The questions of each name, of whatever they are asked."""
    names = dict.fromkeys(name for known in BY_SUBJECT.values() for name in known)
    return {name: [known[name] for known in BY_SUBJECT.values() if name in known] for name in names}


def list_drawings() -> dict[str, list[Question]]:
    """The questions that `weights draw` knows, of whatever they are asked, by name."""
    found: dict[str, list[Question]] = {}
    for known in BY_SUBJECT.values():
        for name, question in known.items():
            if question.caption:
                found.setdefault(name, []).append(question)
    return found


def list_drawn(model: AnyModel, run: str) -> list[str]:
    """The commands that draw something of a model, of a run that is called this."""
    applying = [question for question in questions_of(model).values() if not question.refuses(model)]
    of_rows = [f"weights {question.name} {run} ROWS" for question in applying if question.output and question.draws(model)]
    return [*of_rows, *(f"weights draw {run} {question.name}" for question in applying if question.caption)]
