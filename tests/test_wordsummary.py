"""The table of words."""

import msgspec

from test_wordweights import WEIGHTS, WORDS
from weights.tasks.classes import Multiclass
from weights.wordsummary import describe_words, summarise_words

TASK = Multiclass("stars", ["down", "same", "up"])


def test_words_stand_beside_their_effect_with_the_most_important_first():
    table = summarise_words(WEIGHTS, TASK)
    assert [row[0] for row in table.rows] == ["new york / nyc", "great", "dull"]
    assert table.heads[:4] == ["word", "column", "class", "texts"]
    assert "where a text holds the word" in table.title


def test_what_is_the_same_in_all_rows_is_left_out():
    one = msgspec.structs.replace(WEIGHTS, words=WORDS[:2], n_outcomes=1)
    assert not {"column", "class"} & {*summarise_words(one, TASK).heads}
    assert "std err" not in summarise_words(one, TASK, narrow=True).heads


def test_notes_say_how_many_words_count_and_how_p_values_were_corrected():
    notes = describe_words(WEIGHTS, "bh")
    assert notes[0].startswith("2 of 3 words")
    assert "3 words, and for 3 classes" in notes[1]
    assert "Holm" in describe_words(WEIGHTS, "holm")[1]
    assert summarise_words(WEIGHTS, TASK, top=1).notes[0] == "(2 more words: --top)"
