"""What is asked of runs of interactions: lists, likenesses, reasons, scores; as records, lines and rows."""

from __future__ import annotations

import pytest

from preferences import draw_preferences
from small import rank_items
from weights.errors import UsageError
from weights.questions import INTERACTION_QUESTIONS, ask


def test_lists_are_records_lines_and_rows():
    answer = ask(rank_items(), "recommend", user=["107"], top=3, why=True)
    assert len(answer.record) == answer.table().num_rows == 3
    assert next(iter(answer.lines)) == "user 107"
    assert answer.counts == {"n_rows": 3}
    assert answer.record[0]["rank"] == 1


def test_lists_are_for_somebody():
    with pytest.raises(UsageError, match="but nobody was named"):
        ask(rank_items(), "recommend")
    with pytest.raises(UsageError, match="--user and --all came"):
        ask(rank_items(), "recommend", user=["107"], all=True)


def test_all_users_and_those_of_events_can_be_asked_for():
    assert len(ask(rank_items(), "recommend", all=True, top=2).record) == 240
    assert len(ask(rank_items(), "recommend", events={"item": [1, 5]}, top=2).record) == 2


def test_what_is_like_an_item_is_listed():
    assert len(ask(rank_items(), "similar", item="5", top=4).record) == 4
    with pytest.raises(UsageError, match="Name it with --item"):
        ask(rank_items(), "similar")


def test_a_score_and_its_reasons_are_shown():
    explained = ask(rank_items(), "explain", user="107", item="3")
    assert explained.record[0]["item"] == 3
    assert any("popularity" in line for line in explained.lines)
    with pytest.raises(UsageError, match="that of one user"):
        ask(rank_items(), "explain")
    score = ask(rank_items(), "score", source={**draw_preferences(seed=1)})
    assert score.record["n_users"] > 0
    assert next(iter(score.lines)).split() == ["later", "at", "the", "fit"]


def test_all_that_is_known_of_a_run_is_shown():
    answer = ask(rank_items(), "show")
    assert answer.record["protocol"] == "time"
    assert any(line.startswith("popularity") for line in answer.lines)


def test_each_question_is_of_interactions():
    assert all(question.subject == rank_items().subject for question in INTERACTION_QUESTIONS.values())


def test_weights_and_a_user_are_shown():
    pairs = ask(rank_items(), "summary", item="5", top=3)
    assert len(pairs.record) == 3
    assert "What speaks for" in next(iter(pairs.lines))
    user = ask(rank_items(), "user", user="107", top=2)
    assert user.record["user"] == 107
    assert any("more events" in line for line in user.lines)
    with pytest.raises(UsageError, match="Name one with --user"):
        ask(rank_items(), "user")


def test_items_are_put_on_a_map():
    answer = ask(rank_items(), "map", top=20)
    assert len(answer.record["items"]) == 20
    assert next(iter(answer.lines)).split()[0] == "right"
    assert answer.figure is not None
    assert ask(rank_items(), "summary", top=3).figure is not None
