"""Where in a text its features stand."""

import numpy as np
import pyarrow as pa
import pytest

from weights.data.text.locating import locate
from weights.data.text.vocabulary import find_vocabulary

TEXTS = [
    "No card, NO card yet!",
    "Broken, BROKEN!! refund <b>our</b> dog\u2019s 12 xx漢字",
    "12 no card our refund, our yet",
    "l\u2019été \ufb01ne <br> lovely-great &amp; more",
    "x" * 60 + "。broken me@x.org",
    "broken " + "y" * 50 + "-refund 漢字",
    "",
    " \u200b ",
]
VOCABULARY = find_vocabulary(pa.chunked_array([TEXTS * 2]))


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_words_share_out_all_features_that_a_text_has_and_no_others(text):
    counts = VOCABULARY.count(pa.chunked_array([[text]])).toarray()[0]
    shares = locate(VOCABULARY, text).shares
    np.testing.assert_allclose(np.asarray(shares.sum(0)).ravel(), counts > 0, atol=1e-12)


def test_words_are_shown_as_they_stand_in_the_text():
    located = locate(VOCABULARY, "No  CARD, (dog\u2019s)")
    assert located.words == ["No", "CARD", ",", "(", "dog\u2019s", ")"]
    assert located.spaced == [True, True, False, True, False, False]


def test_a_piece_that_is_as_long_in_no_other_form_is_shown_as_it_is_compared():
    assert locate(VOCABULARY, "\ufb01ne").words == ["fine"]


def share(text, feature):
    located = locate(VOCABULARY, text)
    return dict(zip(located.words, located.shares[:, [VOCABULARY.texts.index(feature)]].toarray().ravel(), strict=True))


def test_both_words_of_a_pair_have_half_of_it():
    assert share("my no card", "no card") == {"my": 0, "no": 0.5, "card": 0.5}


def test_a_word_that_comes_twice_has_a_part_each_time():
    located = locate(VOCABULARY, "card no card")
    assert located.shares[:, [VOCABULARY.texts.index("card")]].toarray().ravel().tolist() == [0.5, 0, 0.5]


def test_a_class_of_tokens_is_of_the_token():
    assert share("card 77", "<number>") == {"card": 0, "77": 1}


def test_characters_are_of_the_words_that_hold_them():
    assert share("no card!", "ard")["card"] == 1
    across = share("card,", "d, ")  # one letter of each word; the blank is nobody's
    assert across == {"card": 0.5, ",": 0.5}


def test_a_text_goes_on_without_some_of_its_words():
    assert locate(VOCABULARY, "No card, no card!").without({1, 4}) == "No, no!"
