"""Texts as words: what a text is read as, whatever its language and however it was written."""

import numpy as np
import pyarrow as pa
import pytest

from weights.data.text.words import CLASSES, LONG_WORD, LONGEST, find_tokens, read_texts, without_long_words


def words_of(*texts):
    """The tokens of each text."""
    read = read_texts(pa.chunked_array([list(texts)], pa.string()))
    tokens = find_tokens(read.pieces)
    sequence, rows = tokens.in_texts(read)
    return [[tokens.words[i] for i in sequence[rows == row]] for row in range(len(texts))]


@pytest.mark.parametrize(
    ("text", "words"),
    {
        "words and signs": ("My card, please!", ["my", "card", ",", "please", "!"]),
        "an apostrophe within a word": ("don\u2019t can't 'so'", ["don't", "can't", "'", "so", "'"]),
        "letters composed of marks": ("cafe\u0301 CAFÉ", ["café", "café"]),
        "forms of the same letters": ("\uff21\uff22\uff23 \ufb01n \u2460", ["abc", "fin", "1"]),
        "cases folded, not lowered": ("STRASSE Straße", ["strasse", "strasse"]),
        "numbers": ("2,000.50 at 12:30 2nd v2", ["2,000.50", "at", "12:30", "2nd", "v2"]),
        "addresses": ("see www.a.org or Https://b.org/x?y=1 me@c.co.uk", ["see", "www.a.org", "or", "https://b.org/x?y=1", "me@c.co.uk"]),
        "emoji of several signs": ("ok👍🏽 👩\u200d👩\u200d👧 🇩🇪🇫🇷", ["ok", "👍🏽", "👩\u200d👩\u200d👧", "🇩🇪", "🇫🇷"]),
        "scripts without blanks": ("漢字です abc ไทย", ["漢", "字", "で", "す", "abc", "ไ", "ท", "ย"]),
        "right to left": ("שלום עולם", ["שלום", "עולם"]),
        "marks of direction, zero-width blanks and soft hyphens": ("\u202bab\u202c c\u200bd e\u00adf", ["ab", "cd", "ef"]),
        "vowel signs": ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        "tags and entities": ("<p class='x'>a &amp; b</p><br/>c<!-- d -->", ["a", "&", "b", "c"]),
        "what is no tag": ("a < b and c > d", ["a", "<", "b", "and", "c", ">", "d"]),
        "blanks of all kinds": ("a\u00a0b\tc\r\nd\u3000e", ["a", "b", "c", "d", "e"]),
        "NUL": ("a\x00b c\x00", ["ab", "c"]),
        "nothing": ("", []),
        "nothing that is seen": (" \u200b\u200f ", []),
    }.values(),
)
def test_a_text_is_read_as_words(text, words):
    assert words_of(text) == [words]


def test_a_cell_without_a_value_is_an_empty_text_and_others_keep_their_place():
    assert words_of("a b", None, "", "c a") == [["a", "b"], [], [], ["c", "a"]]


def test_what_stands_between_blanks_is_read_once_however_it_is_written():
    read = read_texts(pa.chunked_array([["The the", "THE end"], ["the"]]))
    assert read.pieces == ["the", "end"]
    assert read.of.tolist() == [0, 0, 0, 1, 0]
    assert read.sizes.tolist() == [2, 2, 1]


@pytest.mark.parametrize(("word", "kind"), [("www.a.org", "url"), ("a@b.co", "email"), ("3.5", "number"), ("🙂", "emoji")])
def test_addresses_numbers_and_emoji_are_of_a_class_too(word, kind):
    tokens = find_tokens([word, "word"])
    assert [tokens.words[tokens.classes[tokens.words.index(w)]] for w in (word, "word")] == [CLASSES[kind], "word"]


def test_no_text_can_write_a_class():
    assert not {*CLASSES.values(), LONG_WORD} & {w for text in words_of("< url > &lt;url&gt; &lt;number&gt;") for w in text}


def test_a_word_too_long_to_be_one_counts_as_such():
    assert words_of("a" * LONGEST, "a" * (LONGEST + 1)) == [["a" * LONGEST], [LONG_WORD]]
    assert without_long_words("x" * 50 + "。漢字" + "y") == " " * 50 + "。漢字y"
    assert without_long_words("漢" * 50) == "漢" * 50


@pytest.mark.parametrize("piece", ["a", "aQ+/9", "@", "a@", "a.", "漢", "9,", "www.", "<", "&", "&#x41;", "é", "\u0301", "👩\u200d"])
def test_a_long_text_without_a_blank_is_read(piece):
    # A pattern that goes back would need hours for this.
    words_of(piece * (200_000 // len(piece)))


def test_texts_of_several_chunks_and_of_large_strings_are_the_same():
    small, large = pa.chunked_array([["a b"], ["c"]]), pa.chunked_array([["a b", "c"]], pa.large_string())
    assert read_texts(small).pieces == read_texts(large).pieces
    np.testing.assert_array_equal(read_texts(small).sizes, read_texts(large).sizes)


def test_a_table_of_no_rows_has_no_words():
    read = read_texts(pa.chunked_array([[]], pa.string()))
    assert (read.pieces, len(read.sizes)) == ([], 0)
