"""Characters that follow each other within words."""

import random

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer

from weights.data.text import ngrams
from weights.data.text.ngrams import find_ngrams, hash_ngrams

PIECES = ["cat", "a", "ab", "banana", "aaaaaaa", "漢字", "👍🏽", "don't", "x" * 60, "\U0010ffff"]


def counted(pieces):
    """The n-grams of each piece, by scikit-learn."""
    vectorizer = CountVectorizer(analyzer="char_wb", ngram_range=(2, 5), lowercase=False)
    counts = vectorizer.fit_transform(pieces).toarray()
    return [dict(zip(vectorizer.get_feature_names_out(), row, strict=True)) for row in counts]


def found(grams):
    return [dict(zip(grams.texts, row, strict=True)) for row in grams.counts.toarray()]


def test_counts_are_those_of_scikit_learn():
    assert found(find_ngrams(PIECES)) == counted(PIECES)


def test_counts_are_the_same_however_many_pieces_are_looked_at_at_a_time(monkeypatch):
    whole = find_ngrams(PIECES)
    monkeypatch.setattr(ngrams, "_PIECES_AT_ONCE", 7)
    parts = find_ngrams(PIECES)
    np.testing.assert_array_equal(parts.hashes, whole.hashes)
    assert parts.texts == whole.texts
    np.testing.assert_array_equal(parts.counts.toarray(), whole.counts.toarray())


def test_an_ngram_has_the_same_hash_wherever_it_stands():
    grams = find_ngrams(PIECES)
    np.testing.assert_array_equal(hash_ngrams(grams.texts), grams.hashes)


def test_different_ngrams_have_different_hashes():
    # 400,000 different hashes of 64 bits: two are alike with a probability of 4e-9.
    draw = random.Random(3)
    texts = {"".join(draw.choices("abcdefghij ", k=draw.randint(2, 5))) for _ in range(500_000)}
    assert len(np.unique(hash_ngrams(sorted(texts)))) == len(texts)


@pytest.mark.parametrize("pieces", [[], [""], ["", "a"]])
def test_pieces_of_nothing_have_no_ngrams(pieces):
    grams = find_ngrams(pieces)
    assert grams.counts.shape[0] == len(pieces)
    assert grams.counts.sum() == (5 if "a" in pieces else 0) - 2 * ("a" in pieces)


def test_a_blank_within_a_piece_ends_a_word():
    assert {text for text in find_ngrams(["ab cd"]).texts if "b c" in text} == set()
