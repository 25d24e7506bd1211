"""Texts as a kind of column: what is found to be one, how later ones are read, and which are copies."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from msgspec.structs import replace

from weights.data.encoding import apply_encoding, fit_encoding
from weights.data.inputs import Part
from weights.data.registry import KINDS, find_block_kind, mark_kinds
from weights.data.text.kind import TEXT, TEXTS
from weights.data.text.vocabulary import read_features
from weights.errors import DataError

RNG = np.random.default_rng(0)
WORDS = np.asarray(["the", "card", "never", "came", "to", "my", "house", "and", "I", "want", "it", "now", "please", "help"])
REVIEWS = [" ".join(RNG.choice(WORDS, 6)) for _ in range(40)]
TABLE = pa.table({"review": REVIEWS, "level": ["low", "high"] * 20, "number": range(40)})


def fitted(texts=REVIEWS, name="review"):
    return TEXTS.fit(pa.table({name: texts}), name)


# What is one


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (REVIEWS, True),
        (["low", "high"] * 20, False),
        ([f"id-{i}" for i in range(40)], False),
        ([f"{i} 000" for i in range(40)], False),
        ([*range(40)], False),
        ([f"これは{c}本語の文章です" for c in map(chr, range(0x4E00, 0x4E28))], True),
        (["อันนี้คือ" + c for c in map(chr, range(0x0E01, 0x0E29))], True),
        ([chr(0x4E00 + i) for i in range(40)], False),
    ],
    ids=["sentences", "levels", "keys", "numbers with blanks", "numbers", "Japanese", "Thai", "single signs"],
)
def test_strings_of_several_words_that_mostly_differ_are_texts(values, found):
    table = mark_kinds(pa.table({"c": values}), {}, among=["c"])
    assert (find_block_kind(table.schema.field("c")) == "text") is found


def test_any_strings_are_texts_where_that_is_asked_for_and_texts_are_not_where_something_else_is():
    asked = mark_kinds(TABLE, {"level": "text", "review": "category"}, among=TABLE.column_names)
    assert [find_block_kind(field) for field in asked.schema] == [None, "text", None]


def test_columns_that_are_no_inputs_are_left_alone():
    assert find_block_kind(mark_kinds(TABLE, {}, among=["number"]).schema.field("review")) is None


# Rows


def test_rows_are_bags_of_the_features_of_training():
    column = fitted()
    bags = TEXTS.apply(column, pa.table({"review": ["never MY Card", "", "xyz"]}))
    held = [{column.vocabulary.texts[i] for i in np.flatnonzero(row) if column.vocabulary.group[i] == 0} for row in bags.matrix().toarray()]
    assert held == [{"never", "my", "card"}, set(), set()]
    assert TEXTS.part(column) == Part(column.vocabulary.width, column.vocabulary.n_leading, *TEXTS.part(column)[2:])
    assert TEXTS.part(column).entries == pytest.approx(np.mean(TEXTS.apply(column, TABLE).sizes), abs=0.5)


@pytest.mark.parametrize(
    "values",
    [
        pa.nulls(2),
        pa.array([None, "card"]),
        pa.array(["", "card"]),
        pa.array(["x", "card"]).dictionary_encode(),
        pa.array([7, 8]),
        pa.array([1.5, None]),
    ],
    ids=["nothing", "gaps", "empty", "coded", "numbers", "real numbers"],
)
def test_texts_that_are_empty_or_numbers_are_read_as_they_are_written(values):
    assert len(TEXTS.apply(fitted(), pa.table({"review": values}))) == 2


def test_numbers_count_as_numbers():
    column = fitted(["7 cards and 8 more", "9 cards and 10 more"])
    bags = TEXTS.apply(column, pa.table({"review": [1234, None]}))
    texts = [column.vocabulary.texts[i] for i in np.flatnonzero(bags.matrix().toarray()[0])]
    assert texts == ["<number>"]


def test_lists_are_no_texts():
    with pytest.raises(DataError, match="must hold texts, but holds list"):
        TEXTS.apply(fitted(), pa.table({"review": [["a"], ["b"]]}))


def test_texts_without_a_word_cannot_be_learned_from():
    with pytest.raises(DataError, match=r"none of its 2 cells has a word\. Leave it out"):
        fitted(["", " \u200b"])


def test_two_columns_of_texts_are_features_of_their_own_in_one_block():
    table = pa.table({"title": REVIEWS[::-1], "review": REVIEWS, "number": [float(i) for i in range(40)]})
    encoding = fit_encoding(table, {"title": "text", "review": "text", "number": "numeric"})
    layout, inputs = encoding.layout(1), apply_encoding(encoding, table)
    assert inputs[TEXT].shape == (40, sum(block.vocabulary.width for block in encoding.blocks))
    assert layout.shape(TEXT) == (inputs[TEXT].width,)
    assert inputs[TEXT].n_leading == layout.n_leading(TEXT)
    assert {*layout.places_in(TEXT).tolist()} == {1, 2}
    assert encoding.groups == [0, 1, 2]
    of_title = inputs[TEXT].matrix().toarray()[:, layout.places_in(TEXT) == 1]
    np.testing.assert_array_equal(of_title, TEXTS.apply(encoding.blocks[0], table).matrix().toarray())


# Copies


def test_texts_of_the_same_words_are_copies_however_they_are_written():
    hashes = TEXTS.hash_values(
        pa.chunked_array([["My card never came.", " my  CARD never\ncame. ", "never my card came.", "My card never came"]])
    )
    assert hashes[0] == hashes[1]
    assert len(np.unique(hashes)) == 3


def test_short_texts_and_empty_ones_are_alike_by_chance():
    assert len(np.unique(TEXTS.hash_values(pa.chunked_array([["ok", "ok", "", None, "thank you", "thank you"]])))) == 6


# Records


def test_a_vocabulary_is_written_for_people_and_read_back():
    column, attachment = fitted(), TEXTS.attachment
    written = attachment.write(column)
    assert written.splitlines()[0].split("\t")[0] == "word"
    bare = attachment.without(column)
    assert bare.vocabulary.width == 0
    assert attachment.read(bare, written) == column


@pytest.mark.parametrize("content", ["word\tmany\tcard\n", "word\t3\n", "noun\t3\tcard\n", "word\t3\ta\tb\n"])
def test_a_damaged_vocabulary_is_refused(content):
    with pytest.raises(ValueError, match=r"values to unpack|invalid literal|not one of"):
        read_features(TEXTS.attachment.without(fitted()).vocabulary, content)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"words": []}, "features, but counts of others"),
        ({"leading": [1, 2]}, "features, but counts of others"),
        ({"leading": [10**6, 0, 0]}, "lead"),
        ({"leading": [-1, 0, 0]}, "lead"),
        ({"n_texts": 1}, "more texts than there were"),
    ],
)
def test_a_vocabulary_that_cannot_be_is_named(change, complaint):
    column = fitted()
    assert TEXTS.check(column) == []
    [wrong] = TEXTS.check(replace(column, vocabulary=replace(column.vocabulary, **change)))
    assert complaint in wrong


def test_a_pair_of_one_word_is_named():
    column = fitted()
    pairs = ["card", *column.vocabulary.pairs[1:]]
    assert TEXTS.check(replace(column, vocabulary=replace(column.vocabulary, pairs=pairs))) == [
        "a pair of words of column 'review' is not two words"
    ]


def test_texts_are_described_and_shown():
    assert TEXTS.describe(fitted()).startswith("texts with ")
    assert TEXTS.cells(fitted(), pa.table({"review": ["short", None, "x" * 100]})) == ["short", "", "x" * 57 + "..."]


@pytest.mark.parametrize(
    "data",
    [["a b", None], ("a b", None), np.array(["a b", None], object), pd.Series(["a b", None]), pl.Series(["a b", None])],
    ids=["list", "tuple", "array", "pandas", "polars"],
)
def test_texts_may_come_without_a_table(data):
    assert TEXTS.as_column(data).to_pylist() == ["a b", None]


@pytest.mark.parametrize("data", [[], [1, 2], "a.csv", {"a": ["b"]}, np.zeros((2, 2)), pd.DataFrame({"a": ["b"]})])
def test_other_values_are_no_texts(data):
    assert TEXTS.as_column(data) is None


def test_kinds_that_cells_may_hold_are_those_that_find_them():
    assert [name for name, kind in KINDS.items() if kind.finds is not None] == ["text"]
