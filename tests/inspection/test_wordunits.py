"""Words as inputs of a linear model, and what is left of each given the others."""

import numpy as np
import pyarrow as pa
import pytest

from weights.data.text.vocabulary import find_vocabulary
from weights.inspection.wordunits import WordUnits, word_inputs

RNG = np.random.default_rng(0)
N = 400
WORDS = np.asarray([f"w{chr(97 + i)}x" for i in range(15)])
TEXTS = [" ".join([*WORDS[RNG.random(15) < 0.3], *(["new york"] if RNG.random() < 0.3 else [])]) for _ in range(N)]


def read(texts=TEXTS, others=None, names=("note",)):
    column = pa.chunked_array([texts])
    vocabulary = find_vocabulary(column)
    matrix = vocabulary.bags(column).matrix(np.float32)
    others = np.zeros((len(texts), 0)) if others is None else others
    return word_inputs([matrix] * len(names), names, [vocabulary] * len(names), others)


def test_words_and_pairs_are_flags_with_the_places_of_their_parts():
    inputs = read()
    place = inputs.texts.index("new york")
    assert [inputs.texts[i] for i in inputs.parts[place]] == ["new", "york"]
    assert np.array_equal(inputs.flags[:, [place]].toarray()[:, 0], ["new york" in text for text in TEXTS])
    assert {*np.unique(inputs.flags.data)} == {1.0}


def test_several_columns_stand_side_by_side():
    one, two = read(), read(names=("note", "reply"))
    assert two.flags.shape[1] == 2 * one.flags.shape[1]
    assert two.columns == ["note"] * len(one.columns) + ["reply"] * len(one.columns)
    own = two.parts[len(one.texts) :]
    assert own[own >= 0].min() >= len(one.texts)


def test_how_long_texts_are_stands_beside_other_columns():
    assert read(others=RNG.normal(size=(N, 2))).others.shape == (N, 3)


def test_what_is_left_of_a_word_is_orthogonal_to_those_that_go_along_and_to_other_columns():
    other = RNG.normal(size=(N, 1))
    texts = [f"{text} near" if "wax" in text and RNG.random() < 0.8 else text for text in TEXTS]
    inputs = read(texts, other)
    units = WordUnits.of(inputs, np.ones(N))
    names = [" ".join(sorted(inputs.texts[i] for i in own)) for own in units.words]
    left, n_beside, excluding = units.residualise(np.asarray([names.index("near")]))
    assert not excluding[0]
    assert n_beside[0] >= 1
    held = units.held.toarray()
    of_wax = held[:, names.index("wax")]
    assert abs(left[:, 0] @ of_wax) < 2e-4 * of_wax.sum()  # but for the ridge
    assert left[:, 0] @ other[:, 0] == pytest.approx(0, abs=1e-9)
    assert left.sum() == pytest.approx(0, abs=1e-9)


def test_words_that_nearly_always_come_together_are_one_unit():
    inputs = read()
    units = WordUnits.of(inputs, np.ones(N))
    [own] = [own for own in units.words if "new" in [inputs.texts[i] for i in own]]
    assert sorted(inputs.texts[i] for i in own) == ["new", "new york", "york"]


def test_without_a_word_its_pairs_are_gone_too():
    inputs = read([*(["good film"] * 60), *(["good"] * 60), *(["film"] * 60), *(["other"] * 60)])
    units = WordUnits.of(inputs, np.ones(240))
    names = [[inputs.texts[i] for i in own] for own in units.words]
    gone = units.removes[:, [names.index(["good"])]].toarray()[:, 0]
    assert sorted(inputs.texts[i] for i in np.flatnonzero(gone)) == ["good", "good film"]


def test_words_in_too_few_texts_are_no_units():
    assert WordUnits.of(read(TEXTS[:30]), np.ones(30)) is None


def test_a_word_of_a_closed_set_is_left_whole_by_those_that_take_its_place():
    texts = [f"{RNG.choice(['red', 'green', 'blue'])} {text}" for text in TEXTS]
    inputs = read(texts)
    units = WordUnits.of(inputs, np.ones(N))
    names = [" ".join(inputs.texts[i] for i in own) for own in units.words]
    left, _, excluding = units.residualise(np.asarray([names.index("red"), names.index("wbx")]))
    assert excluding.tolist() == [True, False]
    assert (left[:, 0] ** 2).sum() > 0.3 * units.n_texts[names.index("red")]
