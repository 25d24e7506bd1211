"""One text explained: contributions of words, and what is answered without some."""

import numpy as np
import pyarrow as pa
import pytest

import weights as wt
from weights import answering
from weights.inspection.texts import as_record, explain_texts

RNG = np.random.default_rng(0)
GOOD, BAD = np.asarray(["great", "lovely"]), np.asarray(["awful", "broken"])
OTHERS = np.asarray(["the", "film", "plot", "was", "an", "actor", "and", "it", "for", "our", "house"])


def make_texts(n=160):
    """Texts of six words, half of them with a good word, half with a bad one; and which."""
    good = RNG.random(n) < 0.5
    texts = [" ".join(RNG.permutation([str(RNG.choice(GOOD if is_good else BAD)), *RNG.choice(OTHERS, 5)])) for is_good in good]
    return texts, np.where(good, "up", "down")


TEXTS, STARS = make_texts()
NEW = ["The plot was AWFUL for our house.", "great film, great actor", "", "some other house"]


def fit(columns, **options):
    return wt.fit(
        {**columns, "stars": STARS}, target="stars", members=5, n_folds=5, seed=1, inspect=bool(options.pop("inspect", False)), **options
    )


@pytest.fixture(scope="module")
def of_words():
    return fit({"review": TEXTS}, model="words")


@pytest.fixture(scope="module")
def of_vectors():
    return fit({"review": TEXTS}, model="bag", n_steps=120, hidden=(16,))


@pytest.fixture(scope="module")
def beside():
    """Two columns of texts beside a number."""
    number = np.where(STARS == "up", 1.0, -1.0) + RNG.normal(size=len(STARS)) * 2
    return fit({"title": TEXTS[::-1], "number": number, "review": TEXTS}, model="bag", n_steps=60, hidden=(8,), inspect=True)


@pytest.mark.parametrize("name", ["of_words", "of_vectors"])
def test_contributions_of_words_add_up_to_the_answer(name, request):
    model = request.getfixturevalue(name)
    table = model.read(NEW)
    explanation = model.explain(NEW)
    found = explain_texts(model.ensemble, table, explanation)
    sums = [text.contributions.sum() for [text] in found]
    np.testing.assert_allclose(explanation.base + sums, explanation.prediction, atol=1e-9)
    np.testing.assert_allclose(explanation.prediction, model.predict_proba(NEW)[:, 1], atol=1e-6)


@pytest.mark.parametrize("name", ["of_words", "of_vectors"])
def test_the_words_that_matter_are_found_and_the_answer_changes_without_them(name, request):
    model = request.getfixturevalue(name)
    [text] = explain_texts(model.ensemble, model.read(NEW[:1]), model.explain(NEW[:1]))[0]
    assert text.located.words[text.removed[0]] == "AWFUL"
    assert text.contributions.argmin() == text.removed[0]
    assert text.without > model.predict_proba(NEW[:1])[0, 1]
    assert text.without == pytest.approx(model.predict_proba([text.located.without({*text.removed})])[0, 1], abs=1e-6)


def test_an_empty_text_rests_on_nothing(of_words):
    found = explain_texts(of_words.ensemble, of_words.read(NEW), of_words.explain(NEW))
    [text] = found[2]
    assert (text.located.words, text.removed) == ([], [])
    assert as_record(text, 4.0, 0.95) == {"words": [], "without": None}


def test_each_column_of_texts_has_its_own_words(beside):
    rows = {"title": ["awful film", "great"], "number": [0.5, -1.0], "review": ["great plot", "awful"]}
    explanation = beside.explain(rows)
    found = explain_texts(beside.ensemble, beside.read(rows), explanation)
    assert [[text.feature for text in texts] for texts in found] == [["title", "review"]] * 2
    for row, texts in enumerate(found):
        for text in texts:
            whole = explanation.contributions[row, explanation.features.index(text.feature)]
            assert text.contributions.sum() == pytest.approx(whole, abs=1e-9)
    assert np.abs(found[0][1].contributions).sum() > 2 * np.abs(found[0][0].contributions).sum()


def test_intervals_come_from_members_and_are_none_where_these_cannot_show_any(of_words):
    [text] = explain_texts(of_words.ensemble, of_words.read(NEW[:1]), of_words.explain(NEW[:1]))[0]
    low, high = text.bounds(4.0, 0.95)
    assert (low < text.contributions)[:-1].all()  # the full stop is no feature
    assert (high > text.contributions)[:-1].all()
    few = fit({"review": TEXTS}, model="words", n_members=2)
    record = answering.explanations(few, NEW[:1])[0]["contributions"][0]
    assert {word["low"] for word in record["words"]} == {None}


def test_records_hold_words_of_texts_and_not_of_other_columns(beside):
    rows = pa.table({"title": ["awful film"], "number": [0.5], "review": ["great plot"]})
    parts = {part["feature"]: part for part in answering.explanations(beside, rows)[0]["contributions"]}
    assert "words" not in parts["number"]
    assert [word["word"] for word in parts["review"]["words"]] == ["great", "plot"]
    assert parts["review"]["words"][0].keys() == {"word", "contribution", "low", "high", "spaced"}
