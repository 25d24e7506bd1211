"""Which rows are asked about weights."""

import numpy as np
import pyarrow as pa
import pytest

import weights as wt
from weights.api import plan_fit
from weights.weighing import _rows_of_texts, has_weights
from wordy import write_texts

TEXTS = write_texts(0, 200)
Y = ["up" if "wab" in text.split() else "down" for text in TEXTS]


def plan(texts, **columns):
    return plan_fit(pa.table({"note": texts, "y": Y, **columns}), "y", model="words", members=4, n_folds=4)


def test_of_few_copies_of_a_text_one_counts():
    rows = _rows_of_texts(plan([*TEXTS[:-4], *TEXTS[:4]]))
    assert rows.group is None
    assert np.flatnonzero(rows.weight == 0).tolist() == [196, 197, 198, 199]
    assert rows.weight.mean() == pytest.approx(1)


def test_many_copies_are_groups():
    rows = _rows_of_texts(plan([*TEXTS[:150], *TEXTS[:50]]))
    assert len(np.unique(rows.group)) == 150
    assert rows.weight.all()


def test_texts_alone_have_weights():
    prepared = plan(TEXTS)
    assert has_weights(prepared.dataset.encoding)
    assert prepared.inspect


def test_of_many_texts_some_are_asked(monkeypatch):
    monkeypatch.setattr("weights.weighing.MOST_TEXTS", 150)
    found = wt.fit(pa.table({"note": TEXTS, "y": Y}), "y", model="words", members=4, n_folds=4).report.word_weights
    assert found.n_rows == 150
