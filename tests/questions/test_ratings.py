"""What is asked of runs of ratings: predictions, reasons, scores; as records, lines and rows."""

from __future__ import annotations

import pytest

import weights as wt
from ratings import FEW, RATED, draw_ratings
from weights.errors import UsageError
from weights.questions import RATING_QUESTIONS, ask

MODEL = wt.fit(draw_ratings(), **RATED, **FEW)


def test_pairs_are_records_lines_and_rows():
    answer = ask(MODEL, "rate", source={"user": [100, 101], "item": [3, 4]})
    assert len(answer.record) == answer.table().num_rows == 2
    assert answer.counts == {"n_rows": 2}
    assert "90% interval" in " ".join(answer.lines)


def test_reasons_and_scores_are_shown():
    assert ask(MODEL, "explain", user="100", item="3").record["item"] == 3
    with pytest.raises(UsageError, match="Name them with --user and --item"):
        ask(MODEL, "explain", user="100")
    assert ask(MODEL, "score", source=draw_ratings(seed=1)).record["n_ratings"] == 1_600
    assert ask(MODEL, "show").record["task"] == "rating"


def test_each_question_is_of_ratings():
    assert all(question.subject == MODEL.subject for question in RATING_QUESTIONS.values())
    with pytest.raises(UsageError, match="A run of ratings is not asked for 'recommend'"):
        ask(MODEL, "recommend")
