"""From rows with texts to the weights of words, and remarks on those that give the answer away."""

import numpy as np
import pyarrow as pa
import pytest

from weights.data.encoding import apply_encoding, fit_encoding
from weights.inspection.slopes import Rows
from weights.inspection.wordweights import AskedTexts, estimate_word_weights, has_words
from weights.spec import Members
from weights.tasks.classes import Binary, Multiclass
from weights.training.resampling import resample
from wordy import write_texts

N = 600


def ask(texts, y, task, n=N, **columns):
    table = pa.table({"note": texts, **columns})
    kinds = {"note": "text", **dict.fromkeys(columns, "numeric")}
    encoding = fit_encoding(table, kinds)
    folds = resample(Members(n_members=4, n_folds=4), n, strata=task.strata(y))
    rows = Rows(np.ones(n), None, None)
    return estimate_word_weights(AskedTexts(task, encoding, apply_encoding(encoding, table), y, rows, folds, 2))


def write(seed, n=N):
    return [text.split(" ") for text in write_texts(seed, n)]


def test_words_are_given_by_how_surely_they_count():
    rng = np.random.default_rng(0)
    texts = write(0)
    y = rng.integers(0, 2, N)
    texts = [" ".join([*text, "great"] if came and rng.random() < 0.6 else text) for text, came in zip(texts, y, strict=True)]
    weights, leaks = ask(texts, y, Binary("stars", ["down", "up"]))
    assert weights.words[0].words == ["great"]
    assert weights.words[0].effects[0].label == "up"
    assert weights.words[0].effects[0].effect > 0.3
    assert weights.words[0].feature == "note"
    assert [word.effects[0].p_value for word in weights.words] == sorted(word.effects[0].p_value for word in weights.words)
    assert weights.n_rows == N
    assert not leaks


def test_other_columns_are_accounted_for():
    rng = np.random.default_rng(1)
    price = rng.normal(size=N)
    texts = [" ".join([*text, "dear"] if p > 0.5 else text) for text, p in zip(write(0), price, strict=True)]
    y = (price + 0.5 * rng.logistic(size=N) > 0).astype(int)
    task = Binary("sold", ["no", "yes"])
    alone, beside = (ask(texts, y, task, **columns)[0] for columns in ({}, {"price": price}))
    effects = [{word.words[0]: word.effects[0] for word in found.words}["dear"] for found in (alone, beside)]
    assert effects[0].p_value < 1e-6
    assert effects[1].p_value > 1e-4
    assert abs(effects[1].effect) < 0.5 * effects[0].effect


def test_of_many_classes_each_word_has_the_one_it_moves_most():
    rng = np.random.default_rng(2)
    y = rng.integers(0, 3, N)
    words = np.asarray(["north", "east", "south"])
    texts = [" ".join([*text, words[k]] if rng.random() < 0.7 else text) for text, k in zip(write(0), y, strict=True)]
    weights, _ = ask(texts, y, Multiclass("side", ["a", "b", "c"]))
    first = {word.words[0]: word.effects[0].label for word in weights.words}
    assert [first[word] for word in words] == ["a", "b", "c"]
    assert weights.n_outcomes == 3
    assert len(weights.words[0].effects) == 3  # all are among the clearest of their class


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ("kim@north.org", "addresses, which tell who wrote"),
        ("sent from my small phone today", "words that always come together"),
        ("approvedx", "alone explains"),
    ],
)
def test_words_that_tell_where_a_text_comes_from_are_remarked(added, said):
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, N)
    share = 1.0 if added == "approvedx" else 0.6
    texts = [" ".join([*text, added] if came and rng.random() < share else text) for text, came in zip(write(0), y, strict=True)]
    _, leaks = ask(texts, y, Binary("stars", ["down", "up"]))
    assert any(said in leak for leak in leaks)


def test_where_no_word_is_in_enough_texts_nothing_is_said():
    rng = np.random.default_rng(4)
    y = rng.integers(0, 2, 24)
    assert ask([" ".join(text) for text in write(0, 24)], y, Binary("y", ["a", "b"]), n=24) == (None, [])


def test_only_texts_have_words():
    table = pa.table({"note": ["a b", "c d"], "price": [1.0, 2.0]})
    assert has_words(fit_encoding(table, {"note": "text"}))
    assert not has_words(fit_encoding(table, {"price": "numeric"}))
