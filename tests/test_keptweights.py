"""Which weights a run keeps, and why it has none."""

import pyarrow as pa
import pytest

import weights as wt
from weights.errors import UsageError
from weights.keptweights import list_weights, weights_of_columns, weights_of_words
from wordy import write_texts

N = 120
TEXTS = write_texts(0, N)
Y = ["up" if "wab" in text.split() else "down" for text in TEXTS]
OPTIONS = {"target": "y", "model": "words", "members": 3, "n_folds": 3}


@pytest.fixture(scope="module")
def alone():
    return wt.fit(pa.table({"note": TEXTS, "y": Y}), **OPTIONS).ensemble


@pytest.fixture(scope="module")
def beside():
    return wt.fit(pa.table({"note": TEXTS, "size": [float(i % 7) for i in range(N)], "y": Y}), **OPTIONS).ensemble


def test_columns_come_first_and_words_follow(beside):
    records = list_weights(beside, top=4)
    assert [record["feature"] for record in records] == ["size", *["note"] * 4]


def test_words_are_left_out_on_a_scale_that_is_not_theirs(beside, alone):
    assert [record["feature"] for record in list_weights(beside, scale="link")] == ["size"]
    with pytest.raises(UsageError, match="none on the scale 'odds'"):
        list_weights(alone, scale="odds")


def test_what_a_run_does_not_have_is_said(alone):
    assert weights_of_words(alone).words
    with pytest.raises(UsageError, match="weights words"):
        weights_of_columns(alone)
    columns = wt.fit(pa.table({"size": [float(i % 7) for i in range(N)], "y": Y}), **{**OPTIONS, "model": "linear"}).ensemble
    with pytest.raises(UsageError, match="reads no texts"):
        weights_of_words(columns)


def test_too_few_texts_are_said_to_be_too_few():
    few = wt.fit(pa.table({"note": TEXTS[:18], "y": Y[:18]}), kinds={"note": "text"}, **OPTIONS).ensemble
    with pytest.raises(UsageError, match="more texts"):
        weights_of_words(few)
