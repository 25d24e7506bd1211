"""The record of words as rows that people read."""

import msgspec
import pytest

from weights.errors import UsageError
from weights.wordweights import Word, WordEffect, WordWeights


def make(label, effect, p, bh):
    return WordEffect(label, effect, 0.05, 0.05, p, bh, min(10 * p, 1.0))


WORDS = [
    Word("note", ["great"], 40, 1e6, 0.01, 0.002, [make("up", 0.4, 1e-9, 1e-8), make("down", -0.3, 1e-5, 1e-4)]),
    Word("note", ["new york", "nyc"], 90, 1e6, 0.03, 0.004, [make("up", 0.1, 0.04, 0.2)]),
    Word("reply", ["dull"], 25, 1e6, 0.002, 0.001, [make("down", -0.2, 0.01, 0.04)]),
]
WEIGHTS = WordWeights(WORDS, 3, 500, 20, "log loss", "robust", 0.2)


def test_each_word_stands_once_with_the_class_it_moves_most():
    records = WEIGHTS.records()
    assert [(record["level"], record["class"]) for record in records] == [("great", "up"), ("dull", "down"), ("new york / nyc", "up")]
    assert [record["feature"] for record in records] == ["note", "reply", "note"]
    assert records[0]["p_value"] == 1e-8  # Benjamini and Hochberg's, unless others are asked for
    assert WEIGHTS.count_announced() == 2


def test_a_class_has_its_own_words():
    assert [record["effect"] for record in WEIGHTS.records(label="down")] == [-0.3, -0.2]


@pytest.mark.parametrize(
    ("sort", "first"), [("p", "great"), ("importance", "new york / nyc"), ("effect", "great"), ("texts", "new york / nyc")]
)
def test_words_are_in_the_order_that_is_asked_for(sort, first):
    assert WEIGHTS.records(sort=sort)[0]["level"] == first
    assert len(WEIGHTS.records(sort=sort, top=2)) == 2


def test_intervals_have_the_level_that_is_asked_for():
    record = WEIGHTS.records()[0]
    assert record["low"] == pytest.approx(0.4 - 1.96 * 0.05, abs=1e-3)
    narrow = WEIGHTS.records(level=0.5)[0]
    assert record["low"] < narrow["low"] < 0.4 < narrow["high"] < record["high"]


@pytest.mark.parametrize("wrong", [{"sort": "size"}, {"adjust": "fdr"}, {"level": 1.0}, {"top": 0}])
def test_what_is_not_known_is_refused(wrong):
    with pytest.raises(UsageError):
        WEIGHTS.records(**wrong)


def test_words_told_as_one_are_written_shortly():
    assert msgspec.structs.replace(WORDS[0], words=["a", "b", "c", "d", "e"]).written == "a, b, c and 2 more"
