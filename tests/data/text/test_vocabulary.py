"""Features of texts: which words, pairs and n-grams there are, and how rows are made of them."""

import numpy as np
import pyarrow as pa
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from weights.data.text import vocabulary as module
from weights.data.text.vocabulary import GROUPS, Vocabulary, find_vocabulary
from weights.data.text.words import find_tokens, read_texts

TEXTS = ["no card yet", "my card is here", "is my card here", "no, no card!", "42 cards, 17 cards", "write to a@b.org or c@d.org", ""]


def column(*texts):
    return pa.chunked_array([list(texts)], pa.string())


def tokens_of(text):
    read = read_texts(column(text))
    tokens = find_tokens(read.pieces)
    return [tokens.words[i] for i in tokens.in_texts(read)[0]]


def as_scikit_learn(group, vectorizer=CountVectorizer, **options):
    """The vectorizer that counts a group of features, for texts without numbers and addresses."""
    if group == "characters":
        return vectorizer(analyzer="char_wb", ngram_range=(2, 5), min_df=2, **options)
    return vectorizer(tokenizer=tokens_of, token_pattern=None, ngram_range=(1, 1) if group == "words" else (2, 2), min_df=2, **options)


@pytest.mark.parametrize("group", GROUPS)
def test_counts_are_those_of_scikit_learn(group):
    texts = TEXTS[:4]
    vectorizer = as_scikit_learn(group)
    expected = vectorizer.fit_transform(texts).toarray()
    found = find_vocabulary(column(*texts))
    place = GROUPS.index(group)
    assert {*found.lists[place]} == {*vectorizer.get_feature_names_out()}
    order = [vectorizer.vocabulary_[text] for text in found.lists[place]]
    np.testing.assert_array_equal(found.count(column(*texts)).toarray()[:, found.numbers[place]], expected[:, order])
    assert found.counts[place] == np.count_nonzero(expected[:, order], axis=0).tolist()


def test_values_are_those_of_scikit_learn():
    texts = TEXTS[:4]
    vectorizer = as_scikit_learn("characters", TfidfVectorizer, sublinear_tf=True)
    expected = vectorizer.fit_transform(texts).toarray()
    found = find_vocabulary(column(*texts))
    values = found.bags(column(*texts)).matrix().toarray()[:, found.numbers[2]]
    np.testing.assert_allclose(values, expected[:, [vectorizer.vocabulary_[text] for text in found.characters]], atol=1e-6)


def test_rows_are_of_length_one_in_words_and_in_characters():
    found = find_vocabulary(column(*TEXTS))
    bags = found.bags(column(*TEXTS))
    for flags in (False, True):
        squares = bags.matrix(flags=flags).toarray() ** 2
        of_characters = found.group == 2
        for part in (squares[:, of_characters], squares[:, ~of_characters]):
            np.testing.assert_allclose(part.sum(1)[part.any(1)], 1.0, atol=1e-6)


def test_features_come_from_the_texts_of_training_alone():
    found = find_vocabulary(column("a b", "a b"))
    assert found.words == ["a", "b"]
    assert found.count(column("c d")).nnz == 0
    assert found.count(column("a c")).toarray()[0, :2].tolist() == [1, 0]


def test_numbers_and_addresses_count_by_their_class_too():
    found = find_vocabulary(column("42 cards", "17 cards a@b.org", "c@d.org"))
    counts = dict(zip(found.texts, found.count(column("42 a@b.org 5 6")).toarray()[0], strict=True))
    assert (counts["<number>"], counts["<e-mail>"]) == (3, 1)
    assert "<number> cards" in find_vocabulary(column("42 cards", "17 cards")).pairs


def test_what_stands_in_one_text_is_no_feature_unless_there_is_nothing_else():
    assert find_vocabulary(column("a b", "a c")).words == ["a"]
    assert find_vocabulary(column("a b", "c d")).words == ["a", "b", "c", "d"]
    assert find_vocabulary(column("", "")).width == 0


def test_frequent_features_come_first_and_those_that_lead_before_all_others():
    found = find_vocabulary(column(*TEXTS * 3))
    for counts in found.counts[:2]:
        assert counts == sorted(counts, reverse=True)
    assert {len(text) for text in found.texts[sum(found.leading[:2]) : found.n_leading]} == {3}
    assert sorted(np.concatenate(found.numbers)) == [*range(found.width)]
    bags = found.bags(column(*TEXTS))
    np.testing.assert_array_equal(bags.leading, (bags.matrix()[:, : found.n_leading] > 0).sum(1))


def test_at_most_as_many_features_are_kept_as_were_allowed_those_of_most_texts(monkeypatch):
    monkeypatch.setattr(module, "MOST", (2, 1, 3))
    found = find_vocabulary(column("a b c", "a b c", "a b", "a"))
    assert (found.words, found.pairs, len(found.characters)) == (["a", "b"], ["a b"], 3)
    counts = dict(zip(found.texts, found.count(column("a b c a b")).toarray()[0], strict=True))
    assert (counts["a"], counts["a b"]) == (2, 2)


def test_a_pair_is_counted_even_where_one_of_its_words_is_none_of_the_features(monkeypatch):
    monkeypatch.setattr(module, "MOST", (1, 9, 9))
    found = find_vocabulary(column("a b", "a b", "a"))
    assert found.words == ["a"]
    assert dict(zip(found.texts, found.count(column("x a b")).toarray()[0], strict=True))["a b"] == 1


def test_the_order_of_texts_makes_no_difference():
    shuffled = [TEXTS[i] for i in np.random.default_rng(0).permutation(len(TEXTS))]
    assert find_vocabulary(column(*TEXTS)) == find_vocabulary(column(*shuffled))


def test_a_vocabulary_says_of_each_number_how_it_is_written():
    found = Vocabulary(3, ["b", "a"], ["a b"], ["abc", "ab"], [[3, 2], [2], [2, 2]], [1, 0, 1])
    assert found.texts == ["b", "abc", "a", "a b", "ab"]
    assert found.n_holding.tolist() == [3, 2, 2, 2, 2]
    assert found.group.tolist() == [0, 2, 0, 1, 2]


def test_texts_without_a_known_word_are_found_and_signs_and_numbers_are_none():
    found = find_vocabulary(column("no card", "no card yet", "12 yet"))
    texts = ["NO card, 12!", "other words", "12 ?!", "", "(card)", "card's", "other, yet!", "www.card.no"]
    for bags in (None, found.bags(column(*texts))):
        assert found.find_unknown(column(*texts), bags).tolist() == [False, True, False, False, False, True, False, True]


def test_rows_are_the_same_however_many_are_counted_at_a_time(monkeypatch):
    texts = [" ".join(TEXTS[i % 7] for i in range(k, k + 3)) for k in range(20)] + ["", "card"]
    found = find_vocabulary(column(*texts))
    whole = found.bags(column(*texts))
    monkeypatch.setattr(module, "_PLACES_AT_ONCE", 5)
    parts = found.bags(column(*texts))
    for before, after in zip(whole.arrays, parts.arrays, strict=True):
        np.testing.assert_array_equal(before, after)
