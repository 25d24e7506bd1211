"""Which symbols texts are made of: few words that come often are learned whole, others are spelled, and bad texts are refused."""

from __future__ import annotations

import pyarrow as pa
import pytest

from weights.errors import DataError, UsageError
from weights.tasks.registry import find_task

COMMANDS = ["Turn on.", "Turn off.", "on", "off off"] * 20


def find(texts, seconds=2.0, **options):
    return find_task(pa.chunked_array([texts], pa.string()), "text", kind="transcript", seconds=seconds, **options)


def test_few_words_are_learned_whole():
    task = find(COMMANDS)
    assert (task.kind, task.symbols) == ("transcript of words", ["off", "on", "turn"])
    assert (task.n_moments, task.n_codes) == (40, 4)  # of 0.05 s; twice the longest text
    assert task.remark == "3 words are learned whole, each of which comes 47 times on average"


def test_many_words_or_rare_ones_are_spelled():
    task = find([f"take{i} away" for i in range(60)], seconds=3.0)
    assert task.kind == "transcript of characters"
    assert task.symbols[0] == " "
    assert task.n_moments == 120
    assert "61 different words are many, or come too rarely: 17 characters are learned" in task.remark


def test_what_is_too_little_to_learn_from_is_said():
    assert "60 texts of 120 words are usually too little to learn them from" in find([f"take{i} away" for i in range(60)]).remark
    assert "6 texts of 12 words are usually too little to learn them from" in find(["turn on"] * 6).remark


@pytest.mark.parametrize(
    ("texts", "options", "error", "words"),
    [
        (["on"], {"seconds": None}, UsageError, "heard in recordings, but the rows hold none"),
        (["...", ""], {}, DataError, "must hold words, but none does"),
        (COMMANDS, {"class_weight": "balanced"}, UsageError, "Class weights need classes, but 'text' is a transcript"),
        (COMMANDS, {"positive": "on"}, UsageError, "'text' is a transcript"),
        ([f"w{i} of it" for i in range(9_000)], {"seconds": 60.0}, DataError, "gigabytes"),
    ],
)
def test_texts_that_cannot_be_learned_are_refused(texts, options, error, words):
    with pytest.raises(error, match=words):
        find(texts, **options)


def test_recordings_too_short_for_a_text_are_refused():
    with pytest.raises(DataError, match=r"must last 0\.2 s at least, but last 0\.1"):
        find(COMMANDS, seconds=0.1)


def test_a_text_is_shorter_than_its_moments():
    assert find(["on " * 30] * 10, seconds=0.5).n_codes == 10


def test_texts_that_are_no_classes_are_pointed_to_transcripts_where_there_are_recordings():
    texts = pa.chunked_array([[f"turn {i} on" for i in range(60)]])
    with pytest.raises(DataError, match=r"60 different labels in 60 rows.*If these are texts that recordings say, use --task transcript"):
        find_task(texts, "text", seconds=2.0)
    with pytest.raises(DataError, match=r"Name another target\.$"):
        find_task(texts, "text")
