"""Transcripts as a task: texts become codes and come back, losses are those of all ways, and what is asked of classes is refused."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest

from weights.errors import DataError, UsageError
from weights.tasks.metrics import score
from weights.tasks.transcripts import SpelledTranscript, WordTranscript, split_words

WORDS = WordTranscript("text", ["off", "on", "turn"], n_moments=4, n_codes=3)
SPELLED = SpelledTranscript("text", [" ", "a", "b"], n_moments=6, n_codes=6)


def told(task, *paths, sure=0.97):
    """Probabilities at moments by which each way through these is the most probable, k for none."""
    k = len(task.symbols)
    moments = np.full((len(paths), task.n_moments, k + 1), (1 - sure) / k)
    for row, path in enumerate(paths):
        moments[row, np.arange(task.n_moments), path] = sure
    return moments


def test_words_are_small_letters_without_punctuation():
    quoted = "\N{LEFT DOUBLE QUOTATION MARK}Turn it ON, he said: don\N{RIGHT SINGLE QUOTATION MARK}t!"
    assert split_words(quoted) == ["turn", "it", "on", "he", "said", "don't"]
    assert split_words(" ... '' ") == []
    assert split_words("\u0939\u093f\u0928\u094d\u0926\u0940 \u092e\u0947\u0902") == [
        "\u0939\u093f\u0928\u094d\u0926\u0940",
        "\u092e\u0947\u0902",
    ]  # marks that stand on letters belong to words
    assert split_words("Straße ﬁn") == ["strasse", "fin"]


def test_texts_become_codes_and_come_back():
    y = WORDS.encode(pa.chunked_array([["Turn on!", "", "off the"]]))
    assert y.tolist() == [[2, 1, -1], [-1, -1, -1], [0, 3, -1]]
    assert [WORDS.join(code for code in codes if code >= 0) for codes in y] == ["turn on", "", "off <?>"]
    assert SPELLED.encode(pa.chunked_array([["AB a"]])).tolist() == [[1, 2, 0, 1, -1, -1]]
    assert SPELLED.join([1, 2, 0, 1]) == "ab a"


def test_texts_that_are_too_long_are_refused_and_not_known():
    texts = pa.chunked_array([["on on on on", "on", None]])
    assert WORDS.knows(texts).tolist() == [False, True, False]
    with pytest.raises(DataError, match="may have 3 symbols here, but row 1 has 4"):
        WORDS.encode(texts)


def test_answers_are_the_most_probable_texts():
    moments = told(WORDS, [2, 3, 1, 3], [3, 3, 3, 3], [0, 0, 3, 0])
    assert WORDS.decide(moments).tolist() == ["turn on", "", "off off"]
    columns = WORDS.prediction_columns(moments, lambda: None)
    assert columns["prediction"].tolist() == ["turn on", "", "off off"]
    assert (columns["probability"] > 0.85).all()


def test_losses_are_those_of_the_compiled_program_and_of_all_ways():
    rng = np.random.default_rng(0)
    outputs = rng.normal(size=(5, WORDS.n_outputs)).astype(np.float32)
    y = np.array([[2, 1, -1], [0, 0, -1], [1, -1, -1], [-1, -1, -1], [0, 1, 2]], np.int32)
    moments = WORDS.decode(WORDS.normalise(outputs))
    losses = WORDS.row_losses(WORDS.normalise(outputs), y)
    for row in range(5):
        assert float(WORDS.functions.loss(outputs[row], y[row])) == pytest.approx(losses[row], rel=1e-4)
        said = tuple(code for code in y[row].tolist() if code >= 0)
        ways = [path for path in itertools.product(range(4), repeat=4) if tuple(c for c, _ in itertools.groupby(path) if c != 3) == said]
        total = sum(np.prod(moments[row, np.arange(4), path]) for path in ways)
        assert losses[row] == pytest.approx(-np.log(total), rel=1e-6)


def test_what_was_averaged_may_be_averaged_again():
    """As members are whose means are compared: probabilities stay as they are."""
    outputs = np.random.default_rng(2).normal(size=(3, WORDS.n_outputs))
    once = WORDS.normalise(outputs)
    np.testing.assert_array_equal(WORDS.normalise(once), once)
    np.testing.assert_allclose(WORDS.normalise(once.mean(0)), once.mean(0))


def test_words_that_were_never_learned_are_next_to_impossible_but_finite():
    """One among others costs what its probability of 1e-12 costs, whatever stands beside it."""
    moments = told(WORDS, [1, 3, 3, 3])
    known, unknown, both = (float(WORDS.prediction_losses(np.array([y]), moments)[0]) for y in ([1, -1, -1], [3, -1, -1], [1, 3, -1]))
    assert known < 0.2
    assert unknown == pytest.approx(-np.log(1e-12), abs=5)
    assert both == pytest.approx(-np.log(1e-12), abs=5)


def test_members_that_hear_a_word_a_moment_apart_agree_on_it():
    """A mean of probabilities still says one word; a mean of their logarithms would say none."""
    first, second = told(WORDS, [3, 1, 3, 3], [3, 3, 1, 3])
    mean = WORDS.decode((first + second)[None].reshape(1, -1) / 2)
    assert WORDS.decide(mean).tolist() == ["on"]


def test_errors_are_counted_in_words_whatever_the_symbols():
    y = WORDS.encode(pa.chunked_array([["turn on", "off"]]))
    found = score(WORDS.metrics, y, told(WORDS, [2, 3, 0, 3], [0, 3, 3, 3]))
    assert found["word_error_rate"].value == pytest.approx(1 / 3)
    assert found["texts_right"].value == 0.5
    y = SPELLED.encode(pa.chunked_array([["ab a", "b"]]))
    found = score(SPELLED.metrics, y, told(SPELLED, [1, 2, 0, 2, 3, 3], [2, 3, 3, 3, 3, 3]))
    assert found["word_error_rate"].value == pytest.approx(1 / 3)


def test_without_errors_the_rate_is_no_larger_than_the_share_of_rows_with_one():
    y = WORDS.encode(pa.chunked_array([["on"] * 20]))
    metric = score(WORDS.metrics, y, told(WORDS, *[[1, 3, 3, 3]] * 20))["word_error_rate"]
    assert (metric.value, metric.low) == (0.0, 0.0)
    assert metric.high == pytest.approx(1 - 0.025 ** (1 / 20))  # Clopper and Pearson


def test_the_constant_answers_nothing_and_knows_how_often_words_come():
    y = WORDS.encode(pa.chunked_array([["turn on", "off"]]))
    constant = WORDS.constant_predictions(y, np.ones(2))
    assert constant.shape == (2, 4, 4)
    np.testing.assert_allclose(constant[0, 0], [1 / 8, 1 / 8, 1 / 8, 5 / 8])
    assert WORDS.squared_errors(y, told(WORDS, [3, 3, 3, 3], [3, 3, 3, 3])).tolist() == [1.0, 1.0]


def test_characters_between_spaces_are_words():
    assert SPELLED.words_in([1, 2, 0, 1]) == [([0, 1], "ab"), ([3], "a")]
    assert SPELLED.words_in([0, 0]) == []
    assert WORDS.words_in([2, 1]) == [([0], "turn"), ([1], "on")]


@pytest.mark.parametrize("ask", [WORDS.need_classes, WORDS.need_numbers, lambda: WORDS.class_number("on"), lambda: WORDS.convex])
def test_what_is_asked_of_classes_and_numbers_is_refused(ask):
    with pytest.raises(UsageError, match="'text' holds texts that are said"):
        ask()


def test_tampered_tasks_are_noticed():
    assert WORDS.check() == SPELLED.check() == []
    assert WordTranscript("text", ["a", "a"], 4, 3).check()
    assert WordTranscript("text", [], 4, 3).check()
    assert WordTranscript("text", ["a"], 0, 3).check()
    assert WordTranscript("text", ["a"], 4, 10**9).check()
    assert SpelledTranscript("text", ["a", " "], 4, 3).check()
